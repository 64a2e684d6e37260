import pytest
import torch

from src.evaluation.metrics.outcome import LevelState, above_shuffled, level_state


def test_true_pairs_without_a_relation_seldom_exceed_shuffled_ones():
    nats = torch.randn(4000, 9, generator=torch.Generator().manual_seed(0))
    false = sum(above_shuffled(own, others) for own, others in zip(nats[:, 0].tolist(), nats[:, 1:], strict=True))
    assert 0.035 < false / len(nats) < 0.065


def test_a_relation_is_seen():
    shuffled = torch.randn(8, generator=torch.Generator().manual_seed(1)) - 3
    assert above_shuffled(3.0, shuffled)
    assert not above_shuffled(-3.0, shuffled)


@pytest.mark.parametrize(("gap", "expected"), [(0.009, False), (0.011, True)])
def test_a_hundredth_of_a_nat_is_nothing_however_sure(gap, expected):
    assert above_shuffled(2.0 + gap, torch.full((8,), 2.0)) is expected


@pytest.mark.parametrize(
    ("kl", "used", "informative", "state"),
    [
        (0.09, True, True, LevelState.COLLAPSED),
        (0.1, True, True, LevelState.ALIVE),
        (5.0, False, True, LevelState.WITHOUT_EFFECT),
        (5.0, True, False, LevelState.WITHOUT_EFFECT),
        (5.0, False, False, LevelState.WITHOUT_EFFECT),
    ],
)
def test_alive_by_use_and_not_by_kl_alone(kl, used, informative, state):
    assert level_state(kl, used, informative) is state
