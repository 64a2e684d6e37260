"""Both networks at once, along gradients that are taken at the same weights."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from src.core.validation import NOT_NEGATIVE
from src.gan.interfaces import GANInterface, Objective, StepInputs, StepOptimizer
from src.gan.updates.rule import Snapshot, UpdateRule
from src.training.networks import frozen


class Simultaneous(UpdateRule):
    """Both networks step along gradients that are taken at the same weights and from the same noise.

    Simultaneous gradient descent, as in the code of ALI (Dumoulin et al. 2017, arXiv:1606.00704) and of PacGAN (Lin et
    al. 2018, arXiv:1712.04086). The other rules here change the gradients or the point at which they are taken.
    """

    def attach(self, gan: GANInterface) -> None:
        for name, trick in gan.tricks.items():
            if trick.steps_per_generator_update > 1:
                raise ValueError(
                    f"{self} updates both networks at once, but gan.tricks={name} updates the discriminator more "
                    "often: choose one of them"
                )
            if trick.starts_from_first_batch and not gan.generator_needs_real:
                raise ValueError(
                    f"{self} shows the discriminator generated images first, by which gan.tricks={name} would be "
                    "initialised: choose gan.update=alternating"
                )
            if trick.overrides(["discriminator_for_generator"]):
                raise ValueError(
                    f"{self} takes both gradients at the same weights, but under gan.tricks={name} the generator's is "
                    "taken against another discriminator: choose one of them"
                )

    def step(self, gan: GANInterface, inputs: StepInputs, step_optimizer: StepOptimizer) -> dict[str, Tensor]:
        generator_loss, discriminator = self.gradients(gan, inputs)
        outputs = self.descend(gan, discriminator, step_optimizer)
        gan.generator_steps += 1
        return outputs | {"generator_loss": generator_loss}

    def gradients(self, gan: GANInterface, inputs: StepInputs) -> tuple[Tensor, Objective]:
        """Sets both gradients; returns the generator's loss and what the discriminator minimises."""
        inputs = replace(inputs, z_generator_BZ=inputs.z_discriminator_BZ)
        generator_optimizer, discriminator_optimizer = gan.optimizers()
        with frozen(gan.discriminator):
            generator = gan.generator_objective(inputs)
            gan.compute_gradients(generator_optimizer, generator.total)
        # last, as the weights of tricks may have got the generator's gradient
        discriminator = gan.discriminator_objective(inputs)
        gan.compute_gradients(discriminator_optimizer, discriminator.total)
        return generator.loss.detach(), discriminator

    def descend(self, gan: GANInterface, objective: Objective, step_optimizer: StepOptimizer) -> dict[str, Tensor]:
        """Both optimizers' steps along their weights' gradients; returns values to log of the discriminator."""
        generator_optimizer, discriminator_optimizer = gan.optimizers()
        step_optimizer(discriminator_optimizer)
        outputs = gan.after_discriminator(objective)
        step_optimizer(generator_optimizer)
        torch.clear_autocast_cache()
        return outputs


class Extragradient(Simultaneous):
    """Updates the weights along the gradient at a point further on, to which a trial step leads.

    Gidel et al. 2019, arXiv:1802.10551, algorithm 4 (Extra-Adam), for any optimizer: its moments follow both gradients.
    A training step computes one gradient, on a batch of its own as in the authors' code: the first of each pair makes
    the trial step, the second the update. Samples come from the updated weights, never from a trial step.

    Args:
        past: extrapolation from the past: the trial step follows the gradient of the update before it, so that each
            training step makes an update.
    """

    def __init__(self, past: bool = False):
        super().__init__()
        self.past = past
        self.steps_per_generator_update = 1 if past else 2
        self.updating = past

    def attach(self, gan: GANInterface) -> None:
        super().attach(gan)
        self.updated = Snapshot(gan)

    def before_step(self, gan: GANInterface) -> None:
        self.updating = self.past or gan.steps % 2 == 1

    def graph_key(self) -> bool:
        return self.updating

    def step(self, gan: GANInterface, inputs: StepInputs, step_optimizer: StepOptimizer) -> dict[str, Tensor]:
        generator_loss, discriminator = self.gradients(gan, inputs)
        if self.updating:
            self.updated.restore(gan)
        outputs = self.descend(gan, discriminator, step_optimizer)
        if self.updating:
            self.updated.follow(gan)
            gan.generator_steps += 1
        if self.past:
            self.go_on(gan, discriminator, step_optimizer)
        return outputs | {"generator_loss": generator_loss}

    def go_on(self, gan: GANInterface, objective: Objective, step_optimizer: StepOptimizer) -> None:
        """The trial step along the same gradients; what follows a batch, as ADA's strength does, has followed it."""
        generator_optimizer, discriminator_optimizer = gan.optimizers()
        step_optimizer(discriminator_optimizer)
        for trick in gan.tricks.values():
            if trick.bounds_slope:
                trick.after_discriminator(gan, objective.step)
        step_optimizer(generator_optimizer)
        torch.clear_autocast_cache()

    def current_generator(self, generator: nn.Module) -> nn.Module:
        return self.updated.generator


class Consensus(Simultaneous):
    """Adds γ½‖v‖² to both losses, v being both networks' gradients together, so that they seek a point of rest.

    Mescheder et al. 2017, arXiv:1705.10461. ∇½‖v‖² is a second derivative that passes through both
    networks, from the generator's gradient into the discriminator's weights and the other way round. It is counted as
    one more discriminator pass for each that it differentiates.

    Args:
        weight: γ.
    """

    differentiates_twice = True

    def __init__(self, weight: float = 10.0):
        super().__init__()
        self.weight = self.number("weight", weight, NOT_NEGATIVE)

    def attach(self, gan: GANInterface) -> None:
        super().attach(gan)
        for name, trick in gan.tricks.items():
            if trick.differentiates_twice:
                raise ValueError(
                    f"{self} differentiates the gradients of both losses, of which gan.tricks={name} is one already: "
                    "choose one of them"
                )

    def before_step(self, gan: GANInterface) -> None:
        if gan.world_size > 1:
            raise ValueError(f"{self}: ‖v‖² of a batch is not the mean of its parts': train with trainer.devices=1")

    def step(self, gan: GANInterface, inputs: StepInputs, step_optimizer: StepOptimizer) -> dict[str, Tensor]:
        inputs = replace(inputs, z_generator_BZ=inputs.z_discriminator_BZ)
        passes = gan.discriminator_passes
        generator = gan.generator_objective(inputs)
        discriminator = gan.discriminator_objective(inputs, through_generator=True)
        gan.discriminator_passes += gan.discriminator_passes - passes

        players = list(zip(gan.trained_parameters(), (generator, discriminator), strict=True))
        with torch.autocast(inputs.real_BCHW.device.type, enabled=False):
            field = [
                gradient
                for weights, own in players
                for gradient in torch.autograd.grad(own.total, weights, create_graph=True, materialize_grads=True)
            ]
            weights = [weight for own, _ in players for weight in own]
            energy = torch.stack([gradient.square().sum() for gradient in field]).sum() / 2
            slopes = torch.autograd.grad(energy, weights, materialize_grads=True)
        for weight, gradient, slope in zip(weights, field, slopes, strict=True):
            weight.grad = gradient.detach() + self.weight * slope
        outputs = self.descend(gan, discriminator, step_optimizer)
        gan.generator_steps += 1
        return outputs | {"generator_loss": generator.loss.detach()}
