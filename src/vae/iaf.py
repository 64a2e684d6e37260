"""Top-down inference with inverse autoregressive flows.

B batch, F features, L latent dims.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

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
