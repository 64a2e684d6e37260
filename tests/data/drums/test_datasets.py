import json
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from src.data.drums import datasets, grammar
from src.data.drums.datasets import Drums, Grids, Groove
from src.data.spec import DataSpec

COMMON = {"budget": 64, "batch_size": 8, "seed": 0, "stack": 1}


@pytest.fixture
def few(monkeypatch):
    """A hundredth of the drawn bars."""
    monkeypatch.setattr(datasets, "NUM_DRAWN", {"train": 200, "val": 20, "test": 30})


def drawn(**changes) -> Drums:
    data = Drums(root="unused", **(COMMON | changes))
    data.setup()
    return data


def numbered(num: int, first: int = 0) -> np.ndarray:
    """Bars that say which they are, in binary on the kick."""
    grids = np.zeros((num, 16, 9), np.uint8)
    grids[:, :, 0] = (np.arange(first, first + num)[:, None] >> np.arange(16)) & 1
    return grids


def numbers(images: torch.Tensor) -> list[int]:
    return (images[..., 0].long() << torch.arange(16)).sum(-1).flatten().tolist()


def grids(folder, arrays: dict, **changes) -> Grids:
    np.savez(folder / "bars.npz", **arrays)
    data = Grids(**({"path": "bars.npz", "root": str(folder)} | COMMON | changes))
    data.setup()
    return data


# Drums


def test_drums():
    """20,000 / 2,000 / 2,000 bars, no bar from the same draw twice."""
    data = drawn()
    assert data.spec.sizes == {"train": 20_000, "val": 2_000, "test": 2_000}
    assert (data.spec.name, data.spec.source, data.spec.kind, data.spec.levels) == ("drums", "drums", "drums", 1)
    assert data.spec.shape == (1, 16, 9)
    assert data.spec.classes == ("rock", "jazz", "hiphop", "electronic", "latin")
    for split in data.splits.values():
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert split.images.max() == 1
        assert split.labels.bincount(minlength=5).min() > 0.17 * len(split)
    test = data.splits["test"].images.numpy()
    assert data.spec.entropy == pytest.approx(-grammar.log_likelihood(test).mean(), rel=1e-12)
    known = {bar.tobytes() for bar in data.splits["train"].images.numpy()}
    assert len(known) > 15_000
    assert 0.1 < np.mean([bar.tobytes() in known for bar in test]) < 0.25


def test_drums_do_not_depend_on_the_runs_seed(few):
    assert drawn(seed=0).spec == drawn(seed=7).spec


@pytest.mark.parametrize("stack", [1, 2])
def test_factors_belong_to_the_held_out_bars(few, stack):
    data = drawn(stack=stack)
    held_out, known = data.held_out("val"), data.known_factors("val")
    assert list(known) == list(grammar.FACTORS)
    tables, factors_NF = grammar.tables(), torch.stack([*known.values()], 1)
    for grid, style, chosen in zip(held_out.images[:, 0], held_out.labels[:, 0], factors_NF, strict=True):
        (row,) = np.flatnonzero((tables.choices_KF == torch.cat([style[None], chosen]).numpy()).all(1))
        hit = tables.hit_KTV[row]
        # The true combination explains the bar; a shuffled one would have to explain every hit as a slip.
        assert np.log(np.where(grid, hit, 1 - hit)).sum() > -40
    for name, values in grammar.FACTORS.items():
        assert max(data.splits[part].factors[name].max() for part in ("val", "test")) == len(values) - 1


@pytest.mark.parametrize("stack", [1, 2, 3])
def test_entropy_counts_the_channels(few, stack):
    assert drawn(stack=stack).spec.entropy == pytest.approx(stack * drawn().spec.entropy)


def test_spec_survives_results(few):
    spec = drawn(stack=2).spec
    rebuilt = DataSpec(**json.loads(json.dumps(asdict(spec))))
    assert (rebuilt.kind, rebuilt.levels, rebuilt.entropy) == ("drums", 1, spec.entropy)


@pytest.mark.parametrize(
    ("shape", "levels", "kind"),
    [((1, 16, 9), 1, "drums"), ((3, 16, 9), 1, "drums"), ((1, 16, 9), 255, "images"), ((1, 64, 32), 1, "drums")],
)
def test_kind(shape, levels, kind):
    assert DataSpec("a", "a", "0", ("all",), shape, {}, levels=levels).kind == kind


def test_hits_as_floats(few):
    spec, images = drawn().spec, drawn().held_out("test").images
    assert spec.to_float(images).unique().tolist() == [-1, 1]
    assert torch.equal(spec.to_stored(spec.to_float(images)), images)


def test_training_batches(few):
    data = drawn(stack=2)
    strategy, model = SimpleNamespace(root_device=torch.device("cpu")), SimpleNamespace(needs_labels=False)
    data.trainer = SimpleNamespace(strategy=strategy, global_rank=0, world_size=1, lightning_module=model)
    batches = list(data.train_dataloader())
    assert {batch.shape for batch in batches} == {(8, 2, 16, 9)}
    assert len(batches) == 8


# Groove


def test_groove(monkeypatch, tmp_path):
    made = SimpleNamespace(
        grids={"train": numbered(5), "val": numbered(2, 5), "test": numbered(3, 7)},
        styles={"train": np.array([0, 1, 1, 0, 1]), "val": np.array([1, 0]), "test": np.array([1, 1, 0])},
        drummers={"train": np.array([0, 0, 1, 1, 2]), "val": np.array([2, 1]), "test": np.array([1, 2, 0])},
        tempos={"train": np.full(5, 90.0), "val": np.array([79.9, 80.0]), "test": np.array([139.9, 290.0, 100.0])},
        classes=("jazz", "rock"),
    )
    monkeypatch.setattr(
        datasets, "load_groove", lambda root, cache: made if (root, cache) == (tmp_path, tmp_path) else None
    )
    data = Groove(root=str(tmp_path), cache=str(tmp_path), **COMMON)
    data.setup()
    assert (data.spec.name, data.spec.source, data.spec.kind) == ("groove", "groove", "drums")
    assert data.spec.classes == ("jazz", "rock")
    assert data.spec.entropy is None
    for part, split in data.splits.items():
        assert torch.equal(split.images, torch.from_numpy(made.grids[part]))
        assert split.labels.tolist() == made.styles[part].tolist()
    by_bar = {}
    for part in ("val", "test"):
        factors = data.known_factors(part)
        assert {values.dtype for values in factors.values()} == {torch.int64}
        for bar, drummer, tempo in zip(data.held_out(part).images, *factors.values(), strict=True):
            by_bar[numbers(bar)[0]] = (drummer.item(), tempo.item())
    assert list(factors) == ["drummer", "tempo"]
    assert data.ordered_factors == ("tempo",)
    assert by_bar == {5: (2, 0), 6: (1, 1), 7: (1, 3), 8: (2, 4), 9: (0, 2)}


# Grids


def test_grids_with_all_splits(tmp_path):
    arrays = {"train_patterns": numbered(9), "val_patterns": numbered(4, 9), "test_patterns": numbered(3, 13)}
    data = grids(tmp_path, arrays)
    assert (data.spec.name, data.spec.kind, data.spec.classes, data.spec.entropy) == ("grids", "drums", ("all",), None)
    assert [numbers(split.images) for split in data.splits.values()] == [
        list(range(9)),
        list(range(9, 13)),
        list(range(13, 16)),
    ]


def test_the_homeworks_keys_get_a_test_split(tmp_path):
    styles = np.arange(200) % 5
    arrays = {"train_patterns": numbered(200), "val_patterns": numbered(40, 200)}
    data = grids(tmp_path, arrays | {"train_styles": styles, "val_styles": styles[:40]})
    assert data.spec.sizes == {"train": 180, "val": 40, "test": 20}
    assert numbers(data.splits["val"].images) == list(range(200, 240))
    rest, aside = (numbers(data.splits[part].images) for part in ("train", "test"))
    assert sorted(rest + aside) == list(range(200))
    assert data.spec.classes == ("0", "1", "2", "3", "4")
    for split in data.splits.values():
        assert split.labels.tolist() == [number % 5 for number in numbers(split.images)]


def test_grids_without_splits(tmp_path):
    data = grids(tmp_path, {"patterns": numbered(200)})
    assert data.spec.sizes == {"train": 162, "val": 18, "test": 20}
    parts = [numbers(split.images) for split in data.splits.values()]
    assert sorted(number for part in parts for number in part) == list(range(200))
    assert parts == [numbers(split.images) for split in grids(tmp_path, {"x": numbered(200)}, seed=5).splits.values()]


def test_too_few_bars(tmp_path):
    with pytest.raises(ValueError, match=r"bars\.npz: 4 samples are too few to set 10 % of them aside"):
        grids(tmp_path, {"patterns": numbered(4)})


def test_grids_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data\.path=lost\.npz: no such file, here or under data\.root="):
        grids(tmp_path, {"patterns": numbered(4)}, path="lost.npz")
