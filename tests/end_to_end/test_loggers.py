"""Where a run is logged: what a command says of it, and that the run's own files do not depend on it."""

import csv
import importlib.util
import json
from pathlib import Path

import pytest

from src.cli import trainer_options
from tests.end_to_end.conftest import SMALL, Command, results

TOY = ("experiment=toy_ring_standard", *(option for option in SMALL if not option.startswith(("data=", "model="))))
MEASURED = ("status", "name", "seed", "metrics", "controls", "outcome", "onset")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Points need nothing drawn or trained before."""
    return tmp_path / "cache"


def left(run: str) -> tuple[list[dict], dict, set[str]]:
    """The history but for its clock, what was measured, and the names in samples/."""
    rows = list(csv.DictReader(Path(run, "history.csv").read_text().splitlines()))
    samples = {path.name for path in Path(run, "samples").iterdir()}
    measured = {key: results(Path(run))[key] for key in MEASURED}
    return [row | {"seconds": ""} for row in rows], measured, samples


@pytest.mark.ci
def test_a_run_s_own_files_do_not_depend_on_its_loggers(command: Command):
    for run, choice in (("usual", "tensorboard"), ("two", "[tensorboard,csv]"), ("none", "[]")):
        assert command(*TOY, f"logger={choice}", f"hydra.run.dir={run}").status == 0
    assert left("usual") == left("two") == left("none")
    assert not list(Path("none").glob("events*"))
    logged = list(csv.DictReader(Path("two/csv/version_0/metrics.csv").read_text().splitlines()))
    final = {key: float(value) for row in logged for key, value in row.items() if value and key != "step"}
    found = results(Path("two"))["metrics"]
    assert final["test/modes"] == found["modes"]
    assert final["final/primary"] == final["final/kl_late"] == pytest.approx(found["kl_late"])


def test_a_missing_package_is_one_line(command: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(trainer_options, "find_spec", lambda name: None)
    outcome = command(*TOY, "logger=[tensorboard,wandb]")
    assert outcome.errors == "error: logger=wandb: wandb is not installed: pip install -e '.[wandb]'\n"
    outcome = command("-m", *TOY, "logger=mlflow", "seed=0,1")
    assert outcome.errors == "error: logger=mlflow: mlflow is not installed: pip install -e '.[mlflow]'\n"
    assert not Path("multirun").exists()


def test_other_words_for_loggers(command: Command):
    assert "use logger=tensorboard, csv, wandb, mlflow" in command(*TOY, "trainer.logger=false").errors
    assert "choose csv, mlflow, tensorboard, wandb" in command(*TOY, "logger=comet").errors


@pytest.mark.ci
@pytest.mark.filterwarnings("default")
@pytest.mark.skipif(not importlib.util.find_spec("mlflow"), reason="needs the extra [mlflow]")
def test_a_sweep_arrives_in_mlflow_with_recipe_seed_and_final_metrics(command: Command):
    from mlflow import MlflowClient

    sweep = ("-m", *TOY, "logger=mlflow", "seed=0,1", "hydra.sweep.dir=mine/first")
    assert command(*sweep).status == 0
    client = MlflowClient("sqlite:///mlflow.db")
    (experiment,) = [each for each in client.search_experiments() if each.name == "collapse-lab"]
    runs = client.search_runs([experiment.experiment_id], "tags.sweep = 'mine/first'")
    assert {run.data.params["seed"] for run in runs} == {"0", "1"}
    assert {run.data.params["name"] for run in runs} == {"toy_ring_standard"}
    folders = [Path("mine/first", run.info.run_name) for run in runs]
    for run, folder in zip(runs, folders, strict=True):
        found = results(folder)
        assert run.data.metrics["test/modes"] == found["metrics"]["modes"]
        assert run.data.metrics["final/primary"] == pytest.approx(found["metrics"]["kl_late"])
        assert {"samples/scatter.png"} <= {entry.path for entry in client.list_artifacts(run.info.run_id, "samples")}
    assert command(f"resume={folders[0]}", "budget=512", "logger=mlflow").status == 0
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 2
    (on,) = [run for run in runs if run.info.run_name == folders[0].name]
    steps = [point.step for point in client.get_metric_history(on.info.run_id, "test/modes")]
    assert steps == [256, 512]
    assert json.loads((folders[0] / "loggers.json").read_text()) == {"mlflow": on.info.run_id}
    assert "which is not taken from a record" in command("study.resume=mine/first").errors
