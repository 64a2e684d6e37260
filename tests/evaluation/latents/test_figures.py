"""Figures: principal components against numpy, maps of collapsed levels, ink of small bars."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from src.data.drums.drawing import HIT
from src.evaluation.latents.figures import CELL, Row, latent_map, look, principal, strips


def test_principal_components_are_those_of_the_covariance():
    random = torch.Generator().manual_seed(0)
    mixing = torch.tensor([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.2, 0.1, 0.3]])
    codes_NL = torch.randn(500, 3, generator=random) @ mixing + 4
    points_N2, explained_2 = principal(codes_NL, codes_NL)
    variance, vectors = np.linalg.eigh(np.cov(codes_NL.double().numpy().T))
    assert explained_2 == pytest.approx((variance[::-1] / variance.sum())[:2].tolist(), rel=1e-3)
    centred = codes_NL.double().numpy() - codes_NL.double().numpy().mean(0)
    np.testing.assert_allclose(np.abs(points_N2), np.abs(centred @ vectors[:, [2, 1]]), atol=1e-3)


def test_directions_come_from_one_split_and_shares_from_the_other():
    wide = torch.tensor([[-2.0, 0.0], [2.0, 0.0], [0.0, 0.1], [0.0, -0.1]])
    points_N2, explained_2 = principal(wide, wide.flip(1))
    assert explained_2[0] < 0.01 < 0.99 < explained_2[1]
    assert np.abs(points_N2[:, 1]).max() == pytest.approx(2)


@pytest.mark.parametrize("codes_NL", [torch.randn(20, 1), torch.zeros(20, 4)])
def test_levels_of_one_dimension_or_of_none_in_use_can_be_drawn(world, codes_NL):
    points_N2, explained_2 = principal(codes_NL, codes_NL)
    assert points_N2.shape == (20, 2)
    assert np.isfinite(explained_2).all()
    held = world(0)
    held = replace(held, styles_N=held.styles_N[:20], grids_NTV=held.grids_NTV[:20])
    picture = latent_map({"high": codes_NL, "low": codes_NL}, {"high": codes_NL, "low": codes_NL}, held)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


def test_many_styles_are_told_apart(world):
    assert len({look(style) for style in range(42)}) == 42
    held = replace(world(0), styles_N=torch.arange(120) % 18, style_names=tuple(f"style {i}" for i in range(18)))
    codes = {level: torch.randn(120, 2, generator=torch.Generator().manual_seed(0)) for level in ("high", "low")}
    legends = []
    for num in (1, 18):
        some = replace(held, styles_N=held.styles_N % num)
        legends.append((latent_map(codes, codes, some)[:, -185:] < 128).any((1, 2)).sum())
    assert legends[1] > 10 * legends[0], "each has a line of its own"


def ink(picture: np.ndarray) -> np.ndarray:
    """Rows and columns of inked pixels."""
    return np.argwhere((np.abs(picture.astype(int) - np.array(to_rgb(HIT)) * 255) <= 2).all(2))


def bars(num: int, *hits: tuple[int, int, int]) -> torch.Tensor:
    grids_KTV = torch.zeros(num, 16, 9)
    for hit in hits:
        grids_KTV[hit] = 1
    return grids_KTV


def test_a_hit_is_a_square():
    blank, one = (strips({"": [Row("a", bars(3, *hits), ["", "", ""])]}) for hits in ([], [(1, 5, 4)]))
    assert not len(ink(blank))
    assert len(ink(one)) == CELL**2
    assert blank.shape == one.shape
    assert one.dtype == np.uint8


def test_time_runs_to_the_right_the_kick_is_low_and_rows_follow_each_other():
    def middle(row: int, *hit: int) -> np.ndarray:
        rows = [Row(f"row {each}", bars(2, hit) if each == row else bars(2), ["x", "y"]) for each in range(2)]
        return ink(strips({"first": rows[:1], "second": rows[1:]})).mean(0)

    start = middle(0, 0, 2, 1)
    assert (middle(0, 0, 5, 1) - start).tolist() == [0, 3 * CELL]
    assert (middle(0, 0, 2, 4) - start).tolist() == [-3 * CELL, 0]
    assert middle(0, 1, 2, 1)[1] - start[1] >= 16 * CELL
    assert middle(1, 0, 2, 1)[0] - start[0] >= 9 * CELL


def test_probabilities_are_shades():
    darkness = [255 - strips({"": [Row("a", torch.full((1, 16, 9), p), [""])]}).mean() for p in (0.0, 0.5, 1.0)]
    assert np.diff(darkness).min() > 5
