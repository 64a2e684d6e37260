"""Commands that work when they are pasted, wherever the clone lies."""

import shlex
import subprocess
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from src.core import resolvers
from src.core.commands import CONFIGURATION, command, override, prepare_arguments, resuming_sweep

ODD = (
    *("/home/Müller (2024), run=1/lab", "Ana's sweep", '"quoted"', "a, b", "{x}", "[x]", "a:b", "#1", "~", "50 %"),
    *("$HOME/x", "${HOME}/x", "${x", "\\${x}", "a\\b", "end\\", "a\\\\'b", "1", "1e3", "null", "True", " lead", "nan"),
)


def read_back(word: str) -> str:
    """What Hydra and OmegaConf make of an override's value."""
    return OmegaConf.create({"path": OverridesParser.create().parse_override(word).value()}).path


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1))
@example("\\'$")
def test_any_path_is_read_back(path: str):
    assert read_back(override("resume", path)) == path
    assert shlex.split(command(override("resume", path)))[-1] == override("resume", path)


@pytest.mark.parametrize("path", ["/home/Müller's (2024), run=1/lab", "${HOME}/$x{y}", "\\${x}\\"])
def test_odd_folders_reach_the_whole_configuration(path: str):
    resolvers.register()
    words = [override(key, path) for key in ("study.resume", "data.root", "hydra.run.dir")]
    with initialize_config_dir(str(CONFIGURATION), version_base="1.3"):
        config = compose("train", words, return_hydra_config=True)
    assert (config.study.resume, config.data.root, config.hydra.run.dir) == (path, path, path)
    assert config.hydra.sweep.dir == path


def test_the_shell_gives_the_words_back_and_the_key_stands_first():
    """As bash splits them, not only as Python does."""
    words = [override("resume", path) for path in ODD]
    said = [command(word) for word in words]
    assert said[0] == "python -m src.train resume=\"'/home/Müller (2024), run=1/lab'\""
    assert [shlex.split(line)[3:] for line in said] == [[word] for word in words]
    for line, word in zip(said, words, strict=True):
        printed = subprocess.run(["bash", "-c", line.replace("python -m src.train", "printf %s")], capture_output=True)
        assert printed.stdout.decode() == word


def test_plain_paths_stay_as_they_are():
    assert command(override("resume", Path("multirun/single/2026_a-b"))) == (
        "python -m src.train resume=multirun/single/2026_a-b"
    )


@pytest.mark.parametrize("path", [path for path in ODD if path[0] not in "'\"~$ " and path not in ("null", "\\${x}")])
def test_a_user_need_not_know_hydra_s_grammar(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for key in ("resume", "hydra.run.dir"):
        (word,) = prepare_arguments([f"{key}={path}"])
        assert read_back(word) == path


def test_home_is_found_in_paths_and_in_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    words = ["resume=~/a", "hydra.run.dir=~/${now:%H}", "data.path=~/a.npz,~/b.npz", "+data.root='~/my data'", "+x=~"]
    expected = ["resume=/home/me/a", "hydra.run.dir=/home/me/${now:%H}", "data.path=/home/me/a.npz,/home/me/b.npz"]
    assert prepare_arguments(words) == [*expected, "+data.root='/home/me/my data'", "+x=~"]


def test_patterns_and_colours_need_no_quotes():
    words = ["data.label={label}_*", "data.label='{label}_*'", "data.background=#ff0000", "data.background=white"]
    quoted = ["data.label='{label}_*'", "data.label='{label}_*'", "data.background='#ff0000'", "data.background=white"]
    assert prepare_arguments(words) == quoted


def test_what_hydra_reads_itself_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").mkdir()
    words = ["resume='Ana\\'s'", "resume=null", "data.path=a.npz,b.npz", "resume=a\\ b", "~callbacks.progress", "-m"]
    assert prepare_arguments(words) == words
    (tmp_path / "a.npz,b.npz").touch()
    assert prepare_arguments(["data.path=a.npz,b.npz"]) == ["data.path='a.npz,b.npz'"], "one file of that name"


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """The record of a sweep, in a folder with an odd name."""
    folder = tmp_path / "Ana's sweep"
    folder.mkdir()
    record(folder, ["experiment=gan_fm,gan_r1", "seed=0,1", "~callbacks.progress"], ["hydra.mode=MULTIRUN"])
    return folder


def record(folder: Path, task: list[str], of_hydra: list[str]) -> None:
    OmegaConf.save({"hydra": {"overrides": {"task": task, "hydra": of_hydra}}}, folder / "multirun.yaml")


def test_study_resume_alone_brings_the_sweep_s_own_choices(sweep: Path):
    resume = override("study.resume", sweep)
    recorded = ["experiment=gan_fm,gan_r1", "seed=0,1", "~callbacks.progress"]
    assert prepare_arguments([resume]) == ["-m", *recorded, resume]
    assert prepare_arguments([f"study.resume={sweep}"]) == ["-m", *recorded, resume], "without quotes too"
    assert prepare_arguments(["-m", resume, "seed=2"]) == [recorded[0], recorded[2], "-m", resume, "seed=2"]
    record(
        sweep, ["study=quick", "study.resume=x", "study.dry_run=true"], ["hydra/launcher=basic", "hydra.sweep.dir=x"]
    )
    assert prepare_arguments([resume]) == ["-m", "study=quick", "hydra/launcher=basic", resume]


@pytest.mark.parametrize(
    "planted",
    [
        "+callbacks.x._target_=os.system",
        "+callbacks.x={_target_: os.system}",
        "model=${oc.env:HOME}",
        "experiment=../../evil/x",
        "experiment=/tmp/evil",
        "callbacks.evaluation.folder=/home/me",
        "logger=[tensorboard,wandb]",
        "logger.mlflow.tracking_uri=https://evil",
        "data@model=evil",
        "--config-dir=/tmp/evil",
        "hydra.searchpath=[file:///tmp/evil]",
        "+hydra.launcher.setup=[touch /tmp/evil]",
    ],
)
def test_a_stranger_s_sweep_starts_nothing_of_its_own(sweep: Path, planted: str):
    record(sweep, ["seed=0,1", planted], ["hydra/launcher=basic"])
    with pytest.raises(ValueError, match="which is not taken from a record; give the same command again"):
        prepare_arguments([override("study.resume", sweep)])
    resume = override("study.resume", sweep)
    words = ["-m", "seed=0,1", "hydra/launcher=basic", resume, planted]
    assert prepare_arguments([resume, planted]) == words, "if given"


def test_study_resume_of_what_is_no_sweep_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"no sweep was started there, it has no multirun\.yaml"):
        prepare_arguments([f"study.resume={tmp_path}"])
    with pytest.raises(ValueError, match="no sweep was started there"):
        prepare_arguments(["-m", "seed=0,1", f"study.resume={tmp_path / 'mistyped'}"])
    (tmp_path / "multirun.yaml").write_text("hydra: {overrides")
    with pytest.raises(ValueError, match=r"multirun\.yaml is damaged"):
        prepare_arguments([f"study.resume={tmp_path}"])


def test_the_printed_command_repeats_what_the_record_lacks(sweep: Path):
    task = ["experiment=gan_fm,gan_r1", "seed=0,1", "~callbacks.progress"]
    resume = override("study.resume", sweep)
    assert shlex.split(resuming_sweep(sweep, task, ["hydra.mode=MULTIRUN", "hydra.sweep.dir=x"]))[3:] == [resume]
    again = resuming_sweep(sweep, [task[0], "seed=2", task[2], resume], ["hydra/launcher=basic"])
    assert shlex.split(again)[3:] == [resume, "seed=2", "hydra/launcher=basic"]
    record(sweep, [*task, "+gan.tricks.mine._target_=mine.Trick"], [])
    again = resuming_sweep(sweep, [*task, "+gan.tricks.mine._target_=mine.Trick"], [])
    assert shlex.split(again)[3:] == [resume, "+gan.tricks.mine._target_=mine.Trick"]
    assert prepare_arguments(shlex.split(again)[3:])[1:4] == task
