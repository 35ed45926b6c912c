"""Brief → Mood: a text read by meaning, offline, or a mood of halation's own.

The way through the room: :mod:`text` finds the words, :mod:`table` has their vectors,
:mod:`reader` places them on the axes of :mod:`vocabulary`, :mod:`titles` names the song.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.mood.phrases import PHRASES
from halation.mood.reader import direction, fitted, nearest
from halation.mood.text import Reading, clean, read_words
from halation.mood.titles import entitle
from halation.mood.vocabulary import AXES, VOCABULARY, MoodWord
from halation.seeds import rng
from halation.types import Brief, Mood

__all__ = ["AXES", "PHRASES", "VOCABULARY", "MoodWord", "moved", "read"]

TEXT_DEVIATION: Final = 0.06
DRAWN_DEVIATION: Final = 0.13
"""Standard deviation on each axis from seed to seed, for the listener's text and a drawn one."""

PHRASE_LENGTH: Final = 200
"""Characters of a long text that are kept to be shown."""


def read(brief: Brief) -> Mood:
    """Read the mood of a brief.

    Parameters
    ----------
    brief : Brief
        Its text may be in any language or none; without one, or where nothing in it is understood,
        the mood is drawn (from the seed, and from the text too where there is one).

    Returns
    -------
    Mood
        The same for the same brief. Another seed deviates a little on the axes and has another
        title.

    Examples
    --------
    >>> mood = read(Brief(seed=7, text="my heart shattered in the frozen dark"))
    >>> mood.valence < 0, mood.warmth < 0, mood.understood
    (True, True, True)
    >>> read(Brief(seed=7)).phrase in PHRASES
    True
    """
    text = clean(brief.text)
    reading = read_words(text)
    digest = hashlib.sha256(brief.text.strip().encode("utf-8", "surrogatepass")).hexdigest()
    phrase, sigma = text, TEXT_DEVIATION
    if not reading.understood:
        phrase = PHRASES[int(rng(brief.seed, "mood", "phrase", digest).integers(len(PHRASES)))]
        sigma = DRAWN_DEVIATION
    own = reading if reading.understood else read_words(phrase)
    place = _place(own, sigma, rng(brief.seed, "mood", "deviation", digest))
    toward = direction(own)
    valence, energy, warmth, density, haze = (round(float(value), 6) for value in place)
    return Mood(
        brief,
        valence=valence,
        energy=energy,
        warmth=warmth,
        density=density,
        haze=haze,
        words=nearest(toward, place),
        phrase=phrase if len(phrase) <= PHRASE_LENGTH else phrase[: PHRASE_LENGTH - 1] + "…",
        understood=reading.understood,
        title=entitle(own, toward, place, rng(brief.seed, "mood", "title", digest)),
    )


def moved(mood: Mood, axes: Mapping[str, float]) -> Mood:
    """Return a mood elsewhere on some of its axes; text, phrase and title stay.

    Parameters
    ----------
    mood : Mood
    axes : mapping of axis → value in −1..1
    """
    there = replace(mood, **dict(axes))  # type: ignore[arg-type]
    place = np.array([getattr(there, axis) for axis in AXES])
    toward = direction(read_words(clean(mood.phrase)))
    return replace(there, words=nearest(toward, place))


def _place(reading: Reading, sigma: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Return the five axes of a text with a small drawn deviation."""
    strength = float(np.mean(np.abs(reading.weights)))
    place = fitted().place(direction(reading), strength) + random.normal(0.0, sigma, len(AXES))
    return np.clip(place, -1.0, 1.0)
