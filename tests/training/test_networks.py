"""Networks in other modes for a while."""

from torch import nn

from src.training.networks import frozen


def test_what_was_frozen_before_stays_so():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    network[0].requires_grad_(False)
    with frozen(network):
        assert not any(weight.requires_grad for weight in network.parameters())
    assert [weight.requires_grad for weight in network.parameters()] == [False, False, True, True]
