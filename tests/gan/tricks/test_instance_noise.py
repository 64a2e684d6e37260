from types import SimpleNamespace

import pytest
import torch
from lightning import Callback

from src.gan.tricks import InstanceNoise


@pytest.mark.parametrize(("progress", "expected"), [(0, 0.2), (0.25, 0.15), (0.5, 0.1), (0.999, 0.0002)])
def test_noise_of_the_right_size(progress, expected):
    torch.manual_seed(0)
    trick = InstanceNoise(sigma=0.2)
    trick.before_step(SimpleNamespace(progress=progress))
    images = torch.linspace(-1, 1, 40_000).view(100, 1, 20, 20)
    noise = trick.transform(images) - images
    assert noise.std().item() == pytest.approx(expected, rel=0.02)
    assert abs(noise.mean().item()) < 0.02 * expected
    # independent for every pixel of every image
    assert abs(torch.corrcoef(noise.flatten(1)[:2])[0, 1].item()) < 0.15
    assert trick.transform(images).sub(images).sub(noise).std().item() == pytest.approx(expected * 2**0.5, rel=0.02)


def test_it_fades_over_a_run(make_gan, fit):
    class Charts(Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_index):
            seen.append(outputs["tricks/noise_sigma"].item())

    seen = []
    fit(make_gan(tricks={"instance_noise": InstanceNoise(0.8)}), num_batches=4, callbacks=[Charts()])
    assert seen == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_a_whole_number_fades_as_well():
    trick = InstanceNoise(sigma=1)
    trick.before_step(SimpleNamespace(progress=0.25))
    assert trick.sigma.item() == 0.75


def test_a_gradient_passes_unchanged():
    images = torch.randn(3, 1, 4, 4, requires_grad=True)
    InstanceNoise().transform(images).sum().backward()
    assert torch.equal(images.grad, torch.ones_like(images))


def test_sigma_is_checked():
    with pytest.raises(ValueError, match=r"gan.tricks.instance_noise.sigma=0: choose a number above 0"):
        InstanceNoise(0)


def test_a_model_loaded_at_the_end_of_its_run_adds_none():
    """Else its discriminator would judge other images than at the end of training."""
    trained, loaded = InstanceNoise(0.1), InstanceNoise(0.1)
    trained.before_step(SimpleNamespace(progress=0.999))
    loaded.load_state_dict(trained.state_dict())
    assert loaded.sigma.item() == pytest.approx(0.0001)
    loaded.load_state_dict({})  # as earlier versions wrote it
    assert loaded.sigma == 0
