"""What a tuning phase tries and chooses."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from src.sweeps import tuning
from src.sweeps.plan import Plan
from src.sweeps.tuning import Objective, Result, Setting, Tuning, choose, grid

RATES, BETAS = [2e-4, 5e-4, 1e-3, 4e-3], [0.0, 0.5]
OPTIONS = {"tune_seeds": 2, "tune_budget": None, "tune_rates": [2e-4, 1e-3], "tune_beta1": [0.0, 0.5]}


def gan(rates=(2e-4, 2e-4), betas=(0.5, 0.999), tricks=None):
    networks = zip(("generator", "discriminator"), rates, strict=True)
    optimizers = {f"{network}_optimizer": {"lr": rate, "betas": list(betas)} for network, rate in networks}
    return OmegaConf.create({"gan": optimizers | {"tricks": tricks or {}}, "evaluator": {}, "primary": "kl_any_late"})


VAE = OmegaConf.create(
    {
        "vae": {"optimizer": {"lr": 2e-3, "betas": [0.9, 0.99]}},
        "evaluator": {"interpret": True, "importance_samples": 500},
        "primary": "iwae_nll",
    }
)


def tried(settings):
    return [(setting.rate, setting.beta1) for setting in settings]


def test_the_grid_starts_with_the_recipes_own_setting_once():
    settings = grid(gan(), RATES, BETAS)
    assert tried(settings)[0] == (pytest.approx(2e-4), 0.5)
    assert settings[0].overrides == ()
    assert len(settings) == len({str(setting) for setting in settings}) == 8
    assert sum(setting.is_default for setting in settings) == 1
    chosen = next(setting for setting in settings if str(setting) == "rate=0.001 beta1=0")
    assert chosen.overrides == (
        "gan.generator_optimizer.lr=0.001",
        "gan.discriminator_optimizer.lr=0.001",
        "gan.generator_optimizer.betas=[0.0,0.999]",
        "gan.discriminator_optimizer.betas=[0.0,0.999]",
    )


def test_a_setting_outside_the_grid_is_tried_too():
    settings = grid(gan(rates=(1e-4, 1e-4), betas=(0.0, 0.9)), RATES, BETAS)
    assert len(settings) == 9
    assert tried(settings)[0] == (pytest.approx(1e-4), 0.0)


def test_two_rates_keep_their_ratio():
    settings = grid(gan(rates=(1e-4, 4e-4)), RATES, BETAS)
    assert settings[0].rate == pytest.approx(2e-4)
    assert len(settings) == 8, "their geometric mean is in the grid"
    doubled = next(setting for setting in settings if str(setting) == "rate=0.001 beta1=0.5")
    rates = dict(text.split("=") for text in doubled.overrides if "lr" in text)
    assert float(rates["gan.discriminator_optimizer.lr"]) == pytest.approx(
        4 * float(rates["gan.generator_optimizer.lr"])
    )


def test_two_time_scale_holds_the_rates_itself():
    tricks = {"two_time_scale": {"generator_lr": 1e-4, "discriminator_lr": 4e-4}}
    settings = grid(gan(tricks=tricks), [1e-3], [0.5])
    assert settings[1].overrides[:2] == (
        "gan.tricks.two_time_scale.generator_lr=0.0005",
        "gan.tricks.two_time_scale.discriminator_lr=0.002",
    )


def test_of_vaes_the_rate_alone():
    settings = grid(VAE, RATES, BETAS)
    assert tried(settings) == [(pytest.approx(2e-3), None), *((rate, None) for rate in RATES)]
    assert settings[1].overrides == ("vae.optimizer.lr=0.0002",)


def test_an_optimizer_without_betas_has_rates_only():
    config = gan()
    for network in ("generator", "discriminator"):
        del config.gan[f"{network}_optimizer"].betas
    assert tried(grid(config, RATES, BETAS)) == [(pytest.approx(2e-4), None), *((rate, None) for rate in RATES[1:])]


def results(*values):
    return [Result("gan_fm", Setting(rate, 0.5), "kl_late", value) for rate, value in enumerate(values, 1)]


def chosen(*values, metric="kl_late"):
    return [result.setting.rate for result in choose(results(*values), Objective(metric).better) if result.chosen]


def test_the_best_mean_is_chosen():
    assert chosen((0.3, 0.3), (0.1, 0.4), (0.2, 0.5)) == [2]
    assert chosen((-20.0,), (-19.0,), (-21.0,), metric="elbo") == [2]


def test_a_failed_trial_counts_as_worst():
    assert chosen((0.3, 0.3), (0.1, None), (0.2, 0.5)) == [1]


def test_ties_go_to_the_recipes_own_setting():
    assert chosen((0.2, 0.4), (0.4, 0.2)) == [1]
    assert chosen((None,), (None,)) == [1], "also where nothing worked"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    jobs = [[f"seed={seed}", f"experiment={name}", "budget=9"] for seed in (0, 1) for name in ("gan_fm", "vae_none")]
    return Plan.of(tmp_path, "gan", jobs, {"experiment", "seed"})


def composed(overrides):
    return VAE if "experiment=vae_none" in overrides else gan()


def end(job, *, status="completed", metrics=(), **columns):
    """Four evaluations."""
    job.folder.mkdir(parents=True, exist_ok=True)
    model = "vae" if "vae" in job.name else "gan"
    (job.folder / "results.json").write_text(json.dumps({"status": status, "model": model, "metrics": dict(metrics)}))
    rows = [
        ",".join(["images_seen", *columns]),
        *(f"{turn},{','.join(row)}" for turn, row in enumerate(zip(*columns.values(), strict=True))),
    ]
    (job.folder / "history.csv").write_text("\n".join(rows) + "\n")


def test_trials_are_compared_by_the_primary_metric_on_the_validation_split(plan: Plan):
    job = plan.jobs[0]
    test_split = {"kl": 7.0, "elbo": -7.0, "iwae_nll": 6.0}
    end(job, metrics={"kl_any_late": 0.3} | test_split, kl=["9", "9", "0.2", "0.4"], elbo=["-9", "-8", "-7", "-6"])
    assert Objective.of("kl_any_late", "gan", [job]).value(job) == pytest.approx(0.3)
    assert Objective.of("kl", "gan", [job]).value(job) == pytest.approx(0.4), "of the last evaluation, not of the test"
    stand_in = Objective.of("iwae_nll", "vae", [job])
    assert (stand_in.name, stand_in.value(job)) == ("elbo", -6)
    end(job, metrics={"kl_any_late": None} | test_split, kl=["9", "9", "0.2", ""], elbo=["-9", "-8", "-7", ""])
    values = [Objective(name).value(job) for name in ("kl_any_late", "kl", "elbo")]
    assert values == [None] * 3, "what is not finite is no success"
    end(job, status="diverged", metrics={"kl_any_late": 0.1}, kl=["9", "9", "0.2", "0.4"])
    assert Objective("kl_any_late").value(job) is None


def test_trials_are_the_studys_jobs_with_other_seeds_in_a_folder_of_their_own(plan: Plan, tmp_path: Path):
    phase = Tuning(plan, composed, OPTIONS)
    assert len(phase.plan.jobs) == 2 * (4 + 3), "two seeds of each recipe's own setting and the others"
    assert {job.seed for job in phase.plan.jobs} == {"1000", "1001"}
    assert {job.folder.parent for job in phase.plan.jobs} == {tmp_path / "tuning"}
    assert len({job.folder for job in phase.plan.jobs}) == len(phase.plan.jobs)
    first = phase.plan.jobs[0]
    assert "budget=9" in first.overrides
    assert f"hydra.sweep.subdir={first.folder.name}" in first.overrides
    assert {"evaluator.interpret=false", "evaluator.importance_samples=1"} <= set(phase.plan.jobs[-1].overrides)
    assert not any(text.startswith("evaluator.") for text in first.overrides), "a GAN's has neither"
    shorter = Tuning(plan, composed, OPTIONS | {"tune_budget": 5}).plan.jobs[0]
    assert [text for text in shorter.overrides if text.startswith("budget=")] == ["budget=5"]


def test_the_study_gets_what_was_chosen_and_a_table_says_why(plan: Plan, tmp_path: Path):
    phase = Tuning(plan, composed, OPTIONS)
    for job in phase.plan.jobs:
        good = "rate=0.001 beta1=0 " in f"{job.name} "
        end(
            job,
            metrics={"kl_any_late": 0.1 if good else 0.3, "kl_late": 0.3 if good else 0.1, "iwae_nll": 6.0},
            kl=["9", "9", "9", "9"],
            elbo=["0", "0", "0", "-3" if "0.002" in job.name else "-4"],
        )
    tuned = phase.finish()
    by_name = {job.name: job.overrides for job in tuned.jobs}
    assert "gan.generator_optimizer.betas=[0.0,0.999]" in by_name["gan_fm"]
    assert by_name["vae_none"] == next(job.overrides for job in plan.jobs if job.seed == "1" and job.name == "vae_none")
    rows = tuning.read_table(tmp_path / "tuning.csv")
    assert [row["rate"] for row in rows if row["chosen"] == "yes"] == ["0.001", "0.002"]
    assert rows[0] | {"overrides": ""} == {
        "recipe": "gan_fm",
        "metric": "kl_any_late",
        "rate": "0.0002",
        "beta1": "0.5",
        "default": "yes",
        "seeds": "1000 1001",
        "values": "0.3 0.3",
        "mean": "0.3",
        "chosen": "no",
        "overrides": "",
    }
    assert "gan_fm: rate=0.001 beta1=0, validation kl_any_late 0.1" in phase.outcome()
    assert "vae_none: rate=0.002 (its own), validation elbo -3" in phase.outcome()
    assert "The best rate of `gan_fm`, `vae_none` is the highest or the lowest tried" in phase.outcome()

    again = Tuning(plan, composed, OPTIONS)
    assert again.plan.jobs == (), "what was chosen stands, also where trials failed"
    assert again.finish() == tuned
    assert tuning.read_table(tmp_path / "tuning.csv") == rows
    with pytest.raises(ValueError, match=r"what it chose for gan_fm is not among study.tune_rates"):
        Tuning(plan, composed, OPTIONS | {"tune_rates": [3e-3]})


def test_mistakes(plan: Plan):
    with pytest.raises(ValueError, match=r"seed=1001: study.tune=true tries settings with it"):
        Tuning(Plan.of(plan.folder, "gan", [["seed=1001"]], {"seed"}), composed, OPTIONS)
    given = replace(plan.jobs[0], overrides=(*plan.jobs[0].overrides, "gan.generator_optimizer.lr=0.1"))
    with pytest.raises(ValueError, match=r"gan.generator_optimizer.lr: study.tune=true chooses it"):
        Tuning(replace(plan, jobs=(given,)), composed, OPTIONS)
    for wrong in ({"tune_seeds": 0}, {"tune_budget": 0}, {"tune_rates": [0]}, {"tune_beta1": [1]}, {"tune_rates": []}):
        with pytest.raises(ValueError, match=r"study\.tune"):
            Tuning(plan, composed, OPTIONS | wrong)
    plan.save()
    with pytest.raises(ValueError, match=r"it was started without study.tune=true"):
        Tuning(plan, composed, OPTIONS)
