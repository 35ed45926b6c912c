"""Which pitches sound in a recording, and the key that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus.hearing import hearing
from halation.types import Key

__all__ = ["PROFILES", "Found", "Tones", "key_of", "tones"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

FRAME_S: Final = 0.37
HOP_S: Final = 0.18
RANGE_HZ: Final = (60.0, 2_500.0)
BASS_HZ: Final = 200.0
DEPTH_DB: Final = 45.0
"""A peak lies so far below the frame's highest at most."""
HARMONICS: Final = 5
DECAY: Final = 0.6
"""A peak may be the second, third … harmonic of a tone below, each so much less likely."""
COMPRESSION: Final = 0.5
A4_HZ: Final = 440.0

PROFILES: Final = (
    (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
    (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
)
"""Of notes, major and minor, as Albrecht and Shanahan counted them."""
BASS_WEIGHT: Final = 0.2
TONAL: Final = 0.08
"""Share of the spectrum that must be peaks: drums stay below, a lone melody is above."""
FLAT: Final = 0.35
"""Deviation over mean of a chroma in which no pitch stands out."""


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """What sounds: two profiles of the twelve pitch classes from C up, and how many tones.

    Parameters
    ----------
    chroma, bass : np.ndarray [shape=(12,)]
        Each sums to 1 where anything sounds.
    voices : float
        Peaks at once, a median.
    tonality : float in 0..1
        Share of the spectrum's magnitude that is peaks.
    """

    chroma: Values
    bass: Values
    voices: float
    tonality: float


@dataclass(frozen=True, slots=True)
class Found:
    """A key, None where no pitches stand out, and how minor the music is."""

    name: str | None
    mode: str | None
    minorness: float


def tones(mono: Signal, sample_rate: int) -> Tones:
    """Find the pitch classes of a recording, whatever it is tuned to.

    Peaks of the spectrum count for the tones whose harmonics they may be; the tuning is the mean
    deviation of the peaks from the tempered scale.

    Parameters
    ----------
    mono : np.ndarray [shape=(n,)], float32
    sample_rate : int [Hz]

    References
    ----------
    Gómez, "Tonal Description of Polyphonic Audio for Music Content Processing", INFORMS J.
    Computing 18(3), 2006 (harmonic pitch class profile).
    """
    size = round(FRAME_S * sample_rate)
    hop = max(1, round(HOP_S * sample_rate))
    padded = np.pad(mono, (0, max(0, size - len(mono))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    first, last = (round(hz * size / sample_rate) for hz in RANGE_HZ)
    found = [_peaks(frame * window, first, min(last, size // 2 - 1)) for frame in frames]
    bins = np.concatenate([row[0] for row in found])
    levels = np.concatenate([row[1] for row in found])
    if not len(bins):
        return Tones(np.zeros(12), np.zeros(12), 0.0, 0.0)
    semitones = 12.0 * np.log2(bins * sample_rate / size / A4_HZ) + 69.0
    turns = np.sum(levels * np.exp(2j * np.pi * semitones))
    semitones -= float(np.angle(turns)) / (2.0 * np.pi)
    low = semitones < 12.0 * np.log2(BASS_HZ / A4_HZ) + 69.0
    return Tones(
        _profile(semitones, levels, HARMONICS),
        _profile(semitones[low], levels[low], 1),
        float(np.median([len(row[0]) for row in found])),
        float(np.mean([row[2] for row in found])),
    )


def _peaks(frame: Signal, first: int, last: int) -> tuple[Values, Values, float]:
    """Return places (in bins), compressed levels, and the share of the magnitude that is peaks."""
    spectrum = np.abs(np.fft.rfft(frame))[first - 1 : last + 2].astype(np.float64)
    inner = spectrum[1:-1]
    top = float(inner.max())
    if top < 1e-3:
        return np.zeros(0), np.zeros(0), 0.0
    higher = (inner >= spectrum[:-2]) & (inner > spectrum[2:])
    at = np.flatnonzero(higher & (inner > top * 10.0 ** (-DEPTH_DB / 20.0))) + 1
    around = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(spectrum, 12, "edge"), 25)
                       [at], axis=1)  # fmt: skip
    at = at[spectrum[at] > 2.0 * around]
    a, b, c = (np.log(spectrum[at + step] + 1e-12) for step in (-1, 0, 1))
    place = at + 0.5 * (a - c) / (a - 2.0 * b + c - 1e-12)
    share = float(sum(spectrum[at + step].sum() for step in (-1, 0, 1)) / spectrum.sum())
    return place + first - 1, (spectrum[at] / top) ** COMPRESSION, share


def _profile(semitones: Values, levels: Values, harmonics: int) -> Values:
    total: Values = np.zeros(12)
    for harmonic in range(1, harmonics + 1):
        place = semitones - 12.0 * np.log2(harmonic)
        nearest = np.round(place)
        weight = levels * DECAY ** (harmonic - 1) * np.cos(np.pi * (place - nearest)) ** 2
        total += np.bincount(nearest.astype(int) % 12, weight, 12)
    total /= total.sum() + 1e-12
    return total


def key_of(pitched: Tones) -> Found:
    """Find the key whose profile is most like what sounds.

    References
    ----------
    Krumhansl, "Cognitive Foundations of Musical Pitch", 1990 (correlation with 24 profiles);
    Albrecht & Shanahan, "The Use of Large Corpora to Train a New Type of Key-Finding Algorithm",
    Music Perception 31(1), 2013 (half of ours; the other half was measured, see
    ``runs/hearing.sh``).
    """
    mean = float(pitched.chroma.mean())
    if not mean:
        return Found(None, None, 0.0)
    # By what others counted, so that what is learned from it does not depend on what was learned.
    major, minor = (max(_fits(np.array(row), pitched.chroma)) for row in PROFILES)
    minorness = float(np.clip(minor - major, -1.0, 1.0))
    if pitched.tonality < TONAL or float(pitched.chroma.std()) / mean < FLAT:
        return Found(None, None, minorness)
    known = hearing()
    scores = [
        _fits(chroma, pitched.chroma) + BASS_WEIGHT * _fits(bass, pitched.bass)
        for chroma, bass in zip(known.chroma, known.bass, strict=True)
    ]
    mode, tonic = divmod(int(np.argmax(scores)), 12)
    name = Key(tonic, "aeolian" if mode else "ionian").name
    return Found(name, ("major", "minor")[mode], minorness)


def _fits(profile: Values, heard: Values) -> Values:
    """Return how well each of a profile's twelve transpositions fits."""
    return np.array([_like(np.roll(profile, tonic), heard) for tonic in range(12)])


def _like(a: Values, b: Values) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))
