from types import SimpleNamespace

import pytest
import torch

from src.gan.losses import Hinge, LeastSquares, Relativistic, Wasserstein
from src.gan.tricks import LogitCentring, WeightClipping


def logits_step(real, fake):
    sides = (SimpleNamespace(logits_B=torch.tensor(logits, requires_grad=True)) for logits in (real, fake))
    return SimpleNamespace(**dict(zip(("real", "fake"), sides, strict=True)))


def test_by_hand():
    """Sums of 5, −1 and 0, one for each pair; 2 w (D(x) + D(G(z))) / B is the gradient of both logits."""
    step = logits_step([2.0, 0.0, 1.0], [3.0, -1.0, -1.0])
    term = LogitCentring(weight=0.3).discriminator_penalty(step)
    assert term.item() == pytest.approx(0.3 * 26 / 3)
    term.backward()
    for side in (step.real, step.fake):
        torch.testing.assert_close(side.logits_B.grad, 0.3 * 2 * torch.tensor([5.0, -1.0, 0.0]) / 3)


def test_logits_on_either_side_of_zero_cost_nothing():
    assert LogitCentring().discriminator_penalty(logits_step([7.0, 2.0], [-7.0, -2.0])).item() == 0


def test_it_ends_the_drift_that_a_relativistic_loss_does_not_see(make_gan, fit):
    """A bias added to all logits stays where it is without it, and decays with it."""
    biases = []
    for tricks in ({}, {"logit_centring": LogitCentring(weight=1.0)}):
        gan = make_gan(loss={"relativistic": Relativistic()}, tricks=tricks)
        with torch.no_grad():
            gan.discriminator.head.bias.fill_(3.0)
        fit(gan, num_batches=20)
        biases.append(gan.discriminator.head.bias.item())
    assert biases[0] == pytest.approx(3.0, abs=1e-4)
    assert biases[1] < 2.99


def test_losses_centred_elsewhere_are_refused(make_gan):
    with pytest.raises(
        ValueError, match=r"gan\.tricks=logit_centring centres logits at 0, and gan\.loss=least_squares"
    ):
        make_gan(loss={"least_squares": LeastSquares()}, tricks={"logit_centring": LogitCentring()})
    for loss in (Hinge(), Wasserstein()):
        make_gan(loss={"chosen": loss}, tricks={"logit_centring": LogitCentring(), "clip": WeightClipping()})
