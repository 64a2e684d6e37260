"""Which level holds the style, in a world where that is known.

G groups, M members.
"""

from dataclasses import replace
from itertools import combinations

import pytest
import torch

from src.evaluation.latents.hierarchy import agreement, drawn_groups, hierarchy

CELLS = 16 * 9


def test_where_z_high_holds_the_style_and_z_low_the_hats(world, world_vae, ear):
    result = hierarchy(world_vae(), world(0), world(1), ear).metrics
    assert result["style_probe_high"] == 1
    assert result["style_probe_low"] == pytest.approx(1 / 3, abs=0.12)
    assert result["style_probe_floor"] == pytest.approx(1 / 3)
    assert result["style_variance_high"] > 0.98
    assert result["style_variance_low"] < 0.05
    assert result["style_agreement_fixed_high"] == 1
    assert result["style_agreement_fixed_low"] == pytest.approx(1 / 3, abs=0.06)
    assert result["style_agreement_free"] == pytest.approx(1 / 3, abs=0.06)
    # Two cells of one bit and four of the other, each bit another in half of the pairs; four cells of another style.
    assert result["distance_fixed_high"] == pytest.approx(3 / CELLS, rel=0.12)
    assert result["distance_fixed_low"] == pytest.approx(4 * 2 / 3 / CELLS, rel=0.12)
    assert result["distance_free"] == pytest.approx((3 + 4 * 2 / 3) / CELLS, rel=0.12)


def test_where_the_levels_have_changed_places(world, world_vae, ear):
    result = hierarchy(world_vae(high="hats"), world(0), world(1), ear).metrics
    assert result["style_probe_low"] == 1
    assert result["style_probe_high"] == pytest.approx(1 / 3, abs=0.12)
    assert result["style_agreement_fixed_low"] == 1
    assert result["style_agreement_fixed_high"] == pytest.approx(1 / 3, abs=0.06)
    assert result["distance_fixed_low"] == pytest.approx(3 / CELLS, rel=0.12)


@pytest.mark.parametrize("prior", ["standard", "announcing"])
def test_a_collapsed_level_knows_no_style_even_if_its_prior_announces_it(world, world_vae, announcing, ear, prior):
    priors = {"prior": announcing} if prior == "announcing" else {}
    result = hierarchy(world_vae(collapsed=("low",), **priors), world(0), world(1), ear).metrics
    assert result["style_probe_low"] == pytest.approx(1 / 3, abs=0.12)
    assert result["style_variance_low"] < 0.05
    assert result["style_probe_high"] == 1


def test_agreement_is_that_of_all_pairs():
    styles_GM = torch.randint(0, 4, (5, 7), generator=torch.Generator().manual_seed(0))
    expected = [sum(a == b for a, b in combinations(group, 2)) / 21 for group in styles_GM.tolist()]
    assert agreement(styles_GM).tolist() == pytest.approx(expected)
    assert len(set(expected)) > 1


def test_groups_share_what_they_are_said_to_share(world_vae):
    groups = drawn_groups(world_vae())
    players_GMP = groups["fixed_high"][:, :, 0, [0, 1, 4]]
    assert (players_GMP == players_GMP[:, :1]).all()
    assert len(groups["fixed_high"].flatten(0, 1).unique(dim=0)) == 12, "all styles with all hats"
    hats_GMT = groups["fixed_low"][..., 2]
    assert (hats_GMT == hats_GMT[:, :1]).all()
    assert len(groups["free"][0].unique(dim=0)) > 4


def test_both_halves_of_the_picture_are_to_hear(world, world_vae, ear):
    """Two bars with one z_high, whose style stays, then two with one z_low, whose hats stay; four times over."""
    bars_GHMTV = (
        hierarchy(world_vae(), world(0), world(1), ear).artifacts["hierarchy_bars"].grids_NTV.view(4, 2, 2, 16, 9)
    )
    players_GHMP, hats_GHMT = bars_GHMTV[..., 0, [0, 1, 4]], bars_GHMTV[..., 2]
    for same, other, half in ((players_GHMP, hats_GHMT, 0), (hats_GHMT, players_GHMP, 1)):
        assert torch.equal(same[:, half, 0], same[:, half, 1])
        assert not torch.equal(other[:, half, 0], other[:, half, 1])
    assert len(bars_GHMTV[:, 0, 0].flatten(1).unique(dim=0)) > 1, "groups of their own"


def test_one_style_leaves_the_variation_to_be_measured(world, world_vae):
    one = {"style_names": ("kicks",)}
    fit, held = (replace(world(seed, styles=1), **one) for seed in (0, 1))
    result = hierarchy(world_vae(), fit, held, None)
    assert {name for name, value in result.metrics.items() if value is not None} == {
        "distance_fixed_high",
        "distance_fixed_low",
        "distance_free",
    }
    assert set(result.artifacts) == {"hierarchy", "hierarchy_bars", "latent_map"}


def test_intervals_surround_what_they_belong_to(world, world_vae, ear):
    result = hierarchy(world_vae(), world(0), world(1), ear)
    for name in ("distance_free", "style_agreement_fixed_low"):
        low, high = result.facts["hierarchy"][name]["interval"]
        assert low < result.metrics[name] < high
