"""Files and folders that appear whole, and once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from src.files import new_folder, write_atomically


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
