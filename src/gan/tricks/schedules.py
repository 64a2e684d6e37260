"""Which weights are updated how often and how fast, and which of them samples come from."""

import math
from copy import deepcopy

import torch
from torch import nn
from torch.optim import Optimizer

from src.core.validation import BELOW_ONE, COUNT, POSITIVE, SHARE
from src.gan.interfaces import GANInterface, Step
from src.gan.tricks.finite_differences import FiniteDifference
from src.gan.tricks.gradient_penalties import ZeroCentred
from src.gan.tricks.trick import Trick
from src.training.networks import float_state


class NCritic(Trick):
    """Updates the generator in every nth step (Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1).

    The update is in the last step of each round, which coincides with the logged steps. n = 5 is customary since
    Arjovsky et al. 2017 (arXiv:1701.07875).

    Args:
        n: discriminator updates per generator update.
    """

    def __init__(self, n: int = 5):
        super().__init__()
        self.n = self.steps_per_generator_update = self.number("n", n, COUNT)

    def before_step(self, gan: GANInterface) -> None:
        self.should_update_generator = (gan.steps + 1) % self.n == 0

    def graph_key(self, gan: GANInterface) -> bool:
        return self.should_update_generator


class TwoTimeScale(Trick):
    """Sets a learning rate for each network (Heusel et al. 2017, arXiv:1706.08500).

    The defaults are those of Zhang et al. 2019 (arXiv:1805.08318).
    """

    def __init__(self, generator_lr: float = 1e-4, discriminator_lr: float = 4e-4):
        super().__init__()
        self.generator_lr = self.number("generator_lr", generator_lr, POSITIVE)
        self.discriminator_lr = self.number("discriminator_lr", discriminator_lr, POSITIVE)

    def configure_optimizers(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        for group in generator_optimizer.param_groups:
            group["lr"] = self.generator_lr
        for group in discriminator_optimizer.param_groups:
            group["lr"] = self.discriminator_lr


class TopK(Trick):
    """Computes the generator's loss from the k fake images with the highest logits.

    Sinha et al. 2020, arXiv:2002.06224: k falls exponentially from the whole batch to a share of it.

    Args:
        share: final k, as a share of the batch.
        duration: share of the run over which k falls.
    """

    def __init__(self, share: float = 0.5, duration: float = 0.5):
        super().__init__()
        self.share = self.number("share", share, SHARE)
        self.duration = self.number("duration", duration, SHARE)

    def attach(self, gan: GANInterface) -> None:
        if gan.loss.pairs_samples:
            raise ValueError(
                f"{self} drops generated images, but this loss compares each with a real one: choose another "
                "gan.loss, or leave the trick out"
            )
        mixing = [name for name, trick in gan.tricks.items() if trick.mixes_samples]
        if mixing:
            raise ValueError(
                f"{self} keeps images by their logits, but under gan.tricks={mixing[0]} a logit belongs to "
                "several: choose one of them"
            )

    def before_step(self, gan: GANInterface) -> None:
        self.kept_share = self.share ** min(1.0, gan.progress / self.duration)

    def graph_key(self, gan: GANInterface) -> float:
        return self.kept_share

    def select_samples(self, step: Step) -> Step:
        logits_B = step.fake.logits_B
        best_B = logits_B.topk(math.ceil(self.kept_share * len(logits_B))).indices
        return step.keep_fake(best_B)


class EMA(Trick):
    """Exponential moving average of the generator's weights, evaluated in their place (Yazıcı et al. 2019).

    arXiv:1806.04498. The half-life counts images, whatever the batch size, and is at most `ramp` times the images
    seen, so that the initial weights are soon forgotten (Karras et al. 2020, arXiv:2006.06676). Normalisation
    statistics are averaged as well.

    Args:
        half_life: images after which the influence of a weight on the average has halved.
        ramp: upper bound on the half-life as a share of the images seen so far.
    """

    copies_networks = True

    def __init__(self, half_life: float = 10_000, ramp: float = 0.05):
        super().__init__()
        self.half_life = self.number("half_life", half_life, POSITIVE)
        self.ramp = self.number("ramp", ramp, POSITIVE)

    def attach(self, gan: GANInterface) -> None:
        self.average = deepcopy(gan.generator).requires_grad_(False)

    @torch.no_grad()
    def after_step(self, gan: GANInterface) -> None:
        half_life = min(self.half_life, self.ramp * gan.images_seen)
        step_weight = 1 - 0.5 ** (gan.batch_images / half_life)
        torch._foreach_lerp_(float_state(self.average), float_state(gan.current_generator), step_weight)

    def evaluated_generator(self, generator: nn.Module) -> nn.Module:
        return self.average


class BurnIn(Trick):
    """Moves hyperparameters along half a cosine early in the run, then keeps them constant (Huang et al. 2024).

    arXiv:2501.05441, appendix D. The learning rates fall and Adam's β₂ rises from the optimizers' configured values.
    The γ of `r1` and `r2`, or the weight of `r1_approx` and `r2_approx`, falls from its own; the half-life of `ema`
    rises from 0, replacing its own schedule.

    Args:
        share: of the run, over which they move.
        lr: final learning rate, as a multiple of the first.
        gamma: final γ, as a multiple of the first.
        beta2: final β₂.
        half_life: final half-life, as a share of the run.
    """

    def __init__(
        self,
        share: float = 0.2,
        lr: float = 0.25,
        gamma: float = 0.1,
        beta2: float = 0.99,
        half_life: float = 0.05,
    ):
        super().__init__()
        self.share = self.number("share", share, SHARE)
        self.lr = self.number("lr", lr, POSITIVE)
        self.gamma = self.number("gamma", gamma, POSITIVE)
        self.beta2 = self.number("beta2", beta2, BELOW_ONE)
        self.half_life = self.number("half_life", half_life, POSITIVE)
        self.values: dict[str, float] = {}

    def attach(self, gan: GANInterface) -> None:
        penalties = {
            name: trick for name, trick in gan.tricks.items() if isinstance(trick, ZeroCentred | FiniteDifference)
        }
        self.coefficients = {name: trick.coefficient for name, trick in penalties.items()}
        self.first = {name: getattr(trick, trick.coefficient).item() for name, trick in penalties.items()}
        for trick in gan.tricks.values():
            if isinstance(trick, EMA):
                trick.ramp = math.inf

    def configure_optimizers(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer) -> None:
        for optimizer in (generator_optimizer, discriminator_optimizer):
            if "betas" not in optimizer.defaults:
                raise ValueError(
                    f"{self} moves Adam's β₂, which {type(optimizer).__name__} lacks: choose "
                    "torch.optim.Adam, or leave the trick out"
                )

    def before_step(self, gan: GANInterface) -> None:
        done = (1 - math.cos(math.pi * min(1.0, gan.progress / self.share))) / 2
        self.values = {}
        for network, optimizer in zip(("generator", "discriminator"), gan.optimizers(), strict=True):
            for group in optimizer.param_groups:
                # In the group and so in the checkpoint, as a resumed run finds the rate already lowered.
                first_lr = group.setdefault("initial_lr", group["lr"])
                beta1, first_beta2 = group.setdefault("initial_betas", group["betas"])
                group["lr"] = interpolate(first_lr, first_lr * self.lr, done)
                group["betas"] = (beta1, interpolate(first_beta2, self.beta2, done))
            self.values[f"{network}_lr"] = group["lr"]
        for name, coefficient in self.coefficients.items():
            value = interpolate(self.first[name], self.first[name] * self.gamma, done)
            getattr(gan.tricks[name], coefficient).fill_(value)
            self.values[f"{name}_{coefficient}"] = value
        run_images = gan.total_steps * gan.images_seen / max(1, gan.steps)
        for trick in gan.tricks.values():
            if isinstance(trick, EMA):
                trick.half_life = max(1e-6, self.half_life * run_images * done)  # it divides

    def logs(self) -> dict[str, float]:
        return self.values


def interpolate(first: float, last: float, share: float) -> float:
    return first + (last - first) * share
