"""Rebuilds the run folders beside this script with the code of commit 19554f9, in three minutes on one core.

    git worktree add --detach OLD 19554f9
    python tests/old_runs/make.py OLD
    git worktree remove OLD

They hold options, weights and states of optimizers, tricks and annealers as that version recorded them, and have to
resume, sample and report with every later one. The packages are those of the Python that runs this script; networks and
budgets are the smallest possible. Of a run's folder only what resuming, `src.sample` and `src.report` read is kept.
Checkpoints are compressed, and the paths of the machine are replaced by /lab. Beside each checkpoint from which samples
can be drawn, samples.npy has some that the old code drew with seed 0. options.yaml has the options of each group.
"""

import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).parent
COMMIT = "19554f9"
KEPT = (".hydra/*.yaml", "checkpoints/last.ckpt", "history.csv", "results.json", "samples.npy")
KEPT_OF_A_SWEEP = ("multirun.yaml", "jobs.json", "report/runs.csv")

GROUPS = (
    *("gan.loss", "gan.network", "gan.tricks", "vae.anneal", "vae.decoder", "vae.inference", "vae.prior"),
    "data",
)

# Runs with few bars and a hardly trained oracle. Ends it by a signal after so many samples in one of a sweep's jobs.
DRIVER = """
import os, signal, sys
from src import train
from src.callbacks.curves import TrainingCurves
from src.data import drums
from src.gan.module import GAN
from src.oracles import oracle

oracle.STEPS = 20
drums.NUM_DRAWN = {"train": 2000, "val": 200, "test": 200}
end, at, job = sys.argv[1:4]
jobs = []

def count(self, trainer, *rest):
    jobs.append(trainer)

def stop(self, trainer, module, *rest):
    if len(jobs) > int(job) and module.images_seen >= int(at):
        os.kill(os.getpid(), getattr(signal, end))

if end != "none":
    TrainingCurves.on_fit_start = count
    TrainingCurves.on_train_batch_end = stop
    GAN.runs_ahead = False
sys.argv = ["src/train.py", *sys.argv[4:]]
train.main()
"""

SAMPLES = """
import sys
from pathlib import Path
import numpy as np
from src.sample.restore import restored

run = Path(sys.argv[1])
np.save(run / "samples.npy", restored(run, "last").sample(4, seed=0).numpy())
"""

GAN = (
    "model=gan",
    "accelerator=cpu",
    "batch_size=8",
    "budget=256",
    "evaluations=4",
    "evaluator.num_samples=100",
    "gan.generator.z=4",
    "gan.generator.width=2",
    "gan.discriminator.width=2",
)
VAE = (
    "model=vae",
    "data=drums",
    "accelerator=cpu",
    "batch_size=8",
    "budget=256",
    "evaluations=4",
    "evaluator.num_samples=50",
    "evaluator.num_held_out=20",
    "evaluator.importance_samples=4",
    "evaluator.interpret=false",
    "vae.z_high=2",
    "vae.z_low=3",
    "vae.encoder.width=2",
    "vae.inference.width=2",
    "vae.decoder.width=2",
    "vae.decoder.cell_width=2",
)

# Folder: signal that ends it, after how many samples, in which job; and the command.
RUNS = {
    "gan": (
        ("SIGTERM", 160, 0),  # between the second and the third evaluation
        (
            *GAN,
            "data=strokes",
            "gan.network=stressed",
            "gan.loss=feature_matching",
            "gan.tricks=[r1,ema,burn_in,adaptive_augment,historical_averaging,lecam,spectral_norm]",
            "gan.generator_optimizer.lr=0.05",  # so that 20 steps change what it draws
            "gan.tricks.adaptive_augment.ramp=1000",
            "gan.tricks.lecam.warm_up=4",
        ),
    ),
    "vae": (
        ("none", 0, 0),
        (
            *VAE,
            "vae.anneal=[control,free_bits,word_dropout,aggressive]",
            "vae.anneal.control.target=0.1",
            "vae.anneal.control.integral=0.003",
            "vae.anneal.aggressive.window=2",
            "vae.anneal.aggressive.most=4",
        ),
    ),
    "points": (
        ("SIGKILL", 160, 0),
        ("experiment=toy_ring_r3", "gan.tricks=[r1,r2,ema,veegan]", *GAN[1:], "gan.generator.z=2"),
    ),
    "sweep": (
        ("SIGTERM", 160, 1),
        ("-m", "gan.loss=standard,feature_matching", *GAN, "data=strokes", "gan.network=residual", "seed=0"),
    ),
}


def main() -> None:
    old = Path(sys.argv[1]).resolve()
    commit = subprocess.run(["git", "-C", old, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    if not commit.startswith(COMMIT):
        sys.exit(f"{old} is at {commit[:7]}, not at {COMMIT}")
    (HERE / "options.yaml").write_text(yaml.safe_dump(options(old / "conf")))
    with tempfile.TemporaryDirectory() as place:
        for name, (end, overrides) in RUNS.items():
            make(old, Path(place).resolve(), name, end, overrides)


def options(conf: Path) -> dict[str, dict[str, dict]]:
    """What each option says, by group; those that change a few values of another one are left out."""
    found = {}
    for group in GROUPS:
        read = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((conf / group).glob("*.yaml"))}
        found[group] = {name: option for name, option in read.items() if "defaults" not in option}
    return found


def make(old: Path, place: Path, name: str, end: tuple[str, int, int], overrides: tuple[str, ...]) -> None:
    sweep = "-m" in overrides
    folder = place / name
    overrides = (*overrides, f"hydra.{'sweep' if sweep else 'run'}.dir={name}", "~callbacks.progress")
    python(old, place, DRIVER, *map(str, end), *overrides)
    for results in folder.rglob("results.json"):
        python(old, place, SAMPLES, str(results.parent)).check_returncode()
    shutil.rmtree(HERE / name, ignore_errors=True)
    for pattern in (*(f"*/{kept}" for kept in KEPT), *KEPT_OF_A_SWEEP) if sweep else KEPT:
        for path in folder.glob(pattern):
            keep(path, HERE / path.relative_to(place), {str(place): "/lab", str(old): "/lab"})


def python(old: Path, place: Path, code: str, *arguments: str) -> subprocess.CompletedProcess:
    environment = {key: value for key, value in os.environ.items() if key != "DATA_DIR"}
    environment |= {"PYTHONPATH": str(old), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=place, env=environment)


def keep(path: Path, target: Path, replaced: dict[str, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    content = path.read_bytes()
    if path.suffix == ".ckpt":
        target = target.with_suffix(".ckpt.xz")
        content = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    for before, after in replaced.items() if path.suffix in (".yaml", ".json", ".csv") else ():
        content = content.replace(before.encode(), after.encode())
    target.write_bytes(content)


if __name__ == "__main__":
    main()
