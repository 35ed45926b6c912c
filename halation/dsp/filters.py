"""Recursive filters with fixed coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from halation.dsp.automation import silent

__all__ = ["cascade", "doubled", "filtered", "half", "halved", "halves", "highpass", "lowpass"]

Signal = NDArray[np.float32]
Shape = Literal["lowpass", "highpass", "bandpass"]


def filtered(x: Signal, sample_rate: int, shape: Shape, cutoff_hz: Any, order: int = 2) -> Signal:
    """Filter a signal with a Butterworth filter.

    Parameters
    ----------
    x : np.ndarray [shape=(..., n)], float32
    sample_rate : int [Hz]
    shape : ``"lowpass"``, ``"highpass"`` or ``"bandpass"``
    cutoff_hz : float, or a pair for a band [Hz]
        Where the response is 3 dB down; kept below 0.49 of the sample rate.
    order : int > 0
        Slope of 6 dB/octave for each.

    Returns
    -------
    np.ndarray [shape=(..., n)], float32

    References
    ----------
    Butterworth, "On the theory of filter amplifiers", Wireless Engineer 7, 1930.

    Examples
    --------
    >>> step = np.ones((1, 4410), np.float32)
    >>> bool(abs(filtered(step, 44100, "lowpass", 500.0)[0, -1] - 1) < 1e-3)
    True
    """
    from scipy.signal import butter

    edges = np.clip(np.asarray(cutoff_hz, dtype=np.float64), 1.0, 0.49 * sample_rate)
    sections = butter(order, edges, shape, fs=sample_rate, output="sos")
    state = np.zeros((len(sections), *x.shape[:-1], 2), np.float32)
    # Double precision inside the recursion would double the memory of a whole stem; above
    # 20 Hz second-order sections in single precision keep the noise under -110 dB.
    return cascade(sections.astype(np.float32), x, state)[0]


_KEEP_ALIVE = np.float32(1e-15)
_KEEP_ALIVE_STEP = 64


def cascade(sections: Signal, x: Signal, state: Signal) -> tuple[Signal, Signal]:
    """Run second-order sections over a block, at the same speed in silence.

    Parameters
    ----------
    sections : np.ndarray [shape=(sections, 6)], float32
    x : np.ndarray [shape=(..., n)], float32
    state : np.ndarray [shape=(sections, ..., 2)], float32
        Zeros, or what the block before has left.

    Returns
    -------
    tuple of np.ndarray
        The filtered block and the new state.

    Notes
    -----
    A filter that rings down in silence ends among denormal numbers, where a processor is many
    times slower. A pulse train 300 dB under full scale keeps it out of them.

    Examples
    --------
    >>> one = np.array([[1, 0, 0, 1, -0.5, 0]], np.float32)
    >>> x = np.array([1, 0, 0], np.float32)
    >>> cascade(one, x, np.zeros((1, 2), np.float32))[0].tolist()
    [1.0, 0.5, 0.25]
    """
    from scipy.signal import sosfilt

    alive = x.copy()
    alive[..., ::_KEEP_ALIVE_STEP] += _KEEP_ALIVE
    y, left = sosfilt(sections, alive, zi=state)
    return y, left


def lowpass(x: Signal, sample_rate: int, cutoff_hz: float, order: int = 2) -> Signal:
    """Low-pass; see :func:`filtered`."""
    return filtered(x, sample_rate, "lowpass", cutoff_hz, order)


def highpass(x: Signal, sample_rate: int, cutoff_hz: float, order: int = 2) -> Signal:
    """High-pass; see :func:`filtered`."""
    return filtered(x, sample_rate, "highpass", cutoff_hz, order)


_HALF_BAND = (150 / 512, -25 / 512, 3 / 512)
"""Side taps of the 11-tap half-band filter (Lagrange interpolation of order 5)."""
_BLOCK = 32_768


def halved(x: Signal) -> Signal:
    """Resample to half the rate.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32

    Returns
    -------
    np.ndarray [shape=(channels, ceil(n / 2))], float32
        What lies above three quarters of the new rate's half folds back, 20 dB or more down.

    References
    ----------
    Goodman and Carey, "Nine digital filters for decimation and interpolation", IEEE Trans. ASSP
    25(2), 1977.

    Examples
    --------
    >>> halved(np.ones((1, 64), np.float32))[0, 8:12].tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    channels, n = x.shape
    out = np.zeros((channels, -(-n // 2)), np.float32)
    for start, block in halves(x):
        out[:, start : start + block.shape[1]] = block
    return out


def halves(x: Signal) -> Iterator[tuple[int, Signal]]:
    """Resample to half the rate, block by block; see :func:`halved`.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32

    Yields
    ------
    tuple of int and np.ndarray [shape=(channels, up to 32768)], float32
        Where a block starts in the result, and the block, which is the caller's; silent ones are
        left out.

    Examples
    --------
    >>> [(start, block.shape) for start, block in halves(np.ones((1, 100_000), np.float32))]
    [(0, (1, 32768)), (32768, (1, 17232))]
    """
    size = -(-x.shape[1] // 2)
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        if not silent(x[:, max(2 * start - 5, 0) : 2 * stop + 5]):
            yield start, half(x, start, stop)


def half(x: Signal, start: int, stop: int) -> Signal:
    """Resample a stretch to half the rate; see :func:`halved`.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    start, stop : int >= 0
        Samples of the result; they depend on ``x[:, 2 * start - 5 : 2 * stop + 5]``.

    Returns
    -------
    np.ndarray [shape=(channels, stop - start)], float32
        The caller's own.

    Examples
    --------
    >>> half(np.ones((1, 64), np.float32), 8, 10).tolist()
    [[1.0, 1.0]]
    """
    # odd[i] is x[2 (start + i) - 5]; some of them lie before the beginning of the signal.
    found = x[:, max(2 * start - 5, 1) : 2 * stop + 5 : 2]
    width = stop - start
    odd = np.zeros((x.shape[0], width + 5), np.float32)
    offset = max(3 - start, 0)
    odd[:, offset : offset + found.shape[1]] = found[:, : odd.shape[1] - offset]
    block = np.multiply(x[:, 2 * start : 2 * stop : 2], np.float32(0.5), dtype=np.float32)
    for tap, weight in enumerate(_HALF_BAND):
        pair = odd[:, 3 + tap : 3 + tap + width] + odd[:, 2 - tap : 2 - tap + width]
        pair *= np.float32(weight)
        block += pair
    return block


def doubled(x: Signal, n_samples: int) -> Signal:
    """Resample to twice the rate.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, m)], float32
    n_samples : int, 2 m or 2 m - 1
        Length of the result.

    Returns
    -------
    np.ndarray [shape=(channels, n_samples)], float32

    Examples
    --------
    >>> x = np.sin(np.arange(64) / 5, dtype=np.float32)[None]
    >>> bool(np.max(np.abs(doubled(x, 128)[0, 20:100] - np.sin(np.arange(20, 100) / 10))) < 1e-4)
    True
    """
    channels, m = x.shape
    out = np.zeros((channels, n_samples), np.float32)
    for start in range(0, m, _BLOCK):
        stop = min(start + _BLOCK, m)
        low, high = max(start - 2, 0), min(stop + 3, m)
        if silent(x[:, low:high]):
            continue
        padded = np.zeros((channels, stop - start + 5), np.float32)
        padded[:, low - start + 2 : high - start + 2] = x[:, low:high]
        width = stop - start
        between = np.zeros((channels, width), np.float32)
        for tap, weight in enumerate(_HALF_BAND):
            pair = padded[:, 3 + tap : 3 + tap + width] + padded[:, 2 - tap : 2 - tap + width]
            pair *= np.float32(2 * weight)
            between += pair
        out[:, 2 * start : 2 * stop : 2] = x[:, start:stop]
        odd = out[:, 2 * start + 1 : 2 * stop : 2]
        odd[:] = between[:, : odd.shape[1]]
    return out
