"""Every prior, posterior and decoder, alone and together: bound, likelihood and samples are those of one model.

N grids, K importance samples, T steps, V voices.
"""

from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from src.evaluation.metrics.bound import importance_weighted_nll
from src.evaluation.vae_likelihood import distortion
from src.vae.anneal import DU, Delta
from src.vae.decoders import Parallel, Skip
from src.vae.flows import IAF
from src.vae.inverse_lipschitz import InverseLipschitz
from src.vae.networks import BottomUp
from src.vae.priors import AR1, Flow, Vamp
from src.vae.vmf import VMF

ALL_NTV = torch.tensor(list(product((0.0, 1.0), repeat=6))).view(64, 2, 3)
SMALL = {"width": 8, "depth": 1, "cell_width": 4, "dropout": 0.1}
DRAWS = 3000
CHOICES = {
    "vamp": {"prior": partial(Vamp, width=8, num_components=5)},
    "flow": {"prior": partial(Flow, width=8, depth=2, flow_width=8)},
    "ar1": {"prior": partial(AR1, width=8, nats=0.3, num_steps=3)},
    "iaf": {"inference": partial(IAF, width=8, flow_width=8)},
    "vmf": {"inference": partial(VMF, width=8, kappa=3.0)},
    "skip": {"decoder": partial(Skip, **SMALL)},
    "inverse_lipschitz": {"decoder": partial(InverseLipschitz, **SMALL, map_width=8)},
    "du": {"anneal": {"du": DU()}},
    "delta": {"anneal": {"delta": Delta()}},
}
CHOICES |= {
    "vamp, bottom-up": CHOICES["vamp"] | {"inference": partial(BottomUp, width=8)},
    "ar1, bottom-up": CHOICES["ar1"] | {"inference": partial(BottomUp, width=8)},
    "ar1 and iaf": CHOICES["ar1"] | CHOICES["iaf"],
    "flow, bottom-up": CHOICES["flow"] | {"inference": partial(BottomUp, width=8)},
    "vamp and vmf": CHOICES["vamp"] | CHOICES["vmf"],
    "flow, iaf and du": CHOICES["flow"] | CHOICES["iaf"] | CHOICES["du"],
    "iaf, skip and z_low alone": CHOICES["iaf"] | CHOICES["skip"] | {"decoder_sees": "low"},
    "delta and inverse_lipschitz": CHOICES["delta"] | CHOICES["inverse_lipschitz"],
    "vamp, three levels bottom-up": CHOICES["vamp"]
    | {"inference": partial(BottomUp, width=8), "levels": [2, 2, 3], "skips": True},
    "flow and iaf, three levels": CHOICES["flow"] | CHOICES["iaf"] | {"levels": [2, 2, 3], "skips": True},
    "vamp, parallel": CHOICES["vamp"] | {"decoder": partial(Parallel, width=8, depth=1, dropout=0.1)},
}


@pytest.fixture(params=CHOICES.values(), ids=CHOICES)
def vae(request, make_vae, bar_spec):
    """Over grids of six cells, in evaluation mode, with all networks far from where they start."""
    vae = make_vae(spec=replace(bar_spec, shape=(1, 2, 3)), **request.param)
    with torch.no_grad():
        for name, parameter in vae.named_parameters():
            if "pseudo" in name:
                parameter.normal_(std=2)
            elif "steps" in name or "flow" in name:
                parameter.normal_(std=0.3)
            elif parameter.ndim > 1 and name.startswith("decoder"):
                parameter.mul_(2)
        for name, size in vae.levels.items():  # wide posteriors, for importance sampling
            head = vae.inference[name]
            (head[-1] if isinstance(head, nn.Sequential) else head).bias[size:] += 0.8
    return vae.eval()


@torch.no_grad()
def log_weights(vae) -> tuple[Tensor, Tensor]:
    """ln p(x, z)/q(z|x) [K, N] of all grids, and the reconstruction term plus the KLs of the same draws."""
    features_NF = vae.encoder(ALL_NTV)
    latents = vae.inference(features_NF.expand(DRAWS, *features_NF.shape), vae.prior)
    distortion_KN = distortion(vae, latents.z, ALL_NTV)
    return -distortion_KN - latents.log_ratio_B(), distortion_KN + sum(latents.kls().levels_B)


def test_all_grids_together_have_probability_one(vae):
    """Importance sampling estimates each p(x) without bias if the densities of prior and posterior are right."""
    log_weights_KN, _ = log_weights(vae)
    total = (-importance_weighted_nll(log_weights_KN)).exp().sum()
    error = log_weights_KN.exp().sum(1).std() / DRAWS**0.5
    assert (total - 1).abs() < 4 * error + 1e-4
    assert error < 0.1, "or the test would say nothing"


def test_the_bound_is_the_mean_log_weight(vae):
    """So the KLs, in closed form or not, are those of these densities."""
    log_weights_KN, negative_bound_KN = log_weights(vae)
    difference_K = (log_weights_KN + negative_bound_KN).mean(1)
    assert difference_K.mean().abs() < 5 * difference_K.std() / DRAWS**0.5 + 1e-4


def test_grids_are_drawn_as_often_as_the_likelihood_says(vae):
    torch.manual_seed(1)
    weights_KN = log_weights(vae)[0].double().exp()
    probability_N = weights_KN.mean(0)
    drawn_NTV = vae.sample(20_000, seed=0)[:, 0]
    index_N = (drawn_NTV.flatten(1).double() @ 2.0 ** torch.arange(5, -1, -1, dtype=torch.double)).long()
    share_N = index_N.bincount(minlength=64) / 20_000
    error_N = (probability_N / 20_000 + weights_KN.var(0) / DRAWS).sqrt()
    assert ((share_N - probability_N).abs() < 5 * error_N + 1e-4).all()


def test_means_decode_and_training_reaches_every_network(vae, make_vae):
    means = vae.inference.means(vae.encoder(ALL_NTV), vae.prior)
    assert all(z_NL.isfinite().all() for z_NL in means.z)
    vae.train()
    vae.objective(ALL_NTV)["loss"].backward()
    for network in (vae.encoder, vae.inference, vae.prior, vae.decoder):
        gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
        assert all(gradient.isfinite().all() for gradient in gradients)
        assert sum(gradient.abs().sum() for gradient in gradients) > 0


@pytest.mark.parametrize("choice", CHOICES)
def test_resumes_exactly(make_vae, fit_vae, tmp_path, choice):
    path = tmp_path / "last.ckpt"
    straight, resumed = make_vae(**CHOICES[choice]), make_vae(**CHOICES[choice])
    fit_vae(straight, 6, save=(4, path))
    torch.manual_seed(99)
    fit_vae(resumed, 6, resume=path)
    for key, tensor in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[key], tensor), key
