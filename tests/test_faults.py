"""The detectors of holes, mud and clicks, on sounds whose faults are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import faults
from halation.seeds import rng

RATE = 44_100
Signal = NDArray[np.float64]


def song(seconds: float = 12.0, slope: float = -4.5) -> Signal:
    """Stereo noise whose spectrum falls like a song's, at about −20 dBFS."""
    n = int(seconds * RATE)
    frequency = np.fft.rfftfreq(n, 1.0 / RATE)
    gain = np.maximum(frequency, 40.0) ** (slope / 20.0 / np.log10(2.0))
    spectra = np.fft.rfft(rng(5, "song").standard_normal((2, n)), axis=1) * gain
    x = np.fft.irfft(spectra, n, axis=1).T
    return np.asarray(0.1 * x / x.std())


def banded(low_hz: float, high_hz: float, gain_db: float, x: Signal) -> Signal:
    """Change one band of a signal."""
    spectra = np.fft.rfft(x, axis=0)
    frequency = np.fft.rfftfreq(len(x), 1.0 / RATE)
    spectra[(frequency > low_hz) & (frequency < high_hz)] *= 10.0 ** (gain_db / 20.0)
    return np.asarray(np.fft.irfft(spectra, len(x), axis=0))


def test_a_sound_song_has_no_fault() -> None:
    x = song()
    assert faults.holes(x, RATE) == ()
    assert faults.gaps(x, RATE) == ()
    assert faults.mud_banks(x, RATE) == ()
    assert faults.clicks(x, RATE) == ()


@pytest.mark.parametrize(("rest_s", "found"), [(0.5, 0), (1.0, 1)])
def test_a_rest_is_a_hole_when_it_is_long(rest_s: float, found: int) -> None:
    x = song()
    x[5 * RATE : int((5 + rest_s) * RATE)] *= 1e-4
    holes = faults.holes(x, RATE)
    assert len(holes) == found
    for hole in holes:
        assert hole.start_s == pytest.approx(5.0, abs=0.06)
        assert hole.end_s == pytest.approx(5.0 + rest_s, abs=0.06)


def test_silence_before_and_after_the_song_is_no_hole() -> None:
    x = song()
    x[: 2 * RATE] = 0.0
    x[-3 * RATE :] = 0.0
    assert faults.holes(x, RATE) == ()
    assert faults.holes(0.0 * x, RATE) == ()


def test_an_empty_band_is_a_gap() -> None:
    (gap,) = faults.gaps(banded(282.0, 354.0, -16.0, song()), RATE)
    assert gap.kind == "gap"
    assert gap.amount_db > 3.0


def test_mud_is_a_bank_that_lasts() -> None:
    x, muddy = song(), banded(200.0, 400.0, 9.0, song())
    long, short = x.copy(), x.copy()
    long[3 * RATE : 8 * RATE] = muddy[3 * RATE : 8 * RATE]
    short[3 * RATE : 4 * RATE] = muddy[3 * RATE : 4 * RATE]
    (bank,) = faults.mud_banks(long, RATE)
    assert 1.5 < bank.start_s < 4.0
    assert 7.0 < bank.end_s < 10.0
    assert faults.mud_banks(short, RATE) == ()


def test_a_soft_dark_bridge_is_not_mud() -> None:
    x = song()
    dark = banded(900.0, 22_000.0, -40.0, x)
    x[4 * RATE : 9 * RATE] = 0.5 * dark[4 * RATE : 9 * RATE]
    assert faults.mud_banks(x, RATE) == ()


def test_a_jump_in_the_wave_is_a_click_unless_something_was_struck() -> None:
    n = 8 * RATE
    tone = 0.3 * np.sin(2 * np.pi * 110.0 * np.arange(n) / RATE)
    x = np.stack([tone, tone], axis=1) + 0.001 * song(8.0)
    x[4 * RATE :] *= 0.2
    x[4 * RATE + 100 :] += 0.06
    found = faults.clicks(x, RATE)
    assert [round(click.start_s, 2) for click in found] == [4.0]
    assert faults.clicks(x, RATE, [1.0, 4.005, 7.0]) == ()
    assert len(faults.clicks(x, RATE, [3.95, 4.05])) == 1


def test_a_hat_and_a_fade_are_no_clicks() -> None:
    x = 0.003 * song(8.0)
    decay = np.exp(-np.arange(4_000) / 900.0)[:, None]
    x[4 * RATE : 4 * RATE + 4_000] += 0.5 * decay * rng(2, "hat").standard_normal((4_000, 2))
    x *= np.linspace(1.0, 0.0, len(x))[:, None]
    assert faults.clicks(x, RATE) == ()
