"""Judges whole scores, so that the best of several can be taken: by what ranks a line's drafts."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from halation.score.harmony import Changes
from halation.score.learned.composer import WEIGHTS, load
from halation.score.learned.grid import BAR_BEATS, chords_at, controls, tones_of
from halation.score.learned.lines import Ask, worth
from halation.score.learned.motifs import LASTING, TONES
from halation.score.learned.tokens import Bar, encode, header
from halation.types import Form, Note, Score, Section

__all__ = ["critic_score"]

SINGERS: Final = ("vocals", "lead", "bells", "saw")
"""Parts that may have a section's line, the first that has one counting."""
LEAST: Final = 3
"""Notes of a line."""
SURPRISE: Final = 0.5
"""What a bit that a token costs the network is worth, as among drafts."""
MOST: Final = 200
"""Tokens of a section that the network reads."""
SILENT: Final = -9.0
"""Worth of a song without a line."""


def critic_score(score: Score) -> float:
    """Say how good a song's lines are: the higher the better, among songs of one brief.

    Every hook's and verse's line is ranked as its drafts were: by its harmony in strong places, its
    steps, its kinship with the motif, and whether somebody else's tune is in it. From the first
    hook and the first verse goes what surprises the network that has read real music.

    Parameters
    ----------
    score : Score
        By any composer.

    Returns
    -------
    float
        The same for the same score: 2 on the average, below 1 what nobody would sing.

    Raises
    ------
    BackendError
        If the composer's weights cannot be read.
    """
    changes = Changes(score.chords)
    lines = {s: _line(score, s) for s in score.form.sections if s.role in ("hook", "verse")}
    lines = {s: line for s, line in lines.items() if len(line) >= LEAST}
    if not lines or not score.motif:
        return SILENT
    ranked = [_ranked(score, s, line, changes) for s, line in lines.items()]
    first = {s.role: s for s in reversed(lines)}
    bits = [_bits(score.form, s, lines[s], changes) for s in first.values()]
    return float(np.mean(ranked) - SURPRISE * np.mean(bits))


def _line(score: Score, section: Section) -> tuple[Note, ...]:
    """Return a section's line, in the octave of the motif."""
    middle = float(np.median([n.pitch for n in score.motif] or [0]))
    parts = {part.name: part for part in score.written}
    for name in SINGERS:
        notes = [
            n for n in (parts[name].notes if name in parts else ())
            if section.start_beats <= n.onset_beats < section.end_beats
        ]  # fmt: skip
        if len(notes) >= LEAST:
            by = 12 * round((middle - float(np.median([n.pitch for n in notes]))) / 12)
            return tuple(replace(n, pitch=n.pitch + by) for n in notes)
    return ()


def _ranked(score: Score, section: Section, line: tuple[Note, ...], changes: Changes) -> float:
    """Rank a line as a draft; a phrase that comes again counts once."""
    starts = np.arange(section.start_beats, section.end_beats, BAR_BEATS).tolist()
    phrases = tuple(tuple(n for n in line if a <= n.onset_beats < a + BAR_BEATS) for a in starts)
    names = tuple(
        str([(n.onset_beats - a, n.pitch) for n in phrase])
        for a, phrase in zip(starts, phrases, strict=True)
    )
    ask = Ask(section.name, section.role, starts[0], (None,) * len(starts), names, (0, 127))
    return worth(phrases, ask, score.motif, changes)


def _bits(form: Form, section: Section, line: tuple[Note, ...], changes: Changes) -> float:
    """Return what a token of a line costs the network, on the average."""
    network = load(WEIGHTS)
    starts = np.arange(section.start_beats, section.end_beats, BAR_BEATS)
    bars = [Bar(chords_at(changes, a, form.key), tones_of(line, a, form.key)) for a in starts]
    parts = ("chords", "melody")
    told = header(controls(form, section.role, harmony="slow"), parts)
    tokens = [*told, *encode(bars, parts)][:MOST]
    costs = network.costs(tokens)
    notes = LASTING.keys() | TONES.keys()
    own = [cost for token, cost in zip(tokens[1:], costs, strict=True) if token in notes]
    return float(np.mean(own)) if own else 0.0
