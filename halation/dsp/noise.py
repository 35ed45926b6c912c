"""Noise: coloured loops, slow wandering paths, and gains that move without clicks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops import add_loop, scatter, walk

__all__ = ["band_response", "coloured", "moving", "wander"]

Signal = NDArray[np.float32]

STEP_SAMPLES = 4096
"""Distance of the control points of :func:`moving`: 93 ms at 44.1 kHz."""
_BLOCK_STEPS = 16


def band_response(
    frequency_hz: Signal,
    low_hz: float,
    high_hz: float,
    slope_db_per_octave: float = 0.0,
    order: int = 2,
) -> Signal:
    """Return the magnitude of a Butterworth-shaped band with a tilt inside.

    Parameters
    ----------
    frequency_hz : np.ndarray [shape=(n,)], float32 [Hz]
    low_hz, high_hz : float > 0 [Hz]
        Where the edges are 3 dB down.
    slope_db_per_octave : float [dB/octave]
        Power slope of the inside: 0 is white, −3 pink, −6 red; unity at the band's centre.
    order : int > 0
        Slope of 6 dB/octave for each, at both edges.

    Returns
    -------
    np.ndarray [shape=(n,)], float32
        Linear magnitude, 0 at 0 Hz.

    Examples
    --------
    >>> f = np.array([0, 100, 1000, 10000], np.float32)
    >>> [round(float(m), 2) for m in band_response(f, 100, 10000, order=2)]
    [0.0, 0.71, 1.0, 0.71]
    """
    f = np.maximum(frequency_hz, 1e-3 * low_hz)  # keeps the power below from overflowing
    edges = np.ones_like(f)
    for ratio in (np.float32(low_hz) / f, f / np.float32(high_hz)):
        square, power = ratio * ratio, np.ones_like(f)
        for _ in range(order):
            power *= square
        power += 1
        edges *= power
    tilt = np.log(f / np.float32(np.sqrt(low_hz * high_hz)))
    tilt *= np.float32(slope_db_per_octave / 6.0206)
    response = np.exp(tilt, out=tilt)
    response /= np.sqrt(edges)
    response[frequency_hz <= 0] = 0
    return np.asarray(response)


def coloured(
    draw: np.random.Generator,
    channels: int,
    n: int,
    sample_rate: int,
    *,
    low_hz: float,
    high_hz: float,
    slope_db_per_octave: float = 0.0,
    order: int = 2,
) -> Signal:
    """Draw noise of a colour that joins seamlessly to its own start.

    Parameters
    ----------
    draw : np.random.Generator
    channels, n : int > 0
        Independent channels, and samples in the loop.
    sample_rate : int [Hz]
    low_hz, high_hz, slope_db_per_octave, order
        As in :func:`band_response`.

    Returns
    -------
    np.ndarray [shape=(channels, n)], float32
        RMS 1, no DC.

    Examples
    --------
    >>> x = coloured(np.random.default_rng(1), 2, 4096, 44100, low_hz=500, high_hz=5000)
    >>> x.shape, round(float(np.sqrt(np.mean(x[0] ** 2))), 3), bool(abs(x.mean()) < 1e-6)
    ((2, 4096), 1.0, True)
    """
    from scipy import fft

    frequency_hz = np.arange(n // 2 + 1, dtype=np.float32) * np.float32(sample_rate / n)
    response = band_response(frequency_hz, low_hz, high_hz, slope_db_per_octave, order)
    # Phases alone are drawn: thousands of bins add up to what normal ones would.
    response *= np.float32(n / np.sqrt(2 * np.vdot(response, response) + 1e-20))
    spectra = np.empty((channels, len(response)), np.complex64)
    for spectrum, word in zip(
        spectra, draw.integers(2**64, size=channels, dtype=np.uint64), strict=True
    ):
        scatter(response, int(word), spectrum)
    return np.asarray(fft.irfft(spectra, n=n, axis=1, overwrite_x=True))


def wander(draw: np.random.Generator, n: int, memory: float) -> NDArray[np.float64]:
    """Walk at random around zero, with a memory (Ornstein–Uhlenbeck) and rounded corners.

    Parameters
    ----------
    draw : np.random.Generator
    n : int > 0
        Points.
    memory : float > 0 [points]
        After so many points the correlation has fallen to about 1/e.

    Returns
    -------
    np.ndarray [shape=(n,)], float64
        Mean 0 and standard deviation 1 in the long run.

    References
    ----------
    Uhlenbeck and Ornstein, "On the theory of the Brownian motion", Phys. Rev. 36, 1930.

    Examples
    --------
    >>> path = wander(np.random.default_rng(3), 20_000, 10.0)
    >>> bool(0.9 < path.std() < 1.1), bool(np.abs(np.diff(path)).max() < 1)
    (True, True)
    """
    a = float(np.exp(-2.0 / memory))
    # Two equal poles: a = e^(-2/memory) each; the gain makes the stationary variance 1.
    gain = float(np.sqrt((1 - a * a) ** 3 / (1 + a * a)))
    warm = int(8 * memory) + 1
    path = draw.standard_normal(n + warm)
    walk(path, a, gain)
    return path[warm:]


def moving(
    loops: Sequence[Signal],
    gains: Sequence[Signal],
    n: int,
    offset: int = 0,
    step: int = STEP_SAMPLES,
) -> Iterator[tuple[int, Signal]]:
    """Mix loops whose gains move, block by block, so that a long bed needs little memory.

    Parameters
    ----------
    loops : sequence of np.ndarray [shape=(channels, any length)], float32
        Seamless loops; different lengths keep the sum from repeating.
    gains : sequence of np.ndarray [shape=(channels or 1, points)], float32
        Linear gains at every ``step``, one array for each loop; at least ``n // step + 2`` points.
    n : int >= 0
        Samples wanted.
    offset : int >= 0
        Where in every loop to begin.
    step : int > 0 [samples]
        Distance of the control points.

    Yields
    ------
    (int, np.ndarray [shape=(channels, up to 65,536)], float32)
        Where the block starts, and the block.

    Examples
    --------
    >>> loop, gain = np.ones((1, 300), np.float32), np.arange(4, dtype=np.float32)[None]
    >>> (start, block), = moving([loop], [gain], 5000)
    >>> start, block.shape, block[0, [0, 2048, 4096]].tolist()
    (0, (1, 5000), [0.0, 0.5, 1.0])
    """
    channels = loops[0].shape[0]
    for start in range(0, n, step * _BLOCK_STEPS):
        block = np.zeros((channels, min(step * _BLOCK_STEPS, n - start)), np.float32)
        for loop, points in zip(loops, gains, strict=True):
            for channel in range(channels):
                gain = points[min(channel, len(points) - 1), start // step :]
                add_loop(block[channel], loop[channel], start + offset, gain, step)
        yield start, block
