"""Where each part travels: filters over whole sections, levels in phrases, places that drift."""

from __future__ import annotations

import math

import numpy as np

from halation.dsp.modulation import drift, lfo
from halation.fx.draw_sections import OPEN, brightness, lift_beats
from halation.fx.lines import EDGE_BEATS, Line, Point, s_curve
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, WHOLE_SONG, Curve, Part, Score, Section

__all__ = ["draw"]

FILTERS_HZ = {
    "kick": (300.0, 24_000.0), "snare": (2_000.0, 24_000.0), "hats": (4_500.0, 24_000.0),
    "perc": (1_800.0, 24_000.0),
    "pad": (1_300.0, 8_000.0), "wide": (2_000.0, 12_000.0), "bells": (2_200.0, 22_000.0),
    "pluck": (1_000.0, 16_000.0), "arp": (900.0, 16_000.0), "counter": (1_400.0, 18_000.0),
    "lead": (1_800.0, 18_000.0), "saw": (1_900.0, 14_000.0), "vocals": (2_600.0, 22_000.0),
    "choir": (1_700.0, 10_000.0), "weather": (2_200.0, 11_000.0), "haze": (1_200.0, 7_500.0),
    "cloud": (1_500.0, 8_500.0),
}  # fmt: skip
"""How far each part's low-pass ever closes and opens."""
OTHER_FILTER_HZ = (1_200.0, 16_000.0)

PLACES = {"intro": 0.35, "verse": 0.5, "hook": 0.85, "bridge": 0.45, "outro": 0.5}
"""Where in that range a section lies: 0 closed, 1 open."""
SHIFT_BY_MOOD = 0.25
"""How far the brightest mood opens the filters, in the same measure."""
DRUM_PLACES = {"intro": 0.4, "verse": 1.0, "hook": 1.0, "bridge": 0.7, "outro": 0.6}
NEXT_ROOM = 0.6
"""Where drums open from 0.1 on that enter for the first time: they come from the next room."""
AS_GOOD_AS_OPEN = math.log2(13_500.0)
"""From here on a filter is drawn open, which costs nothing."""

SHAPES = ("open", "close", "breathe", "arch", "stairs", "walk")
CHANCES = {
    "intro": (0.5, 0.0, 0.2, 0.1, 0.1, 0.1),
    "verse": (0.4, 0.05, 0.15, 0.1, 0.2, 0.1),
    "hook": (0.35, 0.0, 0.2, 0.1, 0.25, 0.1),
    "bridge": (0.15, 0.2, 0.3, 0.2, 0.0, 0.15),
    "outro": (0.0, 0.65, 0.1, 0.1, 0.0, 0.15),
}
"""How likely a filter takes each of the :data:`SHAPES` over a section."""
SUSTAINED = ("pad", "wide", "choir", "weather", "haze", "cloud")
SUSTAINED_CHANCES = (0.15, 0.1, 0.4, 0.1, 0.05, 0.2)

PANS = {
    "arp": 0.45, "pluck": 0.3, "counter": 0.4, "bells": 0.25, "perc": 0.35, "hats": 0.1,
    "haze": 0.4,
}  # fmt: skip
"""How far a part drifts to either side of its seat."""
CIRCLING = ("arp", "perc", "haze", "cloud", "counter")
"""Parts that go round within a bar or two in some songs."""

WIDTHS = {"pad": 0.2, "wide": 0.25, "choir": 0.2, "saw": 0.2, "arp": 0.15, "weather": 0.25}

STAIR_BEATS = 4.0
"""How long a step of the ``stairs`` takes."""
LAYERS = ("arp", "counter", "saw", "choir", "wide", "perc", "pluck", "bells", "haze")
"""Parts that may be held back in one half of a section."""
HELD_BACK_DB = (-6.0, -3.0)
TURN_BEATS = 8.0
"""Half the time in which such a layer comes or goes: the seams are the sudden changes."""
LEAD_LIFT_DB = 1.5
"""The lead comes forward in hooks."""
EARLY_BEATS = 0.08

DRIVE_DB = {"intro": 0.0, "verse": 2.0, "hook": 7.0, "bridge": 1.0, "outro": 2.0}
"""How hard the 808 is bent."""

GATED = ("pad", "wide", "choir", "arp", "saw")


def draw(score: Score, part: Part) -> list[Curve]:
    """Draw one part's filter, level, place, width and, for the bass, drive."""
    curves = [_level(score, part).curve(part.name, "gain_db")]
    if part.stem not in ("bass", WHOLE_SONG):  # one is bent, in the other nobody could be heard
        curves.append(_filter(score, part).curve(part.name, "cutoff_hz", octaves=True))
    if part.name in PANS:
        curves.append(_pan(score, part).curve(part.name, "pan"))
    if part.name in WIDTHS:
        curves.append(_wave(score, part, "width", WIDTHS[part.name], 1.0).curve(part.name, "width"))
    if part.stem == "bass":
        curves.append(_drive(score).curve(part.name, "drive_db"))
    return curves


def _draws(score: Score, *path: str) -> np.random.Generator:
    return rng(score.form.mood.brief.entropy, "fx", "journey", *path)


def _filter(score: Score, part: Part) -> Line:
    """Draw the low-pass of a part: a shape for each section, a step at each seam."""
    low, high = (math.log2(hz) for hz in FILTERS_HZ.get(part.name, OTHER_FILTER_HZ))
    drums = part.stem == "drums"
    shift = 0.0 if drums else SHIFT_BY_MOOD * brightness(score.form.mood)
    first_verse = next((s.name for s in score.form.sections if s.role == "verse"), "")
    points: list[Point] = []
    for section in score.form.sections:
        draws = _draws(score, "filter", part.name, section.name)
        place = (DRUM_PLACES if drums else PLACES)[section.role] + shift
        reach = float(draws.uniform(0.14, 0.3))
        chances = CHANCES[section.role]
        if part.name in SUSTAINED and section.role != "outro":
            chances = SUSTAINED_CHANCES
        if drums:
            new = section.name == first_verse and draws.random() < 0.75
            chances = CHANCES["outro"] if section.role == "outro" else (1.0, *5 * (0.0,))
            place = NEXT_ROOM if new else place
            reach = 0.5 if new else 0.3 if section.role == "outro" else 0.0
        shape = SHAPES[draws.choice(len(SHAPES), p=chances)]
        path = _shape(shape, section, draws)
        # Held to the seam, so that the next section is another place at once.
        for beats, at in [*path, (section.end_beats - EDGE_BEATS, path[-1][1])]:
            x = float(np.clip(place + reach * at, 0.0, 1.0))
            level = low + (high - low) * x
            points.append((beats, OPEN if level > AS_GOOD_AS_OPEN else level))
    return Line.through(points)


def _shape(name: str, section: Section, draws: np.random.Generator) -> list[Point]:
    """Return a shape between −1 and 1 over a section."""
    start, stop = section.start_beats, section.end_beats - EDGE_BEATS
    length = stop - start
    if name in ("open", "close"):
        ends = (-1.0, 1.0) if name == "open" else (1.0, -1.0)
        return s_curve((start, ends[0]), (stop, ends[1]), 9)
    if name == "arch":
        top = start + float(draws.uniform(0.45, 0.7)) * length
        return s_curve((start, -1.0), (top, 1.0)) + s_curve((top + 0.5, 1.0), (stop, -0.4))
    if name == "stairs":
        step = 4.0 * BEATS_PER_BAR if length > 10.0 * BEATS_PER_BAR else 2.0 * BEATS_PER_BAR
        levels = np.linspace(-0.9, 0.9, max(2, round(length / step)))
        steps = [(start + step * i, float(level)) for i, level in enumerate(levels)]
        return [p for p in Line.steps(steps, STAIR_BEATS).points if p[0] < stop]
    beats = np.arange(start, stop, 2.0)
    if name == "walk":
        path = np.clip(drift(draws, len(beats), correlation=0.9), -1.6, 1.6) / 1.6
    else:
        bars = float(draws.choice((2.0, 4.0, 8.0), p=(0.2, 0.45, 0.35)))
        period = min(bars * BEATS_PER_BAR, length) * float(draws.uniform(0.9, 1.1))
        path = lfo(beats - start, period, (float(draws.uniform(0.6, 0.9)), float(draws.random())))
    return [(float(b), float(v)) for b, v in zip(beats, path, strict=True)]


def _level(score: Score, part: Part) -> Line:
    """Draw the level of a part in its phrases: a slow walk, layers held back, gates."""
    draws = _draws(score, "level", part.name)
    steady = part.stem in ("drums", "bass") or part.name in ("lead", "vocals")
    depth_db = 0.6 if steady else 1.2
    line = _wave(score, part, "breath", depth_db, 0.0)
    if part.name in LAYERS:
        line = line.plus(_held_back(score, part, draws))
    if part.stem == "lead" and part.name == "lead":
        lifted = [
            (s.start_beats, LEAD_LIFT_DB if s.role == "hook" else 0.0) for s in score.form.sections
        ]
        line = line.plus(Line.steps(lifted, EARLY_BEATS))
    if part.name in GATED and draws.random() < 0.3:
        line = line.plus(_gates(score, draws))
    return line


def _wave(score: Score, part: Part, what: str, depth: float, middle: float) -> Line:
    """Draw a slow oscillation that never repeats and a walk, around a middle."""
    draws = _draws(score, what, part.name)
    beats = np.arange(0.0, score.form.duration_beats, 4.0)
    slow = lfo(beats, float(draws.uniform(14.0, 44.0)), (float(draws.random()), 0.0))
    walk = np.clip(drift(draws, len(beats), correlation=0.85), -1.5, 1.5) / 1.5
    return _through(beats, middle + depth * (0.6 * slow + 0.4 * walk))


def _through(beats: np.ndarray, values: np.ndarray) -> Line:
    return Line(tuple((float(b), float(v)) for b, v in zip(beats, values, strict=True)))


def _held_back(score: Score, part: Part, draws: np.random.Generator) -> Line:
    """Draw a layer that waits through a section's first half, or leaves in its second."""
    points: list[Point] = [(0.0, 0.0)]
    for section in score.form.sections:
        chance = {"hook": 0.45, "verse": 0.4}.get(section.role, 0.0)
        if section.bars < 8 or draws.random() > chance:
            continue
        start, stop = section.start_beats, section.end_beats - EDGE_BEATS
        bars = 8 if section.bars >= 16 else 4
        turn = start + bars * BEATS_PER_BAR
        low_db = float(draws.uniform(*HELD_BACK_DB))
        first, last = turn - TURN_BEATS, min(turn + TURN_BEATS, stop)
        if draws.random() < 0.7:
            points += [(start - EDGE_BEATS, 0.0), (start, low_db)]
            points += s_curve((first, low_db), (last, 0.0), 7)
        else:
            points += [*s_curve((first, 0.0), (last, low_db), 7), (stop, low_db)]
            points.append((stop + EDGE_BEATS, 0.0))
    return Line.through(points)


def _gates(score: Score, draws: np.random.Generator) -> Line:
    """Draw gates that chop a part in the last bars before hooks, or at the ends of phrases."""
    points: list[Point] = [(0.0, 0.0)]
    step = float(draws.choice((0.5, 0.75, 1.0)))
    depth_db = float(draws.uniform(-20.0, -12.0))
    spans = [
        (hook.start_beats - min(length, 2.0 * BEATS_PER_BAR), hook.start_beats)
        for _, hook, length in lift_beats(score)
    ]
    for section in score.form.sections:
        phrase = 8.0 * BEATS_PER_BAR
        if section.role in ("verse", "hook"):
            ends = np.arange(section.start_beats + phrase, section.end_beats - 4.0, phrase)
            spans += [(float(end) - 3.0, float(end)) for end in ends if draws.random() < 0.6]
    for first, last in sorted(spans):
        for at in np.arange(first, last - step / 2.0, step):
            middle, end = float(at) + 0.6 * step, float(at) + step
            points += [(middle, 0.0), (middle + 0.08, depth_db), (end - 0.05, depth_db), (end, 0.0)]
    return Line.through(points)


def _pan(score: Score, part: Part) -> Line:
    """Draw where a part drifts; some go round quickly in hooks."""
    draws = _draws(score, "pan", part.name)
    depth = PANS[part.name] * float(draws.uniform(0.7, 1.0))
    slow = _wave(score, part, "pan_drift", depth, 0.0)
    if part.name not in CIRCLING or draws.random() > 0.4:
        return slow
    period = float(draws.uniform(2.6, 7.4))
    points = list(slow.points)
    for section in score.form.sections:
        if section.role != "hook" and not (section.role == "verse" and draws.random() < 0.4):
            continue
        start, stop = section.start_beats, section.end_beats
        beats = np.arange(start, stop - 0.4, 0.5)
        around = depth * lfo(beats, period, (float(draws.random()), float(draws.random())))
        points = [p for p in points if not start - 0.5 < p[0] < stop]
        points += [(float(b), float(v)) for b, v in zip(beats, around, strict=True)]
    return Line.through(points)


def _drive(score: Score) -> Line:
    """Draw how hard the 808 is driven: warm in verses, growling towards the end of hooks."""
    draws = _draws(score, "drive")
    points: list[Point] = []
    for section in score.form.sections:
        level_db = DRIVE_DB[section.role] + float(draws.uniform(-1.0, 1.0))
        growth_db = float(draws.uniform(0.5, 3.0)) if section.role in ("verse", "hook") else 0.0
        start, stop = section.start_beats, section.end_beats - EDGE_BEATS
        points += [(start, max(level_db, 0.0)), (stop, max(level_db + growth_db, 0.0))]
    return Line.through(points)
