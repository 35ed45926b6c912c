"""Pitches and scales: steps on a scale, the nearest note of a chord, what clashes."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

__all__ = ["clashes", "from_step", "nearest", "step", "to_step"]


@cache
def to_step(pitch: int, scale: tuple[int, ...]) -> int:
    """Return the number of a pitch on a scale, counted over all octaves (the nearest one below).

    Examples
    --------
    >>> to_step(60, (0, 2, 4, 5, 7, 9, 11)), to_step(72, (0, 2, 4, 5, 7, 9, 11))
    (35, 42)
    """
    ladder = tuple(sorted(scale))
    octave, pc = divmod(pitch, 12)
    below = [i for i, each in enumerate(ladder) if each <= pc]
    return octave * len(ladder) + below[-1] if below else octave * len(ladder) - 1


@cache
def from_step(number: int, scale: tuple[int, ...]) -> int:
    """Return the pitch of a step of a scale; inverse of :func:`to_step`.

    Examples
    --------
    >>> from_step(37, (0, 2, 4, 5, 7, 9, 11))
    64
    """
    ladder = tuple(sorted(scale))
    octave, i = divmod(number, len(ladder))
    return octave * 12 + ladder[i]


def step(pitch: int, by: int, scale: tuple[int, ...]) -> int:
    """Move a pitch by steps of a scale."""
    return from_step(to_step(pitch, scale) + by, scale)


def nearest(pitch: int, allowed: Collection[int]) -> int:
    """Return the pitch nearest to ``pitch`` whose pitch class is allowed, the lower one of two.

    Examples
    --------
    >>> nearest(61, (0, 4, 7))
    60
    """
    return min(
        (pitch + d for d in range(-6, 7) if (pitch + d) % 12 in allowed),
        key=lambda p: (abs(p - pitch), p),
    )


def clashes(pitch: int, chord: Collection[int]) -> bool:
    """Whether a long note rubs: a semitone above a note of the chord, in any octave.

    Examples
    --------
    >>> clashes(72, (11, 2, 5, 7)), clashes(71, (0, 4, 7))
    (True, False)
    """
    return (pitch - 1) % 12 in chord
