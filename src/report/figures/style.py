"""The look shared by all figures. Figure objects only: no pyplot, no global state."""

import io
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from PIL import Image

from src.core.plotting import draw

# Okabe and Ito's colours, told apart by colour-blind readers; the baseline is near black.
COLOURS = ("#2b2b2b", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
STYLES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.2, 1.2)))  # told apart in black and white too
INK, MUTED, GRID, BEHIND = "#2b2b2b", "#6b6b6b", "#e4e4e4", "#8f8f8f"
WIDTH = 10.0  # inches, the width of the page
DPI = 150
LEFT, RIGHT, BOTTOM = 0.75, 0.28, 0.62  # inches around a grid of panels
LEGEND, KEY = 0.38, 0.55  # inches above it for a legend, below it for a colour bar


def panels(
    count: int, height: float, columns: int = 4, legend: bool = False, key: bool = False, own: bool = False
) -> tuple[Figure, list[Axes]]:
    """As many panels as asked for, in rows, each with room for a title; sizes in inches.

    Matplotlib's own layout measures every label of every panel, which takes seconds where the names are many.
    `own`: each panel has scales of its own.
    """
    rows, across, down = ceil(count / columns), 0.62 if own else 0.16, 0.66 if own else 0.42
    top = 0.32 + LEGEND * legend
    bottom = BOTTOM + KEY * key
    total = rows * height + (rows - 1) * down + top + bottom
    width = (WIDTH - LEFT - RIGHT - (columns - 1) * across) / columns
    figure = Figure(figsize=(WIDTH, total))
    grid = figure.subplots(
        rows, columns, sharex=not own, sharey=not own, squeeze=False,
        gridspec_kw={
            "left": LEFT / WIDTH, "right": 1 - RIGHT / WIDTH, "bottom": bottom / total, "top": 1 - top / total,
            "wspace": across / width, "hspace": down / height,
        },
    ).ravel()  # fmt: skip
    for axes in grid[count:]:
        axes.set_visible(False)
    for axes in grid[max(0, count - columns) : count]:
        axes.tick_params(labelbottom=True)  # the last of its column
    return figure, list(grid[:count])


def along_the_bottom(figure: Figure, text: str) -> None:
    """A label for the horizontal axes of all panels."""
    figure.text(0.5, 0.1 / figure.get_figheight(), text, ha="center", va="bottom", fontsize=9.5, color=MUTED)


def along_the_left(figure: Figure, text: str) -> None:
    """A label for the vertical axes of all panels."""
    figure.text(0.1 / WIDTH, 0.5, text, ha="left", va="center", rotation=90, fontsize=9.5, color=MUTED)


def colour_bar(figure: Figure, image: ScalarMappable) -> Colorbar:
    """A colour bar under all panels; its ticks are the caller's."""
    height = figure.get_figheight()
    place = figure.add_axes((0.27, 0.62 / height, 0.46, 0.11 / height))
    bar = figure.colorbar(image, cax=place, orientation="horizontal")
    bar.ax.tick_params(labelsize=8, colors=MUTED, length=2, which="both")
    bar.outline.set_visible(False)
    return bar


def style_axes(axes: Axes, grid: str = "y") -> None:
    """Axes that stay behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#9a9a9a")
    axes.grid(axis=grid, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, colors=MUTED, length=3)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=MUTED, fontsize=9.5)


def short(name: str, limit: int = 32) -> str:
    """A name that fits; the middle goes, because names of one sweep differ at their ends."""
    if len(name) <= limit:
        return name
    tail = limit // 2
    return f"{name[: limit - tail - 1]}…{name[-tail:]}"


def png(figure: Figure) -> bytes:
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    draw(canvas)
    return packed(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))


def packed(image: Image.Image, colours: int = 256) -> bytes:
    """A PNG with a palette, a third of the size; flat colours stay what they are."""
    buffer = io.BytesIO()
    plain = image.convert("RGB")
    plain.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return buffer.getvalue()
