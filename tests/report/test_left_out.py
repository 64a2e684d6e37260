"""What `study=quick` does not ask, with the commands that do."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from src.report.templating import rendered
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")

QUESTIONS = rendered("left_out.j2", keys={"iwae_nll", "modes"}, readable=True).strip().splitlines()
LATENTS = "What does each latent dimension control"


@pytest.fixture
def said(make_run, make_vae, tmp_path: Path):
    """The report's text on one run of each family, started with these words, the VAE's with further metrics."""

    def make(words: str, **metrics: float) -> str:
        for run in (make_run("gan_standard"), make_vae("none", metrics=metrics)):
            (run / ".hydra" / "overrides.yaml").write_text(f"- seed=0\n- experiment={run.name}\n- {words}\n")
        return (write_report([tmp_path]).folder / "report.md").read_text()

    return make


def test_a_first_look_says_what_it_does_not_ask(said) -> None:
    text = said("study=quick")
    assert f"What `study=quick` leaves out: {len(QUESTIONS)} questions" in text
    assert all(question in text for question in QUESTIONS)


def test_what_was_examined_is_not_left_out(said) -> None:
    text = said("study=quick", named_high=2.0)
    assert f"leaves out: {len(QUESTIONS) - 1} questions" in text
    assert LATENTS not in text


def test_other_sweeps_leave_out_nothing(said) -> None:
    assert "leaves out" not in said("study=full")


@pytest.mark.ci
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_commands_are_accepted(question: str, tmp_path: Path) -> None:
    (command,) = re.findall(r"`python (.+?)`", question)
    checked = ["study.dry_run=true"] if "study=" in command else ["--cfg", "job"]
    root = Path(__file__).parents[2]
    words = [sys.executable, *shlex.split(command), *checked, f"hydra.sweep.dir={tmp_path}"]
    result = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
