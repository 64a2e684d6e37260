"""How bars sound, on a few hundred drawn ones."""

import pytest
import torch

from src.data.drums import grammar
from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.evaluation.drum_metrics import drum_metrics_of

CPU = torch.device("cpu")


class Bars(ResidentData):
    name = "toy"

    def load(self) -> Loaded:
        drawn = [grammar.draw(num, seed) for seed, num in enumerate((300, 120, 90))]
        return Loaded(*(Split.of(bars.grids_NTV, bars.styles_N) for bars in drawn), grammar.STYLES, "toy", levels=1)


class Pictures(Bars):
    """The same pixels, but not to be heard."""

    def load(self) -> Loaded:
        loaded = super().load()
        return Loaded(loaded.train, loaded.val, loaded.test, grammar.STYLES, "toy")


def prepared(kind: type[ResidentData], stack: int = 1) -> ResidentData:
    data = kind(root="", budget=8, batch_size=8, seed=0, stack=stack)
    data.setup()
    return data


def test_controls():
    controls = drum_metrics_of(prepared(Bars), 120, CPU).controls()
    assert set(controls) == {"real", "train", "noisy", "noise", "cut_up", "superposed", "single"}
    assert set(controls["real"]) == {"validity", "diversity", "feature_distance"}
    assert controls["single"]["diversity"] == 0
    assert controls["noise"]["diversity"] > controls["real"]["diversity"] > 0.05
    assert 5 * controls["real"]["feature_distance"] < controls["noise"]["feature_distance"]
    assert 5 * controls["real"]["feature_distance"] < controls["single"]["feature_distance"]


def test_measures_are_of_the_bars_at_hand_alone():
    data = prepared(Bars)
    drum_metrics = drum_metrics_of(data, 60, CPU)
    silence, real = torch.zeros(5, 16, 9, dtype=torch.uint8), data.held_out("test").images[:60, 0]
    assert drum_metrics.measure(silence)["validity"] == 0
    assert drum_metrics.measure(real) == pytest.approx(drum_metrics.controls()["real"])


@pytest.mark.parametrize(("kind", "stack"), [(Bars, 2), (Pictures, 1)])
def test_what_is_not_to_be_heard(kind, stack):
    assert drum_metrics_of(prepared(kind, stack), 60, CPU) is None
