"""Options work, or are refused in one line before a folder is made."""

import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import OmegaConf

from src import train
from src.cli.arguments import check, hydra_parser, remove_unstarted
from src.cli.explanations import check_words, explain
from src.core import resolvers
from src.core.commands import CONFIGURATION
from src.core.errors import is_user_error
from tests.cli.conftest import Try


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("gan_fm", "experiment=gan_fm"),
        ("quick", "study=quick"),
        ("experiment gan_fm", "experiment=gan_fm"),
        ("experiment= gan_fm", "experiment=gan_fm"),
        ("budget = 100", "budget=100"),
        ("budget =100", "budget=100"),
        ("seed=1 budget", "key=value"),
        ("vae.anneal=linear, cyclical", "write vae.anneal=linear,cyclical"),
        ("quick/seed_fm", "experiment=quick/seed_fm"),
        ("=3", "key=value"),
    ],
)
def test_words_that_are_no_options(words: str, meant: str):
    with pytest.raises(ValueError, match=meant):
        check_words(words.split())


def test_words_that_are_options():
    check_words(["budget=3", "~callbacks.progress", "experiment=", "+a.b=[1, 2]", "seed=range(3)"])


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--experiment gan_fm", "write experiment=gan_fm"),
        ("--experiment=gan_fm", "write experiment=gan_fm"),
        ("--batch-size 3", "write batch_size=3"),
        ("--seed", "write seed=VALUE"),
        ("--cfg nothing", "--cfg"),
        ("--config-dir nowhere", "--config-dir nowhere"),
        ("--resolve", "--cfg job"),
        ("--experimental-rerun x", "resume=FOLDER"),
    ],
)
def test_flags_that_are_none(flags: str, expected: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["src/train.py", *flags.split()])
    with pytest.raises(ValueError, match=expected):
        hydra_parser().parse_args()


def test_flags_may_stand_anywhere():
    parsed = hydra_parser().parse_args(["experiment=gan_fm", "-m", "seed=3,4"])
    assert parsed.multirun
    assert parsed.overrides == ["experiment=gan_fm", "seed=3,4"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("epochs=3", "budget="),
        ("trainer.max_steps=3", "budget="),
        ("gan.generator.widht=8 model=gan", "gan.generator.width"),
        ("gan.generator.width=8", "add model=gan"),
        ("model=gan vae.z_high=3", "add model=vae"),
        ("model=gan vae.anneal=linear", "add model=vae"),
        ("vae.anneal=linear vae.anneal.cyclical.cycles=3", "vae.anneal.cyclical"),
        ("experiment=", "experiment=: there is no such choice"),
        ("experiment=gan_mf", "did you mean gan_fm?"),
        ("vae.anneal=[linear,cylical]", "did you mean cyclical?"),
        ("study=nothing", "choose compare_gan, compare_vae, full, gan, phase_transition, quick, remedies, seed, vae"),
        ("hydra/job_logging=nothing", "disabled"),
        ("budget=1,2", "budget=1,2"),
        ("+experiment=gan_fm", "leave out the +"),
        ("budget=[1", "budget=[1"),
        ("~budge", "'budge' does not exist"),
    ],
)
def test_what_cannot_be_composed(given: str, expected: str):
    resolvers.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        with pytest.raises(HydraException) as refusal:
            compose("train", overrides=given.split())
        said = explain(refusal.value)
    assert expected in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("+epochs=3", "budget="),
        ("--experiment gan_fm", "experiment=gan_fm"),
        ("--run --multirun", "--multirun"),
        ("--config-name x", "x"),
        ("--config-path nowhere", "nowhere"),
        ("-m seed=0,1 +epochs=2", "budget="),
        ("-m model=gan gan.generator.widht=1,2", "gan.generator.width"),
        ("-m experiment=gan_fm,gan_r1 gan.generator.width=16", "add model=gan"),
        ("-m accelerator=cpu +trainer.max_steps=3,4", "budget="),
        ("-m experiment=glob(nothing_*)", "nothing matches; choose drums_gan, gan_"),
        ("study=quick study.seeds=0", "study.seeds=0"),
        ("hydra.job.chdir=true", "hydra.job.chdir=true"),
        ("hydra.output_subdir=null", "hydra.output_subdir"),
        ("hydra.run.dir=", "hydra.run.dir=: choose a folder"),
        ("budget=1e5", "write 100000"),
        ("seed=18446744073709551616", "4294967295"),
        ("data=idx", "data.images"),
        ("experiment=[gan_fm,gan_r1]", "experiment=[…]: choose one"),
        ("+callbacks.mine._target_=no.such.Class", "there is no no.such.Class"),
        ("hydra.run.dir=file/run", "hydra.run.dir=file/run: the folder cannot be made"),
        ("-m seed=0,1 hydra.sweep.dir=file/run", "hydra.sweep.dir=file/run: the folder cannot be made"),
        (f"hydra.run.dir={300 * 'a'}", "name too long"),
    ],
    ids=lambda value: value[:60],
)
def test_what_is_refused(refused: Try, given: str, expected: str):
    assert expected.lower() in refused(*given.split()).lower()


@pytest.mark.parametrize(
    "given",
    [
        "model=gan +gan.tricks.mine._target_=src.gan.tricks.Trick",
        "hydra/job_logging=none",
        "hydra/job_logging=disabled",
        "hydra.verbose=true",
        "hydra.run.dir=.",
        "experiment=gan_fm -r budget=3",
    ],
)
def test_what_is_taken(taken, given: str):
    assert taken(*given.split())


def test_another_rank_keeps_no_record_of_its_own(taken, monkeypatch: pytest.MonkeyPatch):
    """Lightning starts it with the first one's command and these."""
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    ddp = ("accelerator=ddp", "trainer.accelerator=cpu", "trainer.devices=2")
    assert taken(*ddp, "hydra.run.dir=run", "hydra.output_subdir=null").trainer.devices == 2
    assert rank_zero_only.rank == 1


def test_a_folder_of_ones_own_recipes(taken, tmp_path: Path):
    folder = tmp_path / "own" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /model: gan\nw: 5\ngan: {generator: {width: '${w}'}}\n"
    )
    assert taken("--config-dir", "own", "experiment=mine").gan.generator.width == 5


def test_a_misspelt_recipe_of_ones_own(refused: Try, tmp_path: Path):
    folder = tmp_path.with_name(f"{tmp_path.name}-own") / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nbudget: 500\n")
    assert "did you mean mine?" in refused("--config-dir", str(folder.parent), "experiment=mime")


@pytest.mark.parametrize(
    "given", ["--cfg job", "--info", "--help", "--cfg job --resolve", "--cfg job --package trainer"]
)
def test_what_only_shows(ran, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["src/train.py", *given.split()])
    with suppress(SystemExit):
        train.main()
    assert capsys.readouterr().out
    assert not ran
    assert not list(tmp_path.iterdir())


def test_a_run_that_its_data_refuse_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    Path("bars").mkdir()
    given = ("data=grids", "data.path=bars", "accelerator=cpu", "callbacks=no_progress")
    monkeypatch.setattr(sys, "argv", ["src/train.py", *given])
    with pytest.raises(SystemExit):
        train.main()
    assert "data.path=bars: this is a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["bars"]


def test_a_traceback_can_be_asked_for(monkeypatch: pytest.MonkeyPatch):
    assert is_user_error(ValueError())
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert not is_user_error(ValueError())


def test_of_a_folder_of_the_user_only_what_the_start_wrote_goes(tmp_path: Path):
    for name in ("csv/mine.csv", "csv/version_0/metrics.csv", ".hydra/config.yaml", "train.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    remove_unstarted(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["csv", "mine.csv"]


@pytest.mark.parametrize("kept", ["history.csv", "samples/random.png", "mine.txt"])
def test_a_folder_that_holds_more_is_kept(tmp_path: Path, kept: str):
    run = tmp_path / "multirun" / "single" / "run"
    for name in (".hydra/config.yaml", "train.log", "events.out.tfevents.1", kept):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).touch()
    remove_unstarted(run)
    assert (run / kept).exists()
    (run / kept).unlink()
    remove_unstarted(run)
    assert not list(tmp_path.iterdir())


def test_checking_leaves_the_configuration_to_the_sweeper():
    """It records its folder in there."""
    resolvers.register()
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        config = compose("train", ["accelerator=cpu", "hydra.mode=MULTIRUN"], return_hydra_config=True)
        OmegaConf.set_readonly(config.hydra, False)  # as Hydra's own commands compose it
        check(config)
    config.hydra.sweep.dir = "sweep"
