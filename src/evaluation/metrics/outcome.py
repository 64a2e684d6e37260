"""Outcome of a run, from its evaluations during training, and the state of a latent level.

E evaluations, S shuffles of the pairs of latents and samples.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit

from src.evaluation.metrics.onset import ACTIVE_NATS, best_before, mode_collapse_onset

if TYPE_CHECKING:  # torch, which reports do not need
    from torch import Tensor

READABLE = 0.1  # minimum share of recognisable samples from which on coverage by any sample tells of letters
LATEST = 3  # evaluations whose median is the state at the end
RISE_WIDTH = 2.5  # minimum rise of coverage between the last two quarters, in standard errors
DROPS = 2  # late evaluations below half of the best coverage before: the generator switches between modes

SHUFFLES = 8
LEVEL = 0.95  # one-sided, of the prediction bound for another shuffle
MIN_NATS = 0.01  # smaller differences are ignored


class Outcome(StrEnum):
    """Outcome of a GAN."""

    LEARNING = "learning"
    COVERING = "covering"
    COLLAPSED = "collapsed"


class LevelState(StrEnum):
    """State of a latent level; the outcome of a VAE is that of its worst level."""

    COLLAPSED = "collapsed"
    WITHOUT_EFFECT = "without effect"
    ALIVE = "alive"


def late_metrics(history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """`modes_late`, `kl_late` and `kl_any_late`, means over the second half of training; `worst_modes`, the minimum.

    Evaluations with other columns than the last one come from an earlier version and are left out. Empty without
    evaluations of this version or modes.
    """
    rows = [row for row in late(history) if row.keys() == history[-1].keys()]
    if not rows or not rows[0].keys() >= {"modes", "kl", "kl_any"}:
        return {}
    modes = [row["modes"] for row in rows]
    return {
        "modes_late": fmean(modes),
        "kl_late": fmean(row["kl"] for row in rows),
        "kl_any_late": fmean(row["kl_any"] for row in rows),
        "worst_modes": min(modes),
    }


def late(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The evaluations of the second half of training, which ends with the last of them."""
    return [row for row in history if row["images_seen"] > history[-1]["images_seen"] / 2]


def mode_outcome(history: Sequence[Mapping[str, Any]], num_modes: int) -> Outcome | None:
    """The outcome of a run with at least one evaluation, by the first rule that applies; None without a mode.

    Collapsed, after half the modes were covered: a lasting loss (`lasting_loss`), or two late evaluations below half of
    the best coverage before. Learning: coverage by any sample, `modes_any`, still rises. Collapsed: readable
    samples with `effective_modes` below half the modes. Learning: half the modes were never covered. Else covering.
    """
    if not num_modes:
        return None
    modes_E = _column(history, "modes")
    images_seen = [row["images_seen"] for row in history]
    if lasting_loss(history, num_modes) is not None or _drops(images_seen, modes_E, num_modes):
        return Outcome.COLLAPSED
    if _rises(_column(history, "modes_any"), num_modes):
        return Outcome.LEARNING
    if _readable(history) and np.median(_column(history, "effective_modes")[-LATEST:]) < num_modes / 2:
        return Outcome.COLLAPSED
    return Outcome.LEARNING if modes_E.max() < num_modes / 2 else Outcome.COVERING


def lasting_loss(history: Sequence[Mapping[str, Any]], num_modes: int) -> int | None:
    """Images seen at the onset of the first lasting loss of `modes` or, if samples are readable, of `modes_any`."""
    images_seen = [row["images_seen"] for row in history]
    counts = [_column(history, key) for key in (("modes", "modes_any") if _readable(history) else ("modes",))]
    onsets = (mode_collapse_onset(images_seen, modes_E, num_modes) for modes_E in counts)
    return min((onset for onset in onsets if onset is not None), default=None)


def above_shuffled(own: float, shuffled_S: "Tensor") -> bool:
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


def worst_state(metrics: Mapping[str, Any]) -> LevelState:
    """The state of a VAE's worst level, from its lists `collapsed` and `without_effect`."""
    if metrics["collapsed"]:
        return LevelState.COLLAPSED
    return LevelState.WITHOUT_EFFECT if metrics["without_effect"] else LevelState.ALIVE


def _column(history: Sequence[Mapping[str, Any]], key: str) -> np.ndarray:
    """Numbers [E], NaN where missing."""
    return np.array([math.nan if row.get(key) is None else row[key] for row in history], dtype=float)


def _readable(history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether enough of the latest samples are recognisable."""
    return bool(np.median(_column(history, "recognisable")[-LATEST:]) >= READABLE)


def _drops(images_seen: Sequence[int], modes_E: np.ndarray, num_modes: int) -> bool:
    """Whether coverage fell, at several late evaluations, below half of the best before, though it came back."""
    best_E, late_E = best_before(modes_E), np.array(images_seen) > images_seen[-1] / 2
    return int((late_E & (best_E >= num_modes / 2) & (modes_E < best_E / 2)).sum()) >= DROPS


def _rises(any_E: np.ndarray, num_modes: int) -> bool:
    """Whether the last quarter covers more than the quarter before, by a mode or more and more than the noise.

    The noise comes from second differences, as a steady rise is none.
    """
    quarter = max(1, len(any_E) // 4)
    if len(any_E) < 3:
        return False
    rise = any_E[-quarter:].mean() - any_E[-2 * quarter : -quarter].mean()
    noise = math.sqrt(np.square(np.diff(any_E, 2)).mean() / 6)
    return bool(rise >= max(1, num_modes / 20, RISE_WIDTH * noise * math.sqrt(2 / quarter)))
