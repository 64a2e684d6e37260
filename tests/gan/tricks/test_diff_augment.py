from dataclasses import replace

import pytest
import torch

from src.gan.losses import FeatureMatching
from src.gan.tricks import DiffAugment


def test_what_is_hidden_and_what_is_moved():
    """A white image of 16×24: a window of 8×12 is hidden, less where it hangs over the edge, and nothing else changes
    but what a shift of at most 2×3 uncovers."""
    torch.manual_seed(0)
    white = torch.ones(500, 1, 16, 24)
    seen = DiffAugment().transform(white)
    assert set(seen.unique().tolist()) == {0.0, 1.0}
    num_hidden = (seen == 0).sum((1, 2, 3))
    assert num_hidden.min() >= 4 * 6  # a window centred in a corner
    assert num_hidden.max() <= 8 * 12 + 2 * 24 + 3 * 16
    assert len(num_hidden.unique()) > 20
    shifted = DiffAugment(cutout=0).transform(white)
    assert {(row.item(), column.item()) for row, column in lost_lines(shifted)} == {
        (row, column) for row in range(3) for column in range(4)
    }


def lost_lines(images):
    """How many rows and columns of each image are empty."""
    empty = images[:, 0] == 0
    return torch.stack([empty.all(2).sum(1), empty.all(1).sum(1)], 1)


def test_nothing_is_left_of_a_trick_without_shares():
    images = torch.randn(4, 2, 8, 8)
    assert torch.equal(DiffAugment(translation=0, cutout=0).transform(images), images)


def test_the_gradient_is_the_mask():
    """The sum of what is seen has the gradient 1 where a pixel is seen and 0 where it is hidden or pushed out."""
    torch.manual_seed(0)
    images = torch.full((50, 1, 8, 8), 0.5, requires_grad=True)
    seen = DiffAugment().transform(images)
    seen.sum().backward()
    assert set(images.grad.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(images.grad.sum((1, 2, 3)), (seen != 0).sum((1, 2, 3)).float())


def test_every_image_that_is_scored_is_augmented(make_gan, fit):
    """Real and fake, in the updates of both networks."""
    seen = []

    class Watched(DiffAugment):
        def transform(self, images_BCHW):
            seen.append(len(images_BCHW))
            return super().transform(images_BCHW)

    gan = make_gan(tricks={"diff_augment": Watched()}, loss={"feature_matching": FeatureMatching()})
    fit(gan, num_batches=1)
    assert seen == [8, 8, 8, 8]


@pytest.mark.parametrize("parameter", ["translation", "cutout"])
def test_shares_are_checked(parameter):
    with pytest.raises(ValueError, match=rf"gan.tricks.diff_augment.{parameter}=1.5: choose a number from 0 to 1"):
        DiffAugment(**{parameter: 1.5})


def test_colours_change_by_brightness_saturation_and_contrast(make_gan, spec):
    """Grey moves by at most a half; differences of channels change by saturation, 0 to 2, times contrast, ½ to 1½."""
    torch.manual_seed(0)
    trick = DiffAugment(translation=0, cutout=0)
    make_gan(tricks={"d": trick}, spec=replace(spec, shape=(3, 8, 8), colour=True))
    plain = torch.tensor([0.3, 0.0, -0.3]).view(1, 3, 1, 1).expand(2000, 3, 8, 8)
    seen = trick.transform(plain)[:, :, 0, 0]
    shift_N, saturation_N = seen.mean(1), seen[:, 0] - seen[:, 2]
    assert -0.5 <= shift_N.min() < -0.48 < 0.48 < shift_N.max() <= 0.5
    assert 0 <= saturation_N.min() < 0.02 < 1.6 < saturation_N.max() <= 0.6 * 2 * 1.5
    halves = torch.cat([torch.full((2000, 3, 4, 8), 0.2), torch.full((2000, 3, 4, 8), -0.2)], 2)
    contrast_N = trick.transform(halves)[:, 0, [0, -1], 0].diff().neg()[:, 0] / 0.4
    assert 0.5 <= contrast_N.min() < 0.52 < 1.48 < contrast_N.max() <= 1.5


def test_stacked_characters_keep_their_ink(make_gan, spec):
    trick = DiffAugment(translation=0, cutout=0)
    make_gan(tricks={"d": trick}, spec=replace(spec, shape=(3, 8, 8)))
    images = torch.randn(4, 3, 8, 8)
    assert torch.equal(trick.transform(images), images)
