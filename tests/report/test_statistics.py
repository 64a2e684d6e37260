import numpy as np
import pytest
from scipy import stats

from src.report.statistics import Estimate, Significance, _centred, detectable, differences, estimate, moderated, p_text


@pytest.mark.parametrize("n", [2, 3, 9, 20, 40])
def test_interval_of_one_sample_is_students(n: int) -> None:
    sample = np.random.default_rng(n).normal(3, 2, n)
    found = estimate(sample)
    low, high = stats.t.interval(0.95, n - 1, loc=sample.mean(), scale=stats.sem(sample))
    assert (found.n, found.mean, found.sd) == pytest.approx((n, sample.mean(), sample.std(ddof=1)))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_interval_ends_at_what_is_possible() -> None:
    found = estimate([25.0, 26.0, 26.0], (0.0, 26.0))
    assert found.high == 26
    assert found.low < 25


@pytest.mark.parametrize("sample", [[], [4.0], [0.3, 0.1 + 0.2, 0.3]])
def test_few_values_and_values_without_spread_have_no_interval(sample: list[float]) -> None:
    found = estimate(sample)
    assert found.n == len(sample)
    assert (found.low, found.high) == (None, None)
    assert estimate([]) == Estimate(0)


@pytest.mark.parametrize("n", [3, 6, 20])
def test_two_names_give_the_paired_t_test(n: int) -> None:
    random = np.random.default_rng(n)
    seeds = 5 * random.normal(size=n)  # what both share is taken out
    values = np.array([random.normal(size=n) + seeds, random.normal(0.5, 2, n) + seeds])
    found = differences(values)
    expected = stats.ttest_rel(values[1], values[0])
    assert found.mean == pytest.approx(values[1].mean() - values[0].mean())
    assert found.p == pytest.approx(expected.pvalue)
    assert found.df == pytest.approx(n - 1)


def test_equally_variable_names_share_their_variance() -> None:
    """As a randomised block design does: the residual variance over all names has (M − 1)(n − 1) degrees of freedom."""
    random = np.random.default_rng(0)
    values = random.normal(size=(400, 20, 4))
    found = moderated(values, blocks=True)
    own = values.var(-1, ddof=1)
    assert np.median(np.abs(found.value - 1)) < 0.5 * np.median(np.abs(own - 1))
    assert np.median(found.df) > 12
    assert (found.df <= 19 * 3).all()
    assert found.value.mean() == pytest.approx(1, abs=0.1)  # those that are not shrunk are the largest


def test_a_name_that_is_far_more_variable_keeps_its_own_variance() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(20, 10)) * np.where(np.arange(20) == 7, 30, 1)[:, None]
    found = moderated(values)
    assert found.value[7] == pytest.approx(values[7].var(ddof=1))
    assert found.df[7] == 9


def test_names_at_the_ceiling_have_the_variance_of_the_others() -> None:
    values = np.array([[26.0, 26, 26], [20, 23, 21], [18, 15, 17]])
    found = moderated(values)
    assert found.value[0] == pytest.approx(values[1:].var(-1, ddof=1).mean())


def test_one_steady_name_beside_names_at_the_ceiling_is_a_paired_t_test() -> None:
    """As few degrees of freedom as the one name has, and not fewer."""
    values = np.array([[26.0, 26, 26, 26], [20, 23, 21, 22]])
    assert differences(values).p == pytest.approx([stats.ttest_rel(*values).pvalue])
    assert (moderated(values).df >= 3).all()


def test_counts_vary_at_least_by_their_rounding() -> None:
    assert moderated(np.full((3, 3), 26.0), rounding=1 / 12).value == pytest.approx([1 / 12] * 3)


def test_missing_seeds_leave_their_pair_out() -> None:
    nan = np.nan
    found = differences(np.array([[1.0, 2, 3, nan], [2, 2, nan, 9], [5, 6, 7, 8]]))
    assert found.n.tolist() == [2, 3]
    assert found.mean.tolist() == [0.5, 4]


def test_seeds_of_one_name_alone_say_nothing_of_a_difference() -> None:
    values = np.random.default_rng(3).normal(size=(2, 10))
    values[0, 3:] = np.nan
    found = differences(values)
    assert found.p == pytest.approx(stats.ttest_rel(*values[:, :3]).pvalue)
    assert found.df == pytest.approx(2)


def test_what_names_and_seeds_have_in_common_does_not_count_as_spread() -> None:
    """Also where some names lack seeds: residuals are those of an additive fit by least squares."""
    random = np.random.default_rng(4)
    values = random.normal(size=(4, 8))
    values[1, 3:] = values[3, :2] = np.nan
    shifted = values + 30 * np.arange(4)[:, None] + 10 * random.normal(size=8)
    assert moderated(shifted, blocks=True).value == pytest.approx(moderated(values, blocks=True).value)
    names, seeds = np.nonzero(np.isfinite(values))
    design = np.concatenate([np.eye(4)[names], np.eye(8)[seeds]], 1)
    fitted = design @ np.linalg.lstsq(design, values[names, seeds], rcond=None)[0]
    assert _centred(values)[names, seeds] == pytest.approx(values[names, seeds] - fitted, abs=1e-9)


@pytest.mark.parametrize("seeds", [10, 3])
def test_a_true_null_is_rejected_in_a_twentieth_of_studies(seeds: int) -> None:
    values = np.random.default_rng(5).normal(size=(4000, 2, 10))
    values[:, 1, seeds:] = np.nan
    assert (differences(values).p < 0.05).mean() == pytest.approx(0.05, abs=0.015)


def test_no_spread_anywhere_has_no_p() -> None:
    found = differences(np.array([[0.3, 0.3, 0.1 + 0.2], [0.9, 0.9, 0.9]]))
    assert found.error == [0]
    assert np.isnan(found.p).all()


def test_a_detectable_difference_is_found_in_four_of_five_cases() -> None:
    random = np.random.default_rng(2)
    n, level = 5, 0.05 / 3
    wanted = detectable(1 / np.sqrt(n), n - 1, level)
    p = stats.ttest_1samp(random.normal(wanted, 1, (20_000, n)), 0, axis=-1).pvalue
    assert (p < level).mean() == pytest.approx(0.8, abs=0.06)  # the shifted t is not quite a non-central one


def test_p_holds_below_a_twentieth() -> None:
    assert Significance(0.01, 0.049, 5).holds
    assert not Significance(0.01, 0.05, 5).holds
    assert [p_text(p) for p in (0, 0.0123, 0.25, 1)] == ["p < 0.001", "p = 0.012", "p = 0.25", "p = 1.00"]
