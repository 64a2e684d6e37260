"""Variables that clusters and notebooks leave in the environment decide nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lightning import Trainer
from lightning.pytorch.utilities import rank_zero_only

from src.core.environment import drop_leftovers, ignore_ranks
from src.training.cluster import cluster, uses_one_device

ROOT = Path(__file__).parents[2]
ONE = {"accelerator": "cpu", "devices": 1, "strategy": "auto"}
CLUSTERS = {
    "sbatch": {"SLURM_NTASKS": "2", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_PROCID": "1"},
    "salloc": {"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "interactive", "SLURM_NTASKS_PER_NODE": "4"},
    "srun": {"SLURM_NTASKS": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NODELIST": "n[1-2]"},
    "torchrun": {
        "TORCHELASTIC_RUN_ID": "x",
        "GROUP_RANK": "1",
        "RANK": "1",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "elsewhere",
        "MASTER_PORT": "1",
    },
    "kubeflow": {
        "KUBERNETES_PORT": "tcp://10.0.0.1:443",
        "MASTER_ADDR": "elsewhere",
        "MASTER_PORT": "1",
        "WORLD_SIZE": "2",
        "RANK": "1",
    },
    "lsf": {"LSB_JOBID": "1", "LSB_DJOB_RANKFILE": "/nowhere", "JSM_NAMESPACE_RANK": "1", "JSM_NAMESPACE_SIZE": "2"},
    "nodes": {"NODE_RANK": "1", "LOCAL_RANK": "3"},
}  # fmt: skip


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_run_on_one_device_is_alone_in_any_cluster(name: str, monkeypatch: pytest.MonkeyPatch):
    for variable, value in CLUSTERS[name].items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    ignore_ranks()
    trainer = Trainer(**ONE, plugins=cluster(ONE), logger=False, enable_checkpointing=False)
    assert (trainer.world_size, trainer.global_rank, rank_zero_only.rank) == (1, 0, 0)
    assert trainer.is_global_zero


def test_ddp_is_left_to_lightning():
    """Its processes learn from the environment which rank they are."""
    assert cluster({"accelerator": "cpu", "devices": 2, "strategy": "ddp_find_unused_parameters_true"}) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"devices": "1"}, True),
        ({"devices": [0]}, True),
        ({"devices": "auto"}, True),
        ({"devices": 2}, False),
        ({"devices": [0, 1]}, False),
        ({"strategy": "ddp"}, False),
    ],
    ids=str,
)
def test_one_device(changes: dict, expected: bool):
    assert uses_one_device(ONE | changes) == expected


def test_what_is_left_over_is_dropped():
    inherited = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PL_TRAINER_MAX_STEPS": "3",
        "RANK": "one",
        "LOCAL_RANK": "1",
        "HOME": "/home",
    }
    drop_leftovers(inherited)
    assert inherited == {"MPLBACKEND": "agg", "LOCAL_RANK": "1", "HOME": "/home"}


def test_a_program_imports_with_a_notebooks_environment():
    """`!python -m src.report` in a notebook: torchmetrics imports matplotlib, which checks MPLBACKEND."""
    environment = os.environ | {"MPLBACKEND": "module://not_installed.here", "RANK": "one"}
    command = [sys.executable, "-c", "import src.evaluation.summary, matplotlib; print(matplotlib.get_backend())"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "agg", done.stderr
