"""Metrics of drum bars with their controls, for both model families.

N bars, T steps, V voices.
"""

import torch
from torch import Tensor

from src.data.module import ResidentData
from src.data.spec import Split
from src.data.voices import VOICES, Kit
from src.evaluation import SEED
from src.evaluation.metrics.music import Musicality
from src.evaluation.oracles.controls import bar_controls
from src.training.callbacks.randomness import own_randomness


class DrumMetrics:
    """Validity, diversity and feature distance of single bars, uint8 [N, T, V], with the training bars as reference.

    Controls are of at most `num_samples` bars. All bars are on one device.
    """

    def __init__(self, train: Split, test_NTV: Tensor, num_samples: int, kit: Kit = VOICES):
        self.train_NTV = train.images
        self.test_NTV = test_NTV
        self.num_samples = num_samples
        self.musicality = Musicality(train.images, kit).to(train.images.device)

    def measure(self, grids_NTV: Tensor) -> dict[str, float]:
        self.musicality.reset()
        self.musicality.update(grids_NTV)
        return {name: value.item() for name, value in self.musicality.compute().items()}

    def controls(self) -> dict[str, dict[str, float]]:
        """Metrics of bars of known quality.

        `real`: the test split. `train`: training bars. `single`: one real bar repeated. The others: `bar_controls` in
        oracles/controls.py.
        """
        real_NTV = self.test_NTV[: self.num_samples]
        with own_randomness(self.train_NTV.device, SEED):
            made = dict(bar_controls(real_NTV.unsqueeze(1).float().cpu()))
        bars = {
            "real": real_NTV,
            "train": self.train_NTV[: self.num_samples],
            **{name: grids_N1TV[:, 0].to(real_NTV) for name, grids_N1TV in made.items()},
            "single": real_NTV[:1].expand_as(real_NTV),
        }
        return {name: self.measure(grids_NTV) for name, grids_NTV in bars.items()}


def drum_metrics_of(data: ResidentData, num_samples: int, device: torch.device) -> DrumMetrics | None:
    """None for images, points and stacked bars."""
    if data.spec.kind != "drums" or data.spec.stack > 1:
        return None
    test_NTV = data.held_out("test").images[:, 0].to(device)
    return DrumMetrics(data.splits["train"].to(device), test_NTV, num_samples, data.spec.kit)
