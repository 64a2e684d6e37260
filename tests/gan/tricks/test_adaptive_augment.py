from types import SimpleNamespace

import pytest
import torch
from lightning import Callback

from src.gan.losses import LeastSquares, Relativistic, RelativisticAverage, Standard
from src.gan.tricks import AdaptiveAugment


def updates(trick, means, batch=10, world_size=1, first_step=0):
    """p after each of these updates; `means` are of the signs of the real logits."""
    seen = []
    for step, mean in enumerate(means, first_step):
        num_positive = round(batch * (mean + 1) / 2)
        logits = torch.cat([torch.full((num_positive,), 0.3), torch.full((batch - num_positive,), -7.0)])
        real = SimpleNamespace(logits_B=logits, images_BCHW=torch.zeros(batch, 1, 8, 8))
        gan = SimpleNamespace(steps=step, world_size=world_size)
        trick.before_step(gan)
        trick.after_discriminator(gan, SimpleNamespace(real=real))
        seen.append(trick.probability.item())
    return seen


def test_the_papers_speed():
    """From 0 to 1 in 500,000 images, 40 of them in each of these adjustments, one every four updates."""
    assert updates(AdaptiveAugment(), [1.0] * 12) == pytest.approx(
        [0, 0, 0, *[40 / 500_000] * 4, *[80 / 500_000] * 4, 120 / 500_000]
    )


def test_devices_count_together():
    assert updates(AdaptiveAugment(), [1.0] * 4, world_size=8)[-1] == pytest.approx(320 / 500_000)


@pytest.mark.parametrize(
    ("means", "direction"), [([1, 1, 0.4, 0.2], 1), ([1, 1, 0.2, 0], -1), ([0.6] * 4, 0), ([-1] * 4, -1)]
)
def test_it_follows_the_average_of_the_interval(means, direction):
    trick = AdaptiveAugment(ramp=1000)
    trick.probability.fill_(0.5)
    moved = updates(trick, means)[-1] - 0.5
    if direction:  # at the target itself rounding decides
        assert moved == pytest.approx(direction * 40 / 1000)
    assert trick.mean_sign == 0


def test_it_stays_a_probability():
    trick = AdaptiveAugment(ramp=30)
    assert updates(trick, [1.0] * 4 + [-1.0] * 8)[3::4] == [1, 0, 0]


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_each_augmentation_hits_its_share_of_images(probability):
    """A translation by up to ½ leaves 1 of 9² images as it is, a window of 1×1 hides exactly one pixel."""
    torch.manual_seed(0)
    images = torch.ones(4000, 1, 8, 8)
    moving = AdaptiveAugment(translation=0.5, cutout=0)
    moving.probability.fill_(probability)
    changed = (moving.transform(images) != images).any((1, 2, 3)).float().mean().item()
    assert changed == pytest.approx(probability * 80 / 81, abs=0.03 if 0 < probability < 1 else 0.006)
    hiding = AdaptiveAugment(translation=0, cutout=1 / 8)
    hiding.probability.fill_(probability)
    hidden = (hiding.transform(images) == 0).sum((1, 2, 3))
    assert hidden.max() <= 1
    assert hidden.float().mean().item() == pytest.approx(probability, abs=0.03 if 0 < probability < 1 else 0)


def test_augmentations_are_independent():
    torch.manual_seed(0)
    trick = AdaptiveAugment(translation=0.5, cutout=1 / 8)
    trick.probability.fill_(0.5)
    images = torch.rand(4000, 1, 8, 8) + 1
    seen = trick.transform(images)
    untouched = (seen == images).all((1, 2, 3)).float().mean().item()
    assert untouched == pytest.approx((1 - 0.5 * 80 / 81) * 0.5, abs=0.03)


def test_a_run_reports_its_probability(make_gan, fit):
    class Charts(Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
            seen.append(outputs["tricks/augmentation_probability"].item())

    seen = []
    gan = make_gan(tricks={"adaptive_augment": AdaptiveAugment(target=-0.999, ramp=100)})
    fit(gan, num_batches=8, callbacks=[Charts()])
    assert len(seen) == 8
    assert seen[7] > 0
    assert all(value in (0, pytest.approx(0.32), pytest.approx(0.64)) for value in seen)


@pytest.mark.parametrize("loss", [LeastSquares(), Relativistic(), RelativisticAverage()])
def test_a_loss_must_have_a_threshold_at_zero(make_gan, loss):
    with pytest.raises(ValueError, match=r"gan.tricks=adaptive_augment measures overfitting by the sign .* choose"):
        make_gan(loss={"chosen": loss}, tricks={"adaptive_augment": AdaptiveAugment()})
    make_gan(loss={"chosen": Standard()}, tricks={"adaptive_augment": AdaptiveAugment()})


@pytest.mark.parametrize(("parameter", "value"), [("target", 1), ("ramp", 0), ("interval", 0), ("cutout", -1)])
def test_parameters_are_checked(parameter, value):
    with pytest.raises(ValueError, match=rf"gan.tricks.adaptive_augment.*{parameter}={value}"):
        AdaptiveAugment(**{parameter: value})
