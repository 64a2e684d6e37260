"""A fixed spread of posterior means, and the KL that it guarantees."""

from functools import partial

import pytest
import torch

from src.vae.anneal import BatchNormMean
from src.vae.anneal.posteriors import FixedSpread
from src.vae.networks import BottomUp, Standard, TopDown

GAMMA = {"high": 1.2, "low": 0.6}


@pytest.mark.parametrize(("inference", "prior"), [(TopDown, None), (TopDown, Standard), (BottomUp, Standard)])
@pytest.mark.parametrize("shrunk", [1.0, 0.3])
def test_the_guarantee_holds_however_little_the_encoder_says(make_vae, bars, inference, prior, shrunk):
    changes = {"prior": prior} if prior else {}
    vae = make_vae(inference=partial(inference, width=8), anneal={"x": BatchNormMean(GAMMA)}, **changes)
    with torch.no_grad():
        for weight in vae.encoder.parameters():
            weight.mul_(shrunk)
    kls = vae.infer(vae.to_cells(bars[:, None])).kls()
    high, low = (kl_BL.mean(0) for kl_BL in kls.levels_BL)
    assert (high >= 1.2**2 / 2 - 1e-3).all()
    assert (low >= 0.6**2 / 2 - 1e-3).all()


def test_without_it_there_is_no_such_floor(make_vae, bars):
    vae = make_vae(inference=partial(BottomUp, width=8), prior=Standard)
    with torch.no_grad():
        for weight in vae.encoder.parameters():
            weight.mul_(0.1)
        vae.inference.low.bias.zero_()
    low_B = vae.infer(vae.to_cells(bars[:, None])).kls().levels_B[1]
    assert low_B.mean() < 0.01 * 3 * 0.6**2 / 2


def test_spread_is_fixed_and_shift_is_learnt(make_vae, fit_vae):
    vae = make_vae(anneal={"x": BatchNormMean(GAMMA)})
    fit_vae(vae, 5)
    for norm, gamma in ((vae.inference.scale_high, 1.2), (vae.inference.scale_low, 0.6)):
        assert norm.weight.tolist() == pytest.approx([gamma] * len(norm.weight))
        assert norm.bias.abs().min() > 0
        assert norm.num_batches_tracked == 5


def normalised(norm: FixedSpread, means: torch.Tensor) -> torch.Tensor:
    deviations = torch.rand_like(means)
    scaled, unchanged = norm(means, deviations)
    assert unchanged is deviations
    return scaled


def test_spread_of_a_batch():
    norm = FixedSpread(3, 0.8)
    with torch.no_grad():
        norm.bias.copy_(torch.tensor([1.0, 0.0, -2.0]))
    out = normalised(norm, torch.randn(100, 3) * torch.tensor([5.0, 1.0, 1e-2]) + 3)
    torch.testing.assert_close(out.std(0, correction=0), torch.full((3,), 0.8), atol=1e-3, rtol=0)
    torch.testing.assert_close(out.mean(0), torch.tensor([1.0, 0.0, -2.0]), atol=1e-4, rtol=0)


def test_leading_axes_in_evaluation():
    """Importance samples are normalised one by one, by what was learnt."""
    norm = FixedSpread(3, 0.5)
    for _ in range(50):
        normalised(norm, 2 * torch.randn(64, 3) + 1)
    norm.eval()
    means = torch.randn(7, 5, 3)
    together = normalised(norm, means)
    assert together.shape == (7, 5, 3)
    torch.testing.assert_close(together, torch.stack([normalised(norm, mean) for mean in means]))
    expected = 0.5 * (means - norm.running_mean) / norm.running_var.sqrt()
    torch.testing.assert_close(together, expected, atol=1e-4, rtol=1e-4)


def test_its_state_is_the_modules(make_vae, fit_vae):
    vae, other = (make_vae(anneal={"x": BatchNormMean(GAMMA)}) for _ in range(2))
    fit_vae(vae, 3)
    other.load_state_dict(vae.state_dict())
    assert torch.equal(other.inference.scale_low.running_mean, vae.inference.scale_low.running_mean)
    assert vae.inference.scale_low.running_mean.abs().sum() > 0


def test_mistake():
    with pytest.raises(ValueError, match=r"vae\.anneal\.batch_norm_mean\.gamma\.low=0: choose a number above 0"):
        BatchNormMean({"high": 1, "low": 0})
