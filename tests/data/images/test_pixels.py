"""Images of every kind become the same pixels."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from src.data.images.pixels import Format, is_grey, parse_colour
from src.data.images.sources import opened

WHITE = (255, 255, 255)
ORANGE = (240, 120, 20)
PADDED = Format(32, "pad", WHITE)
DEEP = np.repeat([[257 * 10] * 16 + [257 * 200] * 16], 32, 0).astype(np.uint16)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file


def pixels(image: Image.Image, kind: str = "PNG", shape: Format = PADDED, **options: Any) -> np.ndarray:
    found = shape.pixels(opened(saved(image, kind, **options)))
    assert found.shape == (shape.side, shape.side, 3)
    assert found.dtype == np.uint8
    return found


def halves(mode: str, left: Any, right: Any, side: int = 32) -> Image.Image:
    image = Image.new(mode, (side, side), left)
    image.paste(right, (side // 2, 0, side, side))
    return image


def palette(transparent: bool) -> tuple[Image.Image, dict[str, Any]]:
    image = halves("P", 0, 1)
    image.putpalette([*ORANGE, 0, 0, 255])
    return image, {"transparency": 1} if transparent else {}


def sides(found: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return tuple(found[16, 4].tolist()), tuple(found[16, 28].tolist())


@pytest.mark.parametrize(
    ("image", "left", "right"),
    [
        (halves("RGB", ORANGE, (0, 0, 255)), ORANGE, (0, 0, 255)),
        (halves("L", 10, 200), (10,) * 3, (200,) * 3),
        (halves("1", 0, 1), (0,) * 3, WHITE),
        (halves("RGBA", (*ORANGE, 255), (0, 0, 0, 0)), ORANGE, WHITE),
        (halves("RGBA", (0, 0, 0, 255), (0, 0, 0, 51)), (0,) * 3, (204,) * 3),
        (halves("LA", (30, 255), (30, 0)), (30,) * 3, WHITE),
        (
            Image.fromarray(DEEP),
            (10,) * 3,
            (200,) * 3,
        ),
    ],
    ids=["rgb", "grey", "bits", "rgba", "half_transparent", "grey_and_alpha", "16_bits"],
)
def test_png(image, left, right):
    assert sides(pixels(image)) == (left, right)


@pytest.mark.parametrize("transparent", [False, True])
def test_palette(transparent):
    image, options = palette(transparent)
    assert sides(pixels(image, **options)) == (ORANGE, WHITE if transparent else (0, 0, 255))


def test_background():
    image = halves("RGBA", (*ORANGE, 255), (0, 0, 0, 0))
    assert sides(pixels(image, shape=Format(32, "pad", (1, 2, 3)))) == (ORANGE, (1, 2, 3))


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [("JPEG", "RGB", {"quality": 95}), ("JPEG", "CMYK", {"quality": 95}), ("WEBP", "RGB", {"quality": 95})],
)
def test_lossy_formats(kind, mode, options):
    found = pixels(halves("RGB", ORANGE, (30, 60, 200)).convert(mode), kind, **options)
    for side, wanted in zip(sides(found), (ORANGE, (30, 60, 200)), strict=True):
        np.testing.assert_allclose(side, wanted, atol=12)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_first_frame(kind):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    found = pixels(frames[0], kind, save_all=True, append_images=frames[1:])
    assert found[16, 16, 0] > 200
    assert found[16, 16, 1:].max() < 50


def test_turned_photographs_are_upright():
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    assert sides(pixels(halves("RGB", ORANGE, (0, 0, 0)), exif=exif)) == ((0, 0, 0), ORANGE)


def test_padding_continues_the_border():
    image = Image.new("RGB", (40, 20), (7, 8, 9))
    image.paste(ORANGE, (10, 5, 30, 15))
    found = pixels(image)
    assert (found[:8] == (7, 8, 9)).all()
    assert (found[-8:] == (7, 8, 9)).all()
    assert tuple(found[16, 16]) == ORANGE
    rows, columns = np.nonzero(np.abs(found.astype(int) - ORANGE).max(-1) < 60)
    assert np.ptp(columns) + 1 == pytest.approx(2 * (np.ptp(rows) + 1), abs=1), "as wide as before"


def test_cropping_keeps_the_middle():
    image = Image.new("RGB", (40, 20), (7, 8, 9))
    image.paste(ORANGE, (10, 0, 30, 20))
    assert (np.abs(pixels(image, shape=Format(28, "crop", WHITE)).astype(int) - ORANGE).max(-1) < 60).mean() > 0.9


def test_shrinking_is_antialiased():
    lines = np.zeros((128, 128), np.uint8)
    lines[::2] = 255
    found = pixels(Image.fromarray(lines))
    assert found[4:-4].min() > 100
    assert found[4:-4].max() < 155


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (16, 16), (3000, 2)])
def test_odd_sizes(size):
    pixels(Image.new("RGB", size, ORANGE))


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3), (16, 24), (16, 24, 3), (32, 32, 4), (16, 24, 4)])
def test_arrays(shape):
    array = np.full(shape, 90, np.uint8)
    if shape[2:] == (4,):
        array[..., 3] = 255
    found = Format(32, "pad", WHITE).pixels(array)
    assert found.shape == (32, 32, 3)
    assert (found == 90).all()
    assert is_grey(found)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of some and refuses others
@pytest.mark.parametrize("side", [40, 200])
def test_a_file_that_unpacks_without_end_is_not_decoded(monkeypatch, side):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises((ValueError, Image.DecompressionBombError), match="pixels"):
        opened(saved(Image.new("L", (side, side))))


def test_colours():
    assert parse_colour("k", "black") == (0, 0, 0)
    assert parse_colour("k", "#0102ff") == (1, 2, 255)
    with pytest.raises(ValueError, match=r"data\.background=nocolour"):
        parse_colour("data.background", "nocolour")
