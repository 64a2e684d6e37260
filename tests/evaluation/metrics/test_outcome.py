import math

import pytest

from src.evaluation.metrics.outcome import LevelState, Outcome, lasting_loss, late_metrics, mode_outcome, worst_state

CLEARER = [0, 4, 14, 14, 13, 14, 15, 15, 16, 16]
LOST = [15, 26, 26, 25, 23, 23, 22, 21, 19, 19]


def history(modes, any_sample=None, recognisable=0.9, effective=None):
    """Evaluations with these counts, by any sample as many unless given."""
    rows = zip(modes, any_sample or modes, effective or any_sample or modes, strict=True)
    return [
        {
            "images_seen": 100 * turn,
            "modes": m,
            "modes_any": a,
            "effective_modes": e,
            "recognisable": recognisable,
            "kl": 0.1,
        }
        for turn, (m, a, e) in enumerate(rows, 1)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (history([5, 15, 22, 24, 24, 25, 24, 25]), Outcome.COVERING),
        (history([25]), Outcome.COVERING),
        (history([5, 15, 24, 24, 10, 9, 10, 9]), Outcome.COLLAPSED),  # a lasting loss
        (history([5, 15, 24, 24, 10, 9, 10, 9], recognisable=0.2), Outcome.COLLAPSED),  # readable or not
        (history([0] * 7 + [3], [3, 8, 14, 18, 21, 22, 24, 26], recognisable=0.1), Outcome.LEARNING),
        (history([0, 0, 1, 1, 2, 2, 3, 4], [26] * 8, recognisable=0.1), Outcome.LEARNING),  # half never covered
        (history([0] * 8, [1] * 8, recognisable=0.0), Outcome.LEARNING),  # nothing readable that could be collapsed
        (history([1, 1, 2, 1, 1, 2, 1, 1]), Outcome.COLLAPSED),  # readable, and one or two modes
        (history([1, 2, 3, 5, 7, 8, 10, 12]), Outcome.LEARNING),  # readable, few modes, but more and more
        (history([14, 15, 14, 15, 14, 15, 14, 15], [20] * 8, effective=[6.0] * 8), Outcome.COLLAPSED),  # uneven
        (history([20, 24, 23, 24, 4, 24, 3, 24, 5, 23], [24] * 10), Outcome.COLLAPSED),  # goes and comes back
        (history([20, 24, 23, 24, 23, 24, 3, 24, 23, 24], [24] * 10), Outcome.COVERING),  # once
        (history([20, 24, 4, 3, 4, 22, 23, 24, 23, 24], [24] * 10), Outcome.COVERING),  # early, and over
        (history([18, 22, 19, 21, 18, 22, 20, 17, 21, 19], [26] * 10), Outcome.COVERING),  # noise
        (history([14, 15, 16, 16, 17, 18, 20, 22]), Outcome.LEARNING),  # more than half, and still rising
        (history(CLEARER, LOST, 0.5), Outcome.COLLAPSED),  # letters vanish while the others become clearer
        (history(CLEARER, LOST, 0.05), Outcome.COVERING),  # what is lost were no letters
    ],
)
def test_outcomes(rows, expected):
    assert mode_outcome(rows, 26) is expected


def test_the_onset_is_the_first_of_both_counts():
    assert lasting_loss(history(CLEARER, LOST, 0.05), 26) is None
    assert lasting_loss(history(CLEARER, LOST, 0.5), 26) == 500
    fallen = [15, 24, 24, 10, 9, 10, 9, 9, 9, 9]
    assert lasting_loss(history(fallen, LOST, 0.5), 26) == 400


def test_evaluations_of_earlier_versions_may_lack_columns():
    rows = [{"images_seen": 100 * turn, "modes": 24} for turn in range(1, 6)]
    assert mode_outcome(rows, 26) is Outcome.COVERING
    assert (
        mode_outcome([row | {"effective_modes": None, "recognisable": math.nan} for row in rows], 26)
        is Outcome.COVERING
    )


@pytest.mark.parametrize(("count", "late"), [(1, [1]), (2, [2]), (4, [3, 4]), (5, [3, 4, 5]), (20, range(11, 21))])
def test_late_is_the_second_half_of_training(count, late):
    rows = [
        {"images_seen": 10 * turn, "modes": turn, "kl": turn / 2, "kl_any": turn / 4} for turn in range(1, count + 1)
    ]
    mean = sum(late) / len(late)
    assert late_metrics(rows) == {
        "modes_late": mean,
        "kl_late": pytest.approx(mean / 2),
        "kl_any_late": pytest.approx(mean / 4),
        "worst_modes": min(late),
    }


def test_late_after_a_larger_budget_is_the_second_half_of_that():
    rows = [{"images_seen": seen, "modes": seen, "kl": 1.0, "kl_any": 1.0} for seen in (50, 100, 400, 700, 1000)]
    assert late_metrics(rows)["modes_late"] == 850


def test_evaluations_of_an_earlier_version_are_no_part_of_a_late_average():
    """Its `kl` had another definition."""
    rows = [{"images_seen": 60, "modes": 1, "kl": 9.0}, {"images_seen": 100, "modes": 3, "kl": 1.0, "kl_any": 0.5}]
    assert late_metrics(rows) == {"modes_late": 3, "kl_late": 1.0, "kl_any_late": 0.5, "worst_modes": 3}


def test_no_late_metrics_where_no_modes_are_counted():
    assert late_metrics([]) == late_metrics([{"images_seen": 10, "elbo": -3.0}]) == {}


@pytest.mark.parametrize(
    ("collapsed", "without_effect", "expected"),
    [
        ([], [], LevelState.ALIVE),
        (["low"], [], LevelState.COLLAPSED),
        ([], ["high"], LevelState.WITHOUT_EFFECT),
        (["low"], ["high"], LevelState.COLLAPSED),
    ],
)
def test_a_vae_is_what_its_worst_level_is(collapsed, without_effect, expected):
    assert worst_state({"collapsed": collapsed, "without_effect": without_effect}) is expected
