"""One singer, one syllable: a spoken envelope, held and warped, sung at an exact pitch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.noise import wander
from halation.dsp.phases import courses, phases
from halation.seeds import rng
from halation.stems.bank import FRAME_S, Spoken
from halation.stems.tract import BINS, GRAIN, breath_weights, responses
from halation.types import SAMPLE_RATE

__all__ = ["HELD_S", "Singer", "Sung", "Take", "inhale", "lead_s", "sing"]

Signal = NDArray[np.float32]

HELD_S: Final = 0.35
"""Longer notes are held to the end of the syllable; shorter ones are cut on the vowel."""
ONSET_S: Final = 0.15
ONSET_SHARE: Final = 0.4
"""Longest onset, and of the note; a longer one is spoken faster, then begun later."""
FASTEST: Final = 1.6
RELEASE_S: Final = 0.40
RELEASE_SHARE: Final = 0.35
HOLD_SPEED: Final = 0.30
"""Of speech: how fast a held vowel moves back and forth through its steady part."""

VIBRATO_ONSET_S: Final = 0.30
VIBRATO_HZ: Final = (5.2, 5.9)
DRIFT_CENTS: Final = 2.5
SCOOP_CENTS: Final = -35.0
JITTER: Final = 0.002  # of a period, pulse by pulse
SHIMMER: Final = 0.03
SWAY: Final = 0.035  # of the broadest cepstra, so that no vowel stands still
SUSTAINED_RMS: Final = 0.3

_HOP: Final = GRAIN // 4
_WINDOW: Final = GRAIN // 2
_CONTROL: Final = 64  # samples between points of the pitch curve
_TAPS: Final = 16
_FRACTIONS: Final = 32  # places between two samples where a pulse may fall


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
        0.5 is as it was spoken.
    """

    formant_semitones: float = 4.0
    glide_s: float = 0.035
    vibrato_cents: float = 20.0
    brightness: float = 0.5
    breath: float = 0.5


@dataclass(frozen=True, slots=True)
class Sung:
    """What is sung: ``from_pitch`` is the note that it is tied to, ``pitch`` itself otherwise.

    ``whole`` sings a short note to the end of its word instead of cutting it on the vowel.
    """

    spoken: Spoken
    pitch: int
    from_pitch: int
    length_s: float
    strength: float
    whole: bool = False

    @property
    def held(self) -> bool:
        """Whether the release is heard."""
        return self.whole or self.length_s > HELD_S


@dataclass(frozen=True, slots=True)
class Take:
    """One of several voices that sing the same: how far away in pitch, place and time."""

    cents: float = 0.0
    pan: float = 0.0
    level_db: float = 0.0
    delay_s: float = 0.0


def sing(
    sung: Sung, singer: Singer, draw: np.random.Generator, takes: tuple[Take, ...] = (Take(),)
) -> Signal:
    """Sing one syllable, all takes at once.

    A pulse of the glottis is placed between samples, so pitch is exact; the takes' pulses and the
    breath's noise pass through the same envelope, which moves every 6 ms.

    Parameters
    ----------
    sung : Sung
    singer : Singer
    draw : np.random.Generator
        Jitter, shimmer, drift and breath come from it.
    takes : tuple of Take

    Returns
    -------
    np.ndarray [shape=(2, n)], float32
        ``sung.length_s`` long, its sustained part at RMS 0.3 but no peak over 1, faded at both
        ends.
    """
    n = round(sung.length_s * SAMPLE_RATE)
    f0_hz = _pitch(sung, singer, n, draw)
    frames = n // _HOP + 3
    times_s = np.arange(frames, dtype=np.float64) * (_HOP / SAMPLE_RATE)
    cepstra, breath = _spoken_at(sung, times_s, draw)
    tilt = 3.0 * (singer.brightness - 0.5) + 2.0 * (sung.strength - 0.5)
    response = responses(cepstra, singer.formant_semitones, tilt)
    noisy = breath @ breath_weights(round(singer.formant_semitones, 3))
    voiced = np.sqrt(np.maximum(1 - noisy * noisy, 0))
    noisy *= np.float32(10 ** (10 * (singer.breath - 0.5) / 20))
    air = _framed(_puffs(f0_hz, n, draw), frames)[0]
    air *= noisy
    air *= response
    response *= voiced
    pulses = _excited(f0_hz, n, takes, draw)
    out = np.empty((2, n), np.float32)
    same = len(takes) == 1 and takes[0].pan == 0
    for side in range(1 if same else 2):
        spectra = _framed(pulses[side : side + 1], frames)[0]
        spectra *= response
        spectra += air
        out[side] = _overlapped(spectra, n)
    if same:
        out[1] = out[0]
    return _ended(out * _envelope(sung, n))


def inhale(spoken: Spoken, singer: Singer, draw: np.random.Generator) -> Signal:
    """Breathe in before a phrase.

    Parameters
    ----------
    spoken : Spoken
        A syllable with an h; its breath is the mouth's.
    singer : Singer
    draw : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n,)], float32
        About 0.3 s, peak 1.
    """
    n = round(float(draw.uniform(0.24, 0.36)) * SAMPLE_RATE)
    frames = n // _HOP + 3
    whispered = spoken.cepstra[: spoken.steady[0]][spoken.breath[: spoken.steady[0], 0] > 0.99]
    rows = whispered if len(whispered) > 1 else spoken.cepstra[slice(*spoken.steady)]
    through = np.linspace(0, len(rows) - 1, frames)
    cepstra = rows[np.rint(through).astype(np.int64)].copy()
    cepstra[:, 0] = 0.0
    spectra = _framed(_white(n, draw)[None], frames)[0] * responses(
        cepstra, singer.formant_semitones, 2.0
    )
    swell = np.sin(np.pi * np.linspace(0, 1, n, dtype=np.float32) ** 1.4) ** 2
    air = _overlapped(spectra, n) * swell
    return np.asarray(air / np.float32(np.abs(air).max() + 1e-9))


def lead_s(sung: Sung) -> float:
    """Return how long before its beat a syllable begins, so that the vowel falls on the beat."""
    start, end = sung.spoken.steady
    quiet, held = sung.spoken.cepstra[:start, 0], sung.spoken.cepstra[start:end, 0]
    vowel = (quiet > held.mean() - 0.8) & (sung.spoken.breath[:start, 0] < 0.5)
    reached = 0 if vowel.all() else int(np.flatnonzero(~vowel)[-1]) + 1
    onset_s, first = _onset(sung)
    if len(quiet) <= first:
        return 0.0
    return float(max(0.0, onset_s * (reached - first) / (len(quiet) - first)))


# --- time ---------------------------------------------------------------------------------------


def _onset(sung: Sung) -> tuple[float, float]:
    """Return how long the onset lasts [s], and the spoken frame that it begins with."""
    spoken_s = sung.spoken.steady[0] * FRAME_S
    onset_s = min(spoken_s, ONSET_S, ONSET_SHARE * sung.length_s)
    return onset_s, max(0.0, (spoken_s - FASTEST * onset_s) / FRAME_S)


def _places(sung: Sung, t: NDArray[np.float64], draw: np.random.Generator) -> NDArray[np.float64]:
    """Return which spoken frame is heard at the times ``t``: onset, held vowel, release."""
    start, end = sung.spoken.steady
    last = len(sung.spoken.cepstra) - 1
    onset_s, first = _onset(sung)
    release_s = min((last - end) * FRAME_S, RELEASE_S, RELEASE_SHARE * sung.length_s)
    release_s *= sung.held
    hold_s = max(sung.length_s - onset_s - release_s, 1e-3)
    onset = first + (start - first) * np.clip(t / max(onset_s, 1e-3), 0, 1)
    since_s = np.clip(t - onset_s, 0, hold_s)
    size = max(end - start - 1, 1)
    speed = HOLD_SPEED if hold_s > size * FRAME_S else hold_s / (size * FRAME_S)
    stray = wander(draw, len(t), 0.3 * SAMPLE_RATE / _HOP) * np.minimum(since_s / 0.2, 1)
    moved = np.abs(since_s * speed / FRAME_S + 0.12 * size * stray)
    held = start + size - np.abs(np.mod(moved, 2 * size) - size)
    if release_s:
        near = np.clip((since_s - hold_s) / 0.08 + 1, 0, 1)
        held += near * near * (3 - 2 * near) * (end - held)
    released = (last - end) * np.clip((t - onset_s - hold_s) / max(release_s, 1e-3), 0, 1)
    return np.where(t < onset_s, onset, held + (released if release_s else 0.0))


def _spoken_at(
    sung: Sung, t: NDArray[np.float64], draw: np.random.Generator
) -> tuple[Signal, Signal]:
    """Return the envelope and the breath at the times ``t``, never quite still."""
    places = np.clip(_places(sung, t, draw), 0, len(sung.spoken.cepstra) - 1)
    before = np.minimum(places.astype(np.int64), len(sung.spoken.cepstra) - 2)
    share = (places - before).astype(np.float32)[:, None]
    cepstra, breath = (
        rows[before] * (1 - share) + rows[before + 1] * share
        for rows in (sung.spoken.cepstra, sung.spoken.breath)
    )
    for k in range(1, 6):
        cepstra[:, k] += SWAY * wander(draw, len(t), 0.15 * SAMPLE_RATE / _HOP)
    return cepstra, breath


def _envelope(sung: Sung, n: int) -> Signal:
    """Return the level over time: a soft start, a swell where held, a release at the end."""
    t = np.arange(n, dtype=np.float32) * np.float32(1 / SAMPLE_RATE)
    level = np.sin(np.pi / 2 * np.clip(t / 0.012, 0, 1))
    if not sung.held:
        return np.asarray(level * np.exp(-0.4 * t / sung.length_s), np.float32)
    swell = 1 - 0.2 * np.cos(np.pi * np.clip(t / sung.length_s, 0, 1) * 1.6)
    left = np.clip((sung.length_s - t) / min(0.11, 0.3 * sung.length_s), 0, 1)
    return np.asarray(level * swell * np.sin(np.pi / 2 * left), np.float32)


# --- pitch and pulses ---------------------------------------------------------------------------


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
    return np.asarray(440.0 * np.exp2((sung.pitch - 69 + cents / 100) / 12))


def _excited(
    f0_hz: NDArray[np.float64], n: int, takes: tuple[Take, ...], draw: np.random.Generator
) -> Signal:
    """Return the pulses of every take, panned, power 1 a take before its level."""
    points = np.arange(len(f0_hz)) * float(_CONTROL)
    turned = np.concatenate([[0.0], np.cumsum(0.5 * (f0_hz[1:] + f0_hz[:-1]))])
    turned *= _CONTROL / SAMPLE_RATE
    out = np.zeros((2, n + _TAPS), dtype=np.float32)
    for take in takes:
        ratio = 2.0 ** (take.cents / 1200)
        turns = np.arange(1, int(turned[-1] * ratio) + 1)
        places = np.interp(turns + draw.normal(0, JITTER, len(turns)), turned * ratio, points)
        levels = np.sqrt(SAMPLE_RATE / (ratio * np.interp(places, points, f0_hz)))
        levels *= 10 ** (take.level_db / 20) * (1 + draw.normal(0, SHIMMER, len(levels)))
        places += take.delay_s * SAMPLE_RATE
        inside = places < n - 1
        train = _placed(places[inside], levels[inside], n + _TAPS)
        angle = (take.pan + 1) * np.pi / 4
        out[0] += np.float32(np.sqrt(2) * np.cos(angle)) * train
        out[1] += np.float32(np.sqrt(2) * np.sin(angle)) * train
    return out[:, _TAPS // 2 : _TAPS // 2 + n]


@cache
def _kernels() -> NDArray[np.float64]:
    """Return a band-limited pulse at each place between two samples."""
    t = np.arange(_TAPS) - _TAPS // 2 - np.arange(_FRACTIONS)[:, None] / _FRACTIONS
    window = np.cos(np.pi * np.clip(t / (_TAPS + 1), -0.5, 0.5)) ** 2
    return np.asarray(np.sinc(t) * window)


def _placed(places: NDArray[np.float64], levels: NDArray[np.float64], size: int) -> Signal:
    """Put pulses at places between the samples, half a kernel late."""
    steps = np.rint(places * _FRACTIONS).astype(np.int64)
    starts, fractions = np.divmod(steps, _FRACTIONS)
    samples = starts[:, None] + np.arange(_TAPS)
    weights = _kernels()[fractions] * levels[:, None]
    train = np.bincount(samples.ravel(), weights.ravel(), minlength=size)
    return np.asarray(train[:size], dtype=np.float32)


def _puffs(f0_hz: NDArray[np.float64], n: int, draw: np.random.Generator) -> Signal:
    """Return noise of power 1 that comes in puffs at the pitch, shape (1, n)."""
    phase = phases(courses(f0_hz / SAMPLE_RATE, _CONTROL), _CONTROL)[:n]
    phase *= np.float32(2 * np.pi)
    puffs = np.cos(phase, out=phase)
    puffs *= np.float32(0.5)
    puffs += np.float32(0.94)
    puffs *= _white(n, draw)
    return puffs[None]


def _white(n: int, draw: np.random.Generator) -> Signal:
    """Return white noise of power 1, from a drawn place of what all syllables share."""
    store = _noise(1 << max(17, n.bit_length()))
    first = int(draw.integers(len(store) - n + 1))
    return store[first : first + n]


@lru_cache(maxsize=2)
def _noise(size: int) -> Signal:
    noise = rng(0, "stems", "singer", "noise").standard_normal(size, dtype=np.float32)
    noise.flags.writeable = False
    return noise


# --- frames -------------------------------------------------------------------------------------


def _framed(x: Signal, frames: int) -> NDArray[np.complex64]:
    """Return the spectra of overlapping windows, shape (channels, frames, BINS)."""
    from scipy import fft

    padded = np.zeros((len(x), (frames + 1) * _HOP), np.float32)
    padded[:, _HOP : _HOP + x.shape[1]] = x
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, axis=1)[:, ::_HOP]
    grains = np.zeros((len(x), frames, GRAIN), np.float32)
    np.multiply(windows[:, :frames], _shape(), out=grains[:, :, :_WINDOW])
    return np.asarray(fft.rfft(grains, axis=2, overwrite_x=True)[:, :, :BINS])


@cache
def _shape() -> Signal:
    return np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


def _overlapped(spectra: NDArray[np.complex64], n: int) -> Signal:
    """Add up frames at their places, the first a hop before the start."""
    from scipy import fft

    pieces = fft.irfft(spectra, n=GRAIN, axis=1).reshape(len(spectra), -1, _HOP)
    out = np.zeros((len(spectra) + GRAIN // _HOP - 1, _HOP), np.float32)
    for k in range(GRAIN // _HOP):
        out[k : k + len(spectra)] += pieces[:, k]
    return out.reshape(-1)[_HOP : _HOP + n]


def _ended(sound: Signal) -> Signal:
    """Bring the loudest 46 ms to their level and fade both ends (2 and 8 ms)."""
    for size, part in ((88, sound[:, :88]), (352, sound[:, ::-1][:, :352])):
        part *= np.linspace(0, 1, size, dtype=np.float32)[: part.shape[1]] ** 2
    power = (sound * sound).mean(axis=0)
    blocks = np.add.reduceat(power, np.arange(0, len(power), 2048)) / min(2048, len(power))
    gain = SUSTAINED_RMS / float(np.sqrt(blocks.max()) + 1e-9)
    gain = min(gain, 1.0 / float(np.abs(sound).max() + 1e-9))
    sound *= np.float32(gain)
    return sound
