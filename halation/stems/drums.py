"""The drummer: places synthesised hits where the score asks for them, to the sample."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp import loops
from halation.seeds import rng
from halation.stems.blocks import canvas, handed_out
from halation.stems.draws import note_draws, places, strolled
from halation.stems.hits import VOICES, Touch, hit
from halation.stems.kits import KITS
from halation.stems.rolls import bends, bent
from halation.types import SAMPLE_RATE, Audio, BackendError, Note, Part, Score, Stems

__all__ = ["Drums", "Key"]

Signal = NDArray[np.float32]
Key = tuple[int, int, int, int]
"""Pitch, layer, variant, and the length of a swell in 10 ms."""

LAYERS: Final = 5
ROUND_ROBINS: Final = 4
LONG: Final = frozenset({49, 55})  # rare and long: two variants of two layers do
VELOCITY_EXPONENT: Final = 1.4
CHOKE_S: Final = 0.014
TAIL_FADE_S: Final = 0.02
CLOSED, OPEN, REVERSED, IMPACT = 42, 46, 55, 49

LEVELS_DB: Final[dict[int, float]] = {
    36: -12.0, 37: -15.0, 38: -12.0, 39: -12.0, 40: -14.0, 42: -15.0, 46: -16.0,
    49: -14.0, 55: -15.0, 75: -18.0, 81: -18.0, 82: -19.0,
}  # fmt: skip
"""Peak of a hit of velocity 100, in dBFS: the balance inside a kit."""

PANS: Final[dict[int, float]] = {42: 0.16, 46: 0.20, 82: -0.32, 75: 0.38, 81: -0.42, 37: -0.08}
"""Home of each drum, −1 left … 1 right; the others stand in the middle."""

PAN_DRIFT: Final = 0.09
LOOSE: Final = 0.06
"""Standard deviation of how hard a note is struck, of the whole range."""


@dataclass(frozen=True, slots=True)
class _Strike:
    """One hit, drawn and ready to be placed."""

    key: Key
    start: int
    end: int  # where a choke silences it; beyond the sound for most
    gain_left: float
    gain_right: float
    bend: float  # semitones, in a roll


class Drums:
    """Kits of synthesised drums, by the names in :data:`halation.stems.kits.KITS`."""

    description = Description(
        f"Synthesised soft drum kits: {', '.join(KITS)}",
        licence="GPL-3.0-or-later",
        commercial=True,
    )

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Render the part in blocks.

        Parameters
        ----------
        part : Part
            ``patch`` names the kit. Settings: ``tune`` [semitones], ``decay`` [factor],
            ``brightness`` in 0..1, ``pan`` in −1..1, ``width`` in 0..1.5.
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
            If there is no such kit, or the kit has no such drum.
        """
        kit = part.patch.partition("+")[0]
        if kit not in KITS:
            raise BackendError(f"no drum kit named {kit!r}; known: {', '.join(KITS)}")
        unknown = sorted({note.pitch for note in part.notes} - set(VOICES))
        if unknown:
            drums = ", ".join(map(str, VOICES))
            raise BackendError(f"no drum at pitch {unknown[0]}; a kit has {drums}")
        out = canvas(score.n_samples)
        strikes = sorted(_strikes(part, score, seed), key=lambda strike: strike.start)
        yield from handed_out(out, self._struck(part, strikes, seed, out))

    def _struck(self, part: Part, strikes: list[_Strike], seed: int, out: Signal) -> Iterator[int]:
        """Add hit after hit to ``out``; before each, yield where it starts."""
        sounds: dict[Key, Signal] = {}
        for strike in strikes:
            yield strike.start
            if strike.key not in sounds:
                sounds[strike.key] = self.sound(part, strike.key, seed)
            _place(out, bent(sounds[strike.key], strike.bend), strike)

    def sound(self, part: Part, key: Key, seed: int) -> Signal:
        """Return one hit, its peak 1 [shape=(2, n)]."""
        return _rendered(part, key, seed)


def _strikes(part: Part, score: Score, seed: int) -> list[_Strike]:
    """Draw layer, variant and place of every note."""
    notes, path = part.notes, ("stems", part.name)
    draws = note_draws(notes, seed, *path, "strikes", count=3)
    drift = PAN_DRIFT * strolled([note.onset_beats for note in notes], seed, *path, "drift")
    # Box and Muller's way to a normal distribution.
    loose = LOOSE * np.sqrt(-2 * np.log1p(-draws[:, 0])) * np.cos(2 * np.pi * draws[:, 1])
    rolled = bends(notes, CLOSED, note_draws(notes, seed, *path, "rolls", count=2))
    turns = _turns(notes, score)
    strikes = []
    for i, note in enumerate(notes):
        strength = min(max(note.velocity / 127 + float(loose[i]), 0.0), 0.999)
        layer = int(strength * LAYERS) if note.pitch not in LONG else 1 + int(strength * 2) * 2
        variants = ROUND_ROBINS if note.pitch not in LONG else 2
        variant = int(draws[i, 2] * variants) // 2 * 2 + turns[i]
        start = round(score.onset_s(note) * SAMPLE_RATE)
        swell = 0
        if note.pitch == REVERSED:
            end_s = score.seconds_at(note.onset_beats + note.duration_beats) + note.offset_s
            swell = max(10, round((end_s * SAMPLE_RATE - start) / 441))
            start = max(0, round(end_s * SAMPLE_RATE) - swell * 441)
        home = PANS.get(note.pitch, 0.0)
        pan = part.setting("pan", 0.0) + home + (float(drift[i]) if home else 0.0)
        gains = _gains(note, min(max(pan, -1.0), 1.0))
        end = _choked(notes, i, score)
        strikes.append(_Strike((note.pitch, layer, variant, swell), start, end, *gains, rolled[i]))
    return strikes


def _turns(notes: tuple[Note, ...], score: Score) -> list[int]:
    """Return 0 and 1 in turn for the notes of each drum in a section: no variant comes twice."""
    last: dict[tuple[int, int], int] = {}
    turns = []
    for note, (section, _) in zip(notes, places(notes, score), strict=True):
        key = note.pitch, section
        last[key] = 1 - last.get(key, 1)
        turns.append(last[key])
    return turns


def _choked(notes: tuple[Note, ...], index: int, score: Score) -> int:
    """Return the sample where the next hat closes an open one."""
    if notes[index].pitch == OPEN:
        for later in notes[index + 1 :]:
            if later.pitch in (CLOSED, OPEN):
                return round(score.onset_s(later) * SAMPLE_RATE)
    return score.n_samples + SAMPLE_RATE * 60


def _gains(note: Note, pan: float) -> tuple[float, float]:
    """Return the gains of the sides: equal power, unity on both in the middle."""
    level = 10 ** (LEVELS_DB[note.pitch] / 20) * (note.velocity / 100) ** VELOCITY_EXPONENT
    angle = (pan + 1) * math.pi / 4
    return level * math.sqrt(2) * math.cos(angle), level * math.sqrt(2) * math.sin(angle)


def _rendered(part: Part, key: Key, seed: int) -> Signal:
    pitch, layer, _, swell = key
    touch = Touch(
        strength=(layer + 0.5) / LAYERS,
        brightness=part.setting("brightness", 0.5),
        tune=part.setting("tune", 0.0),
        decay=part.setting("decay", 1.0),
        length_s=swell * 0.01,
    )
    sound = hit(
        pitch, KITS[part.patch.partition("+")[0]], touch, rng(seed, "stems", part.name, *key)
    )
    width = part.setting("width", 1.0)
    if width != 1.0:
        middle, side = sound.mean(axis=0), (sound[0] - sound[1]) * np.float32(width / 2)
        sound = np.stack([middle + side, middle - side])
    return sound


def _place(out: Signal, sound: Signal, strike: _Strike) -> None:
    """Add a sound, choked and faded where something ends it early."""
    n = min(sound.shape[1], out.shape[1] - strike.start)
    choke = round(CHOKE_S * SAMPLE_RATE)
    stop = strike.end - strike.start + choke
    fade = choke
    if n < min(sound.shape[1], stop):  # the song ends first
        stop, fade = n, round(TAIL_FADE_S * SAMPLE_RATE)
    n = min(n, stop)
    if n <= 0:
        return
    ends_early = n < sound.shape[1]
    falling = np.linspace(1, 0, min(fade, n), dtype=np.float32) ** 2 if ends_early else None
    gains = (strike.gain_left, strike.gain_right)
    loops.place(out, sound[:, :n], strike.start, gains, falling)
