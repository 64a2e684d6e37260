"""The base LightningDataModule of all data sets."""

import hashlib
import logging
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning import LightningDataModule
from torch import Tensor

from src.core.environment import process_rank
from src.core.files import user_path
from src.data.loader import ResidentLoader
from src.data.spec import DataSpec, Split, with_channels
from src.data.streaming import Rows, Stacks
from src.data.voices import STEPS_PER_BEAT

log = logging.getLogger(__name__)

HELD_OUT_SEED = 0  # held-out splits are part of the data set: the same for every run's seed
VAL_SHARE = 0.1  # of the training samples
TEST_SHARE = 0.1  # of all samples, for a data set without a test split
MOST_HELD_OUT = 50_000  # samples of a held-out split that models are evaluated on
CHUNK = 10_000  # images per update of the digest


@dataclass(frozen=True)
class Loaded:
    """The three splits, the classes' names, and the actual source; the others are as in `DataSpec`."""

    train: Split
    val: Split
    test: Split
    classes: tuple[str, ...]
    source: str  # name of the data set, another one than asked for after a fallback
    levels: int = 255
    voices: tuple[str, ...] = ()
    dark_ink: bool = False
    steps_per_beat: int = STEPS_PER_BEAT

    def digest(self) -> str:
        """SHA-256 over the pixels and labels of all splits, read in chunks."""
        sha = hashlib.sha256()
        for split in (self.train, self.val, self.test):
            sha.update(str(tuple(split.images.shape)).encode())
            for part_NHW in split.images.split(CHUNK):
                sha.update(part_NHW.contiguous().numpy().data)
            sha.update(split.labels.contiguous().numpy().data)
        return sha.hexdigest()


class ResidentData(LightningDataModule, ABC):
    """A data set, held in memory or streamed; a subclass implements `load`.

    Args:
        root: folder of data files; every data set has it, so that any command may contain `data.root=`.
        budget: training samples that a run sees.
        batch_size: samples per step, over all devices together.
        seed: of the order of the training samples.
        stack: independent samples per image, one per channel; 1 for colour images.
        resident: whether the training images are held on the training device, or streamed to it in the same order.
    """

    name: str  # in results
    ordered_factors: tuple[str, ...] = ()  # known factors with ordered values

    def __init__(self, root: str, budget: int, batch_size: int, seed: int, stack: int, resident: bool = True):
        super().__init__()
        if stack not in (1, 2, 3):
            raise ValueError(f"data.stack={stack}: choose 1, 2 or 3 samples side by side")
        self.root = user_path(root)
        self.budget = budget
        self.batch_size = batch_size
        self.seed = seed
        self.stack = stack
        self.resident = resident
        self.splits: dict[str, Split] = {}

    @abstractmethod
    def load(self) -> Loaded:
        """Reads or makes the data; several processes may call it at once."""

    def true_nll(self, images_NCHW: Tensor) -> Tensor | None:
        """Negative log-likelihood of samples under the data's true distribution, nats [N], if that is known."""
        return None

    def known_factors(self, name: str) -> dict[str, Tensor]:
        """Factors of variation of the samples of `held_out(name)`, of stacked ones the first: int64 [N] by name."""
        order_N = self.held_out_order(name)[:, 0]
        return {factor: values_N[order_N] for factor, values_N in self.splits[name].factors.items()}

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        loaded = self.load()
        colour = len(loaded.train.images.shape) == 4
        if colour and self.stack > 1:
            raise ValueError(f"data.stack={self.stack}: images in colour have their channels already; choose 1")
        self.splits = {"train": loaded.train, "val": loaded.val, "test": loaded.test}
        true_nll_N = self.true_nll(with_channels(loaded.test.images[:]))
        self.spec = DataSpec(
            name=self.name,
            source=loaded.source,
            digest=loaded.digest(),
            classes=loaded.classes,
            shape=(3 if colour else self.stack, *loaded.train.images.shape[-2:]),
            sizes={name: len(split) for name, split in self.splits.items()},
            levels=loaded.levels,
            voices=loaded.voices,
            steps_per_beat=loaded.steps_per_beat,
            dark_ink=loaded.dark_ink,
            colour=colour,
            entropy=None if true_nll_N is None else self.stack * true_nll_N.mean().item(),  # channels are independent
        )

    def train_dataloader(self) -> ResidentLoader:
        device, train = self.trainer.strategy.root_device, self.splits["train"]
        train = train.to(device) if self.resident else train
        return ResidentLoader(
            train.images,
            self.batch_size,
            num_batches=math.ceil(self.budget / self.batch_size),
            seed=self.seed,
            stack=self.stack,
            rank=self.trainer.global_rank,
            world_size=self.trainer.world_size,
            streamed_to=None if self.resident else device,
            labels=train.labels if self.trainer.lightning_module.needs_labels else None,
        )

    def held_out(self, name: str, times: int = 1) -> Split:
        """The split `val` or `test` in the shape of samples: images [N, C, H, W], labels [N, S] of S stacked samples.

        Each of them is the split, or `MOST_HELD_OUT` of its samples, in another fixed random order, as files may be
        sorted by class. `times` combines stacked samples repeatedly, for more of the possible combinations.
        """
        split, index_NS = self.splits[name], self.held_out_order(name, times)
        return Split(Stacks(split.images, index_NS)[:], split.labels[index_NS])

    def held_out_order(self, name: str, times: int = 1) -> Tensor:
        """Index into the split of each of the stacked samples of `held_out`, int64 [N, S]."""
        generator = torch.Generator().manual_seed(HELD_OUT_SEED)
        num, places = len(self.splits[name]), range(times * self.stack)
        orders = [torch.randperm(num, generator=generator)[:MOST_HELD_OUT] for _ in places]
        return torch.stack(orders, 1).unflatten(1, (times, self.stack)).transpose(0, 1).flatten(0, 1)

    def find(self, key: str, given: str, folders: bool = False) -> Path:
        """The file (with `folders` also the folder) that the option `key` names, here or below `root`."""
        places = [path for path in (user_path(given), self.root / given) if path.exists()]
        if found := [path for path in places if folders or path.is_file()]:
            for other in found[1:]:
                if process_rank() == 0 and not other.samefile(found[0]):
                    text = "data.%s=%s: %s is read, not %s; give the whole path of the one you mean."
                    log.warning(text, key, given, found[0].absolute(), other)
            return found[0]
        if places:
            raise IsADirectoryError(f"data.{key}={given}: this is a folder; name a file, such as one in it")
        kind = "folder or file" if folders else "file"
        raise FileNotFoundError(f"data.{key}={given}: no such {kind}, here or under data.root={self.root}; set either")


def split_off(data: Split, share: float, copied: bool = True, source: Path | str = "the data") -> tuple[Split, Split]:
    """Splits off a seeded `share`: (rest, share). Without `copied` the rest stays in its storage.

    Raises:
        ValueError: there are too few samples for one.
    """
    if not round(len(data) * share):
        raise ValueError(
            f"{source}: {len(data)} samples are too few to set {100 * share:g} % of them aside; give more or all splits"
        )
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(HELD_OUT_SEED))
    chosen, rest = order.tensor_split([round(len(data) * share)])
    return (
        Split(data.images[rest] if copied else Rows(data.images, rest), data.labels[rest]),
        Split(data.images[chosen].contiguous(), data.labels[chosen]),  # the layout of a view would change rounding
    )
