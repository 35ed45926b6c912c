"""What accompanies: held pads, plucked figures, the arp with a clock of its own, choirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from halation.score.harmony import Changes
from halation.score.voicing import Voices
from halation.types import Chord, Note, Section

__all__ = ["PLUCK_FIGURES", "arp", "choir", "held", "pad_voicings", "pluck", "wide"]

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
HIGHEST_WIDE: Final = 88
"""E6: above it the wide layer would cover the bells."""


def pad_voicings(
    chords: tuple[Chord, ...], tops: tuple[int, ...], targets: tuple[int, ...], voices: Voices
) -> dict[float, tuple[int, ...]]:
    """Voice a chain of chords; returns the voicing by the chord's onset."""
    chain: dict[float, tuple[int, ...]] = {}
    previous: tuple[int, ...] = ()
    before = 0
    for chord, top, target in zip(chords, tops, targets, strict=True):
        if abs(target - before) > 2:  # another register: a new start
            previous = ()
        previous = voices.lead(previous, chord.pitches, top, target)
        before = target
        chain[chord.onset_beats] = previous
    return chain


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
    """Hold the upper voices an octave up, with a fifth or root below: the hook's bloom."""
    lifted = {
        t: tuple(sorted({v[-3], *(p + 12 if p + 12 <= HIGHEST_WIDE else p for p in v[-2:])}))
        for t, v in voicings.items()
    }
    return held(chords, lifted, velocity, end)


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
    section: Section, start: float, voicings: dict[float, tuple[int, ...]], changes: Changes,
    order: int, ratio: float, velocity: int, end: float, stream: np.random.Generator,
) -> tuple[Note, ...]:  # fmt: skip
    """Run through the chord on a clock of its own that starts with the section.

    Each note takes its pitch from the chord that sounds when it sounds.
    """
    notes = []
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
        pitch = ladder[pattern[k % len(pattern)] % len(ladder)] + 12
        swell = 0.75 + 0.25 * float(np.sin(2 * np.pi * k * step / 23.0))
        notes.append(Note(onset, 0.45, pitch, max(15, round(velocity * swell))))
    return tuple(notes)


def choir(
    chords: list[Chord],
    voicings: dict[float, tuple[int, ...]],
    velocity: Callable[[float], int],
    end: float,
    syllable: str,
) -> tuple[Note, ...]:
    """Let the upper three voices be sung, where a choir can sing them."""
    sung = {
        t: tuple(sorted({p - 12 if p > 76 else p for p in v[-3:]})) for t, v in voicings.items()
    }
    return tuple(replace(n, syllable=syllable) for n in held(chords, sung, velocity, end))
