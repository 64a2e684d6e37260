"""The service as a sweep starts it; a script stands in for NVIDIA's program."""

import os
from pathlib import Path

import pytest

from src.sweeps import mps


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the script in the program's place writes down what it is told, and in which folder its pipes would be."""
    log = tmp_path / "log"
    program = tmp_path / mps.CONTROL
    program.write_text(f"""#!/bin/sh\n{{ echo "told $* with $({{ echo ${mps.PIPES}; }})"; cat; }} >> {log}\n""")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(mps.PIPES, raising=False)
    monkeypatch.setattr(mps, "USUAL", tmp_path / "none")
    return log


@pytest.mark.parametrize("answers", [True, False])
def test_it_serves_what_is_started_meanwhile_if_the_gpu_answers(told: Path, monkeypatch, answers: bool):
    monkeypatch.setattr(mps, "PROBE", f"import os; raise SystemExit('{mps.PIPES}' not in os.environ or {not answers})")
    with mps.serving():
        place = os.environ.get(mps.PIPES)
        assert (place is not None) == answers
        assert not place or Path(place).is_dir()
        (started,) = told.read_text().splitlines()
    assert mps.PIPES not in os.environ
    assert started.startswith("told -d with /")
    folder = started.rpartition(" ")[2]
    assert told.read_text().splitlines() == [started, f"told  with {folder}", "quit"]
    assert not Path(folder).exists()


def test_a_sweep_that_breaks_off_ends_it(told: Path, monkeypatch):
    monkeypatch.setattr(mps, "PROBE", "")
    with pytest.raises(KeyboardInterrupt), mps.serving():
        raise KeyboardInterrupt
    assert told.read_text().endswith("quit\n")
    assert mps.PIPES not in os.environ


def test_a_service_that_is_there_is_left_alone(told: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv(mps.PIPES, "theirs")
    with mps.serving():
        assert os.environ[mps.PIPES] == "theirs"
    assert os.environ[mps.PIPES] == "theirs"
    monkeypatch.delenv(mps.PIPES)
    monkeypatch.setattr(mps, "USUAL", tmp_path)
    with mps.serving():
        assert mps.PIPES not in os.environ
    assert not told.exists()


def test_without_the_program_nothing_happens(monkeypatch):
    monkeypatch.setattr(mps, "CONTROL", "none-such")
    before = dict(os.environ)
    with mps.serving():
        assert dict(os.environ) == before
