import pytest
import torch

from src.data.gaussians import GaussianRing
from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.data.voices import VOICES, Kit
from src.evaluation.oracles.characters import CharacterOracle
from src.evaluation.oracles.drums import StyleOracle
from src.evaluation.oracles.factory import oracle_of
from src.evaluation.oracles.gaussians import NearestCentre
from tests.conftest import shorten_oracle_training


class Pixels(ResidentData):
    name = "toy"
    levels = 255

    def load(self) -> Loaded:
        images = torch.randint(0, 2, (40, 16, 9), generator=torch.Generator().manual_seed(0)).byte()
        split = Split(images * self.levels, torch.arange(40) % 3)
        ink = bool(getattr(self, "dark_ink", None))
        return Loaded(split, split, split, ("A", "B", "C"), "toy", levels=self.levels, dark_ink=ink)


class Grids(Pixels):
    levels = 1


def test_what_the_pixels_do_not_tell_is_in_the_identity(monkeypatch, tmp_path):
    """Else a cached oracle would be taken that saw ink as paper, or other voices."""
    shorten_oracle_training(monkeypatch, 1)
    found = []
    for ink in (None, True, False):
        data = Pixels(root="", budget=8, batch_size=8, seed=0, stack=1)
        data.dark_ink = ink
        data.setup()
        found.append(oracle_of(data, tmp_path, torch.device("cpu")).identity)
    assert len({*found}) == 3
    kits = [Kit(VOICES, steps_per_beat) for steps_per_beat in (2, 4, 8)]
    assert len({(oracle.version, oracle.variant) for oracle in (StyleOracle(3, kit) for kit in kits)}) == 3


@pytest.mark.parametrize(
    ("kind", "oracle"), [(Pixels, CharacterOracle), (Grids, StyleOracle), (GaussianRing, NearestCentre)]
)
def test_each_kind_of_data_has_its_oracle(monkeypatch, tmp_path, kind, oracle):
    shorten_oracle_training(monkeypatch, 1)
    data = kind(root="", budget=8, batch_size=8, seed=0, stack=2)
    data.setup()
    result = oracle_of(data, tmp_path, torch.device("cpu"))
    assert type(result) is oracle
    name, version, digest = result.identity.split("-")
    assert version[0] == "v"
    assert data.spec.digest.startswith(digest)
    assert name
    predictions = result.predict(data.held_out("test").images)
    assert predictions.classes_NS.shape == (len(data.splits["test"]), 2)
    assert predictions.classes_NS.max() < len(data.spec.classes)
