"""The download of EMNIST, from a server on this machine: once, and complete or not at all."""

import gc
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

from src.core import cache
from src.data import download
from src.data.letters import emnist
from src.data.letters.emnist import EMNISTUnavailableError, load_emnist

# pooch leaves the connection of a failed download to the garbage collector.
pytestmark = [pytest.mark.ci, pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")]


@pytest.fixture(autouse=True)
def collected():
    yield
    gc.collect()


class Mirror(ThreadingHTTPServer):
    """Serves an archive on this machine and counts the downloads."""

    def __init__(self, archive: bytes):
        super().__init__(("127.0.0.1", 0), Answer)
        self.archive = archive
        self.sent = archive
        self.num_downloads = 0
        self.downloading = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/gzip.zip"


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.num_downloads += 1
        self.server.downloading.set()
        assert self.server.may_answer.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.archive)))
        self.end_headers()
        self.wfile.write(self.server.sent)

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
    monkeypatch.setattr(download, "TIMEOUT", (0.2, 0.2))
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


def test_a_server_without_the_file(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(Answer, "do_GET", lambda self: self.send_error(404))
    with pytest.raises(EMNISTUnavailableError, match=r"failed \(404 [^\n]*\)\. Put the files into"):
        load_emnist(tmp_path, "letters")


def test_download_leaves_files_at_hand_alone(mirror, put_emnist, check_emnist, tmp_path):
    kept = put_emnist("digits", gzipped=True)
    before = {path.name: path.stat().st_mtime_ns for path in kept.iterdir()}
    check_emnist(load_emnist(tmp_path, "letters"), "letters")
    assert {path.name: path.stat().st_mtime_ns for path in kept.glob("*digits*")} == before


@pytest.mark.parametrize(("fault", "message"), [("cut", "IncompleteRead"), ("altered", "corrupted")])
def test_a_bad_download_leaves_nothing(mirror, check_emnist, tmp_path, fault, message):
    good = mirror.archive
    mirror.sent = good[: len(good) // 2] if fault == "cut" else good[:-1] + b"?"
    with pytest.raises(EMNISTUnavailableError, match=message):
        load_emnist(tmp_path, "letters")
    assert [path.name for path in tmp_path.rglob("*") if path.name != ".lock"] == ["EMNIST"]
    mirror.sent = good
    check_emnist(load_emnist(tmp_path, "letters"), "letters")


def test_an_interrupted_download_leaves_nothing(mirror, monkeypatch, check_emnist, tmp_path):
    def half(source, target):
        target.write(source.read(100))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(emnist.shutil, "copyfileobj", half)
        with pytest.raises(KeyboardInterrupt):
            load_emnist(tmp_path, "letters")
    assert not list(tmp_path.rglob("*ubyte"))
    check_emnist(load_emnist(tmp_path, "letters"), "letters")


def test_what_a_killed_process_left_is_cleared(mirror, check_emnist, tmp_path):
    left = tmp_path / "EMNIST" / ".unfinished"
    left.mkdir(parents=True)
    (left / "archive.zip").write_bytes(b"half")
    check_emnist(load_emnist(tmp_path, "letters"), "letters")
    assert not left.exists()


def test_two_processes_download_once(mirror, monkeypatch, check_emnist, tmp_path):
    code = (
        "import sys; from torchvision.datasets import EMNIST; from src.data.letters.emnist import load_emnist\n"
        "EMNIST.url, EMNIST.md5 = sys.argv[2:]\n"
        "print(load_emnist(sys.argv[1], 'letters').train_labels.sum())"
    )
    mirror.may_answer.clear()  # until this process waits for the other one's download
    command = [sys.executable, "-c", code, str(tmp_path), EMNIST.url, EMNIST.md5]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert mirror.downloading.wait(60)
        monkeypatch.setattr(cache.log, "info", lambda *_: mirror.may_answer.set())
        check_emnist(load_emnist(tmp_path, "letters"), "letters")
        assert other.communicate(timeout=60)[0] == f"{sum(i % 26 for i in range(60))}\n"
    assert mirror.num_downloads == 1
