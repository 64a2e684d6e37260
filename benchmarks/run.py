"""Times everything that is asked for, prints it and writes it as JSON."""

import json
import logging
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from hydra import initialize_config_dir

from benchmarks import figures, loops, penalties, scaling, sweeps
from src.core import resolvers
from src.core.console import announce, configure_logging
from src.core.device import prepare
from src.core.errors import exit_with_error
from src.core.files import write_atomically
from src.training.results import PACKAGES, commit

CONFIGURATION = Path(__file__).resolve().parents[1] / "conf"
GPU, PENALTIES, SCALING, SWEEPS = "gpu", "penalties", "scaling", "sweeps"
UNNAMED = ("gan_standard", "gan_r3", "vae_drums", PENALTIES, SCALING, SWEEPS)  # what is timed if nothing is named
GPU_BATCHES: Mapping[str, tuple[int, ...]] = {
    "gan_standard": (64, 256),
    "gan_standard_compiled": (256,),
    "gan_r3": (256,),
    "gan_r3_approx": (256,),
    "gan_r3_approx_compiled": (256,),
    "vae_drums": (128, 512),
    "vae_parallel": (128, 512),
}


def main(arguments: Sequence[str], device: str | None = None, few: bool = False) -> None:
    """Times what the arguments name.

    Args:
        device: "cpu" or "gpu"; None for what overrides say, or the best one here.
        few: whether to make as few steps as show that everything works.
    """
    names = {GPU, PENALTIES, SCALING, SWEEPS, *loops.RECIPES}
    for_gpu = GPU in arguments
    named = [argument for argument in arguments if argument in names - {GPU}]
    named = named or ([*GPU_BATCHES, SWEEPS] if for_gpu else [*UNNAMED])
    out = [argument.partition("=")[2] for argument in arguments if argument.startswith("out=")]
    overrides = [argument for argument in arguments if argument not in names and not argument.startswith("out=")]
    overrides += [f"accelerator={device}"] if device else []
    configure_logging()
    prepare()
    logging.getLogger("lightning").setLevel(logging.ERROR)
    resolvers.register()
    machine = description()
    timed = machine["gpu"] if machine["gpu"] and "accelerator=cpu" not in overrides else machine["processor"]
    found: dict[str, Any] = {"arguments": [*arguments], "machine": machine, "device": timed, "recipes": []}
    print("\n".join(f"{key}: {value}" for key, value in machine.items()))
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        for recipe in [name for name in loops.RECIPES if name in named]:
            for batch in GPU_BATCHES[recipe] if for_gpu else (None,):
                options = [*([f"batch_size={batch}"] if batch else []), *overrides]
                with tempfile.TemporaryDirectory() as folder:
                    measured = loops.measure(recipe, options, folder, loops.FEW if few else None)
                found["recipes"].append(measured)
                print("\n".join(["", " ".join([recipe, *options]), *recipe_lines(measured)]), flush=True)
        if PENALTIES in named:
            with tempfile.TemporaryDirectory() as folder:
                found[PENALTIES] = penalties.measure(overrides, folder, loops.FEW if few else None)
            print("\n".join(["", " ".join([PENALTIES, *overrides]), *penalty_lines(found[PENALTIES])]), flush=True)
    if SCALING in named:
        found[SCALING] = scaling.measure()
        memory = f"memory at most {found[SCALING]['peak_memory_gib']:.1f} GiB"
        print("\n".join(["", *curve_lines(found[SCALING]["curves"]), memory]), flush=True)
    if SWEEPS in named:
        announce("Timing sweeps")
        swept = sweeps.FEW if few else sweeps.ON_GPU if for_gpu else sweeps.ON_CPU
        with tempfile.TemporaryDirectory() as folder:
            found[SWEEPS] = sweeps.measure(swept, overrides, folder)
        print("\n".join(["", *sweep_lines(found[SWEEPS])]))
    rows = [*figures.rows_of(found)]
    path = Path(out[-1] if out else f"multirun/benchmark/{datetime.now():%Y-%m-%d_%H-%M-%S}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(found, indent=2) + "\n")
    write_atomically(path.with_suffix(".csv"), figures.as_csv(rows))
    print(f"\n{path}\n{path.with_suffix('.csv')}")
    missed = [*figures.missed(rows, figures.read(figures.STORED))] if for_gpu else []
    if missed:
        exit_with_error(f"more than 15 % short of results/speed.csv: {'; '.join(missed)}")


def description() -> dict[str, Any]:
    """What the figures hold for."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "bf16": {"AVX512": torch.cpu._is_avx512_bf16_supported(), "AMX": torch.cpu._is_amx_tile_supported()},
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        "git": commit(),
    }


def processor() -> str:
    """The model's name where the system tells it."""
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def recipe_lines(found: Mapping[str, Any]) -> list[str]:
    turns = f"{found['rounds']} rounds of {found['turns']} turns of {found['steps']} steps"
    lines = [f"  batch {found['batch_size']}, {found['precision']}, {turns}"]
    rows = {f"{name}, samples/s": (rate, ",.0f") for name, rate in found["samples_per_second"].items()}
    rows |= {f"times the {name}": (ratio, ".3f") for name, ratio in found["ratio_to"].items()}
    for name, (value, form) in rows.items():
        quartiles = f"quartiles {value['low_quartile']:{form}} to {value['high_quartile']:{form}}"
        lines.append(f"  {name:30} {value['median']:>8{form}}   {quartiles}")
    if "kernels" in found:
        took, times = found["kernels"]["seconds"] * 1000, found["kernels"]["step_to_kernels"]
        lines.append(f"  kernels of a step, back to back: {took:.3f} ms; the step takes {times:.2f} times that")
    shares = ", ".join(f"{name} {share:.1%}" for name, share in found["step_shares"].items())
    evaluation = found["evaluation"]
    return [
        *lines,
        f"  of a step: {shares}",
        f"  an evaluation along training {evaluation['along_training']:.2f} s: {evaluation['times']} of them are "
        f"{evaluation['share_along_training']:.1%} of {evaluation['budget']:,} samples' run; "
        f"at the end {evaluation['at_the_end']:.1f} s",
        f"  memory at most {found['peak_memory_gib']:.2f} GiB",
    ]


def penalty_lines(found: Mapping[str, Any]) -> list[str]:
    lines = [f"  batch {found['batch_size']}, {found['precision']}, {penalties.ROUNDS} rounds"]
    for name, rate in found["steps_per_second"].items():
        quartiles = f"quartiles {rate['low_quartile']:.1f} to {rate['high_quartile']:.1f}"
        lines.append(f"  {name:32} {rate['median']:6.1f} steps/s   {quartiles}")
    cosines = found.get("cosine_to_r1", {})
    return [*lines, *(f"  cosine to r1's gradient, {name}: {cosine:.3f}" for name, cosine in cosines.items())]


def curve_lines(curves: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, curve in curves.items():
        points = ", ".join(f"{size:,}: {seconds:.3g} s" for size, seconds in curve["seconds"].items())
        lines.append(f"{name}: {points}; exponent {curve['exponent']:.2f}")
    return lines


def sweep_lines(found: Mapping[str, Any]) -> list[str]:
    lines = [" ".join(found["sweep"]), f"  one run: {found['seconds']['one run']:.0f} s"]
    for way, per_hour in found["runs_per_hour"].items():
        took = f"{found['seconds'][way]:.0f} s, {found['times_one_run'][way]:.2f} times one run"
        lines.append(f"  {found['seeds']} seeds {way}: {took}, {per_hour:.0f} runs an hour")
    return [*lines, *curve_lines(found["curves"])]
