"""Filters that move and pitch that shifts, made of overlapping windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import HOP, silent

__all__ = ["FRAME", "OPEN_HZ", "OVERLAP", "octave_up", "reshaped", "swept"]

FRAME = 4_096
OVERLAP = 1_024
OPEN_HZ = 17_000.0
"""A low-pass that stands here or above is taken for open and costs nothing."""

SILENCE = 1e-6
_BATCH = 16
_MIDDLE_SIDE = [(0, 1, 1.0), (0, 1, -1.0)]
"""Sum and difference, there and back."""

Signal = NDArray[np.float32]


def reshaped(
    x: Signal,
    gains: Callable[[int, int], Signal | None],
    frame: int = FRAME,
    overlap: int = OVERLAP,
    *,
    middle_side: bool = False,
    out: Signal | None = None,
) -> Signal:
    """Multiply the spectrum of overlapping windows by gains that change from window to window.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    gains : function of (first, last)
        Returns the gains of windows ``first`` to ``last``, of shape (windows, frame // 2 + 1) or
        (channels, windows, frame // 2 + 1), or None where all of them are 1. Window k is centred
        on sample ``k * (frame - overlap) + frame // 2 - overlap``.
    frame, overlap : int > 0 [samples]
        A window's length, and how much of it is shared with the next; at most half of it.
    middle_side : bool
        Whether the gains mean the sum and the difference of two channels; 1/2 changes nothing.
    out : np.ndarray [shape=(channels, n)], float32, optional
        Takes the result; may be ``x`` itself.

    Returns
    -------
    np.ndarray [shape=(channels, n)], float32
        Zero phase: nothing is delayed. Silent stretches are skipped.

    References
    ----------
    Allen and Rabiner, "A unified approach to short-time Fourier analysis and synthesis",
    Proc. IEEE 65(11), 1977.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32)
    >>> halved = reshaped(x, lambda first, last: np.full((last - first, 2049), 0.5, np.float32))
    >>> bool(np.max(np.abs(halved - x / 2)) < 1e-5)
    True
    """
    from scipy.fft import irfft, rfft

    n, hop, rise = x.shape[1], frame - overlap, _rise(overlap)
    windows = -(-(n + overlap) // hop)
    clean = out is None
    if out is None:
        out = np.zeros(x.shape, np.float32)  # pages of silence are never touched
    ways = _MIDDLE_SIDE if middle_side else [(row, row, 0.0) for row in range(len(x))]
    work = np.empty((len(x), min(_BATCH, windows), frame), np.float32)
    tail = np.zeros((len(x), overlap), np.float32)  # of the windows before, not written yet
    for first in range(0, windows, _BATCH):
        last = min(first + _BATCH, windows)
        start, stop = first * hop - overlap, last * hop
        heard, place = x[:, max(start, 0) : stop], out[:, max(start, 0) : stop - overlap]
        if loops.below(heard, SILENCE):
            if not clean:
                place[:] = 0.0
            place[:, :overlap] += tail[:, : place.shape[1]]
            tail.fill(0.0)
            continue
        gain = gains(first, last)
        if gain is None:
            _pass(heard, place, tail, rise, first=start < 0)
            continue
        frames, back = work[:, : last - first], ways
        loops.cut(x, ways, rise, start, frames)
        if middle_side and silent(frames[1].reshape(-1)):
            frames, gain, back = frames[:1], gain[:1], [(0, 0, 0.0), (0, 0, 0.0)]
        spectra = rfft(frames, axis=-1, overwrite_x=True)
        loops.scale(spectra, gain)
        loops.join(irfft(spectra, n=frame, axis=-1), back, rise, tail, start, out)
    return out


def _pass(heard: Signal, place: Signal, tail: Signal, rise: Signal, *, first: bool) -> None:
    """Let a stretch through: windows and their overlaps add up to 1, but for the outer edges."""
    size = min(len(rise), place.shape[1])
    edge = heard[:, :size] * rise[:size] ** 2 + tail[:, :size]
    end = heard[:, place.shape[1] :]
    tail.fill(0.0)
    np.multiply(end, rise[::-1][: end.shape[1]] ** 2, out=tail[:, : end.shape[1]])
    place[:] = heard[:, : place.shape[1]]
    if not first:
        place[:, :size] = edge


def _rise(overlap: int) -> Signal:
    """Return a window's rising edge; its squares and those of the falling edge add up to 1."""
    return np.sin(0.5 * np.pi * (np.arange(overlap) + 0.5) / overlap).astype(np.float32)


def swept(
    x: Signal,
    sample_rate: int,
    cutoff_hz: Signal,
    *,
    highpass_hz: float | Sequence[float] = (),
    side_highpass_hz: float = 0.0,
    order: int = 3,
    hop: int = HOP,
    out: Signal | None = None,
) -> Signal:
    """Low-pass a signal at a cutoff that moves, and high-pass it at some that do not.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int [Hz]
    cutoff_hz : np.ndarray [shape=(ceil(n / hop) + 1,)] [Hz]
        Where the low-pass is 3 dB down, at control rate; from :data:`OPEN_HZ` on it is open.
    highpass_hz : float > 0, or several [Hz]
        Where high-passes (12 dB/octave) are 3 dB down.
    side_highpass_hz : float >= 0 [Hz]
        Where a high-pass (24 dB/octave) of the difference of two channels is 3 dB down; 0 for none.
    order : int > 0
        Slope of the low-pass: 6 dB/octave for each (the magnitude of a Butterworth filter).
    hop : int > 0
        Samples between two control values.
    out : np.ndarray [shape=(channels, n)], float32, optional
        Takes the result; may be ``x`` itself.

    Returns
    -------
    np.ndarray [shape=(channels, n)], float32

    Examples
    --------
    >>> t = np.arange(44100) / 44100
    >>> x = np.sin(2 * np.pi * 4000 * t, dtype=np.float32)[None]
    >>> y = swept(x, 44100, np.full(174, 1000.0, np.float32))
    >>> round(20 * float(np.log10(y[0, 9000:30000].std() / x[0, 9000:30000].std())))
    -36
    """
    bins_hz = np.arange(FRAME // 2 + 1) * (sample_rate / FRAME)
    steep = (bins_hz ** (2 * order)).astype(np.float32)
    cuts_hz = [float(hz) for hz in np.atleast_1d(highpass_hz)]
    low: Signal = _highpass(bins_hz, cuts_hz, 2)[None]
    if side_highpass_hz > 0.0:
        low = np.concatenate((low, np.multiply(low, _highpass(bins_hz, [side_highpass_hz], 4))))
        low *= np.float32(0.5)
    always = bool(cuts_hz) or side_highpass_hz > 0.0
    stride = FRAME - OVERLAP
    windows = -(-(x.shape[1] + OVERLAP) // stride)
    centres = (np.arange(windows) * stride + FRAME // 2 - OVERLAP) // hop
    cutoffs = cutoff_hz[np.clip(centres, 0, len(cutoff_hz) - 1)].astype(np.float64)

    def gains(first: int, last: int) -> Signal | None:
        now = cutoffs[first:last]
        if now.min() >= OPEN_HZ:
            return low[:, None] if always else None
        scale = np.where(now >= OPEN_HZ, 0.0, now ** (-2.0 * order)).astype(np.float32)
        gain = steep * scale[:, None]
        gain += 1.0
        np.sqrt(gain, out=gain)
        return np.asarray(low[:, None] / gain)

    return reshaped(x, gains, middle_side=side_highpass_hz > 0.0, out=out)


def _highpass(bins_hz: NDArray[np.floating[Any]], cuts_hz: Sequence[float], order: int) -> Signal:
    """Return the magnitude of Butterworth high-passes in a row."""
    gain = np.ones(len(bins_hz))
    for hz in cuts_hz:
        ratio = (bins_hz / hz) ** (2 * order)
        gain *= np.sqrt(ratio / (1.0 + ratio))
    return gain.astype(np.float32)


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
