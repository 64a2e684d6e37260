from copy import deepcopy

import pytest
import torch

from src.gan.tricks import TwoTimeScale


def test_each_network_moves_at_its_rate(make_gan, fit):
    """Adam's first step has the size of the learning rate, in every weight that gets a gradient."""
    gan = make_gan(tricks={"two_time_scale": TwoTimeScale()})
    networks = (gan.generator.upsample, gan.discriminator.body)
    before = [deepcopy(network.state_dict()) for network in networks]
    fit(gan, num_batches=1)
    for network, state, rate in zip(networks, before, (1e-4, 4e-4), strict=True):
        moved = torch.cat([(weight - state[name]).abs().flatten() for name, weight in network.named_parameters()])
        assert moved.median().item() == pytest.approx(rate, rel=1e-2)
        assert moved.max().item() == pytest.approx(rate, rel=1e-2)


@pytest.mark.parametrize("parameter", ["generator_lr", "discriminator_lr"])
def test_rates_are_checked(parameter):
    with pytest.raises(ValueError, match=f"gan.tricks.two_time_scale.{parameter}=0: choose a number above 0"):
        TwoTimeScale(**{parameter: 0})
