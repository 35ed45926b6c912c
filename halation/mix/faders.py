"""The faders of a song, solved on a survey: balance, section rides and width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import automation
from halation.dsp.loudness import Meter
from halation.mix.survey import GROUPS, Survey, correlation, widened
from halation.types import Mood, Role, Score, Section

__all__ = ["Faders", "controls", "solve"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]
Bounds = tuple[float, float]

UNDER_HOOK_LU: Final[Mapping[Role, Bounds]] = {
    "hook": (-0.3, 0.3),
    "verse": (-4.6, -4.2),
    "bridge": (-5.5, -4.0),
    "intro": (-5.7, -4.8),
    "outro": (-7.0, -4.5),
}
"""Where a section's loudness may lie, over the mean of the hooks."""

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

CONTRAST_BY_ENERGY: Final[Mapping[Role, float]] = {
    "hook": 0.0,
    "verse": -0.1,
    "bridge": -0.8,
    "intro": -1.0,
    "outro": -0.8,
}
"""How far a driving mood moves :data:`UNDER_HOOK_LU`, and a still one the other way [LU]."""
DRUMS_BY_ENERGY_LU: Final = 0.7
WETTER_BY_HAZE_LU: Final = 1.4
WETTER_BY_ENERGY_LU: Final = -0.8
BASS_BY_ENERGY_DB: Final = 1.0
BASS_BY_WARMTH_DB: Final = 0.8
"""How far an axis of the mood moves the range of drums, returns and bass where it is 1."""
_NARROWED = 0.3
"""Share of a range, around its moved middle, that a mood leaves of it."""

LOUDNESS_RANGE_LU: Final = (5.5, 10.0)
BODY_CORRELATION: Final[Mapping[Role, Bounds]] = {
    "hook": (0.22, 0.36),
    "verse": (0.38, 0.5),
    "bridge": (0.28, 0.5),
    "intro": (0.28, 0.5),
    "outro": (0.28, 0.5),
}
"""Correlation of left and right from 300 Hz up: wide, and nothing lost in mono."""

LEAST_LOW_CORRELATION: Final = 0.97

FRONTS: Final = ("vocals", "lead", "keys")
"""Groups that can carry the melody; in a hook the first of them that sounds does."""

MUSIC: Final = ("vocals", "lead", "keys", "beds", "space")
WIDE: Final = ("keys", "beds", "space")
"""What is widened, and yields to a voice: vocals and lead stay in the middle."""

_DRUMS, _BASS, _VOCALS, _LEAD, _SPACE = (
    GROUPS.index(name) for name in ("drums", "bass", "vocals", "lead", "space")
)
_MUSIC = [GROUPS.index(name) for name in MUSIC]
_TRIM_ROUNDS = 2
_MOST_RIDE_DB = 10.0
_MOST_TRIM_DB = 8.0
_MOST_FRONT_DB = 5.0
_WETTER_HOOK_DB = 2.8
_FRONT_GATE_DB = -12.0
_SILENT_LUFS = -65.0
_RISE_BEATS = 0.5
_FALL_BEATS = 0.5
_SWELL_BEATS = 4.0
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
    trims_db : np.ndarray [shape=(sections, groups)]
        Of each group, on top. The bass is never ridden above its hooks: an 808 that plays on in a
        soft bridge would come out louder than the hook's.
    sides_db : np.ndarray [shape=(sections,)]
        Gain of the side signal of :data:`WIDE`.
    mono_lows : bool
        Whether the side signal must be high-passed once more.
    """

    rides_db: Values
    trims_db: Values
    sides_db: Values
    mono_lows: bool = False

    def named(self, sections: tuple[Section, ...]) -> tuple[tuple[str, float], ...]:
        """Return the faders for the record: sections by name, then what is set apart."""
        rows = [(s.name, db) for s, db in zip(sections, self.rides_db, strict=True)]
        for section, trims in zip(sections, self.trims_db, strict=True):
            moved = [(name, db) for name, db in zip(GROUPS, trims, strict=True) if db != 0.0]
            rows += [(f"{section.name}/{name}", db) for name, db in moved]
        rows += [(f"{s.name}/side", db) for s, db in zip(sections, self.sides_db, strict=True)]
        return tuple((name, round(float(db), 3)) for name, db in rows)


def controls(faders: Faders, score: Score) -> tuple[Signal, ...]:
    """Draw the gains of the groups at control rate.

    A fader that goes up has arrived when its section begins; one that goes down takes the first
    half beat of it. After a hook a fader that goes up takes a bar, lest it lift the hook's tail:
    what follows begins softly.

    Returns
    -------
    tuple of np.ndarray [shape=(ceil(n_samples / HOP) + 1,)], float32
        Linear gains for :func:`halation.dsp.automation.apply_gain`: one for each group, and that
        of the side signal.
    """
    return tuple(
        automation.decibels(automation.values(*_line(levels, score), score.n_samples))
        for levels in (*(faders.rides_db + faders.trims_db.T), faders.sides_db)
    )


def _line(levels_db: Values, score: Score) -> tuple[Values, Values]:
    """Return the times and values of a fader that moves at the seams."""
    times, values = [0.0], [float(levels_db[0])]
    sections = score.form.sections
    for i, (before, after) in enumerate(pairwise(levels_db)):
        section, start = sections[i + 1], sections[i + 1].start_beats
        if after <= before:
            stop = start + _FALL_BEATS
        elif sections[i].role == "hook":
            stop = start + min(_SWELL_BEATS, section.duration_beats / 4.0)
        else:
            start, stop = start - _RISE_BEATS, start
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
    trims_db = _balance(found, score)
    flat = np.zeros(len(trims_db))
    faders = Faders(flat, trims_db, flat)
    softer = 0.0
    for _ in range(_ROUNDS):
        energies = _energies(found, faders, score)
        rides_db = _ride(energies, found, score, faders, softer)
        held = trims_db.copy()
        held[:, _BASS] += _held(rides_db, score)
        faders = Faders(rides_db, held, flat)
        reached = Meter(_energies(found, faders, score), found.hop_s).loudness_range
        low, high = LOUDNESS_RANGE_LU
        softer += float(np.clip(reached, low, high) - reached)
        softer = float(np.clip(softer, -_MOST_SOFTER_LU, _MOST_SOFTER_LU))
    sides_db = _sides(found.body * _gains(found, faders, score)[..., None], found, score)
    wetter = _wetter(found, replace(faders, sides_db=sides_db), score)
    faders = replace(faders, sides_db=sides_db, trims_db=faders.trims_db + wetter)
    return replace(faders, mono_lows=_low_correlation(found, faders, score) < LEAST_LOW_CORRELATION)


def _gains(found: Survey, faders: Faders, score: Score) -> Values:
    """Return the power gain of each group in each frame, shape (frames, groups)."""
    levels = faders.rides_db + faders.trims_db.T
    gains = [10.0 ** (np.interp(found.times_s, *_line(row, score)) / 10.0) for row in levels]
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


def _balance(found: Survey, score: Score) -> Values:
    """Set the groups of every section against one another; shape (sections, groups)."""
    sections, mood = score.form.sections, score.form.mood
    trims = np.zeros((len(sections), len(GROUPS)))
    here = _inside(found, score, "verse", "hook")
    trims[:, _BASS] = _bass_db(found.whole[here][:, :, :2].sum(axis=(0, 2)), mood)
    beaten = [i for i, section in enumerate(sections) if section.role in ("verse", "hook")]
    others = [index for index in range(len(sections)) if index not in beaten]
    for index in (*beaten, *others):
        if index in others:  # a seam must not move drums that play on
            trims[index, _DRUMS] = min((trims[i, _DRUMS] for i in beaten), default=0.0)
        frames = _within(found, score, sections[index])
        for _ in range(_TRIM_ROUNDS):
            loud, middle = found.loud[frames], found.middle[frames]
            _trim(trims[index], loud, middle, sections[index].role, mood)
    return np.clip(trims, -_MOST_TRIM_DB, _MOST_TRIM_DB)


def _moved(bounds: Bounds, by: float) -> Bounds:
    """Return what a mood leaves of a range: a narrow one whose middle it has moved."""
    middle = (bounds[0] + bounds[1]) / 2.0 + by
    half = _NARROWED * (bounds[1] - bounds[0]) / 2.0
    return middle - half, middle + half


def _wetter(found: Survey, faders: Faders, score: Score) -> Values:
    """Return what parts the rooms of hooks and verses until those of the hooks are wetter.

    Returns
    -------
    np.ndarray [shape=(sections, groups)] [dB]
        To add to the trims; nothing where they are wetter already.
    """
    sections = score.form.sections
    gains = _gains(found, faders, score)
    wet: dict[str, list[float]] = {"verse": [], "hook": []}
    for index, section in enumerate(sections):
        if section.role in wet:
            frames = _within(found, score, section)
            pairs = np.einsum("fgk,fg->gk", found.whole[frames], gains[frames])
            side = 10.0 ** (float(faders.sides_db[index]) / 20.0)
            now = [_spread_one(row, side, name) for row, name in zip(pairs, GROUPS, strict=True)]
            ratio = _ratio_db(now[_SPACE], sum(now) - now[_SPACE])
            wet[section.role] += [] if ratio is None else [ratio]
    moves = np.zeros_like(faders.trims_db)
    if all(wet.values()):
        over = float(np.mean(wet["hook"]) - np.mean(wet["verse"]))
        lacks = float(np.clip(_WETTER_HOOK_DB - over, 0.0, _MOST_FRONT_DB))
        shares = [{"verse": -0.6, "hook": 0.4}.get(section.role, 0.0) for section in sections]
        moves[:, _SPACE] = lacks * np.array(shares)
    return moves


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
        role = sections[index].role
        by = CONTRAST_BY_ENERGY[role] * score.form.mood.energy
        if role in ("intro", "bridge", "outro"):
            by -= softer
        low, high = (edge + by for edge in UNDER_HOOK_LU[role])
        rides[index] += _into(float(levels[index] - top), (low, high), _MOST_RIDE_DB)
    return np.clip(rides, -_MOST_RIDE_DB, _MOST_RIDE_DB)


def _held(rides_db: Values, score: Score) -> Values:
    """Return what takes the bass back to its ride in the hooks where another ride is higher."""
    hooks = [section.role == "hook" for section in score.form.sections]
    most = rides_db[hooks].max() if any(hooks) else rides_db.max()
    return np.asarray(np.minimum(most - rides_db, 0.0))


def _section_lufs(energies: Values, found: Survey, score: Score, section: Section) -> float:
    return Meter(energies[_within(found, score, section)], found.hop_s).integrated


def _low_correlation(found: Survey, faders: Faders, score: Score) -> float:
    """Return the correlation under 120 Hz, as wide as the widest section."""
    pairs = np.einsum("fgk,fg->gk", found.low, _gains(found, faders, score))
    return correlation(_spread(pairs, 10.0 ** (float(faders.sides_db.max()) / 20.0)))


def _spread(pairs: Values, side: float) -> Values:
    """Widen what is to be widened and sum all groups; (groups, 3) → (3,)."""
    rows = [
        widened(row, side) if name in WIDE else row for name, row in zip(GROUPS, pairs, strict=True)
    ]
    return np.asarray(np.sum(rows, axis=0))


def _sides(body: Values, found: Survey, score: Score) -> Values:
    """Find each section's side gain that brings the correlation into its range [dB]."""
    sides = [
        _side(body[_within(found, score, section)].sum(axis=0), BODY_CORRELATION[section.role])
        for section in score.form.sections
    ]
    return np.asarray(20.0 * np.log10(sides))


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
