"""The rules composer: from a form to every note of a song."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from halation.backends import Description
from halation.score.author import RulesAuthor
from halation.score.writer import Writer
from halation.types import Chord, Event, Form, Note, Score

__all__ = ["Rules", "at_its_tempo", "doubled", "scaled"]

Placed = TypeVar("Placed", Note, Chord, Event)

SLOW_BELOW_BPM: Final = 108.0
"""Below this tempo a song is written at twice the tempo, in bars half as long, so that the motif's
two bars still last some four seconds; form keeps the same bound for its shortest sections."""


class Rules:
    """Composes by rules: a motif, a loop, a form, and the habits of a producer.

    Examples
    --------
    >>> from halation.types import Brief, Key, Mood, Section
    >>> mood = Mood(Brief(seed=7), 0, 0, 0, 0, 0, (), "", True, "")
    >>> sections = tuple(Section(n, n, 32.0 * i, 32.0) for i, n in
    ...                  enumerate(("intro", "verse", "hook", "bridge", "outro")))
    >>> score = Rules()(Form(mood, "test", 140.0, Key(9, "aeolian"), sections), 7)
    >>> len(score.motif) in range(5, 10), score.parts[0].name
    (True, 'kick')
    """

    description = Description(
        "Motif, harmony, arrangement and human timing by rules; no model.", "GPL-3.0-or-later", True
    )

    def author(self, form: Form, seed: int) -> RulesAuthor:
        """Return who has the ideas, for what is written again of a song."""
        return RulesAuthor(form, seed)

    def __call__(self, form: Form, seed: int) -> Score:
        """Write the score of a form.

        Parameters
        ----------
        form : Form
        seed : int in 0..2⁵³−1

        Returns
        -------
        Score
            Every note lies inside the form; the last two bars have no onset.
        """
        return at_its_tempo(form, lambda f: Writer(f, seed, RulesAuthor(f, seed)).score())


def at_its_tempo(form: Form, write: Callable[[Form], Score]) -> Score:
    """Write a form; a slow one at twice its tempo in bars half as long, then brought back."""
    if form.tempo_bpm < SLOW_BELOW_BPM:
        return scaled(write(doubled(form)), form, 0.5)
    return write(form)


def doubled(form: Form) -> Form:
    """Return a form at twice its tempo, in bars half as long."""
    sections = tuple(
        replace(s, start_beats=2 * s.start_beats, duration_beats=2 * s.duration_beats)
        for s in form.sections
    )
    return replace(form, tempo_bpm=2 * form.tempo_bpm, sections=sections)


def scaled(score: Score, form: Form, by: float) -> Score:
    """Bring a score to a form whose beats are ``by`` times as many, as for twice its tempo."""
    chords = tuple(_longer(c, by) for c in score.chords)
    parts = tuple(replace(p, notes=tuple(_longer(n, by) for n in p.notes)) for p in score.parts)
    events = tuple(_longer(e, by) for e in score.events)
    return Score(form, chords, tuple(_longer(n, by) for n in score.motif), parts, events)


def _longer(placed: Placed, by: float) -> Placed:
    onset, lasts = placed.onset_beats * by, placed.duration_beats * by
    return replace(placed, onset_beats=onset, duration_beats=lasts)
