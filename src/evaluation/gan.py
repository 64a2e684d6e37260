"""What a GAN is scored on: mode coverage and fidelity of its samples, and the signs that foretell its collapse.

N samples, C channels, H height, W width.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from src.core.validation import SAMPLES
from src.data.drums import drawing
from src.data.module import ResidentData
from src.evaluation import image_grids
from src.evaluation.artifacts import Artifact, Picture, Sound
from src.evaluation.coverage import Coverage
from src.evaluation.drum_metrics import drum_metrics_of
from src.evaluation.gan_diagnostics import warning_signals
from src.gan.module import GAN

SAMPLE_SEED = 20_26  # of the noise that samples are drawn from: the same at every evaluation of every run
GRID_COLUMNS = 16
SHOWN_BARS = 16
HEARD_BARS = 8
SIGNAL_BATCHES = 4


class GANEvaluator:
    """Draws samples and measures them with the oracle; the same weights give the same figures.

    Args:
        num_samples: N, images drawn at the end; along training fewer suffice.
        cache: folder of trained oracles.
    """

    headline = ("modes", "recognisable", "kl", "fid")
    charts: ClassVar = {
        "GAN: what its samples cover": {
            "Modes covered": "val/modes",
            "KL to the real shares, unrecognisable included": "val/kl",
            "Modes covered by any sample": "val/modes_any",
            "KL to the real shares, any sample": "val/kl_any",
            "Recognisable samples": "val/recognisable",
            "FID in the oracle's features": "val/fid",
            "Share of the top mode": "val/top_share",
            "Recall": "val/recall",
        },
        "GAN: how it trains, and signs of collapse": {
            "Discriminator's loss": "train/discriminator_loss",
            "Generator's loss": "train/generator_loss",
            "Logit gap of real and fake": "val/logit_gap",
            "Pairs that the discriminator tells apart": "val/discriminator_accuracy",
            "Spread of the fakes' features": "val/feature_variance",
            "Norm of the generator's gradient": "val/generator_gradient",
        },
    }
    stacked_charts: ClassVar = {
        "GAN: one channel beside another": {"Regard for the least regarded channel": "val/channel_balance"},
    }

    def __init__(self, num_samples: int, cache: str):
        SAMPLES.check("evaluator.num_samples", num_samples)  # neighbourhoods need some
        self.num_samples = num_samples
        self.cache = Path(cache)

    def prepare(self, data: ResidentData, device: torch.device) -> None:
        """Trains or loads the oracle and shows it the held-out splits; finds a drum_metrics for drums."""
        self.drum_metrics = drum_metrics_of(data, self.num_samples, device)
        self.coverage = Coverage(data, self.num_samples, self.cache, device)
        if data.spec.shape[0] > 1:
            self.charts = self.charts | self.stacked_charts
        real = self.coverage.real_images["val"]
        self.batch_size = data.batch_size
        self.real = real[torch.arange(SIGNAL_BATCHES * data.batch_size) % len(real)].to(device)

    def evaluate(self, gan: GAN, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        """Metrics by name, and pictures of the samples that they were measured on."""
        images = gan.sample(self.coverage.enough(split), SAMPLE_SEED)
        metrics, shown = self.coverage.evaluate(images, split)
        torch.manual_seed(SAMPLE_SEED)
        metrics |= warning_signals(gan, gan.spec.to_float(self.real), self.batch_size)
        metrics["discriminator_passes"] = gan.discriminator_passes / max(1, gan.generator_steps)
        metrics["discriminator_images"] = gan.discriminator_passes * gan.batch_images
        if self.drum_metrics:
            metrics |= self.drum_metrics.measure(images[:, 0])
            if split == "test":
                shown["random_bars"] = Sound(images[:HEARD_BARS, 0], gan.spec.kit)
        if gan.spec.kind != "points":
            shown["random"] = self._picture(images, split)
        return metrics, shown

    def _picture(self, images_NCHW: Tensor, split: str) -> Picture:
        """The first samples; of bars fewer, and the style that the oracle hears above each."""
        if self.coverage.spec.kind == "drums":
            some = images_NCHW[:SHOWN_BARS]
            names, kit = self.coverage.names(some, split), self.coverage.spec.kit
            return Picture(drawing.bars(drawing.side_by_side(some), names, voices=kit))
        return Picture(image_grids.grid(images_NCHW[: GRID_COLUMNS * 10], GRID_COLUMNS))

    def controls(self) -> dict[str, dict[str, Any]]:
        heard = self.drum_metrics.controls() if self.drum_metrics else {}
        return {name: control | heard.get(name, {}) for name, control in self.coverage.controls().items()}

    def facts(self) -> dict[str, Any]:
        return self.coverage.facts()

    def over_training(self, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]) -> dict[str, Any]:
        return self.coverage.over_training(history)

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Artifact]:
        return self.coverage.timeline(history)
