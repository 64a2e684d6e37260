"""Mutual information of sample and latents under the posterior, level by level.

The aggregated posterior is the mixture over all N samples, so no estimate exceeds ln N.

N samples, C samples of a chunk, L latent dims, F features, S draws.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.distributions import Normal

from src.vae.latents import normal, total
from src.vae.networks import BottomUp, TopDown
from src.vae.prior import Prior

CHUNK = 16  # samples whose densities under all N posteriors are held at once
DRAWS = 32  # of the levels below, over which q(z_l|z_{l+1}) is averaged under bottom-up inference


def information(inference: TopDown | BottomUp, features_NF: Tensor, prior: Prior) -> tuple[Tensor, ...]:
    """Mutual information of the sample with each level, in nats; draws from the global random stream.

    Top-down: I(x; z_1), I(x; z_2 | z_1) and so on, whose sum does not exceed ln N. Bottom-up: I(x; z_L) of the lowest
    level, and I(x; z_l), which cannot exceed that of the level below: q(z_l|x) is averaged over draws of the levels
    below, among them the one that z_l was drawn from, so that a narrow q(z_l|z_{l+1}) is over- rather than
    underestimated.
    """
    return tuple(nats_P[0] for nats_P in paired_information(inference, features_NF, prior, 0))


def paired_information(
    inference: TopDown | BottomUp, features_NF: Tensor, prior: Prior, shuffles: int
) -> tuple[Tensor, ...]:
    """`information` of each level [1 + shuffles]: of the true pairs, then of latents paired with other samples.

    Shuffled pairs of a level keep those above, on which its information is conditional.
    """
    if isinstance(inference, TopDown):
        return _top_down(inference, features_NF, prior, shuffles)
    return _bottom_up(inference, features_NF, shuffles)


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


def _top_down(inference: TopDown, features_NF: Tensor, prior: Prior, shuffles: int) -> tuple[Tensor, ...]:
    features = inference.features(features_NF)

    def posterior(above: Sequence[Tensor]) -> Normal:
        return inference.posterior(features, above, prior(above) if above else None)

    top = posterior([])
    z: list[Tensor] = []
    for _ in inference.order:
        z.append((posterior(z) if z else top).sample())

    def joint(depth: int) -> Callable[[slice], Tensor]:
        """log q of the first levels together."""

        def log_density(chunk: slice) -> Tensor:
            own = [z_NL[chunk].unsqueeze(1) for z_NL in z[:depth]]
            posteriors = [top, *(posterior(own[:index]) for index in range(1, depth))]
            return total(each.log_prob(own_C1L).sum(-1) for each, own_C1L in zip(posteriors, own, strict=True))

        return log_density

    nats = [_pairings(joint(depth), len(features_NF), shuffles) for depth in range(1, len(z) + 1)]
    return nats[0], *(deeper_P - nats_P for nats_P, deeper_P in pairwise(nats))


def _bottom_up(inference: BottomUp, features_NF: Tensor, shuffles: int) -> tuple[Tensor, ...]:
    posteriors: list[Normal] = []  # lowest level first
    z: list[Tensor] = []
    for _ in inference.order:
        posteriors.append(inference.posterior(features_NF, z))
        z.append(posteriors[-1].sample())
    drawn = [posteriors[0].sample((DRAWS - 1,))]
    others = [inference.posterior(features_NF, drawn)] if len(z) > 1 else []
    for _ in inference.order[2:]:
        drawn.append(others[-1].sample())
        others.append(inference.posterior(features_NF, drawn))

    def lowest(chunk: slice) -> Tensor:
        return posteriors[0].log_prob(z[0][chunk].unsqueeze(1)).sum(-1)

    def mixture(index: int) -> Callable[[slice], Tensor]:
        own, other = posteriors[index], others[index - 1]
        parts = [(own.mean, own.stddev), *zip(other.mean, other.stddev, strict=True)]

        def log_density(chunk: slice) -> Tensor:
            rows = [normal(*part).log_prob(z[index][chunk].unsqueeze(1)).sum(-1) for part in parts]
            return torch.stack(rows).logsumexp(0) - math.log(DRAWS)

        return log_density

    nats = [_pairings(lowest, len(features_NF), shuffles)]
    for index in range(1, len(z)):
        nats.append(_pairings(mixture(index), len(features_NF), shuffles).clamp(max=nats[-1][0]))
    return tuple(reversed(nats))
