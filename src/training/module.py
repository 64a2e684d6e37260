"""Base class of both model families: training progress, and the data that a checkpoint belongs to."""

from collections.abc import Mapping, Sized
from typing import Any

from lightning import LightningModule

from src.data.spec import DataSpec

PROGRESS = ("steps", "images_seen", "batch_images", "total_steps")


class ProgressModule(LightningModule):
    """Counts training steps and samples, and checks on resuming that the data are the same.

    `steps` counts training steps, `images_seen` training samples and `batch_images` those of the latest step, over all
    devices. Lightning's `global_step` counts optimizer steps inside its wrappers instead. Schedules follow `progress`;
    it refers to the length that the run was first started with, also after resuming with a larger budget.

    A module may make several steps per call of `training_step`, but none beyond the next entry of `breakpoints`, the
    steps after which a callback has something to do.
    """

    generator_steps: int  # updates of the generating networks
    needs_labels: bool = False  # it trains on a `Batch` of images and labels
    levels: Mapping[str, int] = {}  # dimensions of its latent levels by name, if it has any

    @property
    def steps_per_generator_update(self) -> int:
        return 1

    def __init__(self, spec: DataSpec):
        super().__init__()
        self.spec = spec
        self.steps = 0
        self.images_seen = 0
        self.batch_images = 0
        self.total_steps = 0
        self.breakpoints: set[int] = set()

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1)."""
        return min(self.steps, self.total_steps - 1) / self.total_steps

    @property
    def world_size(self) -> int:
        """Number of devices that train together."""
        return self.trainer.world_size

    def on_train_start(self) -> None:
        last_step = int(self.trainer.num_training_batches)
        self.total_steps = self.total_steps or last_step
        self.breakpoints.add(last_step)

    def count(self, batch: Sized) -> None:
        """Counts one more step, with a batch of this size on each device."""
        self.steps += 1
        self.batch_images = len(batch) * self.world_size
        self.images_seen += self.batch_images

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["progress"] = {name: getattr(self, name) for name in PROGRESS}
        checkpoint["data"] = self.spec.digest

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint["data"] != self.spec.digest:
            raise ValueError(
                f"the run was trained on other data (digest {checkpoint['data'][:12]}) than {self.spec.source} here "
                f"({self.spec.digest[:12]}): set data.root to where it lies"
            )
        for name in PROGRESS:
            setattr(self, name, checkpoint["progress"][name])
