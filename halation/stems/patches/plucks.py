"""Plucks: strings of Karplus and Strong, harp, koto, and the kalimba's tines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from halation.dsp.oscillators import hz, string_modes
from halation.stems.patches.bells import Bars
from halation.stems.patches.struck import LONGEST_S, Modes, Strike, Tuned

__all__ = ["PLUCKS", "String"]


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


PLUCKS: Final = (
    String(
        "string", Strike(-17.0, 900.0, 4500.0, 0.02), 0.0015, 7.0, 0.45, 0.5,
        0.23, 3.2, 0.05, 2e-5, ((220.0, 4.0), (480.0, 3.0)),
    ),
    String(
        "harp", Strike(-24.0, 400.0, 2500.0, 0.03), 0.003, 8.0, 0.3, 0.6,
        0.42, 4.0, 0.035, 1e-5, ((200.0, 4.0), (420.0, 3.0)),
    ),
    String(
        "koto", Strike(-14.0, 1200.0, 5000.0, 0.02), 0.0008, 8.0, 0.9, 0.5,
        0.12, 2.8, 0.045, 9e-5, ((350.0, 3.0), (900.0, 5.0), (2100.0, 2.0)),
    ),
    Bars(
        "kalimba", Strike(-11.0, 150.0, 1600.0, 0.04), 0.002, 12.0, 0.5, 0.4,
        ((1.0, 0.0, 2.6), (2.0, -21.0, 1.6), (3.0, -27.0, 1.0), (5.95, -12.0, 0.45),
         (9.2, -26.0, 0.2)),
    ),
)  # fmt: skip
"""Every pluck; a new one is one more entry."""
