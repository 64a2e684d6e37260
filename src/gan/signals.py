"""Signs that may foretell mode collapse, read off the networks as they stand.

B batch, C channels, H height, W width, F features.
"""

import torch
from torch import Tensor, nn

from src.gan.module import GAN
from src.gan.step import Step


def warning_signals(gan: GAN, real_BCHW: Tensor) -> dict[str, float]:
    """What the discriminator makes of real images in [-1, 1] and of as many generated ones.

    `logit_gap`: mean logit of the real ones above that of the fakes. `discriminator_accuracy`: share of the pairs of a
    real and a fake in which the real one has the higher logit, ½ by guessing; relativistic losses leave open where the
    logits lie. `feature_variance`: variance of the discriminator's features over the fakes, relative to the real ones;
    0 where all fakes are one. `discriminator_gradient`, `generator_gradient`: norms of the gradients of the losses
    without penalties. Nothing is learnt from it: weights, running statistics and counts stay as they are.
    """
    passes = gan.discriminator_passes
    was_training = gan.training
    gan.eval()
    with torch.enable_grad():
        z_BZ = gan.noise(len(real_BCHW))
        fake_BCHW = gan.generate(z_BZ)
        step = Step(gan, gan.judge(real_BCHW), gan.judge(fake_BCHW, z_BZ))
        signals = {
            "logit_gap": step.real.logits_B.mean() - step.fake.logits_B.mean(),
            "discriminator_accuracy": (step.real.logits_B > step.fake.logits_B.unsqueeze(1)).float().mean(),
            "feature_variance": _spread(step.fake.features_BF) / _spread(step.real.features_BF),
            "generator_gradient": _gradient_norm(gan.loss.generator(step), gan.generator),
            "discriminator_gradient": _gradient_norm(gan.loss.discriminator(step), gan.discriminator),
        }
    gan.train(was_training)
    gan.discriminator_passes = passes
    return dict(zip(signals, torch.stack(list(signals.values())).tolist(), strict=True))


def _spread(features_BF: Tensor) -> Tensor:
    return features_BF.detach().float().var(0).sum()


def _gradient_norm(loss: Tensor, network: nn.Module) -> Tensor:
    gradients = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True, allow_unused=True)
    return torch.stack([gradient.norm() for gradient in gradients if gradient is not None]).norm()
