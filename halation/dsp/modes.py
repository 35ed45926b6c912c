"""Sounds that ring by themselves: struck modes and the partials of plucked strings."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from halation.dsp.oscillators import TOP_HZ

__all__ = ["modal", "string_modes"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

INAUDIBLE: Final = 10 ** (-80 / 20)
"""A mode of a struck sound ends where it is this far below the whole sound's start."""


def modal(
    frequencies_hz: ArrayLike,
    t60_s: ArrayLike,
    amplitudes: ArrayLike,
    phases: ArrayLike,
    *,
    n: int,
    sample_rate: int,
) -> Signal:
    """Sum decaying sines: everything that is struck, plucked or blown once.

    A sum of damped sines at sample ``hop * k + j`` factors into a function of k and one of j, so
    the whole sound is one matrix product.

    Parameters
    ----------
    frequencies_hz, t60_s : array_like [shape=(modes,)]
        Frequency and time to fall by 60 dB; modes above :data:`TOP_HZ` are left out.
    amplitudes : array_like [shape=(2, modes)]
        Peak amplitude in each channel at the start.
    phases : array_like [shape=(modes,) or (2, modes)]
        Radians; 0 starts as a sine.
    n : int
        Length in samples.
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(2, n)], float32
        Each mode down to 80 dB under the whole.

    References
    ----------
    Adrien, "The missing link: modal synthesis", in Representations of Musical Signals, 1991.

    Examples
    --------
    >>> tone = modal([441.0], [1.0], [[1.0], [0.5]], [0.0], n=44100, sample_rate=44100)
    >>> round(float(tone[0, 25]), 2), bool(abs(tone[0, 44025]) < 1.1e-3)
    (1.0, True)
    """
    frequency = np.asarray(frequencies_hz, np.float64)
    gains = np.asarray(amplitudes, np.float64)
    fall = np.log(1000.0) / np.asarray(t60_s, np.float64)
    # How long each can be heard under the whole: most partials are gone long before the last.
    share = gains.max(axis=0) / max(float(gains.sum(axis=1).max(initial=0.0)), 1e-20)
    ends = sample_rate * np.log(np.maximum(share / INAUDIBLE, 1e-20)) / fall
    ends[frequency >= TOP_HZ] = 0
    order = np.argsort(-ends)[: np.count_nonzero(ends > 0)]
    rate = (2j * np.pi * frequency[order] - fall[order]) / sample_rate
    starts = gains[:, order] * np.exp(1j * (np.asarray(phases, np.float64)[..., order] - np.pi / 2))
    hop = max(16, int(np.sqrt(n)))
    blocks = -(-n // hop)
    inner = _powers(rate, hop).astype(np.complex64)
    outer = (starts[:, None, :] * _powers(rate * hop, blocks).T).astype(np.complex64)
    outer[np.abs(outer.real) + np.abs(outer.imag) < 1e-9] = 0  # denormal numbers are slow
    out = np.zeros((2, blocks, hop), np.float32)
    first = 0
    for parts in (16, 8, 4, 2, 1):
        last = blocks // parts
        heard = int(np.count_nonzero(ends[order] > first * hop))
        if last > first and heard:
            rows = outer[:, first:last, :heard]
            left = np.concatenate((rows.real, -rows.imag), axis=-1)
            right = np.concatenate((inner.real[:heard], inner.imag[:heard]), axis=0)
            for side, sound in zip(left, out, strict=True):
                np.matmul(side, right, out=sound[first:last])
        first = last
    return np.asarray(out.reshape(2, -1)[:, :n])


def _powers(rate: NDArray[np.complex128], count: int) -> NDArray[np.complex128]:
    """Return ``exp(rate * k)`` for k below ``count`` [shape=(modes, count)] by few exponentials."""
    side = int(np.ceil(np.sqrt(count)))
    fine = np.exp(rate[:, None] * np.arange(side))
    coarse = np.exp(rate[:, None] * (side * np.arange(side)))
    return (coarse[:, :, None] * fine[:, None, :]).reshape(len(rate), side * side)[:, :count]


def string_modes(
    frequency_hz: float,
    *,
    position: float,
    t60_s: float,
    loss: float,
    stiffness: float = 0.0,
    limit: int = 40,
) -> tuple[Values, Values, Values]:
    """Return the partials of a plucked string: the closed form of a Karplus–Strong loop.

    A loop with the low-pass ``1 - loss + loss * cos`` and a flat gain loses, in every period, a
    known share of every harmonic; so each partial's decay is known and its tuning exact.

    Parameters
    ----------
    frequency_hz : float [Hz]
    position : float in 0..1
        Where the string is plucked; 0.5 has odd harmonics only.
    t60_s : float > 0 [s]
        Decay of the fundamental.
    loss : float in 0..1
        How much faster high partials fade: damping per period of a partial at 5 kHz.
    stiffness : float >= 0
        Inharmonicity coefficient B: partial k lies at ``k f sqrt(1 + B k²) / sqrt(1 + B)``.
    limit : int
        Greatest number of partials.

    Returns
    -------
    tuple of np.ndarray [shape=(partials,)]
        Frequencies in Hz, decays T60 in seconds, amplitudes (the greatest is 1).

    References
    ----------
    Karplus and Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2), 1983. Jaffe and Smith, "Extensions of the Karplus-Strong algorithm", same issue.

    Examples
    --------
    >>> f, t60, gain = string_modes(220.0, position=0.5, t60_s=2.0, loss=0.05)
    >>> [round(v) for v in f[:3]], bool(t60[0] > t60[2]), bool(gain[1] < 1e-9)
    ([220, 440, 660], True, True)
    """
    k = np.arange(1, limit + 1, dtype=np.float64)
    frequencies = k * frequency_hz * np.sqrt((1 + stiffness * k**2) / (1 + stiffness))
    frequencies = frequencies[frequencies < TOP_HZ]
    k = k[: len(frequencies)]
    damping = 1 - loss * (1 - np.cos(np.pi * np.minimum(frequencies / 10_000.0, 1.0)))
    relative = np.log(np.maximum(damping, 1e-3)) - np.log(damping[0])
    per_period = -np.log(1000.0) / (t60_s * frequency_hz) + relative
    decays = -np.log(1000.0) / (per_period * frequency_hz)
    gains = np.abs(np.sin(np.pi * k * position)) / k
    return frequencies, decays, gains / gains.max()
