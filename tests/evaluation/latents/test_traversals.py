"""The world's bars as a VAE that is written by hand turns its dimensions (see conftest)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import ImageColor

from src.data.drums.features import FEATURES
from src.data.voices import CLOSED_HAT
from src.evaluation.latents import association_map, traversals
from src.evaluation.latents.associations import Dimension
from src.evaluation.latents.codec import mean_codes
from src.evaluation.latents.evidence import Evidence
from src.evaluation.latents.traversals import COLOURS, MIDDLE, STEPS, heard, pages, traversal_picture, traversed


def dimension(level: str, index: int, kl: float = 1.0, feature: str | None = None) -> Dimension:
    pairs = tuple(
        Evidence("feature", name, 0.5, 0.01, rho)
        for name, rho in zip(FEATURES, np.linspace(-1, 1, len(FEATURES)).tolist(), strict=True)
    )
    return Dimension(
        level, index, kl, True, pairs, (), next((pair for pair in pairs if pair.name == feature), None), None
    )


def test_nine_steps():
    assert STEPS == (-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2)
    assert STEPS[MIDDLE] == 0


def test_each_dimension_changes_what_it_holds(world_vae, world):
    """z_low holds the hats on the beats and those off the beats, as signs."""
    vae = world_vae()
    grids_DSTV = traversed(vae, mean_codes(vae, world(0).grids_NTV), [dimension("low", 0), dimension("low", 1)])
    assert grids_DSTV.shape == (2, 9, 16, 9)
    middle_TV = grids_DSTV[0, MIDDLE]
    assert torch.equal(middle_TV, grids_DSTV[1, MIDDLE])
    assert any(torch.equal(middle_TV, bar) for bar in world(0).grids_NTV)
    for grids_STV, steps in zip(grids_DSTV, ([4, 12], [2, 6, 10, 14]), strict=True):
        changed_STV = grids_STV != middle_TV
        others = [step for step in range(16) if step not in steps]
        assert not changed_STV[:, others].any()
        assert not changed_STV[..., [voice for voice in range(9) if voice != CLOSED_HAT]].any()
        # From its place at ±1 a bit turns over where the steps pass 0, on one side only.
        assert changed_STV[:, steps, CLOSED_HAT].all(1).sum() in (2, 3)
        assert not changed_STV[MIDDLE].any()


def test_z_low_goes_with_its_prior(world_vae, world, announcing, monkeypatch):
    vae, decoded, num = world_vae(prior=announcing), [], len(STEPS)
    monkeypatch.setattr(
        vae, "decode", lambda high, low, _: (decoded.append((high, low)), torch.zeros(len(high), 1, 16, 9))[1]
    )
    traversed(vae, mean_codes(vae, world(0).grids_NTV), [dimension("high", 1), dimension("low", 0)])
    high_NL, low_NL = decoded[0]
    prior = vae.prior(high_NL)
    place_NL = (low_NL - prior.mean) / prior.stddev
    assert high_NL[:num, 1].diff().tolist() == pytest.approx([0.5] * 8)
    assert torch.allclose(place_NL[:num], place_NL[:1], atol=0.01)
    assert place_NL[num:, 0].diff().tolist() == pytest.approx([0.5] * 8, abs=0.01)
    assert torch.equal(high_NL[num:], high_NL[MIDDLE].expand(num, -1)), "z_high stays"


def test_the_typical_bar_is_the_one_closest_to_the_mean(world_vae, monkeypatch):
    """In standard deviations: far off on the wide dimension is not far."""
    heard = []
    monkeypatch.setattr(traversals, "likeliest", lambda vae, high, low: heard.append((high, low)) or high)
    fit = {
        "high": torch.tensor([[-100.0], [-40.0], [140.0], [0.0]]),
        "low": torch.tensor([[0.0, 1.0], [0.1, 1.0], [-0.1, 1.0], [5.0, 1.0]]),
    }
    traversed(world_vae(), fit, [dimension("high", 0)])
    (high_NL, low_NL) = heard[0]
    assert high_NL.flatten().tolist() == [-40 + step for step in STEPS]
    assert torch.equal(low_NL, torch.tensor([[0.1, 1.0]]).expand(9, -1))


def test_the_picture_shows_what_is_added_and_taken_away():
    """Counted in the colours of its cells."""
    middle_TV = torch.zeros(16, 9, dtype=torch.uint8)
    middle_TV[0, 0] = middle_TV[4, 1] = 1
    grids_STV = middle_TV.repeat(9, 1, 1)
    grids_STV[0, 0, 0] = 0  # taken away
    grids_STV[8, 5, 5] = grids_STV[8, 6, 6] = grids_STV[8, 7, 7] = 1  # added
    rows = [dimension("low", index, feature="ride density") for index in range(3)]
    picture = traversal_picture(rows, grids_STV.repeat(3, 1, 1, 1))
    cells = picture[: -traversals.FOOT]  # without the legend
    inside = (traversals.CELL[0] - 1) * (traversals.CELL[1] - 1)
    expected = {"as in the typical bar": 17, "added": 3, "taken away": 1}
    for name, colour in COLOURS.items():
        pixels = (cells == np.array(ImageColor.getrgb(colour))).all(2).sum()
        assert pixels == 3 * inside * expected[name]


def test_every_dimension_has_a_row_the_most_active_first():
    names = [dimension("low", index, kl=index / 10) for index in range(60)]
    sheets = [[each.index for each in rows] for rows in pages(names)]
    assert sheets == [[*range(59, 35, -1)], [*range(35, 11, -1)], [*range(11, -1, -1)]]
    assert len(pages(names[:24])) == 1, "as many as z_low has unless told otherwise"


def test_to_hear_are_the_ends_of_every_row_that_does_something():
    grids_RSTV = torch.arange(3 * 9).view(3, 9, 1, 1).expand(3, 9, 16, 9)
    rows = [dimension("low", 0), replace(dimension("low", 1), active=False), dimension("low", 2)]
    assert heard(rows, grids_RSTV)[:, 0, 0].tolist() == [0, 4, 8, 18, 22, 26]
    silent = [replace(each, active=False) for each in rows]
    assert heard(silent, grids_RSTV)[:, 0, 0].tolist() == [0, 4, 8]


def test_the_map_has_a_row_for_each_dimension(monkeypatch):
    monkeypatch.setattr(association_map, "MOST_ROWS", 3)
    one = association_map.association_map([dimension("high", 0, feature="backbeat")])
    three = association_map.association_map([dimension("high", index) for index in range(3)])
    assert three.shape[0] - one.shape[0] == pytest.approx(2 * 0.27 * association_map.DPI, abs=2)
    unknown = replace(dimension("low", 0), features=tuple(Evidence("feature", name, 0, 0) for name in FEATURES))
    assert association_map.association_map([unknown]).shape == one.shape
    more = [dimension("low", index, kl=index) for index in range(8)]
    assert association_map.association_map(more).shape == three.shape
