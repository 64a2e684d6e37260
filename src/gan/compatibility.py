"""Which losses, tricks and networks exclude each other, and why."""

from collections.abc import Mapping
from typing import TypeVar

from src.gan.interfaces import DiscriminatorNetwork, Loss
from src.gan.networks.dcgan import has_batch_norm
from src.gan.networks.own import require_features
from src.gan.tricks import Trick
from src.gan.updates import UpdateRule

Part = TypeVar("Part")


def exactly_one(key: str, options: Mapping[str, Part]) -> tuple[str, Part]:
    """The only entry. Raises: ValueError: there are several, or none."""
    if len(options) != 1:
        raise ValueError(f"{key}={list(options)}: a GAN has exactly one {key.removeprefix('gan.')}")
    ((name, part),) = options.items()
    return name, part


def check_compilable(tricks: Mapping[str, Trick], rule: UpdateRule) -> None:
    """Raises a ValueError if a trick or the update rule differentiates twice."""
    parts: dict[str, Trick | UpdateRule] = {str(rule): rule, **{f"gan.tricks={name}": tricks[name] for name in tricks}}
    for name, part in parts.items():
        if part.differentiates_twice:
            raise ValueError(
                f"compile=true: PyTorch compiles nothing that is differentiated twice, as {name} does: leave one of "
                "them out (r1_approx and r2_approx take the place of r1 and r2)"
            )


def check_compatible(
    loss_name: str, loss: Loss, tricks: Mapping[str, Trick], discriminator: DiscriminatorNetwork
) -> None:
    """Raises a ValueError for combinations that no paper defines or that are known to fail."""
    if loss.needs_features:
        require_features(discriminator, f"gan.loss={loss_name}")
    if has_batch_norm(discriminator):
        options = "choose gan.discriminator.norm=none, layer or group"
        for name, trick in tricks.items():
            if trick.needs_input_gradients:
                raise ValueError(
                    f"gan.tricks={name} penalises the gradient of each image, which batch normalisation mixes: "
                    f"{options}"
                )
        if loss.pairs_samples:
            raise ValueError(
                f"gan.loss={loss_name} compares each fake image with one real image, which batch normalisation mixes: "
                f"{options}"
            )
    mixing = [name for name, trick in tricks.items() if trick.mixes_samples]
    if mixing and loss.pairs_samples:
        raise ValueError(
            f"gan.loss={loss_name} compares image with image, but under gan.tricks={mixing[0]} a logit belongs to "
            "several: choose another loss, or leave the trick out"
        )
    penalties = [name for name, trick in tricks.items() if trick.needs_input_gradients]
    unpenalised = [name for name in mixing if not tricks[name].allows_input_gradients]
    if unpenalised and penalties:
        raise ValueError(
            f"gan.tricks={penalties[0]} penalises the gradient of each image, but under gan.tricks={unpenalised[0]} a "
            "logit belongs to several: choose one of them"
        )
    if loss.needs_bounded_slope and not any(trick.bounds_slope for trick in tricks.values()):
        raise ValueError(
            f"gan.loss={loss_name} measures a distance only if the discriminator's slope is bounded: add "
            "gan.tricks=[gradient_penalty], [weight_clipping] or [spectral_norm]"
        )
