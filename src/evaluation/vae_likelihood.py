"""The likelihood of held-out samples under a VAE, and what it is compared with.

N samples, T steps, V voices (cells of a step), K importance samples, X numbers that the decoder gives of a step.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from src.core.console import progress
from src.data.spec import with_channels
from src.data.streaming import Rows
from src.evaluation.metrics.bound import (
    bits_per_dim,
    cell_floor,
    covariance_eigenvalues,
    importance_weighted_nll,
    level_floor,
)
from src.vae.likelihoods import Gaussian
from src.vae.module import MOST_NUMBERS, VAE

CHUNK = 500  # samples per batch
MOST_COVARIED = 4_096  # cells whose covariance is computed
MOST_EIGENVALUES = 100  # of it, which are kept
IMPORTANCE_CELLS = 250_000  # per batch of importance sampling: tensors small enough to stay in the allocator


def chunk_size(vae: VAE) -> int:
    """Samples per batch with one draw each; at least two, which can be shuffled."""
    return max(2, min(CHUNK, MOST_NUMBERS // vae.numbers))


def distortion(vae: VAE, z: Sequence[Tensor], cells_NTV: Tensor) -> Tensor:
    """−log p(x|z) [..., N] in nats, given the latents of all levels."""
    parameters_NTX = vae.decoder(vae.decoder_input(z), 2 * cells_NTV - 1)
    return -vae.likelihood.log_prob(parameters_NTX, cells_NTV)


def likelihood_metrics(vae: VAE, cells_NTV: Tensor, train: Tensor | Rows, k: int) -> dict[str, Any]:
    """IWAE, the NLL that a collapsed parallel decoder reaches, and for images of many levels bits per dimension.

    Args:
        cells_NTV: held-out samples.
        train: stored training images.
        k: importance samples.
    """
    iwae_nll = importance_sampled_nll(vae, cells_NTV, k).mean()
    metrics = {"iwae_nll": iwae_nll, "importance_samples": k, "num_held_out": len(cells_NTV)}

    def parts() -> Iterator[Tensor]:
        for part in train.split(CHUNK):
            yield vae.to_cells(with_channels(part.to(cells_NTV.device))).repeat(1, 1, vae.spec.stack)

    if vae.likelihood.binary:
        return metrics | {"floor_nll": cell_floor(parts(), cells_NTV)}
    if isinstance(vae.likelihood, Gaussian) and cells_NTV[0].numel() <= MOST_COVARIED:
        eigenvalues = covariance_eigenvalues(parts())[:MOST_EIGENVALUES]
        metrics |= {"decoder_variance": vae.likelihood.variance, "data_eigenvalues": eigenvalues}
    floor = level_floor(parts(), cells_NTV, vae.spec.levels)
    return metrics | {"floor_nll": floor, "bits_per_dim": bits_per_dim(iwae_nll, cells_NTV[0].numel())}


def importance_sampled_nll(vae: VAE, cells_NTV: Tensor, k: int) -> Tensor:
    """`importance_weighted_nll` of each sample [N]; of large images fewer draws are made at once."""
    nll = []
    parts = cells_NTV.split(max(1, IMPORTANCE_CELLS // (k * vae.numbers)))
    for part_NTV in progress(parts, "Estimating the likelihood"):
        features_NF = vae.encoder(part_NTV)
        log_weights = []
        for draws in torch.arange(k).split(max(1, MOST_NUMBERS // vae.numbers)):
            latents = vae.inference(features_NF.expand(len(draws), *features_NF.shape), vae.prior)
            distortion_KN = distortion(vae, latents.z, part_NTV)
            log_weights.append(-distortion_KN - latents.log_ratio_B())
        nll.append(importance_weighted_nll(torch.cat(log_weights)))
    return torch.cat(nll)
