"""The oracle: the classifier behind mode coverage, trained on the training split and able to say "none of them".

B batch, C channels, H height, W width, K classes, F features.
"""

import io
import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.cache import cached
from src.data.spec import Split, ink
from src.machine import multiplies_bf16

STEPS = 1000
BATCH = 192
LEARNING_RATE = 4e-3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opinion:
    """What the oracle makes of N images [C, H, W] of C independent characters.

    `confidence_N`: product over the channels of the highest class probability. `classes_NC`: the class in each
    channel. `features_NF`: the inner layer, channels side by side.
    """

    confidence_N: Tensor
    classes_NC: Tensor
    features_NF: Tensor

    def stacked(self, index_MC: Tensor) -> "Opinion":
        """The opinion of M images whose channels are these single characters: nobody need look at them again."""
        return Opinion(
            self.confidence_N[index_MC].prod(1),
            self.classes_NC[index_MC].flatten(1),
            self.features_NF[index_MC].flatten(1),
        )


class Oracle(nn.Module, ABC):
    """A small classifier with one output more than there are classes, for "none of them".

    `accuracy` is measured on the test split by `train_oracle`. A child says what it looks at and what it practises on.

    Args:
        body: from images [B, 1, H, W] in [0, 1] to features [B, F].
        num_features: F.
        num_classes: K.
        levels: the highest stored value.
        dark_ink: it stands for paper, not for ink; the body sees ink as 1 all the same.
    """

    version: ClassVar[int] = 1  # part of the cache key: raised whenever such an oracle would come out different

    def __init__(self, body: nn.Module, num_features: int, num_classes: int, levels: int, dark_ink: bool = False):
        super().__init__()
        self.num_classes = num_classes
        self.levels = levels
        self.dark_ink = dark_ink
        self.body = body
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(num_features, num_classes + 1))
        self.register_buffer("accuracy", torch.tensor(0.0))

    @abstractmethod
    def varied(self, images_B1HW: Tensor) -> Tensor:
        """Images in [0, 1] changed as far as their classes allow, each in its own way."""

    @abstractmethod
    def nonsense(self, images_B1HW: Tensor) -> Tensor:
        """As many images that belong to no class, made from these."""

    def forward(self, images_B1HW: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, K + 1] and features [B, F] of images in [0, 1]."""
        features_BF = self.body(images_B1HW)
        return self.head(features_BF), features_BF

    def ink(self, images: Tensor) -> Tensor:
        """What the body sees of stored images: floats from 0, paper, to 1, full ink."""
        return ink(images, self.levels, self.dark_ink)

    @torch.no_grad()
    def opinion(self, images_NCHW: Tensor, chunk: int = 1000) -> Opinion:
        """Looks at uint8 images channel by channel."""
        parts = [self._opinion(part) for part in images_NCHW.split(chunk)]
        return Opinion(*(torch.cat([getattr(part, field) for part in parts]) for field in Opinion.__dataclass_fields__))

    def _opinion(self, images_BCHW: Tensor) -> Opinion:
        batch, channels = images_BCHW.shape[:2]
        logits, features = self(self.ink(images_BCHW.flatten(0, 1).unsqueeze(1)))
        top, classes = logits.softmax(1)[:, : self.num_classes].max(1)
        return Opinion(top.view(batch, channels).prod(1), classes.view(batch, channels), features.view(batch, -1))


def trained_oracle(oracle: Oracle, train: Split, test: Split, digest: str, cache: Path, device: torch.device) -> Oracle:
    """The oracle of the data with this `digest`, from the cache or trained now; one process trains, others wait."""
    oracle = oracle.to(device, memory_format=torch.channels_last)

    def make() -> bytes:
        train_oracle(oracle, train, test.to(device))
        file = io.BytesIO()
        torch.save(oracle.state_dict(), file)
        return file.getvalue()

    def read(file: BinaryIO) -> None:
        oracle.load_state_dict(torch.load(file, map_location=device, weights_only=True))
        if not all(values.isfinite().all() for values in oracle.state_dict().values()):
            raise ValueError("its weights are not finite")

    cached(cache / f"oracle-v{oracle.version}-{digest[:16]}.pt", make, read)
    return oracle.eval().requires_grad_(False)


def train_oracle(oracle: Oracle, train: Split, test: Split) -> None:
    """Trains on images, varied, and on nonsense, then measures `accuracy` on the test split.

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
        _fit(oracle.train(), train, device)
    oracle.eval()
    classes_N = oracle.opinion(test.images.unsqueeze(1)).classes_NC[:, 0]
    oracle.accuracy.fill_((classes_N == test.labels).float().mean())
    seconds = time.perf_counter() - started
    log.info("Oracle trained in %.0f s, accuracy on the test split %.3f", seconds, oracle.accuracy.item())


def _fit(oracle: Oracle, train: Split, device: torch.device) -> None:
    optimizer = torch.optim.AdamW(oracle.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=STEPS)
    for _ in range(STEPS):
        index_B = torch.randint(len(train), (BATCH,), device=device).to(train.labels.device)
        batch = Split(train.images[index_B], train.labels[index_B]).to(device)
        images_B1HW = oracle.ink(batch.images.unsqueeze(1))
        nonsense = oracle.nonsense(images_B1HW[: BATCH // 3])
        inputs = torch.cat([oracle.varied(images_B1HW), nonsense])
        rejected = torch.full((len(nonsense),), oracle.num_classes, device=device)
        targets = torch.cat([batch.labels, rejected])
        with torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bf16(device.type)):
            logits, _ = oracle(inputs)
        loss = F.cross_entropy(logits.float(), targets, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
