"""`python -m src.train`: one run, or with -m or study= a sweep of them.

Whatever imports torch is imported when a run starts: --help, listings and mistyped options are answered without it.
"""

import gc
import logging
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from src.cli.arguments import remove_unstarted, short_errors
from src.core import device, resolvers
from src.core.commands import CONFIGURATION, command, override, prepare_arguments
from src.core.console import configure_logging, make_output_lossy
from src.core.environment import ignore_ranks, process_rank
from src.core.errors import exit_on_user_error, exit_with_error, message, printed_errors
from src.core.run_names import key_of
from src.core.signals import Interrupted, listening, stop
from src.training import checkpoints
from src.training.cluster import is_alone

log = logging.getLogger(__name__)
resolvers.register()


def main() -> None:
    """The command line: one run, or a sweep."""
    make_output_lossy()
    with printed_errors():
        if not CONFIGURATION.is_dir():
            exit_with_error(f"there is no {CONFIGURATION}: only an editable install works, pip install -e . in a clone")
        with exit_on_user_error():
            sys.argv[1:] = prepare_arguments(sys.argv[1:])
        job()


@short_errors
@hydra.main(version_base="1.3", config_path=str(CONFIGURATION), config_name="train")
def job(config: DictConfig) -> None:
    """Runs one job. Exits the process on failure, except in a sweep."""
    make_output_lossy()  # in a launcher's worker too
    if is_alone(config):
        ignore_ranks()
    device.prepare()
    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    jobs_at_once = OmegaConf.select(hydra_config, "launcher.n_jobs") or 1
    if hydra_config.mode == RunMode.MULTIRUN and jobs_at_once > 1 and config.trainer.accelerator != "cpu":
        device.share_gpu(jobs_at_once)
    try:
        with listening(stop):
            log.info("Starting in %s", folder)
            from src.evaluation.summary import print_summary
            from src.training.run import run

            configure_logging()  # after Lightning's import, which sets its own level
            results = run(config, folder)
    except Interrupted as request:
        if hydra_config.mode == RunMode.MULTIRUN:
            raise KeyboardInterrupt(request.number) from None  # for whoever runs the jobs
        chosen = [word for word in hydra_config.overrides.task if key_of(word) == "logger"]
        hint = f"; {command(override('resume', folder), *chosen)} goes on" if checkpoints.exists(folder) else ""
        exit_with_error(f"{request}{hint}", request.exit_status)
    except OSError as error:
        if hydra_config.mode == RunMode.MULTIRUN:
            raise
        exit_with_error(message(error))
    if results["status"] not in ("completed", "diverged") and hydra_config.mode == RunMode.RUN:
        if not (folder / "results.json").exists():
            remove_unstarted(folder)
        exit_with_error(results["error"])
    if results["status"] == "completed" and process_rank() == 0 and hydra_config.mode == RunMode.RUN:
        print_summary(results)
    gc.collect()
    if device.has_gpu():
        import torch

        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
