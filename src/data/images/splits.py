"""Which images train, and which classes there are.

N images.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from src.data.images.columns import Column
from src.data.module import HELD_OUT_SEED, TEST_SHARE, VAL_SHARE

PARTS = ("train", "val", "test")


def split_order(parts: Column, labels: Column | None, path: Path) -> dict[str, np.ndarray]:
    """Indices of each split's images; splits that are not given are seeded parts of the training images.

    All classes contribute alike, and keep at least one image for training.

    Raises:
        ValueError: there are too few images.
    """
    num = len(parts.index_N)
    order = {part: parts.rows(part) for part in PARTS}
    order["train"] = np.union1d(order["train"], parts.rows(""))
    classes_N = labels.index_N if labels is not None else np.zeros(num, np.uint8)
    for part, share in (("test", TEST_SHARE), ("val", VAL_SHARE)):
        if len(order[part]):
            continue
        generator = torch.Generator().manual_seed(HELD_OUT_SEED)
        shuffled = order["train"][torch.randperm(len(order["train"]), generator=generator).numpy()]
        shuffled = shuffled[np.argsort(classes_N[shuffled], kind="stable")]
        candidates = shuffled[1:][np.diff(classes_N[shuffled]) == 0]  # not the first of a class
        step = round(1 / share)
        order[part] = np.sort(candidates[step // 2 :: step])
        order["train"] = np.setdiff1d(order["train"], order[part], assume_unique=True)
        if not len(order[part]):
            raise ValueError(
                f"data.path={path}: {num:,} images of {classes_N.max() + 1:,} classes are too few to set some "
                f"aside for {part}"
            )
    return order


def check_classes(path: Path, labels_N: np.ndarray, classes: Sequence[str], num_train: int) -> None:
    """Raises: ValueError: there is a single class, or one that the training images lack."""
    if len(classes) < 2:
        raise ValueError(
            f"data.path={path}: all images are of one class, {classes[0]}; put each class in a folder of its own, or "
            "give data.label='{label}_*', data.labels=FILE, or data.classes=50 for clusters"
        )
    unseen = np.flatnonzero(np.bincount(labels_N[:num_train], minlength=len(classes)) == 0)
    if len(unseen):
        raise ValueError(f"data.path={path}: no training image is of the class {classes[unseen[0]]}, but others are")
