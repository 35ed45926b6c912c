"""Pads, strings, organ and supersaw: PADsynth tables that never stand still.

A pitch has two tables, one dark and one bright, whose lengths differ, so that together they come
round after nine seconds only. A note is a slice of both from a random place; slow LFOs with
irrational ratios, its velocity and its envelope move it between them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.envelopes import swell, wander
from halation.dsp.oscillators import TOP_HZ, hz, padsynth
from halation.dsp.reels import reel, release
from halation.seeds import rng
from halation.stems.patches.voice import MEMORY, Event, Signal
from halation.types import SAMPLE_RATE, Part

__all__ = ["PADS", "Held", "Pad", "PadBlend"]

Values = NDArray[np.float64]
Vowel = tuple[tuple[float, float, float], ...]
"""Formants: centre [Hz], level [dB], half width [Hz]."""

Bands = tuple[Values, Values, Values]
"""Centres [Hz], amplitudes and widths [Hz] of what a table holds."""

HOP: Final = 256
BLOCK: Final = 16_384
"""A note begins at a multiple of it in a table."""
TABLES: Final = (8 * BLOCK, 6 * BLOCK)
"""Lengths of the dark and the bright table at the full rate."""

BEHIND: Final = 8
"""So many samples at half the rate are read again by the filter that doubles it."""

LEVEL: Final = 10 ** (-24 / 20)
"""RMS of a note of velocity 100: it peaks near −12 dBFS."""

LOW_TILT_DB: Final = 3.0
"""Less for every octave under C4, so that the low notes of a chord do not boom."""
HIGH_TILT_DB: Final = 1.0
"""Less for every octave over C5."""

VELOCITY_OPENS: Final = 1.0
"""How far the whole range of velocity moves a note from dark to bright."""

RISE_FROM: Final = 0.06
RISE_END_S: Final = 0.45

AIR_HZ: Final = 5200.0
AIR_WIDTH_HZ: Final = 1900.0

OO: Final[Vowel] = ((320.0, 0.0, 70.0), (820.0, -5.0, 90.0), (2600.0, -21.0, 170.0))
AH: Final[Vowel] = (
    (660.0, 0.0, 100.0),
    (1120.0, -4.0, 110.0),
    (2750.0, -13.0, 180.0),
    (3500.0, -20.0, 240.0),
)
NASAL: Final[Vowel] = ((420.0, 0.0, 190.0), (1900.0, -5.0, 420.0))
PHASE: Final[Vowel] = ((780.0, -3.0, 210.0), (3300.0, 0.0, 800.0))
"""Two places of a phaser's notches: moving between them sounds like one."""


@dataclass(frozen=True, slots=True)
class Held:
    """A held sound made of two PADsynth tables.

    Parameters
    ----------
    name : str
    attack_s, release_s : float [s]
        Where the part sets none.
    restless : float
        How far the LFOs move, over the usual.
    bloom : float
        How far the sound opens and closes with its envelope.
    rises : bool
        The note swells over its whole length and is over soon after its end.
    step : 1 or 2
        2 plays at half the rate: there is next to nothing above 10 kHz.
    """

    name: str
    attack_s: float = field(default=0.9, kw_only=True)
    release_s: float = field(default=3.0, kw_only=True)
    restless: float = field(default=1.0, kw_only=True)
    bloom: float = field(default=0.22, kw_only=True)
    rises: bool = field(default=False, kw_only=True)
    step: int = field(default=2, kw_only=True)

    @abstractmethod
    def bands(self, pitch: int, bright: bool) -> Bands:
        """Return what the dark or the bright table of a pitch holds; its power is 1."""

    def table(self, pitch: int, bright: bool) -> Signal:
        """Return the dark or the bright table [shape=(2, n)], RMS 1."""
        return MEMORY.get((self, pitch, bright), lambda: self._make_table(pitch, bright))

    def _make_table(self, pitch: int, bright: bool) -> Signal:
        draw = rng(0, "patch", self.name, pitch, int(bright))
        n, rate = TABLES[bright] // self.step, SAMPLE_RATE // self.step
        return padsynth(*self.bands(pitch, bright), n=n, sample_rate=rate, rng=draw)

    def play(self, part: Part, events: Sequence[Event], out: Signal) -> Iterator[int]:
        """Add the events to ``out``; see :class:`halation.stems.patches.voice.Patch`."""
        n, step, done = out.shape[1], self.step, 0
        drawn = out if step == 1 else reel(2, -(-n // step))
        for event in events:
            first = event.start if step == 1 else event.start // 2 + 2  # the filter rings before
            if step > 1:
                ready = max(done, first - 2)
                loops.add_twice(out, drawn, done, ready)
                release(drawn, 0, max(0, ready - BEHIND))
                done = ready
            yield event.start // step * step
            tables = self.table(event.pitch, False), self.table(event.pitch, True)
            _add(drawn, tables, event, first, self._gains(part, event, n))
        if step > 1:
            loops.add_twice(out, drawn, done)

    def _gains(self, part: Part, event: Event, n_samples: int) -> Signal:
        """Return the gains of dark left and right, bright left and right [shape=(4, k + 1)]."""
        attack_s = max(part.setting("attack_s", self.attack_s), 0.004)
        release_s = max(part.setting("release_s", self.release_s), 0.01)
        movement = self.restless * 2.0 * part.setting("movement", 0.5)
        length_s = event.length / SAMPLE_RATE
        if self.rises:
            release_s = min(release_s, RISE_END_S)
        release_s = min(release_s, max(0.05, (n_samples - event.end) / SAMPLE_RATE))
        total = min(n_samples - event.start, event.length + round(release_s * SAMPLE_RATE))
        hop = HOP * self.step
        t = np.arange(-(-total // hop) + 1) * (hop / SAMPLE_RATE)
        draws = event.draws
        envelope = swell(t, length_s, min(attack_s, max(0.8 * length_s, 0.004)), release_s)
        if self.rises:
            through = np.minimum(t / length_s, 1.0)
            envelope = swell(t, length_s, min(0.1, 0.5 * length_s), release_s)
            envelope *= RISE_FROM + (1 - RISE_FROM) * through**2.2
        sway = wander(t, 0.09 + 0.13 * draws[0], (draws[1], draws[2]))
        ripple = wander(t, 0.47 + 0.4 * draws[3], (draws[4], draws[1]))
        still = 0.42 + 0.5 * (part.setting("brightness", 0.5) - 0.5)
        still += VELOCITY_OPENS * (event.velocity - 80) / 127
        # The bloom: a note opens with its envelope and closes as it dies away.
        place = still + self.bloom * (envelope - 1.0) + movement * (0.3 * sway + 0.12 * ripple)
        angle = np.clip(place, 0.02, 0.98) * (np.pi / 2)
        lean = movement * 0.16 * wander(t, 0.07 + 0.09 * draws[5], (draws[6], draws[7]))
        level = envelope * (1.0 + 0.1 * movement * wander(t, 0.31, (draws[7], draws[0])))
        level *= LEVEL * event.level * _tilt(event.pitch)
        dark, bright = level * np.cos(angle), level * np.sin(angle)
        rows = (dark * (1 - lean), dark * (1 + lean), bright * (1 + lean), bright * (1 - lean))
        return np.asarray(rows, np.float32)


@dataclass(frozen=True, slots=True)
class Pad(Held):
    """A held sound by its spectrum.

    Parameters
    ----------
    slope : float
        Harmonic k has the amplitude ``k ** -slope``.
    dark_hz, bright_hz : float [Hz]
        Where the two tables fall off (12 dB/octave) at C4; higher notes open by half as much.
    bandwidth_cents : float
        Spread of the fundamental.
    growth : float
        Bandwidth grows with ``harmonic ** growth``.
    even : float
        Gain of the even harmonics.
    drawbars : tuple of (ratio, gain)
        Instead of the whole harmonic series.
    lines_cents : tuple of float
        Detuned copies: an ensemble.
    dark_vowel, bright_vowel : tuple of formants
        Multiplied onto the spectrum.
    air_db : float [dB]
        Breath around 5 kHz in the bright table, over the tone; 12 dB less in the dark one.
    """

    slope: float
    dark_hz: float
    bright_hz: float
    bandwidth_cents: float
    growth: float = 1.0
    even: float = 1.0
    drawbars: tuple[tuple[float, float], ...] = ()
    lines_cents: tuple[float, ...] = (0.0,)
    dark_vowel: Vowel = ()
    bright_vowel: Vowel = ()
    air_db: float = -44.0

    def bands(self, pitch: int, bright: bool) -> Bands:
        """Return the harmonics, each with its copies, and the air."""
        base_hz = float(hz(pitch))
        ratios, gains = self._series(base_hz)
        lines = 2.0 ** (np.asarray(self.lines_cents) / 1200.0)
        centres = (ratios[:, None] * lines * base_hz).ravel()
        spread_hz = (2.0 ** (self.bandwidth_cents / 1200.0) - 1.0) * base_hz / 2.0
        widths = np.repeat(spread_hz * ratios**self.growth, len(lines))
        cutoff_hz = (self.bright_hz if bright else self.dark_hz) * (base_hz / 261.6) ** 0.5
        vowel = self.bright_vowel if bright else self.dark_vowel
        gains = gains * _formants(ratios * base_hz, vowel)
        gains = gains / (1.0 + (ratios * base_hz / cutoff_hz) ** 2)
        amplitudes = np.repeat(gains / np.sqrt(len(lines) * np.sum(gains**2)), len(lines))
        air = 10 ** ((self.air_db if bright else self.air_db - 12.0) / 20)
        return (
            np.append(centres, AIR_HZ),
            np.append(amplitudes, air) / np.sqrt(1 + air**2),
            np.append(widths, AIR_WIDTH_HZ),
        )

    def _series(self, base_hz: float) -> tuple[Values, Values]:
        if self.drawbars:
            ratios, gains = np.asarray(self.drawbars, np.float64).T
            return ratios, gains
        k = np.arange(1.0, max(2.0, min(110.0, TOP_HZ / base_hz)))
        return k, k**-self.slope * np.where(k % 2 == 0, self.even, 1.0)


@dataclass(frozen=True, slots=True)
class PadBlend(Held):
    """Two pads in one pair of tables: ``share`` of the second, at the price of one pad."""

    one: Held
    other: Held
    share: float

    @classmethod
    def of(cls, one: Held, other: Held, share: float) -> PadBlend:
        """Blend two pads, their envelopes and movement included."""

        def between(name: str) -> float:
            return float((1 - share) * getattr(one, name) + share * getattr(other, name))

        return cls(
            f"{one.name}+{other.name}", one, other, share,
            attack_s=between("attack_s"), release_s=between("release_s"),
            restless=between("restless"), bloom=between("bloom"),
            rises=(other if share > 0.5 else one).rises, step=min(one.step, other.step),
        )  # fmt: skip

    def bands(self, pitch: int, bright: bool) -> Bands:
        """Return the bands of both, equal power."""
        angle = self.share * np.pi / 2
        one, other = self.one.bands(pitch, bright), self.other.bands(pitch, bright)
        amplitudes = np.concatenate((np.cos(angle) * one[1], np.sin(angle) * other[1]))
        return (
            np.concatenate((one[0], other[0])),
            amplitudes,
            np.concatenate((one[2], other[2])),
        )


def _formants(frequency_hz: Values, vowel: Vowel) -> Values:
    if not vowel:
        return np.ones_like(frequency_hz)
    peaks = (
        10 ** (level_db / 20) / (1.0 + ((frequency_hz - centre_hz) / half_hz) ** 2)
        for centre_hz, level_db, half_hz in vowel
    )
    return np.asarray(sum(peaks) + 0.012)


def _tilt(pitch: int) -> float:
    octaves_low, octaves_high = max(0, 60 - pitch) / 12, max(0, pitch - 72) / 12
    return float(10 ** (-(LOW_TILT_DB * octaves_low + HIGH_TILT_DB * octaves_high) / 20))


def _add(
    out: Signal, tables: tuple[Signal, Signal], event: Event, first_sample: int, gains: Signal
) -> None:
    """Add a stretch of the tables times its gains, from a random block on."""
    stretch = out[:, first_sample : first_sample + (gains.shape[1] - 1) * HOP]
    blocks = [
        int(event.draws[k] * (t.shape[1] // BLOCK)) for k, t in zip((3, 6), tables, strict=True)
    ]
    places = (blocks[0] * BLOCK, blocks[1] * BLOCK)
    for side, row in enumerate(stretch):
        pair = (tables[0][side], tables[1][side])
        loops.add_loops(row, pair, places, gains[side::2], HOP)


SAW_LINES: Final = (-17.0, -11.3, -6.1, 0.0, 5.8, 11.7, 16.9)

PADS: Final = (
    Pad("glass", 1.0, 480, 4800, 22, even=0.06, growth=0.9, attack_s=1.4, release_s=4.0),
    Pad("warm", 1.0, 330, 2200, 34, attack_s=0.8, release_s=3.0),
    Pad(
        "choirpad", 0.35, 2600, 5200, 40, air_db=-35.0,
        dark_vowel=OO, bright_vowel=AH, attack_s=0.9, release_s=3.0,
    ),
    Pad(
        "strings", 0.9, 650, 4600, 14,
        lines_cents=(-13.0, -7.2, 0.0, 6.8, 13.4), attack_s=0.6, release_s=2.2, step=1,
    ),
    Pad(
        "halo", 1.0, 700, 6500, 70, growth=0.6, air_db=-36.0,
        drawbars=((1, 1.0), (2, 0.6), (3, 0.32), (4, 0.4), (6, 0.22), (8, 0.25), (12, 0.13),
                  (16, 0.11), (24, 0.05)),
        attack_s=1.6, release_s=5.0,
    ),
    Pad(
        "organ", 1.0, 500, 5000, 5, growth=0.7,
        drawbars=((0.5, 0.35), (1, 1.0), (1.5, 0.3), (2, 0.55), (3, 0.28), (4, 0.3), (5, 0.1),
                  (6, 0.14), (8, 0.16), (10, 0.06), (12, 0.07), (16, 0.07), (20, 0.03), (24, 0.03)),
        lines_cents=(-2.1, 1.9), attack_s=0.4, release_s=2.0, restless=1.2,
    ),
    Pad(
        "bowed", 1.0, 600, 6000, 4, growth=0.6, air_db=-40.0,
        drawbars=((1, 1.0), (2.32, 0.3), (4.25, 0.2), (6.63, 0.12), (9.38, 0.06)),
        lines_cents=(-3.4, 2.9), attack_s=0.7, release_s=2.6, restless=1.4,
    ),
    Pad(
        "machine", 0.75, 1500, 5200, 5, even=1.25,
        lines_cents=(-11.0, 0.0, 10.2), dark_vowel=NASAL, bright_vowel=PHASE,
        attack_s=0.35, release_s=1.8, restless=1.5,
    ),
    Pad(
        "vapourbrass", 0.85, 280, 5200, 7, lines_cents=(-6.5, 6.1),
        attack_s=0.16, release_s=1.4, restless=0.7, bloom=0.6,
    ),
    Pad(
        "swell", 1.0, 900, 5200, 9, growth=0.7, air_db=-38.0,
        drawbars=((1, 1.0), (1.41, 0.2), (3.5, 0.35), (4.5, 0.25), (7.0, 0.18), (9.5, 0.1)),
        rises=True, bloom=0.8,
    ),
    Pad(
        "supersaw", 1.0, 1000, 7000, 2.5, growth=0.8,
        lines_cents=SAW_LINES, attack_s=0.03, release_s=0.5, restless=0.7, step=1,
    ),
)  # fmt: skip
"""Every pad; a new one is one more entry."""
