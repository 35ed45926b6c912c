"""The long lines of a song: filters, widths and levels that move from section to section."""

from __future__ import annotations

import math

import numpy as np

from halation.dsp.modulation import drift
from halation.fx.lines import EDGE_BEATS, Line, Point, s_curve
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, Curve, Mood, Score, Section

__all__ = ["brightness", "draw", "lift_beats"]

OPEN = math.log2(20_000.0)
"""A low-pass that takes nothing away [octaves over 1 Hz], as all levels of cutoffs here."""
LIFT_CUTOFF = math.log2(800.0)
LIFT_WIDTH = 0.3
LIFT_LEAD_DB = 1.5
SILENCE_BEATS = 0.5
"""Dry silence before a hook."""
BREATH_BEATS = 1.0
"""The same where the hook comes out of a bridge."""
EARLY_BEATS = 0.08
"""How much before a seam all is open again: players may come early."""
BRIDGE_HZ = (300.0, 750.0)
INTRO_HZ = (450.0, 1_000.0)
OUTRO_HZ = (800.0, 1_600.0)
VERSE_HZ = 4_800.0
SPACE_DIP_DB = -30.0
FADE_END_S = 0.13
"""The last stretch of a song in which nothing sounds at all."""


def brightness(mood: Mood) -> float:
    """Return how open the filters of a mood are, −1 … 1."""
    bright = 0.35 * mood.energy - 0.45 * mood.warmth - 0.45 * mood.haze + 0.15 * mood.valence
    return max(-1.0, min(1.0, bright))


def lift_beats(score: Score) -> tuple[tuple[Section, Section, float], ...]:
    """Draw the lifts: (section before, hook, length in beats) for every hook that has one.

    A lift takes the last two or four bars, never more than half of the section before.
    """
    found = []
    for before, hook in zip(score.form.sections, score.form.sections[1:], strict=False):
        if hook.role != "hook" or before.role == "hook":
            continue
        bars = int(rng(_seed(score), "fx", "lift", hook.name).choice((2, 4), p=(0.55, 0.45)))
        length = min(bars * BEATS_PER_BAR, before.duration_beats / 2.0)
        found.append((before, hook, length))
    return tuple(found)


def draw(score: Score) -> tuple[Curve, ...]:
    """Draw cutoffs, widths, levels and the tape's wobble for stems, ``"music"`` and ``"all"``."""
    lifts = lift_beats(score)
    cutoff = _cutoff(score, lifts)
    bridge = _only_bridges(score, cutoff)
    return (
        cutoff.curve("music", "cutoff_hz", octaves=True),
        bridge.curve("drums", "cutoff_hz", octaves=True),
        bridge.curve("bass", "cutoff_hz", octaves=True),
        _space_cutoff(score, cutoff, bridge).curve("space", "cutoff_hz", octaves=True),
        _width(score, lifts).curve("music", "width"),
        *_gains(score, lifts),
        _wobble(score).curve("music", "wobble"),
    )


def _seed(score: Score) -> int:
    return score.form.mood.brief.entropy


def _cutoff(score: Score, lifts: tuple[tuple[Section, Section, float], ...]) -> Line:
    """Draw the low-pass over everything but drums and bass."""
    points: list[Point] = []
    for section in score.form.sections:
        arriving = points[-1][1] if points else OPEN
        points += _section_cutoff(score, section, arriving)
    line = Line.through(points)
    for before, hook, length in lifts:
        start, stop = hook.start_beats - length, hook.start_beats - EARLY_BEATS - EDGE_BEATS
        level = line.at(start)
        kept = [p for p in line.points if not start <= p[0] < hook.start_beats - EARLY_BEATS / 2]
        low = LIFT_CUTOFF if before.role != "bridge" else level
        sweep = s_curve((start, level), (stop, min(low, level)))
        open_again = (hook.start_beats - EARLY_BEATS, line.at(hook.start_beats))
        line = Line.through([*kept, *sweep, open_again])
    return line


def _section_cutoff(score: Score, section: Section, arriving: float) -> list[Point]:
    """Draw one section's cutoff, from where the section before left it."""
    draws = rng(_seed(score), "fx", "cutoff", section.name)
    mood = score.form.mood
    bright = brightness(mood)
    start, stop = section.start_beats, section.end_beats
    verse = math.log2(VERSE_HZ) + 0.6 * bright + draws.uniform(-0.3, 0.3)

    def log_draw(bounds: tuple[float, float]) -> float:
        low, high = (math.log2(edge) for edge in bounds)
        return float(low + (high - low) * np.clip(0.5 + 0.3 * bright + draws.normal(0, 0.2), 0, 1))

    if section.role == "intro":
        return s_curve((start, log_draw(INTRO_HZ)), (stop, verse), 9)
    if section.role == "verse":
        head = min(4.0, section.duration_beats / 4.0)
        return [(start, arriving), *_wandering(draws, start + head, stop, verse, 0.22)]
    if section.role == "hook":
        # The hook opens fully, unless the mood is a haze.
        level = OPEN if bright > -0.45 else math.log2(12_500.0) + 0.5 * bright
        return [(start, level), (stop - EDGE_BEATS, level)]
    if section.role == "bridge":
        low = log_draw(BRIDGE_HZ)
        closed = start + min(2.0 * BEATS_PER_BAR, 0.2 * section.duration_beats)
        fall = s_curve((start, min(arriving, math.log2(9_000.0))), (closed, low))
        return [*fall, *_wandering(draws, closed + 2.0, stop, low, 0.08)]
    head = min(2.0 * BEATS_PER_BAR, section.duration_beats / 4.0)
    opening = verse + 0.7
    path = s_curve((start, arriving), (start + head, opening), 5)
    return path + s_curve((start + head + 1.0, opening), (stop, log_draw(OUTRO_HZ)), 9)


def _wandering(
    draws: np.random.Generator, start: float, stop: float, level: float, spread: float
) -> list[Point]:
    """Draw a walk around a level, one point a bar."""
    times = np.arange(start, stop - EDGE_BEATS, float(BEATS_PER_BAR))
    offsets = np.clip(drift(draws, len(times)), -2.0, 2.0) * spread
    return [(float(t), float(level + o)) for t, o in zip(times, offsets, strict=True)]


def _only_bridges(score: Score, cutoff: Line) -> Line:
    """Return the music's cutoff inside the bridges, open elsewhere: for drums and bass."""
    points: list[Point] = [(0.0, OPEN)]
    for section in score.form.sections:
        if section.role != "bridge":
            continue
        start, stop = section.start_beats, section.end_beats - EARLY_BEATS
        points.append((start, OPEN))
        points += [p for p in cutoff.points if start < p[0] < stop - EDGE_BEATS]
        points += [(stop - EDGE_BEATS, cutoff.at(stop - EDGE_BEATS)), (stop, OPEN)]
    return Line.through(points)


def _space_cutoff(score: Score, cutoff: Line, bridge: Line) -> Line:
    """Return the low-pass of the returns: the music's in a bridge, an octave over it elsewhere."""
    above = Line(tuple((t, min(v + 1.0, OPEN)) for t, v in cutoff.points))
    return above.least(bridge)


def _width(score: Score, lifts: tuple[tuple[Section, Section, float], ...]) -> Line:
    """Draw how wide the music stands: narrow in a lift, wide in a hook."""
    widths = {"intro": 0.75, "verse": 0.85, "hook": 1.1, "bridge": 0.7, "outro": 1.0}
    draws = rng(_seed(score), "fx", "width")
    levels = [
        (s.start_beats, widths[s.role] + float(draws.uniform(-0.06, 0.06)))
        for s in score.form.sections
    ]
    line = Line.steps(levels, 2.0)
    for _, hook, length in lifts:
        start, end = hook.start_beats - length, hook.start_beats - EARLY_BEATS
        kept = [p for p in line.points if not start <= p[0] < end]
        sweep = s_curve((start, line.at(start)), (end - EDGE_BEATS, LIFT_WIDTH), 5)
        line = Line.through([*kept, *sweep, (end, line.at(hook.start_beats))])
    return line


def _gains(score: Score, lifts: tuple[tuple[Section, Section, float], ...]) -> tuple[Curve, ...]:
    """Draw the silences before hooks, the 808's absence, the lead's lift and the last fade."""
    music: list[Point] = [(0.0, 0.0)]
    bass: list[Point] = [(0.0, 0.0)]
    space: list[Point] = [(0.0, 0.0)]
    for before, hook, length in lifts:
        pause = BREATH_BEATS if before.role == "bridge" else SILENCE_BEATS
        back = hook.start_beats - EARLY_BEATS
        quiet = hook.start_beats - min(pause, length / 2.0)
        music += [(quiet - 0.1, 0.0), (quiet, -90.0), (back - EDGE_BEATS, -90.0), (back, 0.0)]
        space += [(quiet - 0.1, 0.0), (quiet + 0.1, SPACE_DIP_DB)]
        space += [(back - EDGE_BEATS, SPACE_DIP_DB), (back, 0.0)]
        out = hook.start_beats - length
        bass += [(out - EARLY_BEATS - 0.1, 0.0), (out - EARLY_BEATS, -90.0)]
        bass += [(back - EDGE_BEATS, -90.0), (back, 0.0)]
    lead = [(s.start_beats, LIFT_LEAD_DB if s.role == "hook" else 0.0) for s in score.form.sections]
    return (
        Line.through(music).curve("music", "gain_db"),
        Line.through(music).curve("drums", "gain_db"),
        Line.through(bass).curve("bass", "gain_db"),
        Line.through(space).curve("space", "gain_db"),
        Line.steps(lead, EARLY_BEATS).curve("lead", "gain_db"),
        _last_fade(score).curve("all", "gain_db"),
    )


def _last_fade(score: Score) -> Line:
    """Draw the fade of everything over the last bars, down to nothing."""
    end = score.form.duration_beats
    bars = 4.0 if score.form.sections[-1].bars >= 6 else 2.0
    span = bars * BEATS_PER_BAR
    nothing = end - FADE_END_S * score.form.tempo_bpm / 60.0
    shape = ((1.0, 0.0), (0.5, -3.0), (0.3, -8.0), (0.16, -17.0), (0.08, -28.0), (0.04, -42.0))
    points = [(end - span * x, level) for x, level in shape]
    return Line.through([(0.0, 0.0), *(p for p in points if p[0] < nothing), (nothing, -90.0)])


def _wobble(score: Score) -> Line:
    """Draw how much the tape wavers: steady in hooks, loose in bridges, worn out at the end."""
    amounts = {"intro": 1.1, "verse": 0.9, "hook": 0.8, "bridge": 1.5, "outro": 1.0}
    levels = [(s.start_beats, amounts[s.role]) for s in score.form.sections]
    last = score.form.sections[-1]
    line = Line.steps(levels, 4.0)
    worn = float(rng(_seed(score), "fx", "wobble").uniform(1.8, 2.6))
    return Line.through(
        [*line.points, *s_curve((last.start_beats + 4.0, 1.0), (last.end_beats, worn))]
    )
