from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from lightning import Callback
from torch import nn

from src.gan.tricks import EMA


class Snapshots(Callback):
    """What an average must follow, and how fast."""

    def __init__(self):
        self.taken = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
        self.taken.append((module.images_seen, len(batch), deepcopy(module.generator.state_dict())))


@pytest.mark.parametrize(("half_life", "ramp"), [(20.0, 0.5), (10_000.0, 0.05), (5.0, 100.0)])
def test_ema_against_a_loop(make_gan, fit, half_life, ramp):
    gan, snapshots = make_gan(tricks={"ema": EMA(half_life, ramp)}), Snapshots()
    average = deepcopy(gan.generator.state_dict())
    fit(gan, num_batches=6, callbacks=[snapshots])
    assert len(snapshots.taken) == 6
    for images_seen, batch_size, weights in snapshots.taken:
        decay = 0.5 ** (batch_size / min(half_life, ramp * images_seen))
        average = {name: decay * average[name] + (1 - decay) * weights[name] for name in average}
    kept = gan.tricks["ema"].average.state_dict()
    floats = [name for name in average if not name.endswith("num_batches_tracked")]
    assert any(name.endswith("running_var") for name in floats)
    for name in floats:
        torch.testing.assert_close(kept[name], average[name], atol=1e-6, rtol=1e-5, msg=name)
    assert not torch.equal(kept["project.0.weight"], gan.generator.state_dict()["project.0.weight"])


def ema_of_a_number(half_life, ramp, batch_images, num_steps, target=1.0):
    """Follows a weight that jumped from 0 to `target` and stays there."""
    generator = nn.Linear(1, 1, bias=False).requires_grad_(False)
    gan = SimpleNamespace(generator=generator, current_generator=generator, images_seen=0, batch_images=batch_images)
    generator.weight.fill_(0)
    ema = EMA(half_life, ramp)
    ema.attach(gan)
    generator.weight.fill_(target)
    for _ in range(num_steps):
        gan.images_seen += batch_images
        ema.after_step(gan)
    return ema.average.weight.item()


@pytest.mark.parametrize("batch_images", [1, 8, 40, 200])
def test_ema_half_life_counts_images_at_every_batch_size(batch_images):
    reached = ema_of_a_number(200, 1e9, batch_images, 200 // batch_images)
    assert reached == pytest.approx(0.5, abs=1e-5)


def test_ema_ramp_bounds_the_half_life_by_the_images_seen():
    first = ema_of_a_number(1e9, 0.05, 64, 1)
    assert first == pytest.approx(1 - 0.5 ** (1 / 0.05), abs=1e-6)  # nothing of the initial weights is left
    late = ema_of_a_number(640, 0.5, 64, 40)
    assert late > 0.99


def test_ema_is_sampled_instead_of_the_raw_weights(make_gan, fit):
    gan = make_gan(tricks={"ema": EMA()})
    fit(gan)
    raw, average = gan.generator, gan.tricks["ema"].average
    for weight in average.parameters():
        weight.fill_(0)
    assert gan.sample(4, seed=0).float().std() == 0
    for weight in average.parameters():
        weight.fill_(0.5)
    bright = gan.sample(4, seed=0)
    for weight in raw.parameters():
        weight.data.fill_(0)
    assert torch.equal(gan.sample(4, seed=0), bright)
    assert bright.float().mean() > 140


def test_ema_learns_nothing_itself(make_gan):
    """It is in no optimizer and needs no gradient, and it is a copy."""
    gan = make_gan(tricks={"ema": EMA()})
    assert not any(weight.requires_grad for weight in gan.tricks["ema"].average.parameters())
    assert all(weight.requires_grad for weight in gan.generator.parameters())
    learning = {
        id(weight) for o in gan.configure_optimizers() for group in o.param_groups for weight in group["params"]
    }
    assert learning == {id(weight) for weight in [*gan.generator.parameters(), *gan.discriminator.parameters()]}
    gan.generator.project[0].weight.data.fill_(7)
    assert gan.tricks["ema"].average.project[0].weight.abs().max() < 1


def test_ema_refuses_a_ramp_of_nothing():
    with pytest.raises(ValueError, match="ramp=0"):
        EMA(ramp=0)
