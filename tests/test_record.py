"""What the record of a run, which may be a stranger's, may build."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import UnsupportedInterpolationType

from src import resolvers
from src.record import PARTS, read_record, resumed_config, trusted_config

HYDRA = {"runtime": {"choices": {"experiment": "gan_r1", "model": "gan"}}, "overrides": {"task": []}}
CONFIG = {part: {} for part in PARTS}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Of a sweep."""
    run = tmp_path / "sweep" / "run"
    (run / ".hydra").mkdir(parents=True)
    OmegaConf.save({"hydra": HYDRA | {"sweeper": {"params": {}}}}, tmp_path / "sweep" / "multirun.yaml")
    OmegaConf.save({"hydra": HYDRA}, run / ".hydra" / "hydra.yaml")
    OmegaConf.save(CONFIG, run / ".hydra" / "config.yaml")
    OmegaConf.save(["budget=9", "accelerator=gpu", "~callbacks.progress"], run / ".hydra" / "overrides.yaml")
    return run


@pytest.mark.parametrize("content", ["", "hydra: {runtime", "hydra:\n", "seed", "- 1\n", "\0"])
@pytest.mark.parametrize("file", ["config.yaml", "hydra.yaml", "../multirun.yaml"])
def test_a_damaged_record_is_named(run: Path, file: str, content: str):
    assert read_record(run).name == "gan_r1"
    path = run.parent / "multirun.yaml" if ".." in file else run / ".hydra" / file
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"{path} is damaged: \S"):
        read_record(run)


TRAINER = {"accelerator": "gpu", "devices": 2, "strategy": "ddp", "precision": "bf16-mixed", "max_epochs": 1}
CPU = {"accelerator": "cpu", "devices": 1, "strategy": "auto", "precision": "32-true", "max_epochs": 7}


@pytest.fixture
def resumed(run: Path, monkeypatch: pytest.MonkeyPatch):
    """What a run with a checkpoint goes on with."""
    monkeypatch.setattr("src.record.newest_whole", lambda run: run / "last.ckpt")
    callbacks = {"curves": {"every": 50}, "randomness": {"seed": 0}, "evaluation": {"monitor": "modes"}}
    OmegaConf.save(CONFIG | {"trainer": TRAINER, "callbacks": callbacks, "budget": 18}, run / ".hydra" / "config.yaml")
    return lambda *given: resumed_config(run, given, OmegaConf.create({"trainer": CPU}))


def test_a_run_goes_on_on_another_accelerator(resumed):
    assert resumed("accelerator=cpu").trainer == CPU | {"max_epochs": 1}


def test_what_a_run_was_started_with_is_taken_up_again(resumed):
    assert resumed("budget=9", "~callbacks.progress").budget == 9


@pytest.mark.parametrize(
    "given", ["callbacks.randomness.seed=7", "callbacks.evaluation.monitor=kl", "~callbacks.curves"]
)
def test_of_callbacks_only_how_a_run_is_watched_can_change(resumed, given: str):
    assert resumed("callbacks.curves.every=5").callbacks.curves.every == 5
    with pytest.raises(ValueError, match="a resumed run keeps its recipe"):
        resumed(given)


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("os.system", {"command": "touch witness"}),
        ("subprocess.Popen", {"args": ["touch", "witness"]}),
        ("src.files.write_atomically", {"path": "witness", "content": ""}),
        ("torch.hub.load", {"repo_or_dir": "stranger/code", "model": "any"}),
        ("src.gan.losses.Gone", {}),
        ("src.files.Path", {"_args_": ["witness"]}),
        ("torch._logging._internal.logging.FileHandler", {"filename": "witness"}),
        (
            "torch.distributed.elastic.multiprocessing.subprocess_handler.SubprocessHandler",
            {"entrypoint": "touch", "args": ["witness"], "env": {}, "stdout": None, "stderr": None, "local_rank_id": 0},
        ),
    ],
)
@pytest.mark.parametrize("place", ["model.make_generator_optimizer", "gan.tricks.planted", "callbacks.curves"])
def test_a_stranger_s_configuration_builds_nothing_foreign(run: Path, target: str, more: dict, place: str):
    config = OmegaConf.create(CONFIG | {"data": {"_target_": "src.data.letters.Strokes"}})
    OmegaConf.save(config, run / ".hydra" / "config.yaml")
    assert trusted_config(run) == config
    OmegaConf.update(config, place, {"_target_": target, **more}, force_add=True)
    OmegaConf.save(config, run / ".hydra" / "config.yaml")
    with pytest.raises(ValueError, match=rf"{place}._target_={target} is refused"):
        trusted_config(run)


def test_what_the_command_itself_names_is_no_stranger_s(run: Path):
    config = OmegaConf.create(CONFIG | {"gan": {"tricks": {"own": {"_target_": "mine.Own"}}}})
    OmegaConf.save(config, run / ".hydra" / "config.yaml")
    assert trusted_config(run, OmegaConf.create({"x": {"_target_": "mine.Own"}})) == config
    with pytest.raises(ValueError, match=r"mine\.Own is refused"):
        trusted_config(run, OmegaConf.create({"x": {"_target_": "mine.Other"}, "name": "mine.Own"}))


@pytest.mark.parametrize("resolver", ["oc.create", "oc.decode"])
def test_a_configuration_is_not_parsed_into_more_of_it(resolver: str):
    resolvers.register()
    config = OmegaConf.create({"model": f"${{{resolver}:'{{_target_: os.getcwd}}'}}"})
    with pytest.raises(UnsupportedInterpolationType):
        _ = config.model
