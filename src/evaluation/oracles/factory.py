"""The oracle for each kind of data."""

from pathlib import Path

import torch

from src.data.module import ResidentData
from src.evaluation.oracles.base import Oracle, load_or_train
from src.evaluation.oracles.characters import LARGE, CharacterOracle
from src.evaluation.oracles.drums import StyleOracle
from src.evaluation.oracles.gaussians import NearestCentre


def oracle_of(data: ResidentData, cache: Path, device: torch.device) -> Oracle | NearestCentre:
    """The oracle of `data`, by its `spec.kind`; trained oracles are kept in `cache`."""
    if data.spec.kind == "points":
        return NearestCentre(data.mixture, data.splits["test"], data.spec.digest)
    spec, splits = data.spec, data.splits
    num_classes, large = len(spec.classes), max(spec.shape[1:]) >= LARGE
    oracle: Oracle
    if spec.kind == "drums":
        oracle = StyleOracle(num_classes, spec.kit, spec.shape[1])
    else:
        oracle = CharacterOracle(num_classes, spec.levels, spec.dark_ink, spec.colour, large)
        if getattr(data, "dark_ink", None) is not None:  # the user's word; the pixels do not tell
            oracle.variant = "-dark" if spec.dark_ink else "-light"
    return load_or_train(oracle, splits["train"], splits["test"], spec.digest, cache, device)
