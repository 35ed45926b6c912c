"""Every part at its level and in its place, ducked under the kick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import automation
from halation.dsp.filters import cascade
from halation.dsp.loudness import SILENCE_LUFS, active_frames, active_loudness
from halation.seeds import rng
from halation.types import SAMPLE_RATE, Audio, AudioError, Part, Plan, Score

__all__ = ["DEFAULT_SEATS", "REFERENCE_LUFS", "SEATS", "SIDE_CUT_HZ", "Seat", "place", "seat"]

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
    "bass": Seat(1.0, 0.0, 0.0),
    "pad": Seat(-3.5, 90.0, 1.25),
    "wide": Seat(-5.5, 130.0, 1.4),
    "bells": Seat(-0.5, 180.0, 1.1, 0.15),
    "pluck": Seat(-4.0, 130.0, 1.1, 0.3),
    "arp": Seat(-7.0, 180.0, 1.2, 0.4),
    "counter": Seat(-5.5, 180.0, 1.1, 0.4),
    "lead": Seat(1.5, 150.0, 0.9),
    "saw": Seat(-5.0, 160.0, 1.2),
    "vocals": Seat(2.0, 130.0, 1.0),
    "choir": Seat(-5.5, 150.0, 1.3),
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
}

_LEVEL_SPREAD_LU = 1.0
_WIDTH_SPREAD = 0.1
_BLOCK = 128 * automation.HOP
_NO_LOWS_DB = -45.0
_SAME_HIT_S = 0.03


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


def place(audio: Audio, part: Part, plan: Plan, *, reuse: bool = False) -> Audio:
    """Set a part's level, width and place, and duck it under the kick.

    Parameters
    ----------
    audio : Audio, stereo
        The part after its own effects, as long as the score.
    part : Part
    plan : Plan
        Curves ``gain_db`` (on the part, its stem, ``"music"`` = all but drums and bass, or
        ``"all"``; they add up) and ``width`` (the same but ``"all"``; they multiply), and an
        effect ``duck`` on the part or its stem.
    reuse : bool
        Whether the result may take the memory of ``audio``, which is then of no use any more.

    Returns
    -------
    Audio
        The level is measured while the part plays, so that a sparse part is not blown up, and
        moves the part as a whole: its own dynamics stay. Silence stays silence.

    Raises
    ------
    AudioError
        If the audio is not stereo or not as long as the score.
    """
    _check(audio, plan.score, part.name)
    x = audio.samples
    spot = seat(part, plan.score.form.mood.brief.entropy)
    measured = active_loudness(x)
    if measured <= SILENCE_LUFS + 1.0:
        return audio
    gain = _gain_control(part, plan)
    gain *= np.float32(10.0 ** ((REFERENCE_LUFS + spot.level_lu - measured) / 20.0))
    width = _product(plan, _targets(part)[:-1], "width", audio.n_samples) * np.float32(spot.width)
    out = x if reuse and x.flags.owndata else np.zeros(x.shape, np.float32)
    out.flags.writeable = True  # pages of silence are never touched, so they take no memory
    lows = _Lows(x, spot.low_cut_hz)
    angle = (spot.pan + 1.0) * np.pi / 4
    left, right = (np.float32(f(angle) / np.sqrt(2.0)) for f in (np.cos, np.sin))
    for start in range(0, audio.n_samples, _BLOCK):
        stop = min(start + _BLOCK, audio.n_samples)
        if lows.settled and automation.silent(x[:, start:stop]):
            continue
        first, second = left * x[0, start:stop], right * x[1, start:stop]
        middle, side = lows.cut(first + second, first - second)
        side *= _ramp(width, start, stop)
        level = _ramp(gain, start, stop)
        middle *= level
        side *= level
        np.add(middle, side, out=out[0, start:stop])
        np.subtract(middle, side, out=out[1, start:stop])
    return Audio.take(out)


class _Lows:
    """High-passes for middle and side that run on from block to block.

    A signal without lows is left alone, which is exact enough and saves half the time.
    """

    def __init__(self, x: Signal, low_cut_hz: float) -> None:
        from scipy.fft import rfft
        from scipy.signal import butter

        frames = active_frames(x, 64) * np.hanning(4_096).astype(np.float32)
        spectra = rfft(np.stack([frames[0] + frames[1], frames[0] - frames[1]]), axis=2)
        power = np.asarray((spectra.real**2 + spectra.imag**2).sum(axis=1, dtype=np.float64))
        floor = power.sum() * 10.0 ** (_NO_LOWS_DB / 10.0)
        self._filters: list[tuple[Signal, Signal] | None] = []
        for row, cut_hz, order in zip(power, (low_cut_hz, SIDE_CUT_HZ), (2, 4), strict=True):
            if row[: int(cut_hz * 4_096 / SAMPLE_RATE)].sum() <= floor:
                self._filters.append(None)
            else:
                sections = butter(order, cut_hz, "highpass", fs=SAMPLE_RATE, output="sos")
                state = np.zeros((len(sections), 2), np.float32)
                self._filters.append((sections.astype(np.float32), state))

    @property
    def settled(self) -> bool:
        """Whether nothing rings on in the filters."""
        return all(found is None or np.abs(found[1]).max() < 1e-7 for found in self._filters)

    def cut(self, *signals: Signal) -> tuple[Signal, ...]:
        """Filter the next block of (middle, side)."""
        results = []
        for index, signal in enumerate(signals):
            found = self._filters[index]
            if found is not None:
                signal, state = cascade(found[0], signal, found[1])
                self._filters[index] = (found[0], state)
            results.append(signal)
        return tuple(results)


def _check(audio: Audio, score: Score, name: str) -> None:
    if audio.channels != 2 or audio.n_samples != score.n_samples:
        raise AudioError(
            f"{name!r} must be stereo and {score.n_samples} samples long, not {audio.samples.shape}"
        )


def _ramp(control: Signal, start: int, stop: int) -> Signal | np.float32:
    """Read a control over a block; a number where it does not move."""
    local = control[start // automation.HOP : -(-stop // automation.HOP) + 1]
    if local.min() == local.max():
        return np.float32(local[0])
    return automation.ramp(control, automation.HOP, start, stop)


def _targets(part: Part) -> tuple[str, ...]:
    music = () if part.stem in ("drums", "bass") else ("music",)
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
        total *= automation.duck_curve(
            _hits(plan.score),
            n_samples,
            depth_db=given.get("depth_db", 5.0),
            attack_s=given.get("attack_s", 0.02),
            release_s=given.get("release_s", 0.25),
        )
    return total


def _hits(score: Score) -> list[float]:
    """When the kick or the 808 hits; the two together count once."""
    onsets = sorted(
        score.onset_s(note)
        for part in score.parts
        if part.name == "kick" or part.stem == "bass"
        for note in part.notes
    )
    hits: list[float] = []
    for onset in onsets:
        if not hits or onset - hits[-1] > _SAME_HIT_S:
            hits.append(onset)
    return hits
