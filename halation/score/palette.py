"""Mood → sounds: which patch or blend each part plays, and the drawn parameters."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from halation.types import Mood

__all__ = ["PATCHES", "STEMS", "describe", "draw_hearing", "draw_patch", "draw_sound"]

STEMS: Final = {
    "kick": ("drums", "drums"), "snare": ("drums", "drums"), "hats": ("drums", "drums"),
    "perc": ("drums", "drums"), "bass": ("bass", "synth"), "pad": ("pads", "synth"),
    "wide": ("pads", "synth"), "bells": ("keys", "synth"), "pluck": ("keys", "synth"),
    "arp": ("keys", "synth"), "counter": ("keys", "synth"), "lead": ("lead", "synth"),
    "saw": ("lead", "synth"), "vocals": ("vocals", "vocals"), "choir": ("vocals", "vocals"),
    "weather": ("textures", "weather"), "haze": ("textures", "weather"),
    "cloud": ("textures", "grains"),
}  # fmt: skip
"""Each part's stem and player."""

Place = tuple[float, float, float, float]
"""Valence, energy, warmth and haze of the mood that a patch suits."""

BELLS: Final[dict[str, Place]] = {
    "fm_bell": (0.1, 0.3, -0.1, 0.0),
    "ice": (-0.1, 0.0, -0.9, 0.0),
    "celesta": (0.4, -0.2, 0.0, -0.3),
    "crystal": (0.3, 0.4, -0.5, -0.4),
    "vibes": (0.0, -0.3, 0.6, 0.1),
    "music_box": (-0.2, -0.5, 0.3, 0.5),
}
PLUCKS: Final[dict[str, Place]] = {
    "string": (-0.3, 0.1, 0.1, 0.1),
    "kalimba": (0.4, -0.1, 0.7, 0.2),
    "harp": (0.2, -0.5, 0.2, -0.3),
    "koto": (-0.2, 0.3, -0.5, -0.1),
    "spring": (0.3, 0.5, -0.1, 0.0),
    "rhodes": (-0.1, -0.2, 0.6, 0.5),
}
PADS: Final[dict[str, Place]] = {
    "glass": (0.2, 0.1, -0.7, -0.4),
    "warm": (0.2, -0.1, 0.8, 0.0),
    "choirpad": (-0.3, -0.4, 0.0, 0.4),
    "strings": (-0.2, 0.3, 0.3, -0.2),
    "halo": (0.3, -0.2, -0.2, 0.5),
    "organ": (-0.4, 0.0, 0.4, 0.2),
    "bowed": (-0.2, -0.3, -0.6, 0.1),
    "machine": (0.0, 0.3, 0.3, 0.6),
    "vapourbrass": (0.1, 0.6, 0.5, 0.1),
}
BREATH: Final[dict[str, Place]] = {
    "flute": (0.0, -0.2, 0.0, 0.4),
    "ocarina": (0.3, -0.4, 0.4, 0.2),
    "airbrass": (0.1, 0.3, 0.4, 0.0),
    "chip": (0.4, 0.4, -0.3, 0.1),
    "hyper": (-0.1, 0.6, -0.3, -0.1),
}
BASSES: Final[dict[str, Place]] = {
    "808": (0.0, 0.0, 0.0, 0.0),
    "rubber": (0.3, 0.3, 0.1, 0.0),
    "reese": (-0.3, 0.4, 0.0, 0.4),
}
KITS: Final[dict[str, Place]] = {
    "soft": (0.1, -0.5, 0.3, 0.0),
    "glass": (0.1, 0.2, -0.7, -0.4),
    "dust": (-0.3, 0.1, 0.5, 0.1),
    "vapour": (0.1, 0.4, -0.1, 0.4),
    "tape": (-0.1, -0.2, 0.4, 0.8),
    "felt": (-0.1, -0.5, 0.0, 0.3),
    "frost": (-0.2, 0.1, -0.6, 0.1),
}
WEATHERS: Final[dict[str, Place]] = {
    "rain": (-0.5, -0.2, -0.1, 0.3),
    "wind": (-0.1, 0.0, -0.7, 0.2),
    "hiss": (0.0, 0.3, 0.2, 0.4),
    "vinyl": (-0.1, -0.1, 0.8, 0.3),
    "thunder": (-0.7, 0.6, -0.2, 0.4),
    "birds": (0.7, -0.2, 0.4, -0.3),
    "sea": (0.3, -0.4, 0.1, 0.1),
    "crickets": (0.1, -0.5, 0.5, 0.2),
    "city": (-0.2, 0.3, 0.0, 0.1),
    "frost": (0.0, -0.2, -0.8, -0.2),
}
SAWS: Final[dict[str, Place]] = {
    "supersaw": (0.0, 0.0, 0.0, 0.0),
    "hyper": (-0.1, 0.5, -0.4, -0.2),
    "machine": (0.0, -0.1, 0.4, 0.5),
}
PATCHES: Final[dict[str, dict[str, Place]]] = {
    "kick": KITS, "snare": KITS, "hats": KITS, "perc": KITS, "bass": BASSES, "pad": PADS,
    "wide": {**PADS, "swell": (0.0, -0.2, -0.1, 0.1)},
    "bells": BELLS, "pluck": PLUCKS, "arp": {**BELLS, **PLUCKS},
    "counter": {**BELLS, **PLUCKS, **BREATH}, "lead": BREATH, "saw": SAWS,
    "vocals": {"chops": (0, 0, 0, 0)}, "choir": {"choir": (0, 0, 0, 0)},
    "weather": WEATHERS, "haze": WEATHERS,
    "cloud": {"dust": (-0.1, 0.1, 0.1, 0.0), "bloom": (0.3, -0.2, 0.0, 0.0),
              "sink": (-0.3, -0.2, 0.0, 0.3)},
}  # fmt: skip
SPEAKERS: Final = 5
"""Voices of the syllable bank."""
SPEAKER_SPREAD: Final = 0.8
"""How far from the mood's own voice a song's is drawn."""
CLOSENESS: Final = 0.34
"""Distance between mood and patch at which the patch's chance has fallen to 1/e."""

FAVOURED: Final = {"808": 2.5, "supersaw": 1.5}
"""What the style is known by is likelier than its place alone would have it."""

BLENDED: Final = {
    "pad": 0.6, "wide": 0.5, "bells": 0.55, "pluck": 0.5, "arp": 0.4, "counter": 0.35,
    "lead": 0.4, "saw": 0.4, "bass": 0.3,
}  # fmt: skip
"""Chance of each part to play two patches as one."""
BLEND_RANGE: Final = (0.15, 0.6)
"""Share of the second of two."""
ALWAYS_FIRST: Final = {"bass": "808", "saw": "supersaw"}
"""What leads a blend wherever it takes part: the song's floor, and the hook's light."""

WORDS: Final = {
    "kick": "short soft kick drum", "snare": "soft half-time clap and snare",
    "hats": "quiet trap hi-hats with rolls", "perc": "ice clicks, shaker, reversed cymbal",
    "bass": "deep gliding 808 bass", "pad": "slow lush synth pad", "wide": "very wide airy pad",
    "bells": "glittering bell melody", "pluck": "springy plucked figure",
    "arp": "drifting off-grid arpeggio", "counter": "quiet answering melody",
    "lead": "breathy flute-like lead melody", "saw": "soft detuned supersaw lead",
    "vocals": "pitched-up ethereal vocal chops", "choir": "distant wordless choir",
    "weather": "ambient field recording", "haze": "faint noise texture",
    "cloud": "granular cloud of the song's own sounds",
}  # fmt: skip


def _weights(part: str, mood: Mood, but: set[str]) -> dict[str, float]:
    """Return the chance of every patch of a part, up to a common factor."""
    here = (mood.valence, mood.energy, mood.warmth, mood.haze)
    near = {name: math.exp(-((math.dist(here, at) / CLOSENESS) ** 2) / 2)
            for name, at in PATCHES[part].items() if name not in but}  # fmt: skip
    unexpected = 0.04 * max(near.values())  # now and then
    return {name: FAVOURED.get(name, 1.0) * (weight + unexpected) for name, weight in near.items()}


def _drawn(weights: dict[str, float], stream: np.random.Generator) -> str:
    chances = np.array(list(weights.values()))
    return list(weights)[int(stream.choice(len(weights), p=chances / chances.sum()))]


def draw_patch(
    part: str, mood: Mood, stream: np.random.Generator, but: tuple[str, ...] = ()
) -> str:
    """Draw one patch for a part; those near the mood are likelier, those in ``but`` are left out.

    A blend in ``but`` leaves both of its patches out.
    """
    return _drawn(_weights(part, mood, _single(but)), stream)


def _single(names: tuple[str, ...]) -> set[str]:
    return {one for name in names for one in name.split("+")}


def draw_sound(
    part: str, mood: Mood, stream: np.random.Generator, but: tuple[str, ...] = ()
) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Draw a part's sound: a patch, or two whose shares follow the mood, and its parameters.

    Returns
    -------
    (patch, settings)
        The patch is a name or ``one+other``; the settings' ``blend`` is then the other's share.
    """
    weights = _weights(part, mood, _single(but))
    patch = _drawn(weights, stream)
    settings = draw_settings(part, mood, stream)
    kin = {name: weight for name, weight in weights.items()
           if name != patch and (name in BREATH) == (patch in BREATH)}  # fmt: skip
    if part == "saw":
        kin = {name: weight for name, weight in weights.items() if name != patch}
    if not kin or stream.random() > BLENDED.get(part, 0.0):
        return patch, settings
    other = _drawn(kin, stream)
    if other == ALWAYS_FIRST.get(part):
        patch, other = other, patch
    share = weights[other] / (weights[other] + weights[patch]) + 0.1 * stream.normal()
    share = round(20 * min(max(share, BLEND_RANGE[0]), BLEND_RANGE[1])) / 20
    return f"{patch}+{other}", (*settings, ("blend", share))


def draw_hearing(parts: frozenset[str], stream: np.random.Generator) -> tuple[str, ...]:
    """Draw what a cloud is made of: the pads, which always sound, and perhaps another stem."""
    stems = {STEMS[part][0] for part in parts}
    chances = {"": 0.5, "vocals": 0.3, "keys": 0.2}
    found = {stem: chance for stem, chance in chances.items() if not stem or stem in stems}
    other = _drawn(found, stream)
    return tuple(stem for stem in ("pads", other) if stem in stems)


LEVELS_DB: Final[dict[str, tuple[float, float, float, float]]] = {
    "hats": (0.0, 2.5, -1.0, -1.5), "perc": (0.0, 1.5, -0.5, 0.5), "snare": (0.0, 1.5, 0.0, -1.0),
    "bass": (0.0, 1.0, 1.0, 0.0),
    "pad": (0.0, -1.5, 1.0, 1.0), "wide": (0.5, -1.0, 0.0, 0.5),
    "bells": (0.5, 0.0, -2.0, -1.0), "pluck": (0.5, 0.5, 0.5, -1.5), "arp": (0.5, 2.0, -1.0, 0.0),
    "saw": (0.5, 3.0, 0.5, -0.5), "lead": (0.0, 1.0, 0.0, 0.0),
    "choir": (-0.5, -1.5, -0.5, 1.5), "weather": (0.0, -2.0, 0.5, 4.0),
    "haze": (0.0, -1.0, 1.0, 4.0), "cloud": (0.0, -1.5, 0.0, 2.0),
}  # fmt: skip
"""How far valence, energy, warmth and haze move a part's level where they are 1."""

SPREAD: Final = 0.08
"""Standard deviation of what is drawn around the mood's own parameters."""


def _unit(x: float) -> float:
    return round(min(1.0, max(0.0, x)), 3)


def draw_settings(
    part: str, mood: Mood, stream: np.random.Generator
) -> tuple[tuple[str, float], ...]:
    """Draw a patch's parameters from the mood; every song has its own.

    Returns
    -------
    tuple of (name, value)
        0–1, or with a unit suffix.
    """
    a, b, c, d = (float(x) for x in stream.normal(0.0, SPREAD, 4))
    bright = 0.52 + 0.22 * mood.energy - 0.22 * mood.warmth - 0.22 * mood.haze + 0.1 * mood.valence
    long = 0.5 + 0.3 * mood.haze - 0.3 * mood.energy
    side = round(float(stream.uniform(0.15, 0.45)) * (1 if stream.random() < 0.5 else -1), 3)
    common = {"brightness": _unit(bright + a), "movement": _unit(0.45 + 0.3 * mood.haze + b)}
    if part in LEVELS_DB:
        axes = (mood.valence, mood.energy, mood.warmth, mood.haze)
        common["level_db"] = round(
            sum(x * by for x, by in zip(axes, LEVELS_DB[part], strict=True)), 2
        )
    own: dict[str, float] = {}
    if part in ("pad", "wide"):
        low = 0.4 if part == "pad" else 0.7
        own = {
            "attack_s": round(low + 0.7 * _unit(0.45 - 0.6 * mood.energy + c), 3),
            "release_s": round(2.2 + 1.6 * _unit(long + d), 3),
            "detune_cents": round(6.0 + 10.0 * _unit(0.4 + 0.4 * mood.haze + d), 2),
            "width": 0.9 if part == "pad" else 1.3,
        }
    elif part == "bass":
        own = {
            "drive": _unit(0.42 + 0.4 * mood.energy + c),
            "glide_s": round(0.04 + 0.08 * _unit(0.5 + 3 * d), 3),
            "release_s": round(0.12 + 0.2 * _unit(0.5 + c), 3),
        }
    elif part in ("bells", "pluck", "arp", "counter"):
        own = {"release_s": round(0.8 + 1.6 * _unit(long + c), 3)}
        own["pan"] = round(0.3 * d, 3) if part == "bells" else side
    elif part == "lead":
        own = {"vibrato_cents": round(12 + 14 * _unit(0.5 + c), 1),
               "attack_s": round(0.02 + 0.05 * _unit(0.5 + d), 3), "pan": round(c, 3)}  # fmt: skip
    elif part == "saw":
        own = {"detune_cents": round(12 + 16 * _unit(0.5 + c), 1),
               "attack_s": round(0.01 + 0.05 * _unit(0.5 + d), 3),
               "release_s": 0.35, "width": 1.1}  # fmt: skip
    elif part in ("vocals", "choir"):
        small = 2.4 + 0.5 * mood.valence - 0.3 * mood.warmth + 4 * c
        own = {"formant_semitones": round(min(3.5, max(1.5, small)), 2),
               "vibrato_cents": round(20 + 40 * d, 1)}  # fmt: skip
        if part == "vocals":
            airy = 0.55 - 0.25 * mood.energy + 0.15 * mood.haze
            own["breath"] = _unit(airy + float(stream.normal(0.0, 0.1)))
            middle = (SPEAKERS - 1) * (0.5 + 0.5 * mood.valence - 0.2 * mood.energy)
            speaker = round(middle + float(stream.normal(0.0, SPEAKER_SPREAD)))
            own["speaker"] = float(min(SPEAKERS - 1, max(0, speaker)))
    elif part in ("weather", "haze"):
        own = {"width": round(0.9 + c, 3), "density": _unit(0.5 + 0.2 * mood.density + d)}
    elif part == "cloud":
        own = {"density": _unit(0.5 + 0.25 * mood.density + c), "grain_s": round(0.2 + 0.7 * d, 3)}
    elif part in ("kick", "snare", "hats", "perc"):
        own = {"drive": _unit(0.35 + 0.45 * mood.energy + c), "tune": round(7.0 * d, 2),
               "decay": round(1.0 + 1.2 * b + 0.2 * mood.haze - 0.15 * mood.energy, 3)}  # fmt: skip
        if part in ("hats", "perc"):
            own["pan"] = round(0.4 * side, 3)
    return tuple({**common, **own}.items())


def describe(part: str, patch: str, mood: Mood) -> str:
    """Return a part in a few words, for players that read text."""
    feeling = [
        "melancholic" if mood.valence < -0.25 else "euphoric" if mood.valence > 0.4 else "dreamy",
        "warm" if mood.warmth > 0.3 else "icy" if mood.warmth < -0.3 else "",
        "hazy, lo-fi" if mood.haze > 0.3 else "crystalline" if mood.haze < -0.3 else "",
    ]
    words = [w for w in feeling if w]
    sound = patch.replace("_", " ").replace("+", " and ")
    return f"{WORDS[part]} ({sound}), {', '.join(words)}, cloud rap, ambient"
