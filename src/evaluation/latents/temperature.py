"""What the temperature of sampling trades: validity, diversity and feature distance along it."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from src.evaluation.artifacts import Picture
from src.evaluation.drum_metrics import Listener
from src.evaluation.image_grids import rendered
from src.evaluation.latents.charts import COLOURS, INK, panels
from src.evaluation.latents.codec import SEED
from src.evaluation.latents.encode import Findings, sound
from src.vae.module import VAE

TEMPERATURES = (0.3, 0.5, 0.75, 1.0, 1.4, 2.0)
NUM_BARS = 500  # at each
HEARD = 2  # of them
MEASURES = {"validity": "validity", "diversity": "diversity", "feature_distance": "feature distance"}


def temperature(vae: VAE, listener: Listener) -> Findings:
    """Samples of the prior with the decoder's logits divided by one temperature after the other.

    The chance is the same at every temperature. Held-out bars, as many where there are so many, are judged beside them.
    `temperature_best` is the one with the smallest feature distance.
    """
    drawn = {each: vae.sample(NUM_BARS, SEED, temperature=each)[:, 0] for each in TEMPERATURES}
    curve = [{"temperature": each, **listener.measures(grids_NTV)} for each, grids_NTV in drawn.items()]
    real = listener.measures(listener.test_NTV[:NUM_BARS])
    best = min(curve, key=lambda point: point["feature_distance"])["temperature"]
    heard_NTV = torch.cat([grids_NTV[:HEARD] for grids_NTV in drawn.values()])
    shown = {"temperature": Picture(_picture(curve, real)), "temperature_bars": sound(heard_NTV, vae.spec.kit)}
    return Findings({"temperature_best": best}, shown, {"temperatures": curve, "temperatures_real": real})


def _picture(curve: Sequence[Mapping[str, float]], real: Mapping[str, float]) -> np.ndarray:
    """A panel for each measure, the held-out bars' value as a line."""
    canvas, axes = panels(len(MEASURES), 9.4, 3.1, right=1.35)
    x = [point["temperature"] for point in curve]
    for axis, (measure, name) in zip(axes, MEASURES.items(), strict=True):
        axis.plot(x, [point[measure] for point in curve], color=COLOURS[0], marker="o", markersize=4, label="samples")
        axis.axhline(real[measure], color=INK, linestyle="--", linewidth=1.2, label="held-out bars")
        axis.set_xlabel("temperature")
        axis.set_title(name.capitalize(), fontsize=10.5)
        axis.margins(y=0.12)
    canvas.figure.legend(*axes[0].get_legend_handles_labels(), loc="center right", frameon=False, fontsize=8.5)
    return rendered(canvas)
