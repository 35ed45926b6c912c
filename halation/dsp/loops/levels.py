"""How loud a stretch is, and what changes that."""

from __future__ import annotations

from ctypes import c_float, c_int, c_ssize_t, c_void_p

import numpy as np

from halation.dsp.loops.library import Signal, check_span, control_of, loop, rows_of

__all__ = [
    "below",
    "bend",
    "blend",
    "fade",
    "peak",
    "peaks",
    "pour",
    "ride",
]

_peak = loop("peak", c_void_p, c_ssize_t, result=c_float)
_below = loop("below", c_void_p, *[c_ssize_t] * 3, c_float, result=c_int)
_peaks = loop("peaks", c_void_p, c_ssize_t, c_ssize_t, c_void_p)
_ride = loop("ride", c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t)
_blend = loop("blend", *[c_void_p] * 2, *[c_ssize_t] * 2, *[c_void_p] * 4, c_ssize_t)
_bend = loop("bend", c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t)
_fade = loop("fade", c_void_p, c_void_p, c_ssize_t, c_void_p, c_void_p, c_ssize_t)
_pour = loop(
    "pour", *[c_void_p] * 4, *[c_ssize_t] * 2, c_void_p, c_void_p, c_ssize_t, result=c_float
)


def peak(x: Signal) -> float:
    """Return the largest magnitude.

    Examples
    --------
    >>> peak(np.array([[0.5, -2.0], [1.0, 0.0]], np.float32))
    2.0
    """
    return float(max((_peak(row, x.shape[-1]) for row in rows_of(x)), default=0.0))


def below(x: Signal, level: float) -> bool:
    """Whether no sample's magnitude reaches ``level``; quick where one does.

    Examples
    --------
    >>> below(np.zeros(9, np.float32), 1e-6), below(np.ones(9, np.float32), 1e-6)
    (True, False)
    """
    rows, step = (x.shape[0], x.strides[0] // x.itemsize) if x.ndim == 2 else (1, 0)
    return not x.size or bool(_below(rows_of(x)[0], rows, step, x.shape[-1], level))


def peaks(x: Signal, block: int) -> Signal:
    """Return the largest magnitude of every block of a row; the last one may be shorter.

    Examples
    --------
    >>> peaks(np.array([1, -2, 0, 0.5, -3], np.float32), 2).tolist()
    [2.0, 0.5, 3.0]
    """
    if block < 1 or x.ndim != 1:
        raise ValueError(f"one row and blocks of one sample or more, not {x.shape} and {block}")
    out = np.empty(-(-len(x) // block), np.float32)
    _peaks(rows_of(x)[0], len(x), block, rows_of(out)[0])
    return out


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
    check_span(start, stop, x.shape[-1])
    at = control_of(control, stop, hop)
    for row in rows_of(x, written=True):
        _ride(row, start, stop, at, hop)


def blend(x: Signal, ways: Signal, hop: int, start: int, stop: int) -> None:
    """Send two channels through a matrix that moves, in place.

    Parameters
    ----------
    x : np.ndarray [shape=(2, n)], float32
    ways : np.ndarray [shape=(4, ceil(stop / hop) + 1 or more)], float32
        Controls: from left to left and from right to left, from right to right and from left to
        right.
    hop : int > 0
    start, stop : int >= 0 [samples]

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    >>> ways = np.array([[1.0] * 3, [0.5] * 3, [1.0] * 3, [0.0] * 3], np.float32)
    >>> blend(x, ways, 1, 0, 2)
    >>> x.tolist()
    [[2.5, 4.0], [3.0, 4.0]]
    """
    check_span(start, stop, x.shape[-1])
    left, right = rows_of(x, written=True)
    controls = rows_of(ways)
    control_of(ways[0], stop, hop)
    if len(controls) != 4:
        raise ValueError(f"four controls are needed, not {ways.shape}")
    _blend(left, right, start, stop, *controls, hop)


def bend(x: Signal, drive: Signal, hop: int, start: int, stop: int) -> None:
    """Bend the peaks of a stretch softly, in place: ``x (27 + y²) / (27 + 9 y²)``, y = x drive.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    drive : np.ndarray [shape=(ceil(stop / hop) + 1 or more,)], float32
    hop : int > 0
    start, stop : int >= 0 [samples]

    Examples
    --------
    >>> x = np.array([[0.0, 1.0]], np.float32)
    >>> bend(x, np.full(3, 3.0, np.float32), 1, 0, 2)
    >>> round(float(x[0, 1]), 4)
    0.3333
    """
    check_span(start, stop, x.shape[-1])
    at = control_of(drive, stop, hop)
    for row in rows_of(x, written=True):
        _bend(row, start, stop, at, hop)


def fade(x: Signal, gain: Signal, side: Signal, hop: int) -> None:
    """Multiply a stem by a gain and its side signal by another, in place; silence is not touched.

    Parameters
    ----------
    x : np.ndarray [shape=(2, n)], float32
    gain, side : np.ndarray [shape=(ceil(n / hop) + 1 or more,)], float32
    hop : int > 0

    Examples
    --------
    >>> x = np.array([[2.0, 2.0], [0.0, 4.0]], np.float32)
    >>> fade(x, np.full(2, 0.5, np.float32), np.zeros(2, np.float32), 2)
    >>> x.tolist()
    [[0.5, 1.5], [0.5, 1.5]]
    """
    if x.ndim != 2 or len(x) != 2:
        raise ValueError(f"a stem is stereo, not {x.shape}")
    n = x.shape[-1]
    left, right = rows_of(x, written=True)
    _fade(left, right, n, control_of(gain, n, hop), control_of(side, n, hop), hop)


def pour(
    total: Signal, x: Signal, gain: Signal, side: Signal, hop: int, start: int, stop: int
) -> float:
    """Add a stretch of a stem to a sum as :func:`fade` would make it; returns its peak.

    Parameters
    ----------
    total, x : np.ndarray [shape=(2, n)], float32
    gain, side : np.ndarray [shape=(ceil(stop / hop) + 1 or more,)], float32
    hop : int > 0
    start, stop : int >= 0 [samples]

    Returns
    -------
    float
        The largest magnitude of what was added.

    Examples
    --------
    >>> total, x = np.ones((2, 2), np.float32), np.array([[2.0, 2.0], [0.0, 4.0]], np.float32)
    >>> pour(total, x, np.full(2, 0.5, np.float32), np.ones(2, np.float32), 2, 1, 2)
    2.0
    >>> total.tolist()
    [[1.0, 2.0], [1.0, 3.0]]
    """
    if total.shape != x.shape or len(x) != 2:
        raise ValueError(f"{x.shape} cannot be added to {total.shape}")
    check_span(start, stop, x.shape[-1])
    controls = control_of(gain, stop, hop), control_of(side, stop, hop)
    return float(_pour(*rows_of(total, written=True), *rows_of(x), start, stop, *controls, hop))
