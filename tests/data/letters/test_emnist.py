"""EMNIST's files at hand: put right, checked, and what is said where they lack."""

import socket
import string

import numpy as np
import pytest
from torchvision.datasets import EMNIST

from src.data.letters.emnist import EMNISTUnavailableError, load_emnist


@pytest.fixture
def offline(monkeypatch):
    """EMNIST's address leads to a port of this machine without a server."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(EMNIST, "url", f"http://127.0.0.1:{unused.getsockname()[1]}/gzip.zip")
        yield


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("split", ["letters", "digits", "balanced"])
def test_files_at_hand_are_put_right_and_nothing_is_written(
    offline, put_emnist, check_emnist, tmp_path, split, gzipped
):
    put_emnist(split, gzipped)
    before = sorted(tmp_path.rglob("*"))
    check_emnist(load_emnist(tmp_path, split, "emnist"), split)
    assert sorted(tmp_path.rglob("*")) == before


def test_class_names(offline, put_emnist, tmp_path):
    put_emnist("letters"), put_emnist("digits"), put_emnist("balanced")
    assert load_emnist(tmp_path, "letters").classes == tuple(string.ascii_uppercase)
    assert load_emnist(tmp_path, "digits").classes == tuple(string.digits)
    merged = (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")
    assert load_emnist(tmp_path, "balanced").classes == merged


@pytest.mark.parametrize("option", ["split", "source"])
def test_unknown_options_list_the_known(tmp_path, option):
    with pytest.raises(ValueError, match=f"data.{option}=magic is unknown: choose from .*(letters|auto), "):
        load_emnist(tmp_path, **{"split": "letters", option: "magic"})


@pytest.mark.parametrize("source", ["auto", "emnist"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_damaged_files_never_fall_back(offline, put_emnist, tmp_path, source, gzipped):
    raw = put_emnist("letters", gzipped)
    path = next(raw.glob("*test-images*"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"test-images.* is truncated") as caught:
        load_emnist(tmp_path, "letters", source)
    assert not isinstance(caught.value, EMNISTUnavailableError)


def test_labels_outside_the_split_raise(offline, put_emnist, tmp_path):
    raw = put_emnist("letters")
    path = raw / "emnist-letters-train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:8] + (np.arange(60) % 28).astype(np.uint8).tobytes())  # its header remains
    with pytest.raises(ValueError, match=r"train-labels.* unknown label 0, 27; the 26 classes lie in 1\.\.26"):
        load_emnist(tmp_path, "letters")


def test_unavailable_names_what_lacks_and_the_ways_out(offline, put_emnist, tmp_path):
    raw = put_emnist("letters")
    (raw / "emnist-letters-test-labels-idx1-ubyte").unlink()
    with pytest.raises(
        EMNISTUnavailableError, match=r"lacks EMNIST/raw/emnist-\S*test-labels-idx1-ubyte and .*refused"
    ):
        load_emnist(tmp_path, "letters", "auto")
    with pytest.raises(ValueError, match=r"Put the files into .*raw, .*data=strokes or data\.source=auto") as caught:
        load_emnist(tmp_path, "letters", "emnist")
    assert not isinstance(caught.value, EMNISTUnavailableError)
    assert "\n" not in str(caught.value)
