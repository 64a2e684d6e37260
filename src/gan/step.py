"""What losses and tricks see of a training step.

B batch, C channels, H height, W width, Z latent dims, F features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from src.gan.module import GAN

Verdict = tuple[Tensor, Tensor]
"""Logits [B] and the features [B, F] that they are linear in."""

Discriminator = Callable[[Tensor], Verdict]


class Judged:
    """Images [B, C, H, W] and what the discriminator makes of them, computed when first asked for.

    A generator loss that never looks at the real images so costs no forward pass over them. `z_BZ` is the noise behind
    generated images, None for real ones.
    """

    def __init__(self, images_BCHW: Tensor, z_BZ: Tensor | None, judge: Callable[[], Verdict]):
        self.images_BCHW = images_BCHW
        self.z_BZ = z_BZ
        self._judge = judge

    @cached_property
    def _verdict(self) -> Verdict:
        return self._judge()

    @property
    def logits_B(self) -> Tensor:
        """Raw discriminator outputs, high for real."""
        return self._verdict[0]

    @property
    def features_BF(self) -> Tensor:
        """Activations of the discriminator's inner layer."""
        return self._verdict[1]

    def keep(self, index_B: Tensor) -> "Judged":
        """A selection of these images, with the verdict that was passed on all of them."""
        logits_B, features_BF = self.logits_B[index_B], self.features_BF[index_B]
        z_BZ = None if self.z_BZ is None else self.z_BZ[index_B]
        return Judged(self.images_BCHW[index_B], z_BZ, lambda: (logits_B, features_BF))


@dataclass(frozen=True)
class Step:
    """One discriminator or generator update: real and generated images, and the discriminator's view of both."""

    gan: "GAN"
    real: Judged
    fake: Judged
