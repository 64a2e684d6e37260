"""Self-conditioned GANs: clusters of the discriminator's features take the place of labels.

B batch, N images, K clusters, C channels, H height, W width, F features.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import cast

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import confusion_matrix
from torch import Tensor, nn

from src.core.validation import COUNT, SEVERAL
from src.data.spec import Batch, DataSpec, images_of
from src.gan.conditional import ConditionalGenerator, Projection
from src.gan.interfaces import DiscriminatorNetwork, GANInterface, Loss
from src.gan.tricks import MinibatchStddev, Trick
from src.training.networks import evaluating

SEED = 20_26  # of the images that are clustered and of k-means


class Clusters(nn.Module):
    """The discriminator as it was at the latest clustering, and the clusters' centres in its features."""

    centre_KF: Tensor

    def __init__(self, discriminator: DiscriminatorNetwork, num: int, num_features: int):
        super().__init__()
        self.discriminator = deepcopy(discriminator).requires_grad_(False)
        self.register_buffer("centre_KF", torch.zeros(num, num_features))

    @torch.no_grad()
    def features(self, images_NCHW: Tensor, chunk: int = 250) -> Tensor:
        """Features [N, F] of images in [-1, 1]."""
        with evaluating(self.discriminator):
            parts = [self.discriminator(images)[1] for images in images_NCHW.split(chunk)]
        return torch.cat(parts)[:, : self.centre_KF.shape[1]].float()

    def assign(self, images_NCHW: Tensor) -> Tensor:
        """The cluster [N, 1] whose centre is nearest to each image's features."""
        return torch.cdist(self.features(images_NCHW), self.centre_KF).argmin(1, keepdim=True)

    def update(self, discriminator: DiscriminatorNetwork, images_NCHW: Tensor, first: bool) -> Tensor:
        """Clusters the present discriminator's features; returns the share of each cluster [K].

        k-means starts from the means of the former clusters. The new ones get the numbers of the former ones such that
        as many images as possible keep theirs.
        """
        num = len(self.centre_KF)
        former_N = None if first else self.assign(images_NCHW)[:, 0].cpu()
        self.discriminator.load_state_dict(discriminator.state_dict())
        features_NF = self.features(images_NCHW).cpu()
        start: str | np.ndarray = "k-means++"
        if former_N is not None:
            kept_KF = [features_NF[former_N == k] for k in range(num)]
            spare_KF = features_NF[torch.linspace(0, len(features_NF) - 1, num).long()]
            start = torch.stack([own.mean(0) if len(own) else spare_KF[k] for k, own in enumerate(kept_KF)]).numpy()
        means = KMeans(num, init=start, n_init=1, random_state=SEED).fit(features_NF.numpy())
        order = torch.arange(num)
        if former_N is not None:
            agreement_KK = confusion_matrix(former_N, means.labels_, labels=range(num))
            order = torch.from_numpy(linear_sum_assignment(-agreement_KK)[1])  # the new cluster of each number
        self.centre_KF.copy_(torch.from_numpy(means.cluster_centers_)[order])
        return torch.from_numpy(means.labels_).long().bincount(minlength=num)[order] / len(features_NF)


class SelfConditioned(Projection):
    """Both networks get the cluster of the real image as its label (Liu et al. 2020, arXiv:2006.10728).

    Data need no labels. k-means on the discriminator's features of training images begins the run and is repeated. The
    discriminator is that of `projection`, where the authors' has an output for each cluster. The clusters of a batch
    are computed by the discriminator of the latest clustering, one more pass of it for each step.

    Args:
        embedding: E.
        clusters: K.
        every: training steps between two clusterings; 10,000 and 25,000 in the authors' code.
        images: number of training images that are clustered; the authors' code has 25,000.
    """

    labelled = False

    def __init__(self, embedding: int = 64, clusters: int = 100, every: int = 1000, images: int = 5000):
        super().__init__(embedding)
        self.clusters = self.number("clusters", clusters, SEVERAL)
        self.every = self.number("every", every, COUNT)
        self.images = self.number("images", images, COUNT)

    def alphabet(self, spec: DataSpec) -> tuple[int, int]:
        return 1, self.clusters

    def check(self, spec: DataSpec, loss_name: str, loss: Loss, tricks: Mapping[str, Trick]) -> None:
        for name, trick in tricks.items():
            if trick.overrides(["discriminator_shape"]) and not trick.excludes_labels:
                raise ValueError(
                    f"{self} clusters the discriminator's features of single images, but gan.tricks={name} shows it "
                    "more than these: choose one of them"
                )
            if isinstance(trick, MinibatchStddev):
                raise ValueError(
                    f"{self} clusters images in parts that the groups of gan.tricks={name} need not divide: choose one "
                    "of them"
                )
        super().check(spec, loss_name, loss, tricks)

    def state(self, discriminator: DiscriminatorNetwork) -> Clusters:
        return Clusters(discriminator, self.clusters, self.num_features)

    def before_training(self, gan: GANInterface) -> None:
        if gan.steps == 0:
            self.cluster(gan)

    def before_step(self, gan: GANInterface) -> None:
        gan.discriminator_passes += 1  # for the batch's clusters
        if gan.steps and gan.steps % self.every == 0:
            self.cluster(gan)

    def cluster(self, gan: GANInterface) -> None:
        """Clusters the same training images each time, stacked ones in the same combinations."""
        loader, random = gan.trainer.train_dataloader, torch.Generator().manual_seed(SEED)
        num = min(self.images, len(loader.images))
        if num < self.clusters:
            raise ValueError(
                f"gan.conditional.clusters={self.clusters}: there are {num} images to cluster; choose fewer clusters, "
                "or more of the training images by gan.conditional.images="
            )
        order = [torch.randperm(len(loader.images), generator=random)[:num] for _ in range(loader.stack)]
        stored = loader.indexed(torch.stack(order, 1).to(loader.images.device))
        images_NCHW = gan.spec.to_float(stored.to(gan.device))
        clusters, generator = cast("Clusters", gan.label_state), cast("ConditionalGenerator", gan.generator)
        generator.class_share_K.copy_(clusters.update(gan.discriminator, images_NCHW, first=gan.steps == 0))

    def batch_labels(self, gan: GANInterface, batch: Tensor | Batch) -> Tensor:
        return cast("Clusters", gan.label_state).assign(gan.spec.to_float(images_of(batch)))
