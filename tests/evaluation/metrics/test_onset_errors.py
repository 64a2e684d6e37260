"""How often a loss is seen where there is none, and how often it is missed, simulated.

R runs, E evaluations.
"""

import numpy as np
import pytest

from src.evaluation.metrics.onset import mode_collapse_onset
from src.evaluation.metrics.outcome import Outcome, mode_outcome

NUM_MODES = 26
RUNS = 400


def runs(mean_E: np.ndarray, sd: float) -> np.ndarray:
    """Counts [R, E] around these means, independent from evaluation to evaluation."""
    noise_RE = np.random.default_rng(0).normal(0, sd, (RUNS, len(mean_E)))
    return (mean_E + noise_RE).round().clip(0, NUM_MODES).astype(int)


def onsets(modes_RE: np.ndarray) -> list[int]:
    """Number of the evaluation, from 1, of the runs that have an onset."""
    turns = range(1, modes_RE.shape[1] + 1)
    result = (mode_collapse_onset(turns, modes_E.tolist(), NUM_MODES) for modes_E in modes_RE)
    return [onset for onset in result if onset is not None]


@pytest.mark.parametrize("evaluations", [8, 12, 20, 40])
@pytest.mark.parametrize("sd", [1.0, 1.5, 2.0, 2.5])
def test_stationary_plateaus_have_an_onset_in_at_most_one_run_of_twenty(evaluations, sd):
    assert len(onsets(runs(np.full(evaluations, 20), sd))) <= 0.05 * RUNS


@pytest.mark.parametrize("evaluations", [8, 20, 40])
@pytest.mark.parametrize("sd", [1.0, 2.5])
def test_runs_that_learn_to_the_end_have_none(evaluations, sd):
    learnt_E = 24 * (1 - np.exp(-4 * np.arange(1, evaluations + 1) / evaluations))
    assert len(onsets(runs(learnt_E, sd))) <= 0.05 * RUNS


@pytest.mark.parametrize(
    ("evaluations", "sd", "power"), [(8, 1.0, 0.98), (8, 2.5, 0.9), (20, 2.5, 0.95), (40, 2.5, 0.95)]
)
def test_a_lasting_loss_is_found_where_it_begins(evaluations, sd, power):
    """From 24 modes to 10 in mid-run."""
    half = evaluations // 2
    result = onsets(runs(np.repeat([24.0, 10.0], half), sd))
    assert len(result) >= power * RUNS
    assert np.mean(np.array(result) == half + 1) > 0.9


@pytest.mark.parametrize(
    ("evaluations", "sd", "power"), [(8, 1.0, 0.98), (8, 2.5, 0.85), (20, 2.5, 0.95), (40, 2.5, 0.95)]
)
def test_a_slow_decline_is_found_on_its_way(evaluations, sd, power):
    """From 24 modes to 10 over the last two thirds."""
    flat = evaluations // 3
    result = onsets(runs(np.concatenate([np.full(flat, 24.0), np.linspace(24, 10, evaluations - flat)]), sd))
    assert len(result) >= power * RUNS
    assert np.median(result) > flat


def test_a_loss_after_learning_is_found():
    mean_E = np.concatenate([np.linspace(2, 24, 6), np.full(6, 24.0), np.full(6, 10.0)])
    assert len(onsets(runs(mean_E, 1.5))) >= 0.95 * RUNS


def row(seen: int, modes: int, modes_any: int) -> dict[str, float]:
    readable = {"recognisable": 0.8, "effective_modes": modes_any}
    return {"images_seen": seen, "modes": modes, "modes_any": modes_any} | readable


def outcomes(modes_RE: np.ndarray, any_RE: np.ndarray) -> list[Outcome]:
    runs = (zip(modes_E, any_E, strict=True) for modes_E, any_E in zip(modes_RE.tolist(), any_RE.tolist(), strict=True))
    rows = ([row(seen, m, a) for seen, (m, a) in enumerate(run, 1)] for run in runs)
    return [mode_outcome(history, NUM_MODES) for history in rows]


@pytest.mark.parametrize("evaluations", [8, 12, 20, 40])
@pytest.mark.parametrize("sd", [1.0, 2.5])
@pytest.mark.ci
def test_stationary_plateaus_are_covering_and_steady_rises_are_learning(evaluations, sd):
    plateau = outcomes(runs(np.full(evaluations, 20), sd), runs(np.full(evaluations, 22), sd / 2))
    assert plateau.count(Outcome.COLLAPSED) <= 0.05 * RUNS
    assert plateau.count(Outcome.COVERING) >= 0.93 * RUNS
    rise_E = np.linspace(2, 24, evaluations)
    rising = outcomes(runs(rise_E, sd), runs(rise_E + 2, sd / 2))
    assert rising.count(Outcome.LEARNING) >= 0.9 * RUNS
