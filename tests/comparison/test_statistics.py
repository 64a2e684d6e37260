import math

import numpy as np
import pytest
from scipy import stats

from src.comparison.measures import COUNT
from src.comparison.statistics import (
    Estimate,
    Interval,
    Significance,
    estimate,
    intervals,
    p_text,
    p_value,
    paired_differences,
    significances,
)


@pytest.mark.parametrize("n", [2, 3, 5, 9])
def test_interval_of_few_is_students(n: int) -> None:
    sample = np.random.default_rng(n).normal(3, 2, n)
    found = estimate(sample)
    low, high = stats.t.interval(0.95, n - 1, loc=sample.mean(), scale=stats.sem(sample))
    assert (found.n, found.mean, found.sd) == pytest.approx((n, sample.mean(), sample.std(ddof=1)))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.interval is Interval.STUDENT


@pytest.mark.parametrize("n", [10, 12, 40])
def test_interval_of_many_is_bca(n: int) -> None:
    sample = np.random.default_rng(n).lognormal(size=n)
    found = estimate(sample)
    expected = stats.bootstrap((sample,), np.mean, n_resamples=4999, method="BCa", rng=np.random.default_rng(0))
    assert (found.n, found.mean, found.sd) == pytest.approx((n, sample.mean(), sample.std(ddof=1)))
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval))
    assert found.interval is Interval.BCA
    assert found.high - found.mean > found.mean - found.low, "the long tail is on the right"


def test_bca_hardly_depends_on_what_is_drawn() -> None:
    sample = np.random.default_rng(1).normal(size=15)
    found = estimate(sample)
    other = stats.bootstrap((sample,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(9))
    assert (found.low, found.high) == pytest.approx(tuple(other.confidence_interval), abs=0.05 * found.sd)


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("value", [0.0, 0.3, -1e9])
def test_a_few_values_without_spread_have_no_interval(n: int, value: float) -> None:
    assert estimate([value] * n) == Estimate(n, value, 0.0)
    assert estimate([0.3, *[0.1 + 0.2] * n]).sd == 0, "which differs by its last digit"


@pytest.mark.parametrize("n", [6, 9, 10, 30])
def test_more_of_them_have_one_of_no_width_as_the_median_does(n: int) -> None:
    assert estimate([0.3] * n) == Estimate(n, 0.3, 0.0, 0.3, 0.3, Interval.ALIKE)
    signs = stats.quantile_test([0.3] * n, q=0.3).confidence_interval(0.95)
    assert (signs.low, signs.high) == (0.3, 0.3)


@pytest.mark.parametrize("n", [2, 3, 6, 12])
def test_counts_without_spread_have_that_of_their_rounding(n: int) -> None:
    found = estimate([26.0] * n, COUNT)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, n - 1, 26, math.sqrt(1 / 12 / n)))
    assert (found.sd, found.interval) == (0, Interval.COUNTS)
    assert estimate([25.0, 26.0, 26.0], COUNT) == estimate([25.0, 26.0, 26.0]), "these have one of their own"


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
    assert not estimate([1, 1, 1]).excludes_zero, "without an interval nothing is known"


def test_intervals_are_named() -> None:
    few, many = estimate(range(3)), estimate(range(10))
    assert intervals([few, Estimate(0)]) == "Student's t"
    assert intervals([many, many]) == "BCa bootstrap"
    assert intervals([many, few]) == "Student's t below 10 values, BCa bootstrap from there on"
    assert intervals([Estimate(1, 2.0), estimate([0.3] * 3)]) == ""
    counts = estimate([26.0] * 3, COUNT)
    assert intervals([counts, few]) == f"Student's t; {Interval.COUNTS}"
    assert intervals([counts]) == "Student's t on the variance of rounding, 1/12, where all counts are alike"


@pytest.mark.parametrize("n", [3, 8, 20])
def test_p_is_the_paired_t_tests(n: int) -> None:
    random = np.random.default_rng(n)
    before, after = random.normal(size=n), random.normal(0.5, size=n)
    assert p_value(tuple(after - before)) == pytest.approx(stats.ttest_rel(after, before).pvalue)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_p_of_differences_without_spread_is_that_of_their_signs(n: int) -> None:
    alike = [-2.0] * n
    exact = stats.permutation_test((alike,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert p_value(alike) == exact.pvalue == 2 / 2**n
    assert p_value([0.3, 0.1 + 0.2, 0.3]) == 0.25
    assert p_value([0.0] * n) == p_value([0.0] * n, COUNT) == 1
    assert 0.4 < p_value([1e-17, -1e-17, 2e-17]) < 0.6, "small is not alike"


def test_p_of_counts_without_spread_agrees_with_their_interval() -> None:
    """A whole mode in each of three seeds may be rounding; 26 of them are none."""
    one, all_of_them = (p_value([modes] * 3, 2 * COUNT) for modes in (1.0, 26.0))
    assert one == pytest.approx(0.0513, abs=5e-5)
    assert not estimate([1.0] * 3, 2 * COUNT).excludes_zero
    assert 0 < all_of_them < 1e-4
    assert p_value([25.0, 26.0, 26.0], 2 * COUNT) == p_value([25.0, 26.0, 26.0])


def test_a_family_holds_those_with_enough_pairs() -> None:
    found = significances({"a": [1, 2, 3.5], "b": [1.0, 1.1], "c": [-1, 1, 0.5], "d": []})
    a, c = (stats.ttest_1samp(values, 0).pvalue for values in ([1, 2, 3.5], [-1, 1, 0.5]))
    assert found == {
        "a": Significance(pytest.approx(a), pytest.approx(2 * a), 2),
        "c": Significance(pytest.approx(c), pytest.approx(c), 2),
    }
    assert significances({}) == {}


def test_p_holds_below_a_twentieth() -> None:
    assert Significance(0.01, 0.049, 5).holds
    assert not Significance(0.01, 0.05, 5).holds
    assert [p_text(p) for p in (0, 0.0123, 0.25, 1)] == ["p < 0.001", "p = 0.012", "p = 0.25", "p = 1.00"]
