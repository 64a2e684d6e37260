"""What the record of a run is read as, and what the run resumes as."""

import os
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from src.training.run_config import resumed_config
from src.training.run_record import read_record, save_config
from tests.training.record_fixtures import CONFIG, changed, write


@pytest.mark.parametrize(
    "content",
    [b"", b"hydra: {runtime", b"hydra:\n", b"seed", b"- 1\n", b"\0", b"\xff", b"[" * 200_000, b"a: &a 1\nb: *a"],
)
@pytest.mark.parametrize("file", ["config.yaml", "hydra.yaml", "../multirun.yaml"])
def test_a_damaged_record_is_named(run: Path, file: str, content: bytes):
    assert read_record(run).name == "gan_r1"
    path = run.parent / "multirun.yaml" if ".." in file else run / ".hydra" / file
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{path} is damaged: \S"):
        read_record(run)


def test_aliases_that_explode_are_refused(run: Path):
    lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 64))]
    (run / ".hydra" / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="it has an alias"):
        read_record(run)


def test_a_pipe_is_no_record(run: Path):
    (run / ".hydra" / "hydra.yaml").unlink()
    os.mkfifo(run / ".hydra" / "hydra.yaml")
    with pytest.raises(ValueError, match="not a regular file"):
        read_record(run)


def test_a_run_goes_on_on_another_accelerator(run: Path, resumed):
    before = {"accelerator": "gpu", "devices": 2, "strategy": "ddp", "precision": "bf16-mixed", "max_epochs": 1}
    write(run, changed("trainer", CONFIG["trainer"] | before))
    cpu = {"accelerator": "cpu", "devices": 1, "strategy": "auto", "precision": "32-true"}
    found = resumed(accelerator="cpu", trainer=cpu | {"max_epochs": 7}).config.trainer
    assert found.items() >= (cpu | {"max_epochs": 1}).items()


def test_what_a_run_was_started_with_is_taken_up_again(run: Path, monkeypatch: pytest.MonkeyPatch, resumed):
    assert resumed_config(run, ["~callbacks.progress"], OmegaConf.create({})).config.budget == 18
    assert resumed(budget=9).config.budget == 9


def test_what_refers_to_a_changed_value_changes_with_it_again_and_again(run: Path, resumed):
    write(run, changed("data.budget", "${budget}"))
    for budget in (30, 40):
        found = resumed(budget=budget)
        assert (found.config.data.budget, found.tree["data"]["budget"]) == (budget, "${budget}")
        save_config(found.tree, run)


def test_options_of_earlier_versions_have_their_new_names(run: Path):
    gan = CONFIG["gan"] | {"replay": False, "tricks": {"r1": {"_target_": "src.gan.tricks.R1", "evenly": True}}}
    write(run, changed("gan", gan))
    found = read_record(run).tree["gan"]
    assert found == CONFIG["gan"] | {
        "cuda_graphs": False,
        "tricks": {"r1": {"_target_": "src.gan.tricks.R1", "channel_max": True}},
    }


def test_where_files_lie_can_change_but_not_in_what_a_budget_is(run: Path, resumed):
    write(run, changed("data.path", "/home/ana/emoji"))
    assert resumed(**{"data.path": "/mnt/emoji"}).config.data.path == "/mnt/emoji"
    with pytest.raises(ValueError, match="a resumed run keeps its recipe"):
        resumed(budget_in="generator_steps")


@pytest.mark.parametrize("key", ["callbacks.randomness.seed", "callbacks.evaluation.monitor", "gan.cuda_graphs"])
def test_of_callbacks_only_how_a_run_is_watched_can_change(run: Path, resumed, key: str):
    write(run, changed("callbacks.curves", {"_target_": "src.training.callbacks.curves.TrainingCurves", "every": 1}))
    assert resumed(**{"callbacks.curves.every": 5}).config.callbacks.curves.every == 5
    with pytest.raises(ValueError, match="a resumed run keeps its recipe"):
        resumed(**{key: 7})
