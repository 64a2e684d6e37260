"""Every network takes grey and coloured images of 28, 32 and 64 pixels a side; for losses and tricks: test_options."""

import pytest
import torch


def images_of(channels: int, size: int) -> torch.Tensor:
    shape = (8, size, size) if channels == 1 else (8, 3, size, size)
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.mark.parametrize("network", ["dcgan", "residual"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "depth"), [(28, 2), (32, 3), (64, 4)])
def test_every_network_at_every_size(build, fit, network, channels, size, depth):
    options = (f"gan.network={network}", "gan.generator.width=2", "gan.discriminator.width=2", "gan.generator.z=4")
    gan = build("gan.loss", "relativistic", *options, shape=(channels, size, size), colour=channels == 3)
    fit(gan, num_batches=1, images=images_of(channels, size))
    assert gan.sample(2, seed=0).shape == (2, channels, size, size)
    _, features_BF = gan.discriminator(torch.zeros(1, channels, size, size))
    smallest = size >> depth
    assert features_BF.shape[1] == 2**depth * (smallest**2 if network == "dcgan" else 1)


@pytest.mark.parametrize("penalty", ["r1", "r2"])
def test_channels_of_colour_are_not_penalised_apart(build, penalty):
    option = f"gan.tricks.{penalty}.channel_max=true"
    with pytest.raises(ValueError, match="needs several characters per image"):
        build("gan.tricks", penalty, option, shape=(3, 16, 16), colour=True)
