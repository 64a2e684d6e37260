"""Shapes that a metric's curve must have to pass a sanity check of Räisä et al. 2025 (arXiv:2505.22450).

A curve is a metric's value y at the settings x of one sweep, the tolerances are the paper's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NEAR = 0.05  # of 0, of 1, and from each other
FAR = 0.2  # of the ends of a curve that must change
END = 0.1  # by which an end may miss the curve's extreme


@dataclass(frozen=True)
class Curve:
    x: np.ndarray
    y: np.ndarray

    def at(self, x: float) -> float:
        return self.y[np.abs(self.x - x).argmin()]


Passes = Callable[[Curve], bool | str]  # "low" or "high" where the paper lets a diversity metric choose


def near(value: float, x: float) -> Passes:
    """x may be infinite for an end."""
    return lambda curve: bool(abs(curve.at(float(np.clip(x, curve.x[0], curve.x[-1]))) - value) <= NEAR)


def flat(curve: Curve) -> bool:
    return bool(np.ptp(curve.y) <= NEAR)


def settled(curve: Curve) -> bool:
    """Flat from the median x on."""
    return flat(Curve(curve.x, curve.y[curve.x >= np.median(curve.x)]))


def rising(curve: Curve) -> bool:
    first, last = curve.y[[0, -1]]
    return bool(last - first >= FAR and first - curve.y.min() <= END and curve.y.max() - last <= END)


def falling(curve: Curve) -> bool:
    return rising(Curve(curve.x, curve.y[::-1]))


def falling_before(quantile: float) -> Passes:
    """Falling, a tenth of it before this quantile of x."""
    return lambda curve: falling(curve) and bool(curve.y[0] - curve.at(np.quantile(curve.x, quantile)) >= END)


def bell(middle: float) -> Passes:
    def passes(curve: Curve) -> bool:
        top, ends, low = curve.at(middle), curve.y[[0, -1]], curve.y.min()
        return bool((top - ends >= FAR).all() and curve.y.max() - top <= END and (ends - low <= END).any())

    return passes


def either(low: Passes, high: Passes) -> Passes:
    """A metric of diversity may be low or high for samples that cover more than the real distribution."""
    return lambda curve: "low" if low(curve) else "high" if high(curve) else False


def verdict(results: list[bool | str]) -> str:
    """pass, low, high or how many criteria fail; both low and high is inconsistent."""
    if {"low", "high"} <= set(results):
        return "inconsistent"
    failed = sum(result is False for result in results)
    if failed:
        return f"fail ({failed} of {len(results)})"
    return next((result for result in results if isinstance(result, str)), "pass")
