"""Control: a model whose density is a coordinate, and one that cannot be controlled; the curve over temperatures.

N bars, B batch, T steps, V voices, L latent dims.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.distributions import Normal

from src.data.drums.features import STANDARD
from src.data.spec import Split
from src.evaluation.drum_metrics import DrumMetrics
from src.evaluation.latents.control import (
    NUM_SAMPLES,
    REQUESTS,
    TEMPERATURES,
    ControlResult,
    control,
    controlled,
    properties,
    regression,
    temperature,
)
from src.evaluation.latents.encode import mean_codes, sampled_codes
from src.evaluation.metrics.music import diversity, validity
from src.vae.decoders import Decoder
from src.vae.latents import Latents, normal, standard_normal
from src.vae.likelihoods import Likelihood

SILENT = SimpleNamespace(
    measure=lambda grids_NTV: dict.fromkeys(("validity", "diversity", "feature_distance"), 1.0),
    test_NTV=torch.zeros(2, 16, 9),
)
NOTHING = torch.zeros(0, 16, 9)
MIDDLE, UNIT = 40, 10  # hits at a code of 0, and hits per unit of it


def filled(counts_N: Tensor) -> Tensor:
    """Bars [N, 16, 9] with their first so many cells hit."""
    return (torch.arange(144) < counts_N.unsqueeze(1)).view(-1, 16, 9)


class Counter(nn.Module):
    """Reads the number of hits into one coordinate of the level that `holds` it; all else is noise of the prior."""

    top_prior = staticmethod(standard_normal)

    def __init__(self, features: int, levels: dict[str, int], skips: bool, holds: str):
        super().__init__()
        self.sizes, self.holds = levels, holds

    def means(self, cells_BD: Tensor, prior: nn.Module) -> Latents:
        return self.latents(cells_BD, lambda posterior: posterior.mean)

    def forward(self, cells_BD: Tensor, prior: nn.Module) -> Latents:
        return self.latents(cells_BD, Normal.sample)

    def latents(self, cells_BD: Tensor, value: Callable[[Normal], Tensor]) -> Latents:
        posteriors = []
        for level, size in self.sizes.items():
            mean_BL, std_BL = cells_BD.new_zeros(len(cells_BD), size), cells_BD.new_ones(len(cells_BD), size)
            if level == self.holds:
                mean_BL[:, 1] = (cells_BD.sum(1) - MIDDLE) / UNIT
                std_BL[:, 1] = 0.01
            posteriors.append(normal(mean_BL, std_BL))
        priors = tuple(standard_normal(posterior.mean) for posterior in posteriors)
        return Latents(tuple(map(value, posteriors)), tuple(posteriors), priors)


class Filler(Decoder):
    """Hits as many cells as one of the latents says."""

    autoregressive = False

    def __init__(self, num_latents: int, shape: tuple[int, int], likelihood: Likelihood, latent: int):
        super().__init__(likelihood)
        self.latent = latent

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        raise NotImplementedError("it is only drawn from")

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        bars_BTV = filled((MIDDLE + UNIT * latents_BZ[:, self.latent]).round()).float()
        return bars_BTV, bars_BTV


@pytest.fixture
def counting(bare_vae):
    def make(holds: str, sees: str = "both"):
        latent = {"both": {"high": 1, "low": 3}, "low": {"low": 1}}[sees][holds]
        return bare_vae(
            z_high=2,
            z_low=3,
            inference=partial(Counter, holds=holds),
            decoder=partial(Filler, latent=latent),
            decoder_sees=sees,
        )

    return make


@pytest.fixture
def dense(grammar_bars):
    """Bars of so many hits as a normal variable says."""

    def make(num: int, seed: int, spread: float = 8):
        counts_N = MIDDLE + spread * torch.randn(num, generator=torch.Generator().manual_seed(seed))
        bars = grammar_bars(num, seed)
        return type(bars)(filled(counts_N.round()).to(torch.uint8), {}, bars.styles_N, bars.style_names, {})

    return make


@pytest.mark.parametrize(("holds", "sees", "share"), [("high", "both", 1), ("low", "both", 0), ("low", "low", 0)])
def test_a_coordinate_that_is_the_density_dials_it(counting, dense, holds, sees, share):
    fit, held = dense(1500, 0), dense(200, 1)
    result = control(counting(holds, sees), fit, held, SILENT)
    metrics, facts = result.metrics, result.facts["control"]["density"]
    assert metrics["control_density_slope"] == pytest.approx(1, abs=0.05)
    assert metrics["control_density_correlation"] > 0.98
    assert metrics["control_density_error"] < 1
    counts_N = fit.grids_NTV.flatten(1).sum(1).double()
    requested = counts_N.quantile(torch.tensor(REQUESTS, dtype=torch.double))
    assert facts["requested"] == requested.tolist()
    unmoved = held.grids_NTV[:120].flatten(1).sum(1).double().unsqueeze(1)
    assert metrics["control_density_error_unmoved"] == pytest.approx((unmoved - requested).abs().mean().item())
    assert facts["high_share"] == pytest.approx(share, abs=0.03)
    assert facts["length"] == pytest.approx((unmoved - requested).abs().median().item() / UNIT, rel=0.1)
    assert "control" in result.artifacts
    heard_N = properties(STANDARD)["density"](result.artifacts["control_bars"].grids_NTV)
    assert heard_N[:6].tolist() == pytest.approx([unmoved[0].item(), *requested.tolist()], abs=1)


def test_a_level_that_does_not_reach_the_decoder_is_not_turned(counting, dense):
    """z_high would tell the density, and nothing else does."""
    vae, fit = counting("low", "low"), dense(500, 0)
    vae.inference.holds = "high"
    sampled = sampled_codes(vae, fit.grids_NTV)
    assert spearmanr(sampled["high"][:, 1], properties(STANDARD)["density"](fit.grids_NTV))[0] > 0.99
    assert control(vae, fit, dense(50, 1), SILENT).facts["control"]["density"] is None


def test_a_collapsed_model_has_no_dials(world, world_vae):
    result = control(world_vae(collapsed=("high", "low")), world(0), world(1), SILENT)
    assert result.facts["control"] == {"density": None, "syncopation": None}
    assert {value for name, value in result.metrics.items() if name.startswith("control")} == {None}
    assert not {"control", "control_bars"} & set(result.artifacts)


def test_what_is_always_the_same_has_no_dial(counting, dense):
    result = control(counting("high"), dense(200, 0, spread=0), dense(60, 1), SILENT)
    assert {value for name, value in result.metrics.items() if "density" in name} == {None}
    assert result.facts["control"]["density"] is None


def test_measures_agree_with_least_squares_and_ranks():
    random = torch.Generator().manual_seed(0)
    requested_R = torch.tensor([1.0, 2.0, 5.0, 9.0]).double()
    obtained_NR = 0.4 * requested_R + torch.randn(30, 4, generator=random).double()
    result = ControlResult(requested_R, obtained_NR, torch.zeros(30).double(), 0.9, 1.0, 0.5, NOTHING)
    metrics, requested = result.metrics(), requested_R.expand(30, 4).flatten().numpy()
    assert metrics["slope"] == pytest.approx(np.polyfit(requested, obtained_NR.flatten().numpy(), 1)[0])
    assert metrics["correlation"] == pytest.approx(spearmanr(requested, obtained_NR.flatten().numpy())[0])
    assert metrics["error"] == pytest.approx(np.abs(requested - obtained_NR.flatten().numpy()).mean())
    assert metrics["error_unmoved"] == pytest.approx(requested.mean())
    low, high = result.slope()["interval"]
    assert low < metrics["slope"] < high
    three = torch.full((30, 4), 3.0).double()
    same = ControlResult(requested_R, three, three[:, 0], 0.9, 1.0, 0.5, NOTHING).metrics()
    assert (same["slope"], same["correlation"]) == (pytest.approx(0), None)
    assert same["error"] == same["error_unmoved"]


def test_the_regression_finds_the_plane_and_what_it_explains():
    random = torch.Generator().manual_seed(0)
    codes_NL = torch.randn(4000, 3, generator=random)
    plane_N = 5 + codes_NL.double() @ torch.tensor([2.0, 0.0, -1.0]).double()
    noise_N = 2 * torch.randn(4000, generator=random).double()
    found_L, explained = regression(codes_NL, plane_N + noise_N)
    torch.testing.assert_close(found_L, torch.tensor([2.0, 0.0, -1.0]).double(), atol=0.1, rtol=0)
    assert explained == pytest.approx(1 - (noise_N.var() / (plane_N + noise_N).var()).item(), abs=0.003)
    assert regression(codes_NL[:50], torch.randn(50, generator=random).double())[1] < 0.1


def test_what_is_explained_is_of_bars_left_out():
    random = torch.Generator().manual_seed(0)
    codes_NL = torch.randn(40, 6, generator=random)
    values_N = codes_NL[:, 0].double() + torch.randn(40, generator=random).double()
    _, explained = regression(codes_NL, values_N)
    errors = []
    for out in range(40):
        rest = torch.arange(40) != out
        weight_L, _ = regression(codes_NL[rest], values_N[rest])
        predicted = values_N[rest].mean() + (codes_NL[out] - codes_NL[rest].mean(0)).double() @ weight_L
        errors.append((values_N[out] - predicted).item() ** 2)
    total = (values_N - values_N.mean()).square().sum().item()
    assert explained == pytest.approx(1 - sum(errors) / total, abs=2e-3), "but for the ridge's share of one bar"


def test_syncopation_is_that_of_the_features(grammar_bars):
    bars = grammar_bars(50, 0)
    assert properties(STANDARD)["syncopation"](bars.grids_NTV).std() > 0.5
    four_N = torch.zeros(1, 16, 9, dtype=torch.uint8)
    four_N[0, [3, 11], 0] = 1  # just before two beats, and held over them
    assert properties(STANDARD)["syncopation"](four_N).item() > 0


def test_each_bar_moves_by_what_it_lacks(counting, dense):
    vae, fit, held = counting("high"), dense(1500, 0), dense(30, 1)
    sampled = torch.cat(list(sampled_codes(vae, fit.grids_NTV).values()), 1)
    means = torch.cat(list(mean_codes(vae, held.grids_NTV).values()), 1)
    result = controlled(vae, properties(STANDARD)["density"], fit, sampled, held.grids_NTV, means)
    assert (result.obtained_NR.std(0) < 1).all(), "wherever a bar comes from, it arrives"
    assert torch.equal(result.unmoved_N, properties(STANDARD)["density"](held.grids_NTV))
    heard_N = properties(STANDARD)["density"](result.example_NTV)
    assert heard_N.tolist() == [result.unmoved_N[0].item(), *result.obtained_NR[0].tolist()]


@pytest.fixture
def drum_metrics(grammar_bars) -> DrumMetrics:
    train, test = grammar_bars(400, 0), grammar_bars(700, 1)
    return DrumMetrics(Split(train.grids_NTV, train.styles_N), test.grids_NTV, 100)


def test_every_temperature_is_judged_as_its_samples_are(small_vae, drum_metrics):
    vae = small_vae()
    result = temperature(vae, drum_metrics)
    curve = result.facts["temperatures"]
    assert [point["temperature"] for point in curve] == list(TEMPERATURES)
    for point in (curve[0], curve[-1]):
        random = torch.Generator().manual_seed(20_26)
        high_NL, noise_NL = torch.randn(NUM_SAMPLES, 2, generator=random), torch.randn(NUM_SAMPLES, 3, generator=random)
        uniform_NTV = torch.rand(NUM_SAMPLES, 16, 9, generator=random)
        with torch.no_grad():
            latents_NZ = vae.decoder_input(vae.prior.draw([high_NL, noise_NL]))
            cells_NTV, _ = vae.decoder.generate(latents_NZ, uniform_NTV, point["temperature"])
        assert point["diversity"] == pytest.approx(diversity(cells_NTV).item())
        assert point["validity"] == pytest.approx(validity(cells_NTV).mean().item())
        assert point["feature_distance"] == pytest.approx(drum_metrics.measure(cells_NTV)["feature_distance"])
        heard_NTV = result.artifacts["temperature_bars"].grids_NTV.view(len(TEMPERATURES), 2, 16, 9)[curve.index(point)]
        assert torch.equal(heard_NTV.bool(), cells_NTV[:2].bool())
    assert len({point["diversity"] for point in curve}) == len(curve)


def test_the_best_is_the_nearest_to_real_bars_and_real_bars_stand_beside_it(world_vae, drum_metrics):
    result = temperature(world_vae(), drum_metrics)
    curve = result.facts["temperatures"]
    nearest = sorted(curve, key=lambda point: point["feature_distance"])[0]
    assert result.metrics == {"temperature_best": nearest["temperature"]}
    diversities = [point["diversity"] for point in curve]
    assert diversities == sorted(diversities), "this model has less chance the colder it is"
    assert result.facts["temperatures_real"] == drum_metrics.measure(drum_metrics.test_NTV[:500])
    assert result.artifacts["temperature"].pixels_HW3.shape[2] == 3
