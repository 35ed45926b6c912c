"""What accompanies: held pads, plucked figures, the arp with a clock of its own, choirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from halation.score.arrange import REGISTERS, Scene
from halation.score.harmony import Changes
from halation.score.voicing import Voices
from halation.types import Chord, Note, Section

__all__ = ["PLUCK_FIGURES", "arp", "choir", "held", "pluck", "voicings_of", "wide"]

PLUCK_FIGURES: Final = (
    "0.2.1.3.0.2.3.1.", "0..1..2..3..2.1.", "0...2...1...3...", "0.1.2.3.4.3.2.1.",
    "..0.2.1...0.3.1.", "0..2..1.0..3..1.", "0.3.2.3.1.3.2.3.", "....0.1.2...3.2.",
    "0.2..1.3..0.2...", "3.2.1.0.3.2.1.0.", "0.......2.1.3...", "0..1.2....0..3..",
    "0.4.2.4.1.4.2...", "..2...1...3...2.", "0.1.0.2.0.3.0.2.", "0..3..0..2..0.1.",
)  # fmt: skip
"""One bar each on sixteen places; a digit is a note of the chord, counted from the lowest."""

ARP_ORDERS: Final = ((0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 1, 3), (0, 1, 2, 3, 2, 1), (0, 3, 1, 2))
ARP_RATIOS: Final = (1.013, 0.987, 1.021, 0.979)
"""The arp's own clock against the song's; they meet again where a section starts."""
LONGEST_HOLD_BEATS: Final = 32.0
LOWEST_WIDE: Final = 75
"""D#5: the wide layer lies in the octave from here, over the melody and mostly under the bells."""
LOWEST_CHOIR: Final = 62
LOWEST_PAD: Final = 45
"""A2: under it only the bass plays."""
LOWEST_WITH_BASS: Final = 48
"""C3: the same where the 808 sounds."""
ROOM_FOR_FIVE: Final = 70
"""Where the highest voice lies lower, five would be cramped."""
LOWEST_TOP: Final = 67
"""Lowest pitch near which the pads' highest voice lies in a hook."""
UNDER_THE_LINE: Final = 3
"""Semitones by which a hook's pads keep under the middle of the motif."""
AGAIN: Final = (0, -3, 2, -1, 3)
"""Semitones by which the pads' register moves when a section comes again."""


def voicings_of(
    scenes: tuple[Scene, ...], chords: tuple[Chord, ...], tops: tuple[int, int],
    motif: tuple[Note, ...], dense: bool, turn: int = 0,
) -> dict[float, tuple[int, ...]]:  # fmt: skip
    """Voice a song's chords, section by section; returns the voicing by the chord's onset.

    In a hook the pads stay under the melody; a section that comes again has another note on top,
    another number of voices and another register than before.

    Parameters
    ----------
    scenes : tuple of Scene
    chords : tuple of Chord
        Of the whole song.
    tops : tuple of (hook's, verse's)
        Pitch classes that most of the chords hold.
    motif : tuple of Note
    dense : bool
        Whether the pads have a voice more.
    turn : int
        Voices every section as if it came for that many times more.
    """
    chain: dict[float, tuple[int, ...]] = {}
    middle = sorted(n.pitch for n in motif)[len(motif) // 2]
    leaders = {(n, low): Voices(n, low) for n in (4, 5) for low in (LOWEST_PAD, LOWEST_WITH_BASS)}
    for scene in scenes:
        role, k = scene.section.role, scene.nth - 1 + turn
        start, end = scene.section.start_beats - 1e-9, scene.section.end_beats - 1e-9
        own = [c for c in chords if start <= c.onset_beats < end]
        target = REGISTERS[role] + AGAIN[k % len(AGAIN)]
        if role == "hook":
            target = max(LOWEST_TOP, middle - UNDER_THE_LINE + AGAIN[k % len(AGAIN)])
        shared = _shared(own, tops[role == "verse"])
        top = shared[k % len(shared)]
        roomy = role != "hook" and target >= ROOM_FOR_FIVE
        n_voices = 5 if roomy and dense != (k % 2 == 1) else 4
        lead = leaders[n_voices, LOWEST_WITH_BASS if "bass" in scene.layers else LOWEST_PAD].lead
        previous: tuple[int, ...] = ()
        for chord in own:
            previous = lead(previous, chord.pitches, top, target)
            chain[chord.onset_beats] = previous
    return chain


def _shared(chords: list[Chord], first: int) -> list[int]:
    """Return pitch classes that three of four chords hold, or the next best; ``first`` in front."""
    n_held = Counter(pc for c in chords for pc in c.pitches if pc != first)
    order = sorted(n_held, key=lambda pc: (-n_held[pc], pc))
    often = [pc for pc in order if n_held[pc] >= 0.75 * len(chords)]
    return [first, *(often if len(often) > 1 else order[:2])]


def held(
    chords: list[Chord],
    voicings: dict[float, tuple[int, ...]],
    velocity: Callable[[float], int],
    end: float,
    voices: slice = slice(None),
) -> tuple[Note, ...]:
    """Hold the chords of a section; a note that the next chord keeps is not struck again."""
    notes: list[Note] = []
    sounding: dict[int, int] = {}
    for chord in chords:
        until = min(chord.onset_beats + chord.duration_beats, end)
        lasts = until - chord.onset_beats
        if lasts <= 0:
            break
        now: dict[int, int] = {}
        for pitch in voicings[chord.onset_beats][voices]:
            i = sounding.get(pitch, -1)
            if i >= 0 and notes[i].duration_beats + lasts <= LONGEST_HOLD_BEATS:
                notes[i] = replace(notes[i], duration_beats=notes[i].duration_beats + lasts)
                now[pitch] = i
            else:
                now[pitch] = len(notes)
                notes.append(Note(chord.onset_beats, lasts, pitch, velocity(chord.onset_beats)))
        sounding = now
    return tuple(sorted(notes, key=lambda n: (n.onset_beats, n.pitch)))


def wide(
    chords: list[Chord],
    voicings: dict[float, tuple[int, ...]],
    velocity: Callable[[float], int],
    end: float,
) -> tuple[Note, ...]:
    """Hold the upper voices over the melody: the hook's bloom."""
    lifted = {t: tuple(sorted({_over(p, LOWEST_WIDE) for p in v[-3:]}))
              for t, v in voicings.items()}  # fmt: skip
    return held(chords, lifted, velocity, end)


def _over(pitch: int, lowest: int) -> int:
    """Bring a pitch into the octave that begins with ``lowest``."""
    return lowest + (pitch - lowest) % 12


def pluck(
    section: Section, figures: tuple[str, ...], voicings: dict[float, tuple[int, ...]],
    changes: Changes, velocity: int, end: float, stream: np.random.Generator,
) -> tuple[Note, ...]:  # fmt: skip
    """Play figures of one bar over the chords; every fourth bar another one answers."""
    notes = []
    gap = float(stream.uniform(0.06, 0.18))
    for bar in range(section.bars):
        row = figures[1] if bar % 4 == 3 else figures[0]
        start = section.start_beats + 4.0 * bar
        for i, sign in enumerate(row):
            onset = start + 0.25 * i
            if sign == "." or onset >= end - 0.25 or (i and stream.random() < gap):
                continue
            chord = changes.at(onset)
            ladder = _ladder(voicings[chord.onset_beats])
            accent = 8 if i % 8 == 0 else -6 if i % 4 else 0
            notes.append(Note(onset, min(0.9, end - onset), ladder[int(sign) % len(ladder)],
                              max(20, velocity + accent)))  # fmt: skip
    return tuple(notes)


def _ladder(voicing: tuple[int, ...]) -> tuple[int, ...]:
    """Return a voicing's notes in close order from C4 up, the first again an octave above."""
    close = sorted({60 + (p - 60) % 12 for p in voicing})
    return (*close, close[0] + 12)


def arp(
    section: Section, voicings: dict[float, tuple[int, ...]], changes: Changes, order: int,
    ratio: float, velocity: int, end: float, stream: np.random.Generator,
) -> tuple[Note, ...]:  # fmt: skip
    """Run through the chord on a clock of its own that starts with the section.

    Each note takes its pitch from the chord that sounds when it sounds.
    """
    notes = []
    start = section.start_beats
    low = section.role in ("verse", "bridge")  # an octave lower: the hook has the height
    pattern = ARP_ORDERS[order % len(ARP_ORDERS)]
    step = 0.5 * ratio
    skip = float(stream.uniform(0.12, 0.3))
    n_steps = int((end - 0.5 - start) / step)
    for k in range(max(0, n_steps)):
        if stream.random() < skip:
            continue
        onset = round(start + k * step, 6)
        chord = changes.at(onset)
        ladder = _ladder(voicings[chord.onset_beats])
        pitch = ladder[pattern[k % len(pattern)] % len(ladder)] + (0 if low else 12)
        swell = 0.75 + 0.25 * float(np.sin(2 * np.pi * k * step / 23.0))
        notes.append(Note(onset, 0.45, pitch, max(15, round(velocity * swell))))
    return tuple(notes)


def choir(
    chords: list[Chord],
    voicings: dict[float, tuple[int, ...]],
    velocity: Callable[[float], int],
    end: float,
    syllable: str,
    voices: slice,
) -> tuple[Note, ...]:
    """Let some of the voices be sung, where a choir can sing them."""
    sung = {t: tuple(sorted({_over(p, LOWEST_CHOIR) for p in v[voices]}))
            for t, v in voicings.items()}  # fmt: skip
    return tuple(replace(n, syllable=syllable) for n in held(chords, sung, velocity, end))
