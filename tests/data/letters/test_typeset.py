"""Typeset capitals: the same bytes everywhere, readable, balanced over letters and styles."""

import hashlib

import numpy as np
import pytest

from src.data.letters import typeset
from src.data.letters.typeset import CLASSES, STYLES, Letters, draw, polygons, rasterise

GOLDEN = "f601e23814359a4026781c32ee34da51444605cb4d04436eaca8b43a94a91e0a"  # changes only with VERSION


@pytest.fixture(scope="module")
def drawn() -> Letters:
    return draw(20, seed=1)


def polygon(*points: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x_P, y_P = np.array(points, float).T
    return x_P[None], y_P[None], np.roll(np.arange(len(points)), -1)


def test_the_first_images_never_change():
    digest = hashlib.sha256(draw(10, seed=0).images_NHW.tobytes()).hexdigest()
    assert (typeset.VERSION, digest) == (1, GOLDEN), "raise VERSION with every change of the images"


def test_large_letters_are_some_eleven_pixels_high_in_four_styles():
    letters = draw(8, seed=1, letters="large")
    assert np.bincount(letters.styles_N).tolist() == [52] * 4
    without_tails = ~np.isin(letters.labels_N, [CLASSES.index(letter) for letter in "JQ"])
    for image_HW in letters.images_NHW[without_tails]:
        assert 10 <= np.ptp(np.flatnonzero((image_HW < 192).any(1))) + 1 <= 13


def test_letters_and_styles_are_equally_frequent_and_shuffled(drawn):
    assert drawn.images_NHW.shape == (520, 28, 28)
    assert drawn.images_NHW.dtype == np.uint8
    counts = np.zeros((len(CLASSES), len(STYLES)), int)
    np.add.at(counts, (drawn.labels_N, drawn.styles_N), 1)
    assert (counts == 2).all()
    assert len(set(drawn.labels_N[:40].tolist())) > 15


def test_seed_decides():
    assert all(np.array_equal(a, b) for a, b in zip(draw(10, seed=3), draw(10, seed=3), strict=True))
    both = np.concatenate([draw(10, seed=3).images_NHW, draw(10, seed=4).images_NHW])
    assert len(np.unique(both.reshape(len(both), -1), axis=0)) == len(both)


def test_letters_are_black_on_white_small_and_inside_the_image(drawn):
    dark_NHW = drawn.images_NHW < 192
    edge_N = np.stack([drawn.images_NHW[:, i] for i in (0, -1)] + [drawn.images_NHW[..., i] for i in (0, -1)])
    assert edge_N.min() == 255
    for dark_HW in dark_NHW:
        height = np.ptp(np.flatnonzero(dark_HW.any(1))) + 1
        assert 7 <= height <= 13  # Q and J reach below the line
    assert 0.04 < dark_NHW.mean() < 0.12


def test_styles_differ_in_weight_width_and_slant(drawn):
    ink_NHW = 1 - drawn.images_NHW / 255
    styles = list(STYLES)

    def mean(style: str, values_N: np.ndarray) -> float:
        return values_N[drawn.styles_N == styles.index(style)].mean()

    width_N = np.array([np.ptp(np.flatnonzero(ink_HW.any(0))) for ink_HW in ink_NHW])
    assert mean("sans_bold", ink_NHW.mean((1, 2))) > 1.3 * mean("sans", ink_NHW.mean((1, 2)))
    assert mean("sans_narrow", width_N) < 0.85 * mean("sans", width_N)
    assert mean("sans_wide", width_N) > 1.1 * mean("sans", width_N)


def test_pixels_hold_the_share_that_the_polygon_covers():
    x_BP, y_BP, following_P = polygon((2, 3), (5.5, 3), (5.5, 5.25), (2, 5.25))
    (image_HW,) = rasterise(x_BP, y_BP, following_P)
    assert (image_HW[3:5, 2:5] == 255).all()
    assert image_HW[3:5, 5].tolist() == [128, 128]
    assert image_HW[5, 2:6].tolist() == [64, 64, 64, 32]
    assert image_HW.astype(int).sum() == pytest.approx(255 * 3.5 * 2.25, abs=3)


def test_the_area_of_a_slanted_shape_is_kept_whichever_way_it_turns():
    corners = [(3.3, 2.1), (20.7, 8.4), (9.2, 24.9)]
    area = abs((17.4 * 22.8 - 5.9 * 6.3) / 2)
    for points in (corners, corners[::-1]):
        (image_HW,) = rasterise(*polygon(*points))
        assert image_HW.sum(dtype=int) / 255 == pytest.approx(area, rel=0.01)


def test_a_contour_of_the_other_direction_is_a_hole():
    x_O, y_O, following_O = polygon((2, 2), (20, 2), (20, 20), (2, 20))
    x_I, y_I, following_I = polygon((5, 5), (5, 10), (10, 10), (10, 5))
    following = np.concatenate([following_O, following_I + 4])
    (image_HW,) = rasterise(np.hstack([x_O, x_I]), np.hstack([y_O, y_I]), following)
    assert (image_HW[5:10, 5:10] == 0).all()
    assert image_HW.sum(dtype=int) / 255 == 18 * 18 - 25


def test_curves_become_segments_on_the_parabola():
    (polygon,) = polygons([("moveTo", [(0, 0)]), ("qCurveTo", [(4, 8), (8, 0)]), ("closePath", [])])
    assert np.array(polygon).tolist() == [[0, 0], [2, 3], [4, 4], [6, 3], [8, 0]]


def test_two_control_points_have_a_point_of_the_curve_between_them():
    line = [("moveTo", [(0, -1)]), ("lineTo", [(0, 0)])]
    (polygon,) = polygons([*line, ("qCurveTo", [(0, 2), (4, 2), (4, 0)]), ("closePath", [])])
    assert [2, 2] in np.array(polygon).tolist()
    assert len(polygon) == 2 + 2 * typeset.STEPS


def test_classes_differ_in_every_style():
    """A nearest neighbour in pixels finds the letter of most new images; chance finds one in 26."""
    known, new = draw(100, seed=1), draw(10, seed=2)
    known_NF, new_MF = (letters.images_NHW.reshape(-1, 784).astype(np.float32) for letters in (known, new))
    distance_MN = np.square(known_NF).sum(1) - 2 * new_MF @ known_NF.T
    right_M = known.labels_N[distance_MN.argmin(1)] == new.labels_N
    assert min(right_M[new.styles_N == style].mean() for style in range(len(STYLES))) > 0.4
    assert right_M.mean() > 0.6
