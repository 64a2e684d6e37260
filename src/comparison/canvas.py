"""The look shared by all figures. Figure objects only: no pyplot, no global state."""

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by colour-blind readers; the baseline is near black.
COLOURS = ("#2b2b2b", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
INK, MUTED, GRID = "#2b2b2b", "#6b6b6b", "#e4e4e4"
WIDTH = 10.0  # inches, the width of the page


def quiet(axes: Axes, grid: str = "y") -> None:
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
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=170, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()
