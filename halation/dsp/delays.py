"""Echoes: ping-pong, and backwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.dsp.filters import butterworth, cascade

__all__ = ["ping_pong", "reversed_delay"]

Signal = NDArray[np.float32]


def ping_pong(
    x: Signal,
    sample_rate: int,
    *,
    left_s: float,
    right_s: float,
    feedback: float = 0.5,
    low_hz: float = 250.0,
    high_hz: float = 3_500.0,
) -> Signal:
    """Echo a signal from side to side, darker and thinner each time.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
    sample_rate : int [Hz]
    left_s, right_s : float > 0 [s]
        Time to the left echo, and from there to the right one.
    feedback : float in [0, 1)
        Gain from each echo to the next.
    low_hz, high_hz : float > 0 [Hz]
        Every echo passes a high-pass and a low-pass of 6 dB/octave that stand here.

    Returns
    -------
    np.ndarray [shape=(2, n)], float32
        The echoes alone.

    Examples
    --------
    >>> click = np.zeros(4000, np.float32)
    >>> click[0] = 1.0
    >>> echoes = ping_pong(click, 1000, left_s=0.5, right_s=0.7, low_hz=1.0, high_hz=499.0)
    >>> [int(np.argmax(side)) for side in echoes]
    [500, 1200]
    """
    top = min(high_hz, 0.45 * sample_rate)
    sections = np.concatenate(
        [
            butterworth(1, top, "lowpass", sample_rate),
            butterworth(1, min(low_hz, 0.5 * top), "highpass", sample_rate),
        ]
    )
    state = np.zeros((2, len(sections), 2), np.float32)
    to_left, to_right = (max(int(t * sample_rate), 1) for t in (left_s, right_s))
    n = len(x)
    out = np.zeros((2, n), np.float32)
    left, right = out
    size = min(to_left, to_right)
    for start in range(0, n, size):
        stop = min(start + size, n)
        entering = _earlier(x, start, stop, to_left)
        entering += np.float32(feedback) * _earlier(right, start, stop, to_left)
        passing = np.float32(feedback) * _earlier(left, start, stop, to_right)
        for side, signal in enumerate((entering, passing)):
            if not (signal.any() or np.abs(state[side]).max() > 1e-9):
                state[side] = 0.0
                continue
            out[side, start:stop], state[side] = cascade(sections, signal, state[side])
    return out


def _earlier(x: Signal, start: int, stop: int, delay: int) -> Signal:
    """Copy what lies ``delay`` samples before a stretch; silence before the beginning."""
    found = np.zeros(stop - start, np.float32)
    first = max(delay - start, 0)
    if first < len(found):
        found[first:] = x[start + first - delay : stop - delay]
    return found


def reversed_delay(x: Signal, chunk: int) -> Signal:
    """Play a signal back in reversed pieces that fade into each other.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
    chunk : int, even, > 0 [samples]
        Length of a piece; it sounds backwards as soon as it is over.

    Returns
    -------
    np.ndarray [shape=(n,)], float32

    Examples
    --------
    >>> x = np.zeros(400, np.float32)
    >>> x[120] = 1.0
    >>> reversed_delay(x, 100).nonzero()[0].tolist()
    [179, 279]
    """
    half = chunk // 2
    chunk = 2 * half
    n = len(x)
    count = -(-n // half) + 1
    padded = np.zeros((count + 1) * half, np.float32)
    padded[half : half + n] = x[: len(padded) - half]
    # Squares of the window add up to 1: neighbouring pieces are different sounds.
    window = np.asarray(np.sin(np.pi * (np.arange(chunk) + 0.5) / chunk), dtype=np.float32)
    out = np.zeros((count + 3) * half, np.float32)
    # Piece k covers [(k-1) half, (k+1) half) of x and sounds from its end on.
    rows = padded.reshape(-1, half)
    pieces = out.reshape(-1, half)
    np.multiply(rows[1:, ::-1], window[:half], out=pieces[2 : 1 + len(rows)])
    pieces[3 : 2 + len(rows)] += rows[:-1, ::-1] * window[half:]
    return out[half : half + n]
