"""Against the same augmentations one image at a time, with slices."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from src.gan.tricks.augmentation import COLUMNS, ROWS, cutout, translate

both = pytest.mark.parametrize("augment", [translate, cutout])
SIZES = [(28, 28), (16, 9), (8, 8)]


def moved(image_CHW, down, right):
    height, width = image_CHW.shape[1:]
    result = torch.zeros_like(image_CHW)
    result[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image_CHW[
        :, max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
    ]
    return result


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_translation_moves_each_image_by_its_own_amount(height, width):
    """1/8 of 28 is 4 pixels (3.5 rounded), of 16 two, of 9 and of 8 one: each shift as likely as the others."""
    torch.manual_seed(0)
    down, right = {28: 4, 16: 2, 8: 1}[height], {28: 4, 9: 1, 8: 1}[width]
    image = torch.randn(2, height, width)
    shifts = [(y, x) for y in range(-down, down + 1) for x in range(-right, right + 1)]
    candidates = torch.stack([moved(image, y, x) for y, x in shifts])
    count = 40 * len(shifts)
    results = translate(image.expand(count, -1, -1, -1), 1 / 8)
    equal = (results[:, None] == candidates).flatten(2).all(2)
    assert (equal.sum(1) == 1).all()
    assert equal.sum(0).min() > 10
    assert equal.sum(0).max() < 80


@pytest.mark.parametrize(("axes", "num_shifts"), [((ROWS,), (5, 1)), ((COLUMNS,), (1, 3)), ((), (1, 1))])
def test_translation_along_some_axes(axes, num_shifts):
    """1/8 of 16 rows are two, of 9 columns one; along the axis that is left out nothing moves."""
    torch.manual_seed(0)
    image = torch.rand(1, 16, 9)  # above 0, or what is uncovered were now 0 and now −0
    results = translate(image.expand(200, -1, -1, -1), 1 / 8, axes)
    down, right = (num // 2 for num in num_shifts)
    expected = [moved(image, y, x) for y in range(-down, down + 1) for x in range(-right, right + 1)]
    assert {result.numpy().tobytes() for result in results} == {image.numpy().tobytes() for image in expected}


@pytest.mark.parametrize(("height", "width"), SIZES[1:])
def test_cutout_hides_a_window_centred_anywhere(height, width):
    """Half the size: windows of 8 (even) have 17 centres along 16 pixels, windows of 5 (odd) have 9 along 9."""
    torch.manual_seed(0)
    image = torch.randn(2, height, width)
    rows, columns = (height + 1) // 2, (width + 1) // 2
    corners = [
        (y - rows // 2, x - columns // 2)
        for y in range(height + (rows % 2 == 0))
        for x in range(width + (columns % 2 == 0))
    ]
    candidates = image.repeat(len(corners), 1, 1, 1)
    for candidate, (top, left) in zip(candidates, corners, strict=True):
        candidate[:, max(top, 0) : max(top + rows, 0), max(left, 0) : max(left + columns, 0)] = 0
    count = 800
    results = cutout(image.expand(count, -1, -1, -1), 0.5)
    equal = (results.flatten(1)[:, None] == candidates.flatten(1)).all(2)
    assert (equal.sum(1) == 1).all()
    chosen = torch.tensor(corners)[equal.int().argmax(1)]
    for axis, size in ((0, rows), (1, columns)):
        assert chosen[:, axis].unique().tolist() == sorted({corner[axis] for corner in corners})
        assert chosen[:, axis].min() == -(size // 2)


def test_the_middle_is_hidden_more_often_than_the_corner():
    """Along 8 pixels a window of 4 has 9 centres: from 3 of them it hides the first pixel, from 4 a middle one."""
    torch.manual_seed(0)
    hidden = (cutout(torch.ones(20_000, 1, 8, 8), 0.5) == 0).float().mean((0, 1))
    assert hidden[0, 0].item() == pytest.approx((3 / 9) ** 2, abs=0.01)
    assert hidden[4, 4].item() == pytest.approx((4 / 9) ** 2, abs=0.01)
    assert hidden[0, 4].item() == pytest.approx(3 / 9 * 4 / 9, abs=0.01)


@both
def test_channels_stay_together_and_images_do_not(augment):
    torch.manual_seed(0)
    images = torch.randn(1, 1, 16, 9).expand(64, 3, -1, -1)
    results = augment(images, 0.25)
    assert (results == results[:, :1]).all()
    assert len(results.flatten(1).unique(dim=0)) > 20


@both
def test_a_share_of_nothing_changes_nothing(augment):
    images = torch.randn(4, 2, 16, 9)
    assert torch.equal(augment(images, 0.0), images)


@both
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shape_and_precision_are_kept(augment, dtype):
    images = torch.randn(4, 2, 16, 9).to(dtype)
    results = augment(images, 0.5)
    assert (results.shape, results.dtype) == (images.shape, images.dtype)


@both
def test_gradients_of_both_orders(augment):
    """Input gradients are taken through augmentations, so they need a second derivative as well."""
    images = torch.randn(3, 1, 4, 3, dtype=torch.double, requires_grad=True)

    def seeded(images):
        torch.manual_seed(1)
        return augment(images, 0.5).pow(3)

    assert gradcheck(seeded, images)
    assert gradgradcheck(seeded, images)


@both
def test_the_gradient_is_that_of_what_is_left(augment):
    images = torch.ones(16, 1, 8, 8, requires_grad=True)
    results = augment(images, 0.5)
    results.sum().backward()
    assert set(images.grad.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(images.grad.sum((1, 2, 3)), results.sum((1, 2, 3)))
