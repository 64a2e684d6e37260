"""What a prior of the latents is.

B batch, L latent dims of a level.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from src.core.validation import Choice
from src.vae.latents import Gaussian, LevelPrior, standard_normal


class Prior(Choice, nn.Module, ABC):
    """p(z_1) p(z_2 | z_1) …, where z_1 is the top level.

    `conditional`: whether a level depends on those above. `of_posteriors`: whether p(z_1) is made of posteriors.
    `independent`: whether the dimensions of each level are independent given those above.
    """

    option_group = "vae.prior"
    conditional: bool
    of_posteriors = False
    independent = True
    family_top: Callable[[Tensor], LevelPrior] = staticmethod(standard_normal)

    def attach(self, inference: Any, encoder: nn.Module, shape: tuple[int, int]) -> None:
        """Called once with the networks of q(z|x) and the shape (T, V) of a sample.

        Raises:
            ValueError: the prior does not fit the posteriors.
        """
        self.family_top = inference.top_prior

    def top(self, like_BL: Tensor) -> LevelPrior:
        """p(z_1) in the shape of a sample."""
        return self.family_top(like_BL)

    @abstractmethod
    def forward(self, above: Sequence[Tensor]) -> Gaussian:
        """p of the level below the given ones [..., L], of which there is at least one."""

    def draw(self, noise: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """All levels from standard normal noise [..., L] of each."""
        return self.below(self.top(noise[0]).from_noise(noise[0]), noise[1:])

    def from_codes(self, codes: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """All levels from their codes [..., L] (`Latents.codes`)."""
        z = [self.top(codes[0]).from_code(codes[0])]
        for code_BL in codes[1:]:
            z.append(self(z).from_code(code_BL))
        return tuple(z)

    def codes(self, z: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The inverse of `from_codes`."""
        return self.top(z[0]).code(z[0]), *(self(z[:index]).code(z[index]) for index in range(1, len(z)))

    def below(self, top_BL: Tensor, noise: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """A top level, and those below it from standard normal noise."""
        z = [top_BL]
        for noise_BL in noise:
            z.append(self(z).from_noise(noise_BL))
        return tuple(z)
