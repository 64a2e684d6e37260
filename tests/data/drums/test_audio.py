"""What remains of a sound inside a page, against a decoder written from the standard's text."""

import base64
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from src.data.drums.audio import BAR, SAMPLE_RATE, data_uri, decoded, mu_law
from src.data.drums.synthesis import write_wav
from src.evaluation.artifacts import Sound


def by_the_book(code: int) -> int:
    """G.711's 14-bit value of one code: inverted; sign, segment and interval."""
    code ^= 0xFF
    segment, interval = code >> 4 & 7, code & 15
    value = (2 * interval + 33) * 2**segment - 33
    return -value if code & 128 else value


def content(uri: str) -> bytes:
    head, _, body = uri.partition(",")
    assert head == "data:audio/wav;base64"
    return base64.b64decode(body)


def test_codes_are_g711():
    codes = np.arange(256, dtype=np.uint8)
    assert (decoded(codes) * 8192).tolist() == [by_the_book(code) for code in range(256)]
    assert by_the_book(0x80) == 8031
    assert by_the_book(0x00) == -8031


def test_each_sample_gets_the_nearest_level():
    levels = np.array([by_the_book(code) / 8192 for code in range(256)])
    samples = np.random.default_rng(0).uniform(-1, 1, 500)
    nearest = np.abs(samples[:, None] - levels).min(1)
    np.testing.assert_allclose(np.abs(decoded(mu_law(samples)) - samples), nearest, atol=1e-12)
    assert np.abs(decoded(mu_law(samples / 100)) - samples / 100).max() < 3e-4, "quiet notes keep their detail"
    assert decoded(mu_law(np.zeros(3))).tolist() == [0, 0, 0]


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
    assert num / SAMPLE_RATE == pytest.approx(2 * BAR, abs=1e-3) == 2 * 4 * 60 / 110
    assert struct.unpack("<I", file[4:8])[0] == len(file) - 8 == 50 + num + num % 2


def test_it_sounds_as_before(tmp_path: Path):
    """Two tones, one of them where the hats are, and a cut without a click."""
    time = np.arange(44_100) / 44_100
    write_wav(tmp_path / "tones.wav", 0.4 * np.sin(2 * np.pi * 100 * time) + 0.1 * np.sin(2 * np.pi * 8000 * time))
    file = content(data_uri(tmp_path / "tones.wav", seconds=0.5))
    heard = decoded(np.frombuffer(file[58:], np.uint8)[: SAMPLE_RATE // 2])
    time = np.arange(len(heard)) / SAMPLE_RATE
    middle = slice(1000, 10_000)
    for hertz, level in ((100, 0.4), (8000, 0.1)):
        found = 2 * np.mean(heard[middle] * np.exp(-2j * np.pi * hertz * time[middle]))
        assert abs(found) == pytest.approx(level, rel=0.03)
    assert np.abs(heard[-50:]).max() < 0.1
    assert abs(heard[-1]) < 0.01


def test_a_short_sound_stays_as_short(tmp_path: Path):
    write_wav(tmp_path / "tick.wav", np.full(441, 0.5))
    assert len(content(data_uri(tmp_path / "tick.wav"))) == pytest.approx(58 + 221, abs=2)
