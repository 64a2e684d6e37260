"""Runs and sweeps from Python: what a notebook gets of them."""

from pathlib import Path

import numpy as np
import pytest

from src import lab
from tests.end_to_end.conftest import SMALL, Command, results


@pytest.fixture
def options(command: Command, cache: Path) -> list[str]:
    return [*SMALL, f"cache={cache}"]


@pytest.mark.ci
def test_a_run_is_loaded_drawn_from_and_reported(options: list[str]):
    run = lab.run(options)
    assert run.status == "completed"
    recorded = results(run.folder)["metrics"]
    assert run.metrics["kl"] == recorded["kl"]
    assert [row["images_seen"] for row in run.history] == [128, 256]
    assert isinstance(run.history[0]["shares"], str)
    assert isinstance(run.history[0]["modes"], int)
    again = lab.load(run.folder)
    assert again.samples(5).equal(run.samples(5))
    assert again.samples(5).shape == (5, 1, 28, 28)
    assert np.asarray(again.grid(32)).shape == (4 * 28 + 8, 32 * 28 + 64, 3)
    assert again.picture("random").size == run.picture("random").size
    with pytest.raises(ValueError, match=r"no nothing.png; choose .*random"):
        run.picture("nothing")
    assert set(run.data.splits) == {"train", "val", "test"}
    assert lab.report([run.folder]).page.is_file()

    path = run.folder / ".hydra" / "config.yaml"
    path.write_text(path.read_text().replace("src.gan.networks.dcgan.Generator", "os.system"))
    with pytest.raises(ValueError, match=r"os\.system is refused"):
        _ = lab.load(run.folder).model


@pytest.mark.ci
def test_a_sweep_is_a_table_that_goes_on_where_it_stopped(options: list[str]):
    sweep = lab.sweep([*options, "gan.loss=standard,hinge", "gan.generator.z=4,0"])
    assert [row["status"] for row in sweep.table].count("completed") == 2
    refused = [row for row in sweep.table if row["status"] == "never started"]
    assert len(refused) == 2
    assert all("gan.generator.z=0" in row["error"] for row in refused)
    assert (sweep.folder / "report" / "index.html").is_file()
    assert lab.load(sweep.table[0]["folder"]).name == sweep.table[0]["name"]

    more = lab.sweep([f"study.resume={sweep.folder}"])
    assert more.folder == sweep.folder
    assert len(more.runs) == 4


def test_no_folder_of_a_run(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="is no run's folder"):
        lab.load(tmp_path)
