"""Pictures as uint8 arrays [H, W, 3]: sample grids and timelines.

T and E evaluations, K classes, L latent dims.
"""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from PIL import Image, ImageFont
from PIL.ImageDraw import ImageDraw
from torch import Tensor

from src.core.plotting import draw, fitted, lettering, warn_of_missing_glyphs
from src.evaluation.metrics.onset import ACTIVE_NATS

GAP = 2  # pixels between images
GAP_GREY = 64
BLANK_GREY = 235  # where an image is missing
ZOOM = 2  # of images smaller than
LARGE = 48  # pixels
LABEL, LONGEST_LABEL = 52, 190  # pixels beside a row: for letters, at most for words
LETTER, WORD = 34, 17  # pixels of their typefaces
MISSING = "#c1272d"
SCALE = (0.01, 10)  # nats shown


def save(picture: np.ndarray, path: Path) -> None:
    path.write_bytes(as_png(picture))


def as_png(picture: np.ndarray) -> bytes:
    """The picture as a PNG file, with fast compression since training waits."""
    file = io.BytesIO()
    red, green, blue = np.moveaxis(picture, -1, 0)
    grey = (red == green).all() and (green == blue).all()
    Image.fromarray(red if grey else picture).save(file, "PNG", compress_level=1)
    return file.getvalue()


def grid(images_NCHW: Tensor, columns: int) -> np.ndarray:
    """Images row by row; one channel is grey, two and three are red, green and blue."""
    tiles = _tiles(images_NCHW)
    rows = -(-len(tiles) // columns)
    blank = np.full((rows * columns - len(tiles), *tiles.shape[1:]), BLANK_GREY, np.uint8)
    return _zoomed(_assembled(np.concatenate([tiles, blank]), columns), _zoom(*tiles.shape[1:3]))


def sorted_grid(rows: Mapping[str, Tensor | None], columns: int, num_blocks: int = 2) -> np.ndarray:
    """A labelled row of images per class, in blocks side by side; a missing class has a blank row and a red label.

    Composed of arrays, five times as fast as a figure with axes.
    """
    names = list(rows)
    warn_of_missing_glyphs(names)
    first = next((images for images in rows.values() if images is not None), None)
    height, width = (28, 28) if first is None else first.shape[-2:]
    zoom = _zoom(height, width)
    letters, label = _lettering(names)
    tiles_KNHW3 = np.full((len(names), columns, height, width, 3), BLANK_GREY, np.uint8)
    for index, images_NCHW in enumerate(rows.values()):
        if images_NCHW is not None:
            tiles_KNHW3[index, : len(images_NCHW)] = _tiles(images_NCHW)
    height_of_block = -(-len(names) // num_blocks)
    blocks = [
        np.pad(
            _zoomed(_assembled(tiles.reshape(-1, height, width, 3), columns, gap_grey=255), zoom),
            [(0, zoom * (height_of_block - len(tiles)) * (height + GAP)), (label, zoom * GAP), (0, 0)],
            constant_values=255,
        )
        for tiles in (tiles_KNHW3[first : first + height_of_block] for first in range(0, len(names), height_of_block))
    ]
    picture = Image.fromarray(np.concatenate(blocks, 1))
    pen = ImageDraw(picture)
    for index, (name, images_NCHW) in enumerate(rows.items()):
        block, row = divmod(index, height_of_block)
        right, middle = block * blocks[0].shape[1] + label - 8, zoom * (GAP + row * (height + GAP) + height / 2)
        text = fitted(name, letters, label - 8)
        pen.text((right, middle), text, "black" if images_NCHW is not None else MISSING, letters, anchor="rm")
    return np.array(picture)


def _lettering(names: Sequence[str]) -> tuple[ImageFont.FreeTypeFont, int]:
    """A typeface for labels, and the width that they need: large for single letters, small for words."""
    letters = lettering(LETTER, "-Bold")
    if max(map(letters.getlength, names)) <= LABEL - 8:
        return letters, LABEL
    words = lettering(WORD)
    return words, min(LONGEST_LABEL, 16 + math.ceil(max(map(words.getlength, names))))


def timeline(images_seen: Sequence[int], shares_TK: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Classes × evaluations: each class's share of the recognisable samples, relative to an equal share."""
    ticks = {0: "gone", 0.1: "a tenth", 0.5: "half", 1: "equal share", 2: "twice", 3: "3 times or more"}
    norm = mpl.colors.TwoSlopeNorm(1, 0, 3)
    figure, *_ = _over_time(images_seen, shares_TK.T * len(names), names, mpl.colormaps["RdBu_r"], norm, ticks)
    return rendered(figure)


def kl_timeline(images_seen: Sequence[int], kl_EL: Mapping[str, np.ndarray]) -> np.ndarray:
    """Latent dimensions × evaluations: KL in nats, grey where a dimension is inactive; `kl_EL` names the levels."""
    names = [f"z_{level}[{index}]" for level, kl in kl_EL.items() for index in range(kl.shape[1])]
    nats_LE = np.concatenate(list(kl_EL.values()), 1).T.clip(*SCALE)
    ticks = {0.01: "≤ 0.01", 0.03: "0.03", ACTIVE_NATS: "0.1: active", 0.3: "0.3", 1: "1", 3: "3", 10: "≥ 10"}
    norm = mpl.colors.LogNorm(*SCALE)
    figure, axis, bar = _over_time(images_seen, nats_LE, names, _active_and_inactive(norm), norm, ticks)
    for border in np.cumsum([kl.shape[1] for kl in kl_EL.values()])[:-1]:
        axis.axhline(border - 0.5, color="black", linewidth=1.5)
    bar.set_label("KL in nats")
    bar.ax.minorticks_off()
    bar.ax.axhline(ACTIVE_NATS, color="black", linewidth=1.5)
    return rendered(figure)


def _over_time(
    images_seen: Sequence[int],
    values_KT: np.ndarray,
    names: Sequence[str],
    colours: mpl.colors.Colormap,
    norm: mpl.colors.Normalize,
    ticks: Mapping[float, str],
) -> tuple[Figure, Axes, Colorbar]:
    """A map of named rows and evaluations, some of which are labelled with the samples seen."""
    figure = Figure(figsize=(7.5, 1.4 + 0.2 * len(names)), dpi=100, layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(values_KT, aspect="auto", cmap=colours, norm=norm, interpolation="nearest")
    axis.set_yticks(range(len(names)), names, fontsize=9)
    labelled = np.unique(np.linspace(0, len(images_seen) - 1, 8).round().astype(int))
    axis.set_xticks(labelled, [f"{images_seen[index] / 1000:,.0f}k" for index in labelled], fontsize=9)
    axis.set_xlabel("training samples seen")
    bar = figure.colorbar(picture, ax=axis, ticks=list(ticks), pad=0.02)
    bar.ax.set_yticklabels(ticks.values())
    return figure, axis, bar


def _active_and_inactive(norm: mpl.colors.Normalize) -> mpl.colors.Colormap:
    """Greys below the threshold, colours above."""
    resolution = 300
    inactive = round(float(norm(ACTIVE_NATS)) * resolution)
    greys = mpl.colormaps["Greys"](np.linspace(0.05, 0.45, inactive))
    colours = mpl.colormaps["viridis_r"](np.linspace(0, 1, resolution - inactive))
    return mpl.colors.ListedColormap(np.concatenate([greys, colours]))


def _tiles(images_NCHW: Tensor) -> np.ndarray:
    """[N, H, W, 3] from uint8 images of one, two or three channels."""
    tiles = images_NCHW.cpu().numpy().transpose(0, 2, 3, 1)
    if tiles.shape[-1] == 1:
        return tiles.repeat(3, -1)
    return np.pad(tiles, [(0, 0)] * 3 + [(0, 3 - tiles.shape[-1])])


def _assembled(tiles_NHW3: np.ndarray, columns: int, gap_grey: int = GAP_GREY) -> np.ndarray:
    padded = np.pad(tiles_NHW3, [(0, 0), (GAP, 0), (GAP, 0), (0, 0)], constant_values=gap_grey)
    num, height, width, _ = padded.shape
    rows = padded.reshape(num // columns, columns, height, width, 3).swapaxes(1, 2)
    return rows.reshape(num // columns * height, columns * width, 3)


def _zoom(height: int, width: int) -> int:
    return ZOOM if max(height, width) < LARGE else 1


def _zoomed(picture: np.ndarray, zoom: int) -> np.ndarray:
    return picture.repeat(zoom, 0).repeat(zoom, 1)


def rendered(figure: Figure) -> np.ndarray:
    """The figure as pixels."""
    canvas = FigureCanvasAgg(figure)
    draw(canvas)
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
