"""Half and twice the rate, other times, and an octave."""

from __future__ import annotations

from ctypes import c_ssize_t, c_void_p

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops.levels import peak
from halation.dsp.loops.library import Signal, check_span, control_of, loop, rows_of

__all__ = [
    "add_twice",
    "halve",
    "lag",
    "octave",
]

_halve = loop("halve", c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
_add_twice = loop("add_twice", c_void_p, *[c_ssize_t] * 3, c_void_p, c_ssize_t)
_octave = loop(
    "octave", c_void_p, c_ssize_t, c_void_p, c_void_p, *[c_ssize_t] * 2, c_void_p, c_ssize_t
)
_lag = loop("lag", c_void_p, c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)


def halve(x: Signal, start: int, stop: int) -> Signal:
    """Return samples of a signal at half its rate; see :func:`halation.dsp.filters.halved`.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    start, stop : int in 0..ceil(n / 2)

    Returns
    -------
    np.ndarray [shape=(channels, stop - start)], float32

    Examples
    --------
    >>> halve(np.ones((1, 64), np.float32), 8, 10).tolist()
    [[1.0, 1.0]]
    """
    n = x.shape[-1]
    check_span(start, stop, -(-n // 2))
    out = np.empty((x.shape[0], stop - start), np.float32)
    for row, to in zip(rows_of(x), rows_of(out), strict=True):
        _halve(row, n, to, start, stop)
    return out


def add_twice(out: Signal, x: Signal, start: int = 0, stop: int | None = None) -> None:
    """Add a signal at twice its rate to ``out``.

    Parameters
    ----------
    out : np.ndarray [shape=(channels, n)], float32
        What would lie beyond its end is left out.
    x : np.ndarray [shape=(channels, m)], float32
    start, stop : int in 0..m
        Add only these samples of ``x``, from ``2 * start`` of ``out`` on; by default all.

    Examples
    --------
    >>> out = np.zeros((1, 128), np.float32)
    >>> add_twice(out, np.ones((1, 64), np.float32))
    >>> out[0, 20:23].tolist()
    [1.0, 1.0, 1.0]
    """
    n = x.shape[-1]
    stop = n if stop is None else stop
    check_span(start, stop, n)
    for to, row in zip(rows_of(out, written=True), rows_of(x), strict=True):
        _add_twice(row, n, start, stop, to, out.shape[-1])


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
    at = control_of(control, n, hop)
    if hop % row or not peak(control[: -(-n // hop) + 1]) + 3.0 <= reach:
        raise ValueError(f"a reach of {reach} samples is too short for such a lag")
    for source, to in zip(rows_of(x), rows_of(out, written=True), strict=True):
        _lag(source + reach * x.itemsize, to, n, at, hop, row)


def octave(x: Signal, starts: NDArray[np.int64], hop: int, window: Signal) -> Signal:
    """Play a signal at twice its speed in grains that overlap.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    starts : np.ndarray [shape=(grains,)], int64 [samples]
        Where each grain begins to read; beyond the ends of ``x`` is silence.
    hop : int > 0 [samples]
        Grain k sounds from ``k * hop`` on.
    window : np.ndarray [shape=(grain,)], float32

    Returns
    -------
    np.ndarray [shape=(channels, n)], float32

    Examples
    --------
    >>> x, window = np.arange(8, dtype=np.float32)[None], np.ones(2, np.float32)
    >>> octave(x, np.array([0, 3, -1, 7]), 2, window).tolist()
    [[0.0, 2.0, 3.0, 5.0, 0.0, 1.0, 7.0, 0.0]]
    """
    n = x.shape[-1]
    if starts.dtype != np.int64 or starts.ndim != 1 or not starts.flags.c_contiguous or hop < 1:
        raise ValueError(f"places in samples are needed, not {starts.dtype} {starts.shape}")
    out = np.zeros(x.shape, np.float32)
    (shape,) = rows_of(window.reshape(1, -1))
    for row, to in zip(rows_of(x), rows_of(out), strict=True):
        _octave(row, n, to, starts.ctypes.data, len(starts), hop, shape, len(window))
    return out
