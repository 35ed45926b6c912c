"""Basses: the 808, a sine that drops into its pitch and glides; a rubber one; a reese."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.envelopes import decay, expand, glide
from halation.dsp.oscillators import TOP_HZ, hz
from halation.dsp.phases import courses, phases
from halation.stems.patches.breath import Breath
from halation.stems.patches.voice import Event, Signal, chains
from halation.types import SAMPLE_RATE, Part

__all__ = ["BASSES", "Bass808"]

Values = NDArray[np.float64]

LEVEL: Final = 10 ** (-12 / 20)
HOP: Final = 64
ATTACK_S: Final = 0.003
STOP_S: Final = 0.03
"""The cut at a note's end: short, yet longer than a period, so that it does not click."""

DROPS: Final = ((9.0, 0.014), (1.2, 0.07))
"""Semitones over the pitch at the onset, and the time in which each falls to 1/e."""

TOUCH: Final = 0.8
"""How strongly the saturation follows the velocity."""

LEGATO_LEVEL: Final = 0.6
"""A glide breathes new life into a note that has died away, up to this share of an attack."""

GLIDE_RANGE_S: Final = (0.01, 0.4)


@dataclass(frozen=True, slots=True)
class Bass808:
    """A mono 808; notes that overlap glide without a new attack.

    Parameters
    ----------
    name : str
    decay_s : float [s]
        T60 of the amplitude where the part sets no ``decay_s``.
    drive : float in 0..1
        Gentle saturation where the part sets none.
    glide_s : float [s]
        Portamento where the part sets none.
    index : float >= 0 [radians]
        Feedback of the phase onto itself at velocity 100; it falls by 60 dB in ``index_t60_s``.
    """

    name: str
    decay_s: float = 8.0
    drive: float = 0.45
    glide_s: float = 0.08
    index: float = 0.0
    index_t60_s: float = 1.0

    def play(self, part: Part, events: Sequence[Event], out: Signal) -> Iterator[int]:
        """Add the events to ``out``; see :class:`halation.stems.patches.voice.Patch`."""
        for chain in chains(events, SAMPLE_RATE):
            yield chain[0].start
            tone = self._render(part, chain)
            sides = np.broadcast_to(tone, (2, tone.shape[1]))
            loops.add_twice(out[:, chain[0].start :], sides)

    def _render(self, part: Part, chain: tuple[Event, ...]) -> Signal:
        """Return a phrase at half the rate: all of it lies in the lowest octaves."""
        total = chain[-1].end - chain[0].start + round(STOP_S * SAMPLE_RATE)
        t = np.arange(-(-total // HOP) + 1, dtype=np.float64) * (HOP / SAMPLE_RATE)
        onsets = [(event.start - chain[0].start) / SAMPLE_RATE for event in chain]
        low, high = GLIDE_RANGE_S
        glide_s = min(max(part.setting("glide_s", self.glide_s), low), high)
        pitch = np.full_like(t, chain[0].pitch)
        for before, event, onset_s in zip(chain, chain[1:], onsets[1:], strict=False):
            pitch += (event.pitch - before.pitch) * glide(t, onset_s, glide_s)
        for semitones, tau_s in DROPS:
            pitch += semitones * np.exp(-t / tau_s)
        level = self._level(part, chain, onsets, t, glide_s)
        level *= 1 - glide(t, (chain[-1].end - chain[0].start) / SAMPLE_RATE, STOP_S)
        turns = phases(courses(hz(pitch) / (SAMPLE_RATE / 2), HOP // 2), HOP // 2)
        if self.index:
            swing = np.sin(np.float32(2 * np.pi) * turns)
            swing *= expand(self._depth(chain, onsets, t), HOP // 2)
            turns += swing
        bite = self._bite(part, chain[0], t)
        tone = _saturated(turns, expand(bite.astype(np.float32), HOP // 2))
        tone *= expand(level.astype(np.float32), HOP // 2)
        return tone[None, : -(-total // 2)]

    def _level(
        self,
        part: Part,
        chain: tuple[Event, ...],
        onsets: list[float],
        t: Values,
        glide_s: float,
    ) -> Values:
        decay_s = max(part.setting("decay_s", self.decay_s), 0.1)
        level = chain[0].level * decay(t, decay_s) * np.minimum(t / ATTACK_S, 1.0)
        for event, onset_s in zip(chain[1:], onsets[1:], strict=True):
            fresh = LEGATO_LEVEL * event.level * decay(t - onset_s, decay_s)
            level += np.maximum(fresh - level, 0.0) * glide(t, onset_s, 3 * glide_s)
        return LEVEL * level

    def _depth(self, chain: tuple[Event, ...], onsets: list[float], t: Values) -> Signal:
        """Return the swing of the phase in turns: anew at every note, more when struck harder."""
        depth = np.zeros_like(t)
        for event, onset_s in zip(chain, onsets, strict=True):
            room = max(TOP_HZ / 2 / float(hz(event.pitch)) - 8.0, 0.0) / 5
            fresh = (
                min(self.index, room)
                * (event.velocity / 100) ** 1.5
                * decay(t - onset_s, self.index_t60_s)
            )
            depth = np.where(t >= onset_s, fresh, depth)
        return (depth / (2 * np.pi)).astype(np.float32)

    def _bite(self, part: Part, event: Event, t: Values) -> Values:
        """Return the saturation over time: more at the attack and when struck harder."""
        drive = np.clip(part.setting("drive", self.drive), 0.0, 1.0)
        bite = (0.25 + 0.75 * drive) * (event.velocity / 100) ** TOUCH
        return np.asarray(bite * (0.62 + 0.38 * np.exp(-t / 0.22)))


def _saturated(turns: Signal, bite: Signal) -> Signal:
    """Add the harmonics of a gentle saturation, 2 … 5, exactly band-limited and without DC.

    Each is a polynomial in sine and cosine; soft odd ones as of ``tanh`` (0.3 of the third, 0.1
    times the bite of the fifth), a little of the even ones as of a valve (0.22 and 0.07).
    ``bite`` runs from 0 (a sine) to 1.
    """
    turns *= np.float32(2 * np.pi)
    sine, even = np.sin(turns), np.cos(turns)
    square = sine * sine
    even *= np.float32(0.72) - np.float32(0.56) * square
    fifth = np.float32(1.6) * square
    fifth -= 2
    fifth *= square
    fifth += np.float32(0.5)
    fifth *= bite
    square *= np.float32(-1.2)
    square += np.float32(0.9)
    square += even
    square += fifth
    square *= bite
    square += 1
    sine *= square
    sine /= 1 + np.float32(0.02) * bite
    return np.asarray(sine)


BASSES: Final = (
    Bass808("808"),
    Bass808("rubber", decay_s=2.8, drive=0.2, index=3.2, index_t60_s=2.2),
    Breath(
        "reese",
        cutoffs_hz=(110.0, 1100.0),
        air_db=-70.0,
        turbulence=0.0,
        vibrato_cents=0.0,
        scoop_cents=0.0,
        attack_s=0.012,
        release_s=0.12,
        glide_s=0.08,
        voices=((0.0, 0.0, 1.0), (-14.0, 0.0, 0.42), (12.6, 0.0, 0.42)),
        halved=True,
    ),
)
"""Every bass; a new one is one more entry."""
