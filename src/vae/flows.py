"""Autoregressive flows of latents: a masked network, posteriors (IAF) and priors (MAF) made of it.

B batch, F features, L latent dims, H hidden units. Any further leading axes (importance samples) are allowed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import linear, logsigmoid

from src.core.validation import COUNT
from src.vae.latents import Gaussian, normal, standard_normal
from src.vae.networks import TopDown

GATE = 2.0  # σ = sigmoid(s + 2): steps of a fresh inverse autoregressive flow are close to the identity
MAX_LOG_SCALE = 3.0  # of a step of a prior, so that a density stays finite far from the data

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Makes a dimension's new value of the old one and the network's two outputs."""


class MADE(nn.Module):
    """Two numbers per dimension, each from the preceding dimensions (Germain et al. 2015, arXiv:1502.03509).

    One masked hidden layer of bounded units, so that values far off have finite outputs. A fresh network returns zeros.

    Args:
        num_latents: L.
        width: H.
        contexts: sizes of further inputs, which all outputs may use.
        backwards: whether the dimensions are ordered from the last to the first.
    """

    sees_HL: Tensor
    reaches_OH: Tensor

    def __init__(self, num_latents: int, width: int, contexts: Sequence[int] = (), backwards: bool = False):
        super().__init__()
        self.order = [*reversed(range(num_latents))] if backwards else [*range(num_latents)]
        rank_L = torch.tensor([self.order.index(dim) for dim in range(num_latents)])
        degree_H = torch.arange(width) % num_latents - 1  # those of −1 see the contexts alone, and all outputs see them
        self.register_buffer("sees_HL", (rank_L <= degree_H[:, None]).float(), persistent=False)
        self.register_buffer("reaches_OH", (rank_L[:, None] > degree_H).float().repeat(2, 1), persistent=False)
        self.hidden = nn.Linear(num_latents, width)
        self.contexts = nn.ModuleList(nn.Linear(size, width, bias=False) for size in contexts)
        self.out = nn.Linear(width, 2 * num_latents)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, value_BL: Tensor, *contexts: Tensor) -> tuple[Tensor, Tensor]:
        hidden_BH = linear(value_BL, self.hidden.weight * self.sees_HL) + self._offset(contexts)
        outputs_BO = linear(hidden_BH.tanh(), self.out.weight * self.reaches_OH, self.out.bias).to(value_BL.dtype)
        one_BL, other_BL = outputs_BO.chunk(2, -1)
        return one_BL, other_BL

    def solve(self, value_BL: Tensor, rule: Rule, *contexts: Tensor) -> Tensor:
        """The y with y_j = rule(value_j, outputs_j of y), found dimension by dimension."""
        hidden_BH = self._offset(contexts)
        columns: dict[int, Tensor] = {}
        for dim in self.order:
            rows = [dim, dim + len(self.order)]
            outputs_B2 = linear(hidden_BH.tanh(), (self.out.weight * self.reaches_OH)[rows], self.out.bias[rows])
            columns[dim] = rule(value_BL[..., dim], *outputs_B2.to(value_BL.dtype).unbind(-1))
            hidden_BH = hidden_BH + columns[dim].unsqueeze(-1) * (self.hidden.weight * self.sees_HL)[:, dim]
        return torch.stack([columns[dim] for dim in sorted(columns)], -1)

    def _offset(self, contexts: Sequence[Tensor]) -> Tensor:
        parts = (network(context) for network, context in zip(self.contexts, contexts, strict=True))
        return sum(parts, self.hidden.bias)


class InverseAutoregressive(Distribution):
    """A Gaussian sample pushed through steps z ← σ z + (1 − σ) m (Kingma et al. 2016, arXiv:1606.04934, eq. 13–14).

    σ and m of a dimension depend on the preceding dimensions. Drawing a sample yields its density as well; that of any
    other value takes L sequential steps.

    Args:
        base: the Gaussian.
        steps: networks of s, with σ = sigmoid(s + 2), and m.
        contexts: further inputs of the networks.
        outer: the result is taken for codes of this Gaussian; of N(0, I) if None.
    """

    has_rsample = True

    def __init__(self, base: Gaussian, steps: nn.ModuleList, contexts: Sequence[Tensor], outer: Gaussian | None = None):
        super().__init__(base.batch_shape, validate_args=False)
        self.base, self.steps, self.contexts = base, steps, contexts
        self.outer = outer or standard_normal(base.mean)
        self.drawn: tuple[Tensor, Tensor] | None = None

    @property
    def mean(self) -> Tensor:
        """The image of the base's mean; the expectation has no closed form."""
        return self._pushed(self.base.mean)[0]

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        before_BL = self.base.rsample(torch.Size(sample_shape))
        value_BL, log_scale_BL = self._pushed(before_BL)
        self.drawn = value_BL, self.base.log_prob(before_BL) - log_scale_BL
        return value_BL

    def log_prob(self, value_BL: Tensor) -> Tensor:
        """Terms [..., L] of the log-density: of the base's dimensions, with each one's share of the determinant."""
        if self.drawn and value_BL is self.drawn[0]:
            return self.drawn[1]
        before_BL = self.outer.code(value_BL)
        for step in reversed(self.steps):
            before_BL = step.solve(before_BL, _ungate, *self.contexts)
        return self.base.log_prob(before_BL) - self._pushed(before_BL)[1]

    def _pushed(self, value_BL: Tensor) -> tuple[Tensor, Tensor]:
        """The value after all steps, and the logarithms of the Jacobian's diagonal."""
        log_scale_BL = self.outer.stddev.log()
        for step in self.steps:
            m_BL, s_BL = step(value_BL, *self.contexts)
            gate_BL = (s_BL + GATE).sigmoid()
            value_BL = gate_BL * value_BL + (1 - gate_BL) * m_BL
            log_scale_BL = log_scale_BL + logsigmoid(s_BL + GATE)
        return self.outer.from_code(value_BL), log_scale_BL


def _ungate(value: Tensor, m: Tensor, s: Tensor) -> Tensor:
    gate = (s + GATE).sigmoid()
    return (value - (1 - gate) * m) / gate


class MaskedAutoregressive:
    """The `LevelPrior` that maps values to noise by steps u = (z − m) e^{−s}.

    Papamakarios et al. 2017, arXiv:1705.07057: s and m of a dimension depend on the preceding dimensions of z, so a
    density takes one pass and a sample L. |s| ≤ 3.

    Args:
        steps: networks of m and s, the nearest to z first.
    """

    def __init__(self, steps: nn.ModuleList):
        self.steps = steps

    def log_prob(self, value: Tensor) -> Tensor:
        noise_BL, log_scale_BL = self._noise(value)
        return standard_normal(noise_BL).log_prob(noise_BL) - log_scale_BL

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        for step in reversed(self.steps):
            noise_BL = step.solve(noise_BL, lambda u, m, s: m + u * _bounded(s).exp())
        return noise_BL

    def code(self, value_BL: Tensor) -> Tensor:
        return self._noise(value_BL)[0]

    from_code = from_noise

    def _noise(self, value_BL: Tensor) -> tuple[Tensor, Tensor]:
        log_scale_BL = torch.zeros_like(value_BL)
        for step in self.steps:
            m_BL, s_BL = step(value_BL)
            value_BL = (value_BL - m_BL) * (-_bounded(s_BL)).exp()
            log_scale_BL = log_scale_BL + _bounded(s_BL)
        return value_BL, log_scale_BL


def _bounded(s: Tensor) -> Tensor:
    return MAX_LOG_SCALE * (s / MAX_LOG_SCALE).tanh()


class IAF(TopDown):
    """`TopDown` inference whose Gaussians are refined by an inverse autoregressive flow on each level.

    Kingma et al. 2016, arXiv:1606.04934, section 4. The steps see the encoder's features and the levels above, and
    every other one takes the dimensions in reverse. The KL is estimated on the sample.

    Args:
        flow_depth: steps of each level.
        flow_width: of the hidden layer of each step's network.
    """

    family = "flow"

    def __init__(
        self, features: int, levels: Mapping[str, int], flow_depth: int = 2, flow_width: int = 60, **options: Any
    ):
        super().__init__(features, levels, **options)
        self.number("flow_depth", flow_depth, COUNT)
        self.number("flow_width", flow_width, COUNT)
        sizes: list[int] = []
        for name, size in levels.items():
            contexts = [features, *(sizes if self.skips else sizes[-1:])]
            self[f"flow_{name}"] = nn.ModuleList(
                MADE(size, flow_width, contexts, backwards=bool(step % 2)) for step in range(flow_depth)
            )
            sizes.append(size)

    def posterior(
        self, features: Sequence[Tensor], above: Sequence[Tensor], prior: Gaussian | None
    ) -> InverseAutoregressive:
        own_BF = features[len(above)]
        steps = cast("nn.ModuleList", self[f"flow_{self.order[len(above)]}"])
        contexts = own_BF, *(above if self.skips else above[-1:])
        return InverseAutoregressive(normal(*self.moments(above, own_BF)), steps, contexts, prior)
