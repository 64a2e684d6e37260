import pytest

from src.evaluation.metrics.onset import NEVER_HALF, mode_collapse_onset, onset_reason, posterior_collapse_onset

STABLE = [10, 20, 26, 26, 25, 26]


def onset(modes, num_modes=26):
    return mode_collapse_onset([1000 * (turn + 1) for turn in range(len(modes))], modes, num_modes)


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (STABLE, None),
        ([26], None),
        ([13], None),  # half is enough
        ([26, 26, 10, 9, 8], 3000),
        ([26, 26, 26, 26, 3], 5000),  # at the very end
        ([26, 3, 3, 3, 3], 2000),
        ([26, 26, 25, 5, 26, 26, 25, 26, 5, 5, 5, 5], 9000),  # the first loss was made good
        ([26, 5, 5, 5, 26], None),  # recovered
        ([26, 20, 26, 25, 26], None),
        ([26, 26, 26, 26, 22], None),  # a single evaluation, and near
        ([26, 26, 26, 26, 22, 22], 5000),  # no longer single
        ([26, 20, 15, 10, 5], 4000),  # a decline of 5 or 6 per evaluation may be its noise, one of 16 is not
        ([14, 20, 18, 18, 18], None),
        ([22, 26, 21, 25, 19, 24, 20, 26, 20, 19], None),  # within its noise
        ([26, 26, 26, 26, 20, 19, 20, 19], 5000),
    ],
)
def test_cases(modes, expected):
    assert onset(modes) == expected


@pytest.mark.parametrize("modes", [[1, 1, 1], [12], [0, 0], [3, 12, 5]])
def test_where_half_the_modes_were_never_covered_there_is_no_onset_but_a_reason(modes):
    assert onset(modes) is None
    assert onset_reason(modes, 26) == NEVER_HALF


@pytest.mark.parametrize("modes", [[13], [26, 3, 3], [26, 26]])
def test_no_reason_where_there_was_something_to_lose(modes):
    assert onset_reason(modes, 26) is None


def test_best_must_have_been_reached_before():
    assert onset([13, 20, 26]) is None
    assert onset([13, 25, 26, 26, 26, 13, 13, 13]) == 6000


@pytest.mark.parametrize(
    ("num_modes", "least_loss"),
    [(4, 2), (10, 2), (20, 2), (26, 3), (30, 3), (676, 68), (1000, 100)],
)
def test_margin_is_a_tenth_and_at_least_two(num_modes, least_loss):
    lost = num_modes - least_loss
    assert onset([num_modes, lost, lost], num_modes) == 2000
    assert onset([num_modes, lost + 1, lost + 1], num_modes) is None


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        ([3.0, 2.0, 1.0], None),
        ([0.0, 0.0, 0.0], 1000),  # never alive
        ([0.0, 2.0, 2.0], None),  # a late start is no collapse
        ([3.0, 0.05, 0.02], 2000),
        ([3.0, 0.05, 3.0, 0.05, 0.05], 4000),  # the first loss was made good
        ([3.0, 0.05, 0.05, 0.1], None),  # 0.1 is not under 0.1
        ([3.0, 3.0, 0.0999], 3000),  # at the very end
        ([0.05], 1000),
    ],
)
def test_a_level_has_collapsed_from_where_its_kl_stays_low(kl, expected):
    assert posterior_collapse_onset([1000 * (turn + 1) for turn in range(len(kl))], kl, 0.1) == expected


def test_the_threshold_counts():
    assert posterior_collapse_onset([10, 20, 30], [3.0, 0.9, 0.4], 1.0) == 20
    assert posterior_collapse_onset([10, 20, 30], [3.0, 0.9, 0.4], 0.5) == 30
