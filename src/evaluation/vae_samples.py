"""What a VAE's samples are worth: the modes they show, how bars sound, and whether z_high holds their style.

N samples, C channels, H height, W width, T steps, V voices, L latent dims.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from src.data.drums import drawing
from src.data.module import ResidentData
from src.data.spec import Split
from src.evaluation import image_grids
from src.evaluation.artifacts import Artifact, Picture, Sound
from src.evaluation.coverage import Coverage
from src.evaluation.drum_metrics import drum_metrics_of
from src.evaluation.oracles.base import Oracle
from src.evaluation.oracles.factory import oracle_of
from src.vae.module import VAE

SHOWN_IMAGES = 64
SHOWN_BARS = 16
HEARD_BARS = 8
BARS_ALONG_TRAINING = 300


class SampleEvaluator:
    """Mode coverage of images and points; drum metrics of single bars, and the oracle's predictions of their styles.

    Args:
        data: set up.
        num_samples: samples of the prior that a figure is made of.
        cache: folder of trained oracles.
    """

    def __init__(self, data: ResidentData, num_samples: int, cache: Path, device: torch.device):
        self.spec = data.spec
        self.num_samples = num_samples
        self.coverage = Coverage(data, num_samples, cache, device) if self.spec.kind != "drums" else None
        self.drum_metrics = drum_metrics_of(data, num_samples, device)
        self.styles = None
        if self.drum_metrics and len(self.spec.classes) > 1:
            self.styles = oracle_of(data, cache, device)
            self.held_out = {}
            for name in ("val", "test"):
                held_out, num = data.held_out(name).to(device), self.enough(name)
                self.held_out[name] = Split(held_out.images[:num], held_out.labels[:num])

    def enough(self, split: str) -> int:
        """How many samples an evaluation on this split takes: all at the end, mostly fewer along training."""
        if self.coverage:
            return self.coverage.enough(split)
        return self.num_samples if split == "test" else min(self.num_samples, BARS_ALONG_TRAINING)

    def evaluate(self, vae: VAE, drawn_NCHW: Tensor, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics by name of samples drawn from the prior, and the samples themselves."""
        metrics: dict[str, Any] = {}
        shown: dict[str, Artifact] = {}
        if self.spec.kind != "points":  # which are put on a map instead
            shown["prior"] = Picture(self._picture(drawn_NCHW))
        if self.coverage:
            metrics, pictured = self.coverage.evaluate(drawn_NCHW, split)
            shown |= pictured
        if self.drum_metrics:
            metrics |= self.drum_metrics.measure(drawn_NCHW[:, 0])
            if split == "test":
                shown["prior_bars"] = Sound(drawn_NCHW[:HEARD_BARS, 0], self.spec.kit)
        if self.styles:
            metrics["style_accuracy"] = style_accuracy(vae, self.styles, self.held_out[split])
        return metrics, shown

    def controls(self) -> dict[str, dict[str, Any]]:
        """What the same measures say of samples whose quality is known; none where nothing is measured."""
        if self.coverage:
            return self.coverage.controls()
        controls = self.drum_metrics.controls() if self.drum_metrics else {}
        if self.styles:
            controls["real"]["style_accuracy"] = self.styles.accuracy_k.item()
        return controls

    def facts(self) -> dict[str, Any]:
        return self.coverage.facts() if self.coverage else {}

    def over_training(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What became of the samples' modes; nothing where they are not counted."""
        return self.coverage.over_training(history) if self.coverage else {}

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Artifact]:
        return self.coverage.timeline(history) if self.coverage else {}

    def _picture(self, images_NCHW: Tensor) -> np.ndarray:
        if self.spec.kind == "drums":
            return drawing.bars(drawing.side_by_side(images_NCHW[:SHOWN_BARS]), voices=self.spec.kit)
        return image_grids.grid(images_NCHW[:SHOWN_IMAGES], 16)


def style_accuracy(vae: VAE, oracle: Oracle, held_out: Split) -> float:
    """Bars with the z_high of a held-out bar and everything else drawn anew: does z_high hold the style?

    The share of them that the oracle takes for the held-out bar's style, be it ever so unsure.

    Args:
        held_out: bars [N, 1, T, V] and their styles [N, 1].
    """
    cells_NTV = vae.to_cells(held_out.images)
    high_NL = vae.infer(cells_NTV).high_BL
    low_NL = vae.low_from(high_NL, torch.randn(len(high_NL), vae.z_low, device=high_NL.device))
    drawn_N1TV = vae.decode(high_NL, low_NL, torch.rand_like(cells_NTV))
    return (oracle.opinion(drawn_N1TV).classes_NC == held_out.labels).double().mean().item()
