"""Prescribed GAN: noisy samples have a density, whose entropy the generator maximises.

B batch, C channels, H height, W width, Z latent dims.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn.functional import softplus

from src.core.validation import COUNT, POSITIVE
from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.trick import Trick
from src.training.networks import present

State = tuple[Tensor, Tensor, Tensor, Tensor]


class Presgan(Trick):
    """Adds learnt noise to all images, x = G(z) + σ ⊙ n, and −λ H(x) to the generator's loss (Dieng et al. 2019).

    arXiv:1910.04302. The entropy's gradient is E[∇x · (x − E[G(z) | x]) / σ²], with the posterior mean from a few
    steps of Hamiltonian Monte Carlo that start from the noise behind each image. Settings are those of the authors'
    code, whose leapfrog steps follow the gradient of the prior alone; here they follow the posterior's. Samples to
    evaluate are drawn without the noise. Batch normalisation in the generator acts on the chains' own batch and keeps
    its running statistics.

    Args:
        weight: λ.
        sigma: σ at the start, the same for each pixel; images are in [-1, 1].
        smallest: lower bound of σ.
        largest: upper bound of σ.
        burn_in: trajectories before the samples, in which the step size adapts.
        samples: trajectories whose ends are averaged.
        leapfrog: steps of a trajectory, each a pass of the generator forth and back.
        step_size: of the leapfrog steps at the start of the run, times the number of latent dimensions.
    """

    TARGET, RATE = 0.67, 0.02  # share of accepted trajectories, and how fast the step size follows it

    step_size: Tensor
    accepted: Tensor

    def __init__(
        self,
        weight: float = 0.01,
        sigma: float = 0.3,
        smallest: float = 0.01,
        largest: float = 0.3,
        burn_in: int = 2,
        samples: int = 2,
        leapfrog: int = 5,
        step_size: float = 1.0,
    ):
        super().__init__()
        self.num_burn_in = self.number("burn_in", burn_in, COUNT)
        self.num_samples = self.number("samples", samples, COUNT)
        self.num_leapfrog = self.number("leapfrog", leapfrog, COUNT)
        self.initial_step_size = self.number("step_size", step_size, POSITIVE)
        self.number("smallest", smallest, POSITIVE)
        if not smallest <= sigma <= largest:
            raise ValueError(f"{self.key}.sigma={sigma}: choose a number from {smallest} to {largest}")
        self.weight = weight
        self.initial_sigma = sigma
        self.bounds = [math.log(math.expm1(bound)) for bound in (smallest, largest)]  # of softplus⁻¹(σ)
        self.noisy_BCHW: Tensor | None = None  # the generator's images of the present update

    def attach(self, gan: GANInterface) -> None:
        if gan.spec.levels == 1:
            raise ValueError(
                f"{self} differentiates a density of images, but data={gan.spec.name} has two levels: "
                "choose other data, or leave the trick out"
            )
        names = list(gan.tricks)
        for name, trick in gan.tricks.items():
            if trick.overrides(("select_samples",)):
                raise ValueError(
                    f"{self} maximises the entropy of all generated images, but {name} drops some: choose one of them"
                )
            if trick.overrides(("transform",)) and names.index(name) < names.index("presgan"):
                raise ValueError(f"gan.tricks={names}: name presgan before {name}, so that it sees G(z)")
        _, height, width = gan.spec.shape
        self.raw_sigma_HW = Parameter(torch.full((height, width), math.log(math.expm1(self.initial_sigma))))
        self.register_buffer("step_size", torch.tensor(self.initial_step_size / gan.generator.z))
        self.register_buffer("accepted", torch.zeros(()))

    def extra_parameters(self) -> tuple[list[Parameter], list[Parameter]]:
        return [self.raw_sigma_HW], []

    @property
    def sigma_HW(self) -> Tensor:
        return softplus(self.raw_sigma_HW)

    def transform(self, images_BCHW: Tensor) -> Tensor:
        is_learning = images_BCHW.grad_fn is not None  # the generator, from these images
        sigma_HW = self.sigma_HW if is_learning else self.sigma_HW.detach()
        noisy_BCHW = images_BCHW + sigma_HW * torch.randn_like(images_BCHW)
        if is_learning:
            self.noisy_BCHW = noisy_BCHW
        return noisy_BCHW

    def generator_penalty(self, step: Step) -> Tensor:
        """−λ H(x), of which only the gradient means something."""
        assert self.noisy_BCHW is not None
        noisy_BCHW, self.noisy_BCHW = self.noisy_BCHW.float(), None
        score_BCHW = (noisy_BCHW.detach() - self.posterior_mean(step, noisy_BCHW.detach())) / self.sigma_HW.square()
        return -self.weight * (score_BCHW.detach() * noisy_BCHW).sum((1, 2, 3)).mean()

    def posterior_mean(self, step: Step, noisy_BCHW: Tensor) -> Tensor:
        """E[G(z) | x] over the chains' states after the burn-in."""
        assert step.fake.z_BZ is not None
        sigma_HW = self.sigma_HW.detach()
        generator, labels_BS = step.gan.generator, step.fake.labels_BS

        def state(z_BZ: Tensor) -> State:
            """z [B, Z], the energy −log p(z, x) [B], its gradient [B, Z] and G(z)."""
            z_BZ = z_BZ.detach().requires_grad_()
            images_BCHW = generator(*present(z_BZ, labels_BS)).float()
            error_BCHW = (noisy_BCHW - images_BCHW) / sigma_HW
            energy_B = (z_BZ.square().sum(1) + error_BCHW.square().sum((1, 2, 3))) / 2
            (gradient_BZ,) = torch.autograd.grad(energy_B.sum(), z_BZ)
            return z_BZ.detach(), energy_B.detach(), gradient_BZ, images_BCHW.detach()

        mean_BCHW = torch.zeros_like(noisy_BCHW)
        with torch.autocast(noisy_BCHW.device.type, enabled=False), kept_statistics(generator):
            here = state(step.fake.z_BZ)
            for number in range(self.num_burn_in + self.num_samples):
                speed_BZ = torch.randn_like(here[0])
                there, final_speed_BZ = here, speed_BZ - self.step_size / 2 * here[2]
                for _ in range(self.num_leapfrog):
                    there = state(there[0] + self.step_size * final_speed_BZ)
                    final_speed_BZ = final_speed_BZ - self.step_size * there[2]
                final_speed_BZ = final_speed_BZ + self.step_size / 2 * there[2]  # the last is half a step
                kinetic_B = (speed_BZ.square() - final_speed_BZ.square()).sum(1) / 2
                accepts_B = torch.rand_like(kinetic_B).log() < here[1] - there[1] + kinetic_B
                here = chosen(accepts_B, there, here)
                if number < self.num_burn_in:
                    self.accepted.copy_(accepts_B.float().mean())
                    self.step_size.mul_(1 + self.RATE * (self.accepted - self.TARGET))
                else:
                    mean_BCHW += here[3] / self.num_samples
        return mean_BCHW

    @torch.no_grad()
    def after_step(self, gan: GANInterface) -> None:
        self.raw_sigma_HW.clamp_(*self.bounds)

    def logs(self) -> dict[str, Tensor]:
        sigma = self.sigma_HW.detach().mean()
        return {"noise_sigma": sigma, "accepted": self.accepted, "step_size": self.step_size}


def chosen(accepts_B: Tensor, there: State, here: State) -> State:
    """Each chain's new state if it is accepted, else its old one."""
    z_BZ, energy_B, gradient_BZ, images_BCHW = (
        torch.where(accepts_B.view(-1, *[1] * (new.ndim - 1)), new, old) for new, old in zip(there, here, strict=True)
    )
    return z_BZ, energy_B, gradient_BZ, images_BCHW


@contextmanager
def kept_statistics(network: nn.Module) -> Iterator[None]:
    """Keeps the running statistics of batch normalisation."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
