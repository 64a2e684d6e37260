"""`python -m benchmarks.oracles [NAME …]`: oracles on controls.

Trains the oracle of each named data set anew (`DATA`; `strokes`, `stroke_digits` and `fonts` if none is named;
`letters`, `digits` and `groove` need `DATA_DIR`), and prints Markdown tables: accuracies, threshold and seconds of each
oracle, and for each control how many of its images are recognisable and how many modes they cover. Real images are the
validation split, which neither the oracle nor the threshold has seen.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from src.core.metric_families import REAL_CONTROLS
from src.data.drums.datasets import Drums, Groove
from src.data.letters.datasets import IDX, Fonts, Strokes
from src.data.module import ResidentData
from src.data.spec import DataSpec, Split
from src.evaluation.metrics.modes import ModeCoverage
from src.evaluation.oracles.augmentation import gaussian_blur, warped
from src.evaluation.oracles.base import Oracle, train_oracle
from src.evaluation.oracles.characters import CharacterOracle
from src.evaluation.oracles.controls import BLUR, bar_controls, image_controls
from src.evaluation.oracles.drums import StyleOracle
from src.evaluation.oracles.outliers import blended

SEED = 0
COMMON: dict[str, Any] = {"budget": 1, "batch_size": 1, "seed": SEED, "stack": 1}
CACHE = ".cache"  # of drawn characters and parsed bars, as in runs
BEFOREHAND = {"": lambda images: images, "warped": warped, "blurred": lambda images: gaussian_blur(images, BLUR)}


def real_characters(folder: str, transposed: bool) -> ResidentData:
    names = {
        f"{prefix}{kind}": f"{folder}/{folder}-{part}-{kind}-idx{axes}-ubyte.gz"
        for prefix, part in (("", "train"), ("test_", "test"))
        for kind, axes in (("images", 3), ("labels", 1))
    }
    return IDX(**names, transposed=transposed, root=os.environ.get("DATA_DIR", "data"), **COMMON)


DATA: dict[str, Callable[[], ResidentData]] = {
    "strokes": lambda: Strokes("letters", CACHE, root="", **COMMON),
    "stroke_digits": lambda: Strokes("digits", CACHE, root="", **COMMON),
    "fonts": lambda: Fonts(CACHE, root="", **COMMON),
    "letters": lambda: real_characters("letters", transposed=True),
    "digits": lambda: real_characters("digits", transposed=False),
    "drums": lambda: Drums(root="", **COMMON),
    "groove": lambda: Groove(CACHE, root=os.environ.get("DATA_DIR", "data"), **COMMON),
}


def controls(split: Split, spec: DataSpec) -> Iterator[tuple[str, Tensor]]:
    """Float images [N, 1, H, W] by name; nonsense made of characters also warped and blurred beforehand."""
    torch.manual_seed(SEED)
    order_N = torch.randperm(len(split))  # files may be sorted by class
    real, labels_N = spec.ink(split.images[order_N].unsqueeze(1)), split.labels[order_N]
    yield "real", real
    if spec.levels == 1:
        yield from bar_controls(real)
    else:
        for name, images in (*image_controls(real, labels_N), ("blended", blended(real, labels_N))):
            for change, make in BEFOREHAND.items() if name not in REAL_CONTROLS else [("", BEFOREHAND[""])]:
                yield f"{name}, {change}" if change else name, make(images)
    yield "single", real[:1].expand_as(real)


def measured(oracle: Oracle, data: ResidentData) -> tuple[list[str], dict[str, str]]:
    """The cells of the oracle's row, and a cell per control."""
    started, processor = time.perf_counter(), time.process_time()
    train_oracle(oracle, data.splits["train"], data.splits["test"])
    seconds = time.perf_counter() - started, time.process_time() - processor
    coverage = ModeCoverage(oracle.predict(data.splits["test"].images.unsqueeze(1)), oracle.num_classes)
    cells = [f"{oracle.accuracy_k:.4f}", f"{oracle.accuracy:.4f}", f"{coverage.threshold:.3f}"]
    scores = {}
    for name, images in controls(data.splits["val"], data.spec):
        coverage.reset()
        coverage.update(oracle.predict(data.spec.from_ink(images)))
        found = coverage.compute()
        scores[name] = f"{found['recognisable']:.1%} · {found['modes']} · {found['modes_any']}"
    return [*cells, *(f"{spent:.0f}" for spent in seconds)], scores


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def main(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in DATA]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; choose from {', '.join(DATA)}")
    oracles, scores = {}, {}
    for name in names or ("strokes", "stroke_digits", "fonts"):
        data = DATA[name]()
        data.setup()
        num_classes, levels = len(data.spec.classes), data.spec.levels
        oracle = (
            StyleOracle(num_classes)
            if data.spec.kind == "drums"
            else CharacterOracle(num_classes, levels, data.spec.dark_ink)
        )
        oracles[name], scores[name] = measured(oracle, data)
    header = ["data", "accuracy over K", "over K + 1", "threshold", "seconds", "processor seconds"]
    print(table(header, [[name, *cells] for name, cells in oracles.items()]))
    print("\nRecognisable · modes · modes by any sample:\n")
    rows = dict.fromkeys(name for found in scores.values() for name in found)
    print(table(["control", *scores], [[row, *(found.get(row, "–") for found in scores.values())] for row in rows]))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(sys.argv[1:])
