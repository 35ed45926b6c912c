"""What happens in the weather: drops, crackle, thunder, calls, chirps, cars and cracking ice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.filters import doubled, lowpass
from halation.dsp.noise import coloured
from halation.types import SAMPLE_RATE

__all__ = ["EVENTS", "Events"]

Signal = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Events:
    """How often something happens, how unequal it is, and the sounds to choose from.

    ``spread`` is the exponent of the drawn level: 1 is even, 4 makes most of them faint.
    """

    bank: Callable[[np.random.Generator], list[Signal]]
    rate_hz: float
    spread: float


def _time(seconds: float) -> Signal:
    return (np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE).astype(np.float32)


def _drops(draw: np.random.Generator) -> list[Signal]:
    """Make drops: a tick, then an air bubble whose pitch rises as it closes (Minnaert)."""
    bank = []
    for _ in range(40):
        f = float(np.exp(draw.uniform(np.log(750), np.log(3_600))))
        t60_s = 22.0 / f + float(draw.uniform(0.005, 0.02))
        t = _time(1.15 * t60_s + 0.004)
        since = np.maximum(t - np.float32(0.003), 0)
        rising = since + np.float32(draw.uniform(0, 3)) * since**2
        fall = np.exp(np.float32(-6.9 / t60_s) * since)
        bubble = np.sin(np.float32(2 * np.pi * f) * rising) * fall * np.minimum(since / 0.0006, 1)
        tick = coloured(draw, 1, 2_048, SAMPLE_RATE, low_hz=1_000, high_hz=5_000)[0, : len(t)]
        tick = np.pad(tick, (0, max(0, len(t) - len(tick)))) * np.exp(-t / 0.0016)
        tick *= np.minimum(t / 0.0005, 1) * draw.uniform(0.05, 0.3)
        bank.append(_level(np.asarray(bubble + tick, dtype=np.float32)))
    return bank


def _crackle(draw: np.random.Generator) -> list[Signal]:
    """Make clicks of dust and a few scratches, rounded by the cartridge."""
    bank = []
    for kind in range(32):
        seconds = 0.012 if kind < 28 else 0.05
        t = _time(seconds)
        f, t60_s = float(draw.uniform(900, 3_200)), float(draw.uniform(0.002, 0.006))
        pulse = np.cos(2 * np.pi * f * t + draw.uniform(0, 6)) * np.exp(-6.9 / t60_s * t)
        pulse = pulse * np.minimum(t / 0.0002, 1)
        if kind >= 28:
            grains = (draw.random(len(t)) < 0.006) * draw.normal(0, 1, len(t))
            pulse = np.convolve(grains, pulse[:300])[: len(t)] * np.exp(-t / 0.015)
        soft = lowpass(pulse.astype(np.float32)[None], SAMPLE_RATE, 5_500.0)[0]
        bank.append(_level(soft - np.mean(soft)))
    return bank


def _rolls(draw: np.random.Generator) -> list[Signal]:
    """Make distant thunder: a few overlapping rumbles, each darker than the one before."""
    bank = []
    n, rate = 1 << 16, SAMPLE_RATE // 4
    t = (np.arange(n) / rate).astype(np.float32)
    for _ in range(4):
        high_hz = draw.uniform(150, 300)
        dark = coloured(draw, 2, n, rate, low_hz=45, high_hz=high_hz)
        near = coloured(draw, 2, n, rate, low_hz=120, high_hz=700, slope_db_per_octave=-3)
        low = dark.mean(axis=0) * np.float32(0.9)
        sound = np.zeros((2, n), dtype=np.float32)
        for start in np.cumsum(draw.exponential(0.5, 5)):
            since = np.maximum(t - np.float32(start), 0)
            swell = since / 0.3 * np.exp(1 - since / np.float32(draw.uniform(0.3, 0.75)))
            level = np.float32(draw.uniform(0.4, 1.0))
            sound += level * swell * (low + 0.35 * near * np.exp(-since / 0.5))
        sound *= np.cos(np.pi / 2 * t / t[-1])
        sound = doubled(doubled(sound, 2 * n), 4 * n)
        bank.append(np.asarray(1.7 * sound / np.abs(sound).max(), dtype=np.float32))
    return bank


def _calls(draw: np.random.Generator) -> list[Signal]:
    """Make birds far away: three kinds, each with its calls of quick sweeps, and an echo."""
    bank = []
    for _ in range(3):
        centre_hz, notes = float(draw.uniform(2_300, 4_200)), int(draw.integers(2, 6))
        gap_s, sweep = float(draw.uniform(0.09, 0.19)), float(draw.uniform(-0.45, 0.45))
        trill_hz, depth = float(draw.uniform(18, 45)), float(draw.uniform(0.01, 0.07))
        for _ in range(4):
            t = _time(notes * gap_s + 0.7)
            call = np.zeros_like(t)
            for k in range(notes):
                length_s = gap_s * float(draw.uniform(0.5, 0.85))
                place = (t - np.float32(k * gap_s * draw.uniform(0.96, 1.04))) / length_s
                inside = np.sin(np.pi * np.clip(place, 0, 1)) ** 2
                octaves = sweep * (place - 0.5) + depth * np.sin(2 * np.pi * trill_hz * t)
                hz = centre_hz * 2 ** (draw.normal(0, 0.06) + np.clip(octaves, -1, 1))
                call += (
                    np.float32(draw.uniform(0.4, 1))
                    * inside
                    * np.sin(np.cumsum(2 * np.pi / SAMPLE_RATE * hz))
                )
            bank.append(_far(call.astype(np.float32), draw))
    return bank


def _chirps(draw: np.random.Generator) -> list[Signal]:
    """Make crickets: a few of them, each with its own pitch, its pulses and its place."""
    bank = []
    for _ in range(4):
        f, pulse_hz = float(draw.uniform(3_600, 5_200)), float(draw.uniform(26, 44))
        for pulses in draw.integers(3, 12, 3).tolist():
            t = _time(pulses / pulse_hz + 0.3)
            beat = np.clip(np.sin(2 * np.pi * pulse_hz * t), 0, 1) ** 1.5
            beat *= (t < pulses / pulse_hz) * np.minimum(1, (t + 0.01) / 0.05)
            wave = np.sin(2 * np.pi * f * (1 + 0.01 * beat) * t)
            bank.append(_far((wave * beat).astype(np.float32), draw))
    return bank


def _cars(draw: np.random.Generator) -> list[Signal]:
    """Make cars that pass far away: a dark rush from one side to the other."""
    from scipy.fft import next_fast_len

    bank = []
    for _ in range(4):
        seconds = float(draw.uniform(4.0, 7.0))
        t = _time(seconds)
        place = t / np.float32(seconds) * 2 - 1
        high_hz = draw.uniform(900, 1_600)
        n = next_fast_len(len(t), real=True)
        noise = coloured(draw, 1, n, SAMPLE_RATE, low_hz=160, high_hz=high_hz, order=1)[0]
        rush = noise[: len(t)]
        rush *= np.exp(-((place / 0.4) ** 2)) * np.cos(np.pi / 2 * place)
        way = place if draw.random() < 0.5 else -place
        sides = np.stack((1 - 0.7 * way, 1 + 0.7 * way)) * rush
        bank.append(np.asarray(sides / np.abs(sides).max(), np.float32))
    return bank


def _cracks(draw: np.random.Generator) -> list[Signal]:
    """Make ice that settles: dry ticks, and now and then a singing crack that falls in pitch."""
    bank = []
    for kind in range(28):
        t60_s = float(draw.uniform(0.008, 0.03) if kind < 22 else draw.uniform(0.12, 0.3))
        t = _time(1.1 * t60_s + 0.003)
        f = float(draw.uniform(1_800, 6_000) if kind < 22 else draw.uniform(900, 2_200))
        falling = t - np.float32(0.0 if kind < 22 else 1.2) * t**2
        ring = np.sin(2 * np.pi * f * falling) + 0.5 * np.sin(2 * np.pi * 2.76 * f * falling)
        ring *= np.exp(-6.9 / t60_s * t) * np.minimum(1, t / 0.0004)
        bank.append(_level(ring.astype(np.float32)))
    return bank


def _far(call: Signal, draw: np.random.Generator) -> Signal:
    """Put a sound among trees: echoes on both sides, air in between."""
    sides = np.repeat(call[None] * np.float32(0.6), 2, axis=0)
    for side in sides:
        for _ in range(9):
            lag = round(float(draw.uniform(0.02, 0.45)) * SAMPLE_RATE)
            side[lag:] += call[:-lag] * np.float32(0.35 * np.exp(-lag / SAMPLE_RATE / 0.18))
    sides = lowpass(sides, SAMPLE_RATE, 4_500.0)
    sides[:, -4_410:] *= np.linspace(1, 0, 4_410, dtype=np.float32)
    return np.asarray(sides / np.abs(sides).max(), dtype=np.float32)


def _level(sound: Signal) -> Signal:
    """Bring a short sound to peak 1 on two sides, its end faded."""
    tail = min(64, len(sound))
    sound[len(sound) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
    peak = np.float32(np.abs(sound).max() + 1e-9)
    return np.asarray(np.repeat((sound / peak)[None], 2, axis=0), dtype=np.float32)


EVENTS: Final[dict[str, Events]] = {
    "drops": Events(_drops, rate_hz=22.0, spread=3.0),
    "crackle": Events(_crackle, rate_hz=9.0, spread=3.0),
    "rolls": Events(_rolls, rate_hz=1 / 18, spread=1.0),
    "calls": Events(_calls, rate_hz=1 / 4.0, spread=1.2),
    "chirps": Events(_chirps, rate_hz=1.6, spread=2.0),
    "cars": Events(_cars, rate_hz=1 / 9.0, spread=1.5),
    "cracks": Events(_cracks, rate_hz=5.0, spread=3.5),
}
"""What a sky's ``events`` may name."""
