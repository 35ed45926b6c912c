"""Rare events: a stretch of a part is replaced by something made of itself, without a click."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.automation import silent
from halation.dsp.filters import filtered
from halation.fx.reading import targets
from halation.seeds import rng
from halation.types import Effect, Part, Plan, Score

__all__ = ["happen", "happening"]

FADE_S: Final = 0.008
"""How long a stretch takes to give way to what replaces it, and back."""
SLICE_FADE_S: Final = 0.005

Signal = NDArray[np.float32]


def happening(part: Part, plan: Plan) -> list[Effect]:
    """Return the events that mean a part, in the order in which they were drawn.

    A telephone on the part itself is none: that is one of its colours.
    """
    names = targets(part)
    return [
        effect
        for effect in plan.effects
        if effect.kind in _MAKERS
        and effect.target in names
        and not (effect.kind == "phone" and effect.target == part.name)
    ]


def happen(x: Signal, sample_rate: int, event: Effect, score: Score) -> None:
    """Replace a stretch of a part, in place.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        Changed in place between the event's ``start_beats`` and ``end_beats``; it fades over
        :data:`FADE_S` at both ends.
    sample_rate : int [Hz]
    event : Effect
        One of those that :func:`happening` returns.
    score : Score
        Gives the tempo.
    """
    start, stop = (
        min(max(int(score.seconds_at(event[edge]) * sample_rate), 0), x.shape[1])
        for edge in ("start_beats", "end_beats")
    )
    fade = int(FADE_S * sample_rate)
    if stop - start < 4 * fade or silent(x[:, start:stop]):
        return
    dry = x[:, start:stop]
    change = _MAKERS[event.kind](dry, sample_rate, event, score) - dry
    rise = np.sin(np.linspace(0.0, 0.5 * np.pi, fade, dtype=np.float32)) ** 2
    change[:, :fade] *= rise
    change[:, -fade:] *= rise[::-1]
    dry += change


def _phone(dry: Signal, sample_rate: int, event: Effect, _score: Score) -> Signal:
    return filtered(dry, sample_rate, "bandpass", (event["low_hz"], event["high_hz"]), 2)


def _half_speed(dry: Signal, _sample_rate: int, _event: Effect, _score: Score) -> Signal:
    """Play the first half at half the speed: an octave lower, and in time again at its end."""
    n = dry.shape[1]
    half = dry[:, : n // 2 + 2]
    slow = np.empty((dry.shape[0], 2 * half.shape[1] - 2), np.float32)
    slow[:, 0::2] = half[:, :-1]
    slow[:, 1::2] = 0.5 * (half[:, :-1] + half[:, 1:])
    return slow[:, :n]


def _reversed_bar(dry: Signal, _sample_rate: int, _event: Effect, _score: Score) -> Signal:
    return np.ascontiguousarray(dry[:, ::-1])


def _stutter(dry: Signal, sample_rate: int, event: Effect, score: Score) -> Signal:
    """Repeat the first slice, softer or louder each time; in the second half twice as fast."""
    n = dry.shape[1]
    size = max(int(score.seconds_at(event["slice_beats"]) * sample_rate), 256)
    gain = 10.0 ** (event["step_db"] / 20.0)
    out = np.zeros_like(dry)
    at, level = 0, 1.0
    while at < n:
        length = size if at < n // 2 or size < 2_048 else size // 2
        piece = dry[:, : min(length, n - at)].copy()
        fade = min(int(SLICE_FADE_S * sample_rate), piece.shape[1] // 2)
        ramp = np.sin(np.linspace(0.0, 0.5 * np.pi, fade, dtype=np.float32)) ** 2
        if at:
            piece[:, :fade] *= ramp
        piece[:, piece.shape[1] - fade :] *= ramp[::-1]
        out[:, at : at + piece.shape[1]] = np.float32(level) * piece
        at += piece.shape[1]
        level *= gain
    return out


def _freeze(dry: Signal, sample_rate: int, event: Effect, _score: Score) -> Signal:
    """Hold the first moment still: overlapping grains from around it."""
    n = dry.shape[1]
    grain = min(2 * int(event["grain_s"] * sample_rate / 2), n // 2 * 2)
    hop = grain // 2
    window = np.hanning(grain + 1)[:-1].astype(np.float32)
    starts = rng(round(event["stream"]), "freeze").integers(0, max(hop, 1), -(-n // hop) + 1)
    out = np.zeros((dry.shape[0], n + 2 * grain), np.float32)
    for i, origin in enumerate(np.minimum(starts, n - grain)):
        out[:, i * hop : i * hop + grain] += window * dry[:, origin : origin + grain]
    return out[:, hop : hop + n]


_MAKERS: Final[dict[str, Callable[[Signal, int, Effect, Score], Signal]]] = {
    "phone": _phone,
    "half_speed": _half_speed,
    "reversed_bar": _reversed_bar,
    "stutter": _stutter,
    "freeze": _freeze,
}
