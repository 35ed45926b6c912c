"""Drums: skeletons written by hand, then varied bar by bar."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from halation.types import BEATS_PER_BAR, Mood, Note, Section

__all__ = ["SKELETONS", "Groove", "Kit", "Skeleton", "beat", "draw_groove", "kick_beats"]

KICK, SNARE, CLAP, SNAP, RIM = 36, 38, 39, 40, 37
HAT, OPEN_HAT = 42, 46
SHAKER, ICE, GLASS = 82, 75, 81
SWELL, IMPACT = 55, 49
SIXTEENTH: Final = 0.25

HATS_LEFT_OUT: Final = (0.10, 0.25)
KICK_AWAY: Final = 0.4
"""Chance that a fourth bar has no kick after its first beat."""
ROLL_EVERY_BARS: Final = 2


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Two bars on sixteen places each: ``X`` loud, ``x`` plain, ``o`` soft, ``.`` nothing.

    The backbeat (beat 3) is the same in all and not written; ``ghost`` are soft strokes round it.
    ``energy`` is the mood that it suits.
    """

    name: str
    energy: float
    kick: tuple[str, str]
    hat: str
    ghost: str
    click: str


SKELETONS: Final = (
    Skeleton("still water", -0.9, ("X...............", "X.........o....."),
             "x...x...x...x...", "................", "................"),
    Skeleton("lone", -0.7, ("X.....x.........", "X..............."),
             "x.x.x.x.x.x.x.x.", "................", "......o........."),
    Skeleton("snowfall", -0.6, ("X.........x.....", "X.....o........."),
             "x.x.x.x.x.x.x.x.", "................", "...o......o....."),
    Skeleton("halo", -0.5, ("X......o..x.....", "X...........x..."),
             "x.o.x.o.x.o.x.o.", "..............o.", "....o.......o..."),
    Skeleton("tide", -0.4, ("X.....x...x.....", "X.....x........."),
             "x.x.x.x.x.x.x.x.", "................", "o.......o......."),
    Skeleton("glasshouse", -0.3, ("X..x............", "X..x......x....."),
             "x.x.x.x.x.x.x.x.", "...........o....", "......o...o....."),
    Skeleton("sleepwalk", -0.3, ("X.........x..x..", "X..............."),
             "x.x.x.x.x.x.xxx.", "................", "..o............."),
    Skeleton("pale", -0.2, ("X......x........", "X......x..x....."),
             "x.x.x.x.x.x.x.x.", ".......o........", "..........o.o..."),
    Skeleton("lantern", -0.1, ("X.....x.....x...", "X.........x....."),
             "x.x.x.x.x.x.x.x.", "..............o.", "....o..........."),
    Skeleton("satellite", 0.0, ("X..x......x.....", "X.....x...x....."),
             "x.x.x.x.x.x.x.x.", "...............o", "...o..o........."),
    Skeleton("drain", 0.0, ("X.....x...x.....", "X..x......x..x.."),
             "x.x.x.x.x.x.x.x.", "................", "......o.......o."),
    Skeleton("velvet", 0.1, ("X.x.......x.....", "X.....x....x...."),
             "x.x.x.xxx.x.x.x.", "...........o....", "........o......."),
    Skeleton("mirror", 0.1, ("X......x..x.....", "X......x..x.x..."),
             "x.x.x.x.x.x.x.x.", "..............o.", "..o......o......"),
    Skeleton("kite", 0.2, ("X..x..x.........", "X..x..x...x....."),
             "x.xxx.x.x.xxx.x.", "................", "............o..."),
    Skeleton("undertow", 0.3, ("X.....x..x......", "X.....x..x..x..."),
             "x.x.x.x.x.x.x.x.", ".......o........", "....o.....o....."),
    Skeleton("arcade", 0.3, ("X...x.....x.....", "X...x.....xx...."),
             "x.x.x.x.x.x.x.x.", "...............o", "o..o..o........."),
    Skeleton("comet", 0.4, ("X..x......x..x..", "X.....x...x.x..."),
             "x.x.x.x.xxx.x.x.", "......o.........", "..........o....."),
    Skeleton("neon", 0.5, ("X.x...x...x.....", "X.x...x...x..x.."),
             "x.x.x.x.x.x.x.xx", "...........o..o.", "...o............"),
    Skeleton("racer", 0.6, ("X..x..x...x.....", "X..x..x...x.x..."),
             "x.xxx.xxx.xxx.x.", "..............o.", "......o.....o..."),
    Skeleton("chrome", 0.7, ("X.....xx..x..x..", "X..x..x...x.x.x."),
             "x.x.xxx.x.x.xxx.", "..o............o", "o.....o........."),
    Skeleton("updraft", 0.7, ("X..x..x..x..x...", "X..x..x..x..x.x."),
             "x.x.x.x.x.x.x.x.", "...............o", "..o...o...o....."),
    Skeleton("firework", 0.9, ("X.x..x....x..x..", "X.x..x.o..x.xx.."),
             "xxx.x.xxx.x.xxx.", "...o..o........o", "........o.....o."),
)  # fmt: skip
LOUDNESS: Final = {"X": 112, "x": 96, "o": 62}


@dataclass(frozen=True, slots=True)
class Groove:
    """What a song's drums are made of: a skeleton for the verse and one for the hook."""

    verse: Skeleton
    hook: Skeleton
    verse_snare: int
    hook_snare: int
    click: int
    hat_left_out: float
    shaker: bool


@dataclass(frozen=True, slots=True)
class Kit:
    """Drum notes by part."""

    kick: tuple[Note, ...] = ()
    snare: tuple[Note, ...] = ()
    hats: tuple[Note, ...] = ()
    perc: tuple[Note, ...] = ()


def draw_groove(stream: np.random.Generator, mood: Mood) -> Groove:
    """Draw skeletons near the mood's energy, and the strokes that carry the backbeat."""

    def near(energy: float, but: str = "") -> Skeleton:
        weights = np.array([math.exp(-(((s.energy - energy) / 0.4) ** 2)) * (s.name != but)
                            for s in SKELETONS])  # fmt: skip
        return SKELETONS[int(stream.choice(len(SKELETONS), p=weights / weights.sum()))]

    verse = near(0.8 * mood.energy - 0.35)
    hook = near(0.8 * mood.energy + 0.15, but=verse.name)
    soft = (RIM, SNARE, SNAP)
    return Groove(
        verse,
        hook,
        soft[int(stream.integers(3))],
        CLAP if stream.random() < 0.65 + 0.2 * mood.energy else SNARE,
        ICE if stream.random() < 0.5 - 0.4 * mood.warmth else GLASS,
        float(stream.uniform(*HATS_LEFT_OUT)),
        bool(stream.random() < 0.5 + 0.4 * mood.density),
    )


def kick_beats(skeleton: Skeleton) -> tuple[float, ...]:
    """Return where the kick falls within two bars, in beats."""
    row = "".join(skeleton.kick)
    return tuple(i * SIXTEENTH for i, sign in enumerate(row) if sign != ".")


def _row(row: str, start: float, pitch: int, level: float) -> list[Note]:
    return [
        Note(start + i * SIXTEENTH, SIXTEENTH, pitch, _loud(LOUDNESS[sign] * level))
        for i, sign in enumerate(row)
        if sign != "."
    ]


def _loud(velocity: float) -> int:
    return int(min(127, max(1, round(velocity))))


def beat(
    section: Section, groove: Groove, level: float, layers: frozenset[str], stop: float,
    stream: np.random.Generator,
) -> Kit:  # fmt: skip
    """Play a section.

    Parameters
    ----------
    section : Section
    groove : Groove
    level : float in 0..1
        Loudness of the strokes.
    layers : frozenset of str
        Of ``kick snare hats perc ghosts rolls fills``: what plays here. ``half`` plays half
        again as slow, ``thin`` leaves the kick out of the last two bars.
    stop : float
        Beat at which everything stops.
    """
    hook = section.role == "hook"
    skeleton = groove.hook if hook else groove.verse
    kick: list[Note] = []
    snare: list[Note] = []
    hats: list[Note] = []
    perc: list[Note] = []
    phase = int(stream.integers(ROLL_EVERY_BARS))
    for bar in range(section.bars):
        start = section.start_beats + bar * BEATS_PER_BAR
        left = section.bars - bar
        if "half" in layers and bar % 2:
            continue
        if "kick" in layers and not ("thin" in layers and left <= 2):
            kick += _kick(skeleton, bar, start, level, "half" in layers, stream)
        if "snare" in layers:
            snare += _snare(groove, skeleton, bar, start, level, hook, layers, stream)
        if "hats" in layers:
            rolls = "rolls" in layers and bar % ROLL_EVERY_BARS == phase
            hats += _hats(skeleton, groove, start, level, rolls, stream)
        if "perc" in layers:
            perc += _perc(groove, skeleton, start, level, stream)
        if "fills" in layers and (bar % 8 == 7 or (left == 1 and bar > 1)):
            kick, snare, hats = _fill(kick, snare, hats, start, level, groove, hook, stream)
    return Kit(*(_until(stop, row) for row in (kick, snare, hats, perc)))


def _until(stop: float, strokes: list[Note]) -> tuple[Note, ...]:
    """Return what begins before a beat, cut so that nothing lasts beyond it."""
    return tuple(
        replace(n, duration_beats=min(n.duration_beats, stop - n.onset_beats))
        for n in sorted(strokes, key=lambda n: n.onset_beats)
        if n.onset_beats < stop
    )


def _kick(
    skeleton: Skeleton, bar: int, start: float, level: float, half: bool,
    stream: np.random.Generator,
) -> list[Note]:  # fmt: skip
    row = skeleton.kick[bar % 2]
    if half or (bar % 4 == 3 and stream.random() < KICK_AWAY):
        row = row[0] + "." * 15
    strokes = _row(row, start, KICK, level)
    if bar % 4 == 1 and stream.random() < 0.3:  # one more, soft, before the next bar
        strokes.append(Note(start + 3.5, SIXTEENTH, KICK, _loud(70 * level)))
    return strokes


def _snare(
    groove: Groove, skeleton: Skeleton, bar: int, start: float, level: float, hook: bool,
    layers: frozenset[str], stream: np.random.Generator,
) -> list[Note]:  # fmt: skip
    pitch = groove.hook_snare if hook else groove.verse_snare
    strokes = [Note(start + 2.0, 0.5, pitch, _loud((104 if hook else 92) * level))]
    if hook and pitch == CLAP:
        strokes.append(Note(start + 2.0, 0.5, SNARE, _loud(78 * level)))
    if "ghosts" in layers:
        strokes += [n for n in _row(skeleton.ghost, start, groove.verse_snare, 0.7 * level)
                    if stream.random() < 0.7]  # fmt: skip
    return strokes


def _hats(
    skeleton: Skeleton, groove: Groove, start: float, level: float, roll: bool,
    stream: np.random.Generator,
) -> list[Note]:  # fmt: skip
    strokes = []
    for note in _row(skeleton.hat, start, HAT, 0.82 * level):
        place = note.onset_beats - start
        if place != 0.0 and stream.random() < groove.hat_left_out:
            continue
        accent = 1.12 if place % 1.0 == 0.0 else 0.88
        strokes.append(replace(note, velocity=_loud(note.velocity * accent)))
    if roll:
        strokes = _rolled(strokes, start, level, stream)
    elif stream.random() < 0.12:
        strokes.append(Note(start + 3.5, 0.5, OPEN_HAT, _loud(74 * level)))
    return strokes


def _rolled(
    strokes: list[Note], start: float, level: float, stream: np.random.Generator
) -> list[Note]:
    """Put one roll into a bar: sixteenths, thirty-seconds or triplets, swelling or fading."""
    each = (0.25, 0.125, 1.0 / 3.0, 1.0 / 6.0)[int(stream.integers(4))]
    length = 1.0 if each < 0.2 or stream.random() < 0.6 else 2.0
    at = start + (1.0, 1.5, 2.5, 3.0)[int(stream.integers(4))]
    length = min(length, start + BEATS_PER_BAR - at)
    n = max(2, round(length / each))
    rising = stream.random() < 0.6
    kept = [s for s in strokes if not at - 1e-9 <= s.onset_beats < at + length - 1e-9]
    for k in range(n):
        ramp = 0.5 + 0.5 * ((k + 1) / n if rising else 1 - k / n)
        kept.append(Note(at + k * each, each, HAT, _loud(92 * level * ramp)))
    return kept


def _perc(
    groove: Groove, skeleton: Skeleton, start: float, level: float, stream: np.random.Generator
) -> list[Note]:
    clicks = [n for n in _row(skeleton.click, start, groove.click, level) if stream.random() < 0.75]
    if groove.shaker:
        clicks += [
            Note(start + i * 0.5, 0.25, SHAKER, _loud((52 if i % 2 else 38) * level))
            for i in range(8)
            if stream.random() < 0.85
        ]
    return clicks


def _fill(
    kick: list[Note], snare: list[Note], hats: list[Note], start: float, level: float,
    groove: Groove, hook: bool, stream: np.random.Generator,
) -> tuple[list[Note], list[Note], list[Note]]:  # fmt: skip
    """Turn the end of a bar into a fill: a snare run, a stutter of the kick, or a gap."""
    at = start + (3.0 if stream.random() < 0.6 else 2.5)
    kind = int(stream.integers(3))
    pitch = groove.hook_snare if hook else groove.verse_snare
    kick = [n for n in kick if n.onset_beats < at]
    if kind == 0:
        n = round((start + 4.0 - at) / 0.25)
        run = [Note(at + 0.25 * k, 0.25, pitch, _loud((48 + 44 * k / n) * level)) for k in range(n)
               if k == n - 1 or stream.random() < 0.8]  # fmt: skip
        return kick, [n for n in snare if n.onset_beats < at] + run, hats
    if kind == 1:
        stutter = [Note(at + t, 0.25, KICK, _loud(88 * level)) for t in (0.0, 0.75)]
        return kick + stutter, snare, hats
    gone = [n for n in hats if not at <= n.onset_beats < start + 4.0]
    return kick, snare, [*gone, Note(at, 0.75, OPEN_HAT, _loud(80 * level))]
