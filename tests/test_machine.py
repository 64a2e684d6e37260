import os

import pytest
import torch

from src import machine


@pytest.mark.parametrize(("has_gpu", "asks_driver", "matrices"), [(False, "0", "highest"), (True, "1", "high")])
def test_prepared_for_the_machine(has_gpu, asks_driver, matrices, monkeypatch: pytest.MonkeyPatch):
    """`1` is what Lightning sets, and keeps where there is a GPU; its cost without one is not tested, only avoided."""
    monkeypatch.setenv("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    before = torch.get_float32_matmul_precision()
    machine.prepare()
    found = os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"], torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    assert found == (asks_driver, matrices)
