"""Cautions on how runs were measured and what they are compared with."""

from typing import Any

import pytest

from src.report.cautions import Caution, cautions, judged_by_controls
from src.report.collect import read_run
from src.report.grouping import group
from src.report.section import Section
from src.report.templating import say
from src.report.verdicts import Verdict, judge
from tests.report.conftest import gan_metrics


def section_of(*folders, baseline: str | None = None) -> Section:
    (section,) = group([read_run(folder) for folder in folders], baseline)
    return section


def facts(section: Section) -> dict[str, Any]:
    """By key; each has its sentence, and the grave ones an advice."""
    found = cautions(section)
    for caution in found:
        assert say(caution.key, section, caution.facts).endswith(".")
        assert not caution.grave or say("advise", caution.key)
    assert [caution.grave for caution in found] == sorted((caution.grave for caution in found), reverse=True)
    return {caution.key: caution.facts for caution in found}


def test_samples_scored_in_unequal_numbers(make_run) -> None:
    scored = [
        make_run(name, seed, metrics=gan_metrics("Q", 0.2) | {"num_samples": size, "num_held_out": held_out})
        for name, size, held_out in (("gan_standard", 10_000, 2000), ("gan_fm", 500, 2000))
        for seed in range(3)
    ]
    found = next(caution for caution in cautions(section_of(*scored)) if caution.grave)
    assert found == Caution("unequal_sample_sizes", {"drawn": [500, 10_000]}, grave=True)
    assert "unequal_sample_sizes" not in facts(section_of(*scored[:3]))


def test_held_out_samples_in_unequal_numbers(make_vae) -> None:
    runs = [make_vae("none", size, metrics={"num_held_out": size, "num_samples": size}) for size in (400, 2000)]
    assert facts(section_of(*runs))["unequal_sample_sizes"] == {"drawn": [400, 2000], "held-out": [400, 2000]}


def test_different_oracles(make_run) -> None:
    accuracies = (0.97, 0.98, 0.955)  # of earlier versions, which recorded no identity
    runs = [make_run(seed=seed, oracle_accuracy=accuracy) for seed, accuracy in enumerate(accuracies)]
    assert facts(section_of(*runs))["unequal_oracles"] == (0.955, 0.98)
    alike = [make_run("gan_fm", seed, oracle_accuracy=0.97 + 0.002 * seed) for seed in range(3)]
    assert "unequal_oracles" not in facts(section_of(*alike))


def test_weak_oracle_and_two_commits(make_run) -> None:
    found = facts(section_of(make_run(seed=0, oracle_accuracy=0.7), make_run(seed=1, git="fff")))
    assert (found["weak_oracle"], found["several_versions"]) == (0.7, ["abc123", "fff"])


def test_a_baseline_that_is_but_the_first_by_name(make_run) -> None:
    runs = [make_run(f"gan_{name}", seed) for name in ("hinge", "fm") for seed in range(3)]
    assert facts(section_of(*runs))["assumed_baseline"] == "gan_fm"
    for section in (section_of(*runs, baseline="gan_fm"), section_of(*runs, make_run()), section_of(*runs[:3])):
        assert "assumed_baseline" not in facts(section)


def budgets(make_run, **of_the_remedy) -> Section:
    runs = [make_run("gan_standard", seed, images_seen=3200, generator_steps=100) for seed in range(3)]
    return section_of(*runs, *(make_run("gan_n_critic", seed, **of_the_remedy) for seed in range(3)))


@pytest.mark.parametrize(
    ("remedy", "key", "expected"),
    [
        ({"images_seen": 16_000, "generator_steps": 100}, "unequal_updates", ("samples", 3200, 16_000)),
        ({"images_seen": 3200, "generator_steps": 20}, "unequal_updates", ("updates", 20, 100)),
        ({"images_seen": 3200, "generator_steps": 100}, "unequal_updates", None),
        ({"images_seen": 16_000, "generator_steps": 50}, "unequal_budgets", (3200, 16_000)),
        ({"images_seen": 16_000}, "unequal_budgets", (3200, 16_000)),  # a run that does not know its updates
        ({"images_seen": 3200}, "unequal_updates", None),
    ],
)
def test_equal_samples_or_equal_updates_are_an_equal_budget(make_run, remedy, key, expected) -> None:
    section = budgets(make_run, kl=0.6, **remedy)
    assert facts(section).get(key) == expected
    withheld = Verdict.WITHHELD in {judge(section, summary, "kl").verdict for summary in section.remedies}
    assert withheld == (key == "unequal_budgets")


def test_an_oracle_that_calls_itself_weak_comes_with_its_reason(make_run) -> None:
    runs = [make_run(seed=seed, oracle_weak="accuracy 0.45 over the classes") for seed in range(3)]
    assert facts(section_of(*runs))["useless_oracle"] == ["accuracy 0.45 over the classes"]
    odd = [make_run("gan_fm", seed, oracle_weak=["no", "text"]) for seed in range(3)]
    assert "useless_oracle" not in facts(section_of(*odd))


def test_changed_real_images_are_no_junk(make_run) -> None:
    """They should show every class; only nonsense that does makes the counts doubtful."""
    controls = {name: {"modes": 26.0} for name in ("real", "blurred", "noisy", "thick")}
    runs = [make_run(seed=seed, controls=controls | {"noise": {"modes": 0.0}}) for seed in range(3)]
    assert "junk_has_modes" not in facts(section_of(*runs))
    fooled = [make_run("gan_fm", seed, controls=controls | {"cut_up": {"modes": 20.0}}) for seed in range(3)]
    assert facts(section_of(*fooled))["junk_has_modes"] == {"cut_up": 20, "real": 26}


def test_metrics_that_junk_passes(make_vae) -> None:
    passed = facts(section_of(make_vae()))["junk_passes"]
    assert passed == {
        "validity": {"real": 0.98, "noise": 0.999, "single": 1.0},
        "diversity": {"real": 0.21, "noise": 0.42},
    }


def test_junk_that_is_better_than_the_baseline(make_run) -> None:
    """What lies between the two may be no better than junk; what is beyond is."""
    controls = {"real": {"kl": 0.01}, "noise": {"kl": 0.4}, "single": {"kl": 3.2}}
    means = {"gan_standard": 0.6, "gan_fm": 0.5, "gan_r1": 0.1, "gan_hinge": 0.9}
    runs = [
        make_run(name, seed, metrics=gan_metrics("Q", 0.2) | {"kl": kl}, controls=controls)
        for name, kl in means.items()
        for seed in range(3)
    ]
    found = facts(section_of(*runs))["junk_beats_baseline"]
    assert (found["best"], found["score"], found["short"]) == ("noise", pytest.approx(0.4), ["gan_fm"])
    sound = [make_run(name, 3, metrics={"kl": 0.2}, controls=controls) for name in ("gan_standard", "gan_fm")]
    assert "junk_beats_baseline" not in facts(section_of(*sound))


def test_nothing_is_said_of_metrics_that_were_not_measured_of_junk(make_run) -> None:
    section = section_of(make_run(controls={"real": {"kl": 0.01}}))
    assert judged_by_controls(section) == []
    assert say("controls", section, [], {}).startswith("No metric of samples was measured")


def test_unequal_importance_samples(make_vae) -> None:
    runs = [make_vae(seed=seed, metrics={"importance_samples": k}) for seed, k in ((0, 50), (1, 500))]
    assert facts(section_of(*runs))["unequal_importance_samples"] == [50, 500]


def test_lost_runs_and_repeated_seeds(make_run, study) -> None:
    make_run("gan_fm", 0, folder="again")
    found = facts(section_of(*study.iterdir()))
    assert found["repeated_seeds"] == 1
    assert found["lost_runs"].keys() == {"gan_fm", "gan_hinge"}
