from types import SimpleNamespace

import pytest
import torch

from src.gan.tricks import Lecam


def logits_step(real, fake, steps):
    """A step whose logits are these, after so many steps."""
    scored = [SimpleNamespace(logits_B=torch.tensor(logits)) for logits in (real, fake)]
    return SimpleNamespace(gan=SimpleNamespace(steps=steps), real=scored[0], fake=scored[1])


def follow(lecam, steps):
    """The penalties of these steps, one after the other."""
    terms = []
    for step in steps:
        lecam.before_step(step.gan)
        terms.append(float(lecam.discriminator_penalty(step)))
        lecam.after_discriminator(step.gan, step)
    return terms


def test_by_hand():
    """After one step of warm-up the averages are 2 (real) and −1 (fake).

    Real logits of 0 and 3 lie 1 and 4 above the fake average, fake ones of 5 and 1 lie 0 and 1 below the real average.
    """
    lecam = Lecam(weight=0.5, decay=0.9, warm_up=1)
    terms = follow(lecam, [logits_step([1.0, 3.0], [-2.0, 0.0], 0), logits_step([0.0, 3.0], [5.0, 1.0], 1)])
    assert terms == pytest.approx([0, 0.5 * ((1 + 16) / 2 + (0 + 1) / 2)])
    assert lecam.real_average.item() == pytest.approx(0.9 * 2 + 0.1 * 1.5)
    assert lecam.fake_average.item() == pytest.approx(0.9 * -1 + 0.1 * 3)


def test_the_warm_up_follows_the_latest_batch():
    lecam = Lecam(warm_up=3)
    terms = follow(lecam, [logits_step([float(s), s + 2.0], [-s - 2.0, -float(s)], s) for s in range(3)])
    assert terms == [0, 0, 0]
    assert (lecam.real_average.item(), lecam.fake_average.item()) == (3, -3)
    assert follow(lecam, [logits_step([0.0], [0.0], 3)]) == pytest.approx([0.3 * (9 + 9)])


def test_averages_forget_with_the_decay():
    """Logits that jump from 0 to 1 after the warm-up: 1 − 0.99^n of the way after n steps."""
    lecam = Lecam(warm_up=1)
    follow(lecam, [logits_step([0.0], [0.0], 0)] + [logits_step([1.0], [1.0], s) for s in range(1, 101)])
    assert lecam.real_average.item() == pytest.approx(1 - 0.99**100, abs=1e-5)


def test_the_gradient_pulls_logits_together_and_leaves_the_averages_alone():
    """2 λ relu(D − α) / B for real images, and minus 2 λ relu(α − D) / B for generated ones."""
    lecam = Lecam(weight=1.0, warm_up=1)
    follow(lecam, [logits_step([2.0], [-1.0], 0)])
    step = logits_step([0.0, -3.0], [0.0, 4.0], 1)
    for scored in (step.real, step.fake):
        scored.logits_B.requires_grad_()
    lecam.before_step(step.gan)
    lecam.discriminator_penalty(step).backward()
    torch.testing.assert_close(step.real.logits_B.grad, torch.tensor([1.0, 0.0]))
    torch.testing.assert_close(step.fake.logits_B.grad, torch.tensor([-2.0, 0.0]))
    lecam.after_discriminator(step.gan, step)
    assert not lecam.real_average.requires_grad


def test_averages_are_kept_in_full_precision():
    lecam = Lecam(warm_up=1)
    step = logits_step([1.0, 3.0], [0.0, 1.0], 0)
    for scored in (step.real, step.fake):
        scored.logits_B = scored.logits_B.bfloat16()
    lecam.before_step(step.gan)
    lecam.after_discriminator(step.gan, step)
    assert lecam.real_average.dtype == torch.float32
    step.gan.steps = 1
    lecam.before_step(step.gan)
    assert lecam.discriminator_penalty(step).dtype == torch.float32


def test_it_is_on_in_training(make_gan, fit):
    plain, held = make_gan(), make_gan(tricks={"lecam": Lecam(warm_up=1)})
    for gan in (plain, held):
        fit(gan, num_batches=2)
    assert set(held.tricks["lecam"].state_dict()) == {"real_average", "fake_average"}
    assert held.tricks["lecam"].real_average != 0
    assert held.discriminator_passes == plain.discriminator_passes


def test_averages_need_a_start():
    with pytest.raises(ValueError, match=r"gan\.tricks\.lecam\.warm_up=0"):
        Lecam(warm_up=0)
