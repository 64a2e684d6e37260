"""Files and errors of drawn bars; what they sound like is tested with the command."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from src.data.drums import datasets
from src.data.spec import DataSpec
from src.sample import drum_bars, restore
from src.sample.drum_bars import MAX_BARS, play

NOTHING = {
    "num": None,
    "bars": None,
    "style": None,
    "class": None,
    "rejection": None,
    "seed": 0,
    "bpm": 110,
    "swing": 0,
    "out": None,
    "data.root": None,
    "trust": (),
}


def model(classes: tuple[str, ...] = ("rock", "jazz"), stack: int = 1) -> Any:
    """Every bar has one kick more than the one before."""
    spec = DataSpec("toy", "toy", "0" * 64, classes, (stack, 16, 9), {}, levels=1)

    def sample(num: int, seed: int) -> torch.Tensor:
        bars_NCTV = torch.zeros(num, stack, 16, 9, dtype=torch.uint8)
        for index in range(num):
            bars_NCTV[index, :, : index + 1, 0] = 1
        return bars_NCTV

    return SimpleNamespace(spec=spec, sample=sample, device=torch.device("cpu"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "samples").mkdir()
    return tmp_path


@pytest.mark.parametrize("stack", [1, 2])
def test_single_bars_land_in_the_runs_folder(run: Path, stack: int):
    written = play(model(stack=stack), run, NOTHING | {"num": 2, "seed": 7})
    assert written == [run / "samples" / f"drawn_7.{kind}" for kind in ("png", "mid", "wav")]
    assert all(path.stat().st_size > 60 for path in written)


def test_out_names_the_picture_and_all_else_lies_beside_it(run: Path):
    assert play(model(), run, NOTHING | {"num": 2, "out": run / "take.png"}) == [
        run / f"take.{kind}" for kind in ("png", "mid", "wav")
    ]


@pytest.mark.parametrize(
    ("made", "wish", "expected"),
    [
        (model(), {"style": "polka"}, "style=polka: choose rock, jazz"),
        (model(stack=2), {"style": "jazz"}, "stacked"),
        (model(), {"num": MAX_BARS + 1}, f"num={MAX_BARS + 1}"),
        (model(), {"bars": MAX_BARS + 1}, f"bars={MAX_BARS + 1}"),
    ],
)
def test_what_cannot_be_played_raises(run: Path, made: Any, wish: dict[str, Any], expected: str):
    with pytest.raises(ValueError, match=expected):
        play(made, run, NOTHING | wish)
    assert not list((run / "samples").iterdir())


def test_a_style_is_looked_up_in_the_runs_own_data_only(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(datasets, "NUM_DRAWN", {"train": 20, "val": 5, "test": 5})
    data = {
        "_target_": "src.data.drums.datasets.Drums",
        "root": "here",
        "budget": 8,
        "batch_size": 8,
        "seed": 0,
        "stack": 1,
    }
    config = OmegaConf.create({"data": data, "cache": str(run / "cache")})
    monkeypatch.setattr(restore, "trusted_config", lambda run, trust: config)
    with pytest.raises(ValueError, match=r"data.root=there: .* other data"):
        play(model(), run, NOTHING | {"style": "jazz", "data.root": "there"})


def test_any_style_makes_a_file_name(run: Path, monkeypatch: pytest.MonkeyPatch):
    made = model(("drum & bass/2",))
    monkeypatch.setattr(drum_bars, "_styled", lambda model, run, options, num: (model.sample(num, 0), ["1"] * num))
    written = play(made, run, NOTHING | {"style": "drum & bass/2", "bars": 2})
    assert written[0] == run / "samples" / "track_drum---bass-2_0.png"
