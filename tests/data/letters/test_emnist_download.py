"""EMNIST's download, from a server on this machine: once, whole or not at all."""

import gzip
import hashlib
import io
import socket
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from torchvision.datasets import EMNIST

from src.data import download
from src.data.letters.emnist import EMNISTUnavailableError, load_emnist


class Mirror(ThreadingHTTPServer):
    """Serves an archive on this machine and counts the downloads."""

    def __init__(self, archive: bytes):
        super().__init__(("127.0.0.1", 0), Answer)
        self.archive = archive
        self.sent = archive
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
def mirror(monkeypatch, emnist_files):
    """EMNIST's address leads to a server of this machine, whose archive is made of small files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for split in ("letters", "digits", "balanced"):
            for name, content in emnist_files(split).items():
                file.writestr(f"gzip/{name}.gz", gzip.compress(content))
    with Mirror(archive.getvalue()) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(EMNIST, "url", server.url)
        monkeypatch.setattr(EMNIST, "md5", hashlib.md5(server.archive).hexdigest())
        yield server
        server.shutdown()
        thread.join()


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


def test_downloads_once_for_all_splits(mirror, check_emnist, tmp_path):
    check_emnist(load_emnist(tmp_path, "letters"), "letters")
    check_emnist(load_emnist(tmp_path, "balanced", "emnist"), "balanced")
    assert mirror.num_downloads == 1
    assert len(EMNIST(tmp_path, "letters", train=True)) == 60  # torchvision finds its own layout
    assert not (tmp_path / "EMNIST" / ".unfinished").exists()
    assert socket.getdefaulttimeout() is None


def test_a_server_that_refuses_head(mirror, check_emnist, tmp_path):
    mirror.head_status = 405
    check_emnist(load_emnist(tmp_path, "letters"), "letters")


def test_download_leaves_files_at_hand_alone(mirror, put_emnist, check_emnist, tmp_path):
    kept = put_emnist("digits", gzipped=True)
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    check_emnist(load_emnist(tmp_path, "letters"), "letters")
    assert {path.name: path.stat().st_mtime_ns for path in kept.glob("*digits*")} == before


@pytest.mark.parametrize("fault", ["cut", "altered"])
def test_a_bad_download_leaves_nothing(mirror, check_emnist, tmp_path, fault):
    good = mirror.archive
    mirror.sent = good[: len(good) // 2] if fault == "cut" else good[:-1] + b"?"
    with pytest.raises(EMNISTUnavailableError, match="orrupted"):
        load_emnist(tmp_path, "letters")
    assert [path.name for path in tmp_path.rglob("*") if path.name != ".lock"] == ["EMNIST"]
    mirror.sent = good
    check_emnist(load_emnist(tmp_path, "letters"), "letters")


def test_an_interrupted_download_leaves_nothing(mirror, monkeypatch, check_emnist, tmp_path):
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
    check_emnist(load_emnist(tmp_path, "letters"), "letters")


def test_what_a_killed_process_left_is_cleared(mirror, check_emnist, tmp_path):
    left = tmp_path / "EMNIST" / ".unfinished" / "EMNIST" / "raw"
    left.mkdir(parents=True)
    (left / "emnist-letters-test-images-idx3-ubyte").write_bytes(b"half")
    check_emnist(load_emnist(tmp_path, "letters"), "letters")
    assert not left.exists()


def test_two_processes_download_once(mirror, check_emnist, tmp_path):
    code = (
        "import sys; from torchvision.datasets import EMNIST; from src.data.letters.emnist import load_emnist\n"
        "EMNIST.url, EMNIST.md5 = sys.argv[2:]\n"
        "print('ready', flush=True)\n"
        "print(load_emnist(sys.argv[1], 'letters').train_labels.sum())"
    )
    mirror.asked_before_download = 2  # the download lasts until the other process wants one too
    command = [sys.executable, "-c", code, str(tmp_path), EMNIST.url, EMNIST.md5]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "ready\n"
        check_emnist(load_emnist(tmp_path, "letters"), "letters")
        assert other.communicate(timeout=20)[0] == f"{sum(i % 26 for i in range(60))}\n"
    assert mirror.num_downloads == 1
