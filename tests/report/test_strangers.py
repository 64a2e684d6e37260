"""Run folders as strangers make them: each costs a line in the report that names it, never the report."""

import io
import json
import os
import struct
import wave
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core.plain_data import is_number
from src.report import collect as collecting
from src.report.collect import collect, read_history, read_run


def changed(run: Path, **values: object) -> None:
    """Dotted with two underscores: metrics__kl."""
    record = json.loads((run / "results.json").read_text())
    for key, value in values.items():
        *parents, name = key.split("__")
        place = record
        for parent in parents:
            place = place[parent]
        place[name] = value
    (run / "results.json").write_text(json.dumps(record))


IMPOSSIBLE = [
    {"metrics__modes": 0, "metrics__missing": []},
    {"metrics__modes": -3},
    {"metrics__modes": 1e12},
    {"metrics__num_samples": -1},
    {"metrics__recognisable": 17},
    {"metrics": {f"m{n}": n for n in range(5000)}},
    {"metrics__shares": [0.0] * 100_000},
    {"controls": {"real": 3}},
    {"dataset__sizes": {"train": -5}},
    {"dataset__sizes": [1]},
    {"dataset__shape": "abc"},
    {"dataset__shape": [0, -1]},
    {"dataset__classes": 7},
    {"dataset__levels": -1},
    {"dataset__name": {"a": 1}},
    {"dataset__name": ""},
    {"onset": -5},
    {"onset": {"high": -1}},
    {"images_seen": -1},
    {"train_seconds": -1},
    {"oracle_accuracy": 3},
    {"name": " "},
    {"status": ["completed"]},
    {"model": None},
]


@pytest.mark.parametrize("values", IMPOSSIBLE, ids=str)
def test_impossible_values_are_damage(make_run, values: dict) -> None:
    folder = make_run("gan_fm", 1)
    changed(folder, **values)
    run = read_run(folder)
    assert run.status == "damaged"
    assert run.error.startswith("results.json cannot be read in gan_fm_1: ")


@pytest.mark.parametrize("text", ["1e308", "-1e308", "1e400", str(10**400), "1e39", "NaN", "Infinity", "true"])
def test_numbers_that_no_run_computes_are_none(make_run, text: str) -> None:
    folder = make_run("gan_fm", 1)
    changed(folder, metrics__kl="HERE", seed="HERE", train_seconds="HERE", metrics__shares=["HERE"])
    path = folder / "results.json"
    path.write_text(path.read_text().replace('"HERE"', text))
    run = read_run(folder)
    assert run.status == "completed"
    assert (run.seed, run.facts["train_seconds"], "kl" in run.scalars) == (None, None, False)
    assert not any(is_number(value) for value in run.metrics["shares"])
    (folder / "history.csv").write_text(f"images_seen,kl\n1,{text}\n")
    assert not read_run(folder).history.has("kl")


@pytest.mark.parametrize("content", ["[" * 200_000, '{"a":' * 200_000, "9" * 5000, "\ud800", ""])
def test_results_that_are_no_record_are_damage(make_run, content: str) -> None:
    folder = make_run("gan_fm", 1)
    (folder / "results.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    assert read_run(folder).status == "damaged"


BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 64))])


@pytest.mark.parametrize("content", [BOMB, "[" * 200_000, "- " * 100_000, "\0", "seed: 2020-01-01", "seed: -1", "1: 2"])
@pytest.mark.parametrize("file", ["config.yaml", "overrides.yaml", "hydra.yaml"])
def test_configurations_that_explode_say_nothing(make_run, file: str, content: str) -> None:
    folder = make_run("gan_fm", 1)
    (folder / ".hydra" / file).write_text(content)
    run = read_run(folder)
    assert (run.status, run.name, run.seed) == ("completed", "gan_fm", 1)
    (folder.parent / "multirun.yaml").write_text(content)
    (folder / "results.json").unlink()
    assert read_run(folder).status == "unfinished"


def test_histories_larger_than_any_are_damage(make_run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_run("gan_fm", 1)
    for content, expected in (
        ("images_seen,kl\n" + "1,2\n" * 1_000_000, "more than 10,000 rows"),
        (",".join(map(str, range(100_000))) + "\n", "more than 1,000 columns"),
    ):
        (folder / "history.csv").write_text(content)
        run = read_run(folder)
        assert run.status == "damaged"
        assert run.error.startswith("history.csv cannot be read in gan_fm_1: ")
        assert expected in run.error
    monkeypatch.setattr(collecting, "MOST_HISTORY", 1000)
    (folder / "history.csv").write_text("images_seen,kl\n1," + "9" * 1000)
    assert "larger than 1,000 bytes" in read_run(folder).error


def test_of_a_history_with_an_enormous_cell_what_was_before_is_kept(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("images_seen,kl\n1,2\n2," + "9" * 200_000 + "\n3,4\n")
    assert read_history(tmp_path / "history.csv").column("images_seen").tolist() == [1]
    (tmp_path / "history.csv").write_text("images_seen,kl\n-1,2\nnan,3\n,4\n5," + "9" * 1000)
    assert read_history(tmp_path / "history.csv").column("images_seen").tolist() == [5]
    assert not read_history(tmp_path / "history.csv").has("kl")


def png(width: int, height: int) -> bytes:
    """All black: some kilobytes, however large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    rows = zlib.compress(bytes((width // 8 + 1) * height))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.ci
def test_a_picture_too_large_to_show_is_left_out(make_run) -> None:
    folder = make_run()
    for width, shown in ((80, True), (13_000, False), (100_000, False)):
        (folder / "samples" / "sorted.png").write_bytes(png(width, width))
        assert bool(read_run(folder).picture("sorted")) == shown


def sound() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(22_050)
        opened.writeframes(bytes(2 * 22_050))
    return file.getvalue()


def test_links_out_of_a_run_are_not_followed(make_run, tmp_path: Path) -> None:
    folder, outside = make_run(), tmp_path / "outside"
    outside.mkdir()
    (outside / "sorted.png").write_bytes(png(8, 8))
    (outside / "drums.wav").write_bytes(sound())
    for name in ("sorted.png", "drums.wav"):
        (folder / "samples" / name).symlink_to(outside / name)
    run = read_run(folder)
    assert (run.picture("sorted"), run.sound("drums")) == (None, None)
    for name in ("sorted.png", "drums.wav"):
        (folder / name).write_bytes((outside / name).read_bytes())
        (folder / "samples" / name).unlink()
        (folder / "samples" / name).symlink_to(Path("..", name))
    assert run.picture("sorted")
    assert run.sound("drums")
    (folder / "samples").rename(folder / "moved")
    (folder / "samples").symlink_to(outside)
    assert (run.picture("sorted"), run.sound("drums")) == (None, None)
    (folder / "samples" / "loop.png").symlink_to("loop.png")
    assert run.picture("loop") is None


@pytest.mark.parametrize("name", ["results.json", "history.csv", ".hydra"])
def test_records_that_are_links_out_of_their_run_are_damage(make_run, name: str) -> None:
    folder, other = make_run("gan_fm", 0), make_run("gan_fm", 1)
    path = folder / name
    path.rename(folder / "before")
    path.symlink_to(other / name)
    run = read_run(folder)
    assert run.status == "damaged"
    assert "leads out of the run's folder" in run.error
    path.unlink()
    path.symlink_to(folder / "before")
    assert read_run(folder).status == "completed"


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("name", ["results.json", "history.csv"])
@pytest.mark.parametrize(
    "make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("gone")], ids=["pipe", "dir", "no"]
)
def test_what_is_no_file_is_damage(make_run, name: str, make: Callable[[Path], None]) -> None:
    folder = make_run("gan_fm", 1)
    (folder / name).unlink()
    make(folder / name)
    assert read_run(folder).status == "damaged"


def test_pipes_elsewhere_hold_nothing_up(make_run) -> None:
    folder = make_run("gan_fm", 1)
    for name in ("config.yaml", "overrides.yaml"):
        (folder / ".hydra" / name).unlink()
        os.mkfifo(folder / ".hydra" / name)
    for name in ("sorted.png", "drums.wav"):
        os.mkfifo(folder / "samples" / name)
    run = read_run(folder)
    assert (run.status, run.picture("sorted"), run.sound("drums")) == ("completed", None, None)


@pytest.mark.parametrize(
    "job",
    [{"folder": "\0"}, {"folder": ["a"]}, {"name": ["a"]}, {"overrides": 3}, {"overrides": ["seed=" + "9" * 5000]}, 7],
)
def test_a_sweep_whose_jobs_are_no_jobs_is_read(make_run, job: object) -> None:
    folder = make_run("gan_fm", 1)
    whole = {"folder": "../../../etc", "name": "gan_`r3`", "overrides": ["seed=3"]}
    for jobs in ([whole], [whole | job] if isinstance(job, dict) else [job]):
        (folder.parent / "jobs.json").write_text(json.dumps({"jobs": jobs}))
        for run in collect([folder.parent]):
            assert run.folder.parent == folder.parent
            assert "`" not in run.name


def test_a_sweep_of_endless_folders_is_searched_for_a_while(make_run) -> None:
    place = make_run("gan_fm", 1).parent
    fd = os.open(place, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    try:
        assert len(collect([place])) == 1
    finally:  # too deep for shutil
        top = place / "d"
        while top.exists():
            deep = top / "d" / "d"
            if deep.exists():
                deep.rename(place / "e")
            (top / "d").rmdir() if (top / "d").exists() else None
            top.rmdir()
            if (place / "e").exists():
                (place / "e").rename(top)
