"""Music as tokens: bars of sixteen steps, key-normalised, one small vocabulary for every part.

A bar lasts four *felt* beats, which are eight beats of a halation song (two of its bars): what pop
songs play at 70 BPM and what our songs feel at half of 140. The tonic is always a C. A sequence is
its controls, the names of its parts, and its bars::

    mode:minor tempo:mid role:hook … part:melody  bar 0:min part:melody n0+4 p67 n4+4 p70  bar …

Within a bar the chords come first, then each part under its name; drums, which have none, stand
alone in a sequence. Everything can be read back: ``decode(encode(bars)) == bars`` for bars on the
grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = [
    "CONTROLS",
    "DURATIONS",
    "IDS",
    "PARTS",
    "PITCHES",
    "QUALITIES",
    "STEPS",
    "VOCABULARY",
    "VOICES",
    "Bar",
    "Harmony",
    "Hit",
    "Tone",
    "Voicing",
    "decode",
    "encode",
    "header",
]  # fmt: skip

STEPS: Final = 16
"""Places in a bar: sixteenths of a felt bar."""
DURATIONS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)
"""Steps that a note may last; others are rounded to the nearest."""
PITCHES: Final = range(24, 97)
"""C1 to C7, the tonic being a C."""
QUALITIES: Final = ("maj", "min", "maj7", "min7", "7", "sus2", "sus4", "dim")
VOICES: Final = ("kick", "snare", "rim", "closed", "open", "ride", "tom", "crash")
LEVELS: Final = 6
"""Steps of a hit's velocity."""
LATENESS: Final = 5
"""Steps of a hit's micro-timing, from early to late; the middle one is on the grid."""
PARTS: Final = ("chords", "melody", "counter", "bass", "pads", "drums")
"""In the order in which a bar has them."""

CONTROLS: Final[dict[str, tuple[str, ...]]] = {
    "mode": ("minor", "major"),
    "tempo": ("slow", "mid", "fast"),
    "role": ("intro", "verse", "hook", "bridge", "outro"),
    "valence": ("low", "mid", "high"),
    "energy": ("low", "mid", "high"),
    "density": ("low", "mid", "high"),
    "register": ("low", "mid", "high"),
    "harmony": ("slow", "mid", "fast"),
    "scale": ("pentatonic", "mixed", "full"),
    "style": ("laid-back", "rock", "funk", "jazz", "latin", "other"),
    "kind": ("beat", "fill"),
}
"""What a sequence may be asked to be; each may also be left open."""

VOCABULARY: Final = (
    "pad", "end", "bar",
    *(f"part:{name}" for name in PARTS),
    *(f"{name}:{value}" for name, values in CONTROLS.items() for value in values),
    *(f"t{step}" for step in range(STEPS)),
    "N", *(f"{root}:{quality}" for root in range(12) for quality in QUALITIES),
    *(f"n{step}+{steps}" for step in range(STEPS) for steps in DURATIONS),
    *(f"p{pitch}" for pitch in PITCHES),
    *(f"{voice}/{level}/{late}" for voice in VOICES for level in range(LEVELS)
      for late in range(LATENESS)),
)  # fmt: skip
"""Every token by its name; its place is its number."""
IDS: Final = {name: i for i, name in enumerate(VOCABULARY)}


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord from a step on: ``root`` above the tonic in semitones, −1 where there is none."""

    step: int
    root: int
    quality: str = ""


@dataclass(frozen=True, slots=True)
class Tone:
    """A note: where in the bar it begins, how many steps it lasts, its pitch over a tonic of C."""

    step: int
    steps: int
    pitch: int


@dataclass(frozen=True, slots=True)
class Voicing:
    """Pitches that are held from a step on, from the lowest up."""

    step: int
    pitches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A drum: ``level`` of its velocity, ``late`` of its micro-timing."""

    step: int
    voice: str
    level: int
    late: int = LATENESS // 2


@dataclass(frozen=True, slots=True)
class Bar:
    """Four felt beats of music; parts that are silent are empty."""

    chords: tuple[Harmony, ...] = ()
    melody: tuple[Tone, ...] = ()
    counter: tuple[Tone, ...] = ()
    bass: tuple[Tone, ...] = ()
    pads: tuple[Voicing, ...] = ()
    drums: tuple[Hit, ...] = ()


def header(controls: dict[str, str], parts: Sequence[str]) -> list[int]:
    """Return the tokens that a sequence begins with.

    Parameters
    ----------
    controls : dict of name to value
        Of :data:`CONTROLS`; what is missing is left open.
    parts : sequence of str
        Of :data:`PARTS`, in that order.

    Examples
    --------
    >>> [VOCABULARY[i] for i in header({"mode": "minor"}, ("chords", "melody"))]
    ['mode:minor', 'part:chords', 'part:melody']
    """
    told = [IDS[f"{name}:{controls[name]}"] for name in CONTROLS if name in controls]
    return told + [IDS[f"part:{name}"] for name in PARTS if name in parts]


def encode(bars: Iterable[Bar], parts: Sequence[str]) -> list[int]:
    """Write some parts of bars as tokens.

    Parameters
    ----------
    bars : iterable of Bar
        On the grid; durations of :data:`DURATIONS`, pitches of :data:`PITCHES`.
    parts : sequence of str
        Drums alone, or any of the others.

    Examples
    --------
    >>> bar = Bar((Harmony(0, 9, "min"),), (Tone(0, 4, 72), Tone(6, 2, 69)))
    >>> [VOCABULARY[i] for i in encode([bar], ("chords", "melody"))]
    ['bar', '9:min', 'part:melody', 'n0+4', 'p72', 'n6+2', 'p69']
    """
    tokens = []
    for bar in bars:
        tokens.append(IDS["bar"])
        for name in PARTS:
            if name in parts:
                tokens += encode_part(bar, name)
    return tokens


def encode_part(bar: Bar, name: str) -> list[int]:
    """Write one part of one bar, its name before it; chords and drums need none."""
    if name == "chords":
        return _steps((c.step, [_chord(c)]) for c in bar.chords)
    if name == "drums":
        hits: dict[int, list[str]] = {}
        for hit in bar.drums:
            hits.setdefault(hit.step, []).append(f"{hit.voice}/{hit.level}/{hit.late}")
        return _steps(hits.items())
    tokens = [IDS[f"part:{name}"]]
    if name == "pads":
        return tokens + _steps((v.step, [f"p{p}" for p in v.pitches]) for v in bar.pads)
    for tone in getattr(bar, name):
        tokens += (IDS[f"n{tone.step}+{tone.steps}"], IDS[f"p{tone.pitch}"])
    return tokens


def _chord(chord: Harmony) -> str:
    return "N" if chord.root < 0 else f"{chord.root}:{chord.quality}"


def _steps(placed: Iterable[tuple[int, list[str]]]) -> list[int]:
    """Write what happens at each step, the step before it where it is not the first."""
    tokens = []
    for step, names in placed:
        if step:
            tokens.append(IDS[f"t{step}"])
        tokens += [IDS[name] for name in names]
    return tokens


def decode(tokens: Iterable[int]) -> tuple[Bar, ...]:
    """Read bars back; what stands before the first bar, and what makes no sense, is skipped."""
    bars: list[Bar] = []
    content: list[str] = []
    begun = False
    for token in tokens:
        name = VOCABULARY[token]
        if name in ("bar", "end", "pad"):
            if begun:
                bars.append(_bar(content))
            begun, content = name == "bar", []
        elif begun:
            content.append(name)
    if begun:
        bars.append(_bar(content))
    return tuple(bars)


def _bar(names: list[str]) -> Bar:
    """Read one bar."""
    chords: list[Harmony] = []
    hits: list[Hit] = []
    lines: dict[str, list[Tone]] = {"melody": [], "counter": [], "bass": []}
    held: list[tuple[int, list[int]]] = []
    part, step, onset = "", 0, ""
    for name in names:
        if name.startswith("part:"):
            part, step, onset = name.removeprefix("part:"), 0, ""
        elif name[0] == "t" and name[1:].isdigit():
            step = int(name[1:])
        elif name[0] == "n":
            onset = name[1:]
        elif name[0] == "p" and name[1:].isdigit():
            if part == "pads":
                if not held or held[-1][0] != step:
                    held.append((step, []))
                held[-1][1].append(int(name[1:]))
            elif part in lines and onset:
                begins, _, steps = onset.partition("+")
                lines[part].append(Tone(int(begins), int(steps), int(name[1:])))
                onset = ""
        elif "/" in name:
            voice, level, late = name.split("/")
            hits.append(Hit(step, voice, int(level), int(late)))
        elif name == "N":
            chords.append(Harmony(step, -1))
        elif not part and ":" in name:
            root, _, quality = name.partition(":")
            if root.isdigit():
                chords.append(Harmony(step, int(root), quality))
    return Bar(
        tuple(chords), tuple(lines["melody"]), tuple(lines["counter"]), tuple(lines["bass"]),
        tuple(Voicing(at, tuple(pitches)) for at, pitches in held), tuple(hits),
    )  # fmt: skip
