"""Top-down inference with inverse autoregressive flows.

B batch, F features, L latent dims.
"""

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn

from src.core.validation import COUNT
from src.vae.flows import MADE, InverseAutoregressive
from src.vae.latents import Gaussian, normal
from src.vae.networks import TopDown


class IAF(TopDown):
    """`TopDown` inference whose Gaussians are refined by an inverse autoregressive flow on each level.

    Kingma et al. 2016, arXiv:1606.04934, section 4. The steps see the encoder's features and the levels above, and
    every other one takes the dimensions in reverse. The KL is estimated on the sample.

    Args:
        features: F of the encoder.
        levels: dimensions by level, top level first.
        skips: whether a level sees all levels above instead of the next one.
        width: of the posteriors' networks below the top.
        dropout: in those networks.
        flow_depth: steps of each level.
        flow_width: of the hidden layer of each step's network.
    """

    family = "flow"

    def __init__(
        self,
        features: int,
        levels: Mapping[str, int],
        skips: bool = False,
        width: int = 256,
        dropout: float = 0.3,
        flow_depth: int = 2,
        flow_width: int = 60,
    ):
        super().__init__(features, levels, skips, width, dropout)
        COUNT.check("vae.inference.flow_depth", flow_depth)
        COUNT.check("vae.inference.flow_width", flow_width)
        sizes: list[int] = []
        for name, size in levels.items():
            contexts = [features, *(sizes if skips else sizes[-1:])]
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
