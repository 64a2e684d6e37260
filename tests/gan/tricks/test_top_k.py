from types import SimpleNamespace

import pytest
import torch

from src.gan.interfaces import ScoredImages, Step
from src.gan.losses import FeatureMatching, Relativistic, Standard
from src.gan.tricks import TopK
from src.gan.tricks.trick import Trick


def step_with(logits, progress):
    """Fake image number i has all pixels, noise and features i; real images are as many."""
    logits = torch.tensor(logits, requires_grad=True)
    number = torch.arange(float(len(logits)))
    zeros = torch.zeros(len(logits), 1, 2, 2)
    real = ScoredImages(zeros, None, zeros[:, 0, 0, 0], zeros.flatten(1))
    fake = ScoredImages(number.view(-1, 1, 1, 1), number.view(-1, 1), logits, number.view(-1, 1).expand(-1, 3))
    return Step(SimpleNamespace(progress=progress), real, fake), logits


def selected(step):
    trick = TopK()
    trick.before_step(step.gan)
    return trick.select_samples(step)


@pytest.mark.parametrize(
    ("progress", "k"),
    [(0, 8), (0.1, 7), (0.25, 6), (0.4, 5), (0.5, 4), (0.999, 4)],  # ⌈8 · ½^(progress / ½)⌉
)
def test_k_shrinks_to_half_the_batch(progress, k):
    step, logits = step_with([0.3, -1, 5, 2, 0.1, -7, 1, 0.2], progress)
    kept = selected(step).fake
    best = [2, 3, 6, 0, 7, 4, 1, 5][:k]
    assert kept.images_BCHW.flatten().tolist() == kept.z_BZ.flatten().tolist() == best
    assert kept.features_BF[:, 0].tolist() == best
    assert torch.equal(kept.logits_B, logits[best])


def test_the_worst_teach_nothing():
    step, logits = step_with([1.0, -2.0, 3.0, -4.0], 0.9)
    Standard().generator(selected(step)).backward()
    by_hand = -torch.sigmoid(-torch.tensor([1.0, 0, 3.0, 0])) / 2  # of the mean over the two that are left
    torch.testing.assert_close(logits.grad, by_hand * torch.tensor([1.0, 0, 1, 0]))


def test_real_images_stay():
    step, _ = step_with([1.0, -2.0, 3.0, -4.0], 0.9)
    assert selected(step).real is step.real


def test_the_batch_is_scored_once(make_gan, fit):
    gan = make_gan(tricks={"top_k": TopK()}, loss={"feature_matching": FeatureMatching()})
    fit(gan, num_batches=2)
    assert (gan.generator_steps, gan.discriminator_passes) == (2, 8)


class Mixing(Trick):
    mixes_samples = True


def test_what_it_excludes(make_gan):
    with pytest.raises(ValueError, match=r"gan.tricks=top_k drops generated images, but this loss compares each"):
        make_gan(loss={"relativistic": Relativistic()}, tricks={"top_k": TopK()})
    with pytest.raises(ValueError, match=r"under gan.tricks=mixing a logit belongs to several: choose one of them"):
        make_gan(tricks={"top_k": TopK(), "mixing": Mixing()})


@pytest.mark.parametrize("parameter", ["share", "duration"])
def test_parameters_are_checked(parameter):
    with pytest.raises(ValueError, match=f"gan.tricks.top_k.{parameter}=0: choose"):
        TopK(**{parameter: 0})
