"""Made-up runs of compared remedies, of which the outcome is known."""

from collections.abc import Iterable
from pathlib import Path
from string import ascii_uppercase

import numpy as np

from src.core.dataset import Dataset
from src.core.metric_families import FAMILIES
from src.report.records import History, Run
from src.report.stored import dataset_key

SEEDS = 10
FONTS, STROKES = (
    Dataset(name, name, digit * 12, tuple(ascii_uppercase)) for name, digit in (("fonts", "a"), ("strokes", "b"))
)
STYLES = ("rock", "jazz", "latin")
DRUMS, GROOVE = (Dataset(name, name, digit * 12, STYLES, levels=1) for name, digit in (("drums", "c"), ("groove", "d")))
BASELINE, R1, CLIPPING, SMOOTHING = (
    f"mlp_standard{added}"
    for added in ("", " gan.tricks=[r1]", " gan.tricks=[weight_clipping]", " gan.tricks=[label_smoothing]")
)
MEANS = {BASELINE: 0.5, R1: 0.1, CLIPPING: 0.9, SMOOTHING: 0.5}


def runs(
    name: str, mean: float, dataset: Dataset, seconds: float = 20.0, key: str = "kl_any_late", status: str = "completed"
) -> list[Run]:
    """Seeds spread evenly by a tenth around a mean, in another order under each name."""
    spread = np.random.default_rng(len(name)).permutation(np.linspace(-0.05, 0.05, SEEDS))
    overrides = (f"experiment=quick/{name.split()[0]}", *name.split()[1:])
    references = {"iwae_nll": {"floor_nll": 30.0}}.get(
        key, {"modes": 20, "missing": list("UVWXYZ"), "discriminator_passes": 3.0}
    )
    signal = FAMILIES["gan"].signals[0]
    history = [{"images_seen": str(100 * turn), "missing": "U V W X Y Z", signal: "1.0"} for turn in (1, 2)]
    return [
        Run(
            Path("sweep") / f"{name}_{dataset.name}_{seed}",
            status,
            name,
            "vae" if key == "iwae_nll" else "gan",
            seed,
            dataset=dataset,
            metrics={key: float(mean + spread[seed])} | references,
            controls={"real": {"kl_any": 0.0}},
            outcome="covering",
            facts={
                "primary": key,
                "oracle": "v1",
                "generator_steps": 9000.0,
                "images_seen": 288000.0,
                "train_seconds": seconds,
                "git": "abc",
            },
            history=History(tuple(history)),
            overrides=(*overrides, f"seed={seed}"),
        )
        for seed in range(SEEDS)
    ]


def trials(
    dataset: Dataset, name: str, values: dict[tuple[float, bool], float], chosen: float
) -> Iterable[dict[str, str]]:
    """At a rate, which may be the recipe's own, two seeds reach a mean."""
    for (rate, own), mean in values.items():
        yield {
            **{
                "dataset": dataset_key(dataset),
                "setting": "",
                "recipe": name,
                "metric": "kl_any_late",
                "rate": f"{rate:g}",
                "beta1": "0.5",
            },
            **{"default": "yes" if own else "no", "seeds": "1000 1001", "values": f"{mean} {mean}", "mean": f"{mean}"},
            **{"chosen": "yes" if rate == chosen else "no", "overrides": ""},
        }
