"""Annealers of models with another number of levels than two: all at once, or each by its name."""

from pathlib import Path

import pytest
import torch

from src.vae.anneal import BatchNormMean, Capacity, Constant, FreeBits, FreeBitsPerLevel, LevelBalance, PIController
from src.vae.latents import KLs
from src.vae.networks import Ladder

CONF = Path(__file__).parents[3] / "conf" / "vae.anneal"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
CHANGES = {
    "aggressive": {"window": 2, "max_inner_updates": 6, "check_every": 3},
}


@pytest.fixture
def three(make_vae):
    return lambda **anneal: make_vae(levels=[2, 1, 3], anneal=anneal)


@pytest.mark.parametrize("sizes", [pytest.param([3], marks=pytest.mark.ci), [2, 2, 3]])
@pytest.mark.parametrize("name", NAMES)
def test_every_annealer_trains_and_resumes_exactly(make_vae, fit_vae, option, tmp_path, name, sizes):
    path, changes = tmp_path / "last.ckpt", {name: CHANGES[name]} if name in CHANGES else {}
    straight, resumed = (make_vae(levels=sizes, anneal=option(name, **changes)) for _ in range(2))
    fit_vae(straight, 6, save=(4, path))
    torch.manual_seed(99)
    fit_vae(resumed, 6, resume=path)
    for key, tensor in straight.state_dict().items():
        assert tensor.isfinite().all()
        assert torch.equal(resumed.state_dict()[key], tensor), key
    assert straight.annealed == resumed.annealed
    levels = [str(number + 1) for number in range(len(sizes))]
    assert list(straight.annealed) == [*(f"beta_{level}" for level in levels), "temperature"]


def kls_of(*nats: float) -> KLs:
    """Two samples of one dimension in each level, around the given means."""
    return KLs(tuple(torch.tensor([[0.5 * kl], [1.5 * kl]]) for kl in nats))


def test_values_by_name_go_to_their_levels(three):
    """In any order."""
    named = {"z_3": 0.3, "z_1": 0.1, "z_2": 0.2}
    vae = three(constant=Constant(named), free_bits=FreeBits({"z_1": 1.0, "z_2": 0.0, "z_3": 5.0}))
    assert vae.anneal.beta(kls_of(1, 1, 1)) == (0.1, 0.2, 0.3)
    assert vae.anneal.penalty(kls_of(2, 2, 2), (1.0, 1.0, 1.0)).item() == pytest.approx(2 + 2 + 5)
    assert vae.anneal.charts() == {"free_bits_1": 1.0, "free_bits_2": 0.0, "free_bits_3": 5.0}


def test_free_bits_of_other_levels_than_high_and_low(three):
    kls, beta = kls_of(1, 1, 1), (1.0, 1.0, 1.0)
    assert three(x=FreeBitsPerLevel(high=9, low=8)).anneal.penalty(kls, beta).item() == 6, "2 nats of each"
    assert three(x=FreeBitsPerLevel(nats={"z_1": 0, "z_2": 4, "z_3": 0})).anneal.penalty(kls, beta).item() == 6


def test_each_level_has_its_controller_and_its_capacity(three):
    control = three(control=PIController({"z_1": 1, "z_2": 2, "z_3": 3}, integral=0.1)).annealers[0]
    for _ in range(3):
        control.observe(torch.zeros(2), kls_of(2, 2, 2))
    assert control.sum_R.tolist() == pytest.approx([0.3, 0, 0]), "as far as their targets are below"
    capacity = three(capacity=Capacity({"z_1": 1, "z_2": 2, "z_3": 3}, gamma=10)).annealers[0]
    assert capacity.capacity(1.0) == (1, 2, 3)


def test_balance_has_a_mean_of_one_over_all_levels(three):
    vae = three(level_balance=LevelBalance(duration=0.5))
    vae.total_steps, vae.steps = 100, 25
    betas = [beta.item() for beta in vae.anneal.beta(kls_of(3, 1, 0))]
    assert sum(betas) / 3 == pytest.approx(0.5)
    assert betas[0] > 2.9 * betas[1] > betas[2]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: {"x": Constant({"high": 1, "low": 2})},
            r"x\.beta=.*: give one number, or one for each of z_1 and z_2 and z_3",
        ),
        (lambda: {"x": Constant({"1": 1, "2": 2})}, r"\.beta=.*: give one number"),
        (lambda: {"x": Constant({"1": 1, "2": 2, "4": 2})}, r"\.beta=.*: give one number"),
    ],
)
def test_names_of_other_levels(three, make, message):
    with pytest.raises(ValueError, match=message):
        three(**make())


def test_the_ladders_means_are_not_the_priors_to_normalise(make_vae):
    with pytest.raises(ValueError, match=r"batch_norm_mean: .*vae\.inference=ladder; choose top_down"):
        make_vae(inference=Ladder, anneal={"batch_norm_mean": BatchNormMean()})
