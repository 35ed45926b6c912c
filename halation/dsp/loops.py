"""The compiled inner loops (``loops.c``): what runs over every sample of a song.

Everything else in halation is numpy. These few are C because numpy goes through memory once for
every operation, and a song's length of samples does not fit the cache. They let go of the
interpreter while they work.
"""

from __future__ import annotations

import ctypes
from ctypes import c_float, c_int, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["add", "below", "blend", "finite", "halve", "lag", "pcm", "peak", "ride", "twice"]

Signal = NDArray[np.float32]


def _library() -> ctypes.CDLL:
    for suffix in (".so", ".dylib", ".dll"):
        built = Path(__file__).with_name(f"libloops{suffix}")
        if built.is_file():
            return ctypes.CDLL(str(built))
    raise ImportError(
        f"{Path(__file__).with_suffix('.c')} has not been compiled; "
        "install halation with pip (in its own folder: pip install -e .)"
    )


_LOOPS = _library()


def _loop(name: str, *arguments: Any, result: Any = None) -> Any:
    function = getattr(_LOOPS, name)
    function.argtypes, function.restype = arguments, result
    return function


_finite = _loop("finite", c_void_p, c_ssize_t, result=c_int)
_peak = _loop("peak", c_void_p, c_ssize_t, result=c_float)
_below = _loop("below", c_void_p, c_ssize_t, c_float, result=c_int)
_ride = _loop("ride", c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t)
_add = _loop("add", c_void_p, c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t)
_blend = _loop("blend", *[c_void_p] * 2, *[c_ssize_t] * 2, *[c_void_p] * 4, c_ssize_t)
_halve = _loop("halve", c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
_twice = _loop("twice", c_void_p, c_ssize_t, c_void_p, c_ssize_t)
_lag = _loop("lag", c_void_p, c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
_pcm = {bits: _loop(f"pcm{bits}", c_void_p, c_ssize_t, c_void_p, c_ssize_t) for bits in (16, 24)}


def _rows(x: Signal) -> list[int]:
    """Return where each row of an array begins in memory."""
    if x.dtype != np.float32 or (x.shape[-1] > 1 and x.strides[-1] != x.itemsize):
        raise ValueError(f"rows of float32 without gaps are needed, not {x.dtype} {x.strides}")
    first: int = x.ctypes.data
    if x.ndim == 1:
        return [first]
    if x.ndim != 2:
        raise ValueError(f"one row or several are needed, not {x.shape}")
    return [first + row * x.strides[0] for row in range(x.shape[0])]


def _control(control: Signal, stop: int, hop: int) -> int:
    """Return where a control begins that reaches beyond ``stop``."""
    if control.ndim != 1 or len(control) < -(-stop // hop) + 1:
        raise ValueError(f"{stop} samples at a hop of {hop} need more than {control.shape} values")
    return _rows(control)[0]


def _span(start: int, stop: int, n: int) -> None:
    if not 0 <= start <= stop <= n:
        raise ValueError(f"{start} to {stop} does not lie within {n} samples")


def finite(x: Signal) -> bool:
    """Whether every sample is a number.

    Examples
    --------
    >>> finite(np.ones((2, 9), np.float32)), finite(np.array([1.0, np.nan], np.float32))
    (True, False)
    """
    return all(_finite(row, x.shape[-1]) for row in _rows(x))


def peak(x: Signal) -> float:
    """Return the largest magnitude.

    Examples
    --------
    >>> peak(np.array([[0.5, -2.0], [1.0, 0.0]], np.float32))
    2.0
    """
    return float(max((_peak(row, x.shape[-1]) for row in _rows(x)), default=0.0))


def below(x: Signal, level: float) -> bool:
    """Whether no sample's magnitude reaches ``level``; quick where one does.

    Examples
    --------
    >>> below(np.zeros(9, np.float32), 1e-6), below(np.ones(9, np.float32), 1e-6)
    (True, False)
    """
    return all(_below(row, x.shape[-1], level) for row in _rows(x))


def ride(x: Signal, control: Signal, hop: int, start: int = 0, stop: int | None = None) -> None:
    """Multiply a stretch by a control, in place.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n) or (n,)], float32
    control : np.ndarray [shape=(ceil(stop / hop) + 1 or more,)], float32
    hop : int > 0
        Samples between two values.
    start, stop : int
        The stretch; by default all.

    Raises
    ------
    ValueError
        If the control is too short, or an array is not float32.

    Examples
    --------
    >>> x = np.ones((1, 4), np.float32)
    >>> ride(x, np.array([0.0, 1.0, 3.0], np.float32), 2)
    >>> x.tolist()
    [[0.0, 0.5, 1.0, 2.0]]
    """
    stop = x.shape[-1] if stop is None else stop
    _span(start, stop, x.shape[-1])
    at = _control(control, stop, hop)
    for row in _rows(x):
        _ride(row, start, stop, at, hop)


def add(out: Signal, x: Signal, control: Signal, hop: int, start: int) -> None:
    """Add ``x`` times a control to ``out``, from ``start`` on.

    Parameters
    ----------
    out : np.ndarray [shape=(channels, n)], float32
    x : np.ndarray [shape=(channels or 1, m)], float32
        One row goes to all channels.
    control : np.ndarray [shape=(ceil((start + m) / hop) + 1 or more,)], float32
    hop : int > 0
    start : int >= 0

    Examples
    --------
    >>> out = np.ones((2, 4), np.float32)
    >>> add(out, np.ones((1, 2), np.float32), np.array([0.0, 1.0, 3.0], np.float32), 2, 2)
    >>> out[1].tolist()
    [1.0, 1.0, 2.0, 3.0]
    """
    stop = start + x.shape[-1]
    _span(start, stop, out.shape[-1])
    at = _control(control, stop, hop)
    rows, sources = _rows(out), _rows(x)
    if len(sources) not in (1, len(rows)):
        raise ValueError(f"{x.shape} cannot be added to {out.shape}")
    for index, row in enumerate(rows):
        _add(row, sources[index % len(sources)], start, stop, at, hop)


def blend(
    x: Signal, ways: tuple[Signal, Signal, Signal, Signal], hop: int, start: int, stop: int
) -> None:
    """Send two channels through a matrix that moves, in place.

    Parameters
    ----------
    x : np.ndarray [shape=(2, n)], float32
    ways : four controls
        From left to left and from right to left, from right to right and from left to right.
    hop : int > 0
    start, stop : int >= 0 [samples]

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    >>> whole, half = np.ones(3, np.float32), np.full(3, 0.5, np.float32)
    >>> blend(x, (whole, half, whole, 0 * half), 1, 0, 2)
    >>> x.tolist()
    [[2.5, 4.0], [3.0, 4.0]]
    """
    _span(start, stop, x.shape[-1])
    left, right = _rows(x)
    _blend(left, right, start, stop, *(_control(way, stop, hop) for way in ways), hop)


def halve(x: Signal, start: int, stop: int) -> Signal:
    """Return samples ``start`` to ``stop`` of a signal at half its rate.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    start, stop : int in 0..ceil(n / 2)

    Returns
    -------
    np.ndarray [shape=(channels, stop - start)], float32

    References
    ----------
    Goodman and Carey, "Nine digital filters for decimation and interpolation", IEEE Trans. ASSP
    25(2), 1977.

    Examples
    --------
    >>> halve(np.ones((1, 64), np.float32), 8, 10).tolist()
    [[1.0, 1.0]]
    """
    n = x.shape[-1]
    _span(start, stop, -(-n // 2))
    out = np.empty((x.shape[0], stop - start), np.float32)
    for row, to in zip(_rows(x), _rows(out), strict=True):
        _halve(row, n, to, start, stop)
    return out


def twice(x: Signal, out: Signal) -> None:
    """Write a signal at twice its rate into ``out``.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, m)], float32
    out : np.ndarray [shape=(channels, 2 m or 2 m - 1)], float32

    Examples
    --------
    >>> out = np.empty((1, 128), np.float32)
    >>> twice(np.ones((1, 64), np.float32), out)
    >>> out[0, 20:23].tolist()
    [1.0, 1.0, 1.0]
    """
    n, n_out = x.shape[-1], out.shape[-1]
    if 2 * n - n_out not in (0, 1):
        raise ValueError(f"{n} samples become {2 * n}, not {n_out}")
    for row, to in zip(_rows(x), _rows(out), strict=True):
        _twice(row, n, to, n_out)


def lag(x: Signal, control: Signal, hop: int, row: int, out: Signal) -> None:
    """Read a signal late by a lag that moves, interpolated over five samples (Lagrange).

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n + 2 * reach)], float32
        Reaches to both sides of what is read, by three samples more than the largest lag.
    control : np.ndarray [shape=(ceil(n / hop) + 1 or more,)], float32 [samples]
        Negative values read ahead.
    hop : int, a multiple of ``row``
    row : int > 0
        So many samples share the whole part of their lag.
    out : np.ndarray [shape=(channels, n)], float32

    Raises
    ------
    ValueError
        If ``x`` does not reach far enough.

    References
    ----------
    Laakso et al., "Splitting the unit delay", IEEE Signal Processing Magazine 13(1), 1996.

    Examples
    --------
    >>> x, out = np.arange(20, dtype=np.float32)[None], np.empty((1, 8), np.float32)
    >>> lag(x, np.full(3, 1.5, np.float32), 4, 4, out)
    >>> out[0, :3].tolist()
    [4.5, 5.5, 6.5]
    """
    n = out.shape[-1]
    reach = (x.shape[-1] - n) // 2
    at = _control(control, n, hop)
    if hop % row or peak(control[: -(-n // hop) + 1]) + 3.0 > reach:
        raise ValueError(f"a reach of {reach} samples is too short for such a lag")
    for source, to in zip(_rows(x), _rows(out), strict=True):
        _lag(source + reach * x.itemsize, to, n, at, hop, row)


def pcm(x: Signal, bits: Literal[16, 24]) -> NDArray[np.uint8]:
    """Return samples as the bytes of a sound file: whole numbers, channels in turn, rounded.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        What is beyond full scale is clipped.
    bits : 16 or 24
        Full scale is 32767 for 16 bits; for 24 it is 2³¹, of which the lowest byte is left out.

    Returns
    -------
    np.ndarray [shape=(n * channels * bits / 8,)], uint8
        Lowest byte first.

    Examples
    --------
    >>> pcm(np.array([[1.0, 0.0], [-2.0, 0.5]], np.float32), 16).view("<i2").tolist()
    [32767, -32768, 0, 16384]
    """
    if bits not in _pcm:
        raise ValueError(f"samples are written with 16 or 24 bits, not {bits}")
    n, width = x.shape[-1], bits // 8
    rows = _rows(x)
    out = np.empty(n * len(rows) * width, np.uint8)
    for channel, row in enumerate(rows):
        _pcm[bits](row, n, out.ctypes.data + channel * width, len(rows) * width)
    return out
