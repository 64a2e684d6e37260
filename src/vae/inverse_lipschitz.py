"""A decoder that keeps different latents apart.

B batch, Z latent dims that the decoder receives, T steps, V voices (cells of a step), P parameters of a cell's
likelihood, X = V · P, D dimensions of a map, H hidden units.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, softplus

from src.core.validation import COUNT, NOT_NEGATIVE
from src.vae.decoders import Autoregressive


class GradientOfConvex(nn.Module):
    """∇F for a convex F with F(x) = ½ c‖x‖² + Σ_h a_h softplus(w_h·x + b_h), a_h ≥ 0: a Brenier map.

    ‖∇F(x) − ∇F(y)‖ ≥ c‖x − y‖: F is strongly convex.

    Args:
        size: D.
        width: H.
        constant: c.
    """

    def __init__(self, size: int, width: int, constant: float):
        super().__init__()
        self.constant = constant
        self.inner = nn.Linear(size, width)
        self.raw_H = nn.Parameter(torch.zeros(width))
        self.share = size / width  # of each hidden unit, so that a fresh map bends as much whatever its sizes
        self.bias_D = nn.Parameter(torch.zeros(size))

    def forward(self, x_BD: Tensor) -> Tensor:
        slope_BH = self.share * softplus(self.raw_H) * self.inner(x_BD).sigmoid()
        return self.constant * x_BD + linear(slope_BH, self.inner.weight.T) + self.bias_D


class InverseLipschitz(Autoregressive):
    """Parameters of cells that are the sum of a function of the history and an L-inverse Lipschitz function f of z.

    ‖f(z) − f(z′)‖ ≥ L‖z − z′‖, so that whatever the history, different latents mean different distributions: z is
    identifiable and cannot collapse wholly (LIDVAE, Wang et al. 2021, arXiv:2301.00537), to a degree that L sets
    (Kinoshita et al. 2023, arXiv:2304.12770). f = ∇F₂ ∘ E ∘ ∇F₁ with gradients of strongly convex functions
    and a fixed isometric embedding E. The history is read as by `Autoregressive`.

    Args:
        constant: L.
        map_width: H of both maps.

    Raises:
        ValueError: there are more latents than parameters of cells.
    """

    embedding_OZ: Tensor

    def __init__(
        self, num_latents: int, shape: tuple[int, int], constant: float = 1.0, map_width: int = 256, **options: Any
    ):
        super().__init__(num_latents, shape, **options)
        self.number("constant", constant, NOT_NEGATIVE)
        self.number("map_width", map_width, COUNT)
        outputs = math.prod(shape) * self.likelihood.num_parameters
        if num_latents > outputs:
            raise ValueError(
                f"{self}: {num_latents} latents cannot be told from {outputs} numbers of a sample; choose fewer latents"
            )
        del self.latents  # the network of the history does not see them
        self.inner_map = GradientOfConvex(num_latents, map_width, math.sqrt(constant))
        self.outer_map = GradientOfConvex(outputs, map_width, math.sqrt(constant))
        self.register_buffer("embedding_OZ", torch.linalg.qr(torch.randn(outputs, num_latents))[0])

    def direct(self, latents_BZ: Tensor) -> Tensor:
        """f(z) as parameters of cells [B, T, X]."""
        embedded_BO = linear(self.inner_map(latents_BZ), self.embedding_OZ)
        return self.outer_map(embedded_BO).float().unflatten(-1, (self.steps, -1))

    def _features(self, latents_BZ: Tensor, past_BTW: Tensor) -> Tensor:
        for layer in self.layers:
            past_BTW = past_BTW + layer(past_BTW)
        return past_BTW
