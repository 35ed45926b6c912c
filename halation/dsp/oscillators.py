"""Sources of sound: PADsynth tables, struck modes, strings, FM, wavetables and shaped noise.

Everything is band-limited below :data:`TOP_HZ`, so nothing folds back.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "TOP_HZ",
    "fm",
    "hz",
    "modal",
    "noise",
    "padsynth",
    "read_wavetable",
    "string_modes",
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

_PHASES: Final = 4096


def hz(pitch: ArrayLike) -> Values:
    """Return the frequency of a MIDI number, equal temperament at A4 = 440 Hz.

    Examples
    --------
    >>> float(hz(69)), round(float(hz(60)), 2)
    (440.0, 261.63)
    """
    return np.asarray(440.0 * 2.0 ** ((np.asarray(pitch, np.float64) - 69.0) / 12.0))


@cache
def _phasors() -> NDArray[np.complex64]:
    return np.asarray(np.exp(2j * np.pi * np.arange(_PHASES) / _PHASES), np.complex64)


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
    low, high = int(filled[0]), int(filled[-1]) + 1
    magnitude = np.sqrt(power[low:high] * np.float32(n * n / (2.0 * power.sum(dtype=np.float64))))
    left = rng.integers(0, _PHASES, high - low, dtype=np.uint16).astype(np.int32)
    apart = rng.integers(-_PHASES // 2, _PHASES // 2, high - low, dtype=np.int16)
    shifts = (apart * _spread(n, sample_rate)[low:high]).astype(np.int32)
    table = np.empty((2, n), np.float32)
    spectrum = np.zeros(n // 2 + 1, np.complex64)
    for channel, phase in enumerate((left, left + shifts)):
        np.multiply(_phasors()[phase & (_PHASES - 1)], magnitude, out=spectrum[low:high])
        table[channel] = irfft(spectrum, n)
    return table


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
    bins = np.arange(n // 2 + 1, dtype=np.float32)
    bands = np.broadcast_arrays(
        np.asarray(frequencies_hz, np.float64) / bin_hz,
        np.asarray(amplitudes, np.float64),
        np.maximum(np.asarray(widths_hz, np.float64) / bin_hz, 0.5),
    )
    floor = 3e-4 * float(np.max(bands[1], initial=0.0))
    for centre, amplitude, width in zip(*(band.tolist() for band in bands), strict=True):
        low = max(1, int(centre - 3.5 * width))
        high = min(top, int(centre + 3.5 * width) + 2)
        if amplitude <= floor or low >= high:
            continue
        # The phases are random, so what adds up where bands overlap is power.
        shape = np.exp(-(((bins[low:high] - np.float32(centre)) / np.float32(width)) ** 2) / 2)
        power[low:high] += shape * np.float32(amplitude**2 / width)
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


def modal(
    frequencies_hz: ArrayLike,
    t60_s: ArrayLike,
    amplitudes: ArrayLike,
    phases: ArrayLike,
    *,
    n: int,
    sample_rate: int,
) -> Signal:
    """Sum decaying sines: everything that is struck, plucked or blown once.

    A sum of damped sines at sample ``hop * k + j`` factors into a function of k and one of j, so
    the whole sound is one matrix product.

    Parameters
    ----------
    frequencies_hz, t60_s : array_like [shape=(modes,)]
        Frequency and time to fall by 60 dB; modes above :data:`TOP_HZ` are left out.
    amplitudes : array_like [shape=(2, modes)]
        Peak amplitude in each channel at the start.
    phases : array_like [shape=(modes,) or (2, modes)]
        Radians; 0 starts as a sine.
    n : int
        Length in samples.
    sample_rate : int [Hz]

    Returns
    -------
    np.ndarray [shape=(2, n)], float32

    References
    ----------
    Adrien, "The missing link: modal synthesis", in Representations of Musical Signals, 1991.

    Examples
    --------
    >>> tone = modal([441.0], [1.0], [[1.0], [0.5]], [0.0], n=44100, sample_rate=44100)
    >>> round(float(tone[0, 25]), 2), bool(abs(tone[0, 44025]) < 1.1e-3)
    (1.0, True)
    """
    frequency = np.asarray(frequencies_hz, np.float64)
    keep = frequency < TOP_HZ
    rate = 2j * np.pi * frequency - np.log(1000.0) / np.asarray(t60_s, np.float64)
    rate = rate[keep] / sample_rate
    gains = np.asarray(amplitudes, np.float64)[:, keep]
    starts = gains * np.exp(1j * (np.asarray(phases, np.float64)[..., keep] - np.pi / 2))
    hop = max(16, int(np.sqrt(n)))
    blocks = -(-n // hop)
    inner = _powers(rate, hop).astype(np.complex64)
    outer = starts[:, None, :] * _powers(rate * hop, blocks).T
    outer[np.abs(outer) < 1e-9] = 0  # denormal numbers would slow the product down tenfold
    outer = outer.astype(np.complex64)
    left = np.concatenate((outer.real, -outer.imag), axis=-1).reshape(2 * blocks, -1)
    right = np.concatenate((inner.real, inner.imag), axis=0)
    return np.asarray((left @ right).reshape(2, blocks * hop)[:, :n])


def _powers(rate: NDArray[np.complex128], count: int) -> NDArray[np.complex128]:
    """Return ``exp(rate * k)`` for k below ``count`` [shape=(modes, count)] by few exponentials."""
    side = int(np.ceil(np.sqrt(count)))
    fine = np.exp(rate[:, None] * np.arange(side))
    coarse = np.exp(rate[:, None] * (side * np.arange(side)))
    return (coarse[:, :, None] * fine[:, None, :]).reshape(len(rate), side * side)[:, :count]


def string_modes(
    frequency_hz: float,
    *,
    position: float,
    t60_s: float,
    loss: float,
    stiffness: float = 0.0,
    limit: int = 40,
) -> tuple[Values, Values, Values]:
    """Return the partials of a plucked string: the closed form of a Karplus–Strong loop.

    A loop with the low-pass ``1 - loss + loss * cos`` and a flat gain loses, in every period, a
    known share of every harmonic; so each partial's decay is known and its tuning exact.

    Parameters
    ----------
    frequency_hz : float [Hz]
    position : float in 0..1
        Where the string is plucked; 0.5 has odd harmonics only.
    t60_s : float > 0 [s]
        Decay of the fundamental.
    loss : float in 0..1
        How much faster high partials fade: damping per period of a partial at 5 kHz.
    stiffness : float >= 0
        Inharmonicity coefficient B: partial k lies at ``k f sqrt(1 + B k²) / sqrt(1 + B)``.
    limit : int
        Greatest number of partials.

    Returns
    -------
    tuple of np.ndarray [shape=(partials,)]
        Frequencies in Hz, decays T60 in seconds, amplitudes (the greatest is 1).

    References
    ----------
    Karplus and Strong, "Digital synthesis of plucked-string and drum timbres", Computer Music
    Journal 7(2), 1983. Jaffe and Smith, "Extensions of the Karplus-Strong algorithm", same issue.

    Examples
    --------
    >>> f, t60, gain = string_modes(220.0, position=0.5, t60_s=2.0, loss=0.05)
    >>> [round(v) for v in f[:3]], bool(t60[0] > t60[2]), bool(gain[1] < 1e-9)
    ([220, 440, 660], True, True)
    """
    k = np.arange(1, limit + 1, dtype=np.float64)
    frequencies = k * frequency_hz * np.sqrt((1 + stiffness * k**2) / (1 + stiffness))
    frequencies = frequencies[frequencies < TOP_HZ]
    k = k[: len(frequencies)]
    damping = 1 - loss * (1 - np.cos(np.pi * np.minimum(frequencies / 10_000.0, 1.0)))
    relative = np.log(np.maximum(damping, 1e-3)) - np.log(damping[0])
    per_period = -np.log(1000.0) / (t60_s * frequency_hz) + relative
    decays = -np.log(1000.0) / (per_period * frequency_hz)
    gains = np.abs(np.sin(np.pi * k * position)) / k
    return frequencies, decays, gains / gains.max()


def _steady_phase(n: int, turns_per_sample: float, start: float = 0.0) -> Signal:
    """Return the phase of a steady tone in radians, −π … π; whole numbers wrap by themselves."""
    step, first = (round(turns % 1.0 * 2**32) % 2**32 for turns in (turns_per_sample, start))
    wrapped = np.arange(n, dtype=np.uint32) * np.uint32(step) + np.uint32(first)
    return wrapped.view(np.int32).astype(np.float32) * np.float32(np.pi / 2**31)


def fm(
    frequency_hz: float,
    ratio: float,
    index: Signal,
    *,
    sample_rate: int,
    phase: float = 0.0,
) -> Signal:
    """Modulate the phase of a sine with a sine.

    Parameters
    ----------
    frequency_hz : float [Hz]
        The carrier's.
    ratio : float > 0
        The modulator's frequency over the carrier's.
    index : np.ndarray [shape=(n,)], float32
        Modulation index over time, radians; held below the value at which sideband
        ``index + 2`` (one more than Carson's rule counts) would pass :data:`TOP_HZ`.
    sample_rate : int [Hz]
    phase : float
        The modulator's first phase in turns.

    Returns
    -------
    np.ndarray [shape=(n,)], float32
        Amplitude 1.0, starts at 0.

    References
    ----------
    Chowning, "The synthesis of complex audio spectra by means of frequency modulation", J. Audio
    Eng. Soc. 21(7), 1973.

    Examples
    --------
    >>> tone = fm(441.0, 3.5, np.zeros(100, np.float32), sample_rate=44100)
    >>> round(float(tone[25]), 3)
    1.0
    """
    room = (TOP_HZ - frequency_hz) / (ratio * frequency_hz) - 2.0
    limit = np.float32(np.clip(room, 0.0, 8.0))
    modulator = np.sin(_steady_phase(len(index), ratio * frequency_hz / sample_rate, phase))
    modulator -= np.float32(np.sin(2 * np.pi * phase))
    modulator *= np.minimum(index, limit)
    carrier = _steady_phase(len(index), frequency_hz / sample_rate)
    carrier += modulator
    return np.asarray(np.sin(carrier, out=carrier))


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


def read_wavetable(table: Signal, turns: Values, row: Signal) -> Signal:
    """Read a wavetable at a moving phase and a moving row, linearly between both.

    Parameters
    ----------
    table : np.ndarray [shape=(rows >= 2, size + 1)], float32
        Of :func:`wavetable`.
    turns : np.ndarray [shape=(n,)], float64
        Phase in periods, rising; only its fraction counts.
    row : np.ndarray [shape=(n,)], float32
        Place between the rows, 0 … 1 (the last).

    Returns
    -------
    np.ndarray [shape=(n,)], float32

    Examples
    --------
    >>> table = wavetable([[0.0], [1.0]])
    >>> read_wavetable(table, np.array([3.25]), np.array([0.5], np.float32)).round(3).tolist()
    [0.5]
    """
    rows, width = table.shape
    place = ((turns - np.floor(turns)) * (width - 1)).astype(np.float32)
    column = place.astype(np.int32)
    np.minimum(column, width - 2, out=column)
    place -= column
    height = np.clip(row, 0.0, 1.0) * np.float32(rows - 1)
    below = np.minimum(height.astype(np.int32), rows - 2)
    height -= below
    column += below * width
    flat = table.reshape(-1)
    first, second = flat[column], flat[column + width]
    column += 1
    first += (flat[column] - first) * place
    second += (flat[column + width] - second) * place
    second -= first
    second *= height
    first += second
    return np.asarray(first)
