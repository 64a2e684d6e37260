"""A picture of the images that a model is trained on, as they were read."""

import torch

from src.data.module import ResidentData
from src.data.spec import with_channels
from src.evaluation import image_grids
from src.evaluation.artifacts import Artifact, Picture

PER_CLASS = 12
MOST_CLASSES = 100


def real_images(data: ResidentData) -> dict[str, Artifact]:
    """As many training images of each class, one sample each where they are stacked; empty for bars and points."""
    if data.spec.kind != "images":
        return {}
    train = data.splits["train"]
    rows = {}
    for index, name in enumerate(data.spec.classes[:MOST_CLASSES]):
        of_class_M = (train.labels == index).nonzero().flatten()
        chosen = torch.linspace(0, max(0, len(of_class_M) - 1), min(PER_CLASS, len(of_class_M))).long()
        rows[name] = with_channels(train.images[of_class_M[chosen]]) if len(of_class_M) else None
    return {"real": Picture(image_grids.sorted_grid(rows, PER_CLASS))}
