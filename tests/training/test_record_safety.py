"""What the record of a run, which may be a stranger's, may build and write to."""

import ast
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from src.core import resolvers
from src.train import CONFIGURATION
from src.training.run_config import FORCED, TRUSTED, USUAL_CACHE, checked, confined, trusted_config
from src.training.run_record import Record, read_record
from tests.test_conf import OPTIONS
from tests.training.record_fixtures import CONFIG, changed, write

FOREIGN = [
    ("os.system", {"command": "touch witness"}),
    ("subprocess.Popen", {"args": ["touch", "witness"]}),
    ("src.core.files.write_atomically", {"path": "witness", "content": ""}),
    ("src.gan.module.checkpoints.write_atomically", {"path": "witness", "content": ""}),
    ("src.data.download.fetch_archive", {"url": "file:///", "known_hash": "", "folder": "witness"}),
    ("torch.hub.load", {"repo_or_dir": "stranger/code", "model": "any"}),
    ("torch.load", {"f": "planted", "weights_only": False}),
    ("torch.nn.functional.handle_torch_function", {}),
    ("torchmetrics.text.BERTScore", {"model_name_or_path": "stranger/weights"}),
    ("hydra.utils.get_method", {"path": "os.system"}),
    ("hydra.utils.instantiate", {"config": {}}),
    ("functools.partial", {}),
    ("builtins.eval", {"source": "1"}),
    ("src.gan.losses.Gone", {}),
    ("src..gan", {}),
    ("", {}),
    ("src.core.files.Path", {}),
    ("lightning.pytorch.loggers.CSVLogger", {"save_dir": "witness"}),
    ("src.training.tensorboard.Board", {"save_dir": "witness", "name": "/elsewhere"}),
    ("lightning.Trainer", {}),
    ("torch._logging._internal.logging.FileHandler", {"filename": "witness"}),
    ("torch.nn.modules.module.Any", {}),
]
PLACES = (
    "gan.optimizer",
    "gan.tricks.planted",
    "callbacks.curves",
    "data.list",
    "trainer.strategy",
    "trainer.logger.x",
    "logger.wandb",
)


@pytest.mark.parametrize(("target", "more"), FOREIGN, ids=[target for target, _ in FOREIGN])
def test_a_stranger_s_configuration_builds_nothing_foreign(run: Path, target: str, more: dict):
    assert trusted_config(run).model == OmegaConf.create(CONFIG["gan"])
    for place in PLACES:
        planted = {"_target_": target, **more}
        write(run, changed(place, [[planted]] if place.endswith("list") else planted))
        if "logger" in place:  # there it is dropped
            assert not {"logger", "x"} & {*trusted_config(run).trainer}
            assert trusted_config(run).logger == {}
            continue
        with pytest.raises(ValueError, match=rf"{place}.*_target_={re.escape(target)} is refused"):
            trusted_config(run)


@pytest.mark.parametrize(
    "value",
    [
        "${oc.create:'{_target_: os.getcwd}'}",
        "${oc.decode:'{_target_: os.getcwd}'}",
        "${oc.env:HOME}",
        "${oc.env:HOME,x}",
        "${oc.env:DATA_DIR}",
        "${oc.select:gan}",
        "${oc.dict.values:gan}",
        "${hydra:runtime.cwd}",
        "${now:%Y}",
        "${run_folder:a,b,c}",
        "${.seed}",
        "${gone}",
        "${gan.gone}",
        "${seed.gone}",
        "${attack}",
        "x${gan}",
        "${",
    ],
)
def test_no_other_interpolation_is_resolved(run: Path, value: str):
    for config in (CONFIG | {"attack": value}, CONFIG | {"model": value}, changed("gan.tricks", [{"x": value}])):
        write(run, config)
        with pytest.raises(ValueError, match=r"config\.yaml: \S"):
            trusted_config(run)


def test_texts_are_not_put_together_to_interpolations(run: Path):
    write(run, CONFIG | {"dollar": "$", "made": "${dollar}{oc.env:HOME}"})
    with pytest.raises(ValueError, match=r"\$\{dollar\} cannot stand within other text"):
        trusted_config(run)


def test_the_environment_gives_a_folder_and_no_interpolation(run: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATA_DIR", "/somewhere")
    assert trusted_config(run).data.root == "/somewhere"
    monkeypatch.setenv("DATA_DIR", "${seed}")
    with pytest.raises(ValueError, match="gives an interpolation"):
        trusted_config(run)


def test_a_target_does_not_change_between_the_check_and_its_use(run: Path, resumed):
    """As one that depends on `resume` or on the callbacks would."""
    names = {"true": "os.getcwd", "false": "src.gan.losses.Standard"}
    for switch in ("${has_callback:late}", "${resume}"):
        planted = {"_target_": f"${{names.{switch}}}"}
        write(run, CONFIG | {"names": names, "resume": "false", "attack": planted})
        with pytest.raises(ValueError, match="refers to nothing"):
            resumed()
    write(run, CONFIG | {"name": "os.getcwd", "attack": {"_target_": "${name}"}})
    with pytest.raises(ValueError, match=r"attack\._target_=os.getcwd is refused"):
        resumed()


def test_what_was_checked_holds_no_interpolation(run: Path):
    config = trusted_config(run)
    assert OmegaConf.to_container(config, resolve=False) == OmegaConf.to_container(config, resolve=True)


@pytest.mark.parametrize(
    "more",
    [
        {"_args_": ["witness"]},
        {"_recursive_": False},
        {"_mode_": "call"},
        {"_partial_": "${seed}"},
        {"_convert_": None},
        {"_target_": ["os.getcwd"]},
    ],
)
def test_of_hydra_s_keys_only_harmless_ones_are_taken(run: Path, more: dict):
    """Positional arguments would go past what is known of an argument by its name."""
    write(run, changed("callbacks.curves", {"_target_": "src.training.callbacks.preemption.Preemption", **more}))
    with pytest.raises(ValueError, match="is refused; Hydra's keys in a record are"):
        trusted_config(run)
    write(run, changed("callbacks.curves", {"_recursive_": False}))
    with pytest.raises(ValueError, match="_recursive_ is refused"):
        trusted_config(run)


def test_no_module_is_imported_only_because_a_record_names_it(run: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(target: str) -> None:
        raise AssertionError(f"{target} was imported")

    monkeypatch.setattr("src.training.run_config.get_class", fail)
    for target in ("src.train.x", "benchmarks.__main__.x", "antigravity.x", "src", "srcs.gan.x", "torch.testing.x"):
        write(run, changed("callbacks.curves", {"_target_": target}))
        with pytest.raises(ValueError, match="is refused"):
            trusted_config(run)


def test_checkpoints_are_sent_nowhere(run: Path):
    write(run, changed("trainer.model_registry", "stranger/model"))
    with pytest.raises(ValueError, match="model_registry is refused"):
        trusted_config(run)


def test_what_the_command_itself_names_is_no_stranger_s(run: Path, resumed):
    write(run, changed("gan.tricks", {"own": {"_target_": "mine.Own"}}))
    resumed(x={"_target_": "mine.Own"})
    with pytest.raises(ValueError, match=r"mine\.Own is refused"):
        resumed(x={"_target_": "mine.Other", "name": "mine.Own"})
    with pytest.raises(ValueError, match=r"mine\.Own is refused"):
        trusted_config(run)


# What a record may write to


def test_everything_is_written_to_the_run_s_own_folder(run: Path, resumed, tmp_path: Path):
    other = str(tmp_path / "other")
    hidden = {"_target_": "src.evaluation.callback.Evaluation", "folder": other, "evaluator": {"cache": other}}
    config = changed("callbacks.evaluation", "${hidden}") | {"hidden": hidden}
    config["trainer"] |= {"default_root_dir": other, "callbacks": [{"dirpath": other}]}
    config["trainer"]["logger"] = {"_target_": "lightning.pytorch.loggers.TensorBoardLogger", "save_dir": other}
    config["logger"] = {"mlflow": {"_target_": "lightning.pytorch.loggers.MLFlowLogger", "tracking_uri": other}}
    write(run, config | {"cache": other, "study": {"log_dir": [other]}})
    for found in (trusted_config(run), resumed().config):
        assert other not in OmegaConf.to_yaml(found)
        assert found.callbacks.preemption.folder == found.callbacks.evaluation.folder == str(run)
        assert found.callbacks.evaluation.evaluator.cache == found.data.cache == USUAL_CACHE
        assert found.trainer.default_root_dir == str(run)
    assert resumed(cache="given").config.data.cache == "given"


def test_a_run_that_was_moved_writes_to_its_new_place(run: Path, tmp_path: Path):
    write(run, changed("callbacks.preemption.folder", "${hydra:runtime.output_dir}"))
    moved = run.rename(tmp_path / "moved")
    assert trusted_config(moved).callbacks.preemption.folder == str(moved)


@pytest.mark.parametrize("link", ["samples", "checkpoints", "train.log", "samples/a.png", ".hydra/resumed", "x/y"])
def test_a_link_that_leads_out_of_the_run_is_refused(run: Path, tmp_path: Path, link: str):
    target = tmp_path / "elsewhere"
    (run / link).parent.mkdir(exist_ok=True)
    (run / link).symlink_to(target)
    with pytest.raises(ValueError, match=f"{link} is a link that leads out of"):
        read_record(run)
    (run / link).unlink()
    (run / link).symlink_to(run / "results.json")
    read_record(run)


PATHLIKE = re.compile("(^|_)(path|dir|folder|file|root|cache|log|save)(path|dir|name|s)?(_|$)")
READ = {"root", "path"}  # of data: downloads to it overwrite nothing


def test_every_folder_that_a_trusted_class_takes_is_known():
    """Whoever adds a class that writes to a folder lets it be called `folder`, or adds its name to FORCED."""
    places = [Path(find_spec(name).origin) for name in TRUSTED if name.startswith("src.")]
    files = [file for path in places for file in (path.parent.rglob("*.py") if path.stem == "__init__" else [path])]
    unknown = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                unknown |= {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
    assert set(filter(PATHLIKE.search, unknown)) <= {*READ, *FORCED}


GROUPS = sorted({option.parts[0] for option in OPTIONS if option.parts[0].startswith(("gan.", "vae.", "data"))})


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.ci
def test_the_record_of_every_option_is_taken_as_it_is(group: str, tmp_path: Path):
    resolvers.register()
    GlobalHydra.instance().clear()
    names = [option.stem for option in OPTIONS if option.parts[0] == group]
    several = group in ("gan.tricks", "vae.anneal")
    family = [f"model={group.partition('.')[0]}"] if "." in group else []
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        for choice in [f"[{','.join(names)}]"] if several else names:
            config = compose("train", overrides=[*family, f"{group}={choice}"], return_hydra_config=True)
            config.hydra.runtime.output_dir = str(tmp_path)
            HydraConfig.instance().set_config(config)
            plain = {key: value for key, value in OmegaConf.to_container(config).items() if key != "hydra"}
            record = Record(tmp_path, plain, "any", "any")
            found = OmegaConf.to_container(checked(record, confined(record, ".cache"), frozenset()))
            expected = OmegaConf.to_container(OmegaConf.create(plain), resolve=True)
            assert found.pop("trainer").items() >= expected.pop("trainer").items()
            assert found == expected | {"logger": {}}


def test_modules_of_ones_own_are_imported_where_they_are_trusted_only(run: Path, monkeypatch: pytest.MonkeyPatch):
    (run.parent / "own_parts.py").write_text("from pathlib import Path\n\n\nclass Network:\n    pass\n")
    monkeypatch.syspath_prepend(run.parent)
    write(run, changed("gan.generator", {"_target_": "own_parts.Network"}))
    for trust in ((), ("own",), ("own_parts_of_others",)):
        with pytest.raises(ValueError, match=r"own_parts.Network is refused.*src.sample trust=own_parts$"):
            trusted_config(run, trust)
    assert "own_parts" not in sys.modules
    assert trusted_config(run, ("own_parts",)).gan.generator == {"_target_": "own_parts.Network"}
    write(run, changed("gan.generator", {"_target_": "own_parts.Path"}))
    with pytest.raises(ValueError, match=r"own_parts.Path is refused"):
        trusted_config(run, ("own_parts",))
    sys.modules.pop("own_parts")
