"""Any number of latent levels: exact posteriors of a linear Gaussian model, and densities of every combination.

B batch, F features, L latent dims.
"""

import math
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from src.vae.information import information
from src.vae.latents import UNIT, total
from src.vae.networks import BottomUp, Conditional, Inference, Ladder, Perceptron, Standard, TopDown
from src.vae.prior import Prior

ONE, THREE, FOUR = {"1": 3}, {"1": 2, "2": 1, "3": 3}, {"1": 1, "2": 2, "3": 1, "4": 2}
INFERENCES, PRIORS = (TopDown, Ladder, BottomUp), (Conditional, Standard)
DRAWS = 40_000


def parts(
    inference: type, prior: type, levels: dict[str, int], skips: bool, gain: float = 0.5, spread: float = 0.0
) -> tuple[Inference, Prior]:
    """Inference from 4 features and a prior, with last layers large enough that distributions differ.

    Args:
        spread: shift of the posteriors' raw standard deviations.
    """
    torch.manual_seed(1)
    widths = {"width": 8} if prior is Conditional else {}
    modules = inference(4, levels, skips, width=8), prior(levels, skips, **widths)
    heads = [modules[0][level] for level in levels] + list(modules[1].children())
    for place, head in enumerate(heads):
        last = head[-1] if isinstance(head, nn.Sequential) else head
        nn.init.normal_(last.weight, std=gain)
        nn.init.normal_(last.bias, std=0.3)
        last.bias.data[last.out_features // 2 :] += spread * (place < len(levels))
    return modules[0].eval(), modules[1].eval()


@pytest.mark.parametrize(
    ("inference", "prior", "levels", "skips"), list(product(INFERENCES, PRIORS, (ONE, THREE, FOUR), (False, True)))
)
@torch.no_grad()
def test_the_kls_of_all_levels_make_the_bound(inference, prior, levels, skips):
    """Their sum is the mean log-ratio of the joint densities, and importance weights of the prior average to one."""
    features_BF = torch.tensor([[0.3, -1.0, 0.8, 0.1]]).expand(DRAWS, -1)
    modules = parts(inference, prior, levels, skips, gain=0.3, spread=0.7)
    torch.manual_seed(2)
    latents = modules[0](features_BF, modules[1])
    assert [z_BL.shape[1] for z_BL in latents.z] == list(levels.values())
    kls = latents.kls()
    difference_B = total(kls.levels_B) - latents.log_ratio_B()
    assert all(kl_B.mean() > 0.01 for kl_B in kls.levels_B), "or the distributions would say nothing"
    assert difference_B.mean().abs() < 5 * difference_B.std() / DRAWS**0.5 + 1e-4
    weight_B = (-latents.log_ratio_B()).exp()
    assert (weight_B.mean() - 1).abs() < 5 * weight_B.std() / DRAWS**0.5
    assert weight_B.std() / DRAWS**0.5 < 0.06, "or the test would say nothing"


@pytest.mark.parametrize(("inference", "prior"), list(product(INFERENCES, PRIORS)))
@torch.no_grad()
def test_codes_are_drawn_back_to_the_latents_they_are_of(inference, prior):
    modules = parts(inference, prior, THREE, skips=True)
    latents = modules[0](torch.randn(6, 4), modules[1])
    for drawn_BL, z_BL in zip(modules[1].draw(latents.codes()), latents.z, strict=True):
        torch.testing.assert_close(drawn_BL, z_BL, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_skips_let_the_top_level_reach_the_lowest():
    for skips in (False, True):
        inference, prior = parts(TopDown, Conditional, THREE, skips)
        above = [torch.randn(5, 2), torch.zeros(5, 1)]
        assert (prior(above).mean.std(0).max() > 0.01) == skips
        seen = inference.posterior((torch.zeros(5, 4),) * 3, above, Standard(THREE)(above)).mean.std(0).max()
        assert (seen > 0.01) == skips


@torch.no_grad()
def test_the_ladders_posterior_is_the_product_of_two_gaussians():
    """Against their densities on a grid."""
    inference, prior = parts(Ladder, Conditional, {"high": 1, "low": 1}, skips=False)
    features, above = inference.features(torch.randn(1, 4)), [torch.randn(1, 1)]
    own, density = prior(above), inference.posterior(features, above, prior(above))
    mean, raw = inference["low"](features[1]).chunk(2, -1)
    likelihood = Normal(mean, nn.functional.softplus(raw + UNIT) + 1e-3)
    grid = torch.linspace(-12, 12, 20_001)
    product_G = (own.log_prob(grid) + likelihood.log_prob(grid)).exp().flatten()
    product_G /= product_G.sum() * (grid[1] - grid[0])
    torch.testing.assert_close(density.log_prob(grid).exp().flatten(), product_G, atol=1e-3, rtol=1e-3)


# A linear Gaussian chain z_1 → z_2 → z_3 → x, of which everything is known

STEPS, STDS = (0.9, -1.2, 0.8), (0.7, 0.5, 0.6)  # factors and standard deviations of z_2, z_3 and x
X = 3  # index of x behind those of the levels


def covariance() -> Tensor:
    """Of z_1, z_2, z_3 and x."""
    factor = torch.eye(4, dtype=torch.double)
    for index, (step, std) in enumerate(zip(STEPS, STDS, strict=True), 1):
        factor[index] = step * factor[index - 1]
        factor[index, index] = std
    return factor @ factor.T


def given(target: int, known: list[int]) -> tuple[list[float], float]:
    """Coefficients and standard deviation of one variable given others."""
    matrix = covariance()
    weights = torch.linalg.solve(matrix[known][:, known], matrix[known, target])
    return weights.tolist(), (matrix[target, target] - weights @ matrix[known, target]).sqrt().item()


def linear(weights: list[float], std: float) -> Perceptron:
    """A network whose mean is linear, of a constant standard deviation."""
    network = Perceptron(len(weights), 0, 2, depth=0)
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([weights, [0.0] * len(weights)]))
        network[0].bias.copy_(torch.tensor([0.0, math.log(math.expm1(std - 1e-3)) - UNIT]))
    return network


def exact(inference: type, skips: bool) -> tuple[Inference, Prior]:
    """The chain's own posteriors and prior."""
    levels = dict.fromkeys(("1", "2", "3"), 1)
    prior, made = Conditional(levels, skips, width=4), inference(1, levels, skips=skips, width=4)
    unseen = [0.0] * skips  # of z_1, where the lowest level sees it
    prior.network, prior.network_3 = linear([STEPS[0]], STDS[0]), linear([*unseen, STEPS[1]], STDS[1])
    if inference is BottomUp:
        made["3"], made["2"] = linear(*given(2, [X])), linear(*given(1, [2]))
        weights, std = given(0, [1])
        made["1"] = linear([*unseen, *weights], std)
        return made, prior
    made["1"] = linear(*given(0, [X]))
    for index in (1, 2):
        if inference is Ladder:  # what x says of the level, whatever is above
            factor = math.prod(STEPS[index:])
            passed = STDS[2] ** 2 + (STEPS[2] * STDS[1]) ** 2 * (index == 1)
            made[str(index + 1)] = linear([1 / factor], math.sqrt(passed) / abs(factor))
            made[f"features_{index}"] = nn.Identity()
        else:
            (of_x, of_above), std = given(index, [X, index - 1])
            scale, more = STDS[index - 1], unseen if index == 2 else []
            made[str(index + 1)] = linear([of_x / scale, *more, (of_above - STEPS[index - 1]) / scale], std / scale)
    return made, prior


def observed(num: int) -> Tensor:
    """Draws of x [N, 1]."""
    return covariance()[X, X].sqrt().float() * torch.randn(num, 1, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("inference", "skips"), list(product(INFERENCES, (False, True))))
@torch.no_grad()
def test_with_exact_posteriors_the_bound_is_the_likelihood(inference, skips):
    """log p(x, z) − log q(z|x) = log p(x) whatever z is drawn, and the KLs add up to I(x; z) = I(x; z_3)."""
    torch.manual_seed(0)
    made, prior = exact(inference, skips)
    x_B1 = observed(20_000)
    latents = made(x_B1, prior)
    likelihood_B = Normal(STEPS[2] * latents.z[2], STDS[2]).log_prob(x_B1)[:, 0]
    expected_B = Normal(0.0, covariance()[X, X].sqrt().item()).log_prob(x_B1)[:, 0]
    torch.testing.assert_close(likelihood_B - latents.log_ratio_B(), expected_B, atol=2e-3, rtol=1e-3)
    kl = [kl_B.mean().item() for kl_B in latents.kls().levels_B]
    assert sum(kl) == pytest.approx(math.log(covariance()[2, 2].sqrt().item() / given(2, [X])[1]), abs=0.03)
    if inference is not BottomUp:
        assert kl == pytest.approx(added(), abs=0.02), "each level's KL is the information that it adds"


def added() -> list[float]:
    """I(x; z_1), I(x; z_2 | z_1) and I(x; z_3 | z_2)."""
    return [-math.log(given(0, [X])[1]), *(math.log(STDS[i - 1] / given(i, [X, i - 1])[1]) for i in (1, 2))]


@pytest.mark.parametrize("inference", INFERENCES)
@torch.no_grad()
def test_mutual_information_of_each_level(inference):
    """Top-down what a level adds to those above; bottom-up what has come through those below."""
    torch.manual_seed(0)
    estimated = [
        nats.item() for nats in information(exact(inference, False)[0], observed(1500), exact(inference, False)[1])
    ]
    whole = [math.log(covariance()[i, i].sqrt().item() / given(i, [X])[1]) for i in range(3)]
    assert estimated == pytest.approx(whole if inference is BottomUp else added(), abs=0.06)


# The model


@pytest.mark.parametrize("skips", [False, True])
def test_two_levels_are_the_same_however_they_are_given(make_vae, skips):
    """Weights with the names that earlier checkpoints have, initial values, objective and samples."""
    named, listed = make_vae(), make_vae(levels=[2, 3], skips=skips)
    assert named.levels == listed.levels == {"high": 2, "low": 3}
    assert {"inference.high.weight", "inference.low.0.weight", "prior.network.0.weight"} <= named.state_dict().keys()
    for (name, weight), (other, same) in zip(named.state_dict().items(), listed.state_dict().items(), strict=True):
        assert name == other
        assert torch.equal(weight, same)
    assert torch.equal(named.sample(20, 0), listed.sample(20, 0))


@pytest.mark.parametrize("sizes", [[3], [2, 2, 3], [1, 2, 1, 2]])
@pytest.mark.parametrize("inference", INFERENCES)
def test_any_number_of_levels_trains_and_samples(make_vae, fit_vae, bars, sizes, inference):
    vae = make_vae(levels=sizes, inference=partial(inference, width=8), skips=True)
    names = [str(number + 1) for number in range(len(sizes))]
    assert list(vae.levels) == names
    before = {name: weight.clone() for name, weight in vae.named_parameters()}
    outputs = vae.objective(vae.to_cells(bars[:16, None]))
    kl = total(outputs[f"kl_{name}"] for name in names)
    torch.testing.assert_close(outputs["loss"], (outputs["reconstruction"] + kl).mean())
    fit_vae(vae, 4)
    assert all(not torch.equal(weight, before[name]) for name, weight in vae.named_parameters()), "all are trained"
    assert vae.annealed.keys() == {*(f"beta_{name}" for name in names), "temperature"}
    assert torch.equal(vae.sample(9, 0), vae.sample(9, 0))
    assert vae.sample(9, 0).shape == (9, 1, 4, 3)


@pytest.mark.parametrize("sizes", [[], [0], [4, 0, 3]])
def test_impossible_sizes(make_vae, sizes):
    with pytest.raises(ValueError, match=r"vae\.levels=\[.*\]: choose sizes of at least 1"):
        make_vae(levels=sizes)
