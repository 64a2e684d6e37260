"""Files and folders that appear whole, and once."""

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from src.core.files import check_archive, new_folder, write_atomically


def test_a_new_folder_is_nobody_else_s(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: new_folder(tmp_path / "sweep" / "noon"), range(8)))
    assert {path.name for path in found} == {"noon", *(f"noon-{number}" for number in range(2, 9))}
    assert all(path.is_dir() for path in found)


def test_what_cannot_be_written_leaves_the_old_content_and_nothing_else(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    write_atomically(tmp_path / "file", "old")
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "taken", "new")
    assert {path.name for path in tmp_path.iterdir()} == {"taken", "file"}
    assert (tmp_path / "file").read_text() == "old"


def test_an_archive_that_unpacks_to_more_than_it_is_is_no_archive_of_ours(tmp_path: Path):
    np.savez(tmp_path / "a.npz", numbers=np.zeros(1000))
    torch.save({"weights": torch.zeros(1000)}, tmp_path / "b.ckpt")
    for name in ("a.npz", "b.ckpt"):
        check_archive(tmp_path / name)
    np.savez_compressed(tmp_path / "bomb.npz", numbers=np.zeros(1_000_000))
    with pytest.raises(zipfile.BadZipFile, match="compressed"):
        check_archive(tmp_path / "bomb.npz")
