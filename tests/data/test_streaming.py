"""Training images that stay off the training device: the same batches, and only those are read."""

import gzip
import itertools
import struct

import numpy as np
import pytest
import torch

from src.data.letters.datasets import IDX
from src.data.letters.idx import read_idx
from src.data.loader import ResidentLoader
from src.data.streaming import Rows, prefetched
from tests.data.conftest import idx_bytes

CPU = torch.device("cpu")


@pytest.fixture
def files(tmp_path):
    """Images that differ from one another and from their mirror images, of three classes."""
    images = np.random.default_rng(0).integers(0, 256, (120, 28, 28), dtype=np.uint8)
    for part, count in (("train", 120), ("test", 30)):
        (tmp_path / f"{part}-images").write_bytes(idx_bytes(images[:count]))
        (tmp_path / f"{part}-labels").write_bytes(idx_bytes(np.arange(count) % 3))
    return tmp_path


def idx(folder, resident, test=True, transposed=False) -> IDX:
    data = IDX(
        images="train-images",
        labels="train-labels",
        test_images="test-images" if test else None,
        test_labels="test-labels" if test else None,
        transposed=transposed,
        root=str(folder),
        budget=60,
        batch_size=10,
        seed=0,
        stack=2,
        resident=resident,
    )
    data.setup()
    return data


def batches(data: IDX) -> list[torch.Tensor]:
    return list(ResidentLoader(data.splits["train"].images, 10, 25, seed=0, stack=2, streamed_to=CPU))


def test_rows_of_a_tensor_are_those_of_its_copy():
    stored = torch.randint(0, 256, (20, 3, 2), dtype=torch.uint8)
    chosen = torch.randperm(20)[:7]
    rows, copied = Rows(Rows(stored, torch.arange(20).flip(0)), 19 - chosen), stored[chosen]
    index = torch.randint(7, (4, 2))
    assert (len(rows), rows.shape, rows.device) == (7, copied.shape, copied.device)
    assert torch.equal(rows[index], copied[index])
    assert torch.equal(rows.index_select(0, index[:, 0]), copied[index[:, 0]])
    assert torch.equal(rows.to("cpu"), copied)
    assert all(map(torch.equal, rows.split(3), copied.split(3)))


@pytest.mark.parametrize("rank", [0, 1])
def test_streamed_batches_are_the_resident_ones_wherever_one_goes_on(rank):
    images = torch.randint(0, 256, (20, 2, 3), dtype=torch.uint8)
    arguments = {"batch_size": 6, "num_batches": 9, "seed": 0, "stack": 2, "rank": rank, "world_size": 2}
    whole = list(ResidentLoader(images, **arguments))
    first, then = (ResidentLoader(images, **arguments, streamed_to=CPU) for _ in range(2))
    before = list(itertools.islice(first, 4))
    assert first.state_dict() == {"batches_seen": 4}, "what was read ahead is not seen yet"
    then.load_state_dict(first.state_dict())
    assert all(map(torch.equal, [*before, *then], whole))
    assert len(before) + 5 == len(whole)


def test_a_fault_while_reading_ahead_is_told_when_its_turn_comes():
    items = prefetched(10 // divisor for divisor in (2, 1, 0))
    assert [next(items), next(items)] == [5, 10]
    with pytest.raises(ZeroDivisionError):
        next(items)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_streamed_files_are_the_same_data_in_the_same_order(files, pack, test, transposed):
    path = files / "train-images"
    path.write_bytes(pack(path.read_bytes()))
    resident, streamed = (idx(files, kind, test, transposed) for kind in (True, False))
    assert streamed.spec == resident.spec
    assert all(map(torch.equal, batches(streamed), batches(resident)))
    for name in ("val", "test"):
        assert torch.equal(streamed.held_out(name).images, resident.held_out(name).images)


def test_a_file_is_read_when_a_batch_is(files):
    data = idx(files, resident=False)
    path = files / "train-images"
    content = bytearray(path.read_bytes())
    content[16:] = bytes([7]) * (len(content) - 16)
    with path.open("r+b") as file:
        file.write(content)
    assert all((batch == 7).all() for batch in batches(data))
    assert not (data.held_out("test").images == 7).all(), "what is held out is in memory"


def test_a_file_larger_than_memory_can_be_mapped(tmp_path):
    """A terabyte, nearly, of which the disk holds the header alone."""
    path, shape = tmp_path / "large", (2**30, 28, 28)
    with path.open("wb") as file:
        file.write(bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape))
        file.truncate(16 + shape[0] * 28 * 28)
    images = read_idx(path, mapped=True)
    assert images.shape == shape
    assert images[[0, 12_345, -1]].sum() == 0
