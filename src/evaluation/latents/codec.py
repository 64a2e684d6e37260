"""From bars to codes and back, with random numbers of its own.

A code of z_low is what this level adds: its distance from the mean of its prior given z_high, in standard deviations of
that prior. A conditional prior passes on to z_low what z_high knows, so that the bare values of even a collapsed z_low
tell styles apart, and taken to another z_high they may lie hundreds of deviations off. Under a standard prior the code
is z_low itself.

N bars, T steps, V voices, L latent dims.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from src.evaluation.latents.encode import CHUNK
from src.vae.module import VAE

SEED = 20_26  # of everything that is drawn in this room: the same for every model
Codes = dict[str, Tensor]  # [N, L] by level


@torch.no_grad()
def mean_codes(vae: VAE, grids_NTV: Tensor) -> Codes:
    """Posterior means, without noise at either level."""
    parts = []
    for cells_NTV in _cells(vae, grids_NTV):
        high_NL, low_NL = vae.inference.means(vae.encoder(cells_NTV), vae.prior)
        prior = vae.prior(high_NL)
        parts.append((high_NL, (low_NL - prior.mean) / prior.stddev))
    return _joined(parts)


@torch.no_grad()
def sampled_codes(vae: VAE, grids_NTV: Tensor) -> Codes:
    """One sample of the posterior for each bar: what the decoder gets to hear of it.

    Means flatter a collapsed level: they may differ by thousandths, which are enough to tell styles apart and are
    drowned in the posterior's noise.
    """
    device = grids_NTV.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(SEED)
        drawn = [vae.infer(cells_NTV) for cells_NTV in _cells(vae, grids_NTV)]
    return _joined((part.high_BL, (part.low_BL - part.prior_low.mean) / part.prior_low.stddev) for part in drawn)


@torch.no_grad()
def likeliest(vae: VAE, high_NL: Tensor, low_NL: Tensor) -> Tensor:
    """The bars of these codes, uint8 [N, T, V], every cell the likelier choice given those before it.

    Nothing is left to chance, so that whatever differs between two bars comes from their codes.
    """
    bars = []
    for high, low in zip(high_NL.split(CHUNK), low_NL.split(CHUNK), strict=True):
        evenly = torch.full((len(high), *vae.shape), 0.5, device=high.device)
        bars.append(vae.decode(high, vae.low_from(high, low), evenly)[:, 0])
    return torch.cat(bars)


def _cells(vae: VAE, grids_NTV: Tensor) -> tuple[Tensor, ...]:
    return vae.to_cells(grids_NTV.unsqueeze(1)).split(CHUNK)


def _joined(parts: Iterable[tuple[Tensor, Tensor]]) -> Codes:
    high, low = zip(*parts, strict=True)
    return {"high": torch.cat(high), "low": torch.cat(low)}
