"""What bells and plucks share: a sound struck once, kept for a pitch and touch, and placed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.envelopes import decay, expand, fade_edges, falling, wander
from halation.dsp.modes import modal
from halation.dsp.oscillators import hz, noise
from halation.seeds import rng
from halation.stems.patches.voice import MEMORY, Event, Signal
from halation.types import SAMPLE_RATE, Part

__all__ = ["HARDNESSES", "VARIANTS", "Modes", "Strike", "Struck", "StruckBlend", "Tuned"]

Values = NDArray[np.float64]

HARDNESSES: Final = (0.25, 0.5, 0.75, 1.0)
"""The four velocity layers."""
VARIANTS: Final = 2
"""Round robin: the sides of every other note change places; no two in a row are the same."""

LEVEL: Final = 10 ** (-12 / 20)
"""Peak of a note of velocity 100."""

BURSTS: Final = 4
"""Strikes of the hammer for every touch."""

STEP: Final = 2048
HOP: Final = 512
PEAK: Final = SAMPLE_RATE // 2
"""A struck sound is loudest within so many samples."""
OWN_FADE: Final = 4410
LONGEST_S: Final = 5.0
LENGTHS_S: Final = (1.0, 2.0, LONGEST_S)
"""What is rendered of a shot, so that notes that are damped do not pay for a whole one."""
SILENT: Final = 10 ** (-60 / 20)
"""A struck sound is cut (with a fade) where it stays below this share of its peak."""

SOFTEST_HZ: Final = 3200.0
HARDEST_HZ: Final = 7500.0
"""Where the partials fall off (12 dB/octave) under the softest and the hardest touch."""


@dataclass(frozen=True, slots=True)
class Strike:
    """The noise of the hammer, finger or plectrum.

    ``level_db`` is over the tone's peak at middle touch; it fades by 60 dB in ``t60_s``.
    """

    level_db: float
    low_hz: float
    high_hz: float
    t60_s: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Partials of one note: arrays [shape=(modes,)] in Hz, seconds and linear amplitude."""

    frequencies_hz: Values
    t60_s: Values
    gains: Values


@dataclass(frozen=True, slots=True)
class Struck:
    """A sound that rings by itself; rendered once for (pitch, touch).

    Parameters
    ----------
    name : str
    strike : Strike
    softness_s : float [s]
        Rise of the attack at middle touch; harder is faster.
    tremolo : (rate_hz, depth in 0..1, apart in 0..1)
        A motor that moves the level of all notes together; 1 apart alternates the sides.
    """

    name: str
    strike: Strike
    softness_s: float
    tremolo: tuple[float, float, float] = field(default=(0.0, 0.0, 0.0), kw_only=True)

    @abstractmethod
    def tone(
        self, pitch: int, hardness: float, draw: np.random.Generator, longest_s: float
    ) -> Signal:
        """Return at most ``longest_s`` of the ringing without the strike [shape=(2, n)]."""

    def play(self, part: Part, events: Sequence[Event], out: Signal) -> Iterator[int]:
        """Add the events to ``out``; see :class:`halation.stems.patches.voice.Patch`."""
        release_s = part.setting("release_s", 0.0)
        bright = part.setting("brightness", 0.5)
        touches = [event.velocity / 127 + 0.4 * (bright - 0.5) for event in events]
        layers = np.clip(np.array(touches) * len(HARDNESSES), 0, len(HARDNESSES) - 1)
        struck = list(zip(events, layers.astype(int).tolist(), strict=True))
        for event, layer in struck:
            yield event.start
            seconds = _needed_s(event.length, release_s)
            shot = self.shot(event.pitch, layer, seconds)
            if event.index % VARIANTS:
                shot = shot[::-1]  # the sides change places
            gain = LEVEL * event.level * (0.94 + 0.06 * event.draws[0])
            gain /= 1 + 0.25 * self.blow(layer)  # tone and strike peak together, nearly
            self._place(out, shot, gain, event, release_s)
            loops.place(out, self.burst(layer, event.index % BURSTS), event.start, gain)

    def shot(self, pitch: int, layer: int, seconds: float = LONGEST_S) -> Signal:
        """Return the first ``seconds`` of a note without its strike, peak 1 [shape=(2, n)]."""
        key = (self, pitch, layer, seconds)
        return MEMORY.get(key, lambda: self.make_shot(pitch, layer, seconds))

    def burst(self, layer: int, variant: int) -> Signal:
        """Return one of the strikes of a touch [shape=(2, n)]."""
        key = (self, "strike", layer, variant)
        return MEMORY.get(key, lambda: self.make_burst(layer, variant))

    def blow(self, layer: int) -> float:
        """Return the peak of the strike over the tone's, linear."""
        return float(10 ** ((self.strike.level_db + 10 * (HARDNESSES[layer] - 0.65)) / 20))

    def make_shot(self, pitch: int, layer: int, seconds: float) -> Signal:
        """Render what :meth:`shot` keeps; the caller's own."""
        hardness = HARDNESSES[layer]
        shot = self.tone(pitch, hardness, rng(0, "patch", self.name, pitch, layer), seconds)
        fade_edges(shot, round(self.softness_s * (1.5 - hardness) * SAMPLE_RATE), 0)
        shot *= np.float32(1 / np.max(np.abs(shot[:, :PEAK])))
        return _ended(shot, seconds)

    def make_burst(self, layer: int, variant: int) -> Signal:
        """Render what :meth:`burst` keeps; the caller's own."""
        strike = self.strike
        n = 2 ** int(np.log2(strike.t60_s * SAMPLE_RATE) + 1)
        high_hz = strike.high_hz * (0.6 + 0.55 * HARDNESSES[layer])
        draw = rng(0, "patch", self.name, "strike", layer, variant)
        burst = noise(n, strike.low_hz, high_hz, sample_rate=SAMPLE_RATE, rng=draw)
        burst *= decay(np.arange(n) / SAMPLE_RATE, strike.t60_s).astype(np.float32)
        fade_edges(burst, round(0.0006 * SAMPLE_RATE), n // 4)
        return burst * np.float32(self.blow(layer) / np.max(np.abs(burst)))

    def _place(
        self, out: Signal, shot: Signal, gain: float, event: Event, release_s: float
    ) -> None:
        """Add a shot; where a note with a release ends, it is damped."""
        n = min(shot.shape[1], out.shape[1] - event.start)
        damped = event.length + round(release_s * SAMPLE_RATE)
        held = min(n, event.length) if release_s > 0 and damped < n else n
        end = damped if held < n else n
        sound, fade = shot[:, :end], falling(end - held) if held < end else None
        sway = self._sway(event.start, end, gain)
        if sway is not None:
            sway = sway[:, :end]
            sway *= sound
            sound, gain = sway, 1.0
        loops.place(out, sound, event.start, gain, fade)

    def _sway(self, start: int, n: int, gain: float) -> Signal | None:
        """Return the tremolo, which goes on through all notes of a part [shape=(2, >= n)]."""
        rate_hz, depth, apart = self.tremolo
        if not depth:
            return None
        points_s = (np.arange(-(-n // HOP) + 1) * HOP + start) / SAMPLE_RATE
        # The motor's speed drifts a little, so that no two bars are the same.
        turns = rate_hz * points_s + 0.35 * wander(points_s, 0.083, (0.1, 0.6))
        gains = gain - gain * depth * (
            0.5 + 0.5 * np.sin(2 * np.pi * np.stack((turns, turns + apart / 2)))
        )
        return expand(gains.astype(np.float32), HOP)


def _needed_s(length: int, release_s: float) -> float:
    """Return how much of a shot a note of ``length`` samples lets ring: one of few lengths."""
    lasts_s = length / SAMPLE_RATE + release_s + 0.005 if release_s > 0 else LONGEST_S
    return next((seconds for seconds in LENGTHS_S if seconds >= lasts_s), LONGEST_S)


def _ended(shot: Signal, seconds: float) -> Signal:
    """Cut a shot after the last block that can be heard, with a fade if that is its own end."""
    n = shot.shape[1]
    while n > PEAK and np.max(np.abs(shot[:, n - STEP : n])) < SILENT:
        n -= STEP
    if n < round(seconds * SAMPLE_RATE) or seconds >= LONGEST_S:
        shot = shot[:, :n].copy()
        fade_edges(shot, 0, min(n // 8, OWN_FADE))
    return shot


@dataclass(frozen=True, slots=True)
class Tuned(Struck):
    """A struck sound made of modes.

    Parameters
    ----------
    touch_db : float [dB/octave]
        How much the partials gain, for each octave over the fundamental, from the softest to the
        hardest touch.
    beat_hz : float [Hz]
        Each partial is a pair this far apart, on average: it beats slowly, and differently left
        and right.
    width : float in 0..1
        How far the pairs stand apart.
    """

    touch_db: float
    beat_hz: float
    width: float

    @abstractmethod
    def modes(self, pitch: int) -> Modes:
        """Return the partials at middle touch."""

    def tone(
        self, pitch: int, hardness: float, draw: np.random.Generator, longest_s: float
    ) -> Signal:
        """Return the ringing without the strike [shape=(2, n)]."""
        modes = self.modes(pitch)
        count = len(modes.gains)
        octaves = np.log2(np.maximum(modes.frequencies_hz / float(hz(pitch)), 1.0))
        gain_db = self.touch_db * (hardness - 0.65) * octaves + draw.normal(0.0, 0.8, count)
        cutoff_hz = SOFTEST_HZ + (HARDEST_HZ - SOFTEST_HZ) * hardness
        gains = modes.gains * 10 ** (gain_db / 20) / (1 + (modes.frequencies_hz / cutoff_hz) ** 2)
        beat_hz = self.beat_hz * (float(hz(pitch)) / 523.0) ** 0.5
        apart = beat_hz * draw.uniform(0.3, 1.0, count) * (1 + 0.4 * octaves) / 2
        lean = self.width * draw.uniform(0.35, 1.0, count) * draw.choice((-0.5, 0.5), count)
        share = draw.uniform(0.28, 0.45, count)
        pull = share**2 / (share**2 + (1 - share) ** 2)  # keeps the pair's centre in tune
        # The second of each pair is turned on the right: the beating wanders between the sides.
        turned = np.concatenate((np.zeros(count), draw.uniform(1.5, 3.1, count) * self.width))
        pair = np.concatenate((gains * (1 - share), gains * share))
        sides = np.concatenate((lean, -lean))
        return modal(
            np.concatenate((modes.frequencies_hz - apart * pull,
                            modes.frequencies_hz + apart * (1 - pull))),
            np.tile(modes.t60_s, 2),
            np.stack((pair * (1 + sides), pair * (1 - sides))),
            np.stack((np.zeros(2 * count), turned)),
            n=round(min(longest_s, 1.1 * float(modes.t60_s.max())) * SAMPLE_RATE),
            sample_rate=SAMPLE_RATE,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StruckBlend(Struck):
    """Two struck sounds as one: ``share`` of the second, equal power."""

    one: Struck
    other: Struck
    share: float

    def tone(
        self, pitch: int, hardness: float, draw: np.random.Generator, longest_s: float
    ) -> Signal:
        """Return the first sound alone; :meth:`shot` has both [shape=(2, n)]."""
        return self.one.tone(pitch, hardness, draw, longest_s)

    def make_shot(self, pitch: int, layer: int, seconds: float) -> Signal:
        """Mix the shots of both."""
        angle = self.share * np.pi / 2
        short, long = sorted(
            (
                self.one.make_shot(pitch, layer, seconds) * np.float32(np.cos(angle)),
                self.other.make_shot(pitch, layer, seconds) * np.float32(np.sin(angle)),
            ),
            key=lambda shot: shot.shape[1],
        )
        long[:, : short.shape[1]] += short
        long *= np.float32(1 / np.max(np.abs(long[:, :PEAK])))
        return long

    def make_burst(self, layer: int, variant: int) -> Signal:
        """Mix the strikes of both."""
        angle = self.share * np.pi / 2
        short, long = sorted(
            (
                self.one.burst(layer, variant) * np.float32(np.cos(angle)),
                self.other.burst(layer, variant) * np.float32(np.sin(angle)),
            ),
            key=lambda burst: burst.shape[1],
        )
        long[:, : short.shape[1]] += short
        return long
