"""The faders of a song, solved on a survey of each section: balance, rides and width."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.arc import (
    USUAL_HOOK_LUFS,
    USUAL_INTRO_RIDE_DB,
    Piece,
    pieces,
    under_hook_lu,
)
from halation.dsp import automation
from halation.dsp.loudness import Meter
from halation.mix.survey import GROUPS, Survey, correlation, widened
from halation.types import SAMPLE_RATE, Mood, Role, Score, Section

__all__ = ["RISE_BEATS", "Faders"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]
Bounds = tuple[float, float]

SPACE_OVER_DRY_LU: Final[Mapping[Role, Bounds]] = {
    "hook": (-6.0, -4.0),
    "verse": (-12.0, -9.5),
    "bridge": (-7.0, -3.0),
    "intro": (-6.0, -2.0),
    "outro": (-6.0, -2.0),
}
"""Where the returns may lie over the music that is not drums or bass: the haze is part of the
sound, but it must not stand before what is sung."""

FRONT_OVER_REST_DB: Final[Mapping[Role, Bounds]] = {
    "hook": (-0.3, 2.0),
    "verse": (-0.5, 2.5),
    "bridge": (-1.5, 3.0),
    "intro": (-1.5, 3.0),
    "outro": (-1.5, 3.0),
}
"""Where the group that carries the melody may lie over all else between 300 Hz and 5 kHz."""

LEAD_OVER_VOCALS_DB: Final = (-7.5, -3.5)
"""Where the lead and its saws may lie over the vocals in a hook: one line, but a voice sings it."""

DRUMS_OVER_MUSIC_LU: Final[Mapping[Role, Bounds]] = {
    "hook": (-4.3, -3.3),
    "verse": (-7.8, -6.6),
    "bridge": (-20.0, -6.5),
    "intro": (-20.0, -7.0),
    "outro": (-20.0, -7.0),
}
"""Where the drum bus may lie."""

BASS_OVER_REST_DB: Final = (-4.0, 2.5)
"""RMS of the bass over everything else, in verses and hooks."""

DRUMS_BY_ENERGY_LU: Final = 0.7
WETTER_BY_HAZE_LU: Final = 1.4
WETTER_BY_ENERGY_LU: Final = -0.8
BASS_BY_ENERGY_DB: Final = 1.0
BASS_BY_WARMTH_DB: Final = 0.8
"""How far an axis of the mood moves the range of drums, returns and bass where it is 1."""
_NARROWED = 0.3
"""Share of a range, around its moved middle, that a mood leaves of it."""

BODY_CORRELATION: Final[Mapping[Role, Bounds]] = {
    "hook": (0.22, 0.36),
    "verse": (0.38, 0.5),
    "bridge": (0.28, 0.5),
    "intro": (0.28, 0.5),
    "outro": (0.28, 0.5),
}
"""Correlation of left and right from 300 Hz up: wide, and nothing lost in mono."""

FRONTS: Final = ("vocals", "lead", "keys")
"""Groups that can carry the melody; in a hook the first of them that sounds does."""

MUSIC: Final = ("vocals", "lead", "keys", "beds", "space")
WIDE: Final = ("keys", "beds", "space")
"""What is widened, and yields to a voice: vocals and lead stay in the middle."""

_DRUMS, _BASS, _VOCALS, _LEAD, _SPACE = (
    GROUPS.index(name) for name in ("drums", "bass", "vocals", "lead", "space")
)
_MUSIC = [GROUPS.index(name) for name in MUSIC]
USUAL_BASS_DB: Final = 1.0
USUAL_DRUMS_DB: Final = -0.5
"""Trims of bass and of drums that play on, before a section that tells has been heard."""

_TRIM_ROUNDS = 2
_MOST_RIDE_DB = 10.0
_MOST_TRIM_DB = 12.0
_MOST_FRONT_DB = 5.0
_WETTER_HOOK_DB = 2.8
_FRONT_GATE_DB = -12.0
_SILENT_LUFS = -65.0
_FALL_BEATS = 0.5
_SWELL_BEATS = 4.0
_SETTLE_BEATS = 8.0
_MOST_SIDE, _LEAST_SIDE = 3.0, 0.1


class Faders:
    """The faders of a song, set section by section in the order in which they are heard.

    Parameters
    ----------
    score : Score
    given : mapping of str to float
        Faders that are not to be solved, by the names of :attr:`record`.

    Attributes
    ----------
    record : dict of str to float [dB]
        Each section's fader (``"hook2"``), what each group of stems has on top
        (``"hook2/drums"`` …) and the gain of its side signal (``"hook2/side"``). The bass is never
        ridden above its hooks: an 808 that plays on in a soft bridge would come out louder than
        the hook's.
    """

    def __init__(self, score: Score, given: Mapping[str, float]) -> None:
        self._score, self._given = score, given
        self.pieces = pieces(score)
        self.record: dict[str, float] = {}
        self._rides: list[float] = []
        self._trims: list[Values] = []
        self._sides: list[float] = []
        self._hooks: list[float] = []  # energies before their rides
        self._bass = np.zeros(len(GROUPS))
        self._wet: dict[str, list[float]] = {"verse": [], "hook": []}

    @property
    def solved(self) -> int:
        """How many pieces are set."""
        return len(self._rides)

    def under_hook_lu(self, index: int) -> float:
        """Return how a piece that is set lies to the hooks."""
        return self.record[f"{self.pieces[index].name}/under_hook"]

    def solve(self, found: Survey) -> None:
        """Set the next piece's faders by what was measured in it.

        Nothing is moved that already lies within its range.
        """
        piece = self.pieces[self.solved]
        name, section = piece.name, piece.section
        trims_db = self._balanced(found, section)
        energies = np.sum(found.loud * _power(trims_db), axis=1)
        natural = Meter(energies, found.hop_s).integrated
        if piece.opening:  # it lies under the rest of the intro as it was written
            ride_db = USUAL_INTRO_RIDE_DB if natural > _SILENT_LUFS else 0.0
            under = natural + ride_db - USUAL_HOOK_LUFS if natural > _SILENT_LUFS else 0.0
        else:
            under, ride_db = self._ride(natural, section)
        trims_db[_BASS] += min(self._most_ride() - ride_db, 0.0)
        for group, trim in zip(GROUPS, trims_db, strict=True):
            trims_db[GROUPS.index(group)] = self._kept(f"{name}/{group}", trim)
        ride_db = self._kept(name, ride_db)
        self._kept(f"{name}/under_hook", under)
        body = np.einsum("fgk,g->gk", found.body, _power(trims_db + ride_db))
        side = _side(body, BODY_CORRELATION[section.role])
        side_db = self._kept(f"{name}/side", 20.0 * float(np.log10(side)))
        self._note_wet(found, trims_db, side_db, section)
        self._rides.append(ride_db)
        self._trims.append(trims_db)
        self._sides.append(side_db)

    def _kept(self, name: str, found: float) -> float:
        self.record[name] = self._given.get(name, round(float(found), 3))
        return self.record[name]

    def _balanced(self, found: Survey, section: Section) -> Values:
        """Set the groups of a section against one another [shape=(groups,), dB]."""
        mood, role = self._score.form.mood, section.role
        trims = np.zeros(len(GROUPS))
        trims[_BASS] = USUAL_BASS_DB
        if role in ("verse", "hook"):
            self._bass += found.whole[:, :, :2].sum(axis=(0, 2))
            if role == "hook" or self._hooks:
                trims[_BASS] = _bass_db(self._bass, mood)
        else:  # a seam must not move drums that play on
            beaten = [
                trims_db[_DRUMS]
                for trims_db, before in zip(self._trims, self.pieces, strict=False)
                if before.section.role in ("verse", "hook")
            ]
            trims[_DRUMS] = min(beaten, default=USUAL_DRUMS_DB)
        for _ in range(_TRIM_ROUNDS):
            _trim(trims, found.loud, found.middle, role, mood)
        if role == "hook":
            trims[_SPACE] += self._wetter(found, trims)
        return np.clip(trims, -_MOST_TRIM_DB, _MOST_TRIM_DB)

    def _ride(self, natural: float, section: Section) -> tuple[float, float]:
        """Return how a section lies to the hooks, and what brings it there."""
        if natural <= _SILENT_LUFS:
            return 0.0, 0.0
        usual = USUAL_HOOK_LUFS
        if self._hooks:
            usual = 10.0 * float(np.log10(np.mean(self._hooks)))
        low, high = under_hook_lu(section.role, self._score.form.mood)
        if section.role == "hook":
            self._hooks.append(10.0 ** (natural / 10.0))
            usual = USUAL_HOOK_LUFS if len(self._hooks) == 1 else usual
        under = float(np.clip(natural - usual, low, high))
        ride_db = float(np.clip(USUAL_HOOK_LUFS + under - natural, -_MOST_RIDE_DB, _MOST_RIDE_DB))
        return under, ride_db

    def _most_ride(self) -> float:
        """Return the highest ride of the hooks so far."""
        rides = [
            ride
            for ride, piece in zip(self._rides, self.pieces, strict=False)
            if piece.section.role == "hook"
        ]
        return max(rides, default=0.3)

    def _wetter(self, found: Survey, trims: Values) -> float:
        """Return what a hook's rooms lack until they are wetter than those of the verses [dB]."""
        now = self._wetness(found, trims, 2.7)
        if now is None or not self._wet["verse"]:
            return 0.0
        over = now - float(np.mean(self._wet["verse"]))
        return float(np.clip(_WETTER_HOOK_DB - over, 0.0, _MOST_FRONT_DB))

    def _note_wet(self, found: Survey, trims: Values, side_db: float, section: Section) -> None:
        wet = self._wetness(found, trims, side_db)
        if section.role in self._wet and wet is not None:
            self._wet[section.role].append(wet)

    def _wetness(self, found: Survey, trims: Values, side_db: float) -> float | None:
        """Return how the rooms lie over all else [dB]."""
        pairs = np.einsum("fgk,g->gk", found.whole, _power(trims))
        side = 10.0 ** (side_db / 20.0)
        now = [_spread_one(row, side, name) for row, name in zip(pairs, GROUPS, strict=True)]
        return _ratio_db(now[_SPACE], sum(now) - now[_SPACE])

    def controls(self, first: int, last: int) -> tuple[Signal, ...]:
        """Draw the gains of the groups at control rate, between two hops.

        A fader that goes up has arrived when its section begins; one that goes down takes the
        first half beat of it. After a hook a fader that goes up takes a bar, lest it lift the
        hook's tail: what follows begins softly.

        Parameters
        ----------
        first, last : int
            Hops of the stretch; the sections that sound in it, and the next one where its faders
            rise already, are set.

        Returns
        -------
        tuple of np.ndarray [shape=(last - first + 1,)], float32
            Linear gains: one for each group, and that of the side signal.
        """
        at_s = np.arange(first, last + 1) * (automation.HOP / SAMPLE_RATE)
        levels = np.array(self._trims) + np.array(self._rides)[:, None]
        rows = [*levels.T, np.array(self._sides)]
        return tuple(
            automation.decibels(
                np.interp(at_s, *_line(row, self._score, self.pieces)).astype(np.float32)
            )
            for row in rows
        )


RISE_BEATS: Final = 0.5
"""How long before its section a fader begins to rise."""


def _line(levels_db: Values, score: Score, cut: tuple[Piece, ...]) -> tuple[Values, Values]:
    """Return the times and values of a fader that moves at the seams."""
    times, values = [0.0], [float(levels_db[0])]
    for piece, (before, after) in zip(cut, pairwise(levels_db), strict=False):
        section, start = piece.section, piece.section.end_beats
        if piece.opening:
            start = piece.stop / SAMPLE_RATE / score.seconds_at(1.0)
            stop = start + _SETTLE_BEATS
        elif after <= before:
            stop = start + _FALL_BEATS
        elif section.role == "hook":
            following = score.form.section_at(start)
            stop = start + min(_SWELL_BEATS, following.duration_beats / 4.0)
        else:
            start, stop = start - RISE_BEATS, start
        times += [score.seconds_at(start), score.seconds_at(stop)]
        values += [float(before), float(after)]
    return np.maximum.accumulate(times), np.asarray(values)


def _ratio_db(upper: float, lower: float) -> float | None:
    """Return a level difference, or None where one of the two is silent."""
    if min(upper, lower) < 1e-10:
        return None
    return 10.0 * float(np.log10(upper / lower))


def _into(value: float, bounds: tuple[float, float], most_db: float) -> float:
    """Return the smallest move that brings a value into its range."""
    return float(np.clip(np.clip(value, *bounds) - value, -most_db, most_db))


def _moved(bounds: Bounds, by: float) -> Bounds:
    """Return what a mood leaves of a range: a narrow one whose middle it has moved."""
    middle = (bounds[0] + bounds[1]) / 2.0 + by
    half = _NARROWED * (bounds[1] - bounds[0]) / 2.0
    return middle - half, middle + half


def _spread_one(pairs: Values, side: float, name: str) -> float:
    """Return the energy of a group, widened if it is one of :data:`WIDE`."""
    return float((widened(pairs, side) if name in WIDE else pairs)[:2].sum())


def _bass_db(power: Values, mood: Mood) -> float:
    """Return what the bass lacks, by the energy of each group in verses and hooks."""
    bass = float(power[_BASS])
    by = BASS_BY_ENERGY_DB * mood.energy + BASS_BY_WARMTH_DB * mood.warmth
    return _lack(bass, float(power.sum()) - bass, _moved(BASS_OVER_REST_DB, by))


def _trim(trims: Values, loud: Values, middle: Values, role: Role, mood: Mood) -> None:
    """Move one section's trims, in place, by what they lack.

    Parameters
    ----------
    trims : np.ndarray [shape=(groups,)] [dB]
    loud, middle : np.ndarray [shape=(frames, groups)]
        Energies of the section; ``middle`` in the band where a melody is read.
    """
    before = middle.sum(axis=0)
    if role == "hook" and before[_VOCALS] > 0.0:
        now = before * _power(trims)
        trims[_LEAD] += _lack(float(now[_LEAD]), float(now[_VOCALS]), LEAD_OVER_VOCALS_DB)
    now = loud.sum(axis=0) * _power(trims)
    dry = float(now[_MUSIC].sum() - now[_SPACE])
    wetter = WETTER_BY_HAZE_LU * mood.haze + WETTER_BY_ENERGY_LU * mood.energy
    trims[_SPACE] += _lack(float(now[_SPACE]), dry, _moved(SPACE_OVER_DRY_LU[role], wetter))
    front, lacks = _front(middle * _power(trims), role)
    trims[front] = np.clip(trims[front] + lacks, -_MOST_FRONT_DB, _MOST_FRONT_DB)
    now = loud.sum(axis=0) * _power(trims)
    music = float(now[_MUSIC].sum())
    drums = DRUMS_OVER_MUSIC_LU[role]
    if role in ("verse", "hook"):
        drums = _moved(drums, DRUMS_BY_ENERGY_LU * mood.energy)
    trims[_DRUMS] += _lack(float(now[_DRUMS]), music, drums)


def _front(middle: Values, role: Role) -> tuple[int, float]:
    """Find the group that carries a section's melody, and what it lacks over the rest."""
    columns = [GROUPS.index(name) for name in FRONTS]
    energy = middle[:, columns].sum(axis=0)
    sung = role == "hook" and energy.any()
    front = columns[int(np.argmax(energy > 0.0) if sung else np.argmax(energy))]
    own = middle[:, front]
    sounding = own > own.max(initial=0.0) * 10.0 ** (_FRONT_GATE_DB / 10.0)
    carried = float(own[sounding].sum())
    rest = float(middle[sounding].sum()) - carried
    return front, _lack(carried, rest, FRONT_OVER_REST_DB[role])


def _power(level_db: Values) -> Values:
    return np.asarray(10.0 ** (level_db / 10.0))


def _lack(upper: float, lower: float, bounds: Bounds) -> float:
    """Return what one energy lacks over another; nothing where one of the two is silent."""
    ratio = _ratio_db(upper, lower)
    return 0.0 if ratio is None else _into(ratio, bounds, _MOST_TRIM_DB)


def _spread(pairs: Values, side: float) -> Values:
    """Widen what is to be widened and sum all groups; (groups, 3) → (3,)."""
    rows = [
        widened(row, side) if name in WIDE else row for name, row in zip(GROUPS, pairs, strict=True)
    ]
    return np.asarray(np.sum(rows, axis=0))


def _side(pairs: Values, bounds: Bounds) -> float:
    """Find the side gain nearest to 1 that brings the correlation within bounds."""
    now = correlation(_spread(pairs, 1.0))
    low, high = bounds
    if low <= now <= high:
        return 1.0
    goal = low if now < low else high
    narrow, wide = (_LEAST_SIDE, 1.0) if now < low else (1.0, _MOST_SIDE)
    if now > 0.9999:  # mono: there is nothing to widen
        return 1.0
    for _ in range(30):
        middle = (narrow + wide) / 2.0
        if correlation(_spread(pairs, middle)) > goal:
            narrow = middle
        else:
            wide = middle
    return (narrow + wide) / 2.0
