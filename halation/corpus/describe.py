"""What a recording is like, measured: tempo, key, brightness, how busy, how loud, how wide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus.beats import onset_strength, onsets, tempo
from halation.corpus.keys import Tones, key_of, tones
from halation.dsp.loudness import integrated
from halation.dsp.spectrum import band_levels, centroid_hz, power_spectrum
from halation.types import AudioError

__all__ = ["MOST_S", "Described", "describe"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

MOST_S: Final = 300.0
"""Of a longer recording the middle five minutes are measured."""
LEAST: Final = 16_384
"""Samples; shorter recordings are lengthened with silence where spectra are taken."""
BLOCK_S: Final = 0.4
SILENT: Final = 1e-4  # −80 dBFS
LOW_HZ: Final = 120.0
HIGH_HZ: Final = 5_000.0
FLOOR_DB: Final = -60.0
"""What is quieter is written as this."""


@dataclass(frozen=True, slots=True)
class Described:
    """What was measured of a recording.

    Parameters
    ----------
    tempo_bpm : float in 60..180 [BPM] or None
        None where no beat stands out.
    key : str or None
        Such as ``"F# minor"``; None where no pitches stand out.
    mode : ``"major"``, ``"minor"`` or None
        Of the key.
    brightness_hz : float [Hz]
        Median centroid of the spectrum.
    onsets_per_s : float [1/s]
    loudness_lufs : float [LUFS]
    dynamic_range_db : float >= 0 [dB]
        From the tenth to the ninety-fifth hundredth of the levels of 0.4 s blocks.
    beat_clarity : float
        How far the tempo stands out, in deviations; None above begins where this is too small.
    minorness : float in −1..1
        How much better the best minor key fits than the best major one.
    voices : float
        Spectral peaks that sound at once.
    tonality : float in 0..1
        Share of the spectrum between 60 Hz and 2.5 kHz that is peaks.
    attack : float
        How much the strongest onsets stand above the mean one.
    low_db, high_db : float [dB]
        Energy below 120 Hz and above 5 kHz over the whole.
    slope_db_per_octave : float [dB/octave]
        From 100 Hz to 10 kHz.
    width_db : float [dB]
        Side over mid; −60 for mono.
    """

    tempo_bpm: float | None
    key: str | None
    mode: str | None
    brightness_hz: float
    onsets_per_s: float
    loudness_lufs: float
    dynamic_range_db: float
    beat_clarity: float
    minorness: float
    voices: float
    tonality: float
    attack: float
    low_db: float
    high_db: float
    slope_db_per_octave: float
    width_db: float

    def measures(self) -> dict[str, float]:
        """Return the plain figures, rounded: all but tempo, key and mode."""
        rows = asdict(self)
        return {k: round(v, 4) for k, v in rows.items() if k not in ("tempo_bpm", "key", "mode")}


def describe(x: Signal, sample_rate: int) -> Described:
    """Measure a recording.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        Full scale 1.0; anything from a fraction of a second up.
    sample_rate : int > 0 [Hz]

    Returns
    -------
    Described
        For silence: no tempo, no key, everything at its lowest.

    Raises
    ------
    AudioError
        If ``x`` is not of that shape or not finite.

    Examples
    --------
    >>> tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    >>> found = describe(tone[None], 44_100)
    >>> found.tempo_bpm, 430 < found.brightness_hz < 450
    (None, True)
    """
    if x.ndim != 2 or not 1 <= x.shape[0] <= 2 or sample_rate < 1:
        raise AudioError(f"a recording must be (1 or 2, n) samples, not {x.shape}")
    x = _middle(np.asarray(x, np.float32), round(MOST_S * sample_rate))
    if not np.isfinite(x).all():
        raise AudioError("the recording holds samples that are no numbers")
    if not x.size or float(np.abs(x).max()) < SILENT:
        x = np.zeros((1, LEAST), np.float32)
    mono = x.mean(axis=0)
    strength, hop_s = onset_strength(mono, sample_rate)
    beat = tempo(strength, hop_s)
    heard = onsets(strength, hop_s)
    pitched: Tones = tones(mono, sample_rate)
    key = key_of(pitched)
    low_db, high_db, slope = _balance(x, sample_rate)
    return Described(
        tempo_bpm=round(beat.tempo_bpm, 2) if beat.tempo_bpm else None,
        key=key.name,
        mode=key.mode,
        brightness_hz=centroid_hz(x, sample_rate),
        onsets_per_s=len(heard) / (x.shape[1] / sample_rate),
        loudness_lufs=max(FLOOR_DB, _loudness(x, sample_rate)),
        dynamic_range_db=_dynamic_range_db(x, sample_rate),
        beat_clarity=beat.clarity,
        minorness=key.minorness,
        voices=pitched.voices,
        tonality=pitched.tonality,
        attack=_attack(strength, heard),
        low_db=low_db,
        high_db=high_db,
        slope_db_per_octave=slope,
        width_db=_width_db(x),
    )


def _middle(x: Signal, most: int) -> Signal:
    start = max(0, x.shape[1] - most) // 2
    return x[:, start : start + most]


def _loudness(x: Signal, sample_rate: int) -> float:
    # A mono recording is heard from both sides, as a player would.
    return integrated(np.ascontiguousarray(np.repeat(x, 3 - len(x), axis=0)), sample_rate)


def _blocks(x: Signal, size: int) -> Iterator[float]:
    for start in range(0, max(1, x.shape[1] - size + 1), size):
        yield float(np.mean(x[:, start : start + size] ** 2, dtype=np.float64))


def _dynamic_range_db(x: Signal, sample_rate: int) -> float:
    powers = np.array(list(_blocks(x, max(1, round(BLOCK_S * sample_rate)))))
    loud = powers[powers > SILENT**2]
    if len(loud) < 2:
        return 0.0
    low, high = np.percentile(10.0 * np.log10(loud), (10, 95))
    return float(high - low)


def _attack(strength: Values, heard: NDArray[np.intp]) -> float:
    if not len(heard):
        return 0.0
    return float(np.percentile(strength[heard], 90) / (np.mean(strength) + 1e-9))


def _balance(x: Signal, sample_rate: int) -> tuple[float, float, float]:
    """Return how much is low, how much is high, and the slope between."""
    x = np.pad(x, ((0, 0), (0, max(0, LEAST - x.shape[1]))))
    frequencies, power = power_spectrum(x, sample_rate)
    total = float(power.sum()) + 1e-20
    low = float(power[frequencies < LOW_HZ].sum()) / total
    high = float(power[frequencies > HIGH_HZ].sum()) / total
    centres, levels = band_levels(frequencies, power, 100.0, min(10_000.0, 0.45 * sample_rate))
    return _db(low), _db(high), float(np.polyfit(np.log2(centres), levels, 1)[0])


def _width_db(x: Signal) -> float:
    if len(x) == 1:
        return FLOOR_DB
    mid = float(np.mean((x[0] + x[1]) ** 2, dtype=np.float64))
    side = float(np.mean((x[0] - x[1]) ** 2, dtype=np.float64))
    return _db(side / (mid + 1e-20))


def _db(ratio: float) -> float:
    return float(np.clip(10.0 * np.log10(ratio + 1e-12), FLOOR_DB, 30.0))
