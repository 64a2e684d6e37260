"""Where collapse sets in, by runs with known decoder variance, and what the report says of it."""

from math import log

import pytest

from src.report.answers import answers
from src.report.collect import read_run
from src.report.grouping import group
from src.report.outcomes import Place, transition
from src.report.templating import say

EIGENVALUES = [0.04, 0.01]


@pytest.fixture
def section_of(make_vae):
    """Runs by decoder variance, with the KL of each level; seeds in a list."""

    def make(kls, history=None, **metrics):
        runs = []
        for variance, seeds in kls.items():
            for seed, kl in enumerate(seeds):
                known = {"decoder_variance": variance, "data_eigenvalues": EIGENVALUES} | metrics
                folder = make_vae(f"none_{variance}", seed, kl_high=kl, kl_low=0.0, history=history, metrics=known)
                runs.append(read_run(folder))
        return group(runs)[0]

    return make


@pytest.mark.parametrize(
    ("kls", "alive", "collapsed", "place"),
    [
        ({0.02: [0.4, 0.3], 0.036: [0.05, 0.04], 0.044: [0.001, 0.0]}, 0.9, 1.1, Place.AS_PREDICTED),
        ({0.02: [0.4, 0.3], 0.036: [0.05, 0.0], 0.044: [0.001, 0.0]}, 0.9, 1.1, Place.AS_PREDICTED),
        ({0.02: [0.4, 0.3], 0.036: [0.0, 0.0], 0.044: [0.0, 0.0]}, 0.5, 0.9, Place.EARLIER),
        ({0.02: [0.4, 0.3], 0.0392: [0.0, 0.0]}, 0.5, 0.98, Place.AS_PREDICTED),  # where theory has 0.010 nats
        ({0.02: [0.4, 0.3], 0.044: [0.2, 0.0], 0.08: [0.0, 0.0]}, 1.1, 2.0, Place.LATER),
        ({0.02: [0.4], 0.036: [0.3]}, 0.9, None, Place.UNSEEN),
        ({0.02: [0.0], 0.036: [0.0]}, None, 0.5, Place.UNSEEN),
    ],
)
@pytest.mark.ci
def test_where_it_sets_in(section_of, kls, alive, collapsed, place):
    section = section_of(kls)
    found = transition(section)
    assert found.alive == pytest.approx(alive)
    assert found.collapsed == pytest.approx(collapsed)
    assert found.place is place
    parts = [part for part in answers(section) if part.heading == "Where collapse sets in"]
    assert len(parts) == 1
    assert parts[0].blocks[0].content.startswith(b"\x89PNG")


def test_a_run_alive_beside_collapsed_ones_at_the_end_is_no_transition(section_of):
    section = section_of({0.02: [0.4, 0.3], 0.04: [0.0, 0.0], 0.08: [0.0, 0.2]})
    found = transition(section)
    assert found.place is Place.UNSEEN
    assert "no run has collapsed" not in say("transition", section, found)


def test_the_kl_of_a_linear_decoder(section_of):
    """Lucas et al. 2019: ½ ln(λ/σ²) of each dimension whose variance exceeds the decoder's."""
    found = transition(section_of({0.002: [3.0], 0.02: [0.4]}))
    assert found.linear_kl(0.05) == pytest.approx(log(0.04 / 0.002) / 2 + log(0.01 / 0.002) / 2)
    assert found.linear_kl(0.5) == pytest.approx(log(2) / 2)
    assert found.linear_kl(1.0) == found.linear_kl(3.0) == 0


def test_beta_multiplies_the_variance(section_of):
    history = [{"images_seen": 10, "kl_high": 1, "kl_low": 1, "beta_high": 0.5, "beta_low": 0.5}]
    found = transition(section_of({0.02: [0.4], 0.08: [0.0]}, history=history))
    assert [ratio for ratio, _ in found.points] == pytest.approx([0.25, 1.0])


@pytest.mark.parametrize("eigenvalues", [None, [], [0.0], ["a"], "many"])
def test_nothing_is_said_where_the_data_or_the_variance_is_not_known(section_of, make_vae, eigenvalues):
    assert transition(section_of({0.02: [0.4], 0.04: [0.1]}, data_eigenvalues=eigenvalues)) is None


def test_nor_of_one_variance_alone(section_of):
    assert transition(section_of({0.02: [0.4, 0.3]})) is None
