"""Faults that an ear hears at once and an average hides: holes, mud banks, clicks.

Pure functions of samples as :func:`benchmarks.measure.read` returns them, shape (n, channels).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import ShortTimeFFT, butter, sosfilt

__all__ = ["Fault", "clicks", "gaps", "holes", "mud_banks", "third_octaves"]

Signal = NDArray[np.float64]

SLOPE_DB_PER_OCTAVE: Final = -4.5
"""The line that a song's long-term spectrum follows."""

LINE_HZ: Final = (100.0, 8_000.0)
MUD_HZ: Final = (200.0, 400.0)

_FRAME_S = 0.05
_SPECTRUM_S = 0.1
_SMOOTH_S = 1.0
_BIN_S = 0.001


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that should not be there.

    Parameters
    ----------
    kind : str
        ``"hole"``, ``"gap"``, ``"mud"`` or ``"click"``.
    start_s, end_s : float [s]
    amount_db : float [dB]
        How far it lies beyond its bar.
    """

    kind: str
    start_s: float
    end_s: float
    amount_db: float


def holes(
    x: Signal, rate: int, *, floor_dbfs: float = -45.0, least_s: float = 0.6
) -> tuple[Fault, ...]:
    """Find stretches inside a song in which nothing is heard.

    Parameters
    ----------
    x : np.ndarray [shape=(n, channels)]
    rate : int [Hz]
    floor_dbfs : float [dBFS]
        RMS of 50 ms under which nothing is heard.
    least_s : float [s]
        A shorter rest is phrasing.

    Returns
    -------
    tuple of Fault
        What comes before the first sound and after the last one is no hole.
    """
    size = int(_FRAME_S * rate)
    power = (x[: len(x) // size * size] ** 2).mean(axis=1).reshape(-1, size).mean(axis=1)
    level = 10.0 * np.log10(power + 1e-12)
    heard = np.flatnonzero(level >= floor_dbfs)
    if not len(heard):
        return ()
    level[: heard[0]] = level[heard[-1] :] = 0.0
    found = []
    for start, stop in _runs(level < floor_dbfs):
        if (stop - start) * _FRAME_S > least_s:
            amount = floor_dbfs - float(level[start:stop].mean())
            found.append(Fault("hole", start * _FRAME_S, stop * _FRAME_S, amount))
    return tuple(found)


def third_octaves(x: Signal, rate: int) -> tuple[Signal, Signal]:
    """Measure a spectrum as it moves, in third-octave bands.

    Returns
    -------
    centres_hz : np.ndarray [shape=(bands,)]
        From 100 Hz to 8 kHz.
    density : np.ndarray [shape=(bands, frames)]
        Power per hertz, summed over the channels, every 100 ms.
    """
    hop = int(_SPECTRUM_S * rate)
    transform = ShortTimeFFT(np.hanning(2 * hop), hop, rate, scale_to="psd")
    power = np.sum([transform.spectrogram(channel) for channel in x.T], axis=0)
    count = round(3 * float(np.log2(LINE_HZ[1] / LINE_HZ[0])))
    centres = LINE_HZ[0] * 2.0 ** (np.arange(count + 1) / 3.0)
    edges = np.append(centres, centres[-1] * 2 ** (1 / 3)) * 2 ** (-1 / 6)
    bounds = np.searchsorted(transform.f, edges)
    return centres, np.add.reduceat(power, bounds, axis=0)[:-1] / np.diff(bounds)[:, None]


def _over_line(centres: Signal, density: Signal) -> Signal:
    """Return levels over a line of the wanted slope through their middle [dB]."""
    level = 10.0 * np.log10(density + 1e-20) - SLOPE_DB_PER_OCTAVE * np.log2(centres / 1_000.0)
    return np.asarray(level - level.mean())


def gaps(x: Signal, rate: int, *, most_db: float = 8.0) -> tuple[Fault, ...]:
    """Find bands that a whole song leaves empty.

    Parameters
    ----------
    x : np.ndarray [shape=(n, channels)]
    rate : int [Hz]
    most_db : float [dB]
        How far a third-octave between 100 Hz and 8 kHz may lie under the line.

    Returns
    -------
    tuple of Fault
        One for the whole song and each band; ``amount_db`` says how far it lies under the bar.
    """
    centres, density = third_octaves(x, rate)
    under = -_over_line(centres, density.mean(axis=1)) - most_db
    return tuple(Fault("gap", 0.0, len(x) / rate, float(db)) for db in under if db > 0.0)


def mud_banks(
    x: Signal, rate: int, *, most_db: float = 5.0, least_s: float = 4.0
) -> tuple[Fault, ...]:
    """Find stretches in which 200-400 Hz stands far over the rest of the song.

    Parameters
    ----------
    x : np.ndarray [shape=(n, channels)]
    rate : int [Hz]
    most_db : float [dB]
        How far the band, smoothed over a second, may rise over the line of −4.5 dB/octave through
        the long-term spectrum of the whole song: a soft, dark bridge is no mud.
    least_s : float [s]
        How long it must stay there.

    Returns
    -------
    tuple of Fault
    """
    centres, density = third_octaves(x, rate)
    slope = SLOPE_DB_PER_OCTAVE * np.log2(centres / 1_000.0)
    line = slope + float((10.0 * np.log10(density.mean(axis=1) + 1e-20) - slope).mean())
    inside = (centres >= MUD_HZ[0] * 0.99) & (centres <= MUD_HZ[1] * 1.01)
    ratio = (density[inside] / 10.0 ** (line[inside, None] / 10.0)).mean(axis=0)
    mean = 10.0 * np.log10(uniform_filter1d(ratio, round(_SMOOTH_S / _SPECTRUM_S)) + 1e-20)
    return tuple(
        Fault("mud", a * _SPECTRUM_S, b * _SPECTRUM_S, float(mean[a:b].mean()) - most_db)
        for a, b in _runs(mean > most_db)
        if (b - a) * _SPECTRUM_S >= least_s
    )


def clicks(
    x: Signal,
    rate: int,
    onsets_s: Iterable[float] = (),
    *,
    over_db: float = 24.0,
    floor_dbfs: float = -40.0,
    near_s: float = 0.012,
) -> tuple[Fault, ...]:
    """Find jumps of the waveform: bursts over 8 kHz that are gone within 2 ms.

    Parameters
    ----------
    x : np.ndarray [shape=(n, channels)]
    rate : int [Hz]
    onsets_s : iterable of float [s]
        When drums, plucks and bells are struck: a burst within ``near_s`` of one is theirs.
    over_db : float [dB]
        How far a burst rises over the median of the 200 ms around it.
    floor_dbfs : float [dBFS]
        A softer burst is not heard.

    Returns
    -------
    tuple of Fault
    """
    high = np.abs(sosfilt(butter(4, 8_000.0, "highpass", fs=rate, output="sos"), x, axis=0))
    size = int(_BIN_S * rate)
    peaks = high[: len(high) // size * size].max(axis=1).reshape(-1, size).max(axis=1)
    level = 20.0 * np.log10(peaks + 1e-9)
    over = level - median_filter(level, 201, mode="nearest")
    struck = np.sort(np.fromiter(onsets_s, float))
    found: list[Fault] = []
    for start, stop in _runs((over > over_db) & (level > floor_dbfs)):
        top = start + int(level[start:stop].argmax())
        around = level[max(top - 4, 0) : top + 5]
        at_s = (top + 0.5) * size / rate
        if (around > level[top] - 12.0).sum() > round(0.002 / _BIN_S):
            continue
        nearest = np.searchsorted(struck, at_s)
        if any(abs(at_s - s) <= near_s for s in struck[max(nearest - 1, 0) : nearest + 1]):
            continue
        found.append(Fault("click", at_s, at_s + 0.002, float(over[top]) - over_db))
    return tuple(found)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (start, stop) of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
