import json

import pytest

from src.report.answers import opening
from src.report.collect import ReportError, collect
from src.report.grouping import group
from src.report.verdicts import Verdict, judge
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def plan(tmp_path):
    """Writes the sweep's list of jobs: the folder and the overrides of each."""

    def write(*jobs: tuple[str, list[str]]) -> None:
        listed = [{"folder": folder, "overrides": overrides} for folder, overrides in jobs]
        (tmp_path / "study").mkdir(exist_ok=True)
        (tmp_path / "study" / "jobs.json").write_text(json.dumps({"jobs": listed}))

    return write


def job(name: str, seed: int) -> tuple[str, list[str]]:
    return f"{name}_{seed}", [f"experiment={name}", f"seed={seed}"]


def test_jobs_without_a_folder_are_never_started(make_run, plan, tmp_path) -> None:
    make_run("gan_standard", 0)
    plan(job("gan_standard", 0), job("gan_standard", 1), job("gan_fm", 0))
    runs = {(run.name, run.seed): run.status for run in collect([tmp_path])}
    assert runs == {
        ("gan_standard", 0): "completed",
        ("gan_standard", 1): "never started",
        ("gan_fm", 0): "never started",
    }


def test_the_page_says_how_many_and_which(make_run, plan, tmp_path) -> None:
    for seed in range(3):
        make_run("gan_standard", seed)
    plan(*(job("gan_standard", seed) for seed in range(3)), job("gan_fm", 0), job("gan_fm", 1))
    report = write_report([tmp_path / "study"])
    text = (report.folder / "report.md").read_text()
    assert "5 runs, 3 of them completed, 2 never started" in text
    assert "2 of 5 runs did not complete (2 never started)" in report.sentences[2].text
    assert "| `gan_fm` | never started | – | 1 | – |" in text
    assert "python -m src.train -m experiment=gan_fm seed=0,1" in text


def test_they_stand_beside_the_runs_of_their_name(make_run, make_vae, plan, tmp_path) -> None:
    make_run("gan_standard", 0)
    make_vae("none", 0)
    plan(job("gan_standard", 1), ("later", ["experiment=vae_drums", "seed=3"]))
    gan, vae = group(collect([tmp_path]))
    assert [run.status for run in gan.runs] == ["completed", "never started"]
    assert [(run.seed, run.status) for run in vae.runs] == [(0, "completed"), (3, "never started")]


def test_options_that_are_refused_are_no_failure_of_the_remedy(make_vae, tmp_path) -> None:
    """Their runs end before the first step; in a sweep they leave a results.json."""
    refused = {"status": "failed", "error": "vae.anneal.word_dropout: no history", "metrics": {}, "controls": {}}
    for seed in range(8):
        make_vae("none", seed, nll=24.0 + seed / 10)
        make_vae("began", seed, **refused)
        run = make_vae("refused", seed, **refused, train_seconds=None, images_seen=None)
        (run / "history.csv").unlink()
    (section,) = group(collect([tmp_path]))
    found = {summary.label: judge(section, summary, "iwae_nll").verdict for summary in section.remedies}
    assert found == {"began": Verdict.HURTS, "refused": Verdict.WITHHELD}
    assert {run.status for run in section.runs if "refused" in run.name} == {"never started"}
    assert "no history" in (write_report([tmp_path]).folder / "report.md").read_text()


def test_a_sweep_of_which_nothing_began(plan, tmp_path) -> None:
    plan(job("gan_standard", 0))
    (section,) = group(collect([tmp_path]))
    assert "has no completed run" in opening(section)[0].text
    assert write_report([tmp_path]).page.is_file()


@pytest.mark.parametrize("content", ["", "[]", '{"jobs": 3}', '{"jobs": [{}]}', '{"jobs": ["a"]}', "{"])
def test_a_damaged_list_names_no_job(make_run, tmp_path, content: str) -> None:
    make_run("gan_standard", 0)
    (tmp_path / "study" / "jobs.json").write_text(content)
    assert [run.status for run in collect([tmp_path])] == ["completed"]


def test_a_list_without_jobs_is_no_run(plan, tmp_path) -> None:
    plan()
    with pytest.raises(ReportError, match="no run in it"):
        collect([tmp_path])
