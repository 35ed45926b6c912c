"""The compiled inner loops (``loops.c``): what runs over every sample of a song.

Everything else in halation is numpy. These few are C because numpy goes through memory once for
every operation, and a song's length of samples does not fit the cache. They let go of the
interpreter while they work.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import c_float, c_int, c_ssize_t, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Way",
    "add",
    "add_loop",
    "add_twice",
    "below",
    "bend",
    "blend",
    "cut",
    "finite",
    "halve",
    "join",
    "lag",
    "peak",
    "place",
    "ride",
    "scale",
]

Signal = NDArray[np.float32]
Way = tuple[int, int, float]
"""A sum of two rows: one, another, and how much of the other."""


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
_place = _loop("place", c_void_p, c_void_p, c_ssize_t, c_float, c_void_p, c_ssize_t)
_blend = _loop("blend", *[c_void_p] * 2, *[c_ssize_t] * 2, *[c_void_p] * 4, c_ssize_t)
_halve = _loop("halve", c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
_add_twice = _loop("add_twice", c_void_p, *[c_ssize_t] * 3, c_void_p, c_ssize_t)
_add_loop = _loop("add_loop", c_void_p, c_ssize_t, c_void_p, *[c_ssize_t] * 2, c_void_p, c_ssize_t)
_lag = _loop("lag", c_void_p, c_void_p, c_ssize_t, c_void_p, c_ssize_t, c_ssize_t)
_cut = _loop(
    *("cut", c_void_p, c_void_p, c_float, c_ssize_t, c_ssize_t),
    *(c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t),
)
_join = _loop(
    *("join", c_void_p, c_void_p, c_float, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t),
    *(c_void_p, c_void_p, c_ssize_t, c_ssize_t),
)
_scale = _loop("scale", c_void_p, c_void_p, *[c_ssize_t] * 5)
_bend = _loop("bend", c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t)


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


def _own_rows(x: Signal) -> list[int]:
    """Return where each row of an array begins that may be written to."""
    if not x.flags.writeable:
        raise ValueError("the array is read-only")
    return _rows(x)


def _control(control: Signal, stop: int, hop: int) -> int:
    """Return where a control begins that reaches beyond ``stop``."""
    if hop <= 0 or control.ndim != 1 or len(control) < -(-stop // hop) + 1:
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
    for row in _own_rows(x):
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
    rows, sources = _own_rows(out), _rows(x)
    if len(sources) not in (1, len(rows)):
        raise ValueError(f"{x.shape} cannot be added to {out.shape}")
    for index, row in enumerate(rows):
        _add(row, sources[index % len(sources)], start, stop, at, hop)


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
    rows, sources, m = _own_rows(out), _rows(x), x.shape[-1]
    each = gains if isinstance(gains, tuple) else (gains,) * len(rows)
    faded = 0 if fade is None else fade.shape[-1]
    if start < 0 or faded > m or len(sources) not in (1, len(rows)) or len(each) != len(rows):
        raise ValueError(f"{x.shape} cannot be added to {out.shape} at {start}")
    end = None if fade is None else _rows(fade)[0]
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
    at = _control(control, n, hop)
    if not m:
        raise ValueError("the loop is empty")
    for to, row in zip(_own_rows(out), _rows(loop), strict=True):
        _add_loop(to, n, row, m, place % m, at, hop)


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
    left, right = _own_rows(x)
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
    for to, row in zip(_own_rows(out), _rows(x), strict=True):
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
    for source, to in zip(_rows(x), _own_rows(out), strict=True):
        _lag(source + reach * x.itemsize, to, n, at, hop, row)


def cut(x: Signal, ways: Sequence[Way], rise: Signal, start: int, frames: Signal) -> None:
    """Cut overlapping windows.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        Silent before 0 and from n on.
    ways : one for each row of frames
        Which rows of ``x`` are added up.
    rise : np.ndarray [shape=(overlap,)], float32
        How a window begins, and the mirror image of its end.
    start : int [samples]
        Where the first begins; the next begins ``frame - overlap`` later.
    frames : np.ndarray [shape=(rows, windows, frame)], float32
        Takes the windows.

    Raises
    ------
    ValueError
        If the shapes do not belong together.

    Examples
    --------
    >>> frames = np.empty((1, 2, 4), np.float32)
    >>> cut(np.ones((1, 5), np.float32), [(0, 0, 0.0)], np.array([0.5], np.float32), -1, frames)
    >>> frames.tolist()
    [[[0.0, 1.0, 1.0, 0.5], [0.5, 1.0, 1.0, 0.0]]]
    """
    windows, frame = _windows(frames, ways, len(x), rise)
    sources, edge = _rows(x), _rows(rise)[0]
    for to, (own, other, share) in zip(_blocks(frames, own=True), ways, strict=True):
        _cut(sources[own], sources[other], share, x.shape[-1], start,
             to, windows, frame, edge, len(rise))  # fmt: skip


def join(
    frames: Signal, ways: Sequence[Way], rise: Signal, tail: Signal, start: int, out: Signal
) -> None:
    """Add overlapping windows up; the way back from :func:`cut`.

    Parameters
    ----------
    frames : np.ndarray [shape=(rows, windows, frame)], float32
    ways : one for each channel of out
        Which rows of ``frames`` are added up.
    rise : np.ndarray [shape=(overlap <= frame / 2,)], float32
    tail : np.ndarray [shape=(channels, overlap)], float32
        The end of the window before; takes that of the last window.
    start : int [samples]
    out : np.ndarray [shape=(channels, n)], float32
        Written from ``start`` (or 0) to where the tail begins (or n).

    Raises
    ------
    ValueError
        If the shapes do not belong together.

    Examples
    --------
    >>> out, tail = np.empty((1, 4), np.float32), np.zeros((1, 1), np.float32)
    >>> rise = np.array([0.5], np.float32)
    >>> join(np.ones((1, 2, 4), np.float32), [(0, 0, 0.0)], rise, tail, -1, out)
    >>> out.tolist(), tail.tolist()
    ([[1.0, 1.0, 1.0, 1.0]], [[0.5]])
    """
    windows, frame = _windows(frames, ways, len(frames), rise)
    if tail.shape[-1] != len(rise):
        raise ValueError(f"a tail of {len(rise)} samples is needed, not {tail.shape}")
    sources, edge, rows = _blocks(frames), _rows(rise)[0], _own_rows(out)
    for to, end, (own, other, share) in zip(rows, _own_rows(tail), ways, strict=True):
        _join(sources[own], sources[other], share, windows, frame,
              edge, len(rise), end, to, out.shape[-1], start)  # fmt: skip


def scale(spectra: NDArray[np.complex64], gains: Signal) -> None:
    """Multiply complex numbers by real ones, in place.

    Parameters
    ----------
    spectra : np.ndarray [shape=(channels, windows, bins)], complex64
    gains : np.ndarray [shape=(channels or 1, windows or 1, bins), or without the first], float32

    Examples
    --------
    >>> spectra = np.full((1, 2, 2), 1 + 1j, np.complex64)
    >>> scale(spectra, np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    >>> spectra[0, 1].tolist()
    [(3+3j), (4+4j)]
    """
    by = np.broadcast_to(gains, spectra.shape)
    if spectra.dtype != np.complex64 or by.dtype != np.float32 or by.strides[-1] != by.itemsize:
        raise ValueError(f"complex64 and float32 are needed, not {spectra.dtype} and {by.dtype}")
    if not spectra.flags.c_contiguous or not spectra.flags.writeable or spectra.ndim != 3:
        raise ValueError("spectra without gaps are needed")
    steps = (step // by.itemsize for step in by.strides[:2])
    _scale(spectra.ctypes.data, by.ctypes.data, *spectra.shape, *steps)


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
    _span(start, stop, x.shape[-1])
    at = _control(drive, stop, hop)
    for row in _own_rows(x):
        _bend(row, start, stop, at, hop)


def _blocks(frames: Signal, *, own: bool = False) -> list[int]:
    """Return where each row of windows begins in memory, to be written to if they are ``own``."""
    if frames.dtype != np.float32 or not frames[0].flags.c_contiguous:
        raise ValueError(f"rows of windows without gaps are needed, not {frames.shape}")
    if own and not frames.flags.writeable:
        raise ValueError("the windows are read-only")
    first: int = frames.ctypes.data
    return [first + row * frames.strides[0] for row in range(len(frames))]


def _windows(frames: Signal, ways: Sequence[Way], sources: int, rise: Signal) -> tuple[int, int]:
    """Return the number of windows and their length."""
    if frames.ndim != 3 or rise.ndim != 1 or 2 * len(rise) > frames.shape[2]:
        raise ValueError(f"{rise.shape} is no rise for windows {frames.shape}")
    if not all(0 <= row < sources for own, other, _ in ways for row in (own, other)):
        raise ValueError(f"there are {sources} rows, not those of {ways}")
    return frames.shape[1], frames.shape[2]
