"""Level that follows the signal: compressor, saturation and limiter.

Gains are worked out at control rate, in dB, before anything is multiplied; they are applied with
:func:`halation.dsp.automation.apply_gain`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loudness import PEAK_BLOCK

__all__ = [
    "LIMITER_HOP",
    "compressor_gain_db",
    "hop_levels_db",
    "knee_for",
    "limiter_gain_db",
    "saturate",
]

Signal = NDArray[np.float32]

LIMITER_HOP: Final = PEAK_BLOCK
"""Samples between two values of :func:`limiter_gain_db`."""

_FLOOR = 1e-12
_CACHE_SAMPLES = 32_768


def hop_levels_db(x: Signal, hop: int) -> Signal:
    """Measure the level of every hop, all channels together.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    hop : int > 0 [samples]

    Returns
    -------
    np.ndarray [shape=(ceil(n / hop),)], float32
        RMS in dB full scale, -120 or more.

    Examples
    --------
    >>> hop_levels_db(np.full((2, 600), 0.1, np.float32), 256).round(1).tolist()
    [-20.0, -20.0, -20.0]
    """
    channels, n_samples = x.shape
    whole = n_samples // hop
    rows = x[:, : whole * hop].reshape(channels, whole, hop)
    energy = np.einsum("cij,cij->i", rows, rows) / np.float32(hop * channels)
    if whole * hop < n_samples:
        rest = x[:, whole * hop :]
        energy = np.append(energy, np.einsum("ci,ci->", rest, rest) / np.float32(rest.size))
    return np.asarray(10.0 * np.log10(np.maximum(energy, _FLOOR)), dtype=np.float32)


def compressor_gain_db(
    level_db: Signal,
    hop_s: float,
    *,
    threshold_db: float,
    ratio: float = 2.0,
    attack_s: float = 0.03,
    release_s: float = 0.25,
    knee_db: float = 6.0,
    before_db: float = 0.0,
) -> Signal:
    """Work out the gain of a feed-forward compressor with a soft knee.

    Parameters
    ----------
    level_db : np.ndarray [shape=(hops,)], float32 [dB]
        As :func:`hop_levels_db` returns it.
    hop_s : float > 0 [s]
    threshold_db : float [dB]
    ratio : float >= 1
    attack_s, release_s : float > 0 [s]
        Time constants of the gain's way down and up.
    knee_db : float > 0 [dB]
        Width of the bend around the threshold.
    before_db : float <= 0 [dB]
        The gain that the stretch before has ended with.

    Returns
    -------
    np.ndarray [shape=(hops + 1,)], float32 [dB]
        Gain at the hops' edges, at most 0.

    References
    ----------
    Giannoulis, Massberg and Reiss, "Digital dynamic range compressor design", J. Audio Eng. Soc.
    60(6), 2012 (smooth decoupled branch).

    Examples
    --------
    >>> gain = compressor_gain_db(np.full(400, -10, np.float32), 0.01, threshold_db=-20, ratio=2)
    >>> round(float(gain[0]), 1), round(float(gain[-1]), 1)
    (0.0, -5.0)
    """
    over = np.asarray(level_db, dtype=np.float64) - threshold_db
    bent = np.where(
        over >= knee_db / 2,
        over,
        np.where(over <= -knee_db / 2, 0.0, (over + knee_db / 2) ** 2 / (2.0 * knee_db)),
    )
    wanted = (1.0 / ratio - 1.0) * bent
    down, up = (1.0 - float(np.exp(-hop_s / time)) for time in (attack_s, release_s))
    gain = before_db
    smoothed = [gain]
    for aim in wanted.tolist():  # a few hundred steps a second: 5 ms for a song
        gain += (down if aim < gain else up) * (aim - gain)
        smoothed.append(gain)
    return np.asarray(smoothed, dtype=np.float32)


def knee_for(peak: float, reduction_db: float) -> float:
    """Return the knee at which :func:`saturate` lowers a peak by so much.

    Parameters
    ----------
    peak : float > 0
        Magnitude of the peak.
    reduction_db : float > 0 [dB]

    Examples
    --------
    >>> x = np.array([[0.8]], np.float32)
    >>> saturate(x, knee_for(0.8, 1.5))
    >>> round(20 * float(np.log10(x[0, 0] / 0.8)), 2)
    -1.5
    """
    return peak / float(np.sqrt(10.0 ** (reduction_db / 10.0) - 1.0))


def saturate(x: Signal, knee: float) -> None:
    """Round the peaks off as tape does, in place: ``x / sqrt(1 + (x / knee)²)``.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        Changed in place. Quiet sound passes; at ``knee`` the loss is 3 dB. The curve is odd and
        smooth: no DC, and harmonics that fall fast enough to need no oversampling at 1-3 dB.
    knee : float > 0

    Examples
    --------
    >>> x = np.array([[0.01, 1.0, -1.0]], np.float32)
    >>> saturate(x, 1.0)
    >>> x.round(3).tolist()
    [[0.009999999776482582, 0.7070000171661377, -0.7070000171661377]]
    """
    square = np.float32(1.0 / (knee * knee))

    def bend(channel: Signal) -> None:
        for start in range(0, len(channel), _CACHE_SAMPLES):
            block = channel[start : start + _CACHE_SAMPLES]
            loss = block * block
            loss *= square
            loss += np.float32(1.0)
            np.sqrt(loss, out=loss)
            block /= loss

    for channel in x:
        bend(channel)


def limiter_gain_db(
    over_db: Signal,
    sample_rate: int,
    *,
    lookahead_s: float = 0.003,
    release_db_per_s: float = 30.0,
) -> Signal:
    """Work out the gain of a look-ahead limiter.

    Parameters
    ----------
    over_db : np.ndarray [shape=(blocks,)], float32 [dB]
        How far each block of 32 samples rises over the ceiling (negative: it stays under it).
    sample_rate : int [Hz]
    lookahead_s : float > 0 [s]
        The gain begins to fall this long before a peak, along a Hann window.
    release_db_per_s : float > 0 [dB/s]
        How fast it comes back.

    Returns
    -------
    np.ndarray [shape=(blocks + 1,)], float32 [dB]
        Gain at the blocks' edges, at most 0. Everywhere between two of them the straight line
        lies at or below what the block needs.

    Examples
    --------
    >>> over = np.full(3000, -6.0, np.float32)
    >>> over[1000] = 2.0
    >>> gain = limiter_gain_db(over, 44100)
    >>> round(float(gain[1000]), 2), float(gain[900]), round(float(gain[2500]), 2)
    (-2.0, 0.0, 0.0)
    """
    from scipy.ndimage import convolve1d, minimum_filter1d

    need = np.minimum(-np.asarray(over_db, dtype=np.float32), 0.0)
    edges = np.minimum(np.append(need, np.float32(0.0)), np.insert(need, 0, np.float32(0.0)))
    if not edges.any():
        return np.asarray(edges, dtype=np.float32)
    fall = release_db_per_s * LIMITER_HOP / sample_rate
    line = np.arange(len(edges)) * fall
    held = np.minimum.accumulate(edges - line) + line
    reach = max(1, round(lookahead_s * sample_rate / LIMITER_HOP / 2))
    lowest = minimum_filter1d(np.minimum(held, 0.0), 2 * reach + 1, mode="nearest")
    window = np.hanning(2 * reach + 3)[1:-1]
    smoothed = convolve1d(lowest, window / window.sum(), mode="nearest")
    return np.asarray(np.minimum(smoothed, edges), dtype=np.float32)
