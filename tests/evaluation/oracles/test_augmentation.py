"""Augmentations of the oracle's training images: what each does, and that real images and nonsense get the same."""

import pytest
import torch
from torch.nn import functional as F

from src.evaluation.oracles import augmentation
from src.evaluation.oracles.augmentation import (
    augment,
    blurred,
    dilated,
    gaussian_blur,
    noisy,
    reshaded,
    thickened,
    warped,
)
from src.evaluation.oracles.characters import CharacterOracle


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def letters_like(num: int) -> torch.Tensor:
    """[num, 1, 28, 28]: a white ring on black, as thick as a stroke."""
    place = torch.arange(28) - 13.5
    radius = (place[:, None] ** 2 + place**2).sqrt()
    return ((radius > 6) & (radius < 9)).float().expand(num, 1, 28, 28).clone()


def changed(make) -> torch.Tensor:
    images = letters_like(200)
    return (make(images) - images).abs().flatten(1).amax(1) > 1e-6


@pytest.mark.parametrize("make", [warped, thickened, blurred, reshaded, noisy, augment])
def test_shape_and_range(make):
    for shape in [(6, 1, 28, 28), (3, 1, 16, 9), (1, 1, 7, 5)]:
        images = torch.rand(shape)
        before = images.clone()
        made = make(images)
        assert made.shape == shape
        assert 0 <= made.min() <= made.max() <= 1 + 1e-6
        assert torch.equal(images, before)


@pytest.mark.parametrize("make", [warped, thickened, blurred, reshaded, noisy])
def test_a_share_of_the_images_is_changed_and_the_others_stay_exactly_as_they_are(make):
    assert changed(lambda images: make(images, 0.25)).sum() in range(45, 51), "some changes are too small to show"


def test_some_of_a_batch_stay_untouched_and_most_do_not():
    assert 0.02 < 1 - changed(augment).float().mean() < 0.3


def test_warps_differ_and_keep_the_ink():
    made = warped(letters_like(100))
    assert (made[1:] - made[:-1]).abs().flatten(1).amax(1).min() > 0.1
    ink = made.sum((1, 2, 3)) / letters_like(1).sum()
    assert 0.6 < ink.min() < ink.max() < 1.6


def test_a_light_ground_stays_light_at_the_edges():
    """Nothing dark comes in from outside: it would tell which images were warped or blurred."""
    white = torch.ones(20, 1, 28, 28)
    torch.testing.assert_close(warped(white), white)
    torch.testing.assert_close(blurred(white), white)


def test_gaussian_blur():
    point = torch.zeros(2, 1, 21, 21)
    point[:, :, 10, 10] = 1
    made = gaussian_blur(point, torch.tensor([0.9, 1.5]).view(2, 1, 1, 1))
    place = torch.arange(21) - 10.0
    for image, sigma in zip(made[:, 0], (0.9, 1.5), strict=True):
        assert image.sum().item() == pytest.approx(1, abs=1e-5)
        assert (image.sum(0) @ place**2).item() == pytest.approx(sigma**2, rel=0.02)
        assert (image.sum(1) @ place**2).item() == pytest.approx(sigma**2, rel=0.02)


def test_dilation():
    images = (torch.rand(5, 1, 12, 12) > 0.8).float()
    torch.testing.assert_close(dilated(images), F.max_pool2d(images, 3, 1, 1))
    torch.testing.assert_close(dilated(images, 0.5), (images + dilated(images)) / 2)


def test_strokes_become_thicker_and_thinner():
    ink = thickened(letters_like(200)).sum((1, 2, 3)) / letters_like(1).sum()
    assert ink.min() < 0.8
    assert ink.max() > 1.4


def test_noise_reaches_its_bound():
    deviation = (noisy(torch.full((300, 1, 28, 28), 0.5)) - 0.5).flatten(1).std(1)
    assert 0.9 * augmentation.NOISE < deviation.max() < 1.05 * augmentation.NOISE
    assert deviation.min() < 0.05


def test_real_images_and_nonsense_go_through_the_same_augmentations():
    """One call over the whole batch, after the nonsense was made, with images in no order that an augmentation sees."""
    calls = []

    class Recorded(CharacterOracle):
        def outliers(self, images_B1HW, labels_B):
            return torch.full_like(images_B1HW, 0.25)

        def augment(self, images_B1HW):
            calls.append(images_B1HW)
            return images_B1HW / 2

    images, labels = letters_like(12), torch.arange(12) % 3
    inputs, targets = Recorded(3).training_batch(images, labels, 4)
    (whole,) = calls
    torch.testing.assert_close(whole, torch.cat([images[:8], torch.full((4, 1, 28, 28), 0.25)]))
    assert torch.equal(inputs, whole / 2), "nothing is trained on that was not augmented"
    assert targets.tolist() == [*labels[:8].tolist(), 3, 3, 3, 3]
    assert labels.tolist() == [0, 1, 2] * 4


def test_sharpness_noise_and_contrast_tell_nothing_of_a_training_batch():
    """Where nonsense is made of the real images as they are, both halves of a batch are equally sharp and noisy."""

    class Same(CharacterOracle):
        def outliers(self, images_B1HW, labels_B):
            return images_B1HW

    inputs, targets = Same(3).training_batch(letters_like(4000), torch.arange(4000) % 3, 2000)
    steps = (inputs[..., 1:] - inputs[..., :-1]).abs().flatten(1)
    for measure in (steps.mean(1), steps.amax(1), inputs.flatten(1).mean(1), inputs.flatten(1).std(1)):
        real, junk = measure[targets < 3], measure[targets == 3]
        assert real.mean().item() == pytest.approx(junk.mean().item(), abs=0.1 * measure.std().item())
        assert real.std().item() == pytest.approx(junk.std().item(), rel=0.1)
