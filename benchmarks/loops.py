"""Training loops against plain ones, where a step's time goes, and what evaluations take of a run."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from hydra import compose
from hydra.utils import instantiate
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.profilers import SimpleProfiler
from omegaconf import DictConfig
from torch import Tensor

from benchmarks.plain import Step, batches, gan_step, r3gan_step, vae_step
from benchmarks.scaling import process_memory_gib
from src.core.console import announce
from src.data.spec import DataSpec
from src.training.cluster import cluster
from src.training.loggers import build_loggers

EVALUATIONS = 3  # that are timed
OURS, PLAIN, PLAIN_FP32 = "this framework", "plain loop", "plain loop in fp32"
UPDATE = "an optimizer's step"


@dataclass(frozen=True)
class Recipe:
    """What is trained, and the plain loop that it takes turns with."""

    overrides: tuple[str, ...]
    make_step: Callable[..., Step]


R3_APPROX = ("experiment=gan_r3", "data=strokes", "gan.tricks=[r1_approx,r2_approx,burn_in,ema]")
RECIPES: Mapping[str, Recipe] = {
    "gan_standard": Recipe(("experiment=gan_standard", "data=strokes"), gan_step),
    "gan_r3": Recipe(("experiment=gan_r3", "data=strokes"), r3gan_step),
    "vae_drums": Recipe(("experiment=vae_drums",), vae_step),
    "gan_standard_compiled": Recipe(("experiment=gan_standard", "data=strokes", "compile=true"), gan_step),
    "gan_r3_approx": Recipe(R3_APPROX, r3gan_step),
    "gan_r3_approx_compiled": Recipe((*R3_APPROX, "compile=true"), r3gan_step),
    "vae_parallel": Recipe(("experiment=vae_drums", "vae.decoder=parallel"), vae_step),
}


@dataclass(frozen=True)
class Extent:
    """How much is timed: rounds of new networks, each of some turns after a warm-up, each of some steps."""

    rounds: int
    turns: int
    warm_up_turns: int
    steps: int

    @property
    def steps_of_round(self) -> int:
        return (self.warm_up_turns + self.turns) * self.steps


# Other tenants slow a processor more than a GPU, which makes the steps between two points of a curve in one go.
ON_CPU, ON_GPU = Extent(5, 8, 2, 10), Extent(2, 8, 2, 50)
FEW = Extent(2, 3, 1, 2)  # too few to say anything about speed


class TakeTurns(Callback):
    """Interrupts Lightning's loop every few steps for as many of each rival, and times all of them apart.

    Args:
        rivals: plain loops by name.
        images_NHW: that they train on.
        batch_size: as in Lightning's loop.
        steps: of a turn.
    """

    uses_breakpoints = True

    def __init__(self, rivals: Mapping[str, Step], images_NHW: Tensor, batch_size: int, steps: int):
        self.rivals = rivals
        self.images_NHW = images_NHW
        self.batch_size = batch_size
        self.steps = steps
        self.order = list(rivals)
        self.seconds: dict[str, list[float]] = {name: [] for name in (OURS, *rivals)}

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        module.breakpoints |= {*range(0, trainer.num_training_batches, self.steps)}
        self.started = now(module.device)

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_index: int) -> None:
        if module.steps == 0 or module.steps % self.steps:
            return
        self.seconds[OURS].append(now(module.device) - self.started)
        for name in self.order:
            step = self.rivals[name]
            started = now(module.device)
            for images_BHW in batches(self.images_NHW, self.batch_size, self.steps):
                step(images_BHW)
            self.seconds[name].append(now(module.device) - started)
        self.order.reverse()  # who follows fp32 finds less of its own in the processor's caches
        self.started = now(module.device)


def now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(recipe: str, overrides: Sequence[str], folder: str, extent: Extent | None = None) -> dict[str, Any]:
    """Everything about the training of one recipe, by name; `folder` takes what the runs write."""
    config = compose("train", [*RECIPES[recipe].overrides, *overrides, *quiet(folder)])
    extent = extent or (ON_GPU if on_gpu(config) else ON_CPU)
    found = {"recipe": recipe} | race(config, RECIPES[recipe].make_step, extent)
    speed = found["samples_per_second"][OURS]["median"]
    found["step_shares"] = step_shares(config, extent)
    if on_gpu(config):
        found["kernels"] = kernel_time(config, config.batch_size / speed, extent)
    evaluations, peak_memory = evaluation_cost(config)
    training, along = config.budget / speed, config.evaluations * evaluations["along_training"]
    share = {"budget": config.budget, "times": config.evaluations, "share_along_training": along / (training + along)}
    return found | {"evaluation": evaluations | share, "peak_memory_gib": peak_memory}


def quiet(folder: str) -> list[str]:
    """Options of a run that shows nothing and writes to `folder`."""
    places = [f"logger.tensorboard.save_dir={folder}", f"callbacks.evaluation.folder={folder}"]
    return ["callbacks=no_progress", "~callbacks.preemption", *places]


def race(config: DictConfig, make_step: Callable[..., Step], extent: Extent) -> dict[str, Any]:
    """Training alone, against a plain loop in the same precision and, where that is not fp32, one in fp32.

    Networks alike in all but where in memory they lie train up to 5 % apart, hence several rounds of new ones.
    """
    rounds = []
    for number in range(1, extent.rounds + 1):
        announce(f"Timing the training loop, round {number} of {extent.rounds}")
        rounds.append(race_once(config, make_step, extent))
    seconds = {name: [turn for taken in rounds for turn in taken[name][extent.warm_up_turns :]] for name in rounds[0]}
    ours = seconds[OURS]
    trained = extent.steps * config.batch_size
    return {
        "batch_size": config.batch_size,
        "precision": config.trainer.precision,
        **asdict(extent),
        "samples_per_second": {name: spread([trained / turn for turn in taken]) for name, taken in seconds.items()},
        "ratio_to": {
            name: spread([theirs / own for theirs, own in zip(seconds[name], ours, strict=True)])
            for name in seconds
            if name != OURS
        },
    }


def race_once(config: DictConfig, make_step: Callable[..., Step] | None, extent: Extent) -> dict[str, list[float]]:
    """Seconds of every turn, by who trained: this framework and, if given, plain loops."""
    config = config.copy()
    config.budget = (extent.steps_of_round + 1) * config.batch_size
    data = instantiate(config.data)
    data.setup()
    model = make_model(config, data.spec)
    callbacks = [instantiate(config.callbacks[name]) for name in ("randomness", "curves")]
    trainer = make_trainer(config, callbacks)
    device = trainer.strategy.root_device
    rivals: dict[str, Step] = {}
    if make_step:
        rivals[PLAIN] = make_step(config, data.spec, device, reduced_precision(config))
    if make_step and reduced_precision(config):
        rivals[PLAIN_FP32] = make_step(config, data.spec, device, None)
    turns = TakeTurns(rivals, data.splits["train"].images.to(device), config.batch_size, extent.steps)
    trainer.callbacks.append(turns)
    trainer.fit(model, data)
    return turns.seconds


def on_gpu(config: DictConfig) -> bool:
    return config.trainer.accelerator != "cpu" and torch.cuda.is_available()


def reduced_precision(config: DictConfig) -> torch.dtype | None:
    return torch.bfloat16 if config.trainer.precision == "bf16-mixed" else None


def spread(values: Sequence[float]) -> dict[str, float]:
    low, median, high = statistics.quantiles(values, n=4)
    return {"median": median, "low_quartile": low, "high_quartile": high}


def step_shares(config: DictConfig, extent: Extent) -> dict[str, float]:
    """Where the time of Lightning's loop goes, as shares of it; what is left is Lightning's own.

    Looking costs some tenths of a millisecond a step, most of it here counted as Lightning's, so nothing else is timed
    along with it. On a GPU, which works behind the loop's back, these are shares of the time that launching takes.
    """
    config = config.copy()
    config.budget = extent.rounds * extent.turns * extent.steps * config.batch_size
    profiler = SimpleProfiler()
    callbacks = [instantiate(config.callbacks[name]) for name in ("randomness", "curves")]
    train(config, [*callbacks, TimedOptimizers()], profiler)

    def total(*endings: str) -> float:
        return sum(sum(taken) for name, taken in profiler.recorded_durations.items() if name.endswith(endings))

    optimizer = total(UPDATE)
    parts = {
        "data": total("train_dataloader_next", "batch_to_device"),
        "forward and backward": total("Strategy.training_step") - optimizer,
        "optimizer": optimizer,
        "logging": total("TrainingCurves.on_train_batch_end"),
    }
    shares = {name: seconds / total("run_training_epoch") for name, seconds in parts.items()}
    return shares | {"Lightning": 1 - sum(shares.values())}


class TimedOptimizers(Callback):
    """Has the trainer's profiler time the optimizers' steps, also those that are made without Lightning."""

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        for optimizer in trainer.optimizers:
            optimizer.register_step_pre_hook(lambda *_: trainer.profiler.start(UPDATE))
            optimizer.register_step_post_hook(lambda *_: trainer.profiler.stop(UPDATE))


class Kernels(Callback):
    """Adds up how long a GPU's kernels and copies take, one after the other, in the last turn of a run."""

    uses_breakpoints = True

    def __init__(self, steps: int):
        self.steps = steps

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.first = trainer.num_training_batches - self.steps
        module.breakpoints.add(self.first)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        if module.steps == self.first:
            torch.cuda.synchronize()
            self.profiler = torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA])
            self.profiler.start()
        elif module.steps == trainer.num_training_batches:
            torch.cuda.synchronize()
            self.profiler.stop()

    @property
    def seconds(self) -> float:
        """Of a step."""
        return sum(event.self_device_time_total for event in self.profiler.key_averages()) / 1e6 / self.steps


def kernel_time(config: DictConfig, step_seconds: float, extent: Extent) -> dict[str, float]:
    """What a step's kernels take back to back, and how many times as long the step takes."""
    config = config.copy()
    config.budget = extent.steps_of_round * config.batch_size
    kernels = Kernels(extent.steps)
    train(config, [kernels])
    return {"seconds": kernels.seconds, "step_to_kernels": step_seconds / kernels.seconds}


def evaluation_cost(config: DictConfig) -> tuple[dict[str, float], float]:
    """Seconds of an evaluation along training, checkpoint and pictures included, and of the scoring at the end.

    Beside them the peak memory in GiB of such a run: on a GPU its tensors, on a CPU the whole process.
    """
    config = config.copy()
    # On a GPU as far apart as in a default run: there writing their pictures takes longer than a few steps.
    between = config.budget // config.evaluations if on_gpu(config) else ON_CPU.steps * config.batch_size
    config.evaluations, config.budget = EVALUATIONS, EVALUATIONS * between
    profiler = SimpleProfiler()
    if on_gpu(config):
        torch.cuda.reset_peak_memory_stats()
    train(config, list(map(instantiate, config.callbacks.values())), profiler)
    taken = profiler.recorded_durations
    along = sorted(taken["[Callback]Evaluation.on_train_batch_end"])[-EVALUATIONS:]
    (at_the_end,) = taken["[Callback]Evaluation.on_train_end"]
    peak_memory = torch.cuda.max_memory_allocated() / 2**30 if on_gpu(config) else process_memory_gib()
    return {"along_training": statistics.median(along), "at_the_end": at_the_end}, peak_memory


def train(config: DictConfig, callbacks: Sequence[Callback], profiler: SimpleProfiler | None = None) -> None:
    """A run whose parts are timed."""
    data = instantiate(config.data)
    data.setup()
    make_trainer(config, callbacks, profiler=profiler).fit(make_model(config, data.spec), data)


def make_trainer(config: DictConfig, callbacks: Sequence[Callback], **more: Any) -> Trainer:
    loggers = [*build_loggers(config.logger, None).values()]
    return instantiate(config.trainer, callbacks=callbacks, plugins=cluster(config.trainer), logger=loggers, **more)


def make_model(config: DictConfig, spec: DataSpec) -> LightningModule:
    model = instantiate(config.model)(spec=spec)
    if config.compile:
        model.compile_networks()
    return model
