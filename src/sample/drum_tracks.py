"""Whole tracks of drum bars: something is kept from bar to bar, the theme, and everything else is drawn anew.

N bars, M themes, C channels, T steps, V voices, L latent dims.
"""

from typing import Protocol

import torch
from torch import Tensor

from src.evaluation.oracles.base import Oracle
from src.gan.module import GAN
from src.vae.module import VAE

NUM_THEMES = 128  # to choose a style's theme from
TRIED_BARS = 16  # of each of them
KEPT = 0.9  # correlation of each bar's z with the theme of a GAN: less is another track, more the same bar again


class Themes(Protocol):
    """What a model can keep."""

    def drawn(self, num: int, random: torch.Generator) -> Tensor:
        """From the prior [M, L]."""
        ...

    def of(self, grids_NTV: Tensor, random: torch.Generator) -> Tensor:
        """Such as may sound like these bars [M, L]."""
        ...

    def bars(self, themes_NL: Tensor, random: torch.Generator) -> Tensor:
        """A new bar on each theme, uint8 [N, C, T, V]."""
        ...


class GlobalLevel:
    """The themes of a VAE: z_high, on which z_low and then the cells are drawn anew for each bar."""

    def __init__(self, vae: VAE):
        self.vae = vae

    def drawn(self, num: int, random: torch.Generator) -> Tensor:
        return torch.randn(num, self.vae.z_high, generator=random)

    def of(self, grids_NTV: Tensor, random: torch.Generator) -> Tensor:
        some_NTV = grids_NTV[torch.randperm(len(grids_NTV), generator=random)[:NUM_THEMES]]
        return self.vae.infer(self.vae.to_cells(some_NTV.unsqueeze(1))).posterior_high.mean

    def bars(self, themes_NL: Tensor, random: torch.Generator) -> Tensor:
        noise_NL = torch.randn(len(themes_NL), self.vae.z_low, generator=random)
        uniform_NTV = torch.rand(len(themes_NL), *self.vae.shape, generator=random)
        return self.vae.decode(themes_NL, self.vae.low_from(themes_NL, noise_NL), uniform_NTV)


class Neighbourhood:
    """The themes of a GAN: places in its only latent space, near which each bar has its own."""

    def __init__(self, gan: GAN):
        self.gan = gan

    def drawn(self, num: int, random: torch.Generator) -> Tensor:
        return torch.randn(num, self.gan.generator.z, generator=random)

    def of(self, grids_NTV: Tensor, random: torch.Generator) -> Tensor:
        return self.drawn(NUM_THEMES, random)  # a GAN cannot tell where bars lie

    def bars(self, themes_NL: Tensor, random: torch.Generator) -> Tensor:
        moved_NL = KEPT * themes_NL + (1 - KEPT**2) ** 0.5 * torch.randn(themes_NL.shape, generator=random)
        return self.gan.images(moved_NL)


def themes_of(model: GAN | VAE) -> Themes:
    return GlobalLevel(model) if isinstance(model, VAE) else Neighbourhood(model)


@torch.no_grad()
def track(model: GAN | VAE, num: int, seed: int) -> Tensor:
    """Bars on one theme of the prior, uint8 [num, C, T, V]; the model is to be in evaluation mode, on the CPU."""
    random = torch.Generator().manual_seed(seed)
    themes = themes_of(model)
    return themes.bars(themes.drawn(1, random).expand(num, -1), random)


@torch.no_grad()
def styled_track(model: GAN | VAE, grids_NTV: Tensor, style: int, oracle: Oracle, num: int, seed: int) -> Tensor:
    """Bars on the one theme, of many, on which trial bars were heard as `style` most often, uint8 [num, 1, T, V].

    Args:
        grids_NTV: bars of the style, to look for themes in.
        oracle: tells styles.
    """
    random = torch.Generator().manual_seed(seed)
    themes = themes_of(model)
    tried_ML = themes.of(grids_NTV, random)
    bars_N1TV = themes.bars(tried_ML.repeat_interleave(TRIED_BARS, 0), random)
    heard_M = (oracle.predict(bars_N1TV).classes_NC[:, 0] == style).view(-1, TRIED_BARS).sum(1)
    return themes.bars(tried_ML[heard_M.argmax()].expand(num, -1), random)
