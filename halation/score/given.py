"""What of a song stands when some of it is written again, read back from its score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from halation.score.arrange import Scene
from halation.score.drums import IMPACT, SWELL
from halation.score.events import lowered_chords, lowered_note
from halation.score.harmony import Changes, Loop
from halation.score.motif import MOTIF_BEATS, ChordAt, Motif
from halation.score.progress import Material
from halation.score.skeletons import SIXTEENTH, Skeleton
from halation.types import REVERSED, BriefError, Note, Score, Section

__all__ = ["TUNE", "Given", "lowered", "motif_of"]

TUNE: Final = ("bells", "saw", "lead", "vocals", "counter")
"""Parts that carry the tune, or answer it."""
SINGERS: Final = {
    "verse": ("counter", "bells"), "bridge": ("vocals", "lead", "counter", "bells"),
    "intro": ("bells",), "outro": ("bells",),
}  # fmt: skip
"""Who carries the line outside the hooks: the first that plays there."""
NO_LOOP: Final = Loop("", "")
USUAL: Final = 0.5
"""Share of a section's pairs of bars in which a stroke falls that belongs to its pattern."""


@dataclass(frozen=True, slots=True)
class Given:
    """A song of which some is written again.

    Parameters
    ----------
    score : Score
        At the tempo at which it is written, its key lift taken out.
    seed : int
        The song's own: its words and its voices' lateness come from it.
    thrown : mapping of section name → names of parts
        What is written again.
    whole : frozenset of str
        Sections of which all is: these are staged anew, too.
    new_motif : bool
        Whether there is to be another motif.
    """

    score: Score
    seed: int
    thrown: Mapping[str, frozenset[str]]
    whole: frozenset[str]
    new_motif: bool = False

    def notes(self, part: str, section: Section) -> tuple[Note, ...]:
        """Return what a part plays in a section."""
        found = next((p.notes for p in self.score.written if p.name == part), ())
        start, end = section.start_beats, section.end_beats
        return tuple(n for n in found if start <= n.onset_beats < end)

    def playing(self, section: Section) -> frozenset[str]:
        """Return the parts that play in a section; cymbals at its seams are no playing."""
        names = (part.name for part in self.score.written)
        return frozenset(
            name for name in names
            if any(name != "perc" or n.pitch not in (IMPACT, SWELL)
                   for n in self.notes(name, section))
        )  # fmt: skip

    def carriers(self, section: Section) -> tuple[str, ...]:
        """Return the parts that play a section's line, the one that is best read first."""
        playing = self.playing(section)
        if section.role == "hook":
            sung = ("bells", "saw", "vocals" if "vocals" in playing else "lead")
            return tuple(name for name in sung if name in playing)
        return tuple(name for name in SINGERS[section.role] if name in playing)[:1]

    def keeps_line(self, section: Section) -> bool:
        """Whether somebody who is not thrown carries a section's line."""
        thrown = self.thrown.get(section.name, frozenset())
        return any(name not in thrown for name in self.carriers(section))

    def line(self, section: Section, motif: Motif) -> tuple[tuple[str, tuple[Note, ...]], ...]:
        """Return the line of a section as it stands: phrases of two bars, ``"A"`` for the motif."""
        thrown = self.thrown.get(section.name, frozenset())
        source = next(name for name in self.carriers(section) if name not in thrown)
        lowest: dict[float, Note] = {}
        for note in self.notes(source, section):
            if not note.syllable.startswith(REVERSED):
                kept = lowest.setdefault(note.onset_beats, note)
                if note.pitch < kept.pitch:  # the crown lies above the line
                    lowest[note.onset_beats] = note
        by = 12 * round((_middle(motif.notes) - _middle(lowest.values())) / 12)
        line = [replace(n, pitch=n.pitch + by, velocity=90, offset_s=0.0, syllable="")
                for _, n in sorted(lowest.items())]  # fmt: skip
        if section.role != "hook":
            return (("v", tuple(line)),)
        phrases = []
        for i in range(section.bars // 2):
            start = section.start_beats + MOTIF_BEATS * i
            own = tuple(n for n in line if start <= n.onset_beats < start + MOTIF_BEATS)
            same = [(n.onset_beats, n.pitch) for n in own] == [
                (n.onset_beats, n.pitch) for n in motif.at(start)
            ]
            phrases.append(("A" if same else "a", own))
        return tuple(phrases)

    def staged(self, drawn: tuple[Scene, ...]) -> tuple[Scene, ...]:
        """Return scenes in which those play who played; in whole sections those who are drawn.

        Who plays nowhere else plays in a whole section in any case, so that the cast stays; parts
        without a note are new and play where they are drawn.
        """
        cast = {part.name for part in self.score.written}
        elsewhere = frozenset[str]().union(
            *(self.playing(s.section) for s in drawn if s.section.name not in self.whole)
        )
        scenes = []
        for scene in drawn:
            here = self.playing(scene.section)
            added = {p.name for p in self.score.written if not p.notes}
            layers = (scene.layers - cast) | here | (scene.layers & added)
            if scene.section.name in self.whole:
                layers = scene.layers | (here - elsewhere)
            scenes.append(replace(scene, layers=layers))
        return tuple(scenes)

    def material(self, motif: Motif) -> Material:
        """Return the song's material; its loops are in its chords already."""
        tops = (self._top("hook"), self._top("verse"))
        return Material(NO_LOOP, NO_LOOP, (), (), (), (), tops, motif)

    def _top(self, role: str) -> int:
        """Return the pitch class that most of the chords of a role hold."""
        chords = [c for c in self.score.chords
                  if self.score.form.section_at(c.onset_beats).role == role]  # fmt: skip
        held = Counter(pc for c in chords or self.score.chords for pc in c.pitches)
        return min(held, key=lambda pc: (-held[pc], pc))

    def slots(self) -> tuple[ChordAt, ...]:
        """Return the harmony at the first places of the first hook where a motif may be stated."""
        hook = next((s for s in self.score.form.sections if s.role == "hook"), None)
        section = hook or self.score.form.sections[0]
        changes = Changes(self.score.chords)
        return tuple(
            (lambda t, at=section.start_beats + MOTIF_BEATS * i: changes.at(at + t))
            for i in range(max(1, min(4, section.bars // 2)))
        )

    def together(self, skeleton: Skeleton, section: Section) -> Skeleton:
        """Let kick and 808 go together where only one of them is written again."""
        thrown = self.thrown.get(section.name, frozenset())
        playing = self.playing(section)
        if "bass" in thrown and "kick" in playing - thrown:
            rows = self._pattern("kick", section, ("." * 16, "." * 16))
        elif "kick" in thrown and "bass" in playing - thrown:
            rows = self._pattern("bass", section, skeleton.kick)
        else:
            return skeleton
        return replace(skeleton, kick=rows)

    def _pattern(self, part: str, section: Section, rows: tuple[str, str]) -> tuple[str, str]:
        """Write the places where a part usually plays within two bars into rows of a skeleton."""
        places = Counter(
            round((n.onset_beats - section.start_beats) % MOTIF_BEATS / SIXTEENTH) % 32
            for n in self.notes(part, section)
        )
        least = max(1.0, USUAL * section.duration_beats / MOTIF_BEATS)
        row = list("".join(rows))
        for place, count in places.items():
            if count >= least and row[place] == ".":
                row[place] = "X" if place % 16 == 0 else "x"
        return "".join(row[:16]), "".join(row[16:])


def _middle(notes: Iterable[Note]) -> int:
    pitches = sorted(n.pitch for n in notes)
    return pitches[len(pitches) // 2] if pitches else 72


def motif_of(score: Score) -> Motif:
    """Read a song's motif back: its cell is the beginning whose rhythm comes again.

    Raises
    ------
    BriefError
        If the song has none.
    """
    notes = score.motif
    if len(notes) < 2:
        raise BriefError("this song has no motif of which something could be written again")
    onsets = [n.onset_beats for n in notes]
    gaps = [round(b - a, 4) for a, b in pairwise(onsets)]
    size = next(
        (k for k in (4, 3, 2)
         if any(gaps[j : j + k - 1] == gaps[: k - 1] for j in range(k, len(gaps) - k + 2))),
        2,
    )  # fmt: skip
    long = max(range(len(notes)), key=lambda i: notes[i].duration_beats)
    return Motif(notes, tuple(t - onsets[0] for t in onsets[:size]), long)


def lowered(score: Score) -> Score:
    """Return a score as it was written, before its key was lifted."""
    for event in score.events:
        if event.name != "key_lift":
            continue
        parts = tuple(
            replace(p, notes=tuple(lowered_note(p.name, n, event) for n in p.notes))
            for p in score.written
        )
        chords = lowered_chords(score.chords, event, score.form.key)
        score = replace(score, parts=parts, chords=chords)
    return replace(score, parts=score.written)
