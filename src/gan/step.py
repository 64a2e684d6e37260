"""What losses and tricks see of a training step."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor


class Judged:
    """Images [B, C, H, W] and what the discriminator makes of them, computed when first asked for.

    A generator loss that never looks at the real images so costs no forward pass over them.
    """

    def __init__(self, images_BCHW: Tensor, discriminator: Callable[[Tensor], tuple[Tensor, Tensor]]):
        self.images_BCHW = images_BCHW
        self._discriminator = discriminator

    @cached_property
    def _verdict(self) -> tuple[Tensor, Tensor]:
        return self._discriminator(self.images_BCHW)

    @property
    def logits_B(self) -> Tensor:
        """Raw discriminator outputs, high for real."""
        return self._verdict[0]

    @property
    def features_BF(self) -> Tensor:
        """Activations of the discriminator's inner layer."""
        return self._verdict[1]


@dataclass(frozen=True)
class Step:
    """One discriminator or generator update: real and generated images, and the discriminator's view of both."""

    real: Judged
    fake: Judged
