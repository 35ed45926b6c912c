"""The voices: chops of a hard-tuned singer in three takes, and a choir."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp import loops
from halation.seeds import rng
from halation.stems.bank import Spoken, bank, speakers
from halation.stems.blocks import BLOCK_S, canvas, handed_out
from halation.stems.choir import RATE, TABLE_SAMPLES, VOWELS, choir_table
from halation.stems.draws import note_draws
from halation.stems.patches.voice import Memory
from halation.stems.singer import HELD_S, Singer, Sung, Take, inhale, lead_s, sing
from halation.types import (
    REVERSED,
    SAMPLE_RATE,
    Audio,
    BackendError,
    Note,
    Part,
    Score,
    Stems,
)

__all__ = ["Vocals", "nearest_vowel"]

Signal = NDArray[np.float32]

VOWEL_LETTERS: Final = {"a": "ah", "e": "ey", "i": "ee", "o": "oh", "u": "ooh", "y": "ee"}
PATCHES: Final = ("chops", "choir")
FORMANT_SEMITONES: Final = 4.0

SHORTEST_S: Final = 0.045
CUT_S: Final = 0.008
LENGTH_STEP_S: Final = 0.04
VARIANTS: Final = 2  # of a short chop; what is held is rarely heard twice
LAYERS: Final = 3
LEGATO_S: Final = 0.03
"""Notes nearer to each other than this are tied: the pitch glides."""

TAKE_CENTS: Final = 9.0
TAKE_DELAY_S: Final = (0.010, 0.025)
TAKE_PAN: Final = 0.6
TAKE_DB: Final = -6.0
OCTAVE_DB: Final = -15.0
OCTAVE_LIMIT: Final = 84
LEVEL_DB: Final = -12.0
BREATH_REST_S: Final = 1.2
BREATH_DB: Final = -24.0
VELOCITY_EXPONENT: Final = 1.2

CHOIR_RMS_DB: Final = -24.0
CHOIR_STEP: Final = 2048
"""Samples between two points of the choir's level, at its own rate."""
EARLY_S: Final = 0.6
"""Longer than a consonant, and the breath before it, begin before their note."""
SUNG_BYTES: Final = 8 * 2**20
"""What a voice remembers of what it has sung: a hook or two."""
LAST_FADE_S: Final = 0.05

Say = Callable[[str], Spoken]


class Vocals:
    """A sampled singer: ``chops`` sings the motif, ``choir`` holds chords."""

    says_anything = False
    """Whether no word is unknown; each is then looked for when it is first sung."""

    description = Description(
        "Syllable bank of five voices: hard-tuned vocal chops in three takes, and a choir",
        licence="GPL-3.0-or-later AND Apache-2.0",
        commercial=True,
    )

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Render the part, block by block.

        Parameters
        ----------
        part : Part
            ``patch`` is ``chops`` or ``choir``. Settings: ``speaker`` (number of the bank's
            voice), ``formant_semitones``, ``brightness``, ``breath`` and ``movement`` in 0..1,
            ``width`` in 0..1.5, ``glide_s``, ``vibrato_cents``, ``detune_cents`` (of the side
            takes), ``attack_s`` and ``release_s`` (of the choir).
        score : Score
        heard : Stems
            Not used.
        seed : int

        Yields
        ------
        Audio
            Stereo, together ``score.n_samples`` long.

        Raises
        ------
        BackendError
            If there is no such patch, or a note has a syllable that cannot be sung. A part that
            was written for another player has its unknown words sung on their vowels.
        """
        if part.patch not in PATCHES:
            raise BackendError(f"no vocal patch named {part.patch!r}; known: {', '.join(PATCHES)}")
        out = canvas(score.n_samples)
        if part.patch == "choir":
            starts = _choir(part, score, seed, out)
        else:
            speaker = speakers()[int(part.setting("speaker", 0.0)) % len(speakers())]
            say = cache(partial(self.spoken, speaker=speaker, foreign=part.player != "vocals"))
            if not self.says_anything:  # what cannot be sung is told at once
                for syllable in _syllables(part):
                    say(syllable)
            starts = _chops(part, score, seed, say, out)
        yield from handed_out(out, starts, end_fade_s=LAST_FADE_S, block_s=BLOCK_S)

    def spoken(self, syllable: str, speaker: str, foreign: bool = False) -> Spoken:
        """Return how the bank's speaker says a syllable.

        Raises
        ------
        BackendError
            If the bank lacks it and it is not ``foreign``: then its vowel is sung.
        """
        known = bank()[speaker]
        if foreign and syllable not in known:
            return known[nearest_vowel(syllable)]
        if syllable not in known:
            raise BackendError(f"no syllable {syllable!r}; the singer knows {', '.join(known)}")
        return known[syllable]


def nearest_vowel(word: str) -> str:
    """Return the bank's vowel that is nearest to a word's first, as it is written.

    Examples
    --------
    >>> nearest_vowel("Regen"), nearest_vowel("снег")
    ('ey', 'ah')
    """
    plain = unicodedata.normalize("NFKD", word.lower())
    found = next((letter for letter in plain if letter in VOWEL_LETTERS), "a")
    return VOWEL_LETTERS[found]


# --- chops --------------------------------------------------------------------------------------

Key = tuple[str, int, int, int, int, int]
"""Syllable, pitch, pitch tied to, length, layer, variant: equal keys mean equal sound."""


@dataclass(frozen=True, slots=True)
class _Chop:
    """One note of the singer, drawn."""

    key: Key
    start: int
    n: int
    gain: float
    breath: bool
    number: int  # of the note, drawn: its breath is its own


def _syllables(part: Part) -> list[str]:
    return sorted({note.syllable.removeprefix(REVERSED) or "ah" for note in part.notes})


def _chops(part: Part, score: Score, seed: int, say: Say, out: Signal) -> Iterator[int]:
    """Add chop after chop to ``out``; before each, yield the sample from which it may sound."""
    singer = Singer(
        formant_semitones=part.setting("formant_semitones", FORMANT_SEMITONES),
        glide_s=float(np.clip(part.setting("glide_s", 0.035), 0.02, 0.12)),
        vibrato_cents=part.setting("vibrato_cents", 20.0),
        brightness=part.setting("brightness", 0.5),
        breath=part.setting("breath", 0.5),
    )
    sung = Memory(SUNG_BYTES)
    chops = _drawn(part, score, seed, say)
    for earliest in _earliest(part, score):
        yield earliest
        chop = next(chops)
        sound = sung.get(chop.key, partial(_takes, chop.key, singer, part, seed, say))
        _place(out, sound, chop)
        if chop.breath:
            draw = rng(seed, "stems", part.name, "inhale", chop.number)
            air = inhale(say(_name(chop.key)), singer, draw)
            start = chop.start - len(air) - round(0.03 * SAMPLE_RATE)
            if start >= 0:
                loops.place(out, air[None], start, chop.gain * 10 ** (BREATH_DB / 20))


def _earliest(part: Part, score: Score) -> list[int]:
    """Return before which sample neither a note nor any later one is heard."""
    onsets = np.array([score.onset_s(note) for note in part.notes])
    from_here = np.minimum.accumulate(onsets[::-1])[::-1]
    samples = (from_here - EARLY_S) * SAMPLE_RATE
    return [int(sample) for sample in np.maximum(samples, 0)]


def _name(key: Key) -> str:
    return key[0].removeprefix(REVERSED)


def _drawn(part: Part, score: Score, seed: int, say: Say) -> Iterator[_Chop]:
    """Turn notes into chops: lengths, ties, breaths and variants."""
    draws = note_draws(part.notes, seed, "stems", part.name, "chops", count=2).tolist()
    last_end_s, last_pitch = -BREATH_REST_S, 0
    for i, note in enumerate(part.notes):
        start_s = score.onset_s(note)
        length_s = max(score.seconds_at(note.duration_beats), SHORTEST_S)
        if i + 1 < len(part.notes):  # one throat: the next note ends this one
            length_s = min(length_s, max(score.onset_s(part.notes[i + 1]) - start_s, SHORTEST_S))
        rest_s = start_s - last_end_s
        tied = last_pitch if rest_s < LEGATO_S else note.pitch
        layer = int(np.clip(note.velocity * LAYERS // 128, 0, LAYERS - 1))
        bucket = int(np.ceil(length_s / LENGTH_STEP_S - 1e-6))
        variant = int(draws[i][0] * VARIANTS) if length_s < HELD_S else 0
        key = (note.syllable or "ah", note.pitch, tied, bucket, layer, variant)
        backwards = key[0].startswith(REVERSED)
        # The vowel falls on the beat, so what is before it comes earlier, where there is room.
        lead = 0.0 if backwards else lead_s(_sung(key, say))
        lead = min(lead, max(rest_s, 0.0) + 0.02, start_s)
        length_s += lead
        key = (*key[:3], int(np.ceil(length_s / LENGTH_STEP_S - 1e-6)), layer, variant)
        gain = 10 ** (LEVEL_DB / 20) * (note.velocity / 100) ** VELOCITY_EXPONENT
        yield _Chop(
            key=key,
            start=round((start_s - lead) * SAMPLE_RATE),
            n=round(length_s * SAMPLE_RATE),
            gain=float(gain),
            breath=rest_s > BREATH_REST_S and length_s > 0.15 and not backwards,
            number=int(draws[i][1] * 2**53),
        )
        last_end_s, last_pitch = start_s - lead + length_s, note.pitch


def _sung(key: Key, say: Say) -> Sung:
    _, pitch, tied, bucket, layer, _ = key
    length_s, strength = bucket * LENGTH_STEP_S, (layer + 0.5) / LAYERS
    return Sung(say(_name(key)), pitch, tied, length_s, strength)


def _takes(key: Key, singer: Singer, part: Part, seed: int, say: Say) -> Signal:
    """Sing one chop several times at once: centre, left, right, and an octave away."""
    draw = rng(seed, "stems", part.name, "takes", *key)
    cents = part.setting("detune_cents", TAKE_CENTS)
    pan = float(np.clip(TAKE_PAN * part.setting("width", 1.0), 0, 1))
    octave = 1_200 if key[1] + 12 <= OCTAVE_LIMIT else -1_200
    delays_s = draw.uniform(*TAKE_DELAY_S, 3).tolist()
    takes = (
        Take(),
        Take(-cents, -pan, TAKE_DB, delays_s[0]),
        Take(cents, pan, TAKE_DB, delays_s[1]),
        Take(octave, 0.0, OCTAVE_DB, delays_s[2]),
    )
    sound = sing(_sung(key, say), singer, draw, takes)
    if key[0].startswith(REVERSED):
        swell = np.linspace(0, 1, sound.shape[1], dtype=np.float32) ** 1.5
        return np.ascontiguousarray(sound[:, ::-1]) * swell
    return sound


def _place(out: Signal, sound: Signal, chop: _Chop) -> None:
    """Add a chop cut on the vowel; what is held ends by itself."""
    longest = chop.n if chop.n < HELD_S * SAMPLE_RATE else sound.shape[1]
    n = min(longest, sound.shape[1])
    cut = np.linspace(0, np.pi / 2, min(round(CUT_S * SAMPLE_RATE), n), dtype=np.float32)
    loops.place(out, sound[:, :n], chop.start, chop.gain, np.cos(cut) ** 2)


# --- choir --------------------------------------------------------------------------------------


def _choir(part: Part, score: Score, seed: int, out: Signal) -> Iterator[int]:
    """Add note after note to ``out``; before each, yield where it starts."""
    unknown = sorted({note.syllable for note in part.notes} - set(VOWELS) - {""})
    if unknown:
        raise BackendError(f"no syllable {unknown[0]!r}; the choir knows {', '.join(VOWELS)}")
    draws = note_draws(part.notes, seed, "stems", part.name, "choir", count=2).tolist()
    shift = part.setting("formant_semitones", 1.5)
    bright = part.setting("brightness", 0.5)
    tables: dict[tuple[int, str], tuple[Signal, Signal]] = {}
    starts = [round(score.onset_s(note) * SAMPLE_RATE) for note in part.notes]
    for i in np.argsort(starts, kind="stable").tolist():
        note, start, (offset, sway) = part.notes[i], starts[i], draws[i]
        yield start
        syllable = note.syllable or ("ah" if note.pitch % 2 else "ooh")
        key = (note.pitch, syllable)
        if key not in tables:
            stream = rng(seed, "stems", part.name, "table", *key)
            tables[key] = choir_table(note.pitch, syllable, shift, bright, stream)
        gains = _breathing(note, part, score, sway)
        n = min((len(gains[0]) - 2) * CHOIR_STEP, (score.n_samples - start) // 2)
        sound = np.zeros((2, max(n, 0)), np.float32)
        for table, gain in zip(tables[key], gains, strict=True):
            for row, side in zip(sound, table, strict=True):
                loops.add_loop(row, side, int(offset * TABLE_SAMPLES), gain, CHOIR_STEP)
        loops.add_twice(out[:, start:], sound)


def _breathing(note: Note, part: Part, score: Score, sway: float) -> tuple[Signal, Signal]:
    """Return the gains of a note's two vowels at every step.

    The choir comes from the second vowel, opens into the first and leans back now and then.
    """
    attack_s = max(0.1, part.setting("attack_s", 0.9))
    release_s = max(0.1, part.setting("release_s", 2.5))
    held_s = max(score.seconds_at(note.duration_beats), 0.5 * attack_s)
    steps = int(np.ceil((held_s + release_s) * RATE / CHOIR_STEP)) + 3
    t = np.arange(steps) * (CHOIR_STEP / RATE)
    rise = np.sin(np.pi / 2 * np.clip(t / attack_s, 0, 1)) ** 2
    fall = np.cos(np.pi / 2 * np.clip((t - held_s) / release_s, 0, 1)) ** 2
    opening = np.exp(-t / (1.5 * attack_s))
    lean = part.setting("movement", 0.5) * (0.5 - 0.5 * np.cos(2 * np.pi * (t / 5.3 + sway)))
    second = np.clip(0.75 * opening + 0.7 * lean, 0, 1)
    level = 10 ** (CHOIR_RMS_DB / 20) * (note.velocity / 100) ** VELOCITY_EXPONENT * rise * fall
    # The two vowels share their phases, so that their amplitudes add up.
    first, second = (np.asarray(level * share, np.float32) for share in (1 - second, second))
    return first, second
