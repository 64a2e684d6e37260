from pathlib import Path

import pytest
from omegaconf import OmegaConf

from src.core.run_names import folder_name, job_folder, recipe_overrides, run_name, swept_keys


@pytest.mark.parametrize(
    "override",
    [
        "experiment=gan_fm",
        "study=quick",
        "study.seeds=5",
        "study.resume=multirun/quick/some",
        "seed=3",
        "resume=multirun/single/some",
        "cache=elsewhere",
        "data.root=there",
        "accelerator=gpu",
        "trainer.accelerator=gpu",
        "+trainer.max_time=1",
        "logger=[tensorboard,wandb]",
        "logger.wandb.project=ours",
        "hydra/launcher=joblib",
        "callbacks=no_progress",
        "~callbacks.progress",
        "hydra.run.dir=there",
    ],
)
def test_what_changes_nothing_that_is_trained(override: str):
    assert recipe_overrides([override]) == []


@pytest.mark.parametrize(
    "override",
    [
        *("budget=1000", "study.budget=1000", "data=strokes", "gan.tricks=[ema,r1]"),
        *("seedling=1", "data.rooted=1", "gan.trainer=1"),
    ],
)
def test_what_does(override: str):
    assert recipe_overrides([override]) == [override]


def test_a_name_is_the_recipe_and_what_its_sweep_varied():
    overrides = ["experiment=gan_fm", "seed=1", "gan.generator.width=8", "data=strokes"]
    assert run_name("gan_fm", overrides) == "gan_fm"
    assert (
        run_name("gan_fm", overrides, {"seed", "experiment", "gan.generator.width"}) == "gan_fm gan.generator.width=8"
    )


def test_swept_keys_come_from_the_sweeps_record(tmp_path: Path):
    assert swept_keys(tmp_path) == set()
    task = ["gan.loss=standard,feature_matching", "data=strokes", "gan.tricks=[r1,ema]", "budget=choice(1,2)"]
    hydra = {"overrides": {"task": task}, "sweeper": {"params": {"seed": "range(3)", "batch_size": 8}}}
    OmegaConf.save({"hydra": hydra}, tmp_path / "multirun.yaml")
    assert swept_keys(tmp_path) == {"gan.loss", "budget", "seed"}


def test_a_folder_name_is_short_and_plain():
    assert folder_name("gan_fm gan.tricks=[r1,ema]") == "gan_fm_gan.tricks-_r1_ema_"
    assert len(folder_name("x" * 300)) == 100
    assert folder_name("x" * 300) != folder_name("x" * 301), "cut, it is still its own"


def test_a_job_is_called_after_its_recipe_its_choices_and_its_seed():
    overrides = ["seed=2", "experiment=quick/gan_fm", "trainer.precision=32-true", "budget=9"]
    assert job_folder("quick/gan_fm", overrides, {"seed", "experiment"}) == "gan_fm_seed-2"
    swept = {"seed", "trainer.precision"}
    assert job_folder("quick/gan_fm", overrides, swept) == "gan_fm_trainer.precision-32-true_seed-2"
