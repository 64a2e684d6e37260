"""Commands whose runs are not carried out."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from src import train
from src.evaluation import summary
from src.training import run as running

Try = Callable[..., str]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[DictConfig]:
    """Configurations that came as far as a run, which is not carried out."""
    runs: list[DictConfig] = []

    def run(config: DictConfig, folder: Path) -> dict[str, str]:
        runs.append(config)
        return {"status": "completed"}

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(summary, "print_summary", lambda results: None)
    return runs


@pytest.fixture
def refused(ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Try:
    """Gives a command in an empty folder and returns the one line that refuses it; nothing was made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rank_zero_only, "rank", 0)

    (tmp_path / "file").touch()

    def give(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["src/train.py", *arguments])
        with pytest.raises(SystemExit) as end:
            train.main()
        said = capsys.readouterr()
        assert end.value.code == 1
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1, said.err
        assert not ran
        assert not [path for path in tmp_path.iterdir() if path.is_dir()], "nothing was made"
        return said.err

    return give


@pytest.fixture
def taken(ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DictConfig]:
    """Gives a command in an empty folder and returns the configuration that is run."""
    monkeypatch.chdir(tmp_path)

    def give(*arguments: str) -> DictConfig:
        monkeypatch.setattr(sys, "argv", ["src/train.py", *arguments])
        train.main()
        return ran[-1]

    return give
