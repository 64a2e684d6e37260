"""Annealers at a chosen point of a run, and KLs for them."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from src.vae.anneal import Annealer
from src.vae.latents import KLs

CONF = Path(__file__).parents[3] / "conf" / "vae.anneal"


@pytest.fixture
def at() -> Callable[..., Any]:
    """Puts an annealer into a run of which a share is done."""

    def begin(annealer: Annealer, share: float) -> Annealer:
        annealer.vae = SimpleNamespace(progress=share)
        return annealer

    return begin


@pytest.fixture
def kls() -> KLs:
    """KL of 6 samples, 2 high and 3 low dimensions, in nats: from nearly nothing to three."""
    random = torch.Generator().manual_seed(3)
    high_BL = 3 * torch.rand(6, 2, generator=random) ** 3
    low_BL = 3 * torch.rand(6, 3, generator=random) ** 3
    return KLs((high_BL.requires_grad_(), low_BL.requires_grad_()))


@pytest.fixture
def option() -> Callable[..., dict[str, Annealer]]:
    """Builds annealers as conf/ does, by name; parameters can be replaced."""

    def build(*names: str, **changes: dict[str, Any]) -> dict[str, Annealer]:
        content = OmegaConf.merge(*(OmegaConf.load(CONF / f"{name}.yaml") for name in names), changes)
        return instantiate(content, _convert_="all")

    return build
