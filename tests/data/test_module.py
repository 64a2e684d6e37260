"""What every data set has in common: its digest, its held-out splits, its batches.

N images.
"""

from types import SimpleNamespace

import pytest
import torch

from src.data import module
from src.data.module import Loaded, ResidentData, split_off
from src.data.spec import Split


def numbered(first: int, end: int) -> Split:
    """Images that say which they are in a corner; that number modulo 4 is their label."""
    number_N = torch.arange(first, end)
    images = torch.zeros(len(number_N), 28, 28, dtype=torch.uint8)
    images[:, 0, 27] = number_N
    return Split(images, number_N % 4)


class Numbered(ResidentData):
    name = "toy"

    def load(self) -> Loaded:
        return Loaded(*split_off(numbered(0, 200), 0.1), numbered(200, 240), tuple("ABCD"), "toy")


def numbered_data(**changes: int) -> Numbered:
    data = Numbered(**({"root": "", "budget": 64, "batch_size": 8, "seed": 0, "stack": 1} | changes))
    data.setup()
    return data


class Coloured(Numbered):
    def load(self) -> Loaded:
        loaded = super().load()
        splits = (Split(split.images.unsqueeze(1) + CHANNELS, split.labels) for split in (loaded.train, loaded.val))
        train, val = splits
        return Loaded(train, val, train, loaded.classes, "toy")


CHANNELS = torch.arange(3, dtype=torch.uint8).view(1, 3, 1, 1)


def test_colour_images_are_one_sample_each():
    data = Coloured(root="", budget=64, batch_size=8, seed=0, stack=1)
    data.setup()
    assert (data.spec.shape, data.spec.stack, data.spec.channels) == ((3, 28, 28), 1, 3)
    held_out = data.held_out("test")
    assert (held_out.images.shape, held_out.labels.shape) == ((180, 3, 28, 28), (180, 1))
    number_N3 = held_out.images[:, :, 0, 27].long()
    assert torch.equal(number_N3[:, 1:], number_N3[:, :1] + torch.tensor([1, 2]))
    assert torch.equal(number_N3[:, :1] % 4, held_out.labels)
    assert torch.equal(data.spec.apart(held_out.images), held_out.images)


def test_colour_images_are_not_stacked():
    with pytest.raises(ValueError, match=r"data\.stack=2: images in colour"):
        Coloured(root="", budget=64, batch_size=8, seed=0, stack=2).setup()


def loaded(**changes) -> Loaded:
    generator = torch.Generator().manual_seed(0)

    def split(count):
        images = torch.randint(0, 256, (count, 4, 4), generator=generator, dtype=torch.uint8)
        return Split(images, torch.arange(count) % 3)

    parts = {"train": split(9), "val": split(6), "test": split(6), "classes": ("A", "B", "C"), "source": "toy"}
    return Loaded(**(parts | changes))


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_digest_depends_on_every_pixel_and_label(part):
    before = loaded().digest()
    other = loaded()
    getattr(other, part).images[-1, 3, 2] ^= 1
    assert other.digest() != before
    other = loaded()
    getattr(other, part).labels[-1] += 1
    assert other.digest() != before


def test_digest_depends_on_nothing_else():
    before = loaded().digest()
    assert len(before) == 64
    assert loaded().digest() == before
    assert loaded(classes=("X", "Y", "Z"), source="elsewhere").digest() == before
    part = loaded().train
    wide = torch.cat([part.images, part.images], 2)
    assert loaded(train=Split(wide[..., :4], part.labels)).digest() == before  # other strides, same pixels


def test_digest_knows_which_split_an_image_is_in():
    whole = loaded()
    assert loaded(train=whole.val, val=whole.train).digest() != whole.digest()
    fewer = Split(whole.val.images[:5], whole.val.labels[:5])
    assert loaded(val=fewer).digest() != whole.digest()


@pytest.mark.parametrize("stack", [1, 2, 3])
def test_stacked_held_out_images(stack):
    data = numbered_data(stack=stack)
    assert data.spec.shape == (stack, 28, 28)
    assert len(data.spec.classes) == 4  # of one channel; 4^stack modes
    held_out = data.held_out("test")
    assert held_out.images.shape == (40, stack, 28, 28)
    assert held_out.labels.shape == (40, stack)
    marks = held_out.images[:, :, 0, 27].long()
    assert torch.equal(held_out.labels, marks % 4)
    for channel in range(stack):
        assert sorted(marks[:, channel].tolist()) == list(range(200, 240))
    orders = {tuple(marks[:, channel].tolist()) for channel in range(stack)}
    assert len(orders) == stack


def test_held_out_images_can_be_stacked_anew():
    data = numbered_data(stack=2)
    once, thrice = data.held_out("test"), data.held_out("test", times=3)
    assert thrice.images.shape == (120, 2, 28, 28)
    assert torch.equal(thrice.images[:40], once.images)
    marks = thrice.images[:, :, 0, 27].long()
    for turn in marks.split(40):
        assert all(sorted(channel.tolist()) == list(range(200, 240)) for channel in turn.T)
    assert len({tuple(pair) for pair in marks.tolist()}) > 100


def test_held_out_is_the_same_for_every_run():
    first = numbered_data(stack=2, seed=0).held_out("val")
    torch.manual_seed(123)
    again = numbered_data(stack=2, seed=7).held_out("val")
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)


def test_the_first_held_out_images_hold_every_class():
    """EMNIST's test letters come sorted, and neighbourhoods look at the first images only."""
    data = numbered_data()
    data.splits["test"] = Split(numbered(0, 200).images, torch.arange(4).repeat_interleave(50))
    first = data.held_out("test").labels[:100]
    assert first.unique().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("stack", [0, 4, -1])
def test_other_stacks_raise(stack):
    with pytest.raises(ValueError, match=rf"data\.stack={stack}: choose 1, 2 or 3"):
        numbered_data(stack=stack)


def test_training_batches():
    """As many as the budget asks for, rounded up, of the training split alone."""
    data = numbered_data(stack=2, budget=65, batch_size=8, seed=3)
    strategy, model = SimpleNamespace(root_device=torch.device("cpu")), SimpleNamespace(needs_labels=False)
    data.trainer = SimpleNamespace(strategy=strategy, global_rank=0, world_size=1, lightning_module=model)
    batches = list(data.train_dataloader())
    assert len(batches) == 9
    assert {batch.shape for batch in batches} == {(8, 2, 28, 28)}
    seen = set(torch.cat(batches)[:, :, 0, 27].flatten().tolist())
    assert seen <= set(data.splits["train"].images[:, 0, 27].tolist())
    data.seed = 4
    assert not torch.equal(next(iter(data.train_dataloader())), batches[0])


def test_setup_loads_once(monkeypatch):
    data = numbered_data()
    monkeypatch.setattr(data, "load", lambda: pytest.fail("loaded again"))
    data.setup("fit")


def test_split_off():
    whole = Split(torch.arange(50, dtype=torch.uint8).view(50, 1, 1), torch.arange(50))
    rest, aside = split_off(whole, 0.3)
    assert (len(rest), len(aside)) == (35, 15)
    assert sorted(torch.cat([rest.labels, aside.labels]).tolist()) == list(range(50))
    assert torch.equal(rest.images.flatten().long(), rest.labels)
    assert torch.equal(split_off(whole, 0.3)[1].labels, aside.labels)
    assert aside.labels.tolist() != sorted(aside.labels.tolist())


def test_of_a_large_held_out_split_a_sample_is_evaluated(monkeypatch):
    whole = {stack: numbered_data(stack=stack).held_out_order("test") for stack in (1, 2)}
    monkeypatch.setattr(module, "MOST_HELD_OUT", 15)
    data = numbered_data()
    held_out = data.held_out("test")
    assert held_out.images.shape == (15, 1, 28, 28)
    assert torch.equal(held_out.images[:, 0, 0, 27] % 4, held_out.labels[:, 0])
    assert torch.equal(data.held_out_order("test"), whole[1][:15]), "the first of the same order"
    stacked = numbered_data(stack=2)
    assert torch.equal(stacked.held_out_order("test"), whole[2][:15])
    assert stacked.held_out("test", times=3).images.shape == (45, 2, 28, 28)
    assert data.spec == numbered_data().spec
    assert len(data.splits["test"]) == 40


def test_too_few_samples_leave_nothing_to_split_off():
    with pytest.raises(ValueError, match=r"^letters\.gz: 4 samples are too few to set 10 % of them aside"):
        split_off(numbered(0, 4), 0.1, source="letters.gz")
