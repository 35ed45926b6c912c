"""What can be done with a motif: moved, turned, stretched, shifted, broken, crowned.

Every function returns notes counted from the start of the statement, within the motif's two bars
unless its name says otherwise; bending to the chords comes afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from halation.score.motif import MOTIF_BEATS, Motif
from halation.score.pitches import nearest, step, to_step
from halation.types import Key, Note

__all__ = [
    "LINE_RANGE", "augmented", "cell_of", "crowned", "diminished", "displaced", "into", "moved",
    "sequenced", "turned", "varied",
]  # fmt: skip

LINE_RANGE: Final = (58, 83)
"""A#3–B5: what a voice can sing."""


def into(pitch: int, bounds: tuple[int, int] = LINE_RANGE) -> int:
    """Bring a pitch into a range by octaves."""
    while pitch > bounds[1]:
        pitch -= 12
    while pitch < bounds[0]:
        pitch += 12
    return pitch


def cell_of(motif: Motif) -> tuple[Note, ...]:
    """Return the motif's first statement of its cell."""
    return motif.notes[: len(motif.cell)]


def moved(motif: Motif, key: Key, by: int) -> tuple[Note, ...]:
    """Move the motif by steps of the scale."""
    return tuple(replace(n, pitch=step(n.pitch, by, key.scale)) for n in motif.notes)


def turned(motif: Motif, key: Key) -> tuple[Note, ...]:
    """Turn the motif upside down about its first note, step for step of the scale."""
    axis = to_step(motif.notes[0].pitch, key.scale)
    return tuple(
        replace(n, pitch=into(step(n.pitch, 2 * (axis - to_step(n.pitch, key.scale)), key.scale)))
        for n in motif.notes
    )


def displaced(motif: Motif, by_beats: float) -> tuple[Note, ...]:
    """Start the motif later; what no longer fits in its two bars is left out."""
    late = (replace(n, onset_beats=n.onset_beats + by_beats) for n in motif.notes)
    return tuple(n for n in late if n.onset_beats <= MOTIF_BEATS - 1.0)


def augmented(motif: Motif, key: Key, by: int) -> tuple[Note, ...]:
    """Say the beginning twice as slowly: the cell and where it leads, moved by steps."""
    head = motif.notes[: len(motif.cell) + 1]
    slow = (
        replace(n, onset_beats=2 * n.onset_beats, duration_beats=min(3.0, 2 * n.duration_beats),
                pitch=step(n.pitch, by, key.scale))
        for n in head
    )  # fmt: skip
    return tuple(n for n in slow if n.onset_beats <= MOTIF_BEATS - 1.5)


def diminished(motif: Motif, key: Key) -> tuple[Note, ...]:
    """Say the cell in half the time, wait, say it again a step higher, and rest on its end."""
    cell = cell_of(motif)
    quick = tuple(
        replace(n, onset_beats=n.onset_beats / 2, duration_beats=max(0.2, n.duration_beats / 2))
        for n in cell
    )
    again = tuple(
        replace(n, onset_beats=n.onset_beats + 2.0, pitch=step(n.pitch, 1, key.scale))
        for n in quick
    )
    rest = replace(cell[-1], onset_beats=4.0, duration_beats=2.0,
                   pitch=step(again[-1].pitch, 1, key.scale))  # fmt: skip
    return (*quick, *again, rest)


def sequenced(motif: Motif, key: Key, by: int) -> tuple[Note, ...]:
    """Say the cell three times, each time moved on, the last note held."""
    cell = cell_of(motif)
    line: list[Note] = []
    for k in range(3):
        line += [
            replace(n, onset_beats=n.onset_beats + 2.0 * k, pitch=step(n.pitch, by * k, key.scale))
            for n in cell
            if n.onset_beats < 2.0
        ]
    line[-1] = replace(line[-1], duration_beats=1.5)
    return tuple(line)


def crowned(motif: Motif, key: Key) -> tuple[Note, ...]:
    """Raise what follows the motif's middle so that its peak is the song's highest, and turn it.

    The climax: beginning as it was, then the rest a third (or a step) higher, the long note longer
    and led into by a quick neighbour.
    """
    top = max(n.pitch for n in motif.notes)
    by = next((k for k in (2, 1) if step(top, k, key.scale) <= LINE_RANGE[1]), 0)
    size = len(motif.cell)
    line: list[Note] = []
    for i, note in enumerate(motif.notes):
        raised = note if i < size else replace(note, pitch=step(note.pitch, by, key.scale))
        spot = raised.onset_beats - 0.25
        if i == motif.long and i and line[-1].onset_beats + 0.25 <= spot:
            grace = step(raised.pitch, 1 if raised.pitch < LINE_RANGE[1] - 2 else -1, key.scale)
            line.append(replace(raised, onset_beats=spot, duration_beats=0.2, pitch=grace))
        line.append(raised)
    return tuple(line)


def varied(motif: Motif, key: Key, stream: np.random.Generator) -> tuple[Note, ...]:
    """Change one small thing: an ending, a neighbour, a pick-up, or a thinner beginning."""
    notes = list(motif.notes)
    last = notes[-1]
    kind = int(stream.integers(5))
    end = last.onset_beats + last.duration_beats
    if kind == 0 and end <= 6.75:  # the last note again, below
        notes.append(replace(last, onset_beats=7.0, duration_beats=0.5,
                             pitch=step(last.pitch, -1, key.scale)))  # fmt: skip
    elif kind == 1:  # a neighbour before the last note
        spot = last.onset_beats - 0.5
        if notes[-2].onset_beats + notes[-2].duration_beats <= spot:
            notes.insert(-1, replace(last, onset_beats=spot, duration_beats=0.4,
                                     pitch=step(last.pitch, 1, key.scale)))  # fmt: skip
        else:
            notes[-1] = replace(last, pitch=step(last.pitch, 2, key.scale))
    elif kind == 2:  # the last note elsewhere
        notes[-1] = replace(last, pitch=step(last.pitch, int(stream.choice((-2, 2, 3))), key.scale))
    elif kind == 3 and end <= 7.0:  # a pick-up into what follows
        notes.append(replace(last, onset_beats=7.5, duration_beats=0.4,
                             pitch=nearest(notes[0].pitch - 2, key.scale)))  # fmt: skip
    else:  # the beginning thinned
        del notes[1]
        notes[0] = replace(notes[0], duration_beats=0.75)
    return tuple(notes)
