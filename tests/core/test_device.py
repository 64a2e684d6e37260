import os
import platform
import subprocess
import sys

import pytest
import torch

from src.core import device


@pytest.mark.parametrize(("has_gpu", "asks_driver", "matrices"), [(False, "0", "highest"), (True, "1", "high")])
def test_prepared_for_the_machine(has_gpu, asks_driver, matrices, monkeypatch: pytest.MonkeyPatch):
    """`1` is what Lightning sets, and keeps where there is a GPU; its cost without one is not tested, only avoided."""
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    monkeypatch.setattr(device, "has_gpu", lambda: has_gpu)
    before = torch.get_float32_matmul_precision()
    device.prepare()
    found = os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"], torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    assert found == (asks_driver, matrices)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc manages memory here")
def test_freed_memory_is_used_again():
    """In a process of its own: where an allocation failed, as in other tests, glibc serves from another arena for good.

    And in the end: glibc needs some more memory than a block's to find an aligned one of its size in it again.
    """
    new_pages = """
import resource, torch
from src.core import device

def new_pages(blocks):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(blocks):
        torch.ones(20_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

device.prepare()
new_pages(20)
print(new_pages(10))
"""
    done = subprocess.run([sys.executable, "-c", new_pages], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10_000  # of 4 KiB; each of the ten takes twice as many


def test_jobs_on_one_gpu_get_equal_shares_of_its_memory(monkeypatch):
    taken = []
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda *share: taken.append(share))
    device.share_gpu(4)
    assert taken == [(0.25, 0), (0.25, 1)]
