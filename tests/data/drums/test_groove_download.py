"""The download of the Groove MIDI Dataset, from a server on this machine: once, and complete or not at all."""

import hashlib
import io
import socket
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from src.data import download
from src.data.drums import groove
from src.data.drums.groove import load_groove


@pytest.fixture
def offline(monkeypatch):
    """The dataset's address leads to a port of this machine without a server."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(groove, "URL", f"http://127.0.0.1:{unused.getsockname()[1]}/groove.zip")
        yield


@pytest.fixture
def mirror(monkeypatch, write_groove, tmp_path):
    """Serves the dataset made of small files on this machine; a list of requests."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(write_groove(tmp_path / "made").iterdir()):
            file.write(path, f"groove/{path.name}")
        file.writestr("../outside", "must not get out")
    content = archive.getvalue()
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(groove, "URL", f"http://127.0.0.1:{server.server_port}/groove.zip")
        monkeypatch.setattr(groove, "SHA256", hashlib.sha256(content).hexdigest())
        yield asked
        server.shutdown()
        thread.join()


def test_unavailable(offline, tmp_path):
    with pytest.raises(
        ValueError, match=r"lacks groove/info\.csv and .* failed \(.*refused.* choose data=drums"
    ) as caught:
        load_groove(tmp_path / "data", tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert f"data.root={tmp_path / 'data'} " in str(caught.value)


def test_a_folder_that_is_something_else(offline, tmp_path):
    (tmp_path / "groove").mkdir()
    (tmp_path / "groove" / "mine.txt").touch()
    with pytest.raises(ValueError, match=r"groove lacks info\.csv, .* complete it or move it away"):
        load_groove(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize("empty_folder", [False, True])
def test_download(mirror, check_groove, tmp_path, empty_folder):
    root = tmp_path / "data"
    if empty_folder:
        (root / "groove").mkdir(parents=True)
    check_groove(load_groove(root, tmp_path / "cache"))
    check_groove(load_groove(root, tmp_path / "cache"))
    assert len(mirror) == 1
    left = {path.name for path in root.iterdir()}
    assert left - {".groove.lock"} == {"groove"}
    assert not list(tmp_path.rglob("outside"))


def test_a_wrong_checksum_leaves_nothing(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(groove, "SHA256", "0" * 64)
    with pytest.raises(ValueError, match=r"failed \(SHA256 hash .* expected sha256:0{64} but got .*\)"):
        load_groove(tmp_path / "data", tmp_path / "cache")
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {".groove.lock"}


def test_two_threads_download_once(mirror, monkeypatch, check_groove, tmp_path):
    def slowly(*arguments):
        time.sleep(0.3)
        download.fetch_archive(*arguments)

    monkeypatch.setattr(groove, "fetch_archive", slowly)
    loaded = []
    threads = [
        threading.Thread(target=lambda: loaded.append(load_groove(tmp_path / "data", tmp_path / "cache")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loaded) == 2
    check_groove(loaded[0])
    check_groove(loaded[1])
    assert len(mirror) == 1
