"""The criteria of the sanity checks on curves drawn by hand, their sweeps in small, and the stored verdicts."""

import csv

import numpy as np
import pytest

from benchmarks import sanity_sweeps
from benchmarks.sanity import CHECKS, METRICS, TABLE, curves, verdicts
from benchmarks.sanity_criteria import (
    Curve,
    bell,
    either,
    falling,
    falling_before,
    flat,
    near,
    rising,
    settled,
    verdict,
)


def curve(*y: float) -> Curve:
    return Curve(np.arange(len(y)) - len(y) // 2.0, np.array(y))


@pytest.mark.parametrize(
    ("shape", "passing", "failing"),
    [
        (flat, curve(0.3, 0.34, 0.31), curve(0.3, 0.36, 0.31)),
        (settled, curve(0.9, 0.1, 0.31, 0.32, 0.33), curve(0.3, 0.3, 0.3, 0.36, 0.3)),
        (rising, curve(0.1, 0.05, 0.4, 0.35), curve(0.1, 0.2, 0.29)),
        (falling, curve(0.5, 0.2, 0.1), curve(0.5, 0.05, 0.2)),
        (falling_before(0.5), curve(0.5, 0.5, 0.3, 0.2, 0.1), curve(0.5, 0.5, 0.45, 0.2, 0.1)),
        (bell(0), curve(0.1, 0.98, 0.9, 0.5, 0.3), curve(0.1, 1.1, 0.9, 0.5, 0.3)),
        (bell(0), curve(0.1, 0.4, 0.9, 0.5, 0.6), curve(0.1, 0.4, 0.9, 0.5, 0.8)),
        (bell(0), curve(0.4, 0.3, 0.9, 0.1, 0.2), curve(0.4, 0.0, 0.9, 0.1, 0.2)),
        (near(1, np.inf), curve(0.0, 0.5, 0.96), curve(1.0, 1.0, 0.9)),
        (near(0, -np.inf), curve(0.04, 0.5, 0.96), curve(0.06, 0.0, 0.0)),
        (near(0.2, 0), curve(0.0, 0.24, 0.0), curve(0.2, 0.26, 0.2)),
    ],
)
def test_shapes(shape, passing, failing):
    assert shape(passing) is True
    assert shape(failing) is False


def test_a_metric_of_diversity_may_choose_but_only_once():
    choice = either(bell(0), rising)
    low, high, neither = curve(0.1, 0.9, 0.2), curve(0.1, 0.5, 0.9), curve(0.5, 0.5, 0.5)
    assert [choice(one) for one in (low, high, neither)] == ["low", "high", False]
    assert verdict(["low", True, "low"]) == "low"
    assert verdict([True, True]) == "pass"
    assert verdict(["high", False, True]) == "fail (1 of 3)"
    assert verdict(["high", "low", True]) == "inconsistent"


@pytest.mark.parametrize("name", CHECKS)
def test_sweeps_are_what_they_say(monkeypatch, name):
    """Finite samples of one shape, x ascending; the same for the same seed."""
    monkeypatch.setattr(sanity_sweeps, "NUM", 40)
    monkeypatch.setattr(sanity_sweeps, "SIZES", np.array([30, 50]))
    seen: dict[str, list[float]] = {}
    for setting, real, samples in CHECKS[name].sweep(np.random.default_rng(0)):
        for x, fake in samples:
            assert real.shape[1] == fake.shape[1]
            assert np.isfinite(fake).all()
            seen.setdefault(setting, []).append(x)
    assert all(len(values) > 1 and values == sorted(set(values)) for values in seen.values())
    assert all(any(setting.startswith(rule.setting) for setting in seen) for rule in CHECKS[name].rules)


def test_a_sphere_and_a_torus_do_not_touch():
    random = np.random.default_rng(0)
    ball, torus = sanity_sweeps.ball(random, 5000), sanity_sweeps.torus(random, 5000)
    assert 0.75 < np.linalg.norm(ball, axis=1).max() <= 0.8
    assert np.linalg.norm(torus, axis=1).min() > 0.88
    tube = np.hypot(np.hypot(torus[:, 0], torus[:, 1]) - 1, torus[:, 2])
    assert 0.09 < tube.max() <= 0.1


def test_verdicts_of_a_small_sweep(monkeypatch):
    """Precision stays near 1 until modes are invented, recall rises with the modes that are found."""
    monkeypatch.setattr(sanity_sweeps, "NUM", 60)
    found = curves(CHECKS["invention"].sweep(np.random.default_rng(0)))
    points = found["2 d"]
    assert [point["x"] for point in points] == list(range(1, 11))
    precision = [point["precision"] for point in points]
    assert precision[0] > 0.9
    assert precision[-1] == pytest.approx(0.5, abs=0.2), "half of the modes are invented"
    rows = verdicts(CHECKS["invention"], 1)
    assert [row["desideratum"] for row in rows] == ["D1b", "D4"]
    assert rows[0]["precision"] == rows[0]["recall"] == "pass"


def test_stored_verdicts_are_of_all_checks_and_metrics():
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = [
        (check.title, key) for check in CHECKS.values() for key in dict.fromkeys(r.desideratum for r in check.rules)
    ]
    assert [(row["check"], row["desideratum"]) for row in rows] == expected
    assert set(METRICS) < set(rows[0])
    assert all(row[key] for row in rows for key in METRICS)
