"""Penalties on logits, weights and samples, which differentiate no gradient.

B batch, Z latent dims, C channels, H height, W width.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from src.core.validation import COUNT, PART
from src.gan.interfaces import GANInterface, Step
from src.gan.losses import LeastSquares
from src.gan.tricks.trick import Trick


class LogitCentring(Trick):
    """w E(D(x) + D(G(z)))²: stops the common drift of all logits (Lin et al. 2025, arXiv:2511.22475).

    Relativistic losses and the Wasserstein loss see differences of logits only, and leave their mean free.

    Args:
        weight: w.
    """

    def __init__(self, weight: float = 0.01):
        super().__init__()
        self.weight = weight

    def attach(self, gan: GANInterface) -> None:
        if isinstance(gan.loss, LeastSquares):
            raise ValueError(
                f"{self} centres logits at 0, and gan.loss=least_squares at ½, between its targets: "
                "choose another loss, or leave the trick out"
            )

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.weight * (step.real.logits_B.float() + step.fake.logits_B.float()).square().mean(-1)


class LabelSmoothing(Trick):
    """Adds (1−t) E[D(x)] over real images (Salimans et al. 2016, arXiv:1606.03498, section 3.4).

    The cross-entropy against the target t is −t log σ(D) − (1−t) log(1−σ(D)) = −log σ(D) + (1−t) D.

    Args:
        target: t.
    """

    def __init__(self, target: float = 0.9):
        super().__init__()
        if not 0.5 < target < 1:
            raise ValueError(f"{self.key}.target={target}: choose a number between 0.5 and 1")
        self.target = target

    def attach(self, gan: GANInterface) -> None:
        if not gan.loss.is_cross_entropy:
            raise ValueError(
                f"{self} moves the target of a cross-entropy, which this loss is not: choose "
                "gan.loss=standard, minimax or feature_matching"
            )

    def discriminator_penalty(self, step: Step) -> Tensor:
        return (1 - self.target) * step.real.logits_B.mean(-1)


class Lecam(Trick):
    """λ (E relu(D(x) − α_fake)² + E relu(α_real − D(G(z)))²) with moving averages α of the other kind's mean logits.

    Tseng et al. 2021, arXiv:2104.03310; one-sided and averaged as in their code. In the warm-up the averages are those
    of the latest batch, and there is no penalty.

    Args:
        weight: λ; 0.3 suits the logits under the hinge loss.
        decay: of the averages, per step.
        warm_up: steps without penalty, at least 1.
    """

    def __init__(self, weight: float = 0.3, decay: float = 0.99, warm_up: int = 1000):
        super().__init__()
        self.weight = weight
        self.decay = self.number("decay", decay, PART)
        self.warm_up = self.number("warm_up", warm_up, COUNT)
        self.register_buffer("real_average", torch.zeros(()))
        self.register_buffer("fake_average", torch.zeros(()))

    def before_step(self, gan: GANInterface) -> None:
        self.is_warm = gan.steps >= self.warm_up

    def graph_key(self, gan: GANInterface) -> bool:
        return self.is_warm

    def discriminator_penalty(self, step: Step) -> Tensor | float:
        if not self.is_warm:
            return 0.0
        above_fake_B = relu(step.real.logits_B.float() - self.fake_average)
        below_real_B = relu(self.real_average - step.fake.logits_B.float())
        return self.weight * (above_fake_B.square().mean(-1) + below_real_B.square().mean(-1))

    @torch.no_grad()
    def after_discriminator(self, gan: GANInterface, step: Step) -> None:
        share = 1 - self.decay if self.is_warm else 1.0
        for average, scored in ((self.real_average, step.real), (self.fake_average, step.fake)):
            average.lerp_(scored.logits_B.float().mean(), share)


class HistoricalAveraging(Trick):
    """λ ‖θ − mean of all past θ‖² for each network's weights (Salimans et al. 2016, arXiv:1606.03498, section 3.3).

    Args:
        weight: λ. The paper uses 1, in games of few dimensions; networks then hardly leave their initial weights.
    """

    copies_networks = True

    def __init__(self, weight: float = 0.01):
        super().__init__()
        self.weight = weight

    def attach(self, gan: GANInterface) -> None:
        self.mean_generator = deepcopy(gan.generator).requires_grad_(False)
        self.mean_discriminator = deepcopy(gan.discriminator).requires_grad_(False)

    def discriminator_penalty(self, step: Step) -> Tensor:
        return self.weight * _squared_distance(step.gan.discriminator, self.mean_discriminator)

    def generator_penalty(self, step: Step) -> Tensor:
        return self.weight * _squared_distance(step.gan.generator, self.mean_generator)

    @torch.no_grad()
    def after_step(self, gan: GANInterface) -> None:
        num_past = gan.steps + 1  # with the initial weights
        for network, mean in ((gan.generator, self.mean_generator), (gan.discriminator, self.mean_discriminator)):
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 / num_past)


def _squared_distance(network: nn.Module, mean: nn.Module) -> Tensor:
    pairs = zip(network.parameters(), mean.parameters(), strict=True)
    return torch.stack([(weight - past).square().sum() for weight, past in pairs]).sum()


class ModeSeeking(Trick):
    """λ / (E|G(z) − G(z')| / E|z − z'| + ε), per pixel and per latent dimension (Mao et al. 2019, arXiv:1903.05628).

    Each image is compared with the next one of its batch.

    Args:
        weight: λ.
        epsilon: ε, which bounds the penalty if all images are the same.
    """

    excludes_labels = "compares each image with the next one of its batch, which is of another class"

    def __init__(self, weight: float = 1.0, epsilon: float = 1e-5):
        super().__init__()
        self.weight = weight
        self.epsilon = epsilon

    def attach(self, gan: GANInterface) -> None:
        for name, trick in gan.tricks.items():
            if trick.overrides(("select_samples",)):
                raise ValueError(
                    f"{self} compares neighbours of a batch, which gan.tricks={name} sorts by their logits: choose one "
                    "of them"
                )

    def generator_penalty(self, step: Step) -> Tensor:
        images_BCHW, z_BZ = step.fake.images_BCHW.float(), step.fake.z_BZ
        if z_BZ.shape[-2] < 2:
            raise ValueError(f"{self} compares the images of a batch: choose a batch_size above 1")
        between_images = (images_BCHW - images_BCHW.roll(1, -4)).abs().mean((-4, -3, -2, -1))
        between_noise = (z_BZ - z_BZ.roll(1, -2)).abs().mean((-2, -1))
        return self.weight / (between_images / between_noise + self.epsilon)
