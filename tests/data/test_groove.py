import csv
import hashlib
import io
import os
import socket
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mido
import numpy as np
import pytest

from src.data import download, groove
from src.data.groove import SPLITS, load_groove, read_hits, to_bars

REAL = Path(os.environ.get("DATA_DIR", "data"))
SIXTEENTH = 120  # ticks


def midi(hits: list[tuple[int, int]], beat: int = 480, velocity: int = 90) -> bytes:
    """A recording with hits at (tick, note), each released shortly after."""
    messages = [(tick, "note_on", note, velocity) for tick, note in hits]
    messages += [(tick + 10, "note_off", note, 64) for tick, note in hits]
    part, now = mido.MidiTrack(), 0
    part.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    for tick, kind, note, strength in sorted(messages):
        part.append(mido.Message(kind, channel=9, note=note, velocity=strength, time=tick - now))
        now = tick
    file = io.BytesIO()
    mido.MidiFile(type=0, ticks_per_beat=beat, tracks=[part]).save(file=file)
    return file.getvalue()


FILES = {  # name: split, style, time signature, content
    "a.mid": ("train", "rock", "4-4", midi([(0, 36), (480, 38), (2400, 42)])),
    "b.mid": ("train", "jazz/swing", "4-4", midi([(0, 51), (1, 51), (60, 44)])),
    "c.mid": ("validation", "rock/pop", "4-4", midi([(7680, 49)])),
    "d.mid": ("test", "jazz", "4-4", midi([(1900, 36)])),
    "e.mid": ("test", "waltz", "3-4", midi([(0, 36)])),
}


def write(folder: Path, files: dict = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "info.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["drummer", "style", "time_signature", "midi_filename", "split"])
        for name, (split, style, signature, content) in files.items():
            lines.writerow(["drummer1", style, signature, name, split])
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def offline(monkeypatch):
    """The dataset's address leads to a port of this machine where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(groove, "URL", f"http://127.0.0.1:{unused.getsockname()[1]}/groove.zip")
        yield


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """Serves the dataset made of small files on this machine; a list of what was asked for."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(write(tmp_path / "made").iterdir()):
            file.write(path, f"groove/{path.name}")
        file.writestr("../outside", "must not get out")
    content = archive.getvalue()
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            asked.append("head" if "Method" in self.headers else "archive")
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if asked[-1] == "archive":
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


def check(loaded: groove.GrooveBars) -> None:
    assert loaded.classes == ("jazz", "rock")
    assert {split: len(grids) for split, grids in loaded.grids.items()} == {"train": 3, "val": 1, "test": 1}
    hits = {split: [tuple(map(int, hit)) for hit in np.argwhere(grids)] for split, grids in loaded.grids.items()}
    assert hits["train"] == [(0, 0, 0), (0, 4, 1), (1, 4, 2), (2, 0, 8), (2, 1, 2)]
    assert hits["val"] == [(0, 0, 7)]  # four bars of silence are dropped
    assert hits["test"] == [(0, 0, 0)]  # just before the bar line
    assert {split: styles.tolist() for split, styles in loaded.styles.items()} == {
        "train": [1, 1, 0],
        "val": [1],
        "test": [0],
    }
    assert {array.dtype for array in loaded.grids.values()} == {np.dtype(np.uint8)}
    assert {array.dtype for array in loaded.styles.values()} == {np.dtype(np.int64)}
    assert (loaded.damaged, loaded.unknown) == ((), {})


@pytest.mark.parametrize("folder", ["groove", "."])
def test_bars(tmp_path, folder):
    write(tmp_path / folder)
    check(load_groove(tmp_path, tmp_path / "cache"))


@pytest.mark.parametrize(
    ("beat", "tick", "step"),
    [
        *[(480, 0, 0), (480, 59, 0), (480, 60, 1), (480, 179, 1), (480, 180, 2)],
        *[(96, 11, 0), (96, 12, 1), (96, 24, 1), (10, 1, 0), (10, 2, 1), (10, 3, 1), (10, 4, 2)],
        *[(480, 480 * 4 * 300 - 61, 4799), (480, 480 * 4 * 300 - 60, 4800)],
    ],
)
def test_nearest_sixteenth(beat, tick, step):
    assert read_hits(midi([(tick, 38)], beat)) == [(step, 38)]


def test_silent_notes_are_releases():
    assert read_hits(midi([(0, 38)], velocity=0)) == []
    assert to_bars([]).shape == (0, 16, 9)


def test_every_note_has_its_voice():
    table = {36: 0, 38: 1, 37: 1, 40: 1, 42: 2, 22: 2, 44: 2, 46: 3, 26: 3, 43: 4, 58: 4, 47: 5, 45: 5, 50: 6, 48: 6}
    table |= {49: 7, 52: 7, 55: 7, 57: 7, 51: 8, 53: 8, 59: 8}
    assert table == groove.VOICE_OF


def test_parsed_once(tmp_path, monkeypatch):
    write(tmp_path)
    first = load_groove(tmp_path, tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(groove, "parse", lambda recordings: pytest.fail("parsed again"))
        check(load_groove(tmp_path, tmp_path / "cache"))
    changed = midi([(0, 36), (120, 36)])
    write(tmp_path, FILES | {"d.mid": ("test", "jazz", "4-4", changed)})
    again = load_groove(tmp_path, tmp_path / "cache")
    assert (again.grids["test"].sum(), first.grids["test"].sum()) == (2, 1)
    write(tmp_path, FILES | {"d.mid": ("test", "blues", "4-4", changed)})
    assert load_groove(tmp_path, tmp_path / "cache").classes == ("blues", "jazz", "rock")


def test_damaged_files_and_unknown_notes_are_left_out_every_time(tmp_path):
    damaged = {
        "cut.mid": midi([(0, 36), (480, 36)])[:-9],
        "text.mid": b"no music",
        "empty.mid": b"",
        "film.mid": midi([(0, 36)], beat=1)[:12] + b"\xe7\x28" + midi([(0, 36)])[14:],  # counts in SMPTE frames
    }
    extra = {name: ("train", "rock", "4-4", content) for name, content in damaged.items()}
    odd = {"odd.mid": ("train", "rock", "4-4", midi([(0, 36), (0, 80), (480, 80), (9600, 81)]))}
    write(tmp_path, FILES | extra | odd | {"gone.mid": ("test", "jazz", "4-4", b"")})
    (tmp_path / "gone.mid").unlink()
    for _ in range(2):
        with (
            pytest.warns(UserWarning, match=r"3 hits in .* are left out, on notes of no voice: 80 \(2\), 81 \(1\)$"),
            pytest.warns(
                UserWarning, match=r"^5 of 10 MIDI files in .*: cut.mid, text.mid, empty.mid, film.mid, gone.mid$"
            ),
        ):
            loaded = load_groove(tmp_path, tmp_path / "cache")
        assert len(loaded.grids["train"]) == 4  # the bar of the unknown 81 alone is no bar
        assert loaded.damaged == (*damaged, "gone.mid")


def test_long_lists_of_damage_are_cut(tmp_path):
    extra = {f"{number}.mid": ("train", "rock", "4-4", b"") for number in range(24)}
    write(tmp_path, FILES | extra)
    with pytest.warns(UserWarning, match=r"24 of 28 .*: 0\.mid, .*, 19\.mid and 4 more$"):
        load_groove(tmp_path, tmp_path / "cache")


def test_a_split_without_bars(tmp_path):
    write(tmp_path, FILES | {"c.mid": ("validation", "rock", "4-4", b"")})
    with pytest.raises(ValueError, match=r"holds no bars in 4/4 for val: of 4 MIDI files in info\.csv 1 are damaged"):
        load_groove(tmp_path, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.npz"))


def test_nothing_in_4_4(tmp_path):
    write(tmp_path, {"e.mid": FILES["e.mid"]})
    with pytest.raises(ValueError, match=r"info\.csv lists nothing in 4/4 \(time_signature 4-4\)"):
        load_groove(tmp_path, tmp_path / "cache")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "lacks the column midi_filename"),
        ("midi_filename,style,time_signature\n", "lacks the column split"),
        (
            "midi_filename,split,style,time_signature\na.mid,dev,rock,4-4\n",
            "unknown split 'dev': expected train, valid",
        ),
    ],
)
def test_another_info(tmp_path, content, message):
    (tmp_path / "info.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_groove(tmp_path, tmp_path / "cache")


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
def test_download(mirror, tmp_path, empty_folder):
    root = tmp_path / "data"
    if empty_folder:
        (root / "groove").mkdir(parents=True)
    check(load_groove(root, tmp_path / "cache"))
    check(load_groove(root, tmp_path / "cache"))
    assert mirror.count("archive") == 1
    left = {path.name for path in root.iterdir()}
    assert left - {".groove.lock"} == {"groove"}
    assert not list(tmp_path.rglob("outside"))
    assert socket.getdefaulttimeout() is None


def test_a_wrong_checksum_leaves_nothing(mirror, monkeypatch, tmp_path):
    monkeypatch.setattr(groove, "SHA256", "0" * 64)
    with pytest.raises(ValueError, match=r"failed \(.*SHA-256 is .* instead of 000000000000…: corrupted\)"):
        load_groove(tmp_path / "data", tmp_path / "cache")
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {".groove.lock"}


def test_two_threads_download_once(mirror, monkeypatch, tmp_path):
    unpack = download.unpack

    def slowly(*arguments):
        time.sleep(0.3)
        unpack(*arguments)

    monkeypatch.setattr(groove, "unpack", slowly)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(load_groove(tmp_path / "data", tmp_path / "cache")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    check(found[0])
    check(found[1])
    assert mirror.count("archive") == 1


@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "groove" / "info.csv").exists(), reason="DATA_DIR holds no Groove MIDI Dataset")
def test_the_real_dataset(tmp_path):
    begin = time.perf_counter()
    loaded = load_groove(REAL, tmp_path)
    assert time.perf_counter() - begin < 60  # 9 s on a quiet core
    assert {split: len(loaded.grids[split]) for split in SPLITS.values()} == {"train": 17416, "val": 2176, "test": 2213}
    assert len(loaded.classes) == 18
    assert (loaded.damaged, loaded.unknown) == ((), {})
    assert loaded.grids["train"].mean() == pytest.approx(0.129, abs=5e-4)
    known = {bar.tobytes() for bar in loaded.grids["train"]}
    assert np.mean([bar.tobytes() in known for bar in loaded.grids["test"]]) == pytest.approx(0.108, abs=5e-4)
    hit_TV = (loaded.grids["train"].sum(0) + 0.5) / (17416 + 1)
    nats = -np.where(loaded.grids["test"], np.log(hit_TV), np.log1p(-hit_TV)).sum((1, 2))
    assert nats.mean() == pytest.approx(40.33, abs=0.01)
