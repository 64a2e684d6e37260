"""Statistics over data sets against closed forms and values worked out by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import norm

from docs._results.aggregate import (
    Scale,
    aggregates,
    agreement,
    improvement,
    interquartile_mean,
    scale,
    scores,
    seeds_needed,
    superiority,
    win_rates,
)
from src.report.compare import Compared
from src.report.counts import rank_sum_p
from src.report.statistics import Estimate


def arrays(*values):
    return [np.array(one, float) for one in values]


def test_the_interquartile_mean_is_that_of_the_middle_half_of_all_runs():
    assert interquartile_mean(arrays([0, 1, 2, 100])) == pytest.approx(1.5)
    assert interquartile_mean(arrays([-9, 1], [2, 3, 4, 5, 6, 50])) == pytest.approx((2 + 3 + 4 + 5) / 4)


def test_the_probability_of_improvement_counts_pairs_within_a_data_set():
    """3 of 4 pairs and one tie of 1: (3/4 + 1/2) / 2; the data sets' own levels do not matter."""
    treated, baseline = arrays([1, 4], [100]), arrays([0, 2], [100])
    assert improvement(treated, baseline) == pytest.approx((0.75 + 0.5) / 2)
    assert improvement(baseline, treated) == pytest.approx((0.25 + 0.5) / 2)


def test_intervals_resample_runs_within_their_data_set():
    """Runs that are all alike have no interval, however the data sets differ; the order is by the mean."""
    same = {"plain": arrays([0.2] * 4, [0.8] * 4), "good": arrays([0.6] * 4, [0.9] * 4)}
    best, plain = aggregates(same)
    assert (best.name, best.iqm.mean, best.iqm.low, best.iqm.high) == ("good", pytest.approx(0.75), None, None)
    assert (best.better.mean, best.better.low, best.better.high) == (1, None, None)
    assert plain.better is None
    lone = {"plain": arrays([0.1]), "good": arrays([0.2, 0.3, 0.4, 0.0])}
    assert aggregates(lone)[0].better.low is None, "one run of the baseline has no interval"
    noisy = {"plain": arrays(range(40)), "same": arrays(range(40))}
    chance = next(one.better for one in aggregates(noisy) if one.better)
    assert chance.mean == 0.5
    error = math.sqrt((2 * 40 + 1) / (12 * 40 * 40))  # of U / n² without ties (Mann and Whitney 1947)
    assert (chance.high - chance.low) / 2 == pytest.approx(1.96 * error, rel=0.15)


def test_win_rates_of_two_names_sum_to_one():
    of = {"a": arrays([1, 2, 3]), "b": arrays([2, 2, 5]), "c": arrays([0, 0, 0])}
    rates = win_rates(of)
    assert rates + rates.T == pytest.approx(np.ones((3, 3)))
    assert rates[0, 1] == pytest.approx((0 + 0.5 * 2 + 2) / 9)
    assert rates[0, 2] == 1


def section(means, key="kl_late", names=None, values=None, **references):
    names = names or [*means]
    control = {"real": {key.removesuffix("_late"): references.pop("real", None)}}
    summaries = [SimpleNamespace(name=name, mean=lambda key, value=value: value) for name, value in means.items()]
    return SimpleNamespace(
        primary=key,
        names=names,
        baseline=names[0],
        num_modes=26,
        summaries=summaries,
        best_first=sorted(summaries, key=lambda one: one.mean(key)),
        tables={key: values},
        included=[SimpleNamespace(scalars=references)],
        control=lambda name, key: control[name].get(key),
    )


def test_scores_reach_from_one_class_alone_to_real_data():
    worst = math.log(26 / 0.95)
    assert scale(section({"a": 0.5}, real=0.02)) == Scale(pytest.approx(worst), 0.02)
    values = np.array([[0.02, worst, math.nan], [math.inf, (worst + 0.02) / 2, 0.02]])
    of = scores([section({"a": 0.5, "b": 1.0}, real=0.02, values=values)])
    assert of["a"][0] == pytest.approx([1, 0])
    assert of["b"][0] == pytest.approx([0, 0.5, 1]), "a failed run is as bad as can be"
    below = section({"a": 22.0}, "iwae_nll", floor_nll=25.0, entropy=20.0, values=np.array([[26.0, math.inf, 20.0]]))
    assert scores([below])["a"][0] == pytest.approx([-0.2, -0.2, 1]), "and no better than what completed"


def test_a_likelihood_reaches_from_the_collapse_floor_to_the_entropy_or_the_best():
    assert scale(section({"a": 22.0}, "iwae_nll", floor_nll=30.0, entropy=15.0)) == Scale(30, 15)
    assert scale(section({"a": 22.0, "b": 21.0}, "iwae_nll", floor_nll=30.0)) == Scale(30, 21)
    with pytest.raises(ValueError, match="iwae_nll has no scale"):
        scale(section({"a": 22.0}, "iwae_nll"))


def test_only_names_of_all_data_sets_have_scores():
    first = section({"a": 1.0, "b": 1.0}, real=0.0, values=np.ones((2, 3)))
    second = section({"a": 1.0}, real=0.0, values=np.ones((1, 3)))
    assert [*scores([first, second])] == ["a"]
    without = section({"b": 1.0}, real=0.0, values=np.ones((1, 3)))
    assert scores([first, without]) == {}, "without a baseline nothing is better than it"
    assert aggregates({}) == []


def test_two_orders_agree_by_kendalls_tau():
    """Of six pairs of names one is in the other order: (5 − 1) / 6."""
    one, other = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}, {"a": 10.0, "b": 30.0, "c": 20.0, "d": 40.0, "e": 0.0}
    found = agreement(section(one), section(other))
    assert found.tau == pytest.approx(4 / 6)
    assert (found.names, found.moved, found.places) == (4, "b", (2, 3))
    reversed_one = agreement(section(one, "modes"), section(one))
    assert reversed_one.tau == pytest.approx(-1), "the better end of each metric is first"
    assert agreement(section({"a": 1.0, "b": 2.0}), section(one)) is None


def compared(difference=0.5, error=0.2, df=18.0, n=10, exact=False, worse=(0, 0)):
    return Compared(Estimate(n, difference), 0.5, exact, Estimate(n), worse, error, df)


def test_the_seeds_that_a_difference_takes_grow_with_the_square_of_its_noise():
    """Of many seeds t is normal: n = n₀ (error / difference · (z₀.₉₇₅ + z₀.₈))²."""
    many = compared(difference=0.2, error=0.2, df=1e6, n=10)
    quantiles = float(stdtrit(1e6, 0.975) + stdtrit(1e6, 0.8))
    assert seeds_needed(many, 1, 0.5) == math.ceil(10 * quantiles**2)
    assert seeds_needed(compared(difference=0.8), 1, 0.9) < seeds_needed(compared(difference=0.8), 12, 0.9)
    assert seeds_needed(compared(difference=0.0), 1, 0.5) is None
    assert seeds_needed(compared(difference=0.001), 1, 0.5) is None


@pytest.mark.parametrize("better", [0.7, 0.85])
def test_ranks_take_the_seeds_that_noether_says(better):
    """Of normal values with that probability the exact test then shows 4 of 5 differences, or a little more."""
    size = seeds_needed(compared(exact=True), 1, better)
    shift, random = math.sqrt(2) * norm.ppf(better), np.random.default_rng(0)
    draws = random.standard_normal((400, 2, size)) + np.array([[shift], [0.0]])
    power = np.mean([rank_sum_p(*draw) < 0.05 for draw in draws])
    assert 0.75 < power < 0.92
    assert seeds_needed(compared(exact=True), 1, 1 - better) == size, "worse takes as many as better"


def test_ranks_take_no_fewer_seeds_than_can_show_anything():
    sure = seeds_needed(compared(exact=True), 1, 1.0)
    assert sure == 4, "the least n at which all against none has p < 0.05"
    assert seeds_needed(compared(exact=True), 12, 0.0) == 6
    assert seeds_needed(compared(exact=True), 1, 0.5) is None
    assert seeds_needed(compared(exact=True), 1, 0.51) is None


def test_a_failed_run_is_worse_than_any_other_and_no_better_than_itself():
    assert superiority(np.array([-np.inf, 1.0]), np.array([-np.inf, 0.0])) == pytest.approx((0.5 + 0 + 1 + 1) / 4)
