"""What a run writes that never got going."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from src.training import run

BEFORE = {"name": "gan_fm", "status": "interrupted", "error": "interrupted by SIGINT", "metrics": {"modes": 3}}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(RunMode.MULTIRUN, BEFORE | {"status": "failed", "error": "the data are gone"}), (RunMode.RUN, BEFORE)],
)
def test_a_resumed_job_tells_its_new_end_beside_what_it_had_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: RunMode, expected: dict
):
    def fails(*_):
        raise ValueError("the data are gone")

    hydra = SimpleNamespace(mode=mode, overrides=SimpleNamespace(task=[]))
    monkeypatch.setattr(HydraConfig, "get", lambda: hydra)
    record = SimpleNamespace(name="gan_fm", family="gan", value=lambda key: 0)
    monkeypatch.setattr(run, "read_record", lambda run: record)
    monkeypatch.setattr(run, "resumed_config", lambda run, overrides, config: (config, {}))
    monkeypatch.setattr(run, "train", fails)
    (tmp_path / "results.json").write_text(json.dumps(BEFORE))
    returned = run.run(OmegaConf.create({"seed": 0, "resume": str(tmp_path)}), tmp_path)
    assert (returned["status"], returned["error"]) == ("failed", "the data are gone")
    assert json.loads((tmp_path / "results.json").read_text()) == expected
