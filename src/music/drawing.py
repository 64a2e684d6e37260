"""Pictures of drum grids and of what their latents hold, as uint8 arrays [H, W, 3].

N bars, T steps, V voices, L latent dims, E evaluations.
"""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from src.music.timing import STEPS_PER_BEAT
from src.music.voices import VOICES

DPI = 100
PAPER = np.array([[1.0, 1.0, 1.0], [0.93, 0.93, 0.93]])  # of odd and even beats
INK = mpl.colors.to_rgb("#1b3a5c")
HIT, MISSED, INVENTED = "#1b3a5c", "#e69f00", "#cc79a7"  # told apart by every kind of colour vision
THRESHOLD = 0.1  # nats above which a latent dimension counts as active
SCALE = (0.01, 10)  # nats shown


def bars(grids_NTV: Tensor, titles: Sequence[str] | None = None, columns: int = 4) -> np.ndarray:
    """Bars as a drum editor shows them, the kick at the bottom; probabilities are shades.

    Args:
        grids_NTV: hits or probabilities in [0, 1].
        titles: one a bar (default: numbers from 1).
        columns: bars side by side.
    """
    titles = [str(number + 1) for number in range(len(grids_NTV))] if titles is None else titles
    inked_NTV1 = grids_NTV.detach().float().cpu().numpy()[..., None]
    return _pictured(_paper(grids_NTV.shape[1:]) * (1 - inked_NTV1) + inked_NTV1 * np.array(INK), titles, columns)


def reconstructions(real_NTV: Tensor, rebuilt_NTV: Tensor, columns: int = 4) -> np.ndarray:
    """Bars and what the model rebuilds of them, hits or probabilities: right, missed and invented hits in colours."""
    real_NTV = real_NTV.bool().cpu().numpy()
    rebuilt_NTV = rebuilt_NTV.detach().cpu().numpy() > 0.5
    kinds = {"rebuilt": real_NTV & rebuilt_NTV, "missed": real_NTV & ~rebuilt_NTV, "invented": ~real_NTV & rebuilt_NTV}
    colours = dict(zip(kinds, (HIT, MISSED, INVENTED), strict=True))
    cells_NTV3 = np.broadcast_to(_paper(real_NTV.shape[1:]), (*real_NTV.shape, 3)).copy()
    for kind, where_NTV in kinds.items():
        cells_NTV3[where_NTV] = mpl.colors.to_rgb(colours[kind])
    titles = [
        f"{right} of {hits} hits, {more} invented"
        for right, hits, more in zip(
            kinds["rebuilt"].sum((1, 2)), real_NTV.sum((1, 2)), kinds["invented"].sum((1, 2)), strict=True
        )
    ]
    return _pictured(cells_NTV3, titles, columns, colours)


def kl_timeline(images_seen: Sequence[int], kl_EL: Mapping[str, np.ndarray]) -> np.ndarray:
    """Latent dimensions × evaluations: KL in nats, grey where a dimension is inactive; `kl_EL` names the levels."""
    names = [f"z_{level}[{index}]" for level, kl in kl_EL.items() for index in range(kl.shape[1])]
    nats_LE = np.concatenate(list(kl_EL.values()), 1).T
    figure = Figure(figsize=(7.5, 1.4 + 0.2 * len(names)), dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axis = figure.subplots()
    norm = mpl.colors.LogNorm(*SCALE)
    picture = axis.imshow(
        nats_LE.clip(*SCALE), aspect="auto", cmap=_active_and_inactive(norm), norm=norm, interpolation="nearest"
    )
    for border in np.cumsum([kl.shape[1] for kl in kl_EL.values()])[:-1]:
        axis.axhline(border - 0.5, color="black", linewidth=1.5)
    axis.set_yticks(range(len(names)), names, fontsize=9)
    labelled = np.unique(np.linspace(0, len(images_seen) - 1, 8).round().astype(int))
    axis.set_xticks(labelled, [f"{images_seen[index] / 1000:,.0f}k" for index in labelled], fontsize=9)
    axis.set_xlabel("training samples seen")
    ticks = (0.01, 0.03, THRESHOLD, 0.3, 1, 3, 10)
    bar = figure.colorbar(picture, ax=axis, ticks=ticks, pad=0.02, label="KL in nats")
    bar.ax.set_yticklabels(["≤ 0.01", "0.03", "0.1: active", "0.3", "1", "3", "≥ 10"])
    bar.ax.minorticks_off()
    bar.ax.axhline(THRESHOLD, color="black", linewidth=1.5)
    return _rendered(canvas)


def _active_and_inactive(norm: mpl.colors.Normalize) -> mpl.colors.Colormap:
    """Greys up to the threshold, colours from there on."""
    resolution = 300
    inactive = round(float(norm(THRESHOLD)) * resolution)
    greys = mpl.colormaps["Greys"](np.linspace(0.05, 0.45, inactive))
    colours = mpl.colormaps["viridis_r"](np.linspace(0, 1, resolution - inactive))
    return mpl.colors.ListedColormap(np.concatenate([greys, colours]))


def _paper(shape: tuple[int, int]) -> np.ndarray:
    """Cells [T, V, 3] without ink, every other beat shaded."""
    steps, voices = shape
    return PAPER[np.arange(steps) // STEPS_PER_BEAT % 2][:, None].repeat(voices, 1)


def _pictured(
    cells_NTV3: np.ndarray, titles: Sequence[str], columns: int, legend: Mapping[str, str] | None = None
) -> np.ndarray:
    num, _, voices, _ = cells_NTV3.shape
    columns = min(columns, num)
    rows = -(-num // columns)
    labels, bottom = 0.85, 0.35 if legend else 0.05  # inches beside and below the panels
    panel_width, panel_height, gap = 2.3, 1.15, 0.12
    beats_height, title_height = 0.18, 0.22
    row_height = beats_height + panel_height + title_height
    width, height = labels + columns * (panel_width + gap), bottom + rows * row_height
    figure = Figure(figsize=(width, height), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    for index, (cells_TV3, title) in enumerate(zip(cells_NTV3, titles, strict=True)):
        row, column = divmod(index, columns)
        left = labels + column * (panel_width + gap)
        below = bottom + (rows - 1 - row) * row_height + beats_height
        box = (left / width, below / height, panel_width / width, panel_height / height)
        axis = figure.add_axes(box)
        _draw(axis, cells_TV3)
        axis.set_title(title, fontsize=9, pad=3)
        if column == 0:
            axis.set_yticks(np.arange(voices) + 0.5, [voice.name for voice in VOICES], fontsize=8)
    if legend:
        patches = [Patch(color=colour, label=name) for name, colour in legend.items()]
        figure.legend(handles=patches, loc="lower center", ncols=len(patches), frameon=False, fontsize=9)
    return _rendered(canvas)


def _draw(axis: Axes, cells_TV3: np.ndarray) -> None:
    """A bar's cells, its beats numbered below."""
    steps, voices = cells_TV3.shape[:2]
    axis.pcolormesh(cells_TV3.swapaxes(0, 1), edgecolors="#c8c8c8", linewidth=0.4)
    beats = range(0, steps, STEPS_PER_BEAT)
    for beat in beats:
        axis.axvline(beat, color="#707070", linewidth=0.9)
    axis.set_xticks([beat + 0.5 for beat in beats], [str(number + 1) for number in range(len(beats))], fontsize=8)
    axis.set_yticks([])
    axis.tick_params(length=0, pad=2)
    axis.set(xlim=(0, steps), ylim=(0, voices))


def _rendered(canvas: FigureCanvasAgg) -> np.ndarray:
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
