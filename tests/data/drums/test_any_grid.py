"""Grids of other sizes than 16 × 9: what is assumed and said, and how they are drawn, written and played."""

from pathlib import Path

import mido
import numpy as np
import pytest
import torch

from src.data.drums import drawing
from src.data.drums.midi import write_midi
from src.data.drums.synthesis import render
from src.data.drums.timing import accents, onsets
from src.data.voices import kit_of, roles_of
from tests.data.drums.test_grids import grids_of


@pytest.fixture
def write(tmp_path: Path):
    def save(steps: int, voices: int) -> Path:
        bars = np.random.default_rng(0).integers(0, 2, (40, steps, voices), dtype=np.uint8)
        np.savez(tmp_path / "bars.npz", patterns=bars)
        return tmp_path / "bars.npz"

    return save


@pytest.mark.parametrize(
    ("steps", "per_beat", "said"), [(8, 2, "4 beats of 2"), (64, 4, "16 beats"), (24, 6, "4 beats")]
)
def test_beats_are_assumed_and_said(write, caplog, steps: int, per_beat: int, said: str):
    path = write(steps, 9)
    with caplog.at_level("INFO"):
        spec = grids_of(path).spec
    assert spec.steps_per_beat == spec.kit.steps_per_beat == per_beat
    assert f"{steps} steps taken as {said}" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        assert grids_of(path, steps_per_beat=3).spec.steps_per_beat == 3
    assert "taken as 4 beats" not in caplog.text
    with pytest.raises(ValueError, match=r"data\.steps_per_beat=65: the bars of"):
        grids_of(path, steps_per_beat=65)


def test_few_columns_are_the_first_of_the_usual_ones_and_what_they_lack_is_said(write, caplog):
    with caplog.at_level("INFO"):
        spec = grids_of(write(16, 2)).spec
    assert (spec.kind, spec.voices) == ("drums", ("kick", "snare"))
    assert "columns taken as kick, snare;" in caplog.text
    assert "left out: high energy (no hat or cymbal), hat regularity (no hat)" in caplog.text


def test_many_columns_have_numbers_and_something_plays_them(write, caplog):
    with caplog.at_level("INFO"):
        spec = grids_of(write(16, 32)).spec
    assert spec.voices[8:11] == ("ride", "voice 10", "voice 11")
    assert len({voice.note for voice in spec.kit}) == 32
    assert "voice 10 is no percussion of General MIDI and is played as kick 2" not in caplog.text
    assert "voice 10 is no percussion of General MIDI and is played as acoustic bass drum" in caplog.text
    assert roles_of(spec.kit) == {role: role for role in range(9)}


@pytest.mark.parametrize(("steps", "per_beat", "numerator"), [(12, 3, 4), (20, 4, 5), (32, 8, 4), (10, 4, 4)])
def test_beats_are_as_long_as_their_steps(tmp_path: Path, steps: int, per_beat: int, numerator: int):
    kit = kit_of(("kick", "clap"), per_beat)
    grids = torch.zeros(3, steps, 2)
    grids[:, 0] = 1
    write_midi(grids, tmp_path / "bars.mid", 120, voices=kit)
    midi = mido.MidiFile(tmp_path / "bars.mid")
    assert midi.length == pytest.approx(3 * steps / per_beat / 2, abs=0.01)
    (signature,) = [message for message in midi.tracks[0] if message.type == "time_signature"]
    assert signature.numerator == numerator
    tail = len(render(grids[:0], 120, 22_050, voices=kit))
    assert len(render(grids, 120, 22_050, voices=kit)) - tail == pytest.approx(3 * steps / per_beat / 2 * 22_050, abs=3)


def test_accents_and_swing_follow_the_beat():
    assert accents(6, 6).tolist() == [1.0, 0.7, 0.7, 0.85, 0.7, 0.7]
    assert accents(6, 3).tolist() == [1.0, 0.7, 0.7, 1.0, 0.7, 0.7]
    assert onsets(4, 0.5, 2).tolist() == [0, 1.5, 2, 3.5]
    with pytest.raises(ValueError, match=r"swing=0\.3: these bars have 3 steps to the beat"):
        onsets(4, 0.3, 3)


@pytest.mark.parametrize(("steps", "voices"), [(8, 2), (64, 32), (20, 5)])
def test_pictures_are_as_large_as_the_grid(steps: int, voices: int):
    kit = kit_of(tuple(f"part {number}" for number in range(voices)), 4)
    picture = drawing.bars(torch.zeros(2, steps, voices), columns=2, voices=kit)
    assert picture.shape[0] >= voices * drawing.CELL[0]
    assert picture.shape[1] >= 2 * steps * drawing.CELL[1]
    rule = drawing.TITLE + drawing.CELL[0] // 2
    row = picture[rule, drawing.NAMES : drawing.NAMES + steps * drawing.CELL[1], 0] / 255
    beats = np.flatnonzero(np.abs(row - drawing.BEAT_RULE) < 0.01)
    assert beats.tolist() == list(range(0, steps * drawing.CELL[1], 4 * drawing.CELL[1]))
