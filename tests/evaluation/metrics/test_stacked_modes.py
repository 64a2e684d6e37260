"""Modes of stacked characters are combinations of classes."""

import math

import pytest
import torch

from src.evaluation.metrics.modes import ModeCoverage
from tests.evaluation.metrics.made_up import measured, predictions, simulated_kl, sure


def test_the_floor_of_stacked_characters_knows_that_their_reference_is_a_product():
    mean, floor = simulated_kl(torch.linspace(1, 3, 6), 500, 4000, channels=2)
    assert floor == pytest.approx(35 / 8000 + 2 * 5 / 1000)
    assert mean == pytest.approx(floor + 1 / 8000 + 1 / 1000, rel=0.08)


@pytest.mark.parametrize("channels", [2, 3])
def test_stacked_characters_have_products_of_shares(channels):
    """Whatever pairs the held-out images happen to show, the channels are independent."""
    first = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    others = [torch.tensor([0] * 20 + [1] * 30 + [2] * 50)] * (channels - 1)
    metric = ModeCoverage(sure(torch.stack([first, *others], 1)), 3)
    assert metric.real_share_K.shape == (3**channels,)
    shares = [[0.6, 0.3, 0.1]] + [[0.2, 0.3, 0.5]] * (channels - 1)
    for mode in range(3**channels):
        digits = [mode // 3 ** (channels - 1 - channel) % 3 for channel in range(channels)]
        expected = math.prod(shares[channel][digit] for channel, digit in enumerate(digits))
        assert metric.real_share_K[mode].item() == pytest.approx(expected)


def test_stacked_modes_are_counted_as_combinations():
    everything = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    values = measured(ModeCoverage(sure(everything.repeat(10, 1)), 3), sure([[0, 1], [0, 1], [2, 0], [2, 0]]))
    assert values["modes"] == 2
    assert values["covered"].nonzero().flatten().tolist() == [1, 6]
    assert values["kl"].item() == pytest.approx(math.log(9 / 2 / 0.95))


def test_of_stacked_characters_every_mode_with_a_rare_class_is_left_out():
    confidence = torch.ones(100)
    confidence[:5] = 0  # the least confident twentieth is all there is of class 1
    rare = torch.tensor([1] * 5 + [0] * 45 + [2] * 50)
    metric = ModeCoverage(predictions(confidence, torch.stack([rare, torch.arange(100) % 3], 1)), 3)
    assert metric.measured_K.tolist() == [True] * 3 + [False] * 3 + [True] * 3
    values = measured(metric, sure([[0, 0], [1, 1], [2, 2], [2, 2]]))
    assert values["modes"] == 2
    assert values["recognisable"].item() == pytest.approx(0.75)
    assert values["kl_floor"].item() == pytest.approx(5 / 8 + 3 / 200)


def test_one_channel_called_none_makes_a_stack_unrecognisable():
    """The product over channels is 0 then, whatever the others say."""
    single = predictions([0.9, 0.0, 0.8], torch.tensor([0, 1, 1]))
    stacked = single.stacked(torch.tensor([[0, 2], [0, 1], [1, 1]]))
    coverage = ModeCoverage(single.stacked(torch.tensor([[0, 0], [2, 2], [0, 2], [2, 0]])), 2)
    assert coverage.threshold == pytest.approx(0.64)
    assert coverage.recognise(stacked).tolist() == [1, -1, -1]
