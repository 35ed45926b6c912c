"""What sounds are made of: bands, random phases, tables that are read, walks."""

from __future__ import annotations

from ctypes import c_double, c_ssize_t, c_uint64, c_void_p
from functools import cache

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops.library import Signal, loop, rows_of

__all__ = ["add_bells", "read_table", "respeed", "scatter", "walk"]

Values = NDArray[np.float64]

PHASES = 4096
"""Different phases of a spectrum."""

_add_bells = loop("add_bells", c_void_p, c_ssize_t, *[c_void_p] * 5)
_scatter = loop("scatter", *[c_void_p] * 2, c_ssize_t, c_uint64, *[c_void_p] * 3)
_read_table = loop("read_table", c_void_p, *[c_ssize_t] * 2, *[c_void_p] * 3, c_ssize_t)
_walk = loop("walk", c_void_p, c_ssize_t, *[c_double] * 2)
_respeed = loop("respeed", c_void_p, c_ssize_t, c_double, c_void_p, c_ssize_t)


def add_bells(power: Signal, centres: Values, widths: Values, heights: Values) -> None:
    """Add Gaussian bells to a spectrum, each out to 3.5 times its width.

    Parameters
    ----------
    power : np.ndarray [shape=(bins,)], float32
        Its first bin is left alone.
    centres, widths : np.ndarray [shape=(bells,)], float64 [bins]
        Widths are standard deviations, > 0.
    heights : np.ndarray [shape=(bells,)], float64

    Examples
    --------
    >>> power = np.zeros(9, np.float32)
    >>> add_bells(power, np.array([4.0]), np.array([1.0]), np.array([1.0]))
    >>> [round(float(value), 2) for value in power[:5]]
    [0.0, 0.01, 0.14, 0.61, 1.0]
    """
    if not centres.shape == widths.shape == heights.shape or centres.ndim != 1:
        raise ValueError(f"{centres.shape}, {widths.shape} and {heights.shape} are no bells")
    low = np.maximum(1, (centres - 3.5 * widths).astype(np.int64))
    high = np.minimum(len(power), (centres + 3.5 * widths).astype(np.int64) + 2)
    step = 1 / widths
    first = (low - centres) * step
    value = heights * np.exp(-0.5 * first * first)
    ratio = np.exp(-step * (first + 0.5 * step))
    rows = [low, high, *(np.ascontiguousarray(x, np.float64) for x in (value, ratio))]
    rows.append(np.exp(-step * step))
    (to,) = rows_of(power, written=True)
    _add_bells(to, len(centres), *(row.ctypes.data for row in rows))


@cache
def _phasors() -> NDArray[np.complex64]:
    return np.asarray(np.exp(2j * np.pi * np.arange(PHASES) / PHASES), np.complex64)


def scatter(
    magnitude: Signal, seed: int, *spectra: NDArray[np.complex64], apart: Signal | None = None
) -> None:
    """Write spectra of given magnitudes and random phases.

    Parameters
    ----------
    magnitude : np.ndarray [shape=(bins,)], float32
    seed : int in 0..2⁶⁴−1
    *spectra : one or two np.ndarray [shape=(bins,)], complex64
        Written to.
    apart : np.ndarray [shape=(bins,)], float32 in 0..1, needed for two
        Greatest difference of the two phases in half turns.

    Examples
    --------
    >>> spectrum = np.zeros(100, np.complex64)
    >>> scatter(np.full(100, 2, np.float32), 7, spectrum)
    >>> bool(np.allclose(np.abs(spectrum), 2)), bool(abs(spectrum.mean()) < 0.5)
    (True, True)
    """
    shapes = {x.shape for x in (magnitude, *spectra, *([] if apart is None else [apart]))}
    if len(shapes) > 1 or len(spectra) not in (1, 2) or (len(spectra) == 2) != (apart is not None):
        raise ValueError(f"shapes differ, or there is no distance for two: {shapes}")
    rows = [rows_of(x.view(np.float32), written=True)[0] for x in spectra]
    distances = None if apart is None else rows_of(apart)[0]
    phasors = rows_of(_phasors().view(np.float32))[0]
    _scatter(
        rows_of(magnitude)[0], distances, len(magnitude), seed, phasors, rows[0],
        rows[1] if len(rows) > 1 else None,
    )  # fmt: skip


def read_table(table: Signal, turns: Signal, row: Signal, out: Signal) -> None:
    """Read a wavetable; see :func:`halation.dsp.oscillators.read_wavetable`.

    Parameters
    ----------
    table : np.ndarray [shape=(rows >= 2, width >= 2)], float32
    turns, out : np.ndarray [shape=(voices, n)], float32
    row : np.ndarray [shape=(n,)], float32

    Examples
    --------
    >>> out, half = np.empty((1, 1), np.float32), np.array([0.5], np.float32)
    >>> read_table(np.array([[0, 1, 0], [0, 3, 0]], np.float32), half[None], half, out)
    >>> out.tolist()
    [[2.0]]
    """
    rows, width = table.shape
    if turns.shape != out.shape or turns.shape[-1] != len(row) or rows < 2 or width < 2:
        raise ValueError(f"{table.shape} cannot be read at {turns.shape} and {row.shape}")
    if not table.flags.c_contiguous:
        raise ValueError("a table must lie in one piece")
    (at, *_), (height,) = rows_of(table), rows_of(row)
    for voice, to in zip(rows_of(turns), rows_of(out, written=True), strict=True):
        _read_table(at, rows, width, voice, height, to, len(row))


def walk(pushes: Values, pole: float, gain: float) -> None:
    """Filter a row with two equal poles, in place.

    Parameters
    ----------
    pushes : np.ndarray [shape=(n,)], float64
    pole : float in 0..1
    gain : float

    Examples
    --------
    >>> x = np.array([1.0, 0.0, 0.0])
    >>> walk(x, 0.5, 2.0)
    >>> x.tolist()
    [2.0, 2.0, 1.5]
    """
    if pushes.dtype != np.float64 or pushes.ndim != 1 or not pushes.flags.carray:
        raise ValueError(f"one row of float64 without gaps is needed, not {pushes.dtype}")
    _walk(pushes.ctypes.data, len(pushes), pole, gain)


def respeed(x: Signal, ratio: float, out: Signal) -> None:
    """Read a signal at another speed, straight lines between its samples; its end lasts.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n >= 1)], float32
    ratio : float > 0
        2 is an octave higher.
    out : np.ndarray [shape=(channels, m)], float32

    Examples
    --------
    >>> out = np.empty((1, 4), np.float32)
    >>> respeed(np.array([[0, 2, 4]], np.float32), 0.75, out)
    >>> out.tolist()
    [[0.0, 1.5, 3.0, 4.0]]
    """
    if ratio <= 0 or not x.shape[-1]:
        raise ValueError(f"{x.shape} cannot be read at a speed of {ratio}")
    for row, to in zip(rows_of(x), rows_of(out, written=True), strict=True):
        _respeed(row, x.shape[-1], ratio, to, out.shape[-1])
