"""Weather: audible at once, never still, soft in its spectrum, silent outside its notes."""

from __future__ import annotations

import numpy as np
import pytest

from halation.stems.weather import SKIES, Weather
from halation.types import (
    SAMPLE_RATE,
    BackendError,
    Brief,
    Form,
    Key,
    Mood,
    Note,
    Part,
    Score,
    Section,
    Stems,
)

BPM = 120.0
WHOLE = Note(0, 40, 60, 100)


def _score(bars: int = 12) -> Score:
    mood = Mood(Brief(seed=1), 0, 0, 0, 0, 0, (), "", True, "t")
    form = Form(mood, "t", BPM, Key(9, "aeolian"), (Section("intro", "intro", 0, 4 * bars),))
    return Score(form, (), (), ())


def _played(
    notes: list[Note],
    patch: str = "rain",
    settings: tuple[tuple[str, float], ...] = (),
    seed: int = 3,
) -> np.ndarray:
    score = _score()
    part = Part("weather", "textures", "weather", patch, tuple(notes), settings)
    blocks = list(Weather()(part, score, Stems(score, ()), seed))
    sound = np.concatenate([block.samples for block in blocks], axis=1)
    assert sound.shape == (2, score.n_samples)
    return sound


def _levels_db(x: np.ndarray, window_s: float) -> np.ndarray:
    size = round(window_s * SAMPLE_RATE)
    whole = x.mean(axis=0)[: x.shape[1] // size * size].reshape(-1, size)
    return np.asarray(20 * np.log10(np.sqrt((whole**2).mean(axis=1)) + 1e-9))


def _power(x: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(x.astype(np.float64), axis=1)) ** 2
    frequency = np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE)
    return float(power[:, (frequency >= low_hz) & (frequency < high_hz)].sum())


@pytest.mark.parametrize("patch", SKIES)
def test_a_song_that_begins_with_weather_begins_with_sound(patch: str) -> None:
    first = _levels_db(_played([WHOLE], patch)[:, : round(0.3 * SAMPLE_RATE)], 0.1)
    assert first.max() > -50


@pytest.mark.parametrize("patch", SKIES)
def test_it_fades_without_a_click_and_is_silent_outside_its_note(patch: str) -> None:
    sound = np.abs(_played([Note(8, 16, 60, 100, 0.01)], patch)).max(axis=0)
    start = round((8 * 60 / BPM + 0.01) * SAMPLE_RATE)
    end = start + round(16 * 60 / BPM * SAMPLE_RATE)
    assert not sound[:start].any() and not sound[end:].any()
    assert sound[start : start + 100].max() < 0.01
    assert sound[end - 100 : end].max() < 0.01


@pytest.mark.parametrize("patch", SKIES)
def test_no_dc_and_the_energy_lies_in_the_middle(patch: str) -> None:
    sound = _played([WHOLE], patch)
    assert abs(sound.mean()) < 1e-4
    low_hz = 60 if patch in ("thunder", "vinyl") else 140
    assert _power(sound, low_hz, 8_000) > 0.9 * _power(sound, 0, 22_050)
    # At least as dark as pink from 400 Hz to 6.4 kHz: each octave holds no more than the last.
    takes = [_played([WHOLE], patch, seed=seed) for seed in range(9, 12)]  # it moves, and calls
    ratios = [_power(x, 3_200, 6_400) / _power(x, 400, 800) for x in takes]
    assert np.median(ratios) < 1.1


@pytest.mark.parametrize("patch", SKIES)
def test_the_sides_are_apart_but_not_strangers(patch: str) -> None:
    assert 0.1 < np.corrcoef(_played([WHOLE], patch))[0, 1] < 0.8


def test_the_wind_moves_in_level_and_in_height() -> None:
    sound = _played([WHOLE], "wind")[:, 2 * SAMPLE_RATE : 18 * SAMPLE_RATE]
    assert np.ptp(_levels_db(sound, 1.0)) > 2
    tilts = []
    for second in range(16):
        piece = sound[:, second * SAMPLE_RATE : (second + 1) * SAMPLE_RATE]
        tilts.append(10 * np.log10(_power(piece, 800, 4_000) / _power(piece, 100, 400)))
    assert np.ptp(tilts) > 3
    still = _played([WHOLE], "wind", (("movement", 0.0),))[:, 2 * SAMPLE_RATE : 18 * SAMPLE_RATE]
    assert np.ptp(_levels_db(still, 1.0)) < np.ptp(_levels_db(sound, 1.0))


def test_rain_and_vinyl_have_drops_and_crackle() -> None:
    for patch in ("rain", "vinyl"):
        sparse, dense = (_played([WHOLE], patch, (("density", d),)) for d in (0.0, 1.0))

        def peaks(sound: np.ndarray) -> float:
            return float(np.mean((sound / sound.std()) ** 4))

        assert peaks(dense) > peaks(sparse) > 3.1  # 3 is plain noise


def test_thunder_rolls_low_and_birds_call_high() -> None:
    thunder = _played([Note(0, 44, 60, 100)], "thunder")
    assert _power(thunder, 40, 400) > _power(thunder, 400, 20_000)
    birds = _played([WHOLE], "birds")
    calls = _levels_db(np.diff(birds, axis=1, prepend=0)[:, SAMPLE_RATE : 18 * SAMPLE_RATE], 0.05)
    assert np.percentile(calls, 98) > np.median(calls) + 6


def test_velocity_and_brightness_are_heard() -> None:
    loud, soft = (_played([Note(0, 40, 60, v)], "hiss") for v in (100, 50))
    assert loud.std() > 1.8 * soft.std()
    dark, bright = (_played([WHOLE], "hiss", (("brightness", b),)) for b in (0.0, 1.0))
    ratio = [_power(x, 2_000, 9_000) / _power(x, 200, 2_000) for x in (dark, bright)]
    assert ratio[1] > 1.5 * ratio[0]


def test_levels_lie_near_the_guide() -> None:
    for patch in SKIES:
        peak_db = 20 * np.log10(np.abs(_played([WHOLE], patch)).max())
        assert -22 < peak_db < -5, patch


def test_same_seed_same_samples_and_stretches_differ() -> None:
    notes = [Note(0, 12, 60, 90), Note(20, 12, 60, 90)]
    sound = _played(notes, "rain", seed=5)
    np.testing.assert_array_equal(sound, _played(notes, "rain", seed=5))
    assert not np.array_equal(sound, _played(notes, "rain", seed=6))


def test_a_note_beyond_the_end_or_of_no_length_is_harmless() -> None:
    assert not _played([Note(500, 4, 60, 100)]).any()
    assert np.isfinite(_played([Note(0, 0.01, 60, 100), Note(40, 100, 60, 100)])).all()
    assert not _played([]).any()


def test_unknown_weather_is_named() -> None:
    with pytest.raises(BackendError, match="no weather named 'snow'; known: rain, wind, hiss"):
        _played([], "snow")
