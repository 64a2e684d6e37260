"""What both model families keep account of."""

from typing import Any

from lightning import LightningModule
from torch import Tensor

from src.data.spec import DataSpec

PROGRESS = ("steps", "images_seen", "batch_images", "total_steps")


class Count:
    """A number that a module counts; `module.consulted` tells whether it was read since that was last set to False."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = f"_{name}"

    def __get__(self, module: "Counted | None", owner: type) -> "int | Count":
        if module is None:
            return self
        vars(module)["consulted"] = True
        return vars(module)[self.key]

    def __set__(self, module: "Counted", value: int) -> None:
        vars(module)[self.key] = value


class Counted(LightningModule):
    """A module that counts its own progress and resumes on the data that it was trained on.

    `steps` counts training steps, `images_seen` training samples and `batch_images` those of the latest step, over all
    devices. Lightning's `global_step` counts what optimizers do within its wrappers and means none of them. Schedules
    follow `progress`: the length of a run is the one it was first started with, also when it goes on with a larger
    budget.
    `pauses` holds the steps after which a callback has something to do: a module may make several steps in one call of
    `training_step`, but none beyond the next of these.
    """

    steps = Count()
    images_seen = Count()
    batch_images = Count()
    total_steps = Count()
    generator_steps: int  # updates of what generates

    @property
    def steps_per_generator_update(self) -> int:
        """Training steps to each of these updates."""
        return 1

    def __init__(self, spec: DataSpec):
        super().__init__()
        self.spec = spec
        self.steps = 0
        self.images_seen = 0
        self.batch_images = 0
        self.total_steps = 0
        self.pauses: set[int] = set()

    @property
    def progress(self) -> float:
        """The share of the run that is done, in [0, 1)."""
        return min(self.steps, self.total_steps - 1) / self.total_steps

    def on_train_start(self) -> None:
        self.total_steps = self.total_steps or self.trainer.num_training_batches
        self.pauses.add(self.trainer.num_training_batches)

    def count(self, batch_BCHW: Tensor) -> None:
        """One more step, with this batch on each device."""
        self.steps += 1
        self.batch_images = len(batch_BCHW) * self.trainer.world_size
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
