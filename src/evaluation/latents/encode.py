"""Held-out bars beside what their latents carry and what is known of them.

N bars, T steps, V voices, L latent dims, K factors, F features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from src.data.drums.features import features
from src.data.module import ResidentData
from src.data.voices import VOICES, Voice
from src.evaluation.artifacts import Exhibit, Sound
from src.vae.latents import LEVELS
from src.vae.module import VAE

CHUNK = 500  # bars at once
SAMPLE_RATE = 22_050  # Hz, of what is to hear: there are many bars, and no need for the highest overtones


@dataclass(frozen=True)
class Coded:
    """Bars of one held-out split as the encoder sees them.

    Attributes:
        grids_NTV: the bars, uint8.
        rates: each level's mean KL per dimension [L], in nats.
        styles_N: int64, indices into `style_names`.
        factors: what else is known of the bars, by name: int64 [N], such as the grammar's factors or the drummer.
        ordered: the factors whose values go from less to more.
        voices: of the grids' columns.
    """

    grids_NTV: Tensor
    rates: Mapping[str, Tensor]
    styles_N: Tensor
    style_names: tuple[str, ...]
    factors: Mapping[str, Tensor]
    ordered: Sequence[str] = ()
    voices: Sequence[Voice] = VOICES

    @cached_property
    def features_NF(self) -> Tensor:
        """Musical features, in the order of `src.data.drums.features.FEATURES`."""
        return features(self.grids_NTV)


@dataclass(frozen=True)
class Findings:
    """What an examination found: metrics by name, what to show, and facts for results.json that are no metrics."""

    metrics: dict[str, float | None] = field(default_factory=dict)
    shown: dict[str, Exhibit] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def __or__(self, other: "Findings") -> "Findings":
        return Findings(self.metrics | other.metrics, self.shown | other.shown, self.facts | other.facts)


@torch.no_grad()
def coded(vae: VAE, data: ResidentData, split: str, most: int) -> Coded:
    """The first `most` bars of a held-out split, on the model's device; the model is to be in evaluation mode."""
    held_out = data.held_out(split).to(vae.device)
    grids_NTV, styles_N = held_out.images[:most, 0], held_out.labels[:most, 0]
    parts = [vae.infer(part_NTV) for part_NTV in vae.to_cells(grids_NTV.unsqueeze(1)).split(CHUNK)]
    rates = [(part.rates().high_BL, part.rates().low_BL) for part in parts]
    return Coded(
        grids_NTV,
        {level: torch.cat([part[i] for part in rates]).mean(0) for i, level in enumerate(LEVELS)},
        styles_N,
        data.spec.classes,
        {name: values_N[:most].to(vae.device) for name, values_N in data.known_factors(split).items()},
        data.ordered_factors,
        data.spec.kit,
    )


def sound(grids_NTV: Tensor, voices: Sequence[Voice] = VOICES) -> Sound:
    """Bars [N, T, V] of an examination to hear."""
    return Sound(grids_NTV, voices, SAMPLE_RATE)
