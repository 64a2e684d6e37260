from copy import deepcopy
from functools import partial

import pytest
import torch
from lightning import Callback
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import HistoricalAveraging, Trick

NETWORKS = ("generator", "discriminator")


@pytest.fixture
def averaging(make_gan):
    return make_gan(tricks={"historical_averaging": HistoricalAveraging(weight=3.0)})


def terms(gan, make_step):
    images = torch.zeros(2, 1, 8, 8)
    step = make_step(images, images, gan=gan)
    trick = gan.tricks["historical_averaging"]
    return trick.generator_penalty(step), trick.discriminator_penalty(step)


def means(gan):
    trick = gan.tricks["historical_averaging"]
    return {"generator": trick.mean_generator, "discriminator": trick.mean_discriminator}


class History(Callback):
    """Notes the weights before the first step and after each one."""

    def __init__(self, gan):
        self.past = {network: [deepcopy(list(getattr(gan, network).parameters()))] for network in NETWORKS}

    def on_train_batch_end(self, trainer, module, *_):
        for network in NETWORKS:
            self.past[network].append(deepcopy(list(getattr(module, network).parameters())))


def test_the_mean_of_all_past_weights(averaging, fit, make_step):
    """The initial weights and those after each of 4 steps count alike, and θ is the latest of them."""
    history = History(averaging)
    fit(averaging, num_batches=4, callbacks=[history])
    for network, term in zip(NETWORKS, terms(averaging, make_step), strict=True):
        expected = 0.0
        for number, mean in enumerate(means(averaging)[network].parameters()):
            past = torch.stack([weights[number].detach() for weights in history.past[network]])
            assert len(past) == 5
            torch.testing.assert_close(mean, past.mean(0), atol=1e-7, rtol=1e-5)
            expected += 3.0 * (past[-1] - past.mean(0)).square().sum().item()
        assert term.item() == pytest.approx(expected, rel=1e-4)
        assert expected > 0


def test_at_the_start_nothing_is_far(averaging, make_step):
    assert [term.item() for term in terms(averaging, make_step)] == [0, 0]


def test_each_player_is_drawn_back_to_its_own_mean(averaging, make_step):
    """The derivative of λ ‖θ − mean‖² is 2 λ (θ − mean), and the means do not move."""
    with torch.no_grad():
        averaging.generator.project[0].weight += 0.5
        averaging.discriminator.head.weight -= 0.25
    generator_penalty, discriminator_penalty = terms(averaging, make_step)
    generator_penalty.backward()
    assert all(weight.grad is None for weight in averaging.discriminator.parameters())
    torch.testing.assert_close(
        averaging.generator.project[0].weight.grad, torch.full_like(averaging.generator.project[0].weight, 3.0)
    )
    discriminator_penalty.backward()
    torch.testing.assert_close(
        averaging.discriminator.head.weight.grad, torch.full_like(averaging.discriminator.head.weight, -1.5)
    )
    assert not any(weight.requires_grad for mean in means(averaging).values() for weight in mean.parameters())


def test_the_means_are_in_no_optimizer(averaging):
    learning = {
        id(weight) for o in averaging.configure_optimizers() for group in o.param_groups for weight in group["params"]
    }
    assert learning == {id(weight) for network in NETWORKS for weight in getattr(averaging, network).parameters()}


class ChangesTheDiscriminator(Trick):
    """As spectral normalisation does: the parameters have another order afterwards."""

    def attach(self, gan):
        for layer in list(gan.discriminator.modules()):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                spectral_norm(layer)


def test_it_looks_at_the_networks_when_all_tricks_have_changed_them(make_gan, fit):
    """Whatever the order in which they are listed."""
    tricks = {"historical_averaging": HistoricalAveraging(), "changes": ChangesTheDiscriminator()}
    gan = make_gan(discriminator=partial(Discriminator, width=4, norm="none"), tricks=tricks)
    fit(gan)
    names = [name for name, _ in gan.discriminator.named_parameters()]
    assert [name for name, _ in means(gan)["discriminator"].named_parameters()] == names
    assert any("original" in name for name in names)
