"""Tiny VAEs of bars with 4 steps and 3 voices, trained in a real trainer."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from lightning import Callback, Trainer
from omegaconf import OmegaConf
from torch import Tensor

from src.callbacks.randomness import Randomness
from src.data.resident import ResidentLoader
from src.data.spec import DataSpec
from src.vae.module import VAE
from src.vae.networks import Conditional, Encoder, TopDown

DECODER = Path(__file__).parents[2] / "conf" / "vae.decoder" / "autoregressive.yaml"


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
        trainer = Trainer(
            accelerator="cpu",
            devices=1,
            precision=precision,
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Randomness(0), *callbacks, *([SaveAfter(*save)] if save else [])],
        )
        loader = ResidentLoader(images, 8, num_batches, seed=0, num_channels=vae.spec.shape[0])
        trainer.fit(vae, loader, ckpt_path=resume, weights_only=True if resume else None)
        return trainer

    return train
