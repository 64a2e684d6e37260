from dataclasses import replace
from functools import partial

import pytest
import torch

from src.gan.networks import mlp
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import R1, R2, VEEGAN, Consistency, Dragan, GradientPenalty, Packing
from src.training.networks import frozen

SMALL = partial(VEEGAN, partial(Discriminator, width=4))


@pytest.fixture
def gan(make_gan):
    return make_gan(tricks={"veegan": SMALL()})


def reconstructor(trick):
    return [*trick.encoder.parameters(), *trick.to_noise.parameters()]


def presented(gan, images, z):
    seen = []

    def look(pairs):
        seen.append(pairs)
        return pairs.sum((1, 2, 3)), pairs.flatten(1)

    assert gan.discriminate(images, z, look).logits_B.shape == (len(images),)
    return seen[0]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7), (1, 16, 9)])
@pytest.mark.parametrize("planes", [1, 2])
def test_the_discriminator_sees_pairs(make_gan, spec, shape, planes):
    gan = make_gan(spec=replace(spec, shape=shape), tricks={"veegan": SMALL(planes=planes)})
    trick, images, z = gan.tricks["veegan"], torch.randn(5, *shape), torch.randn(5, 4)
    linear = trick.show[0]
    for noise, given in ((z, z), (trick.reconstruct(images), None)):
        pairs = presented(gan, images, given)
        assert pairs.shape == (5, shape[0] + planes, *shape[1:])
        assert torch.equal(pairs[:, : shape[0]], images)
        expected = noise @ linear.weight.T + linear.bias
        torch.testing.assert_close(pairs[:, shape[0] :].flatten(1), expected)
    gan.discriminate(images, z).logits_B.sum().backward()
    assert linear.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_the_reconstruction_term(make_gan, make_step, weight):
    gan = make_gan(tricks={"veegan": SMALL(weight=weight)})
    trick, z = gan.tricks["veegan"], torch.randn(3, 4)
    fake = gan.generate(z)
    step = make_step(torch.randn(3, 1, 8, 8), fake, z_BZ=z, gan=gan)
    guess = trick.reconstruct(fake)
    expected = weight * sum((z[i, j] - guess[i, j]).item() ** 2 for i in range(3) for j in range(4)) / 3
    term = trick.generator_penalty(step)
    assert term.item() == pytest.approx(expected, rel=1e-5)
    term.backward()
    assert all(weight.grad is not None for weight in [*gan.generator.parameters(), *reconstructor(trick)])


def test_who_learns_from_what(gan, make_step):
    """F gets no gradient from the discriminator's output; both networks are trained."""
    trick, real = gan.tricks["veegan"], torch.randn(8, 1, 8, 8)
    gan.discriminate(real).logits_B.sum().backward()
    assert all(weight.grad is None for weight in reconstructor(trick))
    with frozen(gan.discriminator):
        z = gan.noise(8)
        gan.loss.generator(make_step(real, gan.generate(z), z_BZ=z, gan=gan)).backward()
    assert all(weight.grad is None for weight in reconstructor(trick))
    groups = [{id(weight) for weight in o.param_groups[0]["params"]} for o in gan.configure_optimizers()]
    assert {id(weight) for weight in reconstructor(trick)} <= groups[0] - groups[1]
    assert {id(weight) for weight in trick.show.parameters()} <= groups[1] - groups[0]


def test_the_reconstructor_gets_better(make_gan, fit):
    """Against a generator that stands still, F alone can learn what the noise was."""
    gan = make_gan(tricks={"veegan": SMALL()}, generator_optimizer=partial(torch.optim.Adam, lr=1e-2))
    trick = gan.tricks["veegan"]

    def error():
        torch.manual_seed(5)
        z = torch.randn(256, 4)
        with torch.no_grad():
            return (trick.reconstruct(gan.generate(z)) - z).square().sum(-1).mean().item()

    before = error()
    fit(gan, num_batches=60)
    assert before > 3.5  # four dimensions of variance one
    assert error() < 0.6 * before


def test_with_other_tricks(make_gan, fit):
    for tricks in ({"r1": R1(), "r2": R2()}, {"packing": Packing()}, {"consistency": Consistency()}):
        gan = make_gan(tricks={"veegan": SMALL(), **tricks})
        fit(gan)
        assert all(weight.isfinite().all() for weight in gan.parameters())
    assert gan.discriminate(torch.randn(4, 1, 8, 8)).logits_B.shape == (4,)


def test_points_in_the_plane(make_gan, spec):
    """The reconstructor is of the discriminator's kind."""
    networks = {"generator": partial(mlp.Generator, z=5), "discriminator": mlp.Discriminator}
    trick = VEEGAN(mlp.Discriminator, planes=5)
    gan = make_gan(spec=replace(spec, shape=(2, 1, 1)), tricks={"veegan": trick}, **networks)
    assert gan.discriminate(torch.randn(4, 2, 1, 1)).logits_B.shape == (4,)
    assert trick.reconstruct(torch.randn(4, 2, 1, 1)).shape == (4, 5)


def test_impossible_combinations(make_gan):
    for name, penalty in (("gradient_penalty", GradientPenalty()), ("dragan", Dragan())):
        with pytest.raises(ValueError, match=rf"gan\.tricks={name} uses images that no noise belongs to"):
            make_gan(tricks={"veegan": SMALL(), name: penalty})
    with pytest.raises(ValueError, match=r"gan\.tricks=\['packing', 'veegan'\]: name veegan first"):
        make_gan(tricks={"packing": Packing(), "veegan": SMALL()})
    with pytest.raises(ValueError, match=r"veegan\.planes=0"):
        SMALL(planes=0)


def test_the_planes_show_all_of_the_noise(make_gan, spec):
    """A point has two coordinates: noise of five dimensions takes three planes."""
    networks = {"generator": partial(mlp.Generator, z=5), "discriminator": mlp.Discriminator}
    point = replace(spec, shape=(1, 1, 2))
    for planes in (1, 2):
        tricks = {"veegan": VEEGAN(mlp.Discriminator, planes=planes)}
        with pytest.raises(ValueError, match=rf"gan\.tricks\.veegan\.planes={planes} of 1×2 .* 5 dim.* choose 3"):
            make_gan(spec=point, tricks=tricks, **networks)
    make_gan(spec=point, tricks={"veegan": VEEGAN(mlp.Discriminator, planes=3)}, **networks)


def test_the_reconstructor_cannot_normalise_by_batch(make_gan):
    with pytest.raises(ValueError, match=r"gan\.tricks=veegan .* batch normalisation mixes: choose gan\.disc"):
        make_gan(tricks={"veegan": VEEGAN(partial(Discriminator, width=4, norm="batch"))})
    for norm in ("none", "layer", "group"):
        make_gan(tricks={"veegan": VEEGAN(partial(Discriminator, width=4, norm=norm))})
