"""Mutual information of sample and latents under the posterior, level by level.

The aggregated posterior is the mixture over all N samples, so no estimate exceeds ln N.

N samples, C samples of a chunk, L latent dims, F features, S draws.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from src.vae.latents import normal
from src.vae.networks import BottomUp, Prior, TopDown

CHUNK = 16  # samples whose densities under all N posteriors are held at once
DRAWS = 32  # of z_low, over which q(z_high|z_low) is averaged under bottom-up inference


def information(inference: TopDown | BottomUp, features_NF: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
    """Mutual information of the sample with z_high and z_low, in nats; draws from the global random stream.

    Top-down: I(x; z_high) and I(x; z_low | z_high), whose sum does not exceed ln N. Bottom-up: I(x; z_low), and
    I(x; z_high), which cannot exceed it: q(z_high|x) is averaged over draws of z_low, among them the one that z_high
    was drawn from, so that a narrow q(z_high|z_low) is over- rather than underestimated.
    """
    high_P, low_P = paired_information(inference, features_NF, prior, 0)
    return high_P[0], low_P[0]


def paired_information(
    inference: TopDown | BottomUp, features_NF: Tensor, prior: Prior, shuffles: int
) -> tuple[Tensor, Tensor]:
    """`information` of each level [1 + shuffles]: of the true pairs, then of latents paired with other samples.

    Shuffled pairs of z_low keep z_high, on which its information is conditional.
    """
    if isinstance(inference, TopDown):
        return _top_down(inference, features_NF, prior, shuffles)
    return _bottom_up(inference, features_NF, prior, shuffles)


def mutual_information(log_density: Callable[[slice], Tensor], num: int) -> Tensor:
    """I = mean_i [log q(z_i|x_i) − log (1/N Σ_j q(z_i|x_j))] (Hoffman & Johnson 2016, ELBO surgery).

    Args:
        log_density: log q(z_i|x_j) as [C, N] for the samples i of a slice.
        num: N.
    """
    return _pairings(log_density, num, 0)[0]


def _pairings(log_density: Callable[[slice], Tensor], num: int, shuffles: int) -> Tensor:
    """The same mean [1 + shuffles] with z_i paired with x_i, and with x_j for j at fixed distances from i."""
    distances_P = torch.tensor([0, *(1 + num * turn // (shuffles + 1) for turn in range(shuffles))])
    total_P = torch.zeros(())
    for first in range(0, num, CHUNK):
        rows_CN = log_density(slice(first, first + CHUNK)).double()
        own_C = torch.arange(first, first + len(rows_CN))
        paired_CP = rows_CN.gather(1, ((own_C.unsqueeze(1) + distances_P) % num).to(rows_CN.device))
        total_P = total_P + (paired_CP - rows_CN.logsumexp(1, keepdim=True) + math.log(num)).sum(0)
    return total_P / num


def _top_down(inference: TopDown, features_NF: Tensor, prior: Prior, shuffles: int) -> tuple[Tensor, Tensor]:
    posterior_high = inference.posterior_high(features_NF)
    high_NL = posterior_high.sample()
    low_NL = inference.posterior_low(features_NF, high_NL, prior).sample()

    def high(chunk: slice) -> Tensor:
        return posterior_high.log_prob(high_NL[chunk].unsqueeze(1)).sum(-1)

    def both(chunk: slice) -> Tensor:
        posterior_low = inference.posterior_low(features_NF, high_NL[chunk].unsqueeze(1), prior)
        return high(chunk) + posterior_low.log_prob(low_NL[chunk].unsqueeze(1)).sum(-1)

    high_P = _pairings(high, len(features_NF), shuffles)
    return high_P, _pairings(both, len(features_NF), shuffles) - high_P


def _bottom_up(inference: BottomUp, features_NF: Tensor, prior: Prior, shuffles: int) -> tuple[Tensor, Tensor]:
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

    low_P = _pairings(low, len(features_NF), shuffles)
    return _pairings(high, len(features_NF), shuffles).clamp(max=low_P[0]), low_P
