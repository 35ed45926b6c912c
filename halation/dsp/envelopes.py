"""Shapes in time, mostly at control rate: one value a hop, straight lines between."""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["GOLDEN_RATIO", "decay", "expand", "fade_edges", "falling", "glide", "swell", "wander"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

GOLDEN_RATIO: Final = (1 + 5**0.5) / 2
"""The most irrational ratio: two rates in it never meet again."""


@cache
def _ramps(hop: int) -> Signal:
    """Return the shares of both ends of a line [shape=(2, hop)]."""
    rising = np.arange(hop, dtype=np.float32) / np.float32(hop)
    return np.stack((1 - rising, rising))


def expand(control: Signal, hop: int) -> Signal:
    """Draw straight lines between control points.

    Parameters
    ----------
    control : np.ndarray [shape=(..., k + 1)], float32
        Values at samples 0, hop … k hop.
    hop : int
        Samples between two points.

    Returns
    -------
    np.ndarray [shape=(..., k * hop)], float32

    Examples
    --------
    >>> expand(np.array([0, 1, 0], np.float32), 2).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    ends = np.stack((control[..., :-1], control[..., 1:]), axis=-1)
    return np.asarray(ends @ _ramps(hop)).reshape(*control.shape[:-1], -1)


def decay(t_s: ArrayLike, t60_s: float) -> NDArray[Any]:
    """Fall exponentially, 60 dB in ``t60_s``; held at 1 before time 0; as precise as ``t_s``.

    Examples
    --------
    >>> float(decay(2.0, 2.0)) - 1e-3 < 1e-12, float(decay(-1.0, 2.0))
    (True, 1.0)
    """
    elapsed = np.maximum(t_s, 0)
    return np.asarray(np.exp(elapsed * (-math.log(1000.0) / t60_s)))


def swell(t_s: ArrayLike, length_s: float, attack_s: float, release_s: float) -> Values:
    """Rise, hold and fall: the envelope of a held note.

    Parameters
    ----------
    t_s : array_like [s]
        Time since the onset.
    length_s : float [s]
        How long the note is held; a note shorter than its attack does not reach full level.
    attack_s, release_s : float > 0 [s]
        The rise follows half a cosine; the fall a cube, so that it is 60 dB down after nine
        tenths of ``release_s`` and exactly zero at its end.

    Returns
    -------
    np.ndarray, float64
        0 … 1.

    Examples
    --------
    >>> swell([0.0, 0.5, 1.0, 2.0, 3.0], 2.0, 1.0, 1.0).round(2).tolist()
    [0.0, 0.5, 1.0, 1.0, 0.0]
    """
    time = np.asarray(t_s, np.float64)
    held = np.clip(np.minimum(time, length_s) / attack_s, 0.0, 1.0)
    fall = np.clip(1.0 - (time - length_s) / release_s, 0.0, 1.0)
    return np.asarray((0.5 - 0.5 * np.cos(np.pi * held)) * fall**3)


def wander(t_s: ArrayLike, rate_hz: float, phases: tuple[float, float]) -> Values:
    """Move slowly without ever repeating: two sines whose rates stand in the golden ratio.

    Parameters
    ----------
    t_s : array_like [s]
    rate_hz : float [Hz]
        The slower rate.
    phases : pair of float
        In turns, drawn by the caller.

    Returns
    -------
    np.ndarray, float64
        −1 … 1.

    Examples
    --------
    >>> bool(abs(wander(np.arange(100.0), 0.1, (0.2, 0.7))).max() <= 1)
    True
    """
    time = np.asarray(t_s, np.float64)
    slow = np.sin(2 * np.pi * (rate_hz * time + phases[0]))
    fast = np.sin(2 * np.pi * (rate_hz * GOLDEN_RATIO * time + phases[1]))
    return np.asarray(0.6 * slow + 0.4 * fast)


def glide(t_s: ArrayLike, start_s: float, duration_s: float) -> Values:
    """Go from 0 to 1 along half a cosine.

    Examples
    --------
    >>> glide([0.0, 1.0, 1.5, 2.0, 9.0], 1.0, 1.0).round(2).tolist()
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    place = (np.asarray(t_s, np.float64) - start_s) / max(duration_s, 1e-6)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip(place, 0.0, 1.0)))


def fade_edges(x: Signal, n_in: int, n_out: int) -> None:
    """Fade the edges of a signal in and out in place, along half a cosine.

    Parameters
    ----------
    x : np.ndarray [shape=(..., n)], float32
    n_in, n_out : int
        Samples; at most the signal's length is used.

    Examples
    --------
    >>> x = np.ones(4, np.float32)
    >>> fade_edges(x, 2, 2)
    >>> x.round(2).tolist()
    [0.0, 0.5, 0.5, 0.0]
    """
    n_in, n_out = (min(max(0, n), x.shape[-1]) for n in (n_in, n_out))
    if n_in:
        x[..., :n_in] *= _rising(n_in)
    if n_out:
        x[..., -n_out:] *= falling(n_out)


@lru_cache(maxsize=32)
def _rising(n: int) -> Signal:
    """Half a cosine from 0 to 1; shared, so it must not be written to."""
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)).astype(np.float32)
    ramp.flags.writeable = False
    return ramp


@lru_cache(maxsize=32)
def falling(n: int) -> Signal:
    """Return half a cosine from 1 to 0; shared and read-only.

    Examples
    --------
    >>> falling(2).tolist()
    [0.5, 0.0]
    """
    ramp = _rising(n)[::-1].copy()
    ramp.flags.writeable = False
    return ramp
