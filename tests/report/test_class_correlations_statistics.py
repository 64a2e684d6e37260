"""Survival, and how properties of classes go with it."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from src.report.class_correlations import class_correlations, correlate, spearman
from src.report.collect import collect, read_run
from src.report.grouping import group
from tests.report.test_class_correlations import LENGTHS, NOISE, evaluations


def test_survival_is_of_the_second_half_of_training(make_run) -> None:
    rows = evaluations("ABQ", "ABQ", "QX", "X")
    run = make_run(history=rows, images_seen=400, class_properties={"ink": NOISE})
    found = class_correlations(group([read_run(run)])[0])
    lost = {name: share for name, share in zip(found.classes, found.survival_K, strict=True) if share < 1}
    assert lost == {"Q": 0.5, "X": 0}


def test_survival_is_the_mean_of_completed_runs_of_all_names(make_run, tmp_path) -> None:
    shown = {"class_properties": {"ink": NOISE}}
    make_run("gan_standard", 0, history=evaluations("", "Q"), **shown)
    make_run("gan_fm", 0, history=evaluations("", "QX"), **shown)
    make_run("gan_fm", 1, history=evaluations("", ""), **shown)
    make_run("gan_hinge", 0, history=evaluations("", "A"), status="diverged", **shown)
    found = class_correlations(group(collect([tmp_path]))[0])
    shares = dict(zip(found.classes, found.survival_K, strict=True))
    assert (shares["Q"], shares["X"], shares["A"]) == pytest.approx((1 / 3, 2 / 3, 1))
    assert (found.num_seeds, found.labels) == (2, ("gan_standard", "gan_fm", "gan_fm"))


def test_of_stacked_characters_the_modes_with_it_count(make_run) -> None:
    data = {"name": "strokes", "digest": "s2", "classes": ["A", "B"], "shape": [2, 28, 28]}
    rows = [{"images_seen": 100, "modes": 3, "kl": 0.1, "missing": "AA"}]
    metrics = {"modes": 3, "missing": ["AA"]}
    run = make_run(history=rows, dataset=data, metrics=metrics, class_properties={"ink": [1.0, 2.0]})
    found = class_correlations(group([read_run(run)])[0])
    assert found.survival_K.tolist() == pytest.approx([2 / 3, 1])
    assert found.channels == 2


def test_rank_correlation_is_scipys() -> None:
    random = np.random.default_rng(0)
    a, b = random.integers(6, size=(2, 4, 26))
    expected = [stats.spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)]
    assert spearman(a, b) == pytest.approx(np.array(expected))
    assert spearman(np.ones(5), np.arange(5)) == 0


def test_p_is_the_share_of_all_orders() -> None:
    values, survival = np.array([1.0, 2, 3, 4, 5, 6, 7]), np.array([0.9, 0.4, 0.2, 0.1, 0.5, 1.0, 1.0])
    orders = np.array(list(permutations(survival)))
    rho = stats.spearmanr(values, survival).statistic
    ranks = stats.rankdata(orders, axis=1)
    rhos = [np.corrcoef(values, row)[0, 1] for row in ranks]
    (found,) = correlate({"ink": values}, survival)
    assert found.rho == pytest.approx(rho)
    assert found.p == pytest.approx(np.mean(np.abs(rhos) >= abs(rho) - 1e-9), abs=0.02)
    assert 0.1 < found.p < 0.9, "else half of it would pass too"


def test_interval_is_the_bootstraps() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=26)
    survival = values + random.normal(size=26)
    (found,) = correlate({"ink": values}, survival)
    expected = stats.bootstrap(
        (values, survival), lambda x, y: stats.spearmanr(x, y).statistic, paired=True, vectorized=False,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.04)


def test_the_same_numbers_every_time_and_the_strongest_first() -> None:
    survival = np.array(NOISE)
    properties = {"ink": np.array(LENGTHS), "holes": survival**2}
    first = correlate(properties, survival)
    assert first == correlate(properties, survival)
    assert [(c.key, c.holds) for c in first] == [("holes", True), ("ink", False)]
    assert first[0].rho == pytest.approx(1)


def test_many_properties_make_a_finding_dearer() -> None:
    random = np.random.default_rng(0)
    survival = random.random(26)
    values = survival + 0.4 * random.normal(size=26)
    (alone,) = correlate({"ink": values}, survival)
    among = {"ink": values} | {f"noise {i}": random.random(26) for i in range(12)}
    (corrected,) = (c for c in correlate(among, survival) if c.key == "ink")
    assert alone.holds
    assert corrected.p == pytest.approx(min(1, 13 * alone.p), rel=0.3)
