"""Bells: FM, ice, celesta, crystal, vibes and music box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from halation.dsp.envelopes import decay
from halation.dsp.loops import add_loop
from halation.dsp.oscillators import fm, hz
from halation.stems.patches.struck import LONGEST_S, Modes, Strike, Struck, Tuned
from halation.stems.patches.voice import Signal
from halation.types import SAMPLE_RATE

__all__ = ["BELLS", "Bars", "FmBell", "Operator"]

HOP: Final = 64
REFERENCE_PITCH: Final = 72
"""The decays below are meant at C5; an octave higher they are shorter by a third or so."""


def _ring(pitch: int, t60_s: float) -> float:
    return float(min(LONGEST_S, t60_s * 1.5 ** ((REFERENCE_PITCH - pitch) / 12)))


@dataclass(frozen=True, slots=True)
class Bars(Tuned):
    """Bars, tines, glass: a list of inharmonic partials.

    Parameters
    ----------
    partials : tuple of (ratio, gain_db, t60_s)
        Gain at middle touch, decay at C5.
    """

    partials: tuple[tuple[float, float, float], ...]

    def modes(self, pitch: int) -> Modes:
        """Return the partials at middle touch."""
        ratios, gains_db, t60_s = np.asarray(self.partials, np.float64).T
        ring = np.asarray([_ring(pitch, value) for value in t60_s.tolist()])
        return Modes(ratios * float(hz(pitch)), ring, 10 ** (gains_db / 20))


@dataclass(frozen=True, slots=True)
class Operator:
    """A carrier and its modulator: both fade, the modulator first, so the sound mellows."""

    carrier: float
    ratio: float
    index: float
    gain_db: float
    t60_s: float
    index_t60_s: float
    lean: float
    """−1 left … 1 right."""


@dataclass(frozen=True, slots=True)
class FmBell(Struck):
    """A bell of a few FM operators that stand apart in the stereo field."""

    operators: tuple[Operator, ...]

    def tone(
        self, pitch: int, hardness: float, draw: np.random.Generator, longest_s: float
    ) -> Signal:
        """Return the ringing without the strike [shape=(2, n)]."""
        rings_s = max(_ring(pitch, operator.t60_s) for operator in self.operators)
        n = round(min(longest_s, 1.1 * rings_s) * SAMPLE_RATE)
        # High notes need a smaller index: their sidebands lie where the ear is sharpest.
        tame = min(1.2, 2.0 ** ((76 - pitch) / 26))
        tone = np.zeros((2, n), np.float32)
        for operator, phase, gain_db in zip(
            self.operators,
            draw.random(len(self.operators)).tolist(),
            draw.normal(0.0, 0.5, len(self.operators)).tolist(),
            strict=True,
        ):
            t60_s = _ring(pitch, operator.t60_s)
            last = min(n, round(1.1 * t60_s * SAMPLE_RATE))
            points_s = np.arange(-(-last // HOP) + 1) * (HOP / SAMPLE_RATE)
            depth = operator.index * tame * (0.25 + 1.1 * hardness**1.5)
            index = depth * decay(points_s, operator.index_t60_s)
            carrier_hz = float(hz(pitch)) * operator.carrier
            if operator.ratio == 1:
                phase = 0.0  # any other would give an offset
            wave = fm(
                carrier_hz, operator.ratio, index, hop=HOP, sample_rate=SAMPLE_RATE, phase=phase
            )
            level = decay(points_s, t60_s) * 10 ** ((operator.gain_db + gain_db) / 20)
            for side, share in zip(tone, (1 - operator.lean, 1 + operator.lean), strict=True):
                add_loop(side[:last], wave, 0, (share * level).astype(np.float32), HOP)
        return tone


BELLS: Final = (
    FmBell(
        "fm_bell", Strike(-22.0, 1500.0, 5000.0, 0.02), 0.0012,
        (
            Operator(0.99975, 3.5, 0.85, 0.0, 4.2, 1.5, -0.5),
            Operator(1.00025, 1.41, 0.30, -5.0, 4.6, 0.9, 0.6),
            Operator(2.0015, 7.0, 0.35, -15.0, 1.6, 0.35, 0.5),
            Operator(0.5, 2.0, 0.2, -17.0, 2.6, 1.0, 0.0),
        ),
    ),
    Bars(
        "ice", Strike(-20.0, 2500.0, 6500.0, 0.03), 0.004, 14.0, 1.3, 0.8,
        ((1.0, 0.0, 4.6), (2.0, -13.0, 3.2), (2.32, -12.0, 3.6), (3.01, -21.0, 2.4),
         (4.25, -15.0, 2.6), (6.63, -20.0, 1.7), (9.38, -26.0, 1.0)),
    ),
    Bars(
        "celesta", Strike(-16.0, 300.0, 1800.0, 0.035), 0.0022, 13.0, 0.5, 0.45,
        ((1.0, 0.0, 3.4), (2.0, -24.0, 2.0), (2.756, -17.0, 0.8), (4.0, -11.0, 1.4),
         (5.404, -25.0, 0.5), (8.933, -24.0, 0.3)),
    ),
    FmBell(
        "crystal", Strike(-26.0, 3000.0, 7000.0, 0.015), 0.003,
        (
            Operator(0.9990, 4.0, 0.55, 0.0, 3.6, 2.6, -0.8),
            Operator(1.0010, 6.0, 0.32, -1.0, 3.4, 1.8, 0.8),
            Operator(2.0030, 3.0, 0.50, -9.0, 2.4, 1.2, 0.0),
        ),
    ),
    Bars(
        "vibes", Strike(-26.0, 200.0, 1400.0, 0.03), 0.003, 13.0, 0.25, 0.3,
        ((1.0, 0.0, 4.6), (3.984, -13.0, 1.5), (10.67, -24.0, 0.4)),
        tremolo=(4.3, 0.5, 0.25),
    ),
    Bars(
        "music_box", Strike(-14.0, 2200.0, 6000.0, 0.012), 0.0008, 14.0, 0.7, 0.5,
        ((1.0, 0.0, 3.2), (2.0, -20.0, 1.8), (3.0, -25.0, 1.2), (5.1, -21.0, 0.7),
         (6.267, -14.0, 0.9), (11.4, -24.0, 0.3)),
    ),
)  # fmt: skip
"""Every bell; a new one is one more entry."""
