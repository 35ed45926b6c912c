"""Between a song and the network's bars: eight beats are one bar, the tonic is a C."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from halation.score.harmony import Changes
from halation.score.learned.tokens import DURATIONS, IDS, STEPS, Harmony, Tone
from halation.types import Chord, Form, Key, Note

__all__ = ["BAR_BEATS", "STEP_BEATS", "chords_at", "controls", "notes_of", "shift", "tones_of"]

STEP_BEATS: Final = 0.5
BAR_BEATS: Final = STEPS * STEP_BEATS
TEMPI: Final = {"song": (63.0, 72.0), "drums": (88.0, 112.0)}
"""Felt beats a minute where the tempo's control turns, for pitched music and for drummers."""
PULL: Final = 0.33
"""A mood's axis is low below −0.33 and high above 0.33."""


def shift(key: Key) -> int:
    """Return the semitones from a song's pitches to the network's.

    Examples
    --------
    >>> shift(Key(9, "aeolian")), shift(Key(2, "ionian"))
    (3, -2)
    """
    return -key.tonic if key.tonic <= 6 else 12 - key.tonic


def controls(form: Form, role: str, **more: str) -> dict[str, str]:
    """Return what a form asks of the network, for a section of a role."""
    return {
        "mode": "minor" if form.key.minor else "major",
        "tempo": pace(form, "song"),
        "role": role,
        "valence": third(form.mood.valence),
        "energy": third(form.mood.energy),
        **more,
    }


def pace(form: Form, of: str) -> str:
    """Return a form's tempo as the control has it, among songs or among drummers.

    Examples
    --------
    >>> from halation.testing import small_form
    >>> pace(small_form(tempo_bpm=140.0), "song"), pace(small_form(tempo_bpm=140.0), "drums")
    ('mid', 'slow')
    """
    felt = form.tempo_bpm / 2
    low, high = TEMPI[of]
    return "slow" if felt < low else "fast" if felt >= high else "mid"


def third(axis: float) -> str:
    """Return which third of a mood's axis a value lies in."""
    return "low" if axis < -PULL else "high" if axis > PULL else "mid"


def quality(chord: Chord) -> str:
    """Return the quality that is nearest to a chord's colour.

    Examples
    --------
    >>> quality(Chord(0.0, 4.0, "Fmaj9", 5, (5, 9, 0, 4, 7), 5))
    'maj7'
    """
    steps = {(p - chord.root) % 12 for p in chord.pitches}
    if 4 in steps:
        return "maj7" if 11 in steps else "7" if 10 in steps else "maj"
    if 3 in steps:
        return "min7" if 10 in steps else "min"
    return "sus4" if 5 in steps else "sus2"


def chords_at(changes: Changes, start: float, key: Key) -> tuple[Harmony, ...]:
    """Return the harmony of the bar that begins at ``start`` beats."""
    by = shift(key)
    found: list[Harmony] = []
    for chord in changes.within(start, start + BAR_BEATS):
        step = max(0, 2 * round((chord.onset_beats - start) / STEP_BEATS / 2))
        if step >= STEPS:
            continue
        harmony = Harmony(step, (chord.root + by) % 12, quality(chord))
        if found and found[-1].step == step:
            found.pop()
        if not found or (found[-1].root, found[-1].quality) != (harmony.root, harmony.quality):
            found.append(harmony)
    return tuple(found)


def tones_of(notes: Iterable[Note], start: float, key: Key) -> tuple[Tone, ...]:
    """Put the notes that begin in one bar on the grid."""
    by = shift(key)
    found: dict[int, Tone] = {}
    for note in notes:
        step = round((note.onset_beats - start) / STEP_BEATS)
        if 0 <= step < STEPS:
            steps = max(1, round(note.duration_beats / STEP_BEATS))
            steps = min(DURATIONS, key=lambda d: abs(d - steps))
            found[step] = Tone(step, steps, note.pitch + by)
    return tuple(found[step] for step in sorted(found))


def notes_of(tones: Iterable[Tone], start: float, key: Key, velocity: int = 90) -> tuple[Note, ...]:
    """Bring tones back into a song."""
    by = shift(key)
    return tuple(
        Note(start + t.step * STEP_BEATS, t.steps * STEP_BEATS, t.pitch - by, velocity)
        for t in tones
    )


BAR: Final = IDS["bar"]
END: Final = IDS["end"]
