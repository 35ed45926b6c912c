"""Filters that move and pitch that shifts, made of overlapping windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from halation.dsp.automation import HOP

__all__ = ["FRAME", "OPEN_HZ", "OVERLAP", "octave_up", "reshaped", "swept"]

FRAME = 4_096
OVERLAP = 1_024
OPEN_HZ = 17_000.0
"""A low-pass that stands here or above is taken for open and costs nothing."""

SILENCE = 1e-6
_BATCH = 16

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
    n = x.shape[1]
    hop = frame - overlap
    rise = _rise(overlap)
    if out is None:
        out = np.zeros(x.shape, np.float32)  # pages of silence are never touched
    windows = -(-(n + overlap) // hop)
    work = np.empty((x.shape[0], min(_BATCH, windows), frame), np.float32)
    # What windows share with the ones before: as it came (where out is x, it has been written
    # over there), and as it goes.
    before = np.zeros((x.shape[0], overlap), np.float32)
    tail = np.zeros_like(before)
    for first in range(0, windows, _BATCH):
        last = min(first + _BATCH, windows)
        start, stop = first * hop - overlap, last * hop
        ahead, place = x[:, start + overlap : stop], out[:, max(start, 0) : stop - overlap]
        if _nothing(ahead) and _nothing(before):
            if out is x:
                place[:] = 0.0
            if start >= 0:
                place[:, :overlap] += tail[:, : place.shape[1]]
            before.fill(0.0)
            tail.fill(0.0)
            continue
        gain = gains(first, last)
        if gain is None:  # windows and their overlaps add up to 1, but for the outer edges
            edge = before * rise**2 + tail
            before = _padded(x, stop - overlap, stop)
            if out is not x:
                place[:] = x[:, max(start, 0) : max(start, 0) + place.shape[1]]
            if start >= 0:
                place[:, :overlap] = edge[:, : place.shape[1]]
            tail = before * rise[::-1] ** 2
            continue
        frames = work[:, : last - first]
        latest = _cut(ahead, before, frames, middle_side=middle_side)
        if middle_side and not frames[1].any():
            shaped = np.repeat(_shaped(frames[:1], gain[:1], rise), 2, axis=0)
        else:
            shaped = _shaped(frames, gain, rise)
            if middle_side:
                _from_middle_side(shaped)
        # Windows share only their edges.
        shaped[:, 1:, :overlap] += shaped[:, :-1, hop:]
        shaped[:, 0, :overlap] += tail
        done = shaped[:, :, :hop].reshape(len(shaped), -1)[:, max(-start, 0) :]
        place[:] = done[:, : place.shape[1]]
        before, tail = latest, shaped[:, -1, hop:].copy()
    return out


def _nothing(x: Signal) -> bool:
    """Tell whether a stretch is silent; a probe answers for most sound."""
    if not x.size:
        return True
    if np.abs(x[:, ::97]).max() >= SILENCE:
        return False
    return bool(x.max() < SILENCE and x.min() > -SILENCE)


def _padded(x: Signal, start: int, stop: int) -> Signal:
    """Return a copy of a stretch, with zeros where there is no more signal."""
    found = x[:, start:stop]
    return np.pad(found, ((0, 0), (0, stop - start - found.shape[1])))


def _cut(ahead: Signal, before: Signal, frames: Signal, *, middle_side: bool) -> Signal:
    """Cut a stretch into overlapping frames; return the end of it, which the next will share."""
    channels, count, frame = frames.shape
    overlap = before.shape[1]
    if ahead.shape[1] < count * (frame - overlap):
        ahead = _padded(ahead, 0, count * (frame - overlap))
    rows = ahead.reshape(channels, count, -1)
    own = frames[:, :, overlap:]
    latest = np.array(ahead[:, -overlap:])
    if middle_side:
        np.add(rows[0], rows[1], out=own[0])
        np.subtract(rows[0], rows[1], out=own[1])
        np.add(before[0], before[1], out=frames[0, 0, :overlap])
        np.subtract(before[0], before[1], out=frames[1, 0, :overlap])
    else:
        own[:] = rows
        frames[:, 0, :overlap] = before
    frames[:, 1:, :overlap] = frames[:, :-1, frame - overlap :]
    return latest


def _from_middle_side(frames: Signal) -> None:
    """Turn sum and difference into left and right, in place."""
    middle, side = frames
    middle += side
    side *= np.float32(-2.0)
    side += middle


def _shaped(frames: Signal, gain: Signal, rise: Signal) -> Signal:
    """Filter windows ``[shape=(channels, windows, frame)]``, which are used up."""
    from scipy.fft import irfft, rfft

    overlap, fall = len(rise), rise[::-1]
    frames[..., :overlap] *= rise
    frames[..., -overlap:] *= fall
    spectra = rfft(frames, axis=-1, overwrite_x=True)
    spectra *= gain
    shaped = irfft(spectra, n=frames.shape[-1], axis=-1, overwrite_x=True)
    shaped[..., :overlap] *= rise
    shaped[..., -overlap:] *= fall
    return np.asarray(shaped, dtype=np.float32)


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
        if span.max() < SILENCE and span.min() > -SILENCE:
            continue
        grains = twice[:, starts[first:last]] * window
        for quarter in range(4):
            place = out[:, (first + quarter) * hop : (last + quarter) * hop]
            place += grains[:, :, quarter * hop : (quarter + 1) * hop].reshape(channels, -1)
    return out[:, :n]
