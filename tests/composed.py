"""Scores of many kinds for the tests of form and score, and ways to look at them."""

from __future__ import annotations

from functools import cache

import pytest

from halation.backends import Composer
from halation.form import plan
from halation.score.learned.composer import Learned
from halation.score.rules import Rules
from halation.types import Brief, Form, Mood, Note, Score, Section

ROLES = {"intro", "verse", "hook", "bridge", "outro"}
MELODIES = ("bells", "vocals", "saw", "lead", "counter", "pluck")
CASES = (
    # seed, length_s, tempo, instrumental, valence, energy, warmth, density, haze
    (1, None, None, False, 0.0, 0.0, 0.0, 0.0, 0.0),
    (2, None, None, False, -0.8, -0.6, -0.7, -0.5, 0.6),
    (3, None, None, True, 0.8, 0.7, 0.6, 0.8, -0.5),
    (4, 30.0, None, False, 0.3, 0.2, -0.9, 0.3, 0.0),
    (5, 60.0, None, False, -0.4, 0.6, 0.2, 0.9, 0.9),
    (6, 90.0, None, True, 0.1, -0.9, 0.8, -0.9, 0.2),
    (7, 300.0, None, False, -0.2, 0.1, 0.0, 0.2, 0.1),
    (8, 600.0, 142.0, False, 0.5, 0.3, 0.1, 0.0, -0.2),
    (9, 30.0, 60.0, False, -0.6, -0.3, 0.0, 0.0, 0.4),
    (10, 150.0, 60.0, False, -0.3, -0.9, 0.3, 0.0, 0.4),
    (11, 150.0, 200.0, False, 0.6, 1.0, -0.3, 1.0, -0.8),
    (12, 30.0, 108.0, True, 0.0, 0.0, 0.0, 0.0, 0.0),
)


def make_mood(
    brief: Brief, valence: float = 0.0, energy: float = 0.0, warmth: float = 0.0,
    density: float = 0.0, haze: float = 0.0,
) -> Mood:  # fmt: skip
    return Mood(brief, valence, energy, warmth, density, haze, (), "", True, "")


COMPOSERS: dict[str, Composer] = {"rules": Rules(), "learned": Learned()}


@cache
def compose(case: int, composer: str = "rules") -> Score:
    seed, length_s, tempo_bpm, instrumental, *axes = CASES[case]
    brief = Brief(seed, length_s=length_s, tempo_bpm=tempo_bpm, instrumental=instrumental)
    return COMPOSERS[composer](plan(make_mood(brief, *axes)), seed)


every_case = pytest.mark.parametrize("case", range(len(CASES)))
every_composer = pytest.mark.parametrize("composer", COMPOSERS)


def notes_of(score: Score, *parts: str) -> list[Note]:
    return [n for p in score.parts if p.name in parts for n in p.notes]


def inside(notes: list[Note], section: Section) -> list[Note]:
    return [n for n in notes if section.start_beats <= n.onset_beats < section.end_beats]


def of_role(form: Form, role: str) -> list[Section]:
    return [s for s in form.sections if s.role == role]


def lift_at(score: Score, beats: float) -> int:
    """Semitones by which the song's key is lifted at a time."""
    return sum(
        round(e.amount)
        for e in score.events
        if e.name == "key_lift" and e.onset_beats <= beats < e.onset_beats + e.duration_beats
    )


def in_event(score: Score, beats: float) -> bool:
    """Whether a rare moment other than a key lift is under way."""
    return any(
        e.onset_beats <= beats < e.onset_beats + e.duration_beats
        for e in score.events
        if e.name != "key_lift"
    )


def statements(score: Score, notes: list[Note]) -> list[tuple[float, int]]:
    """Where the motif is stated note for note: (onset, transposition)."""
    at = {(round(n.onset_beats, 4), n.pitch) for n in notes}
    first = score.motif[0]
    return [
        (n.onset_beats, n.pitch - first.pitch)
        for n in notes
        if all(
            (round(n.onset_beats + m.onset_beats, 4), n.pitch + m.pitch - first.pitch) in at
            for m in score.motif
        )
    ]
