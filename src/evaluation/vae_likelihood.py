"""The likelihood of held-out samples under a VAE, and what it is compared with.

N samples, T steps, V voices (cells of a step), K importance samples, X numbers that the decoder gives of a step.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from src.core.console import progress
from src.data.spec import with_channels
from src.data.streaming import Rows
from src.evaluation.metrics.bound import (
    cell_floor,
    covariance_eigenvalues,
    importance_weighted_nll,
    level_floor,
)
from src.evaluation.metrics.outcome import above_shuffled
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
    """IWAE, the NLL that a collapsed parallel decoder reaches, and for images of many levels bits per dimension."""
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
    return metrics | {"floor_nll": floor, "bits_per_dim": iwae_nll / (cells_NTV[0].numel() * math.log(2))}


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


def level_usage(vae: VAE, cells_NTV: Tensor, shuffles: int) -> tuple[dict[str, float | None], dict[str, bool]]:
    """Increase of the distortion by shuffling a level between samples, and whether it exceeds chance.

    The usage of a level that the decoder does not receive is None, and the level counts as used.
    """
    own, shuffled_S = 0.0, {level: torch.zeros(shuffles, dtype=torch.double) for level in vae.levels}
    for part_NTV in cells_NTV.split(chunk_size(vae)):
        z = vae.infer(part_NTV).z
        own += distortion(vae, z, part_NTV).double().sum().item()
        for turn in range(shuffles):
            other_N = torch.randperm(len(part_NTV), device=cells_NTV.device)
            for index, level in enumerate(vae.levels):
                without = [*z[:index], z[index][other_N], *z[index + 1 :]]
                shuffled_S[level][turn] += distortion(vae, without, part_NTV).double().sum().item()
    num = len(cells_NTV)
    usage: dict[str, float | None] = {}
    used: dict[str, bool] = {}
    for level, nats_S in shuffled_S.items():
        usage[f"usage_{level}"] = (nats_S.mean().item() - own) / num
        used[level] = shuffles > 1 and above_shuffled(-own / num, -nats_S / num)
    for level in [*vae.levels][:-1] if vae.decoder_sees == "low" else ():
        usage[f"usage_{level}"], used[level] = None, True
    return usage, used
