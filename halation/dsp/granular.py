"""Pitch that shifts, made of overlapping grains."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from halation.dsp import loops

__all__ = ["octave_up"]

SILENCE = 1e-6

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
    channels, n = x.shape
    hop = grain // 4
    count = -(-n // hop)
    margin = grain + delay + jitter + hop
    padded = np.zeros((channels, n + 2 * margin + 2 * grain), np.float32)
    padded[:, margin : margin + n] = x
    scatter = rng.integers(-jitter, jitter + 1, count) if jitter else np.zeros(count, np.int64)
    # A grain sounds from k*hop on; it reads twice its length around its own middle.
    starts = margin + np.arange(count) * hop - grain // 2 - delay + scatter
    window = np.asarray(0.5 * np.hanning(grain + 1)[:-1], dtype=np.float32)
    out = np.zeros((channels, (count + 4) * hop), np.float32)
    step = padded.strides[1]
    twice = as_strided(
        padded,
        (channels, padded.shape[1] - 2 * grain, grain),
        (padded.strides[0], step, 2 * step),
        writeable=False,
    )
    for first in range(0, count, 64):
        last = min(first + 64, count)
        low, high = int(starts[first:last].min()), int(starts[first:last].max()) + 2 * grain
        span = padded[:, low:high]
        if loops.below(span, SILENCE):
            continue
        grains = twice[:, starts[first:last]] * window
        for quarter in range(4):
            place = out[:, (first + quarter) * hop : (last + quarter) * hop]
            place += grains[:, :, quarter * hop : (quarter + 1) * hop].reshape(channels, -1)
    return out[:, :n]
