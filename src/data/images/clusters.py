"""Classes for images without labels: clusters of features of their pixels.

N images, S the side, C channels, M images of the training split, F features, K clusters.
"""

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
    """The cluster of each image [N], the largest first, and their number, which may be less than asked for.

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
    chosen_M.sort()
    parts = (images[chosen_M[start : start + CHUNK]] for start in range(0, len(chosen_M), CHUNK))
    fitted_MF = np.concatenate([*map(coarse, parts)])
    components = PCA(min(MOST_COMPONENTS, *fitted_MF.shape), random_state=SEED).fit(fitted_MF)
    means = MiniBatchKMeans(num_clusters, random_state=SEED, n_init=3, batch_size=4096)
    means.fit(components.transform(fitted_MF))
    counts_K = np.bincount(means.labels_, minlength=num_clusters)
    order_K = np.argsort(-counts_K, kind="stable")[: (counts_K > 0).sum()]
    return assigned(images, components, means.cluster_centers_[order_K]), len(order_K)


def assigned(images: np.ndarray, components: PCA, centres_KF: np.ndarray, chunk: int = CHUNK) -> np.ndarray:
    """The nearest centre of each image [N], in the smallest type, chunk by chunk."""
    labels_N = np.empty(len(images), np.min_scalar_type(len(centres_KF)))
    for start in range(0, len(images), chunk):
        rows = slice(start, start + chunk)
        labels_N[rows] = pairwise_distances_argmin(components.transform(coarse(images[rows])), centres_KF)
    return labels_N


def coarse(images: np.ndarray) -> np.ndarray:
    """Averages of square blocks of pixels from 0 to 1, [B, F]."""
    block = images.shape[-1] // COARSE
    side = images.shape[-1] // block
    shares = images.astype(np.float32) / 255
    return shares.reshape(len(images), -1, side, block, side, block).mean((3, 5)).reshape(len(images), -1)
