"""Files as mido reads them back."""

from pathlib import Path

import mido
import pytest
import torch

from src.data.drums.groove import read_hits, to_bars
from src.data.drums.midi import write_midi
from src.data.voices import VOICES


@pytest.fixture
def grids() -> torch.Tensor:
    return (torch.rand(3, 16, 9, generator=torch.Generator().manual_seed(0)) < 0.2).byte()


def notes(file: mido.MidiFile) -> list[tuple[int, mido.Message]]:
    """All messages with their ticks from the start."""
    now, events = 0, []
    for message in file.tracks[0]:
        now += message.time
        events.append((now, message))
    return events


def starts(file: mido.MidiFile) -> list[tuple[int, int]]:
    return [(tick, each.note) for tick, each in notes(file) if each.type == "note_on" and each.velocity > 0]


@pytest.mark.parametrize("swing", [0, 0.2, 1 / 3, 0.5])
@pytest.mark.parametrize("bpm", [60, 110, 187.5])
def test_round_trip(grids: torch.Tensor, tmp_path: Path, bpm: float, swing: float):
    grids[0, ::5] = 1  # every voice
    write_midi(grids, tmp_path / "bars.mid", bpm, swing)
    file = mido.MidiFile(tmp_path / "bars.mid")
    columns = {voice.note: column for column, voice in enumerate(VOICES)}
    steps = {round(120 * step + 120 * swing * (step % 2)): step for step in range(16)}
    read = torch.zeros_like(grids)
    for tick, note in starts(file):
        read[tick // 1920, steps[tick % 1920], columns[note]] += 1
    assert torch.equal(read, grids)
    (tempo,) = (each.tempo for _, each in notes(file) if each.type == "set_tempo")
    assert mido.tempo2bpm(tempo) == pytest.approx(bpm, abs=1e-2)


@pytest.mark.parametrize("swing", [0, 1 / 3])
def test_the_reader_of_real_drumming_reads_the_same_bars(grids: torch.Tensor, tmp_path: Path, swing: float):
    grids[:, 0] = 1  # an empty bar would be dropped
    write_midi(grids, tmp_path / "bars.mid", swing=swing)
    voices = {note: column for column, voice in enumerate(VOICES) for note in voice.notes}
    hits = read_hits((tmp_path / "bars.mid").read_bytes())
    spoilt = [voice.name for voice in VOICES if VOICES[voices[voice.note]] is not voice]
    assert spoilt == ["low tom"], "General MIDI's is the Roland's mid tom"
    mid_tom, low_tom = 5, 4
    grids[..., mid_tom] |= grids[..., low_tom]
    grids[..., low_tom] = 0
    assert torch.equal(torch.from_numpy(to_bars([(step, voices[note]) for step, note in hits])), grids)


def test_beats_are_struck_harder_than_what_lies_between(tmp_path: Path):
    write_midi(torch.ones(1, 16, 9), tmp_path / "bars.mid")
    struck = {
        tick: each.velocity for tick, each in notes(mido.MidiFile(tmp_path / "bars.mid")) if each.type == "note_on"
    }
    assert [struck[tick] for tick in range(0, 1920, 120)] == 4 * [110, 77, 94, 77]


def test_format(grids: torch.Tensor, tmp_path: Path):
    write_midi(grids, tmp_path / "bars.mid", bpm=90)
    file = mido.MidiFile(tmp_path / "bars.mid")
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (0, 480, 1)
    assert {each.channel for _, each in notes(file) if not each.is_meta} == {9}
    (tempo,) = (each.tempo for _, each in notes(file) if each.type == "set_tempo")
    assert mido.tempo2bpm(tempo) == pytest.approx(90, abs=1e-3)
    assert file.length == pytest.approx(3 * 4 * 60 / 90, abs=1e-4)


@pytest.mark.parametrize("grids", [torch.zeros(2, 16, 9), torch.ones(2, 16, 9)], ids=["empty", "full"])
def test_the_track_ends_with_the_last_bar(grids: torch.Tensor, tmp_path: Path):
    write_midi(grids, tmp_path / "bars.mid")
    tick, last = notes(mido.MidiFile(tmp_path / "bars.mid"))[-1]
    assert (tick, last.type) == (2 * 1920, "end_of_track")


@pytest.mark.parametrize("swing", [0, 1 / 3, 0.5])
def test_every_note_ends_before_it_starts_again(tmp_path: Path, swing: float):
    write_midi(torch.ones(2, 16, 9), tmp_path / "bars.mid", swing=swing)
    sounding = set()
    for _, message in notes(mido.MidiFile(tmp_path / "bars.mid")):
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.remove(message.note)
    assert not sounding


def test_swing_delays_every_second_sixteenth(tmp_path: Path):
    write_midi(torch.ones(1, 16, 9), tmp_path / "bars.mid", swing=1 / 3)
    ticks = sorted({tick for tick, _ in starts(mido.MidiFile(tmp_path / "bars.mid"))})
    assert ticks[:5] == [0, 160, 240, 400, 480]


@pytest.mark.parametrize(
    ("wrong", "expected"), [({"bpm": 0}, "bpm=0"), ({"bpm": 1000}, "400"), ({"swing": 2}, "swing=2")]
)
def test_tempo_and_swing_out_of_range(grids: torch.Tensor, tmp_path: Path, wrong: dict[str, float], expected: str):
    with pytest.raises(ValueError, match=expected):
        write_midi(grids, tmp_path / "bars.mid", **wrong)
    assert not (tmp_path / "bars.mid").exists()
