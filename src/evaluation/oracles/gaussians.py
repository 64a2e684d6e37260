"""The oracle of points in the plane: it knows where the Gaussians lie and learns nothing.

N points, C channels.
"""

import torch
from torch import Tensor

from src.data.gaussians import Mixture
from src.data.spec import Split
from src.evaluation.oracles.base import Opinion


class NearestCentre:
    """Takes a point for one of the Gaussian whose centre is nearest, if that is within 3 σ, else for none.

    So are counted "high-quality samples", and the modes that have at least one (Srivastava et al. 2017,
    arXiv:1705.07761, section 5.1). It is sure of everything: confidence is 1 or 0. Features are the coordinates.

    Args:
        mixture: where the Gaussians lie.
        test: points on which the accuracies are measured; 98.9 % of a Gaussian's points lie within 3 σ.
        digest: of the data.
    """

    def __init__(self, mixture: Mixture, test: Split, digest: str):
        self.mixture = mixture
        self.identity = f"nearest-v1-{digest[:12]}"
        opinion = self.opinion(test.images.unsqueeze(1))
        nearest_N = torch.cdist(opinion.features_NF, mixture.centres_K2).argmin(1)
        self.accuracy = (opinion.classes_NC[:, 0] == test.labels).double().mean()
        self.accuracy_k = (nearest_N == test.labels).double().mean()

    def opinion(self, images_NCHW: Tensor) -> Opinion:
        points_NC2 = self.mixture.coordinates(images_NCHW)
        classes_NC = self.mixture.nearest(points_NC2)
        return Opinion((classes_NC >= 0).all(1).double(), classes_NC, points_NC2.flatten(1))
