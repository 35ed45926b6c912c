"""The voices: chops of a hard-tuned singer in three takes, and a choir."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp.noise import STEP_SAMPLES, moving
from halation.seeds import rng
from halation.stems.choir import TABLE_SAMPLES, VOWELS, choir_table
from halation.stems.singer import HELD_S, SYLLABLES, Singer, Sung, inhale, sing
from halation.types import SAMPLE_RATE, Audio, BackendError, Note, Part, Score, Stems

__all__ = ["Vocals"]

Signal = NDArray[np.float32]

PATCHES: Final = ("chops", "choir")
FORMANT_SEMITONES: Final = 4.0

SHORTEST_S: Final = 0.08
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
LAST_FADE_S: Final = 0.05


class Vocals:
    """A formant singer: ``chops`` sings the motif, ``choir`` holds chords."""

    description = Description(
        "Formant singer: hard-tuned vocal chops in three takes, and a choir",
        licence="GPL-3.0-or-later",
        commercial=True,
    )

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Render the part in one block.

        Parameters
        ----------
        part : Part
            ``patch`` is ``chops`` or ``choir``. Settings: ``formant_semitones``, ``brightness``,
            ``breath`` and ``movement`` in 0..1, ``width`` in 0..1.5, ``glide_s``,
            ``vibrato_cents``, ``detune_cents`` (of the side takes), ``attack_s`` and
            ``release_s`` (of the choir).
        score : Score
        heard : Stems
            Not used.
        seed : int

        Yields
        ------
        Audio
            Stereo, ``score.n_samples`` long.

        Raises
        ------
        BackendError
            If there is no such patch, or a note has a syllable that cannot be sung.
        """
        if part.patch not in PATCHES:
            raise BackendError(f"no vocal patch named {part.patch!r}; known: {', '.join(PATCHES)}")
        unknown = sorted({note.syllable for note in part.notes} - set(SYLLABLES) - {""})
        if unknown:
            raise BackendError(
                f"no syllable {unknown[0]!r}; the singer knows {', '.join(SYLLABLES)}"
            )
        out = np.zeros((2, score.n_samples), dtype=np.float32)
        render = _chops if part.patch == "chops" else _choir
        render(out, part, score, seed)
        fade = min(round(LAST_FADE_S * SAMPLE_RATE), out.shape[1])
        out[:, out.shape[1] - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        yield Audio.take(out)


# --- chops --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chop:
    """One note of the singer, drawn; equal ``key`` means equal sound."""

    key: tuple[str, int, int, int, int, int]  # syllable, pitch, tied to, length, layer, variant
    start: int
    n: int
    gain: float
    breath: bool


def _chops(out: Signal, part: Part, score: Score, seed: int) -> None:
    singer = _singer(part)
    sounds: dict[tuple[str, int, int, int, int, int], Signal] = {}
    for i, chop in enumerate(_drawn(part, score, seed)):
        if chop.key not in sounds:
            sounds[chop.key] = _takes(chop.key, singer, part, seed)
        _add_chop(out, sounds[chop.key], chop)
        if chop.breath:
            air = inhale(singer, rng(seed, "stems", part.name, "inhale", i))
            start = chop.start - len(air) - round(0.03 * SAMPLE_RATE)
            if start >= 0:
                gain = chop.gain * 10 ** (BREATH_DB / 20)
                out[:, start : start + len(air)] += np.float32(gain) * air


def _singer(part: Part) -> Singer:
    return Singer(
        formant_semitones=part.setting("formant_semitones", FORMANT_SEMITONES),
        glide_s=float(np.clip(part.setting("glide_s", 0.035), 0.02, 0.12)),
        vibrato_cents=part.setting("vibrato_cents", 20.0),
        brightness=part.setting("brightness", 0.5),
        breath=part.setting("breath", 0.5),
    )


def _drawn(part: Part, score: Score, seed: int) -> list[_Chop]:
    """Turn notes into chops: lengths, ties, breaths and variants."""
    draw = rng(seed, "stems", part.name, "chops")
    chops = []
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
        variant = int(draw.integers(VARIANTS)) if length_s < HELD_S else 0
        gain = 10 ** (LEVEL_DB / 20) * (note.velocity / 100) ** VELOCITY_EXPONENT
        chops.append(
            _Chop(
                key=(note.syllable or "ah", note.pitch, tied, bucket, layer, variant),
                start=round(start_s * SAMPLE_RATE),
                n=round(length_s * SAMPLE_RATE),
                gain=float(gain),
                breath=rest_s > BREATH_REST_S and length_s > 0.15,
            )
        )
        last_end_s, last_pitch = start_s + length_s, note.pitch
    return chops


def _takes(
    key: tuple[str, int, int, int, int, int], singer: Singer, part: Part, seed: int
) -> Signal:
    """Sing one chop several times: centre, left, right, and an octave away."""
    syllable, pitch, tied, bucket, layer, _ = key
    sung = Sung(syllable, pitch, tied, bucket * LENGTH_STEP_S, (layer + 0.5) / LAYERS)
    cents = part.setting("detune_cents", TAKE_CENTS)
    pan = float(np.clip(TAKE_PAN * part.setting("width", 1.0), 0, 1))
    octave = 12 if pitch + 12 <= OCTAVE_LIMIT else -12
    double = replace(sung, pitch=pitch + octave, from_pitch=tied + octave)
    plan = (
        ("centre", sung, 0.0, 0.0, 0.0),
        ("left", sung, -cents, -pan, TAKE_DB),
        ("right", sung, cents, pan, TAKE_DB),
        ("octave", double, 0.0, 0.0, OCTAVE_DB),
    )
    longest = round((bucket * LENGTH_STEP_S + TAKE_DELAY_S[1]) * SAMPLE_RATE)
    out = np.zeros((2, longest), dtype=np.float32)
    for name, what, tune, place, level_db in plan:
        draw = rng(seed, "stems", part.name, name, *key)
        voice = sing(what, replace(singer, tune_cents=tune), draw)
        delay = 0 if name == "centre" else round(draw.uniform(*TAKE_DELAY_S) * SAMPLE_RATE)
        voice = voice[: longest - delay] * np.float32(10 ** (level_db / 20))
        angle = (place + 1) * np.pi / 4
        for side, gain in ((0, np.cos(angle)), (1, np.sin(angle))):
            out[side, delay : delay + len(voice)] += np.float32(np.sqrt(2) * gain) * voice
    return out / np.float32(np.abs(out).max() + 1e-9)


def _add_chop(out: Signal, sound: Signal, chop: _Chop) -> None:
    """Place a chop, cut on the vowel; what is held ends by itself."""
    longest = chop.n if chop.n < HELD_S * SAMPLE_RATE else sound.shape[1]
    n = min(longest, sound.shape[1], out.shape[1] - chop.start)
    if n <= 0:
        return
    piece = sound[:, :n] * np.float32(chop.gain)
    cut = min(round(CUT_S * SAMPLE_RATE), n)
    piece[:, n - cut :] *= np.cos(np.linspace(0, np.pi / 2, cut, dtype=np.float32)) ** 2
    out[:, chop.start : chop.start + n] += piece


# --- choir --------------------------------------------------------------------------------------


def _choir(out: Signal, part: Part, score: Score, seed: int) -> None:
    draw = rng(seed, "stems", part.name, "choir")
    shift = part.setting("formant_semitones", 1.5)
    bright = part.setting("brightness", 0.5)
    tables: dict[tuple[int, str], tuple[Signal, Signal]] = {}
    for note in part.notes:
        syllable = note.syllable or ("ah" if note.pitch % 2 else "ooh")
        key = (note.pitch, syllable)
        if key not in tables:
            stream = rng(seed, "stems", part.name, "table", *key)
            tables[key] = choir_table(note.pitch, VOWELS[syllable], shift, bright, stream)
        offset, sway = int(draw.integers(TABLE_SAMPLES)), float(draw.random())
        start = round(score.onset_s(note) * SAMPLE_RATE)
        gains = _breathing(note, part, score, sway)
        n = min((gains[0].shape[1] - 2) * STEP_SAMPLES, out.shape[1] - start)
        for at, block in moving(tables[key], gains, n, offset):
            out[:, start + at : start + at + block.shape[1]] += block


def _breathing(note: Note, part: Part, score: Score, sway: float) -> tuple[Signal, Signal]:
    """Return the gains of a note's two vowels at every step.

    The choir comes from the second vowel, opens into the first and leans back now and then.
    """
    attack_s = max(0.1, part.setting("attack_s", 0.9))
    release_s = max(0.1, part.setting("release_s", 2.5))
    held_s = max(score.seconds_at(note.duration_beats), 0.5 * attack_s)
    steps = int(np.ceil((held_s + release_s) * SAMPLE_RATE / STEP_SAMPLES)) + 3
    t = np.arange(steps) * (STEP_SAMPLES / SAMPLE_RATE)
    rise = np.sin(np.pi / 2 * np.clip(t / attack_s, 0, 1)) ** 2
    fall = np.cos(np.pi / 2 * np.clip((t - held_s) / release_s, 0, 1)) ** 2
    opening = np.exp(-t / (1.5 * attack_s))
    lean = part.setting("movement", 0.5) * (0.5 - 0.5 * np.cos(2 * np.pi * (t / 5.3 + sway)))
    second = np.clip(0.75 * opening + 0.7 * lean, 0, 1)
    level = 10 ** (CHOIR_RMS_DB / 20) * (note.velocity / 100) ** VELOCITY_EXPONENT * rise * fall
    # The two vowels share their phases, so that their amplitudes add up.
    gains = [np.repeat((level * weight)[None], 2, 0) for weight in (1 - second, second)]
    return gains[0].astype(np.float32), gains[1].astype(np.float32)
