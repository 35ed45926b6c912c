"""One drum hit: each voice drawn from its kit, from its velocity and from chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.noise import band_response
from halation.stems.kits import Kit
from halation.stems.strokes import (
    clock,
    decay,
    fade,
    falling,
    finished,
    floored,
    middle,
    noisy,
    ringing,
    single,
    struck,
)
from halation.types import SAMPLE_RATE

__all__ = ["VOICES", "Touch", "hit"]

Signal = NDArray[np.float32]

_SKIN_MODES: Final = (1.0, 1.594, 2.136, 2.653)  # ideal membrane, Rossing and Fletcher
_BAR_MODES: Final = (1.0, 2.756, 5.404, 8.933)  # free bar, Rossing and Fletcher
_GLASS_MODES: Final = (1.0, 1.47, 2.13, 2.76, 3.61)
_SQUARES_HZ: Final = (263.0, 400.0, 421.0, 474.0, 587.0, 845.0)
_METAL_SAMPLES: Final = 1 << 14
_WASH_SAMPLES: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class Touch:
    """How a drum is struck.

    Parameters
    ----------
    strength : float in 0..1
        The velocity layer; it brightens and lengthens.
    brightness : float in 0..1
        The part's own; 0.5 leaves the kit as it is.
    tune : float [semitones]
    decay : float > 0
        Factor on every decay time.
    length_s : float >= 0 [s]
        Length of the note, for what swells into its end.
    """

    strength: float
    brightness: float = 0.5
    tune: float = 0.0
    decay: float = 1.0
    length_s: float = 0.0

    @property
    def light(self) -> float:
        """Factor on cutoffs: about 0.6 for a soft dark hit, 1.45 for a hard bright one."""
        return float(2.0 ** (0.9 * (self.strength - 0.65) + 0.9 * (self.brightness - 0.5)))

    @property
    def ratio(self) -> float:
        """Factor on frequencies of bodies."""
        return float(2.0 ** (self.tune / 12.0))

    def lasting(self, t60_s: float) -> float:
        """Return a decay time as this touch makes it."""
        return t60_s * self.decay * (0.7 + 0.4 * self.strength)


Voice = Callable[[Kit, Touch, np.random.Generator], Signal]


def hit(pitch: int, kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    """Render one drum hit.

    Parameters
    ----------
    pitch : int
        General MIDI drum number; one of :data:`VOICES`.
    kit : Kit
    touch : Touch
    draw : np.random.Generator
        The stream of this variant.

    Returns
    -------
    np.ndarray [shape=(2, n)], float32
        Peak 1; starts and ends at silence, no DC.
    """
    voice, floor_hz = VOICES[pitch]
    sound = voice(kit, touch, draw)
    sound = finished(sound, kit, pitch, draw)
    sound = floored(sound, floor_hz)
    fade(sound, 0.0004, 0.012 if pitch != 55 else 0.004)
    sound *= np.float32(1 / max(float(np.abs(sound).max()), 1e-9))
    return np.broadcast_to(sound, (2, sound.shape[1]))


def _kick(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    kick = kit.kick
    t60_s = touch.lasting(kick.t60_s)
    t = clock(1.1 * t60_s)
    body_hz = kick.body_hz * touch.ratio
    drop = kick.drop_semitones * (0.75 + 0.35 * touch.strength)
    body = falling(t, body_hz, drop, kick.drop_s) * decay(t, t60_s)
    if kick.body == "felt":
        body += 0.35 * np.sin(t * np.float32(2 * np.pi * 2.3 * body_hz)) * decay(t, 0.2 * t60_s)
    if kick.body == "ring":
        body *= 1 + 0.5 * decay(t, 0.25 * t60_s)
    body *= np.minimum(1, t / np.float32(0.0012))
    push = 1 + 3 * kick.drive
    body = np.tanh(push * body) / np.float32(np.tanh(push))
    beater = noisy(draw, len(t), 120.0, kick.beater_hz * touch.light, -2.0)[0]
    beater = beater * struck(t, 0.0008, 0.022)
    level = 10 ** ((kick.beater_db + 6 * (touch.strength - 0.7)) / 20)
    return middle(body + np.float32(level) * beater)


def _snare_body(kit: Kit, touch: Touch, t: Signal, draw: np.random.Generator) -> Signal:
    snare = kit.snare
    f = snare.body_hz * touch.ratio * float(2 ** draw.normal(0, 0.006))
    t60_s = touch.lasting(snare.body_t60_s)
    if snare.body == "bars":
        return ringing(t, f * np.array(_BAR_MODES), t60_s, draw, touch.light)
    if snare.body == "ring":
        low = falling(t, f, 1.5, 0.01) * decay(t, t60_s)
        return low + 0.6 * falling(t, 1.86 * f, 1.0, 0.01) * decay(t, 0.7 * t60_s)
    if snare.body == "brush":
        return falling(t, f, 3.0, 0.015) * decay(t, t60_s)
    skin = ringing(t, f * np.array(_SKIN_MODES), t60_s, draw)
    return skin + 0.7 * falling(t, f, 4.0, 0.012) * decay(t, 0.8 * t60_s)


def _snare(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    snare = kit.snare
    noise_t60_s = touch.lasting(snare.noise_t60_s)
    t = clock(1.3 * max(noise_t60_s, touch.lasting(snare.body_t60_s)))
    body = _snare_body(kit, touch, t, draw)
    body *= np.minimum(1, t / np.float32(0.001))
    noise = noisy(draw, len(t), snare.low_hz, snare.high_hz * touch.light, -3.0, channels=3)
    rise_s = 0.006 if snare.body == "brush" else 0.001
    noise *= struck(t, rise_s, noise_t60_s)
    wires = noise[2] + 0.35 * noise[:2]
    level = 10 ** (snare.body_db / 20)
    return single(wires * np.float32(0.32) + np.float32(level) * body / np.float32(1.2))


def _clap(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    clap = kit.clap
    tail_s = touch.lasting(clap.tail_t60_s)
    gaps = clap.gap_s * draw.uniform(0.75, 1.25, clap.bursts - 1)
    starts = np.concatenate([[0.0], np.cumsum(gaps)])
    t = clock(float(starts[-1]) + 1.2 * tail_s)
    low, high = clap.centre_hz / 1.7, clap.centre_hz * 2.4 * touch.light
    noise = noisy(draw, len(t), low, high, -3.0, channels=3)
    hands = np.zeros_like(t)
    for start, level in zip(starts, draw.uniform(0.55, 0.95, clap.bursts), strict=True):
        since = np.maximum(t - np.float32(start), 0)
        burst = np.minimum(1, since / np.float32(0.0008)) * decay(since, 0.035)
        hands += np.float32(level) * np.where(t >= start, burst, 0)
    since = np.maximum(t - np.float32(starts[-1]), 0)
    room = np.minimum(1, since / np.float32(0.003)) * decay(since, tail_s)
    tail = np.float32(10 ** (clap.tail_db / 20))
    return single(noise[2] * hands + (0.5 * noise[2] + noise[:2]) * room * tail)


def _snap(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    f = kit.rim.snap_hz * touch.ratio * float(2 ** draw.normal(0, 0.03))
    t60_s = touch.lasting(kit.rim.snap_t60_s)
    t = clock(0.05 + 2.4 * t60_s)
    finger = noisy(draw, len(t), f / 1.15, f * 1.25 * touch.light, 0.0)[0]
    palm = noisy(draw, len(t), 0.45 * f, 0.6 * f, 0.0)[0]
    room = noisy(draw, len(t), 600.0, 5_000.0 * touch.light, -4.0, channels=2)
    since = np.maximum(t - np.float32(0.004), 0)
    hand = np.float32(1.05 - 0.5 * touch.strength) * palm * decay(since, 0.7 * t60_s)
    dry = finger * struck(t, 0.0008, t60_s) + hand
    return single(dry + np.float32(0.1) * room * np.minimum(1, t / 0.01) * decay(t, 2.4 * t60_s))


def _rim(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    t60_s = touch.lasting(kit.rim.t60_s)
    t = clock(0.03 + 1.6 * t60_s)
    f = np.array(kit.rim.modes_hz) * touch.ratio * 2 ** draw.normal(0, 0.008, 2)
    modes = ringing(t, np.concatenate([f, 2.37 * f]), t60_s, draw, touch.light)
    tick = noisy(draw, len(t), 500.0, 4_000.0 * touch.light, -2.0)[0] * struck(t, 0.0006, 0.012)
    return middle(modes + np.float32(0.25 + 0.3 * touch.strength) * tick)


def _partials_hz(kit: Kit, ratio: float, draw: np.random.Generator) -> NDArray[np.float64]:
    """Return the frequencies of a metal: six squares, glass modes, or FM side bands."""
    odd = np.arange(1, 60, 2)
    if kit.hat.source == "squares":
        return np.asarray(np.outer(_SQUARES_HZ, odd).ravel() * ratio)
    if kit.hat.source == "glass":
        steps = np.geomspace(2_600, 12_500, 26) * 2 ** draw.normal(0, 0.05, 26)
        return np.asarray(steps * ratio)
    bands = np.arange(-24, 25)
    sides = np.add.outer(kit.hat.centre_hz * np.array([0.82, 1.13]), 411.7 * bands)
    return np.asarray(np.abs(sides).ravel() * ratio)


def _metal(kit: Kit, touch: Touch, n: int, draw: np.random.Generator, channels: int = 1) -> Signal:
    """Return a slice of a cymbal that rings for ever, RMS 1, in the hat's band."""
    from scipy import fft

    centre = kit.hat.centre_hz * float(touch.light**0.35)
    band_hz = (kit.hat.low_ratio * centre, 1.26 * centre)
    if kit.hat.source == "noise":
        return noisy(draw, n, *band_hz, -6.0, channels, order=4)
    size = max(_METAL_SAMPLES, fft.next_fast_len(n, real=True))
    hz = SAMPLE_RATE / size
    frequency_hz = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(hz)
    response = band_response(frequency_hz, *band_hz, -6.0, order=4)
    lines = np.rint(_partials_hz(kit, touch.ratio, draw) / hz).astype(int)
    lines = lines[(lines > 0) & (lines < len(response))]
    spectrum = np.zeros((channels, len(response)), dtype=np.complex64)
    for channel in range(channels):
        turns = draw.uniform(0, 2 * np.pi, len(lines))
        np.add.at(spectrum[channel], lines, np.exp(1j * turns).astype(np.complex64))
    sound = fft.irfft(spectrum * response, n=size, axis=1).astype(np.float32)
    sound /= np.sqrt(np.mean(sound**2, axis=1, keepdims=True)) + np.float32(1e-9)
    breath = noisy(draw, n, *band_hz, -6.0, channels, order=4)
    return single(sound[:, :n] * np.float32(0.85) + breath * np.float32(0.4))


def _tick(kit: Kit, touch: Touch, t: Signal, draw: np.random.Generator) -> Signal:
    level = 10 ** ((kit.hat.tick_db + 5 * (touch.strength - 0.7)) / 20)
    noise = noisy(draw, len(t), 1_800.0, 7_000.0, -3.0)[0]
    return single(np.float32(level) * noise * struck(t, 0.0006, 0.012))


def _closed_hat(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    t60_s = touch.lasting(kit.hat.closed_t60_s) * float(draw.uniform(0.75, 1.3))
    t = clock(0.02 + 1.4 * t60_s)
    metal = _metal(kit, touch, len(t), draw)[0]
    return middle(metal * struck(t, 0.0012, t60_s) + _tick(kit, touch, t, draw))


def _open_hat(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    t60_s = touch.lasting(kit.hat.open_t60_s) * float(draw.uniform(0.9, 1.15))
    t = clock(1.2 * t60_s)
    metal = _metal(kit, touch, len(t), draw, channels=3)
    sound = (metal[2] + 0.3 * metal[:2]) * struck(t, 0.0015, t60_s)
    return single(sound + 0.7 * _tick(kit, touch, t, draw))


def _shaker(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    t60_s = touch.lasting(0.11)
    t = clock(0.05 + 1.3 * t60_s)
    top_hz = 0.95 * kit.hat.centre_hz * touch.light
    grains = noisy(draw, len(t), 3_200.0, min(top_hz, 9_500.0), -3.0)[0]
    first = np.minimum(1, t / np.float32(0.004)) * decay(t, 0.03)
    since = np.maximum(t - np.float32(draw.uniform(0.012, 0.02)), 0)
    body = np.minimum(1, since / np.float32(0.012)) * decay(since, t60_s)
    return middle(grains * (0.6 * first + body))


def _ice(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    """Crack a thin sheet: a few tiny high modes, one after another, the later the softer."""
    t = clock(0.16 * touch.decay)
    out = np.zeros((2, len(t)), dtype=np.float32)
    starts = np.concatenate([[0.0], np.cumsum(draw.uniform(0.002, 0.007, 4))])
    for order, start in enumerate(starts):
        f = kit.click_hz * touch.ratio * float(2 ** draw.uniform(-0.55, 0.45)) * touch.light**0.4
        since = np.maximum(t - np.float32(start), 0)
        crack = np.sin(since * np.float32(2 * np.pi * f)) * decay(since, touch.lasting(0.045))
        crack *= np.minimum(1, since / np.float32(0.0008 * (1 + order)))
        pan = 0.5 if order == 0 else float(draw.uniform(0.2, 0.8))
        level = 1.0 if order == 0 else float(draw.uniform(0.15, 0.5)) * 0.8**order
        out += np.float32(level) * np.array([[1 - pan], [pan]], np.float32) * crack
    frost = noisy(draw, len(t), 3_000.0, 8_000.0, -3.0)[0] * struck(t, 0.0006, 0.03)
    return single(out + np.float32(0.06) * frost)


def _glass(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    """Touch a wine glass: inharmonic modes that beat, each side a little apart."""
    t60_s = touch.lasting(0.32)
    t = clock(1.1 * t60_s)
    f = 0.5 * kit.click_hz * touch.ratio * np.array(_GLASS_MODES)
    apart = draw.normal(0, 0.004, (2, len(f)))
    sides = [ringing(t, f * 2**shift, t60_s, draw, touch.light**1.3) for shift in apart]
    tick = noisy(draw, len(t), 2_000.0, 6_000.0 * touch.light, -3.0)[0] * struck(t, 0.0006, 0.01)
    return single(np.stack(sides) * np.float32(0.8) + np.float32(0.2 * touch.strength) * tick)


def _wash(kit: Kit, touch: Touch, n: int, draw: np.random.Generator) -> tuple[Signal, Signal]:
    """Return a cymbal's dark and bright halves, stereo, RMS 1."""
    size = min(n, _WASH_SAMPLES)  # three seconds of noise may come round again unnoticed
    dark = noisy(draw, size, 350.0, 2_600.0 * touch.light, -3.0, channels=2)
    bright = _metal(kit, touch, size, draw, channels=2)
    turns = -(-n // size)
    return np.tile(dark, turns)[:, :n], np.tile(bright, turns)[:, :n]


def _reversed_cymbal(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    t = clock(max(touch.length_s, 0.1))
    place = t / np.float32(touch.length_s or 0.1)
    dark, bright = _wash(kit, touch, len(t), draw)
    swell = place**3 * np.exp(np.float32(2.2) * (place - 1))
    return single(dark * swell * 0.7 + bright * swell * place**2 * 0.6)


def _impact(kit: Kit, touch: Touch, draw: np.random.Generator) -> Signal:
    t60_s = kit.wash_t60_s * touch.decay
    t = clock(1.05 * t60_s)
    boom = falling(t, kit.impact_hz * touch.ratio, 9.0, 0.06) * decay(t, 0.35 * t60_s)
    boom *= np.minimum(1, t / np.float32(0.0015))
    dark, bright = _wash(kit, touch, len(t), draw)
    swish = dark * struck(t, 0.002, t60_s) + 0.35 * bright * struck(t, 0.002, 0.4 * t60_s)
    return single(boom + np.float32(0.16 + 0.08 * touch.strength) * swish)


VOICES: Final[dict[int, tuple[Voice, float]]] = {
    36: (_kick, 28.0),
    37: (_rim, 150.0),
    38: (_snare, 90.0),
    39: (_clap, 250.0),
    40: (_snap, 300.0),
    42: (_closed_hat, 2_500.0),
    46: (_open_hat, 2_000.0),
    49: (_impact, 26.0),
    55: (_reversed_cymbal, 200.0),
    75: (_ice, 900.0),
    81: (_glass, 600.0),
    82: (_shaker, 1_500.0),
}
"""Voice and high-pass [Hz] of each General MIDI drum number that a kit has."""
