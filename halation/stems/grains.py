"""Granular clouds: the song's own sounds, scattered into small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp import loops
from halation.dsp.filters import halved
from halation.dsp.noise import coloured, wander
from halation.stems.blocks import canvas, handed_out
from halation.stems.draws import note_streams
from halation.types import SAMPLE_RATE, Audio, BackendError, Note, Part, Score, Stems

__all__ = ["CLOUDS", "Cloud", "Grains"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

RATE: Final = SAMPLE_RATE // 2
"""A cloud is dark: grains are laid at half the rate and their sum is interpolated."""

RMS_DB: Final = -25.0
"""Of a cloud of velocity 100, whatever the level of what it hears."""
LOWEST_RMS: Final = 1e-4
"""What is quieter than this is taken as silence; the cloud is then made of air."""

AIR_SAMPLES: Final = 1 << 17
MEASURED_S: Final = 0.25
SHORTEST_S: Final = 0.2
FADE_S: Final = 2.5
LOOK_BACK_S: Final = (0.1, 1.5)
"""How long ago a grain's sound was heard: short, so that it fits the chord that sounds now."""
WINDOW_S: Final = 2.0
"""Of a cloud that is laid at once: it hears so much, and :data:`AFTER`, before it is played."""
BEFORE: Final = round(1.6 * SAMPLE_RATE)
AFTER: Final = round(0.8 * SAMPLE_RATE)
"""How far grains read around a window: the longest at double speed, begun a tenth ago."""
STEP_S: Final = 0.1
LENGTHS: Final = 12
"""Different lengths of grain."""

SPEEDS: Final = (0.5, 1.0, 1.5, 2.0)
"""An octave below, as it was, a fifth and an octave above."""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A patch.

    Parameters
    ----------
    grain_s : pair of float [s]
        Shortest and longest grain.
    rate_hz : float [Hz]
        Grains a second at middle density.
    speeds : tuple of float
        Chance of each of :data:`SPEEDS`.
    reversed_share : float in 0..1
    """

    grain_s: tuple[float, float]
    rate_hz: float
    speeds: tuple[float, float, float, float]
    reversed_share: float


CLOUDS: Final[dict[str, Cloud]] = {
    "dust": Cloud((0.06, 0.16), 26.0, (0.05, 0.35, 0.05, 0.55), 0.25),
    "bloom": Cloud((0.18, 0.40), 15.0, (0.10, 0.45, 0.05, 0.40), 0.45),
    "sink": Cloud((0.20, 0.40), 15.0, (0.50, 0.35, 0.03, 0.12), 0.65),
}
"""The patches."""


class Grains:
    """Clouds of grains of the stems that the part hears."""

    description = Description(
        f"granular clouds of the song's own sounds: {', '.join(CLOUDS)}",
        licence="GPL-3.0-or-later",
        commercial=True,
    )

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Render the part, all its stretches piece by piece.

        Parameters
        ----------
        part : Part
            ``patch`` names the cloud; each note is one stretch. Settings: ``density`` and
            ``movement`` in 0..1, ``grain_s`` [s] added to the patch's own lengths / 4.
        score : Score
        heard : Stems
            What the grains are cut from; no more than three seconds past what is yielded.
        seed : int

        Yields
        ------
        Audio
            Stereo, together ``score.n_samples`` long.

        Raises
        ------
        BackendError
            If there is no such patch.
        """
        if part.patch not in CLOUDS:
            raise BackendError(f"no cloud named {part.patch!r}; known: {', '.join(CLOUDS)}")
        out = canvas(score.n_samples)
        streams = note_streams(part.notes, seed, "stems", part.name, "stretch")
        stretches = []
        for note, stream in zip(part.notes, streams, strict=True):
            start = round(score.onset_s(note) * SAMPLE_RATE)
            end = start + round(score.seconds_at(note.duration_beats) * SAMPLE_RATE)
            if min(end, score.n_samples) - start > SHORTEST_S * SAMPLE_RATE:
                stretches.append(_stretch(part, note, start, out[:, :end], heard, stream))
        yield from handed_out(out, merge(*stretches))


def _stretch(
    part: Part, note: Note, start: int, out: Signal, heard: Stems, draw: np.random.Generator
) -> Iterator[int]:
    """Add one cloud to ``out`` piece by piece; before each, yield where it starts."""
    yield start
    stretch = out[:, start:]
    n = -(-stretch.shape[1] // 2)
    cloud = np.zeros((2, n), np.float32)
    grains = _drawn(part, note, n, draw)
    source = _Source(heard, max(0, start - BEFORE), draw)
    done, size = 0, round(WINDOW_S * RATE)
    for first in range(0, n, size):
        last = min(first + size, n)
        low, high = np.searchsorted(grains.starts, (first, last)).tolist()
        if low < high:
            _lay(cloud, grains, range(low, high), source.read(start, first, last))
        ready = n if last == n else last - 3  # the filter reads so much further
        loops.add_twice(stretch, cloud, done, ready)
        done = ready
        yield start + 2 * ready


class _Source:
    """What a cloud hears: its louder moments so far at RMS 1, or else air."""

    def __init__(self, heard: Stems, start: int, draw: np.random.Generator) -> None:
        self._heard, self._draw, self._measured = heard, draw, start
        self._powers: list[float] = []
        self._air: Signal | None = None

    def read(self, start: int, first: int, last: int) -> _Read:
        """Return what grains may hear that begin between two places of a stretch."""
        begin = max(0, start + 2 * first - BEFORE)
        begin -= (begin - start) % 4
        end = start + 2 * last + AFTER
        rms = self._rms(end)
        air = rms <= LOWEST_RMS
        sound = self._blown(begin, end) if air else self._between(begin, end)
        half = halved(sound)
        # As it is, every other and every fourth sample: at half the rate three speeds.
        speeds = {0.5: sound, 1.0: half, 2.0: halved(half)}
        return _Read(speeds, (begin - start) // 2, 1.0 if air else 1.0 / rms)

    def _between(self, begin: int, end: int) -> Signal:
        tracks = [track.audio.samples for track in self._heard.tracks]
        if len(tracks) == 1 and begin >= 0 and end <= tracks[0].shape[1]:
            return tracks[0][:, begin:end]
        total, skipped = np.zeros((2, end - begin), np.float32), max(0, -begin)
        for samples in tracks:
            sound = samples[:, begin + skipped : end]
            total[:, skipped : skipped + sound.shape[1]] += sound
        return total

    def _rms(self, end: int) -> float:
        """Return the RMS of the louder moments of all that has been heard, up to ``end``."""
        size = round(MEASURED_S * SAMPLE_RATE)
        blocks = (end - self._measured) // size
        if blocks:
            stop = self._measured + blocks * size
            fresh = self._between(self._measured, stop)
            for at in range(0, fresh.shape[1], size):
                quarter = fresh[:, at : at + size]
                self._powers.append(sum(float(np.dot(row, row)) for row in quarter) / (2 * size))
            self._measured = stop
        return float(np.sqrt(np.percentile(self._powers, 85)))

    def _blown(self, begin: int, end: int) -> Signal:
        if self._air is None:
            air = coloured(self._draw, 2, AIR_SAMPLES, SAMPLE_RATE, low_hz=300.0, high_hz=2_500.0)
            self._air = np.tile(air, 3)  # wherever a window begins, it ends inside
        first = begin % AIR_SAMPLES
        return self._air[:, first : first + end - begin]


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """Sound by the speed at which it is read, from ``begin`` on (at half the rate) of a stretch."""

    speeds: dict[float, Signal]
    begin: int
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class _Grains:
    """All grains of a stretch, drawn, in order of their starts."""

    starts: NDArray[np.int64]
    speeds: list[float]
    sizes: list[int]
    backwards: list[bool]
    back: list[float]
    sides: Signal
    windows: dict[int, Signal]


def _drawn(part: Part, note: Note, n: int, draw: np.random.Generator) -> _Grains:
    """Draw the grains of a stretch of ``n`` samples at half the rate."""
    cloud = CLOUDS[part.patch]
    density = part.setting("density", 0.5)
    count = max(1, round(cloud.rate_hz * 4.0 ** (density - 0.5) * n / RATE))
    starts = np.sort(draw.integers(0, max(1, n - RATE // 8), count))
    speeds = draw.choice(SPEEDS, count, p=cloud.speeds).tolist()
    sizes = _sizes(part, cloud)
    kinds = draw.integers(0, len(sizes), count).tolist()
    backwards = (draw.random(count) < cloud.reversed_share).tolist()
    back = _look_back(part, n, starts, draw).tolist()
    levels = _levels(part, note, n, starts, draw) / np.sqrt(max(count * RATE * 0.2 / n, 1.0))
    angles = draw.uniform(0.06, 0.94, count) * np.pi / 2
    sides = (np.stack((np.cos(angles), np.sin(angles))) * levels * 2.0).astype(np.float32)
    windows = {size: np.hanning(size).astype(np.float32) for size in sizes}
    return _Grains(starts, speeds, [sizes[k] for k in kinds], backwards, back, sides, windows)


def _lay(cloud: Signal, grains: _Grains, which: range, read: _Read) -> None:
    """Add some of the grains to a stretch [shape=(2, n)] at half the rate."""
    for i in which:
        start = int(grains.starts[i])
        size = min(grains.sizes[i], cloud.shape[1] - start)
        window = grains.windows.get(size)
        if window is None:  # the stretch ends first
            window = np.hanning(size).astype(np.float32)
        first = max(0.0, start - grains.back[i] - read.begin)
        grain = _grain(read.speeds, grains.speeds[i], first, size)
        window = window[: grain.shape[1]]
        piece = grain[:, ::-1] if grains.backwards[i] else grain
        shaped = np.multiply(piece, window, order="C")
        left, right = (grains.sides[:, i] * read.gain).tolist()
        loops.place(cloud, shaped, start, (left, right))


def _grain(read: dict[float, Signal], speed: float, first: float, size: int) -> Signal:
    """Return ``size`` samples that begin ``first`` samples (at half the rate) into the source."""
    if speed != 1.5:
        begin = round(first / speed)
        return read[speed][:, begin : begin + size]
    half = read[1.0]
    places = first + speed * np.arange(size)
    places = places[places < half.shape[1] - 1]
    below = places.astype(np.int64)
    part = (places - below).astype(np.float32)
    return np.asarray(half[:, below] * (1 - part) + half[:, below + 1] * part)


def _sizes(part: Part, cloud: Cloud) -> list[int]:
    """Return the lengths of grain that the part draws from [samples at half the rate]."""
    low, high = cloud.grain_s
    stretch = 2.0 ** (4.0 * (part.setting("grain_s", 0.2) - 0.2))
    seconds = np.clip(np.geomspace(low, high, LENGTHS) * stretch, 0.06, 0.4)
    return [int(size) for size in seconds * RATE]


def _look_back(part: Part, n: int, starts: NDArray[np.int64], draw: np.random.Generator) -> Values:
    """Return how far back each grain reads: a slow walk, and some scatter around it."""
    low, high = (seconds * RATE for seconds in LOOK_BACK_S)
    walk = wander(draw, n // RATE + 3, 6.0)
    drift = np.interp(starts / RATE, np.arange(len(walk)), walk)
    middle = 0.5 + 0.3 * 2.0 * part.setting("movement", 0.5) * drift
    return np.asarray(
        low + (high - low) * np.clip(middle + draw.normal(0, 0.12, len(starts)), 0, 1)
    )


def _levels(
    part: Part, note: Note, n: int, starts: NDArray[np.int64], draw: np.random.Generator
) -> Values:
    """Return the level of every grain: the stretch's fades, a slow walk, and chance."""
    at_s, length_s = starts / RATE, n / RATE
    fade_s = min(FADE_S, length_s / 2)
    fade = np.sin(np.pi / 2 * np.clip(np.minimum(at_s, length_s - at_s) / fade_s, 0, 1))
    walk = wander(draw, round(length_s / STEP_S) + 3, 2.0 / STEP_S)
    swing_db = 3.0 * 2.0 * part.setting("movement", 0.5)
    swings = swing_db * np.interp(at_s, np.arange(len(walk)) * STEP_S, walk)
    chance = draw.uniform(0.3, 1.0, len(starts))
    level = 10 ** ((RMS_DB + np.clip(swings, -18, 6)) / 20) * (note.velocity / 100) ** 1.2
    return np.asarray(level * fade * chance * 1.6)
