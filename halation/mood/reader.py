"""From words to a place on the axes of mood and to the nearest named moods.

A text's direction is the weighted mean of its words' vectors. Ridge regression from directions to
places, fitted on the vocabulary's phrases when first needed (a few milliseconds), gives the axes;
the cosine to each mood's own phrases, blended with the distance on the axes, gives the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.mood.table import table
from halation.mood.text import Reading, read_words
from halation.mood.vocabulary import AXES, POLES, VOCABULARY

__all__ = ["Reader", "direction", "fitted", "nearest"]

RIDGE: Final = 1.0
"""Regularisation of the fit: 0.5 to 3 did equally well on sixty test texts, 8 and more worse."""
RARITY: Final = 0.3
"""How much rare words weigh more, 1 being the table's full weight: "she left" must count, too."""
POLE: Final = 0.9
"""Where the phrases of :data:`POLES` lie on their axis."""
SPREAD: Final = 1.8
"""Gain before the tanh that bounds the axes: ordinary texts then use most of −1…1."""
NAMED: Final = 3
PLACE_WEIGHT: Final = 0.35
"""How much the distance on the axes counts beside the cosine when moods are named."""

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What was fitted: shapes (dims,), (dims, 5), (moods, dims) and (moods, 5)."""

    centre: Vector
    slopes: NDArray[np.float64]
    moods: NDArray[np.float64]
    places: NDArray[np.float64]

    def place(self, toward: Vector, strength: float = 1.0) -> Vector:
        """Return the five axes of a direction, each in −1..1.

        Parameters
        ----------
        toward : np.ndarray [shape=(..., dims)]
            From :func:`direction`.
        strength : float in 0..1
            Below 1 for texts that only negate.
        """
        raw: Vector = (toward - self.centre) @ self.slopes
        return np.tanh(SPREAD * strength * raw)


def direction(reading: Reading) -> Vector:
    """Return the unit vector that a text points along, zeros if it has no known word."""
    if not reading.words:
        return np.zeros(table().vectors.shape[1])
    rows = table().rows(reading.words).astype(np.float64)
    rarity = np.linalg.norm(rows, axis=1)
    return _unit((np.asarray(reading.weights) * rarity ** (RARITY - 1.0)) @ rows)


def _unit(vectors: Vector) -> Vector:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Vector = vectors / np.maximum(lengths, 1e-9)
    return unit


def _lessons() -> tuple[list[str], Vector, Vector]:
    """Return phrases, their places, and a mask of the axes on which each is known."""
    phrases: list[str] = []
    places: list[tuple[float, ...]] = []
    masks: list[tuple[float, ...]] = []
    for word in VOCABULARY:
        for phrase in (word.name, *word.phrases):
            phrases.append(phrase)
            places.append(word.place)
            masks.append((1.0,) * len(AXES))
    for axis, poles in POLES.items():
        only = tuple(float(name == axis) for name in AXES)
        for sign, pole in zip((-POLE, POLE), poles, strict=True):
            for phrase in pole:
                phrases.append(phrase)
                places.append(tuple(sign * mask for mask in only))
                masks.append(only)
    return phrases, np.array(places), np.array(masks)


@cache
def fitted() -> Reader:
    """Return the reader fitted on halation's vocabulary."""
    phrases, places, masks = _lessons()
    directions = np.array([direction(read_words(phrase)) for phrase in phrases])
    centre = directions.mean(axis=0)
    x = directions - centre
    slopes = np.empty((x.shape[1], len(AXES)))
    for axis in range(len(AXES)):
        rows = masks[:, axis] > 0
        known, target = x[rows], places[rows, axis]
        gram = known.T @ known + RIDGE * np.eye(x.shape[1])
        slopes[:, axis] = np.linalg.solve(gram, known.T @ (target - target.mean()))
    moods = []
    at = 0
    for word in VOCABULARY:
        count = 1 + len(word.phrases)
        moods.append(x[at : at + count].mean(axis=0))
        at += count
    named = np.array([word.place for word in VOCABULARY])
    return Reader(centre, slopes, _unit(np.array(moods)), named)


def nearest(toward: Vector, place: Vector) -> tuple[str, ...]:
    """Return the three moods nearest a text's meaning and place, nearest first.

    Parameters
    ----------
    toward : np.ndarray [shape=(dims,)]
        The text's direction; zeros leave the choice to the place alone.
    place : np.ndarray [shape=(5,)]
        The text's axes.
    """
    known = fitted()
    distance = np.sqrt(np.mean((known.places - place) ** 2, axis=1))
    cosine = known.moods @ _unit(toward - known.centre) if np.any(toward) else 0.0
    order = np.argsort(PLACE_WEIGHT * distance - cosine, kind="stable")
    return tuple(VOCABULARY[int(mood)].name for mood in order[:NAMED])
