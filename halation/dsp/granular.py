"""Pitch that shifts, made of overlapping grains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops

__all__ = ["octave_up"]

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
    hop = grain // 4
    count = -(-x.shape[1] // hop)
    scatter = rng.integers(-jitter, jitter + 1, count) if jitter else np.zeros(count, np.int64)
    # A grain sounds from k*hop on; it reads twice its length around its own middle.
    starts = np.arange(count, dtype=np.int64) * hop - grain // 2 - delay + scatter
    window = np.asarray(0.5 * np.hanning(grain + 1)[:-1], dtype=np.float32)
    return loops.octave(x, starts, hop, window)
