"""How the VAE is trained: its optimiser, its learning rate, and that a run can be interrupted."""

import math
from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch
from lightning import Callback

from src.vae.anneal import Aggressive, Linear
from src.vae.decoders import Parallel
from src.vae.module import VAE, warm_cosine
from src.vae.networks import BottomUp, Standard


def test_weight_decay_reaches_matrices_only(make_vae):
    vae = make_vae()
    matrices, vectors = vae.optimizer_of(list(vae.parameters())).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.1, 0)
    assert {id(p) for p in matrices["params"]} == {id(p) for p in vae.parameters() if p.dim() >= 2}
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(vae.parameters()))
    assert id(vae.encoder.body[0][0].bias) in {id(p) for p in vectors["params"]}


@pytest.mark.parametrize(
    ("t", "factor"),
    [(0, 0), (0.05, 0.5), (0.1, 1), (0.325, 0.5 + 8**-0.5), (0.55, 0.5), (0.775, 0.5 - 8**-0.5), (1, 0), (1.5, 0)],
)
def test_warm_cosine(t, factor):
    assert warm_cosine(t, 0.1) == pytest.approx(factor, abs=1e-12)


def test_without_warmup_it_starts_at_the_top():
    assert warm_cosine(0, 0) == 1
    assert warm_cosine(0.5, 0) == pytest.approx(0.5)


class Witness(Callback):
    """Notes the learning rate of each update, and the norm of its gradient."""

    def __init__(self):
        self.rates, self.norms = [], []

    def on_train_batch_start(self, trainer, vae, batch, batch_index):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer, vae, outputs, batch, batch_index):
        self.norms.append(torch.cat([weight.grad.flatten() for weight in vae.parameters()]).norm().item())


def test_the_learning_rate_follows_the_run(make_vae, fit_vae):
    seen = Witness()
    fit_vae(make_vae(warmup=0.25), num_batches=8, callbacks=[seen])
    cosine = [0.5 * (1 + math.cos(math.pi * step / 6)) for step in range(6)]
    assert seen.rates == pytest.approx([1e-2 * factor for factor in (0, 0.5, *cosine)])


@pytest.mark.parametrize(("limit", "cut"), [(0.01, True), (1e6, False)])
def test_gradients_are_clipped(make_vae, fit_vae, limit, cut):
    seen = Witness()
    fit_vae(make_vae(max_gradient_norm=limit), num_batches=4, callbacks=[seen])
    assert len(seen.norms) == 4
    if cut:
        assert seen.norms == pytest.approx([0.01] * len(seen.norms), rel=1e-3)
    else:
        assert min(seen.norms) > 0.1


class Heeding(Callback):
    """Counts Lightning's calls."""

    uses_breakpoints = True
    calls = 0

    def on_train_batch_end(self, trainer, vae, outputs, batch, batch_index):
        self.calls += 1


class Asking(Heeding):
    """Sees every step, as callbacks from elsewhere do."""

    uses_breakpoints = False


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_several_steps_a_call_reach_the_same_weights(make_vae, fit_vae, precision):
    states, calls = [], []
    for callback in (Asking(), Heeding()):
        vae = make_vae(
            anneal={"aggressive": Aggressive(window=2, max_inner_updates=4, check_every=3), "linear": Linear()}
        )
        vae.breakpoints |= {4, 9}
        fit_vae(vae, 12, callbacks=[callback], precision=precision)
        states.append(vae.state_dict())
        calls.append(callback.calls)
    assert calls == [12, 3]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_in_mixed_precision_too(make_vae, fit_vae):
    """With the optimizer of conf/, which is fused."""
    optimizer = partial(torch.optim.AdamW, lr=1e-2, weight_decay=0.1, fused=True)
    seen = Witness()
    fit_vae(make_vae(optimizer=optimizer, max_gradient_norm=0.01), callbacks=[seen], precision="bf16-mixed")
    assert seen.norms == pytest.approx([0.01] * len(seen.norms), rel=0.02)


def test_training_lowers_the_loss_and_reaches_every_weight(make_vae, fit_vae, bars):
    def loss() -> float:
        torch.manual_seed(5)
        return vae.eval().objective(bars[:16].float())["loss"].item()

    vae = make_vae()
    before, loss_before = deepcopy(vae.state_dict()), loss()
    fit_vae(vae.train(), num_batches=60)
    assert loss() < 0.9 * loss_before
    assert (vae.steps, vae.images_seen) == (60, 480)
    assert not [name for name, tensor in vae.state_dict().items() if torch.equal(tensor, before[name])]


@pytest.mark.parametrize(
    "changes",
    [
        {"anneal": {"linear": Linear()}},
        {
            "inference": partial(BottomUp, width=8),
            "prior": Standard,
            "decoder": partial(Parallel, width=8, depth=1, dropout=0.1),
            "decoder_sees": "low",
        },
    ],
    ids=["top_down", "bottom_up"],
)
def test_resuming_equals_never_having_stopped(make_vae, fit_vae, tmp_path, changes):
    whole, cut = make_vae(**deepcopy(changes)), make_vae(**deepcopy(changes))
    end = fit_vae(whole, num_batches=9)
    fit_vae(cut, num_batches=9, save=(4, tmp_path / "cut.ckpt"))
    resumed, seen = make_vae(seed=1, **deepcopy(changes)), Witness()
    again = fit_vae(resumed, num_batches=9, callbacks=[seen], resume=tmp_path / "cut.ckpt")
    assert_same(whole, resumed)
    assert_same_moments(end.optimizers[0], again.optimizers[0])
    assert end.lr_scheduler_configs[0].scheduler.state_dict() == again.lr_scheduler_configs[0].scheduler.state_dict()
    assert (resumed.steps, resumed.images_seen) == (9, 72)
    assert seen.rates == pytest.approx([1e-2 * warm_cosine(step / 9, 0.1) for step in range(4, 9)])


def assert_same(one: VAE, other: VAE) -> None:
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def assert_same_moments(one: torch.optim.Optimizer, other: torch.optim.Optimizer) -> None:
    for index, moments in one.state_dict()["state"].items():
        for name, value in moments.items():
            assert torch.equal(value, other.state_dict()["state"][index][name])


def test_a_resumed_run_of_another_length_goes_by_the_new_one(make_vae, fit_vae, tmp_path):
    fit_vae(make_vae(), num_batches=6, save=(4, tmp_path / "short.ckpt"))
    vae, seen = make_vae(), Witness()
    fit_vae(vae, num_batches=20, callbacks=[seen], resume=tmp_path / "short.ckpt")
    assert (vae.steps, vae.images_seen) == (20, 160)
    # The step that comes first was decided on before the interruption.
    assert seen.rates[1:] == pytest.approx([1e-2 * warm_cosine(step / 20, 0.1) for step in range(5, 20)])


def test_a_checkpoint_of_other_data_is_refused(make_vae, fit_vae, bar_spec, tmp_path):
    fit_vae(make_vae(), num_batches=3, save=(2, tmp_path / "one.ckpt"))
    other = make_vae(spec=replace(bar_spec, digest="1" * 64))
    with pytest.raises(ValueError, match="trained on other data"):
        fit_vae(other, num_batches=3, resume=tmp_path / "one.ckpt")


@pytest.mark.ci
@pytest.mark.filterwarnings("ignore")  # PyTorch looks at its own tensors
def test_compiled_networks_train_alike(make_vae, fit_vae, not_to_machine_code):
    plain, compiled = make_vae(), make_vae()
    compiled.compile_networks()
    assert compiled.decoder._compiled_call_impl
    fit_vae(plain)
    fit_vae(compiled)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[name], tensor, atol=1e-6, rtol=1e-5, msg=name)
