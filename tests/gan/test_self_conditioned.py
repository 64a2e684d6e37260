"""Clusters in place of labels."""

from dataclasses import replace

import pytest
import torch

from src.data.loader import ResidentLoader
from src.gan.self_conditioned import Clusters, SelfConditioned
from src.gan.tricks import EMA, VEEGAN, MinibatchStddev, Packing

GROUPS = torch.arange(64) % 4


@pytest.fixture
def groups():
    """Four kinds of images, of four grey levels."""
    noise = torch.randint(0, 10, (64, 8, 8), generator=torch.Generator().manual_seed(0))
    return (noise + 60 * GROUPS[:, None, None]).to(torch.uint8)


def make(make_gan, **changes):
    return make_gan(conditional=SelfConditioned(embedding=3, clusters=4, every=3, images=64), **changes)


def test_clusters_are_the_groups(make_gan, fit, groups):
    gan = make(make_gan)
    fit(gan, num_batches=1, images=groups)
    found = gan.conditional.batch_labels(gan, groups[:, None])[:, 0]
    pairs = set(zip(found.tolist(), GROUPS.tolist(), strict=True))
    assert len(pairs) == 4, "each group is a cluster"
    torch.testing.assert_close(gan.generator.class_share_K, torch.full((4,), 0.25))
    labels = gan.draw_labels(4000, seed=0)
    torch.testing.assert_close(labels[:, 0].bincount() / 4000, torch.full((4,), 0.25), atol=0.03, rtol=0)


def test_clusters_keep_their_numbers(make_gan, groups):
    """However the features are changed, as long as they say the same."""
    gan = make_gan()
    images = gan.spec.to_float(groups[:, None])
    clusters = Clusters(gan.discriminator, 4, gan.discriminator.head.in_features)
    shares = clusters.update(gan.discriminator, images, first=True)
    before = clusters.assign(images)
    assert shares.sum() == pytest.approx(1)
    torch.manual_seed(5)
    for weight in gan.discriminator.parameters():
        weight.data.add_(0.3 * weight.std() * torch.randn_like(weight) if weight.numel() > 1 else 0)
    centres = clusters.centre_KF.clone()
    clusters.update(gan.discriminator, images, first=False)
    assert not torch.allclose(clusters.centre_KF, centres)
    assert torch.equal(clusters.assign(images), before)


def test_it_clusters_every_few_steps(make_gan, fit, groups, monkeypatch):
    gan, steps = make(make_gan), []
    update = Clusters.update
    monkeypatch.setattr(
        Clusters, "update", lambda self, *args, first: (steps.append((gan.steps, first)), update(self, *args, first))[1]
    )
    fit(gan, num_batches=7, images=groups)
    assert steps == [(0, True), (3, False), (6, False)]


def test_a_batch_gets_the_clusters_of_its_real_images(make_gan, fit, groups):
    gan, seen = make(make_gan), []
    step = gan.step
    gan.step = lambda images, *rest: (seen.append((images, rest[-1])), step(images, *rest))[1]
    fit(gan, num_batches=2, images=groups)
    for (images, labels), batch in zip(seen, ResidentLoader(groups, 8, 2, seed=0), strict=True):
        assert torch.equal(images, batch)
        assert torch.equal(labels, gan.conditional.batch_labels(gan, images))
    assert gan.discriminator_passes == 2 * 4


def test_data_need_no_labels_and_may_be_stacked(make_gan, fit, spec):
    for changed in (replace(spec, classes=("all",)), replace(spec, shape=(2, 8, 8))):
        gan = make(make_gan, spec=changed, tricks={"ema": EMA()})
        assert not gan.needs_labels
        fit(gan, num_batches=4)
        assert gan.draw_labels(5, seed=0).shape == (5, 1)
        assert gan.sample(5, seed=0).shape == (5, *changed.shape)


def test_it_goes_on_from_a_checkpoint(make_gan, fit, groups):
    one, other = make(make_gan), make(make_gan)
    fit(one, num_batches=4, images=groups)
    checkpoint = {}
    one.on_save_checkpoint(checkpoint)
    other.on_load_checkpoint(checkpoint)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.sample(5, seed=0), other.sample(5, seed=0))
    for gan in (one, other):
        fit(gan, num_batches=4, images=groups)
    for name, tensor in one.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


@pytest.mark.parametrize("trick", [Packing(), VEEGAN(None)], ids=["packing", "veegan"])
def test_what_shows_the_discriminator_more_than_an_image_is_refused(make_gan, trick):
    with pytest.raises(ValueError, match=r"gan\.conditional=self_conditioned.*gan\.tricks=trick.*choose one of them"):
        make(make_gan, tricks={"trick": trick})


def test_more_clusters_than_images_are_refused(make_gan, fit):
    gan = make_gan(conditional=SelfConditioned(clusters=100, images=64))
    with pytest.raises(ValueError, match=r"gan\.conditional\.clusters=100: there are 64 images"):
        fit(gan)


@pytest.mark.parametrize(("options", "key"), [({"clusters": 1}, "clusters"), ({"every": 0}, "every")])
def test_impossible_options(options, key):
    with pytest.raises(ValueError, match=rf"gan\.conditional\.{key}="):
        SelfConditioned(**options)


def test_groups_that_do_not_divide_the_clustered_images_are_refused(make_gan):
    with pytest.raises(ValueError, match=r"gan\.tricks=stddev need not divide"):
        make(make_gan, tricks={"stddev": MinibatchStddev()})
