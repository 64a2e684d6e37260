"""The oracle of bars: it tells styles apart, rejects what is no bar, and forgives a slip.

B, N bars, T steps, V voices.
"""

from pathlib import Path

import pytest
import torch

from src.data.drums import grammar
from src.data.drums.features import STANDARD
from src.data.spec import Split
from src.evaluation.oracles.base import load_or_train, train_oracle
from src.evaluation.oracles.drum_outliers import KINDS
from src.evaluation.oracles.drums import Description, StyleOracle, with_slips
from tests.conftest import shorten_oracle_training

CPU = torch.device("cpu")


def drawn(num: int, seed: int) -> Split:
    bars = grammar.draw(num, seed)
    return Split.of(bars.grids_NTV, bars.styles_N)


@pytest.fixture(scope="module")
def held_out() -> Split:
    return drawn(600, seed=1)


@pytest.fixture(scope="module")
def oracle(held_out: Split) -> StyleOracle:
    """Trained on a tenth of the bars for a few seconds."""
    oracle = StyleOracle(5)
    with pytest.MonkeyPatch.context() as patch:
        shorten_oracle_training(patch, 250)
        train_oracle(oracle, drawn(3000, seed=0), held_out)
    return oracle


@pytest.fixture(scope="module")
def threshold(oracle: StyleOracle, held_out: Split) -> float:
    """Kept by 95 % of the held-out bars."""
    return torch.quantile(oracle.predict(held_out.images[:, None]).confidence_N, 0.05, interpolation="lower").item()


def recognised(oracle: StyleOracle, threshold: float, bars_N1TV: torch.Tensor) -> float:
    return (oracle.predict(bars_N1TV.byte()).confidence_N >= threshold).float().mean().item()


def test_styles_are_told_apart(oracle, held_out):
    assert oracle.accuracy > 0.97
    assert (oracle.predict(held_out.images[:, None]).classes_NS[:, 0] == held_out.labels).float().mean() > 0.97


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_nonsense_is_rejected(oracle, threshold, held_out, make):
    torch.manual_seed(1)
    assert recognised(oracle, threshold, make(held_out.images[:, None].float())) < 0.05


@pytest.mark.parametrize("density", [0.0, 0.03, 0.13, 0.3, 0.5, 1.0])
def test_noise_is_rejected_whatever_its_density(oracle, threshold, density):
    noise = torch.rand(500, 1, 16, 9, generator=torch.Generator().manual_seed(0)) < density
    assert recognised(oracle, threshold, noise) < 0.03


def test_every_value_of_every_factor_is_a_bar_of_its_style(oracle, threshold):
    """Rare figures are legitimate: none is rejected as a whole."""
    bars = grammar.draw(2000, seed=2)
    sure = oracle.predict(torch.from_numpy(bars.grids_NTV)[:, None]).confidence_N >= threshold
    for factor, values in enumerate(grammar.FACTORS.values()):
        for value in range(len(values)):
            assert sure[torch.from_numpy(bars.factors_NF[:, factor] == value)].float().mean() > 0.8


def test_a_slip_is_forgiven(oracle, threshold, held_out):
    torch.manual_seed(0)
    slipped = held_out.images[:, None].clone()
    cell = torch.randint(16 * 9, (len(slipped), 1))
    flat = slipped.flatten(1)
    flat.scatter_(1, cell, 1 - flat.gather(1, cell))
    assert recognised(oracle, threshold, flat.view_as(slipped)) > 0.85


def test_slips_are_few_and_differ_in_number():
    torch.manual_seed(0)
    wrong = with_slips(torch.zeros(4000, 1, 16, 9)).flatten(1)
    assert set(wrong.unique().tolist()) == {0.0, 1.0}
    assert wrong.mean().item() == pytest.approx(0.01, rel=0.1)
    assert wrong.sum(1).var() > 1.2 * wrong.sum(1).mean(), "more than independent slips of one chance would"


def test_a_description_is_the_cells_and_the_features():
    bars = drawn(7, seed=3).images[:, None].float()
    described = Description()(bars)
    assert described.shape == (7, 144 + len(STANDARD.names))
    assert torch.equal(described[:, :144], bars.flatten(1))
    assert torch.equal(described[:, 144:], STANDARD(bars[:, 0]))


def test_the_cache_gives_the_same_oracle_and_randomness_is_left_alone(monkeypatch, tmp_path: Path):
    shorten_oracle_training(monkeypatch, 3)
    few, result, after = drawn(40, seed=0), [], []
    for folder in ("one", "one", "other"):
        oracle = StyleOracle(5)
        torch.manual_seed(4)
        result.append(load_or_train(oracle, few, few, "1" * 64, tmp_path / folder, CPU).predict(few.images[:, None]))
        after.append(torch.rand(3))
    assert all(torch.equal(after[0], random) for random in after)
    for predictions in result:
        torch.testing.assert_close(predictions.confidence_N, result[0].confidence_N)
        assert predictions.features_NF.shape == (40, 256)


def test_styles_and_cells_that_never_occur_do_no_harm(monkeypatch):
    """A style without bars is never recognised, and a cell that is never struck scales to nothing infinite."""
    shorten_oracle_training(monkeypatch, 60)
    rhythms = torch.zeros(3, 16, 9, dtype=torch.uint8)
    rhythms[0, ::4, 0] = rhythms[1, 2::4, 0] = rhythms[2, ::3, 8] = 1
    labels = torch.arange(300) % 3
    bars, oracle = Split(rhythms[labels], labels), StyleOracle(5)
    train_oracle(oracle, bars, bars)
    assert oracle.accuracy == 1
    predictions = oracle.predict(torch.ones(4, 1, 16, 9, dtype=torch.uint8))
    assert predictions.confidence_N.isfinite().all()
    assert predictions.classes_NS.max() < 3
