"""What every drum is made of: decays, modes, bursts of noise, and the room they are recorded in."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.filters import lowpass
from halation.dsp.noise import band_response
from halation.stems.kits import Kit
from halation.types import SAMPLE_RATE

__all__ = [
    "clock",
    "decay",
    "fade",
    "falling",
    "finished",
    "noisy",
    "ringing",
    "single",
    "stereo",
    "struck",
]

Signal = NDArray[np.float32]

_LN1000 = 6.9078

SHARED: Final = 1024
"""Lengths of noise are rounded up to these many samples, so that hits share a band's shape."""


def single(values: Any) -> Signal:
    """Return an array in single precision."""
    return np.asarray(values, dtype=np.float32)


def clock(seconds: float) -> Signal:
    """Return the time of every sample, in seconds, from 0 on."""
    return single(np.arange(max(64, round(seconds * SAMPLE_RATE))) / SAMPLE_RATE)


def decay(t: Signal, t60_s: float) -> Signal:
    """Return an exponential that falls by 60 dB in ``t60_s``.

    Examples
    --------
    >>> round(float(decay(np.array([0.25], np.float32), 0.5)[0]), 4)
    0.0316
    """
    return single(np.exp(t * np.float32(-_LN1000 / t60_s)))


def noisy(
    draw: np.random.Generator,
    n: int,
    low_hz: float,
    high_hz: float,
    slope: float = -3.0,
    channels: int = 1,
    order: int = 2,
) -> Signal:
    """Draw noise of a band and a slope [dB/octave], RMS 1."""
    from scipy.fft import irfft, next_fast_len

    size = next_fast_len(max(-(-n // SHARED) * SHARED, 2048), real=True)
    response = _response(size, low_hz, min(high_hz, 0.45 * SAMPLE_RATE), slope, order)
    spectrum = draw.standard_normal((channels, 2 * len(response)), np.float32).view(np.complex64)
    spectrum *= response
    sound = single(irfft(spectrum, n=size, axis=1, overwrite_x=True)[:, :n])
    sound /= np.sqrt(np.mean(sound**2, axis=1, keepdims=True)) + np.float32(1e-20)
    return sound


@lru_cache(maxsize=128)
def _response(size: int, low_hz: float, high_hz: float, slope: float, order: int) -> Signal:
    """Return the shape of a band: the same for all variants of a hit."""
    frequency_hz = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE / size)
    response = band_response(frequency_hz, low_hz, high_hz, slope, order)
    response.flags.writeable = False
    return response


def ringing(
    t: Signal,
    frequencies: NDArray[np.float64],
    t60_s: float,
    draw: np.random.Generator,
    tilt: float = 1.0,
) -> Signal:
    """Sum damped modes; the higher, the quieter and the shorter, each with a drawn level.

    ``tilt`` is the gain of each mode over the one below: more than 1 for a harder touch.
    """
    out = np.zeros_like(t)
    levels = draw.uniform(0.6, 1.0, len(frequencies))
    for order, (f, level) in enumerate(zip(frequencies, levels, strict=True)):
        if f < 0.45 * SAMPLE_RATE:
            wave = np.sin(t * np.float32(2 * np.pi * f)) * decay(t, t60_s / (1 + 0.55 * order))
            out += np.float32(level * tilt**order / (1 + 0.8 * order)) * wave
    return out


def struck(t: Signal, rise_s: float, t60_s: float) -> Signal:
    """Return a fast rise into a two-stage decay."""
    fall = 0.5 * decay(t, 0.4 * t60_s) + 0.5 * decay(t, t60_s)
    return np.asarray(np.minimum(1.0, t / np.float32(rise_s)) * fall, dtype=np.float32)


def falling(t: Signal, body_hz: float, drop_semitones: float, drop_s: float) -> Signal:
    """Return a sine that falls exponentially, in octaves, into its pitch."""
    octaves = (drop_semitones / 12) * np.exp(-t / drop_s)
    steps = np.float64(2 * np.pi * body_hz / SAMPLE_RATE) * np.exp2(octaves).astype(np.float64)
    return single(np.sin(np.cumsum(steps)))


def fade(sound: Signal, start_s: float, end_s: float) -> None:
    """Fade both ends of a sound in place."""
    n = sound.shape[1]
    for seconds, backwards in ((start_s, False), (end_s, True)):
        size = min(n, round(seconds * SAMPLE_RATE))
        ramp = np.sin(np.linspace(0, np.pi / 2, size, dtype=np.float32)) ** 2
        if backwards:
            sound[:, n - size :] *= ramp[::-1]
        else:
            sound[:, :size] *= ramp


def stereo(mono: Signal) -> Signal:
    """Return one sound on two equal sides."""
    return np.repeat(mono[None], 2, axis=0)


def finished(sound: Signal, kit: Kit, pitch: int, draw: np.random.Generator) -> Signal:
    """Send a hit through what the whole kit went through; ``pitch`` is its drum number."""
    if kit.finish == "sheen" and pitch not in (36, 55, 49):
        return _room(sound, draw, 0.09, 1_500.0, 9_000.0, 0.22)
    if kit.finish == "gate" and pitch in (37, 38, 39, 40, 75, 81):
        return _room(sound, draw, 0.17, 300.0, 4_500.0, 0.38, gated=True)
    if kit.finish == "sampler":
        return _sampler(sound, hold=2 if pitch in (42, 46, 82, 75) else 3, bits=9)
    if kit.finish == "tape":
        return _taped(sound, drift=float(draw.normal(0, 0.003)))
    return sound


def _room(
    sound: Signal,
    draw: np.random.Generator,
    seconds: float,
    low_hz: float,
    high_hz: float,
    wet: float,
    gated: bool = False,
) -> Signal:
    """Add a short diffuse room, one for each side; a gated one holds and then shuts."""
    from scipy.fft import irfft, next_fast_len, rfft

    t = clock(seconds)
    shape = 1 - 0.4 * t / seconds if gated else decay(t, seconds)
    room = noisy(draw, len(t), low_hz, high_hz, -3.0, channels=2) * shape
    room *= np.minimum(1, t / np.float32(0.004))
    fade(room, 0.0, 0.02)
    room /= np.sqrt(np.sum(room**2, axis=1, keepdims=True))
    dry = np.pad(sound, ((0, 0), (0, len(t) - 1)))
    size = next_fast_len(dry.shape[1], real=True)
    rung = irfft(rfft(sound, size) * rfft(room, size), size)[:, : dry.shape[1]]
    return np.asarray(dry + wet * rung, dtype=np.float32)


def _sampler(sound: Signal, hold: int, bits: int) -> Signal:
    """Play it from an old sampler: fewer levels, every ``hold``-th sample, a soft output."""
    peak = max(float(np.abs(sound).max()), 1e-9)
    dark = lowpass(sound / np.float32(peak), SAMPLE_RATE, 0.45 * SAMPLE_RATE / hold, order=4)
    steps = np.float32(2 ** (bits - 1))
    n = sound.shape[1]
    held = np.repeat(np.rint(dark[:, ::hold] * steps) / steps, hold, axis=1)[:, :n]
    return lowpass(held, SAMPLE_RATE, 0.45 * SAMPLE_RATE / hold, order=2)


def _taped(sound: Signal, drift: float) -> Signal:
    """Record it on a cassette: a speed that is never quite right, warmth, a soft top."""
    n = sound.shape[1]
    places = np.arange(n) * (1 + drift)
    peak = max(float(np.abs(sound).max()), 1e-9)
    played = np.stack([np.interp(places, np.arange(n), side) for side in sound]) / peak
    warm = np.tanh(1.6 * played) / np.tanh(1.6)
    return lowpass(warm.astype(np.float32), SAMPLE_RATE, 9_500.0, order=2)
