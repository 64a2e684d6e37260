"""A budget in updates of the generator: every recipe makes as many, however often its discriminator moves."""

import csv
from pathlib import Path

import pytest

from src.training.callbacks.curves import TrainingCurves
from tests.end_to_end.conftest import VAE_SMALL, Command, results
from tests.end_to_end.test_points import TOY, cache  # noqa: F401  toys need no oracle

pytestmark = pytest.mark.ci

UPDATES = (*TOY, "experiment=toy_ring_standard", "budget=6", "budget_in=generator_steps")


def history(run: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(run, "history.csv").read_text().splitlines()))


@pytest.mark.parametrize(("tricks", "steps_each"), [("[]", 1), ("[n_critic]", 5), ("[ema,n_critic]", 5)])
def test_a_gan_makes_as_many_updates_as_asked(command: Command, tricks: str, steps_each: int):
    assert command(*UPDATES, f"gan.tricks={tricks}", "hydra.run.dir=run").status == 0
    found = results(Path("run"))
    assert (found["generator_steps"], found["images_seen"]) == (6, 6 * steps_each * 32)
    assert [int(row["generator_steps"]) for row in history("run")] == [3, 6], "evaluations are evenly spaced"
    assert [int(row["images_seen"]) for row in history("run")] == [3 * steps_each * 32, 6 * steps_each * 32]


def test_a_vae_makes_one_update_a_step(command: Command, few_bars: None):
    assert command(*VAE_SMALL, "budget=6", "budget_in=generator_steps", "hydra.run.dir=run").status == 0
    found = results(Path("run"))
    assert (found["generator_steps"], found["images_seen"]) == (6, 6 * 32)


def test_a_budget_in_samples_counts_updates_too(command: Command):
    assert command(*TOY, "experiment=toy_ring_standard", "gan.tricks=[n_critic]", "hydra.run.dir=run").status == 0
    found = results(Path("run"))
    assert (found["generator_steps"], found["images_seen"]) == (1, 256)


def test_a_run_with_a_budget_in_updates_resumes(command: Command, monkeypatch: pytest.MonkeyPatch):
    def cut_off(self, trainer, gan, *rest):
        if gan.images_seen > 500:  # after the first of two evaluations
            raise RuntimeError("the power went")

    recipe = (*UPDATES, "gan.tricks=[n_critic,instance_noise]")  # the noise follows the run's progress
    assert command(*recipe, "hydra.run.dir=whole").status == 0
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_off)
        assert command(*recipe, "hydra.run.dir=cut").status == 1
    assert command("resume=cut").status == 0
    whole, cut = results(Path("whole")), results(Path("cut"))
    assert all(whole[key] == cut[key] for key in ("metrics", "generator_steps", "images_seen"))


def test_another_unit_is_refused(command: Command):
    outcome = command(*TOY, "experiment=toy_ring_standard", "budget_in=epochs")
    assert outcome.status == 1
    assert outcome.errors.count("\n") == 1
    assert "budget_in=epochs: choose samples or generator_steps" in outcome.errors
