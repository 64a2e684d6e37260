"""What the tricks have in common by which the discriminator sees how varied a batch is.

B batch, F features.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from src.gan.networks.dcgan import Head, initialise
from src.gan.tricks.trick import Trick

if TYPE_CHECKING:
    from src.gan.module import GAN


class MinibatchLayer(Trick):
    """A layer behind the discriminator's body that adds statistics of the batch to the features of each image.

    Real and generated images are judged in batches of their own, so a lack of variety shows.
    """

    mixes_samples = True

    @abstractmethod
    def statistics(self, num_features: int) -> tuple[nn.Module, int]:
        """The layer, from features [B, F] to those and the statistics, and how many these are."""

    def attach(self, gan: "GAN") -> None:
        head = gan.discriminator.head
        if is_parametrized(head):
            raise ValueError(
                f"gan.tricks={list(gan.tricks)}: name spectral_norm last, so that it finds the layers of the others"
            )
        layer, num_statistics = self.statistics(head.in_features)
        gan.discriminator.body.append(layer)
        gan.discriminator.head = Head(head.in_features + num_statistics, head.out_features)
        for added in (layer, gan.discriminator.head):
            initialise(added)
