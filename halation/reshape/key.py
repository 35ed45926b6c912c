"""Another key: everything that has a pitch by the nearest way, degree for degree of the scale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Final

from halation.score.bass import HIGHEST as HIGHEST_BASS
from halation.score.bass import LOWEST as LOWEST_BASS
from halation.score.figures import LOWEST_PAD
from halation.score.harmony import COLOURS, Changes
from halation.types import MODE_STEPS, REVERSED, Chord, Key, Note, Part, Score

__all__ = ["in_key"]

UNPITCHED: Final = ("drums", "textures")
ROOM: Final = 3
"""Semitones by which a line may leave the range that it had; then it changes its octave."""
REACH: Final = {"vocals": (48, 76), "choir": (55, 84)}
"""Where a voice has its vowels."""
MOVES_FROM: Final = 0.25
"""Share of a line outside its range from which it changes its octave."""
LONG_BEATS: Final = 1.0
PIECE_BEATS: Final = 0.25
"""A held note that a new chord bends is cut there, unless so little of it is left."""
BARE: Final = {(0, 4, 7): "", (0, 3, 7): "m", (0, 7): "5", (0, 4): "", (0, 3): "m"}


def in_key(score: Score, key: Key) -> Score:
    """Bring a song to another key.

    Parameters
    ----------
    score : Score
    key : Key
        Where the mode is another one, each degree becomes the same degree of the new scale; fifths
        that were perfect stay so.

    Returns
    -------
    Score
        Its form and brief name the new key. Drums and textures stay, and each instrument's range.
    """
    old = score.form.key
    by = (key.tonic - old.tonic + 6) % 12 - 6
    move = _Move(score, old, key, by)
    chords = tuple(map(move.chord, score.chords))
    changes = Changes(chords)
    parts = tuple(_moved(part, move, changes) for part in score.parts)
    motif = tuple(replace(n, pitch=_fold(n.pitch + move.degree(n.pitch % 12, 0))) for n in
                  score.motif)  # fmt: skip
    form = score.form
    brief = replace(form.mood.brief, key=key)
    form = replace(form, key=key, mood=replace(form.mood, brief=brief))
    return replace(score, form=form, chords=chords, motif=motif, parts=parts)


@cache
def _steps(old: str, new: str) -> tuple[int, ...]:
    """Return by how much each of the twelve steps over the tonic moves to reach its degree."""
    before, after = MODE_STEPS[old], MODE_STEPS[new]
    moves = []
    for step in range(12):
        degree = max(i for i, s in enumerate(before) if s <= step)
        to = after[degree] + step - before[degree]
        above = after[degree + 1] if degree < 6 else 12
        moves.append(min(to, max(above - 1, after[degree])) - step)
    return tuple(moves)


class _Move:
    """Says by how many semitones a pitch class moves at a place in the song."""

    def __init__(self, score: Score, old: Key, new: Key, by: int) -> None:
        self.score, self.old, self.new, self.by = score, old, new, by
        self.changes = Changes(score.chords)
        self._maps = {c: self._of_chord(c) for c in score.chords}

    def _lift(self, beats: float) -> int:
        return sum(
            round(e.amount) for e in self.score.events
            if e.name == "key_lift"
            and e.onset_beats - 1e-9 <= beats < e.onset_beats + e.duration_beats
        )  # fmt: skip

    def degree(self, pitch_class: int, lift: int) -> int:
        """Return the move of a scale's degree, or of what lies between two."""
        step = (pitch_class - self.old.tonic - lift) % 12
        return self.by + _steps(self.old.mode, self.new.mode)[step]

    def _of_chord(self, chord: Chord) -> dict[int, int]:
        """Return the moves of a chord's own notes: its fifth stays, and no ninth becomes flat."""
        lift = self._lift(chord.onset_beats)
        root = self.degree(chord.root, lift)
        moves = {chord.root: root}
        for pc in (*chord.pitches, chord.bass):
            was = (pc - chord.root) % 12
            move = self.degree(pc, lift)
            now = (was + move - root) % 12
            if was == 7:
                move = root
            elif now == 1 and was != 1:
                move += 1
            elif was in (3, 4) and now not in (3, 4):
                move += (3 if now < 3 else 4) - now
            elif now == 6 and was != 6:
                move += 1 if was > 6 else -1
            moves[pc] = move
        return moves

    def chord(self, chord: Chord) -> Chord:
        """Return a chord in the new key, spelt anew."""
        moves = self._maps[chord]
        pitches = tuple(dict.fromkeys((pc + moves[pc]) % 12 for pc in chord.pitches))
        root = (chord.root + moves[chord.root]) % 12
        bass = (chord.bass + moves[chord.bass]) % 12
        high = Key((self.new.tonic + self._lift(chord.onset_beats)) % 12, self.new.mode)
        return replace(chord, symbol=_symbol(high, root, pitches, bass), root=root,
                       pitches=pitches, bass=bass)  # fmt: skip

    def at(self, pitch: int, beats: float) -> int:
        """Return the move of a pitch that sounds at a time."""
        chord = self.changes.at(max(0.0, beats))
        own = self._maps[chord]
        if pitch % 12 in own:
            return own[pitch % 12]
        return self.degree(pitch % 12, self._lift(beats))


def _symbol(key: Key, root: int, pitches: tuple[int, ...], bass: int) -> str:
    """Name a chord by its colour, or plainly."""
    steps = tuple(sorted({(pc - root) % 12 for pc in pitches}))
    colour = next((name for name, tones in COLOURS.items()
                   if tuple(sorted({t % 12 for t in tones})) == steps), None)  # fmt: skip
    if colour is None:
        triad = tuple(s for s in steps if s in (0, 3, 4, 7))
        colour = BARE.get(triad, "m" if 3 in steps and 4 not in steps else "")
        colour += "7" if 10 in steps else "maj7" if 11 in steps else ""
    slash = "" if bass == root else f"/{key.spell(bass)}"
    return key.spell(root) + colour + slash


def _moved(part: Part, move: _Move, changes: Changes) -> Part:
    rows = tuple(_moved(row, move, changes) for row in part.instead)
    if part.instead:
        return replace(part, instead=rows, notes=_ordered(n for r in rows for n in r.notes))
    if part.stem in UNPITCHED:
        return part
    notes = [piece for note in part.notes for piece in _bent(note, move, changes)]
    if part.stem == "bass":
        top = max(HIGHEST_BASS, max((n.pitch for n in part.notes), default=0))
        notes = [replace(n, pitch=_fold(n.pitch, LOWEST_BASS, top)) for n in notes]
    elif part.stem == "pads":
        notes = [replace(n, pitch=_fold(n.pitch, LOWEST_PAD, 127)) for n in notes]
    else:
        by = _octave(part, [n.pitch for n in notes])
        notes = [replace(n, pitch=_fold(n.pitch + by)) for n in notes]
    return replace(part, notes=_ordered(notes))


def _ordered(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return notes in order, none of them twice."""
    kept: dict[tuple[float, int], Note] = {}
    for note in notes:
        other = kept.setdefault((note.onset_beats, note.pitch), note)
        if note.duration_beats > other.duration_beats:
            kept[note.onset_beats, note.pitch] = note
    return tuple(kept[place] for place in sorted(kept))


def _bent(note: Note, move: _Move, changes: Changes) -> list[Note]:
    """Move a note; what is held is cut where a new chord moves it elsewhere."""
    end = note.onset_beats + note.duration_beats
    own = changes.within(note.onset_beats, end)
    cuts = [note.onset_beats]
    for before, after in pairwise(own):
        apart = move.at(note.pitch, before.onset_beats) != move.at(note.pitch, after.onset_beats)
        if apart and end - after.onset_beats > PIECE_BEATS:
            cuts.append(after.onset_beats)
    cuts = [t for t in cuts if t == note.onset_beats or t - note.onset_beats > PIECE_BEATS]
    pieces = []
    for start, stop in pairwise((*cuts, end)):
        pitch = note.pitch + move.at(note.pitch, start)
        piece = replace(note, onset_beats=start, duration_beats=stop - start, pitch=pitch)
        pieces.append(_calm(piece, note, move, changes))
    if pieces[0].syllable.startswith(REVERSED):  # it swells to its end: one piece
        return [replace(pieces[0], duration_beats=note.duration_beats)]
    return pieces


def _calm(piece: Note, note: Note, move: _Move, changes: Changes) -> Note:
    """Take a long note off a new semitone over its chord, where there was none before."""
    at = piece.onset_beats
    before, after = move.changes.at(at), changes.at(at)
    rubs = (piece.pitch - 1) % 12 in after.pitches and (note.pitch - 1) % 12 not in before.pitches
    if piece.duration_beats < LONG_BEATS or not rubs:
        return piece
    return replace(piece, pitch=piece.pitch - 1)


def _fold(pitch: int, low: int = 0, high: int = 127) -> int:
    """Bring a pitch into a range by octaves, from below first."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def _octave(part: Part, pitches: list[int]) -> int:
    """Return the octave in which a line is most nearly where it was, and where it can be sung."""
    if not pitches:
        return 0
    low = min(n.pitch for n in part.notes) - ROOM
    high = max(n.pitch for n in part.notes) + ROOM
    if part.name in REACH:
        low, high = min(low + ROOM, REACH[part.name][0]), max(high - ROOM, REACH[part.name][1])
    stay = MOVES_FROM * len(pitches)

    def cost(by: int) -> float:
        return sum(not low <= p + by <= high for p in pitches) + (stay if by else 0.0)

    return min((0, 12, -12), key=cost)
