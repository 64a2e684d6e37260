"""Unrolling: the generator optimises against the discriminator after some further updates of the latter.

B batch, C channels, H height, W width, Z latent dims.
"""

import torch
from torch import Tensor
from torch.func import functional_call
from torch.optim import Adam, Optimizer

from src.core.validation import COUNT
from src.gan.interfaces import Discriminator, DiscriminatorOutput, GANInterface, Step
from src.gan.tricks.slope_bounds import WeightClipping
from src.gan.tricks.trick import Trick

UNSUPPORTED = ("discriminator_penalty", "extra_parameters")


class Unrolled(Trick):
    """Computes the generator's loss after k further updates of the discriminator, and differentiates through them.

    Metz et al. 2017, arXiv:1611.02163. As in the paper's experiments and the authors' code, the updates
    are those of the discriminator's own Adam, from its present moments, on the batch of the generator's step. The
    discriminator itself does not change. To a zero-sum loss the real images' part is added, which now depends on the
    generator.

    Args:
        steps: k; the paper tries 1, 5 and 10. Each costs two discriminator passes and a second derivative.
    """

    differentiates_twice = True
    excludes_labels = "computes discriminator updates without the weights that labels add"

    def __init__(self, steps: int = 5):
        super().__init__()
        self.steps = self.number("steps", steps, COUNT)

    def attach(self, gan: GANInterface) -> None:
        self.generator_needs_real = gan.loss.is_zero_sum
        for name, trick in gan.tricks.items():
            if trick.overrides(UNSUPPORTED):
                raise ValueError(
                    f"{self} computes discriminator updates from the loss alone, without {name}: choose one of them"
                )
            if isinstance(trick, WeightClipping):
                raise ValueError(
                    f"{self} computes discriminator updates without clipping weights, as {name} does: "
                    "choose one of them, or spectral_norm"
                )

    def configure_optimizers(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        group = discriminator_optimizer.defaults
        if type(discriminator_optimizer) is not Adam or group["weight_decay"] or group["amsgrad"]:
            raise ValueError(
                f"{self} computes the updates of torch.optim.Adam without weight_decay and amsgrad: choose "
                "it as gan.discriminator_optimizer"
            )
        self.optimizer = discriminator_optimizer

    def graph_key(self, gan: GANInterface) -> tuple:
        return tuple((group["lr"], tuple(group["betas"])) for group in self.optimizer.param_groups)

    def discriminator_for_generator(
        self, gan: GANInterface, discriminator: Discriminator, real_BCHW: Tensor, fake_BCHW: Tensor, z_BZ: Tensor
    ) -> Discriminator:
        network = gan.discriminator
        groups = {weight: group for group in self.optimizer.param_groups for weight in group["params"]}
        adams = {
            name: _Adam(groups[weight], self.optimizer.state[weight]) for name, weight in network.named_parameters()
        }
        weights = {name: weight.detach().requires_grad_() for name, weight in network.named_parameters()}
        buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}

        def future(images: Tensor) -> DiscriminatorOutput:
            return functional_call(network, weights | buffers, images)

        for _ in range(self.steps):
            step = Step(gan, gan.discriminate(real_BCHW, None, future), gan.discriminate(fake_BCHW, z_BZ, future))
            gradients = torch.autograd.grad(gan.loss.discriminator(step), list(weights.values()), create_graph=True)
            for (name, weight), gradient in zip(list(weights.items()), gradients, strict=True):
                weights[name] = weight - adams[name].update(gradient)
        return future

    def generator_penalty(self, step: Step) -> Tensor | float:
        if not step.gan.loss.is_zero_sum:
            return 0.0
        return -step.gan.loss.discriminator(step) - step.gan.loss.generator(step)


class _Adam:
    """Adam for one weight, differentiable (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1)."""

    def __init__(self, group: dict, state: dict):
        self.rate, self.betas, self.eps = group["lr"], group["betas"], group["eps"]
        self.mean, self.square, self.count = state["exp_avg"], state["exp_avg_sq"], state["step"]

    def update(self, gradient: Tensor) -> Tensor:
        """The amount to subtract from the weight."""
        self.count = self.count + 1
        self.mean = self.mean.lerp(gradient, 1 - self.betas[0])
        self.square = self.square.lerp(gradient.square(), 1 - self.betas[1])
        mean = self.mean / (1 - self.betas[0] ** self.count)
        square = self.square / (1 - self.betas[1] ** self.count)
        tiny = torch.finfo(square.dtype).tiny  # below it the root has no finite slope
        return self.rate * mean / (square.clamp_min(tiny).sqrt() + self.eps)
