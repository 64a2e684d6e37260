"""What a search found, in the report of its sweep."""

import json
from pathlib import Path

import pytest

from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")

FOUND = {
    "seeds": 3,
    "objective": 0.25,
    "pruned": 2,
    "importances": {"gan.generator_optimizer.lr": 0.8, "gan.loss": 0.2},
    "trials": [
        {"value": 21.5, "settings": {"gan.loss": "hinge", "gan.generator_optimizer.lr": 0.001}},
        {"value": 12.0, "settings": {"gan.loss": "standard", "gan.generator_optimizer.lr": 0.01}},
    ],
}


def reported(make_run, root: Path, content: str) -> str:
    make_run("gan_standard", 0)
    (root / "search.json").write_text(content)
    folder = root / "report"
    write_report([root], folder)
    return (folder / "report.md").read_text()


def test_the_best_setting_and_what_each_choice_weighs(make_run, tmp_path: Path):
    page = reported(make_run, tmp_path, json.dumps(FOUND))
    assert "Of 4 settings, 2 of them given up early, the best on the validation split reached 21.5" in page
    assert "quantile 0.25 over 3 seeds" in page
    assert "`gan.loss=hinge gan.generator_optimizer.lr=0.001`" in page
    assert "| `gan.generator_optimizer.lr` | 80% |" in page
    assert page.index("21.5 |") < page.index("12 |")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", json.dumps(FOUND | {"trials": []}), json.dumps(FOUND | {"seeds": None})]
)
def test_a_damaged_search_says_nothing(make_run, tmp_path: Path, content: str):
    assert "What the search found" not in reported(make_run, tmp_path, content)
