from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from src.gan.interfaces import GeneratorNetwork
from src.gan.tricks import R1, DiffAugment, Presgan, TopK

SIGMA, BATCH = 0.5, 50_000


class LinearGenerator(GeneratorNetwork):
    """G(z) = A z, 3 pixels from 2 dimensions."""

    def __init__(self, shape):
        super().__init__()
        self.z, self.shape = 2, shape
        self.matrix_KZ = nn.Parameter(torch.tensor([[1.0, 0.2], [-0.4, 0.8], [0.3, 0.5]]))

    def forward(self, z_BZ):
        return (z_BZ @ self.matrix_KZ.T).unflatten(1, self.shape)


@pytest.fixture
def update(make_gan, make_step, spec):
    """A linear GAN and the generator's side of a step on many images."""

    def make(**options):
        trick = Presgan(sigma=SIGMA, largest=1.0, step_size=0.5, **options)
        gan = make_gan(
            spec=replace(spec, shape=(1, 1, 3)),
            generator=LinearGenerator,
            discriminator=lambda shape: nn.Sequential(nn.Flatten(), nn.Linear(3, 1)),
            tricks={"presgan": trick},
        )
        torch.manual_seed(1)
        z_BZ = torch.randn(BATCH, 2)
        images_BCHW = gan.generate(z_BZ)
        return gan, trick, make_step(torch.zeros(4, 1, 1, 3), images_BCHW, z_BZ=z_BZ, gan=gan)

    return make


def test_the_posterior_mean_of_a_linear_generator(update):
    """E[A z | x] = A Aᵀ (A Aᵀ + σ² I)⁻¹ x."""
    gan, trick, step = update(burn_in=5, samples=60)
    noisy = trick.noisy_BCHW.detach()[:200]
    step = replace(step, fake=step.fake.keep(torch.arange(200)))
    found = trick.posterior_mean(step, noisy).flatten(1).double().numpy()
    matrix = gan.generator.matrix_KZ.detach().double().numpy()
    gain = matrix @ matrix.T @ np.linalg.inv(matrix @ matrix.T + SIGMA**2 * np.eye(3))
    error = found - noisy.flatten(1).double().numpy() @ gain.T
    posterior = np.trace(gain) * SIGMA**2  # the sum of the posterior variances of the pixels
    assert (error**2).sum(1).mean() < posterior / 10, "of 60 correlated samples"
    assert abs(error.mean()) < 0.02
    assert 0.5 < trick.accepted.item() <= 1


def test_the_gradient_is_that_of_the_entropy(update):
    """H = ½ ln det(A Aᵀ + σ² I) + …, so dH/dA = (A Aᵀ + σ² I)⁻¹ A and dH/dσ = σ (A Aᵀ + σ² I)⁻¹ for each pixel."""
    gan, trick, step = update(weight=0.7, burn_in=5, samples=8)
    trick.generator_penalty(step).backward()
    matrix = gan.generator.matrix_KZ.detach().double().numpy()
    inverse = np.linalg.inv(matrix @ matrix.T + SIGMA**2 * np.eye(3))
    np.testing.assert_allclose(gan.generator.matrix_KZ.grad, -0.7 * inverse @ matrix, atol=0.03)
    by_raw = 1 - np.exp(-SIGMA)  # dσ/d(softplus⁻¹ σ)
    np.testing.assert_allclose(trick.raw_sigma_HW.grad[0], -0.7 * SIGMA * inverse.diagonal() * by_raw, atol=0.03)


def test_without_leapfrog_steps_worth_the_name_it_would_not_be(update):
    """A chain that stays where it starts takes all the noise for entropy: the test above can fail."""
    _, trick, step = update(weight=0.7)
    trick.step_size.fill_(1e-6)
    trick.generator_penalty(step).backward()
    by_raw = 1 - np.exp(-SIGMA)
    np.testing.assert_allclose(trick.raw_sigma_HW.grad[0], [-0.7 / SIGMA * by_raw] * 3, atol=0.03)


def test_noise_is_learnt_from_the_generators_update_alone(make_gan, make_step):
    gan = make_gan(tricks={"presgan": Presgan(), "r1": R1()})
    trick = gan.tricks["presgan"]
    step = make_step(torch.zeros(4, 1, 8, 8, requires_grad=True), torch.zeros(4, 1, 8, 8, requires_grad=True), gan=gan)
    (gan.loss.discriminator(step) + gan.tricks["r1"].discriminator_penalty(step)).backward()
    assert trick.raw_sigma_HW.grad is None
    assert trick.noisy_BCHW is None
    gan.discriminate(gan.generate(gan.noise(4))).logits_B.sum().backward()
    assert trick.raw_sigma_HW.grad.abs().sum() > 0


def test_all_images_get_the_noise():
    torch.manual_seed(0)
    trick = Presgan(sigma=0.2)
    trick.raw_sigma_HW = nn.Parameter(torch.full((40, 40), float(np.log(np.expm1(0.2)))))
    noisy = trick.transform(torch.full((8, 1, 40, 40), 0.5))
    assert noisy.std().item() == pytest.approx(0.2, rel=0.03)
    assert noisy.mean().item() == pytest.approx(0.5, abs=0.01)


def test_training_keeps_sigma_in_its_bounds_and_statistics_where_they_are(make_gan, fit):
    """Running statistics are those of a run without the chains; samples carry no noise."""
    counts = []
    for tricks in ({}, {"presgan": Presgan(sigma=0.02, smallest=0.02, largest=0.0201)}):
        gan = make_gan(tricks=tricks)
        passes = []
        gan.generator.register_forward_hook(lambda *_, passes=passes: passes.append(1))
        fit(gan, num_batches=3)
        counts.append(len(passes))
    assert counts == [6, 6 + 3 * 21]
    sigma = gan.tricks["presgan"].sigma_HW
    assert 0.02 - 1e-6 <= sigma.min() <= sigma.max() <= 0.0201 + 1e-6
    assert gan.tricks["presgan"].evaluated_generator(gan.generator) is gan.generator
    momenta = {layer.momentum for layer in gan.generator.modules() if isinstance(layer, nn.BatchNorm2d)}
    assert momenta == {0.1}


def test_chains_leave_running_statistics_alone(make_gan, make_step):
    gan = make_gan(tricks={"presgan": Presgan()})
    z_BZ = gan.noise(8)
    step = make_step(torch.zeros(8, 1, 8, 8), gan.generate(z_BZ), z_BZ=z_BZ, gan=gan)
    before = {name: buffer.clone() for name, buffer in gan.generator.named_buffers() if "running" in name}
    gan.tricks["presgan"].generator_penalty(step)
    assert before
    assert all(torch.equal(buffer, before[name]) for name, buffer in gan.generator.named_buffers() if name in before)


def test_what_does_not_go_with_it(make_gan, spec):
    with pytest.raises(ValueError, match="has two levels"):
        make_gan(spec=replace(spec, levels=1), tricks={"presgan": Presgan()})
    with pytest.raises(ValueError, match="name presgan before diff_augment"):
        make_gan(tricks={"diff_augment": DiffAugment(), "presgan": Presgan()})
    make_gan(tricks={"presgan": Presgan(), "diff_augment": DiffAugment()})
    for names in (["presgan", "top_k"], ["top_k", "presgan"]):
        tricks = {"presgan": Presgan(), "top_k": TopK()}
        with pytest.raises(ValueError, match="but top_k drops some"):
            make_gan(tricks={name: tricks[name] for name in names})


@pytest.mark.parametrize(
    ("option", "value"),
    [("burn_in", 0), ("samples", 0), ("leapfrog", 0), ("smallest", 0), ("step_size", 0), ("sigma", 1)],
)
def test_options_are_checked(option, value):
    with pytest.raises(ValueError, match=rf"gan\.tricks\.presgan\.{option}={value}: choose"):
        Presgan(**{option: value})
