import math

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu

from src.gan.networks.residual import (
    LearntPooling,
    ResidualBlock,
    ResidualDiscriminator,
    ResidualGenerator,
    Resize,
    scaled,
)

SHAPES = [((1, 28, 28), 2), ((3, 28, 28), 3), ((1, 16, 9), 2), ((2, 16, 9), 3), ((1, 7, 7), 1), ((1, 7, 7), 2)]
SHAPES += [((3, 5, 12), 2), ((1, 2, 2), 1)]
NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm, nn.RMSNorm)


def num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def trained(network: nn.Module) -> nn.Module:
    """Every weight moved, so that no block is the identity."""
    for parameter in network.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def pair(shape=(1, 28, 28), width=4, **keywords):
    torch.manual_seed(0)
    return ResidualGenerator(shape, z=6, width=width, **keywords), ResidualDiscriminator(shape, width, **keywords)


@pytest.mark.parametrize(("shape", "depth"), SHAPES)
@pytest.mark.parametrize("blocks", [1, 2])
def test_shapes_and_range(shape, depth, blocks):
    generator, discriminator = (trained(network) for network in pair(shape, depth=depth, blocks=blocks))
    assert 0.9 < generator(20 * torch.randn(5, 6)).abs().max() <= 1
    images = generator(torch.randn(5, 6))
    assert images.shape == (5, *shape)
    assert (images.std(0) > 1e-3).all()  # also in an odd side's last row
    logits, features = discriminator(images)
    assert logits.shape == (5,)
    assert features.shape == (5, 4 * 2 ** (depth - 1))
    assert generator.z == 6


@pytest.mark.parametrize("index", [0, 1])
def test_too_many_halvings_are_refused(index):
    with pytest.raises(ValueError, match="depth=4 halvings are too many for images of 16×9"):
        (ResidualGenerator, ResidualDiscriminator)[index]((1, 16, 9), depth=4)


@pytest.mark.parametrize("mean", [-0.7, 0.0, 0.5])
def test_images_start_around_the_mean_that_is_asked_for(mean):
    # Without biases before it, a network of leaky rectifiers maps zero to zero: only the last layer's bias is seen.
    images = ResidualGenerator((2, 28, 28), mean=mean)(torch.zeros(3, 64))
    torch.testing.assert_close(images, torch.full_like(images, mean))


@pytest.mark.parametrize("mean", [-1.0, 1.0, math.nan])
def test_a_mean_that_tanh_never_reaches_is_refused(mean):
    with pytest.raises(ValueError, match=f"gan.generator.mean={mean}: choose a number between -1 and 1"):
        ResidualGenerator((1, 28, 28), mean=mean)


def test_logits_are_linear_in_the_features():
    discriminator = trained(pair()[1])
    logits, features = discriminator(torch.rand(6, 1, 28, 28))
    assert isinstance(discriminator.body, nn.Sequential)
    torch.testing.assert_close(logits, features @ discriminator.head.weight[0] + discriminator.head.bias)
    assert features.std() > 0


def test_a_layer_can_be_appended_and_the_head_replaced():
    discriminator = pair()[1]
    discriminator.body.append(nn.Linear(discriminator.head.in_features, 3))
    discriminator.head = nn.Linear(3, 1)
    logits, features = discriminator(torch.rand(2, 1, 28, 28))
    assert (logits.shape, features.shape) == ((2,), (2, 3))


def test_no_layer_normalises_or_mixes_images():
    for network in pair():
        assert not any(isinstance(layer, NORMS) for layer in network.modules())
    discriminator = trained(pair()[1])
    images = torch.rand(4, 1, 28, 28)
    torch.testing.assert_close(discriminator(images)[0][1:2], discriminator(images[1:2])[0])


def test_a_block_starts_as_the_identity_and_learns():
    torch.manual_seed(0)
    block = ResidualBlock(8, num_blocks=2)
    grid = torch.randn(3, 8, 5, 4)
    assert torch.equal(block(grid), grid)
    block(grid).square().sum().backward()
    slopes = [parameter.grad.abs().max() for parameter in block.parameters()]
    assert slopes[-1] > 0  # the convolution that is zero
    assert not any(slopes[:-1])
    assert not torch.equal(trained(block)(grid), grid)


def test_a_block_sees_its_eight_neighbours_and_no_further():
    torch.manual_seed(0)
    block = trained(ResidualBlock(4, num_blocks=1))
    grid = torch.randn(1, 4, 7, 7)
    changed = grid.clone()
    changed[..., 3, 3] += 1
    moved = (block(changed) - block(grid))[0].abs().amax(0) > 1e-7
    expected = torch.zeros(7, 7, dtype=torch.bool)
    expected[2:5, 2:5] = True
    assert torch.equal(moved, expected)


@pytest.mark.parametrize("num_blocks", [1, 2, 16])
def test_branches_of_a_block_shrink_with_the_number_of_blocks(num_blocks):
    """Fixup with three layers: each of the first two by L^(-1/4), so that their product is L^(-1/2)."""
    torch.manual_seed(0)
    first, _, second, _, last = ResidualBlock(128, num_blocks).branch
    gain = math.sqrt(2 / 1.04) * num_blocks**-0.25
    assert first.weight.std().item() == pytest.approx(gain / math.sqrt(128), rel=0.03)
    assert second.weight.std().item() == pytest.approx(gain / math.sqrt(64 * 9), rel=0.03)
    assert not last.weight.any()
    assert last.bias is None
    assert not first.bias.any()
    assert not second.bias.any()


def test_scaled_layers_keep_the_second_moment():
    torch.manual_seed(0)
    for layer, inputs in (
        (nn.Linear(64, 4000), torch.randn(20, 64)),
        (nn.Conv2d(16, 200, 1), torch.randn(4, 16, 10, 10)),
        (nn.Conv2d(16, 200, 4, 2), torch.randn(4, 16, 12, 12)),
        (nn.ConvTranspose2d(16, 200, 4, 2, 3), torch.randn(4, 16, 12, 12)),
    ):
        with torch.no_grad():
            outputs = scaled(layer, gain=3.0)(inputs)
        assert outputs.square().mean().sqrt().item() == pytest.approx(3, rel=0.1), layer
        assert not layer.bias.any()


def test_a_new_discriminator_is_its_linear_skeleton():
    """With every block the identity: 4×4 convolution, resampling, 1×1 convolution, rectifier, weighted sums."""
    _, discriminator = pair(blocks=2)
    images = torch.randn(3, 1, 28, 28)
    stem, *_, widen, _, _, _, pooling = discriminator.body
    taps = torch.tensor([1.0, 3, 3, 1]) / 8
    kernel = taps.outer(taps).expand(4, 1, 4, 4)
    interior = conv2d(stem(images), kernel, stride=2, padding=1, groups=4)
    narrow = Resize((14, 14), (7, 7))(stem(images))
    torch.testing.assert_close(narrow[..., 1:-1, 1:-1], interior[..., 1:-1, 1:-1])
    features = (leaky_relu(widen(narrow), 0.2) * pooling.weight_CHW).sum((2, 3))
    torch.testing.assert_close(discriminator(images)[1], features)
    torch.testing.assert_close(discriminator(3 * images)[0], 3 * discriminator(images)[0])  # biases are zero


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 16, 9)])
def test_scales_at_the_start(shape):
    """Neither a grey image nor a black and white one, and logits that a softplus still tells apart."""
    torch.manual_seed(0)
    generator, discriminator = ResidualGenerator(shape), ResidualDiscriminator(shape)
    with torch.no_grad():
        images = generator(torch.randn(64, 64))
        assert 0.1 < images.std() < 0.8
        assert (images.abs() > 0.99).float().mean() < 0.05
        assert 0.01 < discriminator(torch.randn(64, *shape))[0].std() < 3


@pytest.mark.parametrize(
    ("before", "after"), [((14, 14), (7, 7)), ((8, 4), (16, 9)), ((7, 7), (3, 3)), ((1, 1), (3, 2))]
)
def test_resizing_keeps_constants_and_commutes_with_flips(before, after):
    torch.manual_seed(0)
    resize = Resize(before, after)
    torch.testing.assert_close(resize(torch.full((2, 3, *before), 5.0)), torch.full((2, 3, *after), 5.0))
    grid = torch.randn(2, 3, *before)
    for dims in ([2], [3]):
        torch.testing.assert_close(resize(grid.flip(dims)), resize(grid).flip(dims))
    assert not resize.state_dict()


def test_enlarging_filters_by_1_3_3_1():
    """Zeros put between the values, then the filter: away from the edges that is bilinear interpolation."""
    grid = torch.randn(1, 1, 6, 5, generator=torch.Generator().manual_seed(0))
    taps = torch.tensor([1.0, 3, 3, 1]) / 4
    expected = conv_transpose2d(grid, taps.outer(taps)[None, None], stride=2, padding=1)
    torch.testing.assert_close(Resize((6, 5), (12, 10))(grid)[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def test_resizing_a_ramp_gives_a_ramp():
    ramp = torch.arange(14.0).expand(1, 1, 14, 14)
    halved = Resize((14, 14), (7, 7))(ramp)[0, 0]
    torch.testing.assert_close(halved[:, 1:-1], (2 * torch.arange(7.0) + 0.5)[1:-1].expand(7, 5))


def test_learnt_pooling_is_a_depthwise_convolution_as_large_as_the_grid():
    torch.manual_seed(0)
    pooling = LearntPooling(5, (4, 3))
    grid = torch.randn(2, 5, 4, 3)
    expected = conv2d(grid, pooling.weight_CHW.unsqueeze(1), groups=5).flatten(1)
    torch.testing.assert_close(pooling(grid), expected)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 7, 5)])
def test_penalties_can_be_differentiated(shape):
    """The gradient of R1, a second derivative, against finite differences of the penalty."""
    torch.manual_seed(0)
    discriminator = trained(ResidualDiscriminator(shape, width=4)).double()
    images = torch.randn(3, *shape, dtype=torch.float64, requires_grad=True)

    def penalty() -> torch.Tensor:
        (gradient,) = torch.autograd.grad(discriminator(images)[0].sum(), images, create_graph=True)
        return gradient.square().sum()

    parameters = [parameter for parameter in discriminator.parameters() if parameter.ndim > 1]
    slopes = torch.autograd.grad(penalty(), parameters)
    for parameter, slope in zip(parameters, slopes, strict=True):
        assert slope.abs().max() > 0
        direction = torch.randn_like(parameter)
        sides = []
        for step in (1e-6, -2e-6):
            parameter.data.add_(step * direction)
            sides.append(penalty().item())
        parameter.data.add_(1e-6 * direction)
        assert (sides[0] - sides[1]) / 2e-6 == pytest.approx((slope * direction).sum().item(), rel=1e-4)


def test_both_networks_run_in_bf16():
    generator, discriminator = (trained(network) for network in pair())
    z = torch.randn(4, 6)
    plain = discriminator(generator(z))[0]
    with torch.autocast("cpu", torch.bfloat16):
        images = generator(z).float().requires_grad_()
        logits = discriminator(images)[0]
        (gradient,) = torch.autograd.grad(logits.float().sum(), images, create_graph=True)
        gradient.square().sum().backward()
    torch.testing.assert_close(logits.float(), plain, atol=0.1 * plain.abs().max().item(), rtol=0)
    assert all(parameter.grad.isfinite().all() for parameter in discriminator.body.parameters() if parameter.ndim > 1)


def test_number_of_parameters():
    """At 28×28, width 4 and one block a size: each layer counted by hand."""
    generator, discriminator = pair()
    block = {4: (4 * 2 + 2) + (2 * 2 * 9 + 2) + 2 * 4, 8: (8 * 4 + 4) + (4 * 4 * 9 + 4) + 4 * 8}
    resampled = 4 * 8
    assert num_parameters(discriminator) == (16 * 4 + 4) + block[4] + resampled + block[8] + 8 * 49 + (8 + 1)
    assert num_parameters(generator) == (6 + 1) * 8 * 49 + block[8] + resampled + block[4] + (4 * 16 + 1)
    deeper = ResidualDiscriminator((1, 28, 28), width=4, blocks=3)
    assert num_parameters(deeper) == num_parameters(discriminator) + 2 * (block[4] + block[8])


def test_an_image_channel_costs_one_kernel_for_each_feature():
    generators, discriminators = zip(*(pair((channels, 28, 28)) for channels in (1, 3)), strict=True)
    assert num_parameters(discriminators[1]) - num_parameters(discriminators[0]) == 2 * 4 * 16
    assert num_parameters(generators[1]) - num_parameters(generators[0]) == 2 * (4 * 16 + 1)
