import os
import re
from pathlib import Path
from types import SimpleNamespace

import joblib
import pytest
import torch
from joblib import Parallel, cpu_count, delayed
from omegaconf import OmegaConf

from src.core import device, resolvers


def test_a_single_run_gets_a_new_folder():
    folder = resolvers.run_folder(None, "gan_fm", "gan")
    assert re.fullmatch(r"multirun/single/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{6}_gan_fm", folder)
    assert resolvers.run_folder(None, None, "gan").endswith("_gan")


def test_a_resumed_run_continues_in_its_own(tmp_path: Path):
    assert resolvers.run_folder(str(tmp_path), None, "gan") != str(tmp_path), "it is not a run"
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").touch()
    assert resolvers.run_folder(str(tmp_path), None, "gan") == str(tmp_path)
    assert resolvers.record_folder(str(tmp_path)) == ".hydra/resumed"
    assert resolvers.record_folder(None) == ".hydra"


def test_jobs_of_a_sweep_have_folders_of_their_own(tmp_path: Path):
    hydra = {"overrides": {"task": ["seed=range(3)", "gan.z=1,2", "budget=9"]}, "sweeper": {"params": None}}
    OmegaConf.save({"hydra": hydra}, tmp_path / "multirun.yaml")

    def folder(*overrides: str) -> str:
        return resolvers.job_folder(str(tmp_path), "gan_fm", "gan", overrides)

    names = [folder(f"seed={seed}", "gan.z=" + "1" * length) for seed in range(3) for length in (1, 200, 201)]
    assert len(set(names)) == 9
    assert all(len(Path(name).parts) == 1 for name in names)
    assert folder("seed=2", "gan.z=1", "budget=9") == "gan_fm_gan.z-1_seed-2"


def test_a_sweep_gets_a_new_folder_or_goes_on_in_its_own():
    assert resolvers.sweep_folder(None, None, "now") == "multirun/sweep/now"
    assert resolvers.sweep_folder(None, "gan", "now") == "multirun/gan/now"
    assert resolvers.sweep_folder("elsewhere/mine", "gan", "now") == "elsewhere/mine"


@pytest.mark.parametrize(
    ("amx", "avx512_bf16", "precision"),
    [(True, False, "bf16-mixed"), (False, True, "bf16-mixed"), (False, False, "32-true")],
)
def test_fastest_precision_of_a_cpu(monkeypatch, amx, avx512_bf16, precision):
    monkeypatch.setattr(device, "has_gpu", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    assert resolvers.fastest_precision("auto") == precision


@pytest.mark.parametrize(("native", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_fastest_precision_of_a_gpu(monkeypatch, native, precision):
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert resolvers.fastest_precision("auto") == precision


@pytest.mark.parametrize(
    ("cores", "gibibytes", "jobs"),
    [(16, 139, 8), (16, 24, 3), (16, 6, 1), (1, 80, 1)],
    ids=["H200", "24", "6", "1 core"],
)
def test_jobs_share_a_gpu_as_cores_and_memory_allow(monkeypatch, cores, gibibytes, jobs):
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    properties = SimpleNamespace(total_memory=gibibytes << 30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    assert resolvers.jobs_at_once("auto") == jobs
    assert resolvers.jobs_at_once("cpu") == cores


def test_jobs_beside_each_other_share_the_cores(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # which would be the user's choice
    num_jobs = resolvers.jobs_at_once("cpu")
    threads = Parallel(n_jobs=num_jobs)(delayed(os.getenv)("OMP_NUM_THREADS", "0") for _ in range(num_jobs))
    assert all(1 <= int(each) <= max(1, cpu_count() // num_jobs) for each in threads)
