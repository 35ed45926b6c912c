"""What was learned by listening to halation's own songs, whose key and mood are known.

The numbers lie in ``data/hearing.json`` and are made again by ``runs/hearing.sh``: the profile of
each mode over the pitch classes, and the way from a recording's measures to a place on the axes of
mood.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEATURES", "Hearing", "features", "hearing"]

Values = NDArray[np.float64]

FELT_BPM: Final = 110.0
"""A faster tempo is felt at half."""
FEATURES: Final = (
    *("felt tempo", "beat", "minorness", "brightness", "onsets", "dynamic range", "voices"),
    *("tonality", "attack", "low", "high", "slope", "width"),
)
"""What of a recording's measures tells its mood, see :func:`features`."""
FAR: Final = 2.5
"""Deviations from the songs' mean that count at most, so that no measure decides alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """What was learned; shapes (2, 12), (2, 12), (features,), (features,), (features, 5), (5,)."""

    chroma: Values
    bass: Values
    mean: Values
    deviation: Values
    slopes: Values
    offset: Values

    def place(self, found: Values) -> Values:
        """Return where features lie on the five axes of mood, each in −1…1."""
        away = np.clip((found - self.mean) / self.deviation, -FAR, FAR)
        away = np.where(np.isnan(away), 0.0, away)  # no tempo says nothing of the mood
        return np.clip(self.offset + away @ self.slopes, -1.0, 1.0)


@cache
def hearing() -> Hearing:
    """Return what was learned, read once."""
    text = files("halation").joinpath("data", "hearing.json").read_text(encoding="utf-8")
    rows = json.loads(text)
    return Hearing(**{name: np.array(rows[name]) for name in Hearing.__slots__})


def features(described: Any) -> Values:
    """Return what of a :class:`halation.corpus.describe.Described` tells its mood.

    Returns
    -------
    np.ndarray [shape=(13,)]
        The tempo, where there is none, is no number.
    """
    tempo = described.tempo_bpm
    if tempo is not None and tempo > FELT_BPM:
        tempo /= 2.0
    return np.array(
        [
            np.nan if tempo is None else np.log2(tempo),
            np.log1p(max(0.0, described.beat_clarity)),
            described.minorness,
            np.log2(described.brightness_hz + 20.0),
            np.log1p(described.onsets_per_s),
            described.dynamic_range_db,
            np.log1p(described.voices),
            described.tonality,
            np.log1p(described.attack),
            described.low_db,
            described.high_db,
            described.slope_db_per_octave,
            described.width_db,
        ]
    )
