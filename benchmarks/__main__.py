"""`python -m benchmarks [NAME…] [out=FILE.json] [OVERRIDE…]`.

Times gan_standard, gan_r3, vae_drums, penalties, scaling and sweeps, all if nothing is named. A recipe's training loop
takes turns with plain ones in one process, so that a machine whose speed drifts slows all alike; medians over the turns
count. Overrides must suit the recipes that are timed.
"""

import sys

from src.core.console import announce_import, log_to_stderr
from src.core.errors import exit_on_user_error, printed_errors

if __name__ == "__main__":
    with printed_errors(), exit_on_user_error():
        log_to_stderr()
        announce_import("torch", "PyTorch")
        from benchmarks.run import main

        main(sys.argv[1:])
