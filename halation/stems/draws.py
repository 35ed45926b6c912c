"""What is drawn for a note: from the note itself, so that others can change and it stays.

A song in which one section is thrown again is the same to the sample everywhere else. So no draw
may depend on a note's number in its part; what must alternate is counted from the section's start.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from halation.seeds import drawn, rng
from halation.types import BEATS_PER_BAR, Note, Score

__all__ = ["note_draws", "note_streams", "places", "strolled"]

Values = NDArray[np.float64]


def note_draws(notes: Sequence[Note], seed: int, *path: str | int, count: int = 1) -> Values:
    """Draw numbers in 0..1 for every note [shape=(notes, count)]; see :func:`halation.seeds.drawn`.

    Examples
    --------
    >>> from halation.types import Note
    >>> notes = Note(0.0, 1.0, 60, 100), Note(2.0, 1.0, 64, 100)
    >>> bool((note_draws(notes, 7, "keys")[1] == note_draws(notes[1:], 7, "keys")[0]).all())
    True
    """
    keys = [(note.onset_beats, note.pitch) for note in notes]
    return drawn(seed, *path, keys=keys, count=count)


def note_streams(notes: Sequence[Note], seed: int, *path: str | int) -> list[np.random.Generator]:
    """Return a random stream for every note, for what draws more than a few numbers."""
    words = (note_draws(notes, seed, *path)[:, 0] * 2.0**53).astype(np.int64).tolist()
    return [rng(seed, *path, word) for word in words]


def places(notes: Sequence[Note], score: Score) -> list[tuple[int, int]]:
    """Return the number of each note's section, and how many of the notes in it came before.

    Parameters
    ----------
    notes : sequence of Note
    score : Score
        Its form has the sections; what lies before the first or after the last belongs to these.
    """
    starts = [section.start_beats for section in score.form.sections[1:]]
    onsets = [note.onset_beats + 1e-6 for note in notes]
    sections = np.searchsorted(starts, onsets, side="right").tolist() if notes else []
    counts: dict[int, int] = {}
    found = []
    for section in sections:
        found.append((section, counts.get(section, 0)))
        counts[section] = found[-1][1] + 1
    return found


def strolled(beats: Sequence[float], seed: int, *path: str | int) -> Values:
    """Return where a slow walk is at some times, one turn a bar.

    Parameters
    ----------
    beats : sequence of float >= 0 [beats]

    Returns
    -------
    np.ndarray [shape=(times,)], float64
        Mean 0, standard deviation about 1; the same at a time whatever the others are.

    References
    ----------
    Perlin, "An image synthesizer", Computer Graphics 19(3), 1985.

    Examples
    --------
    >>> there, here = strolled([0.0, 5.5], 7, "pan"), strolled([5.5], 7, "pan")
    >>> bool(there[1] == here[0])
    True
    """
    bars = np.asarray(beats, np.float64) / BEATS_PER_BAR
    before = np.floor(bars)
    share = bars - before
    share = share * share * (3 - 2 * share)
    first, last = (_bar_draws(seed, *path, bars=before + k) for k in (0, 1))
    # Between two bars the mean of two draws is nearer to 0; this keeps the walk as wide there.
    return np.asarray((first * (1 - share) + last * share) / np.hypot(1 - share, share))


def _bar_draws(seed: int, *path: str | int, bars: Values) -> Values:
    """Draw a number for every bar, mean 0 and standard deviation 1."""
    known, where = np.unique(bars, return_inverse=True)
    return np.asarray((drawn(seed, *path, keys=known[:, None].tolist())[where, 0] - 0.5) * 12**0.5)
