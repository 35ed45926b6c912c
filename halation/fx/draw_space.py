"""The shared spaces: their size, what is sent there, and when."""

from __future__ import annotations

import numpy as np

from halation.fx.draw_sections import EARLY_BEATS, brightness
from halation.fx.lines import EDGE_BEATS, Line, Point, effect
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, Curve, Effect, Part, Score, Section

__all__ = ["BUSES", "draw"]

BUSES = ("near", "hall", "shimmer", "delay")

CLOSED_DB = -90.0

SENDS_DB: dict[str, tuple[float | None, float | None, float | None, float | None]] = {
    "snare": (-8.5, -13.0, None, -24.0),
    "hats": (-15.5, -27.0, None, None),
    "perc": (-12.5, -13.0, None, -18.0),
    "pad": (None, -10.0, -10.0, None),
    "wide": (None, -9.0, -11.0, None),
    "bells": (-13.5, -8.5, -9.0, -13.0),
    "pluck": (-10.5, -11.0, None, -15.0),
    "arp": (-13.5, -10.5, -14.0, -13.0),
    "counter": (-12.5, -9.5, -11.0, -13.0),
    "lead": (-11.5, -9.5, -14.0, -14.0),
    "saw": (-12.5, -11.0, None, -18.0),
    "vocals": (-11.5, -7.5, -11.0, -12.0),
    "choir": (None, -7.5, -8.0, None),
    "weather": (None, -19.0, None, None),
    "haze": (None, -17.0, -16.0, None),
    "cloud": (None, -9.0, -11.0, None),
    "kick": (None, None, None, None),
    "bass": (None, None, None, None),
}
"""Sends of each part to :data:`BUSES` [dB]; None sends nothing."""
OTHER_SENDS_DB = (-12.5, -11.0, None, -16.0)

SECTION_DB = {"intro": 0.0, "verse": -1.5, "hook": 1.0, "bridge": 0.0, "outro": 0.5}
"""How much wetter a section is."""

BLOOMING = ("bells", "lead", "saw", "vocals", "counter", "choir")
"""Parts whose phrases end in a throw."""
PHRASE_REST_BEATS = 1.5


def draw(score: Score) -> tuple[tuple[Effect, ...], tuple[Curve, ...]]:
    """Draw the reverbs, delays and reversals of a song and the sends of every part."""
    effects = (*_reverbs(score), *_delays(score), *_reversals(score))
    curves: list[Curve] = []
    for part in score.parts:
        curves += _sends(score, part)
    return effects, tuple(curves)


def _seed(score: Score) -> int:
    return score.form.mood.brief.entropy


def _reverbs(score: Score) -> tuple[Effect, ...]:
    """Draw three spaces: longer for haze and stillness, brighter for ice."""
    draws = rng(_seed(score), "fx", "reverb")
    mood = score.form.mood
    bright = brightness(mood)
    size = float(np.clip(0.5 + 0.25 * mood.haze - 0.2 * mood.energy + draws.normal(0, 0.15), 0, 1))
    returns = {
        "low_hz": draws.uniform(200.0, 300.0),
        "high_hz": np.clip(6_800.0 + 900.0 * bright + draws.uniform(-300, 300), 6_000.0, 8_000.0),
    }
    damping_hz = 2_400.0 * 2.0 ** (0.6 * bright + draws.uniform(-0.2, 0.2))
    near = {"t60_s": 0.8 + 0.25 * (size - 0.5), "predelay_s": draws.uniform(0.005, 0.02)}
    hall = {"t60_s": 3.5 + 1.5 * size, "predelay_s": draws.uniform(0.02, 0.08)}
    far = {"t60_s": 6.0 + 2.0 * size, "predelay_s": draws.uniform(0.05, 0.08)}
    return (
        effect("reverb", "near", **near, buildup_s=0.004, damping_hz=1.5 * damping_hz, **returns),
        effect(
            "reverb", "hall", **hall, buildup_s=draws.uniform(0.015, 0.05),
            damping_hz=damping_hz, **returns,
        ),
        effect(
            "reverb", "shimmer", **far, buildup_s=draws.uniform(0.15, 0.4),
            damping_hz=damping_hz, **returns,
        ),
        effect(
            "shimmer", "shimmer",
            loop_s=draws.uniform(0.25, 0.5),
            feedback=np.clip(0.58 + 0.1 * bright + draws.uniform(-0.06, 0.06), 0.5, 0.72),
            cutoff_hz=2_600.0 * 2.0 ** (0.4 * bright + draws.uniform(-0.2, 0.2)),
            grain_s=draws.uniform(0.12, 0.22),
            stream=int(draws.integers(2**31)),
        ),
    )  # fmt: skip


def _unsynced(draws: np.random.Generator, bounds_s: tuple[float, float], beat_s: float) -> float:
    """Draw a time that is no musical fraction of a beat."""
    for _ in range(64):
        time_s = float(draws.uniform(*bounds_s))
        if all(abs(time_s / beat_s * n - round(time_s / beat_s * n)) > 0.12 for n in (3, 4)):
            break
    return time_s


def _delays(score: Score) -> list[Effect]:
    draws = rng(_seed(score), "fx", "delay")
    mood = score.form.mood
    beat_s = 60.0 / score.form.tempo_bpm
    effects = [
        effect(
            "delay", "delay",
            left_s=_unsynced(draws, (0.24, 0.5), beat_s),
            right_s=_unsynced(draws, (0.3, 0.62), beat_s),
            feedback=np.clip(0.5 + 0.1 * mood.haze + draws.uniform(-0.08, 0.08), 0.3, 0.66),
            low_hz=draws.uniform(220.0, 420.0),
            high_hz=3_200.0 * 2.0 ** (0.5 * brightness(mood) + draws.uniform(-0.3, 0.3)),
            hall_db=draws.uniform(-9.0, -5.0),
        )
    ]  # fmt: skip
    if draws.random() < 0.65:
        chunk_s = _unsynced(draws, (0.6, 1.5), beat_s)
        level_db = draws.uniform(-7.0, -2.0)
        effects.append(effect("reversed_delay", "delay", chunk_s=chunk_s, gain_db=level_db))
    return effects


def _reversals(score: Score) -> list[Effect]:
    """Draw swells of reversed reverb into hooks and some of the verses."""
    effects = []
    for before, section in zip(score.form.sections, score.form.sections[1:], strict=False):
        draws = rng(_seed(score), "fx", "reverse_reverb", section.name)
        chance = {"hook": 0.9, "verse": 0.75, "bridge": 0.25}.get(section.role, 0.0)
        if draws.random() > chance:
            continue
        length = min(float(draws.choice((4.0, 6.0, 8.0))), before.duration_beats / 2.0)
        # Into a hook it stops dead where the silence begins.
        rest = 0.5 + EARLY_BEATS if section.role == "hook" and before.role != "hook" else 0.0
        place = {"seam_beats": section.start_beats, "end_beats": section.start_beats - rest}
        take_s, level_db = draws.uniform(1.0, 2.0), draws.uniform(-4.0, 0.0)
        effects.append(
            effect(
                "reverse_reverb", section.name, **place,
                length_beats=length, take_s=take_s, gain_db=level_db,
            )
        )  # fmt: skip
    return effects


def _sends(score: Score, part: Part) -> list[Curve]:
    """Draw one part's sends: its place in the room, the sections, the throws, the closing."""
    draws = rng(_seed(score), "fx", "send", part.name)
    mood = score.form.mood
    wetness = 2.2 * mood.haze - 1.6 * mood.energy - 0.6 * mood.density
    tilt = {"near": 0.0, "hall": 0.0, "shimmer": 2.0 * brightness(mood), "delay": 0.0}
    throws = _throws(score, part, draws)
    curves = []
    for bus, level_db in zip(BUSES, SENDS_DB.get(part.name, OTHER_SENDS_DB), strict=True):
        offset = float(draws.uniform(-1.0, 1.0))
        if level_db is None:
            continue
        base = level_db + wetness + tilt[bus] + offset
        line = Line.steps(
            [(s.start_beats, base + _section_db(s, bus)) for s in score.form.sections], 2.0
        )
        if bus in ("hall", "delay", "shimmer"):
            line = line.plus(throws)
        curves.append(_closing(score, line, bus).curve(part.name, f"{bus}_send_db"))
    return curves


def _section_db(section: Section, bus: str) -> float:
    """Return how much wetter a section is; the near room hardly changes."""
    return SECTION_DB[section.role] * (0.4 if bus == "near" else 1.0)


def _throws(score: Score, part: Part, draws: np.random.Generator) -> Line:
    """Draw the throws: the last note of a phrase, or now and then a last snare, blooms."""
    points: list[Point] = [(0.0, 0.0)]
    if part.name not in (*BLOOMING, "snare"):
        return Line.flat(0.0)
    free_from = 0.0
    for note, following in zip(part.notes, (*part.notes[1:], None), strict=True):
        end = note.onset_beats + note.duration_beats
        gap = following.onset_beats - end if following else PHRASE_REST_BEATS
        if part.name == "snare":
            bar = int(note.onset_beats // BEATS_PER_BAR)
            last = bar % 8 == 7 and (not following or following.onset_beats // 4 > bar)
        else:
            last = gap >= PHRASE_REST_BEATS
        if not last or note.onset_beats < free_from:
            continue
        bump_db = float(draws.uniform(6.0, 8.0))
        start = max(note.onset_beats - 2.0 * EARLY_BEATS, free_from)
        hold = end + min(0.5, max(gap - 0.3, 0.1))
        points += [(start, 0.0), (start + EARLY_BEATS, bump_db), (hold, bump_db), (hold + 0.2, 0.0)]
        free_from = hold + 0.2 + EDGE_BEATS
    return Line.through(points)


def _closing(score: Score, line: Line, bus: str) -> Line:
    """Close a send before the end, the longest tails first."""
    end = score.form.duration_beats
    outro = score.form.sections[-1]
    bars = {"near": 0.5, "hall": 0.75, "shimmer": 2.0, "delay": 1.5}[bus]
    closed = max(end - bars * BEATS_PER_BAR, outro.start_beats + 2.0)
    fading = max(closed - 2.0 * BEATS_PER_BAR, outro.start_beats)
    kept = [p for p in line.points if p[0] < fading]
    level_db = line.at(fading)
    nearly = (max(closed - 1.0, fading + 0.5), level_db - 10.0)
    return Line.through([*kept, (fading, level_db), nearly, (closed, CLOSED_DB)])
