"""Noise on the discriminator's inputs, which makes the distributions of real and generated images overlap.

B batch, C channels, H height, W width, T steps of the diffusion.
"""

from typing import Any

import torch
from torch import Tensor

from src.core.validation import POSITIVE, SEVERAL
from src.gan.interfaces import GANInterface
from src.gan.tricks.adaptive import Adaptive
from src.gan.tricks.trick import Trick


class InstanceNoise(Trick):
    """Adds Gaussian noise to all inputs of the discriminator; its standard deviation falls linearly to 0.

    Sønderby et al. 2017, arXiv:1610.04490; Arjovsky & Bottou 2017, arXiv:1701.04862.

    Args:
        sigma: standard deviation at the start of the run; images are in [-1, 1].
    """

    sigma: Tensor

    def __init__(self, sigma: float = 0.1):
        super().__init__()
        self.initial_sigma = self.number("sigma", sigma, POSITIVE)
        self.register_buffer("sigma", torch.tensor(float(sigma)))

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *others: Any) -> None:
        state.setdefault(f"{prefix}sigma", torch.zeros(()))  # checkpoints of earlier versions lack it; 0 at a run's end
        super()._load_from_state_dict(state, prefix, *others)

    def before_step(self, gan: GANInterface) -> None:
        self.sigma.fill_(self.initial_sigma * (1 - gan.progress))

    def transform(self, images_BCHW: Tensor) -> Tensor:
        return images_BCHW + self.sigma * torch.randn_like(images_BCHW)

    def logs(self) -> dict[str, Tensor]:
        return {"noise_sigma": self.sigma}


class DiffusionGAN(Adaptive):
    """Shows √ᾱ_t x + √(1 − ᾱ_t) σ n with n ~ N(0, I), at a random step t of a diffusion (Wang et al. 2023).

    arXiv:2206.02262. Real and generated images are diffused alike, and the generator's gradient passes through. The
    number of steps T = `shortest` + p (`longest` − `shortest`) follows overfitting as in ADA. As in the authors' code β
    rises linearly from its first to its last value over the T steps, half of the images stay as they are (t = 0), and
    the discriminator is not told t, which they found to make no difference; the others' t has the probability
    t / (1 + … + T).

    Args:
        ramp: images over which T can rise from `shortest` to `longest`.
        shortest: the smallest T.
        longest: the largest T.
        sigma: σ, the standard deviation of the noise after a long diffusion; images are in [-1, 1].
        first_beta: β at the first step.
        last_beta: β at step T.
    """

    alternative = "instance_noise"

    def __init__(
        self,
        ramp: float = 100_000,
        shortest: int = 10,
        longest: int = 1000,
        sigma: float = 0.05,
        first_beta: float = 1e-4,
        last_beta: float = 0.02,
        **options: Any,
    ):
        super().__init__(ramp=ramp, **options)
        self.shortest, self.longest = self.number("shortest", shortest, SEVERAL), longest
        if longest < shortest:
            raise ValueError(f"{self.key}.longest={longest}: choose at least {shortest}, the shortest")
        if not 0 < first_beta <= last_beta < 1:
            raise ValueError(
                f"{self.key}.last_beta={last_beta}: choose 0 < first_beta ≤ last_beta < 1, and "
                f"first_beta is {first_beta}"
            )
        self.sigma = self.number("sigma", sigma, POSITIVE)
        self.first_beta, self.last_beta = first_beta, last_beta

    @property
    def num_steps(self) -> Tensor:
        """T, a whole number on the device."""
        return self.shortest + (self.probability * (self.longest - self.shortest)).round()

    def transform(self, images_BCHW: Tensor) -> Tensor:
        kept_B111 = self.kept()[self.draw(len(images_BCHW))].view(-1, 1, 1, 1)
        noise_BCHW = self.sigma * torch.randn_like(images_BCHW)
        return kept_B111.sqrt() * images_BCHW + (1 - kept_B111).sqrt() * noise_BCHW

    def draw(self, num: int) -> Tensor:
        """Random steps t [B], 0 for half of them."""
        diffused_B, share_B = torch.rand(2, num, device=self.probability.device)
        last = self.num_steps
        # The smallest t whose t (t + 1) / T (T + 1), the probability of at most t, is at least a uniform share.
        t_B = (((1 + 4 * share_B * last * (last + 1)).sqrt() - 1) / 2).ceil()
        return torch.where(diffused_B < 0.5, t_B.clamp(min=1).minimum(last), 0.0).long()

    def kept(self) -> Tensor:
        """ᾱ_t = Π_{s ≤ t} (1 − β_s) [longest + 1], the share of an image's variance that is left at step t."""
        done_T = torch.arange(self.longest, device=self.probability.device) / (self.num_steps - 1)
        beta_T = self.first_beta + (self.last_beta - self.first_beta) * done_T.clamp(max=1)
        return torch.cat([beta_T.new_ones(1), (1 - beta_T).cumprod(0)])

    def logs(self) -> dict[str, Tensor]:
        return {"diffusion_steps": self.num_steps}
