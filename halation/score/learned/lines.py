"""The learned lines: what follows from the motif, and what answers in its rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from halation.score.harmony import Changes, chord_scale
from halation.score.learned.critic import is_known
from halation.score.learned.grid import (
    BAR,
    BAR_BEATS,
    END,
    STEP_BEATS,
    chords_at,
    controls,
    notes_of,
    shift,
    third,
    tones_of,
)
from halation.score.learned.motifs import lasts_of, onsets_from, pitches_from, read
from halation.score.learned.network import Allowed, Draft, Pen
from halation.score.learned.tokens import (
    IDS,
    STEPS,
    Bar,
    decode,
    encode,
    encode_part,
    header,
)
from halation.score.motif import Motif
from halation.score.pitches import clashes
from halation.seeds import rng
from halation.types import Chord, Form, Note

__all__ = ["Ask", "think_counters", "think_lines", "worth"]

KINSHIP: Final = 3.0
"""Weight of a phrase's likeness to the motif in the ranking: one must hear that it develops it."""
N_DRAFTS: Final = 4
"""Drafts of each section's line."""
PIECE: Final = 4
"""Phrases of a section that are written in a row; the motif stands before each such piece."""
N_COUNTERS: Final = 2
"""Drafts of each counter-line."""
MOST_NOTES: Final = {
    "hook": {"low": 6, "mid": 7, "high": 9}, "verse": {"low": 4, "mid": 5, "high": 7},
}  # fmt: skip
"""Of a phrase, by how dense the mood is."""
LARGEST_JUMP: Final = 9
LAST_STEP: Final = 13
"""A phrase that leads into silence ends by then."""
MOST_SOUND: Final = 13
"""Steps of a phrase that may sound: the rest is breath."""
LONGEST: Final = 8
"""Steps of the longest note that it writes."""
CALM_STEPS: Final = 2
"""A note of a beat or more must not rub against its chord."""
COUNTER_RANGE: Final = (60, 84)
MOST_COUNTER: Final = 4
COUNTER_PIECE: Final = 2
"""Phrases whose counter-line is written in a row."""
SPEAKS: Final = 0.75
"""Share of the phrases in whose rests a counter-line must say something; in others it may."""
LEAST_COUNTER: Final = 2


@dataclass(frozen=True, slots=True)
class Ask:
    """A section's line as the network is asked for it.

    Parameters
    ----------
    name, role : str
    start_beats : float
    given : tuple of (tuple of Note or None)
        Each two bars of the song: notes that stand already (none: silence), or None where the
        network writes.
    keys : tuple of str
        A name for each phrase: those that the network writes and that have one name are one phrase,
        bent to the chords where it comes again.
    bounds : (low, high)
        MIDI pitches between which it writes.
    """

    name: str
    role: str
    start_beats: float
    given: tuple[tuple[Note, ...] | None, ...]
    keys: tuple[str, ...]
    bounds: tuple[int, int]

    def first(self, i: int) -> int:
        """Return where a phrase that the network writes is heard for the first time."""
        alike = zip(self.keys, self.given, strict=True)
        return next(
            k for k, (key, given) in enumerate(alike) if given is None and key == self.keys[i]
        )


def think_lines(
    pen: Pen, form: Form, motif: Motif, changes: Changes, asks: Sequence[Ask], seed: int
) -> dict[str, tuple[tuple[Note, ...], ...]]:
    """Write the lines of some sections, all at once; the motif stands before each.

    Returns
    -------
    dict of section name to phrases
        A phrase for each two bars; what was given comes back as it was.
    """
    pieces = [piece for ask in asks for piece in _cut(ask)]
    drafts: list[tuple[int, Draft]] = []
    said: set[tuple[str, str]] = set()
    for k, piece in enumerate(pieces):
        names = {(piece.role, key) for key, bar in zip(piece.keys, piece.given, strict=True)
                 if bar is None}  # fmt: skip
        if names <= said:
            continue
        said |= names
        writer = _Line(form, motif, changes, piece)
        for i in range(N_DRAFTS):
            stream = rng(seed, "score", "line", piece.name, str(piece.start_beats), str(i))
            drafts.append((k, writer.draft(stream)))
    pen.write([d for _, d in drafts], most=420)
    best: dict[int, tuple[float, tuple[tuple[Note, ...], ...]]] = {}
    for k, draft in drafts:
        phrases = _phrases(form, pieces[k], draft)
        rank = worth(phrases, pieces[k], motif.notes, changes)
        rank -= 0.5 * draft.cost / max(1, draft.n_chosen)
        if k not in best or rank > best[k][0]:
            best[k] = (rank, phrases)
    told: dict[str, tuple[tuple[Note, ...], ...]] = {}
    for k, piece in enumerate(pieces):
        written = best[k][1] if k in best else tuple(bar or () for bar in piece.given)
        told[piece.name] = (*told.get(piece.name, ()), *written)
    return told


def _cut(ask: Ask) -> list[Ask]:
    """Cut a section into pieces that are written side by side."""
    n = len(ask.given)
    edges = range(0, n, PIECE)
    return [
        replace(ask, start_beats=ask.start_beats + BAR_BEATS * a, given=ask.given[a : a + PIECE],
                keys=ask.keys[a : a + PIECE])
        for a in edges
    ]  # fmt: skip


def _phrases(form: Form, ask: Ask, draft: Draft) -> tuple[tuple[Note, ...], ...]:
    """Read a draft's bars; what was given is put back note for note."""
    bars = decode([BAR, *draft.tokens])
    phrases = []
    for i, given in enumerate(ask.given):
        start = ask.start_beats + BAR_BEATS * i
        if given is not None:
            phrases.append(given)
        elif i < len(bars):
            phrases.append(_sung(notes_of(bars[i].melody, start, form.key)))
        else:
            phrases.append(())
    return tuple(phrases)


def _sung(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Let short notes breathe as the motif's do."""
    return tuple(
        replace(
            n, duration_beats=0.8 * n.duration_beats if n.duration_beats < 1.5 else n.duration_beats
        )
        for n in notes
    )


def worth(
    phrases: tuple[tuple[Note, ...], ...], ask: Ask, motif: Sequence[Note], changes: Changes
) -> float:
    """Rank a line: on the chords where it matters, near the motif without being it, singable."""
    fresh = [given is None and ask.first(i) == i for i, given in enumerate(ask.given)]
    written = [p for p, new in zip(phrases, fresh, strict=True) if new]
    notes = [n for p in written for n in p]
    if not notes:
        return -9.0
    rank = 0.0
    strong = [n for n in notes if (n.onset_beats - ask.start_beats) % 2.0 == 0.0]
    if strong:
        on = [n.pitch % 12 in changes.at(n.onset_beats).pitches for n in strong]
        rank += sum(on) / len(on)
    jumps = [abs(b.pitch - a.pitch) for p in written for a, b in pairwise(p)]
    if jumps:
        rank += (sum(j <= 2 for j in jumps) - 0.8 * jumps.count(0)) / len(jumps)
    home = {round(n.onset_beats / STEP_BEATS) for n in motif}
    prints = []
    for i, phrase in enumerate(phrases):
        start = ask.start_beats + BAR_BEATS * i
        places = {round((n.onset_beats - start) / STEP_BEATS) for n in phrase}
        if fresh[i] and phrase:
            kin = len(places & home) / len(places | home)
            rank += (1.0 - abs(kin - 0.6)) / len(written)
            rank += KINSHIP * _akin(phrase, motif) / len(written)
            prints.append(tuple((round(n.onset_beats - start, 2), n.pitch) for n in phrase))
    rank -= 0.5 * (len(prints) - len(set(prints)))
    rank -= 0.7 * sum(len(p) < 2 for p in written) / len(written)
    line = sorted((n for p in phrases for n in p), key=lambda n: n.onset_beats)
    return float(rank) - 9.0 * is_known(line)


def _bars(written: Sequence[int]) -> list[list[int]]:
    """Cut what was written at its bar lines."""
    bars: list[list[int]] = [[]]
    for token in written:
        if token == BAR:
            bars.append([])
        else:
            bars[-1].append(token)
    return bars


def _akin(phrase: Sequence[Note], motif: Sequence[Note]) -> float:
    """Return how alike two lines' pitch classes are, 0…1, long notes counting more."""
    a, b = np.zeros(12), np.zeros(12)
    for line, weights in ((phrase, a), (motif, b)):
        for note in line:
            weights[note.pitch % 12] += min(note.duration_beats, 2.0)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


class _Line:
    """Forces what is given and masks what is free, for one section."""

    def __init__(self, form: Form, motif: Motif, changes: Changes, ask: Ask) -> None:
        self.form, self.changes, self.ask, self.by = form, changes, ask, shift(form.key)
        density = third(form.mood.density)
        self.most_notes = MOST_NOTES[ask.role][density]
        told = controls(
            form, ask.role, density=density, scale="pentatonic", harmony="slow",
            register="mid" if ask.role == "hook" else "low",
        )  # fmt: skip
        before = Bar(
            chords_at(changes, ask.start_beats, form.key),
            tones_of(motif.notes, 0.0, form.key),
        )
        self.prompt = [*header(told, ("chords", "melody")),
                       *encode([before], ("chords", "melody")), BAR]  # fmt: skip
        self.before = [n.pitch for n in motif.notes][-2:]
        self.chords = [
            chords_at(changes, ask.start_beats + BAR_BEATS * i, form.key)
            for i in range(len(ask.given))
        ]

    def draft(self, stream: np.random.Generator) -> Draft:
        n_bars = len(self.ask.given)
        return Draft(
            self.prompt, stream, lambda w: w.count(BAR) >= n_bars or END in w, 1.0,
            self.forced, self.mask,
        )  # fmt: skip

    def forced(self, written: list[int]) -> list[int]:
        """After a bar line come its chords, and its melody where that is given."""
        if written and written[-1] != BAR:
            return []
        i = written.count(BAR)
        bar = Bar(self.chords[i])
        given = self.ask.given[i]
        if given is None and self.ask.first(i) < i:
            said = _bars(written)[self.ask.first(i)]
            melody = said[said.index(IDS["part:melody"]) :]
            return [*encode_part(bar, "chords"), *melody, BAR]
        if given is None:
            return [*encode_part(bar, "chords"), *encode_part(bar, "melody")]
        start = self.ask.start_beats + BAR_BEATS * i
        bar = replace(bar, melody=tones_of(given, start, self.form.key))
        return [*encode_part(bar, "chords"), *encode_part(bar, "melody"), BAR]

    def mask(self, written: list[int]) -> Allowed:
        i = written.count(BAR)
        here = written[len(written) - written[::-1].index(BAR) :] if BAR in written else written
        steps, pitches, due = read(here)
        if due:
            return self._pitches(written, i, steps[-1], here[-1])
        silent_after = i + 1 >= len(self.ask.given) or self.ask.given[i + 1] == ()
        most = LAST_STEP if silent_after else STEPS
        free = {s for s in range(steps[-1] + 1 if steps else 0, most)}
        room = MOST_SOUND - sum(lasts_of(here))
        if len(pitches) >= self.most_notes or room < 1:
            free = set()
        if len(pitches) >= 2 or not free:
            free.add(-1)
        return onsets_from(frozenset(free), min(room, LONGEST))

    def _pitches(self, written: list[int], i: int, step: int, onset: int) -> Allowed:
        """Allow what a voice can sing here and what lasts without rubbing."""
        at = self.ask.start_beats + BAR_BEATS * i + step * STEP_BEATS
        chord = self.changes.at(at)
        scale = chord_scale(self.form.key, chord.pitches)
        lasts = lasts_of([onset])[0]
        heard = [*self.before, *(p - self.by for p in read(written)[1])]
        low, high = self.ask.bounds
        options = [
            p for p in range(low, high + 1)
            if p % 12 in scale
            and not (lasts >= CALM_STEPS and clashes(p, chord.pitches))
            and not (p == heard[-1] == heard[-2])
        ]  # fmt: skip
        near = [p for p in options if abs(p - heard[-1]) <= LARGEST_JUMP]
        return pitches_from([p + self.by for p in near or options])


def think_counters(
    pen: Pen, form: Form, changes: Changes,
    sung: Sequence[tuple[str, float, float, tuple[Note, ...]]], seed: int,
) -> dict[str, tuple[Note, ...]]:  # fmt: skip
    """Write what speaks in the rests of some lines, all at once.

    Parameters
    ----------
    pen : Pen
    form : Form
    changes : Changes
    sung : sequence of (section name, start, end, line)
    seed : int
    """
    drafts: list[tuple[str, _Counter, Draft]] = []
    for name, start, end, line in sung:
        for at in np.arange(start, end, COUNTER_PIECE * BAR_BEATS):
            over = min(at + COUNTER_PIECE * BAR_BEATS, end)
            own = tuple(n for n in line if at <= n.onset_beats < over)
            path = ("score", "counter", name, str(at))
            writer = _Counter(form, changes, at, over, own, rng(seed, *path, "speaks"))
            for i in range(N_COUNTERS):
                drafts.append((name, writer, writer.draft(rng(seed, *path, str(i)))))
    pen.write([d for *_, d in drafts], most=420)
    best: dict[tuple[str, float], tuple[float, tuple[Note, ...]]] = {}
    for name, writer, draft in drafts:
        notes = writer.read(draft)
        worth = min(len(notes), writer.n_bars * 2) / (writer.n_bars * 2)
        worth -= 0.3 * draft.cost / max(1, draft.n_chosen)
        place = name, writer.start
        if place not in best or worth > best[place][0]:
            best[place] = (worth, notes)
    written: dict[str, tuple[Note, ...]] = {name: () for name, *_ in sung}
    for (name, _), (_, notes) in best.items():
        written[name] += notes
    return written


class _Counter:
    """Forces chords and line, and lets the network speak in the rests of a beat or more."""

    def __init__(
        self, form: Form, changes: Changes, start: float, end: float, line: tuple[Note, ...],
        stream: np.random.Generator,
    ) -> None:  # fmt: skip
        self.form, self.changes, self.start, self.line = form, changes, start, line
        self.by = shift(form.key)
        self.n_bars = int(np.ceil((end - start) / BAR_BEATS - 1e-9))
        self.speaks = stream.random(self.n_bars) < SPEAKS
        told = controls(form, "hook", density="low", harmony="slow")
        self.prompt = [*header(told, ("chords", "melody", "counter")), BAR]
        self.rests = self._rests(end)

    def _rests(self, end: float) -> list[tuple[float, float]]:
        bounds = [(n.onset_beats, n.onset_beats + n.duration_beats) for n in self.line]
        free, found = self.start, []
        for onset, over in (*bounds, (end, end)):
            if onset - free >= 1.0:
                found.append((free, onset))
            free = max(free, over)
        return found

    def room(self, beats: float) -> float:
        """Return how long one may speak from a time on."""
        return next((b - beats for a, b in self.rests if a - 1e-9 <= beats < b - 0.3), 0.0)

    def draft(self, stream: np.random.Generator) -> Draft:
        return Draft(
            self.prompt, stream, lambda w: w.count(BAR) >= self.n_bars or END in w, 1.0,
            self.forced, self.mask,
        )  # fmt: skip

    def forced(self, written: list[int]) -> list[int]:
        if written and written[-1] != BAR:
            return []
        start = self.start + BAR_BEATS * written.count(BAR)
        bar = Bar(chords_at(self.changes, start, self.form.key),
                  tones_of(self.line, start, self.form.key))  # fmt: skip
        told = [t for part in ("chords", "melody", "counter") for t in encode_part(bar, part)]
        rests = any(self.room(start + s * STEP_BEATS) > 0 for s in range(STEPS))
        return told if rests else [*told, BAR]

    def mask(self, written: list[int]) -> Allowed:
        i = written.count(BAR)
        here = written[len(written) - written[::-1].index(IDS["part:counter"]) :]
        steps, pitches, due = read(here)
        start = self.start + BAR_BEATS * i
        if due:
            at = start + steps[-1] * STEP_BEATS
            chord: Chord = self.changes.at(at)
            scale = chord_scale(self.form.key, chord.pitches)
            low, high = COUNTER_RANGE
            options = [p for p in range(low, high + 1)
                       if p % 12 in scale and not clashes(p, chord.pitches)]  # fmt: skip
            if pitches:
                near = [p for p in options if abs(p + self.by - pitches[-1]) <= LARGEST_JUMP]
                options = near or options
            return pitches_from([p + self.by for p in options])
        first = steps[-1] + 1 if steps else 0
        free = {s for s in range(first, STEPS) if self.room(start + s * STEP_BEATS) > 0}
        if len(pitches) >= MOST_COUNTER:
            free = set()
        if not free or len(pitches) >= LEAST_COUNTER or not self.speaks[i]:
            free.add(-1)
        return onsets_from(frozenset(free))

    def read(self, draft: Draft) -> tuple[Note, ...]:
        """Return the notes of a draft, each within its rest."""
        notes: list[Note] = []
        for i, bar in enumerate(decode([BAR, *draft.tokens])[: self.n_bars]):
            notes += notes_of(bar.counter, self.start + BAR_BEATS * i, self.form.key, 70)
        spoken = []
        for note, after in pairwise((*notes, Note(1e9, 0, 0, 1))):
            room = min(self.room(note.onset_beats), after.onset_beats - note.onset_beats)
            if room > 0.3:
                spoken.append(replace(note, duration_beats=min(0.9 * note.duration_beats, room)))
        return tuple(spoken)
