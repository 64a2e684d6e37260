"""Batch normalisation of the posterior means, which bounds the KL from below."""

from torch import Tensor, nn

from src.core.validation import POSITIVE
from src.vae.anneal.annealer import Annealer, PerLevel
from src.vae.interfaces import VAEInterface
from src.vae.networks import Ladder


class BatchNormMean(Annealer):
    """Posterior means are batch-normalised to the standard deviation γ (Zhu et al. 2020, arXiv:2004.12585).

    With L dimensions E[KL] ≥ L γ²/2 over a batch, so the level cannot collapse. γ is fixed, the shift is learnt. Under
    top-down inference the mean of a level below the top is relative to its prior's; under bottom-up inference with a
    conditional prior it is not, and the bound does not hold.

    Args:
        gamma: γ of each level.
    """

    def __init__(self, gamma: PerLevel = 0.7):
        super().__init__()
        self.gamma = self.levels("gamma", gamma, POSITIVE)

    def attach(self, vae: VAEInterface) -> None:
        super().attach(vae)
        if isinstance(vae.inference, Ladder):
            raise ValueError(f"{self.key}: a prior pulls at the means of vae.inference=ladder; choose top_down")
        if vae.inference.family == "sphere":
            raise ValueError(f"{self.key}: vae.inference=vmf keeps its means on a sphere; choose top_down")
        if vae.prior.of_posteriors:
            raise ValueError(
                f"{self.key}: over a batch of pseudo-inputs the posteriors of vae.prior=vamp would be others than over "
                "one of samples; choose vae.prior=conditional or flow"
            )
        for (level, size), gamma in zip(vae.levels.items(), self.of_levels(self.gamma), strict=True):
            vae.inference[f"scale_{level}"] = self.normalised(size, gamma)

    def normalised(self, num_latents: int, gamma: float) -> nn.Module:
        """Normalises the means of a level with so many dimensions."""
        return FixedSpread(num_latents, gamma)


class FixedSpread(nn.BatchNorm1d):
    """Batch normalisation of means [..., L] to one fixed standard deviation and a learnt mean.

    Args:
        num_latents: L.
        spread: the standard deviation.
    """

    def __init__(self, num_latents: int, spread: float):
        super().__init__(num_latents, eps=1e-8)  # the usual 1e-5 would void the bound as the means' spread shrinks
        self.weight.requires_grad_(False).fill_(spread)

    def forward(self, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(mean.flatten(0, -2)).view_as(mean), std
