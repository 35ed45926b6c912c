"""What our own synthesis makes of a part, for models that follow a tune or a song."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation import backends
from halation.stems.blocks import lent
from halation.types import Part, Score, Stems

__all__ = ["render"]

Signal = NDArray[np.float32]

TUNES: Final = ("lead", "bells", "vocals", "counter")
"""The parts that carry a song's motif, the most singable first."""
PLAIN: Final = "celesta"
"""The patch of notes that were never written for a player."""
LEVELS_DB: Final = {"drums": -18.0, "bass": -18.0, "lead": -22.0, "vocals": -22.0}
OTHER_LEVEL_DB: Final = -25.0


def render(part: Part, score: Score, follows: Literal["", "tune", "song"]) -> Signal:
    """Play the written parts in whose place a model plays, dry and roughly balanced.

    Parameters
    ----------
    part : Part
        The model's part.
    score : Score
    follows : str
        ``"tune"``: in each section the one part that carries the motif; ``"song"``: all of them.

    Returns
    -------
    np.ndarray [shape=(2, score.n_samples)], float32
        At 44.1 kHz; silent if nothing of the kind is written.
    """
    written = part.instead or (replace(part, player="synth", patch=PLAIN),)
    rows = [row for row in written if row.stem != "textures" and row.notes]
    if follows == "tune":
        rows = [row for row in rows if row.stem != "drums"]
        rows = [_tune(rows, score)] if rows else []
    total = np.zeros((2, score.n_samples), np.float32)
    for stem in sorted({row.stem for row in rows}):
        x = np.zeros_like(total)
        for row in rows:
            if row.stem == stem:
                x += _played(row, score)
        loud = np.abs(x).max(axis=0) > 1e-3
        if loud.any():
            rms = float(np.sqrt(np.mean(x[:, loud] ** 2)))
            x *= np.float32(10.0 ** (LEVELS_DB.get(stem, OTHER_LEVEL_DB) / 20.0) / rms)
        total += x
    return total


def _tune(rows: list[Part], score: Score) -> Part:
    """Return one part with, in each section, the notes of the most singable part that plays."""
    order = sorted(rows, key=lambda row: TUNES.index(row.name) if row.name in TUNES else len(TUNES))
    notes = []
    for section in score.form.sections:
        for row in order:
            found = [
                n for n in row.notes if section.start_beats <= n.onset_beats < section.end_beats
            ]
            if found:
                notes += found
                break
    bells = next((row for row in order if row.player == "synth"), order[0])
    return replace(bells, notes=tuple(replace(note, syllable="") for note in notes))


def _played(row: Part, score: Score) -> Signal:
    player = backends.performer(row.player)
    blocks = player(row, score, Stems(score, ()), score.form.mood.brief.entropy)
    watch = backends.watch()
    sound = []
    with lent(None):  # what was lent is for the model
        for block in blocks:
            watch.go_on()
            sound.append(block.samples)
    return np.concatenate(sound, axis=1)
