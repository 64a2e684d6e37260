"""Measures of samples of which it is known how good they are.

N bars, T steps, V voices.
"""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from src.evaluation.latents.encode import AnalysisResult
from src.evaluation.latents.musicality import cell_entropy, musicality


@pytest.fixture
def analysed(small_vae, grammar_bars) -> Callable[..., AnalysisResult]:
    """Samples among bars of the grammar; by default the first training bars are the samples. Learning is brief."""
    train_NTV = grammar_bars(800, 0).grids_NTV

    def analyse(drawn_NTV: Tensor | None = None, held=None, num: int = 400) -> AnalysisResult:
        drawn_NTV = train_NTV[:num] if drawn_NTV is None else drawn_NTV
        return musicality(small_vae(), grammar_bars(300, 2), held or grammar_bars(300, 1), train_NTV, drawn_NTV)

    return analyse


def noise(num: int) -> Tensor:
    return (torch.rand(num, 16, 9, generator=torch.Generator().manual_seed(0)) < 0.13).byte()


def test_copies_are_counted_one_by_one(analysed, grammar_bars):
    train, held = grammar_bars(800, 0).grids_NTV, grammar_bars(300, 1)
    drawn = torch.cat([train[5:25], noise(60)])
    metrics = analysed(drawn, held).metrics
    assert metrics["copied"] == 0.25
    known = train.flatten(1).tolist()
    copies = sum(bar in known for bar in held.grids_NTV.flatten(1).tolist())
    assert metrics["copied_real"] == copies / 300 > 0.02


def test_copies_have_an_interval(analysed):
    facts = analysed().facts["musicality"]
    assert facts["copied"]["share"] == 1
    assert facts["copied"]["interval"] == pytest.approx([1 / (1 + 1.959964**2 / 400), 1])  # Wilson's, of 400 of 400
    assert facts["copied_real"]["interval"][1] < facts["copied"]["interval"][0]


def test_real_bars_are_not_distinguished_from_real_bars_and_noise_is(analysed, grammar_bars):
    fresh, false = analysed(grammar_bars(400, 9).grids_NTV), analysed(noise(400))
    assert fresh.metrics["told_apart"] == pytest.approx(0.5, abs=0.1)
    assert false.metrics["told_apart"] > 0.9
    assert false.metrics["told_apart_real"] == fresh.metrics["told_apart_real"] == pytest.approx(0.5, abs=0.1)


def test_the_entropy_of_independent_cells_stands_beside_the_models(analysed, grammar_bars):
    rates = grammar_bars(800, 0).grids_NTV.double().mean(0).flatten().tolist()
    expected = sum(entropy(rate) for rate in rates if 0 < rate < 1) / len(rates)
    assert analysed(noise(60)).facts["musicality"]["cell_entropy_independent"] == pytest.approx(expected)


def test_too_few_bars_are_not_classified(analysed, grammar_bars):
    result = analysed(num=2 * 9)
    assert (result.metrics["told_apart"], result.metrics["told_apart_real"]) == (None, None)
    assert result.facts["musicality"]["told_apart"] is None
    twenty = analysed(num=20, held=grammar_bars(20, 3))
    assert 0 <= twenty.metrics["told_apart"] <= 1


def test_the_same_bars_get_the_same_findings(analysed):
    torch.manual_seed(3)
    first = analysed(noise(60))
    torch.manual_seed(4)
    again = analysed(noise(60))
    assert (first.metrics, first.facts) == (again.metrics, again.facts)
    assert not first.artifacts


def entropy(probability: float) -> float:
    return -sum(each * math.log(each) for each in (probability, 1 - probability))


def test_entropy_of_cells_is_that_of_their_probabilities(world_vae):
    """Every logit of this decoder is 10 or -10."""
    assert cell_entropy(world_vae()) == pytest.approx(entropy(1 / (1 + math.exp(-10))), rel=1e-3)


def test_entropy_is_measured_along_sampling(small_vae):
    """An autoregressive decoder that has learnt nothing tosses coins; the bolder it is, the less is left to chance."""
    vae = small_vae()
    for parameter in vae.decoder.chain.parameters():
        parameter.data.zero_()
    assert cell_entropy(vae) == pytest.approx(math.log(2))
    vae.decoder.chain.own.bias.data.fill_(-2)
    assert cell_entropy(vae) == pytest.approx(entropy(1 / (1 + math.exp(2))), rel=1e-5)
    torch.nn.init.normal_(vae.decoder.chain.out, std=3, generator=torch.Generator().manual_seed(0))
    torch.nn.init.normal_(vae.decoder.chain.hidden.weight, generator=torch.Generator().manual_seed(0))
    result = cell_entropy(vae)
    assert 0 < result < math.log(2)
    assert cell_entropy(vae) == result
