"""Rolls of the hats: their pitch climbs or falls with their loudness."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops import respeed
from halation.types import Note

__all__ = ["bends", "bent"]

FEWEST: Final = 4
"""Strokes that touch before they are a roll; shorter ones belong to the pattern."""
BEND_SEMITONES: Final = (2.0, 6.0)
AGAINST: Final = 0.2
"""Chance that the pitch moves against the loudness."""


def bends(notes: tuple[Note, ...], hat: int, draws: NDArray[np.float64]) -> list[float]:
    """Return how far each stroke is bent, in semitones; 0 for all that is not a roll.

    A roll is a run of at least four strokes of the hat each of which ends where the next begins.
    Its pitch moves evenly and around its home: up where it swells, mostly, and down where it fades.

    Parameters
    ----------
    notes : tuple of Note
        In order of onset.
    hat : int
        Drum number of the stroke that rolls.
    draws : np.ndarray [shape=(notes, 2)], float64 in 0..1
        A roll has those of its first stroke.

    Examples
    --------
    >>> roll = tuple(Note(k / 8, 1 / 8, 42, 60 + 8 * k) for k in range(5))
    >>> bent_by = bends((*roll, Note(1.0, 0.25, 42, 90)), 42, np.full((6, 2), 0.5))
    >>> bent_by[0] < bent_by[1] < bent_by[4], bent_by[2], bent_by[5]
    (True, 0.0, 0.0)
    """
    semitones = [0.0] * len(notes)
    low, high = BEND_SEMITONES
    for run in _runs(notes, hat):
        distance, turn = draws[run[0]].tolist()
        far = low + (high - low) * distance
        rises = notes[run[-1]].velocity >= notes[run[0]].velocity
        rises ^= turn < AGAINST
        for k, i in enumerate(run):
            place = k / (len(run) - 1) - 0.5
            semitones[i] = far * (place if rises else -place)
    return semitones


def _runs(notes: tuple[Note, ...], hat: int) -> Iterator[list[int]]:
    run: list[int] = []
    for i, note in enumerate(notes):
        if note.pitch != hat:
            continue
        if run:
            before = notes[run[-1]]
            if abs(before.onset_beats + before.duration_beats - note.onset_beats) > 1e-3:
                if len(run) >= FEWEST:
                    yield run
                run = []
        run.append(i)
    if len(run) >= FEWEST:
        yield run


def bent(sound: NDArray[np.float32], semitones: float) -> NDArray[np.float32]:
    """Return a short sound at another speed: higher and shorter, or lower and longer.

    Parameters
    ----------
    sound : np.ndarray [shape=(2, n)], float32
    semitones : float

    Examples
    --------
    >>> bent(np.ones((2, 1_000), np.float32), 12.0).shape
    (2, 500)
    """
    if semitones == 0.0:
        return sound
    ratio = 2.0 ** (semitones / 12.0)
    out = np.empty((2, max(1, round(sound.shape[1] / ratio))), np.float32)
    respeed(sound, ratio, out)
    return out
