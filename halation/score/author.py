"""Who thinks of what is written: the loops and the motif, every section's line, the beat.

The writer lays it all out; an author gives it the ideas. :class:`RulesAuthor` has them by rules,
:class:`halation.score.learned.composer.LearnedAuthor` from a network that has read real music.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from halation.score import drums, melody, progress
from halation.score.arrange import Scene, is_last
from halation.score.harmony import Changes
from halation.score.motif import ChordAt, Motif, draw_motif
from halation.score.progress import Material
from halation.seeds import rng
from halation.types import Form, Note

__all__ = ["Author", "Lines", "RulesAuthor"]

Lines = dict[str, tuple[tuple[str, tuple[Note, ...]], ...]]
"""The line of each section by its name: phrases, each with the letter of what it does."""


class Author(Protocol):
    """Has the ideas for one song."""

    def material(self) -> Material:
        """Return the loops and the motif."""
        ...

    def groove(self) -> drums.Groove:
        """Return what the drums are made of."""
        ...

    def lines(
        self, scenes: tuple[Scene, ...], material: Material, changes: Changes, phrase_form: str
    ) -> Lines:
        """Write the line of every section; ``phrase_form`` names the first hook's phrases."""
        ...

    def counters(
        self, sung: Sequence[tuple[Scene, tuple[Note, ...]]], motif: Motif, changes: Changes
    ) -> dict[str, tuple[Note, ...]]:
        """Write what speaks in the rests of some sections' lines, by their names."""
        ...


class RulesAuthor:
    """An author by rules.

    Parameters
    ----------
    form : Form
    seed : int
    """

    def __init__(self, form: Form, seed: int) -> None:
        self.form, self.seed, self.key = form, seed, form.key

    def material(self) -> Material:
        """Draw the loops and the motif."""
        return progress.draw_material(self.form, self.seed)

    def motif(self, slots: tuple[ChordAt, ...]) -> Motif:
        """Draw another motif over chords that stand."""
        stream = rng(self.seed, "score", "motif")
        centre = progress.CENTRE_PITCH + round(2 * self.form.mood.valence)
        return draw_motif(stream, self.key, slots, centre + int(stream.integers(-2, 3)))

    def groove(self) -> drums.Groove:
        """Draw the skeletons."""
        return drums.draw_groove(rng(self.seed, "score", "drums"), self.form.mood)

    def lines(
        self, scenes: tuple[Scene, ...], material: Material, changes: Changes, phrase_form: str
    ) -> Lines:
        """Write the line of every section, phrase by phrase."""
        lines: Lines = {}
        motif = material.motif
        before = ""
        for scene in scenes:
            section = scene.section
            stream = rng(self.seed, "score", "line", section.name)
            if section.role == "hook":
                letters = melody.draw_letters(
                    phrase_form, section.bars // 2, scene.nth, is_last(scene, scenes), before,
                    stream,
                )  # fmt: skip
                lines[section.name] = melody.hook_line(
                    section, motif, changes, self.key, letters, stream
                )
                before = "".join(letter for letter, _ in lines[section.name])
            elif section.role == "intro":
                lines[section.name] = (("A", melody.hint(section, motif)),)
            elif section.role == "outro":
                lines[section.name] = tuple(("A", p) for p in melody.farewell(section, motif))
            elif section.role == "bridge":
                line = melody.pieces(section, motif, changes, self.key, stream)
                lines[section.name] = (("p", line),)
            else:
                line = melody.answers(section, scene.nth, motif, changes, self.key, stream)
                lines[section.name] = (("v", line),)
        return lines

    def counters(
        self, sung: Sequence[tuple[Scene, tuple[Note, ...]]], motif: Motif, changes: Changes
    ) -> dict[str, tuple[Note, ...]]:
        """Answer in each line's rests."""
        return {
            scene.section.name: melody.counter(
                line, scene.section.start_beats, scene.stop_beats, motif, changes, self.key,
                rng(self.seed, "score", "counter", scene.section.name),
            )
            for scene, line in sung
        }  # fmt: skip
