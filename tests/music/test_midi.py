"""Files as mido reads them back."""

from pathlib import Path

import mido
import pytest
import torch

from src.music.midi import write_midi
from src.music.voices import VOICES


@pytest.fixture
def grids() -> torch.Tensor:
    return (torch.rand(3, 16, 9, generator=torch.Generator().manual_seed(0)) < 0.2).byte()


def notes(file: mido.MidiFile) -> list[tuple[int, mido.Message]]:
    """All messages with their ticks from the start."""
    now, found = 0, []
    for message in file.tracks[0]:
        now += message.time
        found.append((now, message))
    return found


def starts(file: mido.MidiFile) -> list[tuple[int, int]]:
    return [(tick, each.note) for tick, each in notes(file) if each.type == "note_on" and each.velocity > 0]


def test_round_trip(grids: torch.Tensor, tmp_path: Path):
    write_midi(grids, tmp_path / "bars.mid")
    columns = {voice.note: column for column, voice in enumerate(VOICES)}
    read = torch.zeros_like(grids)
    for tick, note in starts(mido.MidiFile(tmp_path / "bars.mid")):
        assert tick % 120 == 0
        read[tick // 1920, tick % 1920 // 120, columns[note]] += 1
    assert torch.equal(read, grids)


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
