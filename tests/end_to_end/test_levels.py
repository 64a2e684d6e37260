"""Runs with three levels of latents: what they leave behind, how they go on, and a report of them beside two levels."""

import csv
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from src.sample import __main__ as sample
from src.training.callbacks.curves import TrainingCurves
from tests.end_to_end.conftest import VAE_SMALL, Command, charts, check_bounds, columns, only, results
from tests.end_to_end.test_vae_runs import cut_off

pytestmark = pytest.mark.ci

THREE = ("vae.levels=[3,2,4]", "vae.skips=true")


@pytest.mark.usefixtures("few_bars")
def test_a_run_resumes_exactly_and_is_drawn_from(command: Command, monkeypatch: pytest.MonkeyPatch):
    recipe = (
        "experiment=vae_three_levels",
        "vae.anneal=[control,free_bits]",
        "vae.anneal.control.target={z_1:3,z_2:1,z_3:2}",
    )
    recipe += (*VAE_SMALL, *THREE)
    assert command(*recipe, "hydra.run.dir=whole").status == 0
    with monkeypatch.context() as patch:
        patch.setattr(TrainingCurves, "on_train_batch_end", cut_off)
        assert command(*recipe, "hydra.run.dir=cut").status == 1
    assert command("resume=cut").status == 0
    whole, cut = (torch.load(f"{run}/checkpoints/last.ckpt", weights_only=True) for run in ("whole", "cut"))
    for name, tensor in whole["state_dict"].items():
        assert torch.equal(tensor, cut["state_dict"][name]), name
    found = results(Path("whole"))
    assert found["metrics"] == results(Path("cut"))["metrics"]
    check_bounds(found["metrics"])
    assert set(found["onset"]) == {"1", "2", "3"}
    kl = sum(found["metrics"][f"kl_{level}"] for level in (1, 2, 3))
    assert found["metrics"]["elbo"] == pytest.approx(-found["metrics"]["reconstruction"] - kl)
    assert [len(found["metrics"][f"kl_{level}_dims"]) for level in (1, 2, 3)] == [3, 2, 4]
    (*_, row) = csv.DictReader(Path("whole/history.csv").read_text().splitlines())
    assert {"kl_2", "active_3", "mi_1", "usage_2", "beta_1", "beta_3", "schedule_beta_2"} <= row.keys()
    board = EventAccumulator("whole").Reload()
    shown = charts(board)
    assert shown["KL of z_2"] == ["val/kl_2"]
    assert shown["β of z_3"] == ["anneal/beta_3"]
    assert columns(board)[5:10] == [f"test/{key}" for key in ("iwae_nll", "elbo", "kl_1", "kl_2", "kl_3")]
    assert sample.main(["whole", "num=2"]) == 0
    assert sample.main(["whole", "bars=3"]) == 0
    assert Path("whole/samples/track_0.mid").is_file()


@pytest.mark.usefixtures("few_bars")
def test_two_and_three_levels_and_one_in_a_report(command: Command):
    assert command("-m", "vae.levels=null,[3,2,4],[5]", *VAE_SMALL).status == 0
    report = only("multirun/*/*/report")
    text = (report / "report.md").read_text()
    for label in ("KL high", "KL low", "KL z_1", "KL z_2", "KL z_3"):
        assert label in text
    with (report / "summary.csv").open() as file:
        measured = {(row["name"], row["metric"]): row["n"] for row in csv.DictReader(file)}
    names = {name for name, _ in measured}
    assert len(names) == 3
    for name in names:
        levels = "123" if "3,2,4" in name else "1" if "[5]" in name else ("high", "low")
        for level in ("high", "low", "1", "2", "3"):
            assert (measured.get((name, f"kl_{level}"), "0") == "1") == (level in levels), (name, level)


def test_sizes_given_twice(command: Command):
    outcome = command("vae.z_high=4", "vae.levels=[8,16]")
    assert outcome.status == 1
    assert "vae.z_high=4 vae.levels=[8, 16]: both say how large levels are" in outcome.errors
    assert outcome.errors.count("\n") == 1
    assert not Path("multirun").exists()
