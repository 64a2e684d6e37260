"""Against numbers from the papers' formulas, computed in NumPy with derivatives by hand.

B batch, K pixels, Z latent dims.
"""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from src.data.loader import ResidentLoader
from src.gan.interfaces import DiscriminatorNetwork, GeneratorNetwork
from src.gan.losses import Relativistic
from src.gan.tricks import R1, R2, AdaptiveAugment, Lecam
from src.training.callbacks.randomness import noise_stream

PIXELS, LATENTS, RATE, GAMMA = (2, 3), 4, 0.5, 0.7


class LinearGenerator(GeneratorNetwork):
    """G(z) = A z."""

    z = LATENTS

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.matrix_KZ = nn.Parameter(0.3 * torch.randn(int(np.prod(shape)), LATENTS))

    def forward(self, z_BZ):
        return (z_BZ @ self.matrix_KZ.T).unflatten(1, self.shape)


class TanhDiscriminator(DiscriminatorNetwork):
    """D(x) = Σ_k w_k tanh(x_k)."""

    def __init__(self, shape):
        super().__init__()
        self.weight_K = nn.Parameter(torch.randn(int(np.prod(shape))))

    def forward(self, images_BCHW):
        features_BK = images_BCHW.flatten(1).tanh()
        return features_BK @ self.weight_K, features_BK


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_one_step_of_r3gan(make_gan, fit, spec):
    """Huang et al. 2024, arXiv:2501.05441, section 2: RpGAN with R1 and R2, both networks by gradient descent.

    Discriminator: E softplus(D(G(z)) − D(x)) + γ/2 E‖∇D(x)‖² + γ/2 E‖∇D(G(z))‖²; ∂D/∂x_k = w_k (1 − tanh² x_k), so the
    penalties have the derivatives γ w_k E(1 − tanh² x_k)². Generator: E softplus(D(x) − D(G(z))).
    """
    spec = replace(spec, shape=(1, *PIXELS))
    descent = partial(torch.optim.SGD, lr=RATE)
    gan = make_gan(
        spec=spec,
        generator=LinearGenerator,
        discriminator=TanhDiscriminator,
        loss={"relativistic": Relativistic()},
        tricks={"r1": R1(GAMMA), "r2": R2(GAMMA)},
        generator_optimizer=descent,
        discriminator_optimizer=descent,
    )
    images = torch.randint(0, 256, (64, *PIXELS), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    matrix_KZ = gan.generator.matrix_KZ.detach().double().numpy().copy()
    weight_K = gan.discriminator.weight_K.detach().double().numpy().copy()
    fit(gan, num_batches=1, images=images)
    torch.manual_seed(999)  # as in `fit`
    z_discriminator_BZ, z_generator_BZ = torch.randn(2, 8, LATENTS, generator=noise_stream("cpu", 0)).double().numpy()
    (batch,) = ResidentLoader(images, 8, 1, seed=0)
    real_BK = batch.flatten(1).double().numpy() / 127.5 - 1

    fake_BK = z_discriminator_BZ @ matrix_KZ.T
    gap_BK = np.tanh(fake_BK) - np.tanh(real_BK)
    gradient_K = (sigmoid(gap_BK @ weight_K)[:, None] * gap_BK).mean(0)
    for images_BK in (real_BK, fake_BK):
        gradient_K += GAMMA * weight_K * ((1 - np.tanh(images_BK) ** 2) ** 2).mean(0)
    weight_K -= RATE * gradient_K
    fake_BK = z_generator_BZ @ matrix_KZ.T
    gap_BK = np.tanh(real_BK) - np.tanh(fake_BK)
    slope_BK = -sigmoid(gap_BK @ weight_K)[:, None] * weight_K * (1 - np.tanh(fake_BK) ** 2)
    matrix_KZ -= RATE * slope_BK.T @ z_generator_BZ / len(real_BK)

    np.testing.assert_allclose(gan.discriminator.weight_K.detach(), weight_K, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gan.generator.matrix_KZ.detach(), matrix_KZ, rtol=1e-4, atol=1e-6)


def test_forty_steps_of_lecam():
    """Tseng et al. 2021, arXiv:2104.03310, eqs. 4 and 5: E(D(x) − α_F)² + E(D(G(z)) − α_R)², α moving averages.

    Real logits lie above α_F and fake ones below α_R here, where the one-sided penalty of the authors' code is the
    paper's.
    """
    random, decay, weight, warm_up = np.random.default_rng(0), 0.9, 0.3, 5
    lecam = Lecam(weight=weight, decay=decay, warm_up=warm_up)
    real_average = fake_average = 0.0
    for number in range(40):
        real_B, fake_B = random.normal(5, 0.5, 16), random.normal(-5, 0.5, 16)
        sides = (SimpleNamespace(logits_B=torch.tensor(side)) for side in (real_B, fake_B))
        step = SimpleNamespace(**dict(zip(("real", "fake"), sides, strict=True)))
        lecam.before_step(SimpleNamespace(steps=number))
        penalty = float(lecam.discriminator_penalty(step))
        expected = weight * (((real_B - fake_average) ** 2).mean() + ((fake_B - real_average) ** 2).mean())
        assert penalty == pytest.approx(expected if number >= warm_up else 0, rel=1e-5)
        lecam.after_discriminator(None, step)
        share = 1 - decay if number >= warm_up else 1
        real_average += share * (real_B.mean() - real_average)
        fake_average += share * (fake_B.mean() - fake_average)
    assert lecam.real_average.item() == pytest.approx(real_average, rel=1e-5)
    assert lecam.fake_average.item() == pytest.approx(fake_average, rel=1e-5)


def test_two_thousand_updates_of_ada():
    """Karras et al. 2020, arXiv:2006.06676: every 4 minibatches p moves by 4 B / 500,000 towards r = 0.6."""
    random, batch_size = np.random.default_rng(0), 64
    ada, p, signs, path = AdaptiveAugment(), 0.0, [], []
    for number in range(2000):
        logits_B = random.normal(2.0 if number < 1200 else 0.2, 1.0, batch_size).astype(np.float32)
        step = SimpleNamespace(real=SimpleNamespace(logits_B=torch.tensor(logits_B), images_BCHW=logits_B))
        gan = SimpleNamespace(steps=number, world_size=1)
        ada.before_step(gan)
        ada.after_discriminator(gan, step)
        signs.append(float(np.sign(logits_B).mean()))
        if len(signs) == 4:
            p = min(max(p + np.sign(np.mean(signs) - 0.6) * 4 * batch_size / 500_000, 0), 1)
            signs = []
        path.append(p)
        assert ada.probability.item() == pytest.approx(p, abs=1e-5)
    assert path[1199] == pytest.approx(300 * 256 / 500_000), "r is near 0.95"
    assert path[-1] == pytest.approx(100 * 256 / 500_000), "then near 0.16"
