"""Statistics of each class of the real data, as candidate explanations of which classes a generator loses.

N images, S stacked samples, H height, W width, K classes, F features.
"""

import math

import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from src.data.spec import DataSpec, Split
from src.evaluation.oracles.base import Predictions

MAX_IMAGES = 300  # per class
SEED = 0  # of their choice
UNEQUAL = 1.25  # ratio of the largest to the smallest class, above which frequencies are a property


def class_properties(spec: DataSpec, train: Split) -> dict[str, list[float]]:
    """Properties of the training split, a value per class in the order of `spec.classes`.

    Ink of characters and drums, strokes of characters only. NaN where a class has too few images.
    """
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(SEED))
    indices = [order[train.labels[order] == index][:MAX_IMAGES] for index in range(len(spec.classes))]
    fewest = min(map(len, indices))  # the distance shrinks with the number of images, so the same for every class
    of_classes = [_properties(spec, spec.ink(train.images[index]), fewest) for index in indices]
    properties = {name: [of_class[name] for of_class in of_classes] for name in of_classes[0]}
    count_K = torch.bincount(train.labels, minlength=len(spec.classes))
    if count_K.max() > UNEQUAL * count_K.min():
        properties["frequency"] = list(count_K / len(train))
    return {name: [value.item() for value in values] for name, values in properties.items()}


def _properties(spec: DataSpec, images: Tensor, fewest: int) -> dict[str, Tensor]:
    """Of one class's images, floats [N, H, W] or in colour [N, 3, H, W]."""
    properties = {}
    if spec.kind != "points" and not spec.colour:
        properties["ink"] = images.mean()
    if spec.kind == "images" and not spec.colour:
        inked_NHW = images >= 0.5
        properties["skeleton"] = stroke_length(thinned(inked_NHW)).mean()
        properties["perimeter"] = perimeter(inked_NHW).mean()
        properties["holes"] = holes(inked_NHW).mean()
    properties["within_variance"] = (images - images.mean(0)).square().flatten(1).sum(1).mean()
    properties["nearest_neighbour"] = nearest_neighbour(images[:fewest].flatten(1))
    return properties


def oracle_properties(num_classes: int, labels_NS: Tensor, predictions: Predictions) -> dict[str, list[float]]:
    """The oracle's error on each class of held-out images, and the distance of its mean features from other classes.

    Args:
        labels_NS: true classes from `ResidentData.held_out`; each stacked sample is an image.
        predictions: the oracle's, for the same images.
    """
    truth_N = labels_NS.flatten().cpu()
    right_N = predictions.classes_NS.flatten().cpu() == truth_N
    features_NF = predictions.features_NF.reshape(len(truth_N), -1).float().cpu()
    members = [truth_N == index for index in range(num_classes)]
    mean_KF = torch.stack([features_NF[member_N].mean(0) for member_N in members])
    distance_KK = torch.cdist(mean_KF, mean_KF).fill_diagonal_(math.inf)
    nearest_K = distance_KK.where(~distance_KK.isnan(), math.inf).min(1).values  # NaN: classes without images
    return {
        "oracle_error": [1 - right_N[member_N].float().mean().item() for member_N in members],
        "distance_to_others": nearest_K.where(nearest_K < math.inf, math.nan).tolist(),
    }


def perimeter(inked_NHW: Tensor) -> Tensor:
    """Length [N] of the outlines, holes included: edges between pixels with and without ink."""
    padded = F.pad(inked_NHW, (1, 1, 1, 1))
    down = (padded[:, 1:] != padded[:, :-1]).flatten(1).sum(1)
    across = (padded[..., 1:] != padded[..., :-1]).flatten(1).sum(1)
    return (down + across).float()


def holes(inked_NHW: Tensor) -> Tensor:
    """Number of holes [N]: enclosed regions without ink; ink also separates across corners."""
    ground = F.pad(~inked_NHW, (1, 1, 1, 1), value=True).cpu().numpy()
    return torch.tensor([ndimage.label(image)[1] - 1.0 for image in ground])


def nearest_neighbour(points_ND: Tensor) -> Tensor:
    """Mean distance to the nearest other point; NaN for fewer than two."""
    if len(points_ND) < 2:
        return torch.tensor(math.nan)
    return torch.cdist(points_ND, points_ND).fill_diagonal_(math.inf).min(1).values.mean()


def thinned(inked_NHW: Tensor) -> Tensor:
    """Skeletons one pixel wide (Guo & Hall 1989, Communications of the ACM 32(3), algorithm A1).

    Zhang & Suen's thinning (1984) removes diagonals two pixels wide, which would shorten X and Z.
    """
    skeleton_NHW = inked_NHW.clone()
    unfinished = torch.arange(len(inked_NHW))
    while len(unfinished):
        before = after = skeleton_NHW[unfinished]
        for from_north_east in (True, False):
            after = after & ~_removable(after, from_north_east)
        skeleton_NHW[unfinished] = after
        unfinished = unfinished[(after != before).flatten(1).any(1)]
    return skeleton_NHW


def stroke_length(skeleton_NHW: Tensor) -> Tensor:
    """Length [N] of skeletons: steps between neighbouring pixels, √2 for a diagonal one that cuts no corner."""
    _, _, east, south_east, south, south_west, west, _ = _neighbours(skeleton_NHW)
    straight = (skeleton_NHW & east).long() + (skeleton_NHW & south).long()
    diagonal = (skeleton_NHW & south_east & ~east & ~south).long() + (skeleton_NHW & south_west & ~west & ~south).long()
    return straight.flatten(1).sum(1) + math.sqrt(2) * diagonal.flatten(1).sum(1)


def _removable(inked_NHW: Tensor, from_north_east: bool) -> Tensor:
    """Outline pixels that a half-step removes: no ends of strokes, and connectivity is kept."""
    n, ne, e, se, s, sw, w, nw = _neighbours(inked_NHW)
    starts = (~n & (ne | e), ~e & (se | s), ~s & (sw | w), ~w & (nw | n))
    one_side = (starts[0] ^ starts[1] ^ starts[2] ^ starts[3]) & ~_two_of(*starts)
    pairs, others = (nw | n, ne | e, se | s, sw | w), (n | ne, e | se, s | sw, w | nw)
    no_end = _two_of(*pairs) & _two_of(*others)
    no_notch = ~(pairs[0] & pairs[1] & pairs[2] & pairs[3] & others[0] & others[1] & others[2] & others[3])
    facing = ~((n | ne | ~se) & e) if from_north_east else ~((s | sw | ~nw) & w)
    return inked_NHW & one_side & no_end & no_notch & facing


def _neighbours(inked_NHW: Tensor) -> tuple[Tensor, ...]:
    """The eight neighbours of every pixel, clockwise from the north; without ink beyond the edge."""
    height, width = inked_NHW.shape[1:]
    padded = F.pad(inked_NHW, (1, 1, 1, 1))
    around = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))
    return tuple(padded[:, y : y + height, x : x + width] for y, x in around)


def _two_of(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """At least two of four."""
    return (a & b) | (c & d) | ((a | b) & (c | d))
