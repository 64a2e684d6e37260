"""A VAE whose evidence is known: a linear decoder with normal cells, and latents that are standard normal."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from src.vae.likelihoods import Gaussian
from src.vae.module import VAE
from src.vae.networks import Standard
from src.vae.objectives import Objective

VARIANCE = 0.15


def linear(num_latents: int, shape: tuple[int, int]) -> nn.Module:
    return nn.Linear(num_latents, math.prod(shape))


@pytest.fixture
def linear_vae(make_vae, bar_spec) -> Callable[..., VAE]:
    """Without dropout; any argument can be replaced."""
    likelihood, spec = partial(Gaussian, variance=VARIANCE), replace(bar_spec, levels=255)
    fixed = {"likelihood": likelihood, "decoder": linear, "prior": Standard, "spec": spec}

    def make(objective: Objective | None = None, **changes: Any) -> VAE:
        return make_vae(objective=objective, **(fixed | changes)).eval()

    return make


@pytest.fixture
def grey_cells() -> Tensor:
    """[5, 4, 3] in [0, 1]."""
    return torch.rand(5, 4, 3, generator=torch.Generator().manual_seed(2))


def evidence(vae: VAE, cells_BTV: Tensor) -> Tensor:
    """log p(x) of the linear model, in nats of levels."""
    network = vae.decoder.network.network
    covariance = network.weight @ network.weight.T + VARIANCE * torch.eye(len(network.weight))
    log_prob_B = MultivariateNormal(network.bias, covariance).log_prob(cells_BTV.flatten(1))
    return log_prob_B - cells_BTV[0].numel() * math.log(255)


def seeded(vae: VAE, cells_BTV: Tensor, seed: int = 5) -> Mapping[str, Any]:
    torch.manual_seed(seed)
    return vae.objective(cells_BTV)


def gradients(vae: VAE, loss: Tensor) -> dict[str, Tensor]:
    names, weights = zip(*vae.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient
        for name, weight, gradient in zip(names, weights, found, strict=True)
    }
