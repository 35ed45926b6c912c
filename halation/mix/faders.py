"""The faders of a song, solved on a survey: balance, section rides and width."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import automation
from halation.dsp.loudness import Meter
from halation.mix.survey import GROUPS, Survey, correlation
from halation.types import BEATS_PER_BAR, Score, Section

__all__ = ["Faders", "controls", "solve"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

UNDER_HOOK_LU: Final = {
    "hook": (-0.3, 0.3),
    "verse": (-4.6, -4.2),
    "bridge": (-5.5, -4.0),
    "intro": (-6.3, -5.0),
    "outro": (-7.0, -4.5),
}
"""Where a section's loudness may lie, over the mean of the hooks."""

DRUMS_OVER_MUSIC_LU: Final = {"verse": (-7.8, -6.4), "hook": (-5.4, -4.2)}
"""Where the drum bus may lie; the other sections take the verse's fader."""

BASS_OVER_REST_DB: Final = (-4.0, 2.5)
"""RMS of the bass over everything else, in verses and hooks."""

LOUDNESS_RANGE_LU: Final = (5.5, 10.0)
CORRELATION: Final = (0.3, 0.7)
LEAST_LOW_CORRELATION: Final = 0.97

_MOST_RIDE_DB = 10.0
_MOST_TRIM_DB = 8.0
_SILENT_LUFS = -65.0
_RISE_BEATS = 0.5
_ROUNDS = 6
_MOST_SOFTER_LU = 1.5
_MOST_SIDE, _LEAST_SIDE = 3.0, 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Faders:
    """What is set after measuring, as data.

    Parameters
    ----------
    rides_db : np.ndarray [shape=(sections,)]
        Of everything.
    drums_db : np.ndarray [shape=(sections,)]
        Of the drums, on top.
    bass_db : np.ndarray [shape=(sections,)]
        Of the bass, on top. It is never ridden above its hooks: an 808 that plays on in a soft
        bridge would come out louder than the hook's.
    side : float
        What the side signal of every stem is multiplied by.
    mono_lows : bool
        Whether the side signal must be high-passed once more.
    """

    rides_db: Values
    drums_db: Values
    bass_db: Values
    side: float = 1.0
    mono_lows: bool = False

    def named(self, sections: tuple[Section, ...]) -> tuple[tuple[str, float], ...]:
        """Return the faders for the record: sections by name, then what is set apart."""
        rows = [(s.name, db) for s, db in zip(sections, self.rides_db, strict=True)]
        rows += [(f"{s.name}/drums", db) for s, db in zip(sections, self.drums_db, strict=True)]
        rows += [(f"{s.name}/bass", db) for s, db in zip(sections, self.bass_db, strict=True)]
        rows += [("side", 20.0 * float(np.log10(self.side)))]
        return tuple((name, round(float(db), 3)) for name, db in rows)


def controls(faders: Faders, score: Score) -> tuple[Signal, Signal, Signal]:
    """Draw the gains of drums, bass and music at control rate.

    A fader that goes up has arrived when its section begins; one that goes down takes the first
    bar of it, so that a tail is not cut.

    Returns
    -------
    tuple of three np.ndarray [shape=(ceil(n_samples / HOP) + 1,)], float32
        Linear gains for :func:`halation.dsp.automation.apply_gain`.
    """
    ride = _line(faders.rides_db, score)
    drums = _line(faders.rides_db + faders.drums_db, score)
    bass = _line(faders.rides_db + faders.bass_db, score)
    curves = [
        automation.decibels(automation.values(times, levels, score.n_samples))
        for times, levels in (drums, bass, ride)
    ]
    return curves[0], curves[1], curves[2]


def _line(levels_db: Values, score: Score) -> tuple[Values, Values]:
    """Return the times and values of a fader that moves at the seams."""
    times, values = [0.0], [float(levels_db[0])]
    sections = score.form.sections
    for section, before, after in zip(sections[1:], levels_db, levels_db[1:], strict=False):
        rises = after > before
        start = section.start_beats - (_RISE_BEATS if rises else 0.0)
        stop = section.start_beats + (0.0 if rises else BEATS_PER_BAR)
        times += [score.seconds_at(start), score.seconds_at(stop)]
        values += [float(before), float(after)]
    return np.maximum.accumulate(times), np.asarray(values)


def solve(found: Survey, score: Score) -> Faders:
    """Set every fader by what was measured.

    Parameters
    ----------
    found : Survey
    score : Score

    Returns
    -------
    Faders
        Nothing is moved that already lies within its range.
    """
    sections = score.form.sections
    zero = np.zeros(len(sections))
    drums_db, bass_db = _balance(found, score)
    faders = Faders(zero, drums_db, zero + bass_db)
    softer = 0.0
    for _ in range(_ROUNDS):
        energies = _energies(found, faders, score)
        rides_db = _ride(energies, found, score, faders, softer)
        faders = Faders(rides_db, drums_db, bass_db + _held(rides_db, score))
        reached = Meter(_energies(found, faders, score), found.hop_s).loudness_range
        low, high = LOUDNESS_RANGE_LU
        softer += float(np.clip(reached, low, high) - reached)
        softer = float(np.clip(softer, -_MOST_SOFTER_LU, _MOST_SOFTER_LU))
    pairs = np.einsum("fgk,fg->k", found.whole, _gains(found, faders, score))
    lows = np.einsum("fgk,fg->k", found.low, _gains(found, faders, score))
    side = _side(pairs)
    mono_lows = correlation(lows, side) < LEAST_LOW_CORRELATION
    return replace(faders, side=side, mono_lows=mono_lows)


def _gains(found: Survey, faders: Faders, score: Score) -> Values:
    """Return the power gain of each group in each frame, shape (frames, groups)."""
    gains = [
        10.0 ** (np.interp(found.times_s, *_line(levels, score)) / 10.0)
        for levels in (
            faders.rides_db + faders.drums_db,
            faders.rides_db + faders.bass_db,
            faders.rides_db,
        )
    ]
    return np.stack(gains, axis=1)


def _energies(found: Survey, faders: Faders, score: Score) -> Values:
    return np.asarray(np.sum(found.loud * _gains(found, faders, score), axis=1))


def _inside(found: Survey, score: Score, *roles: str) -> NDArray[np.bool_]:
    inside = np.zeros(len(found.times_s), np.bool_)
    for section in score.form.sections:
        if section.role in roles:
            inside |= _within(found, score, section)
    return inside


def _within(found: Survey, score: Score, section: Section) -> NDArray[np.bool_]:
    start, end = score.seconds_at(section.start_beats), score.seconds_at(section.end_beats)
    return np.asarray((found.times_s >= start) & (found.times_s < end))


def _ratio_db(upper: float, lower: float) -> float | None:
    """Return a level difference, or None where one of the two is silent."""
    if min(upper, lower) < 1e-10:
        return None
    return 10.0 * float(np.log10(upper / lower))


def _into(value: float, bounds: tuple[float, float], most_db: float) -> float:
    """Return the smallest move that brings a value into its range."""
    return float(np.clip(np.clip(value, *bounds) - value, -most_db, most_db))


def _balance(found: Survey, score: Score) -> tuple[Values, float]:
    """Set the drums against the music in every section, and the bass in the whole song."""
    drums, music = (found.loud[:, GROUPS.index(name)] for name in ("drums", "music"))
    by_role: dict[str, float] = {}
    for role, bounds in DRUMS_OVER_MUSIC_LU.items():
        here = _inside(found, score, role)
        ratio = _ratio_db(float(drums[here].sum()), float(music[here].sum()))
        by_role[role] = 0.0 if ratio is None else _into(ratio, bounds, _MOST_TRIM_DB)
    drums_db = np.array(
        [by_role.get(section.role, by_role["verse"]) for section in score.form.sections]
    )
    here = _inside(found, score, "verse", "hook")
    power = found.whole[here][:, :, :2].sum(axis=(0, 2))
    ratio = _ratio_db(float(power[1]), float(power[0] + power[2]))
    return drums_db, 0.0 if ratio is None else _into(ratio, BASS_OVER_REST_DB, _MOST_TRIM_DB)


def _ride(energies: Values, found: Survey, score: Score, faders: Faders, softer: float) -> Values:
    """Move each section's fader by what it still lacks."""
    sections = score.form.sections
    levels = np.array([_section_lufs(energies, found, score, section) for section in sections])
    heard = levels > _SILENT_LUFS
    hooks = np.array([section.role == "hook" for section in sections]) & heard
    loudest = levels[hooks] if hooks.any() else levels[heard]
    if not len(loudest):
        return faders.rides_db
    top = 10.0 * np.log10(np.mean(10.0 ** (loudest / 10.0)))
    rides = faders.rides_db.copy()
    for index in np.flatnonzero(heard):
        low, high = UNDER_HOOK_LU[sections[index].role]
        if sections[index].role in ("intro", "bridge", "outro"):
            low, high = low - softer, high - softer
        rides[index] += _into(float(levels[index] - top), (low, high), _MOST_RIDE_DB)
    return np.clip(rides, -_MOST_RIDE_DB, _MOST_RIDE_DB)


def _held(rides_db: Values, score: Score) -> Values:
    """Return what takes the bass back to its ride in the hooks where another ride is higher."""
    hooks = [section.role == "hook" for section in score.form.sections]
    most = rides_db[hooks].max() if any(hooks) else rides_db.max()
    return np.asarray(np.minimum(most - rides_db, 0.0))


def _section_lufs(energies: Values, found: Survey, score: Score, section: Section) -> float:
    return Meter(energies[_within(found, score, section)], found.hop_s).integrated


def _side(pairs: Values) -> float:
    """Find the side gain nearest to 1 that brings the correlation into its range."""
    now = correlation(pairs)
    low, high = CORRELATION
    if low <= now <= high:
        return 1.0
    goal = low if now < low else high
    narrow, wide = (_LEAST_SIDE, 1.0) if now < low else (1.0, _MOST_SIDE)
    if now > 0.9999:  # mono: there is nothing to widen
        return 1.0
    for _ in range(30):
        middle = (narrow + wide) / 2.0
        if correlation(pairs, middle) > goal:
            narrow = middle
        else:
            wide = middle
    return (narrow + wide) / 2.0
