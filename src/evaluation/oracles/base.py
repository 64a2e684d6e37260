"""The oracle: a classifier of K classes and "none of them", trained on the training split.

B batch, N images, S stacked samples, C channels of a sample, H height, W width, K classes, F features.
"""

import io
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.core.cache import cached
from src.core.console import progress
from src.core.device import multiplies_bf16
from src.data.spec import Split, ink, with_channels
from src.training.callbacks.randomness import own_randomness

STEPS = 320
EXTENSION = 5  # factor of the steps of a second cycle
MIN_ACCURACY = 0.99  # on unchanged training images after one cycle, and
MIN_REJECTED = 0.85  # share of outliers classified as "none", else a second cycle follows
BATCH = 192  # images per step, a third of them outliers
LEARNING_RATE = 4e-3
CHUNK = 250  # images that are classified together
READ = 40 * CHUNK  # images of a split that are read together

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Predictions:
    """Predictions for N images of S stacked samples.

    `confidence_N`: product over samples of the best class's probability, 0 where "none" is more probable in one.
    `classes_NS`: the best of the K classes per sample. `features_NF`: the penultimate layer, samples side by side.
    """

    confidence_N: Tensor
    classes_NS: Tensor
    features_NF: Tensor

    @classmethod
    def joined(cls, parts: Sequence["Predictions"]) -> "Predictions":
        """Those of several parts in turn."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def stacked(self, index_MS: Tensor) -> "Predictions":
        """Predictions for M stacks of these single samples, without running the network."""
        return Predictions(
            self.confidence_N[index_MS].prod(1),
            self.classes_NS[index_MS].flatten(1),
            self.features_NF[index_MS].flatten(1),
        )


class Oracle(nn.Module, ABC):
    """A small classifier with K + 1 outputs, the last for "none of them".

    `accuracy` (over K + 1 outputs: "none" is an error) and `accuracy_k` (over the K classes alone) are measured on the
    test split by `train_oracle`. A subclass defines augmentations and outliers.

    Args:
        body: from images [B, C, H, W] in [0, 1], 1 is ink, to features [B, F].
        levels: the highest stored value, which is paper, not ink, under `dark_ink`.
    """

    name: str
    version: int  # part of the cache key: raised whenever training gives another oracle
    variant: str = ""  # part of it too: what else than the pixels, the labels and the data's own ink decides
    identity: str  # name, version and digest of the data, set by `load_or_train`

    def __init__(
        self,
        body: nn.Module,
        num_features: int,
        num_classes: int,
        levels: int,
        dark_ink: bool = False,
        channels: int = 1,
    ):
        super().__init__()
        self.channels = channels
        self.num_classes = num_classes
        self.levels = levels
        self.dark_ink = dark_ink
        self.body = body
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(num_features, num_classes + 1))
        self.register_buffer("accuracy", torch.tensor(0.0))
        self.register_buffer("accuracy_k", torch.tensor(0.0))

    @abstractmethod
    def augment(self, images_BCHW: Tensor) -> Tensor:
        """Randomly changes images in [0, 1] without changing their classes."""

    @abstractmethod
    def outliers(self, images_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        """As many images of no class, made from these."""

    def training_batch(self, images_BCHW: Tensor, labels_B: Tensor, num_outliers: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets [B]: the last `num_outliers` images become outliers of target K; all are augmented."""
        real, source = images_BCHW.tensor_split([-num_outliers])
        inputs_BCHW = torch.cat([real, self.outliers(source, labels_B[-num_outliers:])])
        return self.augment(inputs_BCHW), labels_B.clone().index_fill_(
            0, torch.arange(len(real), len(labels_B), device=labels_B.device), self.num_classes
        )

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, K + 1] and features [B, F] of images in [0, 1]."""
        features_BF = self.body(images_BCHW)
        return self.head(features_BF), features_BF

    def ink(self, images: Tensor) -> Tensor:
        """Stored images as floats from 0, paper, to 1, ink."""
        return ink(images, self.levels, self.dark_ink)

    @torch.no_grad()
    def predict(self, images_NCHW: Tensor, chunk: int = CHUNK) -> Predictions:
        """Classifies stored images, each of their stacked samples by itself."""
        return Predictions.joined([self._predict(part) for part in images_NCHW.split(chunk)])

    def _predict(self, images_BCHW: Tensor) -> Predictions:
        samples_BSCHW = images_BCHW.unflatten(1, (-1, self.channels))
        batch, stack = samples_BSCHW.shape[:2]
        logits, features = self(self.ink(samples_BSCHW.flatten(0, 1)))
        probabilities = logits.softmax(1)
        top, classes = probabilities[:, : self.num_classes].max(1)
        confidence = torch.where(top > probabilities[:, self.num_classes], top, 0)
        return Predictions(confidence.view(batch, stack).prod(1), classes.view(batch, stack), features.view(batch, -1))


def load_or_train(oracle: Oracle, train: Split, test: Split, digest: str, cache: Path, device: torch.device) -> Oracle:
    """The oracle of the data with this `digest`, from the cache or newly trained; one process trains, others wait."""
    oracle = oracle.to(device)
    oracle.identity = f"{oracle.name}-v{oracle.version}{oracle.variant}-{digest[:12]}"

    def make() -> bytes:
        train_oracle(oracle, train, test.to(device))
        file = io.BytesIO()
        torch.save(oracle.state_dict(), file)
        return file.getvalue()

    def read(file: BinaryIO) -> None:
        oracle.load_state_dict(torch.load(file, map_location=device, weights_only=True))
        if not all(values.isfinite().all() for values in oracle.state_dict().values()):
            raise ValueError("its weights are not finite")

    cached(cache / f"oracle-{oracle.identity}.pt", make, read)
    return oracle.eval().requires_grad_(False)


def train_oracle(oracle: Oracle, train: Split, test: Split) -> None:
    """Trains on augmented images and outliers, then measures both accuracies on the test split.

    The oracle is on the device of the test split; the training split may be elsewhere. Training uses its own random
    stream, so that a run gives the same results whether or not it trains its oracle.
    """
    device = test.labels.device
    started = time.perf_counter()
    with own_randomness(device, seed=0):
        for layer in oracle.modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        _fit(oracle, train, device, STEPS)
        if needs_second_cycle(oracle, _some(train, 1000, device)):
            _fit(oracle, train, device, EXTENSION * STEPS)
    for name, value in zip(("accuracy_k", "accuracy"), _accuracies(oracle, test), strict=True):
        getattr(oracle, name).fill_(value)
    log.info(
        'Oracle trained in %.0f s; accuracy on the test split %.3f over the classes, %.3f with "none of them"',
        time.perf_counter() - started,
        oracle.accuracy_k,
        oracle.accuracy,
    )


def needs_second_cycle(oracle: Oracle, some: Split) -> bool:
    """Whether the oracle misclassifies too many of these training images or of the outliers made of them."""
    return bool(_accuracies(oracle, some)[1] < MIN_ACCURACY or _rejected(oracle, some) < MIN_REJECTED)


def _fit(oracle: Oracle, train: Split, device: torch.device, steps: int) -> None:
    """One cycle of the learning rate (Smith & Topin 2017, arXiv:1708.07120)."""
    oracle.train()
    optimizer = torch.optim.AdamW(oracle.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in progress(range(steps), "Training the oracle"):
        batch = _some(train, BATCH, device)
        images_BCHW = oracle.ink(with_channels(batch.images))
        inputs_BCHW, targets_B = oracle.training_batch(images_BCHW, batch.labels, BATCH // 3)
        with torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bf16(device.type)):
            logits, _ = oracle(inputs_BCHW)
        loss = F.cross_entropy(logits.float(), targets_B, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _some(split: Split, num: int, device: torch.device) -> Split:
    """Random samples of the split, with replacement, on the device."""
    index_B = torch.randint(len(split), (num,), device=device).to(split.labels.device)
    return Split(split.images[index_B], split.labels[index_B]).to(device)


def _accuracies(oracle: Oracle, split: Split) -> tuple[Tensor, Tensor]:
    """Accuracy over the K classes, and over K + 1 outputs."""
    right = known = torch.zeros((), device=split.labels.device)
    for images, labels_B in zip(split.images.split(READ), split.labels.split(READ), strict=True):
        predictions = oracle.eval().predict(with_channels(images))
        right_B = predictions.classes_NS[:, 0] == labels_B
        right, known = right + right_B.sum(), known + (right_B & (predictions.confidence_N > 0)).sum()
    return right / len(split), known / len(split)


@torch.no_grad()
def _rejected(oracle: Oracle, split: Split) -> Tensor:
    """Share of outliers made of these images that the oracle classifies as "none"."""
    logits, _ = oracle.eval()(oracle.outliers(oracle.ink(with_channels(split.images)), split.labels))
    return (logits.argmax(1) == oracle.num_classes).float().mean()
