from itertools import chain

import pytest
import torch

from src.data.loader import ResidentLoader


def numbered(count: int) -> torch.Tensor:
    """Images [N, 2, 2] that say which they are."""
    return torch.arange(count).view(-1, 1, 1).expand(-1, 2, 2).to(torch.int64).contiguous()


def loader(count=20, batch_size=6, num_batches=9, seed=0, **changes) -> ResidentLoader:
    return ResidentLoader(numbered(count), batch_size, num_batches, seed, **changes)


def joined(lists) -> list[int]:
    return list(chain.from_iterable(lists))


def drawn(batches) -> list[list[int]]:
    return [batch[:, :, 0, 0].flatten().tolist() for batch in batches]


def test_shapes_and_number():
    source = torch.zeros(20, 5, 7, dtype=torch.uint8)
    batches = list(ResidentLoader(source, 6, 4, seed=0, stack=3))
    assert [batch.shape for batch in batches] == [(6, 3, 5, 7)] * 4
    assert batches[0].dtype == torch.uint8
    assert len(ResidentLoader(source, 6, 4, seed=0)) == 4


def test_batches_are_the_images_of_their_numbers():
    source = torch.randint(0, 256, (10, 2, 3), dtype=torch.uint8)
    source[:, 0, 0] = torch.arange(10)
    for batch in ResidentLoader(source, 5, 2, seed=0, stack=2):
        assert torch.equal(batch, source[batch[:, :, 0, 0].long()])


def test_colour_images_stay_whole():
    source = torch.randint(0, 256, (10, 3, 4, 5), dtype=torch.uint8)
    source[:, :, 0, 0] = torch.arange(10)[:, None]
    for batch in ResidentLoader(source, 5, 2, seed=0):
        assert batch.shape == (5, 3, 4, 5)
        assert torch.equal(batch, source[batch[:, 0, 0, 0].long()])


def test_every_epoch_visits_an_image_at_most_once():
    batches = drawn(loader())  # 20 images make three batches of 6 an epoch
    epochs = [joined(batches[start : start + 3]) for start in (0, 3, 6)]
    for epoch in epochs:
        assert len(set(epoch)) == 18
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len({frozenset(epoch) for epoch in epochs}) > 1  # not always the same two are left out


def test_an_epoch_that_divides_visits_every_image():
    assert sorted(joined(drawn(loader(count=18, num_batches=3)))) == list(range(18))


def test_order_is_that_of_seed_and_epoch_alone():
    first = drawn(loader(seed=5))
    torch.manual_seed(123)
    random = torch.get_rng_state()
    assert drawn(loader(seed=5)) == first
    assert torch.equal(random, torch.get_rng_state())
    assert drawn(loader(seed=6)) != first
    assert drawn(loader(seed=5, num_batches=4)) == first[:4]
    later = loader(seed=5)
    later.load_state_dict({"batches_seen": 6})
    assert drawn(later) == first[6:]  # the third epoch, without the two before


def test_seed_and_epoch_are_not_summed():
    """Else run 1 would see in its first epoch what run 0 sees in its second."""
    assert drawn(loader(seed=0))[3:6] != drawn(loader(seed=1))[:3]


def test_order_differs_from_the_models_stream_of_the_same_seed():
    order = joined(drawn(loader(count=200, batch_size=200, num_batches=1, seed=7)))
    assert order != torch.randperm(200, generator=torch.Generator().manual_seed(7)).tolist()


def test_stacked_channels_are_independent():
    batches = list(ResidentLoader(numbered(600), 600, 2, seed=0, stack=3))
    for batch in batches:
        channels = batch[:, :, 0, 0].T
        assert [sorted(channel.tolist()) for channel in channels] == [list(range(600))] * 3
        correlation = torch.corrcoef(channels.double())
        assert (correlation - torch.eye(3)).abs().max() < 0.2
        assert (channels[0] == channels[1]).sum() < 10


@pytest.mark.parametrize("stop", [0, 1, 2, 3, 5, 8, 9])
def test_resumes_within_an_epoch(stop):
    whole = drawn(loader(stack=2))
    interrupted = loader(stack=2)
    batches = iter(interrupted)
    before = drawn(next(batches) for _ in range(stop))
    resumed = loader(stack=2)
    resumed.load_state_dict(interrupted.state_dict())
    assert before + drawn(resumed) == whole


def test_iterating_anew_goes_on_where_it_stopped():
    """Lightning asks for an iterator once more after a restart."""
    once = loader()
    first = drawn([next(iter(once)), next(iter(once))])
    assert first + drawn(once) == drawn(loader())
    assert list(once) == []


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_share_every_batch(world_size):
    whole = drawn(loader())
    parts = [drawn(loader(rank=rank, world_size=world_size)) for rank in range(world_size)]
    for number, batch in enumerate(whole):
        shares = [part[number] for part in parts]
        assert [len(share) for share in shares] == [6 // world_size] * world_size
        assert sorted(joined(shares)) == sorted(batch)


def test_batches_that_cannot_be_raise():
    with pytest.raises(ValueError, match="batch_size=21 exceeds the 20 training samples"):
        loader(batch_size=21)
    with pytest.raises(ValueError, match="batch_size=6 does not divide over 4 devices"):
        loader(world_size=4)
    assert len(next(iter(loader(batch_size=20)))) == 20
