"""The oracle of points in the plane: the nearest of the known Gaussians.

N points, C channels.
"""

import torch
from torch import Tensor

from src.data.gaussians import Mixture
from src.data.spec import Split
from src.evaluation.oracles.base import Predictions


class NearestCentre:
    """Classifies a point as the Gaussian with the nearest centre if that is within 3 σ, else as none.

    As "high-quality samples" in Srivastava et al. 2017, arXiv:1705.07761. Confidence is 1 or 0, features
    are the coordinates. 98.9 % of a Gaussian's points are within 3 σ, which bounds `accuracy`.
    """

    def __init__(self, mixture: Mixture, test: Split, digest: str):
        self.mixture = mixture
        self.identity = f"nearest-v1-{digest[:12]}"
        predictions = self.predict(test.images.unsqueeze(1))
        nearest_N = torch.cdist(predictions.features_NF, mixture.centres_K2).argmin(1)
        self.accuracy = (predictions.classes_NS[:, 0] == test.labels).double().mean()
        self.accuracy_k = (nearest_N == test.labels).double().mean()

    def predict(self, images_NCHW: Tensor) -> Predictions:
        points_NC2 = self.mixture.coordinates(images_NCHW)
        classes_NS = self.mixture.nearest(points_NC2)
        return Predictions((classes_NS >= 0).all(1).double(), classes_NS, points_NC2.flatten(1))
