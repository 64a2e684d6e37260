"""KL per latent dimension while training: one heat map per name, the dimensions sorted within each level."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from src.core.metric_specs import LEAST_KL, compact
from src.evaluation.metrics.onset import ACTIVE_NATS
from src.report.figures.style import INK, MUTED, along_the_bottom, colour_bar, panels, png, short
from src.report.grouping import Section, Summary
from src.report.records import Run

COLOUR_MAP = "YlGnBu"  # its lightness falls evenly, so that it survives print and colour blindness


def dimension_maps(section: Section) -> bytes | None:
    """The first seed of each name; rows are dimensions, columns evaluations; None if no history has them."""
    found = [(summary, run) for summary in section.summaries if (run := _first(section, summary))]
    if not found:
        return None
    maps = [_levels(section, run) for _, run in found]
    num_dims = max(sum(map(len, levels.values())) for levels in maps)
    figure, grid = panels(len(found), min(1.9, 0.5 + 0.07 * num_dims), own=True, key=True)
    largest = max(float(np.nanmax(values)) for levels in maps for values in levels.values())
    norm = LogNorm(LEAST_KL, max(largest, 10 * ACTIVE_NATS))
    for axes, (summary, run), levels in zip(grid, found, maps, strict=True):
        image = axes.imshow(_stacked(levels), cmap=COLOUR_MAP, norm=norm, aspect="auto", interpolation="nearest")
        _dress(axes, levels, run, f"{short(summary.label, 20)}, seed {run.seed}")
    bar = colour_bar(figure, image)
    bar.set_ticks([LEAST_KL, ACTIVE_NATS, 1], labels=["0.01 nats or less", "0.1", "1"])
    along_the_bottom(figure, f"training {section.unit} seen")
    return png(figure)


def _first(section: Section, summary: Summary) -> Run | None:
    return next((run for run in summary.included if _levels(section, run)), None)


def _levels(section: Section, run: Run) -> dict[str, np.ndarray]:
    """KL of each level's dimensions, shape (dimensions, evaluations), the largest at the end of training on top."""
    columns = {level: run.history.vectors(f"kl_{level}_dims") for level in section.family.levels}
    return {
        level: values[:, np.argsort(-values[-1], kind="stable")].T
        for level, values in columns.items()
        if values is not None
    }


def _stacked(levels: dict[str, np.ndarray]) -> np.ndarray:
    """All levels in one map, an empty row between them."""
    gap = np.full((1, next(iter(levels.values())).shape[1]), np.nan)
    pieces = [piece for values in levels.values() for piece in (gap, values)][1:]
    return np.clip(np.concatenate(pieces), LEAST_KL, None)


def _dress(axes: Axes, levels: dict[str, np.ndarray], run: Run, title: str) -> None:
    axes.set_title(title, fontsize=9, loc="left", color=INK, y=1)
    seen = run.history.column("images_seen")
    ticks = sorted({0, len(seen) // 2, len(seen) - 1})
    axes.set_xticks(ticks, [compact(seen[i]) for i in ticks])
    centres, top = {}, -0.5
    for level, values in levels.items():
        centres[level] = top + len(values) / 2
        top += len(values) + 1
    axes.set_yticks(list(centres.values()), list(centres), rotation=90, va="center")
    axes.tick_params(length=0, labelsize=8.5, colors=MUTED)
    axes.spines[:].set_visible(False)
