"""The doubly reparameterised gradient: its value on given draws, its mean, its noise.

K draws per sample, B samples, L latent dims.
"""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from src.vae.anneal import Constant
from src.vae.module import VAE
from src.vae.networks import BottomUp, Conditional, TopDown
from src.vae.objectives import IWAE, DReG
from tests.vae.objectives.conftest import gradients, seeded

INFERENCE = [partial(TopDown, width=8), partial(BottomUp, width=8)]
PRIOR = partial(Conditional, width=8)


def written_down(vae: VAE, cells_BTV: Tensor, samples: int, beta: float) -> dict[str, Tensor]:
    """Tucker et al. 2019, eq. 8, with the posteriors evaluated again at the drawn latents, their weights held fixed."""
    torch.manual_seed(5)
    features_BF = vae.encoder(cells_BTV)
    features_KBF = features_BF.expand(samples, *features_BF.shape)
    drawn = vae.inference(features_KBF, vae.prior)
    z = [z_BL.detach().requires_grad_() for z_BL in drawn.z]
    levels = range(1, len(z))

    priors = [vae.prior.top(z[0]), *(vae.prior(z[:level]) for level in levels)]
    log_p_z = sum(prior.log_prob(each).sum(-1) for prior, each in zip(priors, z, strict=True))
    log_p_x = vae.likelihood.log_prob(vae.decoder(torch.cat(z, -1), cells_BTV), cells_BTV)
    weights = [weight for weight in vae.parameters()]
    for weight in weights:
        weight.requires_grad_(False)
    fixed, inference = features_KBF.detach(), vae.inference
    if isinstance(inference, TopDown):
        features = inference.features(fixed)
        posteriors = [inference.posterior(features, z[:level], vae.prior(z[:level])) for level in levels]
        posteriors = [inference.posterior(features, [], None), *posteriors]
    else:
        posteriors = [inference.posterior(fixed, z[:level:-1]) for level in range(len(z))]
    log_q = sum(posterior.log_prob(each).sum(-1) for posterior, each in zip(posteriors, z, strict=True))
    for weight in weights:
        weight.requires_grad_(True)

    log_w = log_p_x + beta * (log_p_z - log_q)
    share = log_w.detach().softmax(0)
    slopes = torch.autograd.grad(log_w.sum(), z, retain_graph=True)
    scale = (share * (1 - beta + beta * share)).unsqueeze(-1)
    along_z = sum((scale * slope * z).sum() for slope, z in zip(slopes, drawn.z, strict=True))
    generative = (share * (log_p_x + beta * log_p_z)).sum()
    return gradients(vae, -(along_z + generative) / len(cells_BTV))


@pytest.mark.parametrize("inference", INFERENCE, ids=["top_down", "bottom_up"])
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_the_gradient_is_that_of_the_paper(linear_vae, grey_cells, inference, beta):
    vae = linear_vae(DReG(6), inference=inference, prior=PRIOR, anneal={"constant": Constant(beta)})
    ours = gradients(vae, seeded(vae, grey_cells)["loss"])
    expected = written_down(vae, grey_cells, 6, beta)
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-3, atol=1e-3, msg=name)
        assert gradient.any(), name


@pytest.mark.parametrize("inference", INFERENCE, ids=["top_down", "bottom_up"])
@pytest.mark.parametrize("skips", [False, True])
def test_the_gradient_of_three_levels(linear_vae, grey_cells, inference, skips):
    options = {"levels": [3, 2, 2], "skips": skips, "inference": inference, "prior": PRIOR}
    vae = linear_vae(DReG(6), anneal={"constant": Constant(0.3)}, **options)
    ours, expected = gradients(vae, seeded(vae, grey_cells)["loss"]), written_down(vae, grey_cells, 6, 0.3)
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-3, atol=1e-3, msg=name)


def estimates(vae: VAE, cells_BTV: Tensor, num: int, of: nn.Module | None = None) -> Tensor:
    """Gradients of all weights, or of those of a network, from so many draws [num, …]."""
    of = of or vae
    rows = []
    for seed in range(num):
        loss = seeded(vae, cells_BTV, seed)["loss"]
        rows.append(torch.cat([each.flatten() for each in torch.autograd.grad(loss, list(of.parameters()))]))
    return torch.stack(rows)


@pytest.mark.parametrize("inference", INFERENCE, ids=["top_down", "bottom_up"])
@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.ci
def test_its_mean_is_the_gradient_of_the_bound(linear_vae, grey_cells, inference, beta):
    cells_NTV = grey_cells[:2].repeat(1000, 1, 1)
    found, plain = (
        estimates(linear_vae(objective, inference=inference, prior=PRIOR, anneal={"c": Constant(beta)}), cells_NTV, 30)
        for objective in (DReG(4), IWAE(4))
    )
    difference, error = found.mean(0) - plain.mean(0), ((found.var(0) + plain.var(0)) / 30).sqrt()
    assert (difference / error).square().mean().sqrt() < 1.3
    assert difference.norm() < 0.1 * plain.mean(0).norm(), "or the test would say little"


@pytest.mark.ci
def test_its_signal_does_not_vanish_as_that_of_iwae_does(linear_vae, grey_cells):
    """Rainforth et al. 2018: the encoder's signal-to-noise ratio falls as K grows; Tucker et al. 2019: it rises."""
    cells_NTV = grey_cells[:1].repeat(200, 1, 1)

    def signal_to_noise(objective) -> float:
        vae = linear_vae(objective)
        found = estimates(vae, cells_NTV, 60, vae.inference)
        return (found.mean(0).abs() / found.std(0)).median().item()

    assert signal_to_noise(IWAE(400)) < 0.3 * signal_to_noise(IWAE(4))
    many = signal_to_noise(DReG(400))
    assert many > 1.1 * signal_to_noise(DReG(100))
    assert many > 3 * signal_to_noise(IWAE(400))
