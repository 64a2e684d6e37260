"""GAN training step; losses and tricks are injected.

B batch, N samples, S stacked samples, K classes, C channels, H height, W width, Z latent dims.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from src.data.spec import Batch, DataSpec, Shape
from src.gan.compatibility import check_compatible
from src.gan.conditional import Conditional, Unconditional
from src.gan.interfaces import Discriminator, Loss, ScoredImages, Step
from src.gan.networks.own import make_discriminator
from src.gan.tricks import Trick
from src.training.callbacks.randomness import noise_stream, of_all_ranks
from src.training.checkpoints import match_memory_layout
from src.training.cuda_graphs import GraphedStep
from src.training.multi_step import MultiStepModule, step_optimizer
from src.training.networks import frozen, present


class GAN(MultiStepModule):
    """A generator and a discriminator trained against each other (Goodfellow et al. 2014, arXiv:1406.2661).

    Each training step updates the discriminator once and, unless a trick decides otherwise, the generator once. The
    noise of both updates comes from a random stream of its own, in the same amount per step, so that runs of one seed
    get the same batches and the same noise under every loss and trick.

    The cost is counted in `generator_steps` and in `discriminator_passes` over a batch, of which the gradient with
    respect to the images is another one.

    Args:
        spec: properties of the data that the networks depend on.
        generator: makes the generator from `shape`; its attribute `z` is the number of latent dimensions.
        discriminator: makes the discriminator from `shape`; it returns logits and features. Both may be of any class
            (`networks/own.py`).
        loss: exactly one named loss.
        generator_optimizer: makes an optimizer from the generator's parameters.
        discriminator_optimizer: makes an optimizer from the discriminator's parameters.
        tricks: any number of named tricks.
        conditional: how labels reach both networks; None for a GAN without labels.
        cuda_graphs: whether steps on a GPU are replayed from CUDA graphs where that changes nothing but their speed.

    Raises:
        ValueError: the choices exclude each other.
    """

    step_counters: tuple[str, ...] = ("generator_steps", "discriminator_passes")

    def __init__(
        self,
        spec: DataSpec,
        generator: Callable[..., nn.Module],
        discriminator: Callable[..., nn.Module],
        loss: Mapping[str, Loss],
        generator_optimizer: Callable[..., Optimizer],
        discriminator_optimizer: Callable[..., Optimizer],
        tricks: Mapping[str, Trick] | None = None,
        cuda_graphs: bool = True,
        conditional: Conditional | None = None,
    ):
        super().__init__(spec)
        if len(loss) != 1:
            raise ValueError(f"gan.loss={list(loss)}: a GAN has exactly one loss")
        ((loss_name, self.loss),) = loss.items()
        tricks = tricks or {}
        self.tricks = cast("Mapping[str, Trick]", nn.ModuleDict(tricks))
        self.conditional = conditional or Unconditional()
        self.needs_labels = self.conditional.labelled
        self.conditional.check(spec, loss_name, self.loss, tricks)
        self.generator = self.conditional.generator(generator, spec)
        self.discriminator = make_discriminator(discriminator, self.discriminator_shape())
        check_compatible(loss_name, self.loss, tricks, self.discriminator)
        self.conditional.attach(self.discriminator, self.discriminator_shape(), spec)
        for trick in sorted(tricks.values(), key=lambda trick: trick.copies_networks):
            trick.attach(self)
        self.needs_input_gradients = any(trick.needs_input_gradients for trick in tricks.values())
        tricks_need_real = any(trick.generator_needs_real for trick in tricks.values())
        self.generator_needs_real = self.loss.generator_needs_real or tricks_need_real
        self.make_generator_optimizer = generator_optimizer
        self.make_discriminator_optimizer = discriminator_optimizer
        self.generator_steps = 0
        self.discriminator_passes = 0
        self.random: torch.Generator | None = None  # the noise's stream, made when training starts
        self.saved_random: list[Tensor] = []  # its state on each rank, in a checkpoint
        self.cuda_graphs = cuda_graphs
        self.graphed_step: GraphedStep | None = None

    @property
    def steps_per_generator_update(self) -> int:
        return math.lcm(*(trick.steps_per_generator_update for trick in self.tricks.values()))

    def setup(self, stage: str) -> None:
        if self.trainer.strategy.root_device.type == "cuda":
            self.to(memory_format=torch.channels_last)  # else cuDNN reorders images around each convolution

    def on_train_start(self) -> None:
        super().on_train_start()
        for optimizer in self.optimizers():
            match_memory_layout(optimizer)
        self.random = self.random or noise_stream(self.device, self.global_rank, self.saved_random)
        if self.needs_labels:
            count_K = self.trainer.train_dataloader.labels.bincount(minlength=len(self.spec.classes))
            self.generator.class_share_K.copy_(count_K / count_K.sum())
        supported = GraphedStep.supports(self.device, self.world_size, self.optimizers())
        self.graphed_step = GraphedStep(self) if self.cuda_graphs and supported else None

    def update(self, batch: Tensor | Batch) -> dict[str, Tensor | float]:
        """Runs one step between the tricks' hooks around it; returns values to log."""
        batch_BCHW, *labels = (batch.images, batch.labels) if isinstance(batch, Batch) else (batch,)
        z_discriminator_BZ, z_generator_BZ = self.training_noise(len(batch_BCHW))
        for trick in self.tricks.values():
            trick.before_step(self)
        step = self.graphed_step or self.step
        outputs: dict[str, Tensor | float] = dict(step(batch_BCHW, z_discriminator_BZ, z_generator_BZ, *labels))
        self.count(batch_BCHW)
        for trick in self.tricks.values():
            trick.after_step(self)
            outputs |= {f"tricks/{name}": value for name, value in trick.logs().items()}
        return outputs

    def step(
        self,
        batch_BCHW: Tensor,
        z_discriminator_BZ: Tensor,
        z_generator_BZ: Tensor,
        labels_BS: Tensor | None = None,
        *,
        step_optimizer: Callable[[Optimizer], None] = step_optimizer,
    ) -> dict[str, Tensor]:
        """Updates both networks, on the device alone but for `step_optimizer`; returns values to log."""
        generator_optimizer, discriminator_optimizer = self.optimizers()
        tricks = list(self.tricks.values())
        penalising: list[Trick | Unconditional] = [*tricks, self.conditional]
        real_BCHW = self.spec.to_float(batch_BCHW)

        # The discriminator learns to distinguish real images from generated ones.
        with torch.no_grad():
            fake_BCHW = self.generate(z_discriminator_BZ, labels_BS)
        for images_BCHW in (real_BCHW, fake_BCHW):
            images_BCHW.requires_grad_(self.needs_input_gradients)
        real = self.discriminate(real_BCHW, labels_BS=labels_BS)
        fake = self.discriminate(fake_BCHW, z_discriminator_BZ, labels_BS=labels_BS)
        step = Step(self, real, fake)
        discriminator_loss = self.loss.discriminator(step)
        penalty = sum(each.discriminator_penalty(step) for each in penalising)
        self.backward_and_step(discriminator_optimizer, discriminator_loss + penalty, step_optimizer)
        for trick in tricks:
            trick.after_discriminator(self, step)
        outputs = {
            "discriminator_loss": discriminator_loss.detach(),
            "logits_real": real.logits_B.detach(),
            "logits_fake": fake.logits_B.detach(),
        }
        if not all(trick.should_update_generator for trick in tricks):
            return outputs

        # The generator learns to make images that the discriminator, now fixed, takes for real.
        with frozen(self.discriminator):
            real_BCHW, fake_BCHW = real_BCHW.detach(), self.generate(z_generator_BZ, labels_BS)
            discriminator: Discriminator = self.discriminator
            for trick in tricks:
                discriminator = trick.discriminator_for_generator(
                    self, discriminator, real_BCHW, fake_BCHW, z_generator_BZ
                )
            scored_real = None
            if self.generator_needs_real:
                scored_real = self.discriminate(real_BCHW, None, discriminator, labels_BS)
            fake = self.discriminate(fake_BCHW, z_generator_BZ, discriminator, labels_BS)
            step = Step(self, scored_real, fake)
            for trick in tricks:
                step = trick.select_samples(step)
            generator_loss = self.loss.generator(step)
            penalty = sum(each.generator_penalty(step) for each in penalising)
            self.backward_and_step(generator_optimizer, generator_loss + penalty, step_optimizer)
        self.generator_steps += 1
        return outputs | {"generator_loss": generator_loss.detach()}

    def graph_key(self) -> Hashable | None:
        """What Python decides in the next step; None where a trick cannot be captured in a CUDA graph."""
        keys = tuple(trick.graph_key(self) for trick in self.tricks.values())
        return None if None in keys else keys

    def training_noise(self, num: int) -> Tensor:
        """Latents of a step's two updates [2, num, Z]."""
        return torch.randn(2, num, self.generator.z, device=self.device, generator=self.random)

    def noise(self, num: int) -> Tensor:
        """Standard normal latents [num, Z] from the global random stream."""
        return torch.randn(num, self.generator.z, device=self.device)

    def generate(self, z_BZ: Tensor, labels_BS: Tensor | None = None) -> Tensor:
        """Images [B, C, H, W] in [-1, 1], of these classes [B, S] if the GAN is conditional.

        Data of two levels get images of two levels, or the discriminator could recognise the fakes by their greys; the
        gradient passes straight through the rounding (Bengio et al. 2013, arXiv:1308.3432).
        """
        images_BCHW = self.generator(*present(z_BZ, labels_BS))
        if self.spec.levels > 1:
            return images_BCHW
        return images_BCHW + (torch.where(images_BCHW > 0, 1.0, -1.0) - images_BCHW).detach()

    def discriminate(
        self,
        images_BCHW: Tensor,
        z_BZ: Tensor | None = None,
        discriminator: Discriminator | None = None,
        labels_BS: Tensor | None = None,
    ) -> ScoredImages:
        """Passes images, real or from noise `z`, through the tricks' transforms and a discriminator."""
        inputs = images_BCHW
        for trick in self.tricks.values():
            inputs = trick.transform(inputs)
        for trick in self.tricks.values():
            inputs = trick.pack_inputs(inputs, z_BZ)
        self.discriminator_passes += 1
        logits_B, features_BF = (discriminator or self.discriminator)(self.conditional.inputs(inputs, labels_BS))
        labelled_B = self.conditional.logits(logits_B, features_BF, labels_BS)
        return ScoredImages(images_BCHW, z_BZ, labelled_B, features_BF, labels_BS)

    def input_gradient(self, scored: ScoredImages) -> Tensor:
        """Each logit's gradient with respect to its own image [B, C, H, W], itself differentiable."""
        self.discriminator_passes += 1
        (gradient_BCHW,) = torch.autograd.grad(scored.logits_B.sum(), scored.images_BCHW, create_graph=True)
        return gradient_BCHW.float()

    def discriminator_shape(self) -> Shape:
        """Shape of the discriminator's input."""
        shape = self.spec.shape
        for trick in self.tricks.values():
            shape = trick.discriminator_shape(shape)
        return self.conditional.discriminator_shape(shape, self.spec)

    def compile_networks(self) -> None:
        """Compiles both networks in place; their weights keep their names.

        Raises:
            ValueError: a trick differentiates twice.
        """
        for name, trick in self.tricks.items():
            if trick.differentiates_twice:
                raise ValueError(
                    f"compile=true: PyTorch compiles nothing that is differentiated twice, as gan.tricks={name} does: "
                    "leave one of them out (r1_approx and r2_approx take the place of r1 and r2)"
                )
        self.generator.compile()
        self.discriminator.compile()

    def configure_optimizers(self) -> list[Optimizer]:
        parameters = [list(network.parameters()) for network in (self.generator, self.discriminator)]
        for trick in self.tricks.values():
            for own, extra in zip(parameters, trick.extra_parameters(), strict=True):
                own += extra
        makers = (self.make_generator_optimizer, self.make_discriminator_optimizer)
        optimizers = [make(own) for make, own in zip(makers, parameters, strict=True)]
        for trick in self.tricks.values():
            trick.configure_optimizers(*optimizers)
        return optimizers

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["cost"] = {name: getattr(self, name) for name in self.step_counters}
        checkpoint["noise"] = of_all_ranks(self.random.get_state())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        for name in self.step_counters:
            setattr(self, name, checkpoint["cost"][name])
        self.random, self.saved_random = None, checkpoint.get("noise", [])  # earlier versions saved none

    @torch.no_grad()
    def sample(self, num: int, seed: int, labels_NS: Tensor | None = None, chunk: int = 250) -> Tensor:
        """Draws uint8 [num, C, H, W] from the evaluated generator, the same for a seed, of labels given or drawn."""
        random = torch.Generator().manual_seed(seed)
        z_NZ = torch.randn(num, self.generator.z, generator=random).to(self.device)
        return self.images(z_NZ, self.draw_labels(num, seed) if labels_NS is None else labels_NS, chunk)

    def draw_labels(self, num: int, seed: int) -> Tensor | None:
        """Labels [num, S] with the training data's shares; None for a GAN without labels."""
        return self.conditional.draw(self.generator, num, seed)

    @torch.no_grad()
    def images(self, z_NZ: Tensor, labels_NS: Tensor | None = None, chunk: int = 250) -> Tensor:
        """Images of the evaluated generator, uint8 [N, C, H, W], of these classes [N, S] if the GAN is conditional."""
        generator: nn.Module = self.generator
        for trick in self.tricks.values():
            generator = trick.evaluated_generator(generator)
        was_training = generator.training
        generator.eval()
        inputs = zip(*(each.to(self.device).split(chunk) for each in present(z_NZ, labels_NS)), strict=True)
        images = torch.cat([self.spec.to_stored(generator(*each)) for each in inputs])
        generator.train(was_training)
        return images
