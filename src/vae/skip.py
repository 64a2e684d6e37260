"""A decoder whose every layer receives the latents.

B batch, Z latent dims that the decoder receives, T steps, V voices (cells of a step), W width.
"""

from typing import Any

from torch import Tensor, nn

from src.vae.decoders import Autoregressive


class Skip(Autoregressive):
    """`Autoregressive`, with the latents added to the input of each layer in each step (Skip-VAE).

    Dieng et al. 2019, arXiv:1807.04863: a layer's output is a function of the layer before and of z, so that
    no layer can lose what z says. The chain within a step receives them as well. The arguments are `Autoregressive`'s.
    """

    def __init__(self, num_latents: int, shape: tuple[int, int], width: int, depth: int, **options: Any):
        super().__init__(num_latents, shape, width, depth, **options)
        self.skips = nn.ModuleList(nn.Linear(num_latents, width, bias=False) for _ in range(depth + 1))

    def _features(self, latents_BZ: Tensor, past_BTW: Tensor) -> Tensor:
        features_BTW = past_BTW + self.latents(latents_BZ).unsqueeze(-2)
        *skips_B1W, last_B1W = (skip(latents_BZ).unsqueeze(-2) for skip in self.skips)
        for layer, skip_B1W in zip(self.layers, skips_B1W, strict=True):
            features_BTW = features_BTW + layer(features_BTW + skip_B1W)
        return features_BTW + last_B1W
