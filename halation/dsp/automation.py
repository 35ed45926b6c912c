"""Control curves: from drawn points to gains that move without a click.

A control is an array of values one hop apart; between two of them a parameter moves on a straight
line. Everything that moves a level in halation goes through here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops

__all__ = [
    "HOP",
    "apply_gain",
    "blocks",
    "decibels",
    "duck_curve",
    "ramp",
    "silent",
    "values",
]

HOP = 256
"""Samples between two control values: 5.8 ms at 44.1 kHz."""

SILENCE_DB = -90.0
"""A gain at or below this is no sound at all."""

_BLOCK_HOPS = 256
_LEAST = float(np.finfo(np.float32).smallest_subnormal)

Signal = NDArray[np.float32]


def values(
    curve_times_s: Sequence[float] | NDArray[np.float64],
    curve_values: Sequence[float] | NDArray[np.float64],
    n_samples: int,
    hop: int = HOP,
    log: bool = False,
    sample_rate: int = 44_100,
) -> Signal:
    """Read a drawn curve at control rate.

    Parameters
    ----------
    curve_times_s : sequence of float [s]
        Points in ascending order; the curve is held before the first and after the last.
    curve_values : sequence of float
        Values at the points.
    n_samples : int >= 0
        Length of the signal that the control is for.
    hop : int > 0
        Samples between two control values.
    log : bool
        Interpolate in octaves (for frequencies; values must be positive).
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(ceil(n_samples / hop) + 1,)], float32
        Values at samples 0, hop, 2 hop …, the last one at or after the end.

    Examples
    --------
    >>> values((0.0, 1.0), (0.0, 1.0), 44100, hop=11025).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    >>> values((0.0, 1.0), (100.0, 400.0), 44100, hop=22050, log=True).round().tolist()
    [100.0, 200.0, 400.0]
    """
    points = np.asarray(curve_values, dtype=np.float64)
    at_s = np.arange(-(-n_samples // hop) + 1) * (hop / sample_rate)
    if log:
        read = np.exp2(np.interp(at_s, curve_times_s, np.log2(points)))
    else:
        read = np.interp(at_s, curve_times_s, points)
    return np.asarray(read, dtype=np.float32)


def decibels(level_db: Signal) -> Signal:
    """Convert levels to linear gains; :data:`SILENCE_DB` and less become exactly 0.

    Parameters
    ----------
    level_db : np.ndarray [dB]

    Returns
    -------
    np.ndarray of the same shape, float32

    Examples
    --------
    >>> decibels(np.array([0.0, -20.0, -90.0])).round(3).tolist()
    [1.0, 0.10000000149011612, 0.0]
    """
    level_db = np.asarray(level_db)
    gain: Signal = np.asarray(np.power(10.0, level_db / 20.0), dtype=np.float32)
    gain[level_db <= SILENCE_DB] = 0.0
    return gain


def ramp(control: Signal, hop: int, start: int, stop: int) -> Signal:
    """Read a control at every sample of a stretch.

    Parameters
    ----------
    control : np.ndarray [shape=(frames,)]
        As :func:`values` returns it.
    hop : int > 0
        Samples between two control values.
    start, stop : int >= 0 [samples]
        The stretch; ``start`` must be a multiple of ``hop``.

    Returns
    -------
    np.ndarray [shape=(stop - start,)], float32

    Examples
    --------
    >>> ramp(np.array([0.0, 1.0, 3.0], np.float32), 2, 0, 4).tolist()
    [0.0, 0.5, 1.0, 2.0]
    """
    first, last = start // hop, -(-stop // hop)
    pairs = np.empty((last - first, 2), np.float32)
    pairs[:, 0] = control[first:last]
    np.subtract(control[first + 1 : last + 1], pairs[:, 0], out=pairs[:, 1])
    return np.asarray((pairs @ _slope(hop)).reshape(-1)[: stop - start])


@cache
def _slope(hop: int) -> Signal:
    """Return what turns a value and the step to the next one into a straight line."""
    line = np.stack((np.ones(hop, np.float32), np.arange(hop, dtype=np.float32) / np.float32(hop)))
    line.flags.writeable = False
    return line


def blocks(n_samples: int, hop: int = HOP) -> Iterator[tuple[int, int]]:
    """Yield ``(start, stop)`` of stretches that fit the cache and start on a hop.

    Examples
    --------
    >>> list(blocks(100_000))
    [(0, 65536), (65536, 100000)]
    """
    size = _BLOCK_HOPS * hop
    for start in range(0, n_samples, size):
        yield start, min(start + size, n_samples)


def apply_gain(x: Signal, control: Signal, hop: int = HOP) -> None:
    """Multiply a signal by a control, in place; stretches where it is 1 cost nothing.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n) or (n,)], float32
        Changed in place.
    control : np.ndarray [shape=(ceil(n / hop) + 1,)]
        Linear gains, as :func:`values` returns them.
    hop : int > 0
        Samples between two control values.

    Examples
    --------
    >>> x = np.ones((1, 4), np.float32)
    >>> apply_gain(x, np.array([0.0, 1.0, 1.0], np.float32), hop=2)
    >>> x.tolist()
    [[0.0, 0.5, 1.0, 1.0]]
    """
    loops.ride(x, np.ascontiguousarray(control, dtype=np.float32), hop)


def duck_curve(
    onsets_s: Sequence[float],
    n_samples: int,
    *,
    depth_db: float = 5.0,
    attack_s: float = 0.02,
    release_s: float = 0.25,
    hop: int = HOP,
    sample_rate: int = 44_100,
) -> Signal:
    """Draw the gain of a side-chain from the hits that are known.

    Parameters
    ----------
    onsets_s : sequence of float [s], ascending
        When the kick or 808 hits.
    n_samples : int >= 0
        Length of the signal that the control is for.
    depth_db : float >= 0 [dB]
        How far the gain falls.
    attack_s, release_s : float > 0 [s]
        Time down from the onset, and back up (a raised cosine).
    hop : int > 0
        Samples between two control values.
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(ceil(n_samples / hop) + 1,)], float32
        Linear gains for :func:`apply_gain`.

    Examples
    --------
    >>> gain = duck_curve([0.5], 44100, depth_db=6.0)
    >>> bool(gain[0] == 1.0), round(20 * float(np.log10(gain.min())))
    (True, -6)
    """
    step_s, frames = hop / sample_rate, -(-n_samples // hop) + 1
    amount = _ducked(tuple(onsets_s), frames, step_s, attack_s, release_s)
    return decibels((-depth_db * amount).astype(np.float32))


@lru_cache(maxsize=4)
def _ducked(
    onsets_s: tuple[float, ...], frames: int, step_s: float, attack_s: float, release_s: float
) -> NDArray[np.float64]:
    """Return how far a side-chain is down, 0..1: the same for many parts of a song."""
    at_s = np.arange(frames) * step_s
    hits = np.sort(np.asarray(onsets_s, dtype=np.float64))
    amount = np.zeros(len(at_s))
    if len(hits):
        newest = np.searchsorted(hits, at_s, side="right") - 1
        # A hit that comes during another's release must not let the gain jump back up.
        reach = 1 + int((attack_s + release_s) / max(np.min(np.diff(hits), initial=1.0), 0.02))
        for back in range(min(reach, 8)):
            index = newest - back
            since = np.where(index >= 0, at_s - hits[np.maximum(index, 0)], np.inf)
            down = since / attack_s
            up = np.clip((since - attack_s) / release_s, 0.0, 1.0)
            shape = np.where(down < 1.0, down, 0.5 + 0.5 * np.cos(np.pi * up))
            np.maximum(amount, shape, out=amount)
    amount.flags.writeable = False
    return amount


def silent(x: Signal) -> bool:
    """Tell whether every sample is 0.

    Examples
    --------
    >>> silent(np.zeros((2, 9), np.float32)), silent(np.eye(2, 9, dtype=np.float32))
    (True, False)
    """
    return loops.below(x, _LEAST)
