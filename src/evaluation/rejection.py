"""Samples that the discriminator lets through.

N images, S stacked samples, C channels, H height, W width, Z latent dims.
"""

from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from src.core.validation import COUNT
from src.gan.module import GAN

NUM_CALIBRATING = 2_500  # real images, and as many samples
TINY = 1e-12  # of 1 − exp(Δ), which is 0 for the best sample


@dataclass(frozen=True)
class Accepted:
    """Accepted samples, uint8 [N, C, H, W], and their share of all that were drawn."""

    images_NCHW: Tensor
    share: float


class DiscriminatorRejection:
    """Accepts each sample with a probability that grows with its density ratio of real to generated images.

    Discriminator rejection sampling (Azadi et al. 2019, arXiv:1810.06758, eqs. 6 to 8): with Δ the log ratio minus the
    largest one seen so far, and F = Δ − log(1 − exp(Δ)) − γ, the probability is σ(F), which is the exact exp(Δ) at γ 0.
    γ is a percentile of F, so that few samples do not reject all others. The log ratio is the discriminator's logit,
    calibrated by a logistic regression on real images that it was not trained on and as many samples (Turner et al.
    2019, arXiv:1811.11357, section 3.2), so that any loss will do. Networks and random streams do not change.

    Args:
        percentile: of F, that is γ; None for γ 0, under which hardly any sample may be accepted.
        most_draws: how many times the samples asked for are drawn at most.
    """

    def __init__(self, percentile: float | None = 95.0, most_draws: int = 10):
        if percentile is not None and not 0 <= percentile <= 100:
            raise ValueError(f"evaluator.rejection.percentile={percentile}: choose a number from 0 to 100, or null")
        COUNT.check("evaluator.rejection.most_draws", most_draws)
        self.percentile = percentile
        self.most_draws = most_draws

    def check(self, gan: GAN) -> None:
        """Raises: ValueError: a trick does not fit."""
        for name, trick in gan.tricks.items():
            if trick.mixes_samples:
                raise ValueError(
                    f"evaluator.rejection accepts samples one by one, but under gan.tricks={name} a logit belongs to "
                    "several: choose one of them"
                )

    def draw(self, gan: GAN, real_NCHW: Tensor, real_labels_NS: Tensor | None, num: int, seed: int) -> Accepted:
        """As many accepted samples, or fewer where `most_draws` is reached.

        Args:
            real_NCHW: held-out stored images for the calibration, with labels [N, S] of a conditional GAN.
            seed: of noise, labels and decisions.
        """
        labels_NS = None if real_labels_NS is None else real_labels_NS[:NUM_CALIBRATING]
        real_B = _logits(gan, real_NCHW[:NUM_CALIBRATING], None, labels_NS)
        fake_B, _ = _samples(gan, len(real_B), seed)
        scale, shift = calibration(real_B, fake_B)
        largest = (scale * fake_B + shift).max()
        generator = np.random.default_rng(seed)
        images, drawn, found = [], 0, 0
        for turn in range(1, self.most_draws + 1):
            logits_N, images_NCHW = _samples(gan, num, seed + turn)
            ratios_N = scale * logits_N + shift
            largest = max(largest, ratios_N.max())
            kept_N = generator.random(num) < acceptance(ratios_N - largest, self.percentile)
            index_M = torch.from_numpy(kept_N.nonzero()[0])
            images.append(images_NCHW[index_M.to(images_NCHW.device)])
            drawn, found = drawn + num, found + len(index_M)
            if found >= num:
                break
        return Accepted(torch.cat(images)[:num], found / drawn)


def calibration(real_N: np.ndarray, fake_N: np.ndarray) -> tuple[float, float]:
    """Slope and intercept that turn logits into log density ratios, from as many real images as samples."""
    logits, targets = np.concatenate([real_N, fake_N]), np.repeat([1, 0], [len(real_N), len(fake_N)])
    spread = max(logits.std(), TINY)
    fitted = LogisticRegression().fit((logits / spread)[:, None], targets)
    return fitted.coef_.item() / spread, fitted.intercept_.item()


def acceptance(delta_N: np.ndarray, percentile: float | None) -> np.ndarray:
    """The probability that each sample is accepted, from its log ratio minus the largest."""
    odds_N = delta_N - np.log(np.maximum(-np.expm1(delta_N), TINY))
    gamma = 0.0 if percentile is None else np.percentile(odds_N, percentile)
    return expit(odds_N - gamma)


def _samples(gan: GAN, num: int, seed: int) -> tuple[np.ndarray, Tensor]:
    """Logits of samples, and the samples."""
    labels_NS = gan.draw_labels(num, seed)
    z_NZ = torch.randn(num, gan.generator.z, generator=torch.Generator().manual_seed(seed)).to(gan.device)
    images_NCHW = gan.images(z_NZ, labels_NS)
    return _logits(gan, images_NCHW, z_NZ, labels_NS), images_NCHW


@torch.no_grad()
def _logits(
    gan: GAN, images_NCHW: Tensor, z_NZ: Tensor | None, labels_NS: Tensor | None, chunk: int = 250
) -> np.ndarray:
    """The discriminator's logits of stored images, real or from noise."""
    passes, was_training = gan.discriminator_passes, gan.training
    gan.eval()
    given = (images_NCHW, z_NZ, labels_NS)
    batches = zip(*(repeat(None) if each is None else each.to(gan.device).split(chunk) for each in given), strict=False)
    logits = [gan.discriminate(gan.spec.to_float(images), z, None, labels).logits_B for images, z, labels in batches]
    gan.train(was_training)
    gan.discriminator_passes = passes
    return torch.cat(logits).double().cpu().numpy()
