"""Filters that move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import HOP, silent

__all__ = ["OPEN_HZ", "Sweep", "swept"]

OPEN_HZ = 17_000.0
"""A low-pass that stands here or above is open: it changes nothing."""

CLOSING_HZ = 12_000.0
"""From here up to :data:`OPEN_HZ` more and more passes by the low-pass."""

_TWELVE_DB = (2.0**0.5,)
_TWENTY_FOUR_DB = tuple(2.0 * float(np.cos(np.pi * k / 8.0)) for k in (1, 3))
"""1/Q of the second-order filters that a Butterworth filter is made of."""

_RINGS = 4.0
"""How many periods of its lowest cutoff a filter is heard after the sound."""
_BLOCK = 128 * HOP

Signal = NDArray[np.float32]


def swept(
    x: Signal,
    sample_rate: int,
    cutoff_hz: Signal,
    *,
    highpass_hz: float | Sequence[float] = (),
    side_highpass_hz: float = 0.0,
    hop: int = HOP,
    out: Signal | None = None,
) -> Signal:
    """Low-pass a signal at a cutoff that moves, and high-pass it at some that do not.

    Parameters
    ----------
    x : np.ndarray [shape=(1 or 2, n)], float32
    sample_rate : int [Hz]
    cutoff_hz : np.ndarray [shape=(ceil(n / hop) + 1,)] [Hz]
        Where the low-pass (18 dB/octave) is 3 dB down, at control rate; from :data:`OPEN_HZ` on
        it is open.
    highpass_hz : float > 0, or several [Hz]
        Where high-passes (12 dB/octave) are 3 dB down.
    side_highpass_hz : float >= 0 [Hz]
        Where a high-pass (24 dB/octave) of the difference of two channels is 3 dB down; 0 for none.
    hop : int, a multiple of 64 [samples]
        Between two control values.
    out : np.ndarray [shape=(channels, n)], float32, optional
        Takes the result; may be ``x`` itself.

    Returns
    -------
    np.ndarray [shape=(channels, n)], float32
        Where the signal is silent for long it stays so.

    References
    ----------
    Zavalishin, *The Art of VA Filter Design*, 2012, chapter 4.

    Examples
    --------
    >>> t = np.arange(44100) / 44100
    >>> x = np.sin(2 * np.pi * 4000 * t, dtype=np.float32)[None]
    >>> y = swept(x, 44100, np.full(174, 1000.0, np.float32))
    >>> round(20 * float(np.log10(y[0, 9000:30000].std() / x[0, 9000:30000].std())))
    -37
    """
    target = np.zeros(x.shape, np.float32) if out is None else out
    if len(x) == 1:  # the loop takes two channels
        both = swept(np.repeat(x, 2, 0), sample_rate, cutoff_hz, highpass_hz=highpass_hz, hop=hop)
        target[:] = both[:1]
        return target
    if target is not x:
        target[:] = x
    sweep = Sweep(
        sample_rate,
        cutoff_hz,
        highpass_hz=highpass_hz,
        side_highpass_hz=side_highpass_hz,
        hop=hop,
    )
    sweep.pass_over(target, 0, x.shape[1])
    return target


class Sweep:
    """The filters of :func:`swept`, for a signal of two channels that comes stretch by stretch.

    Parameters
    ----------
    sample_rate, cutoff_hz, highpass_hz, side_highpass_hz, hop
        As in :func:`swept`; the control is that of the whole signal.
    """

    def __init__(
        self,
        sample_rate: int,
        cutoff_hz: Signal,
        *,
        highpass_hz: float | Sequence[float] = (),
        side_highpass_hz: float = 0.0,
        hop: int = HOP,
    ) -> None:
        cuts_hz = [float(hz) for hz in np.atleast_1d(highpass_hz)]
        sides_hz = [side_highpass_hz] if side_highpass_hz > 0.0 else []
        opening = np.clip((cutoff_hz - CLOSING_HZ) / (OPEN_HZ - CLOSING_HZ), 0.0, 1.0)
        self._opening = np.asarray(opening**2 * (3.0 - 2.0 * opening), np.float32)
        self._cutoff = _g(np.minimum(cutoff_hz, OPEN_HZ), sample_rate)
        lowest_hz = min(*cuts_hz, *sides_hz, float(cutoff_hz.min()), OPEN_HZ)
        self._ring = -(-int(_RINGS * sample_rate / lowest_hz) // hop) * hop
        self._high = _sections(cuts_hz, _TWELVE_DB, sample_rate)
        self._side = _sections(sides_hz, _TWENTY_FOUR_DB, sample_rate)
        self._hop = hop
        self._past = np.zeros((2, 0), np.float32)

    def pass_over(self, x: Signal, start: int, stop: int) -> None:
        """Filter the next stretch, in place.

        Parameters
        ----------
        x : np.ndarray [shape=(2, n)], float32
        start, stop : int [samples]
            ``start`` is where the stretch before has ended, a multiple of ``hop``.
        """
        head = min(self._ring, stop - start) if self._past.any() else 0
        began = np.concatenate((self._past, x[:, start : start + head]), axis=1)
        past = min(self._ring, start + x[:, start:stop].shape[1])
        kept = np.concatenate((self._past, x[:, max(start, stop - past) : stop]), axis=1)
        first = start - self._past.shape[1]
        self._past = kept[:, max(0, kept.shape[1] - self._ring) :].copy()
        done = start
        for begin, end in _sounding(x[:, start:stop], self._ring):
            _clear(x[:, done : start + begin])
            done = start + end
            self._run(x[:, start + begin : done], start + begin)
        _clear(x[:, done:stop])
        if head:  # what rings on from before
            self._run(began, first)
            x[:, start : start + head] = began[:, -head:]

    def _run(self, x: Signal, start: int) -> None:
        place = start // self._hop
        cutoff, opening = self._cutoff[place:], self._opening[place:]
        loops.sweep(x, x, self._high, self._side, cutoff, opening, self._hop, self._ring)


def _sections(cuts_hz: Sequence[float], damping: Sequence[float], sample_rate: int) -> Signal:
    rows = [(_g(hz, sample_rate), k) for hz in cuts_hz for k in damping]
    return np.array(rows, np.float32).reshape(-1, 2)


def _g(hz: float | NDArray[Any], sample_rate: int) -> Signal:
    """Return what a state variable filter calls its cutoff."""
    return np.asarray(np.tan(np.pi * np.minimum(hz, 0.45 * sample_rate) / sample_rate), np.float32)


def _clear(x: Signal) -> None:
    """Silence what hardly sounds; what is silent is not touched, as it may have no memory yet."""
    if x.size and loops.peak(x) > 0.0:
        x[:] = 0.0


def _sounding(x: Signal, ring: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches that sound, each with what rings after it."""
    n = x.shape[1]
    begun: int | None = None
    for start in range(0, n, _BLOCK):
        if not silent(x[:, start : start + _BLOCK]):
            begun = start if begun is None else begun
        elif begun is not None:
            # The block is longer than any ring that is worth hearing.
            yield begun, min(start + min(ring, _BLOCK), n)
            begun = None
    if begun is not None:
        yield begun, n
