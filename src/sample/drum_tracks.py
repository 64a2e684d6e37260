"""Tracks of drum bars: a theme is kept from bar to bar, everything else is drawn for each bar.

N bars, M themes, C channels, T steps, V voices, L latent dims.
"""

import torch
from torch import Tensor

from src.evaluation.oracles.base import Oracle
from src.gan.module import GAN
from src.vae.module import VAE

NUM_THEMES = 128  # candidates for a style's theme
TRIED_BARS = 16  # of each candidate
CORRELATION = 0.9  # between each bar's z and a GAN's theme: lower loses the theme, higher repeats the bar


class VAEThemes:
    """A VAE's theme is its top level, z_high of two; the levels below and the cells are drawn for each bar."""

    def __init__(self, vae: VAE):
        self.vae = vae
        self.size, *self.lower = vae.levels.values()

    def draw(self, num: int, random: torch.Generator) -> Tensor:
        """Themes from the prior [M, L]."""
        noise_ML = torch.randn(num, self.size, generator=random)
        return self.vae.prior.top(noise_ML).from_noise(noise_ML)

    def candidates(self, grids_NTV: Tensor, random: torch.Generator) -> Tensor:
        """Themes that may suit bars of one style [M, L]: the posterior means of some of them."""
        some_NTV = grids_NTV[torch.randperm(len(grids_NTV), generator=random)[:NUM_THEMES]]
        return self.vae.infer(self.vae.to_cells(some_NTV.unsqueeze(1))).posteriors[0].mean

    def bars(self, themes_NL: Tensor, random: torch.Generator) -> Tensor:
        """A new bar on each theme, uint8 [N, C, T, V]."""
        noise = [torch.randn(len(themes_NL), size, generator=random) for size in self.lower]
        uniform_NTV = torch.rand(len(themes_NL), *self.vae.shape, generator=random)
        return self.vae.decode(self.vae.prior.below(themes_NL, noise), uniform_NTV)


class GANThemes:
    """A GAN's theme is a z; each bar has its own z near it. The methods are those of `VAEThemes`.

    All bars of a conditional GAN are of the class `labels_1S`.
    """

    def __init__(self, gan: GAN, labels_1S: Tensor | None = None):
        self.gan, self.labels_1S = gan, labels_1S

    def draw(self, num: int, random: torch.Generator) -> Tensor:
        return torch.randn(num, self.gan.generator.z, generator=random)

    def candidates(self, grids_NTV: Tensor, random: torch.Generator) -> Tensor:
        return self.draw(NUM_THEMES, random)  # a GAN has no encoder

    def bars(self, themes_NL: Tensor, random: torch.Generator) -> Tensor:
        noise_NL = torch.randn(themes_NL.shape, generator=random)
        labels_NS = None if self.labels_1S is None else self.labels_1S.expand(len(themes_NL), -1)
        return self.gan.images(CORRELATION * themes_NL + (1 - CORRELATION**2) ** 0.5 * noise_NL, labels_NS)


def themes_of(model: GAN | VAE, seed: int, style: int | None = None) -> VAEThemes | GANThemes:
    """Themes of a model; a conditional GAN's are of the style, or of one drawn from the training data's."""
    if isinstance(model, VAE):
        return VAEThemes(model)
    labels_1S = model.draw_labels(1, seed)
    return GANThemes(model, labels_1S if labels_1S is None or style is None else torch.full_like(labels_1S, style))


@torch.no_grad()
def track(model: GAN | VAE, num: int, seed: int) -> Tensor:
    """Bars on one theme of the prior, uint8 [num, C, T, V]; the model must be in evaluation mode and on the CPU."""
    random = torch.Generator().manual_seed(seed)
    themes = themes_of(model, seed)
    return themes.bars(themes.draw(1, random).expand(num, -1), random)


@torch.no_grad()
def styled_track(model: GAN | VAE, grids_NTV: Tensor, style: int, oracle: Oracle, num: int, seed: int) -> Tensor:
    """Bars on the candidate theme whose trial bars the oracle assigns to `style` most often, uint8 [num, 1, T, V].

    Args:
        grids_NTV: bars of the style, from which candidates are inferred.
    """
    random = torch.Generator().manual_seed(seed)
    themes = themes_of(model, seed, style)
    themes_ML = themes.candidates(grids_NTV, random)
    bars_N1TV = themes.bars(themes_ML.repeat_interleave(TRIED_BARS, 0), random)
    hits_M = (oracle.predict(bars_N1TV).classes_NS[:, 0] == style).view(-1, TRIED_BARS).sum(1)
    return themes.bars(themes_ML[hits_M.argmax()].expand(num, -1), random)
