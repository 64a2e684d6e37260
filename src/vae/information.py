"""How much the latents tell about the sample: mutual information under the posterior, level by level.

The aggregated posterior is the mixture over all N samples given, so no estimate exceeds ln N.

N samples, C samples of a chunk, L latent dims, F features, S draws.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from src.vae.latents import normal
from src.vae.networks import BottomUp, Prior, TopDown

CHUNK = 16  # samples whose densities under all N posteriors are held at once
DRAWS = 32  # of z_low, over which bottom-up inference averages q(z_high|z_low)


def information(inference: TopDown | BottomUp, features_NF: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
    """Nats that z_high and z_low carry about the sample; the caller's random stream is used.

    Each level is credited with what its own KL pays for. Top-down: I(x; z_high) and I(x; z_low | z_high), which add up,
    so that together they do not exceed ln N.
    Bottom-up: I(x; z_low), and I(x; z_high), which cannot exceed it: q(z_high|x) is averaged over draws of z_low, among
    them the one that z_high was made from, so that a narrow q(z_high|z_low) is rather over- than underrated.
    """
    levels = _top_down if isinstance(inference, TopDown) else _bottom_up
    return levels(inference, features_NF, prior)


def mutual_information(log_density: Callable[[slice], Tensor], num: int) -> Tensor:
    """I = mean_i [log q(z_i|x_i) − log (1/N Σ_j q(z_i|x_j))] (Hoffman & Johnson 2016, ELBO surgery).

    Args:
        log_density: log q(z_i|x_j) as [C, N] for the samples i of a slice.
        num: N.
    """
    total = 0.0
    for first in range(0, num, CHUNK):
        rows_CN = log_density(slice(first, first + CHUNK)).double()
        own_C = rows_CN.diagonal(first)
        total = total + (own_C - rows_CN.logsumexp(1) + math.log(num)).sum()
    return total / num


def _top_down(inference: TopDown, features_NF: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
    posterior_high = inference.posterior_high(features_NF)
    high_NL = posterior_high.sample()
    low_NL = inference.posterior_low(features_NF, high_NL, prior).sample()

    def high(chunk: slice) -> Tensor:
        return posterior_high.log_prob(high_NL[chunk].unsqueeze(1)).sum(-1)

    def both(chunk: slice) -> Tensor:
        posterior_low = inference.posterior_low(features_NF, high_NL[chunk].unsqueeze(1), prior)
        return high(chunk) + posterior_low.log_prob(low_NL[chunk].unsqueeze(1)).sum(-1)

    told_high = mutual_information(high, len(features_NF))
    return told_high, mutual_information(both, len(features_NF)) - told_high


def _bottom_up(inference: BottomUp, features_NF: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
    posterior_low = inference.posterior_low(features_NF)
    low_NL = posterior_low.sample()
    own_high = inference.posterior_high(low_NL)
    high_NL = own_high.sample()
    posterior_high = inference.posterior_high(posterior_low.sample((DRAWS - 1,)))

    def low(chunk: slice) -> Tensor:
        return posterior_low.log_prob(low_NL[chunk].unsqueeze(1)).sum(-1)

    def high(chunk: slice) -> Tensor:
        rows = [
            normal(mean_NL, std_NL).log_prob(high_NL[chunk].unsqueeze(1)).sum(-1)
            for mean_NL, std_NL in [
                (own_high.mean, own_high.stddev),
                *zip(posterior_high.mean, posterior_high.stddev, strict=True),
            ]
        ]
        return torch.stack(rows).logsumexp(0) - math.log(DRAWS)

    told_low = mutual_information(low, len(features_NF))
    return mutual_information(high, len(features_NF)).clamp(max=told_low), told_low
