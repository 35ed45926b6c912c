"""Every part at its level and in its place, ducked under the kick."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import automation, loops
from halation.dsp.loudness import SILENCE_LUFS, active_loudness
from halation.seeds import rng
from halation.types import WHOLE_SONG, Audio, AudioError, Part, Plan, Score

__all__ = [
    "DEFAULT_SEATS",
    "REFERENCE_LUFS",
    "SEATS",
    "SIDE_CUT_HZ",
    "Placing",
    "Seat",
    "place",
    "placing",
    "seat",
]

Signal = NDArray[np.float32]

REFERENCE_LUFS: Final = -24.0
"""Loudness of a part at 0 LU, while it plays."""

SIDE_CUT_HZ: Final = 200.0
"""Below it the song is mono: the side signal falls by 24 dB/octave."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a part sits.

    Parameters
    ----------
    level_lu : float [LU]
        Loudness while it plays, over :data:`REFERENCE_LUFS`.
    low_cut_hz : float >= 0 [Hz]
        High-pass, 12 dB/octave; 0 for none.
    width : float in 0..2
        1 leaves the player's own width, 0 is mono.
    pan : float in 0..1
        How far to a side the seed may put it.
    """

    level_lu: float
    low_cut_hz: float
    width: float
    pan: float = 0.0


SEATS: Final = {
    "kick": Seat(1.0, 0.0, 0.0),
    "snare": Seat(0.0, 90.0, 1.0),
    "hats": Seat(-9.0, 250.0, 1.0, 0.15),
    "perc": Seat(-8.0, 60.0, 1.1, 0.3),
    "bass": Seat(1.5, 0.0, 0.0),
    "pad": Seat(-3.5, 70.0, 1.3),
    "wide": Seat(-6.0, 110.0, 1.45),
    "bells": Seat(-0.5, 180.0, 1.1, 0.15),
    "pluck": Seat(-4.0, 130.0, 1.1, 0.3),
    "arp": Seat(-7.0, 180.0, 1.2, 0.4),
    "counter": Seat(-1.5, 180.0, 1.1, 0.4),
    "lead": Seat(0.5, 150.0, 0.9),
    "saw": Seat(-6.5, 160.0, 1.2),
    "vocals": Seat(2.5, 130.0, 0.9),
    "choir": Seat(-5.5, 120.0, 1.3),
    "weather": Seat(-13.0, 80.0, 1.3),
    "haze": Seat(-17.0, 120.0, 1.4),
    "cloud": Seat(-11.5, 150.0, 1.3),
}
"""The parts of our own composer; any other part takes the seat of its stem in DEFAULT_SEATS."""

DEFAULT_SEATS: Final = {
    "drums": Seat(-2.0, 30.0, 1.0),
    "bass": SEATS["bass"],
    "pads": SEATS["pad"],
    "keys": SEATS["pluck"],
    "lead": SEATS["lead"],
    "vocals": SEATS["vocals"],
    "textures": SEATS["weather"],
    WHOLE_SONG: Seat(4.0, 0.0, 1.0),
}

_LEVEL_SPREAD_LU = 0.6
_WIDTH_SPREAD = 0.1
_BLOCK = 128 * automation.HOP


def seat(part: Part, seed: int) -> Seat:
    """Draw where a part sits: its table entry, moved a little by the seed.

    Parameters
    ----------
    part : Part
        ``level_db`` moves its level, ``pan`` and ``width`` in its settings replace the draw.
    seed : int

    Examples
    --------
    >>> kick = Part("kick", "drums", "drums", "soft", ())
    >>> abs(seat(kick, 7).level_lu - SEATS["kick"].level_lu) <= 1.0
    True
    >>> seat(kick, 7) == seat(kick, 7)
    True
    """
    found = SEATS.get(part.name) or DEFAULT_SEATS.get(part.stem, DEFAULT_SEATS["keys"])
    drawn = rng(seed, "mix", part.name).uniform(-1.0, 1.0, 3)
    level = found.level_lu + _LEVEL_SPREAD_LU * drawn[0] + part.setting("level_db", 0.0)
    width = found.width * (1.0 + _WIDTH_SPREAD * drawn[1])
    return replace(
        found,
        level_lu=float(level),
        width=float(np.clip(part.setting("width", width), 0.0, 2.0)),
        pan=float(np.clip(part.setting("pan", found.pan * drawn[2]), -1.0, 1.0)),
    )


def place(audio: Audio, part: Part, plan: Plan) -> Audio:
    """Set a copy of a part at its level and place; see :func:`placing`.

    Raises
    ------
    AudioError
        If the audio is not stereo or not as long as the score.
    """
    x = audio.samples.copy()
    for _ in placing(x, part, plan):
        pass
    return Audio.take(x)


def placing(x: Signal, part: Part, plan: Plan) -> Iterator[tuple[int, int]]:
    """Set a whole part at its level and place, in place; see :class:`Placing`.

    Yields
    ------
    tuple of (start, stop) [samples]
        Every stretch that is done, in order; silent ones are left out.

    Raises
    ------
    AudioError
        If the signal is not stereo or not as long as the score.
    """
    _check(x, plan.score, part.name)
    measured = active_loudness(x)
    if measured > SILENCE_LUFS + 1.0:
        yield from Placing(part, plan, measured).place(x, 0, x.shape[1])


class Placing:
    """Sets a part's level, width and place, and ducks it under the kick.

    Parameters
    ----------
    part : Part
    plan : Plan
        Curves ``gain_db`` (on the part, its stem, ``"music"`` = all but drums and bass, or
        ``"all"``; they add up), ``width`` (the same but ``"all"``; they multiply) and ``pan`` (on
        the part, added to its seat), and an effect ``duck`` on the part or its stem, whose depth
        moves where there is a curve ``duck_db``.
    measured_lufs : float [LUFS]
        How loud the part is after its own effects, while it plays, so that a sparse part is not
        blown up. It moves the part as a whole: its own dynamics stay.
    """

    def __init__(self, part: Part, plan: Plan, measured_lufs: float) -> None:
        n_samples = plan.score.n_samples
        spot = seat(part, plan.score.form.mood.brief.entropy)
        gain = _gain_control(part, plan)
        gain *= np.float32(10.0 ** ((REFERENCE_LUFS + spot.level_lu - measured_lufs) / 20.0))
        width = _product(plan, _targets(part)[:-1], "width", n_samples) * np.float32(spot.width)
        left, right = _pan_gains(spot, part, plan)
        left *= gain
        right *= gain
        self._left, self._right, self._width = left, right, width

    def place(self, x: Signal, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Place a stretch of ``x`` [shape=(2, score.n_samples)], in place.

        Yields
        ------
        tuple of (start, stop) [samples]
            What is done, in order, a little at a time; silence is left out and stays silence.
        """
        hop = automation.HOP
        frames = slice(start // hop, -(-stop // hop) + 1)
        left, right = self._left[frames], self._right[frames]
        near, far = np.float32(1.0) + self._width[frames], np.float32(1.0) - self._width[frames]
        ways = np.stack((near * left, far * right, near * right, far * left))
        begun = frames.start * hop
        for first in range(start, stop, _BLOCK):
            last = min(first + _BLOCK, stop)
            if not automation.silent(x[:, first:last]):
                loops.blend(x[:, begun:], ways, hop, first - begun, last - begun)
                yield first, last


def _check(x: Signal, score: Score, name: str) -> None:
    if x.shape != (2, score.n_samples):
        raise AudioError(
            f"{name!r} must be stereo and {score.n_samples} samples long, not {x.shape}"
        )


def _targets(part: Part) -> tuple[str, ...]:
    music = () if part.stem in ("drums", "bass", WHOLE_SONG) else ("music",)
    return (*dict.fromkeys((part.name, part.stem)), *music, "all")


def _curves(plan: Plan, targets: Iterable[str], parameter: str, n_samples: int) -> list[Signal]:
    wanted = set(targets)
    return [
        automation.values(
            [plan.score.seconds_at(beats) for beats in curve.times_beats], curve.values, n_samples
        )
        for curve in plan.curves
        if curve.parameter == parameter and curve.target in wanted
    ]


def _product(plan: Plan, targets: Iterable[str], parameter: str, n_samples: int) -> Signal:
    total = np.ones(-(-n_samples // automation.HOP) + 1, np.float32)
    for curve in _curves(plan, targets, parameter, n_samples):
        total *= curve
    return total


def _gain_control(part: Part, plan: Plan) -> Signal:
    """Multiply out the drawn gains of a part and its ducking."""
    n_samples = plan.score.n_samples
    total = np.ones(-(-n_samples // automation.HOP) + 1, np.float32)
    drawn = _curves(plan, _targets(part), "gain_db", n_samples)
    if drawn:
        total *= automation.decibels(np.sum(drawn, axis=0))
    duck = plan.effect("duck", part.name) or plan.effect("duck", part.stem)
    if duck and part.stem not in ("drums", "bass"):
        given = dict(duck.parameters)
        depth_db = given.get("depth_db", 5.0)
        ducked = automation.duck_curve(
            plan.score.hits_s,
            n_samples,
            depth_db=depth_db,
            attack_s=given.get("attack_s", 0.02),
            release_s=given.get("release_s", 0.25),
        )
        deeper = _curves(plan, (duck.target,), "duck_db", n_samples)
        if deeper and depth_db > 0.0:
            ducked **= deeper[0] / np.float32(depth_db)
        total *= ducked
    return total


def _pan_gains(spot: Seat, part: Part, plan: Plan) -> tuple[Signal, Signal]:
    """Return what left and right are multiplied by, at control rate: the seat and its drift."""
    n_samples = plan.score.n_samples
    drawn = _curves(plan, (part.name,), "pan", n_samples)
    frames = -(-n_samples // automation.HOP) + 1
    pan = drawn[0] + np.float32(spot.pan) if drawn else np.full(frames, spot.pan, np.float32)
    angle = (np.clip(pan, -1.0, 1.0) + 1.0) * np.float32(np.pi / 4)
    scale = np.float32(np.sqrt(0.5))
    return np.cos(angle) * scale, np.sin(angle) * scale
