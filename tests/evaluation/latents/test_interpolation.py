"""Interpolations whose path can be counted.

P pairs, K steps.
"""

import pytest
import torch

from src.evaluation.latents.interpolation import Interpolations, cross_fade, interpolation, scored

MOMENTS = torch.linspace(0, 1, 9)


def path(*counts: int, target: list[float], nonsense: float = 0.0) -> Interpolations:
    """A blend whose bars have so many hits, one more cell for each."""
    grids_PKTV = torch.zeros(1, len(counts), 16, 9)
    for step, count in enumerate(counts):
        grids_PKTV[0, step].view(-1)[:count] = 1
    return Interpolations(
        grids_PKTV, torch.tensor([target]), torch.full((1, 9), nonsense), torch.zeros(1, 9, dtype=torch.long)
    )


def values(paths: Interpolations) -> dict[str, float | None]:
    return {name: fact and fact["value"] for name, fact in paths.measures().items()}


def test_measures_of_paths_that_can_be_counted():
    even = values(path(*range(9), target=[0.1 * step for step in range(9)], nonsense=0.25))
    assert even == pytest.approx({"straightness": 1, "largest_step": 1 / 8, "monotone": 1, "recognised": 0.75})
    jump = values(path(0, 0, 0, 0, 6, 6, 6, 6, 6, target=[0.1, 0.1, 0.5, 0.3, 0.9, 0.9, 0.9, 0.9, 0.7]))
    assert jump["straightness"] == jump["largest_step"] == 1
    assert jump["monotone"] == pytest.approx(1.0 / 1.4)
    detour = values(path(0, 3, 6, 9, 9, 7, 5, 5, 4, target=[0.2] * 9))
    assert detour["straightness"] == pytest.approx(14 / 4)
    assert detour["largest_step"] == pytest.approx(3 / 4)
    assert detour["monotone"] is None


def test_a_circle_has_no_straightness():
    assert values(path(2, 4, 4, 4, 4, 4, 4, 4, 2, target=[0.5] * 9))["straightness"] is None


def test_a_cross_fade_is_straight_and_goes_from_end_to_end():
    random = torch.Generator().manual_seed(0)
    source_PTV, target_PTV = (torch.rand(2, 40, 16, 9, generator=random) < 0.3).to(torch.uint8)
    grids_PKTV = cross_fade(source_PTV, target_PTV, MOMENTS)
    assert torch.equal(grids_PKTV[:, 0], source_PTV)
    assert torch.equal(grids_PKTV[:, -1], target_PTV)
    steps_PK = (grids_PKTV[:, 1:] != grids_PKTV[:, :-1]).flatten(2).sum(2)
    assert torch.equal(steps_PK.sum(1), (source_PTV != target_PTV).flatten(1).sum(1))
    assert steps_PK.double().mean(0).std() < 0.1 * steps_PK.double().mean(), "as much at each step"


def test_the_ear_is_asked_for_the_style_that_is_wanted(world, ear):
    bars = world(0)
    for wanted in range(3):
        paths = scored(ear, bars.grids_NTV.unsqueeze(1), torch.full((120,), wanted))
        right_N = bars.styles_N == wanted
        assert paths.target_PK[right_N].min() > 0.9
        assert paths.target_PK[~right_N].max() < 0.1
        assert torch.equal(paths.style_PK[:, 0], bars.styles_N)
    silence = scored(ear, torch.zeros(1, 1, 16, 9), torch.tensor([0]))
    assert silence.none_PK.item() > 0.5


def test_a_style_changes_over_once_and_hats_do_not_change_it(world, world_vae, ear):
    metrics = interpolation(world_vae(), world(0), world(1), ear).metrics
    assert metrics["interpolation_straightness_high"] == metrics["interpolation_largest_step_high"] == 1
    assert metrics["interpolation_monotone_high"] == pytest.approx(1)
    assert metrics["interpolation_monotone_low"] is None, "the hats leave the style alone"
    assert metrics["interpolation_straightness_low"] == 1
    assert metrics["interpolation_straightness_fade"] == 1
    assert metrics["interpolation_largest_step_fade"] < 0.6
    assert metrics["interpolation_recognised_high"] > 0.95 > 0.9 > metrics["interpolation_recognised_fade"]


def test_a_collapsed_level_leads_nowhere(world, world_vae, ear):
    result = interpolation(world_vae(collapsed=("low",)), world(0), world(1), ear)
    assert result.metrics["interpolation_straightness_low"] is None
    assert result.metrics["interpolation_straightness_high"] == result.metrics["interpolation_straightness_both"] == 1
    assert result.facts["interpolation"]["num_pairs"] == result.metrics["interpolation_pairs"] == 60
    assert result.artifacts["interpolation_bars"].grids_NTV.shape == (18, 16, 9)


@pytest.mark.parametrize("lacking", ["oracle", "styles"])
def test_without_two_styles_there_is_nothing_to_blend(world, world_vae, ear, lacking):
    fit = world(0, styles=1 if lacking == "styles" else 3)
    result = interpolation(world_vae(), fit, world(1), None if lacking == "oracle" else ear)
    assert len(result.metrics) == 17
    assert set(result.metrics.values()) == {None}
    assert not result.artifacts
