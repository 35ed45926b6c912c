"""Weather: rain, wind, sea, birds and others, made of noise that never stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp.filters import lowpass
from halation.dsp.noise import STEP_SAMPLES, coloured, moving, wander
from halation.seeds import rng
from halation.stems.blocks import handed_out
from halation.types import SAMPLE_RATE, Audio, BackendError, Note, Part, Score, Stems

__all__ = ["Weather"]

Signal = NDArray[np.float32]

BED_RMS_DB: Final = -25.0
"""Of a bed of velocity 100: its peaks lie near −12 dBFS."""

EVENT_PEAK_DB: Final = -14.0
LOOP_S: Final = (7.0, 11.0)
FIRST_FADE_S: Final = 0.5
FADE_S: Final = 1.5
STEPS_PER_S: Final = SAMPLE_RATE / STEP_SAMPLES


@dataclass(frozen=True, slots=True)
class Band:
    """One layer of a bed.

    Parameters
    ----------
    low_hz, high_hz : float [Hz]
    slope : float [dB/octave]
    level_db : float [dB]
        Against the other bands.
    sway_db : float [dB]
        Standard deviation of its slow walk.
    memory_s : float [s]
        Of the walk.
    order : int
        Steepness of the edges.
    shared : float in 0..1
        Correlation of the two sides.
    """

    low_hz: float
    high_hz: float
    slope: float
    level_db: float
    sway_db: float
    memory_s: float
    order: int = 2
    shared: float = 0.3


def _gusts() -> tuple[Band, ...]:
    centres = (190, 300, 470, 740, 1_150, 1_800, 2_900)
    return tuple(Band(f / 1.12, f * 1.12, 0.0, 0.0, 0.0, 1.0) for f in centres)


@dataclass(frozen=True, slots=True)
class Sky:
    """A patch: a bed of bands, and what happens above it."""

    bands: tuple[Band, ...]
    events: str = ""
    bed_db: float = 0.0
    roaming: bool = False  # the bands are a filter bank through which one centre walks


SKIES: Final[dict[str, Sky]] = {
    "rain": Sky(
        (
            Band(190, 1_100, -3.0, -2.0, 2.0, 4.0),
            Band(900, 5_500, -4.5, 0.0, 2.0, 2.5),
            Band(3_500, 8_000, -6.0, -10.0, 3.0, 1.5),
        ),
        events="drops",
    ),
    "wind": Sky(_gusts(), roaming=True),
    "hiss": Sky(
        (Band(300, 7_500, -4.5, 0.0, 0.7, 3.0), Band(2_500, 8_500, -5.0, -8.0, 1.5, 2.0)),
        bed_db=-2.0,
    ),
    "vinyl": Sky(
        (Band(220, 5_000, -4.5, 0.0, 1.0, 1.8), Band(45, 110, 0.0, -9.0, 2.0, 1.8, shared=1.0)),
        events="crackle",
        bed_db=-10.0,
    ),
    "thunder": Sky(
        (Band(160, 900, -4.5, 0.0, 2.5, 5.0), Band(700, 4_500, -6.0, -5.0, 2.5, 3.0)),
        events="rolls",
        bed_db=-7.0,
    ),
    "birds": Sky(
        (Band(200, 1_800, -4.5, 0.0, 2.0, 4.0), Band(1_500, 6_000, -6.0, -9.0, 2.0, 2.0)),
        events="calls",
        bed_db=-10.0,
    ),
    "sea": Sky(
        (
            Band(160, 700, -3.0, -3.0, 4.5, 3.2, shared=0.5),
            Band(600, 2_600, -4.5, 0.0, 5.5, 2.6),
            Band(2_200, 7_000, -6.0, -8.0, 6.5, 2.0),
        ),
        bed_db=-3.5,
    ),
    "crickets": Sky(
        (Band(220, 1_400, -4.5, 0.0, 2.0, 4.0), Band(3_000, 6_500, -5.0, -12.0, 2.0, 2.0)),
        events="chirps",
        bed_db=-5.0,
    ),
    "city": Sky(
        (
            Band(170, 420, -3.0, 0.0, 2.5, 5.0, shared=0.6),
            Band(400, 1_600, -6.0, -5.0, 3.0, 3.0),
            Band(1_600, 5_500, -7.0, -17.0, 3.0, 2.0),
        ),
        events="cars",
        bed_db=-3.0,
    ),
    "frost": Sky(
        (Band(300, 1_800, -3.0, -2.0, 3.0, 4.0), Band(2_000, 7_500, -5.0, -4.0, 3.5, 2.0)),
        events="cracks",
        bed_db=-8.0,
    ),
}
"""The patches."""


class Weather:
    """Textures, by the names in :data:`SKIES`."""

    description = Description(
        f"Weather of filtered noise: {', '.join(SKIES)}",
        licence="GPL-3.0-or-later",
        commercial=True,
    )

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Render the part stretch by stretch.

        Parameters
        ----------
        part : Part
            ``patch`` names the weather; each note is one stretch. Settings: ``brightness``,
            ``movement`` and ``density`` in 0..1, ``attack_s`` and ``release_s`` of the fades.
        score : Score
        heard : Stems
            Not used.
        seed : int

        Yields
        ------
        Audio
            Stereo, ``score.n_samples`` long.

        Raises
        ------
        BackendError
            If there is no such patch.
        """
        if part.patch not in SKIES:
            raise BackendError(f"no weather named {part.patch!r}; known: {', '.join(SKIES)}")
        out = np.zeros((2, score.n_samples), dtype=np.float32)
        draw = rng(seed, "stems", part.name, "bed")
        sky = SKIES[part.patch]
        loops = [_loop(band, draw) for band in sky.bands] if part.notes else []
        bank = _EVENTS[sky.events].bank(draw) if sky.events else []
        stretches = _stretches(part, score, seed, loops, bank, out)
        yield from handed_out(out, stretches)


def _stretches(
    part: Part, score: Score, seed: int, loops: list[Signal], bank: list[Signal], out: Signal
) -> Iterator[int]:
    """Add stretch after stretch to ``out``; yield where the next sound starts before it is added."""
    sky = SKIES[part.patch]
    for i, note in enumerate(part.notes):
        start = round(score.onset_s(note) * SAMPLE_RATE)
        yield start
        length = round(score.seconds_at(note.duration_beats) * SAMPLE_RATE)
        stretch = out[:, start : start + length]
        if not stretch.shape[1]:
            continue
        walk = rng(seed, "stems", part.name, "stretch", i)
        fade = _fade(note, start, stretch.shape[1], part)
        gains = _gains(sky, fade, part, walk)
        for at, block in moving(loops, gains, stretch.shape[1]):
            stretch[:, at : at + block.shape[1]] += block
        if bank:
            happens = _EVENTS[sky.events]
            rate_hz = happens.rate_hz * 4.0 ** (part.setting("density", 0.5) - 0.5)
            _scatter(stretch, bank, fade, rate_hz, happens.spread, walk)


# --- beds ---------------------------------------------------------------------------------------


def _loop(band: Band, draw: np.random.Generator) -> Signal:
    """Draw a seamless loop of one band; every band's has another length."""
    from scipy.fft import next_fast_len

    n = next_fast_len(round(draw.uniform(*LOOP_S) * SAMPLE_RATE), real=True)
    loop = coloured(
        draw, 2, n, SAMPLE_RATE,
        low_hz=band.low_hz, high_hz=band.high_hz,
        slope_db_per_octave=band.slope, order=band.order,
    )  # fmt: skip
    loop[1] *= np.float32(np.sqrt(1 - band.shared**2))
    loop[1] += np.float32(band.shared) * loop[0]
    return loop


def _fade(note: Note, start: int, n: int, part: Part) -> NDArray[np.float64]:
    """Return the level of a stretch at every step, its velocity and its fades included."""
    attack_s = part.setting("attack_s", FADE_S)
    if start < SAMPLE_RATE * FIRST_FADE_S:
        attack_s = min(attack_s, FIRST_FADE_S)  # a song begins with sound
    release_s = part.setting("release_s", FADE_S)
    length_s = n / SAMPLE_RATE
    t = np.arange(n // STEP_SAMPLES + 2) / STEPS_PER_S
    rise = np.clip(t / min(attack_s, length_s / 2), 0, 1)
    fall = np.clip((length_s - t) / min(release_s, length_s / 2), 0, 1)
    level = (note.velocity / 100) ** 1.2
    return np.asarray(level * np.sin(np.pi / 2 * rise) * np.sin(np.pi / 2 * fall))


def _gains(
    sky: Sky, fade: NDArray[np.float64], part: Part, draw: np.random.Generator
) -> list[Signal]:
    """Draw the slow walk of every band, a little different on the two sides."""
    movement = 2.0 * part.setting("movement", 0.5)
    tilt = 24.0 * (part.setting("brightness", 0.5) - 0.5)
    steps = len(fade)
    if sky.roaming:
        walks = _roaming(sky, steps, movement, draw)
    else:
        walks = []
        for band in sky.bands:
            memory = band.memory_s * STEPS_PER_S
            both = wander(draw, steps, memory)
            sides = np.stack([wander(draw, steps, memory) for _ in range(2)])
            walks.append(band.level_db + movement * band.sway_db * (0.85 * both + 0.5 * sides))
    octaves = [np.log2(np.sqrt(band.low_hz * band.high_hz) / 1_000) / 3 for band in sky.bands]
    power = sum(10 ** (band.level_db / 10) for band in sky.bands)
    scale = 10 ** ((BED_RMS_DB + sky.bed_db) / 20)
    scale /= 1.6 if sky.roaming else np.sqrt(power)
    levels = [walk + tilt * octave for walk, octave in zip(walks, octaves, strict=True)]
    return [
        np.asarray(scale * fade * 10 ** (np.clip(level, -80, 9) / 20), dtype=np.float32)
        for level in levels
    ]


def _roaming(
    sky: Sky, steps: int, movement: float, draw: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Let gusts walk through a filter bank: stronger wind sounds higher."""
    slow, quick = wander(draw, steps, 6 * STEPS_PER_S), wander(draw, steps, 1.2 * STEPS_PER_S)
    gust_db = movement * (2.6 * slow + 1.3 * quick) - 1.5
    walks = []
    sides = [wander(draw, steps, 3 * STEPS_PER_S) for _ in range(2)]
    for band in sky.bands:
        octave = np.log2(np.sqrt(band.low_hz * band.high_hz) / 520)
        rows = []
        for side in sides:
            centre = movement * (0.42 * slow + 0.2 * quick + 0.16 * side)
            rows.append(gust_db - 6.5 * np.abs(octave - centre) ** 1.5 - 2.0 * max(octave, 0.0))
        walks.append(np.stack(rows))
    return walks


# --- what happens above ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Events:
    """How often something happens, how unequal it is, and the sounds to choose from.

    ``spread`` is the exponent of the drawn level: 1 is even, 4 makes most of them faint.
    """

    bank: Callable[[np.random.Generator], list[Signal]]
    rate_hz: float
    spread: float


def _scatter(
    stretch: Signal,
    bank: list[Signal],
    fade: NDArray[np.float64],
    rate_hz: float,
    spread: float,
    draw: np.random.Generator,
) -> None:
    """Place sounds at random times, levels and sides, each ended inside the stretch."""
    n = stretch.shape[1]
    expected = rate_hz * n / SAMPLE_RATE
    # Even gaps with jitter rather than a Poisson process: rare events never all fall together.
    count = int(expected + draw.random())
    starts = np.sort((np.arange(count) + draw.random(count)) / max(count, 1) * n).astype(int)
    choices = draw.integers(len(bank), size=count)
    levels = 10 ** (EVENT_PEAK_DB / 20) * draw.uniform(0.25, 1.0, count) ** spread
    angles = draw.uniform(0.12, 0.88, count) * np.pi / 2
    sides = np.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)])
    for i, (start, choice) in enumerate(zip(starts.tolist(), choices.tolist(), strict=True)):
        sound = bank[choice]
        length = min(sound.shape[1], n - start)
        if length < sound.shape[1] and length < 512:
            continue
        gain = np.float32(levels[i] * fade[start // STEP_SAMPLES])
        piece = sound[:, :length] * (gain * sides[:, i, None]).astype(np.float32)
        if length < sound.shape[1]:
            piece *= np.linspace(1, 0, length, dtype=np.float32)
        stretch[:, start : start + length] += piece


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
    n = 1 << 18
    for _ in range(4):
        high_hz = draw.uniform(150, 300)
        dark = coloured(draw, 2, n, SAMPLE_RATE, low_hz=45, high_hz=high_hz)
        near = coloured(draw, 2, n, SAMPLE_RATE, low_hz=120, high_hz=700, slope_db_per_octave=-3)
        low = dark.mean(axis=0) * np.float32(0.9)
        t = _time(n / SAMPLE_RATE)
        sound = np.zeros((2, n), dtype=np.float32)
        for start in np.cumsum(draw.exponential(0.5, 5)):
            since = np.maximum(t - np.float32(start), 0)
            swell = since / 0.3 * np.exp(1 - since / np.float32(draw.uniform(0.3, 0.75)))
            level = np.float32(draw.uniform(0.4, 1.0))
            sound += level * swell * (low + 0.35 * near * np.exp(-since / 0.5))
        sound *= np.cos(np.pi / 2 * t / t[-1])
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
    bank = []
    for _ in range(4):
        seconds = float(draw.uniform(4.0, 7.0))
        t = _time(seconds)
        place = t / np.float32(seconds) * 2 - 1
        high_hz = draw.uniform(900, 1_600)
        rush = coloured(draw, 1, len(t), SAMPLE_RATE, low_hz=160, high_hz=high_hz, order=1)[0]
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


_EVENTS: Final[dict[str, Events]] = {
    "drops": Events(_drops, rate_hz=22.0, spread=3.0),
    "crackle": Events(_crackle, rate_hz=9.0, spread=3.0),
    "rolls": Events(_rolls, rate_hz=1 / 18, spread=1.0),
    "calls": Events(_calls, rate_hz=1 / 4.0, spread=1.2),
    "chirps": Events(_chirps, rate_hz=1.6, spread=2.0),
    "cars": Events(_cars, rate_hz=1 / 9.0, spread=1.5),
    "cracks": Events(_cracks, rate_hz=5.0, spread=3.5),
}
