"""The harmony of a whole song: which loop each section has, and how it moves in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from halation.score.harmony import (
    Changes,
    Harmony,
    Loop,
    chord,
    chord_scale,
    colour_loop,
    colours,
    draw_loop,
)
from halation.score.motif import MOTIF_BEATS, ChordAt, Motif, draw_motif, fits
from halation.score.pitches import clashes
from halation.seeds import rng
from halation.types import BEATS_PER_BAR, Chord, Form, Key, Mood, Note, Section

__all__ = [
    "HOOK_RHYTHMS",
    "Material",
    "clear",
    "draw_bars",
    "draw_material",
    "draw_verse",
    "draw_verse_bars",
    "exists",
    "homely",
    "lay_chords",
    "pedalled",
    "slots_of",
]  # fmt: skip

Bars = tuple[float, ...]

HOOK_RHYTHMS: Final[dict[int, tuple[tuple[Bars, float], ...]]] = {
    2: (((2, 2), 0.4), ((1.5, 2.5), 0.2), ((3, 1), 0.2), ((2.5, 1.5), 0.1), ((4, 4), 0.1)),
    3: (((2, 1, 1), 0.35), ((1, 1, 2), 0.3), ((1.5, 1, 1.5), 0.2), ((2, 2, 4), 0.15)),
    4: (
        ((1, 1, 1, 1), 0.4),
        ((2, 2, 2, 2), 0.2),
        ((1, 1, 0.5, 1.5), 0.12),
        ((1, 0.5, 1.5, 1), 0.1),
        ((2, 2, 1, 3), 0.08),
        ((1.5, 2.5, 1.5, 2.5), 0.1),
    ),
}
"""Bars that each chord of a hook's loop lasts, and how likely that is; halves are pushed chords."""

VERSE_RHYTHMS: Final[dict[int, tuple[tuple[Bars, float], ...]]] = {
    2: (((4, 4), 0.6), ((6, 2), 0.2), ((8, 8), 0.2)),
    3: (((4, 2, 2), 0.5), ((2, 2, 4), 0.25), ((4, 4, 8), 0.25)),
    4: (((2, 2, 2, 2), 0.4), ((4, 4, 4, 4), 0.3), ((3, 1, 3, 1), 0.15), ((4, 2, 1, 1), 0.15)),
}
"""The same for a verse, which moves more slowly."""
SLOWER: Final = 1.5
"""A verse's chords last at least this many times a hook's, where its loop allows it."""
OWN_VERSE_LOOP: Final = 0.6
"""Chance that the verse has a loop of its own; otherwise it is the hook's, turned and altered."""
PEDAL: Final = 0.25
"""Chance that the verse's chords stand over the tonic."""
STILL_BARS: Final = 4
"""A verse's chord that lasts so long changes its colour midway."""
TURNS: Final = 0.625
"""Where that change lies, so that it does not come like clockwork."""
PUSHED: Final = 0.5
"""Chance that a later hook meets its last chord half a bar early."""

SUBSTITUTES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "major": {
        "IV": ("iv", "IV/5"), "V": ("IV/5", "V/3"), "vi": ("IV", "iii"), "ii": ("iv", "IV"),
        "iii": ("I/3",), "I": ("I/3", "vi"), "II": ("II/1",), "vii": ("V/7", "V"),
        "I/3": ("I",), "II/1": ("II",),
    },
    "minor": {
        "VI": ("iv", "iv/1"), "VII": ("VI/5", "v"), "iv": ("VI", "VII/4"), "v": ("VII", "III/5"),
        "III": ("III/5", "v"), "i": ("III", "VI"), "IV": ("iv", "IV/1"), "ii": ("iv", "IV"),
    },
}  # fmt: skip
"""What may stand for a function when the hook comes back."""

CENTRE_PITCH: Final = 69
"""A4: the middle of the motif's register before the song's own draw."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a song is made of: two loops and a motif.

    ``top`` holds the pitch class that the hook's and the verse's chords share on top.
    """

    hook_loop: Loop
    verse_loop: Loop
    hook: tuple[Harmony, ...]
    verse: tuple[Harmony, ...]
    hook_bars: Bars
    verse_bars: Bars
    top: tuple[int, int]
    motif: Motif


def draw_bars(
    stream: np.random.Generator, options: tuple[tuple[Bars, float], ...], least: float = 0.0
) -> Bars:
    """Draw how long a loop's chords last, ``least`` bars in the mean where there is such a one."""
    slow = [o for o in options if sum(o[0]) / len(o[0]) >= least] or [options[-1]]
    weights = np.array([weight for _, weight in slow])
    return slow[int(stream.choice(len(slow), p=weights / weights.sum()))][0]


def draw_verse(
    stream: np.random.Generator, key: Key, mood: Mood, hook_loop: Loop
) -> tuple[Loop, tuple[str, ...]]:
    """Draw the verse's functions: another loop, or the hook's from elsewhere with one altered."""
    if stream.random() < OWN_VERSE_LOOP or len(hook_loop.tokens) < 3:
        loop = draw_loop(stream, key, mood, avoid=hook_loop.functions)
        while len(_roots(loop) | _roots(hook_loop)) < 3:  # one drift of two chords is enough
            loop = draw_loop(stream, key, mood, avoid=hook_loop.functions)
        tokens = loop.tokens
    else:
        loop, turn = hook_loop, int(stream.integers(1, len(hook_loop.tokens)))
        turned = hook_loop.tokens[turn:] + hook_loop.tokens[:turn]
        i = int(stream.integers(len(turned)))
        table = SUBSTITUTES["minor" if key.minor else "major"]
        spare = [t for t in table.get(turned[i].partition("/")[0], ()) if exists(key, t)]
        new = spare[int(stream.integers(len(spare)))] if spare else turned[i]
        tokens = (*turned[:i], new, *turned[i + 1 :])
    return loop, pedalled(stream, tokens, hook_loop)


def pedalled(
    stream: np.random.Generator, tokens: tuple[str, ...], hook_loop: Loop
) -> tuple[str, ...]:
    """Put a verse's functions over the tonic now and then, where the hook's are not."""
    if stream.random() < PEDAL and not all("/1" in t for t in hook_loop.tokens):
        return tuple(token.partition("/")[0] + "/1" for token in tokens)
    return tokens


def _roots(loop: Loop) -> set[str]:
    return {token.partition("/")[0].upper() for token in loop.tokens}


def draw_material(form: Form, seed: int) -> Material:
    """Draw the loops, their colours and rhythm, and a motif that fits the hook's loop."""
    key, mood = form.key, form.mood
    stream = rng(seed, "score", "harmony")
    hook_loop = draw_loop(stream, key, mood)
    hook, hook_top = colour_loop(stream, key, hook_loop.tokens)
    verse_loop, tokens = draw_verse(stream, key, mood, hook_loop)
    verse, verse_top = colour_loop(stream, key, tokens)
    hook_bars = homely(hook, draw_bars(stream, HOOK_RHYTHMS[len(hook)]), key)
    verse_bars = homely(verse, draw_verse_bars(stream, len(verse), hook_bars), key)
    slots = slots_of(form, hook, hook_bars)
    centre = CENTRE_PITCH + round(2 * mood.valence) + int(stream.integers(-2, 3))
    motif = draw_motif(rng(seed, "score", "motif"), key, slots, centre)
    return Material(
        hook_loop, verse_loop, hook, verse, hook_bars, verse_bars, (hook_top, verse_top), motif
    )


def draw_verse_bars(stream: np.random.Generator, n_chords: int, hook_bars: Bars) -> Bars:
    """Draw how long a verse's chords last: longer than the hook's."""
    return draw_bars(stream, VERSE_RHYTHMS[n_chords], SLOWER * sum(hook_bars) / len(hook_bars))


def slots_of(form: Form, hook: tuple[Harmony, ...], hook_bars: Bars) -> tuple[ChordAt, ...]:
    """Return the harmony at the first places of the first hook where the motif may be stated."""
    first = next(section for section in form.sections if section.role == "hook")
    changes = Changes(tuple(_cycle(hook, _fit(hook_bars, first.bars), 0.0, first.duration_beats)))
    return tuple(
        (lambda t, start=start * MOTIF_BEATS: changes.at(start + t))
        for start in range(min(4, first.bars // 2))
    )


def homely(chords: tuple[Harmony, ...], bars: Bars, key: Key) -> Bars:
    """Turn a rhythm so that the tonic's chord, where the loop has it, lasts longest."""
    at = next((i for i, each in enumerate(chords) if each.root == key.tonic), None)
    if at is None:
        return bars
    turn = (bars.index(max(bars)) - at) % len(bars)
    return bars[turn:] + bars[:turn]


def _fit(bars: Bars, n_bars: int) -> Bars:
    """Shorten a loop's rhythm until it goes into a section."""
    while sum(bars) > n_bars and max(bars) > 1:
        bars = tuple(float(max(1, b // 2)) for b in bars)
    return bars


def _cycle(chords: tuple[Harmony, ...], bars: Bars, start: float, duration: float) -> list[Chord]:
    """Repeat a loop until a section is full."""
    placed: list[Chord] = []
    at, i = 0.0, 0
    while at < duration - 1e-9:
        lasts = min(float(bars[i % len(bars)] * BEATS_PER_BAR), duration - at)
        placed.append(chords[i % len(chords)].at(start + at, lasts))
        at += lasts
        i += 1
    return placed


def lay_chords(form: Form, material: Material, seed: int) -> tuple[Chord, ...]:
    """Give every section its chords, end to end from beat 0."""
    chords: list[Chord] = []
    count: dict[str, int] = {}
    for section in form.sections:
        k = count[section.role] = count.get(section.role, 0) + 1
        stream = rng(seed, "score", "chords", section.name)
        if section.role in ("hook", "verse"):
            chords += _recurring(form.key, material, section, k, stream)
        elif section.role == "bridge":
            chords += _bridge(form.key, material, section, stream)
        elif section.role == "intro":
            chords += _intro(material, section)
        else:
            chords += _outro(form, material, section, stream)
    return tuple(chords)


def _intro(material: Material, section: Section) -> list[Chord]:
    """Walk through the hook's chords at half their pace where the motif allows it."""
    for slower in (2, 1):
        bars = _fit(tuple(slower * b for b in material.hook_bars), section.bars)
        chords = _cycle(material.hook, bars, section.start_beats, section.duration_beats)
        changes = Changes(tuple(chords))
        starts = np.arange(section.start_beats, section.end_beats - MOTIF_BEATS, 2 * MOTIF_BEATS)
        if all(fits(material.motif.at(float(start)), changes.at) for start in starts):
            break
    return chords


def _recurring(
    key: Key, material: Material, section: Section, k: int, stream: np.random.Generator
) -> list[Chord]:
    """Repeat a verse's or hook's loop; from its second time on one chord in it is another.

    Every third verse walks through the hook's chords at half their pace.
    """
    chords, bars, top = material.hook, material.hook_bars, material.top[0]
    if section.role == "verse" and k % 3:
        chords, bars, top = material.verse, material.verse_bars, material.top[1]
    elif section.role == "verse":
        bars = tuple(2 * b for b in bars)
    if section.role == "verse" and k > 1:
        chords = tuple(_off_pedal(key, h) for h in chords)
    bars = _fit(bars, section.bars)
    if section.role == "verse" and set(bars) == set(material.hook_bars) == {bars[0]}:
        bars = tuple(b * (0.5 if i % 2 else 1.5) for i, b in enumerate(bars))  # not the hook's
    if k % 2 == 0:
        chords = tuple(
            _otherwise(key, h, top, material.motif) if i else h for i, h in enumerate(chords)
        )
    altered = chords
    if k > 1:
        altered = _substituted(key, chords, top, material.motif, stream)
        pushed = section.role == "hook" and stream.random() < PUSHED
        if pushed and bars[-2] % 1.0 == 0.0 and bars[-1] < STILL_BARS:
            bars = (*bars[:-2], bars[-2] - 0.5, bars[-1] + 0.5)
    if section.role == "verse":
        altered, _ = _breathing(key, altered, bars, top, material.motif)
        chords, bars = _breathing(key, chords, bars, top, material.motif)
    first = _cycle(chords, bars, section.start_beats, section.duration_beats)
    other = _cycle(altered, bars, section.start_beats, section.duration_beats)
    # the change comes in every second cycle where the section is long enough for two
    n = len(bars)
    spare = len(first) >= 2 * n
    return [
        o if not spare or (i // n) % 2 == 1 else f
        for i, (f, o) in enumerate(zip(first, other, strict=True))
    ]


def _off_pedal(key: Key, harmony: Harmony) -> Harmony:
    """Return a chord over its own root instead of the tonic: a pedal is for one section."""
    function, _, degree = harmony.token.partition("/")
    same = [c for c in colours(key, function) if degree == "1"
            and chord(key, function, c).pitches == harmony.pitches]  # fmt: skip
    return chord(key, function, same[0]) if same else harmony


def _breathing(
    key: Key, chords: tuple[Harmony, ...], bars: Bars, top: int, motif: Motif
) -> tuple[tuple[Harmony, ...], Bars]:
    """Give a chord of four bars or more another colour midway: the harmony stays, a voice moves."""
    moving: list[Harmony] = []
    lasts: list[float] = []
    for each, length in zip(chords, bars, strict=True):
        if length < STILL_BARS:
            moving.append(each)
            lasts.append(length)
        else:
            moving += [each, _otherwise(key, each, top, motif)]
            first = length / 2 if length > STILL_BARS else TURNS * length
            lasts += [first, length - first]
    return tuple(moving), tuple(lasts)


def _otherwise(key: Key, harmony: Harmony, top: int, motif: Motif) -> Harmony:
    """Return a chord in another colour that still holds ``top``, rather one the motif fits."""
    held = [chord(key, harmony.token, c) for c in colours(key, harmony.token)]
    others = [h for h in held if top in h.pitches and set(h.pitches) != set(harmony.pitches)]
    fitting = [h for h in others if fits(motif.notes, lambda t, h=h: h.at(0.0, MOTIF_BEATS))]  # type: ignore[misc]
    return (fitting or others or [harmony])[0]


def _substituted(
    key: Key, chords: tuple[Harmony, ...], top: int, motif: Motif, stream: np.random.Generator
) -> tuple[Harmony, ...]:
    """Change one chord but the first, rather one under which the motif still fits."""
    options: list[tuple[bool, int, Harmony]] = []
    table = SUBSTITUTES["minor" if key.minor else "major"]
    for i, old in enumerate(chords):
        if i == 0 and len(chords) > 2:
            continue
        for token in table.get(old.token, table.get(old.token.partition("/")[0], ())):
            if not exists(key, token):
                continue
            shared = [c for c in colours(key, token) if top in chord(key, token, c).pitches]
            new = chord(key, token, (shared or list(colours(key, token)))[0])
            good = fits(motif.notes, lambda t, new=new: new.at(0.0, MOTIF_BEATS))  # type: ignore[misc]
            options.append((good, i, new))
    if not options:
        return chords
    fitting = [o for o in options if o[0]] or options
    _, i, new = fitting[int(stream.integers(len(fitting)))]
    return (*chords[:i], new, *chords[i + 1 :])


def exists(key: Key, token: str) -> bool:
    """Whether a function is at home in the key's mode (a diminished one is not)."""
    absent = {"lydian": {"IV", "IV/5", "iv"}, "dorian": {"VI/5"}, "aeolian": {"ii"}}
    return token not in absent.get(key.mode, set())


def _bridge(
    key: Key, material: Material, section: Section, stream: np.random.Generator
) -> list[Chord]:
    """Hold one chord, move between the hook's last two, put another under them, or drift on."""
    chords = material.hook[-2:]
    kind = float(stream.random())
    start, duration = section.start_beats, section.duration_beats
    if section.bars < 4:
        return _cycle(chords[:1], (4,), start, duration)
    bars = 4.0 if section.bars >= 8 else 2.0
    if kind < 0.15:  # held, but a voice in it moves
        held = chords[0]
        other = _otherwise(key, held, material.top[0], material.motif)
        return _cycle((held, other), (bars, bars), start, duration)
    if kind < 0.4:
        return _cycle(chords, (bars, bars), start, duration)
    if kind < 0.7:
        chords = _substituted(key, chords, material.top[0], material.motif, stream)
        return _cycle(chords, (bars, bars), start, duration)
    whole = _substituted(key, material.hook, material.top[0], material.motif, stream)
    return _cycle((*whole[1:], whole[0]), (2.0,) * len(whole), start, duration)


def _outro(
    form: Form, material: Material, section: Section, stream: np.random.Generator
) -> list[Chord]:
    """Chords over which the motif is at home, held; often the end is left open on IV or VI."""
    home = (
        [
            h
            for h in material.hook
            if fits(material.motif.notes, lambda t, h=h: h.at(0.0, MOTIF_BEATS))  # type: ignore[misc]
        ]
        or list(material.hook[:1])
    )
    bars = 4 if section.bars >= 12 else 2
    chords = _cycle(tuple(home), (bars,) * len(home), section.start_beats, section.duration_beats)
    open_end = [h for h in home if h.token.partition("/")[0] in ("IV", "VI", "iv", "vi")]
    final = open_end[0] if open_end and stream.random() < 0.35 else home[0]
    last = max(
        (c.onset_beats for c in chords if c.onset_beats <= section.end_beats - 4 * BEATS_PER_BAR),
        default=section.start_beats,
    )
    kept = [c for c in chords if c.onset_beats < last - 1e-9]
    return [*kept, final.at(last, section.end_beats - last)]


def clear(key: Key, chords: tuple[Chord, ...], melody: tuple[Note, ...]) -> tuple[Chord, ...]:
    """Take from each chord the notes that a long melody note would rub against.

    A melody note of a beat or more a semitone above a chord note is the harshest clash that there
    is; where the melody must be stated as it is, the chord gives way. Roots and basses stay.
    """
    cleared = []
    long = [n for n in melody if n.duration_beats >= 1.0]
    i = 0
    for each in chords:
        end = each.onset_beats + each.duration_beats
        while i < len(long) and long[i].onset_beats + long[i].duration_beats <= each.onset_beats:
            i += 1
        banned: set[int] = set()
        for note in long[i:]:
            if note.onset_beats >= end:
                break
            banned.add((note.pitch - 1) % 12)
        kept = tuple(pc for pc in each.pitches if pc not in banned or pc == each.root)
        steps = {(pc - each.root) % 12 for pc in kept}
        if len(kept) < 4 and steps <= {0, 3, 4, 7}:  # what is left is bare: colour it otherwise
            scale = set(chord_scale(key, each.pitches)) - banned
            spare = [(each.root + c) % 12 for c in (2, 9, 10, 5) if (each.root + c) % 12 in scale]
            kept += tuple(pc for pc in spare if not clashes(pc, kept))[:1]
        cleared.append(each if kept == each.pitches else replace(each, pitches=kept))
    return tuple(cleared)
