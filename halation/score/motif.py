"""The motif: two bars that one could hum, drawn many times, ranked, and one of the best kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from halation.score.pitches import clashes, from_step, to_step
from halation.types import Chord, Key, Note

__all__ = [
    "MOTIF_BEATS", "ChordAt", "Motif", "Rhythm", "draw_motif", "fits", "legal", "rank", "rests",
    "timed",
]  # fmt: skip

MOTIF_BEATS: Final = 8.0
N_CANDIDATES: Final = 300
N_TRIES: Final = 3_000
N_DICE: Final = 24
BEST: Final = 0.2
LEAST_BEST: Final = 16
"""One of the best fifth (or of this many) is taken: the seed chooses, the rank only sieves."""

NOTES: Final = (5, 9)
LEAST_SILENCE: Final = 0.35
LONG_BEATS: Final = 2.0
LONG_COLOURS: Final = (2, 9, 10, 11)
"""Semitones above the root on which the long note hangs: ninth, sixth and sevenths."""
LEAP: Final = (7, 12)
LARGEST_OTHER: Final = 5
RANGE: Final = (60, 81)
"""C4–A5: the voice sings it, the bells play it an octave above."""
WIDEST: Final = 14
CELL_NOTE_BEATS: Final = 0.5

CELLS: Final = (
    (0.0, 0.5), (0.0, 1.0), (0.0, 0.75), (0.0, 1.5), (0.0, 1.25),
    (0.0, 0.5, 1.0), (0.0, 0.5, 1.5), (0.0, 0.75, 1.5), (0.0, 1.0, 1.5), (0.0, 0.5, 1.25),
    (0.0, 0.25, 1.0), (0.0, 0.5, 0.75), (0.0, 0.75, 1.25), (0.0, 1.0, 1.25),
    (0.0, 0.5, 1.0, 1.5), (0.0, 0.5, 0.75, 1.5), (0.0, 0.25, 1.0, 1.5), (0.0, 0.5, 1.0, 1.25),
)  # fmt: skip
"""Rhythmic cells: onsets in beats."""

CELL_SIZES: Final = (0.14, 0.53, 0.33)
"""Chances of cells of two, three and four notes."""

PENTATONIC: Final = {True: (0, 3, 5, 7, 10), False: (0, 2, 4, 7, 9)}
"""Semitones above the tonic of the pentatonic scale, minor and major."""


@dataclass(frozen=True, slots=True)
class Motif:
    """The song's signature.

    Parameters
    ----------
    notes : tuple of Note
        Onsets from 0 within :data:`MOTIF_BEATS`, in the voice's register.
    cell : tuple of float
        The rhythmic cell that is heard twice, onsets in beats.
    long : int
        Index of the longest note.
    """

    notes: tuple[Note, ...]
    cell: tuple[float, ...]
    long: int

    def at(self, onset_beats: float, transpose: int = 0) -> tuple[Note, ...]:
        """Return the motif's own notes at a place in the song."""
        return tuple(
            replace(n, onset_beats=n.onset_beats + onset_beats, pitch=n.pitch + transpose)
            for n in self.notes
        )


MOVES: Final = (-2, -2, -1, -1, -1, -1, 0, 1, 1, 1, 2, 2, 3)
"""Steps of the scale within a cell; what stands here twice is twice as likely."""


def _pick(options: tuple[int, ...], dice: float) -> int:
    return options[int(len(options) * dice)]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Onsets and durations of a candidate; ``second`` is where the cell starts again."""

    cell: tuple[float, ...]
    onsets: tuple[float, ...]
    durations: tuple[float, ...]
    long: int
    second: int


ChordAt = Callable[[float], Chord]
Dice = Callable[[], float]
"""Gives the next number of a candidate's own row of uniform draws in 0..1."""
Kind = tuple[tuple[float, ...], bool]
"""A rhythmic cell, and whether both its statements come before the long note."""


def draw_motif(
    stream: np.random.Generator, key: Key, slots: tuple[ChordAt, ...], centre: int
) -> Motif:
    """Draw a motif.

    Parameters
    ----------
    stream : np.random.Generator
    key : Key
    slots : tuple of callables
        The harmony at the places where the motif may be stated, each as beats → Chord counted
        from the statement; it is born on the first.
    centre : int
        MIDI pitch about which it lies.
    """
    found: list[tuple[float, int, Motif]] = []
    scale = key.scale
    while not found:  # a cell that gives nothing at all is exchanged
        kind = _draw_kind(stream)
        for row in stream.random((N_TRIES, N_DICE)).tolist():
            candidate = _candidate(iter(row).__next__, kind, scale, slots[0], centre)
            if candidate is not None:
                found.append((rank(candidate, key, slots), len(found), candidate))
            if len(found) >= N_CANDIDATES:
                break
    found.sort(key=lambda each: (-each[0], each[1]))
    best = found[: max(LEAST_BEST, round(BEST * len(found)))]
    return best[int(stream.integers(len(best)))][2]


def _draw_kind(stream: np.random.Generator) -> Kind:
    """Draw a song's cell and shape before any candidate, so that ranking cannot choose it."""
    size = int(stream.choice((2, 3, 4), p=CELL_SIZES))
    cells = [cell for cell in CELLS if len(cell) == size]
    return cells[int(stream.integers(len(cells)))], bool(stream.random() < 0.5)


def _rhythm(dice: Dice, kind: Kind) -> Rhythm:
    """Draw a rhythm: cell, cell, long, release – or cell, long, cell (and a last note)."""
    cell, cells_first = kind
    size, span = len(cell), cell[-1]
    if size < 4 and cells_first:
        period = 2.0 if span < 1.5 or dice() < 0.6 else 2.5
        start_long = 2 * period + (0.5 if period == 2.0 and dice() < 0.25 else 0.0)
        long_beats = 2.0 if start_long > 4.0 or dice() < 0.7 else 2.5
        tail = start_long + long_beats
        onsets = (*cell, *(period + t for t in cell), start_long, tail)
        return timed(cell, onsets, 2 * size, size, long_beats, min(1.0, 7.75 - tail))
    gap = 0.5 if span + 0.5 <= 1.5 or dice() < 0.5 else 1.0
    start_long = max(1.0, span + gap)
    second = 4.0 if start_long <= 2.0 else 4.5
    onsets = (*cell, start_long, *(second + t for t in cell))
    last = second + span + (1.0 if dice() < 0.5 else 0.5)
    if 2 * size + 2 <= NOTES[1] and (size == 2 or dice() < 0.5) and last <= 6.75:
        onsets = (*onsets, last)
    long_beats = second - start_long if second - start_long < 2.75 else 2.5
    return timed(cell, onsets, size, size + 1, long_beats, 0.75)


@lru_cache(maxsize=4_096)
def timed(
    cell: tuple[float, ...],
    onsets: tuple[float, ...],
    long: int,
    second: int,
    long_beats: float,
    last_beats: float,
) -> Rhythm:
    """Give onsets their durations: short, but for the long note and the last."""
    ends = (*onsets[1:], onsets[-1] + last_beats)
    durations = [
        min(CELL_NOTE_BEATS, 0.8 * (end - onset)) for onset, end in zip(onsets, ends, strict=True)
    ]
    durations[long] = long_beats
    durations[-1] = last_beats
    return Rhythm(cell, onsets, tuple(durations), long, second)


def _candidate(
    dice: Dice,
    kind: Kind,
    scale: tuple[int, ...],
    chord_at: ChordAt,
    centre: int,
) -> Motif | None:
    """Draw pitches on a rhythm; None where a rule of the motif is broken."""
    rhythm = _rhythm(dice, kind)
    if not rests(rhythm):
        return None
    steps = _contour(dice, rhythm, to_step(centre, scale) + int(7 * dice()) - 3)
    return legal(rhythm, [from_step(s, scale) for s in steps], chord_at)


def rests(rhythm: Rhythm) -> bool:
    """Whether a rhythm leaves silence enough."""
    return sum(rhythm.durations) <= MOTIF_BEATS * (1 - LEAST_SILENCE)


def legal(rhythm: Rhythm, pitches: list[int], chord_at: ChordAt) -> Motif | None:
    """Put pitches on a rhythm; None where a rule of the motif is broken."""
    low, high = min(pitches), max(pitches)
    if low < RANGE[0] or high > RANGE[1] or high - low > WIDEST:
        return None
    jumps = [abs(b - a) for a, b in pairwise(pitches)]
    leaps = [i for i, jump in enumerate(jumps) if jump > LARGEST_OTHER]
    if len(leaps) != 1 or not LEAP[0] <= jumps[leaps[0]] <= LEAP[1]:
        return None
    if rhythm.onsets[leaps[0] + 1] < MOTIF_BEATS / 2 or leaps[0] == len(jumps) - 1:
        return None
    long = rhythm.long
    if not 1 <= jumps[long] <= 2:
        return None
    if (pitches[long] - chord_at(rhythm.onsets[long]).root) % 12 not in LONG_COLOURS:
        return None
    notes = tuple(
        Note(onset, duration, pitch, 90)
        for onset, duration, pitch in zip(rhythm.onsets, rhythm.durations, pitches, strict=True)
    )
    return Motif(notes, rhythm.cell, long)


def _contour(dice: Dice, rhythm: Rhythm, start: int) -> list[int]:
    """Draw steps of the scale: a cell, its echo (moved or bent), one leap in the second half."""
    size, n = len(rhythm.cell), len(rhythm.onsets)
    steps = [start]
    for _ in range(size - 1):
        steps.append(steps[-1] + _pick(MOVES, dice()))
    cell = [s - start for s in steps]
    leap = (4 + int(4 * dice())) * (1 if dice() < 0.72 else -1)
    resolve = -1 if dice() < 0.75 else 1
    if rhythm.long >= 2 * size:  # cell, cell, leap to the long note, release
        echo = start + _pick((-2, -1, 0, 0, 1, 2), dice())
        steps += [echo + c for c in cell]
        steps.append(steps[-1] + leap)
        steps.append(steps[-1] + resolve)
        return steps
    steps.append(steps[-1] + _pick((-2, -1, 1, 2, 3), dice()))
    echo = steps[-1] + resolve
    bent = [echo + c for c in cell]
    at = 1 + int((size - 1 if n > 2 * size + 1 else size - 2) * dice())  # never the last word
    for i in range(at, size):
        bent[i] = bent[at - 1] + leap + cell[i] - cell[at]
    steps += bent
    if n > len(steps):
        steps.append(steps[-1] + (leap if at == size else _pick((-2, -1, -1, 1), dice())))
    return steps


def fits(notes: tuple[Note, ...], chord_at: ChordAt) -> bool:
    """Whether no note of a beat or more rubs against the chords that sound under it."""
    return not any(
        clashes(n.pitch, chord_at(t).pitches)
        for n in notes
        if n.duration_beats >= 1.0
        for t in (n.onset_beats, n.onset_beats + n.duration_beats - 0.01)
    )


def rank(motif: Motif, key: Key, slots: tuple[ChordAt, ...]) -> float:
    """Say how good a motif is: harmony, contour, repetition, and how far from commonplaces."""
    score = 0.0
    for k, chord_at in enumerate(slots):
        score += (4.0 if k < 2 else 1.5) * fits(motif.notes, chord_at)
        score += (1.0 if k == 0 else 0.4) * _harmony(motif, chord_at)
    pitches = [n.pitch for n in motif.notes]
    moves = [b - a for a, b in pairwise(pitches)]
    pentatonic = {(key.tonic + p) % 12 for p in PENTATONIC[key.minor]}
    score += 2.0 * sum(p % 12 in pentatonic for p in pitches) / len(pitches)
    score += 2.0 * _at_home(motif, key)
    score += 1.5 * sum(1 <= abs(m) <= 2 for m in moves) / len(moves)
    peak = max(pitches)
    score += 1.0 * (pitches.count(peak) == 1) + 0.5 * (pitches[0] != peak)
    size = len(motif.cell)
    again = size if motif.long >= 2 * size else size + 1
    first = [b - a for a, b in pairwise(pitches[:size])]
    second = [b - a for a, b in pairwise(pitches[again : again + size])]
    score += 1.2 * bool((np.sign(first) == np.sign(second)).all())
    return score + _leap_filled(moves) - _commonplace(pitches, moves, key)


def _leap_filled(moves: list[int]) -> float:
    """Say how well the leap is answered: a step back sings, going on the same way runs off."""
    leap = max(range(len(moves)), key=lambda i: abs(moves[i]))
    back = moves[leap + 1] * moves[leap] < 0
    return 1.2 if back and abs(moves[leap + 1]) <= 2 else 0.0 if back else -0.8


def _harmony(motif: Motif, chord_at: ChordAt) -> float:
    """Strong notes in the chord, others resolved by step, the last note at home."""
    score = 0.0
    for i, note in enumerate(motif.notes):
        inside = note.pitch % 12 in chord_at(note.onset_beats).pitches
        strong = note.onset_beats % 2.0 == 0.0
        if i + 1 < len(motif.notes):
            by_step = 1 <= abs(motif.notes[i + 1].pitch - note.pitch) <= 2
        else:
            by_step = False
        if strong:
            score += 0.7 if inside else (-0.2 if by_step else -1.2)
        elif not inside and not by_step:
            score -= 0.8
    last = motif.notes[-1]
    return score + 1.0 * (last.pitch % 12 in chord_at(last.onset_beats).pitches)


def _at_home(motif: Motif, key: Key) -> float:
    """Return the share of the motif's time that it spends on the tonic's triad, 0 … 1."""
    home = (key.scale[0], key.scale[2], key.scale[4])
    time = sum(n.duration_beats for n in motif.notes)
    return sum(n.duration_beats for n in motif.notes if n.pitch % 12 in home) / time


def _commonplace(pitches: list[int], moves: list[int], key: Key) -> float:
    """Cost of scales run up and down, stammering, the bare triad and the tonic at both ends."""
    cost = 0.0
    for a, b, c in zip(moves, moves[1:], moves[2:], strict=False):
        cost += 0.8 * (a == b == c == 0)
        cost += 0.4 * (0 < abs(a) <= 2 and 0 < abs(b) <= 2 and 0 < abs(c) <= 2
                       and (a > 0) == (b > 0) == (c > 0))  # fmt: skip
    cost += 0.8 * (pitches[0] % 12 == key.tonic and pitches[-1] % 12 == key.tonic)
    cost += 1.0 * (len({p % 12 for p in pitches}) < 4)
    cost += 0.8 * (pitches[:2] == pitches[2:4])
    cost += 1.5 * (len(set(pitches)) < 5 and len(pitches) >= 6)
    cost += 0.6 * sum(
        a == c and b == d
        for a, b, c, d in zip(pitches, pitches[1:], pitches[2:], pitches[3:], strict=False)
    )
    cost += 0.35 * moves.count(0)
    return cost
