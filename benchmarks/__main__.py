"""`python -m benchmarks [gpu] [NAME…] [--device cpu|gpu] [--steps few] [out=FILE.json] [OVERRIDE…]`.

NAME is one of gan_standard, gan_r3, vae_drums, penalties, scaling and sweeps, which are timed if nothing is named, or
of gan_standard_compiled, gan_r3_approx, gan_r3_approx_compiled and vae_parallel. A recipe's training loop takes turns
with plain ones in one process, so that a machine whose speed drifts slows all alike; medians over the turns count.
Overrides must suit the recipes that are timed.

`gpu` times all recipes at several batch sizes, and sweeps of default runs, on a GPU; it fails where a ratio misses the
one that results/speed.csv has of such a device by more than 15 %. `--device cpu --steps few` tries it on any machine.
"""

import argparse

from src.core.console import announce_import, log_to_stderr
from src.core.device import has_gpu
from src.core.errors import exit_on_user_error, printed_errors

if __name__ == "__main__":
    with printed_errors(), exit_on_user_error():
        log_to_stderr()
        parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
        parser.add_argument("arguments", nargs="*")
        parser.add_argument("--device", choices=("cpu", "gpu"))
        parser.add_argument("--steps", choices=("all", "few"), default="all")
        options = parser.parse_intermixed_args()
        device = options.device or ("gpu" if "gpu" in options.arguments else None)
        if device == "gpu" and not has_gpu():
            raise ValueError("PyTorch finds no GPU here: --device cpu times the processor")
        announce_import("torch", "PyTorch")
        from benchmarks.run import main

        main(options.arguments, device, few=options.steps == "few")
