"""Labels reach both networks: closed forms, every network, loss and trick, graphs, resuming, and what is refused."""

from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch.nn.functional import cross_entropy
from torch.nn.utils import parametrize

from src.core import resolvers
from src.data.loader import ResidentLoader
from src.data.spec import Batch
from src.gan.conditional import Auxiliary, Concat, Projection, labels_of
from src.gan.interfaces import Step
from src.gan.losses import FeatureMatching, Hinge, Relativistic, Wasserstein
from src.gan.networks import mlp, residual
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import (
    EMA,
    R1,
    R2,
    Consistency,
    GradientPenalty,
    HistoricalAveraging,
    MinibatchStddev,
    ModeSeeking,
    Packing,
    SpectralNorm,
    TopK,
    Unrolled,
    WeightClipping,
)
from tests.gan.conftest import CONF, LOSSES
from tests.gan.networks.test_own import Generator as OwnGenerator
from tests.gan.networks.test_own import Sequence as OwnDiscriminator

KINDS = {"projection": Projection, "concat": Concat, "auxiliary": Auxiliary}
LABELS = torch.arange(64) % 2


@pytest.fixture
def pair(spec):
    """Images and labels."""
    generator = torch.Generator().manual_seed(2)
    return torch.rand(6, *spec.shape, generator=generator), torch.tensor([[0], [1], [1], [0], [1], [0]])


def test_projection_is_the_inner_product_with_the_labels_vector(make_gan, pair):
    gan = make_gan(conditional=Projection(embedding=3))
    images, labels = pair
    logits, features = gan.discriminator(images)
    vectors = gan.discriminator.labels.table.weight.T
    expected = logits + torch.stack([features[row] @ vectors[label] for row, label in enumerate(labels[:, 0])])
    torch.testing.assert_close(gan.discriminate(images, labels_BS=labels).logits_B, expected)


def test_the_auxiliary_loss_is_the_mean_cross_entropy_of_both_kinds(make_gan, pair):
    gan = make_gan(conditional=Auxiliary(embedding=3, weight=0.5))
    images, labels = pair
    step = Step(gan, gan.discriminate(images, labels_BS=labels), gan.discriminate(-images, labels_BS=labels))
    classifier = gan.discriminator.labels
    real, fake = (cross_entropy(classifier(gan.discriminator(each)[1]), labels[:, 0]) for each in (images, -images))
    torch.testing.assert_close(gan.conditional.discriminator_penalty(step), 0.5 * (real + fake))
    torch.testing.assert_close(gan.conditional.generator_penalty(step), 0.5 * fake)


def test_a_plane_of_the_class_is_concatenated(make_gan, pair):
    gan = make_gan(conditional=Concat(embedding=3))
    images, labels = pair
    inputs = gan.conditional.inputs(images, labels)
    assert inputs.shape == (6, 2, 8, 8)
    assert torch.equal(inputs[:, :1], images)
    assert torch.equal(inputs[0, 1], inputs[3, 1]), "of one class"
    assert not torch.equal(inputs[0, 1], inputs[1, 1])
    points = Concat().discriminator_shape((1, 1, 2), replace(gan.spec, classes=tuple("ABCDE")))
    assert points == (4, 1, 2), "three planes of two cells for five classes"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("network", ["dcgan", "residual", "mlp", "own"])
def test_every_network_trains_and_the_label_decides(make_gan, fit, kind: str, network: str):
    networks = {
        "dcgan": {},
        "residual": {
            "generator": partial(residual.ResidualGenerator, z=4, width=4),
            "discriminator": partial(residual.ResidualDiscriminator, width=4),
        },
        "mlp": {
            "generator": partial(mlp.Generator, z=4, width=8),
            "discriminator": partial(mlp.Discriminator, width=8),
        },
        "own": {"generator": partial(OwnGenerator, z=4), "discriminator": partial(OwnDiscriminator, features=2)},
    }
    gan = make_gan(conditional=KINDS[kind](embedding=3), **networks[network])
    before = {name: tensor.clone() for name, tensor in gan.state_dict().items()}
    fit(gan, num_batches=3)
    changed = {name for name, tensor in gan.state_dict().items() if not torch.equal(before[name], tensor)}
    assert {"generator.embedding.table.weight"} <= changed
    assert any(name.startswith("discriminator.labels.") for name in changed)
    z = torch.zeros(2, 4)
    one, other = gan.eval().generate(z, torch.tensor([[0], [1]]))
    assert not torch.equal(one, other)


def test_it_learns_which_class_is_which(make_gan, fit):
    """Two classes, dark and bright, that any of the three tells apart within seconds."""
    images = torch.where(LABELS.bool(), 230, 25)[:, None, None].expand(-1, 8, 8).to(torch.uint8)
    for kind in KINDS.values():
        gan = make_gan(conditional=kind(embedding=4))
        fit(gan, num_batches=150, images=images, labels=LABELS)
        dark, bright = (gan.sample(50, 0, torch.full((50, 1), label)).float().mean() for label in (0, 1))
        assert bright - dark > 40, kind


@pytest.mark.parametrize(("kind", "loss"), [*product(KINDS, LOSSES)])
def test_every_loss(kind: str, loss: str, spec, fit):
    resolvers.register()
    options = ["gan.tricks=[gradient_penalty]"] if loss == "wasserstein" else []
    small = ["gan.generator.width=4", "gan.discriminator.width=4", f"gan.loss={loss}", f"gan.conditional={kind}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", ["model=gan", *small, *options])
    if (kind, loss) == ("projection", "feature_matching"):
        with pytest.raises(ValueError, match="concat or auxiliary"):
            instantiate(config.model)(spec=spec)
        return
    gan = instantiate(config.model)(spec=spec)
    fit(gan)
    assert all(tensor.isfinite().all() for tensor in gan.state_dict().values())


@pytest.mark.parametrize("kind", KINDS)
def test_tricks(kind: str, make_gan, fit):
    sets = (
        [R1(), R2(), EMA()],
        [Consistency(), HistoricalAveraging(), TopK()],
        [MinibatchStddev(), SpectralNorm()],
        [GradientPenalty()],
    )
    for tricks in sets:
        loss = Wasserstein() if isinstance(tricks[0], GradientPenalty) else Hinge()
        gan = make_gan(
            conditional=KINDS[kind](embedding=3),
            loss={"chosen": loss},
            tricks={type(each).__name__.lower(): each for each in tricks},
        )
        fit(gan)
        assert all(tensor.isfinite().all() for tensor in gan.state_dict().values())
        assert gan.sample(5, seed=0).shape == (5, 1, 8, 8)


def test_stacked_samples_have_a_label_each(make_gan, fit, spec):
    spec = replace(spec, shape=(2, 8, 8))
    for kind in KINDS.values():
        gan = make_gan(conditional=kind(embedding=3), spec=spec)
        fit(gan)
        assert gan.draw_labels(7, seed=0).shape == (7, 2)
        images = gan.eval().generate(torch.zeros(4, 4), torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]))
        assert len(images.flatten(1).unique(dim=0)) == 4
    assert labels_of(spec, "AB", 3).tolist() == labels_of(spec, "A+B", 3).tolist() == [[0, 1]] * 3


def test_labels_are_drawn_with_the_training_datas_shares(make_gan, fit):
    gan = make_gan(conditional=Concat(embedding=3))
    fit(gan, labels=torch.arange(64) // 48)
    assert gan.draw_labels(4000, seed=0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(gan.sample(6, seed=1), gan.sample(6, seed=1))


def test_batches_are_those_without_labels(toy_images):
    plain = ResidentLoader(toy_images, 8, 3, seed=0)
    labelled = ResidentLoader(toy_images, 8, 3, seed=0, labels=LABELS)
    for images, batch in zip(plain, labelled, strict=True):
        assert isinstance(batch, Batch)
        assert torch.equal(images, batch.images)
        rows = [(toy_images == image).flatten(1).all(1).nonzero().item() for image in images[:, 0]]
        assert batch.labels[:, 0].tolist() == LABELS[rows].tolist()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"tricks": {"packing": Packing()}}, "gan.tricks=packing shows several images under one logit"),
        ({"tricks": {"mode_seeking": ModeSeeking()}}, "gan.tricks=mode_seeking compares each image with the next"),
        ({"tricks": {"unrolled": Unrolled()}}, "gan.tricks=unrolled computes discriminator updates without"),
        ({"loss": {"feature_matching": FeatureMatching()}}, "do not depend on the labels"),
        ({"discriminator": OwnDiscriminator}, "returns logits alone"),
    ],
)
def test_what_labels_do_not_fit_is_refused(make_gan, changes, expected: str):
    with pytest.raises(ValueError, match=f"gan.conditional=projection.*{expected}"):
        make_gan(conditional=Projection(), **changes)


def test_data_without_labels_are_refused(make_gan, spec):
    with pytest.raises(ValueError, match="data=toy has no labels"):
        make_gan(conditional=Concat(), spec=replace(spec, classes=("all",)))


def test_pairs_of_a_relativistic_loss_are_of_one_class(make_gan, fit, monkeypatch):
    gan = make_gan(conditional=Projection(embedding=3), loss={"relativistic": Relativistic()})
    seen = []
    monkeypatch.setattr(
        Relativistic, "generator", lambda self, step: (seen.append(step), step.fake.logits_B.mean() * 1.0)[1]
    )
    fit(gan, num_batches=1)
    assert torch.equal(seen[0].real.labels_BS, seen[0].fake.labels_BS)


@pytest.mark.parametrize("trick", [SpectralNorm, WeightClipping])
def test_bounds_of_the_slope_leave_inputs_made_of_labels_alone(make_gan, fit, trick):
    """Divided by their norm, or clipped, the labels' planes would hardly be seen."""
    gan = make_gan(
        conditional=Concat(embedding=3),
        discriminator=partial(Discriminator, width=4, depth=2, norm="none"),
        tricks={"trick": trick()},
    )
    fit(gan, num_batches=1, labels=LABELS)
    (table,) = gan.discriminator.labels.parameters()
    assert table.abs().max() > 0.5
    assert not parametrize.is_parametrized(gan.discriminator.labels)
