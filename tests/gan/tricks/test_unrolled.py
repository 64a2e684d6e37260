from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from src.gan.interfaces import DiscriminatorNetwork, Step
from src.gan.losses import Minimax, Relativistic, Standard, Wasserstein
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import R1, VEEGAN, SpectralNorm, Unrolled, WeightClipping
from src.training.networks import frozen

PLAIN = partial(Discriminator, width=4, norm="none")
LOSSES = {"standard": Standard, "minimax": Minimax, "relativistic": Relativistic}


class Tiny(DiscriminatorNetwork):
    """A smooth discriminator of three pixels."""

    def __init__(self, shape):
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 2), nn.Linear(2, 1)

    def forward(self, images):
        features = self.inner(images.flatten(1)).tanh()
        return self.outer(features).squeeze(1), features


@pytest.fixture
def images():
    return torch.randn(2, 5, 1, 1, 3, dtype=torch.double, generator=torch.Generator().manual_seed(1))


def practised(make_gan, images, loss="standard", steps=3):
    """A GAN whose discriminator has a past, so that its Adam has moments."""
    gan = make_gan(tricks={"unrolled": Unrolled(steps)}, discriminator=Tiny, loss={loss: LOSSES[loss]()}).double()
    _, optimizer = gan.configure_optimizers()
    for _ in range(4):
        optimizer.zero_grad()
        discriminator_loss(gan.discriminator, *images).backward()
        optimizer.step()
    optimizer.zero_grad()
    return gan, optimizer


def discriminator_loss(discriminator, real, fake):
    real, fake = discriminator(real)[0], discriminator(fake)[0]
    return cross_entropy(real, torch.ones_like(real)) + cross_entropy(fake, torch.zeros_like(fake))


def played_out(gan, optimizer, real, fake, steps):
    """PyTorch's own Adam on a copy."""
    copy = deepcopy(gan.discriminator)
    adam = torch.optim.Adam(copy.parameters())
    adam.load_state_dict(deepcopy(optimizer.state_dict()))
    for _ in range(steps):
        adam.zero_grad()
        discriminator_loss(copy, real, fake).backward()
        adam.step()
    return copy


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_the_generator_faces_the_discriminator_after_some_updates(make_gan, images, steps):
    gan, optimizer = practised(make_gan, images, steps=steps)
    real, fake = images
    future = unrolled(gan, real, fake)
    moved = played_out(gan, optimizer, real, fake, steps)(fake)[0] - gan.discriminator(fake)[0]
    torch.testing.assert_close(future(fake)[0] - gan.discriminator(fake)[0], moved, rtol=1e-3, atol=0)
    assert moved.abs().min() > 1e-4


def unrolled(gan, real, fake):
    return gan.tricks["unrolled"].discriminator_for_generator(gan, gan.discriminator, real, fake, None)


def value(gan, optimizer, real, fake, loss, steps):
    """What the generator minimises, as a function of its images alone."""
    future = played_out(gan, optimizer, real, fake, steps)
    if loss == "minimax":
        return -discriminator_loss(future, real, fake).item()
    logits = future(fake)[0]
    return cross_entropy(logits, torch.ones_like(logits)).item()


@pytest.mark.parametrize("loss", ["standard", "minimax"])
def test_the_gradient_against_finite_differences(make_gan, images, loss):
    gan, optimizer = practised(make_gan, images, loss)
    for group in optimizer.param_groups:
        group["lr"] = 0.1  # or the discriminator's response would hardly count
    real, fake = images
    fake.requires_grad_()
    with frozen(gan.discriminator):
        future = unrolled(gan, real, fake)
        step = gan_step(gan, real, fake, future)
        objective = gan.loss.generator(step) + gan.tricks["unrolled"].generator_penalty(step)
        (gradient,) = torch.autograd.grad(objective, fake)
    fake.requires_grad_(False)
    assert objective.item() == pytest.approx(value(gan, optimizer, real, fake, loss, 3), rel=1e-4)
    expected, by = torch.zeros_like(fake), 1e-5
    for entry in range(fake.numel()):
        change = torch.zeros(fake.numel()).index_fill_(0, torch.tensor(entry), by).view_as(fake)
        ends = [value(gan, optimizer, real, fake + sign * change, loss, 3) for sign in (1, -1)]
        expected.view(-1)[entry] = (ends[0] - ends[1]) / (2 * by)
    torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5)

    still = played_out(gan, optimizer, real, fake, 3)  # the first term of the paper's eq. 12 alone
    fake.requires_grad_()
    (partial_gradient,) = torch.autograd.grad(gan.loss.generator(gan_step(gan, real, fake, still)), fake)
    assert (gradient - partial_gradient).norm() > 0.1 * partial_gradient.norm()


def gan_step(gan, real, fake, discriminator):
    return Step(gan, gan.discriminate(real, None, discriminator), gan.discriminate(fake, None, discriminator))


@pytest.mark.parametrize("changes", [{}, {"norm": "batch"}, {"norm": "none", "spectral": True}])
def test_the_discriminator_stays_where_it_is(make_gan, fit, changes):
    changes = dict(changes)
    tricks = {"unrolled": Unrolled(2)} | ({"spectral_norm": SpectralNorm()} if changes.pop("spectral", False) else {})
    gan = make_gan(tricks=tricks, discriminator=partial(Discriminator, width=4, **changes))
    fit(gan)
    gan.zero_grad(set_to_none=True)
    before = deepcopy(gan.discriminator.state_dict())
    real, fake = torch.randn(2, 8, 1, 8, 8)
    with frozen(gan.discriminator):
        future = unrolled(gan, real, fake.requires_grad_())
        future(fake)[0].sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in gan.discriminator.state_dict().items())
    assert all(weight.grad is None for weight in gan.discriminator.parameters())
    assert fake.grad.isfinite().all()


def test_under_bf16_and_without_a_gradient_for_some_weight(make_gan, fit):
    """A relativistic loss does not depend on the last bias."""
    gan = make_gan(tricks={"unrolled": Unrolled(3)}, loss={"relativistic": Relativistic()})
    for precision in ("32-true", "bf16-mixed"):
        fit(gan, num_batches=3, precision=precision)
        assert all(weight.isfinite().all() for weight in gan.parameters())
        assert all(weight.grad.isfinite().all() for weight in gan.generator.parameters())


@pytest.mark.parametrize("loss", [Minimax(), Wasserstein()])
def test_a_zero_sum_game_is_played_as_a_whole(make_gan, make_step, loss):
    tricks = {"spectral_norm": SpectralNorm(), "unrolled": Unrolled()}
    gan = make_gan(loss={"loss": loss}, tricks=tricks, discriminator=PLAIN)
    step = make_step(*torch.randn(2, 4, 1, 8, 8), gan=gan)
    whole = gan.loss.generator(step) + gan.tricks["unrolled"].generator_penalty(step)
    torch.testing.assert_close(whole, -gan.loss.discriminator(step))


@pytest.mark.parametrize(("loss", "passes"), [("standard", 3 + 2 * 4), ("minimax", 4 + 2 * 4)])
def test_every_pass_is_counted(make_gan, fit, loss, passes):
    gan = make_gan(tricks={"unrolled": Unrolled(4)}, loss={loss: LOSSES[loss]()})
    fit(gan, num_batches=3)
    assert gan.discriminator_passes / gan.generator_steps == passes


def test_what_it_does_not_support(make_gan):
    for name, trick in (("r1", R1()), ("veegan", VEEGAN(Discriminator))):
        with pytest.raises(ValueError, match=rf"gan\.tricks=unrolled computes .* without {name}: choose"):
            make_gan(tricks={"unrolled": Unrolled(), name: trick})
    with pytest.raises(ValueError, match=r"gan\.tricks=unrolled .* without clipping weights, as clipping does: choose"):
        make_gan(tricks={"clipping": WeightClipping(), "unrolled": Unrolled()})
    for optimizer in (partial(torch.optim.RMSprop), partial(torch.optim.Adam, weight_decay=0.1), torch.optim.AdamW):
        gan = make_gan(tricks={"unrolled": Unrolled()}, discriminator_optimizer=optimizer)
        with pytest.raises(ValueError, match=r"updates of torch\.optim\.Adam .* gan\.discriminator_optimizer"):
            gan.configure_optimizers()
    with pytest.raises(ValueError, match=r"steps=0: choose a whole number"):
        Unrolled(0)
