"""InfoVAE: the divergence of the aggregate posterior beside the KL.

B batch, L latent dims.
"""

import torch
from torch import Tensor

from src.core.validation import NOT_NEGATIVE, POSITIVE, Range
from src.vae.anneal import Annealer, KLTransform
from src.vae.objectives.objective import Objective, Step, overrides

AT_MOST_ONE = Range("a number of at most 1", lambda value: value <= 1)


class InfoVAE(Objective):
    """−E log p(x|z) + (1 − α) KL(q(z|x) ‖ p(z)) + (α + λ − 1) MMD²(q(z), p(z)) (Zhao et al. 2019, arXiv:1706.02262).

    α prices the mutual information of x and z at 1 − α, λ the distance of the aggregate posterior q(z) to the prior:
    of the batch's latents, all levels side by side, to as many drawn from the prior. α = 0, λ = 1 is the ELBO; α = 1
    has no KL, so that no sample's posterior is pulled to the prior.

    Args:
        alpha: α.
        weight: λ; MMD² is below 2, so that it counts beside nats from tens on.
        bandwidth: variance of the Gaussian kernel, as a multiple of the number of latents.
    """

    def __init__(self, alpha: float = 0.5, weight: float = 100.0, bandwidth: float = 1.0):
        super().__init__()
        self.alpha = self.number("alpha", alpha, AT_MOST_ONE)
        self.weight = self.number("weight", weight, NOT_NEGATIVE)
        self.bandwidth = self.number("bandwidth", bandwidth, POSITIVE)
        if alpha + weight < 1:
            raise ValueError(
                f"vae.objective.weight={weight}: the divergence would be rewarded; choose at least {1 - alpha}, 1 − α"
            )

    def refusal(self, annealer: Annealer) -> str:
        if self.alpha == 1 and (isinstance(annealer, KLTransform) or overrides(annealer, "beta")):
            return "under vae.objective.alpha=1 there is no KL for it to weigh; choose vae.anneal=none, or a smaller α"
        return ""

    def loss(self, step: Step) -> Tensor:
        posterior_BL = torch.cat(step.latents.z, -1)
        prior_BL = torch.cat(step.vae.prior.draw([torch.randn_like(z_BL) for z_BL in step.latents.z]), -1)
        mmd = squared_mmd(posterior_BL, prior_BL, self.bandwidth * posterior_BL.shape[-1])
        self.charts = {"squared_mmd": mmd.detach()}
        distortion = step.distortion_weight * step.distortion_B.mean()
        return distortion + (1 - self.alpha) * step.penalty + (self.alpha + self.weight - 1) * mmd


def squared_mmd(one_BL: Tensor, other_BL: Tensor, variance: float) -> Tensor:
    """Unbiased estimate of MMD² under the kernel e^{−‖x − y‖²/2σ²} (Gretton et al. 2012, lemma 6); may be below 0."""

    def kernel(x_BL: Tensor, y_BL: Tensor) -> Tensor:
        distance_BB = x_BL.square().sum(-1, keepdim=True) + y_BL.square().sum(-1) - 2 * x_BL @ y_BL.T
        return (-distance_BB / (2 * variance)).exp()

    def among(x_BL: Tensor) -> Tensor:
        kernel_BB = kernel(x_BL, x_BL)
        return (kernel_BB.sum() - kernel_BB.diagonal().sum()) / (len(x_BL) * (len(x_BL) - 1))

    return among(one_BL) + among(other_BL) - 2 * kernel(one_BL, other_BL).mean()
