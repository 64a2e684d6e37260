"""Sound as it is embedded in a page, against a decoder written from the standard's text."""

import base64
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from src.data.drums.audio import BEAT, SAMPLE_RATE, data_uri
from src.data.drums.synthesis import write_wav
from src.evaluation.artifacts import Sound


def g711(code: int) -> float:
    """The sample in [-1, 1] that a μ-law code stands for: inverted bits of sign, segment and interval, 14-bit value."""
    code ^= 0xFF
    segment, interval = code >> 4 & 7, code & 15
    value = (2 * interval + 33) * 2**segment - 33
    return (-value if code & 128 else value) / 8192


LEVELS = np.array([g711(code) for code in range(256)])


def content(uri: str) -> bytes:
    head, _, body = uri.partition(",")
    assert head == "data:audio/wav;base64"
    return base64.b64decode(body)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Eight bars as an evaluation writes them."""
    grids = torch.rand(8, 16, 9, generator=torch.Generator().manual_seed(0)) < 0.2
    Sound(grids).save(tmp_path, "bars")
    return tmp_path / "bars.wav"


def test_two_bars_fit_into_a_page(bars: Path):
    uri = data_uri(bars)
    assert len(uri) < 150_000
    file = content(uri)
    assert (file[:4], file[8:16]) == (b"RIFF", b"WAVEfmt ")
    size, kind, channels, rate, bytes_a_second, block, bits, _ = struct.unpack("<IHHIIHHH", file[16:38])
    assert (size, kind, channels, rate, bytes_a_second, block, bits) == (18, 7, 1, SAMPLE_RATE, SAMPLE_RATE, 1, 8)
    assert file[38:42] == b"fact"
    assert file[50:54] == b"data"
    (num,) = struct.unpack("<I", file[54:58])
    assert num / SAMPLE_RATE == pytest.approx(2 * 4 * BEAT, abs=1e-3) == 2 * 4 * 60 / 110
    assert struct.unpack("<I", file[4:8])[0] == len(file) - 8 == 50 + num + num % 2


def test_it_sounds_as_before(tmp_path: Path):
    """Two tones, one of them where the hats are, and a cut without a click."""
    time = np.arange(44_100) / 44_100
    write_wav(tmp_path / "tones.wav", 0.4 * np.sin(2 * np.pi * 100 * time) + 0.1 * np.sin(2 * np.pi * 8000 * time))
    file = content(data_uri(tmp_path / "tones.wav", seconds=0.5))
    played = LEVELS[np.frombuffer(file[58:], np.uint8)[: SAMPLE_RATE // 2]]
    time = np.arange(len(played)) / SAMPLE_RATE
    middle = slice(1000, 10_000)
    for hertz, level in ((100, 0.4), (8000, 0.1)):
        amplitude = 2 * np.mean(played[middle] * np.exp(-2j * np.pi * hertz * time[middle]))
        assert abs(amplitude) == pytest.approx(level, rel=0.03)
    assert np.abs(played[-50:]).max() < 0.1
    assert abs(played[-1]) < 0.01


def test_soft_sounds_keep_their_detail(tmp_path: Path):
    ramp = np.linspace(-0.01, 0.01, SAMPLE_RATE)
    write_wav(tmp_path / "ramp.wav", ramp, SAMPLE_RATE)
    played = LEVELS[np.frombuffer(content(data_uri(tmp_path / "ramp.wav"))[58:], np.uint8)]
    assert np.abs(played - ramp)[: SAMPLE_RATE // 2].max() < 4e-4


def test_another_kind_of_file(bars: Path, tmp_path: Path):
    soundfile.write(tmp_path / "two.wav", np.zeros((100, 2)), SAMPLE_RATE)
    soundfile.write(tmp_path / "deep.wav", np.zeros(100), SAMPLE_RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "packed.flac", np.zeros(100), SAMPLE_RATE)
    for name in ("two.wav", "deep.wav", "packed.flac"):
        with pytest.raises(ValueError, match=f"{name} is no 16-bit mono sound"):
            data_uri(tmp_path / name)
    with pytest.raises(RuntimeError):
        data_uri(bars.with_suffix(".mid"))


def test_a_short_sound_stays_as_short(tmp_path: Path):
    write_wav(tmp_path / "tick.wav", np.full(441, 0.5))
    assert len(content(data_uri(tmp_path / "tick.wav"))) == pytest.approx(58 + 221, abs=2)
