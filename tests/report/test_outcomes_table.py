"""What became of the runs, of this version and of earlier ones, and that runs of different oracles are kept apart."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from src.evaluation.metrics.onset import NEVER_HALF
from src.report.collect import collect, read_run
from src.report.document import Table, flat
from src.report.grouping import group
from src.report.page import compose
from src.report.records import EARLIER_ORACLE
from src.report.tables import runs_table
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")

LEARNING = {"outcome": "learning", "onset": None, "onset_reason": NEVER_HALF}


@pytest.fixture
def mixed(make_run, tmp_path) -> Path:
    """Of three runs of the baseline one collapsed, one is still learning, one covers all."""
    make_run("gan_standard", 0, missing="QXZ", onset=200)
    make_run("gan_standard", 1, missing="QXZABCDEFGHIJKLMN", **LEARNING)
    make_run("gan_standard", 2, missing="", onset=None)
    for seed in range(3):
        make_run("gan_fm", seed, missing="", onset=None)
    return tmp_path / "study"


def test_the_report_tells_learning_from_collapsed(mixed):
    (section,) = group(collect([mixed]))
    found = section.summaries[0]
    assert found.outcomes == {"collapsed": 1, "learning": 1, "covering": 1}
    assert (found.onsets, found.reasons) == ([200], {NEVER_HALF: 1})
    table = runs_table(section)
    place = list(table.header).index("outcome")
    assert Counter(row[place].text for row in table.rows) == {"covering": 4, "collapsed": 1, "learning": 1}


def evaluations(*modes: int) -> list[dict[str, object]]:
    return [
        {"images_seen": 100 * turn, "modes": count, "modes_any": count, "recognisable": 0.9, "effective_modes": count}
        | {"missing": " ".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[count:])}
        for turn, count in enumerate(modes, 1)
    ]


@pytest.mark.parametrize(
    ("modes", "recorded", "outcome", "found"),
    [
        ((5, 8, 9, 8, 9, 8), 0, "collapsed", None),  # readable samples of a third of the modes
        ((1, 2, 4, 6, 8, 11), 0, "learning", None),
        ((20, 25, 26, 25, 26, 25), 500, "covering", None),  # a false onset of the earlier rule
        ((20, 26, 26, 9, 8, 9), 400, "collapsed", 400),
    ],
)
def test_an_earlier_run_gets_its_outcome_from_its_history(make_run, modes, recorded, outcome, found):
    missing = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[modes[-1] :]
    folder = make_run("gan_standard", 0, missing=missing, history=evaluations(*modes), onset=None, outcome=None)
    record = json.loads((folder / "results.json").read_text())
    del record["outcome"]
    (folder / "results.json").write_text(json.dumps(record | {"onset": recorded}))
    run = read_run(folder)
    assert (run.outcome, run.onset) == (outcome, found)
    assert run.onset_reason == (NEVER_HALF if max(modes) < 13 else None)


def test_an_earlier_run_without_a_history_has_no_outcome(make_run):
    folder = make_run("gan_standard", 0, history=[{"images_seen": 100, "kl": 0.2}], outcome=None)
    run = read_run(folder)
    assert run.outcome is None
    assert group([run])[0].summaries[0].outcomes == {"": 1}


@pytest.mark.parametrize(("kl_low", "outcome"), [(0.02, "collapsed"), (2.0, None)])
def test_of_an_earlier_vae_only_a_collapse_is_known(make_vae, kl_low, outcome):
    assert read_run(make_vae("none", 0, kl_low=kl_low, outcome=None)).outcome == outcome


def test_runs_measured_by_different_oracles_are_never_averaged(make_run, tmp_path):
    for seed, oracle in enumerate(("characters v2 ab12", "characters v2 ab12", "characters v3 ab12", None)):
        make_run("gan_standard", seed, oracle=oracle)
    make_run("gan_fm", 9, status="failed", error="out of memory", metrics={}, controls={}, oracle_accuracy=None)
    sections = group(collect([tmp_path / "study"]))
    measured = {section.oracle: len(section.included) for section in sections if section.included}
    assert measured == {"characters v2 ab12": 2, "characters v3 ab12": 1, EARLIER_ORACLE: 1}
    assert len({section.slug for section in sections}) == len(sections), "or their figures overwrite each other"
    report = write_report([tmp_path / "study"])
    text = (report.folder / "report.md").read_text()
    assert "measured by different oracles are never averaged" in text
    assert "characters v3 ab12" in text
    assert EARLIER_ORACLE in text
    rows = list(csv.DictReader((report.folder / "summary.csv").read_text().splitlines()))
    told = Counter((row["name"], row["metric"], row["digest"], row["oracle"]) for row in rows)
    assert max(told.values()) == 1, "each row says which runs it is about"


@pytest.mark.parametrize("which", ["study", "annealing"])
def test_every_column_of_a_file_has_a_name_of_its_own_and_every_metric_its_column(which, request):
    """Even a metric that is called like a fact about the run."""
    folder = request.getfixturevalue(which)
    facts = ["precision", "device", "outcome", "seed", "status", "onset", "folder", "error", "digest", "oracle"]
    metrics = {key: 100.5 + number for number, key in enumerate(facts)}
    path = next(iter(sorted(folder.glob("*/results.json"))))
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"metrics": record["metrics"] | metrics}))
    out = write_report([folder]).folder
    for name in ("runs.csv", "summary.csv"):
        header = next(csv.reader((out / name).read_text().splitlines()))
        assert max(Counter(header).values()) == 1, name
    rows = csv.DictReader((out / "runs.csv").read_text().splitlines())
    (row,) = [row for row in rows if row["precision"] == "100.5"]
    assert {key: float(row[key]) for key in facts} == metrics


def test_a_run_that_ended_before_it_was_measured_is_listed_with_its_name(make_run, tmp_path):
    make_run("gan_standard", 0, oracle="characters v2 ab12")
    make_run("gan_standard", 1, oracle="characters v2 ab12", status="failed", metrics={}, oracle_accuracy=None)
    failed = {"status": "failed", "metrics": {}, "controls": {}, "oracle_accuracy": None}
    make_run("gan_standard", 2, **failed)
    (section,) = group(collect([tmp_path / "study"]))
    assert len(section.runs) == 3
    assert section.oracle == "characters v2 ab12"
    assert not section.oracle_differs


def tables(blocks) -> list[Table]:
    return [block for block in flat(blocks) if isinstance(block, Table)]


@pytest.mark.parametrize("which", ["study", "annealing"])
def test_no_two_columns_of_a_table_share_a_name(which, request):
    document = compose(group(collect([request.getfixturevalue(which)])), Path())
    found = tables(document.blocks)
    assert len(found) > 5
    for table in found:
        assert max(Counter(table.header).values()) == 1, table.header
        assert {len(row) for row in table.rows} <= {len(table.header)}


@pytest.mark.parametrize(("status", "shown"), [("completed", "–"), ("failed", "0.300")])
def test_no_number_of_another_split_stands_in_for_one_that_is_missing(make_run, status, shown):
    """The history's numbers are of the validation split; only runs without final metrics are listed with them."""
    history = [{"images_seen": 100, "modes": 20, "kl": 0.3, "missing": ""}]
    runs = [make_run("gan_standard", 0, history=history, status=status, metrics={"modes": None, "kl": None})]
    runs.append(make_run("gan_standard", 1))
    (section,) = group(map(read_run, runs))
    table = runs_table(section)
    assert table.rows[0][list(table.header).index("KL")].text == shown
