"""One singer, one syllable: glottal pulses and breath through a moving vocal tract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.formants import Tract, blend, opened, source, transfer
from halation.dsp.noise import wander
from halation.types import SAMPLE_RATE

__all__ = ["SYLLABLES", "Singer", "Sung", "inhale", "sing"]

Signal = NDArray[np.float32]

SYLLABLES: Final[dict[str, tuple[str, ...]]] = {
    "ah": ("a",),
    "oh": ("o", "u"),
    "ooh": ("u",),
    "la": ("l", "a"),
    "ey": ("e", "i"),
    "you": ("j", "i", "u"),
    "mm": ("m",),
    "na": ("n", "a"),
}
"""What a voice can sing, as the speech sounds it passes through."""

CONSONANTS: Final = frozenset("lmnjv")
CONSONANT_S: Final = 0.045
HELD_S: Final = 0.35
"""Longer notes are held: they swell a little and are let go instead of cut."""

VIBRATO_ONSET_S: Final = 0.30
VIBRATO_HZ: Final = (5.2, 5.9)
DRIFT_CENTS: Final = 2.5
SCOOP_CENTS: Final = -35.0
TRACT_STEP_S: Final = 0.004  # the tract need not move with every pulse of a high voice
JITTER: Final = 0.002  # of a period, pulse by pulse
SHIMMER: Final = 0.03

_GRAIN: Final = 1024  # 23 ms: the tract's slowest resonance falls by more than 50 dB
_LEAD: Final = 24  # room for the band limit's ringing before a pulse [samples]
_FRACTIONS: Final = 32  # places between two samples where a pulse may fall
_CONTROL: Final = 64  # samples between points of the pitch curve
_BINS: Final = int(9_000 * _GRAIN / SAMPLE_RATE) + 2
_FREQUENCY_HZ: Final = (np.arange(_BINS) * (SAMPLE_RATE / _GRAIN)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Singer:
    """Who sings.

    Parameters
    ----------
    formant_semitones : float [semitones]
        Smaller heads have higher formants.
    glide_s : float > 0 [s]
        From one note to the next of a legato phrase.
    vibrato_cents : float >= 0 [cents]
    brightness, breath : float in 0..1
    tune_cents : float [cents]
        Of this take.
    """

    formant_semitones: float = 4.0
    glide_s: float = 0.035
    vibrato_cents: float = 20.0
    brightness: float = 0.5
    breath: float = 0.5
    tune_cents: float = 0.0


@dataclass(frozen=True, slots=True)
class Sung:
    """What is sung: ``from_pitch`` is the note that it is tied to, ``pitch`` itself otherwise."""

    syllable: str
    pitch: int
    from_pitch: int
    length_s: float
    strength: float


def sing(sung: Sung, singer: Singer, draw: np.random.Generator) -> Signal:
    """Sing one syllable once.

    A pulse of the glottis is one short grain, the inverse transform of source times tract, placed
    between samples; so pitch is exact, and tract, level and pitch may change with every pulse.

    Parameters
    ----------
    sung : Sung
    singer : Singer
    draw : np.random.Generator
        Jitter, shimmer, drift and breath come from it.

    Returns
    -------
    np.ndarray [shape=(n,)], float32
        ``sung.length_s`` long, peak 1, faded at both ends.

    References
    ----------
    Rodet, "Time-domain formant-wave-function synthesis", Computer Music J. 8(3), 1984 (the idea of
    a grain a pulse).
    """
    n = round(sung.length_s * SAMPLE_RATE)
    f0_hz = _pitch(sung, singer, n, draw)
    pulses, pitches_hz = _pulses(f0_hz, n, draw)
    frames = np.arange(0, n + _GRAIN, _GRAIN // 2, dtype=np.float64) - _GRAIN // 2
    middle_hz = float(np.median(f0_hz))
    stride = max(1, int(TRACT_STEP_S * middle_hz))
    shapes = np.concatenate([pulses[::stride], np.maximum(frames, 0)])
    voices = len(shapes) - len(frames)
    tract = _tract(sung, singer, shapes / SAMPLE_RATE, draw)
    tract = opened(tract, np.interp(shapes, pulses, pitches_hz).astype(np.float32))
    response = transfer(tract, _FREQUENCY_HZ, singer.formant_semitones)
    bright = float(np.clip(0.6 * singer.brightness + 0.5 * sung.strength - 0.05, 0, 1))
    voiced = response[:voices] * source(_FREQUENCY_HZ, middle_hz, bright)
    shape = np.arange(len(pulses)) // stride
    levels = _envelope(sung, pulses / SAMPLE_RATE) * 10 ** (tract.level_db[shape] / 20)
    voice = _overlapped(voiced[shape], pulses, levels, n, draw)
    voice /= np.float32(np.abs(voice).max() + 1e-9)
    gain = 10 ** ((tract.breath_db[voices:] + 14 * (singer.breath - 0.5)) / 20)
    gain *= _envelope(sung, shapes[voices:] / SAMPLE_RATE)
    breath = _whispered(response[voices:], gain, n, draw)
    voice += breath * _flutter(f0_hz, n)
    return _ended(voice)


def inhale(singer: Singer, draw: np.random.Generator) -> Signal:
    """Breathe in before a phrase.

    Parameters
    ----------
    singer : Singer
    draw : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n,)], float32
        About 0.3 s, peak 1.
    """
    n = round(float(draw.uniform(0.24, 0.36)) * SAMPLE_RATE)
    frames = np.arange(0, n + _GRAIN, _GRAIN // 2)
    open_mouth = np.linspace(0.2, 0.7, len(frames), dtype=np.float32)
    tract = blend(("u", "e"), np.stack([1 - open_mouth, open_mouth], 1), singer.formant_semitones)
    swell = np.sin(np.pi * np.clip(frames / n, 0, 1) ** 1.4)
    response = transfer(tract, _FREQUENCY_HZ, singer.formant_semitones)
    return _ended(_whispered(response, swell, n, draw))


def _pitch(sung: Sung, singer: Singer, n: int, draw: np.random.Generator) -> NDArray[np.float64]:
    """Return the pitch in Hz at every control point, the hard tuner's glides included."""
    t = np.arange(n // _CONTROL + 2) * (_CONTROL / SAMPLE_RATE)
    cents = DRIFT_CENTS * wander(draw, len(t), 0.2 * SAMPLE_RATE / _CONTROL)
    if sung.from_pitch != sung.pitch:
        done = np.clip(t / singer.glide_s, 0, 1)
        cents += 100.0 * (sung.from_pitch - sung.pitch) * (0.5 + 0.5 * np.cos(np.pi * done))
    else:
        cents += SCOOP_CENTS * np.exp(-t / 0.012)
    late = np.clip((t - VIBRATO_ONSET_S) / 0.35, 0, 1)
    turns = draw.uniform(*VIBRATO_HZ) * np.maximum(t - VIBRATO_ONSET_S, 0)
    cents += singer.vibrato_cents * late * np.sin(2 * np.pi * turns)
    semitones = sung.pitch - 69 + (cents + singer.tune_cents) / 100
    return np.asarray(440.0 * np.exp2(semitones / 12))


def _pulses(
    f0_hz: NDArray[np.float64], n: int, draw: np.random.Generator
) -> tuple[NDArray[np.float64], Signal]:
    """Return where the glottis closes, in samples, and the pitch there."""
    points = np.arange(len(f0_hz)) * float(_CONTROL)
    phase = np.concatenate([[0.0], np.cumsum(0.5 * (f0_hz[1:] + f0_hz[:-1]))])
    phase *= _CONTROL / SAMPLE_RATE
    turns = np.arange(int(phase[-1]) + 1)
    places = np.interp(turns + draw.normal(0, JITTER, len(turns)), phase, points)
    places = places[(places >= 0) & (places < n)]
    return places, np.interp(places, points, f0_hz).astype(np.float32)


def _weights(sung: Sung, t: NDArray[np.float64]) -> Signal:
    """Return how much of each of the syllable's sounds is heard at the times ``t`` [s]."""
    phones = SYLLABLES[sung.syllable]
    weights = np.zeros((len(t), len(phones)), dtype=np.float32)
    weights[:, 0] = 1.0
    at_s = 0.0
    for k in range(1, len(phones)):
        rest_s = sung.length_s - at_s
        if phones[k - 1] in CONSONANTS:
            at_s += min(CONSONANT_S, 0.3 * sung.length_s)
            width_s = min(0.040, 0.3 * sung.length_s)
        elif phones[0] in CONSONANTS:  # the glide of "you" is quick
            at_s += min(0.09, 0.25 * rest_s)
            width_s = min(0.12, 0.4 * rest_s)
        else:
            at_s += 0.48 * rest_s
            width_s = 0.5 * rest_s
        x = np.clip((t - at_s) / width_s + 0.5, 0, 1)
        later = (x * x * (3 - 2 * x)).astype(np.float32)
        weights[:, k] = later
        weights[:, :k] *= (1 - later)[:, None]
    return weights


def _tract(sung: Sung, singer: Singer, t: NDArray[np.float64], draw: np.random.Generator) -> Tract:
    """Return the tract at the times ``t``: the syllable, never quite still."""
    phones = SYLLABLES[sung.syllable]
    tract = blend(phones, _weights(sung, t), singer.formant_semitones)
    sway = wander(draw, 8, 3.0) * 0.02
    moved = np.exp2(np.interp(t, np.linspace(0, max(sung.length_s, 0.8), 8), sway))
    return replace(tract, formants_hz=tract.formants_hz * moved[:, None].astype(np.float32))


def _envelope(sung: Sung, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the level over time: a soft start, a swell where held, a release at the end."""
    attack_s = 0.014 if SYLLABLES[sung.syllable][0] in CONSONANTS else 0.022
    rise = np.clip(t / attack_s, 0, 1)
    level = np.sin(np.pi / 2 * rise) ** 1.5
    if sung.length_s <= HELD_S:
        return np.asarray(level * np.exp(-0.5 * t / sung.length_s))
    swell = 1 - 0.25 * np.cos(np.pi * np.clip(t / sung.length_s, 0, 1) * 1.6)
    left = np.clip((sung.length_s - t) / min(0.11, 0.3 * sung.length_s), 0, 1)
    return np.asarray(level * swell * np.sin(np.pi / 2 * left))


def _overlapped(
    grains: NDArray[np.complex64],
    places: NDArray[np.float64],
    levels: NDArray[np.float64],
    n: int,
    draw: np.random.Generator,
) -> Signal:
    """Transform the pulses' spectra and add them up, each at its place between the samples."""
    from scipy import fft

    steps = np.rint(places * _FRACTIONS).astype(np.int64)
    starts, fractions = np.divmod(steps, _FRACTIONS)
    offsets = _LEAD + np.arange(_FRACTIONS) / _FRACTIONS
    turns = np.exp(-2j * np.pi / _GRAIN * np.outer(offsets, np.arange(_BINS)))
    grains *= turns.astype(np.complex64)[fractions]
    shaken = levels * (1 + draw.normal(0, SHIMMER, len(levels)))
    grains *= shaken.astype(np.float32)[:, None]
    waves = fft.irfft(grains, n=_GRAIN, axis=1, overwrite_x=True)
    out = np.zeros(n + _LEAD + _GRAIN, dtype=np.float32)
    for start, wave in zip(starts.tolist(), waves, strict=True):
        out[start : start + _GRAIN] += wave
    return out[_LEAD : _LEAD + n]


def _whispered(
    response: NDArray[np.complex64],
    levels: NDArray[np.float64],
    n: int,
    draw: np.random.Generator,
) -> Signal:
    """Send noise through the tract, frame by frame; peak about 1 where the level is 1."""
    from scipy import fft

    noise = draw.standard_normal((len(response), 2 * _BINS), dtype=np.float32).view(np.complex64)
    x = _FREQUENCY_HZ / np.float32(1_800.0)
    lips = x / (1 + x) ** 1.5 * np.clip((9_000 - _FREQUENCY_HZ) / 2_500, 0, 1)
    noise *= response * lips
    power = np.sqrt(np.mean(np.abs(noise) ** 2, axis=1, keepdims=True)) + np.float32(1e-9)
    noise *= levels.astype(np.float32)[:, None] / power
    frames = fft.irfft(noise, n=_GRAIN, axis=1) * np.float32(_GRAIN / (3.5 * np.sqrt(2 * _BINS)))
    frames *= np.hanning(_GRAIN + 1)[:-1].astype(np.float32)
    hop = _GRAIN // 2
    out = np.zeros((len(frames) + 1) * hop, dtype=np.float32)
    for start, frame in zip(range(0, len(frames) * hop, hop), frames, strict=True):
        out[start : start + _GRAIN] += frame
    return out[hop : hop + n]


def _flutter(f0_hz: NDArray[np.float64], n: int) -> Signal:
    """Return how far the glottis is open: breath comes in puffs at the pitch."""
    steps = np.repeat(f0_hz, _CONTROL)[:n] * (2 * np.pi / SAMPLE_RATE)
    phase = np.mod(np.cumsum(steps), 2 * np.pi).astype(np.float32)
    return np.asarray(0.65 + 0.35 * np.cos(phase), dtype=np.float32)


def _ended(sound: Signal) -> Signal:
    """Fade both ends over 8 ms (the start over 2) and bring the peak to 1."""
    for size, part in ((88, sound[:88]), (352, sound[::-1][:352])):
        part *= np.linspace(0, 1, size, dtype=np.float32)[: len(part)] ** 2
    sound /= np.float32(np.abs(sound).max() + 1e-9)
    return sound
