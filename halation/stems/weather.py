"""Weather: rain, wind, sea, birds and others, made of noise that never stands still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.dsp.loops import add_twice, place
from halation.dsp.noise import STEP_SAMPLES, coloured, moving, wander
from halation.seeds import rng
from halation.stems.blocks import canvas, handed_out
from halation.stems.draws import note_streams
from halation.stems.happenings import EVENTS
from halation.types import SAMPLE_RATE, Audio, BackendError, Note, Part, Score, Stems

__all__ = ["Weather"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

BED_RMS_DB: Final = -25.0
"""Of a bed of velocity 100: its peaks lie near −12 dBFS."""

EVENT_PEAK_DB: Final = -14.0
RATE: Final = SAMPLE_RATE // 2
"""Of the beds: there is little above 8 kHz."""
STEP: Final = STEP_SAMPLES // 2
LOOP_S: Final = (6.0, 9.0)
SHORTEST: Final = 512
"""What would be cut to fewer samples does not happen."""
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
        """Render the part, all its stretches piece by piece.

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
        out = canvas(score.n_samples)
        draw = rng(seed, "stems", part.name, "bed")
        sky = SKIES[part.patch]
        loops = [_loop(band, draw) for band in sky.bands] if part.notes else []
        bank = EVENTS[sky.events].bank(draw) if sky.events else []
        streams = note_streams(part.notes, seed, "stems", part.name, "stretch")
        stretches = []
        for note, stream in zip(part.notes, streams, strict=True):
            start = round(score.onset_s(note) * SAMPLE_RATE)
            end = start + round(score.seconds_at(note.duration_beats) * SAMPLE_RATE)
            if start < min(end, score.n_samples):
                stretch = _stretch(part, note, start, out[:, :end], (loops, bank), stream)
                stretches.append(stretch)
        yield from handed_out(out, merge(*stretches))


def _stretch(
    part: Part,
    note: Note,
    start: int,
    out: Signal,
    sounds: tuple[list[Signal], list[Signal]],
    draw: np.random.Generator,
) -> Iterator[int]:
    """Add a stretch to ``out`` piece by piece; before each, yield where it starts."""
    sky, (loops, bank) = SKIES[part.patch], sounds
    yield start
    stretch = out[:, start:]
    fade = _fade(note, start, stretch.shape[1], part)
    gains = _gains(sky, fade, part, draw)
    happens = _scatter(part, stretch.shape[1], bank, fade, draw)
    event = next(happens, None)
    bed = np.zeros((2, -(-stretch.shape[1] // 2)), np.float32)
    done = 0
    for at, block in moving(loops, gains, bed.shape[1], step=STEP):
        end = at + block.shape[1]
        bed[:, at:end] = block
        last = end == bed.shape[1]
        ready = end if last else end - 3  # the filter reads so much further
        add_twice(stretch, bed, done, ready)
        done = ready
        while event is not None and (last or event.start < 2 * ready):
            event.add_to(stretch)
            event = next(happens, None)
        yield start + 2 * ready


# --- beds ---------------------------------------------------------------------------------------


def _loop(band: Band, draw: np.random.Generator) -> Signal:
    """Draw a seamless loop of one band; every band's has another length."""
    from scipy.fft import next_fast_len

    n = next_fast_len(round(draw.uniform(*LOOP_S) * RATE), real=True)
    noise = coloured(
        draw, 1, n, RATE,
        low_hz=band.low_hz, high_hz=band.high_hz,
        slope_db_per_octave=band.slope, order=band.order,
    )[0]  # fmt: skip
    later = np.roll(noise, n // 2)  # what was heard seconds ago is as good as other noise
    later *= np.float32(np.sqrt(1 - band.shared**2))
    later += np.float32(band.shared) * noise
    return np.stack([noise, later])


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
class _Event:
    """A sound of the bank, ready to be placed."""

    start: int
    sound: Signal
    length: int
    gains: tuple[float, float]

    def add_to(self, stretch: Signal) -> None:
        """Add it; where the stretch ends first, it fades all the way."""
        cut = self.length < self.sound.shape[1]
        fall = np.linspace(1, 0, self.length, dtype=np.float32) if cut else None
        place(stretch, self.sound[:, : self.length], self.start, self.gains, fall)


def _scatter(
    part: Part, n: int, bank: list[Signal], fade: Values, draw: np.random.Generator
) -> Iterator[_Event]:
    """Draw sounds at random times, levels and sides, each ended inside the stretch."""
    if not bank:
        return
    happens = EVENTS[SKIES[part.patch].events]
    expected = happens.rate_hz * 4.0 ** (part.setting("density", 0.5) - 0.5) * n / SAMPLE_RATE
    # Even gaps with jitter rather than a Poisson process: rare events never all fall together.
    count = int(expected + draw.random())
    starts = np.sort((np.arange(count) + draw.random(count)) / max(count, 1) * n).astype(int)
    choices = draw.integers(len(bank), size=count)
    levels = 10 ** (EVENT_PEAK_DB / 20) * draw.uniform(0.25, 1.0, count) ** happens.spread
    levels *= fade[starts // STEP_SAMPLES]
    angles = draw.uniform(0.12, 0.88, count) * np.pi / 2
    gains = np.sqrt(2) * levels * np.stack([np.cos(angles), np.sin(angles)])
    for start, choice, left, right in zip(
        starts.tolist(), choices.tolist(), *gains.tolist(), strict=True
    ):
        sound = bank[choice]
        length = min(sound.shape[1], n - start)
        if length == sound.shape[1] or length >= SHORTEST:
            yield _Event(start, sound, length, (left, right))
