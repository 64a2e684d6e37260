"""The bound against a model whose likelihood is known, and counting against counting by hand.

N samples, K importance samples, T steps, V voices.
"""

import math
import os
from itertools import pairwise, product
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, MultivariateNormal, Normal

from src.data.drums.groove import load_groove
from src.evaluation.metrics.bound import Bound, cell_floor, covariance_eigenvalues, importance_weighted_nll, onset_f1

REAL = Path(os.environ.get("DATA_DIR", "data"))


class LinearGaussian:
    """z ~ N(0, I), x|z ~ N(Wz + b, s²I), so p(x) = N(b, WWᵀ + s²I); its proposal is not quite the posterior."""

    def __init__(self) -> None:
        random = torch.Generator().manual_seed(0)
        self.weight = torch.randn(4, 2, generator=random, dtype=torch.double)
        self.bias = torch.randn(4, generator=random, dtype=torch.double)
        self.std = 0.7
        covariance = self.weight @ self.weight.T + self.std**2 * torch.eye(4, dtype=torch.double)
        self.marginal = MultivariateNormal(self.bias, covariance)

    def log_weights(self, x_ND: Tensor, num: int) -> Tensor:
        """[K, N], drawn from the global stream."""
        precision = torch.eye(2, dtype=torch.double) + self.weight.T @ self.weight / self.std**2
        covariance = precision.inverse()
        mean_NL = (x_ND - self.bias) @ self.weight @ covariance / self.std**2
        proposal = Normal(mean_NL + 0.2, 1.5 * covariance.diagonal().sqrt())
        z_KNL = proposal.sample((num,))
        likelihood = Normal(z_KNL @ self.weight.T + self.bias, self.std).log_prob(x_ND).sum(-1)
        return likelihood + Normal(0, 1).log_prob(z_KNL).sum(-1) - proposal.log_prob(z_KNL).sum(-1)


@pytest.fixture
def model() -> LinearGaussian:
    torch.manual_seed(1)
    return LinearGaussian()


def test_it_tends_to_the_exact_likelihood(model):
    x_ND = model.marginal.sample((20,))
    nll_N = importance_weighted_nll(model.log_weights(x_ND, 50_000))
    torch.testing.assert_close(nll_N, -model.marginal.log_prob(x_ND), atol=0.03, rtol=0)


def test_it_is_a_bound_in_expectation_and_tightens_with_k(model):
    x_ND = model.marginal.sample((5,)).repeat(4000, 1)
    exact = -model.marginal.log_prob(x_ND).mean()
    gaps = [importance_weighted_nll(model.log_weights(x_ND, k)).mean() - exact for k in (1, 4, 16, 64)]
    assert gaps[0] > 0.2, "the proposal is not the posterior"
    assert all(wide > 1.5 * narrow for wide, narrow in pairwise(gaps))
    assert gaps[-1] > 0


def test_one_importance_sample_is_the_negative_elbo(model):
    log_weights_1N = model.log_weights(model.marginal.sample((6,)), 1)
    assert torch.equal(importance_weighted_nll(log_weights_1N), -log_weights_1N[0])


def test_it_is_the_mean_of_the_weights_even_where_they_underflow():
    log_weights_KN = torch.tensor([[0.0, -4000.0], [math.log(3), -4000.0 + math.log(3)]])
    torch.testing.assert_close(
        importance_weighted_nll(log_weights_KN), torch.tensor([-math.log(2), 4000 - math.log(2)]).double()
    )
    assert importance_weighted_nll(log_weights_KN).dtype == torch.double


@pytest.mark.parametrize("splits", [[12], [5, 7], [1, 1, 10]])
def test_bound_is_the_average_over_samples_however_they_come(splits):
    torch.manual_seed(0)
    distortion_N, high_NL, low_NL = 5 * torch.rand(12), torch.rand(12, 2), 0.2 * torch.rand(12, 3)
    bound = Bound({"high": 2, "low": 3})
    for distortion, *kls in zip(distortion_N.split(splits), high_NL.split(splits), low_NL.split(splits), strict=True):
        bound.update(distortion, kls)
    result = bound.compute()
    rows = [[sum(row) for row in tensor.tolist()] for tensor in (high_NL, low_NL)]
    kl_high, kl_low = (sum(row) / 12 for row in rows)
    reconstruction = sum(distortion_N.tolist()) / 12
    assert result["reconstruction"].item() == pytest.approx(reconstruction)
    assert result["kl_high"].item() == pytest.approx(kl_high)
    assert result["kl_low"].item() == pytest.approx(kl_low)
    assert result["elbo"].item() == pytest.approx(-reconstruction - kl_high - kl_low)
    for name, tensor in (("high", high_NL), ("low", low_NL)):
        dims = [sum(column) / 12 for column in zip(*tensor.tolist(), strict=True)]
        assert result[f"kl_{name}_dims"].tolist() == pytest.approx(dims)
        assert result[f"active_{name}"].item() == sum(dim > 0.1 for dim in dims)


def test_a_dimension_is_active_by_its_mean_and_a_bound_starts_over():
    bound = Bound({"high": 2, "low": 1})
    bound.update(torch.zeros(2), [torch.tensor([[0.3, 0.0], [0.0, 0.1]]), torch.tensor([[-0.5], [0.9]])])
    result = bound.compute()
    assert (result["active_high"], result["active_low"]) == (1, 1)
    bound.reset()
    bound.update(torch.ones(1), [torch.zeros(1, 2), torch.zeros(1, 1)])
    assert bound.compute()["elbo"] == -1


def test_many_small_figures_are_added_in_double_precision():
    bound = Bound({"1": 1})
    for _ in range(300):
        bound.update(torch.full((1000,), 100.1), [torch.zeros(1000, 1)])
    assert bound.compute()["reconstruction"].item() == pytest.approx(torch.tensor(100.1).item(), rel=1e-9)


def test_cell_floor_is_one_bernoulli_a_cell():
    torch.manual_seed(0)
    train_NTV, held_out_NTV = ((torch.rand(num, 4, 3) < 0.3).float() for num in (50, 20))
    train_NTV[:, 0, 0] = 0  # never hit in training, and yet the held-out hits have a finite price
    expected = 0.0
    for step, voice in product(range(4), range(3)):
        rate = (train_NTV[:, step, voice].sum() + 0.5) / 51
        expected -= Bernoulli(rate.double()).log_prob(held_out_NTV[:, step, voice].double()).sum().item() / 20
    assert cell_floor(train_NTV.split(20), held_out_NTV).item() == pytest.approx(expected)


def test_grey_cells_have_an_expected_floor():
    """Of ink 0.25, a quarter of the binarisations."""
    train_NTV = torch.full((10_000, 1, 1), 0.25)
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert cell_floor([train_NTV], torch.full((1, 1, 1), 0.25)).item() == pytest.approx(entropy, abs=1e-6)
    grey, black_and_white = torch.full((4, 1, 1), 0.25), torch.tensor([1.0, 0.0, 0.0, 0.0]).view(4, 1, 1)
    assert cell_floor([train_NTV], grey) == cell_floor([train_NTV], black_and_white)


@pytest.mark.ci
@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "groove" / "info.csv").is_file(), reason="no groove/info.csv in DATA_DIR")
@pytest.mark.filterwarnings("ignore:.*are left out")
def test_the_floor_of_real_drumming(tmp_path):
    grids = load_groove(REAL, tmp_path).grids
    floor = cell_floor([torch.from_numpy(grids["train"])], torch.from_numpy(grids["test"]))
    assert floor.item() == pytest.approx(40.33, abs=0.01)


@pytest.mark.parametrize("density", [0.05, 0.5, 0.9])
def test_onset_f1(density):
    torch.manual_seed(0)
    real_NTV, rebuilt_NTV = (torch.rand(9, 4, 3) < density).float(), (torch.rand(9, 4, 3) < 0.4).float()
    pairs = list(zip(real_NTV.flatten().tolist(), rebuilt_NTV.flatten().tolist(), strict=True))
    precision = sum(real for real, rebuilt in pairs if rebuilt) / sum(rebuilt for _, rebuilt in pairs)
    recall = sum(rebuilt for real, rebuilt in pairs if real) / sum(real for real, _ in pairs)
    expected = 2 * precision * recall / (precision + recall)
    assert onset_f1(real_NTV, rebuilt_NTV).item() == pytest.approx(expected)


def test_silence_earns_nothing():
    hit_NTV, silent_NTV = torch.ones(1, 2, 2), torch.zeros(1, 2, 2)
    assert onset_f1(hit_NTV, hit_NTV) == 1
    assert onset_f1(hit_NTV, silent_NTV) == onset_f1(silent_NTV, hit_NTV) == 0
    assert onset_f1(silent_NTV, silent_NTV).isnan()


def test_eigenvalues_are_variances_along_the_principal_axes():
    """By the singular values of centred samples, in uneven parts."""
    cells_NTV = torch.randn(50, 2, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 0.1]) + 5
    centred_ND = cells_NTV.flatten(1).double() - cells_NTV.flatten(1).double().mean(0)
    expected = torch.linalg.svdvals(centred_ND) ** 2 / 50
    torch.testing.assert_close(covariance_eigenvalues(cells_NTV.split(17)), expected, atol=1e-9, rtol=1e-6)
