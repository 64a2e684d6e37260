"""Inner updates of the encoder, and when they end."""

import math
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from lightning import Callback

from src.data.loader import ResidentLoader
from src.vae.anneal import GECO, Aggressive, Linear, PIController, aggressive
from src.vae.anneal.aggressive import draw, inference_weights, mutual_information


@pytest.fixture
def estimates(monkeypatch):
    """Replaces the estimates of mutual information by these."""

    def replace(*values):
        left = list(values)
        monkeypatch.setattr(aggressive, "mutual_information", lambda vae, loader: left.pop(0))
        return left

    return replace


class Steps(Callback):
    """The state that each outer step ends with, and the inner updates until then."""

    def __init__(self, annealer):
        self.annealer = annealer
        self.networks, self.inner_updates, self.is_on = [], [], []

    def on_train_start(self, trainer, vae):
        self.networks.append(deepcopy(vae.state_dict()))

    def on_train_batch_end(self, trainer, vae, outputs, batch, batch_index):
        self.networks.append(deepcopy(vae.state_dict()))
        self.inner_updates.append(self.annealer.inner_updates)
        self.is_on.append(self.annealer.is_on)


def changed(before, after):
    """The networks whose weights differ."""
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_who_updates_what(make_vae, fit_vae, monkeypatch):
    """Inner updates change the inference networks only, the outer step the generative ones only."""
    annealer, between = Aggressive(window=2, max_inner_updates=4), []
    vae = make_vae(anneal={"aggressive": annealer}, warmup=0.5)
    catch_up = annealer.catch_up

    def watched():
        catch_up()
        between.append(deepcopy(vae.state_dict()))

    monkeypatch.setattr(annealer, "catch_up", watched)
    steps = Steps(annealer)
    fit_vae(vae, 4, callbacks=[steps])
    assert len(between) == 4
    for step in range(1, 4):  # the learning rate of the very first is zero
        assert changed(steps.networks[step], between[step]) == {"encoder", "inference"}
        assert changed(between[step], steps.networks[step + 1]) == {"decoder", "prior"}


def test_off_for_good_once_information_falls(make_vae, fit_vae, estimates):
    left = estimates(1.0, 2.0, 2.0, 1.9, 5.0)
    annealer = Aggressive(window=2, max_inner_updates=2, check_every=2)
    steps = Steps(annealer)
    fit_vae(make_vae(anneal={"aggressive": annealer}), 14, callbacks=[steps])
    assert left == [5.0]  # no further estimate
    assert steps.is_on == [True] * 8 + [False] * 6
    assert steps.inner_updates == [2, 4, 6, 8, 10, 12, 14, 16] + [16] * 6
    assert changed(steps.networks[8], steps.networks[9]) == {"encoder", "inference", "decoder", "prior"}
    assert annealer.state_dict()["optimizer"] is None


def test_inner_updates_end_when_the_loss_no_longer_falls(make_vae, fit_vae, monkeypatch):
    annealer = Aggressive(window=3, max_inner_updates=30)
    losses = iter([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 5.0, 5.0, 5.0] + [1.0] * 6 + [100.0 - i for i in range(60)])
    monkeypatch.setattr(annealer, "update", lambda: torch.tensor(next(losses)))
    steps = Steps(annealer)
    fit_vae(make_vae(anneal={"aggressive": annealer}), 4, callbacks=[steps])
    # Windows 8, 5, 5 (not below); 1, 1 (not below); then ever falling, up to the most, twice.
    assert steps.inner_updates == [9, 15, 45, 75]


def test_inner_updates_lower_the_loss(make_vae, fit_vae, bars):
    """With the decoder as it is, they find better posteriors."""
    annealer = Aggressive(window=10, max_inner_updates=60)
    vae = make_vae(anneal={"aggressive": annealer})
    trainer = fit_vae(vae, 1)
    trainer.optimizers[0].param_groups[0]["lr"] = 0.01

    @torch.no_grad()
    def loss():
        torch.manual_seed(0)
        return vae.objective(vae.to_cells(bars[:, None].repeat(20, 1, 1, 1)))["loss"].item()

    before = loss()
    annealer.catch_up()
    assert loss() < before - 0.1


def test_inner_updates_move_no_other_annealer(make_vae, fit_vae):
    """Controllers follow the run's own steps, seven of them, however many inner updates there were."""

    class Counted(PIController):
        observed = 0

        def observe(self, distortion_B, kls):
            self.observed += 1
            super().observe(distortion_B, kls)

    annealers = {"aggressive": Aggressive(window=2, max_inner_updates=8), "control": Counted(), "geco": GECO()}
    fit_vae(make_vae(anneal=annealers), 7)
    assert annealers["aggressive"].inner_updates >= 4 * 6
    assert annealers["control"].observed == 7


@pytest.mark.parametrize("names", [("aggressive", "linear"), ("linear", "aggressive")])
def test_inner_updates_see_the_others_as_the_step_does(make_vae, fit_vae, tmp_path, names):
    """In whichever order they are given, and also in the first step after a resume."""
    asked = []

    class Asked(Linear):
        def shape(self, t):
            asked.append(t)
            return super().shape(t)

    def vae():
        annealers = {"aggressive": Aggressive(window=2, max_inner_updates=2), "linear": Asked()}
        return make_vae(anneal={name: annealers[name] for name in names})

    whole = [step / 8 for step in range(8) for _ in range(3)]  # two inner updates and the step itself
    fit_vae(vae(), 8, save=(5, tmp_path / "last.ckpt"))
    assert asked == whole
    asked.clear()
    fit_vae(vae(), 8, resume=tmp_path / "last.ckpt")
    assert asked == whole[5 * 3 :]


def test_inner_updates_follow_the_runs_learning_rate(make_vae, fit_vae):
    annealer, rates = Aggressive(window=2, max_inner_updates=2), []

    class Rate(Callback):
        def on_before_optimizer_step(self, trainer, vae, optimizer):
            rates.append([group["lr"] for each in (annealer.optimizer, optimizer) for group in each.param_groups])

    fit_vae(make_vae(anneal={"aggressive": annealer}, warmup=0.5), 8, callbacks=[Rate()])
    assert rates[:5] == [pytest.approx([0.01 * step / 4] * 4) for step in range(5)]


def test_draws_are_its_own(bars):
    """Stacked characters are drawn independently, and neither the loader nor the common stream moves."""
    loader = ResidentLoader(bars, 8, 4, seed=0, stack=3)
    stream = torch.get_rng_state()
    images = draw(loader, 500, torch.Generator().manual_seed(1))
    again = draw(loader, 500, torch.Generator().manual_seed(1))
    assert images.shape == (500, 3, 4, 3)
    assert torch.equal(images, again)
    assert loader.batches_seen == 0
    assert torch.equal(torch.get_rng_state(), stream)
    known = {tuple(bar.flatten().tolist()) for bar in bars}
    assert {tuple(bar.flatten().tolist()) for bar in images.flatten(0, 1)} == known
    assert (images[:, 0] != images[:, 1]).any((1, 2)).float().mean() > 0.9


def test_mutual_information_of_silent_and_of_exact_encoders(make_vae, bars):
    """0 for a constant encoder, ln of the number of different bars for one that identifies them."""
    vae, loader = make_vae(), ResidentLoader(bars, 8, 4, seed=0)
    with torch.no_grad():
        for layer in (vae.inference.high, vae.inference.low[-1]):
            layer.weight.zero_()
    assert mutual_information(vae, loader) == pytest.approx(0, abs=1e-3)
    with torch.no_grad():
        vae.inference.high.weight[:2] = 1e4 * torch.randn(2, 8)
        vae.inference.high.bias[2:] = -20
    stream = torch.get_rng_state()
    assert mutual_information(vae, loader) == mutual_information(vae, loader)
    assert torch.equal(torch.get_rng_state(), stream)
    assert vae.training
    kinds = {tuple(bar.flatten().tolist()) for bar in bars}
    assert 0.8 * math.log(len(kinds)) < mutual_information(vae, loader) <= math.log(len(kinds)) + 1e-3


def test_weights_of_the_inner_updates(make_vae):
    vae = make_vae()
    inner = {id(weight) for weight in inference_weights(vae)}
    assert inner == {id(weight) for net in (vae.encoder, vae.inference) for weight in net.parameters()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, r"vae\.anneal\.aggressive\.window=0: choose a whole number of at least 1"),
        ({"check_every": 2.5}, r"vae\.anneal\.aggressive\.check_every=2\.5"),
        (
            {"window": 20, "max_inner_updates": 10},
            r"vae\.anneal\.aggressive\.window=20: choose at most max_inner_updates=10",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        Aggressive(**arguments)


def test_one_device_only(make_vae):
    annealer = Aggressive()
    vae = make_vae(anneal={"aggressive": annealer})
    with pytest.raises(
        ValueError, match=r"vae\.anneal\.aggressive: inner updates are not shared between the 2 devices"
    ):
        annealer.on_train_start(SimpleNamespace(world_size=2, num_training_batches=4), vae)
