"""The arc of a song's loudness: what is known of it from its form alone.

A song begins to play before its hooks have been heard. So every section has a place under them that
its role and the mood decide, and what all songs have in common stands for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from halation.types import BEATS_PER_BAR, SAMPLE_RATE, Mood, Role, Score, Section

__all__ = [
    "COMMON_DB",
    "STEP",
    "USUAL_HOOK_LUFS",
    "USUAL_INTRO_RIDE_DB",
    "Piece",
    "pieces",
    "seams",
    "under_hook_lu",
]

Bounds = tuple[float, float]

UNDER_HOOK_LU: Final[Mapping[Role, Bounds]] = {
    "hook": (-0.3, 0.3),
    "verse": (-4.6, -4.2),
    "bridge": (-5.5, -4.0),
    "intro": (-5.7, -4.8),
    "outro": (-7.0, -4.5),
}
"""Where a section's loudness may lie, over the mean of the hooks."""

CONTRAST_BY_ENERGY: Final[Mapping[Role, float]] = {
    "hook": 0.0,
    "verse": -0.1,
    "bridge": -0.8,
    "intro": -1.0,
    "outro": -0.8,
}
"""How far a driving mood moves :data:`UNDER_HOOK_LU`, and a still one the other way [LU]."""
USUAL_HOOK_LUFS: Final = -13.0
"""Of a hook whose parts sit at their levels, before any ride: what songs have in common. Every
section is brought to its distance from here, so that it can be mixed before the hook is heard."""
USUAL_INTRO_RIDE_DB: Final = 5.9
"""What brings an intro to its place: its opening is ridden so before the rest of it is known."""
COMMON_DB: Final = -13.0
"""The one gain of all stems and the mix: it leaves the loudest peaks of most songs 6 to 10 dB under
full scale, and those of nearly all 2. It cannot depend on a song's peaks, which are not known while
it begins to play."""
STEP: Final = 512
"""Sections begin at multiples of so many samples: whole steps of every control."""

OPENING_S: Final = 4.5
"""About so much of a song is mixed before the rest of its first section is known."""
_REST_S = 4.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a song that is mixed at one setting: a section, or the opening of the first.

    Parameters
    ----------
    name : str
        The section's, or ``"intro/opening"``.
    section : Section
    start, stop : int [samples]
    opening : bool
    """

    name: str
    section: Section
    start: int
    stop: int
    opening: bool = False


def under_hook_lu(role: Role, mood: Mood) -> Bounds:
    """Return where a section's loudness may lie, over the mean of the hooks.

    Examples
    --------
    >>> from halation.types import Brief
    >>> under_hook_lu("hook", Mood(Brief(1), 0, 1, 0, 0, 0, (), "", True, ""))
    (-0.3, 0.3)
    """
    low, high = UNDER_HOOK_LU[role]
    by = CONTRAST_BY_ENERGY[role] * mood.energy
    return low + by, high + by


def pieces(score: Score) -> tuple[Piece, ...]:
    """Cut a song into what is mixed at one setting, in order and without a gap.

    The first section's opening is a piece of its own where it is long enough, so that a listener
    need not wait for all of it. It ends with a bar.
    """
    places = seams(score)
    sections = score.form.sections
    found = [
        Piece(section.name, section, start, stop)
        for section, (start, stop) in zip(sections, pairwise(places), strict=True)
    ]
    bar_s = score.seconds_at(BEATS_PER_BAR)
    border = _whole(max(1, round(OPENING_S / bar_s)) * bar_s)
    first = found[0]
    if first.stop - border < _REST_S * SAMPLE_RATE or len(found) < 2:
        return tuple(found)
    opening = Piece(f"{first.name}/opening", first.section, 0, border, opening=True)
    return (opening, replace(first, start=border), *found[1:])


def _whole(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE) // STEP * STEP


def seams(score: Score) -> list[int]:
    """Return where each section begins, and the end of the song [samples], on whole hops."""
    starts = [_whole(score.seconds_at(section.start_beats)) for section in score.form.sections]
    return [*starts, score.n_samples]
