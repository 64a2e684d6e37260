"""A GAN; losses, tricks and the update rule are injected.

B batch, N samples, S stacked samples, K classes, C channels, H height, W width, Z latent dims.
"""

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.optim import Optimizer

from src.data.spec import Batch, DataSpec, Shape, images_of
from src.gan.compatibility import check_compatible, check_compilable, exactly_one
from src.gan.conditional import Conditional, Unconditional
from src.gan.interfaces import Discriminator, Loss, Objective, ScoredImages, Step, StepInputs
from src.gan.networks.own import make_discriminator
from src.gan.tricks import Trick
from src.gan.updates import Alternating, UpdateRule
from src.training.callbacks.randomness import noise_stream, of_all_ranks
from src.training.checkpoints import match_memory_layout
from src.training.cuda_graphs import GraphedStep
from src.training.multi_step import MultiStepModule, step_optimizer
from src.training.networks import evaluating, present


class GAN(MultiStepModule):
    """A generator and a discriminator trained against each other (Goodfellow et al. 2014, arXiv:1406.2661).

    Each training step updates the discriminator once and, unless a trick or the update rule (`updates/alternating.py`)
    decides otherwise, the generator once. The noise of both updates comes from a random stream of its own, in the same
    amount per step, so that runs of one seed get the same batches and the same noise under every loss, trick and rule.

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
        update: exactly one named update rule; None for the alternating one.
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
        update: Mapping[str, UpdateRule] | None = None,
    ):
        super().__init__(spec)
        loss_name, self.loss = exactly_one("gan.loss", loss)
        _, self.update_rule = exactly_one("gan.update", update or {"alternating": Alternating()})
        tricks = tricks or {}
        self.tricks = cast("Mapping[str, Trick]", nn.ModuleDict(tricks))
        self.conditional = conditional or Unconditional()
        self.needs_labels = self.conditional.labelled
        self.labels_are_inputs = self.conditional.labels_are_inputs
        self.conditional.check(spec, loss_name, self.loss, tricks)
        self.generator = self.conditional.generator(generator, spec)
        self.discriminator = make_discriminator(discriminator, self.discriminator_shape())
        check_compatible(loss_name, self.loss, tricks, self.discriminator)
        self.conditional.attach(self.discriminator, self.discriminator_shape(), spec)
        for trick in sorted(tricks.values(), key=lambda trick: trick.copies_networks):
            trick.attach(self)
        tricks_need_real = any(trick.generator_needs_real for trick in tricks.values())
        self.generator_needs_real = self.loss.generator_needs_real or tricks_need_real
        self.update_rule.attach(self)
        self.label_state = self.conditional.state(self.discriminator)
        self.needs_input_gradients = any(trick.needs_input_gradients for trick in tricks.values())
        self.penalising: list[Trick | Unconditional] = [*tricks.values(), self.conditional]
        self.make_optimizers = (generator_optimizer, discriminator_optimizer)
        self.generator_steps = 0
        self.discriminator_passes = 0
        self.random: torch.Generator | None = None  # the noise's stream, made when training starts
        self.saved_random: list[Tensor] = []  # its state on each rank, in a checkpoint
        self.cuda_graphs = cuda_graphs
        self.graphed_step: GraphedStep | None = None

    @property
    def steps_per_generator_update(self) -> int:
        steps = (trick.steps_per_generator_update for trick in self.tricks.values())
        return math.lcm(self.update_rule.steps_per_generator_update, *steps)

    @property
    def should_update_generator(self) -> bool:
        """Whether the present step updates the generator."""
        return all(trick.should_update_generator for trick in self.tricks.values())

    @property
    def current_generator(self) -> nn.Module:
        """The generator that samples come from, before tricks replace it."""
        return self.update_rule.current_generator(self.generator)

    def setup(self, stage: str) -> None:
        if self.trainer.strategy.root_device.type == "cuda":
            self.to(memory_format=torch.channels_last)  # else cuDNN reorders images around each convolution

    def on_train_start(self) -> None:
        super().on_train_start()
        for optimizer in self.optimizers():
            match_memory_layout(optimizer)
        self.random = self.random or noise_stream(self.device, self.global_rank, self.saved_random)
        self.conditional.before_training(self)
        supported = GraphedStep.supports(self.device, self.world_size, self.optimizers())
        self.graphed_step = GraphedStep(self) if self.cuda_graphs and supported else None

    def update(self, batch: Tensor | Batch) -> dict[str, Tensor | float]:
        """Runs one step between the tricks' hooks around it; returns values to log."""
        self.conditional.before_step(self)
        for trick in self.tricks.values():
            trick.before_step(self)
        self.update_rule.before_step(self)
        inputs = present(images_of(batch), *self.training_noise(len(batch)), self.conditional.batch_labels(self, batch))
        outputs: dict[str, Tensor | float] = dict((self.graphed_step or self.step)(*inputs))
        self.count(batch)
        self.update_rule.after_step(self)
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
        """Makes the update rule's step, on the device alone but for `step_optimizer`; returns values to log."""
        inputs = StepInputs(self.spec.to_float(batch_BCHW), z_discriminator_BZ, z_generator_BZ, labels_BS)
        return self.update_rule.step(self, inputs, step_optimizer)

    def discriminator_objective(self, inputs: StepInputs, through_generator: bool = False) -> Objective:
        """What the discriminator minimises: it learns to distinguish real images from generated ones."""
        real_BCHW, z_BZ, labels_BS = inputs.real_BCHW, inputs.z_discriminator_BZ, inputs.labels_BS
        with torch.set_grad_enabled(through_generator):
            fake_BCHW = self.generate(z_BZ, labels_BS)
        if self.needs_input_gradients:
            real_BCHW.requires_grad_()
            fake_BCHW.requires_grad_()
        real = self.discriminate(real_BCHW, labels_BS=labels_BS)
        step = Step(self, real, self.discriminate(fake_BCHW, z_BZ, labels_BS=labels_BS))
        loss = self.loss.discriminator(step)
        return Objective(step, loss, sum(each.discriminator_penalty(step) for each in self.penalising))

    def generator_objective(self, inputs: StepInputs) -> Objective:
        """What the generator minimises: it learns to make images that the discriminator takes for real."""
        real_BCHW, z_BZ, labels_BS = inputs.real_BCHW.detach(), inputs.z_generator_BZ, inputs.labels_BS
        fake_BCHW = self.generate(z_BZ, labels_BS)
        discriminator: Discriminator = self.discriminator
        for trick in self.tricks.values():
            discriminator = trick.discriminator_for_generator(self, discriminator, real_BCHW, fake_BCHW, z_BZ)
        real = self.discriminate(real_BCHW, None, discriminator, labels_BS) if self.generator_needs_real else None
        step = Step(self, real, self.discriminate(fake_BCHW, z_BZ, discriminator, labels_BS))
        for trick in self.tricks.values():
            step = trick.select_samples(step)
        loss = self.loss.generator(step)
        return Objective(step, loss, sum(each.generator_penalty(step) for each in self.penalising))

    def after_discriminator(self, objective: Objective) -> dict[str, Tensor]:
        """Lets the tricks act on the updated discriminator; returns values to log."""
        for trick in self.tricks.values():
            trick.after_discriminator(self, objective.step)
        logits = {"logits_real": objective.step.real.logits_B, "logits_fake": objective.step.fake.logits_B}
        return {name: value.detach() for name, value in {"discriminator_loss": objective.loss, **logits}.items()}

    def graph_key(self) -> Hashable | None:
        """What Python decides in the next step; None where a trick cannot be captured in a CUDA graph."""
        keys = tuple(trick.graph_key(self) for trick in self.tricks.values())
        return None if None in keys else (self.update_rule.graph_key(), *keys)

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
        with torch.autocast(self.device.type, enabled=False):  # or the backward pass would be rounded once more
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
            ValueError: a trick or the update rule differentiates twice.
        """
        check_compilable(self.tricks, self.update_rule)
        self.generator.compile()
        self.discriminator.compile()

    def trained_parameters(self) -> tuple[list[Parameter], list[Parameter]]:
        """The weights that the generator's optimizer trains, and those of the discriminator's."""
        networks = self.generator, self.discriminator
        generator, discriminator = ([own for own in of.parameters() if own.requires_grad] for of in networks)
        for with_generator, with_discriminator in (trick.extra_parameters() for trick in self.tricks.values()):
            generator, discriminator = generator + with_generator, discriminator + with_discriminator
        return generator, discriminator

    def configure_optimizers(self) -> list[Optimizer]:
        optimizers = [make(own) for make, own in zip(self.make_optimizers, self.trained_parameters(), strict=True)]
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
        generator = self.current_generator
        for trick in self.tricks.values():
            generator = trick.evaluated_generator(generator)
        inputs = zip(*(each.to(self.device).split(chunk) for each in present(z_NZ, labels_NS)), strict=True)
        with evaluating(generator):
            return torch.cat([self.spec.to_stored(generator(*each)) for each in inputs])
