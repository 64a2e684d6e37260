import math

import numpy as np
import pytest
from scipy import stats

from src.report.counts import clopper_pearson, least_p, rank_sum_p, share_difference, split


@pytest.mark.parametrize(("count", "n"), [(0, 3), (1, 3), (3, 3), (4, 10)])
def test_interval_of_a_share_is_exact(count: int, n: int) -> None:
    expected = stats.binomtest(count, n).proportion_ci(0.95, "exact")
    assert clopper_pearson(count, n) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("n", [3, 5, 8])
def test_difference_of_shares_covers_at_least_as_often_as_said(n: int) -> None:
    """Over all outcomes, for every pair of probabilities on a grid."""
    outcomes = [(k, m) for k in range(n + 1) for m in range(n + 1)]
    limits = {pair: share_difference((pair[0], n), (pair[1], n)) for pair in outcomes}
    for p, q in [(p, q) for p in np.linspace(0, 1, 9) for q in np.linspace(0, 1, 9)]:
        covered = sum(
            stats.binom.pmf(k, n, p) * stats.binom.pmf(m, n, q)
            for (k, m), (_, low, high) in limits.items()
            if low - 1e-9 <= p - q <= high + 1e-9
        )
        assert covered > 0.94


@pytest.mark.parametrize("sizes", [(3, 3), (4, 6), (7, 5)])
def test_rank_sum_without_ties_is_scipys_exact_test(sizes: tuple[int, int]) -> None:
    random = np.random.default_rng(sum(sizes))
    treated, baseline = (random.normal(size=size) for size in sizes)
    expected = stats.mannwhitneyu(treated, baseline, method="exact").pvalue
    assert rank_sum_p(treated, baseline) == pytest.approx(expected)


def test_rank_sum_with_ties_enumerates_all_choices() -> None:
    treated, baseline = [1.0, 2.0, 2.0, -math.inf], [2.0, 3.0, 3.0, 5.0]
    exact = stats.permutation_test(
        (stats.rankdata([*treated, *baseline])[:4], stats.rankdata([*treated, *baseline])[4:]),
        lambda a, b, axis: a.sum(axis=axis),
        permutation_type="independent",
        n_resamples=np.inf,
        vectorized=True,
    ).pvalue
    assert rank_sum_p(treated, baseline) == pytest.approx(exact)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_of_two_values_it_is_fishers_test(n: int) -> None:
    for failed in range(n + 1):
        p = rank_sum_p([math.inf] * failed + [1.0] * (n - failed), [1.0] * n)
        table = [[failed, n - failed], [0, n]]
        tails = [stats.fisher_exact(table, side).pvalue for side in ("less", "greater")]
        assert p == pytest.approx(min(1, 2 * min(tails)))


def test_the_clearest_split_has_the_least_p() -> None:
    assert rank_sum_p([math.inf] * 4, [1.0, 2, 3, 4]) == pytest.approx(least_p(4, 4)) == pytest.approx(2 / 70)


def test_seeds_that_collapse_beside_seeds_that_do_not_are_found() -> None:
    values = np.array([[22.0, 2.0, 23.0], [21.0, 22.5, 22.0], [20.0, 21.0, 22.0]])
    found = split(values)
    assert found.mixed.tolist() == [True, False, False]
    assert 2 < found.threshold < 22
    assert found.gap[0] == 20


@pytest.mark.parametrize(("names", "seeds"), [(3, 3), (31, 3), (3, 10), (31, 10)])
def test_normal_noise_is_seldom_taken_for_two_groups(names: int, seeds: int) -> None:
    values = np.random.default_rng(9).normal(size=(2000, names, seeds))
    assert split(values).mixed.any(-1).mean() < 0.025


@pytest.mark.parametrize("values", [[[1.0, 2.0]], [[1.0], [2.0]], [[np.nan] * 4, [1.0, 9.0, np.nan, np.nan]]])
def test_two_seeds_are_not_two_groups(values: list[list[float]]) -> None:
    assert not split(np.array(values)).mixed.any()
