"""Parts shared by all figures, whose look is templates/report.mplstyle. Figure objects only, no pyplot."""

import io
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from src.core.metric_specs import compact
from src.core.plotting import draw

# Okabe and Ito's colours, which colour-blind readers distinguish; the baseline is near black.
COLOURS = ("#2b2b2b", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
STYLES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1.2, 1.2)))  # distinct in black and white too
INK, MUTED, GRID, BEHIND = "#2b2b2b", "#6b6b6b", "#e4e4e4", "#8f8f8f"
WIDTH = 10.0  # inches, the width of the page
LEFT, RIGHT, BOTTOM = 0.75, 0.28, 0.62  # inches around a grid of panels
ACROSS, DOWN = 0.16, 0.42  # inches between panels
LEGEND, KEY = 0.38, 0.55  # inches above it for a legend, below it for a colour bar

styled = mpl.rc_context(fname=Path(__file__).parents[1] / "templates" / "report.mplstyle")


def panels(
    count: int, height: float, columns: int = 4, legend: bool = False, key: bool = False
) -> tuple[Figure, list[Axes]]:
    """As many panels as asked for, in rows, each with room for a title, on shared scales; sizes in inches.

    Matplotlib's own layout measures every label of every panel, which takes seconds where the names are many.
    """
    rows, top, bottom = ceil(count / columns), 0.32 + LEGEND * legend, BOTTOM + KEY * key
    total = rows * height + (rows - 1) * DOWN + top + bottom
    width = (WIDTH - LEFT - RIGHT - (columns - 1) * ACROSS) / columns
    figure = Figure(figsize=(WIDTH, total))
    grid = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False,
        gridspec_kw={
            "left": LEFT / WIDTH, "right": 1 - RIGHT / WIDTH, "bottom": bottom / total, "top": 1 - top / total,
            "wspace": ACROSS / width, "hspace": DOWN / height,
        },
    ).ravel()  # fmt: skip
    for axes in grid[count:]:
        axes.set_visible(False)
    for axes in grid[max(0, count - columns) : count]:
        axes.tick_params(labelbottom=True)  # the last of its column
    return figure, list(grid[:count])


def label_panels(figure: Figure, below: str, left: str = "") -> None:
    """Labels for the axes of all panels."""
    figure.text(0.5, 0.1 / figure.get_figheight(), below, ha="center", va="bottom", fontsize=9.5, color=MUTED)
    figure.text(0.1 / WIDTH, 0.5, left, ha="left", va="center", rotation=90, fontsize=9.5, color=MUTED)


def legend(figure: Figure, looks: Mapping[str, Mapping], place: str = "upper left") -> None:
    """A legend above the panels, where it covers nothing; a look is what `Line2D` takes."""
    handles = [Line2D([], [], **look) for look in looks.values()]
    figure.legend(handles, [short(name, 30) for name in looks], loc=place, ncols=min(len(looks), 4))


def colour_bar(figure: Figure, image: ScalarMappable, ticks: Mapping[float, str]) -> None:
    """A colour bar under all panels."""
    height = figure.get_figheight()
    if figure.get_layout_engine():
        bar = figure.colorbar(image, ax=figure.axes, location="bottom", shrink=0.5, aspect=45, pad=0.03)
    else:
        place = figure.add_axes((0.27, 0.62 / height, 0.46, 0.11 / height))
        bar = figure.colorbar(image, cax=place, orientation="horizontal")
    bar.set_ticks([*ticks], labels=[*ticks.values()])
    bar.ax.tick_params(labelsize=8, length=2)
    bar.outline.set_visible(False)


def count_axis(axis: Axis, ticks: int = 4) -> None:
    """Counts of samples, in few characters."""
    axis.set_major_locator(MaxNLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))


def bare(axes: Axes, labels: Sequence[str]) -> None:
    """No frame and no ticks, a row per label from top to bottom."""
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)


def short(name: str, limit: int = 32) -> str:
    """A name that fits; the middle goes, because names of one sweep differ at their ends."""
    if len(name) <= limit:
        return name
    tail = limit // 2
    return f"{name[: limit - tail - 1]}…{name[-tail:]}"


def png(figure: Figure) -> bytes:
    canvas = FigureCanvasAgg(figure)
    draw(canvas)
    return packed(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))


def packed(image: Image.Image, colours: int = 256) -> bytes:
    """A PNG with a palette, a third of the size; flat colours stay what they are."""
    buffer = io.BytesIO()
    plain = image.convert("RGB")
    plain.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return buffer.getvalue()
