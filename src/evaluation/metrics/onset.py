"""Onset of collapse: when modes or a latent level were lost permanently.

E evaluations.
"""

from collections.abc import Sequence

import numpy as np

ACTIVE_NATS = 0.1  # mean KL above which a latent dimension is active; a level below it has collapsed
NEVER_HALF = "never covered half the modes"  # reason for no onset
NO_MODES = "every class is too rare in the held-out data to be judged"
NOISE_WIDTH = 3.0  # minimum loss, in standard deviations of one evaluation
LAST_ONLY = 2.0  # factor of the minimum if only the last evaluation shows the loss
SMOOTHING = 3  # evaluations in the running median


def mode_collapse_onset(images_seen: Sequence[int], modes: Sequence[int], num_modes: int) -> int | None:
    """Images seen at the first evaluation of a loss of modes that lasts until the end; None without such a loss.

    A loss is at least max(2, `num_modes` / 10, 3 × the noise of one evaluation) below the best level before, which is
    the largest running median of three evaluations and at least half the modes. A loss that only the last evaluation
    shows must be twice as large. On plateaus with independent noise at most one run in twenty has an onset
    (tests/evaluation/metrics/test_onset_errors.py); correlated noise raises that.
    """
    modes_E = np.asarray(modes, dtype=float)
    margin = max(2, num_modes / 10, NOISE_WIDTH * evaluation_noise(modes_E, num_modes))
    best_E = best_before(modes_E)
    for turn in range(1, len(modes_E)):
        needed = margin * (LAST_ONLY if turn == len(modes_E) - 1 else 1)
        if best_E[turn] >= num_modes / 2 and modes_E[turn:].max() <= best_E[turn] - needed:
            return images_seen[turn]
    return None


def onset_reason(modes: Sequence[int], num_modes: int) -> str | None:
    """Why a run cannot have an onset: there are no modes, or half were never covered; None where it can."""
    if not num_modes:
        return NO_MODES
    return NEVER_HALF if max(modes, default=0) < num_modes / 2 else None


def evaluation_noise(modes_E: np.ndarray, num_modes: int) -> float:
    """Standard deviation of one evaluation, from the differences of successive ones since half the modes were covered.

    The largest difference is left out, as it may be the loss itself. 0 with too few evaluations.
    """
    since = np.flatnonzero(modes_E >= num_modes / 2)
    steps = np.sort(np.abs(np.diff(modes_E[since[0] :])))[:-1] if since.size else np.empty(0)
    return float(np.sqrt((steps**2).sum() / 2 / max(1, len(steps) - 1)))


def best_before(modes_E: np.ndarray) -> np.ndarray:
    """The best level [E] before each evaluation: the largest running median, 0 before the first."""
    levels = [np.median(modes_E[max(0, turn + 1 - SMOOTHING) : turn + 1]) for turn in range(len(modes_E))]
    return np.maximum.accumulate([0.0, *levels])[:-1]


def posterior_collapse_onset(images_seen: Sequence[int], kl: Sequence[float], threshold: float) -> int | None:
    """Images seen at the first evaluation from which a level's KL stays below `threshold` nats to the end, or None."""
    onset = None
    for at, nats in zip(reversed(images_seen), reversed(kl), strict=True):
        if nats >= threshold:
            break
        onset = at
    return onset
