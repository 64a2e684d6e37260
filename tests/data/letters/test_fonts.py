"""The data set of typeset capitals."""

from pathlib import Path

import numpy as np
import pytest
import torch

from src.data.letters import typeset
from src.data.letters.datasets import Fonts
from src.evaluation.class_statistics import class_properties

COMMON = {"budget": 100, "batch_size": 10, "seed": 0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


def fonts(folder: Path, stack: int = 1, **options: object) -> Fonts:
    data = Fonts(root="nowhere", cache=str(folder), stack=stack, **options, **COMMON)
    data.setup()
    return data


def test_sizes_classes_and_polarity(folder):
    spec = fonts(folder).spec
    assert (spec.name, spec.source, spec.classes) == ("fonts", "fonts", tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    assert spec.sizes == {"train": 5200, "val": 780, "test": 780}
    assert spec.shape == (1, 28, 28)
    assert (spec.levels, spec.dark_ink) == (255, True)


@pytest.mark.parametrize(("letters", "side"), [("small", 18), ("large", 20)])
def test_a_narrower_border_cuts_no_ink_off(folder, letters, side):
    for name, whole in fonts(folder, letters=letters).splits.items():
        cut = fonts(folder, letters=letters, side=side).splits[name]
        assert cut.images.shape[1:] == (side, side)
        assert torch.equal(torch.nn.functional.pad(cut.images, [(28 - side) // 2] * 4, value=255), whole.images)
        assert torch.equal(cut.labels, whole.labels)


@pytest.mark.parametrize(("letters", "side"), [("small", 16), ("small", 19), ("small", 30), ("large", 18)])
def test_a_side_that_cuts_ink_off_or_has_no_middle_is_refused(folder, letters, side):
    with pytest.raises(ValueError, match=f"data.side={side}"):
        fonts(folder, letters=letters, side=side)


def test_large_letters_have_a_cache_of_their_own(folder):
    small, large = fonts(folder), fonts(folder, letters="large")
    assert large.spec.digest != small.spec.digest == fonts(folder).spec.digest
    assert large.spec.shape == (1, 28, 28)
    assert set(large.known_factors("test")["style"].tolist()) == set(range(4))
    with pytest.raises(ValueError, match=r"data\.letters=huge is unknown: choose from small, large"):
        fonts(folder, letters="huge")


def test_splits_are_balanced_and_share_no_image(folder):
    splits = fonts(folder).splits
    for split in splits.values():
        assert len(set(torch.bincount(split.labels).tolist())) == 1
    images = np.concatenate([split.images.numpy() for split in splits.values()]).reshape(-1, 784)
    assert len(np.unique(images, axis=0)) == len(images)


def test_the_style_is_a_known_factor_of_each_held_out_image(folder):
    data = fonts(folder, stack=2)
    styles_N = data.known_factors("test")["style"]
    assert torch.bincount(styles_N).tolist() == [78] * len(typeset.STYLES)
    ink_N = data.spec.ink(data.held_out("test").images[:, 0]).mean((1, 2))
    names = list(typeset.STYLES)
    mean = {name: ink_N[styles_N == names.index(name)].mean() for name in ("sans_bold", "sans_narrow")}
    assert mean["sans_bold"] > 1.5 * mean["sans_narrow"]


def test_letters_are_drawn_once(folder, monkeypatch):
    first = fonts(folder).spec.digest
    monkeypatch.setattr(typeset, "draw", lambda *_, **__: pytest.fail("drawn again"))
    assert fonts(folder).spec.digest == first


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays | {"val_images": arrays["val_images"][:, :, :14]},
        lambda arrays: arrays | {"test_images": arrays["test_images"] / 255},
        lambda arrays: arrays | {"train_labels": arrays["train_labels"] + 1},
        lambda arrays: arrays | {"train_labels": -arrays["train_labels"]},
        lambda arrays: arrays | {"val_styles": arrays["val_styles"] * 0},
        lambda arrays: {key: array for key, array in arrays.items() if not key.startswith("val")},
    ],
)
def test_a_cache_of_other_content_is_drawn_anew(folder, tmp_path, change):
    (whole,) = folder.glob("typeset-v*.npz")
    with np.load(whole) as arrays:
        np.savez(tmp_path / whole.name, **change(dict(arrays)))
    assert fonts(tmp_path).spec.digest == fonts(folder).spec.digest


def test_ink_is_what_is_dark(folder):
    data = fonts(folder)
    properties = class_properties(data.spec, data.splits["train"])
    ink, num_holes = properties["ink"], properties["holes"]
    assert max(ink) < 0.12  # of black letters on white, the paper would be nine tenths
    assert ink[typeset.CLASSES.index("I")] == min(ink)
    assert num_holes[typeset.CLASSES.index("O")] > 0.5
    assert num_holes[typeset.CLASSES.index("T")] < 0.1
