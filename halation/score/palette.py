"""Mood → sounds: which patch each part plays, and the drawn parameters of the patch."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from halation.types import Mood

__all__ = ["PATCHES", "STEMS", "describe", "draw_patch", "draw_settings"]

STEMS: Final = {
    "kick": ("drums", "drums"), "snare": ("drums", "drums"), "hats": ("drums", "drums"),
    "perc": ("drums", "drums"), "bass": ("bass", "synth"), "pad": ("pads", "synth"),
    "wide": ("pads", "synth"), "bells": ("keys", "synth"), "pluck": ("keys", "synth"),
    "arp": ("keys", "synth"), "counter": ("keys", "synth"), "lead": ("lead", "synth"),
    "saw": ("lead", "synth"), "vocals": ("vocals", "vocals"), "choir": ("vocals", "vocals"),
    "weather": ("textures", "weather"), "haze": ("textures", "weather"),
}  # fmt: skip
"""Each part's stem and player."""

Place = tuple[float, float, float, float]
"""Valence, energy, warmth and haze of the mood that a patch suits."""

BELLS: Final[dict[str, Place]] = {
    "fm_bell": (0.1, 0.3, -0.1, 0.0),
    "ice": (-0.1, 0.0, -0.9, 0.0),
    "celesta": (0.4, -0.2, 0.0, -0.3),
    "music_box": (-0.2, -0.5, 0.4, 0.4),
}
PLUCKS: Final[dict[str, Place]] = {
    "string": (-0.2, 0.1, 0.0, 0.1),
    "kalimba": (0.3, -0.1, 0.8, 0.2),
    "harp": (0.2, -0.4, 0.4, -0.2),
    "koto": (-0.1, 0.3, -0.5, -0.2),
}
PADS: Final[dict[str, Place]] = {
    "glass": (0.0, 0.0, -0.8, -0.3),
    "warm": (0.1, 0.0, 0.8, 0.1),
    "choirpad": (-0.2, -0.4, 0.0, 0.5),
    "strings": (-0.1, 0.3, 0.3, -0.1),
}
BREATH: Final[dict[str, Place]] = {
    "flute": (0.0, -0.2, 0.1, 0.5),
    "ocarina": (0.3, -0.4, 0.4, 0.2),
    "airbrass": (0.2, 0.6, 0.2, -0.2),
}
KITS: Final[dict[str, Place]] = {
    "soft": (0.0, -0.5, 0.4, 0.1),
    "glass": (0.1, 0.2, -0.8, -0.4),
    "dust": (-0.3, 0.0, 0.4, 0.2),
    "vapour": (0.1, 0.4, -0.1, 0.5),
    "tape": (-0.1, -0.1, 0.5, 0.9),
}
WEATHERS: Final[dict[str, Place]] = {
    "rain": (-0.5, -0.2, -0.1, 0.3),
    "wind": (-0.1, 0.0, -0.8, 0.2),
    "hiss": (0.0, 0.3, 0.2, 0.4),
    "vinyl": (-0.1, -0.1, 0.8, 0.3),
    "thunder": (-0.7, 0.6, -0.2, 0.4),
    "birds": (0.7, -0.2, 0.4, -0.3),
}
PATCHES: Final[dict[str, dict[str, Place]]] = {
    "kick": KITS, "bass": {"808": (0, 0, 0, 0)}, "pad": PADS, "wide": PADS, "bells": BELLS,
    "pluck": PLUCKS, "arp": {**BELLS, **PLUCKS}, "counter": {**BELLS, **PLUCKS, **BREATH},
    "lead": BREATH, "saw": {"supersaw": (0, 0, 0, 0)}, "vocals": {"chops": (0, 0, 0, 0)},
    "choir": {"choir": (0, 0, 0, 0)}, "weather": WEATHERS, "haze": WEATHERS,
}  # fmt: skip
SPEAKERS: Final = 5
"""Voices of the syllable bank."""
CLOSENESS: Final = 0.47
"""Distance between mood and patch at which the patch's chance has fallen to 1/e."""

WORDS: Final = {
    "kick": "short soft kick drum", "snare": "soft half-time clap and snare",
    "hats": "quiet trap hi-hats with rolls", "perc": "ice clicks, shaker, reversed cymbal",
    "bass": "deep gliding 808 bass", "pad": "slow lush synth pad", "wide": "very wide airy pad",
    "bells": "glittering bell melody", "pluck": "springy plucked figure",
    "arp": "drifting off-grid arpeggio", "counter": "quiet answering melody",
    "lead": "breathy flute-like lead melody", "saw": "soft detuned supersaw lead",
    "vocals": "pitched-up ethereal vocal chops", "choir": "distant wordless choir",
    "weather": "ambient field recording", "haze": "faint noise texture",
}  # fmt: skip


def draw_patch(
    part: str, mood: Mood, stream: np.random.Generator, but: tuple[str, ...] = ()
) -> str:
    """Draw a part's patch; those near the mood are likelier, those in ``but`` are left out."""
    here = (mood.valence, mood.energy, mood.warmth, mood.haze)
    options = {name: at for name, at in PATCHES[part].items() if name not in but}
    weights = np.array([math.exp(-((math.dist(here, at) / CLOSENESS) ** 2) / 2)
                        for at in options.values()])  # fmt: skip
    weights += 0.04 * weights.max()  # now and then the unexpected one
    return list(options)[int(stream.choice(len(options), p=weights / weights.sum()))]


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
    a, b, c, d = (float(x) for x in stream.normal(0.0, 0.09, 4))
    bright = 0.52 + 0.16 * mood.energy - 0.14 * mood.warmth - 0.16 * mood.haze + 0.06 * mood.valence
    side = round(float(stream.uniform(0.15, 0.45)) * (1 if stream.random() < 0.5 else -1), 3)
    common = {"brightness": _unit(bright + a), "movement": _unit(0.45 + 0.25 * mood.haze + b)}
    own: dict[str, float] = {}
    if part in ("pad", "wide"):
        low = 0.4 if part == "pad" else 0.7
        own = {
            "attack_s": round(low + 0.7 * _unit(0.4 - 0.4 * mood.energy + c), 3),
            "release_s": round(2.2 + 1.6 * _unit(0.5 + 0.4 * mood.haze + d), 3),
            "detune_cents": round(6.0 + 10.0 * _unit(0.4 + 0.4 * mood.haze + d), 2),
            "width": 0.9 if part == "pad" else 1.3,
        }
    elif part == "bass":
        own = {
            "drive": _unit(0.42 + 0.25 * mood.energy + c),
            "glide_s": round(0.04 + 0.08 * _unit(0.5 + 3 * d), 3),
            "release_s": round(0.12 + 0.2 * _unit(0.5 + c), 3),
        }
    elif part in ("bells", "pluck", "arp", "counter"):
        own = {"release_s": round(0.8 + 1.6 * _unit(0.5 + 0.3 * mood.haze + c), 3)}
        own["pan"] = round(0.3 * d, 3) if part == "bells" else side
    elif part == "lead":
        own = {"vibrato_cents": round(12 + 14 * _unit(0.5 + c), 1),
               "attack_s": round(0.03 + 0.08 * _unit(0.5 + d), 3), "pan": round(c, 3)}  # fmt: skip
    elif part == "saw":
        own = {"detune_cents": round(12 + 16 * _unit(0.5 + c), 1),
               "attack_s": round(0.01 + 0.05 * _unit(0.5 + d), 3),
               "release_s": 0.35, "width": 1.1}  # fmt: skip
    elif part in ("vocals", "choir"):
        own = {"formant_semitones": round(min(4.5, max(2.5, 3.2 + 6 * c)), 2),
               "vibrato_cents": round(20 + 40 * d, 1)}  # fmt: skip
        if part == "vocals":
            airy = 0.55 - 0.25 * mood.energy + 0.15 * mood.haze
            own["breath"] = _unit(airy + float(stream.normal(0.0, 0.1)))
            own["speaker"] = float(stream.integers(SPEAKERS))
    elif part in ("weather", "haze"):
        own = {"width": round(0.9 + c, 3)}
    elif part in ("kick", "snare", "hats", "perc"):
        own = {"drive": _unit(0.3 + 0.3 * mood.energy + c)}
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
    return f"{WORDS[part]} ({patch.replace('_', ' ')}), {', '.join(words)}, cloud rap, ambient"
