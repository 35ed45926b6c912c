"""Windows, and spectra times others."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_float, c_ssize_t, c_void_p

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops.library import Signal, loop, rows_of

__all__ = [
    "Way",
    "add_product",
    "cut",
    "join",
    "scale",
]

Way = tuple[int, int, float]
"""A sum of two rows: one, another, and how much of the other."""

_cut = loop(
    *("cut", c_void_p, c_void_p, c_float, c_ssize_t, c_ssize_t),
    *(c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t),
)
_join = loop(
    *("join", c_void_p, c_void_p, c_float, c_ssize_t, c_ssize_t, c_void_p, c_ssize_t),
    *(c_void_p, c_void_p, c_ssize_t, c_ssize_t),
)
_scale = loop("scale", c_void_p, c_void_p, *[c_ssize_t] * 5)
_add_product = loop("add_product", *[c_void_p] * 3, c_ssize_t)


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
    sources, edge = rows_of(x), rows_of(rise)[0]
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
    sources, edge, rows = _blocks(frames), rows_of(rise)[0], rows_of(out, written=True)
    for to, end, (own, other, share) in zip(rows, rows_of(tail, written=True), ways, strict=True):
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
    (to,) = rows_of(total.view(np.float32), written=True)
    _add_product(to, *rows_of(a.view(np.float32)), *rows_of(b.view(np.float32)), len(total))


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
