import numpy as np
import pytest
import torch

from src.gan.losses import Relativistic
from src.gan.tricks import DiffusionGAN
from tests.gan.tricks.test_adaptive_augment import updates


def at(num_steps, **options):
    """With T at this number of steps."""
    trick = DiffusionGAN(**options)
    trick.probability.fill_((num_steps - trick.shortest) / (trick.longest - trick.shortest))
    assert trick.num_steps == num_steps
    return trick


@pytest.mark.parametrize("num_steps", [10, 137, 1000])
def test_what_is_left_of_an_image_at_each_step(num_steps):
    """ᾱ_t = Π (1 − β_s), with β from 1e-4 to 0.02 in T steps."""
    kept = [1.0]
    for beta in np.linspace(1e-4, 0.02, num_steps):
        kept.append(kept[-1] * (1 - beta))
    np.testing.assert_allclose(at(num_steps).kept()[: num_steps + 1], kept, rtol=1e-4)


def test_steps_are_drawn_with_the_papers_probabilities():
    """Half of them are 0, the others t with t / 55 for T = 10."""
    torch.manual_seed(0)
    found = at(10).draw(200_000).bincount(minlength=11) / 200_000
    expected = torch.tensor([0.5, *(t / 110 for t in range(1, 11))])
    torch.testing.assert_close(found, expected, atol=4e-3, rtol=0)


def test_steps_stay_within_the_diffusion():
    steps = at(1000).draw(100_000)
    assert steps.min() == 0
    assert 990 < steps.max() <= 1000


def test_images_at_a_step(monkeypatch):
    """√ᾱ of the image, noise of variance (1 − ᾱ) σ²; the gradient passes through."""
    trick = at(1000, sigma=0.5)
    monkeypatch.setattr(trick, "draw", lambda num: torch.tensor([0, 300, 1000]))
    torch.manual_seed(0)
    images = torch.full((3, 1, 200, 200), 0.8, requires_grad=True)
    noisy = trick.transform(images)
    kept = np.cumprod([1.0, *(1 - np.linspace(1e-4, 0.02, 1000))])[[0, 300, 1000]]
    np.testing.assert_allclose(noisy.detach().mean((1, 2, 3)), 0.8 * kept**0.5, atol=8e-3)
    np.testing.assert_allclose(noisy.detach().std((1, 2, 3)), 0.5 * (1 - kept) ** 0.5, atol=8e-3)
    assert torch.equal(noisy[0], images[0])
    noisy.sum().backward()
    np.testing.assert_allclose(images.grad[:, 0, 0, 0], kept**0.5, rtol=1e-3)


def test_it_grows_with_overfitting_at_the_papers_speed():
    """Batches of 10, adjusted every 4 updates: 40 of 100,000 images each, and T = 10 + p · 990."""
    trick = DiffusionGAN()
    assert updates(trick, [1.0] * 12)[-1] == pytest.approx(120 / 100_000)
    trick = DiffusionGAN(ramp=400)
    assert trick.num_steps == 10
    updates(trick, [1.0] * 8)
    assert trick.num_steps == 10 + round(0.2 * 990)
    updates(trick, [0.0] * 40)
    assert trick.num_steps == 10, "a chance level of overfitting ends it"


def test_a_run_reports_its_length(make_gan, fit):
    gan = make_gan(tricks={"diffusion_gan": DiffusionGAN(target=-0.999, ramp=100)})
    fit(gan, num_batches=8)
    assert gan.tricks["diffusion_gan"].logs()["diffusion_steps"].item() > 10


def test_a_loss_must_have_a_threshold_at_zero(make_gan):
    with pytest.raises(ValueError, match=r"gan\.tricks=diffusion_gan measures .* or gan\.tricks=\[instance_noise\]"):
        make_gan(loss={"relativistic": Relativistic()}, tricks={"diffusion_gan": DiffusionGAN()})


@pytest.mark.parametrize(
    ("option", "value"),
    [("target", 1), ("ramp", 0), ("interval", 0), ("shortest", 1), ("longest", 5), ("sigma", 0), ("last_beta", 1e-6)],
)
def test_options_are_checked(option, value):
    with pytest.raises(ValueError, match=rf"gan\.tricks\.diffusion_gan\.{option}={value}: choose"):
        DiffusionGAN(**{option: value})
