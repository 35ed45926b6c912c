"""Plucks: strings of Karplus and Strong, harp, koto, kalimba, a springy synth, electric piano."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.envelopes import decay, expand
from halation.dsp.modes import string_modes
from halation.dsp.oscillators import TOP_HZ, hz
from halation.dsp.phases import phases
from halation.stems.patches.bells import Bars, FmBell, Operator
from halation.stems.patches.struck import LONGEST_S, Modes, Strike, Struck, Tuned
from halation.stems.patches.voice import Signal
from halation.types import SAMPLE_RATE

__all__ = ["PLUCKS", "Spring", "String"]

HOP: Final = 64


@dataclass(frozen=True, slots=True)
class String(Tuned):
    """A plucked string on a body.

    Parameters
    ----------
    position : float in 0..1
        Where it is plucked; near 0 is thin and bright.
    t60_s : float [s]
        Decay of the fundamental at C4; shorter by a quarter an octave higher.
    loss : float in 0..1
        How much faster high partials fade; see :func:`halation.dsp.oscillators.string_modes`.
    stiffness : float
        Inharmonicity B at C4.
    body : tuple of (centre_hz, gain_db)
        Broad resonances of the box.
    """

    position: float
    t60_s: float
    loss: float
    stiffness: float
    body: tuple[tuple[float, float], ...]

    def modes(self, pitch: int) -> Modes:
        """Return the partials at middle touch."""
        octaves = (pitch - 60) / 12
        frequencies, t60_s, gains = string_modes(
            float(hz(pitch)),
            position=self.position,
            t60_s=min(LONGEST_S, self.t60_s * 0.75**octaves),
            loss=self.loss,
            stiffness=self.stiffness * 2.0**octaves,
        )
        for centre_hz, gain_db in self.body:
            nearness = 1 / (1 + (2.0 * (frequencies - centre_hz) / centre_hz) ** 2)
            gains = gains * 10 ** (gain_db * nearness / 20)
        return Modes(frequencies, t60_s, gains)


@dataclass(frozen=True, slots=True)
class Spring(Struck):
    """A springy synthesiser: a phase-modulated sine whose pitch bounces as it settles.

    Parameters
    ----------
    ratio, index : float
        Of the modulator; the index [radians] at full touch falls by 60 dB in ``index_t60_s``.
    t60_s, index_t60_s : float [s]
        At C5.
    bounce_cents, bounce_hz, bounce_s : float
        The pitch swings by so much, so fast, and settles in so long.
    """

    ratio: float
    index: float
    t60_s: float
    index_t60_s: float
    bounce_cents: float
    bounce_hz: float
    bounce_s: float

    def tone(
        self, pitch: int, hardness: float, draw: np.random.Generator, longest_s: float
    ) -> Signal:
        """Return the ringing without the strike [shape=(2, n)]."""
        t60_s = self.t60_s * 1.3 ** ((72 - pitch) / 12)
        n = round(min(longest_s, 1.1 * t60_s) * SAMPLE_RATE)
        points_s = np.arange(-(-n // HOP) + 1) * (HOP / SAMPLE_RATE)
        frequency_hz = float(hz(pitch))
        room = TOP_HZ / (self.ratio * frequency_hz) - 3.0
        index = min(self.index * (0.2 + 1.1 * hardness**1.5) * 2 ** ((72 - pitch) / 36), room)
        depth = max(index, 0.0) * decay(points_s, self.index_t60_s)
        shapes = np.stack((depth, decay(points_s, t60_s))).astype(np.float32)
        index_over_time, envelope = expand(shapes, HOP)[:, :n]
        ahead_s = self._bounce_s(points_s, hardness)
        sides = np.empty((2, n), np.float32)
        for side, apart_cents in zip(sides, (-3.0, 3.0), strict=True):
            rate_hz = frequency_hz * 2 ** (apart_cents * draw.uniform(0.6, 1.2) / 1200)
            turns = rate_hz * points_s + frequency_hz * ahead_s
            np.sin(_drawn(self.ratio * turns, n), out=side)
            side *= index_over_time
            side += _drawn(turns, n)
            np.sin(side, out=side)
            side *= envelope
        return sides

    def _bounce_s(self, t: NDArray[np.float64], hardness: float) -> NDArray[np.float64]:
        """Return how far the bouncing pitch has run ahead: the integral of a damped cosine."""
        swing = self.bounce_cents * (0.6 + 0.6 * hardness) * np.log(2) / 1200
        rate, fall = 2 * np.pi * self.bounce_hz, 1 / self.bounce_s
        shape = np.exp(-fall * t) * (rate * np.sin(rate * t) - fall * np.cos(rate * t)) + fall
        return np.asarray(swing * shape / (rate**2 + fall**2))


def _drawn(turns: NDArray[np.float64], n: int) -> Signal:
    """Return a phase in radians, straight lines between its control points [shape=(n,)]."""
    lines = np.stack((turns[:-1] % 1.0, np.diff(turns) / HOP, np.zeros(len(turns) - 1)), axis=1)
    return phases((2 * np.pi * lines).astype(np.float32), HOP)[:n]


PLUCKS: Final = (
    String(
        "string", Strike(-17.0, 900.0, 4500.0, 0.02), 0.0015, 7.0, 0.45, 0.5,
        0.16, 3.2, 0.03, 4e-5, ((260.0, 3.0), (1500.0, 4.0)),
    ),
    String(
        "harp", Strike(-26.0, 300.0, 1800.0, 0.03), 0.005, 7.0, 0.3, 0.6,
        0.5, 4.6, 0.075, 1e-5, ((200.0, 4.0), (420.0, 3.0)),
    ),
    String(
        "koto", Strike(-14.0, 1200.0, 5000.0, 0.02), 0.0008, 8.0, 0.9, 0.5,
        0.07, 2.2, 0.045, 2.4e-4, ((350.0, 3.0), (900.0, 5.0), (2100.0, 2.0)),
    ),
    Spring(
        "spring", Strike(-24.0, 1500.0, 5000.0, 0.012), 0.0012,
        3.0, 2.2, 1.5, 0.45, 55.0, 9.0, 0.075,
    ),
    FmBell(
        "rhodes", Strike(-20.0, 200.0, 1500.0, 0.03), 0.002,
        (
            Operator(0.9996, 1.0, 1.15, 0.0, 3.4, 1.6, -0.35),
            Operator(1.0004, 1.0, 0.90, -1.0, 3.0, 1.1, 0.35),
            Operator(1.0, 14.0, 0.20, -9.0, 0.9, 0.5, 0.0),
        ),
        tremolo=(4.9, 0.4, 1.0),
    ),
    Bars(
        "kalimba", Strike(-11.0, 150.0, 1600.0, 0.04), 0.002, 12.0, 0.5, 0.4,
        ((1.0, 0.0, 2.6), (2.0, -21.0, 1.6), (3.0, -27.0, 1.0), (5.95, -12.0, 0.45),
         (9.2, -26.0, 0.2)),
    ),
)  # fmt: skip
"""Every pluck; a new one is one more entry."""
