"""What each part goes through: filters, tape, grain, and levels that breathe."""

from __future__ import annotations

import math

import numpy as np

from halation.dsp.modulation import drift, lfo
from halation.fx.draw_sections import brightness, lift_beats
from halation.fx.lines import Line, Point, effect
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, Curve, Effect, Mood, Part, Score

__all__ = ["draw"]

HIGHPASS_HZ = {
    "pad": (120.0, 160.0), "wide": (150.0, 190.0), "bells": (200.0, 260.0),
    "pluck": (180.0, 220.0), "arp": (200.0, 260.0), "counter": (200.0, 240.0),
    "lead": (150.0, 190.0), "saw": (180.0, 230.0), "vocals": (160.0, 190.0),
    "choir": (160.0, 200.0), "weather": (190.0, 260.0), "haze": (190.0, 260.0),
    "cloud": (220.0, 300.0),
}  # fmt: skip
"""Range of each part's high-pass; the low end belongs to kick and 808."""
OTHER_HIGHPASS_HZ = (150.0, 200.0)

DRIFTING_HZ = {
    "pad": 4_500.0, "wide": 7_000.0, "choir": 6_000.0, "saw": 7_500.0,
    "weather": 8_000.0, "haze": 5_000.0, "cloud": 6_000.0,
}  # fmt: skip
"""Middle of the low-pass that drifts over each sustained part."""

DUCKS_DB = {"pads": 5.0, "vocals": 4.0, "keys": 2.0, "lead": 3.0, "textures": 3.0, "space": 5.0}
"""How far each stem falls under kick and 808."""

TAPED = {"pads": 1.0, "keys": 0.8, "lead": 0.55, "vocals": 0.65}
"""Chance of each stem to run over the tape where the haze is 0; drums and bass never do."""

SATURATED = {"pad": 0.8, "wide": 0.6, "saw": 0.9, "lead": 0.6, "vocals": 0.7, "choir": 0.5}
CRUSHED = {"lead": 1.0, "saw": 0.25, "bells": 0.3}
"""Chance of the parallel bit and rate reduction."""
BREATHING = ("pad", "wide", "choir", "weather", "haze", "cloud")


def draw(score: Score) -> tuple[tuple[Effect, ...], tuple[Curve, ...]]:
    """Draw the effects and curves of every part, and the ducking and tape of every stem."""
    mood = score.form.mood
    effects = [_duck(score, stem, depth_db) for stem, depth_db in DUCKS_DB.items()]
    stems = sorted({part.stem for part in score.parts})
    for stem, chance in TAPED.items():
        if (
            stem in stems
            and rng(_seed(score), "fx", "taped", stem).random() < chance + 0.3 * mood.haze
        ):
            effects.append(_tape(score, stem))
    curves: list[Curve] = []
    for part in score.parts:
        if part.stem in ("drums", "bass"):
            continue
        draws = rng(_seed(score), "fx", "part", part.name)
        cutoff_hz = float(draws.uniform(*HIGHPASS_HZ.get(part.name, OTHER_HIGHPASS_HZ)))
        if _reaches(part, cutoff_hz):
            effects.append(effect("highpass", part.name, cutoff_hz=cutoff_hz))
        effects += _colours(part, mood, draws)
        curves += _movements(part, score, draws)
    effects += _octave(score, curves)
    effects += _tape_stop(score)
    return tuple(effects), tuple(curves)


def _seed(score: Score) -> int:
    return score.form.mood.brief.entropy


def _reaches(part: Part, cutoff_hz: float) -> bool:
    """Whether a part has anything near the high-pass: noise does, high notes do not."""
    lowest = min((note.pitch for note in part.notes), default=60)
    pitched = part.stem in ("pads", "keys", "lead")
    return not pitched or 440.0 * 2.0 ** ((lowest - 69) / 12.0) < 1.6 * cutoff_hz


def _duck(score: Score, stem: str, depth_db: float) -> Effect:
    draws = rng(_seed(score), "fx", "duck", stem)
    energy = score.form.mood.energy
    depth_db = float(np.clip(depth_db + 0.6 * energy + draws.uniform(-0.4, 0.4), 1.0, 6.0))
    release_s = 0.25 * float(draws.uniform(0.85, 1.25))
    return effect("duck", stem, depth_db=depth_db, attack_s=0.02, release_s=release_s)


def _tape(score: Score, stem: str) -> Effect:
    """Draw a stem's tape machine: the hazier and warmer the song, the older."""
    draws = rng(_seed(score), "fx", "tape", stem)
    mood = score.form.mood
    age = float(np.clip(0.45 + 0.35 * mood.haze + 0.15 * mood.warmth + draws.normal(0, 0.12), 0, 1))
    return effect(
        "tape",
        stem,
        wow_hz=math.exp(draws.uniform(math.log(0.3), math.log(2.2))),
        wow_cents=3.0 + 8.0 * age,
        flutter_hz=draws.uniform(6.0, 15.0),
        flutter_cents=0.5 + 2.0 * age,
        stream=int(draws.integers(2**31)),
    )


def _colours(part: Part, mood: Mood, draws: np.random.Generator) -> list[Effect]:
    """Draw saturation, bit reduction and telephone moments."""
    effects = []
    dirt = float(np.clip(0.5 + 0.3 * mood.warmth + 0.3 * mood.haze, 0.0, 1.0))
    if draws.random() < SATURATED.get(part.name, 0.0):
        drive_db = 2.0 + 5.0 * dirt * float(draws.uniform(0.5, 1.0))
        effects.append(effect("saturation", part.name, drive_db=drive_db))
    if draws.random() < CRUSHED.get(part.name, 0.0):
        effects.append(
            effect("crush", part.name, bits=draws.choice((10, 11, 12)), hold=2, gain_db=-12.0)
        )
    if part.stem in ("vocals", "lead", "keys") and part.notes and draws.random() < 0.25:
        # A telephone for a bar or two: at the head of a phrase somewhere after the first quarter.
        at = part.notes[int(len(part.notes) * draws.uniform(0.25, 0.7))].onset_beats
        start = math.floor(at / BEATS_PER_BAR) * BEATS_PER_BAR
        bars = int(draws.choice((1, 2)))
        band = {"low_hz": draws.uniform(350, 550), "high_hz": draws.uniform(2_200, 3_200)}
        span = {"start_beats": start, "end_beats": start + bars * BEATS_PER_BAR}
        effects.append(effect("phone", part.name, **span, **band))
    return effects


def _movements(part: Part, score: Score, draws: np.random.Generator) -> list[Curve]:
    """Draw the filter that drifts and the level that breathes."""
    curves = []
    beats = np.arange(0.0, score.form.duration_beats, 4.0)
    if part.name in DRIFTING_HZ:
        middle = math.log2(DRIFTING_HZ[part.name]) + 0.5 * brightness(score.form.mood)
        phases = (float(draws.random()), float(draws.random()))
        slow = lfo(beats, float(draws.uniform(20.0, 60.0)), phases)
        walk = np.clip(drift(draws, len(beats)), -2.0, 2.0)
        octaves = middle + 0.45 * slow + 0.2 * walk
        points = tuple((float(b), float(v)) for b, v in zip(beats, octaves, strict=True))
        curves.append(Line(points).curve(part.name, "cutoff_hz", octaves=True))
    if part.name in BREATHING:
        phases = (float(draws.random()), float(draws.random()))
        level = 1.2 * lfo(beats, float(draws.uniform(14.0, 40.0)), phases)
        line = Line(tuple((float(b), float(v)) for b, v in zip(beats, level, strict=True)))
        line = line.plus(_gate(part, score, draws))
        curves.append(line.curve(part.name, "gain_db"))
    return curves


def _gate(part: Part, score: Score, draws: np.random.Generator) -> Line:
    """Draw a gate that chops a pad in the last bars before a hook, in some songs."""
    points: list[Point] = [(0.0, 0.0)]
    wanted = draws.random() < 0.3
    if part.stem != "pads" or not wanted:
        return Line.flat(0.0)
    step = float(draws.choice((0.5, 0.75, 1.0)))
    depth_db = float(draws.uniform(-20.0, -12.0))
    for _, hook, length in lift_beats(score):
        first = hook.start_beats - min(length, 2.0 * BEATS_PER_BAR)
        for at in np.arange(first, hook.start_beats - step / 2.0, step):
            middle = float(at) + 0.6 * step
            end = float(at) + step
            points += [(middle, 0.0), (middle + 0.08, depth_db), (end - 0.05, depth_db), (end, 0.0)]
    return Line.through(points)


def _octave(score: Score, curves: list[Curve]) -> list[Effect]:
    """Draw a granular octave over the voice or the keys in the hooks of some songs."""
    draws = rng(_seed(score), "fx", "octave")
    names = [part.name for part in score.parts]
    choices = [name for name in ("vocals", "choir", "bells", "pluck") if name in names]
    hooks = [section for section in score.form.sections if section.role == "hook"]
    if not choices or not hooks or draws.random() > 0.45:
        return []
    # The first of them that the song has is the likeliest.
    name = choices[min(int(draws.exponential(0.6)), len(choices) - 1)]
    level_db = float(draws.uniform(-14.0, -9.0))
    first = len(hooks) - 1 if draws.random() < 0.4 else 0
    points: list[Point] = [(0.0, -90.0)]
    for hook in hooks[first:]:
        start, stop = hook.start_beats, hook.end_beats
        points += [(start - 0.5, -90.0), (start, level_db), (stop, level_db), (stop + 1.0, -90.0)]
    curves.append(Line.through(points).curve(name, "octave_db"))
    return [
        effect("octave", name, grain_s=draws.uniform(0.06, 0.11), stream=int(draws.integers(2**31)))
    ]


def _tape_stop(score: Score) -> list[Effect]:
    """Draw, rarely, a tape that slows down over the last whole bar of a bridge or verse."""
    draws = rng(_seed(score), "fx", "tape_stop")
    places = [hook.start_beats for before, hook, _ in lift_beats(score) if before.bars >= 4]
    if not places or draws.random() > 0.12:
        return []
    end = places[-1]
    speed = draws.uniform(0.3, 0.55)
    span = {"start_beats": end - BEATS_PER_BAR, "end_beats": end}
    return [effect("tape_stop", "music", **span, final_speed=speed)]
