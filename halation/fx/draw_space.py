"""The shared spaces: their size, what is sent there, and when."""

from __future__ import annotations

import numpy as np

from halation.fx.draw_sections import EARLY_BEATS, brightness
from halation.fx.lines import EDGE_BEATS, Line, Point, effect, s_curve
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, WHOLE_SONG, Curve, Effect, Mood, Part, Score, Section

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
    "drums": (-12.0, -17.0, None, -26.0),
    WHOLE_SONG: (None, -16.0, -18.0, None),
}
"""Sends of each part to :data:`BUSES` [dB]; None sends nothing."""
OTHER_SENDS_DB = (-12.5, -11.0, None, -16.0)

SECTION_DB = {"intro": 0.0, "verse": -1.5, "hook": 1.0, "bridge": 0.0, "outro": 0.5}
"""How much wetter a section is."""
GROWTH_DB = {
    "intro": (-2.0, 1.0), "verse": (0.0, 2.5), "hook": (0.5, 3.0), "bridge": (1.0, 4.0),
    "outro": (0.5, 3.0),
}  # fmt: skip
"""How much wetter it becomes from its first bar to its last; the near room stays."""

NEAR_T60_S = (0.62, 1.05)
HALL_T60_S = (3.5, 5.0)
SHIMMER_T60_S = (6.0, 8.0)
DAMPING_HZ = (1_300.0, 5_600.0)
SHIMMER_HZ = (1_800.0, 4_200.0)
"""Smallest and largest, darkest and glassiest space of any song; the mood lies between."""

ECHOES = (
    ((0.09, 0.2), (0.13, 0.28), (0.3, 0.44)),
    ((0.24, 0.44), (0.3, 0.58), (0.4, 0.58)),
    ((0.5, 0.85), (0.62, 1.15), (0.48, 0.62)),
)
"""Times of left and right [s] and feedback of a slap, a pair and a long drift."""

BLOOM_DB = 9.0
"""How far the shimmer opens at the ends of phrases and the beginnings of hooks."""
RESTING_DB = -3.0
"""The same between the blooms."""
LOUDEST_SHIMMER_DB = -2.0

BLOOMING = ("bells", "lead", "saw", "vocals", "counter", "choir")
"""Parts whose phrases end in a throw."""
PHRASE_REST_BEATS = 1.5


def draw(score: Score) -> tuple[tuple[Effect, ...], tuple[Curve, ...]]:
    """Draw the reverbs, delays and reversals of a song and the sends of every part."""
    effects = (*_reverbs(score), *_delays(score), *_reversals(score))
    curves: list[Curve] = []
    blooms = _blooms(score)
    for part in score.parts:
        curves += _sends(score, part, blooms)
    return effects, tuple(curves)


def _seed(score: Score) -> int:
    return score.form.mood.brief.entropy


def _reverbs(score: Score) -> tuple[Effect, ...]:
    """Draw three spaces: longer and later for haze and stillness, glassier for ice."""
    draws = rng(_seed(score), "fx", "reverb")
    size, glass = _room(score.form.mood, draws)
    returns = {
        "low_hz": draws.uniform(200.0, 300.0),
        "high_hz": np.clip(5_700.0 + 2_500.0 * glass + draws.uniform(-300, 300), 5_600.0, 8_300.0),
    }
    damping_hz = _between(DAMPING_HZ, glass) * 2.0 ** draws.uniform(-0.15, 0.15)
    near = {"t60_s": _between(NEAR_T60_S, size), "predelay_s": 0.004 + 0.018 * draws.random()}
    hall = {
        "t60_s": _between(HALL_T60_S, size),
        "predelay_s": 0.02 + 0.03 * size + 0.04 * draws.random(),
    }
    far = {"t60_s": _between(SHIMMER_T60_S, size), "predelay_s": draws.uniform(0.05, 0.1)}
    return (
        effect("reverb", "near", **near, buildup_s=0.004, damping_hz=1.5 * damping_hz, **returns),
        effect(
            "reverb", "hall", **hall, buildup_s=0.012 + 0.06 * size * draws.uniform(0.5, 1.5),
            damping_hz=damping_hz, **returns,
        ),
        effect(
            "reverb", "shimmer", **far, buildup_s=0.12 + 0.35 * size * draws.uniform(0.6, 1.4),
            damping_hz=damping_hz * draws.uniform(0.9, 1.4), **returns,
        ),
        effect(
            "shimmer", "shimmer",
            loop_s=0.2 + 0.26 * size + 0.04 * draws.random(),
            feedback=np.clip(0.54 + 0.14 * glass + draws.uniform(-0.05, 0.05), 0.5, 0.72),
            cutoff_hz=_between(SHIMMER_HZ, glass) * 2.0 ** draws.uniform(-0.15, 0.15),
            grain_s=draws.uniform(0.1, 0.24),
            stream=int(draws.integers(2**31)),
        ),
    )  # fmt: skip


def _room(mood: Mood, draws: np.random.Generator) -> tuple[float, float]:
    """Return how large and how glassy a song's spaces are, 0 … 1 each."""
    large = 0.45 * mood.haze - 0.55 * mood.energy - 0.15 * mood.density + draws.normal(0.0, 0.08)
    glassy = -0.5 * mood.warmth - 0.4 * mood.haze + 0.15 * mood.valence + draws.normal(0.0, 0.08)
    size, glass = np.clip((0.5 + 0.8 * large, 0.5 + 1.0 * glassy), 0.0, 1.0)
    return float(size), float(glass)


def _between(bounds: tuple[float, float], place: float) -> float:
    """Return what lies between two bounds, in equal ratios."""
    low, high = bounds
    return float(low * (high / low) ** place)


def _unsynced(draws: np.random.Generator, bounds_s: tuple[float, float], beat_s: float) -> float:
    """Draw a time that is no musical fraction of a beat."""
    for _ in range(64):
        time_s = float(draws.uniform(*bounds_s))
        if all(abs(time_s / beat_s * n - round(time_s / beat_s * n)) > 0.12 for n in (3, 4)):
            break
    return time_s


def _delays(score: Score) -> list[Effect]:
    """Draw the echoes: one of three kinds, the likelier the closer its mood."""
    draws = rng(_seed(score), "fx", "delay")
    mood = score.form.mood
    beat_s = 60.0 / score.form.tempo_bpm
    slow = 0.5 * mood.haze - 0.6 * mood.energy + float(draws.normal(0.0, 0.45))
    kind = ECHOES[0 if slow < -0.35 else 2 if slow > 0.35 else 1]
    left_s, right_s, feedback = kind
    effects = [
        effect(
            "delay", "delay",
            left_s=_unsynced(draws, left_s, beat_s),
            right_s=_unsynced(draws, right_s, beat_s),
            feedback=draws.uniform(*feedback) + 0.04 * mood.haze,
            low_hz=draws.uniform(200.0, 480.0),
            high_hz=3_200.0 * 2.0 ** (0.9 * brightness(mood) + draws.uniform(-0.4, 0.4)),
            hall_db=draws.uniform(-10.0, -4.0) + 1.5 * mood.haze,
            wow_hz=draws.uniform(0.15, 0.6),
            wow_cents=max(1.0, 7.0 + 7.0 * mood.haze + 3.0 * mood.warmth + draws.normal(0.0, 2.0)),
            stream=int(draws.integers(2**31)),
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
        take_s, level_db = draws.uniform(1.0, 2.0), draws.uniform(-7.5, -4.0)
        effects.append(
            effect(
                "reverse_reverb", section.name, **place,
                length_beats=length, take_s=take_s, gain_db=level_db,
            )
        )  # fmt: skip
    return effects


def _sends(score: Score, part: Part, blooms: Line) -> list[Curve]:
    """Draw one part's sends: its place in the room, the sections, the throws, the closing."""
    draws = rng(_seed(score), "fx", "send", part.name)
    mood = score.form.mood
    wetness = 2.6 * mood.haze - 1.8 * mood.energy - 0.6 * mood.density
    tilt = {"near": 0.0, "hall": 0.0, "shimmer": 2.0 * brightness(mood), "delay": 0.0}
    throws = _throws(score, part, draws)
    curves = []
    for bus, level_db in zip(BUSES, SENDS_DB.get(part.name, OTHER_SENDS_DB), strict=True):
        offset = float(draws.uniform(-0.5, 0.5))
        if level_db is None:
            continue
        base = level_db + wetness + tilt[bus] + offset
        line = Line.through(
            point for s in score.form.sections for point in _section_send(s, bus, base, draws)
        )
        line = line.plus(throws[bus]) if bus in throws else line
        if bus == "shimmer":
            line = line.plus(blooms).least(Line.flat(LOUDEST_SHIMMER_DB))
        curves.append(_closing(score, line, bus).curve(part.name, f"{bus}_send_db"))
    return curves


def _section_send(
    section: Section, bus: str, base_db: float, draws: np.random.Generator
) -> list[Point]:
    """Draw a section's send: it steps at the seam and goes on growing, or drying, to the next."""
    level_db = base_db + SECTION_DB[section.role] * (0.4 if bus == "near" else 1.0)
    start, stop = section.start_beats, section.end_beats - EDGE_BEATS
    if bus == "near":
        return [(start, level_db), (stop, level_db)]
    low, high = GROWTH_DB[section.role]
    growth_db = float(draws.uniform(low, high))
    return s_curve((start, level_db - growth_db / 2.0), (stop, level_db + growth_db / 2.0), 5)


def _blooms(score: Score) -> Line:
    """Draw when the shimmer opens: into the ends of sections and phrases, and as hooks begin."""
    draws = rng(_seed(score), "fx", "blooms")
    points: list[Point] = []
    for section in score.form.sections:
        start, stop = section.start_beats, section.end_beats
        if section.role == "hook":
            gone = min(start + 3.0 * BEATS_PER_BAR, start + section.duration_beats / 3.0)
            points += s_curve((start, BLOOM_DB), (gone, RESTING_DB), 5)
        else:
            points.append((start + min(2.0, section.duration_beats / 8.0), RESTING_DB))
        phrase = 8.0 * BEATS_PER_BAR
        for end in np.arange(start + phrase, stop - 0.5 * phrase + 0.1, phrase):
            if draws.random() < 0.6:
                points += _bloom(float(end), float(draws.uniform(0.55, 0.9)) * BLOOM_DB)
        if section.role != "outro" and section.duration_beats >= 4.0 * BEATS_PER_BAR:
            rise = 2.0 * BEATS_PER_BAR
            points += s_curve((stop - rise, RESTING_DB), (stop - 1.0, BLOOM_DB), 5)
    return Line.through(points)


def _bloom(end: float, height_db: float) -> list[Point]:
    """Draw one bloom over the last bar and a half of a phrase and the first beats of the next."""
    rising = s_curve((end - 6.0, RESTING_DB), (end - 0.5, height_db), 5)
    return [*rising, (end + 1.0, height_db), (end + 4.0, RESTING_DB)]


def _throws(score: Score, part: Part, draws: np.random.Generator) -> dict[str, Line]:
    """Draw the throws: the last note of a phrase, or now and then a last snare, blooms.

    All of them go to the hall; some besides to the delay, some to the shimmer.
    """
    points: dict[str, list[Point]] = {bus: [(0.0, 0.0)] for bus in ("hall", "delay", "shimmer")}
    if part.name not in (*BLOOMING, "snare"):
        return {}
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
        start = max(note.onset_beats - 2.0 * EARLY_BEATS, free_from)
        hold = end + min(0.5, max(gap - 0.3, 0.1))
        chances = {"hall": 1.0, "delay": 0.6, "shimmer": 0.5}
        for bus, chance in chances.items():
            bump_db = float(draws.uniform(6.0, 8.0)) + (2.0 if bus == "delay" else 0.0)
            if draws.random() < chance:
                points[bus] += [(start, 0.0), (start + EARLY_BEATS, bump_db)]
                points[bus] += [(hold, bump_db), (hold + 0.2, 0.0)]
        free_from = hold + 0.2 + EDGE_BEATS
    return {bus: Line.through(found) for bus, found in points.items()}


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
