"""Generators and discriminators of one's own: any module from noise to images, and from images to logits.

B batch, C channels, H height, W width, Z latent dims, F features.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from src.data.spec import Shape
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork
from src.training.networks import build, described, name_of, option, parts_of, trial

GENERATOR, DISCRIMINATOR = "gan.generator", "gan.discriminator"


class OwnGenerator(GeneratorNetwork):
    """A module that makes images from noise [B, Z], or from [B, Z, 1, 1] if `as_pixel`."""

    def __init__(self, network: nn.Module, z: int, as_pixel: bool):
        super().__init__()
        self.network, self.z, self.as_pixel = network, z, as_pixel

    def forward(self, z_BZ: Tensor) -> Tensor:
        return self.network(z_BZ[..., None, None] if self.as_pixel else z_BZ)


class OwnDiscriminator(DiscriminatorNetwork):
    """A module that returns logits, or logits and features; where it returns none, the logits stand in for them."""

    def __init__(self, network: nn.Module, has_features: bool):
        super().__init__()
        self.network, self.has_features = network, has_features

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        output = self.network(images_BCHW)
        logits, features = output if self.has_features else (output, output)
        return logits.flatten().float(), features.flatten(1)


class SplitDiscriminator(DiscriminatorNetwork):
    """A sequence of layers; the features are the output of one of them."""

    def __init__(self, body: nn.Sequential, head: nn.Module):
        super().__init__()
        self.body = body
        self.add_module("head", head)

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images_BCHW)
        return self.head(features).flatten().float(), features.flatten(1)


def make_generator(make: Callable[..., nn.Module], shape: Shape) -> GeneratorNetwork:
    """Builds a generator of images of a shape.

    Raises:
        ValueError: it is one's own, and does not make such images from noise.
    """
    network = build(GENERATOR, make, shape=shape)
    if isinstance(network, GeneratorNetwork):
        return network
    key = f"{GENERATOR}._target_={name_of(make)}"
    z = getattr(network, "z", option(make, "z"))
    if not isinstance(z, int):
        raise ValueError(f"{key}: how many latent dimensions has it? give +{GENERATOR}.z=")
    try:
        own = OwnGenerator(network, z, as_pixel=False)
        images = trial(key, own, torch.zeros(2, z))
    except ValueError as error:
        try:
            own = OwnGenerator(network, z, as_pixel=True)
            images = trial(key, own, torch.zeros(2, z))
        except ValueError:
            raise ValueError(f"{error}; {GENERATOR}.z={z} is the number of latent dimensions") from error
    if described(images) != str([2, *shape]):
        raise ValueError(f"{key}: from noise [2, {z}] it makes {described(images)}, and not images {[2, *shape]}")
    return own


def make_discriminator(make: Callable[..., nn.Module], shape: Shape) -> DiscriminatorNetwork:
    """Builds a discriminator of inputs of a shape.

    The option `features` names the inner layer of a sequence whose output are the features.

    Raises:
        ValueError: it is one's own, and returns no logits of such images, or has no such layer.
    """
    constructor, options = parts_of(make)
    layer = options.pop("features", None)
    network = build(DISCRIMINATOR, partial(constructor, **options), shape=shape)
    if isinstance(network, DiscriminatorNetwork):
        return network
    key = f"{DISCRIMINATOR}._target_={name_of(make)}"
    *_, last = network.modules()
    if isinstance(last, nn.Sigmoid):
        raise ValueError(f"{key}: it ends in a sigmoid; leave that out, the losses take logits")
    output = trial(key, network, torch.zeros(2, *shape))
    has_features = isinstance(output, tuple) and len(output) == 2
    logits = output[0] if has_features else output
    if not isinstance(logits, Tensor) or logits.numel() != 2 or len(logits) != 2:
        raise ValueError(f"{key}: of 2 images it returns {described(logits)}, and not a logit of each")
    return OwnDiscriminator(network, has_features) if layer is None else _split(network, str(layer))


def require_linear_head(discriminator: DiscriminatorNetwork, trick: str) -> None:
    """Raises: ValueError: the features are not the input of a linear layer that gives the logit."""
    if not isinstance(getattr(discriminator, "head", None), nn.Linear):
        raise ValueError(
            f"gan.tricks={trick} needs a discriminator whose last layer is linear in its features: choose "
            f"gan.network=dcgan, or an nn.Sequential that ends in nn.Linear, with {DISCRIMINATOR}.features= naming the "
            "layer before it"
        )


def require_features(discriminator: DiscriminatorNetwork, needed_by: str) -> None:
    """Raises: ValueError: the discriminator returns logits alone."""
    if not discriminator.has_features:
        raise ValueError(
            f"{needed_by} compares features, and the discriminator returns logits alone: have it return (logits, "
            f"features), or name a layer of an nn.Sequential by {DISCRIMINATOR}.features="
        )


def _split(network: nn.Module, layer: str) -> SplitDiscriminator:
    names = [name for name, _ in network.named_children()]
    if not isinstance(network, nn.Sequential):
        raise ValueError(
            f"{DISCRIMINATOR}.features={layer}: {type(network).__name__} is no nn.Sequential; have it return "
            "(logits, features)"
        )
    if layer not in names[:-1]:
        raise ValueError(f"{DISCRIMINATOR}.features={layer}: choose one of the layers {', '.join(names[:-1])}")
    layers, count = list(network), names.index(layer) + 1
    head = layers[count:]
    return SplitDiscriminator(nn.Sequential(*layers[:count]), head[0] if len(head) == 1 else nn.Sequential(*head))
