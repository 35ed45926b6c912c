"""Rare moments that make a song memorable: drawn first, then worked into its notes.

A song has at most three; most have one or two, some none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from halation.score.arrange import Scene
from halation.score.bass import HIGHEST as HIGHEST_BASS
from halation.score.drums import CLAP, IMPACT, RIM, SNAP, SNARE, SWELL
from halation.score.motif import MOTIF_BEATS
from halation.types import BEATS_PER_BAR, Chord, Event, Form, Key, Note

__all__ = [
    "AT_MOST", "draw_events", "lifted_chords", "lowered_chords", "lowered_note", "worked_in",
]  # fmt: skip

CHANCES: Final = {
    "key_lift": 0.06,
    "half_time": 0.36,
    "drop_out": 0.36,
    "a_cappella": 0.20,
    "silence": 0.18,
    "stutter": 0.34,
    "bare_hook": 0.14,
    "drums_only": 0.26,
}
"""How likely a song is to have each."""
AT_MOST: Final = 3
AT_MOST_SHORT: Final = 1
SHORT_BELOW_S: Final = 60.0
LIFTS: Final = (1, 2, 2, 3)
"""Semitones by which a last hook is lifted."""
STAYS_UP: Final = 0.6
"""Chance that the outro stays in the lifted key."""

DRUMS: Final = frozenset({"kick", "snare", "hats", "perc"})
SEAMS: Final = frozenset({IMPACT, SWELL})
SNARES: Final = frozenset({SNARE, CLAP, SNAP, RIM})
AMBIENCE: Final = frozenset({"weather", "haze"})
KEPT: Final = {
    "drop_out": frozenset({"vocals", "choir", "pad", "wide"}) | AMBIENCE,
    "a_cappella": frozenset({"vocals"}) | AMBIENCE,
    "silence": AMBIENCE,
    "drums_only": DRUMS | AMBIENCE,
}
"""What goes on while everything else is silent."""
STUTTERING: Final = frozenset({"vocals", "bells", "saw", "kick", "snare", "hats"})
STUTTER_BEATS: Final = 2.0
STUTTER_SLICE_BEATS: Final = 0.5

Lines = dict[str, tuple[tuple[str, tuple[Note, ...]], ...]]
Parts = dict[str, list[Note]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event could be, and in which section."""

    section: str
    onset_beats: float
    duration_beats: float


def draw_events(
    form: Form, scenes: tuple[Scene, ...], lines: Lines, stream: np.random.Generator
) -> tuple[Event, ...]:
    """Draw a song's rare moments, one a section at most.

    Parameters
    ----------
    form : Form
    scenes : tuple of Scene
    lines : dict of section name → phrases
        Events that silence the melody keep off the motif's own statements.
    stream : np.random.Generator

    Returns
    -------
    tuple of Event
        In order of onset.
    """
    dice = stream.random(len(CHANCES)).tolist()
    drawn = [name for (name, chance), d in zip(CHANCES.items(), dice, strict=True) if d < chance]
    drawn = [drawn[int(i)] for i in stream.permutation(len(drawn))]
    most = AT_MOST if form.duration_s >= SHORT_BELOW_S else AT_MOST_SHORT
    events: list[Event] = []
    taken: set[str] = set()
    for name in drawn:
        free = [p for p in _places(name, scenes, lines, stream) if p.section not in taken]
        if not free or len(events) == most:
            continue
        place = free[int(stream.integers(len(free)))]
        amount = float(LIFTS[int(stream.integers(len(LIFTS)))]) if name == "key_lift" else 0.0
        events.append(Event(name, place.onset_beats, place.duration_beats, amount))
        if name != "key_lift":
            taken.add(place.section)
    return tuple(sorted(events, key=lambda e: (e.onset_beats, e.name)))


def _places(
    name: str, scenes: tuple[Scene, ...], lines: Lines, stream: np.random.Generator
) -> list[Place]:
    """Return where a kind of event could be."""
    hooks = [s for s in scenes if s.section.role == "hook"]
    if name == "key_lift":
        last = hooks[-1].section
        stays = stream.random() < STAYS_UP
        end = scenes[-1].section.end_beats if stays else last.end_beats
        lasts = end - last.start_beats
        return [Place(last.name, last.start_beats, lasts)] if len(hooks) > 1 else []
    if name == "bare_hook":
        return [Place(s.section.name, s.section.start_beats, 4.0 * BEATS_PER_BAR)
                for s in hooks if s.nth > 1 and s.section.bars >= 12]  # fmt: skip
    if name == "half_time":
        return [Place(s.section.name, s.section.start_beats + 4.0 * BEATS_PER_BAR * k,
                      BEATS_PER_BAR * (4.0 if s.section.bars >= 16 else 2.0))
                for s in scenes if {"kick", "snare"} <= s.layers and s.section.bars >= 10
                and s.section.role in ("hook", "verse")
                for k in range(1, (s.section.bars - 5) // 4 + 1)]  # fmt: skip
    return [place for s in scenes for place in _phrases(name, s, lines)]


def _phrases(name: str, scene: Scene, lines: Lines) -> list[Place]:
    """Return the places of an event that silences the melody, within phrases of two bars."""
    section = scene.section
    if section.role not in ("hook", "verse") or section.bars < 8:
        return []
    if section.role == "verse" and (scene.nth == 1 or name in ("a_cappella", "stutter")):
        return []
    if name == "a_cappella" and "vocals" not in scene.layers:
        return []
    offset, lasts = {
        "drop_out": (0.0, MOTIF_BEATS),
        "a_cappella": (0.0, MOTIF_BEATS),
        "silence": (MOTIF_BEATS - BEATS_PER_BAR, float(BEATS_PER_BAR)),
        "stutter": (MOTIF_BEATS - STUTTER_BEATS, STUTTER_BEATS),
        "drums_only": (MOTIF_BEATS - BEATS_PER_BAR, float(BEATS_PER_BAR)),
    }[name]
    letters = [letter for letter, _ in lines[section.name]]
    return [
        Place(section.name, section.start_beats + MOTIF_BEATS * i + offset, lasts)
        for i in range(2, section.bars // 2 - 1)
        if section.role == "verse" or letters[i] not in "AX"
    ]


def worked_in(parts: Parts, events: tuple[Event, ...]) -> Parts:
    """Return the parts with the events in them; notes keep their order by onset no longer."""
    for event in events:
        start, end = event.onset_beats, event.onset_beats + event.duration_beats
        if event.name == "half_time":
            parts = _each(parts, DRUMS, partial(_halved, start=start, end=end))
        elif event.name == "bare_hook":
            parts = _each(parts, DRUMS, partial(_without, start=start, end=end))
        elif event.name == "stutter":
            parts = _each(parts, STUTTERING, partial(_stuttered, start=start, end=end))
        elif event.name == "key_lift":
            moving = frozenset(parts) - DRUMS - AMBIENCE
            by = round(event.amount)
            parts = {name: [_raised(name, n, start, end, by) for n in row]
                     if name in moving else row for name, row in parts.items()}  # fmt: skip
        else:
            silent = frozenset(parts) - KEPT[event.name]
            parts = _each(parts, silent, partial(_without, start=start, end=end))
    return parts


def _each(parts: Parts, names: frozenset[str], change: Callable[[list[Note]], list[Note]]) -> Parts:
    """Change the notes of some parts; cymbals that lead into a seam stay as they are."""
    changed = dict(parts)
    for name in names & parts.keys():
        seams = [n for n in parts[name] if name == "perc" and n.pitch in SEAMS]
        changed[name] = change([n for n in parts[name] if n not in seams]) + seams
    return changed


def _without(notes: list[Note], start: float, end: float) -> list[Note]:
    """Silence a stretch: what sounds into it ends, what goes on after it is struck again."""
    kept: list[Note] = []
    for n in notes:
        over = n.onset_beats + n.duration_beats
        if over <= start or n.onset_beats >= end:
            kept.append(n)
            continue
        if n.onset_beats < start:
            kept.append(replace(n, duration_beats=start - n.onset_beats))
        if over > end + 1.0:
            kept.append(replace(n, onset_beats=end, duration_beats=over - end))
    return kept


def _halved(notes: list[Note], start: float, end: float) -> list[Note]:
    """Play the first half of a stretch twice as slowly, over all of it.

    A soft snare that would come to lie on beat 2 or 4 is left out.
    """
    half = (start + end) / 2.0
    kept: list[Note] = []
    for n in notes:
        slow = start + 2.0 * (n.onset_beats - start)
        if not start <= n.onset_beats < end:
            kept.append(n)
        elif n.onset_beats < half and (n.pitch not in SNARES or slow % 4.0 not in (1.0, 3.0)):
            kept.append(replace(n, onset_beats=slow))
    return kept


def _stuttered(notes: list[Note], start: float, end: float) -> list[Note]:
    """Repeat what the phrase began with, half a beat long, until the stretch is over."""
    origin = end - MOTIF_BEATS
    cut = [n for n in notes if origin <= n.onset_beats < origin + STUTTER_SLICE_BEATS]
    if not cut:
        return notes
    kept = _without(notes, start, end)
    times = round((end - start) / STUTTER_SLICE_BEATS)
    for k in range(times):
        for n in cut:
            onset = start + STUTTER_SLICE_BEATS * k + n.onset_beats - origin
            room = start + STUTTER_SLICE_BEATS * (k + 1) - onset - 0.05
            kept.append(replace(n, onset_beats=onset, duration_beats=min(n.duration_beats, room)))
    return kept


def _raised(part: str, note: Note, start: float, end: float, by: int) -> Note:
    if not start - 1e-9 <= note.onset_beats < end:
        return note
    pitch = note.pitch + by
    return replace(note, pitch=pitch - 12 if part == "bass" and pitch > HIGHEST_BASS else pitch)


def lifted_chords(
    chords: tuple[Chord, ...], events: tuple[Event, ...], key: Key
) -> tuple[Chord, ...]:
    """Return the chords as they sound with the song's key lift, spelt in the lifted key."""
    for event in events:
        if event.name != "key_lift":
            continue
        by = round(event.amount)
        high = Key((key.tonic + by) % 12, key.mode)
        end = event.onset_beats + event.duration_beats
        chords = tuple(
            _lifted(c, by, key, high) if event.onset_beats - 1e-9 <= c.onset_beats < end else c
            for c in chords
        )
    return chords


def lowered_chords(chords: tuple[Chord, ...], lift: Event, key: Key) -> tuple[Chord, ...]:
    """Return a song's chords as they were before a key lift; undoes :func:`lifted_chords`."""
    by = round(lift.amount)
    high, end = Key((key.tonic + by) % 12, key.mode), lift.onset_beats + lift.duration_beats
    return tuple(
        _lifted(c, -by, high, key) if lift.onset_beats - 1e-9 <= c.onset_beats < end else c
        for c in chords
    )


def lowered_note(part: str, note: Note, lift: Event) -> Note:
    """Return a part's note as it was before a key lift."""
    if part in DRUMS | AMBIENCE:
        return note
    end = lift.onset_beats + lift.duration_beats
    return _raised(part, note, lift.onset_beats, end, -round(lift.amount))


def _lifted(chord: Chord, by: int, key: Key, high: Key) -> Chord:
    colour = chord.symbol.removeprefix(key.spell(chord.root))
    root, bass = (chord.root + by) % 12, (chord.bass + by) % 12
    if chord.bass != chord.root:
        colour = colour.removesuffix(f"/{key.spell(chord.bass)}") + f"/{high.spell(bass)}"
    return replace(chord, symbol=high.spell(root) + colour, root=root, bass=bass,
                   pitches=tuple((pc + by) % 12 for pc in chord.pitches))  # fmt: skip
