import math

import numpy as np
import pytest
from scipy import stats

from src.comparison.statistics import Estimate, estimate, paired_differences


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_interval_is_students(n: int) -> None:
    sample = np.random.default_rng(n).normal(3, 2, n)
    found = estimate(sample)
    low, high = stats.t.interval(0.95, n - 1, loc=sample.mean(), scale=stats.sem(sample))
    assert (found.n, found.mean, found.sd) == pytest.approx((n, sample.mean(), sample.std(ddof=1)))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_paired_interval_is_the_paired_t_test() -> None:
    random = np.random.default_rng(0)
    before, after = random.normal(size=6), random.normal(0.5, size=6)
    found = estimate(paired_differences(dict(enumerate(after)), dict(enumerate(before))).values())
    expected = stats.ttest_rel(after, before).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_three_values_by_hand() -> None:
    found = estimate([1, 2, 3])
    assert found.mean == 2
    assert found.high - found.mean == pytest.approx(4.302653 / math.sqrt(3))


def test_no_interval_below_two() -> None:
    assert estimate([]) == Estimate(0)
    assert estimate([4.0]) == Estimate(1, 4.0)
    assert not estimate([4.0]).excludes_zero


def test_pairs_are_seeds_that_both_have() -> None:
    assert paired_differences({0: 5.0, 2: 7.0, 9: 1.0}, {2: 4.0, 0: 4.0, 1: 8.0}) == {0: 1.0, 2: 3.0}


def test_interval_through_zero_does_not_exclude_it() -> None:
    assert not estimate([-1, 1, 0.5]).excludes_zero
    assert estimate([-1, -1.1, -0.9]).excludes_zero
    assert not estimate([0, 0, 0]).excludes_zero
