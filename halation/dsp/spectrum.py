"""Long-term spectrum: what a song's balance is, and the filter that moves it."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "band_levels",
    "centroid_hz",
    "convolve_into",
    "convolve_stretch",
    "minimum_phase",
    "power_spectrum",
    "slope_db_per_octave",
]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

SLOPE_RANGE_HZ: Final = (100.0, 10_000.0)
_FRAME = 8_192
_BANDS_PER_OCTAVE = 3
_FLOOR = 1e-20
_AT_ONCE = 4
"""Transforms of so many rows in one call: the library does them side by side."""


def power_spectrum(
    x: Signal, sample_rate: int, *, frame: int = _FRAME, max_frames: int = 400
) -> tuple[Values, Values]:
    """Measure the long-term power spectral density.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int [Hz]
    frame : int > 0 [samples]
        Length of the Hann-windowed frames.
    max_frames : int > 0
        Frames that are looked at, spread evenly over the signal.

    Returns
    -------
    frequencies, power : np.ndarray [shape=(frame // 2 + 1,)]
        In Hz, and in full scale squared per Hz, summed over the channels.

    References
    ----------
    Welch, "The use of fast Fourier transform for the estimation of power spectra",
    IEEE Trans. Audio Electroacoust. 15(2), 1967.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(44100) / 44100).astype(np.float32)[None]
    >>> frequencies, power = power_spectrum(tone, 44100)
    >>> bool(abs(frequencies[power.argmax()] - 1000) < 6)
    True
    >>> round(float(power.sum() * frequencies[1]), 2)
    0.5
    """
    from scipy.fft import rfft, rfftfreq

    if x.shape[1] < frame:
        x = np.pad(x, ((0, 0), (0, frame - x.shape[1])))
    last = x.shape[1] - frame
    count = min(max_frames, 1 + 2 * last // frame)
    starts = np.linspace(0, last, count).astype(int)
    window = np.hanning(frame + 1)[:-1].astype(np.float32)

    def power(chosen: Values) -> Values:
        total = np.zeros(frame // 2 + 1)
        for some in np.array_split(chosen, max(1, len(chosen) // _AT_ONCE)):
            frames = np.stack([x[:, start : start + frame] for start in some])
            frames *= window
            spectra = rfft(frames, axis=2)
            energy = spectra.real**2
            energy += spectra.imag**2
            total += energy.sum(axis=(0, 1), dtype=np.float64)
        return total

    total = power(starts)
    total *= 2.0 / (count * sample_rate * float(np.sum(window.astype(np.float64) ** 2)))
    return np.asarray(rfftfreq(frame, 1.0 / sample_rate)), total


def band_levels(
    frequencies: Values,
    power: Values,
    low_hz: float = SLOPE_RANGE_HZ[0],
    high_hz: float = SLOPE_RANGE_HZ[1],
) -> tuple[Values, Values]:
    """Average a power spectral density over third-octave bands.

    Parameters
    ----------
    frequencies, power : np.ndarray
        As :func:`power_spectrum` returns them.
    low_hz, high_hz : float > 0 [Hz]
        Outer edges of the lowest and the highest band.

    Returns
    -------
    centres_hz, levels_db : np.ndarray [shape=(bands,)]

    Examples
    --------
    >>> f = np.linspace(0, 22050, 4097)
    >>> centres, levels = band_levels(f, np.ones(4097))
    >>> len(centres), bool(np.allclose(levels, 0.0))
    (20, True)
    """
    count = round(_BANDS_PER_OCTAVE * np.log2(high_hz / low_hz))
    edges = np.geomspace(low_hz, high_hz, count + 1)
    bounds = np.searchsorted(frequencies, edges)
    cumulated = np.concatenate(([0.0], np.cumsum(power)))
    width = np.maximum(np.diff(bounds), 1)
    mean = (cumulated[bounds[:-1] + width] - cumulated[bounds[:-1]]) / width
    return np.sqrt(edges[:-1] * edges[1:]), 10.0 * np.log10(np.maximum(mean, _FLOOR))


def slope_db_per_octave(frequencies: Values, power: Values) -> float:
    """Fit a line through the third-octave levels from 100 Hz to 10 kHz.

    Examples
    --------
    >>> f = np.arange(1.0, 22050.0)
    >>> round(slope_db_per_octave(f, 1.0 / f), 2)
    -3.01
    """
    centres, levels = band_levels(frequencies, power)
    return float(np.polyfit(np.log2(centres), levels, 1)[0])


def centroid_hz(x: Signal, sample_rate: int, *, frame: int = 2_048) -> float:
    """Measure brightness: the median over frames of the magnitude-weighted mean frequency.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int [Hz]
    frame : int > 0 [samples]

    Returns
    -------
    float [Hz]
        0 for silence.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(44100) / 44100).astype(np.float32)[None]
    >>> 990 < centroid_hz(tone, 44100) < 1010
    True
    """
    from scipy.fft import rfft, rfftfreq

    mono = x.mean(axis=0, dtype=np.float32)
    count = len(mono) // frame
    if not count:
        return 0.0
    window = np.hanning(frame + 1)[:-1].astype(np.float32)
    frequencies = rfftfreq(frame, 1.0 / sample_rate).astype(np.float32)
    found: list[float] = []
    for start in range(0, count, 64):
        stretch = mono[start * frame : min(start + 64, count) * frame].reshape(-1, frame)
        magnitude = np.abs(rfft(stretch * window, axis=1))
        weight = magnitude.sum(axis=1)
        heard = weight > 1e-4
        found.extend((magnitude[heard] @ frequencies / weight[heard]).tolist())
    return float(np.median(found)) if found else 0.0


def minimum_phase(gain_db: Values, taps: int) -> Signal:
    """Make the filter of shortest delay with a given response.

    Parameters
    ----------
    gain_db : np.ndarray [shape=(m + 1,)] [dB]
        Wanted gain at m + 1 frequencies evenly spaced from 0 to half the sample rate;
        m should be a few times ``taps``.
    taps : int > 0
        Length of the filter.

    Returns
    -------
    np.ndarray [shape=(taps,)], float32
        Impulse response; its end is faded out.

    References
    ----------
    Oppenheim and Schafer, "Discrete-Time Signal Processing", 3rd ed., 2010, section 13.

    Examples
    --------
    >>> minimum_phase(np.full(513, 6.0206), 4).round(3).tolist()
    [2.0, 0.0, 0.0, 0.0]
    """
    from scipy.fft import irfft, rfft

    size = 2 * (len(gain_db) - 1)
    cepstrum = irfft(np.asarray(gain_db) * (np.log(10.0) / 20.0), size)
    fold = np.zeros(size)
    fold[0] = fold[size // 2] = 1.0
    fold[1 : size // 2] = 2.0
    response = irfft(np.exp(rfft(cepstrum * fold)), size)[:taps]
    fade = taps // 4
    response[taps - fade :] *= np.cos(np.linspace(0.0, np.pi / 2, fade)) ** 2
    return np.asarray(response, dtype=np.float32)


def convolve_stretch(
    x: Signal, response: Signal, start: int, stop: int, out: Signal, *, size: int = 32_768
) -> None:
    """Filter a stretch of a long signal by overlap-save, a block at a time.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    response : np.ndarray [shape=(taps,)], float32
        Impulse response; ``taps`` must be less than ``size``.
    start, stop : int in 0..n
    out : np.ndarray [shape=(channels, stop - start)], float32
        Takes the stretch of the convolution; must not overlap ``x``.
    size : int
        Length of the transforms; the result does not depend on it (beyond rounding).

    Examples
    --------
    >>> x, y = np.eye(1, 8, dtype=np.float32), np.empty((1, 2), np.float32)
    >>> convolve_stretch(x, np.array([1, 0.5], np.float32), 1, 3, y)
    >>> np.abs(y).round(4)[0].tolist()
    [0.5, 0.0]
    """
    from scipy.fft import irfft, rfft

    past = len(response) - 1
    step = size - past
    spectrum = rfft(response, size)
    blocks = np.empty((_AT_ONCE, size), np.float32)
    for channel, row in enumerate(x):
        for begin in range(start, stop, _AT_ONCE * step):
            starts = range(begin, min(begin + _AT_ONCE * step, stop), step)
            for block, at in zip(blocks, starts, strict=False):
                first, last = at - past, min(at + step, stop)
                block[: max(0, -first)] = 0.0
                block[last - first :] = 0.0
                block[max(0, -first) : last - first] = row[max(0, first) : last]
            moved = rfft(blocks[: len(starts)])
            moved *= spectrum
            found = irfft(moved, size, overwrite_x=True)[:, past:].reshape(-1)
            last = min(begin + found.size, stop)
            out[channel, begin - start : last - start] = found[: last - begin]


def convolve_into(x: Signal, response: Signal, out: Signal, *, size: int = 32_768) -> None:
    """Filter a whole signal; see :func:`convolve_stretch`.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    response : np.ndarray [shape=(taps,)], float32
        Impulse response; ``taps`` must be less than ``size``.
    out : np.ndarray [shape=(channels, n)], float32
        Takes the first n samples of the convolution; must not overlap ``x``.
    size : int
        Length of the transforms; the result does not depend on it (beyond rounding).

    Examples
    --------
    >>> x, y = np.eye(1, 8, dtype=np.float32), np.empty((1, 8), np.float32)
    >>> convolve_into(x, np.array([1, 0.5], np.float32), y, size=4)
    >>> y.round(4)[0, :3].tolist()
    [1.0, 0.5, 0.0]
    """
    convolve_stretch(x, response, 0, x.shape[1], out, size=size)
