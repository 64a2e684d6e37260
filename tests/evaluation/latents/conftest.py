"""A world of made bars whose codes are known, VAEs that read and write it by hand, and small VAEs of real networks.

A bar of the world has a style, which says who plays on steps 1 and 9, and two bits of hats: on the beats 2 and 4, and
on all off-beats. So the rhythm depends on the bits alone, and who plays it on the style alone.

N bars, B batch, T steps, V voices, L latent dims.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.distributions import Normal

from src.data.drums import grammar
from src.data.spec import BAR, DataSpec
from src.data.voices import CLOSED_HAT, KICK, LOW_TOM, SNARE
from src.evaluation.latents.encode import EncodedSplit
from src.evaluation.oracles.base import Oracle
from src.vae.decoders import Decoder, Parallel
from src.vae.latents import Latents, normal, standard_normal
from src.vae.likelihoods import Likelihood
from src.vae.module import VAE
from src.vae.networks import BottomUp, Conditional, Encoder, Standard, TopDown
from src.vae.prior import Prior

DECODER = Path(__file__).parents[3] / "conf" / "vae.decoder" / "autoregressive.yaml"
STYLES = ("kicks", "snares", "toms")
PLAYERS = (KICK, SNARE, LOW_TOM)
STRESSED, BEATS, OFF_BEATS = (0, 8), (4, 12), (2, 6, 10, 14)
SIZES = {"style": len(STYLES), "hats": 2}
MODELS = {
    "top-down": {"prior": Conditional},
    "bottom-up": {"inference": partial(BottomUp, width=8), "prior": Conditional},
    "decoder sees z_low": {"decoder_sees": "low", "prior": Standard},
    "parallel": {"decoder": partial(Parallel, width=8, depth=1, dropout=0.1)},
    "one dimension each": {"z_high": 1, "z_low": 1},
}
CERTAIN = 10.0  # logit of a cell that the hand-made decoder sets


def world_bars(styles_N: Tensor, bits_N2: Tensor) -> Tensor:
    """Uint8 [N, T, V]."""
    grids_NTV = torch.zeros(len(styles_N), *BAR, dtype=torch.uint8)
    for grid_TV, style, (beats, off_beats) in zip(grids_NTV, styles_N.tolist(), bits_N2.tolist(), strict=True):
        grid_TV[list(STRESSED), PLAYERS[style]] = 1
        grid_TV[list(BEATS), CLOSED_HAT] = int(beats)
        grid_TV[list(OFF_BEATS), CLOSED_HAT] = int(off_beats)
    return grids_NTV


def encoded_bars(grids_NTV: Tensor, styles_N: Tensor, names: tuple[str, ...]) -> EncodedSplit:
    rates = {"high": torch.tensor([1.0]), "low": torch.tensor([0.5])}
    return EncodedSplit(grids_NTV, rates, styles_N, names, {})


class Reader(nn.Module):
    """The inference of the world: means that tell style and bits apart, or those of the prior."""

    top_prior = staticmethod(standard_normal)

    def __init__(self, features: int, levels: dict[str, int], skips: bool, holds: Mapping[str, str | None], std: float):
        super().__init__()
        self.sizes, self.holds, self.std = levels, holds, std

    def means(self, cells_BD: Tensor, prior: nn.Module) -> Latents:
        return self.latents(cells_BD, prior, lambda posterior: posterior.mean)

    def forward(self, cells_BD: Tensor, prior: nn.Module) -> Latents:
        return self.latents(cells_BD, prior, Normal.sample)

    def latents(self, cells_BD: Tensor, prior: nn.Module, value: Callable[[Normal], Tensor]) -> Latents:
        high = normal(self._mean(cells_BD, "high"), self._std(cells_BD, "high"))
        high_BL = value(high)
        expected = prior([high_BL])
        mean_BL = expected.mean + expected.stddev * self._mean(cells_BD, "low")
        low = normal(mean_BL, expected.stddev * self._std(cells_BD, "low"))
        return Latents((high_BL, value(low)), (high, low), (prior.top(high_BL), expected))

    def _mean(self, cells_BD: Tensor, level: str) -> Tensor:
        cells_BTV = cells_BD.view(-1, *BAR)
        if self.holds[level] == "style":
            return 2 * cells_BTV[:, 0, list(PLAYERS)] - 1
        if self.holds[level] == "hats":
            return 2 * cells_BTV[:, [BEATS[0], OFF_BEATS[0]], CLOSED_HAT] - 1
        return cells_BD.new_zeros(len(cells_BD), self.sizes[level])

    def _std(self, cells_BD: Tensor, level: str) -> Tensor:
        std = 1.0 if self.holds[level] is None else self.std
        return torch.full((len(cells_BD), self.sizes[level]), std)


class Writer(Decoder):
    """The decoder of the world: which latents say the style, and which the bits."""

    autoregressive = False

    def __init__(self, num_latents: int, shape: tuple[int, int], likelihood: Likelihood, style: slice, hats: slice):
        super().__init__(likelihood)
        self.style, self.hats = style, hats

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        bars_BTV = world_bars(latents_BZ[:, self.style].argmax(1), latents_BZ[:, self.hats] > 0)
        return CERTAIN * (2 * bars_BTV.float() - 1)

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        probability_BTV = (self(latents_BZ, uniform_BTV) / temperature).sigmoid()
        return (probability_BTV > uniform_BTV).float(), probability_BTV


class Announcing(Prior):
    """p(z_low | z_high), narrow, and far from zero."""

    conditional = True

    def __init__(self, levels: dict[str, int], skips: bool):
        super().__init__()
        self.z_low = levels["low"]

    def forward(self, above: Sequence[Tensor]) -> Normal:
        mean_BL = 5 * above[0][..., :1].expand(*above[0].shape[:-1], self.z_low)
        return normal(mean_BL, torch.full_like(mean_BL, 0.01))


class Flattened(nn.Module):
    """An encoder that hands on the cells."""

    def __init__(self, num_cells: int):
        super().__init__()
        self.num_features = num_cells

    def forward(self, cells_BTV: Tensor) -> Tensor:
        return cells_BTV.flatten(-2)


class Ear(Oracle):
    """Hears the world's styles, and that a bar in which no one plays the stressed steps has none."""

    def __init__(self):
        super().__init__(nn.Flatten(), BAR[0] * BAR[1], len(STYLES), levels=1)
        weight = torch.zeros(len(STYLES) + 1, *BAR)
        for style, player in enumerate(PLAYERS):
            weight[style, list(STRESSED), player] = 3
        self.head = nn.Linear(BAR[0] * BAR[1], len(STYLES) + 1)
        self.head.weight.data = weight.flatten(1)
        self.head.bias.data = torch.tensor([0.0, 0.0, 0.0, 2.0])
        self.accuracy_k.fill_(1)
        self.requires_grad_(False)

    def augment(self, images_B1HW: Tensor) -> Tensor:
        return images_B1HW

    def outliers(self, images_B1HW: Tensor, labels_B: Tensor) -> Tensor:
        return images_B1HW


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def drum_spec() -> DataSpec:
    sizes = {"train": 240, "val": 120, "test": 120}
    return DataSpec("toy", "toy", "0" * 64, STYLES, (1, *BAR), sizes, levels=1)


@pytest.fixture
def world() -> Callable[..., EncodedSplit]:
    """Bars of the world: each style with each pair of bits so many `times`, in a random order of their own."""

    def make(seed: int, times: int = 10, styles: int = len(STYLES)) -> EncodedSplit:
        combinations = list(product(range(styles), (0, 1), (0, 1))) * times
        order = np.random.default_rng(seed).permutation(len(combinations))
        known_N3 = torch.tensor(combinations)[order]
        return encoded_bars(world_bars(known_N3[:, 0], known_N3[:, 1:]), known_N3[:, 0], STYLES)

    return make


@pytest.fixture
def bare_vae(drum_spec) -> Callable[..., VAE]:
    """A VAE of given parts, with what it takes to be one at all."""

    def make(**parts: Any) -> VAE:
        torch.manual_seed(0)
        rest = {
            "spec": drum_spec,
            "encoder": Flattened,
            "prior": Standard,
            "decoder_sees": "both",
            "optimizer": partial(torch.optim.AdamW, lr=1e-3),
            "warmup": 0.1,
            "max_gradient_norm": 1.0,
        }
        return VAE(**(rest | parts)).eval()

    return make


@pytest.fixture
def world_vae(bare_vae) -> Callable[..., VAE]:
    """A VAE that keeps the style in one level and the hats in the other; `collapsed` levels hold nothing."""

    def make(high: str = "style", collapsed: tuple[str, ...] = (), prior: Callable[..., nn.Module] = Standard) -> VAE:
        low = "hats" if high == "style" else "style"
        slices = {high: slice(0, SIZES[high]), low: slice(SIZES[high], None)}
        holds = {level: None if level in collapsed else kind for level, kind in (("high", high), ("low", low))}
        return bare_vae(
            z_high=SIZES[high],
            z_low=SIZES[low],
            inference=partial(Reader, holds=holds, std=0.05),
            prior=prior,
            decoder=partial(Writer, **slices),
        )

    return make


@pytest.fixture
def small_vae(bare_vae) -> Callable[..., VAE]:
    """Untrained, of real networks; any part can be replaced."""

    def make(**changes: Any) -> VAE:
        parts = {
            "z_high": 2,
            "z_low": 3,
            "encoder": partial(Encoder, width=8),
            "inference": partial(TopDown, width=8),
            "decoder": instantiate(OmegaConf.load(DECODER), width=8, cell_width=4),
        }
        return bare_vae(**(parts | changes))

    return make


@pytest.fixture
def announcing() -> type[nn.Module]:
    return Announcing


@pytest.fixture
def grammar_bars() -> Callable[..., EncodedSplit]:
    """Bars of the real grammar."""

    def make(num: int, seed: int, styles: int = len(grammar.STYLES)) -> EncodedSplit:
        grids_NTV, styles_N, _ = (torch.from_numpy(part) for part in grammar.draw(num, seed))
        some_N = styles_N < styles
        return encoded_bars(grids_NTV[some_N], styles_N[some_N], grammar.STYLES)

    return make
