"""D2GAN's losses against NumPy, and the divergences at its optimum."""

from functools import partial

import numpy as np
import pytest
import torch

from src.gan.interfaces import Step
from src.gan.losses import KL, log_softplus
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import D2GAN, EMA
from tests.gan.test_losses import step_of

MAKE = partial(Discriminator, width=4, depth=2)


def test_both_halves_of_the_game(make_gan):
    """Nguyen et al. 2017, as sums over the batch."""
    gan = make_gan(loss={"kl": KL(0.3)}, tricks={"d2gan": D2GAN(MAKE, 0.7)})
    first, second = gan.discriminator, gan.tricks["d2gan"].second
    for network in (first, second):
        network.head.weight.data.mul_(50)  # so that logits are not all near zero
    real, fake = torch.rand(2, 6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    step = Step(gan, gan.discriminate(real), gan.discriminate(fake))

    def score(network, images):
        return np.log1p(np.exp(network(images)[0].detach().double().numpy()))

    d1, d2 = (tuple(score(network, images) for images in (real, fake)) for network in (first, second))
    assert not np.allclose(d1[0], d2[0])
    expected = -0.3 * np.log(d1[0]).mean() + d1[1].mean() + d2[0].mean() - 0.7 * np.log(d2[1]).mean()
    ours = gan.loss.discriminator(step) + gan.tricks["d2gan"].discriminator_penalty(step)
    assert ours.item() == pytest.approx(expected, rel=1e-5)
    ours = gan.loss.generator(step) + gan.tricks["d2gan"].generator_penalty(step)
    assert ours.item() == pytest.approx(-d1[1].mean() + 0.7 * np.log(d2[1]).mean(), rel=1e-5)


def test_the_best_discriminator_gives_the_divergence():
    """On two points: at D = α p/q the loss is −α (KL(p‖q) + ln α − 1), and no other D has a smaller one."""
    alpha, p, q = 0.2, torch.tensor([0.9, 0.1]), torch.tensor([0.4, 0.6])
    loss = KL(alpha)

    def value(logits):
        weighted_real, weighted_fake = (logits.repeat_interleave((1000 * share).int()) for share in (p, q))
        return loss.discriminator(step_of(weighted_real, weighted_fake))

    best = (torch.expm1(alpha * p / q)).log()  # whose softplus is α p/q
    divergence = (p * (p / q).log()).sum()
    assert value(best).item() == pytest.approx(-alpha * (divergence + np.log(alpha) - 1).item(), abs=1e-4)
    for change in (torch.tensor([0.1, 0.0]), torch.tensor([-0.1, 0.0]), torch.tensor([0.0, 0.1])):
        assert value(best + change) > value(best)


def test_log_softplus_everywhere():
    x = torch.linspace(-30, 30, 601, dtype=torch.float64)
    torch.testing.assert_close(log_softplus(x), torch.log1p(x.exp()).log(), atol=1e-6, rtol=1e-6)
    far = torch.tensor([-1e4, 1e4], requires_grad=True)
    (slope,) = torch.autograd.grad(log_softplus(far).sum(), far)
    assert log_softplus(far)[0] == -1e4
    torch.testing.assert_close(slope, torch.tensor([1.0, 1e-4]))


def test_the_second_network_learns_with_the_first_and_stands_still_in_the_generators_update(make_gan, fit):
    gan = make_gan(loss={"kl": KL()}, tricks={"d2gan": D2GAN(MAKE), "ema": EMA()})
    before = {name: tensor.clone() for name, tensor in gan.tricks["d2gan"].state_dict().items()}
    fit(gan, num_batches=1)
    assert all(not torch.equal(before[name], tensor) for name, tensor in gan.tricks["d2gan"].state_dict().items())
    assert gan.discriminator_passes == 6
    (own,) = (group["params"] for group in gan.optimizers()[1].param_groups)
    assert len(own) == len([*gan.discriminator.parameters(), *before])


def test_it_is_half_of_a_game(make_gan):
    with pytest.raises(ValueError, match=r"gan\.tricks=d2gan .* gan\.loss=kl"):
        make_gan(tricks={"d2gan": D2GAN(MAKE)})
