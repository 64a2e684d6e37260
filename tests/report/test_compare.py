import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from src.report.compare import compare, table
from src.report.records import Run


def test_failed_seeds_count_as_the_worst_and_are_never_left_out() -> None:
    """The survivors are better than the baseline; with the failed ones nothing is shown."""
    values = np.array([[10.0, 11, 10.5, 11.2, 10.1], [16, -math.inf, 16.2, -math.inf, 16.1]])
    found = compare(values, lower_is_better=False)
    assert found.exact.all()
    assert found.difference.n == [5]
    assert found.worse == ([2], [0])
    assert found.p[0] > 0.3
    assert np.isnan(found.difference.mean).all()
    assert found.share.mean == pytest.approx([0.4])
    survivors = compare(values[:, [0, 2, 4]], lower_is_better=False)
    assert survivors.p[0] < 0.001


def test_where_nothing_failed_and_nothing_collapsed_t_decides() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(2, 6))
    found = compare(values, lower_is_better=True)
    expected = stats.ttest_rel(values[1], values[0])
    assert not found.exact.any()
    assert found.p == pytest.approx([expected.pvalue])
    interval = expected.confidence_interval()
    assert (found.difference.low[0], found.difference.high[0]) == pytest.approx((interval.low, interval.high))


def test_seeds_in_two_groups_are_counted() -> None:
    """A mean of 0.20 [−0.65, 1.05] from 0.003, 0.006 and 0.597 says nothing."""
    values = np.array([[0.003, 0.006, 0.597], [0.5, 0.6, 0.55], [0.010, 0.020, 0.015]])
    found = compare(values, lower_is_better=True)
    assert found.exact.all()
    assert found.worse[0].tolist() == [3, 0]
    assert found.worse[1].tolist() == [1, 1]
    assert (found.p > 0.05).all()


def test_a_difference_as_wide_as_another_names_gap_may_be_luck() -> None:
    """All of three seeds against none: t alone would be sure, though the third name's seeds collapse at random."""
    apart = np.array([[2.0, 2.5, 3.0], [22.5, 22.0, 23.0]])
    beside = np.array([[2.2, 22.0, 22.3]])
    assert compare(apart, lower_is_better=False).p[0] < 0.001
    found = compare(np.concatenate([apart, beside]), lower_is_better=False)
    assert found.exact.tolist() == [True, True]
    assert found.p[0] == pytest.approx(0.1)
    assert found.difference.mean[0] == pytest.approx(20.0), "of two names whose own seeds agree"
    assert np.isnan([found.difference.low[0], found.difference.mean[1], found.share.mean[0]]).all()


def test_a_name_in_two_groups_does_not_widen_the_intervals_of_others() -> None:
    random = np.random.default_rng(3)
    steady = random.normal(0.5, 0.05, (2, 5))
    beside = np.array([[0.2, 2.8, 0.21, 2.79, 2.81]])
    found = compare(np.concatenate([steady, beside]), lower_is_better=True)
    alone = compare(steady, lower_is_better=True)
    assert found.difference.high[0] - found.difference.low[0] == pytest.approx(
        alone.difference.high[0] - alone.difference.low[0]
    )


def test_intervals_of_differences_end_at_what_is_possible() -> None:
    values = np.array([[0.0, 20, 5], [25.0, 26, 24]])
    found = compare(values, lower_is_better=False, rounding=1 / 12, bounds=(0, 26))
    assert found.difference.high == [26]


def test_no_test_below_three_pairs() -> None:
    found = compare(np.array([[1.0, 2.0, np.nan], [2.0, 3.0, 4.0]]), lower_is_better=True)
    assert found.difference.n == [2]
    assert found.difference.mean == [1]
    assert np.isnan(found.p).all()


def test_without_any_spread_ranks_decide() -> None:
    same, apart = np.full((2, 7), 1.0), np.repeat([[1.0], [2.0]], 7, 1)
    assert compare(same, lower_is_better=True).p == [1]
    found = compare(apart, lower_is_better=True)
    assert (found.exact.tolist(), found.difference.mean.tolist()) == ([True], [1])
    assert found.p == pytest.approx([2 / math.comb(14, 7)])


def test_a_level_that_the_decoder_does_not_see_has_no_usage() -> None:
    runs = [Run(Path("x"), "completed", "low", "vae", 0, metrics={"usage_high": None, "onset_f1": None})]
    assert np.isnan(table(["low"], runs, [], "usage_high")).all()
    assert table(["low"], runs, [], "onset_f1") == -math.inf
