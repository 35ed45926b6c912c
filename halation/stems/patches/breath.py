"""Lines: flute, ocarina, a soft synth brass, a pulse and a saw lead, played in phrases.

Notes that overlap are one breath: the pitch glides, the air goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.envelopes import expand, glide, swell, wander
from halation.dsp.oscillators import TOP_HZ, hz, noise, read_wavetable, wavetable
from halation.dsp.phases import courses, phases
from halation.seeds import rng
from halation.stems.patches.voice import MEMORY, Event, Signal, chains, loudness
from halation.types import SAMPLE_RATE, Part

__all__ = ["BREATHS", "Breath"]

Values = NDArray[np.float64]

LEVEL: Final = 10 ** (-12 / 20)
HOP: Final = 64
BLOCK: Final = 8192
AIR: Final = 2**17
ROWS: Final = 12
"""Steps between the darkest and the brightest wave of a table."""

SWELL: Final = 0.2
SWELL_S: Final = 0.35
"""The air grows into the note."""
SCOOP_S: Final = 0.045
LONGEST_RELEASE_S: Final = 0.8
"""A breath ends; what a bell may ring on for is the room's."""
VIBRATO_AFTER_S: Final = 0.3
VIBRATO_RISE_S: Final = 0.6
VIBRATO_RATE_HZ: Final = 5.2
PITCH_DRIFT_CENTS: Final = 2.0
TURBULENCE: Final = 0.12
SILENT_AIR_DB: Final = -50.0
"""Air below this is left out."""
PULSE_TOP_HZ: Final = (2000.0, 6500.0)
TOUCH_OPENS: Final = 0.62
"""How far a note of velocity 100 opens the wave."""
LEGATO_DIP: Final = 0.25
"""How much the air gives way in the middle of a glide."""


@dataclass(frozen=True, slots=True)
class Breath:
    """A blown sound: a wave that brightens with its air, noise, late vibrato.

    Parameters
    ----------
    name : str
    dark, bright : tuple of float
        Amplitudes of the first harmonics when blown softly and hard (linear), or, where
        ``cutoffs_hz`` is given, ignored.
    cutoffs_hz : pair of float [Hz], optional
        A saw's harmonics under a low-pass that moves between these two (24 dB/octave).
    duties : pair of float in 0..0.5, optional
        A pulse wave whose width moves between these two.
    air_db : float [dB]
        Noise over the tone.
    air_hz : pair of float [Hz]
        The noise's band.
    turbulence : float
        How much the noise roughens the tone itself.
    vibrato_cents, scoop_cents : float [cents]
    attack_s, release_s, glide_s : float [s]
        Where the part sets none.
    voices : tuple of (cents, lean, gain)
        Unison; lean −1 … 1 is its place.
    halved : bool
        Rendered at half the rate: for what is dark, in the middle, and without air.
    """

    name: str
    dark: tuple[float, ...] = ()
    bright: tuple[float, ...] = ()
    cutoffs_hz: tuple[float, float] | None = None
    duties: tuple[float, float] | None = None
    air_db: float = -30.0
    air_hz: tuple[float, float] = (1500.0, 5000.0)
    turbulence: float = 0.1
    vibrato_cents: float = 18.0
    scoop_cents: float = 35.0
    attack_s: float = 0.06
    release_s: float = 0.16
    glide_s: float = 0.06
    voices: tuple[tuple[float, float, float], ...] = ((0.0, 0.0, 1.0),)
    halved: bool = False

    def play(self, part: Part, events: Sequence[Event], out: Signal) -> Iterator[int]:
        """Add the events to ``out``; see :class:`halation.stems.patches.voice.Patch`."""
        # Phrases may overlap: a piece of one, then of another, in order of time.
        yield from merge(*(self._phrase(part, chain, out) for chain in chains(events, SAMPLE_RATE)))

    def _phrase(self, part: Part, chain: tuple[Event, ...], out: Signal) -> Iterator[int]:
        """Add a phrase to ``out`` piece by piece; before each, yield where it starts."""
        start = chain[0].start
        yield start
        heard = self.air_db > SILENT_AIR_DB or self.turbulence > 0
        air = MEMORY.get((self, "air"), self._make_air) if heard else None
        highest = max(event.pitch for event in chain)
        table = MEMORY.get((self, highest), partial(self._make_table, highest))
        controls = np.stack(self._controls(part, chain))
        hop = HOP // 2 if self.halved else HOP
        blocks = self._blocks(chain[0], (table, air), controls, hop)
        if self.halved:
            tone = np.concatenate(list(blocks), axis=1)
            loops.add_twice(out[:, start:], np.broadcast_to(tone, (2, tone.shape[1])))
            return
        for block in blocks:
            loops.place(out, block, start)
            start += block.shape[1]
            yield start

    def _make_air(self) -> Signal:
        draw = rng(0, "patch", self.name, "air")
        return noise(AIR, *self.air_hz, sample_rate=SAMPLE_RATE, rng=draw)

    def _make_table(self, highest: int) -> Signal:
        """Return the waves from dark to bright, band-limited for the highest pitch."""
        base_hz = float(hz(highest))
        count = int(np.clip(TOP_HZ / base_hz / 1.1, 1, 60))
        k = np.arange(1, count + 1, dtype=np.float64)
        place: Values = np.linspace(0.0, 1.0, ROWS)[:, None]
        if self.cutoffs_hz:
            low_hz, high_hz = self.cutoffs_hz
            cutoff_hz = low_hz * (high_hz / low_hz) ** place
            cutoff_hz = np.maximum(cutoff_hz, 0.9 * base_hz)
            rows = (1 / k) / (1 + (k * base_hz / cutoff_hz) ** 4) ** 0.5
            rows /= 1 + (k * base_hz / (2.5 * cutoff_hz)) ** 2
        elif self.duties:
            wide, thin = self.duties
            duty = wide + (thin - wide) * place
            top_hz = PULSE_TOP_HZ[0] + (PULSE_TOP_HZ[1] - PULSE_TOP_HZ[0]) * place
            rows = np.abs(np.sin(np.pi * k * duty)) / k / (1 + (k * base_hz / top_hz) ** 2)
        else:
            ends = np.zeros((2, max(count, len(self.dark), len(self.bright))))
            ends[0, : len(self.dark)], ends[1, : len(self.bright)] = self.dark, self.bright
            rows = ((1 - place) * ends[0] + place * ends[1])[:, :count]
        rows *= 0.7 / np.sqrt((rows**2).sum(axis=1, keepdims=True))
        return wavetable(rows)

    def _controls(self, part: Part, chain: tuple[Event, ...]) -> tuple[Values, Values, Values]:
        """Return pitch, level and openness of a phrase at control points."""
        release_s = float(
            np.clip(part.setting("release_s", self.release_s), 0.02, LONGEST_RELEASE_S)
        )
        length_s = (chain[-1].end - chain[0].start) / SAMPLE_RATE
        points = -(-round((length_s + release_s) * SAMPLE_RATE) // HOP) + 1
        t = np.arange(points, dtype=np.float64) * (HOP / SAMPLE_RATE)
        draws = chain[0].draws
        attack_s = max(part.setting("attack_s", self.attack_s), 0.01)
        attack_s = min(attack_s, 0.8 * max(length_s, 0.02))
        pitch, level, vibrato = self._line(part, chain, t)
        rate_hz = VIBRATO_RATE_HZ + 0.6 * (draws[0] - 0.5)
        swing = np.sin(2 * np.pi * (rate_hz * t + 0.25 * wander(t, 0.31, (draws[1], draws[2]))))
        cents = part.setting("vibrato_cents", self.vibrato_cents) * vibrato * swing
        cents += PITCH_DRIFT_CENTS * wander(t, 0.23, (draws[3], draws[4]))
        cents -= self.scoop_cents * (0.6 + 0.8 * draws[5]) * np.exp(-t / SCOOP_S)
        # The air comes at once and then fills: a rise like a held pad's would be heard late.
        rise = np.sin(np.pi / 2 * np.minimum(np.minimum(t, length_s) / attack_s, 1.0))
        envelope = rise * swell(t, length_s, 1e-6, release_s)
        breath = envelope * (1 + 0.06 * vibrato * swing + 0.14 * wander(t, 0.47, (draws[6], 0.3)))
        breath *= 1 - SWELL * np.exp(-t / SWELL_S)
        open_ = TOUCH_OPENS * np.minimum(level, 1.3) + 0.7 * (part.setting("brightness", 0.5) - 0.5)
        movement = part.setting("movement", 0.5)
        open_ += movement * (0.3 * wander(t, 0.37, (draws[7], draws[1])) + 0.1 * vibrato * swing)
        return pitch + cents / 100, LEVEL * chain[0].share * level * breath, open_ * breath

    def _line(
        self, part: Part, chain: tuple[Event, ...], t: Values
    ) -> tuple[Values, Values, Values]:
        """Return pitch, level and depth of vibrato from note to note."""
        glide_s = float(np.clip(part.setting("glide_s", self.glide_s), 0.01, 0.5))
        pitch = np.full_like(t, chain[0].pitch)
        level = np.full_like(t, loudness(chain[0].velocity))
        vibrato = glide(t, VIBRATO_AFTER_S, VIBRATO_RISE_S)
        for before, event in pairwise(chain):
            onset_s = (event.start - chain[0].start) / SAMPLE_RATE
            way = glide(t, onset_s, glide_s)
            pitch += (event.pitch - before.pitch) * way
            level += (loudness(event.velocity) - loudness(before.velocity)) * way
            level *= 1 - LEGATO_DIP * np.sin(np.pi * way) ** 2
            late = glide(t, onset_s + VIBRATO_AFTER_S, VIBRATO_RISE_S)
            vibrato = vibrato * (1 - way) + late * way
        return pitch, level, vibrato

    def _blocks(
        self, first: Event, tables: tuple[Signal, Signal | None], controls: Values, hop: int
    ) -> Iterator[Signal]:
        """Render a phrase block by block [shape=(1 or 2, up to BLOCK)]."""
        table, air = tables
        cents, leans, gains = np.array(self.voices).T
        gains = gains / np.sqrt(np.sum(gains**2))
        sides = np.stack((gains * (1 - leans), gains * (1 + leans))).astype(np.float32)
        if not leans.any() and air is None:
            sides = sides[:1]
        steps = hz(controls[0]) / SAMPLE_RATE * (HOP / hop)
        lines = np.stack(
            [
                courses(steps * 2.0 ** (apart / 1200), hop, first.draws[2] * i / len(cents))
                for i, apart in enumerate(cents.tolist())
            ]
        )
        levels = controls[1:].astype(np.float32)
        place = int(first.draws[3] * (AIR // BLOCK)) * BLOCK
        for at in range(0, controls.shape[1] - 1, BLOCK // hop):
            level, open_ = expand(levels[:, at : at + BLOCK // hop + 1], hop)
            waves = read_wavetable(table, phases(lines[:, at : at + BLOCK // hop], hop), open_)
            if air is not None:
                hiss = air[:, place : place + len(level)]
                open_ += np.float32(0.5)
                open_ *= np.float32(10 ** (self.air_db / 20))
                open_ *= level
                level += hiss[0] * (level * np.float32(TURBULENCE * self.turbulence))
                place = (place + BLOCK) % AIR
            if len(waves) > 1:
                sound = sides @ waves
                sound *= level
            else:
                waves *= level
                sound = sides * waves
            if air is not None:
                sound += hiss * open_
            yield sound


BREATHS: Final = (
    Breath(
        "flute", (1.0, 0.12, 0.03), (1.0, 0.7, 0.42, 0.2, 0.12, 0.06, 0.03),
        air_db=-33.0, air_hz=(900.0, 4200.0), turbulence=0.5, vibrato_cents=16.0,
        attack_s=0.06, release_s=0.18,
    ),
    Breath(
        "ocarina", (1.0, 0.02, 0.03), (1.0, 0.14, 0.26, 0.05, 0.08),
        air_db=-34.0, air_hz=(600.0, 2600.0), turbulence=0.3, vibrato_cents=13.0,
        scoop_cents=50.0, attack_s=0.045, release_s=0.12,
    ),
    Breath(
        "airbrass", cutoffs_hz=(420.0, 6000.0), air_db=-38.0, air_hz=(1800.0, 5500.0),
        turbulence=0.15, vibrato_cents=11.0, scoop_cents=20.0, attack_s=0.07, release_s=0.35,
        glide_s=0.08, voices=((0.0, 0.0, 1.0), (-8.0, -0.9, 0.45), (8.4, 0.9, 0.45)),
    ),
    Breath(
        "chip", duties=(0.5, 0.06), air_db=-60.0, turbulence=0.0, vibrato_cents=20.0,
        scoop_cents=0.0, attack_s=0.012, release_s=0.12, glide_s=0.02,
        voices=((0.0, 0.0, 1.0), (4.0, 0.9, 0.35), (-3.6, -0.9, 0.35)),
    ),
    Breath(
        "hyper", cutoffs_hz=(900.0, 12000.0), air_db=-56.0, turbulence=0.0, vibrato_cents=9.0,
        scoop_cents=12.0, attack_s=0.02, release_s=0.3, glide_s=0.05,
        voices=((0.0, 0.0, 1.0), (-15.0, -0.9, 0.9), (13.6, 0.9, 0.9)),
    ),
)  # fmt: skip
"""Every breath sound; a new one is one more entry."""
