"""Tiny VAEs, trained in a real trainer on bars with 4 steps and 3 voices, and evaluated on small data of real shape.

N samples, C channels, H height, W width.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from lightning import Callback, Trainer
from omegaconf import OmegaConf
from torch import Tensor, nn

from src.data.drums import drawing, grammar
from src.data.loader import ResidentLoader
from src.data.module import Loaded, ResidentData
from src.data.spec import DataSpec, Split
from src.evaluation.callback import Evaluation
from src.evaluation.vae import VAEEvaluator
from src.training.callbacks.randomness import Randomness
from src.vae.module import VAE
from src.vae.networks import Conditional, Encoder, TopDown
from tests.coloured import Shapes
from tests.conftest import BARE, shorten_oracle_training

DECODER = Path(__file__).parents[2] / "conf" / "vae.decoder" / "autoregressive.yaml"
SIZES = {"train": 300, "val": 120, "test": 90}


@pytest.fixture
def bar_spec() -> DataSpec:
    sizes = {"train": 64, "val": 16, "test": 16}
    return DataSpec("toy", "toy", "0" * 64, ("rock", "jazz"), (1, 4, 3), sizes, levels=1)


@pytest.fixture
def bars() -> Tensor:
    """Uint8 [64, 4, 3], the second half of each bar a copy of the first."""
    half = torch.rand(64, 2, 3, generator=torch.Generator().manual_seed(0)) < 0.4
    return torch.cat([half, half], 1).to(torch.uint8)


@pytest.fixture
def make_vae(bar_spec) -> Callable[..., VAE]:
    """Builds a tiny VAE, the same every time; any argument can be replaced."""

    def make(seed: int = 0, **changes: Any) -> VAE:
        torch.manual_seed(seed)
        arguments = {
            "spec": bar_spec,
            "z_high": 2,
            "z_low": 3,
            "encoder": partial(Encoder, width=8, dropout=0.1),
            "inference": partial(TopDown, width=8),
            "prior": partial(Conditional, width=8),
            "decoder": instantiate(OmegaConf.load(DECODER), width=8, cell_width=4),
            "decoder_sees": "both",
            "optimizer": partial(torch.optim.AdamW, lr=1e-2, weight_decay=0.1),
            "warmup": 0.1,
            "max_gradient_norm": 5.0,
        }
        return VAE(**(arguments | changes))

    return make


class SaveAfter(Callback):
    """Writes a checkpoint after so many batches, where an evaluation would."""

    def __init__(self, num_batches: int, path: Path):
        self.num_batches = num_batches
        self.path = path

    def on_train_batch_end(self, trainer: Trainer, vae: VAE, outputs: Any, batch: Any, batch_index: int) -> None:
        if vae.steps == self.num_batches:
            trainer.save_checkpoint(self.path)


@pytest.fixture
def fit_vae(bars) -> Callable[..., Trainer]:
    """Trains a VAE for some batches of 8 bars, from the start or from a checkpoint; `save` is (after, path)."""

    def train(
        vae: VAE,
        num_batches: int = 4,
        callbacks: Sequence[Callback] = (),
        save: tuple[int, Path] | None = None,
        resume: Path | None = None,
        images: Tensor = bars,
        precision: str = "32-true",
    ) -> Trainer:
        torch.manual_seed(7)
        watching = [Randomness(0), *callbacks, *([SaveAfter(*save)] if save else [])]
        trainer = Trainer(accelerator="cpu", precision=precision, callbacks=watching, **BARE)
        loader = ResidentLoader(images, 8, num_batches, seed=0, stack=vae.spec.stack)
        trainer.fit(vae, loader, ckpt_path=resume, weights_only=True if resume else None)
        return trainer

    return train


class Bars(ResidentData):
    name = "toy"

    def load(self) -> Loaded:
        drawn = [grammar.draw(num, seed) for seed, num in enumerate(SIZES.values())]
        return Loaded(*(Split.of(bars.grids_NTV, bars.styles_N) for bars in drawn), grammar.STYLES, "toy", levels=1)

    def true_nll(self, images_NCHW: Tensor) -> Tensor:
        return torch.full((len(images_NCHW),), 15.0) + images_NCHW.sum((1, 2, 3))


class Nameless(Bars):
    """Bars of one style."""

    def load(self) -> Loaded:
        loaded = super().load()
        splits = [
            Split(split.images, torch.zeros_like(split.labels)) for split in (loaded.train, loaded.val, loaded.test)
        ]
        return Loaded(*splits, ("all",), "toy", levels=1)


class Smudges(ResidentData):
    name = "toy"

    def load(self) -> Loaded:
        random = torch.Generator().manual_seed(0)
        images = [torch.rand(num, 28, 28, generator=random).pow(3).mul(255).to(torch.uint8) for num in SIZES.values()]
        return Loaded(*(Split(split, torch.arange(len(split)) % 2) for split in images), ("A", "B"), "toy")


KINDS = {"bars": Bars, "nameless": Nameless, "smudges": Smudges, "colours": partial(Shapes, size=16)}
Evaluated = tuple[Evaluation, ResidentData]


@pytest.fixture(scope="session")
def oracles(tmp_path_factory) -> Path:
    """Folder of the small data's oracles, each trained once and briefly."""
    return tmp_path_factory.mktemp("oracles")


@pytest.fixture
def evaluation_of(monkeypatch, tmp_path, oracles) -> Callable[..., Evaluated]:
    """An evaluation as a run has it, ready for the data; what costs most, the pictures of bars, only if asked for."""
    shorten_oracle_training(monkeypatch, 40)

    def make(
        kind: str = "bars", stack: int = 1, pictures: bool = False, interpret: bool = False, **changes: int
    ) -> Evaluated:
        if not pictures:
            for name in ("bars", "reconstructions"):
                monkeypatch.setattr(drawing, name, lambda *grids, **options: np.zeros((1, 1, 3), np.uint8))
        data = KINDS[kind](root="", budget=8, batch_size=8, seed=0, stack=stack)
        data.setup()
        numbers = {"num_samples": 60, "num_held_out": 50, "importance_samples": 20} | changes
        evaluator = VAEEvaluator(**numbers, interpret=interpret, cache=str(oracles))
        evaluator.prepare(data, torch.device("cpu"))
        return Evaluation(evaluator, 1, "elbo", str(tmp_path)), data

    return make


def enlivened(vae: VAE) -> VAE:
    """All levels far from their priors, and used by the decoder."""
    for head in (vae.inference[level] for level in vae.levels):
        (head[-1] if isinstance(head, nn.Sequential) else head).weight.data.mul_(4)
    for parameter in vae.decoder.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(2)
    return vae


@pytest.fixture
def vae_for(make_vae) -> Callable[..., VAE]:
    return lambda data, **changes: enlivened(make_vae(spec=data.spec, **changes))
