"""The 808: roots under the chords, mostly with the kick, gliding where the loop turns."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from halation.score.harmony import Changes
from halation.score.skeletons import Skeleton, kick_beats
from halation.types import Chord, Note, Section

__all__ = ["bass_line"]

LOWEST: Final = 28
"""E1: what lies below is felt but not heard on small speakers."""
HIGHEST: Final = 43
PAIR_BEATS: Final = 8.0
HITS: Final = {"verse": (2, 3), "hook": (3, 5), "bridge": (1, 1), "outro": (1, 2), "intro": (0, 0)}
"""Hits in two bars, by the section's role."""
PICK_UP: Final = 0.5
"""Chance of one more hit at the end of two bars when a section comes again."""
PICK_UPS: Final = (6.5, 7.0, 7.25, 7.5)
GLIDE_OVERLAP_BEATS: Final = 0.2


def _low(pitch_class: int) -> int:
    return LOWEST + (pitch_class - LOWEST) % 12


def bass_line(
    section: Section, nth: int, skeleton: Skeleton, changes: Changes, level: float, stop: float,
    stream: np.random.Generator,
) -> tuple[Note, ...]:  # fmt: skip
    """Play a section; one that comes again has pick-ups before some pairs of bars.

    Parameters
    ----------
    section : Section
    nth : int
        1 for the first section of its role.
    skeleton : Skeleton
        Whose kick the 808 goes with.
    changes : Changes
    level : float in 0..1
        Loudness.
    stop : float
        Beat at which the bass ends.
    """
    line: list[Note] = []
    figure = _figure(section.role, skeleton, stream)
    n_pairs = int(np.ceil(section.duration_beats / PAIR_BEATS))
    for pair in range(n_pairs):
        start = section.start_beats + pair * PAIR_BEATS
        here = _figure(section.role, skeleton, stream) if pair % 4 == 3 else figure
        if nth > 1 and section.role != "outro" and stream.random() < PICK_UP:
            here = (*here, float(PICK_UPS[int(stream.integers(len(PICK_UPS)))]))
        line += _pair(start, here, changes, section, level, stream)
    line = [n for n in sorted(line, key=lambda n: n.onset_beats) if n.onset_beats < stop - 0.25]
    glides = _glides(section, changes) if section.role == "hook" else ()
    return _joined(line, glides, stop, 0.92 if section.role == "hook" else 0.7)


def _figure(role: str, skeleton: Skeleton, stream: np.random.Generator) -> tuple[float, ...]:
    """Draw where the hits of two bars fall: some of the kick's places, at times one off it."""
    low, high = HITS[role]
    n_hits = int(stream.integers(low, high + 1))
    kicks = [t for t in kick_beats(skeleton) if t > 0.0]
    order = stream.permutation(len(kicks))
    chosen = [kicks[int(i)] for i in order[: max(0, n_hits - 1)]]
    if n_hits > 2 and stream.random() < 0.4:
        chosen[-1:] = [float(stream.choice((1.5, 3.5, 5.5, 6.5, 7.5)))]
    return tuple(sorted({0.0, *chosen}))


def _pair(
    start: float, figure: tuple[float, ...], changes: Changes, section: Section, level: float,
    stream: np.random.Generator,
) -> list[Note]:  # fmt: skip
    """Put pitches on a figure; a new chord is always met with its bass."""
    end = min(start + PAIR_BEATS, section.end_beats)
    at = {start + t for t in figure if start + t < end}
    fresh = {c.onset_beats for c in changes.within(start, end) if start <= c.onset_beats < end}
    if section.role != "bridge":
        at |= fresh
    notes = []
    for onset in sorted(at):
        chord = changes.at(onset)
        first = onset in fresh or onset == start
        pitch = _low(chord.bass) if first or stream.random() < 0.7 else _other(chord, stream)
        strong = 1.0 if onset % 4.0 == 0.0 else 0.92
        notes.append(Note(onset, 2.0, pitch, int(min(120, 106 * level * strong))))
    return notes


def _other(chord: Chord, stream: np.random.Generator) -> int:
    """Return the fifth or the octave of a chord's bass, where the chord has it."""
    bass = _low(chord.bass)
    options = [p for p in (bass + 7, bass - 5, bass + 12)
               if LOWEST <= p <= HIGHEST and (p % 12 in chord.pitches)]  # fmt: skip
    return options[int(stream.integers(len(options)))] if options else bass


def _glides(section: Section, changes: Changes) -> tuple[float, ...]:
    """Return the downbeats of every fourth bar within a section: there the bass glides in."""
    return tuple(
        section.start_beats + 16.0 * k
        for k in range(1, int(section.duration_beats // 16.0) + 1)
        if section.start_beats + 16.0 * k < section.end_beats
    )


def _joined(
    line: list[Note], glides: tuple[float, ...], stop: float, sustain: float
) -> tuple[Note, ...]:
    """Give each note its length: to the next one, or over it where the bass glides."""
    joined: list[Note] = []
    for note, following in pairwise((*line, Note(stop, 0.0, 0, 1))):
        gap = following.onset_beats - note.onset_beats
        lasts = min(gap - 0.08, 4.0 * sustain + (2.0 if sustain > 0.8 else 0.0))
        into = following.onset_beats in glides and following.pitch != note.pitch
        if into:
            early = min(gap, 1.0)
            if gap > 2.0:  # a pick-up of its own, so that the glide is heard
                joined.append(replace(note, duration_beats=min(gap - early - 0.08, lasts)))
                note = replace(note, onset_beats=following.onset_beats - early)
            lasts = following.onset_beats - note.onset_beats + GLIDE_OVERLAP_BEATS
        joined.append(replace(note, duration_beats=max(0.2, lasts)))
    return tuple(joined)
