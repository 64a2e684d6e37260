"""The GAN: the training step is the algorithm box, everything else is said to it from outside.

B batch, C channels, H height, W width, Z latent dims.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from src.data.spec import DataSpec, Shape
from src.gan.compatibility import refuse_impossible
from src.gan.cuda_graphs import Replays
from src.gan.losses import Loss
from src.gan.step import Discriminator, Judged, Step, Verdict
from src.gan.tricks import Trick
from src.training import checkpoints
from src.training.multi_step import Ahead


class GAN(Ahead):
    """A generator and a discriminator trained against each other (Goodfellow et al. 2014, arXiv:1406.2661).

    Optimisation is manual, one discriminator and, unless a trick says otherwise, one generator update a step. What a
    technique costs is counted along the way: `discriminator_passes` over a batch, of which taking the gradient with
    respect to the images is another one, against `generator_steps`.

    Args:
        spec: what the networks need to know of the data.
        generator: makes the generator from `shape`; its `z` is the number of latent dimensions.
        discriminator: makes the discriminator from `shape`; it returns logits and features.
        loss: exactly one named loss.
        tricks: any number of named stabilisers.
        replay: whether steps on a GPU are launched as CUDA graphs where that changes nothing else.
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
        replay: bool = True,
    ):
        super().__init__(spec)
        if len(loss) != 1:
            raise ValueError(f"gan.loss={list(loss)}: a GAN has exactly one loss")
        ((loss_name, self.loss),) = loss.items()
        self.tricks = nn.ModuleDict(tricks or {})
        self.generator = generator(shape=spec.shape)
        self.discriminator = discriminator(shape=self.discriminator_shape())
        refuse_impossible(loss_name, self.loss, self.tricks, self.discriminator)
        for trick in sorted(self.tricks.values(), key=lambda trick: trick.copies_networks):
            trick.attach(self)
        self.needs_input_gradients = any(trick.needs_input_gradients for trick in self.tricks.values())
        self.make_generator_optimizer = generator_optimizer
        self.make_discriminator_optimizer = discriminator_optimizer
        self.generator_steps = 0
        self.discriminator_passes = 0
        self.replay = replay
        self.replays: Replays | None = None

    @property
    def steps_per_generator_update(self) -> int:
        return math.lcm(*(trick.steps_per_generator_update for trick in self.tricks.values()))

    def setup(self, stage: str) -> None:
        if self.trainer.strategy.root_device.type == "cuda":
            self.to(memory_format=torch.channels_last)  # else cuDNN reorders images around each convolution

    def on_train_start(self) -> None:
        super().on_train_start()
        for optimizer in self.optimizers():
            checkpoints.lay_out(optimizer)
        self.replays = Replays(self) if self.replay and Replays.suit(self) else None

    def update(self, batch_BCHW: Tensor) -> dict[str, Tensor]:
        """A step between what is decided before it and what follows from it; what the charts show of it."""
        for trick in self.tricks.values():
            trick.before_step(self)
        outputs = dict((self.replays or self.step)(batch_BCHW))
        self.count(batch_BCHW)
        for trick in self.tricks.values():
            trick.after_step(self)
            outputs |= {f"tricks/{name}": value for name, value in trick.charts().items()}
        return outputs

    def step(self, batch_BCHW: Tensor) -> dict[str, Tensor]:
        """One update of both networks, all of it on the device."""
        generator_optimizer, discriminator_optimizer = self.optimizers()
        real = self.spec.to_float(batch_BCHW)

        # The discriminator learns to tell real images from generated ones.
        z = self.noise(len(real))
        with torch.no_grad():
            fake = self.generate(z)
        real.requires_grad_(self.needs_input_gradients)
        fake.requires_grad_(self.needs_input_gradients)
        step = Step(self, self.judge(real), self.judge(fake, z))
        discriminator_loss = self.loss.discriminator(step)
        penalised = discriminator_loss + sum(trick.discriminator_term(step) for trick in self.tricks.values())
        self.descend(discriminator_optimizer, penalised)
        for trick in self.tricks.values():
            trick.after_discriminator(self, step)
        outputs = {
            "discriminator_loss": discriminator_loss.detach(),
            "logits_real": step.real.logits_B.detach(),
            "logits_fake": step.fake.logits_B.detach(),
        }

        # The generator learns to pass for real, against a discriminator that stands still.
        if all(trick.generator_moves(self) for trick in self.tricks.values()):
            with frozen(self.discriminator):
                step = self.generator_step(real.detach())
                generator_loss = self.loss.generator(step)
                penalised = generator_loss + sum(trick.generator_term(step) for trick in self.tricks.values())
                self.descend(generator_optimizer, penalised)
            self.generator_steps += 1
            outputs["generator_loss"] = generator_loss.detach()
        return outputs

    def generator_step(self, real_BCHW: Tensor) -> Step:
        """Fresh images, judged by the discriminator that the generator faces."""
        z_BZ = self.noise(len(real_BCHW))
        fake_BCHW = self.generate(z_BZ)
        opponent = self.discriminator
        for trick in self.tricks.values():
            opponent = trick.opponent(self, opponent, real_BCHW, fake_BCHW, z_BZ)
        step = Step(self, self.judge(real_BCHW, None, opponent), self.judge(fake_BCHW, z_BZ, opponent))
        for trick in self.tricks.values():
            step = trick.select(step)
        return step

    def noise(self, num: int) -> Tensor:
        """Standard normal latents [num, Z]."""
        return torch.randn(num, self.generator.z, device=self.device)

    def generate(self, z_BZ: Tensor) -> Tensor:
        """Images [B, C, H, W] in [-1, 1].

        Data of two levels get images of two levels, or the discriminator would know the fakes by their shades; the
        gradient passes straight through the rounding (Bengio et al. 2013, arXiv:1308.3432).
        """
        images_BCHW = self.generator(z_BZ)
        if self.spec.levels > 1:
            return images_BCHW
        return images_BCHW + (torch.where(images_BCHW > 0, 1.0, -1.0) - images_BCHW).detach()

    def judge(
        self, images_BCHW: Tensor, z_BZ: Tensor | None = None, discriminator: Discriminator | None = None
    ) -> Judged:
        """Images, real or from noise `z`, as a discriminator will see them: in the form that the tricks give them."""

        def verdict() -> Verdict:
            seen = images_BCHW
            for trick in self.tricks.values():
                seen = trick.transform(seen)
            for trick in self.tricks.values():
                seen = trick.present(seen, z_BZ)
            self.discriminator_passes += 1
            return (discriminator or self.discriminator)(seen)

        return Judged(images_BCHW, z_BZ, verdict)

    def input_gradient(self, judged: Judged) -> Tensor:
        """Each logit's gradient with respect to its own image [B, C, H, W], itself differentiable."""
        self.discriminator_passes += 1
        (gradient_BCHW,) = torch.autograd.grad(judged.logits_B.sum(), judged.images_BCHW, create_graph=True)
        return gradient_BCHW.float()

    def discriminator_shape(self) -> Shape:
        """The shape of what the discriminator sees."""
        shape = self.spec.shape
        for trick in self.tricks.values():
            shape = trick.discriminator_shape(shape)
        return shape

    def compile_networks(self) -> None:
        """Has PyTorch compile both networks where they are; their weights keep their names.

        Raises:
            ValueError: a trick needs a derivative of a derivative.
        """
        for name, trick in self.tricks.items():
            if trick.differentiates_twice:
                raise ValueError(
                    f"compile=true: PyTorch compiles nothing that is differentiated twice, as gan.tricks={name} does: "
                    "leave one of them out"
                )
        self.generator.compile()
        self.discriminator.compile()

    def configure_optimizers(self) -> list[Optimizer]:
        generator_parameters = list(self.generator.parameters())
        discriminator_parameters = list(self.discriminator.parameters())
        for trick in self.tricks.values():
            generator_parameters += trick.generator_parameters()
            discriminator_parameters += trick.discriminator_parameters()
        generator_optimizer = self.make_generator_optimizer(generator_parameters)
        discriminator_optimizer = self.make_discriminator_optimizer(discriminator_parameters)
        for trick in self.tricks.values():
            trick.tune(generator_optimizer, discriminator_optimizer)
        return [generator_optimizer, discriminator_optimizer]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["cost"] = {
            "generator_steps": self.generator_steps,
            "discriminator_passes": self.discriminator_passes,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.generator_steps = checkpoint["cost"]["generator_steps"]
        self.discriminator_passes = checkpoint["cost"]["discriminator_passes"]

    @torch.no_grad()
    def sample(self, num: int, seed: int, chunk: int = 1000) -> Tensor:
        """Draws uint8 images [num, C, H, W] from the evaluated generator, the same for the same weights and seed."""
        random = torch.Generator().manual_seed(seed)
        return self.images(torch.randn(num, self.generator.z, generator=random).to(self.device), chunk)

    @torch.no_grad()
    def images(self, z_NZ: Tensor, chunk: int = 1000) -> Tensor:
        """What the evaluated generator makes of latents, uint8 [N, C, H, W]."""
        generator = self.generator
        for trick in self.tricks.values():
            generator = trick.evaluated_generator(generator)
        was_training = generator.training
        generator.eval()
        images = torch.cat([self.spec.to_stored(generator(z_BZ)) for z_BZ in z_NZ.split(chunk)])
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
