"""NVIDIA's multi-process service: kernels of processes that share a GPU run concurrently."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CONTROL = "nvidia-cuda-mps-control"
PIPES, LOGS = "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"
USUAL = Path("/tmp/nvidia-mps")  # where, by its manual, the service is if it was told no other place
PROBE = """
from ctypes import CDLL, byref, c_void_p
cuda = CDLL("libcuda.so.1")
raise SystemExit(cuda.cuInit(0) or cuda.cuDevicePrimaryCtxRetain(byref(c_void_p()), 0))
"""


def available() -> bool:
    return shutil.which(CONTROL) is not None


@contextmanager
def serving() -> Iterator[None]:
    """Starts a service for the processes that are started within the context.

    There is none where NVIDIA's program is missing, where somebody has started a service already, which then serves
    these processes too, or where the GPU does not answer through one, as in some containers.
    """
    if not available() or PIPES in os.environ or USUAL.exists():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="mps-", ignore_cleanup_errors=True) as folder:
        places = {PIPES: folder, LOGS: folder}
        _tell(places, "-d")
        try:
            if _gpu_answers(places):
                os.environ |= places
            yield
        finally:
            from joblib.externals.loky import get_reusable_executor  # imported late, like torch

            # The service ends with its last client, and joblib's workers wait for more work.
            get_reusable_executor(reuse=True).shutdown(kill_workers=True)
            for place in places:
                os.environ.pop(place, None)
            _tell(places, commands="quit\n")


def _tell(places: Mapping[str, str], *arguments: str, commands: str = "") -> None:
    said = subprocess.DEVNULL  # the daemon would keep a pipe open
    subprocess.run([CONTROL, *arguments], input=commands, text=True, env=os.environ | places, stdout=said, stderr=said)


def _gpu_answers(places: Mapping[str, str]) -> bool:
    """Whether a process gets a context through the service."""
    done = subprocess.run([sys.executable, "-c", PROBE], env=os.environ | places, capture_output=True)
    return done.returncode == 0
