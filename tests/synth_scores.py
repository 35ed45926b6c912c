"""Small scores for the tests of the synth player."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.stems.synth import Synth
from halation.types import Brief, Form, Key, Mood, Note, Part, Score, Section, Stems

TEMPO_BPM = 120.0
"""A beat lasts half a second."""


def score_of(*parts: Part, bars: int = 2) -> Score:
    """Return a score of one section in C minor."""
    mood = Mood(Brief(1), 0, 0, 0, 0, 0, ("calm",), "calm", True, "Calm")
    section = Section("verse", "verse", 0.0, bars * 4.0)
    return Score(Form(mood, "test", TEMPO_BPM, Key(0, "aeolian"), (section,)), (), (), parts)


def part_of(patch: str, *notes: Note, name: str = "part", **settings: float) -> Part:
    """Return a part for the synth."""
    return Part(name, "keys", "synth", patch, notes, tuple(settings.items()))


def played(part: Part, *, bars: int = 2, seed: int = 7) -> NDArray[np.float32]:
    """Return the stem that the synth makes of a part [shape=(2, n)]."""
    score = score_of(part, bars=bars)
    blocks = list(Synth()(part, score, Stems(score, ()), seed))
    return np.concatenate([block.samples for block in blocks], axis=1)
