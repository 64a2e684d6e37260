"""Lightning's loggers in a run: what each gets, what none of them changes, and how a run goes on in them."""

import json
import logging
from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger

from src.training.loggers import RUN_IDS, build_loggers, log_file, logged

BOARD = {"_target_": "src.training.tensorboard.Board", "name": "", "version": ""}
CSV = {"_target_": "lightning.pytorch.loggers.CSVLogger", "name": "csv"}
WANDB = {"_target_": "lightning.pytorch.loggers.WandbLogger", "project": "tests", "group": "sweep", "name": "run"}
MLFLOW = {"_target_": "lightning.pytorch.loggers.MLFlowLogger", "experiment_name": "tests", "tags": {"sweep": "one"}}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b550000000a49444154789c63600000000200"
    "01e221bc330000000049454e44ae426082"
)
CHOICES = {"name": "gan_fm", "seed": 3, "budget": 10}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def train(run: Path, nodes: dict, resumed: bool = False, choices: dict = CHOICES, fails: bool = False) -> dict:
    """A run that logs a number and a picture and ends."""
    picture, notes = run / "thing.png", run / "thing.mid"
    picture.write_bytes(PNG)
    notes.write_bytes(b"")
    loggers = build_loggers(nodes, run if resumed else None)
    step = 30 if resumed else 10
    with logged(loggers, run, choices, {"test/modes": float("nan")}):
        for logger in loggers.values():
            logger.log_metrics({"test/modes": 26.0}, step=step)
            for path in (picture, notes):
                log_file(logger, path, "val/thing", step)
            logger.finalize("success")
        if fails:
            raise RuntimeError
    return loggers


def test_several_at_once_and_none(run: Path):
    train(run, {"tensorboard": BOARD | {"save_dir": str(run)}, "csv": CSV | {"save_dir": str(run)}})
    rows = (run / "csv" / "version_0" / "metrics.csv").read_text().splitlines()
    assert rows == ["step,test/modes", "10,26.0"]
    assert list(run.glob("events.out.tfevents.*"))
    assert not (run / RUN_IDS).exists()
    train(run, {"csv": CSV | {"save_dir": str(run)}}, resumed=True)
    assert (run / "csv" / "version_1" / "metrics.csv").read_text().splitlines()[1] == "30,26.0"
    assert train(run, {}) == {}


def test_one_that_cannot_begin_is_one_line(run: Path, monkeypatch: pytest.MonkeyPatch):
    def unreachable(*_):
        raise RuntimeError("no\nserver")

    monkeypatch.setattr(CSVLogger, "log_hyperparams", unreachable)
    with pytest.raises(ValueError, match=r"^logger=csv: .*no server$"):
        train(run, {"csv": CSV | {"save_dir": str(run)}})


def test_a_resumed_run_says_which_loggers_it_leaves(run: Path, caplog: pytest.LogCaptureFixture):
    (run / RUN_IDS).write_text(json.dumps({"wandb": "abc", "evil": {"a": 1}, "path": "../../x"}))
    with caplog.at_level(logging.WARNING):
        build_loggers({"csv": CSV | {"save_dir": str(run)}}, run)
    assert [record.getMessage() for record in caplog.records] == [
        "The run was also logged by wandb; resume= goes on there with logger=[csv,wandb]."
    ]
    caplog.clear()
    (run / RUN_IDS).write_text("{")
    build_loggers({}, run)
    assert not caplog.records


@pytest.mark.filterwarnings("default")
def test_wandb_offline(run: Path, monkeypatch: pytest.MonkeyPatch):
    wandb = pytest.importorskip("wandb", reason="needs the extra [wandb]")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    nodes = {"wandb": WANDB | {"save_dir": str(run.parent)}}
    ends, finish = [], wandb.finish

    def noted(exit_code):
        ends.append((exit_code, wandb.run.summary.get("test/modes"), wandb.run.summary.get("trainer/global_step")))
        finish(exit_code)

    monkeypatch.setattr(wandb, "finish", noted)
    first = train(run, nodes)["wandb"].experiment
    assert (first.group, first.name, first.config["name"], first.config["seed"]) == ("sweep", "run", "gan_fm", 3)
    assert wandb.run is None, "the next job of the process begins a run of its own"
    assert len(list(run.parent.glob("wandb/offline-run-*/files/media/images/val/thing_*.png"))) == 1
    with pytest.raises(RuntimeError):
        train(run, nodes, resumed=True, fails=True)
    assert ends == [(0, 26, 10), (1, 26, 30)]
    folders = [folder.name for folder in run.parent.glob("wandb/offline-run-*")]
    assert {name.rpartition("-")[2] for name in folders} == {first.id}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("store", ["sqlite:///{}/mlflow.db", "file:{}/store"])
def test_mlflow_in_a_local_store(run: Path, store: str, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("mlflow", reason="needs the extra [mlflow]")
    from mlflow import MlflowClient

    monkeypatch.chdir(run.parent)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # which MLflow 3.17 wants to hear
    uri = store.format(run.parent)
    train(run, {"mlflow": MLFLOW | {"tracking_uri": uri}})
    client = MlflowClient(uri)

    def found():
        (experiment,) = [each for each in client.search_experiments() if each.name == "tests"]
        (only,) = client.search_runs([experiment.experiment_id])
        return only

    assert found().data.params == {"name": "gan_fm", "seed": "3", "budget": "10"}
    assert found().data.tags["sweep"] == "one"
    assert found().data.metrics == {"test/modes": 26}
    assert found().info.status == "FINISHED"
    files = {entry.path for entry in client.list_artifacts(found().info.run_id, "run")}
    assert files == {"run/thing.png", "run/thing.mid"}
    train(run, {"mlflow": MLFLOW | {"tracking_uri": uri}}, resumed=True, choices=CHOICES | {"budget": 20, "new": 1})
    assert found().data.params == {"name": "gan_fm", "seed": "3", "budget": "10", "new": "1"}
    assert [point.step for point in client.get_metric_history(found().info.run_id, "test/modes")] == [10, 30]
