"""Several generators: their layers, their turns, and the discriminator's cross-entropy over all sources."""

from functools import partial

import pytest
import torch
from torch.nn.functional import cross_entropy

from src.gan.interfaces import Step
from src.gan.losses import Hinge
from src.gan.networks import mlp
from src.gan.networks.dcgan import Generator
from src.gan.tricks import EMA, MadGAN, Packing, SpectralNorm

MAKE = partial(Generator, z=4, width=4, depth=2)


@pytest.fixture
def three(make_gan):
    return make_gan(tricks={"mad_gan": MadGAN(MAKE, num=3)})


def test_loss_and_penalty_are_the_cross_entropy_over_all_sources(three):
    three.discriminator.head.classes.weight.data.mul_(50)
    real, fake = torch.rand(2, 8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    step = Step(three, three.discriminate(real), three.discriminate(fake))
    scores = [three.discriminator.head.classes(three.discriminator.body(images)) for images in (real, fake)]
    sources = torch.tensor([1, 2, 3, 1, 2, 3, 1, 2])
    expected = cross_entropy(scores[0], torch.zeros(8, dtype=torch.long)) + cross_entropy(scores[1], sources)
    ours = three.loss.discriminator(step) + three.tricks["mad_gan"].discriminator_penalty(step)
    torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(three.loss.generator(step), -scores[1].softmax(-1)[:, 0].log().mean())


def test_generators_take_turns(three):
    three.eval()
    z = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    images = three.generator(z)
    for row in range(8):
        torch.testing.assert_close(images[row : row + 1], three.generator.generators[row % 3](z[row : row + 1]))
    assert len(three.generator(z[:2])) == 2
    assert len(three.generator(z[:1].expand(3, -1)).flatten(1).unique(dim=0)) == 3, "of the same noise"


@pytest.mark.parametrize("network", ["dcgan", "mlp"])
def test_they_share_all_layers_but_the_last(make_gan, network):
    make = MAKE if network == "dcgan" else partial(mlp.Generator, z=4, width=8)
    gan = make_gan(generator=make, tricks={"mad_gan": MadGAN(make, num=3)})
    names = [name for name, _ in gan.generator.generators[0].named_parameters()]
    last = names[-1].rpartition(".")[0]
    for name in names:
        owners = {id(generator.get_parameter(name)) for generator in gan.generator.generators}
        assert len(owners) == (3 if name.startswith(f"{last}.") else 1), name
    apart = make_gan(generator=make, tricks={"mad_gan": MadGAN(make, num=3, shared=False)})
    single = len(names)
    assert len(list(apart.generator.parameters())) == 3 * single
    assert len(list(gan.generator.parameters())) == single + 2 * sum(name.startswith(f"{last}.") for name in names)


def test_an_average_follows_shared_layers_once(make_gan, fit):
    gan = make_gan(tricks={"mad_gan": MadGAN(MAKE, num=3), "ema": EMA(half_life=8, ramp=100)})
    before = gan.generator.generators[1].project[0].weight.detach().clone()
    fit(gan, num_batches=1)
    average, now = (
        gan.tricks["ema"].average.generators[1].project[0].weight,
        gan.generator.generators[0].project[0].weight,
    )
    torch.testing.assert_close(average, (before + now) / 2)


def test_it_tells_generators_apart(make_gan, fit):
    """Two generators whose images differ from the start are soon told apart, which is what the penalty measures."""
    gan = make_gan(tricks={"mad_gan": MadGAN(MAKE, num=2, shared=False)})
    gan.generator.generators[1].upsample[-2].bias.data.fill_(1.0)

    def penalty():
        fake = gan.discriminate(gan.generate(torch.randn(64, 4, generator=torch.Generator().manual_seed(0))))
        return gan.tricks["mad_gan"].discriminator_penalty(Step(gan, None, fake)).item()

    before = penalty()
    fit(gan, num_batches=40)
    assert penalty() < before / 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"loss": {"hinge": Hinge()}}, "splits a cross-entropy"),
        ({"tricks": {"packing": Packing(), "mad_gan": MadGAN(MAKE)}}, "gan.tricks=packing a logit belongs to several"),
        ({"tricks": {"spectral_norm": SpectralNorm(), "mad_gan": MadGAN(MAKE)}}, "name spectral_norm last"),
    ],
)
def test_what_does_not_fit_is_refused(make_gan, changes, expected):
    with pytest.raises(ValueError, match=expected):
        make_gan(**({"tricks": {"mad_gan": MadGAN(MAKE)}} | changes))
    make_gan(tricks={"mad_gan": MadGAN(MAKE), "spectral_norm": SpectralNorm()})
