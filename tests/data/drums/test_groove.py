"""Bars from MIDI recordings: small ones, damaged ones, and the real dataset."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from src.data.drums import groove
from src.data.drums.groove import SPLITS, Recording, load_groove, read_hits, read_info, to_bars

REAL = Path(os.environ.get("DATA_DIR", "data"))


@pytest.mark.parametrize("folder", ["groove", "."])
def test_bars(write_groove, check_groove, tmp_path, folder):
    write_groove(tmp_path / folder)
    check_groove(load_groove(tmp_path, tmp_path / "cache"))


@pytest.mark.parametrize(
    ("beat", "tick", "step"),
    [
        *[(480, 0, 0), (480, 59, 0), (480, 60, 1), (480, 179, 1), (480, 180, 2)],
        *[(96, 11, 0), (96, 12, 1), (96, 24, 1), (10, 1, 0), (10, 2, 1), (10, 3, 1), (10, 4, 2)],
        *[(480, 480 * 4 * 300 - 61, 4799), (480, 480 * 4 * 300 - 60, 4800)],
    ],
)
def test_nearest_sixteenth(midi, beat, tick, step):
    assert read_hits(midi([(tick, 38)], beat)) == [(step, 38)]


def test_silent_notes_are_releases(midi):
    assert read_hits(midi([(0, 38)], velocity=0)) == []
    assert to_bars([]).shape == (0, 16, 9)


def test_every_note_has_its_voice():
    table = {36: 0, 38: 1, 37: 1, 40: 1, 42: 2, 22: 2, 44: 2, 46: 3, 26: 3, 43: 4, 58: 4, 47: 5, 45: 5, 50: 6, 48: 6}
    table |= {49: 7, 52: 7, 55: 7, 57: 7, 51: 8, 53: 8, 59: 8}
    assert table == groove.VOICE_OF


def test_parsed_once(groove_files, write_groove, check_groove, midi, tmp_path, monkeypatch):
    write_groove(tmp_path)
    first = load_groove(tmp_path, tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(groove, "parse", lambda recordings: pytest.fail("parsed again"))
        check_groove(load_groove(tmp_path, tmp_path / "cache"))
    changed = midi([(0, 36), (120, 36)])
    write_groove(tmp_path, groove_files | {"d.mid": ("test", "jazz", "4-4", changed)})
    again = load_groove(tmp_path, tmp_path / "cache")
    assert (again.grids["test"].sum(), first.grids["test"].sum()) == (2, 1)
    write_groove(tmp_path, groove_files | {"d.mid": ("test", "blues", "4-4", changed)})
    assert load_groove(tmp_path, tmp_path / "cache").classes == ("blues", "jazz", "rock")


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("train_grids", lambda grids: grids[:, :8]),
        ("train_grids", lambda grids: grids + 1),
        ("val_grids", lambda grids: grids.astype(float)),
        ("val_styles", lambda styles: styles + 3),
        ("val_styles", lambda styles: styles[1:]),
        ("test_drummers", lambda drummers: drummers - 5),
        ("test_tempos", lambda tempos: tempos * np.nan),
        ("classes", lambda classes: np.char.add(classes, "x")),
        ("unknown", lambda unknown: np.zeros(3, np.int64)),
    ],
)
def test_cached_bars_that_were_not_parsed_are_parsed_anew(write_groove, check_groove, tmp_path, key, change):
    write_groove(tmp_path)
    load_groove(tmp_path, tmp_path / "cache")
    (path,) = (tmp_path / "cache").glob("*.npz")
    with np.load(path) as arrays:
        changed = {**arrays, key: change(arrays[key])}
    np.savez(path, **changed)
    check_groove(load_groove(tmp_path, tmp_path / "cache"))


def test_damaged_files_and_unknown_notes_are_left_out_every_time(groove_files, write_groove, midi, tmp_path):
    damaged = {
        "cut.mid": midi([(0, 36), (480, 36)])[:-9],
        "text.mid": b"no music",
        "empty.mid": b"",
        "film.mid": midi([(0, 36)], beat=1)[:12] + b"\xe7\x28" + midi([(0, 36)])[14:],  # counts in SMPTE frames
    }
    extra = {name: ("train", "rock", "4-4", content) for name, content in damaged.items()}
    odd = {"odd.mid": ("train", "rock", "4-4", midi([(0, 36), (0, 80), (480, 80), (9600, 81)]))}
    write_groove(tmp_path, groove_files | extra | odd | {"gone.mid": ("test", "jazz", "4-4", b"")})
    (tmp_path / "gone.mid").unlink()
    for _ in range(2):
        with (
            pytest.warns(UserWarning, match=r"3 hits in .* are left out, on notes of no voice: 80 \(2\), 81 \(1\)$"),
            pytest.warns(
                UserWarning,
                match=r"^5 of 10 MIDI .*: cut.mid, text.mid, empty.mid, film.mid \(.*SMPTE.*\), gone.mid$",
            ),
        ):
            loaded = load_groove(tmp_path, tmp_path / "cache")
        assert len(loaded.grids["train"]) == 4  # the bar of the unknown 81 alone is no bar
        assert [name.partition(" ")[0] for name in loaded.damaged] == [*damaged, "gone.mid"]


def test_a_table_names_files_of_its_own_folder_only(groove_files, write_groove, tmp_path):
    names = ["../own.mid", str(tmp_path / "own.mid"), "pipe.mid", "/dev/zero"]
    folder = write_groove(tmp_path / "groove")
    (tmp_path / "own.mid").write_bytes(groove_files["a.mid"][-1])
    os.mkfifo(folder / "pipe.mid")
    with (folder / "info.csv").open("a") as file:
        file.writelines(f"drummer1,rock,120,4-4,{name},train\n" for name in names)
    assert {each.name: each.content for each in read_info(folder)[-4:]} == dict.fromkeys(names, b"")


def test_long_lists_of_damage_are_cut(groove_files, write_groove, tmp_path):
    extra = {f"{number}.mid": ("train", "rock", "4-4", b"") for number in range(24)}
    write_groove(tmp_path, groove_files | extra)
    with pytest.warns(UserWarning, match=r"24 of 28 .*: 0\.mid, .*, 19\.mid and 4 more$"):
        load_groove(tmp_path, tmp_path / "cache")


def test_a_split_without_bars(groove_files, write_groove, tmp_path):
    write_groove(tmp_path, groove_files | {"c.mid": ("validation", "rock", "4-4", b"")})
    with pytest.raises(ValueError, match=r"holds no bars in 4/4 for val: of 4 MIDI files in info\.csv 1 are damaged"):
        load_groove(tmp_path, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.npz"))


def test_nothing_in_4_4(groove_files, write_groove, tmp_path):
    write_groove(tmp_path, {"e.mid": groove_files["e.mid"]})
    with pytest.raises(ValueError, match=r"info\.csv lists nothing in 4/4 \(time_signature 4-4\)"):
        load_groove(tmp_path, tmp_path / "cache")


TABLE = "Drummer, style ,bpm,time_signature,midi_filename,split\r\nKjærgård,rock,99.5,4-4,a.mid,train\r\n"
SAVED = {
    "with a byte order mark": b"\xef\xbb\xbf" + TABLE.encode(),
    "with semicolons and a decimal comma": TABLE.replace(",", ";").replace(".5", ",5").encode(),
    "with Excel's own first line": b"sep=;\r\n" + TABLE.replace(",", ";").encode(),
    "with tabs, in UTF-16": TABLE.replace(",", "\t").encode("utf-16"),
    "in Windows' encoding": TABLE.encode("cp1252"),
    "with the line ends of old Macs": TABLE.replace("\r\n", "\r").encode(),
    "in quotes": '"'.join(["", *TABLE.strip().replace("\r\n", '"\r\n"').replace(",", '","').split('"'), ""]).encode(),
    "in capitals": b"\r\n".join([TABLE.split("\r\n")[0].upper().encode(), TABLE.split("\r\n")[1].encode()]),
}


@pytest.mark.parametrize("content", SAVED.values(), ids=SAVED)
def test_a_table_as_spreadsheets_save_it(tmp_path, content):
    (tmp_path / "info.csv").write_bytes(content)
    assert read_info(tmp_path) == [Recording("a.mid", "train", "rock", "Kjærgård", 99.5, b"")]


@pytest.mark.parametrize("date", ["04-Apr", "4. Apr", "04.04.2024", "4/4"])
def test_a_spreadsheet_s_date_instead_of_4_4_is_named(tmp_path, date):
    (tmp_path / "info.csv").write_text(TABLE.replace("4-4", date))
    with pytest.raises(ValueError, match=f"'{date}' may be what a spreadsheet made of 4-4"):
        read_info(tmp_path)


def test_a_table_in_utf_16_without_a_mark_is_named(tmp_path):
    (tmp_path / "info.csv").write_bytes(TABLE.encode("utf-16-le"))
    with pytest.raises(ValueError, match="UTF-16 without a byte order mark: save it as UTF-8"):
        read_info(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "lacks the column midi_filename"),
        ("midi_filename,style,time_signature\n", "lacks the column split"),
        ("midi_filename,split,style,time_signature\n", "lacks the column drummer"),
        (
            "midi_filename,split,style,drummer,bpm,time_signature\na.mid,dev,rock,drummer1,120,4-4\n",
            "unknown split 'dev': expected train, valid",
        ),
        (
            "midi_filename,split,style,drummer,bpm,time_signature\na.mid,test,rock,drummer1,fast,4-4\n",
            "has the bpm 'fast' for a.mid: expected beats per minute",
        ),
    ],
)
def test_another_info(tmp_path, content, message):
    (tmp_path / "info.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_groove(tmp_path, tmp_path / "cache")


@pytest.mark.ci
@pytest.mark.real_data
@pytest.mark.skipif(not (REAL / "groove" / "info.csv").exists(), reason="DATA_DIR holds no Groove MIDI Dataset")
def test_the_real_dataset(tmp_path):
    begin = time.process_time()
    loaded = load_groove(REAL, tmp_path)
    assert time.process_time() - begin < 60  # 9 s
    assert {split: len(loaded.grids[split]) for split in SPLITS.values()} == {"train": 17416, "val": 2176, "test": 2213}
    assert len(loaded.classes) == 18
    assert len(loaded.drummer_names) == 10
    fastest = {split: tempos.max() for split, tempos in loaded.tempos.items()}
    assert fastest["train"] == 290, "bpm of info.csv"
    assert (loaded.damaged, loaded.unknown) == ((), {})
    assert loaded.grids["train"].mean() == pytest.approx(0.129, abs=5e-4)
    known = {bar.tobytes() for bar in loaded.grids["train"]}
    assert np.mean([bar.tobytes() in known for bar in loaded.grids["test"]]) == pytest.approx(0.108, abs=5e-4)
    hit_TV = (loaded.grids["train"].sum(0) + 0.5) / (17416 + 1)
    nats = -np.where(loaded.grids["test"], np.log(hit_TV), np.log1p(-hit_TV)).sum((1, 2))
    assert nats.mean() == pytest.approx(40.33, abs=0.01)
