"""The long lines of a song: filters, widths and levels that move from section to section."""

from __future__ import annotations

import math

import numpy as np

from halation.dsp.modulation import drift
from halation.fx.lines import EDGE_BEATS, Line, Point, s_curve
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, Curve, Mood, Score, Section

__all__ = ["bridge_kind", "brightness", "draw", "lift_beats", "pause_beats"]

OPEN = math.log2(20_000.0)
"""A low-pass that takes nothing away [octaves over 1 Hz], as all levels of cutoffs here."""
LIFT_CUTOFF = math.log2(800.0)
LIFT_WIDTH = 0.3
SILENCE_BEATS = 0.5
"""Dry silence before a hook."""
BREATH_BEATS = 0.8
"""The same where the hook comes out of a bridge."""
LONGEST_SILENCE_S = 0.33
"""More than that is heard as a hole."""
EARLY_BEATS = 0.08
"""How much before a seam all is open again: players may come early."""
BRIDGE_HZ = (420.0, 900.0)
BRIDGES = ("cliff", "sweep", "swing", "band")
"""How a bridge closes: at once, over half of it, down and up and down, or as a small radio."""
SWING_OCTAVES = (0.7, 1.2)
SWING_MOST = math.log2(900.0)
AFTER_HOOK_OCTAVES = (0.5, 1.0)
"""How much further a verse is closed where it follows a hook; it opens over its first half."""
AFTER_HOOK_DB = {"verse": -6.0, "bridge": -4.0, "outro": -4.0}
"""What the rooms fall to as a hook ends: its tails ring on, but under what comes."""
INTRO_HZ = (450.0, 1_000.0)
OUTRO_HZ = (800.0, 1_600.0)
VERSE_HZ = 4_800.0
SEAM_BEATS = 0.25
"""Time in which widths and the tape arrive at a new section: at the seam, not across it."""
PHRASE_DB = 0.5
"""How much louder the last bar of four is than the first."""
SILENT_DB = -100.0
"""No sound at all, whatever is added to it."""
SPACE_DIP_DB = -30.0
SECTION_SHAPES = {
    "intro": ((-1.5, -1.0, -0.4, 0.2, 0.4), (-0.8, -1.4, -0.2, 0.4, 0.0)),
    "verse": ((-1.5, -1.3, -0.4, 0.5, 1.1), (-0.3, -1.5, -0.8, 0.4, 1.2)),
    "hook": (
        (1.0, 0.3, -1.2, -0.2, 1.5),
        (-0.6, -0.8, -0.9, 1.0, 1.5),
        (1.2, -0.6, -0.9, 1.1, 0.4),
    ),
    "bridge": ((0.8, 0.0, -1.0, -0.8, 1.2), (0.5, -0.8, -1.5, -0.5, 0.5)),
    "outro": ((0.6, 0.8, 0.2, -0.8, -1.5), (0.0, 0.6, 0.4, -0.4, -2.0)),
}  # fmt: skip
"""Levels [dB] at 0, 15, 40, 70 and 100 % of a section."""
HOOK_DEPTH = 1.25
"""How much deeper a hook's shape is drawn: the master's glue takes some of it away."""
FADE_END_S = 0.13
"""The last stretch of a song in which nothing sounds at all."""


def brightness(mood: Mood) -> float:
    """Return how open the filters of a mood are, −1 … 1."""
    bright = 0.4 * mood.energy - 0.5 * mood.warmth - 0.5 * mood.haze + 0.2 * mood.valence
    return max(-1.0, min(1.0, bright))


def bridge_kind(score: Score) -> str:
    """Return which of :data:`BRIDGES` the song has."""
    return BRIDGES[int(rng(_seed(score), "fx", "bridge").integers(len(BRIDGES)))]


def lift_beats(score: Score) -> tuple[tuple[Section, Section, float], ...]:
    """Draw the lifts: (section before, hook, length in beats) for every hook that has one.

    A lift takes the last two or four bars, never more than half of the section before.
    """
    found = []
    for before, hook in zip(score.form.sections, score.form.sections[1:], strict=False):
        if hook.role != "hook" or before.role == "hook":
            continue
        bars = int(rng(_seed(score), "fx", "lift", hook.name).choice((2, 4), p=(0.8, 0.2)))
        length = min(bars * BEATS_PER_BAR, before.duration_beats / 2.0)
        found.append((before, hook, length))
    return tuple(found)


def pause_beats(before: Section, tempo_bpm: float) -> float:
    """Return how long it is silent between a section and the hook that it leads into."""
    pause = BREATH_BEATS if before.role == "bridge" else SILENCE_BEATS
    return min(pause, LONGEST_SILENCE_S * tempo_bpm / 60.0, before.duration_beats / 8.0)


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
    verse = math.log2(VERSE_HZ) + 1.0 * bright + draws.uniform(-0.15, 0.15)

    def log_draw(bounds: tuple[float, float]) -> float:
        low, high = (math.log2(edge) for edge in bounds)
        return float(low + (high - low) * np.clip(0.5 + 0.45 * bright + draws.normal(0, 0.1), 0, 1))

    if section.role == "intro":
        return s_curve((start, log_draw(INTRO_HZ)), (stop - EDGE_BEATS, verse - 0.8), 9)
    if section.role == "verse":
        # Another light at once, and more of it from bar to bar.
        path = _wandering(draws, start, stop, verse, 0.2)
        growth = float(draws.uniform(0.2, 0.9))
        closed = float(draws.uniform(*AFTER_HOOK_OCTAVES)) if _after_hook(score, section) else 0.0
        through = [(t, v, (t - start) / (stop - start)) for t, v in path]
        return [
            (t, v + growth * (x - 0.5) - closed * max(0.0, 1.0 - 2.0 * x)) for t, v, x in through
        ]
    if section.role == "hook":
        # The hook opens fully, unless the mood is a haze.
        level = OPEN if bright > -0.25 else math.log2(12_500.0) + 1.2 * bright
        return [(start, level), (stop - EDGE_BEATS, level)]
    if section.role == "bridge":
        return _bridge_cutoff(bridge_kind(score), section, arriving, log_draw(BRIDGE_HZ), draws)
    opening = verse + 0.5
    held = start + section.duration_beats / 4.0
    return [(start, opening), *s_curve((held, opening), (stop, log_draw(OUTRO_HZ)), 9)]


def _after_hook(score: Score, section: Section) -> bool:
    before = section.start_beats - 1.0
    return before > 0.0 and score.form.section_at(before).role == "hook"


def _bridge_cutoff(
    kind: str, section: Section, arriving: float, low: float, draws: np.random.Generator
) -> list[Point]:
    """Close the low-pass for a bridge in one of the ways of :data:`BRIDGES`."""
    start, stop, length = section.start_beats, section.end_beats, section.duration_beats
    top = min(arriving, math.log2(3_000.0))
    bars = 4.0 if kind == "sweep" else 0.5 if kind == "band" else 1.0
    closed = start + min(bars * BEATS_PER_BAR, 0.5 * length if kind == "sweep" else 0.2 * length)
    fall = s_curve((start, top - 0.8 if kind == "sweep" else top), (closed, low))
    if kind != "swing" or length < 4.0 * BEATS_PER_BAR:
        return [*fall, *_wandering(draws, closed + 2.0, stop, low, 0.08)]
    turn = start + float(draws.uniform(0.5, 0.65)) * length
    high = min(low + float(draws.uniform(*SWING_OCTAVES)), SWING_MOST)
    up = s_curve((closed, low), (turn, high), 9)
    return [*fall, *up, *s_curve((turn + 0.5, high), (stop - EDGE_BEATS, low), 7)]


def _wandering(
    draws: np.random.Generator, start: float, stop: float, level: float, spread: float
) -> list[Point]:
    """Draw a walk around a level, one point a bar."""
    times = np.arange(start, stop - EDGE_BEATS, float(BEATS_PER_BAR))
    offsets = np.clip(drift(draws, len(times)), -2.0, 2.0) * spread
    path = [(float(t), float(level + o)) for t, o in zip(times, offsets, strict=True)]
    return [*path, (stop - EDGE_BEATS, path[-1][1])] if path else []


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
    line = Line.steps(levels, SEAM_BEATS)
    for _, hook, length in lifts:
        start, end = hook.start_beats - length, hook.start_beats - EARLY_BEATS
        kept = [p for p in line.points if not start <= p[0] < end]
        sweep = s_curve((start, line.at(start)), (end - EDGE_BEATS, LIFT_WIDTH), 5)
        line = Line.through([*kept, *sweep, (end, line.at(hook.start_beats))])
    return line


def _gains(score: Score, lifts: tuple[tuple[Section, Section, float], ...]) -> tuple[Curve, ...]:
    """Draw the silences before hooks, the 808's absence, the sections' shapes, the last fade."""
    music: list[Point] = [(0.0, 0.0)]
    bass: list[Point] = [(0.0, 0.0)]
    space: list[Point] = [(0.0, 0.0)]
    for before, hook, length in lifts:
        back = hook.start_beats - EARLY_BEATS
        quiet = hook.start_beats - pause_beats(before, score.form.tempo_bpm)
        music += [
            (quiet - 0.1, 0.0),
            (quiet, SILENT_DB),
            (back - EDGE_BEATS, SILENT_DB),
            (back, 0.0),
        ]
        space += [(quiet - 0.1, 0.0), (quiet + 0.1, SPACE_DIP_DB)]
        space += [(back - EDGE_BEATS, SPACE_DIP_DB), (back, 0.0)]
        out = hook.start_beats - length
        bass += [(out - EARLY_BEATS - 0.1, 0.0), (out - EARLY_BEATS, SILENT_DB)]
        bass += [(back - EDGE_BEATS, SILENT_DB), (back, 0.0)]
    for section in score.form.sections:
        if _after_hook(score, section) and section.role in AFTER_HOOK_DB:
            start, down = section.start_beats, AFTER_HOOK_DB[section.role]
            up = start + min(8.0 * BEATS_PER_BAR, section.duration_beats / 2.0)
            space += [(start, 0.0), (start + 0.5, down)]
            space += [(start + min(4.0, section.duration_beats / 8.0), down), (up, 0.0)]
    shape = _dynamics(score)
    return (
        Line.through(music).plus(shape).curve("music", "gain_db"),
        Line.through(music).plus(shape).curve("drums", "gain_db"),
        Line.through(bass).plus(shape).curve("bass", "gain_db"),
        Line.through(space).curve("space", "gain_db"),
        _last_fade(score).curve("all", "gain_db"),
    )


def _dynamics(score: Score) -> Line:
    """Draw how a section grows from within: each has a shape, and each four bars an end."""
    points: list[Point] = []
    for section in score.form.sections:
        draws = rng(_seed(score), "fx", "dynamics", section.name)
        shapes = SECTION_SHAPES[section.role]
        shape = shapes[int(draws.integers(len(shapes)))]
        depth = float(draws.uniform(0.9, 1.25)) * (HOOK_DEPTH if section.role == "hook" else 1.0)
        whole = Line(tuple(zip((0.0, 0.15, 0.4, 0.7, 1.0), shape, strict=True)))
        group = 4.0 * BEATS_PER_BAR
        for start in np.arange(section.start_beats, section.end_beats - 0.1, group):
            stop = min(float(start) + group, section.end_beats) - EDGE_BEATS
            for beats in np.linspace(start, stop, 5):
                x = (float(beats) - section.start_beats) / section.duration_beats
                rise = PHRASE_DB * ((float(beats) - float(start)) / group - 0.5)
                points.append((float(beats), depth * whole.at(x) + rise))
    return Line.through(points)


def _last_fade(score: Score) -> Line:
    """Draw the fade of everything over the last bars, down to nothing."""
    end = score.form.duration_beats
    bars = 4.0 if score.form.sections[-1].bars >= 6 else 2.0
    span = bars * BEATS_PER_BAR
    nothing = end - FADE_END_S * score.form.tempo_bpm / 60.0
    shape = ((1.0, 0.0), (0.5, -3.0), (0.3, -8.0), (0.16, -17.0), (0.08, -28.0), (0.04, -42.0))
    points = [(end - span * x, level) for x, level in shape]
    return Line.through([(0.0, 0.0), *(p for p in points if p[0] < nothing), (nothing, SILENT_DB)])


def _wobble(score: Score) -> Line:
    """Draw how much the tape wavers: steady in hooks, loose in bridges, worn out at the end."""
    amounts = {"intro": 1.1, "verse": 0.9, "hook": 0.8, "bridge": 1.5, "outro": 1.0}
    levels = [(s.start_beats, amounts[s.role]) for s in score.form.sections]
    last = score.form.sections[-1]
    line = Line.steps(levels, SEAM_BEATS)
    worn = float(rng(_seed(score), "fx", "wobble").uniform(1.8, 2.6))
    return Line.through(
        [*line.points, *s_curve((last.start_beats + 4.0, amounts["outro"]), (last.end_beats, worn))]
    )
