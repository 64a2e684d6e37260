"""Penalties of the generator for batches whose features vary less, or otherwise, than those of real images.

B batch, F features.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from src.core.validation import COUNT
from src.gan.interfaces import GANInterface, Step
from src.gan.networks.own import require_features
from src.gan.tricks.trick import Trick


class BatchDiversity(Trick, ABC):
    """λ times a distance between the discriminator's features of the generated and of the real batch.

    The discriminator passes real images in the generator's update too. It is computed in full precision.

    Args:
        weight: λ.
    """

    generator_needs_real = True

    def __init__(self, weight: float = 1.0):
        super().__init__()
        self.weight = weight

    def attach(self, gan: GANInterface) -> None:
        require_features(gan.discriminator, str(self))

    def generator_penalty(self, step: Step) -> Tensor:
        fake_BF, real_BF = step.fake.features_BF.float(), step.real.features_BF.detach().float()
        with torch.autocast(fake_BF.device.type, enabled=False):
            return self.weight * self.distance(fake_BF, real_BF)

    @abstractmethod
    def distance(self, fake_BF: Tensor, real_BF: Tensor) -> Tensor:
        """Distance between the features of two batches."""


class GDPP(BatchDiversity):
    """Compares eigenvalues and eigenvectors of both batches' similarities φφᵀ (Elfeki et al. 2019, arXiv:1812.00068).

    With rows of φ of length 1 and eigenvalues λ in ascending order, as in the authors' code:
    m · mean(λ_fake − λ_real)² − Σ_i s_i |v_fake,i · v_real,i|, where s are the eigenvalues of the real batch mapped to
    [0, 1]. An eigenvector's sign is arbitrary; the authors' code has no absolute value.

    Args:
        weight: λ.
        magnitude: m, the weight of the eigenvalues beside the eigenvectors.
    """

    def __init__(self, weight: float = 1.0, magnitude: float = 1e-4):
        super().__init__(weight)
        self.magnitude = magnitude

    def attach(self, gan: GANInterface) -> None:
        super().attach(gan)
        for name, trick in gan.tricks.items():
            if trick.overrides(("select_samples",)):
                raise ValueError(
                    f"{self} compares batches of one size, but gan.tricks={name} drops generated images: "
                    "choose one of them, or bures"
                )

    def graph_key(self, gan: GANInterface) -> Hashable | None:
        return None  # PyTorch's eigenvalues wait for the GPU

    def distance(self, fake_BF: Tensor, real_BF: Tensor) -> Tensor:
        (fake_B, fake_BB), (real_B, real_BB) = (self.spectrum(each) for each in (fake_BF, real_BF))
        spread = (real_B[-1] - real_B[0]).clamp_min(torch.finfo(real_B.dtype).tiny)
        similarity_B = (fake_BB * real_BB).sum(0).abs()
        structure = ((real_B - real_B[0]) / spread * similarity_B).sum()
        return self.magnitude * (fake_B - real_B).square().mean() - structure

    def spectrum(self, features_BF: Tensor) -> tuple[Tensor, Tensor]:
        """Eigenvalues [B] and, as columns, eigenvectors [B, B] of the similarities within a batch."""
        unit_BF = normalize(features_BF, dim=1)
        return Eigen.apply(unit_BF @ unit_BF.mT)


class Eigen(torch.autograd.Function):
    """Eigenvalues and eigenvectors of a symmetric matrix, with finite gradients where eigenvalues coincide.

    A gradient of eigenvectors divides by differences d of eigenvalues; here 1/d is d / (d² + δ) (Liao et al. 2019,
    arXiv:1903.09650).
    """

    DELTA = 1e-8

    @staticmethod
    def forward(ctx: Any, matrix_BB: Tensor) -> tuple[Tensor, Tensor]:
        values_B, vectors_BB = torch.linalg.eigh(matrix_BB)
        ctx.save_for_backward(values_B, vectors_BB)
        return values_B, vectors_BB

    @staticmethod
    def backward(ctx: Any, values_gradient_B: Tensor, vectors_gradient_BB: Tensor) -> Tensor:
        values_B, vectors_BB = ctx.saved_tensors
        difference_BB = values_B - values_B.unsqueeze(1)
        inner_BB = vectors_BB.mT @ vectors_gradient_BB * difference_BB / (difference_BB.square() + Eigen.DELTA)
        return vectors_BB @ (inner_BB + values_gradient_B.diag()) @ vectors_BB.mT


class Bures(BatchDiversity):
    """Squared Bures distance of both batches' covariances, tr(C + C' − 2(CC')^½) (De Meulemeester et al. 2021).

    arXiv:2006.09096. As in the authors' code features are centred over their batch and scaled to length 1, and C is
    the sum over the batch. With both batches' features Φ and Φ' the distance is ‖Φ‖² + ‖Φ'‖² − 2‖ΦΦ'ᵀ‖_*, the nuclear
    norm of a matrix M being tr(UᵀM) with the orthogonal factor U of M's polar decomposition, which is also its
    gradient; U comes from Newton and Schulz's iteration, of products alone.

    Args:
        weight: λ.
        iterations: singular values of M below 1.5^−iterations of its norm are underestimated.
    """

    def __init__(self, weight: float = 1.0, iterations: int = 15):
        super().__init__(weight)
        self.iterations = self.number("iterations", iterations, COUNT)

    def distance(self, fake_BF: Tensor, real_BF: Tensor) -> Tensor:
        fake_BF, real_BF = (normalize(each - each.mean(0), dim=1, eps=1e-6) for each in (fake_BF, real_BF))
        product_BB = fake_BF @ real_BF.mT
        fidelity = (self.orthogonal_factor(product_BB.detach()) * product_BB).sum()
        return fake_BF.square().sum() + real_BF.square().sum() - 2 * fidelity

    def orthogonal_factor(self, matrix: Tensor) -> Tensor:
        """U of M = U (MᵀM)^½."""
        factor = matrix / torch.linalg.matrix_norm(matrix).clamp_min(torch.finfo(matrix.dtype).tiny)
        for _ in range(self.iterations):
            factor = 1.5 * factor - 0.5 * factor @ factor.mT @ factor
        return factor
