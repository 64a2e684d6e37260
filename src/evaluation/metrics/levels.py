"""Whether a latent level is alive: by its KL, and by what shuffled pairs of latents and samples give.

S shuffles.
"""

import math

from scipy.special import stdtrit
from torch import Tensor

from src.evaluation.metrics.onset import ACTIVE_NATS
from src.evaluation.metrics.outcome import LevelState

SHUFFLES = 8
LEVEL = 0.95  # one-sided, of the bound that another shuffle stays below
LEAST_NATS = 0.01  # a smaller difference is nothing, however sure


def above_shuffled(own: float, shuffled_S: Tensor) -> bool:
    """Whether true pairs give more nats than shuffled ones do.

    Without any relation between latents and samples the true pairs are one more shuffle: they must exceed the bound of
    a next one, mean + t · sd · √(1 + 1/S), and the mean by at least 0.01 nats.
    """
    num, mean, sd = len(shuffled_S), shuffled_S.double().mean().item(), shuffled_S.double().std().item()
    reach = float(stdtrit(num - 1, LEVEL)) * sd * math.sqrt(1 + 1 / num)
    return own - mean > max(reach, LEAST_NATS)


def level_state(kl: float, used: bool, informative: bool) -> LevelState:
    """Alive is a level that the decoder uses and that knows the sample, beyond what shuffled pairs give of either."""
    if kl < ACTIVE_NATS:
        return LevelState.COLLAPSED
    return LevelState.ALIVE if used and informative else LevelState.WITHOUT_EFFECT
