"""What a GAN is scored on: mode coverage and fidelity of its samples, and the signs that foretell its collapse."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from src import pictures
from src.coverage import Coverage
from src.data.module import ResidentData
from src.exhibits import Exhibit, Picture
from src.gan.module import GAN
from src.gan.signals import warning_signals

SAMPLE_SEED = 20_26  # of the noise that samples are drawn from: the same at every evaluation of every run
GRID_COLUMNS = 16
SIGNAL_BATCH = 500


class GANEvaluator:
    """Draws samples and measures them with the oracle; the same weights give the same figures.

    Args:
        num_samples: N, images drawn at each evaluation.
        cache: folder of trained oracles.
    """

    headline = ("modes", "recognisable", "kl", "fid")
    charts: ClassVar = {
        "Modes covered": ("val/modes", "val/effective_modes"),
        "KL to the real shares": ("val/kl", "val/kl_floor"),
        "Recognisable samples, share of the top mode": ("val/recognisable", "val/top_share"),
        "Logits of real and fake": ("train/logits_real", "train/logits_fake"),
        "Losses": ("train/discriminator_loss", "train/generator_loss"),
        "Warning signals": ("val/logit_gap", "val/discriminator_accuracy", "val/feature_variance"),
        "Gradient norms": ("val/generator_gradient", "val/discriminator_gradient"),
        "Fidelity": ("val/precision", "val/recall", "val/coverage"),
    }

    def __init__(self, num_samples: int, cache: str):
        if num_samples < 10:
            raise ValueError(f"evaluator.num_samples={num_samples}: neighbourhoods need at least 10")
        self.num_samples = num_samples
        self.cache = Path(cache)

    def prepare(self, data: ResidentData, device: torch.device) -> None:
        """Trains or loads the oracle and shows it the held-out splits."""
        self.coverage = Coverage(data, self.num_samples, self.cache, device)
        self.real = self.coverage.real_images["val"][:SIGNAL_BATCH].to(device)

    def evaluate(self, gan: GAN, split: str) -> tuple[dict[str, Any], dict[str, Exhibit]]:
        """Metrics by name, and pictures of the samples that they were measured on."""
        images = gan.sample(self.num_samples, SAMPLE_SEED)
        metrics, shown = self.coverage.evaluate(images, split)
        torch.manual_seed(SAMPLE_SEED)
        metrics |= warning_signals(gan, gan.spec.to_float(self.real))
        metrics["discriminator_passes"] = gan.discriminator_passes / max(1, gan.generator_steps)
        return metrics, shown | {"random": Picture(pictures.grid(images[: GRID_COLUMNS * 10], GRID_COLUMNS))}

    def controls(self) -> dict[str, dict[str, Any]]:
        return self.coverage.controls()

    def facts(self) -> dict[str, Any]:
        return self.coverage.facts()

    def onset(self, history: Sequence[Mapping[str, Any]]) -> int | None:
        return self.coverage.onset(history)

    def timeline(self, history: Sequence[Mapping[str, Any]]) -> dict[str, Exhibit]:
        return self.coverage.timeline(history)
