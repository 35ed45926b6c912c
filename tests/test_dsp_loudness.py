"""The meters against the signals that ITU-R BS.2217 and EBU Tech 3341/3342 prescribe."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.dsp import dynamics, spectrum
from halation.dsp.loudness import (
    SILENCE_LUFS,
    active_loudness,
    block_peaks,
    integrated,
    loudness_range,
    meter,
    true_peak,
)
from halation.types import AudioError

Signal = NDArray[np.float32]
RATE = 48_000


def tone(*levels: tuple[float, float], hz: float = 1_000.0, rate: int = RATE) -> Signal:
    """A stereo sine whose peak is at each level [dBFS] for so many seconds, in phase throughout."""
    gains = [np.full(round(seconds * rate), 10.0 ** (db / 20.0)) for db, seconds in levels]
    gain = np.concatenate(gains)
    wave = np.sin(2 * np.pi * hz * np.arange(len(gain)) / rate)
    return np.tile((gain * wave).astype(np.float32), (2, 1))


@pytest.mark.parametrize(
    ("levels", "lufs"),
    [
        ([(-23.0, 20.0)], -23.0),
        ([(-33.0, 20.0)], -33.0),
        ([(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)], -23.0),
        ([(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)], -23.0),
        ([(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)], -23.0),
    ],
)
def test_ebu_3341_integrated(levels: list[tuple[float, float]], lufs: float) -> None:
    assert integrated(tone(*levels), RATE) == pytest.approx(lufs, abs=0.1)


def test_the_weighting_is_the_same_at_both_rates() -> None:
    for hz in (50.0, 100.0, 1_000.0, 8_000.0):
        at_48 = integrated(tone((-20.0, 4.0), hz=hz), RATE)
        at_44 = integrated(tone((-20.0, 4.0), hz=hz, rate=44_100), 44_100)
        assert at_44 == pytest.approx(at_48, abs=0.05)


def test_one_channel_is_3_lu_softer_than_two() -> None:
    both = tone((-20.0, 3.0))
    assert integrated(both[:1], RATE) == pytest.approx(integrated(both, RATE) - 3.01, abs=0.01)


@pytest.mark.parametrize(
    ("levels", "range_lu"),
    [
        ([(-20.0, 20.0), (-30.0, 20.0)], 10.0),
        ([(-20.0, 20.0), (-15.0, 20.0)], 5.0),
        ([(-40.0, 20.0), (-20.0, 20.0)], 20.0),
        ([(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
    ],
)
def test_ebu_3342_range(levels: list[tuple[float, float]], range_lu: float) -> None:
    assert loudness_range(tone(*levels), RATE) == pytest.approx(range_lu, abs=0.3)


def test_momentary_and_short_term_follow_the_signal() -> None:
    found = meter(tone((-40.0, 5.0), (-20.0, 5.0)), RATE)
    assert found.momentary[-1] == pytest.approx(-20.0, abs=0.1)
    assert found.short_term[0] == pytest.approx(-40.0, abs=0.1)
    assert found.between(5.0, 10.0).integrated == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize(
    ("divisor", "phase_deg", "peak", "dbtp"),
    [(4, 0, 0.5, -6.0), (4, 45, 0.5, -6.0), (6, 60, 0.5, -6.0), (8, 67.5, 0.5, -6.0)],
)
def test_ebu_3341_true_peak(divisor: int, phase_deg: float, peak: float, dbtp: float) -> None:
    n = np.arange(RATE // 4)
    wave = peak * np.sin(2 * np.pi * n / divisor + np.deg2rad(phase_deg))
    wave[:200] *= np.hanning(400)[:200]
    wave[-200:] *= np.hanning(400)[200:]
    x = np.tile(wave.astype(np.float32), (2, 1))
    assert -0.4 < true_peak(x) - dbtp < 0.2
    assert true_peak(x, margin_db=4.0) == pytest.approx(true_peak(x), abs=1e-6)


def test_true_peak_agrees_with_an_independent_resampler() -> None:
    from scipy.signal import resample_poly

    x = np.random.default_rng(1).standard_normal((2, 5_000)).astype(np.float32) * 0.1
    x = spectrum_limited(x)
    there = 20 * np.log10(np.abs(resample_poly(x.astype(np.float64), 8, 1, axis=1)).max())
    assert true_peak(x) == pytest.approx(there, abs=0.15)


def spectrum_limited(x: Signal) -> Signal:
    """Music has little above 16 kHz."""
    from halation.dsp.filters import lowpass

    return lowpass(x, 44_100, 14_000.0, order=8)


def test_block_peaks_find_a_peak_across_a_blocks_edge() -> None:
    x = np.zeros((1, 128), np.float32)
    x[0, 31:33] = 1.0
    peaks = block_peaks(x)
    assert len(peaks) == 4
    assert peaks[0] > 1.2
    assert peaks[1] == pytest.approx(1.0, abs=0.1)


def test_silence_and_scraps_have_a_level() -> None:
    assert integrated(np.zeros((2, 10), np.float32)) == SILENCE_LUFS
    assert loudness_range(np.zeros((1, 100_000), np.float32)) == 0.0
    assert true_peak(np.zeros((2, 0), np.float32)) == SILENCE_LUFS
    assert active_loudness(np.zeros((2, 100), np.float32)) == SILENCE_LUFS


def test_a_sparse_part_reads_as_loud_as_a_busy_one() -> None:
    hit = np.exp(-np.arange(4_410) / 1_000.0) * np.sin(np.arange(4_410) * 0.2)
    busy, sparse = np.zeros((2, 2, 20 * 44_100), np.float32)
    busy[:, : 200 * 4_410] = np.tile(hit, 200)
    for start in range(40_000, 800_000, 177_000):
        sparse[:, start : start + 4_410] = hit
    assert active_loudness(sparse) == pytest.approx(active_loudness(busy), abs=2.5)
    assert (sparse**2).mean() < (busy**2).mean() / 30


def test_only_float32_is_measured() -> None:
    with pytest.raises(AudioError, match="float32"):
        meter(np.zeros((2, 100)))  # type: ignore[arg-type]


def test_slope_of_coloured_noise() -> None:
    white = np.random.default_rng(2).standard_normal((2, 400_000)).astype(np.float32)
    assert spectrum.slope_db_per_octave(*spectrum.power_spectrum(white, 44_100)) == pytest.approx(
        0.0, abs=0.15
    )
    brown = np.cumsum(white, axis=1, dtype=np.float32)
    slope = spectrum.slope_db_per_octave(*spectrum.power_spectrum(brown, 44_100))
    assert slope == pytest.approx(-6.0, abs=0.4)


def test_minimum_phase_has_the_response_that_was_asked_for() -> None:
    frequencies = np.linspace(0, 22_050, 8_193)
    wanted = 3.0 * np.sin(np.log2(np.maximum(frequencies, 50.0)))
    response = np.abs(np.fft.rfft(spectrum.minimum_phase(wanted, 4_096), 16_384))
    assert np.abs(20 * np.log10(response) - wanted)[50:].max() < 0.1


def test_long_convolution_does_not_depend_on_the_block_size() -> None:
    r = np.random.default_rng(3)
    x, response = r.standard_normal((2, 5_000)), r.standard_normal(100)
    wanted = np.stack([np.convolve(row, response)[:5_000] for row in x])
    for size in (128, 1_024, 16_384):
        out = np.empty((2, 5_000), np.float32)
        spectrum.convolve_into(x.astype(np.float32), response.astype(np.float32), out, size=size)
        assert np.abs(out - wanted).max() < 1e-3


def test_the_compressors_static_curve() -> None:
    for level, gain in ((-40.0, 0.0), (-20.0, -0.375), (-10.0, -5.0), (0.0, -10.0)):
        levels = np.full(2_000, level, np.float32)
        found = dynamics.compressor_gain_db(levels, 0.01, threshold_db=-20.0)
        assert found[-1] == pytest.approx(gain, abs=0.01)


def test_the_limiter_never_lies_above_what_a_block_needs() -> None:
    over = np.random.default_rng(4).normal(-6.0, 3.0, 5_000).astype(np.float32)
    gain = dynamics.limiter_gain_db(over, 44_100)
    assert len(gain) == len(over) + 1
    assert (gain[:-1] <= np.minimum(-over, 0) + 1e-5).all()
    assert (gain[1:] <= np.minimum(-over, 0) + 1e-5).all()
    assert np.diff(gain).max() < 0.05  # it lets go slowly
