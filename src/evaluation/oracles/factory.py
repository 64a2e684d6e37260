"""Which oracle judges which data."""

from pathlib import Path

import torch

from src.data.module import ResidentData
from src.evaluation.oracles.base import Oracle, trained_oracle
from src.evaluation.oracles.characters import CharacterOracle
from src.evaluation.oracles.drums import StyleOracle
from src.evaluation.oracles.gaussians import NearestCentre


def oracle_of(data: ResidentData, cache: Path, device: torch.device) -> Oracle | NearestCentre:
    """What tells the classes of `data` apart, by its `spec.kind`; where it is trained, it is kept in `cache`."""
    if data.spec.kind == "points":
        return NearestCentre(data.mixture, data.splits["test"], data.spec.digest)
    num_classes, splits = len(data.spec.classes), data.splits
    drums = data.spec.kind == "drums"
    oracle = StyleOracle(num_classes) if drums else CharacterOracle(num_classes, data.spec.levels, data.spec.dark_ink)
    return trained_oracle(oracle, splits["train"], splits["test"], data.spec.digest, cache, device)
