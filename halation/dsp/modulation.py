"""What wobbles: drawn walks and slow LFOs, and the tape that plays them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import HOP, ramp

__all__ = ["Warp", "drift", "lfo", "tape_delay", "warp"]

GOLDEN = (1.0 + 5.0**0.5) / 2.0
"""Ratio of an LFO's two rates: irrational, so that it never comes round."""

_ROW = 128
_BLOCK = 32_768
_STEEPEST = 1.0 / 64.0
_SILENCE = 1e-6

Signal = NDArray[np.float32]


def drift(rng: np.random.Generator, n: int, *, correlation: float = 0.8) -> NDArray[np.float64]:
    """Draw a random walk that is pulled back to 0.

    Parameters
    ----------
    rng : np.random.Generator
    n : int >= 0
        Number of values.
    correlation : float in [0, 1)
        Between neighbours.

    Returns
    -------
    np.ndarray [shape=(n,)], float64
        Standard deviation 1.

    References
    ----------
    Uhlenbeck and Ornstein, "On the theory of the Brownian motion", Phys. Rev. 36, 1930.

    Examples
    --------
    >>> walk = drift(np.random.default_rng(0), 10_000)
    >>> bool(abs(walk.std() - 1) < 0.1)
    True
    >>> bool(abs(np.corrcoef(walk[1:], walk[:-1])[0, 1] - 0.8) < 0.05)
    True
    """
    steps = rng.standard_normal(n)
    step = (1.0 - correlation**2) ** 0.5
    for i in range(1, n):
        steps[i] = correlation * steps[i - 1] + step * steps[i]
    return steps


def lfo(at: NDArray[np.float64], period: float, phases: tuple[float, float]) -> NDArray[np.float64]:
    """Read a slow oscillation that never repeats: two sines, their rates in the golden ratio.

    Parameters
    ----------
    at : np.ndarray
        Places in any unit of time.
    period : float > 0
        The slower sine's, in the same unit.
    phases : pair of float [turns]

    Returns
    -------
    np.ndarray of the same shape, within −1 … 1

    Examples
    --------
    >>> lfo(np.array([0.0, 1.0]), 4.0, (0.25, 0.25)).round(2).tolist()
    [1.0, -0.33]
    """
    slow = np.sin(2.0 * np.pi * (at / period + phases[0]))
    fast = np.sin(2.0 * np.pi * (at * GOLDEN / period + phases[1]))
    return np.asarray(0.6 * slow + 0.4 * fast)


def tape_delay(
    rng: np.random.Generator,
    depth: Signal,
    *,
    wow_hz: float,
    wow_cents: float,
    flutter_hz: float,
    flutter_cents: float,
    hop: int = HOP,
    sample_rate: int = 44_100,
) -> Signal:
    """Draw how far a worn tape machine lags behind or runs ahead.

    Parameters
    ----------
    rng : np.random.Generator
        Lets both rates wander.
    depth : np.ndarray [shape=(frames,)]
        What the deviations are multiplied by, at control rate.
    wow_hz, flutter_hz : float > 0 [Hz]
        Mean rates.
    wow_cents, flutter_cents : float >= 0 [cents]
        Greatest deviations of pitch where ``depth`` is 1.
    hop : int > 0
        Samples between two control values.
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(frames,)], float32 [samples]
        Delay for :func:`warp`; around 0, so that the voice stays in time.

    Examples
    --------
    >>> still = tape_delay(np.random.default_rng(0), np.ones(9, np.float32), wow_hz=0.5,
    ...                    wow_cents=0.0, flutter_hz=8.0, flutter_cents=0.0)
    >>> bool((still == 0).all())
    True
    """
    frames = len(depth)
    step_s = hop / sample_rate
    delay = np.zeros(frames)
    for rate_hz, cents in ((wow_hz, wow_cents), (flutter_hz, flutter_cents)):
        # The rate itself wanders by a tenth: new values twice a period, straight lines between.
        knots = int(frames * step_s * rate_hz * 2.0) + 2
        wander = np.interp(
            np.arange(frames) * step_s * rate_hz * 2.0,
            np.arange(knots),
            drift(rng, knots, correlation=0.7),
        )
        phase = rng.random() + np.cumsum(rate_hz * step_s * (1.0 + 0.1 * wander))
        speed = cents * np.log(2.0) / 1200.0
        delay += speed * sample_rate / (2.0 * np.pi * rate_hz) * np.sin(2.0 * np.pi * phase)
    return np.asarray(delay * depth, dtype=np.float32)


def warp(x: Signal, delay: Signal, hop: int = HOP, out: Signal | None = None) -> Signal:
    """Play a signal with a delay that moves, as a tape does whose speed wavers.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    delay : np.ndarray [shape=(ceil(n / hop) + 1,)] [samples]
        Control of the delay; negative values read ahead. Beyond the ends there is silence.
    hop : int, a multiple of 128
        Samples between two control values.

    out : np.ndarray [shape=(channels, n)], float32, optional
        Takes the result; may be ``x`` itself.

    Returns
    -------
    np.ndarray [shape=(channels, n)], float32

    Notes
    -----
    Lagrange interpolation over five samples; where the speed is off by more than 1/64 (a tape that
    stops), over two.

    References
    ----------
    Laakso et al., "Splitting the unit delay", IEEE Signal Processing Magazine 13(1), 1996.

    Examples
    --------
    >>> x = np.sin(np.arange(2000) / 20, dtype=np.float32)[None]
    >>> late = warp(x, np.full(9, 10.5, np.float32))
    >>> bool(np.max(np.abs(late[0, 500:1500] - np.sin((np.arange(500, 1500) - 10.5) / 20))) < 1e-4)
    True
    """
    if out is None:
        out = np.zeros(x.shape, np.float32)
    Warp(delay, hop, len(x)).play(x, 0, x.shape[1], out)
    return out


class Warp:
    """The tape of :func:`warp`, for a signal that comes stretch by stretch.

    Parameters
    ----------
    delay, hop
        As in :func:`warp`; the control is that of the whole signal.
    channels : int > 0

    Attributes
    ----------
    reach : int [samples]
        How far beyond a stretch it may read.
    """

    def __init__(self, delay: Signal, hop: int = HOP, channels: int = 2) -> None:
        # What lies before a block is kept, because where out is x it has been written over.
        self._kept = int(loops.peak(delay)) + 4
        self.reach = int(max(0.0, -float(delay.min(initial=0.0)))) + 4
        self._past = np.zeros((channels, self._kept), np.float32)
        self._delay, self._hop = delay, hop

    def play(self, x: Signal, start: int, stop: int, out: Signal) -> None:
        """Play the next stretch.

        Parameters
        ----------
        x : np.ndarray [shape=(channels, n)], float32
            Final up to ``stop + reach``, or the end.
        start, stop : int [samples]
            ``start`` is where the stretch before has ended, a multiple of ``hop``.
        out : np.ndarray [shape=(channels, n)], float32
            Takes the stretch at its place; may be ``x`` itself.
        """
        for first in range(start, stop, _BLOCK):
            self._play_block(x, first, min(first + _BLOCK, stop), out)

    def _play_block(self, x: Signal, start: int, stop: int, out: Signal) -> None:
        hop, kept = self._hop, self._kept
        local = self._delay[start // hop : -(-stop // hop) + 1]
        reach = int(loops.peak(local)) + 4
        ahead = x[:, start : stop + reach]
        span = np.zeros((len(x), stop - start + 2 * reach), np.float32)
        span[:, :reach] = self._past[:, kept - reach :]
        span[:, reach : reach + ahead.shape[1]] = ahead
        width = min(stop - start, kept)
        self._past = np.concatenate((self._past[:, width:], x[:, stop - width : stop]), axis=1)
        if loops.below(span, _SILENCE):
            if out is x:
                out[:, start:stop] = 0.0
        elif not local.any():
            out[:, start:stop] = x[:, start:stop]
        elif np.abs(np.diff(local)).max(initial=0.0) <= hop * _STEEPEST:
            loops.lag(span, local, hop, _ROW, out[:, start:stop])
        else:
            late = ramp(self._delay, hop, start, stop)
            out[:, start:stop] = _gathered(span, late, reach)


def _gathered(span: Signal, lag: Signal, origin: int) -> Signal:
    """Read every sample at a place of its own."""
    place = np.clip(origin + np.arange(len(lag)) - lag.astype(np.float64), 0, span.shape[1] - 2)
    whole = place.astype(np.int64)
    fraction = (place - whole).astype(np.float32)
    left, right = span[:, whole], span[:, whole + 1]
    return np.asarray(left + (right - left) * fraction, dtype=np.float32)
