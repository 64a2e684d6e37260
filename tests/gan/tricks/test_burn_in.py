from copy import deepcopy
from functools import partial

import pytest
import torch
from lightning import Callback

from src.gan.networks.dcgan import Generator
from src.gan.tricks import EMA, R1, R2, BurnIn, TwoTimeScale


class Values(Callback):
    """What each update was made with."""

    def __init__(self):
        self.taken = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
        groups = [optimizer.param_groups[0] for optimizer in trainer.optimizers]
        tricks = module.tricks
        self.taken.append(
            {
                "lr": [group["lr"] for group in groups],
                "betas": [group["betas"] for group in groups],
                "gamma": [tricks[name].gamma.item() for name in ("r1", "r2") if name in tricks],
                "half_life": tricks["ema"].half_life if "ema" in tricks else None,
                "charts": {name: value for name, value in outputs.items() if name.startswith("tricks/")},
            }
        )


@pytest.fixture
def gan_with(make_gan):
    def build(fused=True, **changes):
        adam = partial(torch.optim.Adam, lr=2e-3, betas=[0.0, 0.9], fused=fused)
        tricks = {"burn_in": BurnIn(share=0.5), "r1": R1(2.0), "r2": R2(1.0), "ema": EMA()}
        arguments = {
            "tricks": tricks,
            "generator_optimizer": adam,
            "discriminator_optimizer": adam,
            "generator": partial(Generator, z=4, width=4, norm="none"),
        }
        return make_gan(**(arguments | changes))

    return build


@pytest.mark.parametrize("fused", [True, False])
def test_half_a_cosine_then_constant(gan_with, fit, fused):
    """Eight steps, the first half of them burn-in, at ½(1−cos πx) for x = 0, ¼, ½, ¾, 1, 1, …"""
    values = Values()
    fit(gan_with(fused), num_batches=8, callbacks=[values])
    root = 2**0.5
    burnt = [0, (2 - root) / 4, 0.5, (2 + root) / 4, 1, 1, 1, 1]
    assert len(values.taken) == 8
    for taken, done in zip(values.taken, burnt, strict=True):
        lr, beta2 = 2e-3 - 1.5e-3 * done, 0.9 + 0.09 * done
        assert taken["lr"] == pytest.approx([lr, lr])
        for beta1, found in taken["betas"]:
            assert beta1 == 0
            assert found == pytest.approx(beta2)
        assert taken["gamma"] == pytest.approx([2 - 1.8 * done, 1 - 0.9 * done])
        assert taken["half_life"] == pytest.approx(0.05 * 64 * done, abs=1e-5)
        assert taken["charts"] == {
            "tricks/generator_lr": pytest.approx(lr),
            "tricks/discriminator_lr": pytest.approx(lr),
            "tricks/r1_gamma": pytest.approx(2 - 1.8 * done),
            "tricks/r2_gamma": pytest.approx(1 - 0.9 * done),
        }


def test_the_average_starts_as_a_copy(gan_with, fit):
    gan = gan_with()
    fit(gan, num_batches=1)
    averages = gan.tricks["ema"].average.state_dict()
    for name, weight in gan.generator.state_dict().items():
        assert torch.equal(averages[name], weight), name


def test_optimizers_use_what_is_set(gan_with, fit):
    """Adam without momentum moves a weight by lr · g / √v̂, recomputed here from the gradients of every step."""

    class Gradients(Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
            weight = module.discriminator.head.weight
            seen.append((weight.grad.clone(), weight.detach().clone()))

    seen, values = [], Values()
    gan = gan_with()
    weight = gan.discriminator.head.weight.detach().clone()
    fit(gan, num_batches=5, callbacks=[Gradients(), values])
    second = torch.zeros_like(weight)
    for number, ((gradient, reached), taken) in enumerate(zip(seen, values.taken, strict=True), 1):
        beta2 = taken["betas"][1][1]
        second = beta2 * second + (1 - beta2) * gradient.square()
        weight = weight - taken["lr"][1] * gradient / ((second / (1 - beta2**number)).sqrt() + 1e-8)
        torch.testing.assert_close(weight, reached, atol=1e-6, rtol=1e-4)


def test_a_resumed_run_goes_on_alike(gan_with, fit, tmp_path):
    """With the optimizers' state, in which the lowered rates stand."""

    class Half(Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
            if module.steps == 3:
                checkpoint["progress"] = {}
                module.on_save_checkpoint(checkpoint)
                checkpoint["weights"] = deepcopy(module.state_dict())
                checkpoint["optimizers"] = [deepcopy(optimizer.state_dict()) for optimizer in trainer.optimizers]

    class Resume(Callback):
        def on_train_start(self, trainer, module):
            for optimizer, state in zip(trainer.optimizers, checkpoint["optimizers"], strict=True):
                optimizer.load_state_dict(state)

    checkpoint, whole, rest = {}, Values(), Values()
    fit(gan_with(), num_batches=8, callbacks=[Half(), whole])
    fresh = gan_with()
    fresh.on_load_checkpoint(checkpoint)
    fresh.load_state_dict(checkpoint["weights"])
    fit(fresh, num_batches=5, callbacks=[Resume(), rest])
    assert rest.taken == whole.taken[3:]


@pytest.mark.parametrize("order", [("burn_in", "two_time_scale"), ("two_time_scale", "burn_in")])
def test_it_starts_from_the_rates_of_two_time_scale(gan_with, fit, order):
    tricks = {"burn_in": BurnIn(share=0.5), "two_time_scale": TwoTimeScale()}
    values = Values()
    fit(gan_with(tricks={name: tricks[name] for name in order}), num_batches=4, callbacks=[values])
    assert values.taken[0]["lr"] == [1e-4, 4e-4]
    assert values.taken[3]["lr"] == pytest.approx([0.25e-4, 1e-4])


def test_other_optimizers_are_refused(gan_with, fit):
    gan = gan_with(discriminator_optimizer=partial(torch.optim.RMSprop, lr=1e-3))
    with pytest.raises(ValueError, match=r"gan.tricks=burn_in moves Adam's β₂, which RMSprop lacks: choose"):
        fit(gan)


@pytest.mark.parametrize(
    ("parameter", "value"), [("share", 0), ("share", 1.5), ("lr", 0), ("gamma", -1), ("half_life", 0), ("beta2", 1)]
)
def test_parameters_are_checked(parameter, value):
    with pytest.raises(ValueError, match=f"gan.tricks.burn_in.{parameter}={value}: choose"):
        BurnIn(**{parameter: value})
