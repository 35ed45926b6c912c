"""From the envelopes of speech to spectra of minimum phase, formants moved."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.stems.bank import BREATH_EDGES_HZ, CEPSTRA, SPEECH_NYQUIST_HZ, mel
from halation.types import SAMPLE_RATE

__all__ = ["BINS", "GRAIN", "breath_weights", "level", "responses"]

Signal = NDArray[np.float32]

GRAIN: Final = 1024
"""Length of a response: 23 ms, in which a tract's slowest resonance has died away."""
BINS: Final = int(15_000 * GRAIN / SAMPLE_RATE)
_FINE: Final = 4
"""The phase is computed on a grid so much finer, where a response does not wrap around."""
_TILT_HZ: Final = (300.0, 1_000.0)
"""Below the first the tilt stops; at the second it is 0 dB."""


def _cosines(frequency_hz: Signal, shift_semitones: float) -> Signal:
    """Return each cepstrum's log amplitude, shape (CEPSTRA, frequencies)."""
    spoken_hz = frequency_hz / np.float32(2.0 ** (shift_semitones / 12.0))
    places = np.minimum(mel(spoken_hz), 1.0)
    return np.asarray(np.cos(np.pi * np.outer(np.arange(CEPSTRA), places)), np.float32)


def _edges(frequency_hz: Signal) -> Signal:
    """Return the log amplitude of the band that is sung: no rumble, nothing past 14 kHz."""
    high = np.clip((frequency_hz - 10_500.0) / 4_000.0, 0, 2)
    low = np.log1p((70.0 / np.maximum(frequency_hz, 8.0)) ** 4)
    return np.asarray(-6.0 * high**2 - 0.5 * low, np.float32)


@lru_cache(maxsize=16)
def _basis(shift_semitones: float) -> NDArray[np.complex64]:
    """Return complex logarithms, shape (CEPSTRA + 2, BINS): cepstra, 1 dB/octave, and the band.

    Minimum phase is linear in the log amplitude, so each row has its own once and for all.
    """
    size = GRAIN * _FINE
    frequency_hz = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE / size)
    octaves = np.log2(np.maximum(frequency_hz, _TILT_HZ[0]) / _TILT_HZ[1])
    rows = np.concatenate(
        [
            _cosines(frequency_hz, shift_semitones),
            (octaves * np.log(10) / 20)[None],
            _edges(frequency_hz)[None],
        ]
    )
    cepstrum = np.fft.irfft(rows.astype(np.float64), axis=1)
    cepstrum[:, 1 : size // 2] *= 2
    cepstrum[:, size // 2 + 1 :] = 0
    logs = np.fft.rfft(cepstrum, axis=1)[:, ::_FINE][:, :BINS]
    return np.asarray(logs, dtype=np.complex64)


def responses(
    cepstra: Signal, shift_semitones: float, tilt_db_per_octave: float
) -> NDArray[np.complex64]:
    """Return what envelopes do to a pulse: complex, minimum phase.

    Parameters
    ----------
    cepstra : np.ndarray [shape=(frames, CEPSTRA)], float32
        As in :class:`~halation.stems.bank.Spoken`.
    shift_semitones : float [semitones]
        Moves every formant; a smaller head has higher ones.
    tilt_db_per_octave : float [dB/octave]
        Brightens around 1 kHz.

    Returns
    -------
    np.ndarray [shape=(frames, BINS)], complex64
        Up to 15 kHz, for transforms of :data:`GRAIN` samples.

    References
    ----------
    Oppenheim and Schafer, "Discrete-Time Signal Processing", chapter on homomorphic systems.

    Examples
    --------
    >>> flat = responses(np.zeros((1, CEPSTRA), np.float32), 0.0, 0.0)
    >>> bool(0.98 < abs(flat[0, 100]) < 1.02), bool(abs(flat[0, 340]) < 0.01)
    (True, True)
    """
    basis = _basis(round(shift_semitones, 3))
    logs = cepstra @ basis[:CEPSTRA].view(np.float32)
    logs += (np.float32(tilt_db_per_octave) * basis[CEPSTRA] + basis[CEPSTRA + 1]).view(np.float32)
    spectra = np.asarray(logs, np.float32).view(np.complex64)
    magnitude, phase = np.exp(spectra.real), spectra.imag.copy()  # real functions are far faster
    np.multiply(magnitude, np.cos(phase), out=spectra.real)
    np.multiply(magnitude, np.sin(phase), out=spectra.imag)
    return spectra


def level(cepstra: Signal, frequency_hz: Signal, shift_semitones: float) -> Signal:
    """Return the amplitude of envelopes at any frequencies.

    Parameters
    ----------
    cepstra : np.ndarray [shape=(frames, CEPSTRA)], float32
    frequency_hz : np.ndarray [shape=(n,)], float32 [Hz]
    shift_semitones : float [semitones]

    Returns
    -------
    np.ndarray [shape=(frames, n)], float32
    """
    logs = cepstra @ _cosines(frequency_hz, shift_semitones) + _edges(frequency_hz)
    return np.asarray(np.exp(logs), np.float32)


@lru_cache(maxsize=16)
def breath_weights(shift_semitones: float) -> Signal:
    """Return how the four bands of breath are mixed at each bin, shape (4, BINS)."""
    frequency_hz = np.arange(BINS) * (SAMPLE_RATE / GRAIN) / 2.0 ** (shift_semitones / 12.0)
    edges = np.array(BREATH_EDGES_HZ)
    middles = (edges[1:] + edges[:-1]) / 2
    rows = [np.interp(frequency_hz, middles, one) for one in np.eye(len(middles))]
    assert edges[-1] == SPEECH_NYQUIST_HZ
    return np.stack(rows).astype(np.float32)
