"""What users of PyTorch and Hydra type by habit gets one line with the right spelling, and leaves nothing behind."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Try

ROOT = Path(__file__).parents[2]
LENGTH = "a run's length is budget="
OF_GAN, OF_VAE = "add model=gan", "add model=vae"
HABITS = {
    # flags
    "--experiment gan_fm": "write experiment=gan_fm",
    "--epochs 10": LENGTH,
    "--lr 1e-4": "use vae.optimizer.lr=1e-4",
    "--lr 1e-4 model=gan": "use gan.generator_optimizer.lr=1e-4 and gan.discriminator_optimizer.lr=1e-4",
    "--batch-size 64": "write batch_size=64",
    "--gpus 1": "use accelerator=, cpu, gpu or auto",
    "--data mnist": "write data=mnist",
    "--data-dir here": "use data.root=here",
    "--seeds=3": "-m 'seed=range(3)'",
    "--multi-run seed=0,1": "there is no option multi_run",
    "-b 64": "--help lists all",
    "-help": "--help lists all",
    # words
    "help": "--help lists all",
    "train": "--help lists all",
    "batch_size 64": "write batch_size=64",
    "seed 3": "write seed=3",
    "epochs 10": LENGTH,
    "gpu": "write accelerator=gpu",
    "cuda": "write accelerator=gpu",
    "wgan": "write experiment=gan_wasserstein or gan.loss=wasserstein",
    "conf/experiment/gan_fm.yaml": "write experiment=gan_fm",
    "experiment:gan_fm": "write experiment=gan_fm",
    "experiment= gan_fm": "write experiment=gan_fm, without a space",
    # options
    "lr=1e-4": "use vae.optimizer.lr=1e-4",
    "learning_rate=1e-3 model=gan": "use gan.generator_optimizer.lr=1e-3",
    "epochs=10": LENGTH,
    "+epochs=10": LENGTH,
    "num_epochs=10": LENGTH,
    "n_epochs=10": LENGTH,
    "trainer.max_epochs=3": LENGTH,
    "trainer.gpus=1": "use accelerator=",
    "batchsize=64": "use batch_size=64",
    "trainer.batch_size=64": "use batch_size=64",
    "loss=hinge": "use gan.loss=hinge",
    "loss=wgan": "use gan.loss=wasserstein",
    "dataset=mnist": "use data=mnist",
    "anneal=cyclical": "use vae.anneal=cyclical",
    "vae.annealing=linear": "use vae.anneal=linear",
    "vae.beta=4": "vae.anneal=constant vae.anneal.constant.beta=4",
    "tricks=r1": "use gan.tricks=[r1]",
    "gan.trick=r1 model=gan": "use gan.tricks=[r1]",
    "optimizer=adam": "vae.optimizer._target_=",
    "optimizer.lr=1e-3": "use vae.optimizer.lr=1e-3",
    "beta1=0.5 model=gan": "gan.generator_optimizer.betas=",
    "device=cuda": "use accelerator=",
    "workers=4": "the data lie in memory",
    "latent_dim=16": "use vae.z_high=16 and vae.z_low=16",
    "z_dim=16 model=gan": "use gan.generator.z=16",
    "ngf=64 model=gan": "gan.generator.width=64",
    "lambda_gp=10 model=gan": "gan.tricks.gradient_penalty.weight=10",
    "spectral_norm=true model=gan": "did you mean gan.tricks=spectral_norm?",
    "name=test": "use hydra.run.dir=test",
    "debug=true": "budget=640 evaluations=1",
    "patience=3": "--help lists all",
    "resume=latest": "latest is no run's folder",
    # choices
    "experiment=gan_feature_matching": "did you mean gan_fm?",
    "experiment=gan_fm.yaml": "write experiment=gan_fm",
    "experiment=GAN_FM": "did you mean gan_fm?",
    "experiment=lsgan": "did you mean gan_least_squares?",
    "experiment=gan": "did you mean gan_standard?",
    "accelerator=cuda": "did you mean gpu?",
    "trainer=gpu": "did you mean accelerator=gpu?",
    "data=EMNIST": "did you mean emnist?",
    "data=MNIST": "did you mean mnist?",
    "data=cifar10": "did you mean data=torchvision data.set=CIFAR10?",
    "model=wgan": "did you mean experiment=gan_wasserstein or gan.loss=wasserstein?",
    "model=gan_fm": "did you mean experiment=gan_fm?",
    "gan.loss=wgan-gp": OF_GAN,
    "gan.loss=wgan-gp model=gan": "did you mean experiment=gan_gradient_penalty or gan.tricks=gradient_penalty?",
    "gan.loss=bce model=gan": "did you mean standard?",
    "gan.tricks=[r1,ttur] model=gan": "did you mean two_time_scale?",
    "vae.anneal=kl": "did you mean linear?",
    "study=gans": "did you mean gan?",
    # several
    "experiment=gan_fm experiment=gan_r1": "-m experiment=gan_fm,gan_r1 runs one after another",
    "-m experiment=gan_fm experiment=gan_r1": "-m experiment=gan_fm,gan_r1",
    "vae.anneal=linear,cyclical": "add -m to run one after another; where one run takes several, write vae.anneal=[lin",
    "seed=0,1,2": "add -m",
    "seed=range(3)": "add -m",
    "experiment=gan_*": "did you mean glob(gan_*), with -m?",
    "budget=32,000": "add -m",
    # the other model's
    "-m experiment=gan_fm,gan_r1 gan.generator.width=16": OF_GAN,
    "experiment=vae_drums gan.tricks=[r1]": OF_GAN,
    "experiment=vae_drums gan.generator.width=8": OF_GAN,
    "experiment=gan_fm vae.anneal=linear": OF_VAE,
    "experiment=gan_fm vae.z_high=4": OF_VAE,
    # values
    "budget=10k": "budget=10k: choose a whole number",
    "budget=1e5": "write 100000",
    "seed=one": "seed=one: choose a whole number",
    "seed=[0,1,2]": "seed=[0, 1, 2]: choose a whole number",
}


SOME = [  # every fourth in the default tests
    pytest.param(*pair, marks=[pytest.mark.ci] * bool(turn % 4), id=pair[0]) for turn, pair in enumerate(HABITS.items())
]


@pytest.mark.parametrize(("given", "meant"), SOME)
def test_a_habit_gets_the_right_spelling(refused: Try, given: str, meant: str):
    words = given.split("= ")
    said = refused(*given.split()) if len(words) == 1 else refused(f"{words[0]}=", *words[1:])
    assert meant in said


def test_the_newest_run_is_named(refused: Try, tmp_path: Path):
    for name in ("2026-01-01_vae", "2026-01-02_gan"):
        record = tmp_path.with_name(f"{tmp_path.name}-runs") / "multirun" / "single" / name / ".hydra" / "config.yaml"
        record.parent.mkdir(parents=True)
        record.touch()
    os.chdir(record.parents[4])
    assert "the newest run here is multirun/single/2026-01-02_gan" in refused("resume=latest")


def test_an_option_given_twice_is_not_ignored_without_a_word(taken, capsys: pytest.CaptureFixture[str]):
    assert taken("seed=1", "budget=64", "seed=2").seed == 2
    assert "seed=1 is not used: seed=2 comes later" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["--lr 1e-4", "-m loss=hinge,standard"])
def test_the_answer_costs_little(given: str, tmp_path: Path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run(
        [sys.executable, "-m", "src.train", *given.split()],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3, (
        "seconds of a processor; torch takes more"
    )


def test_the_file_itself_can_be_run(tmp_path: Path):
    """python src/train.py, as other projects have it."""
    said = subprocess.run(
        [sys.executable, ROOT / "src" / "train.py", "epochs=3"], cwd=tmp_path, capture_output=True, text=True
    )
    assert LENGTH in said.stderr
    assert "Traceback" not in said.stderr
