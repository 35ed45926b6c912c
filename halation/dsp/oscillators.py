"""Sources of sound: PADsynth tables, FM, wavetables and shaped noise.

Everything is band-limited below :data:`TOP_HZ`, so nothing folds back.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from halation.dsp import loops

__all__ = [
    "TOP_HZ",
    "fm",
    "hz",
    "noise",
    "padsynth",
    "read_wavetable",
    "wavetable",
]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

TOP_HZ: Final = 17_000.0
"""No source has a partial above this."""

MONO_BELOW_HZ: Final = 120.0
WIDE_ABOVE_HZ: Final = 400.0
"""Between these the two channels of a table drift apart; the low end stays in the middle."""

STEREO_SPREAD: Final = 0.75
"""Greatest phase difference of the channels, in half turns; their correlation is its sinc, 0.3."""


def hz(pitch: ArrayLike) -> Values:
    """Return the frequency of a MIDI number, equal temperament at A4 = 440 Hz.

    Examples
    --------
    >>> float(hz(69)), round(float(hz(60)), 2)
    (440.0, 261.63)
    """
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch, np.float64) - 69.0) / 12.0))


@cache
def _spread(n: int, sample_rate: int) -> Signal:
    frequency_hz = np.arange(n // 2 + 1, dtype=np.float32) * np.float32(sample_rate / n)
    rise = (frequency_hz - MONO_BELOW_HZ) / (WIDE_ABOVE_HZ - MONO_BELOW_HZ)
    return np.asarray(np.clip(rise, 0.0, 1.0) * np.float32(STEREO_SPREAD))


def _stereo(power: Signal, n: int, sample_rate: int, rng: np.random.Generator) -> Signal:
    """Turn a power spectrum into a seamless stereo table of unit RMS with random phases."""
    from scipy.fft import irfft

    filled = np.flatnonzero(power)
    if not filled.size:
        return np.zeros((2, n), np.float32)
    bins = slice(int(filled[0]), int(filled[-1]) + 1)
    magnitude = np.sqrt(power[bins] * np.float32(n * n / (2.0 * power.sum(dtype=np.float64))))
    spectra = np.zeros((2, n // 2 + 1), np.complex64)
    word = int(rng.integers(2**64, dtype=np.uint64))
    loops.scatter(magnitude, word, *spectra[:, bins], apart=_spread(n, sample_rate)[bins])
    return np.asarray(irfft(spectra, n, overwrite_x=True))


def padsynth(
    frequencies_hz: ArrayLike,
    amplitudes: ArrayLike,
    widths_hz: ArrayLike,
    *,
    n: int,
    sample_rate: int,
    rng: np.random.Generator,
) -> Signal:
    """Render a long, seamless stereo table of harmonics spread into Gaussian bands.

    Parameters
    ----------
    frequencies_hz, amplitudes, widths_hz : array_like [shape=(bands,)]
        Centre, RMS amplitude and standard deviation of each band.
    n : int
        Length of the table in samples; a power of two is fastest.
    sample_rate : int [Hz]
    rng : np.random.Generator
        Draws the phases.

    Returns
    -------
    np.ndarray [shape=(2, n)], float32
        RMS 1.0 in each channel, no DC, without a seam where the end meets the start. Below
        120 Hz both channels are the same.

    References
    ----------
    Nasca, "PADsynth algorithm", 2005, https://zynaddsubfx.sourceforge.io/doc/PADsynth/PADsynth.htm

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> table = padsynth([220.0], [1.0], [2.0], n=4096, sample_rate=44100, rng=rng)
    >>> table.shape, round(float(np.sqrt(np.mean(table[0] ** 2))), 3)
    ((2, 4096), 1.0)
    """
    bin_hz = sample_rate / n
    top = min(n // 2, int(TOP_HZ / bin_hz))
    power = np.zeros(n // 2 + 1, np.float32)
    bands = np.broadcast_arrays(
        np.asarray(frequencies_hz, np.float64) / bin_hz,
        np.asarray(amplitudes, np.float64),
        np.maximum(np.asarray(widths_hz, np.float64) / bin_hz, 0.5),
    )
    floor = 3e-4 * float(np.max(bands[1], initial=0.0))
    heard = (bands[1] > floor) & (bands[0] - 3.5 * bands[2] < top)
    centres, amplitudes, widths = (band[heard] for band in bands)
    # The phases are random, so what adds up where bands overlap is power.
    loops.add_bells(power[:top], centres, widths, amplitudes**2 / widths)
    return _stereo(power, n, sample_rate, rng)


def noise(
    n: int, low_hz: float, high_hz: float, *, sample_rate: int, rng: np.random.Generator
) -> Signal:
    """Render seamless stereo noise of one band with soft edges (12 dB/octave below, 24 above).

    Parameters
    ----------
    n : int
        Length in samples.
    low_hz, high_hz : float [Hz]
    sample_rate : int [Hz]
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(2, n)], float32
        RMS 1.0 in each channel.

    Examples
    --------
    >>> burst = noise(1024, 1e3, 4e3, sample_rate=44100, rng=np.random.default_rng(1))
    >>> burst.shape
    (2, 1024)
    """
    frequency_hz = np.arange(n // 2 + 1, dtype=np.float32) * np.float32(sample_rate / n)
    frequency_hz[0] = 1e-3
    below = 1 + (low_hz / frequency_hz) ** 4
    above = 1 + (frequency_hz / high_hz) ** 8
    power = (1 / (below * above)).astype(np.float32)
    power[frequency_hz > TOP_HZ] = 0
    power[0] = 0
    return _stereo(power, n, sample_rate, rng)


def fm(
    frequency_hz: float,
    ratio: float,
    index: Values,
    *,
    hop: int,
    sample_rate: int,
    phase: float = 0.0,
) -> Signal:
    """Modulate the phase of a sine with a sine.

    Both phases and the index between its points are sums of products of a function of the hop
    and one of the sample within it, so all of them are one matrix product.

    Parameters
    ----------
    frequency_hz : float [Hz]
        The carrier's.
    ratio : float > 0
        The modulator's frequency over the carrier's.
    index : np.ndarray [shape=(k + 1,)]
        Modulation index in radians at samples 0, hop … k hop, straight lines between; held below
        the value at which sideband ``index + 2`` (one more than Carson's rule counts) would pass
        :data:`TOP_HZ`.
    hop : int
        Samples between two points.
    sample_rate : int [Hz]
    phase : float
        The modulator's first phase in turns.

    Returns
    -------
    np.ndarray [shape=(k * hop,)], float32
        Amplitude 1.0, starts at 0.

    References
    ----------
    Chowning, "The synthesis of complex audio spectra by means of frequency modulation", J. Audio
    Eng. Soc. 21(7), 1973.

    Examples
    --------
    >>> tone = fm(441.0, 3.5, np.zeros(5), hop=25, sample_rate=44100)
    >>> round(float(tone[25]), 3)
    1.0
    """
    room = (TOP_HZ - frequency_hz) / (ratio * frequency_hz) - 2.0
    depth = np.minimum(index, np.clip(room, 0.0, 8.0))
    here, growth = depth[:-1], np.diff(depth)
    k, j = np.arange(len(here)) * hop, np.arange(hop)
    step, place = frequency_hz / sample_rate, j / hop
    turned = 2 * np.pi * ((ratio * step * k + phase) % 1.0)
    sine, cosine = np.sin(turned), np.cos(turned)
    within = 2 * np.pi * ratio * step * j
    rising, falling = np.sin(within), np.cos(within)
    first = np.sin(2 * np.pi * phase)
    rows = (here * sine, here * cosine, growth * sine, growth * cosine, here, growth,
            2 * np.pi * (step * k % 1.0), np.ones(len(k)))  # fmt: skip
    columns = (falling, rising, place * falling, place * rising, np.full(hop, -first),
               -first * place, np.ones(hop), 2 * np.pi * step * j)  # fmt: skip
    turns = np.stack(rows, axis=1, dtype=np.float32) @ np.stack(columns, dtype=np.float32)
    return np.asarray(np.sin(turns, out=turns)).reshape(-1)


def wavetable(amplitudes: ArrayLike, *, size: int = 2048) -> Signal:
    """Render one period of a sum of sines for each row of amplitudes.

    Parameters
    ----------
    amplitudes : array_like [shape=(rows, harmonics)]
        Sine amplitudes from the fundamental up.
    size : int
        Samples in a period.

    Returns
    -------
    np.ndarray [shape=(rows, size + 1)], float32
        The last sample repeats the first, for interpolation.

    Examples
    --------
    >>> wavetable([[1.0]], size=4).round(3).tolist()
    [[0.0, 1.0, 0.0, -1.0, 0.0]]
    """
    from scipy.fft import irfft

    rows = np.atleast_2d(np.asarray(amplitudes, np.float32))
    spectrum = np.zeros((len(rows), size // 2 + 1), np.complex64)
    spectrum[:, 1 : rows.shape[1] + 1] = rows * np.complex64(-0.5j * size)
    table = irfft(spectrum, size, axis=-1)
    return np.concatenate((table, table[:, :1]), axis=-1).astype(np.float32)


def read_wavetable(table: Signal, turns: Signal, row: Signal) -> Signal:
    """Read a wavetable at a moving phase and a moving row, linearly between both.

    Parameters
    ----------
    table : np.ndarray [shape=(rows >= 2, size + 1)], float32
        Of :func:`wavetable`.
    turns : np.ndarray [shape=(..., n)], float32
        Phases in periods; only their fractions count.
    row : np.ndarray [shape=(n,)], float32
        Place between the rows, 0 … 1 (the last).

    Returns
    -------
    np.ndarray [shape=(..., n)], float32

    Examples
    --------
    >>> table = wavetable([[0.0], [1.0]])
    >>> turns, row = np.array([[3.25], [0.5]], np.float32)
    >>> read_wavetable(table, turns, row).round(3).tolist()
    [0.5]
    """
    out = np.empty_like(turns)
    loops.read_table(table, turns.reshape(-1, len(row)), row, out.reshape(-1, len(row)))
    return out
