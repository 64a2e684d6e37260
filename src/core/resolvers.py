"""OmegaConf resolvers for conf/: folders of runs, and what suits this machine."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from src.core import device, run_names
from src.core.run_names import folder_name, run_name, swept_keys


def run_folder(resume: str | None, experiment: str | None, model: str) -> str:
    """Folder of a single run; a resumed one continues in its own."""
    if resume and Path(resume, ".hydra", "config.yaml").is_file():
        return resume
    now = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
    return f"multirun/single/{now}_{folder_name(run_name(experiment or model))}"


def sweep_folder(resume: str | None, study: str | None, now: str) -> str:
    """Folder of a new sweep, or of the one that is resumed."""
    return resume or f"multirun/{study or 'sweep'}/{now}"


def job_folder(sweep: str, experiment: str | None, model: str, overrides: Sequence[str]) -> str:
    """The folder of one job in a sweep: its name and seed."""
    return run_names.job_folder(experiment or model, overrides, swept_keys(Path(sweep)))


def record_folder(resume: str | None) -> str:
    """Hydra's records; a resumed run keeps its own beside those of the command that resumed it."""
    return ".hydra/resumed" if resume else ".hydra"


def fastest_precision(accelerator: str) -> str:
    """bf16 where the hardware multiplies it natively, else fp32."""
    kind = "cuda" if accelerator != "cpu" and device.has_gpu() else "cpu"
    return "bf16-mixed" if device.multiplies_bf16(kind) else "32-true"


def jobs_at_once(accelerator: str) -> int:
    """How many small jobs run in parallel: one per core; on a GPU one per two cores and 8 GiB of its memory."""
    from joblib import cpu_count  # respects affinity and containers; imported late, like torch

    if accelerator == "cpu" or not device.has_gpu():
        return cpu_count()
    import torch

    gibibytes = torch.cuda.get_device_properties(0).total_memory >> 30
    return max(1, min(cpu_count() // 2, gibibytes // 8))


def share_of_gpu(accelerator: str) -> float:
    """Share of a GPU that a small job takes."""
    return 0.25 if accelerator != "cpu" and device.has_gpu() else 0


def run_label(run: str | None) -> str:
    """What a run is called in loggers that gather those of many sweeps: as its folder is."""
    return Path(run or "").name


def sweep_label(run: str | None) -> str:
    """What its sweep is called there, as in `gan/2026-01-31_12-00-00`; `single` for a run on its own."""
    sweep = Path(run or "").absolute().parent
    return "/".join(sweep.parts[-2:]) if (sweep / "multirun.yaml").is_file() else "single"


def has_callback(name: str, *, _root_: DictConfig) -> bool:
    return name in _root_.callbacks


def register() -> None:
    """Makes the resolvers known to OmegaConf; needed before a configuration is composed.

    Those that make configuration out of text are forgotten: nothing could be said of a record that uses them.
    """
    for parser in ("oc.create", "oc.decode"):
        OmegaConf.clear_resolver(parser)
    OmegaConf.register_new_resolver("run_folder", run_folder, replace=True, use_cache=True)
    for resolver in (
        sweep_folder,
        job_folder,
        record_folder,
        fastest_precision,
        jobs_at_once,
        share_of_gpu,
        has_callback,
        run_label,
        sweep_label,
    ):
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
