"""Warning signals of mode collapse, computed from the present networks.

B batch, N images, S stacked samples, C channels, H height, W width, F features.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from src.gan.interfaces import Step
from src.gan.module import GAN
from src.training.networks import evaluating, present


def warning_signals(gan: GAN, real_NCHW: Tensor, batch_size: int, labels_NS: Tensor | None = None) -> dict[str, float]:
    """Compares the discriminator on real images in [-1, 1] and on as many fakes, in batches as in training.

    A conditional GAN needs the real images' labels, which the fakes share.

    `logit_gap`: mean real logit minus mean fake logit. `discriminator_accuracy`: share of the pairs of a real and a
    fake in which the real one has the higher logit, ½ by guessing; a threshold would mean nothing under relativistic
    losses. `feature_variance`: variance of the discriminator's features over the fakes, relative to the real ones; 0 if
    all fakes are equal. `discriminator_gradient`, `generator_gradient`: norms of the gradients of the losses without
    penalties. Of stacked characters also `channel_balance`: C times the smallest share of a channel in the squared
    gradient of the real logits with respect to the images; 1 if all channels count alike, 0 if the discriminator is
    blind to one. All are means over the batches. Weights, running statistics and counts do not change.
    """
    with uncounted(gan), torch.enable_grad():
        batches = zip(*(each.split(batch_size) for each in present(real_NCHW, labels_NS)), strict=True)
        signals = [_signals(gan, *batch) for batch in batches]
    means = torch.stack([torch.stack(list(batch.values())) for batch in signals]).mean(0)
    return dict(zip(signals[0], means.tolist(), strict=True))


@contextmanager
def uncounted(gan: GAN) -> Iterator[None]:
    """Evaluation mode, in which passes through the discriminator do not count."""
    passes = gan.discriminator_passes
    with evaluating(gan):
        yield
    gan.discriminator_passes = passes


def _signals(gan: GAN, real_BCHW: Tensor, labels_BS: Tensor | None = None) -> dict[str, Tensor]:
    z_BZ = gan.noise(len(real_BCHW))
    stacked = gan.spec.stack > 1
    real_BCHW.requires_grad_(stacked)
    fake_BCHW = gan.generate(z_BZ, labels_BS)
    real, fake = gan.discriminate(real_BCHW, None, None, labels_BS), gan.discriminate(fake_BCHW, z_BZ, None, labels_BS)
    step = Step(gan, real, fake)
    gap_BB = (step.real.logits_B - step.fake.logits_B.unsqueeze(1)).detach()
    return {
        "logit_gap": gap_BB.mean(),
        "discriminator_accuracy": (gap_BB.sign().mean() + 1) / 2,
        "feature_variance": _spread(step.fake.features_BF) / _spread(step.real.features_BF),
        "generator_gradient": _gradient_norm(gan.loss.generator(step), gan.generator),
        "discriminator_gradient": _gradient_norm(gan.loss.discriminator(step), gan.discriminator),
        **({"channel_balance": _balance(step.real.logits_B, real_BCHW)} if stacked else {}),
    }


def _spread(features_BF: Tensor) -> Tensor:
    return features_BF.detach().float().var(0).sum()


def _balance(logits_B: Tensor, images_BCHW: Tensor) -> Tensor:
    (gradient_BCHW,) = torch.autograd.grad(logits_B.sum(), images_BCHW, retain_graph=True)
    square_C = gradient_BCHW.square().sum((0, 2, 3))
    return len(square_C) * square_C.min() / square_C.sum()


def _gradient_norm(loss: Tensor, network: nn.Module) -> Tensor:
    gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True, allow_unused=True)
    return torch.stack([gradient.norm() for gradient in gradients if gradient is not None]).norm()
