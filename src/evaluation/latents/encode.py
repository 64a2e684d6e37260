"""Held-out bars, their latent codes, and bars decoded from codes.

A code of the top level is its value; of a level below it is the distance from the mean of its prior given the levels
above, in standard deviations of that prior. The bare values would repeat what a conditional prior takes from above, so
that even a collapsed level would predict styles, and combined with another top level they could lie hundreds of
deviations off. Under a standard prior the code is the value itself.

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
from src.evaluation import SEED
from src.evaluation.artifacts import Artifact, Sound
from src.training.callbacks.randomness import own_randomness
from src.vae.module import VAE

CHUNK = 500  # bars per batch
SAMPLE_RATE = 22_050  # Hz, of the sounds
Codes = dict[str, Tensor]  # [N, L] by level, top level first


@dataclass(frozen=True)
class EncodedSplit:
    """Bars of one held-out split with the KL of their posteriors."""

    grids_NTV: Tensor  # uint8
    kl: Mapping[str, Tensor]  # each level's mean KL per dimension [L], in nats
    styles_N: Tensor  # indices into `style_names`
    style_names: tuple[str, ...]
    factors: Mapping[str, Tensor]  # further labels by name, int64 [N], such as the grammar's factors or the drummer
    ordered: Sequence[str] = ()  # factors with ordered values
    voices: Kit = VOICES  # of the grids' columns

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
    kl = by_level(vae, [vae.infer(cells_NTV).kls().levels_BL for cells_NTV in _cells(vae, grids_NTV)])
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
    cells = _cells(vae, grids_NTV)
    return by_level(vae, [vae.inference.means(vae.encoder(part_NTV), vae.prior).codes() for part_NTV in cells])


@torch.no_grad()
def sampled_codes(vae: VAE, grids_NTV: Tensor) -> Codes:
    """Codes of one posterior sample per bar, which is what the decoder receives.

    Means of a collapsed level may differ by thousandths: enough to predict styles, but lost in the posterior's noise.
    """
    with own_randomness(grids_NTV.device, SEED):
        return by_level(vae, [vae.infer(cells_NTV).codes() for cells_NTV in _cells(vae, grids_NTV)])


@torch.no_grad()
def decode_mode(vae: VAE, codes: Codes) -> Tensor:
    """Bars decoded from codes [..., L], uint8 [..., T, V]: each cell is the likelier value given the preceding ones.

    Decoding is deterministic, so that any difference between two bars comes from their codes.
    """
    bars, shape = [], next(iter(codes.values())).shape[:-1]
    for part in zip(*(of_level.flatten(0, -2).split(CHUNK) for of_level in codes.values()), strict=True):
        threshold_NTV = torch.full((len(part[0]), *vae.shape), 0.5, device=part[0].device)
        bars.append(vae.decode(vae.prior.from_codes(part), threshold_NTV)[:, 0])
    return torch.cat(bars).unflatten(0, shape)


def side_by_side(codes: Codes) -> Tensor:
    """Codes of all levels [N, L]."""
    return torch.cat([*codes.values()], 1)


def sound(grids_NTV: Tensor, voices: Kit = VOICES) -> Sound:
    """Bars [N, T, V] as sound."""
    return Sound(grids_NTV, voices, SAMPLE_RATE)


def _cells(vae: VAE, grids_NTV: Tensor) -> tuple[Tensor, ...]:
    return vae.to_cells(grids_NTV.unsqueeze(1)).split(CHUNK)


def by_level(vae: VAE, parts: Sequence[Sequence[Tensor]]) -> Codes:
    """Tensors of all samples by level, from parts with one tensor per level each."""
    return {level: torch.cat(of_level) for level, of_level in zip(vae.levels, zip(*parts, strict=True), strict=True)}
