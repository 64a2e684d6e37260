"""What both model families keep account of."""

from typing import Any

from lightning import LightningModule
from torch import Tensor

from src.data.spec import DataSpec


class Counted(LightningModule):
    """A module that counts its own progress and resumes on the data that it was trained on.

    `steps` counts updates of the model that is evaluated, `images_seen` training samples and `batch_images` those of
    the latest step, over all devices. Lightning's `global_step` counts every optimizer's step and means none of them.
    """

    def __init__(self, spec: DataSpec):
        super().__init__()
        self.spec = spec
        self.steps = 0
        self.images_seen = 0
        self.batch_images = 0

    def count(self, batch_BCHW: Tensor) -> None:
        """One more step, with this batch on each device."""
        self.steps += 1
        self.batch_images = len(batch_BCHW) * self.trainer.world_size
        self.images_seen += self.batch_images

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["progress"] = {"steps": self.steps, "images_seen": self.images_seen}
        checkpoint["data"] = self.spec.digest

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint["data"] != self.spec.digest:
            raise ValueError(
                f"the run was trained on other data (digest {checkpoint['data'][:12]}) than {self.spec.source} here "
                f"({self.spec.digest[:12]}): set data.root to where it lies"
            )
        self.steps = checkpoint["progress"]["steps"]
        self.images_seen = checkpoint["progress"]["images_seen"]
