"""What is refused, and that its neighbours are not; tricks made up here say of themselves only what the rules ask."""

from functools import partial

import pytest

from src.gan.losses import (
    FeatureMatching,
    Hinge,
    LeastSquares,
    Minimax,
    Relativistic,
    RelativisticAverage,
    Standard,
    Wasserstein,
)
from src.gan.networks.dcgan import Discriminator
from src.gan.tricks import (
    EMA,
    R1,
    R2,
    Dragan,
    GradientPenalty,
    LabelSmoothing,
    MinibatchDiscrimination,
    MinibatchStddev,
    Packing,
    Trick,
    WeightClipping,
)


class Mixing(Trick):
    mixes_samples = True


class MixingUnderPenalties(Mixing):
    allows_input_gradients = True


class Bounding(Trick):
    bounds_slope = True


@pytest.fixture
def choose(make_gan):
    """A GAN of one loss, some tricks, and a discriminator of this norm."""

    def build(loss, *tricks, norm="group"):
        return make_gan(
            loss={"chosen_loss": loss},
            tricks={f"trick_{number}": trick for number, trick in enumerate(tricks)},
            discriminator=partial(Discriminator, width=4, norm=norm),
        )

    return build


@pytest.mark.parametrize("penalty", [R1, R2, GradientPenalty, Dragan])
def test_batch_norm_mixes_the_images_that_a_penalty_tells_apart(choose, penalty):
    with pytest.raises(ValueError, match=r"gan\.tricks=trick_0 .* choose gan\.discriminator\.norm=none, layer or grou"):
        choose(Standard(), penalty(), norm="batch")
    for norm in ("none", "layer", "group"):
        choose(Standard(), penalty(), norm=norm)


def test_batch_norm_mixes_the_images_that_a_loss_compares(choose):
    with pytest.raises(ValueError, match=r"gan\.loss=chosen_loss .* batch normalisation mixes: choose gan\.disc"):
        choose(Relativistic(), norm="batch")
    for norm in ("none", "layer", "group"):
        choose(Relativistic(), norm=norm)


@pytest.mark.parametrize("loss", [FeatureMatching, Hinge, LeastSquares, Minimax, RelativisticAverage, Standard])
def test_other_losses_stand_batch_norm(choose, loss):
    choose(loss(), EMA(), WeightClipping(), norm="batch")


def test_samples_seen_together_cannot_be_compared_one_by_one(choose):
    with pytest.raises(ValueError, match=r"gan\.loss=chosen_loss compares .* gan\.tricks=trick_1 .* another loss"):
        choose(Relativistic(), EMA(), Mixing())
    choose(RelativisticAverage(), EMA(), Mixing())


@pytest.mark.parametrize("penalty", [R1, R2, GradientPenalty, Dragan])
def test_samples_seen_together_have_no_gradient_of_their_own(choose, penalty):
    with pytest.raises(ValueError, match=r"gan\.tricks=trick_1 penalises .* gan\.tricks=trick_0 .* choose one of them"):
        choose(Standard(), Mixing(), penalty())
    choose(Standard(), MixingUnderPenalties(), penalty())


@pytest.mark.parametrize("trick", [Packing, MinibatchDiscrimination, MinibatchStddev])
def test_what_mixes_samples(choose, trick):
    with pytest.raises(ValueError, match=r"gan\.loss=chosen_loss compares image with image"):
        choose(Relativistic(), trick())


@pytest.mark.parametrize("trick", [Packing, MinibatchDiscrimination])
def test_what_mixes_samples_too_much_for_a_penalty(choose, trick):
    with pytest.raises(ValueError, match=r"gan\.tricks=trick_0 penalises .* gan\.tricks=trick_1"):
        choose(Standard(), R1(), trick())
    choose(Standard(), R1(), MinibatchStddev())


@pytest.mark.parametrize("loss", [Hinge, LeastSquares, Relativistic, RelativisticAverage, Wasserstein])
def test_labels_are_smoothed_where_there_are_labels(choose, loss):
    with pytest.raises(
        ValueError, match=r"gan\.tricks=label_smoothing .* gan\.loss=standard, minimax or feature_match"
    ):
        choose(loss(), LabelSmoothing(), WeightClipping())
    for smoothed in (Standard, Minimax, FeatureMatching):
        choose(smoothed(), LabelSmoothing(), WeightClipping())


def test_a_wasserstein_distance_needs_a_bounded_slope(choose):
    for tricks in ([], [EMA(), R1()], [Dragan()]):
        with pytest.raises(ValueError, match=r"gan\.loss=chosen_loss .* gan\.tricks=\[gradient_penalty\], \[weight_c"):
            choose(Wasserstein(), *tricks)
    for trick in (GradientPenalty(), WeightClipping(), Bounding()):
        choose(Wasserstein(), EMA(), trick)


def test_a_wasserstein_distance_with_batch_norm(choose):
    """The first paper normalises by batch and clips the weights; a gradient penalty cannot."""
    choose(Wasserstein(), WeightClipping(), norm="batch")
    with pytest.raises(ValueError, match="choose gan"):
        choose(Wasserstein(), GradientPenalty(), norm="batch")


def test_messages_are_one_line(choose):
    for choices in ([Wasserstein()], [Relativistic(), Mixing()], [Standard(), Mixing(), R1()]):
        with pytest.raises(ValueError, match="gan") as refusal:
            choose(*choices)
        assert "\n" not in str(refusal.value)
