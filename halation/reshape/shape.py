"""Shape a song: its tempo, key, length, mood and voices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from halation import backends, fx
from halation.mood import AXES, moved
from halation.reshape.key import in_key
from halation.reshape.length import of_length
from halation.reshape.lineage import without_desk
from halation.reshape.splice import regrouped
from halation.score.again import compose_again
from halation.score.arrange import draw_cast
from halation.score.palette import STEMS, describe, draw_settings, draw_sound
from halation.seeds import rng
from halation.types import (
    LENGTH_RANGE_S,
    REVERSED,
    TEMPO_RANGE_BPM,
    BriefError,
    Key,
    Mood,
    Part,
    Plan,
    Score,
)

__all__ = ["read_axis", "shape"]

ALIASES: Final[dict[str, tuple[str, int]]] = {
    **{axis: (axis, 1) for axis in AXES},
    "warm": ("warmth", 1), "cold": ("warmth", -1), "icy": ("warmth", -1),
    "hazy": ("haze", 1), "foggy": ("haze", 1), "clean": ("haze", -1), "clear": ("haze", -1),
    "happy": ("valence", 1), "glad": ("valence", 1), "euphoric": ("valence", 1),
    "sad": ("valence", -1), "dark": ("valence", -1),
    "driving": ("energy", 1), "energetic": ("energy", 1),
    "calm": ("energy", -1), "still": ("energy", -1),
    "dense": ("density", 1), "busy": ("density", 1), "sparse": ("density", -1),
}  # fmt: skip
SHARES: Final = ("brightness", "movement", "drive", "breath", "density")
"""Settings that lie between 0 and 1."""
STAYING: Final = ("blend", "pan", "speaker", "tune")
"""Settings that make the sound the one that it is."""
VOICES: Final = ("vocals", "choir")


def shape(
    plan: Plan, *, tempo_bpm: float | None = None, key: Key | str | None = None,
    length_s: float | None = None, mood: Mapping[str, str | float] | None = None,
    instrumental: bool | None = None,
) -> Plan:  # fmt: skip
    """Change a song as a whole; what is None stays.

    Parameters
    ----------
    plan : Plan
    tempo_bpm : float in 60..200 [BPM]
        The same notes at another tempo; without ``length_s`` the song's length follows.
    key : Key or str
        Everything that has a pitch by the nearest way, degree for degree.
    length_s : float in 30..600 [s]
        Sections come, go and grow by whole bars.
    mood : mapping of axis → value
        ``valence energy warmth density haze`` or a word for one end of them (``warm``, ``sad``);
        a number is the place on the axis, a string with a sign (``"+0.4"``) a step from where the
        song is. Levels, brightness and effects follow; notes and patches stay.
    instrumental : bool
        Take the voices out, or let some sing.

    Returns
    -------
    Plan
        Its brief, mood and form say the same as its notes.

    Raises
    ------
    BriefError
        If a value is out of its range, with what to do.
    """
    score, old = plan.score, plan.score.form
    if mood:
        score = _in_mood(score, mood)
    if instrumental is not None and instrumental != old.mood.brief.instrumental:
        score = _without_voices(score) if instrumental else _with_voices(score)
    if key is not None:
        wished = Key.parse(key) if isinstance(key, str) else key
        score = in_key(score, wished)
    if tempo_bpm is not None:
        score = _at_tempo(score, tempo_bpm, length_follows=length_s is None)
    if length_s is not None:
        _check("length", length_s, LENGTH_RANGE_S, "seconds")
        score = of_length(score, length_s, score.form.mood.brief.entropy)
    if score is plan.score:
        return plan
    return without_desk(_with_effects(plan, score), lambda _section, _what: True)


def _with_effects(plan: Plan, score: Score) -> Plan:
    """Keep the effects that were drawn, but for those that depend on what changed."""
    before, after = plan.score.form, score.form
    fresh = fx.plan(score)
    axes = [(getattr(before.mood, axis), getattr(after.mood, axis)) for axis in AXES]
    if before.sections != after.sections or any(a != b for a, b in axes):
        return replace(plan, score=score, effects=fresh.effects, curves=fresh.curves)
    same = before.tempo_bpm == after.tempo_bpm
    return regrouped(plan, fresh, silences=not same)


def _check(what: str, value: float, bounds: tuple[float, float], unit: str) -> None:
    low, high = bounds
    if not low <= value <= high:
        raise BriefError(f"the {what} must lie between {low:g} and {high:g} {unit}, not {value:g}")


def _at_tempo(score: Score, tempo_bpm: float, *, length_follows: bool) -> Score:
    """Play the same beats at another tempo."""
    _check("tempo", tempo_bpm, TEMPO_RANGE_BPM, "BPM")
    form, low, high = score.form, *LENGTH_RANGE_S
    lasts = form.duration_beats * 60.0 / tempo_bpm
    if length_follows and not low <= lasts <= high:
        raise BriefError(
            f"at {tempo_bpm:g} BPM this song would last {lasts:.0f} s, a song lasts "
            f"{low:g} to {high:g} s; give a length, too"
        )
    brief = replace(form.mood.brief, tempo_bpm=float(tempo_bpm))
    if brief.length_s is not None and length_follows:
        brief = replace(brief, length_s=round(lasts, 3))
    form = replace(form, tempo_bpm=float(tempo_bpm), mood=replace(form.mood, brief=brief))
    return replace(score, form=form, parts=tuple(_in_front(p, tempo_bpm) for p in score.parts))


def _in_front(part: Part, tempo_bpm: float) -> Part:
    """Let no note's deviation put it before the song."""
    notes = tuple(
        replace(n, offset_s=max(n.offset_s, round(-n.onset_beats * 60.0 / tempo_bpm, 6) + 0.0))
        for n in part.notes
    )
    return replace(part, notes=notes, instead=tuple(_in_front(r, tempo_bpm) for r in part.instead))


def read_axis(name: str, value: str | float, mood: Mood) -> tuple[str, float]:
    """Return an axis and the place on it that is meant.

    Parameters
    ----------
    name : str
        An axis, or a word for one end of it.
    value : str or float
        ``"+0.4"`` and ``"-0.4"`` are steps from where the mood is, ``"0.4"`` and numbers places.
    mood : Mood

    Raises
    ------
    BriefError
        If there is no such axis, or that is no number from −1 to 1 (a step: −2 to 2).
    """
    word = name.strip().lower()
    if word not in ALIASES:
        raise BriefError(f"no such axis of mood: {name[:40]!r}; write one of {', '.join(ALIASES)}")
    text = str(value).strip().replace("−", "-")
    relative = isinstance(value, str) and text[:1] in ("+", "-")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    most = 2.0 if relative else 1.0
    if not -most <= number <= most:
        raise BriefError(
            f"{word} must be a number from -1 to 1, or a step such as +0.4, not {str(value)[:40]!r}"
        )
    axis, sign = ALIASES[word]
    place = getattr(mood, axis) + sign * number if relative else sign * number
    return axis, round(min(1.0, max(-1.0, place)), 6)


def _in_mood(score: Score, axes: Mapping[str, str | float]) -> Score:
    """Move a song's mood, and the settings that follow from it."""
    old = score.form.mood
    new = old
    for name, value in axes.items():
        axis, place = read_axis(name, value, new)
        new = moved(new, {axis: place})
    form = replace(score.form, mood=new)
    return replace(score, form=form, parts=tuple(_felt(p, old, new) for p in score.parts))


def _felt(part: Part, old: Mood, new: Mood) -> Part:
    """Move a part's settings by as much as the mood's own would move."""
    if part.instead:
        rows = tuple(_felt(row, old, new) for row in part.instead)
        words = "; ".join(row.description for row in rows if row.description)
        return replace(part, instead=rows, description=words)
    if part.name not in STEMS:
        return part
    before, after = (dict(draw_settings(part.name, mood, rng(0, "felt"))) for mood in (old, new))
    settings = []
    for name, value in part.settings:
        if name in before and name not in STAYING:
            value = round(value + after[name] - before[name], 3)
            if name in SHARES:
                value = min(1.0, max(0.0, value))
            elif name.endswith("_s"):
                value = max(value, 0.005)
        settings.append((name, value))
    words = describe(part.name, part.patch, new) if part.description else ""
    return replace(part, settings=tuple(settings), description=words)


def _with_brief(score: Score, instrumental: bool) -> Score:
    mood = score.form.mood
    brief = replace(mood.brief, instrumental=instrumental)
    return replace(score, form=replace(score.form, mood=replace(mood, brief=brief)))


def _without_voices(score: Score) -> Score:
    """Take the voices out; a lead plays what they sang, where none does yet."""
    score = _with_brief(score, True)
    if any(part.instead for part in score.parts):
        raise BriefError("a model plays this song's parts together; make it again without voices")
    voices = next((p for p in score.parts if p.name == "vocals"), None)
    parts = [p for p in score.parts if p.stem != "vocals"]
    if voices and not any(p.name == "lead" for p in parts):
        mood = score.form.mood
        patch, settings = draw_sound("lead", mood, rng(mood.brief.entropy, "score", "patch",
                                                       "lead"))  # fmt: skip
        notes = tuple(
            replace(n, syllable="", velocity=max(1, n.velocity - 10))
            for n in voices.notes if n.syllable[:1] != REVERSED
        )  # fmt: skip
        words = describe("lead", patch, mood)
        parts.append(Part("lead", *STEMS["lead"], patch, notes, settings, (), words))
    stems = {part.stem for part in parts}
    return replace(score, parts=_in_house_order(
        [replace(p, hears=_heard(p.hears, stems)) for p in parts]
    ))  # fmt: skip


def _heard(hears: tuple[str, ...], stems: set[str]) -> tuple[str, ...]:
    """Return what is still there to be heard, or else the pads."""
    there = tuple(stem for stem in hears if stem in stems)
    fallback = next((stem for stem in ("pads", "keys") if stem in stems), "")
    return there or ((fallback,) if hears and fallback else ())


def _in_house_order(parts: list[Part]) -> tuple[Part, ...]:
    order = list(STEMS)
    return tuple(sorted(parts, key=lambda p: order.index(p.name) if p.name in order else 99))


def _with_voices(score: Score) -> Score:
    """Let voices sing the tune that is there."""
    if any(part.instead for part in score.parts):
        raise BriefError("a model plays this song's parts together; make another song with voices")
    score = _with_brief(score, False)
    mood = score.form.mood
    cast = draw_cast(mood, rng(mood.brief.entropy, "score", "cast"))
    wanted = [name for name in VOICES if name in cast]
    empty = [Part(name, *STEMS[name], "", ()) for name in wanted]
    composer = backends.composer(mood.brief.composer)
    thrown = {s.name: frozenset(wanted) for s in score.form.sections}
    planned = replace(score, parts=(*score.parts, *empty))
    sung, drawn = compose_again(planned, composer, mood.brief.entropy, thrown, frozenset())
    new = {part.name: part for part in drawn.parts}
    parts = [
        replace(new[p.name], notes=p.notes) if p.name in wanted and p.name in new else p
        for p in sung.parts if p.notes or p.name not in wanted
    ]  # fmt: skip
    return replace(sung, parts=_in_house_order(parts))
