"""Pitch that shifts, made of overlapping grains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops

__all__ = ["Octave", "octave_up"]

Signal = NDArray[np.float32]


def octave_up(
    x: Signal,
    rng: np.random.Generator,
    *,
    grain: int = 4_096,
    delay: int = 0,
    jitter: int = 0,
) -> Signal:
    """Shift a signal up by an octave with overlapping grains.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        Content above a quarter of the sample rate folds back: low-pass it before.
    rng : np.random.Generator
        Scatters the grains.
    grain : int, a multiple of 4 [samples]
        Length of a grain; four overlap.
    delay, jitter : int >= 0 [samples]
        How far back grains read, and how far from there they may stray either way.

    Returns
    -------
    np.ndarray [shape=(channels, n)], float32

    Notes
    -----
    Grains do not look for matching phases, so a steady tone comes out slightly rough: meant for
    what is blurred afterwards, or lies under its own original.

    References
    ----------
    Roads, *Microsound*, MIT Press 2001, chapter 5.

    Examples
    --------
    >>> x = np.sin(2 * np.pi * 500 * np.arange(44100) / 44100, dtype=np.float32)[None]
    >>> spectrum = np.abs(np.fft.rfft(octave_up(x, np.random.default_rng(1))[0]))
    >>> bool(abs(np.argmax(spectrum) - 1000) < 30)
    True
    """
    octave = Octave(x.shape[1], rng, grain=grain, delay=delay, jitter=jitter)
    return octave.layer(x, 0, x.shape[1])


class Octave:
    """The grains of :func:`octave_up`, for a signal that comes stretch by stretch.

    Parameters
    ----------
    n : int >= 0 [samples]
        Length of the whole signal.
    rng, grain, delay, jitter
        As in :func:`octave_up`.

    Attributes
    ----------
    ahead, behind : int [samples]
        How far after and before a stretch it reads.
    """

    def __init__(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        grain: int = 4_096,
        delay: int = 0,
        jitter: int = 0,
    ) -> None:
        self._hop, self._grain = grain // 4, grain
        count = -(-n // self._hop)
        scatter = rng.integers(-jitter, jitter + 1, count) if jitter else np.zeros(count, np.int64)
        # A grain sounds from k*hop on; it reads twice its length around its own middle.
        starts = np.arange(count, dtype=np.int64) * self._hop - grain // 2 - delay + scatter
        self._starts = starts
        self._window = np.asarray(0.5 * np.hanning(grain + 1)[:-1], dtype=np.float32)
        self.ahead = max(0, 2 * grain - grain // 2 - delay + jitter)
        self.behind = grain // 2 + delay + jitter + grain

    def layer(self, x: Signal, start: int, stop: int) -> Signal:
        """Return the octave of a stretch [shape=(channels, stop - start)].

        Parameters
        ----------
        x : np.ndarray [shape=(channels, n)], float32
            Final up to ``stop + ahead``, or the end.
        start, stop : int [samples]
        """
        hop, n = self._hop, x.shape[1]
        first = max(0, start // hop - 3)
        last = min(-(-stop // hop), len(self._starts))
        chosen = self._starts[first:last]
        if not len(chosen) or stop <= start:
            return np.zeros((len(x), max(0, stop - start)), np.float32)
        low = max(0, int(chosen.min()))
        high = min(n, max(low, int(chosen.max()) + 2 * self._grain))
        length = max(high - low, stop - first * hop)
        source = np.zeros((len(x), length), np.float32)
        source[:, : high - low] = x[:, low:high]
        found = loops.octave(source, np.ascontiguousarray(chosen - low), hop, self._window)
        return found[:, start - first * hop : stop - first * hop]
