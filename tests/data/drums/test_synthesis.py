"""What a drum_metrics relies on, read from spectra and envelopes."""

import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from src.data.drums.kit import kit
from src.data.drums.synthesis import KNEE, TAIL, render, write_wav
from src.data.voices import NAMES, VOICES, kit_of

RATE = 44_100
SOUNDS = {voice.name: kit(RATE)[voice.name] for voice in VOICES}


def share(sound: np.ndarray, low: float, high: float) -> float:
    """Of the energy, between two frequencies."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    return power[(hertz >= low) & (hertz < high)].sum() / power.sum()


def centroid(sound: np.ndarray) -> float:
    """Mean frequency, weighted by energy."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    return (power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum()


def decay(sound: np.ndarray) -> float:
    """Seconds until a thousandth of the energy is left."""
    left = np.cumsum(sound[::-1] ** 2)[::-1]
    return np.argmax(left < left[0] / 1000) / RATE


def bar(**steps: list[int]) -> torch.Tensor:
    grid = torch.zeros(1, 16, 9, dtype=torch.uint8)
    for name, struck in steps.items():
        grid[0, struck, list(SOUNDS).index(name.replace("_", " "))] = 1
    return grid


def loudness(samples: np.ndarray, start: float, end: float) -> float:
    """Root mean square between two times in seconds."""
    return float(np.sqrt(np.mean(samples[round(start * RATE) : round(end * RATE)] ** 2)))


def attack(sound: np.ndarray) -> float:
    """Seconds until the loudest sample."""
    return np.abs(sound).argmax() / RATE


def test_kick_is_low_hats_are_high_and_the_snare_is_both():
    assert share(SOUNDS["kick"], 0, 150) > 0.8
    assert share(SOUNDS["closed hat"], 5000, RATE) > 0.9
    assert share(SOUNDS["open hat"], 5000, RATE) > 0.9
    assert share(SOUNDS["snare"], 0, 150) < 0.1
    assert share(SOUNDS["snare"], 150, 1000) > 0.2
    assert share(SOUNDS["snare"], 1000, RATE) > 0.2
    assert share(SOUNDS["kick"], 150, 1000) > 0.05, "overtones, for loudspeakers that have no bass"
    assert share(SOUNDS["closed hat"], 14_000, RATE) < 0.1, "metal, not hiss"
    assert 4 * centroid(SOUNDS["kick"]) < centroid(SOUNDS["snare"]) < centroid(SOUNDS["closed hat"]) / 2.5


def test_toms_rise():
    low, mid, high = (centroid(SOUNDS[f"{name} tom"]) for name in ("low", "mid", "high"))
    assert centroid(SOUNDS["kick"]) < low < mid / 1.2 < high / 1.2**2


def test_cymbals_differ_in_length_and_colour():
    assert 5 * decay(SOUNDS["closed hat"]) < decay(SOUNDS["open hat"]) < decay(SOUNDS["crash"])
    assert decay(SOUNDS["closed hat"]) < 0.12
    assert share(SOUNDS["crash"], 1000, 5000) > 0.1 > share(SOUNDS["open hat"], 1000, 5000)
    assert share(SOUNDS["ride"], 3000, 7500) > share(SOUNDS["crash"], 3000, 7500)


def test_drums_are_shorter_than_cymbals_and_deep_drums_longer_than_high_ones():
    """Times until a thousandth of the energy is left: 30 dB."""
    assert 0.2 < decay(SOUNDS["snare"]) < decay(SOUNDS["kick"]) < 0.45
    assert decay(SOUNDS["high tom"]) < decay(SOUNDS["mid tom"]) < decay(SOUNDS["low tom"]) < 0.9
    assert 0.5 < decay(SOUNDS["open hat"]) < decay(SOUNDS["ride"]) < decay(SOUNDS["crash"])


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds_strike_at_once_and_end_in_silence(name: str):
    sound = SOUNDS[name]
    assert np.abs(sound[: RATE // 50]).max() > 0.5 * np.abs(sound).max()
    assert attack(sound) < 0.015
    assert abs(sound[-1]) < 1e-6
    end = sound[-len(sound) // 50 :]
    assert np.abs(end).max() < 1e-4 * np.abs(sound).max(), "nothing is cut off"
    assert abs(sound.sum()) < 0.01 * np.abs(sound).sum(), "no offset"
    assert share(sound, 0, 20) < 0.005, "no rumble"
    assert 0.1 < np.abs(sound).max() < KNEE
    assert len(sound) <= TAIL * RATE


def test_no_voice_drowns_another():
    levels = {name: 20 * np.log10(loudness(sound, 0, 0.2)) for name, sound in SOUNDS.items()}
    assert levels["kick"] - levels["snare"] < 8
    assert 0 < levels["snare"] - levels["closed hat"] < 20
    assert max(levels.values()) - min(levels.values()) < 25


@pytest.mark.parametrize(("num", "bpm"), [(1, 110), (3, 60), (8, 200)])
def test_length(num: int, bpm: float):
    samples = render(torch.zeros(num, 16, 9), bpm)
    assert samples.dtype == np.float32
    assert len(samples) / RATE == pytest.approx(num * 4 * 60 / bpm + TAIL, abs=1e-4)
    assert not samples.any()


def test_onsets_are_in_time():
    samples = render(bar(kick=[0, 4, 10]), bpm=120)
    step = 0.125
    for onset in (0, 4, 10):
        assert loudness(samples, onset * step, onset * step + 0.05) > 0.1
    assert loudness(samples, 3.7 * step, 4 * step) < 0.02
    before_the_next = round(4 * step * RATE)
    np.testing.assert_allclose(samples[:before_the_next], SOUNDS["kick"][:before_the_next], atol=1e-6)


def test_swing_delays_every_second_sixteenth():
    straight, swung = (render(bar(closed_hat=[1]), bpm=120, swing=swing) for swing in (0, 0.5))
    assert np.argmax(straight != 0) == pytest.approx(0.125 * RATE, abs=2)
    assert np.argmax(swung != 0) == pytest.approx(1.5 * 0.125 * RATE, abs=2)


@pytest.mark.parametrize("bpm", [45, 110, 240])
@pytest.mark.parametrize("swing", [0, 1 / 3])
def test_at_any_tempo_and_swing_levels_are_sound(bpm: float, swing: float):
    rock = bar(kick=[0, 7, 8], snare=[4, 12], closed_hat=list(range(14)), open_hat=[14], crash=[0], low_tom=[15])
    samples = render(rock.repeat(2, 1, 1), bpm, swing=swing)
    assert samples[0] == pytest.approx(0, abs=0.05)
    assert np.abs(samples[-RATE // 50 :]).max() < 1e-3, "all has rung out"
    assert abs(samples.mean()) < 1e-4
    assert 0.4 < np.abs(samples).max() < 0.97
    assert (np.abs(samples) > KNEE).mean() < 2e-3, "the limiter hardly ever works"


def test_the_closed_hat_chokes_the_open_one():
    open_alone = render(bar(open_hat=[0]), bpm=110)
    choked = render(bar(open_hat=[0], closed_hat=[2]), bpm=110)
    closed_alone = render(bar(closed_hat=[2]), bpm=110)
    second = 2 * 60 / 110 / 4
    assert np.array_equal(choked[: round(second * RATE)], open_alone[: round(second * RATE)])
    np.testing.assert_allclose(choked[round((second + 0.01) * RATE) :], closed_alone[round((second + 0.01) * RATE) :])
    assert loudness(open_alone, second + 0.1, second + 0.2) > 0.005


def test_hats_struck_together_do_not_choke_each_other():
    together = render(bar(open_hat=[0], closed_hat=[0]))
    assert loudness(together, 0.2, 0.3) == pytest.approx(loudness(render(bar(open_hat=[0])), 0.2, 0.3), rel=0.01)


def test_the_fullest_bar_does_not_clip():
    full, rock = render(torch.ones(2, 16, 9)), render(bar(kick=[0, 8], snare=[4, 12], closed_hat=list(range(0, 16, 2))))
    assert np.abs(full).max() <= 1
    assert (np.abs(full) > 0.999).mean() < 0.02
    assert 0.4 < np.abs(rock).max() <= 0.9
    assert loudness(rock, 0, 2) > 0.05


def test_ordinary_bars_are_the_sum_of_their_voices():
    """The limiter leaves them alone."""
    parts = [render(bar(kick=[0, 8])), render(bar(snare=[4, 12])), render(bar(closed_hat=[2, 6, 10, 14]))]
    whole = render(bar(kick=[0, 8], snare=[4, 12], closed_hat=[2, 6, 10, 14]))
    np.testing.assert_allclose(whole, sum(parts), atol=1e-6)


def test_sound_is_the_same_every_time_and_at_other_rates():
    grids = bar(kick=[0], snare=[4], ride=[8])
    assert np.array_equal(render(grids), render(grids))
    assert len(render(grids, sample_rate=22_050)) == pytest.approx(len(render(grids)) / 2, abs=1)


def test_wav_files(tmp_path: Path):
    samples = np.array([0, 0.5, -0.5, 1, -1], np.float32)
    write_wav(tmp_path / "sound.wav", samples, 22_050)
    with wave.open(str(tmp_path / "sound.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
        read = np.frombuffer(file.readframes(5), "<i2")
    assert np.abs(read - samples * 32767).max() <= 1


@pytest.mark.parametrize("name", sorted(kit(RATE).keys() - SOUNDS.keys()))
def test_other_percussion_starts_at_once_and_ends_in_silence(name: str):
    sound = kit(RATE)[name]
    assert attack(sound) < 0.05
    assert 0.01 < decay(sound) < 0.5
    assert np.abs(sound[-10:]).max() < 1e-3
    assert 0.1 < np.abs(sound).max() < 0.6, "in the mix with the others"


def test_voices_sound_as_they_are_named():
    voices = kit_of(("clap", *NAMES[1:]))
    struck = render(bar(kick=[0]), sample_rate=RATE, voices=voices)
    assert np.allclose(struck[: RATE // 10], kit(RATE)["clap"][: RATE // 10], atol=1e-6)
