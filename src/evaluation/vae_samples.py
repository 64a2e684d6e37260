"""Samples of a VAE: mode coverage, drum metrics, and whether the top level holds the style.

N samples, C channels, H height, W width, T steps, V voices, L latent dims.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from src.data.drums import drawing
from src.data.module import ResidentData
from src.data.spec import Split
from src.evaluation import image_grids
from src.evaluation.artifacts import Artifact, Deferred, Picture, Sound
from src.evaluation.coverage import Coverage
from src.evaluation.drum_metrics import drum_metrics_of
from src.evaluation.oracles.base import Oracle
from src.evaluation.oracles.factory import oracle_of
from src.vae.module import VAE

NUM_SHOWN_IMAGES = 64
NUM_SHOWN_BARS = 16
NUM_HEARD_BARS = 8
NUM_BARS_IN_TRAINING = 300


class SampleEvaluator:
    """Mode coverage of images and points; drum metrics and style accuracy of single bars.

    Args:
        data: set up.
        num_samples: samples of the prior per evaluation.
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
                held_out, num = data.held_out(name).to(device), self.num_samples_of(name)
                self.held_out[name] = Split(held_out.images[:num], held_out.labels[:num])

    def num_samples_of(self, split: str) -> int:
        """Number of samples of an evaluation: all at the end (test), usually fewer during training (val)."""
        if self.coverage:
            return self.coverage.num_samples_of(split)
        return self.num_samples if split == "test" else min(self.num_samples, NUM_BARS_IN_TRAINING)

    def evaluate(self, vae: VAE, samples_NCHW: Tensor, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics by name of samples of the prior, and artifacts of them."""
        metrics: dict[str, Any] = {}
        artifacts: dict[str, Artifact] = {}
        if self.spec.kind == "drums":
            bars = drawing.side_by_side(samples_NCHW[:NUM_SHOWN_BARS]).cpu()
            artifacts["prior"] = Deferred(
                lambda: Picture(*(drawing.bars(bars, columns=n, voices=self.spec.kit) for n in (4, 1)))
            )
        elif self.spec.kind == "images":
            first = samples_NCHW[:NUM_SHOWN_IMAGES].cpu()
            artifacts["prior"] = Deferred(lambda: Picture(*(image_grids.grid(first, n) for n in (16, 8))))
        if self.coverage:
            metrics, pictures = self.coverage.evaluate(samples_NCHW, split)
            artifacts |= pictures
        if self.drum_metrics:
            metrics |= self.drum_metrics.measure(samples_NCHW[:, 0])
            if split == "test":
                artifacts["prior_bars"] = Sound(samples_NCHW[:NUM_HEARD_BARS, 0], self.spec.kit)
        if self.styles:
            metrics["style_accuracy"] = style_accuracy(vae, self.styles, self.held_out[split])
        return metrics, artifacts

    def controls(self) -> dict[str, dict[str, Any]]:
        """The same metrics of samples of known quality."""
        if self.coverage:
            return self.coverage.controls()
        controls = self.drum_metrics.controls() if self.drum_metrics else {}
        if self.styles:
            controls["real"]["style_accuracy"] = self.styles.accuracy_k.item()
        return controls

    def facts(self) -> dict[str, Any]:
        return self.coverage.facts() if self.coverage else {}

    def over_training(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return self.coverage.over_training(history) if self.coverage else {}

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Artifact]:
        return self.coverage.timeline(history) if self.coverage else {}


def style_accuracy(vae: VAE, oracle: Oracle, held_out: Split) -> float:
    """Share of bars with the top level of a held-out bar, all else resampled, whose predicted style is that bar's.

    Args:
        held_out: bars [N, 1, T, V] and their styles [N, 1].
    """
    cells_NTV = vae.to_cells(held_out.images)
    top_NL = vae.infer(cells_NTV).z[0]
    _, *lower = vae.levels.values()
    noise = [torch.randn(len(top_NL), size, device=top_NL.device) for size in lower]
    bars_N1TV = vae.decode(vae.prior.below(top_NL, noise), torch.rand_like(cells_NTV))
    return (oracle.predict(bars_N1TV).classes_NS == held_out.labels).double().mean().item()
