"""Feel: each voice's own lateness and its slow drift, and the loudness that goes with them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from halation.types import Note

__all__ = ["FEELS", "Feel", "drift", "humanise"]


@dataclass(frozen=True, slots=True)
class Feel:
    """How a voice sits in time.

    Parameters
    ----------
    late_ms : (low, high)
        Range from which a song draws the voice's lateness.
    sigma_ms : float
        Spread of the drift.
    lag_1 : float
        Correlation of a stroke's deviation with the next one's.
    velocity : float
        Spread of the loudness in MIDI steps.
    """

    late_ms: tuple[float, float]
    sigma_ms: float
    lag_1: float
    velocity: float


FEELS: Final = {
    "kick": Feel((0.0, 4.0), 8.5, 0.19, 4.0),
    "snare": Feel((8.0, 25.0), 9.3, 0.10, 4.5),
    "hats": Feel((-1.0, 2.0), 4.0, 0.44, 5.0),
    "perc": Feel((0.0, 8.0), 7.6, 0.17, 5.0),
    "bass": Feel((0.0, 6.0), 8.0, 0.30, 3.0),
    "pad": Feel((-5.0, 15.0), 10.0, 0.40, 2.5),
    "wide": Feel((0.0, 20.0), 10.0, 0.40, 2.5),
    "bells": Feel((-5.0, 15.0), 3.0, 0.40, 4.0),
    "vocals": Feel((3.0, 10.0), 3.0, 0.40, 3.0),
    "saw": Feel((11.0, 18.0), 3.0, 0.40, 3.0),
    "lead": Feel((5.0, 16.0), 4.0, 0.40, 3.5),
    "pluck": Feel((2.0, 14.0), 9.0, 0.40, 5.0),
    "arp": Feel((-4.0, 8.0), 6.0, 0.40, 5.0),
    "counter": Feel((0.0, 16.0), 10.0, 0.40, 4.0),
    "choir": Feel((0.0, 25.0), 12.0, 0.40, 2.5),
}
"""The lag-1 correlations of the drums and the ratios of their spreads are those of the drummers in
the Groove MIDI Dataset (Gillick et al., ICML 2019); the means are the style's."""

LINE_SIGMA_MS: Final = 9.5
"""Drift of the melody, shared by the voices that sing it, so that they stay together."""
LINE_VOICES: Final = ("bells", "vocals", "saw", "lead")
LOUD_IS_EARLY: Final = -0.35
"""Correlation of loudness with lateness."""
LARGEST: Final = 2.5
"""Deviations stop at this many sigmas."""


def drift(stream: np.random.Generator, n: int, lag_1: float) -> list[float]:
    """Draw a first-order autoregressive walk of unit variance (an OU process at each stroke).

    Examples
    --------
    >>> walk = drift(np.random.default_rng(1), 20_000, 0.4)
    >>> round(float(np.corrcoef(walk[1:], walk[:-1])[0, 1]), 1)
    0.4
    """
    shocks = stream.standard_normal(n)
    gain = math.sqrt(1.0 - lag_1 * lag_1)
    walk: list[float] = []
    x = float(shocks[0]) if n else 0.0
    for shock in shocks.tolist():
        x = lag_1 * x + gain * shock if walk else x
        walk.append(max(-LARGEST, min(LARGEST, x)))
    return walk


def humanise(
    part: str,
    notes: tuple[Note, ...],
    stream: np.random.Generator,
    line: dict[float, float],
    floors: tuple[float, ...],
    tempo_bpm: float,
) -> tuple[Note, ...]:
    """Give a part's notes their deviations in time and loudness.

    Parameters
    ----------
    part : str
        A name in :data:`FEELS`; others (weather) stay as they are.
    notes : tuple of Note
        In order of onset.
    stream : np.random.Generator
    line : dict of onset_beats → unit drift
        The melody's own drift, followed by the voices that share it.
    floors : tuple of float
        Beats before which nothing of what belongs after may sound: the start of the song, and of
        the first drums.
    tempo_bpm : float
    """
    feel = FEELS.get(part)
    if feel is None or not notes:
        return notes
    late_s = float(stream.uniform(*feel.late_ms)) / 1000.0
    onsets = sorted({n.onset_beats for n in notes})
    walk = dict(zip(onsets, drift(stream, len(onsets), feel.lag_1), strict=True))
    noise = stream.standard_normal(len(notes)).tolist()
    played = []
    for note, extra in zip(notes, noise, strict=True):
        unit = walk[note.onset_beats]
        offset_s = late_s + unit * feel.sigma_ms / 1000.0
        if part in LINE_VOICES:
            shared = line.get(note.onset_beats, 0.0)
            offset_s += shared * LINE_SIGMA_MS / 1000.0
            unit = shared
        louder = LOUD_IS_EARLY * unit + math.sqrt(1 - LOUD_IS_EARLY**2) * extra
        velocity = round(note.velocity + feel.velocity * max(-LARGEST, min(LARGEST, louder)))
        if note.onset_beats in floors:
            offset_s = max(0.0, offset_s)
        offset_s = max(offset_s, -note.onset_beats * 60.0 / tempo_bpm)
        played.append(
            replace(note, offset_s=round(offset_s, 6), velocity=max(1, min(127, velocity)))
        )
    return tuple(played)
