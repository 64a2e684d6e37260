"""Metrics of a GAN: mode coverage and fidelity of its samples, and warning signals of collapse.

N samples, C channels, H height, W width.
"""

from typing import Any

import torch
from torch import Tensor

from src.core.validation import SAMPLES
from src.data.drums import drawing
from src.data.module import ResidentData
from src.data.spec import Batch
from src.evaluation import CHARTS, SEED, image_grids
from src.evaluation.artifacts import Artifact, Deferred, Sound
from src.evaluation.coverage import Coverage
from src.evaluation.drum_metrics import drum_metrics_of
from src.evaluation.gan_diagnostics import warning_signals
from src.evaluation.rejection import Accepted, Rejection
from src.evaluation.samples import SampleEvaluator
from src.gan.module import GAN

GRID_COLUMNS = 16
NUM_SHOWN_BARS = 16
NUM_HEARD_BARS = 8
SIGNAL_BATCHES = 4
OF_ACCEPTED = ("num_samples", "modes", "kl", "recognisable", "fid", "precision", "recall", "modes_any", "kl_any")


class GANEvaluator(SampleEvaluator):
    """Evaluates samples with the oracle, deterministically for given weights.

    Args:
        rejection: accepts some samples at the end, which are evaluated beside all.
    """

    headline = ("modes", "recognisable", "kl", "fid")
    charts = CHARTS["gan"]

    def __init__(self, num_samples: int, cache: str, rejection: Rejection | None = None):
        super().__init__(num_samples, cache)
        self.rejection = rejection

    def prepare(self, data: ResidentData, device: torch.device) -> None:
        self.drum_metrics = drum_metrics_of(data, self.num_samples, device)
        self.coverage = Coverage(data, self.num_samples, self.cache, device)
        self.conditional = data.trainer is not None and data.trainer.lightning_module.needs_labels
        if self.rejection and data.trainer:
            self.rejection.check(data.trainer.lightning_module)
        for kind, has in (("stacked", data.spec.stack > 1), ("conditional", self.conditional)):
            self.charts = self.charts | (CHARTS[kind] if has else {})
        real = self.coverage.real_images["val"]
        self.batch_size = data.batch_size
        some = torch.arange(SIGNAL_BATCHES * data.batch_size) % len(real)
        self.real, self.real_labels = real[some].to(device), self.coverage.real_labels[some].to(device)

    def evaluate(self, gan: GAN, split: str) -> tuple[dict[str, Any], dict[str, Artifact]]:
        num = self.num_samples_of(split)
        labels = gan.draw_labels(num, SEED)
        images = gan.sample(num, SEED, labels)
        metrics, artifacts = self.coverage.evaluate(images, split, labels if gan.needs_labels else None)
        torch.manual_seed(SEED)
        real_labels = gan.conditional.batch_labels(gan, Batch(self.real, self.real_labels))
        metrics |= warning_signals(gan, gan.spec.to_float(self.real), self.batch_size, real_labels)
        metrics["discriminator_passes"] = gan.discriminator_passes / max(1, gan.generator_steps)
        metrics["discriminator_images"] = gan.discriminator_passes * gan.batch_images
        if self.drum_metrics:
            metrics |= self.drum_metrics.measure(images[:, 0])
            if split == "test":
                artifacts["random_bars"] = Sound(images[:NUM_HEARD_BARS, 0], gan.spec.kit)
        if gan.spec.kind != "points":
            artifacts["random"] = self._picture(images, split)
        if self.rejection and split == "test":
            accepted = self._accepted(self.rejection, gan, num)
            metrics["accepted_share"] = accepted.share
            if SAMPLES.holds(len(accepted.images_NCHW)):  # enough of them
                scored = self.coverage.score(self.coverage.oracle.predict(accepted.images_NCHW), split)
                metrics |= {f"accepted_{name}": scored[name] for name in OF_ACCEPTED}
            if gan.spec.kind != "points" and len(accepted.images_NCHW):
                artifacts["accepted"] = self._picture(accepted.images_NCHW, split)
        return metrics, artifacts

    def _accepted(self, rejection: Rejection, gan: GAN, num: int) -> Accepted:
        """Samples that the discriminator, calibrated on the validation split, accepts."""
        real, labels = self.coverage.real_images["val"][:num], self.coverage.real_labels[:num]
        real_labels = gan.conditional.batch_labels(gan, Batch(real.to(gan.device), labels))
        return rejection.draw(gan, real, real_labels, num, SEED)

    def _picture(self, images_NCHW: Tensor, split: str) -> Artifact:
        """The first samples; bars with their predicted styles."""
        if self.coverage.spec.kind == "drums":
            some, kit = images_NCHW[:NUM_SHOWN_BARS], self.coverage.spec.kit
            names, bars = self.coverage.names(some, split), drawing.side_by_side(some).cpu()
            return Deferred(lambda n: drawing.bars(bars, names, n, kit), (4,))
        first = images_NCHW[: GRID_COLUMNS * 10].cpu()
        return Deferred(lambda n: image_grids.grid(first, n), (GRID_COLUMNS,))

    def controls(self) -> dict[str, dict[str, Any]]:
        controls = super().controls()
        if self.conditional:
            real = self.coverage.class_accuracy(self.coverage.real["val"], self.coverage.real_labels, "test")
            controls["real"] |= real
        return controls
