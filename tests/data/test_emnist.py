import gzip
import hashlib
import io
import socket
import string
import struct
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from torchvision.datasets import EMNIST

from src.data import download, emnist
from src.data.emnist import EMNISTUnavailableError, load_emnist

SIZES = {"train": 60, "test": 30}
FIRST_LABEL = {"letters": 1, "digits": 0, "balanced": 0}
NUM_CLASSES = {"letters": 26, "digits": 10, "balanced": 47}


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def upright_images(count: int) -> np.ndarray:
    """Every image an L with its corner at the lower left, in its own grey."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 2:26, 5] = images[:, 25, 5:20] = 1 + np.arange(count)[:, None]
    return images


def emnist_files(split: str) -> dict[str, bytes]:
    """The four files of a split in EMNIST's conventions: transposed, letters counted from 1."""
    files = {}
    for part, count in SIZES.items():
        labels = np.arange(count) % NUM_CLASSES[split] + FIRST_LABEL[split]
        stem = f"emnist-{split}-{part}"
        files[f"{stem}-images-idx3-ubyte"] = idx_bytes(upright_images(count).transpose(0, 2, 1))
        files[f"{stem}-labels-idx1-ubyte"] = idx_bytes(labels)
    return files


@pytest.fixture
def put(tmp_path):
    """Puts a split's files below `tmp_path` as torchvision would, and returns their folder."""

    def write(split: str, gzipped: bool = False):
        raw = tmp_path / "EMNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, content in emnist_files(split).items():
            path, content = (raw / f"{name}.gz", gzip.compress(content)) if gzipped else (raw / name, content)
            path.write_bytes(content)
        return raw

    return write


class Mirror(ThreadingHTTPServer):
    """Serves EMNIST's archive, made of small files, on this machine and counts the downloads."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            for split in NUM_CLASSES:
                for name, content in emnist_files(split).items():
                    file.writestr(f"gzip/{name}.gz", gzip.compress(content))
        self.archive = archive.getvalue()
        self.sent = self.archive
        self.num_downloads = 0
        self.num_asked = 0
        self.asked_before_download = 0
        self.head_status = 200
        self.changed = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/gzip.zip"


class Answer(BaseHTTPRequestHandler):
    def do_HEAD(self):
        with self.server.changed:
            self.server.num_asked += 1
            self.server.changed.notify_all()
        self._head(self.server.head_status)

    def do_GET(self):
        if "Method" in self.headers:  # how torchvision asks for redirections: it reads no body
            self._head(200)
            return
        with self.server.changed:
            self.server.num_downloads += 1
            wanted = self.server.asked_before_download
            assert self.server.changed.wait_for(lambda: self.server.num_asked >= wanted, 20)
        self._head(200)
        self.wfile.write(self.server.sent)

    def _head(self, status: int):
        self.send_response(status)
        self.send_header("Content-Length", str(len(self.server.archive)))
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(monkeypatch):
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(EMNIST, "url", server.url)
        monkeypatch.setattr(EMNIST, "md5", hashlib.md5(server.archive).hexdigest())
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def offline(monkeypatch):
    """EMNIST's address leads to a port of this machine where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(EMNIST, "url", f"http://127.0.0.1:{unused.getsockname()[1]}/gzip.zip")
        yield


def check(data: emnist.EMNISTArrays, split: str) -> None:
    assert len(data.classes) == NUM_CLASSES[split]
    for part, count in SIZES.items():
        images, labels = getattr(data, f"{part}_images"), getattr(data, f"{part}_labels")
        np.testing.assert_array_equal(images, upright_images(count))
        np.testing.assert_array_equal(labels, np.arange(count) % NUM_CLASSES[split])
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)


@pytest.mark.parametrize("gzipped", [False, True])
@pytest.mark.parametrize("split", NUM_CLASSES)
def test_files_at_hand_are_put_right_and_nothing_is_written(offline, put, tmp_path, split, gzipped):
    put(split, gzipped)
    before = sorted(tmp_path.rglob("*"))
    check(load_emnist(tmp_path, split, "emnist"), split)
    assert sorted(tmp_path.rglob("*")) == before


def test_class_names(offline, put, tmp_path):
    put("letters"), put("digits"), put("balanced")
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
def test_damaged_files_never_fall_back(offline, put, tmp_path, source, gzipped):
    raw = put("letters", gzipped)
    path = next(raw.glob("*test-images*"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"test-images.* is truncated") as caught:
        load_emnist(tmp_path, "letters", source)
    assert not isinstance(caught.value, EMNISTUnavailableError)


def test_labels_outside_the_split_are_refused(offline, put, tmp_path):
    raw = put("letters")
    (raw / "emnist-letters-train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(60) % 28))
    with pytest.raises(ValueError, match=r"train-labels.* unknown label 0, 27; the 26 classes lie in 1\.\.26"):
        load_emnist(tmp_path, "letters")


def test_unavailable_names_what_lacks_and_the_ways_out(offline, put, tmp_path):
    raw = put("letters")
    (raw / "emnist-letters-test-labels-idx1-ubyte").unlink()
    with pytest.raises(
        EMNISTUnavailableError, match=r"lacks EMNIST/raw/emnist-\S*test-labels-idx1-ubyte and .*refused"
    ):
        load_emnist(tmp_path, "letters", "auto")
    with pytest.raises(ValueError, match=r"Put the files into .*raw, .*data=strokes or data\.source=auto") as caught:
        load_emnist(tmp_path, "letters", "emnist")
    assert not isinstance(caught.value, EMNISTUnavailableError)
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made(mirror, tmp_path):
    (tmp_path / "file").touch()
    lacking = r"emnist-letters-\{train,test\}-\{images-idx3,labels-idx1\}-ubyte"
    with pytest.raises(EMNISTUnavailableError, match=f"{lacking} and .*Not a directory"):
        load_emnist(tmp_path / "file", "letters")


def test_a_silent_server_costs_seconds_only(monkeypatch, tmp_path):
    monkeypatch.setattr(download, "REACH_SECONDS", 0.2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(EMNIST, "url", f"http://127.0.0.1:{silent.getsockname()[1]}/gzip.zip")
        with pytest.raises(EMNISTUnavailableError, match="timed out"):
            load_emnist(tmp_path, "letters")


def test_downloads_once_for_all_splits(mirror, tmp_path):
    check(load_emnist(tmp_path, "letters"), "letters")
    check(load_emnist(tmp_path, "balanced", "emnist"), "balanced")
    assert mirror.num_downloads == 1
    assert len(EMNIST(tmp_path, "letters", train=True)) == SIZES["train"]  # torchvision finds its own layout
    assert not (tmp_path / "EMNIST" / ".unfinished").exists()
    assert socket.getdefaulttimeout() is None


def test_a_server_that_refuses_head(mirror, tmp_path):
    mirror.head_status = 405
    check(load_emnist(tmp_path, "letters"), "letters")


def test_download_leaves_files_at_hand_alone(mirror, put, tmp_path):
    kept = put("digits", gzipped=True)
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    check(load_emnist(tmp_path, "letters"), "letters")
    assert {path.name: path.stat().st_mtime_ns for path in kept.glob("*digits*")} == before


@pytest.mark.parametrize("fault", ["cut", "altered"])
def test_a_bad_download_leaves_nothing(mirror, tmp_path, fault):
    good = mirror.archive
    mirror.sent = good[: len(good) // 2] if fault == "cut" else good[:-1] + b"?"
    with pytest.raises(EMNISTUnavailableError, match="orrupted"):
        load_emnist(tmp_path, "letters")
    assert [path.name for path in tmp_path.rglob("*") if path.name != ".lock"] == ["EMNIST"]
    mirror.sent = good
    check(load_emnist(tmp_path, "letters"), "letters")


def test_an_interrupted_download_leaves_nothing(mirror, monkeypatch, tmp_path):
    def half(self):
        folder = tmp_path / "EMNIST" / ".unfinished" / "EMNIST" / "raw"
        folder.mkdir(parents=True)
        (folder / "emnist-letters-train-images-idx3-ubyte").write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(EMNIST, "download", half)
        with pytest.raises(KeyboardInterrupt):
            load_emnist(tmp_path, "letters")
    assert not list(tmp_path.rglob("*ubyte"))
    check(load_emnist(tmp_path, "letters"), "letters")


def test_what_a_killed_process_left_is_cleared(mirror, tmp_path):
    left = tmp_path / "EMNIST" / ".unfinished" / "EMNIST" / "raw"
    left.mkdir(parents=True)
    (left / "emnist-letters-test-images-idx3-ubyte").write_bytes(b"half")
    check(load_emnist(tmp_path, "letters"), "letters")
    assert not left.exists()


def test_two_processes_download_once(mirror, tmp_path):
    code = (
        "import sys; from torchvision.datasets import EMNIST; from src.data.emnist import load_emnist\n"
        "EMNIST.url, EMNIST.md5 = sys.argv[2:]\n"
        "print('ready', flush=True)\n"
        "print(load_emnist(sys.argv[1], 'letters').train_labels.sum())"
    )
    mirror.asked_before_download = 2  # the download lasts until the other process wants one too
    command = [sys.executable, "-c", code, str(tmp_path), EMNIST.url, EMNIST.md5]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "ready\n"
        check(load_emnist(tmp_path, "letters"), "letters")
        assert other.communicate(timeout=20)[0] == f"{sum(i % 26 for i in range(SIZES['train']))}\n"
    assert mirror.num_downloads == 1
