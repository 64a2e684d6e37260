import pytest
import torch

from src.evaluation.oracles import outliers

KINDS = {make.__name__: make for make in (*outliers.PLAIN, outliers.cut_up)} | {
    make.__name__: lambda real, make=make: make(real, torch.arange(len(real)))
    for make in (outliers.superposed, outliers.blended)
}


@pytest.fixture
def real() -> torch.Tensor:
    """Characters of 16×9 in [0, 1], as different as noise can be, on a dark ground."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(1)
    return (torch.rand(18, 1, 16, 9, generator=generator) > 0.8).float() * 0.9


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("shape", [(8, 1, 28, 28), (5, 1, 16, 9), (2, 1, 7, 5)])
def test_shape_and_range(make, shape):
    torch.manual_seed(0)
    real = torch.rand(shape)
    before = real.clone()
    made = make(real)
    assert made.shape == shape
    assert made.dtype == real.dtype
    assert made.isfinite().all()
    assert made.min() >= 0
    assert made.max() <= 1
    assert torch.equal(real, before)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_no_picture_is_the_character_it_was_made_from(make, real):
    assert ((make(real) - real).abs().flatten(1).max(1).values > 0.1).all()


def test_superposed_and_blended_characters_are_of_two_classes():
    torch.manual_seed(0)
    labels = torch.tensor([0] * 80 + [1] * 15 + [2] * 5)
    others = outliers.of_other_classes(labels)
    assert (labels[others] != labels).float().mean() > 0.9, "all candidates of the class of 80 % are rare"
    balanced = torch.arange(90) % 3
    assert (balanced[outliers.of_other_classes(balanced)] != balanced).all()
    assert outliers.of_other_classes(torch.zeros(5).long()).max() < 5, "one class alone: any partner"


def test_blends_hold_at_least_a_third_of_each():
    torch.manual_seed(0)
    labels = torch.arange(400) % 2
    made = outliers.blended(labels.view(-1, 1, 1, 1).float().expand(-1, 1, 4, 4), labels)
    assert made.min().item() == pytest.approx(1 / 3, abs=0.02)
    assert made.max().item() == pytest.approx(2 / 3, abs=0.02)


def test_shares_of_the_kinds():
    torch.manual_seed(0)
    real, labels = (torch.rand(90, 1, 16, 9) > 0.8).float() * 0.9, torch.arange(90) % 3
    mixture = outliers.mixture(real, labels)
    assert mixture.shape == real.shape
    mixed = round(outliers.MIXED * 90)
    over, between, _ = mixture[:mixed].tensor_split(3)
    assert (over >= real[: len(over)]).all()
    assert between.unique().numel() > 10
    plain = mixture[mixed:].tensor_split(len(outliers.PLAIN))
    assert plain[2].flatten(1).std(1).max() < 1e-6, "grey"
    torch.testing.assert_close(plain[-1], 1 - real[-len(plain[-1]) :])


def test_kinds_are_what_they_say(real):
    assert outliers.flat(real).flatten(1).std(1).max() == 0
    assert outliers.flat(real).unique().numel() == len(real)
    assert set(outliers.sparse_noise(real).unique().tolist()) == {0.0, 1.0}
    contrast = outliers.uniform_noise(real).flatten(1).max(1).values
    assert contrast.max() - contrast.min() > 0.3
    torch.testing.assert_close(outliers.inverted(real), 1 - real)
    shuffled = outliers.shuffled_pixels(real)
    torch.testing.assert_close(shuffled.flatten(1).sort().values, real.flatten(1).sort().values)


def test_quarters_come_from_four_characters():
    real = torch.arange(1.0, 6).view(5, 1, 1, 1).expand(5, 1, 6, 6) / 5
    mixed = outliers.cut_up(real)
    corners = torch.stack([mixed[:, 0, y, x] for y in (0, -1) for x in (0, -1)], 1)
    expected = torch.stack([real[:, 0, 0, 0].roll(turn) for turn in range(4)], 1)
    torch.testing.assert_close(corners, expected)
    assert all(len(set(row.tolist())) == 4 for row in corners)


def test_clouds_are_smooth_and_half_of_them_hard():
    torch.manual_seed(0)
    clouds = outliers.clouds(torch.zeros(200, 1, 28, 28))
    step = (clouds[..., 1:] - clouds[..., :-1]).abs().mean()
    noise = torch.rand_like(clouds)
    assert step < 0.5 * (noise[..., 1:] - noise[..., :-1]).abs().mean()
    hard = ((clouds < 0.1) | (clouds > 0.9)).float().flatten(1).mean(1)
    assert 0.25 < (hard > 0.6).float().mean() < 0.75


def test_gratings_repeat_themselves_and_half_of_them_are_checkerboards():
    torch.manual_seed(0)
    made = outliers.gratings(torch.zeros(300, 1, 28, 28))
    rows, columns = (made.diff(dim=dim).abs().flatten(1).mean(1) for dim in (2, 3))
    assert ((rows > 0.01) | (columns > 0.01)).float().mean() > 0.9
    spectrum = torch.fft.fft2(made[:, 0] - made[:, 0].mean((1, 2), keepdim=True)).abs().flatten(1)
    strongest = spectrum.topk(4).values.square().sum(1) / spectrum.square().sum(1)
    assert strongest.median() > 0.4, "a few waves hold most of it"
