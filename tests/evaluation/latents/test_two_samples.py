"""A classifier that is asked about bars of which it is known whether they can be told apart.

N bars, T steps, V voices.
"""

import pytest
import torch
from torch import Tensor

from src.data.drums import grammar
from src.evaluation.latents.two_samples import guesses

NUM = 300


def drawn(num: int, seed: int) -> Tensor:
    return torch.from_numpy(grammar.draw(num, seed)[0])


def mingled(grids_NTV: Tensor, seed: int) -> Tensor:
    """Each cell from another bar: rates are kept, and nothing else."""
    other_NTV = torch.randint(len(grids_NTV), grids_NTV.shape, generator=torch.Generator().manual_seed(seed))
    return grids_NTV.gather(0, other_NTV)


def right(first_NTV: Tensor, second_NTV: Tensor, unseen_first_NTV: Tensor, unseen_second_NTV: Tensor) -> float:
    guesses_N = guesses(first_NTV, second_NTV, torch.cat([unseen_first_NTV, unseen_second_NTV]))
    truth_N = torch.arange(2).repeat_interleave(len(unseen_first_NTV)).bool()
    return (guesses_N == truth_N).double().mean().item()


def test_bars_of_one_source_cannot_be_told_apart():
    assert right(*drawn(4 * NUM, 0).chunk(4)) == pytest.approx(0.5, abs=0.07)


def test_bars_whose_cells_know_nothing_of_each_other_can():
    real = drawn(2 * NUM, 1).chunk(2)
    false = mingled(drawn(2 * NUM, 2), 0).chunk(2)
    assert right(false[0], real[0], false[1], real[1]) > 0.9
    assert right(real[0], false[0], real[1], false[1]) > 0.9


def test_what_it_learnt_by_heart_does_not_help_with_other_bars():
    """Ten bars over and over against as many other ones, and unseen bars of the same source."""
    few = drawn(20, 3).repeat_interleave(15, 0).chunk(2)
    assert right(*few, *drawn(2 * NUM, 4).chunk(2)) == pytest.approx(0.5, abs=0.08)
    assert right(*few, *few) > 0.95


@torch.no_grad()
def test_it_always_guesses_alike_and_leaves_chance_alone():
    first, second, unseen = drawn(90, 5).chunk(3)
    torch.manual_seed(1)
    before = guesses(first, second, unseen)
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    assert torch.equal(guesses(first, second, unseen), before)
