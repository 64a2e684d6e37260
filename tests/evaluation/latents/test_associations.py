"""Dimensions that are made from a feature, from the style, from a factor, or from nothing."""

import csv
import math
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor

from src.core.multiple_tests import holm
from src.data.drums import grammar
from src.data.drums.features import STANDARD
from src.evaluation.latents.associations import (
    MIN_NATS,
    MIN_RHO,
    Association,
    Dimension,
    association_table,
    name_dimensions,
)
from src.evaluation.latents.dependence import binned, chance_information, gaussian_information, mutual_information
from src.evaluation.latents.encode import EncodedSplit, LatentCodes

NUM = 400
KICK, HATS = STANDARD.names.index("kick density"), STANDARD.names.index("closed hat density")


def noise(num: int, seed: int) -> Tensor:
    return torch.randn(num, generator=torch.Generator().manual_seed(seed))


def with_noise(values_N: Tensor, share: float, seed: int) -> Tensor:
    values_N = values_N.double()
    return (values_N - values_N.mean()) / values_N.std() + share * noise(len(values_N), seed)


def bars(seed: int, num: int = NUM, factors: bool = True, kl: float = 1.0) -> EncodedSplit:
    drawn = grammar.draw(num, seed)
    known = {"coin": torch.randint(0, 2, (num,), generator=torch.Generator().manual_seed(seed))}
    rates = {"high": torch.full((3,), kl), "low": torch.full((2,), kl)}
    grids_NTV, styles_N = torch.from_numpy(drawn.grids_NTV), torch.from_numpy(drawn.styles_N)
    return EncodedSplit(grids_NTV, rates, styles_N, grammar.STYLES, known if factors else {})


def reading(made: EncodedSplit, seed: int) -> LatentCodes:
    """z_high: hats, the kick turned round, a style among the others; z_low: a coin, and nothing."""
    num = len(made.styles_N)
    hats_N, kick_N = made.features_NF[:, HATS], made.features_NF[:, KICK]
    third_N = (made.styles_N == 2).double() + 0.2 * noise(num, seed)  # hip-hop, in the middle of all features
    coin_N = made.factors.get("coin", torch.zeros(num)) + 0.1 * noise(num, seed + 1)
    codes = {
        "high": torch.stack([with_noise(hats_N, 0.3, seed + 2), -with_noise(kick_N, 0.3, seed + 3), third_N], 1),
        "low": torch.stack([coin_N, noise(num, seed + 4)], 1),
    }
    return LatentCodes(made, codes, codes)


def by_name(fit: LatentCodes, held: LatentCodes) -> dict[str, Dimension]:
    return {each.name: each for each in name_dimensions(fit, held)}


@pytest.fixture(scope="module")
def pair() -> tuple[LatentCodes, LatentCodes]:
    return reading(bars(0), 0), reading(bars(1), 10)


def test_what_each_dimension_is_named_after(pair):
    fit, held = pair
    result = by_name(fit, held)
    assert list(result) == ["z_high[0]", "z_high[1]", "z_high[2]", "z_low[0]", "z_low[1]"]
    rho = result["z_high[0]"].feature.rho
    assert result["z_high[0]"].text == f"z_high[0]: closed hat density, ρ {rho:.2f}"
    assert result["z_high[1]"].text == f"z_high[1]: kick density, ρ −{-result['z_high[1]'].feature.rho:.2f}"
    assert rho > 0.9 > -0.9 > result["z_high[1]"].feature.rho
    assert result["z_high[2]"].text.startswith("z_high[2]: style, MI 0.")
    assert result["z_low[0]"].text.startswith("z_low[0]: factor coin, MI 0.")
    assert result["z_low[0]"].category.information == pytest.approx(6 / 7 * math.log(2), abs=0.02), (
        "of 7 bins 1 is mixed"
    )
    assert result["z_low[1]"].text == "z_low[1]: no single feature"
    assert result["z_low[1]"].best_association is None


def test_the_figures_are_those_of_held_out_bars(pair):
    fit, held = pair
    feature = by_name(fit, held)["z_high[0]"].feature
    columns = binned(held.samples["high"][:, :1]), binned(held.bars.features_NF[:, HATS, None])
    assert feature.information == pytest.approx(mutual_information(*columns).item(), abs=1e-6)
    assert feature.baseline == pytest.approx(chance_information(*columns).item(), abs=1e-6)
    fresh = by_name(held, fit)["z_high[0]"].feature
    assert (fresh.name, fresh.rho) != (feature.name, pytest.approx(feature.rho, abs=1e-4))


def test_facts(pair):
    facts = [each.facts() for each in name_dimensions(*pair)]
    assert [(row["level"], row["dimension"]) for row in facts] == [
        *[("high", 0), ("high", 1), ("high", 2), ("low", 0), ("low", 1)]
    ]
    assert facts[0]["feature"] == "closed hat density"
    assert facts[0]["rho"] > 0.9
    assert facts[0]["information"] > facts[0]["information_baseline"] > 0
    assert (facts[2]["feature"], facts[2]["rho"], facts[2]["category"]) == (None, None, "style")
    assert facts[2]["information"] > MIN_NATS
    names = ("feature", "category", "rho", "information", "information_baseline")
    assert [facts[4][name] for name in names] == [None] * 5
    assert facts[4]["text"] == "z_low[1]: no single feature"
    assert {row["kl"] for row in facts} == {1.0}


@pytest.mark.parametrize("kl", [0.0, 0.1])
def test_inactive_dimensions_have_no_name(kl):
    for each in name_dimensions(reading(bars(0), 0), reading(bars(1, kl=kl), 10)):
        assert each.text == f"{each.name}: inactive"
        assert not each.active
        assert (each.feature, each.category) == (None, None)


def test_a_feature_must_hold_on_other_bars(pair):
    """Whatever is chosen on `fit` is forgotten where `held` says otherwise, or says the opposite."""
    fit, held = pair
    high_NL = held.means["high"].clone()
    high_NL[:, 0] = -high_NL[:, 0]
    high_NL[:, 1] = noise(NUM, 77)
    codes = held.means | {"high": high_NL}
    result = by_name(fit, LatentCodes(held.bars, codes, codes))
    assert result["z_high[0]"].feature is None
    assert result["z_high[1]"].text == "z_high[1]: no single feature"


def test_a_correlation_of_means_that_the_noise_drowns_is_no_name(pair):
    fit, held = pair
    drowned = {level: torch.randn(codes.shape, generator=torch.Generator().manual_seed(3)).double() for level, codes
               in held.means.items()}  # fmt: skip
    assert {each.best_association for each in name_dimensions(fit, LatentCodes(held.bars, held.means, drowned))} == {
        None
    }


@pytest.mark.parametrize(("rho", "named"), [(0.3, False), (0.5, True)])
def test_a_weak_correlation_is_no_name(rho, named):
    """A Gaussian's ρ over its rank correlation's: 2 sin(πρ / 6)."""
    readings = []
    for seed in (0, 1):
        made = bars(seed, num=4000)
        hats_N = made.features_NF[:, HATS] + 1e-3 * noise(4000, seed)
        order_N = hats_N.argsort().argsort()
        normal_N = torch.special.ndtri((order_N + 0.5) / 4000)
        share = 2 * math.sin(math.pi * rho / 6)
        codes = {"high": torch.zeros(4000, 3), "low": torch.zeros(4000, 2)}
        codes["high"][:, 0] = share * normal_N + math.sqrt(1 - share**2) * noise(4000, 20 + seed)
        readings.append(LatentCodes(made, codes, codes))
    feature = by_name(*readings)["z_high[0]"].feature
    assert (feature is not None) == named
    if named:
        assert feature.rho == pytest.approx(rho, abs=0.05)


def test_a_correlation_that_one_of_many_may_have_by_chance_is_no_name(monkeypatch):
    """What 30 bars say is enough for one pair, and not for the largest of 95."""
    readings = []
    for seed in (0, 1):
        made = bars(seed, num=30, factors=False)
        columns_N5 = torch.randn(30, 5, generator=torch.Generator().manual_seed(seed))
        columns_N5[:, 0] = with_noise(made.features_NF[:, HATS], 1.5, 41 + seed)
        codes = {"high": columns_N5[:, :3], "low": columns_N5[:, 3:]}
        readings.append(LatentCodes(made, codes, codes))
    assert by_name(*readings)["z_high[0]"].feature is None
    monkeypatch.setattr("src.evaluation.latents.associations.holm", lambda p_values: p_values)
    feature = by_name(*readings)["z_high[0]"].feature
    assert feature.name == "closed hat density"
    assert feature.rho > MIN_RHO


def test_without_categories():
    """One style and no factor: nothing but features to name a dimension after, and none for constant codes."""
    readings = []
    for seed in (0, 1):
        made = bars(seed, factors=False)
        made = EncodedSplit(made.grids_NTV, made.kl, torch.zeros_like(made.styles_N), ("all",), {})
        readings.append(reading(made, 10 * seed))
    result = by_name(*readings)
    assert result["z_high[0]"].feature.name == "closed hat density"
    assert {each.category for each in result.values()} == {None}
    held = readings[1]
    same = {level: torch.ones_like(codes) for level, codes in held.means.items()}
    constant = [LatentCodes(bars(seed), same, same) for seed in (0, 1)]
    assert {each.text.partition(": ")[2] for each in name_dimensions(*constant)} == {"no single feature"}
    assert {pair.rho for each in name_dimensions(*constant) for pair in each.features} == {None}


def test_the_table_holds_every_pair(pair, tmp_path):
    fit, held = pair
    table = association_table(name_dimensions(fit, held))
    table.save(tmp_path, "associations")
    with (tmp_path / "associations.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    result = {(row["level"], int(row["dimension"]), row["name"]): row for row in rows}
    assert len(rows) == len(result) == 5 * (len(STANDARD.names) + 2)
    features_NF = held.bars.features_NF
    columns = binned(held.samples["low"]), binned(features_NF)
    measured = {"information": mutual_information(*columns), "information_baseline": chance_information(*columns)}
    p_values = []
    for level, codes_NL in held.means.items():
        for index, code_N in enumerate(codes_NL.T):
            for column, name in enumerate(STANDARD.names):
                row, expected = result[level, index, name], stats.spearmanr(code_N, features_NF[:, column])
                assert row["kind"] == "feature"
                assert float(row["rho"]) == pytest.approx(expected.statistic, abs=1e-3)
                p_values.append((expected.pvalue, float(row["p_holm"])))
                if level == "low":
                    for key, values_LF in measured.items():
                        assert float(row[key]) == pytest.approx(values_LF[index, column].item(), rel=1e-3, abs=1e-6)
    alone, corrected = zip(*p_values, strict=True)
    assert list(corrected) == pytest.approx(holm(alone), rel=0.01, abs=1e-12)
    named = {(row["level"], row["dimension"], row["name"]) for row in rows if row["names_it"] == "yes"}
    assert named == {
        *(("high", "0", "closed hat density"), ("high", "1", "kick density")),
        *(("high", "2", "style"), ("low", "0", "factor coin")),
    }
    style = result["high", 2, "style"]
    assert (style["kind"], style["rho"], style["p_holm"]) == ("category", "", "")
    assert float(style["information"]) > float(style["information_baseline"]) > 0


def test_a_factor_with_an_order_has_a_rank_correlation_too(pair):
    """It counts among what Holm corrects for, and is named by information as before."""
    readings = []
    for seed, read in enumerate(pair):
        tempo_N = torch.randint(0, 5, (NUM,), generator=torch.Generator().manual_seed(50 + seed))
        made = replace(read.bars, factors=read.bars.factors | {"tempo": tempo_N}, ordered=("tempo",))
        codes = read.means | {"low": torch.stack([read.means["low"][:, 0], -with_noise(tempo_N, 0.3, 60 + seed)], 1)}
        readings.append(LatentCodes(made, codes, codes))
    each = by_name(*readings)["z_low[1]"]
    pairs = {pair.name: pair for pair in each.categories}
    held = readings[1]
    expected = stats.spearmanr(held.means["low"][:, 1], held.bars.factors["tempo"])
    assert pairs["factor tempo"].rho == pytest.approx(expected.statistic)
    assert pairs["factor tempo"].p == pytest.approx(expected.pvalue, abs=1e-12)
    assert pairs["style"].rho is pairs["factor coin"].rho is pairs["style"].p is None
    assert each.text.startswith("z_low[1]: factor tempo, MI ")
    assert each.text.endswith(f"nats, ρ −{-expected.statistic:.2f}")
    assert each.facts()["rho"] == pairs["factor tempo"].rho


def test_how_names_read():
    assert Association("feature", "off-beat share", 0.2, 0.1, -0.714).text == "off-beat share, ρ −0.71"
    assert Association("category", "style", 0.904, 0.1).text == "style, MI 0.90 nats"
    assert Association("category", "factor tempo", 0.2, 0.1, 0.5).text == "factor tempo, MI 0.20 nats, ρ 0.50"
    assert pytest.approx(gaussian_information(MIN_RHO)) == MIN_NATS
