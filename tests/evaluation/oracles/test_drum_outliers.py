import pytest
import torch

from src.evaluation.oracles import drum_outliers
from src.evaluation.oracles.drum_outliers import KINDS


@pytest.fixture
def real() -> torch.Tensor:
    """27 bars [27, 1, 16, 9], about one cell in seven hit, none alike."""
    torch.manual_seed(1)
    return (torch.rand(27, 1, 16, 9, generator=torch.Generator().manual_seed(0)) < 0.15).float()


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_grids_of_zeros_and_ones_that_are_not_the_bars_they_were_made_from(make, real):
    before = real.clone()
    made = make(real)
    assert made.shape == real.shape
    assert set(made.unique().tolist()) <= {0.0, 1.0}
    assert ((made != real).flatten(1).sum(1) > 3).float().mean() > 0.9
    assert torch.equal(real, before)


def test_every_kind_in_equal_share(real):
    mixture = drum_outliers.mixture(real)
    assert mixture.shape == real.shape
    torch.testing.assert_close(mixture[-3:], 1 - real[-3:])  # three of each of nine kinds, the last inverted
    held = mixture[15:18]
    assert torch.equal(held, held[:, :, :1].expand_as(held))


def test_kinds_are_what_they_say(real):
    hits = real.flatten(1).sum(1)
    density = drum_outliers.independent_hits(real.expand(-1, -1, 16, 9).repeat(20, 1, 1, 1)).flatten(1).mean(1)
    assert density.min() < 0.05
    assert density.max() > 0.8
    assert density.median().item() == pytest.approx(0.25, abs=0.07)
    assert torch.equal(drum_outliers.shuffled_cells(real).flatten(1).sum(1), hits)
    steps = drum_outliers.shuffled_steps(real)
    assert torch.equal(steps.sum(2), real.sum(2)), "as much of every voice"
    before, after = ([sorted(map(tuple, bar.tolist())) for bar in bars[:, 0]] for bars in (real, steps))
    assert before == after, "what sounded together still does"
    voices = drum_outliers.wrong_voices(real)
    assert torch.equal(voices.sum(3), real.sum(3)), "the same rhythm"
    assert ((voices == real).all(2).all(2).sum(1) == 0).all()
    crowds = drum_outliers.crowds(real)
    assert ((crowds >= real) & (crowds >= real.roll(3, 0))).all()
    wrong = (drum_outliers.scrambled(real) != real).float().flatten(1).mean(1)
    assert 0.05 < wrong.min() < 0.25 < wrong.max() < 0.65


def test_mingled_bars_keep_the_rate_of_each_cell_and_lose_what_hangs_together():
    torch.manual_seed(0)
    both = torch.zeros(2000, 1, 16, 9)
    both[::2, 0, 0, 0] = both[::2, 0, 8, 1] = 1  # always together
    made = drum_outliers.mingled(both)
    assert made[:, 0, 0, 0].mean().item() == pytest.approx(0.5, abs=0.05)
    assert (made[:, 0, 0, 0] * made[:, 0, 8, 1]).mean().item() == pytest.approx(0.25, abs=0.05)
    assert made.sum() == made[:, 0, 0, 0].sum() + made[:, 0, 8, 1].sum()


def test_held_voices_reach_from_the_empty_bar_to_the_full_one():
    torch.manual_seed(0)
    sizes = drum_outliers.held_voices(torch.zeros(500, 1, 16, 9))[:, 0, 0].sum(1)
    assert set(sizes.int().tolist()) == set(range(10))
