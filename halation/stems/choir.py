"""Many singers at once: tables of a choir whose vowel moves."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.formants import blend, opened, source, transfer
from halation.types import SAMPLE_RATE

__all__ = ["VOWELS", "choir_table"]

Signal = NDArray[np.float32]

VOWELS: Final[dict[str, tuple[str, str]]] = {
    "ah": ("a", "o"),
    "oh": ("o", "u"),
    "ooh": ("u", "o"),
    "la": ("a", "e"),
    "ey": ("e", "i"),
    "you": ("u", "i"),
    "mm": ("m", "u"),
    "na": ("a", "o"),
}
"""The vowel of each syllable, and the one that it leans towards and comes from."""

TABLE_SAMPLES: Final = 1 << 18
SPREAD_CENTS: Final = 17.0
"""Standard deviation of the singers' pitches; wide enough for a choir, not for a cluster."""

SHARED: Final = 0.35
"""Correlation of the two sides."""

AIR_DB: Final = -27.0


def choir_table(
    pitch: int,
    phones: tuple[str, str],
    formant_semitones: float,
    brightness: float,
    draw: np.random.Generator,
) -> tuple[Signal, Signal]:
    """Return two seamless stereo tables of one choir, singing one vowel and another.

    Each harmonic is a Gaussian band of the width that the singers' pitches have, with random
    phases, under the vowel's formants. Both tables have the same phases: a fade from one to the
    other moves the formants, not the singers. The right side shares a little with the left one;
    the rest is the same choir half a table later.

    Parameters
    ----------
    pitch : int
        MIDI number.
    phones : pair of str
        Names of speech sounds.
    formant_semitones : float [semitones]
    brightness : float in 0..1
    draw : np.random.Generator

    Returns
    -------
    pair of np.ndarray [shape=(2, 262144)], float32
        RMS 1.

    References
    ----------
    Nasca, "PADsynth algorithm", ZynAddSubFX documentation, 2005.
    """
    from scipy import fft

    f0_hz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    bins = int(9_000 * TABLE_SAMPLES / SAMPLE_RATE)
    f = np.arange(bins, dtype=np.float32) * np.float32(SAMPLE_RATE / TABLE_SAMPLES)
    order = np.maximum(np.rint(f / np.float32(f0_hz)), 1)
    ratio = f / (order * np.float32(f0_hz))
    spread = np.float32(2.0 ** (SPREAD_CENTS / 1200) - 1)
    bands = np.exp(-0.5 * ((ratio - 1) / spread) ** 2) / np.sqrt(order)
    bands += np.float32(10 ** (AIR_DB / 20)) * (f > 500)
    coarse_hz = np.arange(0, 9_050, 25, dtype=np.float32)
    tract = blend(phones, np.eye(2, dtype=np.float32), formant_semitones)
    tract = opened(tract, np.array([f0_hz], dtype=np.float32))
    response = np.abs(transfer(tract, coarse_hz, formant_semitones))
    response *= np.abs(source(coarse_hz, f0_hz, brightness))
    noise = draw.standard_normal(2 * bins, dtype=np.float32).view(np.complex64) * bands
    tables = []
    for magnitude in response:
        spectrum = np.zeros(TABLE_SAMPLES // 2 + 1, dtype=np.complex64)
        spectrum[:bins] = noise * np.interp(f, coarse_hz, magnitude).astype(np.float32)
        wave = fft.irfft(spectrum, n=TABLE_SAMPLES, overwrite_x=True)
        wave /= np.float32(np.sqrt(np.mean(wave**2)) + 1e-12)
        later = np.roll(wave, TABLE_SAMPLES // 2) * np.float32(np.sqrt(1 - SHARED**2))
        tables.append(np.stack([wave, np.float32(SHARED) * wave + later]))
    return tables[0], tables[1]
