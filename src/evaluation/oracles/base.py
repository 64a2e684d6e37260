"""The oracle: a classifier over K classes and "none of them", trained on the training split; mode coverage rests on it.

B batch, N images, C channels, H height, W width, K classes, F features.
"""

import io
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import torch
from rich import get_console
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional as F

from src.core.cache import cached
from src.core.device import multiplies_bf16
from src.data.spec import Split, ink

STEPS = 320
EXTENSION = 5  # a second cycle takes so many times as many
LEAST_ACCURACY = 0.99  # on unchanged training images, for one cycle to be enough
LEAST_REJECTED = 0.85  # share of nonsense that one cycle must teach the oracle to call "none"
BATCH = 192  # images per step, a third of them nonsense
LEARNING_RATE = 4e-3
LOG_SECONDS = 15  # between two lines on the progress where there is no terminal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opinion:
    """The oracle's output for N images [C, H, W] of C independent characters.

    `confidence_N`: product over the channels of the top class's probability, and 0 where "none" is on top in a channel.
    `classes_NC`: the best of the K classes in each channel, even where "none" is above it. `features_NF`: the
    penultimate layer, channels side by side.
    """

    confidence_N: Tensor
    classes_NC: Tensor
    features_NF: Tensor

    def stacked(self, index_MC: Tensor) -> "Opinion":
        """The opinion of M images whose channels are these single characters, without running the network again."""
        return Opinion(
            self.confidence_N[index_MC].prod(1),
            self.classes_NC[index_MC].flatten(1),
            self.features_NF[index_MC].flatten(1),
        )


class Oracle(nn.Module, ABC):
    """A small classifier with K + 1 outputs, the last for "none of them".

    `accuracy` (over K + 1 outputs: "none" is an error) and `accuracy_k` (over the K classes alone) are measured on the
    test split by `train_oracle`. A subclass defines the augmentations and the nonsense.

    Args:
        body: from images [B, 1, H, W] in [0, 1] to features [B, F].
        num_features: F.
        num_classes: K.
        levels: the highest stored value.
        dark_ink: it stands for paper, not for ink; the body sees ink as 1 all the same.
    """

    name: ClassVar[str]
    version: ClassVar[int]  # part of the cache key: raised whenever the trained oracle would come out different
    identity: str  # name, version and digest of the data, set by `trained_oracle`

    def __init__(self, body: nn.Module, num_features: int, num_classes: int, levels: int, dark_ink: bool = False):
        super().__init__()
        self.num_classes = num_classes
        self.levels = levels
        self.dark_ink = dark_ink
        self.body = body
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(num_features, num_classes + 1))
        self.register_buffer("accuracy", torch.tensor(0.0))
        self.register_buffer("accuracy_k", torch.tensor(0.0))

    @abstractmethod
    def augmented(self, images_B1HW: Tensor) -> Tensor:
        """Images in [0, 1] changed as far as their classes allow, each in its own way."""

    @abstractmethod
    def nonsense(self, images_B1HW: Tensor, labels_B: Tensor) -> Tensor:
        """As many images that belong to no class, made from these."""

    def training_batch(self, images_B1HW: Tensor, labels_B: Tensor, num_nonsense: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets [B]: the last `num_nonsense` images become nonsense of target K, and all are augmented."""
        real, source = images_B1HW.tensor_split([-num_nonsense])
        inputs_B1HW = torch.cat([real, self.nonsense(source, labels_B[-num_nonsense:])])
        return self.augmented(inputs_B1HW), labels_B.clone().index_fill_(
            0, torch.arange(len(real), len(labels_B), device=labels_B.device), self.num_classes
        )

    def forward(self, images_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, K + 1] and features [B, F] of images in [0, 1]."""
        features_BF = self.body(images_B1HW)
        return self.head(features_BF), features_BF

    def ink(self, images: Tensor) -> Tensor:
        """What the body sees of stored images: floats from 0, paper, to 1, full ink."""
        return ink(images, self.levels, self.dark_ink)

    @torch.no_grad()
    def opinion(self, images_NCHW: Tensor, chunk: int = 1000) -> Opinion:
        """Classifies stored images channel by channel."""
        parts = [self._opinion(part) for part in images_NCHW.split(chunk)]
        return Opinion(*(torch.cat([getattr(part, field) for part in parts]) for field in Opinion.__dataclass_fields__))

    def _opinion(self, images_BCHW: Tensor) -> Opinion:
        batch, channels = images_BCHW.shape[:2]
        logits, features = self(self.ink(images_BCHW.flatten(0, 1).unsqueeze(1)))
        probabilities = logits.softmax(1)
        top, classes = probabilities[:, : self.num_classes].max(1)
        confidence = torch.where(top > probabilities[:, self.num_classes], top, 0)
        return Opinion(
            confidence.view(batch, channels).prod(1), classes.view(batch, channels), features.view(batch, -1)
        )


def trained_oracle(oracle: Oracle, train: Split, test: Split, digest: str, cache: Path, device: torch.device) -> Oracle:
    """The oracle of the data with this `digest`, from the cache or trained now; one process trains, others wait."""
    oracle = oracle.to(device)
    oracle.identity = f"{oracle.name}-v{oracle.version}-{digest[:12]}"

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
    """Trains on augmented images and augmented nonsense, then measures both accuracies on the test split.

    The oracle is where the test split is; the training split may lie elsewhere. The random stream is the oracle's own:
    a run gives the same results whether or not it had to train its oracle.
    """
    device = test.labels.device
    started = time.perf_counter()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
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
    """Whether the oracle still errs on these training images, or accepts too much of the nonsense made of them."""
    return bool(_accuracies(oracle, some)[1] < LEAST_ACCURACY or _rejected(oracle, some) < LEAST_REJECTED)


def _fit(oracle: Oracle, train: Split, device: torch.device, steps: int) -> None:
    """One cycle of the learning rate (Smith & Topin 2017, arXiv:1708.07120)."""
    oracle.train()
    optimizer = torch.optim.AdamW(oracle.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for _ in _with_progress(steps):
        batch = _some(train, BATCH, device)
        images_B1HW = oracle.ink(batch.images.unsqueeze(1))
        inputs_B1HW, targets_B = oracle.training_batch(images_B1HW, batch.labels, BATCH // 3)
        with torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bf16(device.type)):
            logits, _ = oracle(inputs_B1HW)
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
    """Over the K classes, and over K + 1 outputs."""
    opinion = oracle.eval().opinion(split.images.unsqueeze(1))
    right_N = opinion.classes_NC[:, 0] == split.labels
    return right_N.float().mean(), (right_N & (opinion.confidence_N > 0)).float().mean()


@torch.no_grad()
def _rejected(oracle: Oracle, split: Split) -> Tensor:
    """Share of the nonsense made of these images that the oracle calls "none"."""
    logits, _ = oracle.eval()(oracle.nonsense(oracle.ink(split.images.unsqueeze(1)), split.labels))
    return (logits.argmax(1) == oracle.num_classes).float().mean()


def _with_progress(steps: int) -> Iterator[int]:
    """Counts steps with a progress bar on a terminal, else with a line in the log every `LOG_SECONDS`."""
    console = get_console()
    logged = time.monotonic()
    for step in track(
        range(steps), "Training the oracle", console=console, transient=True, disable=not console.is_terminal
    ):
        yield step
        if not console.is_terminal and time.monotonic() - logged >= LOG_SECONDS:
            logged = time.monotonic()
            log.info("Training the oracle: %d of %d steps", step + 1, steps)
