"""Files that are made once: by one process, and again when they are damaged."""

import io
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
import torch

from src.core.cache import cached, require_array, require_range

ROOT = Path(__file__).parents[2]


class Planted:
    """Unpickling it runs a command."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def packed() -> bytes:
    file = io.BytesIO()
    np.savez(file, numbers=np.arange(1000))
    return file.getvalue()


def numbers(file: BinaryIO) -> list[int]:
    with np.load(file, allow_pickle=False) as arrays:
        return arrays["numbers"].tolist()


def test_made_once_by_however_many(tmp_path: Path):
    made = []

    def make() -> bytes:
        made.append(1)
        return packed()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cached(tmp_path / "new" / "a.npz", make, numbers), range(8)))
    assert found == [list(range(1000))] * 8
    assert len(made) == 1


PROCESS = """
import sys, time
from pathlib import Path
from src.core.cache import cached
from tests.core.test_cache import numbers, packed

go, path, made = map(Path, sys.argv[1:])

def make():
    with made.open("a") as file:
        file.write("once ")
    time.sleep(0.5)
    return packed()

print("ready", flush=True)
while not go.exists():
    time.sleep(0.001)
assert cached(path, make, numbers) == list(range(1000))
"""


@pytest.mark.ci
def test_made_once_by_several_processes(tmp_path: Path):
    places = [str(tmp_path / name) for name in ("go", "a.npz", "made")]
    command = [sys.executable, "-c", PROCESS, *places]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    Path(places[0]).touch()
    for process in running:
        process.communicate(timeout=60)
    assert [process.returncode for process in running] == [0, 0, 0]
    assert Path(places[2]).read_text() == "once "


@pytest.mark.parametrize("damage", [b"", b"PK", packed()[:500], packed()[:300] + bytes(50) + packed()[350:]])
def test_a_damaged_file_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes):
    path = tmp_path / "a.npz"
    path.write_bytes(damage)
    assert cached(path, packed, numbers) == list(range(1000))
    assert "a.npz is damaged" in caplog.text
    assert path.read_bytes() == packed()


def test_who_only_reads_needs_no_lock(tmp_path: Path):
    """As in a cache that others keep, and that is read-only."""
    path = tmp_path / "a.npz"
    path.write_bytes(packed())
    path.with_suffix(".lock").mkdir()  # no one can lock that, not even root
    assert cached(path, lambda: pytest.fail("made anew"), numbers) == list(range(1000))
    path.unlink()
    with pytest.raises(OSError, match=r"cache=.*a\.lock.*choose another folder"):
        cached(path, packed, numbers)


def test_another_user_of_the_cache_can_take_its_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = os.umask(0o022)
    try:
        cached(tmp_path / "a.npz", packed, numbers)
    finally:
        os.umask(before)
    locks = list(tmp_path.glob("*.lock"))
    assert locks
    assert all(lock.stat().st_mode & 0o666 == 0o666 for lock in locks)


def test_a_cache_that_cannot_be_made(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"cache=.*the folder cannot be made"):
        cached(tmp_path / "file" / "a.npz", packed, numbers)


def test_what_is_planted_does_not_run(tmp_path: Path):
    witness = tmp_path / "witness"
    arrays, weights = tmp_path / "a.npz", tmp_path / "b.pt"
    np.savez(arrays, numbers=np.array([Planted(f"touch {witness}")], object))
    torch.save({"weights": Planted(f"touch {witness}")}, weights)
    assert cached(arrays, packed, numbers) == list(range(1000))
    ones = io.BytesIO()
    torch.save(torch.ones(3), ones)
    assert cached(weights, ones.getvalue, lambda file: torch.load(file, weights_only=True)).sum() == 3
    assert not witness.exists()
    pickle.loads(pickle.dumps(Planted(f"touch {witness}")))
    assert witness.exists(), "it would have"


@pytest.mark.parametrize(
    ("array", "fault"),
    [
        (np.zeros((2, 3), np.uint8), None),
        (np.zeros((2, 3), np.int8), "int8"),
        (np.zeros((3, 2), np.uint8), "expected uint8"),
        (np.zeros((2, 3, 1), np.uint8), "expected uint8"),
        (np.array(["a"]), "<U1"),
        (np.full((2, 3), 2, np.uint8), "beyond 0 to 1"),
    ],
)
def test_what_is_no_array_of_this_type_shape_and_range_is_refused(array: np.ndarray, fault: str | None):
    def check() -> None:
        require_range(require_array(array, np.uint8, (None, 3)), 0, 1)

    if fault is None:
        check()
        return
    with pytest.raises(ValueError, match=fault):
        check()


def test_numbers_that_are_none_are_out_of_range():
    with pytest.raises(ValueError, match="beyond"):
        require_range(np.array([0.5, np.nan]), 0, 1)


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path):
    def fail() -> bytes:
        raise ValueError("no such data")

    with pytest.raises(ValueError, match="no such data"):
        cached(tmp_path / "a.npz", fail, numbers)
    assert not (tmp_path / "a.npz").exists()


def test_one_wrong_byte_is_damage_to_torch_files_too(tmp_path: Path):
    """PyTorch itself reads on over it."""
    ones = io.BytesIO()
    torch.save(torch.ones(1000), ones)
    torn = bytearray(ones.getvalue())
    torn[len(torn) // 2] ^= 1
    path = tmp_path / "a.pt"
    path.write_bytes(torn)
    assert not torch.load(path, weights_only=True).eq(1).all()
    assert cached(path, ones.getvalue, lambda file: torch.load(file, weights_only=True)).eq(1).all()
