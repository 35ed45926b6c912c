"""Lines made of the motif: the hook's phrases, the verse's answers, hints, pieces and farewell."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from halation.score.development import (
    augmented,
    cell_of,
    crowned,
    diminished,
    displaced,
    into,
    moved,
    sequenced,
    turned,
    varied,
)
from halation.score.harmony import Changes, chord_scale
from halation.score.motif import MOTIF_BEATS, Motif, fits
from halation.score.pitches import clashes, from_step, nearest, step, to_step
from halation.types import BEATS_PER_BAR, Chord, Key, Note, Section

__all__ = [
    "adapt", "answers", "counter", "draw_letters", "farewell", "hint", "hook_line", "pieces",
    "short_of",
]  # fmt: skip

PHRASE_FORMS: Final = ("AABA", "ABAC", "AaBa", "AaAB", "ABaC", "AAbA", "ABAS", "AdAB")
"""Four phrases of a first hook. A is the motif itself, a varied, B moved, b turned upside down,
C closing, D in half the time, S a sequence of the cell, d displaced by a beat."""

AGAIN: Final = ("AaAS", "AdAb", "aABA", "AADa", "ASAa", "bAAd", "ABdA")
"""What a later hook says instead, one phrase for two bars."""
SECOND_ROUND: Final = ("AdbC", "ASaC", "aADC", "AbaC", "dASC")
"""What follows after eight bars of a hook: the same, further from home."""
CLIMAX: Final = ("AAXE", "AXaE", "AaXE", "SAXE", "ADXE")
"""How the last hook of a song ends: X the crowned motif, E the longest note."""

N_LETTERS: Final = 4
"""Draws of a hook's letters, of which one is taken."""
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
        bent.append(replace(note, pitch=into(pitch)))
    return tuple(bent)


def _closing(
    motif: Motif, changes: Changes, start: float, key: Key, hold_beats: float = 3.0
) -> tuple[Note, ...]:
    """Say the cell once, then a long note of the chord, and silence."""
    cell = cell_of(motif)
    at = 2.0 if motif.cell[-1] < 1.75 else 2.5
    chord = changes.at(start + at)
    pitch = nearest(step(cell[-1].pitch, -1, key.scale), chord.pitches[:3])
    return (*cell, Note(at, hold_beats, pitch, 90))


def _placed(notes: tuple[Note, ...], start: float) -> tuple[Note, ...]:
    return tuple(replace(n, onset_beats=n.onset_beats + start) for n in notes)


def draw_letters(
    phrase_form: str, n_phrases: int, nth: int, last: bool, before: str,
    stream: np.random.Generator,
) -> str:  # fmt: skip
    """Draw what a hook's phrases do: the song's own form first, others later, a climax at the end.

    Of a few draws the one is taken that has the motif itself least often where the hook before had
    it.

    Parameters
    ----------
    phrase_form : str
        The first hook's four phrases.
    n_phrases : int
    nth : int
        Which hook it is, from 1.
    last : bool
        Whether no other hook follows.
    before : str
        The letters of the hook before, empty for the first.
    stream : np.random.Generator
    """
    drawn = [_letters(phrase_form, n_phrases, nth, last, stream) for _ in range(N_LETTERS)]
    return min(drawn, key=lambda d: sum(a == b == "A" for a, b in zip(d, before, strict=False)))


def _letters(
    phrase_form: str, n_phrases: int, nth: int, last: bool, stream: np.random.Generator
) -> str:
    def pick(options: tuple[str, ...]) -> str:
        return options[int(stream.integers(len(options)))]

    letters = phrase_form if nth == 1 else pick(AGAIN)
    while len(letters) < n_phrases:
        letters += pick(SECOND_ROUND)
    letters = letters[:n_phrases]
    if last and nth > 1 and n_phrases >= 4:
        return letters[:-4] + pick(CLIMAX)
    return letters[:-1] + "C" if n_phrases > 3 and nth % 2 else letters


def hook_line(
    section: Section,
    motif: Motif,
    changes: Changes,
    key: Key,
    letters: str,
    stream: np.random.Generator,
) -> tuple[tuple[str, tuple[Note, ...]], ...]:
    """Write a hook's line.

    Returns
    -------
    tuple of (letter, notes)
        A phrase for each two bars; at least two are the motif itself (``"A"``).
    """
    starts = [section.start_beats + MOTIF_BEATS * i for i in range(len(letters))]
    literal = [fits(motif.at(s), changes.at) for s in starts]
    wished = [i for i, letter in enumerate(letters) if letter == "A" and literal[i]]
    spare = [i for i in range(len(starts)) if literal[i] and i not in wished]
    spare.sort(key=lambda i: letters[i] in "XEC")
    spare += [i for i in range(len(starts)) if i not in wished and i not in spare]
    while len(wished) < min(2, len(starts)):
        wished.append(spare.pop(0))
    move = int(stream.choice((-2, -1, 1, 2)))
    phrases = []
    for i, start in enumerate(starts):
        letter = "A" if i in wished else letters[i] if letters[i] != "A" else "a"
        if letter == "A":
            notes = motif.at(start)
        else:
            said = _said(letter, motif, changes, start, key, move, stream)
            notes = adapt(_placed(said, start), changes, key)
        phrases.append((letter, short_of(notes, start + MOTIF_BEATS)))
    return tuple(phrases)


def _said(
    letter: str, motif: Motif, changes: Changes, start: float, key: Key, move: int,
    stream: np.random.Generator,
) -> tuple[Note, ...]:  # fmt: skip
    """Return what a letter stands for, counted from the phrase's start."""
    match letter:
        case "B":
            return moved(motif, key, move)
        case "b":
            return turned(motif, key)
        case "C":
            return _closing(motif, changes, start, key)
        case "D":
            return diminished(motif, key)
        case "d":
            return displaced(motif, 1.0)
        case "S":
            return sequenced(motif, key, 1 if move > 0 else -1)
        case "X":
            return crowned(motif, key)
        case "E":
            return _closing(motif, changes, start, key, hold_beats=4.5)
        case _:
            return varied(motif, key, stream)


def short_of(notes: tuple[Note, ...], end: float) -> tuple[Note, ...]:
    """Cut a line so that notes do not overlap and end before ``end``."""
    cut = []
    for note, following in pairwise((*notes, Note(end, 0.0, 0, 1))):
        room = min(following.onset_beats, end) - note.onset_beats
        if room > 0.05:
            cut.append(replace(note, duration_beats=min(note.duration_beats, room)))
    return tuple(cut)


ANSWERS_LIE: Final = -3
"""Steps of the scale by which the verse's answers lie under the motif."""


def answers(
    section: Section, nth: int, motif: Motif, changes: Changes, key: Key,
    stream: np.random.Generator,
) -> tuple[Note, ...]:  # fmt: skip
    """Write the verse's answers: in the second half of each four bars, never twice alike.

    The first verse answers with fragments; later ones develop the motif: a sequence, the beginning
    twice as slow, everything a beat late, the cell in half the time.
    """
    line: list[Note] = []
    kinds = stream.permutation(4)
    for i in range(math.ceil(section.bars / 4)):
        start = section.start_beats + 4.0 * BEATS_PER_BAR * i + MOTIF_BEATS
        if section.bars < 4:
            start = section.start_beats
        end = min(start + MOTIF_BEATS, section.end_beats - BREATH_BEATS)
        kind = int(kinds[i % 4])
        low = ANSWERS_LIE + (i // 4) % 2
        source = _fragment(kind, motif, key) if nth == 1 else _developed(kind, motif, key)
        source = tuple(replace(n, pitch=step(n.pitch, low, key.scale)) for n in source)
        line += short_of(adapt(_placed(source, start), changes, key), end)
    return tuple(n for n in line if n.onset_beats < section.end_beats - 1.0)


def _fragment(kind: int, motif: Motif, key: Key) -> tuple[Note, ...]:
    size = len(motif.cell)
    upside_down = turned(motif, key)
    if kind == 0:  # only its second half
        return upside_down[min(size, len(upside_down) - 2) :]
    if kind == 1:  # only the beginning and where it leads
        return upside_down[: size + 1]
    if kind == 2:
        return moved(motif, key, -1)[: size + 1]
    return motif.notes[min(motif.long, len(motif.notes) - 2) :]


def _developed(kind: int, motif: Motif, key: Key) -> tuple[Note, ...]:
    if kind == 0:
        return sequenced(motif, key, -1)
    if kind == 1:
        return augmented(motif, key, 0)
    if kind == 2:
        return displaced(motif, 1.0)
    return diminished(motif, key)


def hint(section: Section, motif: Motif) -> tuple[Note, ...]:
    """Hint at the motif in the intro: its first cell from the first beat, later all of it."""
    cell = cell_of(motif)
    if section.duration_beats < MOTIF_BEATS:
        room = section.start_beats + section.duration_beats - BREATH_BEATS
        return short_of(motif.at(section.start_beats), room)
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
    upside_down = turned(motif, key)
    halves = (motif.notes[:size], motif.notes[motif.long : motif.long + 2], motif.notes[-2:],
              upside_down[:size], upside_down[motif.long : motif.long + 2])  # fmt: skip
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
        line += short_of(adapt(piece, changes, key), section.start_beats + span * (i + 1))
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
    motif: Motif,
    changes: Changes,
    key: Key,
    stream: np.random.Generator,
) -> tuple[Note, ...]:
    """Write a counter-line that speaks only in the line's rests of a beat or more.

    It is made of the motif's cell, against the direction in which the line fell silent.
    """
    spoken: list[Note] = []
    bounds = (*((n.onset_beats, n.onset_beats + n.duration_beats) for n in line), (end, end))
    free, fell = start, 0
    pitches = [n.pitch for n in line]
    for i, (onset, over) in enumerate(bounds):
        if onset - free >= 1.0 and stream.random() < 0.85:
            last = pitches[i - 1] if i else motif.notes[0].pitch
            reply = _reply(free, onset, last, fell, motif, key, stream)
            spoken += short_of(adapt(reply, changes, key), onset)
        if 0 < i < len(pitches):
            fell = int(np.sign(pitches[i] - pitches[i - 1])) or fell
        free = max(free, over)
    return tuple(spoken)


def _reply(
    free: float, until: float, last: int, fell: int, motif: Motif, key: Key,
    stream: np.random.Generator,
) -> tuple[Note, ...]:  # fmt: skip
    """Say the cell in one rest, upside down where that moves against the line before it."""
    at = math.ceil(free * 2.0) / 2.0 + (0.5 if until - free >= 2.0 else 0.0)
    cell = cell_of(motif)
    own = int(np.sign(cell[-1].pitch - cell[0].pitch)) or 1
    against = -fell if fell else int(stream.choice((-1, 1)))
    first = to_step(into(last + (4 if against < 0 else -3)), key.scale)
    origin = to_step(cell[0].pitch, key.scale)
    rounds = 2 if until - at >= 4.5 and stream.random() < 0.5 else 1
    reply: list[Note] = []
    for k in range(rounds):
        for n in cell:
            onset = at + 2.0 * k + n.onset_beats
            if onset > until - 0.35 or n.onset_beats >= 2.0:
                continue
            way = (to_step(n.pitch, key.scale) - origin) * (1 if own == against else -1)
            pitch = from_step(first + way + 2 * against * k, key.scale)
            reply.append(Note(onset, 0.4, pitch, 70))
    if reply:
        reply[-1] = replace(reply[-1], duration_beats=min(0.9, until - reply[-1].onset_beats))
    return tuple(reply)
