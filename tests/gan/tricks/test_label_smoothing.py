import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from src.gan.losses import FeatureMatching, Hinge, LeastSquares, Minimax, Relativistic, Standard
from src.gan.tricks import LabelSmoothing


@pytest.mark.parametrize("loss", [Standard(), FeatureMatching(), Minimax()])
@pytest.mark.parametrize("target", [0.9, 0.7])
def test_the_sum_is_cross_entropy_against_the_target(make_step, loss, target):
    real, fake = torch.randn(2, 6, 1, 1, 1).unbind()
    step = make_step(4 * real, 4 * fake, lambda images: (images.flatten(), images.flatten(1)))
    smoothed = loss.discriminator(step) + LabelSmoothing(target).discriminator_penalty(step)
    by_torch = binary_cross_entropy_with_logits(4 * real, torch.full_like(real, target))
    by_torch = by_torch + binary_cross_entropy_with_logits(4 * fake, torch.zeros_like(fake))
    torch.testing.assert_close(smoothed, by_torch)


def test_its_minimum_is_the_target(make_step):
    """Where real and fake are told apart at will, σ(D) of real images ends at 0.9 instead of 1."""
    logits = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=5)
    for _ in range(200):
        step = make_step(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), lambda images: (logits, images))
        loss = torch.nn.functional.softplus(-logits).mean() + LabelSmoothing().discriminator_penalty(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert logits.sigmoid().item() == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("loss", [Hinge(), LeastSquares(), Relativistic()])
def test_other_losses_are_refused(make_gan, loss):
    with pytest.raises(ValueError, match=r"gan.tricks=label_smoothing .* choose gan.loss=standard, minimax or feature"):
        make_gan(loss={"chosen": loss}, tricks={"label_smoothing": LabelSmoothing()})


@pytest.mark.parametrize("target", [1, 0.5, 1.1])
def test_the_target_is_checked(target):
    with pytest.raises(ValueError, match=f"gan.tricks.label_smoothing.target={target}: choose"):
        LabelSmoothing(target)
