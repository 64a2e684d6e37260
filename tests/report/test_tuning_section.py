"""The learning rates that a sweep chose, in its report."""

from pathlib import Path

import pytest

from src.report import write_report
from src.report.tuning_section import tuning_section

HEADER = "recipe,metric,rate,beta1,default,seeds,values,mean,chosen,overrides"
ROWS = (
    "gan_fm,kl_late,0.0005,0.5,yes,1000 1001,0.3 0.5,0.4,no,",
    "gan_fm,kl_late,0.001,0,no,1000 1001,0.1 0.2,0.15,yes,gan.generator_optimizer.lr=0.001",
)


def test_the_report_shows_the_choice_and_leaves_out_the_trials(study: Path, make_run):
    (study / "tuning.csv").write_text("\n".join([HEADER, *ROWS]) + "\n")
    (study / "jobs.json").write_text('{"jobs": []}')
    (study / "tuning").mkdir()
    (study / "tuning" / "jobs.json").write_text(
        '{"jobs": [{"folder": "waiting", "name": "gan_fm rate=0.004", "overrides": ["seed=1001"]}]}'
    )
    make_run("gan_fm", 1000, folder="tuning/gan_fm_rate-0.001")
    report = write_report([study])
    text = (report.folder / "report.md").read_text()
    assert "Learning rates" in text
    assert "| 0.001 | 0 | kl_late | 0.15 | 0.1 0.2 |" in text
    assert "All 2 settings tried" in text
    assert {run.seed for run in report.runs} <= {0, 1, 2, 3}
    assert "waiting" not in text
    assert [run.seed for run in write_report([study / "tuning"]).runs] == [1000, 1001], "on their own they are runs"


@pytest.mark.parametrize("content", [None, "", HEADER, "recipe\ngan_fm", f"{HEADER}\n{ROWS[0]}", "\0"])
def test_nothing_is_shown_without_a_choice(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "tuning.csv").write_text(content)
    assert tuning_section(tmp_path) == []
