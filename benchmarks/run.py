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

from benchmarks import loops, penalties, scaling, sweeps
from src.core import device, resolvers
from src.core.console import announce, configure_logging
from src.core.files import write_atomically
from src.training.results import PACKAGES, commit

CONFIGURATION = Path(__file__).resolve().parents[1] / "conf"
PENALTIES, SCALING, SWEEPS = "penalties", "scaling", "sweeps"


def main(arguments: Sequence[str]) -> None:
    named = [argument for argument in arguments if argument in {*loops.RECIPES, PENALTIES, SCALING, SWEEPS}]
    out = [argument.partition("=")[2] for argument in arguments if argument.startswith("out=")]
    overrides = [argument for argument in arguments if argument not in named and not argument.startswith("out=")]
    configure_logging()
    device.prepare()
    logging.getLogger("lightning").setLevel(logging.ERROR)
    resolvers.register()
    found: dict[str, Any] = {"arguments": list(arguments), "machine": description(), "recipes": {}}
    print("\n".join(f"{key}: {value}" for key, value in found["machine"].items()))
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        for recipe in [name for name in loops.RECIPES if name in (named or loops.RECIPES)]:
            with tempfile.TemporaryDirectory() as folder:
                found["recipes"][recipe] = loops.measure(recipe, overrides, folder)
            print("\n".join(["", " ".join([recipe, *overrides]), *recipe_lines(found["recipes"][recipe])]), flush=True)
        if PENALTIES in (named or [PENALTIES]):
            with tempfile.TemporaryDirectory() as folder:
                found[PENALTIES] = penalties.measure(overrides, folder)
            print("\n".join(["", " ".join([PENALTIES, *overrides]), *penalty_lines(found[PENALTIES])]), flush=True)
    if SCALING in (named or [SCALING]):
        found[SCALING] = scaling.measure()
        memory = f"memory at most {found[SCALING]['peak_memory_gib']:.1f} GiB"
        print("\n".join(["", *curve_lines(found[SCALING]["curves"]), memory]), flush=True)
    if SWEEPS in (named or [SWEEPS]):
        announce("Timing sweeps")
        with tempfile.TemporaryDirectory() as folder:
            found[SWEEPS] = sweeps.measure(overrides, folder)
        print("\n".join(["", *sweep_lines(found[SWEEPS])]))
    path = Path(out[-1] if out else f"multirun/benchmark/{datetime.now():%Y-%m-%d_%H-%M-%S}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(found, indent=2) + "\n")
    print(f"\n{path}")


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
    turns = f"{found['rounds']} rounds of {loops.TURNS} turns of {found['steps']} steps"
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
        lines.append(f"  {sweeps.SEEDS} seeds {way}: {took}, {per_hour:.0f} runs an hour")
    return [*lines, *curve_lines(found["curves"])]
