"""Statistics of each class of the real data: candidate explanations where a generator loses the same classes again.

N images, H height, W width, C channels, K classes, F features.
"""

import math

import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from src.data.spec import DataSpec, Split
from src.evaluation.oracles.base import Opinion

MOST = 300  # images of a class that are looked at
SEED = 0  # of the order in which they are chosen
UNEQUAL = 1.25  # largest class against the smallest; what is below comes from setting splits aside at random


def class_properties(spec: DataSpec, train: Split) -> dict[str, list[float]]:
    """Every property that the training split itself tells, a value per class in the order of `spec.classes`.

    Ink only of what has some, strokes only of characters. NaN where a class has too few images to tell.
    """
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(SEED))
    indices = [order[train.labels[order] == index][:MOST] for index in range(len(spec.classes))]
    pictures = [spec.ink(train.images[index]) for index in indices]
    found: dict[str, list[Tensor]] = {}
    if spec.kind in ("drums", "images"):
        found["ink"] = [images_NHW.mean() for images_NHW in pictures]
    if spec.kind == "images":
        shapes = [images_NHW >= 0.5 for images_NHW in pictures]
        found["skeleton"] = [stroke_length(thinned(inked_NHW)).mean() for inked_NHW in shapes]
        found["perimeter"] = [perimeter(inked_NHW).mean() for inked_NHW in shapes]
        found["holes"] = [holes(inked_NHW).mean() for inked_NHW in shapes]
    found["within_variance"] = [(images - images.mean(0)).square().flatten(1).sum(1).mean() for images in pictures]
    fewest = min(map(len, pictures))  # among more images the nearest is nearer: the same number for every class
    found["nearest_neighbour"] = [nearest_neighbour(images[:fewest].flatten(1)) for images in pictures]
    count_K = torch.bincount(train.labels, minlength=len(spec.classes))
    if count_K.max() > UNEQUAL * count_K.min():
        found["frequency"] = list(count_K / len(train))
    return {name: [value.item() for value in values] for name, values in found.items()}


def oracle_properties(num_classes: int, labels_NC: Tensor, opinion: Opinion) -> dict[str, list[float]]:
    """How hard the oracle finds each class of held-out images, and how far from the others its features lie.

    Args:
        labels_NC: the true classes, as `ResidentData.held_out` gives them; channels count as images of their own.
        opinion: the oracle's, of the same images.
    """
    truth_N = labels_NC.flatten().cpu()
    right_N = opinion.classes_NC.flatten().cpu() == truth_N
    features_NF = opinion.features_NF.reshape(len(truth_N), -1).float().cpu()
    members = [truth_N == index for index in range(num_classes)]
    mean_KF = torch.stack([features_NF[member_N].mean(0) for member_N in members])
    distance_KK = torch.cdist(mean_KF, mean_KF).fill_diagonal_(math.inf)
    nearest_K = distance_KK.where(~distance_KK.isnan(), math.inf).min(1).values  # past classes without an image
    return {
        "oracle_error": [1 - right_N[member_N].float().mean().item() for member_N in members],
        "distance_to_others": nearest_K.where(nearest_K < math.inf, math.nan).tolist(),
    }


def perimeter(inked_NHW: Tensor) -> Tensor:
    """Length [N] of the outlines, holes included: edges between a pixel with ink and one without."""
    padded = F.pad(inked_NHW, (1, 1, 1, 1))
    down = (padded[:, 1:] != padded[:, :-1]).flatten(1).sum(1)
    across = (padded[..., 1:] != padded[..., :-1]).flatten(1).sum(1)
    return (down + across).float()


def holes(inked_NHW: Tensor) -> Tensor:
    """How many patches of ground [N] are cut off from the rest; ink closes them also where it touches at a corner."""
    ground = F.pad(~inked_NHW, (1, 1, 1, 1), value=True).cpu().numpy()
    return torch.tensor([ndimage.label(image)[1] - 1.0 for image in ground])


def nearest_neighbour(points_ND: Tensor) -> Tensor:
    """Mean distance of a point to the nearest other one; NaN for fewer than two."""
    if len(points_ND) < 2:
        return torch.tensor(math.nan)
    return torch.cdist(points_ND, points_ND).fill_diagonal_(math.inf).min(1).values.mean()


def thinned(inked_NHW: Tensor) -> Tensor:
    """Skeletons one pixel wide (Guo & Hall 1989, Communications of the ACM 32(3), algorithm A1).

    The better known thinning by Zhang & Suen (1984) eats diagonals two pixels wide: it would call X and Z short.
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
    """Pixels of the outline that one half-step takes away: no end of a stroke, and nothing falls apart."""
    n, ne, e, se, s, sw, w, nw = _neighbours(inked_NHW)
    starts = (~n & (ne | e), ~e & (se | s), ~s & (sw | w), ~w & (nw | n))
    one_side = (starts[0] ^ starts[1] ^ starts[2] ^ starts[3]) & ~_two_of(*starts)
    pairs, others = (nw | n, ne | e, se | s, sw | w), (n | ne, e | se, s | sw, w | nw)
    no_end = _two_of(*pairs) & _two_of(*others)
    no_notch = ~(pairs[0] & pairs[1] & pairs[2] & pairs[3] & others[0] & others[1] & others[2] & others[3])
    facing = ~((n | ne | ~se) & e) if from_north_east else ~((s | sw | ~nw) & w)
    return inked_NHW & one_side & no_end & no_notch & facing


def _neighbours(inked_NHW: Tensor) -> tuple[Tensor, ...]:
    """The eight neighbours of every pixel, clockwise from the north; there is no ink beyond the edge."""
    height, width = inked_NHW.shape[1:]
    padded = F.pad(inked_NHW, (1, 1, 1, 1))
    around = ((0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0))
    return tuple(padded[:, y : y + height, x : x + width] for y, x in around)


def _two_of(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """At least two of four."""
    return (a & b) | (c & d) | ((a | b) & (c | d))
