"""Maps of both levels' codes, coloured by style.

N bars, L latent dims.
"""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.lines import Line2D
from torch import Tensor

from src.evaluation.image_grids import rendered
from src.evaluation.latents.charts import look, panels
from src.evaluation.latents.encode import Coded

NARROWEST = 1.0  # standard deviation of the prior: the least that an axis reaches to either side
TITLES = {"high": "z_high", "low": "z_low, relative to its prior"}


def latent_map(fit_codes: Mapping[str, Tensor], held_codes: Mapping[str, Tensor], held: Coded) -> np.ndarray:
    """Pixels [H, W, 3]: held-out codes of each level along the first two principal components of those of `fit`.

    The axes of a level are as long as each other and never shorter
    than one of these, so that a collapsed level is a dot in the middle.
    """
    counts = held.styles_N.bincount(minlength=len(held.style_names)).tolist()
    styles = [style for style, count in enumerate(counts) if count]
    canvas, axes = panels(len(held_codes), 9.6, 5.0, right=1.9)
    for axis, (level, codes_NL) in zip(axes, held_codes.items(), strict=True):
        points_N2, explained_2 = principal(fit_codes[level], codes_NL)
        for style in sorted(styles, key=counts.__getitem__, reverse=True):  # rare ones on top
            x_N, y_N = points_N2[held.styles_N == style].T.cpu().numpy()
            colour, mark = look(style)
            axis.scatter(x_N, y_N, s=13, color=colour, marker=mark, alpha=0.7, linewidths=0)
        reach = max(NARROWEST, 1.05 * points_N2.abs().max().item())
        axis.set(
            xlim=(-reach, reach),
            ylim=(-reach, reach),
            xlabel=f"first component, {explained_2[0]:.0%} of the variance",
            ylabel=f"second component, {explained_2[1]:.0%}",
        )
        axis.set_title(f"{TITLES[level]}: {held.rates[level].sum():.2f} nats", fontsize=10.5)
    handles = [
        Line2D([], [], linestyle="", marker=mark, color=colour, label=held.style_names[style], markersize=6)
        for style in styles
        for colour, mark in [look(style)]
    ]
    canvas.figure.legend(handles=handles, loc="center right", frameon=False, fontsize=8.5)
    return rendered(canvas)


def principal(fit_NL: Tensor, held_NL: Tensor) -> tuple[Tensor, list[float]]:
    """Codes along the first two principal components of `fit` [N, 2], and their shares of the codes' variance.

    A level of a single dimension has a second coordinate of 0.
    """
    mean_L = fit_NL.double().mean(0)
    directions_LL = torch.linalg.svd(fit_NL.double() - mean_L, full_matrices=False).Vh.T
    placed_NL = held_NL.double() - mean_L
    points_N2 = torch.nn.functional.pad(placed_NL @ directions_LL[:, :2], (0, 2))[:, :2]
    variance = placed_NL.var(0).sum().clamp(min=torch.finfo(torch.double).tiny)
    return points_N2, (points_N2.var(0) / variance).tolist()
