from functools import partial
from math import prod

import pytest
import torch
from torch import nn

from src.gan.losses import Wasserstein
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import VEEGAN, WeightClipping


def trained(make_gan, fit, norm, bound):
    gan = make_gan(
        loss={"wasserstein": Wasserstein()},
        tricks={"weight_clipping": WeightClipping(bound)},
        discriminator=partial(Discriminator, width=4, norm=norm),
    )
    fit(gan)
    return gan.discriminator


@pytest.mark.parametrize("norm", ["none", "group", "batch"])
def test_every_weight_is_clamped_and_no_other(make_gan, fit, norm):
    """The scale of a normalisation as well, which starts from 1."""
    weights = list(trained(make_gan, fit, norm, bound=0.02).parameters())
    assert max(weight.abs().max() for weight in weights).item() == pytest.approx(0.02)
    assert any((weight.abs() < 0.019).any() for weight in weights)


def test_what_another_trick_adds_to_the_critic_is_clamped_too(make_gan, fit):
    veegan = VEEGAN(partial(Discriminator, width=4))
    gan = make_gan(
        loss={"wasserstein": Wasserstein()}, tricks={"veegan": veegan, "weight_clipping": WeightClipping(0.02)}
    )
    fit(gan)
    assert max(weight.abs().max() for weight in veegan.show.parameters()).item() == pytest.approx(0.02)
    assert max(weight.abs().max() for weight in veegan.encoder.parameters()) > 0.03, "a player of its own"


def test_a_normalised_critic_has_a_bounded_slope(make_gan, fit):
    """Layers stretch by at most the sum of |weights| can, the normalisation by c / √ε: even around a grey image, whose
    deviation is next to nothing, which the normalisation divides by."""
    bound = 0.05
    critic = trained(make_gan, fit, "group", bound).double()
    stretches = []
    for layer in critic.modules():
        if isinstance(layer, nn.Conv2d):  # each pixel is seen by 4 windows: ‖W‖ ≤ 2 ‖w‖ by Cauchy and Schwarz
            stretches.append(2 * layer.weight.norm().item())
        elif isinstance(layer, nn.Linear):
            stretches.append(layer.weight.norm().item())
        elif isinstance(layer, nn.GroupNorm):
            stretches.append(bound / layer.eps**0.5)
    assert len(stretches) == 4
    torch.manual_seed(0)
    for spread in (0, 1e-6, 1e-3, 1):
        images = (0.3 + spread * torch.randn(16, 1, 8, 8, dtype=torch.double)).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(images)[0].sum(), images)
        assert 0 < gradient.flatten(1).norm(dim=1).max() <= prod(stretches)


@pytest.mark.parametrize("bound", [0, -0.01, float("nan")])
def test_the_bound_is_checked(bound):
    with pytest.raises(ValueError, match=rf"gan\.tricks\.weight_clipping\.bound={bound}: choose a number above 0"):
        WeightClipping(bound)
