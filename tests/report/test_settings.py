import pytest

from src.report.collect import read_run, settings
from src.report.grouping import group


@pytest.fixture
def told(make_run):
    """A run of vae_linear with these overrides and this configuration."""

    def make(folder: str, *overrides: str, config: str = "", **more):
        run = make_run("vae_linear", folder=folder, **more)
        (run / ".hydra" / "overrides.yaml").write_text("".join(f"- {text}\n" for text in overrides))
        (run / ".hydra" / "config.yaml").write_text(f"seed: 0\nvae: {{z_low: 24}}\n{config}")
        return read_run(run)

    return make


def names(*runs) -> list[str]:
    (section,) = group(runs)
    return sorted(summary.name for summary in section.summaries)


def test_recipes_of_one_name_in_two_folders_are_not_averaged(told) -> None:
    """Nor does one take the place of the other as a repeated seed."""
    quick = told("a", "seed=0", "study=quick", "experiment=quick/vae_linear", kl=1.0)
    full = told("b", "seed=0", "study=full", "experiment=vae_linear", kl=3.0)
    (section,) = group([quick, full])
    assert {summary.name: summary.mean("kl") for summary in section.summaries} == {
        "quick/vae_linear": 1.0,
        "vae_linear": 3.0,
    }
    assert not any(summary.excluded for summary in section.summaries)
    assert names(quick) == ["vae_linear"], "alone it needs no folder"


def test_budgets_of_a_study_tell_apart(told) -> None:
    small, large = (
        told(text, "study=full", "experiment=vae_linear", f"study.budget={text}") for text in ("6400", "64000")
    )
    assert names(small, large) == ["vae_linear study.budget=6400", "vae_linear study.budget=64000"]


def test_what_is_said_although_it_is_so_anyway_does_not_tell_apart(told) -> None:
    studied = "budget: ${study.budget}\nstudy: {budget: 64000}"
    silent = told("a", "study=quick", config=studied)
    spelled = told("b", "study=quick", "study.budget=64000", "vae.z_low=24", config=studied, seed=1)
    other = told("c", "study=quick", "study.budget=9", config=studied.replace("64000", "9"), seed=2)
    assert names(silent, spelled) == ["vae_linear"]
    assert names(silent, spelled, other) == ["vae_linear budget=64000", "vae_linear budget=9"]


def test_what_a_study_sets_tells_apart_where_the_overrides_do_not(told) -> None:
    studied = "budget: ${study.budget}\ndata: {budget: '${budget}'}\nstudy: {seeds: 3, budget: "
    runs = [
        told("a", "study=quick", "experiment=vae_linear", config=studied + "64000}"),
        told("b", "study=full", "experiment=vae_linear", config=studied + "512000}"),
        told("c", "experiment=vae_linear", config="budget: 512000\ndata: {budget: '${budget}'}"),
        told("d", "experiment=vae_linear", config="budget: 512000\nbatch_size: 64"),
    ]
    assert names(*runs) == ["vae_linear budget=512000", "vae_linear budget=64000"], "what only one knows is no change"
    assert names(runs[1], runs[2]) == ["vae_linear"]


def test_seeds_and_machines_do_not_tell_apart(told) -> None:
    here = "trainer: {accelerator: cpu}\nresume: null\ncallbacks: {curves: {every: 50}}\nstudy: {seeds: 3}"
    there = "trainer: {accelerator: gpu}\nresume: a/b\ncallbacks: {curves: {every: 9}}\nstudy: {seeds: 5}"
    runs = [
        told("a", "seed=0", "study=gan", "study.seeds=3", "accelerator=cpu", config=here),
        told("b", "seed=1", "study=full", "study.seeds=5", "study.resume=x", "data.root=y", config=there, seed=1),
    ]
    assert names(*runs) == ["vae_linear"]


def test_settings_are_what_is_trained_and_measured() -> None:
    config = {
        **{"seed": 3, "study": {"seeds": 3, "budget": 9}, "cache": ".cache", "budget": "${study.budget}"},
        **{"data": {"root": "there", "stack": 2, "seed": "${seed}"}, "evaluator": {"num_samples": 500}},
        "optimizer": {"betas": [0.9, 0.99]},
    }
    assert settings(config) == {
        **{"budget": "9", "data.stack": "2", "evaluator.num_samples": "500", "optimizer.betas": "[0.9,0.99]"}
    }
    assert settings({}) == {}


def test_rates_that_tuning_chose_are_no_part_of_a_name_beside_a_run_of_ones_own(told) -> None:
    rates = ("gan.generator_optimizer.lr=0.004", "gan.discriminator_optimizer.lr=0.004")
    tuned = [told(f"t{seed}", "experiment=vae_linear", *rates, seed=seed) for seed in range(3)]
    own = told("own", "experiment=vae_linear", "gan.tricks=[mine]")
    assert names(*tuned, own) == ["vae_linear", "vae_linear gan.tricks=[mine]"]
    untuned = told("untuned", "experiment=vae_linear")
    assert len(names(*tuned, untuned)) == 2, "unless they are the only difference"


def test_the_primary_metric_is_what_most_runs_declare(told) -> None:
    """One run of the reader's own beside a study's does not change what decides."""
    metrics = {"kl": 0.2, "kl_late": 0.3, "kl_any_late": 0.1, "modes": 5}
    declared = "study: {primary: {gan: %s}}\ngan: {}"
    study = [told(f"s{n}", config=declared % "kl_any_late", seed=n, metrics=metrics) for n in range(2)]
    own = told("own", config=declared % "kl_late", seed=5, metrics=metrics)
    assert [group(runs)[0].primary for runs in ([*study, own], [study[0], own])] == ["kl_any_late", "kl_late"]
