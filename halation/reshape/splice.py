"""Effects and curves drawn anew put in the place of some of a plan's."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from halation.types import Curve, Effect, Form, Part, Plan

__all__ = ["regrouped", "spliced"]

EDGE_BEATS: Final = 0.02
"""Time of a step from the old to the new, so that nothing clicks."""
BUSES: Final = ("near", "hall", "shimmer", "delay")
LONG_LINES: Final = ("music", "drums", "bass", "space", "all")
"""Whose levels fall silent before a hook and at the end."""
Span = tuple[float, float]


def spliced(
    old: Plan, new: Plan, thrown: Mapping[str, frozenset[str]], stems: frozenset[str],
    alone: frozenset[str],
) -> Plan:  # fmt: skip
    """Take what was drawn anew for what was thrown, and everything else from the old plan.

    Parameters
    ----------
    old, new : Plan
        The old one's effects with the new score; and what was drawn for that.
    thrown : mapping of section name → names of written parts
    stems, alone : frozenset of str
        Stems and parts whose effects are drawn anew from beginning to end.
    """
    form, parts = old.score.form, old.score.parts
    everyone = {part.name for part in old.score.written}
    whole = {name for name, some in thrown.items() if some >= everyone}
    moved = set(stems) | {p.name for p in parts if _played(p) <= alone}
    if "space" in stems:
        moved |= set(BUSES)
    spans = {
        part.name: _spans(form, {n for n, some in thrown.items() if _played(part) & some})
        for part in parts
    }
    sections = _spans(form, whole)

    def fresh(target: str, beats: float | None) -> bool:
        if target in moved:
            return True
        places = spans.get(target, sections) if beats is not None else []
        return any(a <= (beats or 0.0) < b for a, b in places)

    kept = tuple(e for e in old.effects if not fresh(e.target, _place(e)))
    drawn = tuple(e for e in new.effects if fresh(e.target, _place(e)))
    curves = []
    for curve in old.curves:
        other = new.curve(curve.target, curve.parameter)
        if curve.target in moved:
            continue
        places = spans.get(curve.target, sections)
        curves.append(_joined(curve, other, places) if other and places else curve)
    curves += [curve for curve in new.curves if curve.target in moved]
    return replace(old, effects=(*kept, *drawn), curves=tuple(curves))


def regrouped(old: Plan, new: Plan, *, silences: bool) -> Plan:
    """Keep the effects of those who stay, and take those of others who come.

    Parameters
    ----------
    old, new : Plan
        The old one; and what was drawn for the new one's score.
    silences : bool
        Take what is drawn in seconds from the new plan, too: how long it is silent before a hook,
        the last fade, how fast the ducking lets go.
    """
    before, after = (_targets(plan) for plan in (old, new))
    players = {part.name for part in old.score.parts}
    gone = before - after
    came = (after - before) | {p.name for p in new.score.parts if p.name not in players}

    def fresh(target: str, what: str) -> bool:
        timed = silences and target in LONG_LINES and what == "gain_db"
        return target in came or timed or (silences and what == "duck")

    effects = [e for e in old.effects if e.target not in gone and not fresh(e.target, e.kind)]
    effects += [e for e in new.effects if fresh(e.target, e.kind)]
    curves = [c for c in old.curves if c.target not in gone and not fresh(c.target, c.parameter)]
    curves += [c for c in new.curves if fresh(c.target, c.parameter)]
    return replace(old, score=new.score, effects=tuple(effects), curves=tuple(curves))


def _targets(plan: Plan) -> set[str]:
    return {name for p in plan.score.parts for name in (p.name, p.stem)}


def _played(part: Part) -> frozenset[str]:
    return frozenset(row.name for row in part.instead) or frozenset({part.name})


def _spans(form: Form, names: set[str]) -> list[Span]:
    """Return where sections lie; neighbours are one."""
    found: list[Span] = []
    for section in form.sections:
        if section.name not in names:
            continue
        if found and found[-1][1] == section.start_beats:
            found[-1] = (found[-1][0], section.end_beats)
        else:
            found.append((section.start_beats, section.end_beats))
    return found


def _place(effect: Effect) -> float | None:
    """Return where an effect sounds that sounds at one place only."""
    values = dict(effect.parameters)
    if "end_beats" not in values:
        return None
    start = values.get("start_beats", values["end_beats"] - values.get("length_beats", 0.0))
    return max(0.0, (start + values["end_beats"]) / 2.0)


def _joined(old: Curve, new: Curve, spans: list[Span]) -> Curve:
    """Return a curve that is the new one inside some spans and the old one elsewhere."""
    points = list(zip(old.times_beats, old.values, strict=True))
    for start, end in spans:
        cut, last = (round(edge - EDGE_BEATS, 4) for edge in (start, end))
        before = [p for p in points if p[0] < cut]
        after = [p for p in points if p[0] >= end]
        inner = [p for p in zip(new.times_beats, new.values, strict=True) if start <= p[0] < end]
        inner = [(start, _at(new, start)), *(p for p in inner if p[0] > start)]
        if inner[-1][0] < last:
            inner.append((last, _at(new, last)))
        if start > 0.0:
            before.append((cut, _at(old, cut)))
        if not after or after[0][0] > end:
            after.insert(0, (end, _at(old, end)))
        points = [*before, *inner, *after]
    times, values = zip(*points, strict=True)
    return replace(old, times_beats=times, values=values)


def _at(curve: Curve, beats: float) -> float:
    """Read a curve: linear between points, in octaves for frequencies."""
    times, values = curve.times_beats, curve.values
    i = bisect_left(times, beats)
    if i == 0 or i == len(times):
        return values[min(i, len(times) - 1)]
    if times[i] == beats:
        return values[i]
    x = (beats - times[i - 1]) / (times[i] - times[i - 1])
    low, high = values[i - 1], values[i]
    if curve.parameter.endswith("_hz"):
        return round(low * math.exp(x * math.log(high / low)), 4)
    return low + x * (high - low)
