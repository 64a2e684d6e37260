"""Held-out bars with what the encoder makes of each level."""

from dataclasses import dataclass

import torch
from torch import Tensor

from src.evaluation.latents.codec import Codes, mean_codes, sampled_codes
from src.evaluation.latents.encode import Coded
from src.vae.latents import LEVELS
from src.vae.module import VAE


@dataclass(frozen=True)
class Reading:
    """Bars, their posteriors' means, and one sample from each posterior, as codes (see codec.py)."""

    bars: Coded
    means: Codes
    drawn: Codes

    @classmethod
    def of(cls, vae: VAE, bars: Coded) -> "Reading":
        return cls(bars, mean_codes(vae, bars.grids_NTV), sampled_codes(vae, bars.grids_NTV))


def joined(codes: Codes) -> Tensor:
    """Both levels side by side [N, L]."""
    return torch.cat([codes[level] for level in LEVELS], 1)
