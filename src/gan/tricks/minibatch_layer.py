"""Base class of tricks that show the discriminator the variety of a batch.

B batch, F features.
"""

from abc import ABC, abstractmethod

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from src.gan.interfaces import GANInterface
from src.gan.networks.dcgan import Head, initialise
from src.gan.networks.own import require_linear_head
from src.gan.tricks.trick import Trick


class MinibatchLayer(Trick, ABC):
    """Adds a layer behind the discriminator's body that appends statistics of the batch to each image's features.

    Real and generated images are in separate batches, so the statistics show a lack of variety.
    """

    mixes_samples = True

    @abstractmethod
    def statistics(self, num_features: int) -> tuple[nn.Module, int]:
        """Makes the layer, from features [B, F] to features with statistics, and counts the statistics."""

    def attach(self, gan: GANInterface) -> None:
        require_linear_head(gan.discriminator, " + ".join(gan.tricks))
        head = gan.discriminator.head
        if is_parametrized(head):
            raise ValueError(
                f"gan.tricks={list(gan.tricks)}: name spectral_norm last, and san, so that they find the layers of the "
                "others"
            )
        layer, num_statistics = self.statistics(head.in_features)
        gan.discriminator.body.append(layer)
        gan.discriminator.head = Head(head.in_features + num_statistics, head.out_features)
        for added in (layer, gan.discriminator.head):
            initialise(added)
