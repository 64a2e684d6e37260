"""The world's bars as a VAE that is written by hand turns its dimensions (see conftest)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import ImageColor

from src.data.drums.drawing import HIT, INVENTED, MISSED
from src.data.drums.features import STANDARD
from src.data.voices import CLOSED_HAT
from src.evaluation.latents import figures, traversals
from src.evaluation.latents.associations import Association, Dimension
from src.evaluation.latents.encode import mean_codes
from src.evaluation.latents.traversals import MIDDLE, STEPS, audible_bars, pages, traversal_picture, traverse


def dimension(level: str, index: int, kl: float = 1.0, feature: str | None = None) -> Dimension:
    pairs = tuple(
        Association("feature", name, 0.5, 0.01, rho)
        for name, rho in zip(STANDARD.names, np.linspace(-1, 1, len(STANDARD.names)).tolist(), strict=True)
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
    grids_DSTV = traverse(vae, mean_codes(vae, world(0).grids_NTV), [dimension("low", 0), dimension("low", 1)])
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
    monkeypatch.setattr(vae, "decode", lambda z, _: (decoded.append(z), torch.zeros(len(z[0]), 1, 16, 9))[1])
    traverse(vae, mean_codes(vae, world(0).grids_NTV), [dimension("high", 1), dimension("low", 0)])
    high_NL, low_NL = decoded[0]
    prior = vae.prior([high_NL])
    place_NL = (low_NL - prior.mean) / prior.stddev
    assert high_NL[:num, 1].diff().tolist() == pytest.approx([0.5] * 8)
    assert torch.allclose(place_NL[:num], place_NL[:1], atol=0.01)
    assert place_NL[num:, 0].diff().tolist() == pytest.approx([0.5] * 8, abs=0.01)
    assert torch.equal(high_NL[num:], high_NL[MIDDLE].expand(num, -1)), "z_high stays"


def test_the_typical_bar_is_the_one_closest_to_the_mean(world_vae, monkeypatch):
    """In standard deviations: far off on the wide dimension is not far."""
    calls = []
    monkeypatch.setattr(traversals, "decode_mode", lambda vae, codes: calls.append(codes) or codes["high"])
    fit = {
        "high": torch.tensor([[-100.0], [-40.0], [140.0], [0.0]]),
        "low": torch.tensor([[0.0, 1.0], [0.1, 1.0], [-0.1, 1.0], [5.0, 1.0]]),
    }
    traverse(world_vae(), fit, [dimension("high", 0)])
    high_NL, low_NL = (codes.flatten(0, 1) for codes in calls[0].values())
    assert high_NL.flatten().tolist() == [-40 + step for step in STEPS]
    assert torch.equal(low_NL, torch.tensor([[0.1, 1.0]]).expand(9, -1))


def test_the_picture_colours_added_and_removed_hits():
    """Counted in cells inside the frame of a bar."""
    middle_TV = torch.zeros(16, 9, dtype=torch.uint8)
    middle_TV[2, 3] = middle_TV[4, 1] = 1
    grids_STV = middle_TV.repeat(9, 1, 1)
    grids_STV[0, 2, 3] = 0
    grids_STV[8, 5, 5] = grids_STV[8, 6, 6] = grids_STV[8, 7, 7] = 1
    rows = [dimension("low", index, feature="ride density") for index in range(3)]
    picture = traversal_picture(rows, grids_STV.repeat(3, 1, 1, 1)).astype(int)
    for colour, expected in ((HIT, 17), (INVENTED, 3), (MISSED, 1)):
        near = np.abs(picture - np.array(ImageColor.getrgb(colour))).max(2) <= 2
        assert near.sum() == 3 * figures.CELL**2 * expected


def test_every_dimension_has_a_row_the_most_active_first():
    names = [dimension("low", index, kl=index / 10) for index in range(60)]
    sheets = [[each.index for each in rows] for rows in pages(names)]
    assert sheets == [[*range(59, 35, -1)], [*range(35, 11, -1)], [*range(11, -1, -1)]]
    assert len(pages(names[:24])) == 1, "as many as z_low has unless told otherwise"


def test_to_hear_are_the_ends_of_every_row_that_does_something():
    grids_RSTV = torch.arange(3 * 9).view(3, 9, 1, 1).expand(3, 9, 16, 9)
    rows = [dimension("low", 0), replace(dimension("low", 1), active=False), dimension("low", 2)]
    assert audible_bars(rows, grids_RSTV)[:, 0, 0].tolist() == [0, 4, 8, 18, 22, 26]
    silent = [replace(each, active=False) for each in rows]
    assert audible_bars(silent, grids_RSTV)[:, 0, 0].tolist() == [0, 4, 8]


def test_the_map_has_a_row_for_each_dimension(monkeypatch):
    monkeypatch.setattr(figures, "MAX_ROWS", 3)
    one = figures.association_map([dimension("high", 0, feature="backbeat")])
    three = figures.association_map([dimension("high", index) for index in range(3)])
    assert three.shape[0] - one.shape[0] == pytest.approx(2 * 0.27 * figures.DPI, abs=2)
    unknown = replace(
        dimension("low", 0), features=tuple(Association("feature", name, 0, 0) for name in STANDARD.names)
    )
    assert figures.association_map([unknown]).shape == one.shape
    more = [dimension("low", index, kl=index) for index in range(8)]
    assert figures.association_map(more).shape == three.shape
