"""docs/walkthrough.md: its ten commands run, each in the folder that the ones before it have left."""

import re
import shlex
from pathlib import Path

import pytest

from src.report import __main__ as report
from src.sample import __main__ as sample
from tests.end_to_end.conftest import Command

PAGE = (Path(__file__).parents[2] / "docs" / "walkthrough.md").read_text()
COMMANDS = re.findall(r"^## \d+\. .*?```sh\n(.*?)\n```", PAGE, re.MULTILINE | re.DOTALL)
# What replaces the commands' own small settings in a test, and what it adds to them.
TINY = {
    "budget": "budget={budget}",
    "evaluations": "evaluations=1",
    "evaluator.num_held_out": "evaluator.num_held_out=20",
}

SMALLER = {
    "gan": ("model=gan", "evaluator.num_samples=200", "gan.generator.width=4", "gan.discriminator.width=4"),
    "vae": ("evaluator.num_samples=100", "evaluator.importance_samples=10", "vae.decoder.width=16"),
}


def tiny(word: str) -> str:
    key, _, value = word.partition("=")
    return TINY.get(key, word).format(budget=int(value) // 10 if value.isdigit() else 0)


def test_there_are_ten():
    assert len(COMMANDS) == 10


@pytest.mark.ci
@pytest.mark.usefixtures("few_bars")
def test_each_command_runs(command: Command, capsys: pytest.CaptureFixture[str]):
    for line in COMMANDS:
        run = max(Path("multirun/single").glob("*"), default=Path(), key=lambda path: path.name)
        _, _, module, *words = (re.sub(r"\bRUN\b", str(run), word) for word in shlex.split(line.replace("\\\n", " ")))
        if module != "src.train":
            assert {"src.sample": sample, "src.report": report}[module].main(words) == 0, line
            continue
        smaller = ("accelerator=cpu", "~callbacks.progress", *SMALLER["vae" if "vae" in line else "gan"])
        more = () if "resume=" in line or "study=" in line else smaller
        outcome = command(*map(tiny, words), *more)
        assert outcome.status == 0, (line, outcome.errors)
    assert list(Path("multirun/single").glob("*_seed_fm/samples/drawn_0.png"))
    assert list(Path("multirun/single").glob("*_vae_seed/samples/*.wav"))
    assert len(list(Path("multirun/sweep").glob("*/report/index.html"))) == 2
