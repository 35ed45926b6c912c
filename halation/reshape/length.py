"""Another length: sections come, go and grow by whole bars; what fits of the music stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from halation import backends
from halation.form import resized
from halation.score.again import compose_again
from halation.types import BEATS_PER_BAR, Chord, Event, Form, Note, Part, Score, Section

__all__ = ["of_length"]

END_BARS: Final = 4
"""Bars at the end of a section that stay its end: they lead into what follows."""
BLOCK_BARS: Final = 4
"""What is put in walks through the chords of so many bars before it."""
HELD_STEMS: Final = ("pads", "vocals", "bass")
LEAST_BEATS: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bars of the new song; ``source`` is the beat of the old one where they come from."""

    start: float
    end: float
    source: float
    fresh: bool


def of_length(score: Score, length_s: float, seed: int) -> Score:
    """Bring a song to another length at its own tempo.

    Parameters
    ----------
    score : Score
    length_s : float in 30..600 [s]
    seed : int
        What has to be written for it comes from it: sections that are new, and bars put into those
        that grow; by the song's composer, of the song's motif.

    Returns
    -------
    Score
        Sections as :mod:`halation.form` plans them; each keeps the music of the old section in
        whose place it stands, its beginning and its end where it is shorter.
    """
    old, form = score.form, resized(score.form, length_s)
    brief = replace(old.mood.brief, length_s=length_s)
    form = replace(form, mood=replace(old.mood, brief=brief))
    pairs = _paired(old, form)
    pieces = [p for s in form.sections for p in _pieces(s, pairs[s.name], old)]
    chords = tuple(c for piece in pieces for c in _chords(score.chords, piece))
    parts = tuple(_part(part, pieces, pairs, form, score) for part in score.parts)
    events = tuple(e for event in score.events for e in _event(event, pairs, form, score))
    laid = Score(form, _joined(chords), score.motif, parts, events)
    fresh = tuple((p.start, p.end) for p in pieces if p.fresh)
    if not fresh:
        return laid
    names = frozenset(part.name for part in score.written)
    thrown = {
        s.name: names for s in form.sections if any(a < s.end_beats and s.start_beats < b
                                                    for a, b in fresh)
    }  # fmt: skip
    new = frozenset(name for name, (_, own) in pairs.items() if not own)
    composer = backends.composer(old.mood.brief.composer)
    written, _ = compose_again(laid, composer, seed, thrown, new, spans=fresh)
    return written


def _paired(old: Form, new: Form) -> dict[str, tuple[Section, bool]]:
    """Return for each new section an old one, and whether its music moves there too.

    The first of a role takes the first's place, the last the last's, others their own number's.
    """
    pairs: dict[str, tuple[Section, bool]] = {}
    for role in dict.fromkeys(s.role for s in new.sections):
        there = [s for s in new.sections if s.role == role]
        here = [s for s in old.sections if s.role == role]
        like = here or [s for s in old.sections if s.role == "hook"] or list(old.sections)
        ends = {len(there) - 1: len(here) - 1}
        ends = {0: 0, **ends} if len(here) > 1 and len(there) > 1 else {0: len(here) - 1}
        for i, section in enumerate(there):
            own = ends.get(i, i if 0 < i < len(here) - 1 else -1)
            found = here[own] if own >= 0 else like[i % len(like)]
            pairs[section.name] = (found, own >= 0)
    return pairs


def _pieces(section: Section, pair: tuple[Section, bool], old: Form) -> list[_Piece]:
    """Say of which bars of the old song a section is made."""
    source, own = pair
    start, bars, had = section.start_beats, section.bars, source.bars
    if own and bars == had:
        return [_Piece(start, section.end_beats, source.start_beats, False)]
    tail = min(END_BARS, bars // 2, had // 2)
    if own and had == 1:
        tail = 0
    head = min(bars, had) - tail

    def at(bar: int) -> float:
        return start + BEATS_PER_BAR * bar

    pieces = [_Piece(start, at(head), source.start_beats, not own)]
    for bar in range(head, bars - tail):
        block = min(BLOCK_BARS, head)
        of = head - block + (bar - head) % block
        pieces.append(_Piece(at(bar), at(bar + 1), source.start_beats + BEATS_PER_BAR * of, True))
    if tail:
        end = source.end_beats - BEATS_PER_BAR * tail
        pieces.append(_Piece(at(bars - tail), section.end_beats, end, not own))
    return pieces


def _chords(chords: tuple[Chord, ...], piece: _Piece) -> list[Chord]:
    """Return the chords of a piece, cut to it."""
    by, stop = piece.start - piece.source, piece.source + piece.end - piece.start
    found = []
    for chord in chords:
        start = max(chord.onset_beats, piece.source)
        end = min(chord.onset_beats + chord.duration_beats, stop)
        if end - start > 1e-9:
            found.append(replace(chord, onset_beats=start + by, duration_beats=end - start))
    return found


def _joined(chords: Iterable[Chord]) -> tuple[Chord, ...]:
    """Put together what was one chord before it was cut."""
    joined: list[Chord] = []
    for chord in chords:
        if (
            joined
            and replace(chord, onset_beats=0.0, duration_beats=0.0)
            == replace(joined[-1], onset_beats=0.0, duration_beats=0.0)
            and chord.onset_beats % (2 * BEATS_PER_BAR)
        ):
            longer = joined[-1].duration_beats + chord.duration_beats
            joined[-1] = replace(joined[-1], duration_beats=longer)
        else:
            joined.append(chord)
    return tuple(joined)


def _part(
    part: Part, pieces: list[_Piece], pairs: dict[str, tuple[Section, bool]], form: Form,
    score: Score,
) -> Part:  # fmt: skip
    rows = tuple(_part(row, pieces, pairs, form, score) for row in part.instead)
    if part.instead:
        notes = [n for row in rows for n in row.notes]
    elif part.stem == "textures":
        notes = _weather(part.notes, pairs, form, score.form)
    else:
        held = part.stem in HELD_STEMS
        notes = [n for p in pieces if not p.fresh for n in _cut(part.notes, p, form, held)]
    ordered = sorted(notes, key=lambda n: (n.onset_beats, n.pitch))
    return replace(part, instead=rows, notes=tuple(ordered))


def _cut(notes: tuple[Note, ...], piece: _Piece, form: Form, held: bool) -> list[Note]:
    """Return the notes of a piece; what is held into it from before begins with it."""
    by, stop = piece.start - piece.source, piece.source + piece.end - piece.start
    inside = form.section_at(piece.start).start_beats < piece.start  # its seam is a cut of ours
    opens = form.section_at(piece.end - 1e-6).end_beats > piece.end
    found = []
    for note in notes:
        start, end = note.onset_beats, note.onset_beats + note.duration_beats
        if held and inside and start < piece.source - 1e-9:
            start = piece.source
        if not piece.source - 1e-9 <= start < stop - 1e-9:
            continue
        end = min(end, stop) if opens else end
        if end - start >= LEAST_BEATS or start == note.onset_beats:
            found.append(replace(note, onset_beats=start + by, duration_beats=end - start))
    return found


def _weather(
    notes: tuple[Note, ...], pairs: dict[str, tuple[Section, bool]], form: Form, old: Form
) -> list[Note]:
    """Let what lies under a whole section last as much longer as the section does."""
    found = []
    for section in form.sections:
        source, own = pairs[section.name]
        longer = section.duration_beats - source.duration_beats
        for note in notes if own else ():
            if not source.start_beats <= note.onset_beats < source.end_beats:
                continue
            onset = note.onset_beats - source.start_beats + section.start_beats
            lasts = min(note.duration_beats + longer, form.duration_beats - onset)
            if onset < section.end_beats and lasts > 0.0:
                found.append(replace(note, onset_beats=onset, duration_beats=lasts))
    return found


def _event(
    event: Event, pairs: dict[str, tuple[Section, bool]], form: Form, score: Score
) -> list[Event]:
    """Return a rare moment where it now is, if all of it is still there."""
    for section in form.sections:
        source, own = pairs[section.name]
        if not own or not source.start_beats <= event.onset_beats < source.end_beats:
            continue
        onset = section.start_beats + event.onset_beats - source.start_beats
        if event.name == "key_lift":
            stays = event.onset_beats + event.duration_beats > source.end_beats + 1e-6
            end = form.duration_beats if stays else section.end_beats
            return [replace(event, onset_beats=onset, duration_beats=end - onset)]
        for piece in _pieces(section, pairs[section.name], score.form):
            first = piece.source
            last = piece.source + piece.end - piece.start
            if (
                not piece.fresh
                and first <= event.onset_beats
                and (event.onset_beats + event.duration_beats <= last)
            ):
                return [replace(event, onset_beats=event.onset_beats - first + piece.start)]
    return []
