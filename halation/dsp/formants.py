"""The vocal tract: speech sounds as formants, and their transfer function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["PHONES", "Phone", "Tract", "blend", "opened", "source", "transfer"]

Signal = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

NASAL_POLE_HZ: Final = 270.0
HIGHER_POLES_HZ: Final = (6_100.0, 7_200.0, 8_300.0)
"""Poles above the fifth formant; without them the upper formants would come out too weak."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A speech sound as the vocal tract of a grown woman makes it.

    Parameters
    ----------
    formants_hz : five floats [Hz]
        The first three after Peterson and Barney for vowels, after Klatt for consonants.
    bandwidths_hz : five floats [Hz]
    level_db : float [dB]
        Of the voice, against an open vowel.
    breath_db : float [dB]
        Of the breath, against the voice.
    zero_hz : float [Hz]
        The nose's zero; at 270 Hz it cancels the nose's pole, and the sound is not nasal.
    """

    formants_hz: tuple[float, float, float, float, float]
    bandwidths_hz: tuple[float, float, float, float, float] = (90.0, 100.0, 140.0, 190.0, 240.0)
    level_db: float = 0.0
    breath_db: float = -21.0
    zero_hz: float = NASAL_POLE_HZ


_NASAL = (100.0, 250.0, 280.0, 300.0, 350.0)

PHONES: Final[dict[str, Phone]] = {
    "a": Phone((850, 1_220, 2_810, 3_900, 4_900)),
    "e": Phone((560, 2_330, 2_990, 4_050, 4_950)),
    "i": Phone((310, 2_790, 3_310, 4_150, 5_050), (80, 110, 160, 200, 250)),
    "o": Phone((540, 900, 2_710, 3_750, 4_800), (85, 90, 140, 190, 240)),
    "u": Phone((370, 850, 2_600, 3_650, 4_750), (80, 90, 140, 190, 240)),
    "l": Phone((380, 1_250, 2_900, 3_900, 4_900), (90, 150, 220, 280, 320), -7.0, -22.0),
    "m": Phone((290, 1_150, 2_350, 3_600, 4_700), _NASAL, -8.0, -26.0, 720.0),
    "n": Phone((290, 1_500, 2_700, 3_800, 4_800), _NASAL, -9.0, -26.0, 1_150.0),
    "j": Phone((280, 2_650, 3_350, 4_150, 5_050), (90, 130, 180, 220, 260), -6.0, -18.0),
    "v": Phone((300, 1_150, 2_400, 3_700, 4_800), (110, 160, 220, 260, 300), -11.0, -10.0),
}
"""Vowels a e i o u and voiced consonants l m n j v.

References: Peterson and Barney, "Control methods used in a study of the vowels", J. Acoust. Soc.
Am. 24, 1952; Klatt, "Software for a cascade/parallel formant synthesizer", J. Acoust. Soc. Am. 67,
1980. The fourth and fifth formants, the bandwidths of a sung voice and the levels are ours.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Tract:
    """The shape of a vocal tract over time.

    Parameters
    ----------
    formants_hz, bandwidths_hz : np.ndarray [shape=(frames, 5)], float32 [Hz]
    zero_hz, level_db, breath_db : np.ndarray [shape=(frames,)], float32
    """

    formants_hz: Signal
    bandwidths_hz: Signal
    zero_hz: Signal
    level_db: Signal
    breath_db: Signal


def blend(phones: tuple[str, ...], weights: Signal, shift_semitones: float = 0.0) -> Tract:
    """Mix speech sounds, as a tongue passes between them.

    Frequencies are mixed in octaves, levels in dB.

    Parameters
    ----------
    phones : tuple of str
        Names from :data:`PHONES`.
    weights : np.ndarray [shape=(frames, len(phones))], float32
        Each row sums to 1.
    shift_semitones : float [semitones]
        Moves every formant; +3 … +6 makes the head smaller.

    Returns
    -------
    Tract

    Examples
    --------
    >>> tract = blend(("a", "i"), np.array([[1, 0], [0.5, 0.5]], np.float32), 12.0)
    >>> [round(float(hz)) for hz in tract.formants_hz[:, 0]]
    [1700, 1027]
    """
    sounds = [PHONES[name] for name in phones]
    scale = np.float32(2.0 ** (shift_semitones / 12.0))

    def mixed(values: object, *, logarithmic: bool = True) -> Signal:
        table = np.asarray(values, dtype=np.float32)
        if logarithmic:
            return np.asarray(np.exp2(weights @ np.log2(table)), dtype=np.float32)
        return np.asarray(weights @ table, dtype=np.float32)

    return Tract(
        formants_hz=scale * mixed([sound.formants_hz for sound in sounds]),
        bandwidths_hz=scale * mixed([sound.bandwidths_hz for sound in sounds]),
        zero_hz=scale * mixed([sound.zero_hz for sound in sounds]),
        level_db=mixed([sound.level_db for sound in sounds], logarithmic=False),
        breath_db=mixed([sound.breath_db for sound in sounds], logarithmic=False),
    )


def opened(tract: Tract, f0_hz: Signal) -> Tract:
    """Open the mouth where the pitch would leave the first formant, as sopranos do.

    A closed vowel sung high would else be one strong harmonic: nearly a sine.

    Parameters
    ----------
    tract : Tract
    f0_hz : np.ndarray [shape=(frames,) or (1,)], float32 [Hz]

    Returns
    -------
    Tract
        The first formant stands above the pitch, the second near the octave or above, and both are
        wider where they had to move.

    References
    ----------
    Sundberg, "Formant technique in a professional female singer", Acustica 32, 1975.

    Examples
    --------
    >>> high = opened(blend(("u",), np.ones((1, 1), np.float32)), np.array([800], np.float32))
    >>> [round(float(hz)) for hz in high.formants_hz[0, :2]]
    [960, 1680]
    """
    formants_hz, bandwidths_hz = tract.formants_hz.copy(), tract.bandwidths_hz.copy()
    for formant, (place, width) in enumerate(((1.2, 0.28), (2.1, 0.30))):
        moved = np.clip(place * f0_hz / formants_hz[:, formant] - 0.75, 0, 0.5) / 0.5
        np.maximum(formants_hz[:, formant], place * f0_hz, out=formants_hz[:, formant])
        wide = np.maximum(bandwidths_hz[:, formant], width * f0_hz)
        bandwidths_hz[:, formant] += moved * (wide - bandwidths_hz[:, formant])
    return replace(tract, formants_hz=formants_hz, bandwidths_hz=bandwidths_hz)


def transfer(tract: Tract, frequency_hz: Signal, shift_semitones: float = 0.0) -> Spectrum:
    """Return the complex response of the tract, a cascade of resonances, 1 at 0 Hz.

    Parameters
    ----------
    tract : Tract
        Of so many frames.
    frequency_hz : np.ndarray [shape=(bins,)], float32 [Hz]
    shift_semitones : float [semitones]
        Where the poles above the fifth formant lie; as in :func:`blend`.

    Returns
    -------
    np.ndarray [shape=(frames, bins)], complex64

    References
    ----------
    Fant, "Acoustic Theory of Speech Production", Mouton, 1960.

    Examples
    --------
    >>> vowel = blend(("a",), np.ones((1, 1), np.float32))
    >>> f = np.arange(0, 2000, 10, dtype=np.float32)
    >>> bool(abs(f[np.abs(transfer(vowel, f))[0].argmax()] - 850) < 30)
    True
    """
    scale = np.float32(2.0 ** (shift_semitones / 12.0))
    f = frequency_hz[None, :]
    squared = f * f
    below = np.ones((len(tract.zero_hz), frequency_hz.size), dtype=np.complex64)
    pole = np.empty_like(below)
    poles = [
        (tract.formants_hz[:, k, None], tract.bandwidths_hz[:, k, None])
        for k in range(tract.formants_hz.shape[1])
    ]
    for centre_hz, width_hz in poles:
        inverse = 1 / (centre_hz * centre_hz)
        pole.real = 1 - squared * inverse
        pole.imag = f * (width_hz * inverse)
        below *= pole
    fixed = np.ones((1, frequency_hz.size), dtype=np.complex64)
    for centre in HIGHER_POLES_HZ:
        high = centre * scale
        fixed = fixed * (1 - squared / high**2 + 1j * f * (0.08 / high))
    if np.any(tract.zero_hz > NASAL_POLE_HZ * scale * 1.001):
        low, width = NASAL_POLE_HZ * scale, np.float32(100.0) * scale
        zero_hz = tract.zero_hz[:, None]
        zero = 1 - squared / zero_hz**2 + 1j * f * (width / zero_hz**2)
        return np.asarray(zero / (below * fixed * (1 - squared / low**2 + 1j * f * width / low**2)))
    return np.asarray(1 / (below * fixed), dtype=np.complex64)


def source(frequency_hz: Signal, f0_hz: float, brightness: float = 0.5) -> Spectrum:
    """Return the spectrum of one soft glottal pulse, the lips' radiation included.

    It rises to the glottal formant just above the pitch, falls by 4 to 6 dB an octave from there
    and by 6 more from a corner on; slope and corner move with the effort. It ends at 9 kHz.

    Parameters
    ----------
    frequency_hz : np.ndarray [shape=(bins,)], float32 [Hz]
    f0_hz : float > 0 [Hz]
    brightness : float in 0..1
        Puts the corner between 1.2 kHz (breathy) and 4.8 kHz (pressed), and the slope below it
        between −6 and −3.6 dB/octave.

    Returns
    -------
    np.ndarray [shape=(bins,)], complex64

    References
    ----------
    Fant, Liljencrants and Lin, "A four-parameter model of glottal flow", STL-QPSR 26(4), 1985;
    Doval, d'Alessandro and Henrich, "The spectrum of glottal flow models", Acta Acustica 92, 2006.

    Examples
    --------
    >>> f = np.array([250, 4000, 8000, 9500], np.float32)
    >>> level_db = 20 * np.log10(np.abs(source(f, 220.0)) + 1e-9)
    >>> bool(8 < level_db[1] - level_db[2] < 12), bool(level_db[3] < -100)
    (True, True)
    """
    glottal_hz = 1.15 * f0_hz
    corner_hz = 1_200.0 * 4.0**brightness
    x = frequency_hz / np.float32(glottal_hz)
    fall = (1 + 1j * x) ** np.float32(2.0 - 0.4 * brightness)
    pulse = 1j * x / fall / (1 + 1j * frequency_hz / np.float32(corner_hz))
    edge = np.clip((9_000.0 - frequency_hz) / 1_200.0, 0, 1)
    return np.asarray(pulse * np.sin(np.pi / 2 * edge) ** 2, dtype=np.complex64)
