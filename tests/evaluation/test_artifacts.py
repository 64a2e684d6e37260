"""What evaluations show, in a folder and in TensorBoard."""

import io
import wave
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from src.evaluation.artifacts import Artifact, Cloud, Deferred, Picture, Sound, Table


def shown(folder: Path, artifact: Artifact) -> EventAccumulator:
    """TensorBoard after the artifact was shown at 10 and at 30 samples seen."""
    with SummaryWriter(str(folder)) as board:
        for images_seen in (10, 30):
            artifact.show(board, "val/thing", images_seen)
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_a_picture_keeps_its_pixels(tmp_path):
    pixels_HW3 = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    picture = Picture(pixels_HW3)
    picture.save(tmp_path, "thing")
    with Image.open(tmp_path / "thing.png") as image:
        np.testing.assert_array_equal(np.asarray(image), pixels_HW3)
    events = shown(tmp_path / "board", picture).Images("val/thing")
    assert [event.step for event in events] == [10, 30]
    assert (events[0].height, events[0].width) == (5, 7)


def test_tensorboard_gets_what_can_be_read_in_its_list(tmp_path):
    wide, narrow = np.zeros((5, 70, 3), np.uint8), np.zeros((50, 7, 3), np.uint8)
    assert Picture(wide, narrow).save(tmp_path, "thing") == [tmp_path / "thing.png"]
    with Image.open(tmp_path / "thing.png") as image:
        assert image.size == (70, 5)
    (event, _) = shown(tmp_path / "board", Picture(wide, narrow)).Images("val/thing")
    assert (event.height, event.width) == (50, 7)
    with Image.open(io.BytesIO(event.encoded_image_string)) as image:
        assert image.size == (7, 50)


def test_what_is_deferred_is_made_once_and_when_it_is_needed(tmp_path):
    made = []

    def draw(columns):
        made.append(columns)
        return np.zeros((5, columns, 3), np.uint8)

    deferred = Deferred(draw, (7, 3))
    assert not made
    assert deferred.save(tmp_path, "thing") == [tmp_path / "thing.png"]
    assert len(shown(tmp_path / "board", deferred).Images("val/thing")) == 2
    assert made == [7, 3]


@pytest.fixture
def sound() -> Sound:
    """Two bars of four kicks."""
    grids_NTV = torch.zeros(2, 16, 9, dtype=torch.uint8)
    grids_NTV[:, ::4, 0] = 1
    return Sound(grids_NTV)


def test_a_sound_is_notes_and_a_wave(tmp_path, sound):
    sound.save(tmp_path, "thing")
    notes = [message for message in mido.MidiFile(tmp_path / "thing.mid") if message.type == "note_on"]
    assert [note.note for note in notes if note.velocity] == [36] * 8
    with wave.open(str(tmp_path / "thing.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert len(samples) / file.getframerate() > 2 * 4 * 60 / 110
    assert np.abs(samples).max() > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thing.mid", "thing.wav"]


def test_a_sound_of_many_bars_may_be_smaller(tmp_path, sound):
    smaller = Sound(sound.grids_NTV, sample_rate=22_050)
    sizes = []
    for name, artifact in (("thing", sound), ("smaller", smaller)):
        artifact.save(tmp_path, name)
        sizes.append((tmp_path / f"{name}.wav").stat().st_size)
    assert sizes[0] == pytest.approx(2 * sizes[1], rel=0.001)
    with wave.open(str(tmp_path / "smaller.wav")) as file:
        assert file.getnframes() / file.getframerate() > 2 * 4 * 60 / 110
    assert shown(tmp_path / "board", smaller).Audio("val/thing")[0].sample_rate == 22_050


def test_a_sound_is_heard_in_tensorboard(tmp_path, sound):
    events = shown(tmp_path / "board", sound).Audio("val/thing")
    assert [event.step for event in events] == [10, 30]
    assert events[0].sample_rate == 44_100
    assert len(events[0].encoded_audio_string) > 100_000


def test_a_cloud_is_for_the_projector_alone(tmp_path):
    cloud = Cloud(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), ["rock", "jazz", "rock"], "style")
    cloud.save(tmp_path, "thing")
    assert not list(tmp_path.iterdir())
    shown(tmp_path, cloud)
    assert "val/thing" in (tmp_path / "projector_config.pbtxt").read_text()
    (points, _) = sorted(tmp_path.rglob("tensors.tsv"))
    assert np.loadtxt(points).tolist() == [[1, 2], [3, 4], [5, 6]]
    rows = points.with_name("metadata.tsv").read_text().splitlines()
    assert rows == ["style\tsample", "rock\t0", "jazz\t1", "rock\t2"]
    tiles = np.asarray(Image.open(points.with_name("sprite.png")))  # two a row
    first, second, third = (tuple(tiles[row, column]) for row, column in ((0, 0), (0, 8), (8, 0)))
    assert first == third != second


def test_a_table_is_for_spreadsheets_alone(tmp_path):
    table = Table(("name", "rho"), [("kick, left", 0.5), ("ride", "")])
    table.save(tmp_path, "thing")
    assert (tmp_path / "thing.csv").read_text().splitlines() == ["name,rho", '"kick, left",0.5', "ride,"]
    assert not shown(tmp_path / "board", table).Tags()["images"]
