from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch
from lightning import Callback
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from src.data.loader import ResidentLoader
from src.gan.losses import FeatureMatching, Standard
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import EMA, R1, Trick
from src.training.callbacks.randomness import noise_stream

LOSSES = {"standard": Standard, "feature_matching": FeatureMatching}


def plain_steps(generator, discriminator, batches, noise, recipe):
    """Three recipes written down without any of the project's seams."""
    adam = partial(torch.optim.Adam, lr=2e-3, betas=(0.5, 0.999))
    generator_optimizer = adam(generator.parameters())
    discriminator_optimizer = adam(discriminator.parameters())
    for batch in batches:
        real = batch.float() * (2 / 255) - 1
        num = len(real)

        z_discriminator, z_generator = torch.randn(2, num, 4, generator=noise)
        fake = generator(z_discriminator).detach()
        real.requires_grad_(recipe == "r1")
        logits_real, logits_fake = discriminator(real)[0], discriminator(fake)[0]
        loss = cross_entropy(logits_real, torch.ones(num)) + cross_entropy(logits_fake, torch.zeros(num))
        if recipe == "r1":
            (gradient,) = torch.autograd.grad(logits_real.sum(), real, create_graph=True)
            loss = loss + 3.0 / 2 * gradient.pow(2).flatten(1).sum(1).mean()
        discriminator_optimizer.zero_grad()
        loss.backward()
        discriminator_optimizer.step()

        logits_fake, features_fake = discriminator(generator(z_generator))
        if recipe == "feature_matching":
            features_real = discriminator(real)[1].detach()
            loss = (features_fake.mean(0) - features_real.mean(0)).pow(2).sum()
        else:
            loss = cross_entropy(logits_fake, torch.ones(num))
        generator_optimizer.zero_grad()
        loss.backward()
        generator_optimizer.step()


@pytest.mark.parametrize("recipe", ["standard", "feature_matching", "r1"])
def test_training_equals_plain_pytorch(make_gan, fit, toy_images, recipe):
    loss = "standard" if recipe == "r1" else recipe
    gan = make_gan(loss={loss: LOSSES[loss]()}, tricks={"r1": R1(gamma=3.0)} if recipe == "r1" else {})
    before = deepcopy(gan.state_dict())
    generator, discriminator = deepcopy(gan.generator), deepcopy(gan.discriminator)
    fit(gan, num_batches=3)
    torch.manual_seed(999)  # as in `fit`
    noise = noise_stream("cpu", rank=0)
    plain_steps(generator, discriminator, ResidentLoader(toy_images, 8, 3, seed=0), noise, recipe)
    for ours, plain in ((gan.generator, generator), (gan.discriminator, discriminator)):
        for name, tensor in plain.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], tensor, atol=1e-6, rtol=0, msg=name)
    moved = [name for name, tensor in gan.state_dict().items() if not torch.equal(tensor, before[name])]
    assert moved == list(before)


def test_recipes_differ(make_gan, fit):
    """Or the test above would compare thrice the same."""
    ends = []
    for changes in ({}, {"loss": {"feature_matching": FeatureMatching()}}, {"tricks": {"r1": R1(3.0)}}):
        gan = make_gan(**changes)
        fit(gan)
        ends.append(torch.cat([p.detach().flatten() for p in gan.generator.parameters()]))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (ends[one] - ends[other]).abs().max() > 1e-4


class Outputs(Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
        self.seen.append((module.steps, module.images_seen, outputs))


def test_counters_and_outputs(make_gan, fit):
    gan, outputs = make_gan(), Outputs()
    fit(gan, num_batches=3, batch_size=8, callbacks=[outputs])
    assert [entry[:2] for entry in outputs.seen] == [(1, 8), (2, 16), (3, 24)]
    assert gan.batch_images == 8
    for _, _, values in outputs.seen:
        assert list(values) == ["discriminator_loss", "logits_real", "logits_fake", "generator_loss"]
        assert not any(value.requires_grad for value in values.values())
        assert values["logits_real"].shape == values["logits_fake"].shape == (8,)


def test_reported_losses_are_those_of_the_game_without_penalties(make_gan, fit):
    class Costly(Trick):
        def discriminator_penalty(self, step):
            return 1e6

        def generator_penalty(self, step):
            return 1e6

    outputs = Outputs()
    fit(make_gan(tricks={"costly": Costly()}), num_batches=1, callbacks=[outputs])
    assert outputs.seen[0][2]["discriminator_loss"] < 10
    assert outputs.seen[0][2]["generator_loss"] < 10


def test_counters_are_in_the_checkpoint(make_gan, fit, tmp_path):
    gan = make_gan()
    fit(gan).save_checkpoint(tmp_path / "some.ckpt")
    checkpoint = torch.load(tmp_path / "some.ckpt", weights_only=True)
    again = make_gan(seed=1)
    again.on_load_checkpoint(checkpoint)
    assert (again.steps, again.images_seen) == (2, 16)


def enlivened(gan):
    """With larger weights, so that images differ from one another."""
    for name, weight in gan.named_parameters():
        if not name.startswith("discriminator"):
            weight.data.mul_(20)
    return gan


@pytest.mark.parametrize("tricks", [{}, {"ema": EMA}])
def test_sampling_leaves_no_trace(make_gan, fit, tricks):
    gan = make_gan(tricks={name: trick() for name, trick in tricks.items()})
    fit(gan)
    enlivened(gan)
    weights, random = deepcopy(gan.state_dict()), torch.get_rng_state()
    first = gan.sample(7, seed=3)
    assert first.shape == (7, 1, 8, 8)
    assert first.dtype == torch.uint8
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(weights[name], tensor) for name, tensor in gan.state_dict().items())
    assert torch.equal(first, gan.sample(7, seed=3))
    assert not torch.equal(first, gan.sample(7, seed=4))
    torch.manual_seed(99)
    assert torch.equal(first, gan.sample(7, seed=3))
    for mode in (True, False):
        gan.train(mode)
        gan.sample(7, seed=3)
        assert {module.training for module in gan.modules()} == {mode}


def test_samples_do_not_depend_on_chunks(make_gan, fit):
    """Batch normalisation must use its running statistics."""
    gan = make_gan()
    fit(gan)
    whole = enlivened(gan).sample(10, seed=0).int()
    assert (whole - gan.sample(10, seed=0, chunk=3)).abs().max() <= 1  # rounding alone
    assert whole.float().std(0).max() > 5


def test_samples_are_uint8_of_the_generators_output(make_gan):
    gan = enlivened(make_gan())
    images = gan.sample(5, seed=9)
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        floats = gan.generator.eval()(z)
    assert torch.equal(images, ((floats + 1) * 127.5).round().to(torch.uint8))


@pytest.mark.parametrize("norm", ["none", "layer", "group"])
def test_input_gradients_with_other_norms(make_gan, norm):
    gan = make_gan(discriminator=partial(Discriminator, width=4, norm=norm), tricks={"r1": R1()})
    assert gan.needs_input_gradients
    assert not make_gan().needs_input_gradients


def test_batch_norm_with_input_gradients_is_refused(make_gan):
    batch_norm = partial(Discriminator, width=4, norm="batch")
    with pytest.raises(ValueError, match=r"gan\.tricks=r1 .* choose gan\.discriminator\.norm=none, layer or group"):
        make_gan(discriminator=batch_norm, tricks={"r1": R1()})
    make_gan(discriminator=batch_norm, tricks={"ema": EMA()})


@pytest.mark.parametrize("loss", [{}, {"standard": Standard(), "feature_matching": FeatureMatching()}])
def test_exactly_one_loss(make_gan, loss):
    with pytest.raises(ValueError, match=r"gan\.loss=\[.*\]: a GAN has exactly one loss"):
        make_gan(loss=loss)


@pytest.mark.parametrize(("loss", "passes"), [("standard", 3), ("feature_matching", 4)])
def test_forward_passes_of_the_discriminator(make_gan, fit, loss, passes):
    """Real and fake for the discriminator, fake for the generator, and real again only for feature matching."""
    gan = make_gan(loss={loss: LOSSES[loss]()})
    calls = []
    gan.discriminator.register_forward_hook(lambda *_: calls.append(1))
    fit(gan, num_batches=1)
    assert len(calls) == passes


@pytest.mark.parametrize("channels", [2, 3])
def test_stacked_images_train(make_gan, fit, spec, channels):
    gan = make_gan(spec=replace(spec, shape=(channels, 8, 8)))
    fit(gan)
    assert gan.sample(3, seed=0).shape == (3, channels, 8, 8)


def test_two_levels_are_drawn_and_the_gradient_passes_straight_through(make_gan, spec):
    gan = make_gan(spec=replace(spec, levels=1))
    z = gan.noise(6)
    images, shades = gan.generate(z), gan.generator(z)
    assert set(images.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(images > 0, shades > 0)
    (through,) = torch.autograd.grad(images.square().sum() / 2, gan.generator.upsample[-2].bias)
    straight = (images.detach() * (1 - shades.square())).sum()  # as if the shades were the images: tanh' = 1 − tanh²
    torch.testing.assert_close(through.sum(), straight, atol=1e-3, rtol=1e-4)
    assert gan.spec.to_stored(images).unique().tolist() == [0, 1]


def test_shades_stay_shades(make_gan):
    gan = make_gan()
    z = gan.noise(6)
    torch.manual_seed(0)
    assert gan.generate(z).unique().numel() > 100
