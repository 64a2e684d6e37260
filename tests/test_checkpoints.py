import torch
from torch import nn

from src.checkpoints import lay_out


def test_moments_are_laid_out_as_their_weights_are():
    network = nn.Conv2d(3, 4, 2)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    network(torch.randn(2, 3, 5, 5)).sum().backward()
    optimizer.step()
    before = {name: moment.clone() for name, moment in optimizer.state[network.weight].items()}
    network.to(memory_format=torch.channels_last)
    assert optimizer.state[network.weight]["exp_avg"].stride() != network.weight.stride()
    lay_out(optimizer)
    for name, moment in optimizer.state[network.weight].items():
        assert torch.equal(moment, before[name])
        assert moment.ndim == 0 or moment.stride() == network.weight.stride()


def test_what_is_no_tensor_has_no_layout():
    weight = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    optimizer.state[weight] = {"momentum_buffer": None, "count": 3}
    lay_out(optimizer)
    assert optimizer.state[weight] == {"momentum_buffer": None, "count": 3}
