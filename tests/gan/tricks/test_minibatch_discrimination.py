from functools import partial

import numpy as np
import pytest
import torch
import torch.distributed as dist

from src.gan.losses import Relativistic
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import R1, MinibatchDiscrimination
from src.gan.tricks.minibatch import Closeness, mean_over_ranks


def closeness(features, direction, log_scale):
    """Σ_{j≠i} exp(−‖M_i − M_j‖₁) [B, K], and the distances [B, B, K], by loops over images in numpy."""
    kernel = np.exp(log_scale) * direction / np.sqrt((direction**2).sum(0))
    projected = [np.einsum("f,fkd->kd", row, kernel) for row in features]
    distance = np.array([[np.abs(mine - other).sum(-1) for other in projected] for mine in projected])
    others = [[np.exp(-distance[i, j]) for j in range(len(features)) if j != i] for i in range(len(features))]
    return np.array(others).sum(1), distance


def arrays(*tensors):
    return [tensor.detach().double().numpy() for tensor in tensors]


def test_closeness_sums_over_the_others():
    torch.manual_seed(0)
    layer, features = Closeness(num_features=7, num_kernels=3, kernel_size=2).eval(), torch.randn(5, 7)
    torch.nn.init.normal_(layer.log_scale)
    torch.nn.init.normal_(layer.bias)
    sums, _ = closeness(*arrays(features, layer.direction, layer.log_scale))
    together = layer(features)
    torch.testing.assert_close(together[:, :7], features)
    np.testing.assert_allclose(together[:, 7:].detach(), sums + layer.bias.detach().numpy(), rtol=1e-4)
    assert sums.std() > 0.01


def test_the_first_batch_sets_scale_and_bias():
    """As in the authors' code, from distances before it: s = −ln(½ mean nearest distance), b = −mean closeness."""
    torch.manual_seed(0)
    layer, features = Closeness(num_features=7, num_kernels=3, kernel_size=2), 5 * torch.randn(6, 7)
    _, distance = closeness(*arrays(features, layer.direction, layer.log_scale))
    nearest = np.min(distance + 1e6 * np.eye(6)[..., None], axis=1).mean(0)
    first = layer(features)
    np.testing.assert_allclose(layer.log_scale.detach(), np.tile(-np.log(nearest / 2), (2, 1)).T, rtol=1e-4)
    sums, distance = closeness(*arrays(features, layer.direction, layer.log_scale))
    np.testing.assert_allclose(np.min(distance + 1e6 * np.eye(6)[..., None], axis=1).mean(0), 2, rtol=1e-4)
    np.testing.assert_allclose(layer.bias.detach(), -sums.mean(0), rtol=1e-4)
    np.testing.assert_allclose(first[:, 7:].mean(0).detach(), 0, atol=1e-5)
    scale = layer.log_scale.clone()
    layer(torch.randn(6, 7))
    assert torch.equal(layer.log_scale, scale), "later batches set nothing"
    assert not torch.equal(Closeness(7, 3, 2).eval()(features)[:, 7:].mean(0), torch.zeros(3)), "nor does evaluation"


def test_a_checkpoint_knows_that_scale_and_bias_are_set():
    torch.manual_seed(0)
    layer, other = Closeness(7, 3, 2), Closeness(7, 3, 2)
    layer(torch.randn(6, 7))
    other.load_state_dict(layer.state_dict())
    features = 9 * torch.randn(6, 7)
    assert torch.equal(other(features), layer(features))


def test_several_devices_start_from_one_scale(monkeypatch):
    """Each sees a part of the batch; the other one's nearest images are three times as far."""
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "all_reduce", lambda value: value.add_(3 * value))
    torch.testing.assert_close(mean_over_ranks(torch.tensor([1.0, 2.0])), torch.tensor([2.0, 4.0]))


def test_weights_of_earlier_versions_are_read():
    """They held T as a matrix [K · D, F]."""
    torch.manual_seed(0)
    layer, matrix, features = Closeness(7, 3, 2).eval(), torch.randn(6, 7), torch.randn(5, 7)
    layer.load_state_dict({"project.weight": matrix.clone()})
    projected = (features @ matrix.T).view(5, 3, 2)
    distances = (projected.unsqueeze(0) - projected.unsqueeze(1)).abs().sum(-1)
    torch.testing.assert_close(layer(features)[:, 7:] + 1, distances.neg().exp().sum(0))


def test_identical_images_are_as_close_as_can_be(make_gan):
    gan = make_gan(tricks={"minibatch_discrimination": MinibatchDiscrimination(num_kernels=6)})
    _, features = gan.discriminator.eval()(torch.randn(1, 1, 8, 8).expand(4, -1, -1, -1))
    torch.testing.assert_close(features[:, -6:], torch.full((4, 6), 3.0 - 1.0))  # three others, and b starts at −1
    _, features = gan.discriminator(10 * torch.randn(4, 1, 8, 8))
    assert features[:, -6:].max() < 2


def test_a_first_batch_of_identical_images_leaves_finite_numbers(make_gan):
    gan = make_gan(tricks={"minibatch_discrimination": MinibatchDiscrimination(num_kernels=6)})
    logits, _ = gan.discriminator(torch.randn(1, 1, 8, 8).expand(4, -1, -1, -1))
    logits.sum().backward()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in gan.discriminator.parameters())
    assert logits.isfinite().all()


def test_the_head_sees_it_and_the_kernels_learn(make_gan):
    plain, gan = make_gan(), make_gan(tricks={"minibatch_discrimination": MinibatchDiscrimination(num_kernels=6)})
    assert gan.discriminator.head.in_features == plain.discriminator.head.in_features + 6
    logits, features = gan.discriminator(torch.randn(4, 1, 8, 8))
    torch.testing.assert_close(gan.discriminator.head(features).squeeze(1), logits)
    logits.sum().backward()
    layer = gan.discriminator.body[-1]
    assert all(weight.grad.abs().sum() > 0 for weight in (layer.direction, layer.log_scale, layer.bias))


def test_a_logit_depends_on_the_other_images(make_gan):
    gan = make_gan(tricks={"minibatch_discrimination": MinibatchDiscrimination()})
    images = torch.randn(4, 1, 8, 8, requires_grad=True)
    gan.discriminator(images)[0][0].backward()
    assert all(gradient.abs().sum() > 0 for gradient in images.grad)


def test_impossible_combinations(make_gan):
    tricks = {"minibatch_discrimination": MinibatchDiscrimination()}
    with pytest.raises(ValueError, match=r"gan\.loss=relativistic .* under gan\.tricks=minibatch_discrimination"):
        make_gan(tricks=tricks, loss={"relativistic": Relativistic()})
    with pytest.raises(ValueError, match=r"gan\.tricks=r1 .* under gan\.tricks=minibatch_discrimination a logit"):
        make_gan(tricks={"r1": R1(), **tricks}, discriminator=partial(Discriminator, width=4, norm="none"))
    with pytest.raises(ValueError, match=r"num_kernels=0"):
        MinibatchDiscrimination(num_kernels=0)
