"""What each part goes through: filters, tape, grain, and levels that breathe."""

from __future__ import annotations

import math

import numpy as np

from halation.fx import draw_journeys
from halation.fx.lines import EDGE_BEATS, Line, Point, effect
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, WHOLE_SONG, Curve, Effect, Mood, Part, Score

__all__ = ["draw"]

HIGHPASS_HZ = {
    "pad": (85.0, 115.0), "wide": (115.0, 150.0), "bells": (200.0, 260.0),
    "pluck": (180.0, 220.0), "arp": (200.0, 260.0), "counter": (200.0, 240.0),
    "lead": (150.0, 190.0), "saw": (180.0, 230.0), "vocals": (160.0, 190.0),
    "choir": (130.0, 170.0), "weather": (190.0, 260.0), "haze": (190.0, 260.0),
    "cloud": (220.0, 300.0),
}  # fmt: skip
"""Range of each part's high-pass; the low end belongs to kick and 808."""
OTHER_HIGHPASS_HZ = (150.0, 200.0)

DUCKS_DB = {"pads": 5.4, "vocals": 4.0, "keys": 2.2, "lead": 3.0, "textures": 3.4, "space": 5.2}
"""How far each stem falls under kick and 808 in a hook."""
DUCK_DEPTHS = {"intro": 0.3, "verse": 0.58, "hook": 1.0, "bridge": 0.4, "outro": 0.5}
RELEASES_BEATS = (0.42, 0.55, 0.7)
"""How long a song takes to breathe in again."""

TAPED = {"pads": 1.0, "keys": 0.8, "lead": 0.55, "vocals": 0.65, "space": 0.9}
"""Chance of each stem to run over the tape where the haze is 0; drums and bass never do."""

SATURATED = {"pad": 0.8, "wide": 0.6, "saw": 0.9, "lead": 0.6, "vocals": 0.7, "choir": 0.5}
CRUSHED = {"lead": 1.0, "saw": 0.25, "bells": 0.3}
"""Chance of the parallel bit and rate reduction."""


def draw(score: Score) -> tuple[tuple[Effect, ...], tuple[Curve, ...]]:
    """Draw the effects and curves of every part, and the ducking and tape of every stem."""
    mood = score.form.mood
    effects, curves = _ducks(score)
    stems = {"space", *(part.stem for part in score.parts)}
    for stem, chance in TAPED.items():
        if (
            stem in stems
            and rng(_seed(score), "fx", "taped", stem).random() < chance + 0.3 * mood.haze
        ):
            effects.append(_tape(score, stem))
    for part in score.parts:
        curves += draw_journeys.draw(score, part)
        if part.stem == "bass":
            effects.append(
                effect("saturation", part.name, drive_db=draw_journeys.DRIVE_DB["verse"])
            )
        if part.stem in ("drums", "bass", WHOLE_SONG):
            continue
        draws = rng(_seed(score), "fx", "part", part.name)
        cutoff_hz = float(draws.uniform(*HIGHPASS_HZ.get(part.name, OTHER_HIGHPASS_HZ)))
        if _reaches(part, cutoff_hz):
            effects.append(effect("highpass", part.name, cutoff_hz=cutoff_hz))
        effects += _colours(part, mood, draws)
    effects += _octave(score, curves)
    return tuple(effects), tuple(curves)


def _seed(score: Score) -> int:
    return score.form.mood.brief.entropy


def _reaches(part: Part, cutoff_hz: float) -> bool:
    """Whether a part has anything near the high-pass: noise does, high notes do not."""
    lowest = min((note.pitch for note in part.notes), default=60)
    pitched = part.stem in ("pads", "keys", "lead")
    return not pitched or 440.0 * 2.0 ** ((lowest - 69) / 12.0) < 1.6 * cutoff_hz


def _ducks(score: Score) -> tuple[list[Effect], list[Curve]]:
    """Draw the side-chain of every stem: one breath for the song, deepest in its hooks."""
    draws = rng(_seed(score), "fx", "duck")
    energy = score.form.mood.energy
    beat_s = 60.0 / score.form.tempo_bpm
    depth = 1.0 + 0.1 * energy + float(draws.uniform(-0.1, 0.04))
    release_s = beat_s * float(draws.choice(RELEASES_BEATS)) * (1.0 - 0.1 * energy)
    effects: list[Effect] = []
    curves: list[Curve] = []
    for stem, deepest_db in DUCKS_DB.items():
        points: list[Point] = []
        for section in score.form.sections:
            level_db = deepest_db * depth * DUCK_DEPTHS[section.role] * draws.uniform(0.92, 1.08)
            start, stop = section.start_beats, section.end_beats - EDGE_BEATS
            growth = 1.12 if section.role == "hook" else 1.0
            points += [(start, min(level_db, 5.8)), (stop, min(level_db * growth, 6.0))]
        own_s = float(np.clip(release_s * draws.uniform(0.9, 1.15), 0.17, 0.34))
        deepest = max(value for _, value in points)
        effects.append(effect("duck", stem, depth_db=deepest, attack_s=0.02, release_s=own_s))
        curves.append(Line.through(points).curve(stem, "duck_db"))
    return effects, curves


def _tape(score: Score, stem: str) -> Effect:
    """Draw a stem's tape machine: the hazier and warmer the song, the older."""
    draws = rng(_seed(score), "fx", "tape", stem)
    mood = score.form.mood
    age = float(np.clip(0.45 + 0.4 * mood.haze + 0.2 * mood.warmth + draws.normal(0, 0.06), 0, 1))
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
    dirt = float(np.clip(0.4 + 0.2 * mood.warmth + 0.3 * mood.haze + 0.4 * mood.energy, 0.0, 1.0))
    if draws.random() < SATURATED.get(part.name, 0.0):
        drive_db = 2.0 + 5.0 * dirt * float(draws.uniform(0.75, 1.0))
        effects.append(effect("saturation", part.name, drive_db=drive_db))
    if draws.random() < CRUSHED.get(part.name, 0.0):
        effects.append(
            effect("crush", part.name, bits=draws.choice((10, 11, 12)), hold=2, gain_db=-12.0)
        )
    if part.stem in ("vocals", "lead", "keys") and part.notes and draws.random() < 0.18:
        # A telephone for a bar or two: at the head of a phrase somewhere after the first quarter.
        at = part.notes[int(len(part.notes) * draws.uniform(0.25, 0.7))].onset_beats
        start = math.floor(at / BEATS_PER_BAR) * BEATS_PER_BAR
        bars = int(draws.choice((1, 2)))
        band = {"low_hz": draws.uniform(350, 550), "high_hz": draws.uniform(2_200, 3_200)}
        span = {"start_beats": start, "end_beats": start + bars * BEATS_PER_BAR}
        effects.append(effect("phone", part.name, **span, **band))
    return effects


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
