"""Classifiers fitted on codes or bars: what can be predicted from them on other bars.

N bars, T steps, V voices, L latent dims, D inputs, K styles or factors.
"""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from src.data.drums.features import STANDARD, Features
from src.evaluation import SEED
from src.evaluation.oracles.drums import RARE, Description

RIDGE = 1e-3  # on the squared weights: keeps those of separable styles finite
PERMUTATIONS = 100
QUANTILE = 0.95
MAX_STEPS = 5000


def linear_probe(codes_NL: Tensor, styles_N: Tensor) -> Pipeline:
    """Multinomial logistic regression from standardised codes to styles, with a small L2 penalty."""
    regression = LogisticRegression(C=1 / (2 * len(styles_N) * RIDGE), max_iter=MAX_STEPS)
    return make_pipeline(StandardScaler(), regression).fit(_array(codes_NL), styles_N.cpu())


def sparse_probe(codes_NL: Tensor, values_N: Tensor) -> Pipeline:
    """Multinomial logistic regression from standardised codes to a factor, with an L1 penalty on the weights.

    The penalty is the least that sets all weights to 0 in 95 % of the cases where codes and factor are independent
    (quantile universal threshold, Giacobino et al. 2017, arXiv:1511.05433), estimated by permuting the bars.
    """
    inputs_NL, values_N = StandardScaler().fit_transform(_array(codes_NL)), values_N.cpu().numpy()
    hits_NC = (values_N[:, None] == np.unique(values_N)).astype(float)
    random = np.random.default_rng(SEED)
    slopes = [np.abs(random.permutation(inputs_NL).T @ hits_NC).max() for _ in range(PERMUTATIONS)]
    penalty = max(np.quantile(slopes, QUANTILE), 1e-6)  # Σ over bars; 0 where no code varies
    regression = LogisticRegression(
        C=1 / penalty, l1_ratio=1, solver="saga", tol=1e-3, max_iter=MAX_STEPS, random_state=SEED
    )
    return make_pipeline(StandardScaler(), regression).fit(_array(codes_NL), values_N)


def importance_L(probe: Pipeline) -> np.ndarray:
    """Mean absolute weight of each dimension over the values of the factor."""
    regression = probe[-1]
    return np.abs(regression.coef_).sum(0) / len(regression.classes_)


def predict(probe: Pipeline, codes_NL: Tensor) -> Tensor:
    """The most probable class of each code [N]."""
    return torch.from_numpy(probe.predict(_array(codes_NL))).to(codes_NL.device)


def eta_squared(codes_NL: Tensor, styles_N: Tensor) -> float | None:
    """η²: the share of the codes' sum of squares that lies between the styles' means; None where nothing varies.

    Independent codes have (K − 1) / (N − 1) on average.
    """
    centred_NL = codes_NL.double() - codes_NL.double().mean(0)
    total = centred_NL.square().sum()
    if total == 0:
        return None
    groups = [centred_NL[styles_N == style] for style in styles_N.unique()]
    between = sum(len(of_style) * of_style.mean(0).square().sum() for of_style in groups)
    return (between / total).item()


def c2st_predict(first_NTV: Tensor, second_NTV: Tensor, unseen_NTV: Tensor, measure: Features = STANDARD) -> Tensor:
    """Whether each unseen bar is classified as one of the second set [N], after training on equally many of both.

    Classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545) on cells and these musical features.
    """
    describe = Description(measure)
    inputs_ND = describe(torch.cat([first_NTV, second_NTV]).unsqueeze(1).float())
    mean_D, scale_D = inputs_ND.mean(0), inputs_ND.std(0) + RARE
    network = MLPClassifier(256, alpha=0.1, early_stopping=True, random_state=SEED)
    network.fit(_array((inputs_ND - mean_D) / scale_D), np.arange(2).repeat(len(first_NTV)))
    unseen_ND = (describe(unseen_NTV.unsqueeze(1).float()) - mean_D) / scale_D
    return torch.from_numpy(network.predict(_array(unseen_ND)) == 1).to(unseen_NTV.device)


def _array(values: Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()
