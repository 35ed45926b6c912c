"""Who plays where: the song's cast, and each section's layers, loudness and ends."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from halation.score.melody import BREATH_BEATS, TAIL_BEATS
from halation.types import BEATS_PER_BAR, Form, Mood, Role, Section

__all__ = ["LEVELS", "REGISTERS", "Scene", "draw_cast", "draw_scenes", "is_last"]

LEVELS: Final[dict[Role, float]] = {
    "intro": 0.74, "verse": 0.82, "hook": 1.0, "bridge": 0.74, "outro": 0.76,
}  # fmt: skip
"""Loudness of each role's playing; the hook is the peak of the arch."""

REGISTERS: Final[dict[Role, int]] = {
    "intro": 73, "verse": 70, "hook": 76, "bridge": 67, "outro": 72,
}  # fmt: skip
"""MIDI pitch near which the pads' highest voice lies."""

ALWAYS: Final = frozenset({"pad", "weather", "kick", "snare", "hats", "bass", "bells"})
DROPPED: Final = ("pluck", "arp", "choir", "perc")
"""Of these one is missing from every second hook."""
BRIDGES: Final = ("pieces", "voice", "run", "beat")
"""What a bridge is made of besides the motif's pieces."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A section as it is staged.

    Parameters
    ----------
    section : Section
    nth : int
        1 for the first section of its role.
    layers : frozenset of str
        Parts that play, and the drummer's habits (``ghosts rolls fills thin half``).
    level : float
        Loudness of the playing.
    stop_beats, bass_stop_beats, pad_stop_beats : float
        Where melodies and drums, the bass, and the pads end.
    """

    section: Section
    nth: int
    layers: frozenset[str]
    level: float
    stop_beats: float
    bass_stop_beats: float
    pad_stop_beats: float


def is_last(scene: Scene, scenes: tuple[Scene, ...]) -> bool:
    """Whether no other section of a scene's role follows."""
    same = [s for s in scenes if s.section.role == scene.section.role]
    return scene is same[-1]


CASTING: Final[dict[str, tuple[float, float, float, float]]] = {
    "pluck": (1.5, 1.0, 2.0, -2.0),
    "arp": (0.6, 3.0, 4.0, 0.0),
    "saw": (1.2, 6.0, 1.0, 0.0),
    "lead": (0.4, 2.0, 2.0, 0.0),
    "wide": (2.5, 1.0, 2.0, 1.0),
    "counter": (1.8, 0.0, 2.0, 0.0),
    "haze": (0.2, -2.0, 0.5, 5.0),
    "perc": (1.2, 3.0, 3.0, -1.0),
    "choir": (1.5, -4.0, 0.0, 2.0),
}
"""What speaks for a part in any mood, and how far energy, density and haze speak for it more; the
chance is the logistic function of the sum."""


def draw_cast(mood: Mood, stream: np.random.Generator) -> frozenset[str]:
    """Draw which parts the song has: still and sparse songs have few, each mood its own."""
    axes = (mood.energy, mood.density, mood.haze)
    chances = {
        name: 1.0 / (1.0 + math.exp(-always - sum(x * y for x, y in zip(axes, by, strict=True))))
        for name, (always, *by) in CASTING.items()
    }
    cast = {name for name, chance in chances.items() if stream.random() < chance}
    if not cast & {"pluck", "arp"}:
        cast.add("pluck")
    if not cast & {"saw", "lead"}:
        cast.add("saw" if mood.energy > 0.0 else "lead")
    if mood.brief.instrumental:
        cast = cast - {"choir"} | {"lead"}
    else:
        cast.add("vocals")
    return frozenset(cast) | ALWAYS


def draw_scenes(form: Form, cast: frozenset[str], stream: np.random.Generator) -> tuple[Scene, ...]:
    """Stage every section; the second of a role is never staged as the first."""
    scenes = []
    count: dict[str, int] = {}
    for i, section in enumerate(form.sections):
        nth = count[section.role] = count.get(section.role, 0) + 1
        following = form.sections[i + 1].role if i + 1 < len(form.sections) else None
        layers = _LAYERS[section.role](form.mood, section, nth, stream)
        end = section.end_beats
        stop = end - BREATH_BEATS if following == "hook" else end
        bass_stop, pad_stop = stop, end
        if following == "hook":
            layers |= {"thin"} if section.bars >= 4 else set()
            bass_stop = end - BEATS_PER_BAR * (2 if section.bars >= 8 else 1)
            if section.bars <= 1:
                bass_stop = end - 2.0
            if section.role == "bridge":
                stop = end - (BEATS_PER_BAR if section.bars >= 4 else BREATH_BEATS)
                layers |= {"breath"}
        if section.role == "outro":
            stop = bass_stop = pad_stop = end - TAIL_BEATS
        playing = frozenset(x for x in layers if x in cast or x in _HABITS)
        level = LEVELS[section.role] + (0.02 * min(nth - 1, 2) if section.role == "hook" else 0.0)
        scenes.append(Scene(section, nth, playing, level, stop, bass_stop, pad_stop))
    return tuple(scenes)


_HABITS: Final = frozenset({"ghosts", "rolls", "fills", "thin", "half", "breath", "swell"})


def _intro(mood: Mood, section: Section, nth: int, stream: np.random.Generator) -> set[str]:
    layers = {"pad", "weather", "bells", "haze"}
    if stream.random() < 0.4 + 0.4 * mood.density and section.bars >= 4:
        layers.add("arp")
    if section.bars >= 2:
        layers |= {"choir", "wide", "swell"}
    return layers


def _verse(mood: Mood, section: Section, nth: int, stream: np.random.Generator) -> set[str]:
    layers = {"pad", "weather", "kick", "snare", "hats", "bass", "pluck", "fills", "counter"}
    busy = 0.3 * (mood.energy + mood.density)
    chances = {"perc": 0.5, "haze": 0.3, "ghosts": 0.2 + busy, "arp": 0.25 + busy}
    if nth > 1:
        layers.add("vocals")
        chances |= {"ghosts": 0.8, "perc": 0.8, "rolls": 0.5 + busy, "arp": 0.6, "choir": 0.3}
    layers |= {name for name, chance in chances.items() if stream.random() < chance}
    return layers


def _hook(mood: Mood, section: Section, nth: int, stream: np.random.Generator) -> set[str]:
    layers = {"pad", "wide", "weather", "kick", "snare", "hats", "perc", "bass", "bells", "saw"}
    layers |= {"vocals", "choir", "ghosts", "rolls", "fills", "pluck", "arp", "counter"}
    if stream.random() < 0.25 or nth > 1 or mood.brief.instrumental or mood.energy < 0.0:
        layers.add("lead")
    if (nth % 2 == 1 and nth > 1) or (nth == 1 and mood.density < 0.3):
        layers.discard(DROPPED[int(stream.integers(3))])
    return layers


def _bridge(mood: Mood, section: Section, nth: int, stream: np.random.Generator) -> set[str]:
    """Stage a bridge as one of :data:`BRIDGES`: pieces, a voice alone, a run, half a beat."""
    kind = BRIDGES[int(stream.integers(len(BRIDGES)))]
    layers = {"pad", "weather", "haze", "pieces"}
    if kind == "voice" and not mood.brief.instrumental:
        return layers | {"vocals"}
    layers.add(("bells", "lead", "counter")[int(stream.integers(3))])
    if kind == "run" and section.bars >= 8:
        return layers | {"arp"}
    if stream.random() < 0.6:
        layers.add("choir")
    if section.bars >= 4 and (kind == "beat" or stream.random() < 0.2 + 0.3 * mood.energy):
        layers |= {"kick", "snare", "half"}
    if stream.random() < 0.4 and section.bars >= 4:
        layers.add("bass")
    return layers


def _outro(mood: Mood, section: Section, nth: int, stream: np.random.Generator) -> set[str]:
    layers = {"pad", "weather", "haze", "bells"}
    if section.bars >= 8:
        layers |= {"kick", "snare", "hats"}
    if stream.random() < 0.5:
        layers.add("bass")
    if stream.random() < 0.5:
        layers.add("choir")
    if stream.random() < 0.4:
        layers.add("pluck")
    return layers


_LAYERS: Final = {
    "intro": _intro, "verse": _verse, "hook": _hook, "bridge": _bridge, "outro": _outro,
}  # fmt: skip
