"""Chords: the loops, their colours by function, and the scale that goes with each."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from halation.types import Chord, Key, Mood

__all__ = ["LOOPS", "Changes", "Loop", "chord", "chord_scale", "colour_loop", "draw_loop"]

COLOURS: Final[dict[str, tuple[int, ...]]] = {
    "add9": (0, 4, 7, 14),
    "maj7": (0, 4, 7, 11),
    "maj9": (0, 4, 7, 11, 14),
    "maj7#11": (0, 4, 7, 11, 18),
    "6/9": (0, 4, 7, 9, 14),
    "9": (0, 4, 7, 10, 14),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7sus4": (0, 5, 7, 10),
    "9sus4": (0, 5, 7, 10, 14),
    "m7": (0, 3, 7, 10),
    "m9": (0, 3, 7, 10, 14),
    "m(add9)": (0, 3, 7, 14),
    "m6": (0, 3, 7, 9),
    "m6/9": (0, 3, 7, 9, 14),
}
"""Semitones above the root."""

FUNCTIONS: Final[dict[str, dict[str, tuple[int, tuple[str, ...]]]]] = {
    "major": {
        "I": (0, ("add9", "maj9", "maj7", "6/9", "sus2")),
        "II": (2, ("add9", "sus2", "9")),
        "ii": (2, ("m9", "m7", "m(add9)")),
        "iii": (4, ("m7", "7sus4")),
        "IV": (5, ("maj9", "maj7", "add9", "6/9", "maj7#11")),
        "iv": (5, ("m6", "m(add9)", "m6/9")),
        "V": (7, ("add9", "sus4", "9sus4", "6/9", "maj7")),
        "vi": (9, ("m9", "m7", "m(add9)")),
        "vii": (11, ("m7", "7sus4")),
        "bVII": (10, ("add9", "6/9")),
        "bVI": (8, ("maj7", "add9")),
    },
    "minor": {
        "i": (0, ("m(add9)", "m9", "m7", "sus2")),
        "ii": (2, ("m7", "7sus4")),
        "III": (3, ("maj9", "add9", "maj7", "6/9")),
        "iv": (5, ("m9", "m7", "m(add9)")),
        "IV": (5, ("add9", "9", "6/9")),
        "v": (7, ("m7", "7sus4")),
        "VI": (8, ("maj9", "maj7", "add9", "maj7#11")),
        "VII": (10, ("add9", "6/9", "9sus4", "sus4", "maj7")),
    },
}
"""Each function's root above the tonic and the colours that it may take, likeliest first.

A colour that leaves the scale is not used, except on a borrowed chord.
"""

BORROWED: Final = {
    "ionian": {"iv", "bVII", "bVI"},
    "lydian": {"iv", "bVII", "bVI", "IV"},
    "aeolian": {"IV"},
    "dorian": {"VI", "iv"},
}


@dataclass(frozen=True, slots=True)
class Loop:
    """Two to four functions in a row and the moods that it suits.

    ``/n`` puts the key's nth degree in the bass. The leanings (−1..1) are towards valence,
    energy and haze.
    """

    functions: str
    modes: str
    valence: float = 0.0
    energy: float = 0.0
    haze: float = 0.0

    @property
    def tokens(self) -> tuple[str, ...]:
        """The functions one by one."""
        return tuple(self.functions.split())

    @property
    def home(self) -> float:
        """Share of its functions that stand on the tonic, in the root or in the bass."""
        tokens = self.tokens
        return sum(t in ("i", "I", "I/3") or t.endswith("/1") for t in tokens) / len(tokens)


LOOPS: Final = (
    # minor
    Loop("i VI III VII", "aeolian dorian", 0.1, 0.3, -0.2),
    Loop("VI III VII i", "aeolian", 0.2, 0.2, 0.0),
    Loop("III VII i VI", "aeolian", 0.4, 0.2, -0.2),
    Loop("VI VII i III", "aeolian", 0.2, 0.5, -0.3),
    Loop("i v VI iv", "aeolian", -0.7, -0.2, 0.2),
    Loop("i VII VI VII", "aeolian", -0.1, 0.6, -0.2),
    Loop("VI VII v i", "aeolian", -0.2, 0.5, -0.2),
    Loop("i III VI iv", "aeolian", -0.5, 0.0, 0.1),
    Loop("VI i VII v", "aeolian", -0.3, 0.2, 0.0),
    Loop("iv VI i VII", "aeolian", -0.3, 0.2, 0.0),
    Loop("iv i VI v", "aeolian", -0.8, -0.2, 0.1),
    Loop("VI v i VII", "aeolian", -0.3, 0.1, 0.0),
    Loop("i VI", "aeolian", -0.3, -0.5, 0.7),
    Loop("VI VII", "aeolian", 0.2, 0.0, 0.6),
    Loop("iv i", "aeolian", -0.6, -0.6, 0.6),
    Loop("i VI iv", "aeolian", -0.6, -0.3, 0.4),
    Loop("VI III v", "aeolian", -0.3, 0.0, 0.3),
    Loop("i/1 VII/1 VI/1 VII/1", "aeolian", -0.2, -0.3, 0.5),
    Loop("i IV", "dorian", 0.2, -0.3, 0.7),
    Loop("i IV VII III", "dorian", 0.3, 0.3, -0.1),
    Loop("i v IV VII", "dorian", 0.0, 0.2, 0.1),
    Loop("i III IV VII", "dorian", 0.3, 0.4, -0.2),
    Loop("III IV i v", "dorian", 0.3, 0.2, 0.0),
    Loop("i VII IV", "dorian", 0.2, 0.3, 0.2),
    Loop("VII IV i III", "dorian", 0.3, 0.3, 0.0),
    Loop("i ii III IV", "dorian", 0.1, 0.5, -0.2),
    Loop("v i IV III", "dorian", -0.2, 0.1, 0.1),
    Loop("i VI IV v", "dorian", -0.3, 0.0, 0.1),
    # major
    Loop("vi IV I V", "ionian", 0.1, 0.3, -0.2),
    Loop("IV I V vi", "ionian", 0.3, 0.3, -0.1),
    Loop("IV V iii vi", "ionian", 0.3, 0.5, -0.2),
    Loop("IV V vi I/3", "ionian", 0.5, 0.4, -0.2),
    Loop("I iii IV iv", "ionian", -0.6, -0.2, 0.2),
    Loop("IV iv I I/3", "ionian", -0.5, -0.3, 0.3),
    Loop("vi iii IV I", "ionian", -0.1, 0.1, 0.0),
    Loop("IV I", "ionian", 0.3, -0.4, 0.6),
    Loop("IV vi", "ionian", -0.1, -0.3, 0.6),
    Loop("I/3 IV vi V", "ionian", 0.3, 0.2, 0.0),
    Loop("IV vi iii V", "ionian", 0.1, 0.3, 0.0),
    Loop("ii IV I V", "ionian", 0.2, 0.2, 0.0),
    Loop("I vi ii IV", "ionian", 0.2, 0.0, 0.1),
    Loop("vi V IV I/3", "ionian", -0.1, 0.2, 0.0),
    Loop("iii vi IV I", "ionian", 0.0, 0.1, 0.1),
    Loop("IV iii ii I", "ionian", -0.2, -0.3, 0.3),
    Loop("I/1 IV/1 ii/1 V/1", "ionian", 0.2, -0.4, 0.5),
    Loop("IV V I", "ionian", 0.5, 0.3, -0.1),
    # lydian
    Loop("I II/1", "lydian", 0.4, -0.3, 0.7),
    Loop("I II vi V", "lydian", 0.5, 0.4, -0.1),
    Loop("vi II I V", "lydian", 0.2, 0.3, 0.0),
    Loop("I V vi II", "lydian", 0.4, 0.3, -0.1),
    Loop("I iii II/1 V", "lydian", 0.2, 0.0, 0.3),
    Loop("vi iii V I", "lydian", -0.2, 0.0, 0.1),
    Loop("V II vi I/3", "lydian", 0.4, 0.4, -0.1),
    Loop("I iii vi II", "lydian", 0.1, 0.2, 0.1),
    Loop("iii II I", "lydian", 0.1, -0.1, 0.4),
    Loop("vi I II", "lydian", 0.2, 0.2, 0.1),
    Loop("I vii vi V", "lydian", 0.0, 0.0, 0.2),
)

MOOD_PULL: Final = 1.0
"""How strongly the mood's agreement with a loop raises its chance (in nepers)."""
HOME_PULL: Final = 3.0
"""The same for the share of a loop's chords that are the tonic's: a song that is never at home has
no key to an ear."""
HOME_TOPS: Final = (4.0, 2.0, 2.5)
"""How much likelier the tonic, its third and its fifth are on top of the pads."""


@dataclass(frozen=True, slots=True)
class Harmony:
    """One chord of a loop, before it has a place in time."""

    token: str
    symbol: str
    root: int
    pitches: tuple[int, ...]
    bass: int

    def at(self, onset_beats: float, duration_beats: float) -> Chord:
        """Put the chord into time."""
        return Chord(onset_beats, duration_beats, self.symbol, self.root, self.pitches, self.bass)


@cache
def chord(key: Key, token: str, colour: str) -> Harmony:
    """Spell a function of a key in one of its colours.

    Examples
    --------
    >>> chord(Key(0, "ionian"), "IV/5", "maj9").symbol
    'Fmaj9/G'
    """
    function, _, degree = token.partition("/")
    offset, _ = FUNCTIONS["minor" if key.minor else "major"][function]
    root = (key.tonic + offset) % 12
    pitches = tuple(dict.fromkeys((root + step) % 12 for step in COLOURS[colour]))
    bass = key.scale[int(degree) - 1] if degree else root
    symbol = key.spell(root) + colour
    return Harmony(token, symbol if bass == root else f"{symbol}/{key.spell(bass)}",
                   root, pitches, bass)  # fmt: skip


@cache
def colours(key: Key, token: str) -> tuple[str, ...]:
    """Return the colours that a function may take in a key, likeliest first."""
    function = token.partition("/")[0]
    _, allowed = FUNCTIONS["minor" if key.minor else "major"][function]
    if function in BORROWED[key.mode]:
        return allowed
    scale = set(key.scale)
    return tuple(c for c in allowed if set(chord(key, token, c).pitches) <= scale) or allowed


@cache
def chord_scale(key: Key, pitches: tuple[int, ...]) -> tuple[int, ...]:
    """Return the key's pitch classes, bent where a chord is borrowed.

    Examples
    --------
    >>> chord_scale(Key(0, "ionian"), (5, 8, 0, 2))
    (0, 2, 4, 5, 7, 8, 11)
    """
    kept = set(key.scale)
    for foreign in set(pitches) - kept:
        near = {(foreign + 1) % 12, (foreign - 1) % 12} & kept - set(pitches)
        thirds = {(pc + 1) % 12 for pc in pitches} | {(pc - 1) % 12 for pc in pitches}
        kept -= {pc for pc in near if pc in thirds and pc != (foreign - 1) % 12} or near
        kept.add(foreign)
    return tuple(sorted(kept))


def draw_loop(stream: np.random.Generator, key: Key, mood: Mood, avoid: str = "") -> Loop:
    """Draw a loop of the key's mode; those that suit the mood are likelier."""
    fit = [loop for loop in LOOPS if key.mode in loop.modes.split() and loop.functions != avoid]
    weights = np.array([
        math.exp(MOOD_PULL * (
            loop.valence * mood.valence + loop.energy * mood.energy + loop.haze * mood.haze
        ) + HOME_PULL * min(0.5, loop.home))
        for loop in fit
    ])  # fmt: skip
    return fit[int(stream.choice(len(fit), p=weights / weights.sum()))]


def colour_loop(
    stream: np.random.Generator, key: Key, tokens: tuple[str, ...]
) -> tuple[tuple[Harmony, ...], int]:
    """Draw a colour for each function so that the chords share a top note.

    Returns
    -------
    tuple of (chords, top)
        ``top`` is the pitch class that most of the chords hold.
    """
    held = {
        pc: sum(any(pc in chord(key, t, c).pitches for c in colours(key, t)) for t in tokens)
        for pc in key.scale
    }
    best = max(held.values())
    tops = [pc for pc in key.scale if held[pc] == best]
    likelier = dict(zip((key.scale[0], key.scale[2], key.scale[4]), HOME_TOPS, strict=True))
    weights = np.array([likelier.get(pc, 1.0) for pc in tops])
    top = tops[int(stream.choice(len(tops), p=weights / weights.sum()))]
    chords = []
    for token in tokens:
        options = colours(key, token)
        sharing = [c for c in options if top in chord(key, token, c).pitches] or list(options)
        weights = np.array([1.0 / (1 + options.index(c)) ** 0.6 for c in sharing])
        drawn = int(stream.choice(len(sharing), p=weights / weights.sum()))
        chords.append(chord(key, token, sharing[drawn]))
    return tuple(chords), top


class Changes:
    """The chords of a song in order, found by their time in logarithmic steps."""

    def __init__(self, chords: tuple[Chord, ...]) -> None:
        self.chords = chords
        self._onsets = [each.onset_beats for each in chords]

    def at(self, beats: float) -> Chord:
        """Return the chord that sounds at a time."""
        return self.chords[max(0, bisect_right(self._onsets, beats + 1e-9) - 1)]

    def within(self, start: float, end: float) -> list[Chord]:
        """Return the chords that sound between two times."""
        first = max(0, bisect_right(self._onsets, start + 1e-9) - 1)
        return self.chords[first : max(first + 1, bisect_right(self._onsets, end - 1e-9))]  # type: ignore[return-value]
