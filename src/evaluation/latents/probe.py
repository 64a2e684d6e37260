"""How much of a style a linear reader finds in codes.

N bars, L latent dims, K styles.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

PENALTY = 1e-3  # on the squared weights: enough to keep separable styles from running away
STEPS = 200


class Probe:
    """A multinomial logistic regression from standardised codes to styles, with an L2 penalty on its weights.

    Args:
        codes_NL: codes to fit it on.
        styles_N: their styles, below `num_styles`.
    """

    def __init__(self, codes_NL: Tensor, styles_N: Tensor, num_styles: int):
        codes_NL = codes_NL.double()
        self.mean_L, self.scale_L = codes_NL.mean(0), codes_NL.std(0)
        self.scale_L[self.scale_L == 0] = 1
        self.weight_LK = codes_NL.new_zeros(codes_NL.shape[1], num_styles)
        self.bias_K = codes_NL.new_zeros(num_styles)
        self._fit((codes_NL - self.mean_L) / self.scale_L, styles_N)

    def __call__(self, codes_NL: Tensor) -> Tensor:
        """The likeliest style of each code [N]."""
        return (((codes_NL.double() - self.mean_L) / self.scale_L) @ self.weight_LK + self.bias_K).argmax(1)

    def _fit(self, inputs_NL: Tensor, styles_N: Tensor) -> None:
        parameters = [self.weight_LK.requires_grad_(), self.bias_K.requires_grad_()]
        optimizer = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimizer.zero_grad()
            error = cross_entropy(inputs_NL @ self.weight_LK + self.bias_K, styles_N)
            total = error + PENALTY * self.weight_LK.square().sum()
            total.backward()
            return total

        with torch.enable_grad():
            optimizer.step(loss)
        self.weight_LK.requires_grad_(False)
        self.bias_K.requires_grad_(False)


def between_share(codes_NL: Tensor, styles_N: Tensor) -> float | None:
    """The part of the codes' sum of squares that lies between the styles' means, η²; None where nothing varies.

    Codes that know nothing of K styles have (K − 1) / (N − 1) on average.
    """
    centred_NL = codes_NL.double() - codes_NL.double().mean(0)
    total = centred_NL.square().sum()
    if total == 0:
        return None
    groups = [centred_NL[styles_N == style] for style in styles_N.unique()]
    between = sum(len(of_style) * of_style.mean(0).square().sum() for of_style in groups)
    return (between / total).item()
