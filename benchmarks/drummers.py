"""How human drummers sit in time: the constants of ``halation.score.timing.DRUMMERS``.

Reads the Groove MIDI Dataset v1.0.0 (Gillick et al., "Learning to Groove with Inverse Sequence
Transformations", ICML 2019; CC BY 4.0) from its archive.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mido
import numpy as np
from numpy.typing import NDArray

__all__ = ["VOICES", "Feeling", "autocorrelation", "feeling", "performances"]

Series = NDArray[np.float64]

VOICES: Final[dict[str, frozenset[int]]] = {
    "kick": frozenset({36}),
    "snare": frozenset({38, 40}),
    "hats": frozenset({42, 22, 46, 26}),
    "perc": frozenset({37, 48, 50, 45, 47, 43, 58}),
}
"""The drum numbers of each voice: closed and open hats are one, rim and toms are percussion."""
PLACES: Final = 16
FEWEST: Final = 16
"""Strokes that a performance needs of a voice to count."""
FEWEST_AT_A_PLACE: Final = 4
LAGS: Final = 8


@dataclass(frozen=True, slots=True)
class Feeling:
    """What a voice's deviations are like.

    Parameters
    ----------
    performances, strokes : int
    lags : tuple of float
        Correlation of a stroke with the next one, the one after …
    slow : float in 0..1
        Share of the variance that decays with the lag: the straight line through the logarithms of
        the first four lags, at lag 0.
    sigma_ms : float
    loud : float
        Correlation of velocity with lateness.
    loud_lag_1 : float
        Correlation of a stroke's velocity with the next one's.
    """

    performances: int
    strokes: int
    lags: tuple[float, ...]
    slow: float
    sigma_ms: float
    loud: float
    loud_lag_1: float


def performances(source: Path) -> Iterator[dict[str, tuple[Series, Series]]]:
    """Yield each 4/4 beat as voice → centred deviations [ms] and velocities of its strokes.

    Parameters
    ----------
    source : Path
        ``groove.tar.xz``, or the folder that it unpacks to.
    """
    with _Files(source) as files:
        for row in csv.DictReader(io.StringIO(files.read("info.csv").decode())):
            if row["time_signature"] == "4-4" and row["beat_type"] == "beat":
                name = row["midi_filename"]
                if files.has(name):  # some pieces are kept apart
                    midi = mido.MidiFile(file=io.BytesIO(files.read(name)))
                    yield _performance(midi, float(row["bpm"]))


class _Files:
    """The files below ``groove/``, packed or not; a packed archive is read once."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.packed: dict[str, bytes] = {}

    def __enter__(self) -> _Files:
        if self.source.is_file():
            with tarfile.open(self.source) as archive:
                for member in archive:
                    file = archive.extractfile(member)
                    if file and member.name.endswith((".mid", ".csv")):
                        self.packed[member.name.partition("groove/")[2]] = file.read()
        return self

    def __exit__(self, *_: object) -> None:
        self.packed.clear()

    def has(self, name: str) -> bool:
        return name in self.packed or (self.source / name).is_file()

    def read(self, name: str) -> bytes:
        return self.packed[name] if self.packed else (self.source / name).read_bytes()


def _performance(midi: mido.MidiFile, bpm: float) -> dict[str, tuple[Series, Series]]:
    ticks, strokes = 0, []
    for message in mido.merge_tracks(midi.tracks):
        ticks += message.time
        if message.type == "note_on" and message.velocity:
            place = PLACES / 4 * ticks / midi.ticks_per_beat
            strokes.append((place, message.note, message.velocity))
    played = {}
    for voice, drums in VOICES.items():
        rows = np.array([(at, v) for at, drum, v in strokes if drum in drums]).reshape(-1, 2)
        rows = rows[_straight(rows[:, 0])]
        off, counted = _centred(rows[:, 0], 15_000.0 / bpm)
        if counted.sum() >= FEWEST:
            loud = _at_place(rows[:, 0], rows[:, 1])
            played[voice] = off[counted], loud[counted]
    return played


def _straight(at: Series) -> NDArray[np.bool_]:
    """Return which strokes are no nearer to a triplet of eighths than to their sixteenth."""
    in_beat = at % 4.0
    triplet = np.minimum(np.abs(in_beat - 4.0 / 3.0), np.abs(in_beat - 8.0 / 3.0))
    return np.asarray(np.abs(at - np.round(at)) <= triplet)


def _centred(at: Series, sixteenth_ms: float) -> tuple[Series, NDArray[np.bool_]]:
    """Return deviations less the mean of their place in the bar, and where a place has enough."""
    place = (np.round(at) % PLACES).astype(int)
    enough = np.bincount(place, minlength=PLACES)[place] >= FEWEST_AT_A_PLACE
    return _at_place(at, (at - np.round(at)) * sixteenth_ms), np.asarray(enough)


def _at_place(at: Series, values: Series) -> Series:
    place = (np.round(at) % PLACES).astype(int)
    count = np.maximum(1, np.bincount(place, minlength=PLACES))
    mean = np.bincount(place, weights=values, minlength=PLACES) / count
    return np.asarray(values - mean[place])


def autocorrelation(x: Series, lag: int) -> float:
    """Return the correlation of a centred series with itself ``lag`` strokes later."""
    a, b = x[:-lag], x[lag:]
    return float(2 * (a * b).sum() / max(1e-12, float((a * a).sum() + (b * b).sum())))


def feeling(series: list[tuple[Series, Series]]) -> Feeling:
    """Return the mean over performances, each weighted by its strokes."""
    n = np.array([len(off) for off, _ in series])

    def mean(values: list[float]) -> float:
        return float(np.average(values, weights=n))

    lags = tuple(mean([autocorrelation(off, k) for off, _ in series]) for k in range(1, LAGS + 1))
    slope = np.polyfit(np.arange(1, 5), np.log(np.maximum(lags[:4], 0.01)), 1)
    covariance = [float((off * loud).sum() / np.sqrt(max(1e-9, float((off**2).sum()
                  * (loud**2).sum())))) for off, loud in series]  # fmt: skip
    return Feeling(
        len(series),
        int(n.sum()),
        lags,
        float(np.exp(slope[1])),
        float(np.sqrt(mean([float((off**2).mean()) for off, _ in series]))),
        mean(covariance),
        mean([autocorrelation(loud, 1) for _, loud in series]),
    )
