"""Signs that may foretell mode collapse, read off the networks as they stand.

B batch, C channels, H height, W width, F features.
"""

import torch
from torch import Tensor, nn

from src.gan.module import GAN
from src.gan.step import Step


def warning_signals(gan: GAN, real_NCHW: Tensor, batch_size: int) -> dict[str, float]:
    """What the discriminator makes of real images in [-1, 1] and of as many fakes, batch by batch as in training.

    `logit_gap`: mean logit of the real ones above that of the fakes. `discriminator_accuracy`: share of the pairs of a
    real and a fake in which the real one has the higher logit, ½ by guessing; relativistic losses leave open where the
    logits lie. `feature_variance`: variance of the discriminator's features over the fakes, relative to the real ones;
    0 where all fakes are one. `discriminator_gradient`, `generator_gradient`: norms of the gradients of the losses
    without penalties. Of stacked characters also `channel_balance`: C times the share of the least regarded channel in
    the squared gradient of the real logits with respect to the images; 1 where all channels count alike, 0 where the
    discriminator is blind to one, whose characters then come and go unnoticed. Means over the batches. Nothing is
    learnt from it: weights, running statistics and counts stay as they are.
    """
    passes = gan.discriminator_passes
    was_training = gan.training
    gan.eval()
    with torch.enable_grad():
        signals = [_signals(gan, real_BCHW) for real_BCHW in real_NCHW.split(batch_size)]
    gan.train(was_training)
    gan.discriminator_passes = passes
    means = torch.stack([torch.stack(list(batch.values())) for batch in signals]).mean(0)
    return dict(zip(signals[0], means.tolist(), strict=True))


def _signals(gan: GAN, real_BCHW: Tensor) -> dict[str, Tensor]:
    z_BZ = gan.noise(len(real_BCHW))
    stacked = real_BCHW.shape[1] > 1
    real_BCHW.requires_grad_(stacked)
    step = Step(gan, gan.judge(real_BCHW), gan.judge(gan.generate(z_BZ), z_BZ))
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
    regard_C = gradient_BCHW.square().sum((0, 2, 3))
    return len(regard_C) * regard_C.min() / regard_C.sum()


def _gradient_norm(loss: Tensor, network: nn.Module) -> Tensor:
    gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True, allow_unused=True)
    return torch.stack([gradient.norm() for gradient in gradients if gradient is not None]).norm()
