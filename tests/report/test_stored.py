"""Results as a table: what is read back reports as the folders did."""

import csv
import json
import math
from pathlib import Path

import pytest

from src.core.plain_data import number
from src.report.__main__ import main
from src.report.collect import collect
from src.report.export import summary_csv
from src.report.grouping import group
from src.report.stored import DATASETS, store, stored
from src.report.trajectories import trajectories

pytestmark = pytest.mark.usefixtures("undrawn")

PROPERTIES = {"ink": [0.1 * index for index in range(26)]}


def ended(folder: Path):
    return [run for run in collect([folder]) if run.completed or run.failed]


def cells(table: str) -> list[float | str]:
    """Numbers where a cell is one."""
    texts = [cell for row in csv.reader(table.splitlines()) for cell in row]
    return [cell if math.isnan(number(cell)) else number(cell) for cell in texts]


@pytest.mark.parametrize("family", ["study", "annealing"])
def test_a_report_from_the_table_is_that_from_the_folders(family: str, request: pytest.FixtureRequest, tmp_path: Path):
    folder = request.getfixturevalue(family)
    runs = ended(folder)
    assert store(runs, tmp_path / "results" / "all.csv") == len(runs)
    again = stored(tmp_path / "results" / "all.csv")
    for one, other in zip(cells(summary_csv(group(again))), cells(summary_csv(group(runs))), strict=True):
        assert one == (pytest.approx(other, rel=1e-4, abs=1e-9) if isinstance(other, float) else other)
    by_seed = {(run.name, run.seed): run for run in again}
    for run in runs:
        own = by_seed[run.name, run.seed]
        assert (own.onset, own.outcome, own.overrides) == (run.onset, run.outcome, run.overrides)
        assert (own.dataset, own.status, own.facts["git"]) == (run.dataset, run.status, run.facts["git"])
        assert trajectories(own) == trajectories(run)
        assert own.history.column("images_seen").tolist() == run.history.column("images_seen").tolist()


def test_a_row_per_recipe_options_data_length_and_seed(make_run, tmp_path: Path):
    table = tmp_path / "results.csv"
    for kl in (0.5, 0.25):  # the later takes the place of the earlier
        make_run("gan_fm", 1, kl=kl, folder=f"run_{kl}", class_properties=PROPERTIES, oracle="letters-v1")
        store(ended(tmp_path / "study" / f"run_{kl}"), table)
    other = make_run("gan_fm", 1, kl=0.75, folder="wide", oracle="letters-v1")
    (other / ".hydra" / "overrides.yaml").write_text("- experiment=gan_fm\n- gan.generator.width=8\n- seed=1\n")
    longer = make_run("gan_fm", 1, kl=1.0, folder="longer", oracle="letters-v1")
    (longer / ".hydra" / "config.yaml").write_text("seed: 1\nbudget: 900\ngan: {z: 64}\n")
    for folder in (other, longer):
        store(ended(folder), table)
    runs = {run.metrics["kl"]: run for run in stored(table)}
    assert sorted(runs) == [0.25, 0.75, 1.0]
    assert runs[0.75].overrides == ("experiment=gan_fm", "gan.generator.width=8", "seed=1")
    assert runs[0.25].class_properties == {"ink": tuple(round(0.1 * index, 6) for index in range(26))}
    assert len(json.loads((tmp_path / DATASETS).read_text())) == 1
    assert len({run.name for section in group(runs.values()) for run in section.runs}) == 3, "told apart by name"


def test_anyones_run_stands_beside_stored_ones(study: Path, make_run, tmp_path: Path, capsys):
    assert main([str(study), "--to", str(tmp_path / "all.csv")]) == 0
    assert capsys.readouterr().out.startswith("10 runs stored in ")
    mine = make_run("gan_mine", 0, missing="", kl=0.01, folder="../mine")
    out = tmp_path / "out"
    assert main(["--from", str(tmp_path / "all.csv"), str(mine), "--out", str(out)]) == 0
    names = {row["name"] for row in csv.DictReader((out / "summary.csv").read_text().splitlines())}
    assert names == {"gan_standard", "gan_fm", "gan_hinge", "gan_mine"}
    assert main(["--from", str(tmp_path / "all.csv")]) == 0
    assert (tmp_path / "report" / "index.html").is_file()


@pytest.mark.parametrize("content", [None, "a,b\n1,2\n", "\x00"])
def test_what_is_no_table_of_results_is_refused_in_one_line(content: str | None, tmp_path: Path, capsys):
    table = tmp_path / "x.csv"
    if content is not None:
        table.write_text(content)
    assert main(["--from", str(table)]) == 1
    error = capsys.readouterr().err
    assert f"--from {table}: " in error
    assert error.count("\n") == 1


def test_nothing_to_report_is_said():
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
