import pytest
import torch

from src.gan.tricks import Consistency
from src.gan.tricks.augmentation import cutout, translate


def brightness(images_BCHW):
    """Twice the sum of all pixels."""
    return 2 * images_BCHW.sum((1, 2, 3)), images_BCHW.flatten(1)


@pytest.fixture
def step(make_gan, make_step):
    gan = make_gan()
    gan.discriminator.forward = brightness
    torch.manual_seed(0)
    return make_step(torch.randn(5, 1, 8, 8), torch.randn(5, 1, 8, 8), gan=gan)


def test_both_kinds_of_images_and_their_augmentations(step):
    """λ times the mean squared change of the logit, over real images plus over generated ones."""
    torch.manual_seed(1)
    term = Consistency(weight=3.0, translation=0.25, cutout=0.5).discriminator_penalty(step)
    torch.manual_seed(1)
    expected = 0.0
    for scored in (step.real, step.fake):
        images = cutout(translate(scored.images_BCHW, 0.25), 0.5)
        gaps = [2 * (before.sum() - after.sum()) for before, after in zip(scored.images_BCHW, images, strict=True)]
        expected += 3.0 * sum(gap.item() ** 2 for gap in gaps) / 5
    assert term.item() == pytest.approx(expected, rel=1e-5)
    assert term > 0


def test_of_the_paper_only_the_shift_by_default(step, make_step):
    """Nothing is lost where the border is empty: a brightness does not change when an image moves, but D's sum does
    when it is cut out."""
    framed = [torch.nn.functional.pad(side.images_BCHW[..., 1:-1, 1:-1], (1,) * 4) for side in (step.real, step.fake)]
    step = make_step(*framed, gan=step.gan)
    assert Consistency().discriminator_penalty(step).item() == pytest.approx(0, abs=1e-8)
    assert Consistency(cutout=0.5).discriminator_penalty(step) > 1


def test_no_augmentation_no_term(step):
    assert Consistency(translation=0.0).discriminator_penalty(step) == 0


def test_logits_are_subtracted_in_full_precision(make_gan, make_step):
    """In bf16 the difference of 256 and 1.5 is 254 or 256; its square is not."""
    gan = make_gan()
    gan.discriminator.forward = lambda x: (torch.full((len(x),), 1.5, dtype=torch.bfloat16), x)
    images = torch.randn(2, 4, 1, 8, 8)
    step = make_step(*images, lambda x: (torch.full((len(x),), 256.0, dtype=torch.bfloat16), x), gan=gan)
    assert Consistency(weight=1.0).discriminator_penalty(step).item() == 2 * 254.5**2


@pytest.mark.parametrize(("parameter", "value"), [("translation", 5), ("translation", -1), ("cutout", 2)])
def test_shares_are_checked(parameter, value):
    with pytest.raises(
        ValueError, match=rf"gan\.tricks\.consistency\.{parameter}={value}: choose a number from 0 to 1"
    ):
        Consistency(**{parameter: value})


def test_it_costs_two_passes(make_gan, fit):
    gan = make_gan(tricks={"consistency": Consistency()})
    fit(gan, num_batches=2)
    assert gan.discriminator_passes / gan.generator_steps == 5


def test_gradients_through_both_logits(make_gan, make_step):
    """D(x) = a Σx: the gap is a (Σx − ΣT(x)), so the derivative of its square is 2 a (…)², not half or none of it."""
    slope = torch.nn.Parameter(torch.tensor(1.5))
    gan = make_gan()
    gan.discriminator.forward = lambda x: (slope * x.sum((1, 2, 3)), x)
    fake = torch.randn(4, 1, 8, 8, requires_grad=True)
    term = Consistency(cutout=0.5).discriminator_penalty(make_step(torch.randn(4, 1, 8, 8), fake, gan=gan))
    term.backward()
    assert slope.grad.item() == pytest.approx(2 * term.item() / 1.5, rel=1e-4)


def test_other_tricks_see_the_augmented_images_with_their_noise(make_gan, make_step):
    seen = []
    gan = make_gan(tricks={"consistency": Consistency()})
    gan.tricks["consistency"].pack_inputs = lambda images, z: seen.append(z) or images
    z = gan.noise(4)
    step = make_step(torch.randn(4, 1, 8, 8), torch.randn(4, 1, 8, 8), z_BZ=z, gan=gan)
    gan.tricks["consistency"].discriminator_penalty(step)
    assert sum(noise is None for noise in seen) == 2
    assert sum(noise is z for noise in seen) == 2
