"""How PyTorch uses this machine. torch is imported when it is needed, which takes seconds."""

import ctypes
import os
import platform
import sys
from pathlib import Path

DRIVERS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd", "/dev/nvmap")  # CUDA, WSL, ROCm, Jetson
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT, LARGE, LARGE_BEFORE_2_35 = 2**30, 2**27, 2**25  # bytes


def has_gpu() -> bool:
    """Whether PyTorch can use a CUDA or ROCm GPU; on Linux without a driver the answer needs no torch."""
    if sys.platform == "linux" and not any(Path(driver).exists() for driver in DRIVERS):
        return False
    import torch

    return torch.cuda.is_available()


def prepare() -> None:
    """Enables TF32 on GPUs; without one, disables the NVML check; raises glibc's malloc thresholds.

    glibc keeps up to a GiB of freed memory, and has tensors of up to 128 MiB in it (before 2.35, 32 MiB). Else it
    returns much of that to the system at every step, and the pages are blanked again.

    Fused optimizers ask before each step whether there is a GPU. Lightning has the driver's library answer, so that
    processes can be forked later, and where that library is missing the answer takes up to 0.2 ms.
    """
    if has_gpu():
        import torch

        torch.set_float32_matmul_precision("high")
    else:
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
        libc.mallopt(M_MMAP_THRESHOLD, LARGE) or libc.mallopt(M_MMAP_THRESHOLD, LARGE_BEFORE_2_35)


def share_gpu(jobs: int) -> None:
    """Leaves the other jobs on this machine their part of its GPUs' memory."""
    if has_gpu():
        import torch

        for device in range(torch.cuda.device_count()):
            torch.cuda.set_per_process_memory_fraction(1 / jobs, device)


def multiplies_bf16(device: str) -> bool:
    """Whether "cuda" or "cpu" does so natively: Ampere GPUs and later, CPUs with AMX or AVX512-BF16.

    Elsewhere bf16 is emulated, and a convolution takes ten times as long as in fp32.
    """
    import torch

    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
