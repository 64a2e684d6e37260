"""What the record of a run, which may be a stranger's, may build."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import UnsupportedInterpolationType

from src import resolvers
from src.record import trusted_config


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
def test_a_stranger_s_configuration_builds_nothing_foreign(tmp_path: Path, target: str, more: dict, place: str):
    (tmp_path / ".hydra").mkdir()
    hydra = {"runtime": {"choices": {"experiment": "gan_r1", "model": "gan"}}, "overrides": {"task": []}}
    OmegaConf.save({"hydra": hydra}, tmp_path / ".hydra" / "hydra.yaml")
    config = OmegaConf.create({"seed": 0, "data": {"_target_": "src.data.letters.Strokes"}})
    OmegaConf.save(config, tmp_path / ".hydra" / "config.yaml")
    assert trusted_config(tmp_path) == config
    OmegaConf.update(config, place, {"_target_": target, **more}, force_add=True)
    OmegaConf.save(config, tmp_path / ".hydra" / "config.yaml")
    with pytest.raises(ValueError, match=rf"{place}._target_={target} is refused"):
        trusted_config(tmp_path)


def test_what_the_command_itself_names_is_no_stranger_s(tmp_path: Path):
    (tmp_path / ".hydra").mkdir()
    hydra = {"runtime": {"choices": {"experiment": "gan_r1", "model": "gan"}}, "overrides": {"task": []}}
    OmegaConf.save({"hydra": hydra}, tmp_path / ".hydra" / "hydra.yaml")
    config = OmegaConf.create({"gan": {"tricks": {"own": {"_target_": "mine.Own"}}}})
    OmegaConf.save(config, tmp_path / ".hydra" / "config.yaml")
    assert trusted_config(tmp_path, OmegaConf.create({"x": {"_target_": "mine.Own"}})) == config
    with pytest.raises(ValueError, match=r"mine\.Own is refused"):
        trusted_config(tmp_path, OmegaConf.create({"x": {"_target_": "mine.Other"}, "name": "mine.Own"}))


@pytest.mark.parametrize("resolver", ["oc.create", "oc.decode"])
def test_a_configuration_is_not_parsed_into_more_of_it(resolver: str):
    resolvers.register()
    config = OmegaConf.create({"model": f"${{{resolver}:'{{_target_: os.getcwd}}'}}"})
    with pytest.raises(UnsupportedInterpolationType):
        _ = config.model
