"""Recursive filters."""

from __future__ import annotations

from ctypes import c_ssize_t, c_void_p

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops.library import Signal, loop, rows_of

__all__ = [
    "cascade",
    "energies",
]

_cascade = loop("cascade", c_void_p, c_ssize_t, c_void_p, c_void_p, c_ssize_t, c_void_p)
_energies = loop("energies", c_void_p, c_ssize_t, c_ssize_t, c_void_p, c_void_p)


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
    for row, to, left in zip(rows_of(x), rows_of(out), rows_of(state, written=True), strict=True):
        _cascade(_sections(sections, state.shape[-1]), len(sections), row, to, x.shape[-1], left)
    return out


def _sections(sections: Signal, values: int) -> int:
    """Return where sections begin in memory whose state is so many values."""
    if sections.shape != (values // 2, 6) or values % 2 or not sections.flags.c_contiguous:
        raise ValueError(f"{sections.shape} are not the sections of {values} values of state")
    return rows_of(sections)[0] if values else 0


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
        _energies(rows_of(x)[0], len(out), hop, _sections(sections, 4), out.ctypes.data)
    return out
