"""What a command says is understood before anything is made: an option works, or one line says what to use instead."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from src import train

Try = Callable[..., str]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[DictConfig]:
    """Configurations that came as far as a run, which is not carried out."""
    runs: list[DictConfig] = []

    def run(config: DictConfig, folder: Path) -> dict[str, str]:
        runs.append(config)
        return {"status": "completed"}

    monkeypatch.setattr(train, "run", run)
    return runs


@pytest.fixture
def refused(ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Try:
    """Gives a command in an empty folder and returns the one line that refuses it; nothing was made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rank_zero_only, "rank", 0)

    def give(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["src/train.py", *arguments])
        with pytest.raises(SystemExit) as end:
            train.main()
        said = capsys.readouterr()
        assert end.value.code == 1
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1, said.err
        assert not ran
        assert not [path for path in tmp_path.iterdir() if path.is_dir()], "nothing was made"
        return said.err

    return give


@pytest.fixture
def taken(ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DictConfig]:
    """Gives a command in an empty folder and returns the configuration that is run."""
    monkeypatch.chdir(tmp_path)

    def give(*arguments: str) -> DictConfig:
        monkeypatch.setattr(sys, "argv", ["src/train.py", *arguments])
        train.main()
        return ran[-1]

    return give


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("trainer.max_epochs=100", "budget="),
        ("+trainer.max_steps=10 batch_size=64", "budget=640"),
        ("+trainer.min_epochs=3", "budget="),
        ("+trainer.max_time=00:00:01:00", "budget="),
        ("+trainer.fast_dev_run=true", "budget=128 evaluations=1"),
        ("+trainer.fast_dev_run=3", "budget="),
        ("+trainer.overfit_batches=1", "budget="),
        ("+trainer.limit_train_batches=0.1", "budget="),
        ("+trainer.limit_val_batches=1", "evaluations="),
        ("+trainer.val_check_interval=10", "evaluations="),
        ("+trainer.check_val_every_n_epoch=2", "evaluations="),
        ("trainer.num_sanity_val_steps=2", "evaluations="),
        ("trainer.log_every_n_steps=50", "callbacks.curves.every="),
        ("trainer.logger=false", "src.board.Board"),
        ("trainer.logger=null", "src.board.Board"),
        ("trainer.logger._target_=lightning.pytorch.loggers.CSVLogger", "src.board.Board"),
        ("trainer.enable_checkpointing=true", "evaluations="),
        ("trainer.enable_progress_bar=false", "callbacks=quiet"),
        ("+trainer.accumulate_grad_batches=4", "batch_size="),
        ("+trainer.gradient_clip_val=1.0", "vae.max_gradient_norm="),
        ("+trainer.gradient_clip_algorithm=value", "vae.max_gradient_norm="),
        ("+trainer.profiler=simple", "src.benchmark"),
        ("+trainer.barebones=true", "src.benchmark"),
        ("+trainer.callbacks=[]", "+callbacks.NAME._target_"),
        ("+trainer.plugins=[]", "trainer.precision="),
        ("+trainer.default_root_dir=here", "hydra.run.dir="),
        ("+trainer.use_distributed_sampler=false", "memory"),
        ("+trainer.reload_dataloaders_every_n_epochs=1", "memory"),
        ("trainer.precision=64-true", "bf16-mixed or 32-true"),
        ("trainer.precision=bf16-true", "bf16-mixed or 32-true"),
        ("trainer.precision=16-mixed", "fp16"),
        ("trainer.devices=2", "accelerator=ddp"),
        ("trainer.devices=[0,1]", "accelerator=ddp"),
        ("+trainer.num_nodes=2", "accelerator=ddp"),
        ("+trainer.sync_batchnorm=true", "accelerator=ddp"),
        ("trainer.strategy=fsdp", "choose auto, ddp"),
        ("trainer.strategy=ddp_spawn", "choose auto, ddp"),
        ("+trainer.max_step=10", "budget="),
    ],
    ids=lambda value: value,
)
def test_options_of_the_trainer_that_do_not_fit(refused: Try, given: str, expected: str):
    said = refused("accelerator=cpu", *given.split())
    assert given.split()[0].lstrip("+").partition("=")[0].partition("._target_")[0] in said
    assert expected in said


@pytest.mark.parametrize(
    "given",
    [
        "+trainer.deterministic=true",
        "+trainer.benchmark=true",
        "+trainer.detect_anomaly=true",
        "trainer.precision=32",
        "trainer.precision=bf16-mixed",
        "trainer.devices=[0]",
        "trainer.enable_model_summary=true",
        "trainer.max_epochs=1",
        "+trainer.logger.flush_secs=5",
        "accelerator=ddp trainer.accelerator=cpu trainer.devices=2",
    ],
)
def test_options_of_the_trainer_that_work(taken, given: str):
    assert taken("accelerator=cpu", *given.split())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("epochs=3", "budget="),
        ("+epochs=3", "budget="),
        ("++num_epochs=3", "budget="),
        ("trainer.max_steps=3", "budget="),
        ("+lr=1", "vae.optimizer.lr="),
        ("model=gan +lr=1", "gan.generator_optimizer.lr= and gan.discriminator_optimizer.lr="),
        ("learning_rate=1", "vae.optimizer.lr="),
        ("model=gan +gan.lr=1", "gan.generator_optimizer.lr="),
        ("batch=3", "batch_size="),
        ("latent_dim=3", "vae.z_high="),
        ("+buget=3", "did you mean budget?"),
        ("buget=3", "did you mean budget?"),
        ("generator.width=8 model=gan", "gan.generator.width"),
        ("gan.generator.widht=8 model=gan", "gan.generator.width"),
        ("+gan.generator.widht=8 model=gan", "gan.generator.width"),
        ("+gan.generator.width=8", "model=gan"),
        ("gan.generator.width=8", "model=gan"),
        ("model=gan vae.z_high=3", "model=vae"),
        ("model=gan vae.anneal=linear", "model=vae"),
        ("vae.anneal=linear vae.anneal.cyclical.cycles=3", "vae.anneal.cyclical"),
        ("+data.path=bars.npz", "data.path"),
        ("+evaluator.samples=5", "evaluator.num_samples"),
        ("+study.seed=5", "study.seeds"),
        ("+callbacks.mine=5", "callbacks.mine"),
        ("model=gan gan.tricks=[r1] +gan.tricks.r2.gamma=5", "gan.tricks.r2"),
        ("+hydra.foo=3", "hydra.foo"),
        ("+hydra.launcher.foo=3", "hydra.launcher.foo"),
        ("-m +epochs=1,2", "budget="),
        ("-m seed=0,1 +epochs=2", "budget="),
        ("-m model=gan gan.generator.widht=1,2", "gan.generator.width"),
        ("-m experiment=gan_fm,gan_r1 gan.generator.width=16", "add model=gan"),
        ("-m accelerator=cpu +trainer.max_steps=3,4", "budget="),
        ("--experiment gan_fm", "write experiment=gan_fm"),
        ("--experiment=gan_fm", "write experiment=gan_fm"),
        ("--batch-size 3", "write batch_size=3"),
        ("gan_fm", "write experiment=gan_fm"),
        ("quick", "write study=quick"),
        ("experiment gan_fm", "write experiment=gan_fm"),
        ("experiment= gan_fm", "write experiment=gan_fm"),
        ("budget = 100", "write budget=100"),
        ("budget =100", "write budget=100"),
        ("budget", "key=value"),
        ("=3", "key=value"),
        ("experiment=", "experiment=: there is no such choice"),
        ("experiment=gan_mf", "did you mean gan_fm?"),
        ("vae.anneal=liner", "did you mean linear?"),
        ("vae.anneal=[linear,cylical]", "did you mean cyclical?"),
        ("study=nothing", "choose full, gan, quick, vae"),
        ("--config-name x", "x"),
        ("--config-dir nowhere", "--config-dir nowhere"),
        ("--config-path nowhere", "nowhere"),
        ("--resolve", "--cfg job"),
        ("--experimental-rerun x", "resume=FOLDER"),
        ("--cfg nothing", "job"),
        ("--run --multirun", "--multirun"),
        ("hydra.job.chdir=true", "hydra.job.chdir=true"),
        ("hydra.output_subdir=null", "hydra.output_subdir"),
        ("hydra/job_logging=nothing", "disabled"),
        ("budget=1,2", "budget=1,2"),
        ("budget=1e5", "write 100000"),
        ("seed=1e3", "write 1000"),
        ("seed=true", "seed=True"),
        ("seed=18446744073709551616", "4294967295"),
        ("seed=2**64", "4294967295"),
        ("-m experiment=glob(nothing_*)", "nothing matches; choose"),
        ("study=quick study.seeds=0", "study.seeds=0"),
        ("study=quick study.seeds=many", "study.seeds=many"),
        ("hydra.run.dir=", "hydra.run.dir"),
    ],
    ids=lambda value: value,
)
def test_what_is_refused(refused: Try, given: str, expected: str):
    assert expected in refused(*given.split())


@pytest.mark.parametrize(
    "given",
    [
        "+width=8 model=gan gan.generator.width=${width}",
        "+callbacks.mine._target_=lightning.Callback",
        "model=gan +gan.tricks.mine._target_=src.gan.tricks.Trick",
        "model=gan gan.tricks=[r1] +gan.tricks.mine._target_=src.gan.tricks.Trick",
        "model=gan +gan.generator_optimizer.eps=1e-6",
        "++budget=500",
        "+hydra.job.env_set.A=b",
        "hydra/job_logging=none",
        "hydra/job_logging=disabled",
        "hydra.verbose=true",
        "hydra.run.dir=.",
        "experiment=gan_fm -r budget=3",
    ],
)
def test_what_is_taken(taken, given: str):
    assert taken(*given.split())


def test_flags_may_stand_anywhere(taken):
    assert taken("experiment=gan_fm", "--run", "seed=3").seed == 3


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
