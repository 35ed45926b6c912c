"""What the corpus hears in a recording: tempo, key, how bright, loud and busy it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.corpus.beats import onset_strength, onsets
from halation.corpus.describe import describe
from halation.pipeline import produce
from halation.types import AudioError, Brief, Key, Song

Signal = NDArray[np.float32]

RATE = 22_050


def beat(tempo_bpm: float, seconds: float = 20.0, rate: int = RATE, seed: int = 0) -> Signal:
    """A kick on one and three, a snare on two and four, hats on eighths."""
    random = np.random.default_rng(seed)
    x = 1e-4 * random.standard_normal(int(seconds * rate))
    times = np.arange(int(0.12 * rate)) / rate
    falling = np.cumsum(40.0 + 140.0 * np.exp(-40 * times)) / rate
    kick = 0.6 * np.sin(2 * np.pi * falling) * np.exp(-30 * times)
    hits = {0: kick, 1: 0.3 * random.standard_normal(len(times)) * np.exp(-35 * times)}
    hat = 0.08 * np.diff(random.standard_normal(len(times) + 1)) * np.exp(-90 * times)
    step_s = 30.0 / tempo_bpm
    for step in range(int((seconds - 0.2) / step_s)):
        start = round(step * step_s * rate)
        x[start : start + len(times)] += hat
        if step % 2 == 0:
            x[start : start + len(times)] += hits[step // 2 % 2]
    return x.astype(np.float32)[None]


def chords(key: str, seconds: float = 12.0, rate: int = RATE, cents: float = 0.0) -> Signal:
    """First, fourth, fifth and first degree in rich tones that swell slowly."""
    place = Key.parse(key)
    x = np.zeros(int(seconds * rate))
    times = np.arange(len(x) // 4) / rate
    swell = np.minimum(1.0, np.minimum(times, times[-1] - times) * 2.0)
    for number, degree in enumerate((0, 3, 4, 0)):
        pitches = [place.scale[(degree + third) % 7] for third in (0, 2, 4)]
        for pitch in (36 + pitches[0], *(60 + p for p in pitches)):
            hz = 440.0 * 2.0 ** ((pitch - 69 + cents / 100.0) / 12.0)
            tone = sum(np.sin(2 * np.pi * hz * h * times) / h**1.3 for h in range(1, 6))
            x[number * len(times) :][: len(times)] += 0.05 * swell * tone
    return x.astype(np.float32)[None]


def noise(seconds: float, rate: int = RATE, seed: int = 0) -> Signal:
    x = 0.1 * np.random.default_rng(seed).standard_normal((2, int(seconds * rate)))
    return x.astype(np.float32)


@pytest.mark.parametrize("tempo_bpm", [66.0, 72.5, 92.0, 118.0, 140.0, 160.0])
def test_the_tempo_of_a_beat_is_found_or_its_octave(tempo_bpm: float) -> None:
    found = describe(beat(tempo_bpm), RATE).tempo_bpm
    assert found is not None
    assert 60.0 <= found <= 180.0
    assert min(abs(found / tempo_bpm / k - 1.0) for k in (0.5, 1.0, 2.0)) < 0.01


def test_a_trap_tempo_is_found_itself_and_at_any_level() -> None:
    x = beat(140.0)
    for level in (1.0, 0.03):
        assert describe(level * x, RATE).tempo_bpm == pytest.approx(140.0, rel=0.01)


@pytest.mark.parametrize("key", ["F# minor", "C major", "Eb minor", "A major"])
def test_the_key_of_a_cadence_is_found(key: str) -> None:
    found = describe(chords(key), RATE)
    assert found.key == key
    assert found.mode == key.split()[1]
    assert (found.minorness > 0.0) == (found.mode == "minor")


def test_the_key_is_found_whatever_the_music_is_tuned_to() -> None:
    for cents in (-40.0, 40.0):
        assert describe(chords("D minor", cents=cents), RATE).key == "D minor"


def test_drums_have_no_key_pads_no_beat_and_noise_neither() -> None:
    assert describe(beat(140.0), RATE).key is None
    assert describe(chords("C minor"), RATE).tempo_bpm is None
    hiss = describe(noise(20.0), RATE)
    assert (hiss.tempo_bpm, hiss.key, hiss.mode) == (None, None, None)


def test_a_song_of_halations_own_is_heard_as_it_was_written() -> None:
    *_, song = produce(Brief(424_203, length_s=30.0), workers=1)
    assert isinstance(song, Song)
    form = song.score.form
    found = describe(song.master.samples, 44_100)
    assert found.tempo_bpm == pytest.approx(form.tempo_bpm, rel=0.02)
    assert found.key == form.key.name
    assert found.loudness_lufs == pytest.approx(song.measures.loudness_lufs, abs=0.2)


def test_each_measure_follows_what_it_is_named_after() -> None:
    dull = np.cumsum(noise(4.0), axis=1)
    dull = (0.1 * dull / np.abs(dull).max()).astype(np.float32)
    bright = noise(4.0)
    a, b = describe(dull, RATE), describe(bright, RATE)
    assert a.brightness_hz < 0.3 * b.brightness_hz
    assert a.high_db < b.high_db - 10.0
    assert a.low_db > b.low_db + 10.0
    assert a.slope_db_per_octave < b.slope_db_per_octave - 3.0
    half = describe(0.5 * bright, RATE)
    assert half.loudness_lufs == pytest.approx(b.loudness_lufs - 6.02, abs=0.1)
    mono = np.repeat(bright[:1], 2, axis=0)
    assert describe(mono, RATE).width_db == -60.0
    assert b.width_db == pytest.approx(0.0, abs=0.5)
    fading = bright * np.geomspace(1.0, 0.01, bright.shape[1]).astype(np.float32)
    assert describe(fading, RATE).dynamic_range_db > b.dynamic_range_db + 20.0
    assert describe(beat(140.0), RATE).onsets_per_s == pytest.approx(140.0 / 30.0, rel=0.1)


def test_onsets_are_found_where_they_are() -> None:
    strength, hop_s = onset_strength(beat(120.0, 6.0)[0], RATE)
    times = onsets(strength, hop_s) * hop_s
    steps = np.arange(1, 22) * 0.25
    assert all(np.abs(times - step).min() < 0.03 for step in steps)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_a_beat_is_heard_at_any_sample_rate(rate: int) -> None:
    assert describe(beat(140.0, 12.0, rate), rate).tempo_bpm == pytest.approx(140.0, rel=0.01)


@pytest.mark.parametrize("n_samples", [0, 1, 100, 5_000, 30_000])
def test_what_is_too_short_or_silent_has_measures_but_no_tempo(n_samples: int) -> None:
    for x in (np.zeros((2, n_samples), np.float32), noise(2.0)[:, :n_samples]):
        found = describe(x, RATE)
        assert found.tempo_bpm is None
        assert all(np.isfinite(value) for value in found.measures().values())


def test_only_the_middle_of_a_very_long_recording_is_measured() -> None:
    # At a low rate, so that the test is quick: ten minutes of silence around one of beat.
    rate = 4_000
    x = np.zeros((1, 660 * rate), np.float32)
    x[:, 300 * rate : 360 * rate] = beat(140.0, 60.0, rate)
    assert describe(x, rate).tempo_bpm == pytest.approx(140.0, rel=0.01)


def test_what_is_no_recording_is_refused() -> None:
    with pytest.raises(AudioError, match="must be"):
        describe(np.zeros(100, np.float32), RATE)
    with pytest.raises(AudioError, match="no numbers"):
        describe(np.full((1, 9_000), np.nan, np.float32), RATE)
