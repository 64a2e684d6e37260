"""Learnt priors: of the top level a mixture of posteriors or a flow, of those below it sequences with a memory.

B batch, T steps, V voices (cells of a step), L latent dims, K components; S steps of D dimensions each of a sequence.
Any further leading axes are allowed.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from scipy.optimize import brentq
from torch import Tensor, nn
from torch.distributions import register_kl

from src.core.validation import COUNT, POSITIVE, SEVERAL
from src.vae.flows import MADE, MaskedAutoregressive
from src.vae.latents import Gaussian, LevelPrior
from src.vae.networks import Conditional, Inference, TopDown

MOST_TERMS = 10_000_000  # of a mixture's log-densities at once
CENTRE, SPREAD = -0.05, 0.01  # of fresh pseudo-inputs before the sigmoid, as in the paper's code


class Vamp(Conditional):
    """The top level's prior is a mixture of posteriors of K learnt pseudo-inputs (Tomczak & Welling 2018).

    arXiv:1705.07120, also for two levels. A pseudo-input is a sample with cells between 0 and 1, or under bottom-up
    inference a value of the levels below the top, on which q(z_high | ·) depends there. Levels below are as under
    `Conditional`. The KL of the top level is estimated on the sample.

    Args:
        num_components: K.
    """

    independent = False
    of_posteriors = True

    def __init__(self, levels: Mapping[str, int], num_components: int = 500, **options: Any):
        super().__init__(levels, **options)
        self.num_components = self.number("num_components", num_components, COUNT)
        self.pseudo_sizes = [*reversed(list(levels.values())[1:])]  # sizes, the lowest level first

    def attach(self, inference: Inference, encoder: nn.Module, shape: tuple[int, int]) -> None:
        super().attach(inference, encoder, shape)
        if inference.family == "flow":
            raise ValueError(
                "vae.prior=vamp: the densities of vae.inference=iaf at samples of others take a pass per dimension and "
                "component; choose vae.inference=top_down or bottom_up, or vae.prior=flow"
            )
        self.networks, self.shape = (inference, encoder), shape  # a tuple: they are no parts of the prior
        if isinstance(inference, TopDown):
            self.pseudo_sizes = []
        # Flat: the optimizer's weight decay is for matrices.
        noise_N = torch.randn(self.num_components * (sum(self.pseudo_sizes) or math.prod(shape)))
        self.pseudo_inputs = nn.Parameter(noise_N if self.pseudo_sizes else CENTRE + SPREAD * noise_N)

    def top(self, like_BL: Tensor) -> "Mixture":
        inference, encoder = self.networks
        pseudo_KX = self.pseudo_inputs.view(self.num_components, -1)
        if self.pseudo_sizes:
            return Mixture(inference.posterior(None, pseudo_KX.split(self.pseudo_sizes, -1)), super().top(like_BL))
        features_KF = encoder(pseudo_KX.sigmoid().unflatten(-1, self.shape))
        if isinstance(inference, TopDown):
            return Mixture(inference.posterior(inference.features(features_KF), [], None), super().top(like_BL))
        return Mixture(inference.posterior(features_KF, []), super().top(like_BL))


class Mixture:
    """The `LevelPrior` with equal weights of K components [K, L], which have `log_prob`, `from_noise` and indices.

    Args:
        components: the distributions.
        other: the prior that the mixture takes the place of.
    """

    def __init__(self, components: Any, other: LevelPrior):
        self.components = components
        frame = components.frame(other)
        self.code, self.from_code = frame.code, frame.from_code

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(z_1), log p(z_2 | z_1), … [..., L]."""
        terms = math.prod(self.components.batch_shape)
        parts = value.flatten(0, -2).split(max(1, MOST_TERMS // terms))
        return torch.cat([self._log_prob(part_NL) for part_NL in parts]).view(value.shape)

    def _log_prob(self, value_NL: Tensor) -> Tensor:
        terms_NKL = self.components.log_prob(value_NL.unsqueeze(-2))
        joint_NL = terms_NKL.cumsum(-1).logsumexp(-2) - math.log(terms_NKL.shape[-2])
        return torch.cat([joint_NL[..., :1], joint_NL.diff(dim=-1)], -1)

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        """A sample: the quantile of the first number chooses the component, and its remainder is noise again."""
        num = self.components.batch_shape[0]
        place_B = torch.special.ndtr(noise_BL[..., 0].double()) * num
        index_B = place_B.long().clamp(max=num - 1)
        rest_B = torch.special.ndtri((place_B - index_B).clamp(1e-9, 1 - 1e-9)).to(noise_BL.dtype)
        return self.components[index_B].from_noise(torch.cat([rest_B.unsqueeze(-1), noise_BL[..., 1:]], -1))


class Flow(Conditional):
    """The top level's prior is a masked autoregressive flow (Papamakarios et al. 2017, arXiv:1705.07057).

    As prior of a VAE: Chen et al. 2017, arXiv:1611.02731, section 3.2. Its steps take the dimensions in turn forwards
    and backwards. Levels below the top are as under `Conditional`; the KL of the top level is estimated on the sample.

    Args:
        depth: steps of the flow.
        flow_width: of the hidden layer of each step's network.
    """

    independent = False

    def __init__(self, levels: Mapping[str, int], depth: int = 4, flow_width: int = 64, **options: Any):
        super().__init__(levels, **options)
        self.number("depth", depth, COUNT)
        self.number("flow_width", flow_width, COUNT)
        top, *_ = levels.values()
        self.steps = nn.ModuleList(MADE(top, flow_width, backwards=bool(step % 2)) for step in range(depth))

    def attach(self, inference: Inference, encoder: nn.Module, shape: tuple[int, int]) -> None:
        super().attach(inference, encoder, shape)
        if inference.family == "sphere":
            raise ValueError(
                "vae.prior=flow: it lives in the whole space, and vae.inference=vmf on a sphere; choose "
                "vae.prior=conditional, standard or vamp"
            )

    def top(self, like_BL: Tensor) -> MaskedAutoregressive:
        return MaskedAutoregressive(self.steps)


class FirstOrder(Gaussian):
    """A Gaussian with the codes u_1 ~ N(0, I), u_s = α u_{s−1} + √(1 − α²) ε: each dimension alone is as in `Gaussian`.

    Args:
        mean: [..., L].
        std: [..., L].
        correlation: α.
        num_steps: S.
    """

    def __init__(self, mean: Tensor, std: Tensor, correlation: float, num_steps: int):
        super().__init__(mean, std, validate_args=False)
        self.correlation, self.num_steps = correlation, num_steps

    def steps(self, code_BL: Tensor) -> Tensor:
        """[..., S, D]."""
        return code_BL.unflatten(-1, (self.num_steps, -1))

    def log_prob(self, value: Tensor) -> Tensor:
        rest = 1 - self.correlation**2
        code_BSD = self.steps(self.code(value))
        innovation_BSD = code_BSD[..., 1:, :] - self.correlation * code_BSD[..., :-1, :]
        later_BSD = innovation_BSD.square() / rest + math.log(rest)
        squares_BL = torch.cat([code_BSD[..., :1, :].square(), later_BSD], -2).flatten(-2)
        return -0.5 * (squares_BL + math.log(2 * math.pi)) - self.scale.log()

    def from_noise(self, noise_BL: Tensor) -> Tensor:
        first_BD, *others = self.steps(noise_BL).unbind(-2)
        codes = [first_BD]
        for noise_BD in others:
            codes.append(self.correlation * codes[-1] + math.sqrt(1 - self.correlation**2) * noise_BD)
        return self.from_code(torch.cat(codes, -1))

    def from_code(self, code_BL: Tensor) -> Tensor:
        return super().from_noise(code_BL)


@register_kl(Gaussian, FirstOrder)
def _kl_to_first_order(posterior: Gaussian, prior: FirstOrder) -> Tensor:
    """E_q of each step's KL to its prior given the step before."""
    rest = 1 - prior.correlation**2
    mean_BSD = prior.steps(prior.code(posterior.mean))
    variance_BSD = prior.steps((posterior.stddev / prior.stddev).square())
    distance_BSD = (mean_BSD[..., 1:, :] - prior.correlation * mean_BSD[..., :-1, :]).square()
    distance_BSD = distance_BSD + prior.correlation**2 * variance_BSD[..., :-1, :]
    first_BSD = variance_BSD[..., :1, :] + mean_BSD[..., :1, :].square()
    later_BSD = (variance_BSD[..., 1:, :] + distance_BSD) / rest + math.log(rest)
    return 0.5 * (torch.cat([first_BSD, later_BSD], -2) - 1 - variance_BSD.log()).flatten(-2)


class AR1(Conditional):
    """Levels below the top are sequences with an autoregressive prior of order 1 (δ-VAE, Razavi et al. 2019).

    arXiv:1901.03416. A posterior with independent dimensions cannot match it: with D sequences of S steps and the
    correlation α the KL is at least δ = D/2 [(S − 2) ln(1 + α²) − ln(1 − α²)], and the more, the less its means change
    from step to step. α follows from δ. Mean and standard deviation are those of `Conditional`.

    Args:
        nats: δ of each level below the top.
        num_steps: S, a divisor of these levels' dimensions.

    Raises:
        ValueError: there is no level below the top, or its dimensions are not divisible by S.
    """

    independent = False

    def __init__(self, levels: Mapping[str, int], nats: float = 2.0, num_steps: int = 8, **options: Any):
        super().__init__(levels, **options)
        self.number("nats", nats, POSITIVE)
        self.num_steps = self.number("num_steps", num_steps, SEVERAL)
        _, *lower = levels.items()
        if not lower or any(size % num_steps for _, size in lower):
            sizes = ", ".join(f"z_{name} {size}" for name, size in lower) or "none"
            raise ValueError(
                f"vae.prior.num_steps={num_steps}: choose a divisor of the dimensions below the top level ({sizes})"
            )
        self.correlations = [correlation(nats, size // num_steps, num_steps) for _, size in lower]

    def forward(self, above: Sequence[Tensor]) -> FirstOrder:
        normal = super().forward(above)
        return FirstOrder(normal.mean, normal.stddev, self.correlations[len(above) - 1], self.num_steps)


def committed_rate(correlation: float, num_sequences: int, num_steps: int) -> float:
    """The least KL of independent Gaussians to so many sequences, in nats."""
    square = correlation**2
    return num_sequences / 2 * ((num_steps - 2) * math.log1p(square) - math.log1p(-square))


def correlation(nats: float, num_sequences: int, num_steps: int) -> float:
    """α in (0, 1) of which the committed rate is `nats`."""
    return brentq(lambda each: committed_rate(each, num_sequences, num_steps) - nats, 0.0, 1 - 1e-12)
