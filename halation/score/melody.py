"""Lines made of the motif: the hook's phrases, the verse's answers, hints, pieces and farewell."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from halation.score.harmony import Changes, chord_scale
from halation.score.motif import MOTIF_BEATS, Motif, fits
from halation.score.pitches import clashes, nearest, step
from halation.types import BEATS_PER_BAR, Chord, Key, Note, Section

__all__ = ["adapt", "answers", "counter", "farewell", "hint", "hook_line", "pieces"]

PHRASE_FORMS: Final = ("AABA", "ABAC", "AaBa", "AaAB", "ABaC")
"""Four phrases: A the motif itself, a varied, B moved or turned, C closing."""

LINE_RANGE: Final = (58, 83)
TAIL_BEATS: Final = 2.0 * BEATS_PER_BAR
"""The end of the outro in which nothing begins."""
BREATH_BEATS: Final = 0.5
"""Silence before a hook."""


def tones(chord: Chord) -> tuple[int, ...]:
    """Return a chord's pitch classes, its bass included."""
    return chord.pitches if chord.bass in chord.pitches else (*chord.pitches, chord.bass)


def adapt(notes: tuple[Note, ...], changes: Changes, key: Key) -> tuple[Note, ...]:
    """Bend a line to the chords under it.

    Notes foreign to the chord's scale move to it; a long note leaves what it rubs against; a note
    on a strong place is a chord note or moves on by step.
    """
    bent: list[Note] = []
    for i, note in enumerate(notes):
        chord = changes.at(note.onset_beats)
        scale = chord_scale(key, chord.pitches)
        pitch = note.pitch if note.pitch % 12 in scale else nearest(note.pitch, scale)
        calm: tuple[int, ...] = scale
        if note.duration_beats >= 1.0:
            under = changes.within(note.onset_beats, note.onset_beats + note.duration_beats)
            calm = tuple(pc for pc in scale if not any(clashes(pc, tones(c)) for c in under))
            pitch = pitch if not calm or pitch % 12 in calm else nearest(pitch, calm)
        follows = notes[i + 1].pitch if i + 1 < len(notes) else pitch
        by_step = 1 <= abs(follows - pitch) <= 2
        strong = note.onset_beats % 2.0 == 0.0
        if strong and not by_step and pitch % 12 not in chord.pitches:
            pitch = nearest(pitch, [pc for pc in chord.pitches if pc in calm] or chord.pitches)
        bent.append(replace(note, pitch=_into(pitch, LINE_RANGE)))
    return tuple(bent)


def _into(pitch: int, bounds: tuple[int, int]) -> int:
    while pitch > bounds[1]:
        pitch -= 12
    while pitch < bounds[0]:
        pitch += 12
    return pitch


def _moved(motif: Motif, key: Key, by: int) -> tuple[Note, ...]:
    return tuple(replace(n, pitch=step(n.pitch, by, key.scale)) for n in motif.notes)


def _turned(motif: Motif, key: Key) -> tuple[Note, ...]:
    """Turn the motif upside down about its first note."""
    axis = motif.notes[0].pitch
    return tuple(
        replace(n, pitch=_into(nearest(2 * axis - n.pitch, key.scale), LINE_RANGE))
        for n in motif.notes
    )


def _varied(motif: Motif, key: Key, stream: np.random.Generator) -> tuple[Note, ...]:
    """Change one small thing near the motif's end."""
    notes = list(motif.notes)
    last = notes[-1]
    kind = int(stream.integers(4))
    if kind == 0 and last.onset_beats + last.duration_beats <= 6.75:  # the last note again, below
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
    else:  # the beginning thinned
        del notes[1]
        notes[0] = replace(notes[0], duration_beats=0.75)
    return tuple(notes)


def _closing(motif: Motif, changes: Changes, start: float, key: Key) -> tuple[Note, ...]:
    """Say the cell once, then a long note of the chord, and silence."""
    cell = motif.notes[: len(motif.cell)]
    at = 2.0 if motif.cell[-1] < 1.75 else 2.5
    chord = changes.at(start + at)
    pitch = nearest(step(cell[-1].pitch, -1, key.scale), chord.pitches[:3])
    return (*cell, Note(at, 3.0, pitch, 90))


def _placed(notes: tuple[Note, ...], start: float) -> tuple[Note, ...]:
    return tuple(replace(n, onset_beats=n.onset_beats + start) for n in notes)


def hook_line(
    section: Section,
    motif: Motif,
    changes: Changes,
    key: Key,
    phrase_form: str,
    stream: np.random.Generator,
) -> tuple[tuple[str, tuple[Note, ...]], ...]:
    """Write a hook's line.

    Returns
    -------
    tuple of (letter, notes)
        A phrase for each two bars; at least two are the motif itself (``"A"``).
    """
    starts = [section.start_beats + MOTIF_BEATS * i for i in range(section.bars // 2)]
    letters = _letters(phrase_form, len(starts))
    literal = [fits(motif.at(s), changes.at) for s in starts]
    wished = [i for i, letter in enumerate(letters) if letter == "A" and literal[i]]
    spare = [i for i in range(len(starts)) if literal[i] and i not in wished]
    spare += [i for i in range(len(starts)) if i not in wished and i not in spare]
    while len(wished) < min(2, len(starts)):
        wished.append(spare.pop(0))
    move = int(stream.choice((-2, -1, 1, 2)))
    phrases = []
    for i, start in enumerate(starts):
        letter = "A" if i in wished else letters[i] if letters[i] != "A" else "a"
        if letter == "A":
            notes = motif.at(start)
        elif letter == "a":
            notes = adapt(_placed(_varied(motif, key, stream), start), changes, key)
        elif letter == "C":
            notes = adapt(_placed(_closing(motif, changes, start, key), start), changes, key)
        else:
            other = _turned(motif, key) if letter == "b" else _moved(motif, key, move)
            notes = adapt(_placed(other, start), changes, key)
        phrases.append((letter, _short_of(notes, start + MOTIF_BEATS)))
    return tuple(phrases)


def _letters(phrase_form: str, n_phrases: int) -> list[str]:
    """Spread a form of four phrases over a hook: later rounds vary more, the end closes."""
    letters = []
    for i in range(n_phrases):
        letter = phrase_form[i % 4]
        if i >= 4:
            letter = {"B": "b", "C": "a"}.get(letter, letter)
            letter = "a" if letter == "A" and i % 4 == 2 else letter
        letters.append(letter)
    if n_phrases > 3:
        letters[-1] = "C"
    return letters


def _short_of(notes: tuple[Note, ...], end: float) -> tuple[Note, ...]:
    """Cut a line so that notes do not overlap and end before ``end``."""
    cut = []
    for note, following in pairwise((*notes, Note(end, 0.0, 0, 1))):
        room = min(following.onset_beats, end) - note.onset_beats
        if room > 0.05:
            cut.append(replace(note, duration_beats=min(note.duration_beats, room)))
    return tuple(cut)


def answers(
    section: Section, motif: Motif, changes: Changes, key: Key, stream: np.random.Generator
) -> tuple[Note, ...]:
    """Write the verse's answers: in the second half of each four bars, never twice alike."""
    line: list[Note] = []
    size = len(motif.cell)
    for i in range(math.ceil(section.bars / 4)):
        start = section.start_beats + 4.0 * BEATS_PER_BAR * i + MOTIF_BEATS
        if section.bars < 4:
            start = section.start_beats
        end = min(start + MOTIF_BEATS, section.end_beats - BREATH_BEATS)
        kind = (i + int(stream.integers(2))) % 3
        source = _turned(motif, key) if kind != 1 else _moved(motif, key, -2)
        if kind == 2:  # only its second half
            source = source[min(size, len(source) - 2) :]
        elif stream.random() < 0.5:  # only the beginning and the long note
            source = source[: size + 1]
        line += _short_of(adapt(_placed(source, start), changes, key), end)
    return tuple(n for n in line if n.onset_beats < section.end_beats - 1.0)


def hint(section: Section, motif: Motif) -> tuple[Note, ...]:
    """Hint at the motif in the intro: its first cell from the first beat, later all of it."""
    cell = motif.notes[: len(motif.cell)]
    if section.duration_beats < MOTIF_BEATS:
        room = section.start_beats + section.duration_beats - BREATH_BEATS
        return _short_of(motif.at(section.start_beats), room)
    if section.duration_beats < 3 * MOTIF_BEATS:
        first = motif.at(section.start_beats)
        if section.duration_beats < 2 * MOTIF_BEATS:
            return first
        return (*first, *_placed(cell, section.start_beats + MOTIF_BEATS))
    line: list[Note] = []
    whole = section.start_beats + 2 * MOTIF_BEATS
    at = section.start_beats
    while at + MOTIF_BEATS <= section.end_beats:
        n_whole = round((at - whole) / MOTIF_BEATS)
        if at >= whole and n_whole % 2 == 0:
            line += motif.at(at)
        elif at < whole and at > section.start_beats:
            line += _placed((cell[0], cell[-1]), at + 2.0)
        elif at == section.start_beats:
            line += _placed(cell, at)
        at += MOTIF_BEATS
    return tuple(line)


def pieces(
    section: Section, motif: Motif, changes: Changes, key: Key, stream: np.random.Generator
) -> tuple[Note, ...]:
    """Break the motif into pieces for the bridge: a few notes, twice as slow, wide apart."""
    line: list[Note] = []
    size = len(motif.cell)
    halves = (motif.notes[:size], motif.notes[motif.long : motif.long + 2], motif.notes[-2:])
    span = MOTIF_BEATS if section.bars >= 4 else 4.0
    for i in range(int(section.duration_beats // span)):
        start = section.start_beats + span * i + (0.0 if i % 2 == 0 else 1.0)
        if i and stream.random() < 0.25:
            continue
        part = halves[int(stream.integers(len(halves)))] if i else halves[0]
        slow = 2.0 if span == MOTIF_BEATS else 1.0
        first = part[0].onset_beats
        piece = tuple(
            replace(n, onset_beats=start + slow * (n.onset_beats - first),
                    duration_beats=min(3.0, slow * n.duration_beats))
            for n in part
        )  # fmt: skip
        line += _short_of(adapt(piece, changes, key), section.start_beats + span * (i + 1))
    return tuple(n for n in line if n.onset_beats < section.end_beats - 2.0)


def farewell(section: Section, motif: Motif) -> tuple[tuple[Note, ...], ...]:
    """Place the motif in the outro, at least twice, with growing room between."""
    room = section.duration_beats - TAIL_BEATS
    every = 2 * MOTIF_BEATS if room >= 3 * MOTIF_BEATS else MOTIF_BEATS
    starts = [
        section.start_beats + every * i for i in range(int((room - MOTIF_BEATS) // every) + 1)
    ]
    return tuple(motif.at(start) for start in starts)


def counter(
    line: tuple[Note, ...],
    start: float,
    end: float,
    changes: Changes,
    key: Key,
    stream: np.random.Generator,
) -> tuple[Note, ...]:
    """Write a counter-line that speaks only in the line's rests of a beat or more."""
    spoken: list[Note] = []
    bounds = (*((n.onset_beats, n.onset_beats + n.duration_beats) for n in line), (end, end))
    free = start
    for onset, over in bounds:
        if onset - free >= 1.0:
            spoken += _reply(free, onset, changes, key, stream)
        free = max(free, over)
    return tuple(spoken)


def _reply(
    free: float, until: float, changes: Changes, key: Key, stream: np.random.Generator
) -> list[Note]:
    """Fill one rest with two to four notes of the chord, falling or rising."""
    at = np.ceil(free * 2.0) / 2.0 + (0.5 if until - free >= 2.0 else 0.0)
    n_notes = min(4, int((until - 0.25 - at) / 0.5), 2 + int(stream.integers(3)))
    if n_notes < 1 or stream.random() < 0.2:
        return []
    chord = changes.at(float(at))
    ladder = [p for p in range(67, 92) if p % 12 in chord.pitches]
    down = stream.random() < 0.6
    i = int(stream.integers(n_notes, len(ladder))) if down else int(
        stream.integers(0, len(ladder) - n_notes))  # fmt: skip
    reply = []
    for k in range(n_notes):
        pitch = ladder[i - k if down else i + k]
        onset = float(at) + 0.5 * k
        sounding = changes.at(onset)
        if pitch % 12 not in sounding.pitches:
            pitch = nearest(pitch, sounding.pitches)
        reply.append(Note(onset, 0.45 if k < n_notes - 1 else min(0.9, until - onset), pitch, 70))
    return reply
