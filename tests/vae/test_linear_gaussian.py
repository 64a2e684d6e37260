"""Linear Gaussian models, whose likelihood is known: every prior and posterior leads to it.

N samples, T steps, V voices, L latent dims, K components, X cells.
"""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal

from src.evaluation.metrics.bound import importance_weighted_nll
from src.evaluation.vae_likelihood import distortion
from src.vae.decoders import Decoder
from src.vae.flows import IAF
from src.vae.likelihoods import Likelihood
from src.vae.networks import BottomUp, Standard
from src.vae.priors import AR1, Flow, Vamp

NUM, DRAWS = 8, 60_000
CHOICES = {
    "standard": {"prior": Standard},
    "vamp": {"prior": partial(Vamp, width=4, num_components=3)},
    "vamp, bottom-up": {
        "prior": partial(Vamp, width=4, num_components=3),
        "inference": partial(BottomUp, width=8),
    },
    "flow": {"prior": partial(Flow, width=4, depth=2, flow_width=4)},
    "ar1": {"prior": partial(AR1, width=4, nats=0.3, num_steps=3)},
    "iaf": {"prior": Standard, "inference": partial(IAF, width=8, flow_width=8)},
    "flow and iaf": {
        "prior": partial(Flow, width=4, depth=2, flow_width=4),
        "inference": partial(IAF, width=8, flow_width=8),
    },
}


class UnitNoise(Likelihood):
    """x = the decoder's output + N(0, 1)."""

    num_parameters = 1
    binary = False

    def log_prob(self, parameters_BTX: Tensor, cells_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        return Normal(parameters_BTX, 1.0).log_prob(cells_BTV).sum((-2, -1))

    def mean(self, parameters_BTX: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        return parameters_BTX

    def sample(self, parameters_BTX: Tensor, uniform_BTV: Tensor, temperature: Tensor | float = 1.0) -> Tensor:
        raise NotImplementedError("it is only scored")


class Linear(Decoder):
    """x = W z."""

    autoregressive = False

    def __init__(self, num_latents: int, shape: tuple[int, int], likelihood: Likelihood):
        super().__init__(likelihood)
        self.shape = shape
        self.weight_XL = nn.Parameter(0.4 * torch.randn(shape[0] * shape[1], num_latents))

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        return (latents_BZ @ self.weight_XL.T).unflatten(-1, self.shape)

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        raise NotImplementedError("it is only scored")


@pytest.fixture(params=CHOICES.values(), ids=CHOICES)
def vae(request, make_vae, bar_spec):
    """With a prior of which moments are known: components far apart, a flow of constants, z_low without z_high."""
    spec = replace(bar_spec, shape=(1, 2, 3), levels=255)
    vae = make_vae(spec=spec, decoder=Linear, likelihood=UnitNoise, **request.param).eval()
    with torch.no_grad():
        if hasattr(vae.prior, "network"):
            vae.prior.network[-1].weight.zero_()
        if hasattr(vae.prior, "pseudo_inputs"):
            vae.prior.pseudo_inputs.normal_(std=3)
        for step in getattr(vae.prior, "steps", ()):
            step.out.bias.normal_(std=0.3)
        for name, parameter in vae.inference.named_parameters():
            if "flow" in name:
                parameter.normal_(std=0.1)
        for name, size in vae.levels.items():  # wide posteriors, for importance sampling
            head = vae.inference[name]
            (head[-1] if isinstance(head, nn.Sequential) else head).bias[size:] += 0.8
    return vae


def parts(vae) -> list[tuple[Tensor, Tensor]]:
    """Means [L] and covariances [L, L] of the normal laws of z of which the prior is a mixture with equal weights."""
    top, low = vae.prior.top(torch.zeros(1, 2)), vae.prior([torch.zeros(2)])
    highs = [(torch.zeros(2), torch.eye(2))]
    if hasattr(top, "components"):
        pairs = zip(top.components.mean, top.components.variance, strict=True)
        highs = [(mean_L, variance_L.diag()) for mean_L, variance_L in pairs]
    elif hasattr(top, "steps"):  # of affine steps: what noise 0 and the unit vectors become
        mean_L = top.from_noise(torch.zeros(1, 2))[0]
        scale_LL = top.from_noise(torch.eye(2)) - mean_L
        highs = [(mean_L, scale_LL.T @ scale_LL)]
    scale_LL = low.from_noise(torch.eye(3)) - low.mean
    return [
        (torch.cat([mean, low.mean]), torch.block_diag(covariance, scale_LL.T @ scale_LL)) for mean, covariance in highs
    ]


@torch.no_grad()
def test_the_importance_weighted_bound_is_the_likelihood(vae):
    torch.manual_seed(3)
    cells_NTV = torch.randn(NUM, 2, 3)
    features_NF = vae.encoder(cells_NTV)
    latents = vae.inference(features_NF.expand(DRAWS, *features_NF.shape), vae.prior)
    log_weights_KN = -distortion(vae, latents.z, cells_NTV) - latents.log_ratio_B()
    weight_XL = vae.decoder.weight_XL
    log_probs = [
        MultivariateNormal(
            weight_XL @ mean_L, weight_XL @ covariance_LL @ weight_XL.T + torch.eye(6), validate_args=False
        ).log_prob(cells_NTV.flatten(1))
        for mean_L, covariance_LL in parts(vae)
    ]
    expected_N = torch.stack(log_probs).logsumexp(0) - torch.tensor(float(len(log_probs))).log()
    ratio_KN = (log_weights_KN - expected_N).exp()
    error_N = ratio_KN.std(0) / DRAWS**0.5
    assert error_N.max() < 0.1, "or the test would say nothing"
    assert ((ratio_KN.mean(0) - 1).abs() < 5 * error_N).all()
    torch.testing.assert_close(-importance_weighted_nll(log_weights_KN).float(), expected_N, atol=0.3, rtol=0)
    assert expected_N.std() > 0.5, "or any constant would do"
