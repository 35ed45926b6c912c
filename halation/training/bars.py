"""Notes on their way into bars: one grid for songs and drummers, one key for each piece.

Every reader of :mod:`halation.training.sources` gives :class:`Piece` objects on the grid of
:mod:`halation.score.learned.tokens`. What is lost on the way is told in ``docs/composer.md``.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np

from halation.score.learned.tokens import (
    DURATIONS,
    LATENESS,
    LEVELS,
    PITCHES,
    STEPS,
    VOICES,
    Bar,
    Harmony,
    Hit,
    Tone,
    Voicing,
)

__all__ = ["GROOVE_VOICES", "LEVEL_EDGES", "Piece", "Sheet", "Sound", "drum_piece", "pieces"]

FELT_BPM: Final = 96.0
"""What is faster is felt at half: two of its bars are one of ours."""
FELT_DRUMS_BPM: Final = 150.0
"""The same for drums alone: a backbeat on two and four is what we feel at half of it."""
LEAST_BARS: Final = 4
HIGHEST_BASS: Final = 54
MOST_PAD_VOICES: Final = 5
LOWEST_PAD: Final = 43

GROOVE_VOICES: Final[dict[int, str]] = {
    36: "kick", 35: "kick", 38: "snare", 40: "snare", 39: "snare", 37: "rim",
    42: "closed", 22: "closed", 44: "closed", 46: "open", 26: "open",
    51: "ride", 53: "ride", 59: "ride", 49: "crash", 52: "crash", 55: "crash", 57: "crash",
    41: "tom", 43: "tom", 45: "tom", 47: "tom", 48: "tom", 50: "tom", 58: "tom",
}  # fmt: skip
"""General MIDI and the numbers of the Groove set's kit."""
LEVEL_EDGES: Final = (24, 44, 64, 84, 106)
"""Velocities where a hit's level rises by one."""
LATE_EDGES_S: Final = (-0.024, -0.008, 0.008, 0.024)
MAJOR: Final = (0, 2, 4, 5, 7, 9, 11)
MINOR: Final = (0, 2, 3, 5, 7, 8, 10)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of music in one key.

    Parameters
    ----------
    name : str
        Where it comes from; pieces of one song share what stands before ``#``.
    family : str
        Pieces of one family are never on both sides of the split.
    bars : tuple of Bar
    tempo_bpm : float
        As felt, 48 … 96.
    minor : bool or None
        None where there is no pitch.
    busy : tuple of int
        Notes of all parts in each bar.
    style, kind : str
        Of drums; empty otherwise.
    """

    name: str
    family: str
    bars: tuple[Bar, ...]
    tempo_bpm: float
    minor: bool | None
    busy: tuple[int, ...]
    style: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Sound:
    """A note of a file in felt beats of its own grid."""

    onset: float
    end: float
    pitch: int
    velocity: int


@dataclass(slots=True)
class Sheet:
    """A file's tracks in beats from its first downbeat, before bars are made of them."""

    melody: list[Sound] = field(default_factory=list)
    counter: list[Sound] = field(default_factory=list)
    piano: list[Sound] = field(default_factory=list)
    chords: list[tuple[float, int, str]] = field(default_factory=list)
    """Onset in beats, root as a pitch class (−1: none), quality."""


def felt(tempo_bpm: float, most: float = FELT_BPM) -> tuple[float, float]:
    """Return a tempo as it is felt, and how many of its beats one felt beat is."""
    ratio = 1.0
    while tempo_bpm / ratio > most:
        ratio *= 2.0
    while tempo_bpm / ratio < most / 2:
        ratio /= 2.0
    return tempo_bpm / ratio, ratio


def drum_piece(
    name: str, family: str, notes: Any, seconds: Any, tempo: float, style: str, kind: str
) -> Iterator[Piece]:
    """Give a drummer's notes as one piece; a beat of a single bar is none."""
    felt_bpm, ratio = felt(tempo, FELT_DRUMS_BPM)
    step_beats = ratio * 4 / STEPS
    bars: dict[int, dict[tuple[int, str], Hit]] = {}
    for onset, _, pitch, velocity in notes:
        voice = GROOVE_VOICES.get(pitch)
        if voice is None:
            continue
        step = round(onset / step_beats)
        late_s = seconds(onset) - seconds(step * step_beats)
        hit = Hit(
            step % STEPS,
            voice,
            bisect_right(LEVEL_EDGES, velocity),
            bisect_right(LATE_EDGES_S, late_s),
        )
        here = bars.setdefault(step // STEPS, {})
        before = here.get((hit.step, voice))
        if before is None or before.level < hit.level:
            here[hit.step, voice] = hit
    if not bars or (kind == "beat" and max(bars) + 1 < 2):
        return
    row = []
    for number in range(max(bars) + 1):
        hits = sorted(bars.get(number, {}).values(), key=lambda h: (h.step, VOICES.index(h.voice)))
        row.append(Bar(drums=tuple(hits)))
    busy = tuple(len(bar.drums) for bar in row)
    yield Piece(name, family, tuple(row), felt_bpm, None, busy, style, kind)


def pieces(name: str, sheet: Sheet, keys: list[tuple[int, bool]], tempo: float) -> Iterator[Piece]:
    """Cut a sheet into pieces of one key each, and each piece into bars."""
    felt_bpm, ratio = felt(tempo)
    step_beats = ratio * 4 / STEPS
    last = max((s.end for s in (*sheet.melody, *sheet.piano)), default=0.0)
    n_bars = math.ceil(last / step_beats / STEPS - 0.05)  # a last note may end a hair late
    if n_bars < LEAST_BARS:
        return
    sounds = [*sheet.melody, *sheet.counter, *sheet.piano]
    weights = np.zeros((n_bars, 12))
    busy = np.zeros(n_bars, dtype=int)
    for s in sounds:
        bar = int(s.onset / step_beats / STEPS)
        if 0 <= bar < n_bars:
            weights[bar, s.pitch % 12] += min(s.end - s.onset, 2.0)
            busy[bar] += 1
    for k, (start, end, (tonic, minor)) in enumerate(_key_spans(weights, keys)):
        if end - start < LEAST_BARS:
            continue
        grid = _Grid(step_beats, start, end, -tonic if tonic <= 6 else 12 - tonic)
        bars = grid.bars(sheet)
        yield Piece(
            f"{name}#{k}", name, bars, felt_bpm, minor, tuple(int(b) for b in busy[start:end])
        )


def _key_spans(
    weights: np.ndarray, keys: list[tuple[int, bool]]
) -> list[tuple[int, int, tuple[int, bool]]]:
    """Tell where which key holds, bar by bar, changes being dear.

    Without candidates the keys whose scale and tonic triad fit best are heard out of the notes.
    """
    n = len(weights)
    options = keys or [(tonic, minor) for tonic in range(12) for minor in (False, True)]
    fit = np.zeros((n, len(options)))
    for i, (tonic, minor) in enumerate(options):
        scale = [(tonic + s) % 12 for s in (MINOR if minor else MAJOR)]
        triad = [scale[0], scale[2], scale[4]]
        fit[:, i] = (
            weights[:, scale].sum(1) + 0.4 * weights[:, triad].sum(1) + 0.2 * weights[:, tonic]
        )
    total = np.maximum(weights.sum(1), 1e-9)
    fit = fit / total[:, None] * (weights.sum(1) > 0)[:, None]
    change = 3.0 if keys else 8.0
    best = fit[0].copy()
    back = np.zeros((n, len(options)), dtype=int)
    for i in range(1, n):  # Viterbi
        stay, move = best, best.max() - change
        back[i] = np.where(stay >= move, np.arange(len(options)), int(best.argmax()))
        best = np.maximum(stay, move) + fit[i]
    path = [int(best.argmax())]
    for i in range(n - 1, 0, -1):
        path.append(int(back[i][path[-1]]))
    path.reverse()
    edges = [0, *(i for i in range(1, n) if path[i] != path[i - 1]), n]
    return [(a, b, options[path[a]]) for a, b in pairwise(edges)]


class _Grid:
    """Puts the bars ``first`` to ``last`` of a sheet on the grid, moved by ``by`` semitones."""

    def __init__(self, step_beats: float, first: int, last: int, by: int) -> None:
        self.step_beats, self.first, self.last, self.by = step_beats, first, last, by
        self.n_steps = (last - first) * STEPS

    def step(self, beats: float) -> int:
        return round(beats / self.step_beats) - self.first * STEPS

    def bars(self, sheet: Sheet) -> tuple[Bar, ...]:
        melody = self.line(sheet.melody, high=True)
        counter = self.line(sheet.counter, high=True)
        low = [s for s in sheet.piano if s.pitch + self.by <= HIGHEST_BASS]
        bass = self.line(self._lowest(low), high=False)
        chords = self.chords(sheet.chords)
        pads = self.pads(sheet.piano, chords)
        return tuple(
            Bar(
                tuple(chords[i]),
                tuple(melody[i]),
                tuple(counter[i]),
                tuple(bass[i]),
                tuple(pads[i]),
            )
            for i in range(self.last - self.first)
        )

    @staticmethod
    def _lowest(sounds: list[Sound]) -> list[Sound]:
        """Keep what begins with nothing lower sounding."""
        kept: list[Sound] = []
        sounding: list[Sound] = []
        for s in sorted(sounds, key=lambda s: (s.onset, s.pitch)):
            sounding = [o for o in sounding if o.end > s.onset + 0.05]
            if all(o.pitch >= s.pitch for o in sounding):
                kept.append(s)
            sounding.append(s)
        return kept

    def line(self, sounds: list[Sound], *, high: bool) -> list[list[Tone]]:
        """Make one voice: one note at a step, each up to the next."""
        heads: dict[int, Sound] = {}
        for s in sounds:
            at = self.step(s.onset)
            if 0 <= at < self.n_steps:
                other = heads.get(at)
                if other is None or (s.pitch > other.pitch) == high:
                    heads[at] = s
        order = sorted(heads)
        rows: list[list[Tone]] = [[] for _ in range(self.last - self.first)]
        ends = [*order[1:], self.n_steps + 2 * STEPS]
        for at, following in zip(order, ends, strict=False):
            s = heads[at]
            lasts = min(max(1, self.step(s.end) - at), following - at)
            rows[at // STEPS].append(Tone(at % STEPS, _rounded(lasts), _clipped(s.pitch + self.by)))
        return rows

    def chords(self, chords: list[tuple[float, int, str]]) -> list[list[Harmony]]:
        """Give each bar the chord that sounds, then its changes on eighths of a felt beat."""
        at = [2 * round(self.step(beats) / 2) for beats, _, _ in chords]
        rows = []
        for bar in range(self.last - self.first):
            row: list[Harmony] = []
            begin = bar * STEPS
            now = bisect_right(at, begin) - 1
            for i in range(max(now, 0), len(chords)):
                if at[i] >= begin + STEPS:
                    break
                _, root, quality = chords[i]
                root = (root + self.by) % 12 if root >= 0 else -1
                place = max(at[i] - begin, 0)
                if row and row[-1].step == place:
                    row.pop()
                if not row or (row[-1].root, row[-1].quality) != (root, quality):
                    row.append(Harmony(place, root, quality))
            if not row or row[0].step:
                row.insert(0, Harmony(0, -1))
            rows.append(row)
        return rows

    def pads(self, piano: list[Sound], chords: list[list[Harmony]]) -> list[list[Voicing]]:
        """Gather what the piano plays over each chord, the longest notes of it."""
        spans = [(bar * STEPS + c.step, c) for bar, row in enumerate(chords) for c in row]
        starts = [at for at, _ in spans]
        held: list[dict[int, float]] = [{} for _ in spans]
        for s in piano:
            pitch = s.pitch + self.by
            at = self.step(s.onset)
            i = bisect_right(starts, at) - 1
            if 0 <= at < self.n_steps and i >= 0 and pitch >= LOWEST_PAD:
                pitch = _clipped(pitch)
                held[i][pitch] = held[i].get(pitch, 0.0) + s.end - s.onset
        rows: list[list[Voicing]] = [[] for _ in chords]
        for (at, _), weights in zip(spans, held, strict=True):
            longest = sorted(weights, key=lambda p: (-weights[p], p))[:MOST_PAD_VOICES]
            if len(longest) >= 2:
                rows[at // STEPS].append(Voicing(at % STEPS, tuple(sorted(longest))))
        return rows


def _rounded(steps: int) -> int:
    """Return the nearest duration that has a token."""
    i = bisect_left(DURATIONS, steps)
    near = DURATIONS[max(0, i - 1) : i + 1]
    return min(near, key=lambda d: abs(d - steps))


def _clipped(pitch: int) -> int:
    """Bring a pitch into the range by octaves."""
    while pitch < PITCHES.start:
        pitch += 12
    while pitch >= PITCHES.stop:
        pitch -= 12
    return pitch


assert len(LEVEL_EDGES) + 1 == LEVELS and len(LATE_EDGES_S) + 1 == LATENESS
