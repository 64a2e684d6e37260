import hashlib
import string

import numpy as np
import pytest

from src.data.letters import strokes
from src.data.letters.strokes import FORMS, draw

LETTERS = string.ascii_uppercase
GOLDEN = "a94df94d589bad7ac1c390a344efe8223050d0d2408fbdfe214da5556dba7cb5"  # changes only with VERSION


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    return draw(LETTERS + string.digits, 60, seed=1)


def test_every_letter_and_digit_has_hands():
    assert set(FORMS) == set(string.ascii_letters + string.digits)
    assert all(len(set(hands)) == len(hands) >= 2 for hands in FORMS.values())


def test_shapes_types_and_balance(drawn):
    images_NHW, labels_N = drawn
    assert images_NHW.shape == (36 * 60, 28, 28)
    assert images_NHW.dtype == np.uint8
    assert labels_N.dtype == np.int64
    assert np.bincount(labels_N).tolist() == [60] * 36


def test_order_is_shuffled(drawn):
    _, labels_N = drawn
    assert len(set(labels_N[:60].tolist())) > 20  # of 36; 29.4 on average, and 1 unshuffled


def test_the_first_images_never_change():
    images_NHW, _ = draw(LETTERS, 4, seed=0)
    digest = hashlib.sha256(images_NHW.tobytes()).hexdigest()
    assert (strokes.VERSION, digest) == (1, GOLDEN), "raise VERSION with every change of the drawings"


def test_seed_decides():
    images_NHW, labels_N = draw("AB7", 20, seed=3)
    again_NHW, labels_again_N = draw("AB7", 20, seed=3)
    np.testing.assert_array_equal(images_NHW, again_NHW)
    np.testing.assert_array_equal(labels_N, labels_again_N)
    other_NHW, _ = draw("AB7", 20, seed=4)
    both = np.concatenate([images_NHW, other_NHW]).reshape(120, -1)
    assert len(np.unique(both, axis=0)) == 120


@pytest.mark.parametrize(("workers", "chunk"), [(1, 1), (3, 7), (2, 1000)])
def test_threads_and_chunks_leave_no_trace(workers, chunk):
    expected_NHW, _ = draw("GM4", 30, seed=5)
    images_NHW, _ = draw("GM4", 30, seed=5, workers=workers, chunk=chunk)
    np.testing.assert_array_equal(images_NHW, expected_NHW)


def test_a_letter_is_drawn_half_in_each_case_and_in_every_hand():
    bits = np.random.PCG64(0)
    labels_N, form_N, forms = strokes.assign("RI5", 50, bits)
    hands = [len(FORMS[character]) for character in "RrIi5"]
    assert len(forms) == sum(hands)
    counts = np.split(np.bincount(form_N, minlength=len(forms)), np.cumsum(hands)[:-1])
    assert [count.sum() for count in counts] == [25, 25, 25, 25, 50]
    assert all((count > 0).all() for count in counts)
    assert (labels_N == np.repeat([0, 1, 2], [sum(hands[:2]), sum(hands[2:4]), hands[4]])[form_N]).all()


def test_ink_covers_a_tenth_to_a_third_of_most_sheets(drawn):
    images_NHW, labels_N = drawn
    share_N = images_NHW.mean((1, 2)) / 255
    assert 0.10 < share_N.mean() < 0.22
    assert share_N.min() > 0.02  # a thin I
    assert share_N.max() < 0.40  # a broad M
    assert (images_NHW.max((1, 2)) > 200).all()
    share_K = [share_N[labels_N == label].mean() for label in range(36)]
    assert 0.05 < min(share_K) < max(share_K) < 0.30


def test_ink_is_centred_and_fills_the_frame_without_leaving_it(drawn):
    images_NHW, _ = drawn
    ink_NHW = images_NHW > 127
    for image_HW in ink_NHW:
        rows, columns = np.flatnonzero(image_HW.any(1)), np.flatnonzero(image_HW.any(0))
        assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 25
        assert abs(rows[0] + rows[-1] - 27) <= 2
        assert abs(columns[0] + columns[-1] - 27) <= 2
    edge_N = np.stack([images_NHW[:, 0], images_NHW[:, -1], images_NHW[..., 0], images_NHW[..., -1]])
    assert edge_N.max() == 0


def test_lines_are_smooth(drawn):
    images_NHW, _ = drawn
    grey_N = ((images_NHW > 15) & (images_NHW < 240)).sum((1, 2)) / (images_NHW > 15).sum((1, 2))
    assert 0.25 < grey_N.mean() < 0.75  # 0 if the edges were hard, 1 if all were blur


def test_classes_are_distinguishable():
    """A nearest neighbour in pixels finds the letter of nine new drawings in ten; chance finds one in 26."""
    train_NF, train_labels_N = (part.reshape(26 * 100, -1) for part in draw(LETTERS, 100, seed=1))
    test_MF, labels_M = (part.reshape(26 * 10, -1) for part in draw(LETTERS, 10, seed=2))
    train_NF, test_MF = train_NF.astype(np.float32), test_MF.astype(np.float32)
    distance_MN = np.square(train_NF).sum(1) - 2 * test_MF @ train_NF.T
    nearest_M = train_labels_N[distance_MN.argmin(1), 0]
    assert (nearest_M == labels_M[:, 0]).mean() > 0.8


def test_drawings_of_a_class_vary():
    images_NHW, _ = draw("O", 200, seed=6)
    spread_HW = images_NHW.astype(np.float32).std(0)
    assert spread_HW.max() > 80
    thickness_N = images_NHW.mean((1, 2))
    assert np.quantile(thickness_N, 0.95) > 1.5 * np.quantile(thickness_N, 0.05)


@pytest.mark.parametrize("name", ["a", "Ä", "10", "?"])
def test_unknown_class_raises(name):
    with pytest.raises(ValueError, match="no strokes for class"):
        draw(["A", name], 2, seed=0)
