"""A station: songs without end whose mood wanders from where it began, and never far.

Each song is an ordinary text and seed, so that any of them can be shared and made again.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation import mood
from halation.seeds import rng
from halation.types import MAX_SEED, MAX_TEXT_LENGTH, Brief

__all__ = ["brief_of"]

MEMORY: Final = 0.55
"""How much of the way that the mood has gone is left one song later."""

REACH: Final = 24
"""Songs back from which nothing is left."""

STEP: Final = 0.34
"""Standard deviation of a step on each axis of mood, which run from −1 to 1."""

WORDS: Final = 2


def brief_of(
    station: str,
    seed: int,
    number: int,
    *,
    length_s: float | None = None,
    instrumental: bool = False,
) -> Brief:
    """Say what the number-th song of a station is.

    Parameters
    ----------
    station : str
        The mood to wander from; empty for songs of any mood.
    seed : int in 0..2⁵³−1
        The station's; another one wanders another way.
    number : int ≥ 0
        Song 0 is the station's own text.
    length_s : float in 30..600 [s], optional
    instrumental : bool

    Returns
    -------
    Brief
        The same for the same arguments.

    Examples
    --------
    >>> [brief_of("rain at night", 7, number).text for number in range(3)]
    ['rain at night', 'rain at night, rainy and yearning', 'rain at night, mysterious and oceanic']
    """
    own_seed = int(rng(seed, "radio", "seed", number).integers(MAX_SEED + 1))
    text = station if not number or not station.strip() else _wandered(station, seed, number)
    return Brief(own_seed, text, length_s=length_s, instrumental=instrumental)


def _wandered(station: str, seed: int, number: int) -> str:
    """Add words for where the mood is now, other ones than the song before has."""
    home = mood.read(Brief(seed, station))
    place = np.array([getattr(home, axis) for axis in mood.AXES]) + _way(seed, number)
    place = np.where(np.abs(place) > 1.0, np.sign(place) * 2.0 - place, place)  # a wall turns back
    known = set(station.casefold().split())
    half = [word for word in mood.VOCABULARY[number % 2 :: 2] if word.name not in known]
    away = np.linalg.norm(np.array([word.place for word in half]) - place, axis=1)
    words = [half[int(i)].name for i in np.argsort(away, kind="stable")[:WORDS]]
    said = f", {' and '.join(words)}"
    return station.strip()[: MAX_TEXT_LENGTH - len(said)] + said


def _way(seed: int, number: int) -> NDArray[np.float64]:
    """Return how far from home the mood is: steps that are forgotten, one song after another."""
    way = np.zeros(len(mood.AXES))
    for song in range(max(1, number - REACH), number + 1):
        way = MEMORY * way + rng(seed, "radio", "step", song).normal(0.0, STEP, len(way))
    return way
