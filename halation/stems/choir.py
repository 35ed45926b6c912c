"""Many singers at once: tables of a choir whose vowel moves."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops import scatter
from halation.stems.bank import bank
from halation.stems.tract import level
from halation.types import SAMPLE_RATE

__all__ = ["RATE", "TABLE_SAMPLES", "VOWELS", "choir_table"]

Signal = NDArray[np.float32]

VOWELS: Final[dict[str, tuple[str, str]]] = {
    "ah": ("ah", "oh"),
    "oh": ("oh", "ooh"),
    "ooh": ("ooh", "oh"),
    "uh": ("uh", "ooh"),
    "ey": ("ey", "ee"),
    "ee": ("ee", "ey"),
    "la": ("ah", "ey"),
    "na": ("ah", "oh"),
    "you": ("ooh", "ee"),
    "mm": ("mm", "ooh"),
}
"""The vowel of each syllable, and the one that it leans towards and comes from."""

RATE: Final = SAMPLE_RATE // 2
"""A choir is far away: it is made at half the rate."""
TABLE_SAMPLES: Final = 1 << 17
SPREAD_CENTS: Final = 17.0
"""Standard deviation of the singers' pitches; wide enough for a choir, not for a cluster."""

SHARED: Final = 0.35
"""Correlation of the two sides."""

AIR_DB: Final = -27.0
HIGHEST_HZ: Final = 9_000.0


@cache
def _crowd(vowel: str) -> Signal:
    """Return the mean envelope of all the bank's speakers, shape (CEPSTRA,)."""
    held = [known[vowel] for known in bank().values()]
    return np.asarray(np.mean([one.cepstra[slice(*one.steady)].mean(axis=0) for one in held], 0))


def choir_table(
    pitch: int,
    syllable: str,
    formant_semitones: float,
    brightness: float,
    draw: np.random.Generator,
) -> tuple[Signal, Signal]:
    """Make seamless stereo tables of two vowels that share their phases, so that they can be mixed.

    Parameters
    ----------
    pitch : int
        MIDI number.
    syllable : str
        One of :data:`VOWELS`.
    formant_semitones : float [semitones]
    brightness : float in 0..1
    draw : np.random.Generator

    Returns
    -------
    pair of np.ndarray [shape=(2, 131072)], float32
        RMS 1, at :data:`RATE`.

    References
    ----------
    Nasca, "PADsynth algorithm", ZynAddSubFX documentation, 2005.
    """
    from scipy import fft

    f0_hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    bins = int(HIGHEST_HZ * TABLE_SAMPLES / RATE)
    f = np.arange(bins, dtype=np.float32) * np.float32(RATE / TABLE_SAMPLES)
    order = np.maximum(np.rint(f / np.float32(f0_hz)), 1)
    ratio = f / (order * np.float32(f0_hz))
    spread = np.float32(2.0 ** (SPREAD_CENTS / 1200) - 1)
    bands = np.exp(-0.5 * ((ratio - 1) / spread) ** 2) / np.sqrt(order)
    bands += np.float32(10 ** (AIR_DB / 20)) * (f > 500)
    coarse_hz = np.arange(0, HIGHEST_HZ + 50, 25, dtype=np.float32)
    envelopes = np.stack([_crowd(vowel) for vowel in VOWELS[syllable]])
    response = level(envelopes, coarse_hz, formant_semitones)
    tilt_db = 4.0 * (brightness - 0.5) * np.log2(np.maximum(coarse_hz, 300) / 1_000)
    response *= 10 ** (tilt_db / 20) * np.clip((HIGHEST_HZ - coarse_hz) / 2_000, 0, 1)
    noise = np.empty(bins, np.complex64)
    scatter(np.asarray(bands, np.float32), int(draw.integers(2**64, dtype=np.uint64)), noise)
    tables = []
    for magnitude in response:
        spectrum = np.zeros(TABLE_SAMPLES // 2 + 1, dtype=np.complex64)
        spectrum[:bins] = noise * np.interp(f, coarse_hz, magnitude).astype(np.float32)
        wave = fft.irfft(spectrum, n=TABLE_SAMPLES, overwrite_x=True)
        wave /= np.float32(np.sqrt(np.mean(wave**2)) + 1e-12)
        later = np.roll(wave, TABLE_SAMPLES // 2) * np.float32(np.sqrt(1 - SHARED**2))
        tables.append(np.stack([wave, np.float32(SHARED) * wave + later]))
    return tables[0], tables[1]
