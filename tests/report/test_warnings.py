"""Cautions on how runs were measured and what they are compared with."""

from src.report.collect import read_run
from src.report.grouping import Section, group
from src.report.verdicts import Verdict, judge
from src.report.warnings import cautions, most_severe
from tests.report.conftest import gan_metrics


def section_of(*folders, baseline: str | None = None) -> Section:
    (section,) = group([read_run(folder) for folder in folders], baseline)
    return section


def test_samples_scored_in_unequal_numbers_are_told(make_run) -> None:
    scored = [
        make_run(name, seed, metrics=gan_metrics("Q", 0.2) | {"num_samples": size, "num_held_out": held_out})
        for name, size, held_out in (("gan_standard", 10_000, 2000), ("gan_fm", 500, 2000))
        for seed in range(3)
    ]
    text = "Runs were scored on 500 and 10,000 drawn samples. Metrics change with that number alone."
    section = section_of(*scored)
    assert text in cautions(section)
    assert most_severe(section)[0] == "runs were scored on 500 and 10,000 drawn samples"
    assert text not in cautions(section_of(*scored[:3]))


def test_held_out_samples_in_unequal_numbers_are_told(make_vae) -> None:
    runs = [make_vae("none", size, metrics={"num_held_out": size, "num_samples": size}) for size in (400, 2000)]
    assert "on 400 and 2,000 drawn samples, and on 400 and 2,000 held-out samples." in " ".join(
        cautions(section_of(*runs))
    )


def test_runs_that_different_oracles_judged_are_told(make_run) -> None:
    accuracies = (0.97, 0.98, 0.955)  # of earlier versions, which recorded no identity
    runs = [make_run(seed=seed, oracle_accuracy=accuracy) for seed, accuracy in enumerate(accuracies)]
    text = "The oracle differs between runs, being right on 95.5% to 98.0% of held-out data."
    assert any(caution.startswith(text) for caution in cautions(section_of(*runs)))
    alike = [make_run("gan_fm", seed, oracle_accuracy=0.97 + 0.002 * seed) for seed in range(3)]
    assert not any("oracle" in caution for caution in cautions(section_of(*alike)))


def test_a_baseline_that_was_but_the_first_by_name_is_told(make_run) -> None:
    runs = [make_run(f"gan_{name}", seed) for name in ("hinge", "fm") for seed in range(3)]
    text = "No name says “standard”, so the first of them, `gan_fm`, was taken as the baseline."
    assert [caution for caution in cautions(section_of(*runs)) if caution.startswith(text) and "--baseline" in caution]
    assert most_severe(section_of(*runs))[1] == "rebuild the report with the `--baseline` that you mean"
    for section in (section_of(*runs, baseline="gan_fm"), section_of(*runs, make_run()), section_of(*runs[:3])):
        assert "--baseline" not in " ".join(cautions(section))


def budgets(make_run, **of_the_remedy) -> Section:
    runs = [make_run("gan_standard", seed, images_seen=3200, generator_steps=100) for seed in range(3)]
    return section_of(*runs, *(make_run("gan_n_critic", seed, **of_the_remedy) for seed in range(3)))


def judged(section: Section) -> set[Verdict]:
    return {judge(section, summary, "kl").verdict for summary in section.remedies}


def test_equal_updates_are_an_equal_budget_too(make_run) -> None:
    section = budgets(make_run, images_seen=16_000, generator_steps=100, kl=0.6)
    assert Verdict.WITHHELD not in judged(section)
    text = "At equal generator updates, but not at equal images (3.2k to 16k)"
    assert [caution for caution in cautions(section) if caution.startswith(text)]


def test_equal_images_are_told_from_equal_updates(make_run) -> None:
    section = budgets(make_run, images_seen=3200, generator_steps=20, kl=0.6)
    assert Verdict.WITHHELD not in judged(section)
    text = "At equal images, but not at equal generator updates (20 to 100)"
    assert [caution for caution in cautions(section) if caution.startswith(text)]
    alike = budgets(
        lambda *given, **values: make_run(*given, folder=f"{given}", **values), images_seen=3200, generator_steps=100
    )
    assert not any("generator updates" in caution for caution in cautions(alike))


def test_neither_images_nor_updates_are_equal(make_run) -> None:
    section = budgets(make_run, images_seen=16_000, generator_steps=50, kl=0.6)
    assert judged(section) == {Verdict.WITHHELD}
    assert any(
        text.startswith("Budgets differ, from 3.2k to 16k images, and generator updates") for text in cautions(section)
    )


def test_runs_that_do_not_know_their_updates_are_compared_by_images(make_run) -> None:
    assert judged(budgets(make_run, images_seen=16_000, kl=0.6)) == {Verdict.WITHHELD}
    again = budgets(lambda *given, **values: make_run(*given, folder=f"{given}", **values), images_seen=3200, kl=0.6)
    assert Verdict.WITHHELD not in judged(again)
    assert not any("generator updates" in caution for caution in cautions(again))


def test_an_oracle_that_calls_itself_weak_comes_with_its_reason(make_run) -> None:
    runs = [make_run(seed=seed, oracle_weak="accuracy 0.45 over the classes") for seed in range(3)]
    text = "The oracle is too weak to count classes (accuracy 0.45 over the classes)."
    assert any(caution.startswith(text) for caution in cautions(section_of(*runs)))
    assert most_severe(section_of(*runs))[0] == text[:1].lower() + text[1:].rstrip(".")
    odd = [make_run("gan_fm", seed, oracle_weak=["no", "text"]) for seed in range(3)]
    assert not any("too weak" in caution for caution in cautions(section_of(*odd)))


def test_changed_real_images_are_no_junk(make_run) -> None:
    """They should show every class; only nonsense that does is suspect."""
    controls = {name: {"modes": 26.0} for name in ("real", "blurred", "noisy", "thick")}
    runs = [make_run(seed=seed, controls=controls | {"noise": {"modes": 0.0}}) for seed in range(3)]
    assert not any(caution.startswith("Distrust") for caution in cautions(section_of(*runs)))
    fooled = [make_run("gan_fm", seed, controls=controls | {"cut_up": {"modes": 20.0}}) for seed in range(3)]
    assert any("`cut_up` scores 20.0 modes" in caution for caution in cautions(section_of(*fooled)))
