"""Some of a song written again: sections, parts or the motif, over the chords that stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from halation.backends import Composer
from halation.score import events, timing
from halation.score.arrange import Scene, draw_scenes
from halation.score.author import Lines, RulesAuthor
from halation.score.drums import Skeleton
from halation.score.given import Given, lowered, motif_of
from halation.score.harmony import Changes
from halation.score.learned.motifs import think_motif
from halation.score.progress import Material
from halation.score.rules import at_its_tempo, scaled
from halation.score.writer import Writer
from halation.seeds import rng
from halation.types import BriefError, Chord, Event, Form, Note, Part, Score

__all__ = ["compose_again"]

HELD: Final = ("pads", "vocals", "bass")
"""Stems whose notes are held over bars."""
WEATHER: Final = ("weather", "haze", "cloud")

ASIDE: Final = (-2, -5, 2, 5, -3, 4)
"""Steps of the scale from the line at which somebody goes along who no longer plays it."""
FOLLOWS: Final = {
    "bass": ("kick",), "kick": ("bass",),
    **{name: ("bells", "vocals", "saw", "lead") for name in ("bells", "vocals", "saw", "lead")},
}  # fmt: skip
"""Whose place in time a part takes where they play one note together."""


def compose_again(
    score: Score, composer: Composer, seed: int, thrown: Mapping[str, frozenset[str]],
    whole: frozenset[str], *, new_motif: bool = False, spans: tuple[tuple[float, float], ...] = (),
) -> tuple[Score, Score]:  # fmt: skip
    """Write some of a song again, by the same composer.

    Parameters
    ----------
    score : Score
    composer : Composer
        One of halation's own.
    seed : int in 0..2⁵³−1
        What is new comes from it.
    thrown : mapping of section name → names of written parts
        What is written again; everything else keeps its notes.
    whole : frozenset of str
        Sections of which all is.
    new_motif : bool
        Think of another motif, too.
    spans : tuple of (start, end) [beats]
        Only within these are notes exchanged; everywhere by default.

    Returns
    -------
    (score, Score)
        The song, and all that was written for it: its parts have the sounds that were drawn.

    Raises
    ------
    BriefError
        If the composer can only write whole songs.
    """
    own = score.form.mood.brief.entropy
    author_of = _author_of(composer)

    def write(form: Form) -> Score:
        plain = lowered(score)
        if form.tempo_bpm != score.form.tempo_bpm:
            plain = scaled(plain, form, 2.0)
        given = Given(plain, own, thrown, whole, new_motif)
        return _Rewriter(form, seed, author_of(form, seed), given).score()

    written = at_its_tempo(score.form, write)
    new = {part.name: part for part in written.parts}
    exchange = _Exchange(score, new, thrown, spans)
    parts = tuple(map(exchange.part, score.parts))
    motif = written.motif if new_motif else score.motif
    return replace(score, parts=parts, motif=motif, events=written.events), written


def _author_of(composer: Composer) -> Callable[[Form, int], RulesAuthor]:
    make: Callable[[Form, int], RulesAuthor] | None = getattr(composer, "author", None)
    if make is None:
        raise BriefError("the composer of this song writes whole songs only; make another song")
    return make


class _Rewriter(Writer):
    """Writes a song over what is given of it."""

    def __init__(self, form: Form, seed: int, author: RulesAuthor, given: Given) -> None:
        self.given, self.own_author = given, author
        super().__init__(form, seed, author)

    def _material(self) -> Material:
        motif = motif_of(self.given.score)
        if self.given.new_motif:
            slots, network = self.given.slots(), getattr(self.author, "network", None)
            thought = think_motif(network, self.form, slots, self.seed) if network else None
            motif = thought or self.own_author.motif(slots)
        return self.given.material(motif)

    def _staged(self) -> tuple[Scene, ...]:
        cast = frozenset(part.name for part in self.given.score.written)
        drawn = draw_scenes(self.form, cast, rng(self.seed, "score", "scenes"))
        return self.given.staged(drawn)

    def _laid(self) -> tuple[Chord, ...]:
        return self.given.score.chords

    def _cleared(self, chords: tuple[Chord, ...], _line: tuple[Note, ...]) -> tuple[Chord, ...]:
        return chords

    def _thought(self, changes: Changes, phrase_form: str) -> Lines:
        lines = super()._thought(changes, phrase_form)
        for section in self.form.sections:
            if self.given.keeps_line(section):
                lines[section.name] = self.given.line(section, self.material.motif)
        return lines

    def _answers(self, scene: Scene) -> bool:
        thrown = self.given.thrown.get(scene.section.name, frozenset())
        return super()._answers(scene) and "counter" in thrown

    def _hook(self, scene: Scene, phrases: tuple[tuple[str, tuple[Note, ...]], ...]) -> None:
        self.replies.setdefault(scene.section.name, ())
        super()._hook(scene, phrases)

    def _sing(self, part: str, scene: Scene, line: tuple[Note, ...], transpose: int) -> None:
        """Let who is thrown alone go along with the line that others keep."""
        section = scene.section
        alone = part in self.given.thrown.get(section.name, frozenset())
        if alone and part in ("bells", "saw", "lead") and self.given.keeps_line(section):
            stream = rng(self.seed, "score", "aside", part, section.name)
            line = self._second_voice(line, ASIDE[int(stream.integers(len(ASIDE)))])
        super()._sing(part, scene, line, transpose)

    def _skeleton(self, scene: Scene) -> Skeleton:
        return self.given.together(super()._skeleton(scene), scene.section)

    def _rare(self) -> tuple[Event, ...]:
        """Keep the rare moments but for those of whole sections, where others may come."""
        place = {e: self.form.section_at(e.onset_beats).name for e in self.given.score.events}
        kept = [e for e, name in place.items()
                if e.name == "key_lift" or name not in self.given.whole]  # fmt: skip
        fresh = [e for e in super()._rare() if e.name != "key_lift"
                 and self.form.section_at(e.onset_beats).name in self.given.whole]  # fmt: skip
        rare = (*kept, *fresh[: max(0, events.AT_MOST - len(kept))])
        return tuple(sorted(rare, key=lambda e: (e.onset_beats, e.name)))

    def _weather(self, scene: Scene) -> None:
        """Let the weather of what is written again be nearer, or farther away."""
        before = {name: len(self.parts[name]) for name in WEATHER}
        super()._weather(scene)
        stream = rng(self.seed, "score", "weather", scene.section.name)
        for name, n in before.items():
            louder = int(stream.integers(6, 15)) * (1 if stream.random() < 0.5 else -1)
            self.parts[name][n:] = [replace(note, velocity=max(20, note.velocity + louder))
                                    for note in self.parts[name][n:]]  # fmt: skip

    def _song_seed(self) -> int:
        return self.given.seed

    def _words_seed(self) -> int:
        """Keep the song's words, unless the voices themselves are thrown."""
        sung = {name for name, parts in self.given.thrown.items() if "vocals" in parts}
        return self.seed if sung - self.given.whole else self.given.seed

    def _turn(self) -> int:
        return int(rng(self.seed, "score", "turn").integers(1, 5))


@dataclass(frozen=True, slots=True)
class _Exchange:
    """Puts what was written again into the parts; the rest keeps its very notes."""

    score: Score
    new: Mapping[str, Part]
    thrown: Mapping[str, frozenset[str]]
    spans: tuple[tuple[float, float], ...]

    def part(self, part: Part) -> Part:
        if part.instead:
            rows = tuple(map(self.part, part.instead))
            return replace(part, instead=rows, notes=_in_order(n for r in rows for n in r.notes))
        if not any(part.name in parts for parts in self.thrown.values()):
            return part
        kept = [n for n in part.notes if not self._goes(part.name, n)]
        written = self.new[part.name].notes if part.name in self.new else ()
        if self.spans and part.stem != "textures":
            written = tuple(n for note in written for n in self._cut(note, part.stem in HELD))
        fresh = [n for n in written if self._goes(part.name, n)]
        return replace(part, notes=_in_order((*kept, *self._in_time(part.name, fresh))))

    def _cut(self, note: Note, held: bool) -> list[Note]:
        """Cut a note to the spans; what is held into one from before begins with it."""
        found = []
        for start, end in self.spans:
            onset, over = note.onset_beats, note.onset_beats + note.duration_beats
            if onset >= end or over <= start or (onset < start and not held):
                continue
            inside = self.score.form.section_at(end - 1e-6).end_beats > end
            onset, over = max(onset, start), min(over, end) if inside else over
            found.append(replace(note, onset_beats=onset, duration_beats=over - onset))
        return found

    def _goes(self, part: str, note: Note) -> bool:
        at = note.onset_beats
        here = not self.spans or any(start <= at < end for start, end in self.spans)
        return here and part in self.thrown.get(self.score.form.section_at(at).name, ())

    def _in_time(self, name: str, fresh: list[Note]) -> list[Note]:
        """Let notes fall with those of the parts that they go with, where these are kept."""
        seed = self.score.form.mood.brief.entropy
        shifts: dict[float, float] = {}
        for part in self.score.written:
            if part.name in FOLLOWS.get(name, ()) and part.name != name:
                late_s = timing.lateness_s(part.name, seed)
                for note in part.notes:
                    if not self._goes(part.name, note):
                        shifts.setdefault(note.onset_beats, note.offset_s - late_s)
        timed = []
        for note in fresh:
            at = note.onset_beats
            if at in shifts:
                late_s = timing.lateness_s(name, seed) + shifts[at]
                late_s = max(late_s, -self.score.seconds_at(at))
                note = replace(note, offset_s=round(late_s, 6))
            timed.append(note)
        return timed


def _in_order(notes: Iterable[Note]) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda n: (n.onset_beats, n.pitch)))
