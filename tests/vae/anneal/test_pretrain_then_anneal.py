"""β waits, and the decoder starts over once."""

from copy import deepcopy

import pytest
import torch
from lightning import Callback

from src.vae.anneal import PretrainThenAnneal, TargetRate


class Watch(Callback):
    """The decoder as each step finds it, and what the optimizer remembers of it; runs before the annealers do."""

    def __init__(self):
        self.weights, self.remembered, self.encoder_steps = [], [], []

    def on_train_batch_end(self, trainer, vae, outputs, batch, batch_index):
        self.weights.append(deepcopy(vae.decoder.state_dict()))
        memory = trainer.optimizers[0].state
        self.remembered.append({int(memory[weight]["step"]) for weight in vae.decoder.parameters()})
        self.encoder_steps.append({int(memory[weight]["step"]) for weight in vae.encoder.parameters()})


@pytest.mark.parametrize(
    ("t", "beta"), [(0.0, 0), (0.1, 0), (0.2, 0), (0.35, 0.5), (0.425, 0.75), (0.5, 1), (0.999, 1)]
)
def test_beta(at, kls, t, beta):
    assert at(PretrainThenAnneal(pretrain=0.2, duration=0.3), t).beta(kls) == pytest.approx((beta, beta))


def test_it_has_a_target_rate(kls):
    nats = {"high": 3, "low": 1.2}
    assert torch.equal(PretrainThenAnneal(nats=nats).penalty(kls, (1, 1)), TargetRate(nats).penalty(kls, (1, 1)))


def test_the_decoder_is_reset_once(make_vae, fit_vae):
    annealer, watch = PretrainThenAnneal(pretrain=0.5), Watch()
    vae = make_vae(anneal={"pretrain_then_anneal": annealer})
    initial = deepcopy(vae.decoder.state_dict())
    fit_vae(vae, 10, callbacks=[watch])

    def distance(step):
        """How far the decoder is from where it began; one step of Adam moves each weight by 0.01 at most."""
        return max((watch.weights[step][name] - initial[name]).abs().max() for name in initial)

    assert 0 < distance(5) < 0.0102
    assert distance(4) > 1.5 * distance(5)
    assert distance(9) > distance(5)
    assert watch.remembered == [{step} for step in (1, 2, 3, 4, 5, 1, 2, 3, 4, 5)]
    assert watch.encoder_steps == [{step} for step in range(1, 11)]
    assert annealer.is_reset


@pytest.mark.parametrize("after", [3, 5, 7])
def test_no_second_reset_after_a_resume(make_vae, fit_vae, tmp_path, after):
    """Interrupted before, right at, and after the reset."""
    path, watch = tmp_path / "last.ckpt", Watch()
    fit_vae(make_vae(anneal={"pretrain_then_anneal": PretrainThenAnneal(pretrain=0.5)}), 10, save=(after, path))
    fit_vae(make_vae(anneal={"pretrain_then_anneal": PretrainThenAnneal(pretrain=0.5)}), 10, [watch], resume=path)
    whole = (1, 2, 3, 4, 5, 1, 2, 3, 4, 5)
    assert watch.remembered == [{step} for step in whole[after:]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pretrain": -0.1}, r"vae\.anneal\.pretrain_then_anneal\.pretrain=-0\.1"),
        ({"pretrain": 0.8, "duration": 0.5}, r"pretrain=0\.8 duration=0\.5: more than the whole run"),
        ({"nats": -1}, r"vae\.anneal\.pretrain_then_anneal\.nats=-1"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        PretrainThenAnneal(**arguments)
