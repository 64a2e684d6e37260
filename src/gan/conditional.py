"""Conditional GANs: how labels reach both networks.

B batch, N samples, S stacked samples, K classes, C channels, H height, W width, Z latent dims, E dims of the labels'
embedding, F features, P planes.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from src.core.validation import COUNT, Choice
from src.data.spec import Batch, DataSpec, Shape
from src.gan.interfaces import DiscriminatorNetwork, GANInterface, GeneratorNetwork, Loss, ScoredImages, Step
from src.gan.networks.dcgan import Head
from src.gan.networks.own import make_generator
from src.gan.tricks import SAN, Trick
from src.training.networks import name_of, option, parts_of, trial


class Codes(nn.Module):
    """A vector for each label, added up over stacked samples: [B, S] → [B, D], in full precision.

    Its numbers are from N(0, `deviation`²), by default 1 over the number of vectors, as in R3GAN: the noise beside
    them, of variance 1, must not drown, or each class gets one image.
    """

    class_K: Tensor

    def __init__(self, stack: int, num_classes: int, dims: int, deviation: float | None = None):
        super().__init__()
        self.stack = stack
        self.register_buffer("class_K", torch.arange(num_classes), persistent=False)
        self.table = Head(stack * num_classes, dims, bias=False)
        nn.init.normal_(self.table.weight, std=deviation or self.table.in_features**-0.5)

    def forward(self, labels_BS: Tensor) -> Tensor:
        return self.table(torch.eq(labels_BS.unsqueeze(-1), self.class_K).flatten(-2).float())


class ConditionalGenerator(GeneratorNetwork):
    """A generator whose input is the noise [B, Z] and beside it the embedding [B, E] of the labels [B, S]."""

    class_share_K: Tensor

    def __init__(self, network: GeneratorNetwork, z: int, embedding: Codes):
        super().__init__()
        self.network, self.z, self.embedding = network, z, embedding
        num_classes = len(embedding.class_K)
        self.register_buffer("class_share_K", torch.full((num_classes,), 1 / num_classes))  # of the training images

    def forward(self, z_BZ: Tensor, labels_BS: Tensor) -> Tensor:
        return self.network(torch.cat([z_BZ, self.embedding(labels_BS)], -1))


class Unconditional:
    """Neither network gets labels."""

    labelled = False  # by the data
    labels_are_inputs = False  # of the discriminator, made by its child `labels`

    def check(self, spec: DataSpec, loss_name: str, loss: Loss, tricks: Mapping[str, Trick]) -> None:
        """Raises: ValueError: labels do not fit the data, the loss or a trick."""

    def generator(self, make: Callable[..., nn.Module], spec: DataSpec) -> GeneratorNetwork:
        """Builds the generator."""
        return make_generator(make, spec.shape)

    def discriminator_shape(self, shape: Shape, spec: DataSpec) -> Shape:
        """Shape of the discriminator's input, where it is `shape` without labels."""
        return shape

    def attach(self, discriminator: DiscriminatorNetwork, shape: Shape, spec: DataSpec) -> None:
        """Adds what labels need to a discriminator of inputs of this shape. Raises: ValueError: it has no features."""

    def state(self, discriminator: DiscriminatorNetwork) -> nn.Module | None:
        """What belongs in the GAN's checkpoint beside its networks, once tricks have changed these."""
        return None

    def before_training(self, gan: GANInterface) -> None:
        """Follows the training data."""

    def before_step(self, gan: GANInterface) -> None:
        """Follows the networks."""

    def batch_labels(self, gan: GANInterface, batch: Tensor | Batch) -> Tensor | None:
        """Labels [B, S] of a batch of stored images."""
        return None

    def draw(self, generator: GeneratorNetwork, num: int, seed: int) -> Tensor | None:
        """Labels [num, S] with the training data's shares, the same for the same seed; None without labels."""
        return None

    def inputs(self, inputs_BCHW: Tensor, labels_BS: Any) -> Tensor:
        """The discriminator's input, from that without labels."""
        return inputs_BCHW

    def logits(self, logits_B: Tensor, features_BF: Tensor, labels_BS: Any) -> Tensor:
        """The logits, from those without labels."""
        return logits_B

    def discriminator_penalty(self, step: Step) -> Tensor | float:
        return 0.0

    def generator_penalty(self, step: Step) -> Tensor | float:
        return 0.0


class Conditional(Choice, Unconditional, ABC):
    """Shows both networks the labels; the generator gets a learnt embedding beside its noise, as in R3GAN.

    The generated images of an update have the labels of its real images. So both have the same classes, the pairs that
    relativistic losses and gradient penalties make are of one class, and no further random numbers are drawn.

    What a subclass adds to the discriminator is the latter's child `labels`: trained and frozen with it, clipped and
    normalised unless it makes inputs.

    Args:
        embedding: E.
    """

    option_group = "gan.conditional"
    labelled = True
    needs_features: bool = True

    def __init__(self, embedding: int = 64):
        self.dims = self.number("embedding", embedding, COUNT)

    def check(self, spec: DataSpec, loss_name: str, loss: Loss, tricks: Mapping[str, Trick]) -> None:
        if self.labelled and len(spec.classes) < 2:
            raise ValueError(
                f"{self}: data={spec.name} has no labels: give it some, or choose gan.conditional=none (data=images "
                "makes them of clusters by data.classes=)"
            )
        for name, trick in tricks.items():
            if trick.excludes_labels:
                raise ValueError(f"{self}: gan.tricks={name} {trick.excludes_labels}: choose one of them")

    def alphabet(self, spec: DataSpec) -> tuple[int, int]:
        """S, and the number of classes K."""
        return spec.stack, len(spec.classes)

    def before_training(self, gan: GANInterface) -> None:
        if self.labelled:
            count_K = gan.trainer.train_dataloader.labels.bincount(minlength=len(gan.spec.classes))
            cast("ConditionalGenerator", gan.generator).class_share_K.copy_(count_K / count_K.sum())

    def batch_labels(self, gan: GANInterface, batch: Tensor | Batch) -> Tensor:
        assert isinstance(batch, Batch)
        return batch.labels

    def generator(self, make: Callable[..., nn.Module], spec: DataSpec) -> ConditionalGenerator:
        """Builds a generator with room for the embedding beside its noise."""
        z = option(make, "z")
        if not isinstance(z, int):
            raise ValueError(
                f"{self}: gan.generator._target_={name_of(make)} takes no z, so that there is no room for the labels "
                "beside the noise: give it that argument"
            )
        constructor, options = parts_of(make)
        network = make_generator(partial(constructor, **(options | {"z": z + self.dims})), spec.shape)
        return ConditionalGenerator(network, z, Codes(*self.alphabet(spec), self.dims))

    def draw(self, generator: GeneratorNetwork, num: int, seed: int) -> Tensor:
        assert isinstance(generator, ConditionalGenerator)
        random = torch.Generator().manual_seed(seed)
        num_labels = num * generator.embedding.stack
        return generator.class_share_K.cpu().multinomial(num_labels, replacement=True, generator=random).view(num, -1)

    def attach(self, discriminator: DiscriminatorNetwork, shape: Shape, spec: DataSpec) -> None:
        if self.needs_features and not discriminator.has_features:
            raise ValueError(
                f"{self} uses the discriminator's features, and it returns logits alone: have it return (logits, "
                "features), name a layer of an nn.Sequential by gan.discriminator.features=, or choose "
                "gan.conditional=concat"
            )
        self.labels = self.make(discriminator, shape, spec)
        discriminator.add_module("labels", self.labels)

    @abstractmethod
    def make(self, discriminator: DiscriminatorNetwork, shape: Shape, spec: DataSpec) -> nn.Module:
        """Makes the discriminator's child `labels`."""


class Projection(Conditional):
    """Adds to the logit the inner product of the features with a vector of the label (arXiv:1802.05637).

    Miyato & Koyama 2018. Their generator has conditional batch normalisation, for which the residual network has no
    place. Features that a trick appends are left out.
    """

    def check(self, spec: DataSpec, loss_name: str, loss: Loss, tricks: Mapping[str, Trick]) -> None:
        super().check(spec, loss_name, loss, tricks)
        if loss_name == "feature_matching":
            raise ValueError(
                f"{self}: gan.loss=feature_matching shows the generator features alone, which do not depend on the "
                "labels: choose gan.conditional=concat or auxiliary, or another loss"
            )
        for name, trick in tricks.items():
            if isinstance(trick, SAN):
                raise ValueError(
                    f"{self} adds to the logit what gan.tricks={name} does not make a direction of: choose "
                    "gan.conditional=concat or auxiliary, or leave the trick out"
                )

    def make(self, discriminator: DiscriminatorNetwork, shape: Shape, spec: DataSpec) -> Codes:
        self.num_features = num_features(discriminator, shape)
        return Codes(*self.alphabet(spec), self.num_features, self.num_features**-0.5)

    def logits(self, logits_B: Tensor, features_BF: Tensor, labels_BS: Tensor) -> Tensor:
        own_BF = features_BF[..., : self.num_features].float()
        return logits_B + (self.labels(labels_BS) * own_BF).sum(-1)


class Concat(Conditional):
    """The discriminator sees the label as further channels, the generator beside its noise (arXiv:1411.1784).

    Mirza & Osindero 2014. A learnt plane for each class, or as many as a one-hot code of the classes needs cells.
    """

    needs_features = False
    labels_are_inputs = True

    def discriminator_shape(self, shape: Shape, spec: DataSpec) -> Shape:
        channels, height, width = shape
        self.size = (math.ceil(spec.stack * len(spec.classes) / (height * width)), height, width)
        return channels + self.size[0], height, width

    def make(self, discriminator: DiscriminatorNetwork, shape: Shape, spec: DataSpec) -> Codes:
        return Codes(*self.alphabet(spec), math.prod(self.size), spec.stack**-0.5)

    def inputs(self, inputs_BCHW: Tensor, labels_BS: Tensor) -> Tensor:
        return torch.cat([inputs_BCHW, self.labels(labels_BS).unflatten(-1, self.size)], -3)


class Auxiliary(Conditional):
    """AC-GAN: a classifier on the discriminator's features, whose cross-entropy both networks minimise.

    Odena et al. 2017, arXiv:1610.09585: the discriminator on real and generated images, the generator on
    its own. Nothing else shows the discriminator the label.

    Args:
        embedding: E.
        weight: of the cross-entropy.
    """

    def __init__(self, embedding: int = 64, weight: float = 1.0):
        super().__init__(embedding)
        self.weight = weight

    def make(self, discriminator: DiscriminatorNetwork, shape: Shape, spec: DataSpec) -> nn.Module:
        self.num_features = num_features(discriminator, shape)
        self.sizes = self.alphabet(spec)
        classifier = Head(self.num_features, math.prod(self.sizes))
        nn.init.normal_(classifier.weight, std=self.num_features**-0.5)
        nn.init.zeros_(classifier.bias)
        return classifier

    def class_loss(self, scored: ScoredImages) -> Tensor:
        """Mean cross-entropy over images and stacked samples."""
        assert scored.labels_BS is not None
        logits_BSK = self.labels(scored.features_BF[..., : self.num_features]).unflatten(-1, self.sizes)
        return self.weight * cross_entropy(logits_BSK.flatten(0, -2), scored.labels_BS.flatten())

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.class_loss(step.real) + self.class_loss(step.fake)

    def generator_penalty(self, step: Step) -> Tensor:
        return self.class_loss(step.fake)


def num_features(discriminator: DiscriminatorNetwork, shape: Shape) -> int:
    """F of a discriminator of inputs of this shape."""
    _, features_BF = trial("gan.discriminator", discriminator, torch.zeros(2, *shape))
    return features_BF.shape[-1]


def labels_of(spec: DataSpec, name: str, num: int) -> Tensor:
    """The labels [N, S] of N samples of a class, of stacked samples one each as in "A+B", of letters also "AB".

    Raises:
        ValueError: there is no such class.
    """
    parts = name.split("+") if spec.stack > 1 else [name]
    if len(parts) == 1 < spec.stack == len(name):
        parts = list(name)
    if len(parts) != spec.stack or not {*parts} <= {*spec.classes}:
        form = "" if spec.stack == 1 else f", {spec.stack} of them joined by +"
        raise ValueError(f"class={name}: choose {', '.join(spec.classes)}{form}")
    return torch.tensor([[spec.classes.index(part) for part in parts]]).expand(num, -1)
