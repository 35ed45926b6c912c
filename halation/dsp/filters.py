"""Recursive filters with fixed coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import silent

__all__ = [
    "butterworth",
    "cascade",
    "doubled",
    "filtered",
    "halved",
    "halves",
    "highpass",
    "lowpass",
]

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
    sections = butterworth(order, cutoff_hz, shape, sample_rate)
    state = np.zeros((len(sections), *x.shape[:-1], 2), np.float32)
    return cascade(sections, x, state)[0]


def butterworth(order: int, cutoff_hz: Any, shape: Shape, sample_rate: int) -> Signal:
    """Design a Butterworth filter as second-order sections.

    Parameters
    ----------
    order, cutoff_hz, shape, sample_rate
        As in :func:`filtered`.

    Returns
    -------
    np.ndarray [shape=(sections, 6)], float32
        Each section alone passes the middle of what is let through at unity.

    References
    ----------
    Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd ed., 2010, section 7.2
    (bilinear transform).

    Examples
    --------
    >>> butterworth(1, 11_025.0, "lowpass", 44_100).round(3).tolist()
    [[0.5, 0.5, 0.0, 1.0, -0.0, 0.0]]
    """
    edges = np.clip(np.atleast_1d(np.asarray(cutoff_hz, dtype=np.float64)), 1.0, 0.49 * sample_rate)
    warped = np.tan(np.pi * edges / sample_rate)
    poles = np.exp(1j * np.pi * (2 * np.arange(order) + order + 1) / (2 * order))
    if shape == "bandpass":
        middle, half_width = np.sqrt(warped[0] * warped[1]), (warped[1] - warped[0]) / 2.0
        apart = np.sqrt((poles * half_width) ** 2 - middle**2)
        poles = np.concatenate((poles * half_width + apart, poles * half_width - apart))
        unity = np.exp(2j * np.arctan(middle))
    else:
        poles = poles * warped[0] if shape == "lowpass" else warped[0] / poles
        unity = 1.0 if shape == "lowpass" else -1.0
    poles = (1.0 + poles) / (1.0 - poles)
    zeros = {"lowpass": (-1.0, -1.0), "highpass": (1.0, 1.0), "bandpass": (1.0, -1.0)}[shape]
    real = np.sort(poles[np.abs(poles.imag) < 1e-10].real)
    pairs = [np.array([pole, pole.conj()]) for pole in poles if pole.imag >= 1e-10]
    pairs += [real[at : at + 2] for at in range(0, len(real), 2)]
    sections = np.zeros((len(pairs), 6))
    for row, pair in zip(sections, sorted(pairs, key=lambda p: abs(p[0])), strict=True):
        above, below = np.poly(zeros[: len(pair)]), np.poly(pair).real
        row[: len(above)] = above * abs(np.polyval(below, unity) / np.polyval(above, unity))
        row[3 : 3 + len(below)] = below
    return sections.astype(np.float32)


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
    left = np.array(np.moveaxis(state, 0, -2), np.float32, order="C")
    rows = np.asarray(x, np.float32).reshape(-1, x.shape[-1])
    y = loops.cascade(sections, rows, left.reshape(len(rows), 2 * len(sections)))
    return y.reshape(x.shape), np.moveaxis(left, -2, 0)


def lowpass(x: Signal, sample_rate: int, cutoff_hz: float, order: int = 2) -> Signal:
    """Low-pass; see :func:`filtered`."""
    return filtered(x, sample_rate, "lowpass", cutoff_hz, order)


def highpass(x: Signal, sample_rate: int, cutoff_hz: float, order: int = 2) -> Signal:
    """High-pass; see :func:`filtered`."""
    return filtered(x, sample_rate, "highpass", cutoff_hz, order)


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
            yield start, loops.halve(x, start, stop)


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
    out = np.zeros((x.shape[0], n_samples), np.float32)
    loops.add_twice(out, x)
    return out
