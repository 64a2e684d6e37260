"""Rate targets: closed forms, and control loops closed over simulated plants."""

import math
from itertools import pairwise

import pytest
import torch

from src.vae.anneal import GECO, Capacity, PIController
from src.vae.latents import KLs


def kls_of(high, low):
    """Two samples of one dimension around the given means."""
    return KLs((torch.tensor([[0.5 * high], [1.5 * high]]), torch.tensor([[0.5 * low], [1.5 * low]])))


# Capacity


@pytest.mark.parametrize(("t", "capacity"), [(0.0, (0, 0)), (0.1, (0.5, 1.5)), (0.4, (2, 6)), (0.9, (2, 6))])
def test_capacity_grows_in_a_line(t, capacity):
    assert Capacity({"high": 2, "low": 6}, duration=0.4).capacity(t) == pytest.approx(capacity)


def test_capacity_penalty(at):
    transform = at(Capacity({"high": 2, "low": 6}, duration=0.4, gamma=5), 0.2)  # C is (1, 3)
    penalty = transform.penalty(kls_of(1.8, 2.5), (1.0, 0.5))
    assert penalty.item() == pytest.approx(5 * (0.8 + 0.5 * 0.5))


def test_capacity_pulls_from_both_sides(at):
    high_BL, low_BL = torch.tensor([[3.0]], requires_grad=True), torch.tensor([[3.0]], requires_grad=True)
    at(Capacity({"high": 2, "low": 4}, gamma=7), 0.8).penalty(KLs((high_BL, low_BL)), (1.0, 1.0)).backward()
    assert (high_BL.grad.item(), low_BL.grad.item()) == (7, -7)


def test_the_papers_settings():
    """Burgess et al. 2018: γ = 1000. Shao et al. 2020: Kp 0.01, Ki 0.0001, β from 0 to 1."""
    assert Capacity().gamma == 1000
    control = PIController()
    assert (control.proportional, control.integral, control.minimum, control.maximum) == (0.01, 0.0001, 0, 1)


# PIController


def run(controller, plant, num_steps, kl=(0.5, 0.5)):
    """A plant that follows β with a lag, as an encoder does; returns β and KL of both levels along the way."""
    history = []
    for _ in range(num_steps):
        kls = kls_of(*kl)
        beta = [float(value) for value in controller.beta(kls)]
        controller.observe(torch.zeros(2), kls)
        kl = tuple(now + 0.05 * (plant(value) - now) for now, value in zip(kl, beta, strict=True))
        history.append((beta, kl))
    return history


def test_control_by_hand():
    """Kp 0.5, Ki 0.1, target 2: errors −1 and −3 make sums 0.1 and 0.4, and then Kp σ(−error) on top."""
    controller = PIController({"high": 2, "low": 50}, proportional=0.5, integral=0.1, minimum=0.05, maximum=3)
    sigmoid = [1 / (1 + math.exp(-kl)) for kl in (1, 3)]
    for kl, expected in ((3, 0.05 + 0.1 + 0.5 * sigmoid[0]), (5, 0.05 + 0.4 + 0.5 * sigmoid[1])):
        beta = controller.beta(kls_of(kl, 0.0))
        controller.observe(torch.zeros(2), kls_of(kl, 0.0))
        assert beta[0].item() == pytest.approx(expected, rel=1e-5)
        assert beta[1].item() == pytest.approx(0.05, abs=1e-5)  # far too little KL: β stays at its least


def test_golden_numbers_of_control_vae():
    """Shao et al. 2020, arXiv:2004.05988, with Kp 0.01, Ki 0.0001, β in [0, 1], target 3 nats.

    β(t) = Kp / (1 + exp(e(t))) − Ki Σ_{j ≤ t} e(j), e = target − KL, evaluated outside of this repository.
    """
    golden = {10.0: 0.010690889, 8.0: 0.011133071, 5.0: 0.010207971, 3.0: 0.0064, 2.5: 0.005125407, 0.5: 0.001858582}
    controller = PIController(target=3.0)
    for kl, expected in golden.items():
        kls = kls_of(kl, kl)
        assert [float(beta) for beta in controller.beta(kls)] == pytest.approx([expected] * 2, abs=1e-8)
        controller.observe(torch.zeros(2), kls)


def test_asking_for_beta_moves_nothing():
    controller = PIController()
    first = [controller.beta(kls_of(9.0, 9.0))[0].item() for _ in range(3)]
    assert first[0] == first[1] == first[2]


@pytest.mark.parametrize("minimum", [0.0, 0.1])
def test_control_reaches_each_levels_target(minimum):
    controller = PIController({"high": 4, "low": 7}, integral=0.001, minimum=minimum, maximum=2)
    beta, kl = run(controller, lambda beta: 10 * math.exp(-beta), 4000)[-1]
    assert kl == pytest.approx((4, 7), abs=0.02)
    assert beta == pytest.approx((math.log(10 / 4), math.log(10 / 7)), abs=0.01)


class NaivePI:
    """The same law with an integral that runs away while β is at its limit."""

    def __init__(self, target, maximum):
        self.target, self.maximum, self.sum = target, maximum, 0.0

    def beta(self, kls):
        error = self.target - kls.levels_BL[0].mean().item()
        self.sum -= 0.001 * error
        value = min(max(0.01 / (1 + math.exp(error)) + self.sum, 0.0), self.maximum)
        return value, value

    def observe(self, distortion_B, kls):
        pass


def steps_to_recover(controller):
    """A rate that no β can lower keeps β at its limit for long; then the plant gives in. How long until KL is right?"""
    stuck = run(controller, lambda beta: 30.0, 800)
    assert stuck[-1][0][0] == pytest.approx(1.0, abs=1e-4)
    history = run(controller, lambda beta: 10 * math.exp(-4 * beta), 8000, kl=(30, 30))
    settled = [abs(kl[0] - 4) < 0.2 for _, kl in history]
    return len(settled) - settled[::-1].index(False)


def test_control_recovers_at_once_from_saturation():
    real = steps_to_recover(PIController(4, integral=0.001, maximum=1.0))
    naive = steps_to_recover(NaivePI(4, maximum=1.0))
    assert real < 700
    assert naive > 5 * real


def test_control_is_a_tensor_with_an_exact_state():
    controller, other = PIController(), PIController()
    run(controller, lambda beta: 10 * math.exp(-beta), 50, kl=(9.0, 9.0))
    other.load_state_dict(controller.state_dict())
    assert isinstance(controller.beta(kls_of(3.0, 3.0))[0], torch.Tensor)
    assert controller.charts() == other.charts()
    assert controller.charts()["integral_high"] > 0
    plant = {"plant": lambda beta: 10 * math.exp(-beta), "num_steps": 20}
    assert run(controller, **plant) == run(other, **plant)


# GECO


def test_geco_by_hand():
    """Decay ½, speed 0.1, target 10; distortions 14 and 8 make the constraint 4, then ½·4 + ½·(−2) = 1."""
    geco, nothing = GECO(target=10, decay=0.5, speed=0.1), kls_of(0.0, 0.0)
    assert geco.reconstruction_weight() == 1
    geco.observe(torch.tensor([13.0, 15.0]), nothing)
    assert geco.reconstruction_weight().item() == pytest.approx(math.exp(0.4))
    geco.observe(torch.tensor([8.0, 8.0]), nothing)
    assert geco.reconstruction_weight().item() == pytest.approx(math.exp(0.4 + 0.1))
    assert geco.charts()["constraint"].item() == pytest.approx(1)


def test_geco_rises_while_the_constraint_is_violated_and_falls_when_it_is_not():
    geco, nothing, weights = GECO(target=20, maximum=5), kls_of(0.0, 0.0), []
    for distortion in [30.0] * 400 + [15.0] * 1200:
        geco.observe(torch.full((4,), distortion), nothing)
        weights.append(geco.reconstruction_weight().item())
    rising, falling = weights[:150], weights[800:]
    assert all(later > earlier for earlier, later in pairwise(rising))
    assert max(weights) == 5
    assert all(later < earlier or later == pytest.approx(0.1) for earlier, later in pairwise(falling))
    assert weights[-1] < 1


def test_geco_holds_a_plant_at_its_target():
    """Distortion 40/√λ, followed with a lag: λ = 4 holds it at 20."""
    geco, nothing, distortion = GECO(target=20, speed=0.0005), kls_of(0.0, 0.0), 40.0
    for _ in range(6000):
        geco.observe(torch.full((2,), distortion), nothing)
        distortion += 0.05 * (40 / math.sqrt(geco.reconstruction_weight().item()) - distortion)
    assert distortion == pytest.approx(20, abs=0.05)
    assert geco.reconstruction_weight().item() == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Capacity(target=-1), r"vae\.anneal\.capacity\.target=-1"),
        (lambda: Capacity(duration=0), r"vae\.anneal\.capacity\.duration=0"),
        (lambda: Capacity(gamma=0), r"vae\.anneal\.capacity\.gamma=0"),
        (lambda: PIController(integral=0), r"vae\.anneal\.control\.integral=0"),
        (lambda: PIController(minimum=2, maximum=1), r"vae\.anneal\.control\.minimum=2: choose less than maximum=1"),
        (lambda: PIController(target={"low": 3}), r"vae\.anneal\.control\.target={'low': 3}"),
        (lambda: GECO(target=-3), r"vae\.anneal\.geco\.target=-3"),
        (lambda: GECO(decay=1.2), r"vae\.anneal\.geco\.decay=1\.2"),
        (lambda: GECO(minimum=2), r"vae\.anneal\.geco\.minimum=2 maximum=10\.0: λ starts at 1"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
