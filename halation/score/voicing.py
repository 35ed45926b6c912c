"""Voicings: how a chord's notes are laid out and led from one chord to the next."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, pairwise
from typing import Final

__all__ = ["Voices"]

LOWEST: Final = 45
"""Lowest pad note (A2); below it only the bass plays."""
OPEN_BELOW: Final = 53
"""Below this note neighbours stand a fifth apart or more: no closed thirds in the low voices."""
OPEN_INTERVAL: Final = 7


class Voices:
    """Leads a fixed number of voices through chords with the least movement.

    Parameters
    ----------
    n_voices : int
        Voices of the pad, the top one included.
    lowest : int
        MIDI pitch under which none of them goes.
    """

    def __init__(self, n_voices: int, lowest: int = LOWEST) -> None:
        self.n_voices, self.lowest = n_voices, lowest
        self._known: dict[tuple[object, ...], tuple[int, ...]] = {}

    def lead(
        self, previous: tuple[int, ...], pitches: tuple[int, ...], top: int, target: int
    ) -> tuple[int, ...]:
        """Return the next voicing, lowest note first.

        Parameters
        ----------
        previous : tuple of int
            The voicing before, empty at a start.
        pitches : tuple of int
            Pitch classes from the root up.
        top : int
            Pitch class wished for the highest voice; the nearest one is taken if absent.
        target : int
            MIDI pitch near which the highest voice lies.

        Examples
        --------
        >>> Voices(4).lead((), (5, 9, 0, 4), 0, 72)
        (53, 57, 64, 72)
        """
        known = (previous, pitches, top, target)
        if known not in self._known:
            self._known[known] = self._search(previous, pitches, top, target)
        return self._known[known]

    def _search(
        self, previous: tuple[int, ...], pitches: tuple[int, ...], top: int, target: int
    ) -> tuple[int, ...]:
        soprano = _soprano(pitches, top, target)
        low = max(self.lowest, soprano - 24)
        inner = [p for p in range(low, soprano - 1) if p % 12 in pitches]
        n_inner = min(self.n_voices - 1, len(inner))
        best: tuple[float, tuple[int, ...]] = (float("inf"), (soprano,))
        for below in combinations(inner, n_inner):
            voicing = (*below, soprano)
            cost = _movement(previous, voicing) + _shape(voicing, pitches)
            best = min(best, (cost, voicing))
        return best[1]


def _soprano(pitches: tuple[int, ...], top: int, target: int) -> int:
    wished = target + (top - target + 6) % 12 - 6
    return min(
        (p for p in range(wished - 7, wished + 8) if p % 12 in pitches),
        key=lambda p: (abs(p - wished), p),
    )


def _movement(previous: tuple[int, ...], voicing: tuple[int, ...]) -> float:
    if not previous:
        return abs(voicing[0] - 52) * 0.3
    size = min(len(previous), len(voicing))
    pairs = zip(previous[-size:], voicing[-size:], strict=True)
    return float(sum(abs(a - b) for a, b in pairs))


def _shape(voicing: tuple[int, ...], pitches: tuple[int, ...]) -> float:
    """Cost of what makes a voicing thick, hollow or unclear."""
    sounding = {p % 12 for p in voicing}
    cost = 0.0
    if pitches[1] not in sounding:  # the third, or what stands for it
        cost += 8.0
    cost += 3.0 * (pitches[0] not in sounding) + 1.5 * (voicing[0] % 12 != pitches[0])
    cost += 25.0 * (sounding <= set(pitches[:3]) and len(pitches) > 3)
    cost += 5.0 * sum(1 for pc in pitches[3:] if pc not in sounding)  # the colour
    cost += 2.0 * (len(voicing) - len(sounding))
    for low, high in _neighbours(voicing):
        gap = high - low
        cost += 7.0 * (gap == 1) + 1.0 * (gap == 2)
        cost += 0.8 * max(0, gap - 9) * (low >= OPEN_BELOW)
        if low < OPEN_BELOW and gap < OPEN_INTERVAL:
            cost += 20.0
    return cost


def _neighbours(voicing: tuple[int, ...]) -> Iterable[tuple[int, int]]:
    return pairwise(voicing)
