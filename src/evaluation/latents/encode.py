"""Held-out bars, their latent codes, and bars decoded from codes.

A code of z_low is its distance from the mean of its prior given z_high, in standard deviations of that prior. The bare
values would repeat what a conditional prior takes from z_high, so that even a collapsed z_low would predict styles, and
combined with another z_high they could lie hundreds of deviations off. Under a standard prior the code is z_low itself.

N bars, T steps, V voices, L latent dims, K factors, F features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from src.data.drums.features import Features
from src.data.module import ResidentData
from src.data.voices import VOICES, Kit
from src.evaluation.artifacts import Artifact, Sound
from src.vae.latents import LEVELS
from src.vae.module import VAE

SEED = 20_26  # of all random draws in this package: the same for every model
CHUNK = 500  # bars per batch
SAMPLE_RATE = 22_050  # Hz, of the sounds
Codes = dict[str, Tensor]  # [N, L] by level


@dataclass(frozen=True)
class EncodedSplit:
    """Bars of one held-out split with the KL of their posteriors.

    Attributes:
        grids_NTV: the bars, uint8.
        kl: each level's mean KL per dimension [L], in nats.
        styles_N: int64, indices into `style_names`.
        factors: further labels by name, int64 [N], such as the grammar's factors or the drummer.
        ordered: the factors with ordered values.
        voices: of the grids' columns.
    """

    grids_NTV: Tensor
    kl: Mapping[str, Tensor]
    styles_N: Tensor
    style_names: tuple[str, ...]
    factors: Mapping[str, Tensor]
    ordered: Sequence[str] = ()
    voices: Kit = VOICES

    @cached_property
    def features_NF(self) -> Tensor:
        """Musical features, in the order of `describe.names`."""
        return self.describe(self.grids_NTV)

    @cached_property
    def describe(self) -> Features:
        """The musical features that these bars have."""
        return Features(self.voices, self.grids_NTV.shape[1])


@dataclass(frozen=True)
class LatentCodes:
    """Bars with their codes: posterior means, and one posterior sample each."""

    bars: EncodedSplit
    means: Codes
    samples: Codes

    @classmethod
    def of(cls, vae: VAE, bars: EncodedSplit) -> "LatentCodes":
        return cls(bars, mean_codes(vae, bars.grids_NTV), sampled_codes(vae, bars.grids_NTV))


@dataclass(frozen=True)
class AnalysisResult:
    """Metrics by name, artifacts by name, and further facts for results.json."""

    metrics: dict[str, float | None] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def __or__(self, other: "AnalysisResult") -> "AnalysisResult":
        return AnalysisResult(self.metrics | other.metrics, self.artifacts | other.artifacts, self.facts | other.facts)


@torch.no_grad()
def encode_split(vae: VAE, data: ResidentData, split: str, num: int) -> EncodedSplit:
    """The first `num` bars of a held-out split, on the device of the model, which must be in evaluation mode."""
    held_out = data.held_out(split).to(vae.device)
    grids_NTV, styles_N = held_out.images[:num, 0], held_out.labels[:num, 0]
    kls = [vae.infer(cells_NTV).kls() for cells_NTV in _cells(vae, grids_NTV)]
    kl = {"high": torch.cat([part.high_BL for part in kls]), "low": torch.cat([part.low_BL for part in kls])}
    return EncodedSplit(
        grids_NTV,
        {level: kl_NL.mean(0) for level, kl_NL in kl.items()},
        styles_N,
        data.spec.classes,
        {name: values_N[:num].to(vae.device) for name, values_N in data.known_factors(split).items()},
        data.ordered_factors,
        data.spec.kit,
    )


@torch.no_grad()
def mean_codes(vae: VAE, grids_NTV: Tensor) -> Codes:
    """Codes of the posterior means."""
    parts = []
    for cells_NTV in _cells(vae, grids_NTV):
        high_NL, low_NL = vae.inference.means(vae.encoder(cells_NTV), vae.prior)
        prior = vae.prior(high_NL)
        parts.append((high_NL, (low_NL - prior.mean) / prior.stddev))
    return _concatenated(parts)


@torch.no_grad()
def sampled_codes(vae: VAE, grids_NTV: Tensor) -> Codes:
    """Codes of one posterior sample per bar, which is what the decoder receives.

    Means of a collapsed level may differ by thousandths: enough to predict styles, but lost in the posterior's noise.
    """
    device = grids_NTV.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(SEED)
        latents = [vae.infer(cells_NTV) for cells_NTV in _cells(vae, grids_NTV)]
    return _concatenated(
        (part.high_BL, (part.low_BL - part.prior_low.mean) / part.prior_low.stddev) for part in latents
    )


@torch.no_grad()
def decode_mode(vae: VAE, high_NL: Tensor, low_NL: Tensor) -> Tensor:
    """Bars decoded from codes, uint8 [N, T, V]: each cell is the likelier value given the preceding ones.

    Decoding is deterministic, so that any difference between two bars comes from their codes.
    """
    bars = []
    for high, low in zip(high_NL.split(CHUNK), low_NL.split(CHUNK), strict=True):
        threshold_NTV = torch.full((len(high), *vae.shape), 0.5, device=high.device)
        bars.append(vae.decode(high, vae.low_from(high, low), threshold_NTV)[:, 0])
    return torch.cat(bars)


def side_by_side(codes: Codes) -> Tensor:
    """Codes of both levels [N, L]."""
    return torch.cat([codes[level] for level in LEVELS], 1)


def sound(grids_NTV: Tensor, voices: Kit = VOICES) -> Sound:
    """Bars [N, T, V] as sound."""
    return Sound(grids_NTV, voices, SAMPLE_RATE)


def _cells(vae: VAE, grids_NTV: Tensor) -> tuple[Tensor, ...]:
    return vae.to_cells(grids_NTV.unsqueeze(1)).split(CHUNK)


def _concatenated(parts: Sequence[tuple[Tensor, Tensor]]) -> Codes:
    high, low = zip(*parts, strict=True)
    return {"high": torch.cat(high), "low": torch.cat(low)}
