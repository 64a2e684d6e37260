"""Paths that no shell has seen: from DATA_DIR, from quotes, from a yaml file."""

from pathlib import Path

import pytest

from src.core.files import shell_expanded
from src.data.drums.datasets import Grids


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", "data")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "bars.npz").touch()
    return tmp_path


@pytest.mark.parametrize("root", ["~/data", '"~/data"', "'~/data'", "$HOME/data", "~/$PLACE", "${HOME}/data"])
def test_a_root_is_found_however_it_was_handed_on(home: Path, root: str):
    data = Grids(path="bars.npz", root=root, budget=1, batch_size=1, seed=0, stack=1)
    assert data.find("path", "bars.npz") == home / "data" / "bars.npz"
    assert data.find("path", "~/data/bars.npz") == home / "data" / "bars.npz"


def test_what_is_there_is_taken_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(home)
    for name in ("$PLACE", "'quoted'", "ca$h"):
        (home / name).mkdir()
        assert shell_expanded(name) == name
    assert shell_expanded("ca$sh/x") == "ca$sh/x", "no such variable"
    assert shell_expanded("~nobody-of-that-name/x") == "~nobody-of-that-name/x"
    assert shell_expanded("") == ""


def test_of_two_places_of_one_name_the_one_that_is_read_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.chdir(home / "data")
    data = Grids(path="bars.npz", root=str(home / "data"), budget=1, batch_size=1, seed=0, stack=1)
    data.find("path", "bars.npz")
    assert not caplog.text, "they are one file"
    (home / "bars.npz").touch()
    monkeypatch.chdir(home)
    assert data.find("path", "bars.npz").samefile(home / "bars.npz")
    assert f"data.path=bars.npz: {home / 'bars.npz'} is read, not {home / 'data' / 'bars.npz'};" in caplog.text
