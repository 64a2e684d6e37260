"""MAD-GAN: several generators, and a discriminator that also tells which of them made an image.

B batch, F features, G generators, Z latent dims, C channels, H height, W width.
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrize import is_parametrized

from src.core.validation import SEVERAL
from src.gan.interfaces import GANInterface, GeneratorNetwork, Step
from src.gan.networks.dcgan import Head, initialise
from src.gan.networks.own import make_generator, require_linear_head
from src.gan.tricks.trick import Trick


class Mixture(GeneratorNetwork):
    """G generators in turn: the one of image i of a batch is i modulo G, in training and in evaluation."""

    def __init__(self, generators: list[GeneratorNetwork]):
        super().__init__()
        self.generators, self.z = nn.ModuleList(generators), generators[0].z

    def forward(self, z_BZ: Tensor) -> Tensor:
        num = len(self.generators)
        parts = [generator(z_BZ[first::num]) for first, generator in enumerate(self.generators) if first < len(z_BZ)]
        images_BCHW = parts[0].new_empty(len(z_BZ), *parts[0].shape[1:])
        for first, part_BCHW in enumerate(parts):
            images_BCHW[first::num] = part_BCHW
        return images_BCHW


class SourceHead(nn.Module):
    """The last layer of a classifier of G generators and of real images; returns the logit of "real" [B, 1]."""

    def __init__(self, in_features: int, num: int):
        super().__init__()
        self.in_features, self.out_features = in_features, 1
        self.classes = Head(in_features, num + 1)

    def forward(self, features_BF: Tensor) -> Tensor:
        real_B1, sources_BG = self.classes(features_BF).tensor_split([1], -1)
        return real_B1 - sources_BG.logsumexp(-1, keepdim=True)


class MadGAN(Trick):
    """K generators, each pushed towards images that the discriminator can tell from the others'.

    Ghosh et al. 2018, arXiv:1704.02906: the discriminator minimises the cross-entropy over K + 1 sources, the
    generators want to be taken for real. With ℓ the logit of "real" against all generators, the cross-entropy is that
    of ℓ, the loss, plus that of the generator's index, the penalty here. Every batch has as many images of each
    generator, and so have the samples that are evaluated.

    Args:
        generator: makes a further generator from `shape`.
        num: K.
        shared: whether the generators share all layers but the last, as in the authors' code.
    """

    excludes_labels = "draws the images of a class by one generator after the other"

    def __init__(self, generator: Callable[..., nn.Module], num: int = 4, shared: bool = True):
        super().__init__()
        self.make_generator = generator
        self.num = self.number("num", num, SEVERAL)
        self.shared = shared

    def attach(self, gan: GANInterface) -> None:
        if not gan.loss.is_cross_entropy:
            raise ValueError(
                f"{self} splits a cross-entropy, which this loss is not: choose gan.loss=standard, minimax "
                "or feature_matching"
            )
        for name, trick in gan.tricks.items():
            if trick.mixes_samples:
                raise ValueError(
                    f"{self} classifies single images, but under gan.tricks={name} a logit belongs to "
                    "several: choose one of them"
                )
        require_linear_head(gan.discriminator, "mad_gan")
        if is_parametrized(gan.discriminator.head):
            raise ValueError(
                f"gan.tricks={list(gan.tricks)}: name spectral_norm last, so that it finds the layers of the others"
            )
        others = [make_generator(self.make_generator, gan.spec.shape) for _ in range(self.num - 1)]
        if self.shared:
            others = [with_own_last_layer(gan.generator, other) for other in others]
        gan.generator = Mixture([gan.generator, *others])
        head = SourceHead(gan.discriminator.head.in_features, self.num)
        initialise(head)
        gan.discriminator.add_module("head", head)

    def discriminator_penalty(self, step: Step) -> Tensor:
        """The cross-entropy of the index of the generator, among generators."""
        sources_BG = step.gan.discriminator.head.classes(step.fake.features_BF)[:, 1:]
        return cross_entropy(sources_BG, torch.arange(len(sources_BG), device=sources_BG.device) % self.num)


def with_own_last_layer(network: GeneratorNetwork, other: GeneratorNetwork) -> GeneratorNetwork:
    """A generator of the first one's weights and statistics, but for the last layer's, which are the other's."""
    *_, last = network.named_parameters()
    layer = last[0].rpartition(".")[0]
    kept = {id(tensor): tensor for tensor in [*network.parameters(), *network.buffers()]}
    given = dict(other.named_parameters())
    own = {id(weight): given[name] for name, weight in network.named_parameters() if name.rpartition(".")[0] == layer}
    return deepcopy(network, kept | own)
