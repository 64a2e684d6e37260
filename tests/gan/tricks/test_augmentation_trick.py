"""What the data bear, for every trick that augments."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from src.data.spec import BAR, POINT
from src.gan.networks import mlp
from src.gan.tricks import AdaptiveAugment, Consistency, DiffAugment

TRICKS = {"diff_augment": DiffAugment, "adaptive_augment": AdaptiveAugment, "consistency": Consistency}
tricks = pytest.mark.parametrize("name", TRICKS)
MULTILAYER = {"generator": partial(mlp.Generator, z=4), "discriminator": mlp.Discriminator}


@tricks
def test_points_are_refused(make_gan, spec, name):
    points = replace(spec, name="ring", shape=(1, *POINT), levels=65535)
    with pytest.raises(ValueError, match=rf"gan\.tricks={name} .* but data=ring are points.*: choose gan\.tricks="):
        make_gan(spec=points, tricks={name: TRICKS[name]()}, **MULTILAYER)


def scored_images(gan, make_step, images):
    """All images that the discriminator gets for a loss of both outputs and the trick's penalty."""
    seen = []
    gan.discriminator.forward = lambda x: seen.append(x.detach()) or (x.sum((1, 2, 3)), x.flatten(1))
    step = make_step(images, images, gan=gan)
    assert step.real.logits_B.isfinite().all()
    assert step.fake.logits_B.isfinite().all()
    for trick in gan.tricks.values():
        trick.discriminator_penalty(step)
    return torch.cat(seen)


@pytest.mark.parametrize("stack", [1, 2])
@tricks
def test_a_kick_stays_a_kick(make_gan, make_step, spec, name, stack):
    """A bar whose second voice is always hit: it moves by up to two of sixteen steps and stays that voice."""
    drums = replace(spec, shape=(stack, *BAR), levels=1)
    trick = TRICKS[name](translation=1 / 8, cutout=0.0)
    gan = make_gan(spec=drums, tricks={name: trick})
    if name == "adaptive_augment":
        trick.probability.fill_(1)
    bars = torch.full((100, stack, *BAR), -1.0)
    bars[..., 1] = 1
    seen = scored_images(gan, make_step, bars)
    assert (seen[..., 1] >= 0).all()
    assert (seen[..., [0, *range(2, 9)]] <= 0).all()
    num_uncovered = (seen == 0).all((1, 3)).sum(1)
    assert set(num_uncovered.tolist()) == {0, 1, 2}
    assert torch.equal((seen == 0).any((1, 3)), (seen == 0).all((1, 3)))  # whole steps, never a voice


@tricks
def test_letters_move_both_ways(make_gan, make_step, name):
    trick = TRICKS[name](translation=1 / 8, cutout=0.0)
    gan = make_gan(tricks={name: trick})
    if name == "adaptive_augment":
        trick.probability.fill_(1)
    empty = scored_images(gan, make_step, torch.ones(100, 1, 8, 8))[:, 0] == 0
    lost = {(row.item(), column.item()) for row, column in zip(empty.all(2).sum(1), empty.all(1).sum(1), strict=True)}
    assert lost == {(0, 0), (0, 1), (1, 0), (1, 1)}
