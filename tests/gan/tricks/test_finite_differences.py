from functools import partial

import pytest
import torch
from torch import nn

from src.gan.conditional import Concat
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import R1, R2, BurnIn, DiffAugment, InstanceNoise, MinibatchStddev, Packing, R1Approx, R2Approx

both = pytest.mark.parametrize("approximate", [R1Approx, R2Approx])


@pytest.fixture
def penalty(make_gan, make_step):
    """Of these images, real ones or generated ones; the other kind are zeros."""

    def term(trick, discriminator, images):
        gan = make_gan()
        gan.discriminator.forward = lambda inputs: (discriminator(inputs), inputs.flatten(1))
        kinds = [images, torch.zeros_like(images)]
        step = make_step(*(kinds if isinstance(trick, R1 | R1Approx) else kinds[::-1]), gan=gan)
        return trick.discriminator_penalty(step)

    return term


def fixed_noise(monkeypatch, noise):
    monkeypatch.setattr(torch, "randn_like", lambda images: noise[: len(images)])


@both
def test_a_quadratic_discriminator_by_hand(penalty, monkeypatch, approximate):
    """D(x) = x²: (2 x n + ε n²)² for each image, here (2 · 3 · 1 + 0.5)² and (2 · 1 · 2 + 0.5 · 4)²."""
    images, noise = torch.tensor([3.0, 1.0]).view(2, 1, 1, 1), torch.tensor([1.0, 2.0]).view(2, 1, 1, 1)
    fixed_noise(monkeypatch, noise)
    term = penalty(approximate(0.7, epsilon=0.5, share=1.0), lambda x: x.square().sum((1, 2, 3)), images)
    assert term.item() == pytest.approx(0.7 * (6.5**2 + 6.0**2) / 2)


@both
def test_its_gradient_tends_to_that_of_the_exact_penalty(penalty, monkeypatch, approximate):
    """With γ = 2 w, along noise whose mean n nᵀ is exactly I: √d times every unit vector, for every image alike."""
    torch.manual_seed(0)
    exact = (R1 if approximate is R1Approx else R2)(gamma=1.4)
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 1), nn.Flatten(0))
    images = torch.randn(4, 1, 2, 3).repeat_interleave(6, 0)
    fixed_noise(monkeypatch, 6**0.5 * torch.eye(6).view(6, 1, 2, 3).repeat(4, 1, 1, 1))

    def gradient(trick):
        network.zero_grad()
        penalty(trick, network, images.clone().requires_grad_()).backward()
        *weights, _ = network.parameters()  # the last bias moves no slope
        return torch.cat([weight.grad.flatten() for weight in weights])

    expected = gradient(exact)
    errors = [
        (gradient(approximate(0.7, epsilon, 1.0)) - expected).norm().item() / expected.norm().item()
        for epsilon in (0.2, 0.02, 0.002)
    ]
    assert errors[0] > 5 * errors[1]
    assert errors[1] > 5 * errors[2]
    assert errors[2] < 2e-3


@both
def test_the_mean_over_the_noise_is_the_exact_penalty(penalty, approximate):
    """D(x) = w·x: E(w·n)² = |w|², with twenty thousand draws."""
    torch.manual_seed(0)
    slopes = torch.arange(6.0)
    term = penalty(approximate(0.25, 0.01, 1.0), lambda x: x.flatten(1) @ slopes, torch.zeros(20_000, 1, 2, 3))
    assert term.item() == pytest.approx(0.25 * 55, rel=0.05)


@pytest.mark.parametrize(("share", "expected"), [(0.25, 4), (1.0, 16), (0.01, 1)])
@both
def test_a_share_of_the_batch_passes_in_one_batch_with_its_neighbours(penalty, approximate, share, expected):
    seen = []

    def counting(images):
        seen.append(len(images))
        return images.sum((1, 2, 3))

    penalty(approximate(share=share), counting, torch.randn(16, 1, 2, 2))
    assert seen[-1] == 2 * expected


@both
def test_rounding_to_bf16_does_not_reach_it(make_gan, make_step, approximate):
    gan = make_gan()
    step = make_step(torch.rand(16, 1, 8, 8), torch.rand(16, 1, 8, 8), gan=gan)
    terms = []
    for enabled in (False, True):
        torch.manual_seed(0)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            terms.append(approximate().discriminator_penalty(step).item())
    assert terms[0] == terms[1] > 0


@both
def test_it_is_a_term_of_the_discriminator_alone_and_counts_as_one_pass(make_gan, fit, approximate):
    plain, approximated = make_gan(), make_gan(tricks={approximate.name: approximate()})
    for gan in (plain, approximated):
        fit(gan, num_batches=2)
    assert approximated.discriminator_passes - plain.discriminator_passes == 2
    assert not approximated.needs_input_gradients


@both
def test_labels_belong_to_their_images(make_gan, fit, approximate):
    gan = make_gan(tricks={approximate.name: approximate(share=0.5)}, conditional=Concat(embedding=4))
    fit(gan, num_batches=2)
    assert all(tensor.isfinite().all() for tensor in gan.state_dict().values())


@pytest.mark.parametrize("other", [DiffAugment(), InstanceNoise(), Packing(), MinibatchStddev()])
@both
def test_what_moves_logits_beside_the_image_is_refused(make_gan, approximate, other):
    exact = approximate.name.removesuffix("_approx")
    with pytest.raises(
        ValueError, match=rf"gan\.tricks={approximate.name} compares .* gan\.tricks=other .* or {exact}$"
    ):
        make_gan(tricks={"other": other, approximate.name: approximate()})


@pytest.mark.parametrize(
    ("options", "way_out"), [({"norm": "batch"}, "norm=none, layer"), ({"dropout": 0.5}, "dropout=0")]
)
@both
def test_layers_that_move_logits_are_refused(make_gan, approximate, options, way_out):
    with pytest.raises(
        ValueError, match=rf"gan\.tricks={approximate.name} compares .* choose gan\.discriminator\.{way_out}"
    ):
        make_gan(tricks={approximate.name: approximate()}, discriminator=partial(Discriminator, width=4, **options))


def test_burn_in_moves_the_weight(make_gan, fit):
    tricks = {"r1_approx": R1Approx(0.5), "r2": R2(2.0), "burn_in": BurnIn(share=0.5, gamma=0.1)}
    gan = make_gan(tricks=tricks)
    fit(gan, num_batches=8)
    assert gan.tricks["r1_approx"].weight.item() == pytest.approx(0.05)
    assert gan.tricks["r2"].gamma.item() == pytest.approx(0.2)
    assert gan.tricks["burn_in"].values["r1_approx_weight"] == pytest.approx(0.05)


@pytest.mark.parametrize(("option", "value"), [("epsilon", 0), ("share", 0), ("share", 1.5)])
def test_options_are_checked(option, value):
    with pytest.raises(ValueError, match=rf"gan\.tricks\.r1_approx\.{option}={value}: choose"):
        R1Approx(**{option: value})
