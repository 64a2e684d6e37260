import hashlib
import math
from itertools import product

import numpy as np
import pytest

from src.data.drums import grammar
from src.data.drums.grammar import FORMS
from src.data.spec import BAR
from src.data.voices import VOICES


@pytest.fixture(scope="module")
def bars() -> grammar.Bars:
    return grammar.draw(4000, seed=5)


@pytest.fixture(scope="module")
def posterior(bars) -> np.ndarray:
    """Of the first 1,000 bars, [N, K]."""
    joint_NK = grammar.log_joint(bars.grids_NTV[:1000])
    weight_NK = np.exp(joint_NK - joint_NK.max(1, keepdims=True))
    return weight_NK / weight_NK.sum(1, keepdims=True)


def brute_force(grid_TV: np.ndarray, style: str, **chosen: str) -> float:
    """Probability of a bar and its combination, read off the tablature cell by cell."""
    probability = 1 / len(FORMS)
    for factor, value in chosen.items():
        probability *= grammar.FACTORS[factor][value]
    for (step, voice), hit in np.ndenumerate(grid_TV):
        chance = grammar.HIT["-"]
        for line in FORMS[style]:
            if line.split()[1] == grammar.VOICES[voice]:
                factor, _, value = line.split()[0].partition("=")
                mark = line.split()[2][step]
                if mark != "." and (factor == "always" or chosen[factor] == value):
                    chance = grammar.HIT[mark]
        probability *= chance if hit else 1 - chance
    return probability


def test_likelihood_against_brute_force(bars, monkeypatch):
    """All factors but two are held fixed, so that a sum over everything takes no minute."""
    fixed = {factor: {next(iter(values)): 1.0} for factor, values in grammar.FACTORS.items()}
    monkeypatch.setattr(
        grammar, "FACTORS", fixed | {"push": {"off": 0.6, "on": 0.4}, "fill": {"none": 0.7, "toms": 0.3}}
    )
    grammar.tables.cache_clear()
    try:
        choices = [dict(zip(grammar.FACTORS, values, strict=True)) for values in product(*grammar.FACTORS.values())]
        for grid_TV in bars.grids_NTV[:4]:
            expected = sum(brute_force(grid_TV, style, **chosen) for style in FORMS for chosen in choices)
            log_probability = grammar.log_likelihood(grid_TV[None])
            np.testing.assert_allclose(log_probability, [math.log(expected)], rtol=1e-10)
    finally:
        grammar.tables.cache_clear()


def test_joint_of_the_true_combination_against_brute_force(bars):
    sizes = [len(grammar.STYLES), *map(len, grammar.FACTORS.values())]
    for row in range(5):
        grid_TV, style, factors = (array[row] for array in bars)
        values = {name: list(options)[i] for (name, options), i in zip(grammar.FACTORS.items(), factors, strict=True)}
        expected = brute_force(grid_TV, grammar.STYLES[style], **values)
        column = np.ravel_multi_index((style, *factors), sizes)
        assert grammar.log_joint(grid_TV[None])[0, column] == pytest.approx(math.log(expected), rel=1e-10)


def test_probabilities_sum_to_one_over_all_fillings_of_some_cells(bars):
    """Summed over every filling of eight cells, the likelihood no longer depends on them: it is a marginal."""
    cells = [(step, voice) for step in (0, 4, 7, 12) for voice in (0, 1)]
    tables = grammar.tables()
    grids = np.repeat(bars.grids_NTV[:1], 2 ** len(cells), 0)
    for row, filling in enumerate(product((0, 1), repeat=len(cells))):
        for (step, voice), hit in zip(cells, filling, strict=True):
            grids[row, step, voice] = hit
    others = np.ones(BAR, bool)
    for step, voice in cells:
        others[step, voice] = False
    chance_KD, hit_D = tables.hit_KTV[:, others], bars.grids_NTV[0][others]
    marginal = (tables.weight_K * np.where(hit_D, chance_KD, 1 - chance_KD).prod(1)).sum()
    assert np.exp(grammar.log_likelihood(grids)).sum() == pytest.approx(marginal, rel=1e-10)
    assert tables.weight_K.sum() == pytest.approx(1)


def test_draws_follow_the_likelihood(bars):
    """Cells, voices that sound together, styles and factors occur as often as the tables say."""
    tables = grammar.tables()
    expected = np.einsum("k,ktv->tv", tables.weight_K, tables.hit_KTV)
    spread = np.sqrt(expected * (1 - expected) / len(bars.grids_NTV))
    assert np.abs((bars.grids_NTV.mean(0) - expected) / spread).max() < 4.5
    together = (tables.weight_K * tables.hit_KTV[:, 0, 0] * tables.hit_KTV[:, 0, 8]).sum()
    assert (bars.grids_NTV[:, 0, 0] * bars.grids_NTV[:, 0, 8]).mean() == pytest.approx(together, abs=0.03)
    assert np.bincount(bars.styles_N) / 4000 == pytest.approx(np.full(5, 0.2), abs=0.03)
    for column, values in enumerate(grammar.FACTORS.values()):
        assert np.bincount(bars.factors_NF[:, column]) / 4000 == pytest.approx(list(values.values()), abs=0.035)


def test_factors_are_independent_of_each_other_and_of_the_style(bars):
    columns = np.column_stack([bars.styles_N, bars.factors_NF])
    correlation = np.corrcoef(columns.T) - np.eye(columns.shape[1])
    assert np.abs(correlation).max() < 4.5 / math.sqrt(len(columns))


def test_true_entropy(bars):
    """Two independent estimates agree with each other and with the tables' own bounds."""
    first, second = (-grammar.log_likelihood(grammar.draw(2000, seed).grids_NTV) for seed in (1, 2))
    spread = math.sqrt((first.var() + second.var()) / 2000)
    assert first.mean() == pytest.approx(second.mean(), abs=4 * spread)
    _, weight_K, hit_KTV = grammar.tables()
    noise = weight_K @ -(hit_KTV * np.log(hit_KTV) + (1 - hit_KTV) * np.log1p(-hit_KTV)).sum((1, 2))
    choice = -(weight_K * np.log(weight_K)).sum()
    assert noise + 5 < first.mean() < noise + choice
    assert 14 < first.mean() < 17


def test_style_and_factors_can_be_heard(bars, posterior):
    """The best guess from the bar alone is right far more often than the most frequent value is."""
    choices_KF = grammar.tables().choices_KF
    truth = np.column_stack([bars.styles_N, bars.factors_NF])[:1000]
    for column, least in enumerate([0.99, 0.95, 0.8, 0.95, 0.95, 0.99, 0.95]):
        num_values = choices_KF[:, column].max() + 1
        share = np.stack([posterior[:, choices_KF[:, column] == value].sum(1) for value in range(num_values)], 1)
        assert (share.argmax(1) == truth[:, column]).mean() > least


def test_factors_carry_more_than_the_style(posterior):
    weight_K = grammar.tables().weight_K
    known = -(weight_K * np.log(weight_K)).sum() + (posterior * np.log(posterior + 1e-300)).sum(1).mean()
    assert known > math.log(5) + 5


@pytest.mark.parametrize("style", grammar.STYLES)
@pytest.mark.parametrize("factor", grammar.FACTORS)
def test_every_value_is_played_differently(style, factor):
    choices_KF, _, hit_KTV = grammar.tables()
    column = list(grammar.FACTORS).index(factor) + 1
    mine = choices_KF[:, 0] == grammar.STYLES.index(style)
    means = [hit_KTV[mine & (choices_KF[:, column] == value)].mean(0) for value in range(len(grammar.FACTORS[factor]))]
    for one, other in product(range(len(means)), repeat=2):
        if one != other:
            assert np.abs(means[one] - means[other]).sum() > 0.6


def test_the_styles_are_what_they_are_called(bars):
    kick, snare, open_hat, low_tom, ride = (
        [bars.grids_NTV[bars.styles_N == style][:, :, voice].mean(0) for style in range(5)] for voice in (0, 1, 3, 4, 8)
    )
    rock, jazz, hiphop, electronic, latin = range(5)
    assert min(snare[rock][[4, 12]].min(), snare[hiphop][4], snare[electronic][[4, 12]].min()) > 0.7
    assert kick[electronic][[0, 4, 8]].min() > 0.45 > kick[rock][4]
    assert open_hat[electronic][[2, 6, 10, 14]].min() > 0.7
    assert ride[jazz][[0, 4, 7, 12]].min() > 0.5 > ride[rock].max()
    assert snare[latin][[0, 3, 10, 12]].min() > 0.7  # the son clave and the rumba clave share these
    assert low_tom[latin][[6, 14]].min() > 0.7 > max(low_tom[style].max() for style in range(4))
    assert kick[hiphop][4] < 0.1


def test_the_same_bars_everywhere(bars):
    """Whoever changes the bars changes this digest, and every figure that was measured on them."""
    again = grammar.draw(4000, seed=5)
    assert all(np.array_equal(one, other) for one, other in zip(bars, again, strict=True))
    fewer = grammar.draw(10, seed=5)
    assert all(np.array_equal(one, other[:10]) for one, other in zip(fewer, bars, strict=True))
    assert not np.array_equal(grammar.draw(10, seed=6).grids_NTV, fewer.grids_NTV)
    digest = hashlib.sha256(bars.grids_NTV).hexdigest()[:16]
    assert digest == "8ca34cccd288ca0b"


def test_types_and_shapes(bars):
    assert bars.grids_NTV.shape == (4000, *BAR)
    assert bars.factors_NF.shape == (4000, len(grammar.FACTORS))
    assert [array.dtype for array in bars] == [np.uint8, np.int64, np.int64]
    assert grammar.log_likelihood(bars.grids_NTV[:0]).shape == (0,)


def test_silence_is_possible_but_not_heard(bars):
    assert bars.grids_NTV.any((1, 2)).all()
    assert -60 < grammar.log_likelihood(np.zeros((1, *BAR)))[0] < math.log(1e-9)
    assert np.isfinite(grammar.log_likelihood(np.ones((1, *BAR)))[0])


def test_the_tablature_is_well_formed():
    """Its voices stand in the grids' order and its conditions exist: a typing error would be silence."""
    names = {"BD": "kick", "SD": "snare", "CH": "closed hat", "OH": "open hat", "LT": "low tom", "MT": "mid tom"}
    names |= {"HT": "high tom", "CC": "crash", "RD": "ride"}
    assert [names[short] for short in grammar.VOICES] == [voice.name for voice in VOICES]
    values = {f"{factor}={value}" for factor, options in grammar.FACTORS.items() for value in options}
    for form in FORMS.values():
        for line in form:
            condition, voice, pattern = line.split()
            assert condition in values | {"always"}
            assert voice in grammar.VOICES
            assert len(pattern) == 16
            assert set(pattern) <= {*grammar.HIT, "."}
