"""State of a latent level, from its KL and a comparison with shuffled pairs of latents and samples.

S shuffles.
"""

import math

from scipy.special import stdtrit
from torch import Tensor

from src.evaluation.metrics.onset import ACTIVE_NATS
from src.evaluation.metrics.outcome import LevelState

SHUFFLES = 8
LEVEL = 0.95  # one-sided, of the prediction bound for another shuffle
MIN_NATS = 0.01  # smaller differences are ignored


def above_shuffled(own: float, shuffled_S: Tensor) -> bool:
    """Whether the value of the true pairs exceeds that of shuffled ones.

    Under independence the true pairs are one more shuffle, so they must exceed its prediction bound,
    mean + t · sd · √(1 + 1/S), and the mean by at least 0.01 nats.
    """
    num, mean, sd = len(shuffled_S), shuffled_S.double().mean().item(), shuffled_S.double().std().item()
    reach = float(stdtrit(num - 1, LEVEL)) * sd * math.sqrt(1 + 1 / num)
    return own - mean > max(reach, MIN_NATS)


def level_state(kl: float, used: bool, informative: bool) -> LevelState:
    """Alive if usage and mutual information both exceed those of shuffled pairs."""
    if kl < ACTIVE_NATS:
        return LevelState.COLLAPSED
    return LevelState.ALIVE if used and informative else LevelState.WITHOUT_EFFECT
