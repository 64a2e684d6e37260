"""Coverage of modes against the contract's definitions in plain loops."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from src.evaluation.metrics.modes import ModeCoverage
from src.evaluation.oracles.base import Predictions
from tests.evaluation.metrics.made_up import measured, predictions, simulated_kl, sure


def random_predictions(count, num_classes=5, channels=1, seed=0, power=1.0) -> Predictions:
    """Classes of unequal shares and confidences in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    confidence = torch.rand(count, generator=generator)
    classes = (torch.rand(count, channels, generator=generator) ** power * num_classes).long()
    return predictions(confidence, classes)


def by_the_contract(real, fake, num_modes) -> dict:
    """The contract's definitions, one character an image, in plain loops."""
    threshold = sorted(real.confidence_N.tolist())[int(0.05 * len(real.confidence_N))]
    p, q = [0.0] * num_modes, [0.0] * num_modes
    recognised = [k for c, (k,) in zip(real.confidence_N, real.classes_NS.tolist(), strict=True) if c >= threshold]
    for k in recognised:
        p[k] += 1 / len(recognised)
    for c, (k,) in zip(fake.confidence_N, fake.classes_NS.tolist(), strict=True):
        if c >= threshold:
            q[k] += 1 / len(fake.confidence_N)
    rejected = 1 - sum(q)
    kl = sum(q[k] * math.log(q[k] / (0.95 * p[k])) for k in range(num_modes) if q[k])
    kl += rejected * math.log(rejected / 0.05) if rejected else 0
    a = [sum(mode == k for (mode,) in fake.classes_NS.tolist()) / len(fake.classes_NS) for k in range(num_modes)]
    return {
        "modes": sum(q[k] >= p[k] / 10 for k in range(num_modes)),
        "covered": [q[k] >= p[k] / 10 for k in range(num_modes)],
        "recognisable": sum(q),
        "kl": kl,
        "kl_floor": (num_modes - 1) / 2 * (1 / len(fake.confidence_N) + 1 / len(real.confidence_N)),
        "effective_modes": math.exp(-sum(share * math.log(share) for share in a if share)),
        "top_share": max(a),
        "modes_any": sum(share > 0 for share in a),
        "kl_any": sum(share * math.log(share / p[k]) for k, share in enumerate(a) if share),
        "shares": [share / sum(q) for share in q],
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("power", [1.0, 3.0, 12.0])
def test_contract_definitions(seed, power):
    real = random_predictions(500, seed=seed)
    fake = random_predictions(300, seed=100 + seed, power=power)
    values = measured(ModeCoverage(real, 5), fake)
    expected = by_the_contract(real, fake, 5)
    assert set(values) == set(expected)
    for name, value in expected.items():
        assert values[name].tolist() == pytest.approx(value, rel=1e-6, abs=1e-6), name


def test_high_powers_lose_modes():
    """Or the comparison above would never have met a missing one."""
    values = measured(ModeCoverage(random_predictions(2000, 8), 8), random_predictions(300, 8, power=40.0))
    assert values["modes"] < 8


@pytest.mark.parametrize("count", [20, 100, 999, 1000])
def test_threshold_keeps_95_percent_of_real(count):
    real = random_predictions(count, num_classes=1)
    kept = (real.confidence_N >= ModeCoverage(real, 1).threshold).sum().item()
    assert 95 * count <= 100 * kept < 95 * count + 100


def test_a_mode_counts_from_a_tenth_of_its_real_share():
    real = sure([0] * 100 + [1] * 100)  # p = 1/2 each, so 1/20 covers
    five = measured(ModeCoverage(real, 2), sure([0] * 95 + [1] * 5))
    four = measured(ModeCoverage(real, 2), sure([0] * 96 + [1] * 4))
    assert five["covered"].tolist() == [True, True]
    assert four["covered"].tolist() == [True, False]
    assert four["modes"] == 1


def test_coverage_is_a_share_of_all_samples_and_not_of_the_recognisable_ones():
    real = sure([0] * 100 + [1] * 100)
    confidence = torch.zeros(1000)
    confidence[:100] = 1  # one in ten is recognisable
    classes = torch.zeros(1000, dtype=torch.long)
    classes[:40] = 1  # 4 % of all, 40 % of the recognisable ones
    values = measured(ModeCoverage(real, 2), predictions(confidence, classes))
    assert values["covered"].tolist() == [True, False]
    assert values["recognisable"].item() == pytest.approx(0.1)
    assert values["shares"].tolist() == pytest.approx([0.6, 0.4])


def test_real_shares_have_no_divergence():
    real = random_predictions(4000, 26)
    values = measured(ModeCoverage(real, 26), real)
    assert values["kl"].item() == pytest.approx(0, abs=1e-12)
    assert values["recognisable"].item() == pytest.approx(0.95)
    assert values["modes"] == 26


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any),
    confidences=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    channels=st.integers(1, 2),
    rejected_share=st.sampled_from([0.05, math.exp(-4.5)]),
)
def test_every_metric_is_finite_for_any_counts(counts, confidences, channels, rejected_share):
    """The fourth class is none at all; nothing that can be drawn leaves a metric undefined."""
    real = sure(torch.cartesian_prod(*[torch.arange(3)] * channels).view(-1, channels).repeat(20, 1))
    classes = torch.tensor([0, 1, 2, -1]).repeat_interleave(torch.tensor(counts))
    confidence = torch.tensor(confidences, dtype=torch.double).repeat_interleave(torch.tensor(counts))
    fake = predictions(confidence, classes[:, None].expand(-1, channels))
    values = measured(ModeCoverage(real, 3, rejected_share), fake)
    for name, value in values.items():
        assert torch.isfinite(value.double()).all(), name
    assert values["kl"] >= -1e-12
    assert values["kl_any"] >= -1e-12


def test_samples_that_are_all_clearer_than_real_ones_diverge_by_their_clarity_alone():
    values = measured(ModeCoverage(random_predictions(2000, 5), 5), sure(random_predictions(2000, 5).classes_NS[:, 0]))
    assert values["recognisable"] == 1
    assert values["kl"].item() == pytest.approx(-math.log(0.95), abs=0.002)


@pytest.mark.parametrize(("rejected_share", "expected"), [(0.05, math.log(20)), (0.2, math.log(5))])
def test_without_a_recognisable_image_the_divergence_is_that_of_the_rejected_share(rejected_share, expected):
    blurred = predictions(torch.zeros(100), torch.arange(100) % 4)
    values = measured(ModeCoverage(sure(torch.arange(100) % 4), 4, rejected_share), blurred)
    assert values["kl"].item() == pytest.approx(expected)
    assert values["kl_any"].item() == pytest.approx(0, abs=1e-12), "coverage is apart from quality"
    assert values["effective_modes"].item() == pytest.approx(4)


@pytest.mark.parametrize(("num_real", "num_fake"), [(2000, 2000), (800, 5000), (8000, 1000)])
def test_a_perfect_sampler_is_expected_at_the_floor(num_real, num_fake):
    """The unrecognisable share is one class more, K instead of K − 1: four in a hundred at 26 modes."""
    mean, floor = simulated_kl(torch.linspace(1, 3, 26), num_real, num_fake)
    assert floor == pytest.approx(25 / 2 * (1 / num_real + 1 / num_fake))
    assert mean == pytest.approx(floor * 26 / 25, rel=0.06)


def test_one_image_over_and_over_is_one_mode():
    real = sure(torch.arange(26).repeat(40))
    values = measured(ModeCoverage(real, 26), sure([7] * 500))
    assert values["modes"] == 1
    assert values["covered"].nonzero().tolist() == [[7]]
    assert values["top_share"] == 1
    assert values["effective_modes"].item() == pytest.approx(1)
    assert values["kl"].item() == pytest.approx(math.log(26 / 0.95))


def test_noise_covers_nothing():
    real = predictions(torch.linspace(0.5, 1, 260), torch.arange(26).repeat(10))
    values = measured(ModeCoverage(real, 26), predictions(torch.full((500,), 0.1), torch.arange(500) % 26))
    assert values["modes"] == 0
    assert values["recognisable"] == 0
    assert not values["covered"].any()
    assert values["kl"].item() == pytest.approx(math.log(20))
    assert values["shares"].tolist() == [0] * 26


def test_recognise():
    metric = ModeCoverage(predictions(torch.full((9,), 0.5), torch.cartesian_prod(torch.arange(3), torch.arange(3))), 3)
    modes = metric.recognise(predictions([0.5, 0.49, 0.9], [[2, 1], [2, 1], [0, 2]]))
    assert modes.tolist() == [7, -1, 2]


def test_a_class_without_recognisable_images_is_not_judged():
    """It neither counts nor is missing, and what is taken for it counts for none."""
    metric = ModeCoverage(sure([0, 2] * 10), 4)
    values = measured(metric, sure([0] * 10 + [1] * 5 + [3] * 5))
    assert metric.measured_K.tolist() == [True, False, True, False]
    assert values["covered"].tolist() == [True, False, False, False]
    assert values["modes"] == 1
    assert values["recognisable"].item() == pytest.approx(0.5)
    assert values["shares"].tolist() == [1, 0, 0, 0]
    assert values["kl"].item() == pytest.approx(0.5 * math.log(0.5 / (0.95 / 2)) + 0.5 * math.log(0.5 / 0.05))
    assert values["kl_floor"].item() == pytest.approx(1 / 40 + 1 / 40), "of the two that are judged"
    assert values["modes_any"] == 1
    assert values["kl_any"].item() == pytest.approx(math.log(2))
    assert metric.recognise(sure([2, 3])).tolist() == [2, -1]


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(one[name], other[name]) for name in other)


def test_updates_add_up():
    real, parts = random_predictions(500), [random_predictions(count, seed=count) for count in (30, 1, 77)]
    whole = predictions(
        torch.cat([part.confidence_N for part in parts]), torch.cat([part.classes_NS for part in parts])
    )
    expected = measured(ModeCoverage(real, 5), whole)
    assert same(measured(ModeCoverage(real, 5), *parts), expected)

    one, other = ModeCoverage(real, 5), ModeCoverage(real, 5)
    one.update(parts[0])
    other.update(parts[1])
    other.update(parts[2])
    one.merge_state(other)
    assert same(one.compute(), expected)


def test_reset_forgets_the_samples_and_keeps_the_reference():
    real, fake = random_predictions(500), random_predictions(90, seed=2)
    metric = ModeCoverage(real, 5)
    metric.update(random_predictions(50, seed=1))
    metric.reset()
    assert metric.total == 0
    assert same(measured(metric, fake), measured(ModeCoverage(real, 5), fake))


def test_the_literatures_protocol_counts_every_image():
    """Confidence does not matter there, and one image covers a mode; −1 is no class at all."""
    real = Predictions(torch.ones(300), torch.arange(300).view(-1, 1) % 3, torch.zeros(300, 1))
    coverage = ModeCoverage(real, 3)
    classes = torch.tensor([0] * 7 + [1] + [-1] * 2).view(-1, 1)
    coverage.update(Predictions(torch.tensor([0.9] * 7 + [0.0] * 3), classes, torch.zeros(10, 1)))
    result = coverage.compute()
    assert result["modes_any"] == 2
    expected = 7 / 8 * math.log(7 / 8 * 3) + 1 / 8 * math.log(1 / 8 * 3)
    assert result["kl_any"].item() == pytest.approx(expected)
    assert result["modes"] == 0


def test_what_is_called_none_is_never_recognisable():
    """Where more than 5 % of the real images are called "none", the 5 % quantile is 0 and would let everything in."""
    real = predictions([0.0] * 20 + [0.3] * 5 + [0.9] * 75, torch.arange(100) % 4)
    coverage = ModeCoverage(real, 4)
    assert coverage.threshold == pytest.approx(0.3)
    fake = predictions([0.0, 0.2, 0.3, 0.9], torch.tensor([0, 1, 2, 3]))
    assert coverage.recognise(fake).tolist() == [-1, -1, 2, 3]
    assert measured(coverage, real)["recognisable"] == pytest.approx(0.8)


def test_an_oracle_that_calls_all_real_images_none_recognises_nothing():
    coverage = ModeCoverage(predictions([0.0] * 30, torch.arange(30) % 3), 3)
    assert (coverage.recognise(predictions([0.0, 0.9], torch.tensor([0, 1]))) < 0).all()
    assert not coverage.measured_K.any()
