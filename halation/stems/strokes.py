"""What every drum is made of: decays, modes, bursts of noise, and the room they are recorded in."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.filters import butterworth, cascade, lowpass
from halation.dsp.loops import respeed
from halation.dsp.noise import band_response
from halation.dsp.phases import courses, phases
from halation.seeds import rng
from halation.stems.kits import Kit
from halation.types import SAMPLE_RATE

__all__ = [
    "clock",
    "decay",
    "fade",
    "falling",
    "finished",
    "floored",
    "middle",
    "noisy",
    "ringing",
    "single",
    "struck",
]

Signal = NDArray[np.float32]

_LN1000 = 6.9078

ROOMS: Final = 8
"""Places in a room where hits may fall."""
ROOM_STEP: Final = 4_096
HOP: Final = 32
MIN_LOOP: Final = 14
"""Binary logarithm of the shortest loop of noise."""


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
    """Cut noise of a band and a slope [dB/octave], RMS 1, out of a loop at drawn places.

    A loop is shared by all hits of about that length and that band; the channels, up to three, run
    a third of it apart.
    """
    size = 1 << max(MIN_LOOP, (n - 1).bit_length())
    loop = _loop(size, round(low_hz), round(min(high_hz, 0.45 * SAMPLE_RATE)), slope, order)
    first = int(draw.integers(size))
    sound = np.empty((channels, n), np.float32)
    for row, part in zip(sound, (0, size // 3, 2 * size // 3), strict=False):
        place = (first + part) % size
        head = min(n, size - place)
        row[:head], row[head:] = loop[place : place + head], loop[: n - head]
    for row in sound:
        row *= np.float32((n / (float(np.dot(row, row)) + 1e-20)) ** 0.5)
    return sound


@lru_cache(maxsize=64)
def _loop(size: int, low_hz: int, high_hz: int, slope: float, order: int) -> Signal:
    """Return a seamless loop of noise of one band."""
    from scipy.fft import irfft

    frequency_hz = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE / size)
    spectrum = _white(size) * band_response(frequency_hz, low_hz, high_hz, slope, order)
    loop = single(irfft(spectrum, n=size, overwrite_x=True))
    loop.flags.writeable = False
    return loop


@lru_cache(maxsize=8)
def _white(size: int) -> NDArray[np.complex64]:
    """Return the spectrum of white noise [shape=(size // 2 + 1,)]."""
    draw = rng(0, "stems", "strokes", "noise", size)
    return draw.standard_normal(size + 2, np.float32).view(np.complex64)


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
    slow = decay(t, t60_s)
    fall = slow * slow  # the quick one dies away in two fifths of the time
    fall *= np.sqrt(slow)
    fall += slow
    fall *= np.float32(0.5)
    rising = t[: np.searchsorted(t, rise_s)]
    fall[: len(rising)] *= rising / np.float32(rise_s)
    return fall


def falling(t: Signal, body_hz: float, drop_semitones: float, drop_s: float) -> Signal:
    """Return a sine that falls exponentially, in octaves, into its pitch."""
    points_s = np.arange(-(-len(t) // HOP) + 1) * (HOP / SAMPLE_RATE)
    octaves = (drop_semitones / 12) * np.exp(-points_s / drop_s)
    turns = phases(courses(body_hz / SAMPLE_RATE * np.exp2(octaves), HOP), HOP)[: len(t)]
    turns *= np.float32(2 * np.pi)
    return single(np.sin(turns, out=turns))


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


def middle(mono: Signal) -> Signal:
    """Return a sound of the middle, the same on both sides [shape=(1, n)]."""
    return mono[None]


def floored(sound: Signal, floor_hz: float) -> Signal:
    """Take away what lies below a drum."""
    sections = _floor(floor_hz)
    state = np.zeros((len(sections), len(sound), 2), np.float32)
    return cascade(sections, sound, state)[0]


@cache
def _floor(floor_hz: float) -> Signal:
    return butterworth(2, floor_hz, "highpass", SAMPLE_RATE)


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
    from scipy.fft import irfft, rfft

    n = sound.shape[1] + len(clock(seconds)) - 1
    size = -(-n // ROOM_STEP) * ROOM_STEP
    walls = _walls(seconds, low_hz, high_hz, gated, int(draw.integers(ROOMS)), size)
    rung = single(irfft(rfft(sound, size) * walls, size, overwrite_x=True)[:, :n])
    rung *= np.float32(wet)
    rung[:, : sound.shape[1]] += sound
    return rung


@lru_cache(maxsize=64)
def _walls(
    seconds: float, low_hz: float, high_hz: float, gated: bool, number: int, size: int
) -> NDArray[np.complex64]:
    """Return the spectrum of one of the places in a room, stereo, of power 1."""
    from scipy.fft import rfft

    t = clock(seconds)
    draw = rng(0, "stems", "strokes", "room", number)
    shape = 1 - 0.4 * t / seconds if gated else decay(t, seconds)
    room = noisy(draw, len(t), low_hz, high_hz, -3.0, channels=2) * shape
    room *= np.minimum(1, t / np.float32(0.004))
    fade(room, 0.0, 0.02)
    room /= np.sqrt(np.sum(room**2, axis=1, keepdims=True))
    walls = np.asarray(rfft(room, size))
    walls.flags.writeable = False
    return walls


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
    played = np.empty_like(sound)
    respeed(sound, 1 + drift, played)
    played *= np.float32(1.6 / max(float(np.abs(sound).max()), 1e-9))
    warm = np.tanh(played, out=played)
    warm /= np.float32(np.tanh(1.6))
    return lowpass(warm, SAMPLE_RATE, 9_500.0, order=2)
