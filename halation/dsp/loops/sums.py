"""Sounds added to a sum, times a gain."""

from __future__ import annotations

from ctypes import c_float, c_ssize_t, c_void_p

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops.library import Signal, check_span, control_of, loop, rows_of

__all__ = ["MOST", "STEPS", "add_loop", "add_loops", "place", "send"]

STEPS = 2.0**22
MOST = 30.0
"""Seventeen parts that are clipped here do not overflow."""

_send = loop("send", c_void_p, c_void_p, *[c_ssize_t] * 2, c_void_p, c_ssize_t, c_float, c_float)
_place = loop("place", c_void_p, c_void_p, c_ssize_t, c_float, c_void_p, c_ssize_t)
_add_loops = loop(
    "add_loops", c_void_p, c_ssize_t, *[c_void_p, *[c_ssize_t] * 2, c_void_p] * 2, c_ssize_t
)
_add_loop = loop("add_loop", c_void_p, c_ssize_t, c_void_p, *[c_ssize_t] * 2, c_void_p, c_ssize_t)


def send(sums: NDArray[np.int32], x: Signal, control: Signal, hop: int, start: int) -> None:
    """Add ``x`` times a control to whole numbers, which add up to the same in any order.

    Parameters
    ----------
    sums : np.ndarray [shape=(channels, n)], int32
        In :data:`STEPS` to full scale.
    x : np.ndarray [shape=(channels or 1, m)], float32
        One row goes to all channels; clipped at :data:`MOST` times full scale.
    control : np.ndarray [shape=(ceil((start + m) / hop) + 1 or more,)], float32
    hop : int > 0
    start : int >= 0

    Examples
    --------
    >>> sums = np.zeros((2, 4), np.int32)
    >>> send(sums, np.ones((1, 2), np.float32), np.array([0.0, 1.0, 3.0], np.float32), 2, 2)
    >>> (sums[1] / STEPS).tolist()
    [0.0, 0.0, 1.0, 2.0]
    """
    if sums.dtype != np.int32:
        raise ValueError(f"whole numbers are needed, not {sums.dtype}")
    stop = start + x.shape[-1]
    check_span(start, stop, sums.shape[-1])
    at = control_of(control, stop, hop)
    rows, sources = rows_of(sums.view(np.float32), written=True), rows_of(x)
    if len(sources) not in (1, len(rows)):
        raise ValueError(f"{x.shape} cannot be added to {sums.shape}")
    for index, row in enumerate(rows):
        source = sources[index % len(sources)]
        _send(row, source, start, stop, at, hop, STEPS, MOST * STEPS)


def place(
    out: Signal,
    x: Signal,
    start: int,
    gains: float | tuple[float, ...] = 1.0,
    fade: Signal | None = None,
) -> None:
    """Add ``x`` times a gain to ``out``, from ``start`` on.

    Parameters
    ----------
    out : np.ndarray [shape=(channels, n)], float32
        What would lie beyond its end is left out.
    x : np.ndarray [shape=(channels or 1, m)], float32
        One row goes to all channels.
    start : int >= 0
    gains : float, or one for each channel
    fade : np.ndarray [shape=(m or less,)], float32, optional
        More gains, of the last samples of ``x``.

    Examples
    --------
    >>> out = np.zeros((2, 4), np.float32)
    >>> place(out, np.ones((1, 3), np.float32), 0, (1.0, 0.5), np.array([0.5, 0.0], np.float32))
    >>> out.tolist()
    [[1.0, 0.5, 0.0, 0.0], [0.5, 0.25, 0.0, 0.0]]
    """
    rows, sources, m = rows_of(out, written=True), rows_of(x), x.shape[-1]
    each = gains if isinstance(gains, tuple) else (gains,) * len(rows)
    faded = 0 if fade is None else fade.shape[-1]
    if start < 0 or faded > m or len(sources) not in (1, len(rows)) or len(each) != len(rows):
        raise ValueError(f"{x.shape} cannot be added to {out.shape} at {start}")
    end = None if fade is None else rows_of(fade)[0]
    n = max(0, min(m, out.shape[-1] - start))
    for index, (row, gain) in enumerate(zip(rows, each, strict=True)):
        source = sources[index % len(sources)]
        _place(row + start * out.itemsize, source, n, gain, end, m - faded)


def add_loop(out: Signal, loop: Signal, place: int, control: Signal, hop: int) -> None:
    """Add a seamless loop times a control to ``out``.

    Parameters
    ----------
    out : np.ndarray [shape=(channels, n) or (n,)], float32
    loop : np.ndarray [shape=(channels, m) or (m,)], float32
    place : int >= 0
        Where in the loop to begin; it is read round and round.
    control : np.ndarray [shape=(ceil(n / hop) + 1 or more,)], float32
        Its first value is for the first sample of ``out``.
    hop : int > 0

    Examples
    --------
    >>> out = np.zeros(5, np.float32)
    >>> add_loop(out, np.array([1, 2, 3], np.float32), 1, np.ones(3, np.float32), 4)
    >>> out.tolist()
    [2.0, 3.0, 1.0, 2.0, 3.0]
    """
    n, m = out.shape[-1], loop.shape[-1]
    at = control_of(control, n, hop)
    if not m:
        raise ValueError("the loop is empty")
    for to, row in zip(rows_of(out, written=True), rows_of(loop), strict=True):
        _add_loop(to, n, row, m, place % m, at, hop)


def add_loops(
    out: Signal, loops: tuple[Signal, Signal], places: tuple[int, int], controls: Signal, hop: int
) -> None:
    """Add two seamless loops, each times a control, to ``out`` in one pass.

    Parameters
    ----------
    out : np.ndarray [shape=(n,)], float32
    loops : two np.ndarray [shape=(any length,)], float32
    places : two int >= 0
        Where in each loop to begin.
    controls : np.ndarray [shape=(2, ceil(n / hop) + 1 or more)], float32
    hop : int > 0

    Examples
    --------
    >>> out, pair = np.zeros(3, np.float32), (np.ones(2, np.float32), np.full(5, 3, np.float32))
    >>> add_loops(out, pair, (0, 0), np.array([[1, 1], [1, 1]], np.float32), 3)
    >>> out.tolist()
    [4.0, 4.0, 4.0]
    """
    n = out.shape[-1]
    if len(loops) != 2 or len(controls) != 2 or not all(x.ndim == 1 and len(x) for x in loops):
        raise ValueError("two loops that are not empty need two controls")
    arguments: list[int] = []
    for x, place, control in zip(loops, places, controls, strict=True):
        at = control_of(control, n, hop)
        arguments += (*rows_of(x), len(x), place % len(x), at)
    (to,) = rows_of(out, written=True)
    _add_loops(to, n, *arguments, hop)
