import pytest
import torch

from src.gan.losses import Relativistic
from src.gan.tricks import R1, MinibatchDiscrimination, MinibatchStddev
from src.gan.tricks.minibatch import Deviation


@pytest.mark.parametrize("group", [2, 3, 6])
def test_deviation_against_a_loop(group):
    features = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    expected = []
    for first in range(0, 6, group):
        neighbours = features[first : first + group]
        deviations = ((neighbours - neighbours.mean(0)) ** 2).mean(0) ** 0.5
        expected += [deviations.mean().item()] * group
    together = Deviation(group)(features)
    torch.testing.assert_close(together[:, :5], features)
    torch.testing.assert_close(together[:, 5], torch.tensor(expected))


def test_by_hand():
    """Two images a group: half their distance, in both features."""
    features = torch.tensor([[0.0, 1.0], [4.0, 1.0], [1.0, 2.0], [1.0, -4.0]])
    torch.testing.assert_close(Deviation(2)(features)[:, 2], torch.tensor([1.0, 1.0, 1.5, 1.5]), atol=1e-3, rtol=0)


def test_identical_images_have_none_and_a_finite_gradient(make_gan):
    gan = make_gan(tricks={"minibatch_stddev": MinibatchStddev()})
    image = torch.randn(1, 1, 8, 8, requires_grad=True)
    logits, features = gan.discriminator(image.expand(8, -1, -1, -1))
    assert features[:, -1].max() < 1e-3
    logits.sum().backward()
    assert image.grad.isfinite().all()


def test_the_head_sees_it(make_gan):
    gan = make_gan(tricks={"minibatch_stddev": MinibatchStddev()})
    assert gan.discriminator.head.in_features == make_gan().discriminator.head.in_features + 1
    with torch.no_grad():
        gan.discriminator.head.weight.zero_()
        gan.discriminator.head.weight[0, -1] = 1
    calm, lively = (gan.discriminator(scale * torch.randn(4, 1, 8, 8))[0] for scale in (0.01, 10))
    assert calm.max() < lively.min()


def test_it_goes_with_r1_but_not_with_pairs(make_gan, fit):
    gan = make_gan(tricks={"minibatch_stddev": MinibatchStddev(), "r1": R1()})
    fit(gan)
    assert all(weight.isfinite().all() for weight in gan.parameters())
    with pytest.raises(ValueError, match=r"gan\.loss=relativistic .* under gan\.tricks=minibatch_stddev"):
        make_gan(tricks={"minibatch_stddev": MinibatchStddev()}, loss={"relativistic": Relativistic()})
    both = {"minibatch_stddev": MinibatchStddev(), "minibatch_discrimination": MinibatchDiscrimination()}
    with pytest.raises(ValueError, match=r"gan\.tricks=r1 .* under gan\.tricks=minibatch_discrimination"):
        make_gan(tricks={**both, "r1": R1()})


def test_a_batch_of_broken_groups(make_gan, fit):
    gan = make_gan(tricks={"minibatch_stddev": MinibatchStddev()})
    with pytest.raises(ValueError, match=r"minibatch_stddev\.group=4 does not divide a batch of 6: choose batch_size"):
        fit(gan, batch_size=6)
    with pytest.raises(ValueError, match=r"group=1: choose a whole number of at least 2"):
        MinibatchStddev(group=1)
