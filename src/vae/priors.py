"""Learnt priors of the top level: a mixture of posteriors, and a flow.

B batch, T steps, V voices (cells of a step), L latent dims, K components. Any further leading axes are allowed.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from src.core.validation import COUNT
from src.vae.flows import MADE, MaskedAutoregressive
from src.vae.latents import LevelPrior
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
