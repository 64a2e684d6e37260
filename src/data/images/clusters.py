"""Classes for images without labels: clusters of features of their pixels.

N images, S the side, C channels, M images of the training split, F features, K clusters.
"""

from collections.abc import Iterator

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances_argmin

SEED = 0  # clusters are part of the data set: the same for every run's seed
CHUNK = 1000  # images whose features are computed together
COARSE = 14  # pixels at least along a side, after averaging
MOST_FITTED = 20_000  # images
MOST_COMPONENTS = 64


def clustered(images: np.ndarray, num_train: int, num_clusters: int) -> tuple[np.ndarray, int]:
    """The cluster of each image, int64 [N], the largest first, and their number, which may be less than asked for.

    k-means (Sculley 2010, in batches) in the space of the principal components of coarse pixels, both fitted on the
    training images, the first `num_train`. Random convolutional features (Coates & Ng 2011) took
    fifty times as long and agreed less with the classes of digits and emoji.

    Raises:
        ValueError: there are fewer training images than clusters.
    """
    if num_train < num_clusters:
        raise ValueError(
            f"data.classes={num_clusters}: there are only {num_train:,} training images; choose fewer clusters"
        )
    chosen_M = np.random.default_rng(SEED).permutation(num_train)[:MOST_FITTED]
    fitted_MF = np.concatenate([*coarse(images, np.sort(chosen_M))])
    components = PCA(min(MOST_COMPONENTS, *fitted_MF.shape), random_state=SEED).fit(fitted_MF)
    means = MiniBatchKMeans(num_clusters, random_state=SEED, n_init=3, batch_size=4096)
    means.fit(components.transform(fitted_MF))
    counts_K = np.bincount(means.labels_, minlength=num_clusters)
    order_K = np.argsort(-counts_K, kind="stable")[: (counts_K > 0).sum()]
    centres_KF = means.cluster_centers_[order_K]
    parts = (components.transform(part) for part in coarse(images, np.arange(len(images))))
    labels_N = np.concatenate([pairwise_distances_argmin(part, centres_KF) for part in parts])
    return labels_N.astype(np.int64), len(centres_KF)


def coarse(images: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Averages of square blocks of pixels from 0 to 1, [B, F], chunk by chunk."""
    block = images.shape[-1] // COARSE
    side = images.shape[-1] // block
    for start in range(0, len(rows), CHUNK):
        part = images[rows[start : start + CHUNK]].astype(np.float32) / 255
        yield part.reshape(len(part), -1, side, block, side, block).mean((3, 5)).reshape(len(part), -1)
