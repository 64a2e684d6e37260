"""Random streams under DDP, where every rank has its own; on one device resuming tests them."""

from types import SimpleNamespace

import pytest
import torch

from src.training.callbacks.randomness import Randomness, restore, snapshot


@pytest.fixture(autouse=True)
def _as_before():
    before = snapshot()
    yield
    restore(before)


def draw(resumed: list, rank: int) -> torch.Tensor:
    callback = Randomness(seed=7)
    callback.load_state_dict({"ranks": resumed})
    callback.on_train_start(SimpleNamespace(global_rank=rank, world_size=3), None)
    return torch.rand(5)


def test_every_rank_goes_on_with_its_own_stream_and_further_ones_begin_theirs():
    resumed, expected = [], []
    for seed in (1, 2):
        torch.manual_seed(seed)
        resumed.append(snapshot())
        expected.append(torch.rand(5))
    expected.append(torch.rand(5, generator=torch.Generator().manual_seed(7 + 2)))
    for rank in range(3):
        assert torch.equal(draw(resumed, rank), expected[rank])


def test_a_snapshot_of_more_gpus_than_there_are(monkeypatch: pytest.MonkeyPatch):
    kept = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda stream, device: kept.append((device, stream.item())))
    restore(snapshot() | {"cuda": [torch.tensor(5), torch.tensor(6)]})
    assert kept == [(0, 5)]


def test_ranks_begin_with_streams_of_their_own():
    assert len({tuple(draw([], rank).tolist()) for rank in range(3)}) == 3
