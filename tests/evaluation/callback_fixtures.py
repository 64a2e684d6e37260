"""An evaluator that disturbs, and training under its eyes."""

import math

import numpy as np
import pytest
import torch
from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from src.data.loader import ResidentLoader
from src.evaluation.artifacts import Picture
from src.evaluation.callback import Evaluation


class Nosy:
    """An evaluator that does all it can to disturb: draws random numbers, samples, asks for gradients."""

    headline = ("modes", "kl")
    charts = {"Toy": {"Modes": "val/modes", "Rates": "val/(a|b)"}, "Other": {"KL": "val/kl"}}  # noqa: RUF012

    def __init__(self, modes=()):
        self.modes = list(modes)
        self.splits = []

    def prepare(self, data, device):
        self.device = device
        torch.randn(100)

    def evaluate(self, gan, split):
        assert not torch.is_grad_enabled()
        self.splits.append(split)
        torch.randn(100)
        torch.manual_seed(3)
        images = gan.sample(4, seed=0)
        modes = self.modes.pop(0) if self.modes else len(self.splits)
        metrics = {"modes": modes, "kl": math.nan, "missing": ["A", "B"], "shares": [0.25, 0.75]}
        return metrics, {"random": Picture(images[0].permute(1, 2, 0).repeat(1, 1, 3).numpy())}

    def controls(self):
        torch.randn(5)
        return {"noise": {"modes": 0}}

    def facts(self):
        return {"oracle_accuracy": 0.9}

    def over_training(self, history, metrics):
        return {"outcome": "covering", "onset": history[-1]["images_seen"], "metrics": {"modes_late": 1.5}}

    def timeline(self, history):
        return {"shares": Picture(np.zeros((4, 4, 3), np.uint8))}


@pytest.fixture
def evaluated_fit(toy_images, tmp_path):
    """Trains with evaluations and no reseeding: whatever they draw from the common stream would show."""

    def train(gan, num_evaluations, num_batches=10, evaluator=None, others=(), folder=tmp_path, monitor="modes"):
        watcher = Evaluation(evaluator or Nosy(), num_evaluations, monitor, str(folder)) if num_evaluations else None
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            logger=TensorBoardLogger(folder, name="", version=""),
            log_every_n_steps=1,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[*others, *([watcher] if watcher else [])],
        )
        torch.manual_seed(11)
        trainer.fit(gan, ResidentLoader(toy_images, 8, num_batches, seed=0))
        return watcher

    return train
