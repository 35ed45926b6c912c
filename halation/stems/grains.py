"""Granular clouds: the song's own sounds, scattered into small pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp import loops
from halation.dsp.filters import halved
from halation.dsp.noise import coloured, wander
from halation.seeds import rng
from halation.stems.blocks import handed_out
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
        """Render the part stretch by stretch.

        Parameters
        ----------
        part : Part
            ``patch`` names the cloud; each note is one stretch. Settings: ``density`` and
            ``movement`` in 0..1, ``grain_s`` [s] added to the patch's own lengths / 4.
        score : Score
        heard : Stems
            What the grains are cut from.
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
        out = np.zeros((2, score.n_samples), np.float32)
        yield from handed_out(out, _stretches(part, score, heard, seed, out))


def _stretches(part: Part, score: Score, heard: Stems, seed: int, out: Signal) -> Iterator[int]:
    """Add the cloud to ``out`` stretch by stretch; before each, yield where it starts."""
    for index, note in enumerate(part.notes):
        start = round(score.onset_s(note) * SAMPLE_RATE)
        yield start
        length = round(score.seconds_at(note.duration_beats) * SAMPLE_RATE)
        place = out[:, start : start + length]
        draw = rng(seed, "stems", part.name, index)
        lead = min(start, round(2 * LOOK_BACK_S[1] * SAMPLE_RATE))
        source = _source(heard, start - lead, start + length, draw)
        if place.shape[1] > SHORTEST_S * SAMPLE_RATE:
            cloud = _scattered(part, note, source, lead // 2, -(-place.shape[1] // 2), draw)
            loops.add_twice(place, cloud)


def _source(heard: Stems, start: int, end: int, draw: np.random.Generator) -> Signal:
    """Return what is heard between two samples, its louder moments at RMS 1, or else air."""
    source = np.zeros((2, end - start), np.float32)
    for track in heard.tracks:
        sound = track.audio.samples[:, start:end]
        source[:, : sound.shape[1]] += sound
    size = round(MEASURED_S * SAMPLE_RATE)
    whole = source[:, : max(1, source.shape[1] // size) * size]
    power = np.mean(whole.reshape(2, -1, min(size, whole.shape[1])) ** 2, axis=(0, 2))
    rms = float(np.sqrt(np.percentile(power, 85)))
    if rms > LOWEST_RMS:
        source /= np.float32(rms)
        return source
    air = coloured(draw, 2, AIR_SAMPLES, SAMPLE_RATE, low_hz=300.0, high_hz=2_500.0)
    return np.tile(air, -(-(end - start) // AIR_SAMPLES))[:, : end - start]


def _scattered(
    part: Part, note: Note, source: Signal, lead: int, n: int, draw: np.random.Generator
) -> Signal:
    """Lay the grains of one stretch [shape=(2, n)] at half the rate.

    A slice of the source as it is, of every other, and of every fourth of its samples sounds, at
    half the rate, at half, full and double speed: only fifths need interpolation.
    """
    cloud = CLOUDS[part.patch]
    half = halved(source)
    read = {0.5: source, 1.0: half, 2.0: halved(half)}
    out = np.zeros((2, n), np.float32)
    density = part.setting("density", 0.5)
    count = max(1, round(cloud.rate_hz * 4.0 ** (density - 0.5) * n / RATE))
    starts = np.sort(draw.integers(0, max(1, n - RATE // 8), count))
    speeds = draw.choice(SPEEDS, count, p=cloud.speeds)
    sizes = _sizes(part, cloud)
    kinds = draw.integers(0, len(sizes), count)
    backwards = draw.random(count) < cloud.reversed_share
    back = _look_back(part, n, starts, draw)
    levels = _levels(part, note, n, starts, draw) / np.sqrt(max(count * RATE * 0.2 / n, 1.0))
    angles = draw.uniform(0.06, 0.94, count) * np.pi / 2
    sides = (np.stack((np.cos(angles), np.sin(angles))) * levels * 2.0).astype(np.float32)
    windows = [np.hanning(size).astype(np.float32) for size in sizes]
    for i, (start, speed, kind) in enumerate(
        zip(starts.tolist(), speeds.tolist(), kinds.tolist(), strict=True)
    ):
        size = min(sizes[kind], n - start)
        window = windows[kind] if size == sizes[kind] else np.hanning(size).astype(np.float32)
        first = max(0.0, lead + start - back[i])
        grain = _grain(read, speed, first, size)
        window = window[: grain.shape[1]]
        piece = grain[:, ::-1] if backwards[i] else grain
        shaped = sides[:, i, None] * window
        shaped *= piece
        out[:, start : start + grain.shape[1]] += shaped
    return out


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
