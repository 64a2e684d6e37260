"""How PyTorch is to use this machine."""

import os

import torch


def prepare() -> None:
    """On a GPU, fp32 matrices are multiplied in TF32; where there is none, it is not looked for at every step.

    Fused optimizers ask before each step whether there is a GPU. Lightning has the driver's library answer, so that
    processes can be forked later, and where that library is missing the answer takes up to 0.2 ms.
    """
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    else:
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
