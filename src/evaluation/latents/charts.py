"""The look that this room's charts share: colours and marks told apart by every kind of colour vision."""

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKS = ("o", "^", "s", "D", "v", "P", "X")  # as many as have no common factor with the colours
INK, MUTED = "#2b2b2b", "#6b6b6b"
DPI = 100


def panels(count: int, width: float, height: float, right: float = 0.0) -> tuple[FigureCanvasAgg, list[Axes]]:
    """Panels side by side with scales of their own, in inches; `right` of them there is room for a legend."""
    figure = Figure(figsize=(width + right, height), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(1, count, squeeze=False)[0]
    total = width + right
    figure.subplots_adjust(
        left=0.62 / total, right=(width - 0.12) / total, bottom=0.55 / height, top=1 - 0.36 / height, wspace=0.3
    )
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8, colors=MUTED, length=3)
        axis.grid(color="#e4e4e4", linewidth=0.7)
        axis.set_axisbelow(True)
        for label in (axis.xaxis.label, axis.yaxis.label):
            label.set(color=MUTED, fontsize=9)
    return canvas, list(axes)


def look(index: int) -> tuple[str, str]:
    """Colour and mark of one of up to 42 kinds of points."""
    return COLOURS[index % len(COLOURS)], MARKS[index % len(MARKS)]
