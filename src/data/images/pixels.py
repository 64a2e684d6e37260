"""One image of any kind as pixels of one size in grey or colour.

S the side, H height, W width, C channels.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageColor, ImageOps

from src.data.images.sources import Picture

SIDES = (28, 32, 64)
DRAFT = 4  # a JPEG file much larger than needed is decoded at no less than so many times the side
BICUBIC = Image.Resampling.BICUBIC


@dataclass(frozen=True)
class Format:
    """What all images become: `side` × `side` pixels.

    Args:
        fit: other shapes are padded in the colour of their border, or cropped to their middle.
        background: what shows through transparent parts.
    """

    side: int
    fit: Literal["pad", "crop"]
    background: tuple[int, int, int]

    def pixels(self, picture: Picture) -> np.ndarray:
        """Decodes an image to uint8 [S, S, 3]; raises anything where it is damaged."""
        if isinstance(picture, np.ndarray):
            if picture.shape[:2] == (self.side, self.side) and picture.shape[2:] in ((), (3,)):
                return np.broadcast_to(picture if picture.ndim == 3 else picture[..., None], (self.side, self.side, 3))
            picture = Image.fromarray(picture)
        picture.draft(None, (DRAFT * self.side, DRAFT * self.side))
        return np.asarray(self.fitted(flattened(picture, self.background)))

    def fitted(self, image: Image.Image) -> Image.Image:
        """Resized, antialiased, without a change of its proportions."""
        square = (self.side, self.side)
        if image.size == square:
            return image
        if self.fit == "crop":
            return ImageOps.fit(image, square, BICUBIC)
        scale = self.side / max(image.size)
        width, height = (max(1, round(length * scale)) for length in image.size)
        inner = image.resize((width, height), BICUBIC, reducing_gap=3)
        if inner.size == square:
            return inner
        whole = Image.new("RGB", square, tuple(np.median(border(np.asarray(inner)), 0).astype(int).tolist()))
        whole.paste(inner, ((self.side - width) // 2, (self.side - height) // 2))
        return whole


def flattened(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    """In RGB: upright, 16 bits reduced to 8, transparent parts on the background."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits, in one of Pillow's ways to hold them
        return Image.fromarray(np.rint(np.asarray(image).clip(0, 65535) / 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", image.size, background), image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def border(pixels_HWC: np.ndarray) -> np.ndarray:
    """The outermost pixels [M, C]."""
    return np.concatenate([pixels_HWC[0], pixels_HWC[-1], pixels_HWC[:, 0], pixels_HWC[:, -1]])


def is_grey(pixels: np.ndarray) -> bool:
    """Whether the last axis, red, green and blue, holds the same value three times."""
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())


def greyed(pixels_HW3: np.ndarray) -> np.ndarray:
    """The luminance (ITU-R BT.601), three times."""
    return np.asarray(Image.fromarray(pixels_HW3).convert("L"))[..., None].repeat(3, -1)


def parse_colour(key: str, text: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour by name or as #rrggbb.

    Raises:
        ValueError: it is none.
    """
    try:
        return ImageColor.getrgb(text)[:3]
    except ValueError:
        raise ValueError(f"{key}={text}: choose a colour by name, such as white or black, or as '#rrggbb'") from None
