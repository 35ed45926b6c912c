"""The compiled inner loops (``loops.c``): what runs over every sample of a song.

Everything else in halation is numpy. These few are C because numpy goes through memory once for
every operation, and a song's length of samples does not fit the cache. They let go of the
interpreter while they work.
"""

from __future__ import annotations

import ctypes
from ctypes import c_float, c_int, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "add",
    "add_loop",
    "add_product",
    "add_twice",
    "below",
    "blend",
    "cascade",
    "energies",
    "fade",
    "halve",
    "lag",
    "peak",
    "peaks",
    "pour",
    "ride",
]

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


_peak = _loop("peak", c_void_p, c_ssize_t, result=c_float)
_below = _loop("below", c_void_p, c_ssize_t, c_float, result=c_int)
_ride = _loop("ride", c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t)
_add = _loop("add", c_void_p, c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t)
_add_product = _loop("add_product", *[c_void_p] * 3, c_ssize_t)
_blend = _loop("blend", *[c_void_p] * 2, *[c_ssize_t] * 2, *[c_void_p] * 4, c_ssize_t)
_halve = _loop("halve", c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
_add_twice = _loop("add_twice", c_void_p, *[c_ssize_t] * 3, c_void_p, c_ssize_t)
_add_loop = _loop("add_loop", c_void_p, c_ssize_t, c_void_p, *[c_ssize_t] * 2, c_void_p, c_ssize_t)
_lag = _loop("lag", c_void_p, c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
_cascade = _loop("cascade", c_void_p, c_ssize_t, c_void_p, c_void_p, c_ssize_t, c_void_p)
_energies = _loop("energies", c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_void_p)
_peaks = _loop("peaks", c_void_p, c_ssize_t, c_ssize_t, c_void_p)
_fade = _loop("fade", c_void_p, c_void_p, c_ssize_t, c_void_p, c_void_p, c_ssize_t)
_pour = _loop(
    "pour", *[c_void_p] * 4, *[c_ssize_t] * 2, c_void_p, c_void_p, c_ssize_t, result=c_float
)


def _rows(x: Signal, *, written: bool = False) -> list[int]:
    """Return where each row of an array begins in memory."""
    if written and not x.flags.writeable:
        raise ValueError("an array that is written to must not be read-only")
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
    if hop < 1 or control.ndim != 1 or len(control) < -(-stop // hop) + 1:
        raise ValueError(f"{stop} samples at a hop of {hop} need more than {control.shape} values")
    return _rows(control)[0]


def _span(start: int, stop: int, n: int) -> None:
    if not 0 <= start <= stop <= n:
        raise ValueError(f"{start} to {stop} does not lie within {n} samples")


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
    for row in _rows(x, written=True):
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
    rows, sources = _rows(out, written=True), _rows(x)
    if len(sources) not in (1, len(rows)):
        raise ValueError(f"{x.shape} cannot be added to {out.shape}")
    for index, row in enumerate(rows):
        _add(row, sources[index % len(sources)], start, stop, at, hop)


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
    at = _control(control, n, hop)
    if not m:
        raise ValueError("the loop is empty")
    for to, row in zip(_rows(out, written=True), _rows(loop), strict=True):
        _add_loop(to, n, row, m, place % m, at, hop)


def add_product(total: NDArray[np.complex64], *factors: NDArray[np.complex64]) -> None:
    """Add the product of two spectra to a third.

    Parameters
    ----------
    total : np.ndarray [shape=(bins,)], complex64
        Changed in place.
    factors : two np.ndarray [shape=(bins,)], complex64

    Examples
    --------
    >>> total = np.ones(2, np.complex64)
    >>> add_product(total, np.array([1j, 2], np.complex64), np.array([1j, 3], np.complex64))
    >>> total.tolist()
    [0j, (7+0j)]
    """
    a, b = factors
    if not total.shape == a.shape == b.shape or total.ndim != 1:
        raise ValueError(f"{a.shape} and {b.shape} cannot be added to {total.shape}")
    (to,) = _rows(total.view(np.float32), written=True)
    _add_product(to, *_rows(a.view(np.float32)), *_rows(b.view(np.float32)), len(total))


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
    left, right = _rows(x, written=True)
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
    _span(start, stop, n)
    for to, row in zip(_rows(out, written=True), _rows(x), strict=True):
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
    at = _control(control, n, hop)
    if hop % row or not peak(control[: -(-n // hop) + 1]) + 3.0 <= reach:
        raise ValueError(f"a reach of {reach} samples is too short for such a lag")
    for source, to in zip(_rows(x), _rows(out, written=True), strict=True):
        _lag(source + reach * x.itemsize, to, n, at, hop, row)


def cascade(sections: Signal, x: Signal, state: Signal) -> Signal:
    """Run second-order sections over every row, out of denormal numbers.

    Parameters
    ----------
    sections : np.ndarray [shape=(sections, 6)], float32
        b0, b1, b2, 1, a1 and a2.
    x : np.ndarray [shape=(rows, n)], float32
    state : np.ndarray [shape=(rows, 2 * sections)], float32
        What the stretch before has left, or zeros; moved on in place.

    Returns
    -------
    np.ndarray [shape=(rows, n)], float32

    Examples
    --------
    >>> one = np.array([[1, 0, 0, 1, -0.5, 0]], np.float32)
    >>> cascade(one, np.eye(1, 3, dtype=np.float32), np.zeros((1, 2), np.float32)).tolist()
    [[1.0, 0.5, 0.25]]
    """
    out = np.empty(x.shape, np.float32)
    for row, to, left in zip(_rows(x), _rows(out), _rows(state, written=True), strict=True):
        _cascade(_sections(sections, state.shape[-1]), len(sections), row, to, x.shape[-1], left)
    return out


def _sections(sections: Signal, values: int) -> int:
    """Return where sections begin in memory whose state is so many values."""
    if sections.shape != (values // 2, 6) or values % 2 or not sections.flags.c_contiguous:
        raise ValueError(f"{sections.shape} are not the sections of {values} values of state")
    return _rows(sections)[0] if values else 0


def energies(x: Signal, hop: int, sections: Signal) -> NDArray[np.float64]:
    """Return the sums of squares of every whole stretch of a row, behind two filters.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
    hop : int > 0 [samples]
        Length of a stretch. What a filter still holds after so long is left out.
    sections : np.ndarray [shape=(2, 6)], float32
        As for :func:`cascade`.

    Returns
    -------
    np.ndarray [shape=(n // hop,)]

    Examples
    --------
    >>> through = np.tile(np.eye(1, 6, dtype=np.float32), (2, 1))
    >>> energies(np.arange(5, dtype=np.float32), 2, through).tolist()
    [1.0, 13.0]
    """
    if hop < 1 or x.ndim != 1:
        raise ValueError(f"one row and stretches of one sample or more, not {x.shape} and {hop}")
    out = np.empty(len(x) // hop)
    if len(out):
        _energies(_rows(x)[0], len(out), hop, _sections(sections, 4), out.ctypes.data)
    return out


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
    _peaks(_rows(x)[0], len(x), block, _rows(out)[0])
    return out


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
    left, right = _rows(x, written=True)
    _fade(left, right, n, _control(gain, n, hop), _control(side, n, hop), hop)


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
    _span(start, stop, x.shape[-1])
    controls = _control(gain, stop, hop), _control(side, stop, hop)
    return float(_pour(*_rows(total, written=True), *_rows(x), start, stop, *controls, hop))
