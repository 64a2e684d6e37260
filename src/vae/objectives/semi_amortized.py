"""Semi-amortized inference: the encoder's answer is refined for each sample before the step.

B batch, T steps, V voices (cells of a step), F features.
"""

import torch
from torch import Tensor

from src.core.validation import COUNT, PART, POSITIVE
from src.vae.anneal import Aggressive, Annealer, BatchNormMean
from src.vae.interfaces import VAEInterface
from src.vae.objectives.objective import ELBO

WITHOUT = "choose vae.objective=elbo, or vae.anneal=none"


class SemiAmortized(ELBO):
    """−ELBO at posteriors that gradient steps have refined for each sample (Kim et al. 2018, arXiv:1802.02550).

    From the encoder's λ₀, λ_{k+1} = λ_k − lr · m_k with m_k = momentum · m_{k−1} + ∂(−ELBO)/∂λ, each gradient of fresh
    draws and no longer than `max_norm`; the step then descends −ELBO(λ_K). With two levels the mean and deviation of
    one are functions of a draw of the other, and no numbers of the sample x; λ is therefore the encoder's features,
    from which both posteriors are made. Evaluation does not refine: it takes the encoder's posterior as proposal.

    Args:
        refinements: K.
        lr: of a refinement.
        momentum: of the refinements.
        max_norm: of a sample's gradient.
        exact: whether the step's gradient goes through the refinements, as in the paper, which takes second
            derivatives; otherwise the encoder receives the gradient at λ_K as if it had been λ₀.
    """

    def __init__(
        self, refinements: int = 5, lr: float = 0.1, momentum: float = 0.5, max_norm: float = 5.0, exact: bool = True
    ):
        super().__init__()
        self.refinements = self.number("refinements", refinements, COUNT)
        self.lr = self.number("lr", lr, POSITIVE)
        self.momentum = self.number("momentum", momentum, PART)
        self.max_norm = self.number("max_norm", max_norm, POSITIVE)
        self.exact = self.differentiates_twice = exact

    def refusal(self, annealer: Annealer) -> str:
        if isinstance(annealer, Aggressive):
            return f"both close the encoder's lag by further updates; {WITHOUT}"
        if isinstance(annealer, BatchNormMean):
            return f"its means are normalised over refined samples, which evaluation does not see; {WITHOUT}"
        return ""

    def refine(self, vae: VAEInterface, cells_BTV: Tensor, features_BF: Tensor) -> Tensor:
        encoded_BF = features_BF = features_BF.float()
        if not self.exact:
            features_BF = features_BF.detach().requires_grad_()
        momentum_BF = torch.zeros_like(features_BF)
        for _ in range(self.refinements):
            loss = vae.pass_through(cells_BTV, features_BF).negative_elbo * len(cells_BTV)
            with torch.autocast(cells_BTV.device.type, enabled=False):
                (slope_BF,) = torch.autograd.grad(loss, features_BF, create_graph=self.exact)
            norm_B1 = slope_BF.norm(dim=-1, keepdim=True)
            momentum_BF = self.momentum * momentum_BF + slope_BF * (self.max_norm / norm_B1.clamp(min=self.max_norm))
            features_BF = features_BF - self.lr * momentum_BF
        self.charts = {"refinement": (features_BF - encoded_BF).detach().norm(dim=-1).mean()}
        return features_BF if self.exact else encoded_BF + (features_BF - encoded_BF).detach()
