"""Echoes: ping-pong, and backwards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.dsp.filters import butterworth, cascade
from halation.dsp.reels import reel

__all__ = ["PingPong", "Reversal", "ping_pong", "reversed_delay"]

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
    echoes = PingPong(
        len(x),
        sample_rate,
        left_s=left_s,
        right_s=right_s,
        feedback=feedback,
        low_hz=low_hz,
        high_hz=high_hz,
    )
    echoes.play(x, 0, len(x))
    return echoes.out


class PingPong:
    """The echoes of :func:`ping_pong`, for a signal that comes stretch by stretch.

    Parameters
    ----------
    n : int >= 0 [samples]
        Length of the whole signal.
    sample_rate, left_s, right_s, feedback, low_hz, high_hz
        As in :func:`ping_pong`.

    Attributes
    ----------
    out : np.ndarray [shape=(2, n)], float32
        The echoes so far.
    behind : int [samples]
        How far it reads back in ``out``.
    """

    def __init__(
        self,
        n: int,
        sample_rate: int,
        *,
        left_s: float,
        right_s: float,
        feedback: float,
        low_hz: float,
        high_hz: float,
    ) -> None:
        top = min(high_hz, 0.45 * sample_rate)
        self._sections = np.concatenate(
            [
                butterworth(1, top, "lowpass", sample_rate),
                butterworth(1, min(low_hz, 0.5 * top), "highpass", sample_rate),
            ]
        )
        self._state = np.zeros((2, len(self._sections), 2), np.float32)
        self._times = tuple(max(int(t * sample_rate), 1) for t in (left_s, right_s))
        self._feedback = np.float32(feedback)
        self.out = reel(2, n)
        self.behind = max(self._times)

    def play(self, x: Signal, start: int, stop: int) -> None:
        """Echo the next stretch of ``x`` [shape=(n,)] into ``out``."""
        left, right = self.out
        to_left, to_right = self._times
        for first in range(start, stop, min(self._times)):
            last = min(first + min(self._times), stop)
            entering = _earlier(x, first, last, to_left)
            entering += self._feedback * _earlier(right, first, last, to_left)
            passing = self._feedback * _earlier(left, first, last, to_right)
            for side, signal in enumerate((entering, passing)):
                state = self._state[side]
                if not (signal.any() or np.abs(state).max() > 1e-9):
                    state[:] = 0.0
                    continue
                heard, self._state[side] = cascade(self._sections, signal, state)
                self.out[side, first:last] = heard


def _earlier(x: Signal, start: int, stop: int, delay: int) -> Signal:
    """Copy what lies ``delay`` samples before a stretch; silence beyond the ends."""
    found = np.zeros(stop - start, np.float32)
    first = max(delay - start, 0)
    if first < len(found):
        there = x[start + first - delay : stop - delay]
        found[first : first + len(there)] = there
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
    out = np.zeros((1, len(x)), np.float32)
    Reversal(chunk).play(x, 0, len(x), out, 1.0)
    return np.asarray(out[0])


class Reversal:
    """The pieces of :func:`reversed_delay`, for a signal that comes stretch by stretch.

    Parameters
    ----------
    chunk : int, even, > 0 [samples]

    Attributes
    ----------
    behind : int [samples]
        How far back it reads.
    """

    def __init__(self, chunk: int) -> None:
        self._half = chunk // 2
        self.behind = 3 * self._half
        # Squares of the window add up to 1: neighbouring pieces are different sounds.
        place = np.pi * (np.arange(2 * self._half) + 0.5) / (2 * self._half)
        self._window = np.asarray(np.sin(place), dtype=np.float32)

    def play(self, x: Signal, start: int, stop: int, out: Signal, gain: float) -> None:
        """Add a stretch to ``out`` [shape=(channels, n)] at its place, times a gain."""
        half, window = self._half, self._window
        for row in range(start // half, -(-stop // half)):
            # Piece k covers [(k-1) half, (k+1) half) of x and sounds from its end on.
            piece = _earlier(x, (row - 1) * half, row * half, 0)[::-1] * window[:half]
            piece += _earlier(x, (row - 3) * half, (row - 2) * half, 0)[::-1] * window[half:]
            first, last = max(start, row * half), min(stop, (row + 1) * half)
            out[:, first:last] += np.float32(gain) * piece[first - row * half : last - row * half]
