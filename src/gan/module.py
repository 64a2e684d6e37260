"""The GAN: the training step is the algorithm box, everything else is said to it from outside.

B batch, C channels, H height, W width, Z latent dims.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from src.counted import Counted
from src.data.spec import DataSpec
from src.gan.losses import Loss
from src.gan.networks import has_batch_norm, initialise
from src.gan.step import Judged, Step
from src.gan.tricks import Trick


class GAN(Counted):
    """A generator and a discriminator trained against each other (Goodfellow et al. 2014, arXiv:1406.2661).

    Optimisation is manual, one discriminator and one generator update a step; `steps` counts the latter.

    Args:
        spec: what the networks need to know of the data.
        generator: makes the generator from `shape`; its `z` is the number of latent dimensions.
        discriminator: makes the discriminator from `shape`; it returns logits and features.
        loss: exactly one named loss.
        tricks: any number of named stabilisers.
        generator_optimizer: makes an optimizer from the generator's parameters.
        discriminator_optimizer: likewise.

    Raises:
        ValueError: the choices exclude each other.
    """

    def __init__(
        self,
        spec: DataSpec,
        generator: Callable[..., nn.Module],
        discriminator: Callable[..., nn.Module],
        loss: Mapping[str, Loss],
        generator_optimizer: Callable[..., Optimizer],
        discriminator_optimizer: Callable[..., Optimizer],
        tricks: Mapping[str, Trick] | None = None,
    ):
        super().__init__(spec)
        self.automatic_optimization = False
        if len(loss) != 1:
            raise ValueError(f"gan.loss={list(loss)}: a GAN has exactly one loss")
        (self.loss,) = loss.values()
        self.generator = generator(shape=spec.shape)
        self.discriminator = discriminator(shape=spec.shape)
        initialise(self.generator)
        initialise(self.discriminator)
        self.make_generator_optimizer = generator_optimizer
        self.make_discriminator_optimizer = discriminator_optimizer
        self.tricks = nn.ModuleDict(tricks or {})
        for name, trick in self.tricks.items():
            if trick.needs_input_gradients and has_batch_norm(self.discriminator):
                raise ValueError(
                    f"gan.tricks={name} penalises the gradient of each image, which batch normalisation mixes: "
                    "choose gan.discriminator.norm=none, layer or group"
                )
            trick.attach(self)
        self.needs_input_gradients = any(trick.needs_input_gradients for trick in self.tricks.values())

    def training_step(self, batch_BCHW: Tensor, batch_index: int) -> dict[str, Tensor]:
        generator_optimizer, discriminator_optimizer = self.optimizers()
        real = self.spec.to_float(batch_BCHW)

        # The discriminator learns to tell real images from generated ones.
        with torch.no_grad():
            fake = self.generator(self.noise(len(real)))
        real.requires_grad_(self.needs_input_gradients)
        fake.requires_grad_(self.needs_input_gradients)
        step = self.judge(real, fake)
        discriminator_loss = self.loss.discriminator(step)
        penalised = discriminator_loss + sum(trick.discriminator_term(step) for trick in self.tricks.values())
        self.descend(discriminator_optimizer, penalised)
        logits_real, logits_fake = step.real.logits_B, step.fake.logits_B

        # The generator learns to pass for real, against a discriminator that stands still.
        with frozen(self.discriminator):
            step = self.judge(real.detach(), self.generator(self.noise(len(real))))
            generator_loss = self.loss.generator(step)
            penalised = generator_loss + sum(trick.generator_term(step) for trick in self.tricks.values())
            self.descend(generator_optimizer, penalised)

        self.count(batch_BCHW)
        for trick in self.tricks.values():
            trick.after_step(self)
        return {
            "discriminator_loss": discriminator_loss.detach(),
            "generator_loss": generator_loss.detach(),
            "logits_real": logits_real.detach(),
            "logits_fake": logits_fake.detach(),
        }

    def noise(self, num: int) -> Tensor:
        """Standard normal latents [num, Z]."""
        return torch.randn(num, self.generator.z, device=self.device)

    def judge(self, real_BCHW: Tensor, fake_BCHW: Tensor) -> Step:
        return Step(Judged(real_BCHW, self.discriminator), Judged(fake_BCHW, self.discriminator))

    def descend(self, optimizer: Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def configure_optimizers(self) -> list[Optimizer]:
        return [
            self.make_generator_optimizer(self.generator.parameters()),
            self.make_discriminator_optimizer(self.discriminator.parameters()),
        ]

    @torch.no_grad()
    def sample(self, num: int, seed: int, chunk: int = 1000) -> Tensor:
        """Draws uint8 images [num, C, H, W] from the evaluated generator, the same for the same weights and seed."""
        generator = self.generator
        for trick in self.tricks.values():
            generator = trick.evaluated_generator(generator)
        random = torch.Generator().manual_seed(seed)
        z_NZ = torch.randn(num, self.generator.z, generator=random).to(self.device)
        was_training = generator.training
        generator.eval()
        images = torch.cat([self.spec.to_uint8(generator(z_BZ)) for z_BZ in z_NZ.split(chunk)])
        generator.train(was_training)
        return images


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Gradients pass through the network but do not reach its weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
