"""Update rules in real GANs: gradients, counters, and what is refused."""

from copy import deepcopy
from functools import partial

import pytest
import torch
from torch.nn.functional import softplus

from src.data.loader import ResidentLoader
from src.gan.losses import FeatureMatching
from src.gan.networks.dcgan import Generator
from src.gan.tricks import (
    R1,
    VEEGAN,
    AdaptiveAugment,
    Dragan,
    MinibatchDiscrimination,
    NCritic,
    Unrolled,
    WeightClipping,
)
from src.gan.updates import Alternating, Consensus, Extragradient, Lookahead, Simultaneous
from src.training.callbacks.randomness import noise_stream
from tests.gan.test_golden import LATENTS, LinearGenerator, TanhDiscriminator

RULES = {
    "alternating": Alternating,
    "lookahead": Lookahead,
    "extragradient": Extragradient,
    "consensus": Consensus,
    "simultaneous": Simultaneous,
}


def test_the_default_is_alternating(make_gan, fit):
    plain, named = make_gan(), make_gan(update={"alternating": Alternating()})
    for gan in (plain, named):
        fit(gan, num_batches=3)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(named.state_dict()[name], tensor), name


@pytest.mark.parametrize("update", [{"lookahead": Lookahead(), "consensus": Consensus()}])
def test_exactly_one_rule(make_gan, update):
    with pytest.raises(ValueError, match=r"gan\.update=\[.*\]: a GAN has exactly one update"):
        make_gan(update=update)


def test_consensus_follows_the_numerical_gradient(make_gan, fit):
    """The change of each weight is −η (v + γ ∇½‖v‖²), with ∇ from central differences of a plain formula."""
    rate, weight = 0.1, 3.0
    descent = partial(torch.optim.SGD, lr=rate)
    gan = make_gan(
        generator=LinearGenerator,
        discriminator=TanhDiscriminator,
        update={"consensus": Consensus(weight)},
        generator_optimizer=descent,
        discriminator_optimizer=descent,
    )
    images = torch.randint(0, 256, (64, 8, 8), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    before = [gan.generator.matrix_KZ.detach().double(), gan.discriminator.weight_K.detach().double()]
    fit(gan, num_batches=1, images=images)
    torch.manual_seed(999)  # as in `fit`
    z_BZ = torch.randn(2, 8, LATENTS, generator=noise_stream("cpu", 0))[0].double()
    (batch,) = ResidentLoader(images, 8, 1, seed=0)
    real_BK = batch.flatten(1).double() / 127.5 - 1

    def field(matrix_KZ, weight_K):
        matrix_KZ, weight_K = matrix_KZ.requires_grad_(), weight_K.requires_grad_()
        real_B, fake_B = real_BK.tanh() @ weight_K, (z_BZ @ matrix_KZ.T).tanh() @ weight_K
        (generator,) = torch.autograd.grad(softplus(-fake_B).mean(), matrix_KZ, retain_graph=True)
        (critic,) = torch.autograd.grad(softplus(-real_B).mean() + softplus(fake_B).mean(), weight_K)
        return generator, critic

    def energy(weights):
        return sum(part.square().sum() for part in field(*(each.clone() for each in weights))) / 2

    now = [gan.generator.matrix_KZ.detach().double(), gan.discriminator.weight_K.detach().double()]
    v = field(*(each.clone() for each in before))
    for player in range(2):
        for index in range(0, before[player].numel(), 13):
            low, high = deepcopy(before), deepcopy(before)
            low[player].view(-1)[index] -= 1e-4
            high[player].view(-1)[index] += 1e-4
            slope = (energy(high) - energy(low)) / 2e-4
            expected = before[player].view(-1)[index] - rate * (v[player].view(-1)[index] + weight * slope)
            assert now[player].view(-1)[index].item() == pytest.approx(expected.item(), abs=2e-6)


@pytest.mark.parametrize("rule", ["extragradient", "consensus", "simultaneous"])
def test_both_gradients_are_taken_before_either_network_moves(make_gan, fit, toy_images, rule):
    """And each reaches its own network alone, the weights that a trick adds among them."""
    veegan = VEEGAN(make_gan().discriminator.__class__, planes=1)
    gan = make_gan(update={rule: RULES[rule]()}, tricks={"veegan": veegan})
    fit(gan, num_batches=2)
    own = gan.trained_parameters()
    weights = [weight.detach().clone() for weight in (*own[0], *own[1])]
    reached = []

    def note(optimizer):
        """In place of the optimizer's step."""
        reached.append([weight.grad.abs().sum() > 0 for group in optimizer.param_groups for weight in group["params"]])
        assert all(map(torch.equal, weights, (*own[0], *own[1])))

    gan.step(toy_images[:8, None], *gan.training_noise(8), step_optimizer=note)
    assert list(map(len, reached)) == [len(own[1]), len(own[0])]
    assert sum(map(sum, reached)) > 0.9 * len(weights), "biases before a normalisation get none"


def test_lookahead_keeps_running_statistics_and_moments(make_gan, fit):
    """The slow generator's statistics are averaged as its weights are, the fast one's go on."""
    gan = make_gan(update={"lookahead": Lookahead(3, 0.5)}, generator=partial(Generator, z=4, width=4, norm="batch"))
    plain = make_gan(generator=partial(Generator, z=4, width=4, norm="batch"))
    start = {name: tensor.clone() for name, tensor in gan.generator.state_dict().items()}
    for each in (gan, plain):
        fit(each, num_batches=3)
    for name, fast in plain.generator.state_dict().items():
        if fast.is_floating_point():
            slow, kept = gan.update_rule.slow.generator.state_dict()[name], gan.generator.state_dict()[name]
            torch.testing.assert_close(slow, (start[name] + fast) / 2)
            torch.testing.assert_close(kept, fast if "running" in name else slow)


@pytest.mark.parametrize(
    ("rule", "trick", "expected"),
    [
        ("extragradient", NCritic(), "updates the discriminator more often"),
        ("simultaneous", NCritic(), "updates the discriminator more often"),
        ("consensus", NCritic(), "updates the discriminator more often"),
        ("extragradient", Unrolled(), "against another discriminator"),
        ("consensus", R1(), "one already"),
        ("consensus", Dragan(), "one already"),
    ],
)
def test_what_does_not_fit_is_refused(make_gan, rule, trick, expected):
    with pytest.raises(ValueError, match=rf"gan\.update={rule} .*gan\.tricks=trick.* {expected}.*choose one of them"):
        make_gan(update={rule: RULES[rule]()}, tricks={"trick": trick})


def test_penalties_fit_the_others(make_gan, fit):
    for rule in ("lookahead", "extragradient", "simultaneous"):
        gan = make_gan(update={rule: RULES[rule]()}, tricks={"r1": R1(), "clipping": WeightClipping()})
        fit(gan, num_batches=4)
        assert all(tensor.isfinite().all() for tensor in gan.state_dict().values())
        assert max(weight.abs().max() for weight in gan.discriminator.parameters()) <= 0.01 * (1 + 1e-6)


def test_several_devices_have_no_common_field(make_gan, fit, monkeypatch):
    gan = make_gan(update={"consensus": Consensus()})
    monkeypatch.setattr(type(gan), "world_size", 2)
    with pytest.raises(ValueError, match=r"gan\.update=consensus.*trainer\.devices=1"):
        gan.update_rule.before_step(gan)


@pytest.mark.parametrize(
    ("options", "key", "value"),
    [
        ({"k": 0}, "k", "0"),
        ({"k": 2.5}, "k", "2.5"),
        ({"alpha": 0.0}, "alpha", "0.0"),
        ({"alpha": 1.5}, "alpha", "1.5"),
    ],
)
def test_impossible_options_of_lookahead(options, key, value):
    with pytest.raises(ValueError, match=rf"gan\.update\.lookahead\.{key}={value}: choose"):
        Lookahead(**options)


def test_consensus_is_not_compiled(make_gan):
    with pytest.raises(ValueError, match=r"differentiated twice, as gan\.update=consensus does"):
        make_gan(update={"consensus": Consensus()}).compile_networks()


def test_extrapolation_from_the_past_counts_a_batch_once(make_gan, fit):
    """Both its steps follow one gradient; ADA's strength follows each batch as under any rule."""
    grown = []
    for rule in (Simultaneous(), Extragradient(past=True)):
        trick = AdaptiveAugment(ramp=1000, target=-0.99)
        fit(make_gan(update={"rule": rule}, tricks={"ada": trick}), num_batches=8)
        grown.append(trick.probability.item())
    assert grown[0] > 0
    assert grown[1] == pytest.approx(grown[0], rel=0.5)


def test_generated_images_do_not_initialise_a_discriminator(make_gan):
    tricks = {"kernels": MinibatchDiscrimination()}
    with pytest.raises(ValueError, match=r"gan\.tricks=kernels would be initialised: choose gan\.update=alternating"):
        make_gan(update={"simultaneous": Simultaneous()}, tricks=tricks)
    make_gan(update={"simultaneous": Simultaneous()}, tricks=tricks, loss={"features": FeatureMatching()})
