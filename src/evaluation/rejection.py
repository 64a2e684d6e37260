"""Samples that the discriminator lets through.

N images, S stacked samples, C channels, H height, W width, Z latent dims.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from src.core.validation import COUNT
from src.evaluation.gan_diagnostics import uncounted
from src.gan.module import GAN

NUM_CALIBRATING = 2_500  # real images, and as many samples
CHUNK = 250  # images per batch
TINY = 1e-12  # of 1 − exp(Δ), which is 0 for the best sample

Propose = Callable[[int], tuple[np.ndarray, Tensor]]  # new samples, so many: their log ratios [N] and images


@dataclass(frozen=True)
class Accepted:
    """Accepted samples, uint8 [N, C, H, W], and the share of the generator's samples that were accepted."""

    images_NCHW: Tensor
    share: float


class Rejection(ABC):
    """Accepts samples by their density ratio of real to generated images.

    The log ratio is the discriminator's logit, calibrated by a logistic regression on real images that it was not
    trained on and as many samples (Turner et al. 2019, arXiv:1811.11357), so that any loss will do.
    Networks and random streams do not change.
    """

    def check(self, gan: GAN) -> None:
        """Raises: ValueError: a trick does not fit."""
        for name, trick in gan.tricks.items():
            if trick.mixes_samples:
                raise ValueError(
                    f"evaluator.rejection accepts samples one by one, but under gan.tricks={name} a logit belongs to "
                    "several: choose one of them"
                )

    def draw(self, gan: GAN, real_NCHW: Tensor, real_labels_NS: Tensor | None, num: int, seed: int) -> Accepted:
        """As many accepted samples, the same for the same seed; fewer where too few are accepted.

        Args:
            real_NCHW: held-out stored images for the calibration, with labels [N, S] of a conditional GAN.
            seed: of noise, labels and decisions.
        """
        random = np.random.default_rng(seed)
        labels_NS = None if real_labels_NS is None else real_labels_NS[:NUM_CALIBRATING]
        real_B = _logits(gan, real_NCHW[:NUM_CALIBRATING], None, labels_NS)
        fake_B, _ = _samples(gan, random, len(real_B))
        scale, shift = calibration(real_B, fake_B)

        def propose(num: int) -> tuple[np.ndarray, Tensor]:
            logits_N, images_NCHW = _samples(gan, random, num)
            return scale * logits_N + shift, images_NCHW

        return self.select(propose, scale * real_B + shift, scale * fake_B + shift, num, random)

    @abstractmethod
    def select(
        self, propose: Propose, real_B: np.ndarray, fake_B: np.ndarray, num: int, random: np.random.Generator
    ) -> Accepted:
        """Accepts `num` of the proposed samples, given the log ratios of real and generated images."""


class DiscriminatorRejection(Rejection):
    """Accepts each sample with a probability that grows with its density ratio.

    Discriminator rejection sampling (Azadi et al. 2019, arXiv:1810.06758): with Δ the log ratio minus the
    largest one seen so far, and F = Δ − log(1 − exp(Δ)) − γ, the probability is σ(F), which is the exact exp(Δ) at γ 0.
    γ is a percentile of F, so that few samples do not reject all others.

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

    def select(
        self, propose: Propose, real_B: np.ndarray, fake_B: np.ndarray, num: int, random: np.random.Generator
    ) -> Accepted:
        largest = fake_B.max()
        images, drawn, found = [], 0, 0
        while found < num and drawn < self.most_draws * num:
            ratios_N, images_NCHW = propose(num)
            largest = max(largest, ratios_N.max())
            kept_N = random.random(num) < acceptance(ratios_N - largest, self.percentile)
            images.append(images_NCHW[torch.from_numpy(kept_N).to(images_NCHW.device)])
            drawn, found = drawn + num, found + kept_N.sum()
        return Accepted(torch.cat(images)[:num], found / drawn)


class MetropolisHastings(Rejection):
    """Each sample is the last state of a Metropolis–Hastings chain of its own, whose proposals are the generator's.

    MH-GAN (Turner et al. 2019, arXiv:1811.11357): x' takes the place of x with probability
    min(1, (1/D(x) − 1) / (1/D(x') − 1)), where 1/D − 1 of the calibrated D is the inverse density ratio. Under a right
    ratio the chain's distribution tends to the data's. It starts at a held-out real image, so that it has no burn-in;
    if it never leaves that, another chain starts at a generated one, so that no real image is returned.

    Args:
        chain_length: proposals per sample, 640 in the authors' code.
    """

    def __init__(self, chain_length: int = 640):
        COUNT.check("evaluator.rejection.chain_length", chain_length)
        self.chain_length = chain_length

    def select(
        self, propose: Propose, real_B: np.ndarray, fake_B: np.ndarray, num: int, random: np.random.Generator
    ) -> Accepted:
        images_NCHW, moves_N = self.run_chains(propose, random.choice(real_B, num), random)
        unmoved_N = moves_N == 0
        if unmoved_N.any():
            again_NCHW, _ = self.run_chains(propose, np.full(unmoved_N.sum(), -np.inf), random)
            images_NCHW[torch.from_numpy(unmoved_N).to(images_NCHW.device)] = again_NCHW
        return Accepted(images_NCHW, moves_N.mean() / self.chain_length)

    def run_chains(
        self, propose: Propose, start_N: np.ndarray, random: np.random.Generator
    ) -> tuple[Tensor, np.ndarray]:
        """The last image of each chain, and how often it moved; the image of a chain that never did means nothing.

        Args:
            start_N: log ratio of each chain's first state; at −∞ it accepts the first proposal.
        """
        images_NCHW = torch.empty(0)
        ratio_N, moves_N = start_N, np.zeros(len(start_N), int)
        for step in range(self.chain_length):
            proposed_N, proposed_NCHW = propose(len(start_N))
            moved_N = -random.standard_exponential(len(start_N)) < proposed_N - ratio_N
            moved_N111 = torch.from_numpy(moved_N).to(proposed_NCHW.device).view(-1, 1, 1, 1)
            images_NCHW = torch.where(moved_N111, proposed_NCHW, images_NCHW) if step else proposed_NCHW
            ratio_N, moves_N = np.where(moved_N, proposed_N, ratio_N), moves_N + moved_N
        return images_NCHW, moves_N


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


def _samples(gan: GAN, random: np.random.Generator, num: int) -> tuple[np.ndarray, Tensor]:
    """Logits of new samples, and the samples."""
    seed = int(random.integers(2**32))
    labels_NS = gan.draw_labels(num, seed)
    z_NZ = torch.randn(num, gan.generator.z, generator=torch.Generator().manual_seed(seed)).to(gan.device)
    images_NCHW = gan.images(z_NZ, labels_NS)
    return _logits(gan, images_NCHW, z_NZ, labels_NS), images_NCHW


@torch.no_grad()
def _logits(gan: GAN, images_NCHW: Tensor, z_NZ: Tensor | None, labels_NS: Tensor | None) -> np.ndarray:
    """The discriminator's logits of stored images, real or from noise."""
    given = (images_NCHW, z_NZ, labels_NS)
    batches = zip(*(repeat(None) if each is None else each.to(gan.device).split(CHUNK) for each in given), strict=False)
    with uncounted(gan):
        logits = [
            gan.discriminate(gan.spec.to_float(images), z, None, labels).logits_B for images, z, labels in batches
        ]
    return torch.cat(logits).double().cpu().numpy()
