"""Phases of tones that glide: set exactly at control points, drawn between them by one product."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["courses", "phases"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]


@cache
def _powers(hop: int) -> Signal:
    """Return 1, j and j squared for every sample of a hop [shape=(3, hop)]."""
    j = np.arange(hop, dtype=np.float32)
    return np.stack((np.ones_like(j), j, j * j))


def courses(turns_per_sample: Values, hop: int, start: float = 0.0) -> Signal:
    """Follow a frequency that is known at control points, straight lines between them.

    Parameters
    ----------
    turns_per_sample : np.ndarray [shape=(k + 1,)], float64
        Frequency over the sample rate at samples 0, hop … k hop.
    hop : int
        Samples between two points.
    start : float [turns]
        Phase at sample 0.

    Returns
    -------
    np.ndarray [shape=(k, 3)], float32
        For each hop its first phase in 0..1 turns, its first step and half the step's growth:
        what :func:`phases` draws, a stretch at a time.

    Examples
    --------
    >>> courses(np.array([0.125, 0.125, 0.25]), 4).tolist()
    [[0.0, 0.125, 0.0], [0.5, 0.125, 0.015625]]
    """
    lines = np.zeros((len(turns_per_sample) - 1, 3))
    first, last = turns_per_sample[:-1], turns_per_sample[1:]
    lines[1:, 0] = np.cumsum((first + last)[:-1]) * (hop / 2)
    lines[:, 0] = (lines[:, 0] + start) % 1.0
    lines[:, 1] = first
    lines[:, 2] = (last - first) / (2 * hop)
    return lines.astype(np.float32)


def phases(lines: Signal, hop: int) -> Signal:
    """Draw the phases of consecutive hops.

    Parameters
    ----------
    lines : np.ndarray [shape=(..., k, 3)], float32
        Rows of :func:`courses`, or of them times a number.
    hop : int

    Returns
    -------
    np.ndarray [shape=(..., k * hop)], float32
        Turns; they begin anew in 0..1 at every control point, so that single precision does.

    Examples
    --------
    >>> phases(courses(np.array([0.125, 0.125, 0.25]), 4), 4)[2:6].tolist()
    [0.25, 0.375, 0.5, 0.640625]
    """
    return np.asarray(lines @ _powers(hop)).reshape(*lines.shape[:-2], -1)
