"""Where a recording's onsets are, and its tempo, if it has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tempo", "onset_strength", "onsets", "tempo"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

HOP_S: Final = 0.0116
BANDS: Final = 40
BAND_RANGE_HZ: Final = (40.0, 11_000.0)
BEND_HZ: Final = 200.0
FRAMES_AT_ONCE: Final = 1_024

TEMPO_RANGE_BPM: Final = (60.0, 180.0)
SEARCH_RANGE_BPM: Final = (30.0, 220.0)
STEP: Final = 0.004
"""From one tempo that is tried to the next, as a share of it."""
DIVISIONS: Final = ((1, 1.0), (2, 0.7), (4, 0.5))
"""Beat, half and quarter, and how much each counts."""
BEATS: Final = (1, 2, 3, 4, 8)
"""After so many beats the music should be like itself."""
LIKELY_BPM: Final = 140.0
LIKELY_OCTAVES: Final = 0.55
"""Prior of the tempo: a bell around 140 BPM and its half, so wide."""
CLEAR: Final = 7.0
"""From where on a beat is heard and not imagined."""
FEWEST_BEATS: Final = 6
FEWEST_ONSETS_PER_S: Final = 0.5
"""Chords that change more seldom make no beat, however regular they are."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo, None where there is no beat, and how far it stands out."""

    tempo_bpm: float | None
    clarity: float


def onset_strength(mono: Signal, sample_rate: int) -> tuple[Values, float]:
    """Return how much each moment rises, band by band, in logarithms.

    Parameters
    ----------
    mono : np.ndarray [shape=(n,)], float32
    sample_rate : int [Hz]

    Returns
    -------
    strength : np.ndarray [shape=(frames,)]
    hop_s : float [s]
        From one value to the next.
    """
    hop = max(1, round(HOP_S * sample_rate))
    size = 4 * hop
    padded = np.pad(mono, (size // 2, size // 2))
    count = 1 + (len(padded) - size) // hop
    bands = _bands(size, sample_rate)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    levels = np.empty((count, bands.shape[1]))
    for start in range(0, count, FRAMES_AT_ONCE):
        part = frames[start : start + FRAMES_AT_ONCE] * window
        levels[start : start + len(part)] = np.abs(np.fft.rfft(part, axis=1)) @ bands
    logs = np.log1p(1_000.0 * levels / (float(levels.max()) + 1e-12))
    before = np.pad(logs, ((2, 0), (0, 0)), mode="edge")[:-2]
    rises: Values = np.maximum(logs - before, 0.0).mean(axis=1)
    return rises, hop / sample_rate


def _bands(size: int, sample_rate: int) -> Signal:
    """Return overlapping triangles, evenly spaced in octaves from some 200 Hz up."""
    frequencies = np.fft.rfftfreq(size, 1.0 / sample_rate)
    top = min(BAND_RANGE_HZ[1], 0.45 * sample_rate)
    low, high = (float(np.log1p(hz / BEND_HZ)) for hz in (BAND_RANGE_HZ[0], top))
    edges = BEND_HZ * np.expm1(np.linspace(low, high, BANDS + 2))
    up = (frequencies[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - frequencies[:, None]) / (edges[2:] - edges[1:-1])
    weights = np.maximum(np.minimum(up, down), 0.0)
    bands: Signal = (weights / np.maximum(weights.sum(axis=0), 1.0)).astype(np.float32)
    return bands


def onsets(strength: Values, hop_s: float) -> NDArray[np.intp]:
    """Return the frames in which something begins: peaks above what is around them."""
    if len(strength) < 8 or float(strength.max()) < 1e-3:
        return np.zeros(0, np.intp)
    around = _smoothed(strength, 0.8, hop_s)
    threshold = around + 0.35 * float(np.std(strength)) + 0.02
    reach = max(1, round(0.04 / hop_s))
    padded = np.pad(strength, reach)
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    found: NDArray[np.intp] = np.flatnonzero((strength == highest) & (strength > threshold))
    return found


def _smoothed(values: Values, window_s: float, hop_s: float) -> Values:
    width = 2 * max(1, round(window_s / 2.0 / hop_s)) + 1
    sums = np.cumsum(np.pad(values, (width // 2 + 1, width // 2), mode="reflect"))
    smooth: Values = (sums[width:] - sums[:-width]) / width
    return smooth[: len(values)]


def tempo(strength: Values, hop_s: float) -> Tempo:
    """Find the tempo of an onset strength.

    Every tempo from 30 to 220 BPM is scored by how strongly onsets beat at it, its half and its
    quarter, and by how much the music is like itself some beats later; the best one, octaves
    decided by what is usual, is folded into 60 to 180.

    References
    ----------
    Peeters, "Template-Based Estimation of Time-Varying Tempo", EURASIP JASP, 2007 (spectrum and
    autocorrelation of the onsets together); Parncutt, "A Perceptual Model of Pulse Salience",
    Music Perception 11(4), 1994 (the prior).
    """
    if len(strength) * hop_s < FEWEST_BEATS * 0.4 or float(np.ptp(strength)) < 1e-3:
        return Tempo(None, 0.0)
    if len(onsets(strength, hop_s)) < FEWEST_ONSETS_PER_S * len(strength) * hop_s:
        return Tempo(None, 0.0)
    novel = np.maximum(strength - _smoothed(strength, 1.0, hop_s), 0.0)
    novel = novel - novel.mean()
    low, high = SEARCH_RANGE_BPM
    tried = np.exp(np.arange(np.log(low), np.log(high), STEP))
    curve = _score(novel, hop_s, tried)
    middle = float(np.median(curve))
    spread = 1.4826 * float(np.median(np.abs(curve - middle))) + 1e-9
    clarity = (float(curve.max()) - middle) / spread
    if clarity < CLEAR:
        return Tempo(None, clarity)
    likely = curve * _prior(tried)
    best = tried[int(np.argmax(likely))]
    fine = best * np.linspace(1.0 - STEP, 1.0 + STEP, 17)
    found = float(fine[int(np.argmax(_pulse(novel, hop_s, fine)))])
    while found < TEMPO_RANGE_BPM[0]:
        found *= 2.0
    while found > TEMPO_RANGE_BPM[1]:
        found /= 2.0
    return Tempo(found, clarity)


def _prior(tempi: Values) -> Values:
    away = np.abs(np.log2(tempi / LIKELY_BPM))
    half = np.abs(np.log2(2.0 * tempi / LIKELY_BPM))
    bell: Values = np.exp(-0.5 * (np.minimum(away, half + 0.3) / LIKELY_OCTAVES) ** 2)
    return bell


def _score(novel: Values, hop_s: float, tempi: Values) -> Values:
    return _pulse(novel, hop_s, tempi) * (0.15 + np.maximum(_likeness(novel, hop_s, tempi), 0.0))


def _pulse(novel: Values, hop_s: float, tempi: Values) -> Values:
    """Return how strongly the onsets beat at each tempo and its divisions."""
    n = 1 << int(np.ceil(np.log2(len(novel) * 16)))
    spectrum = np.abs(np.fft.rfft(novel * np.hanning(len(novel)), n)) / np.sqrt(len(novel))
    hertz = np.arange(len(spectrum)) / (n * hop_s)
    curve: Values = np.zeros(len(tempi))
    for division, weight in DIVISIONS:
        curve += weight * np.interp(division * tempi / 60.0, hertz, spectrum)
    curve /= np.sqrt(float(np.mean(novel**2))) + 1e-12
    return curve


def _likeness(novel: Values, hop_s: float, tempi: Values) -> Values:
    """Return how much the onsets are like themselves some beats later, 1 at most."""
    n = 1 << int(np.ceil(np.log2(2 * len(novel))))
    power = np.abs(np.fft.rfft(novel, n)) ** 2
    lags = np.fft.irfft(power)[: len(novel)]
    lags /= (float(lags[0]) + 1e-12) * (1.0 - np.arange(len(novel)) / len(novel) * 0.999)
    kernel = np.hanning(5)[1:-1]
    lags = np.convolve(lags, kernel / kernel.max(), mode="same") / 2.0
    times_s = np.arange(len(lags)) * hop_s
    most_s = 0.7 * times_s[-1]
    total, weights = np.zeros(len(tempi)), np.zeros(len(tempi))
    for beats in BEATS:
        lag_s = beats * 60.0 / tempi
        there = lag_s < most_s
        total += np.where(there, np.interp(lag_s, times_s, lags), 0.0)
        weights += there
    likeness: Values = total / np.maximum(weights, 1.0)
    return likeness
