"""The cover of a song: its loudness, notes and motif as light, its mood as colour and haze."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from halation.pictures.light import GAMMA, Field, bloom, blur, colour, develop, resized
from halation.seeds import rng
from halation.types import Audio, Mood, Note, Score

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SIZE", "colours", "draw", "envelope"]

SIZE: Final = 1_400
"""Width and height in pixels."""

DRAFT: Final = 350
"""Soft light is drawn at this size; only the line, the points and the grain are drawn at full."""

BAND: Final = 50
"""Lines of the full picture that are treated at a time."""

SOFT: Final = 8
"""Pixels that the line's blur reaches beyond it."""

STEPS: Final = 240
"""Points of the loudness curve that the scenes are made of."""


LINE: Final = 400
"""Points of the motif's line."""


@dataclass(frozen=True, slots=True)
class _Palette:
    """Linear colours, and how the film is exposed."""

    night: Field
    dusk: Field
    glow: Field
    accent: Field
    core: Field
    tint: Field


@dataclass(frozen=True, slots=True)
class _Subject:
    """What of a song is drawn."""

    mood: Mood
    loudness: Field
    line: NDArray[np.float64]
    beads: NDArray[np.int64]
    lights: NDArray[np.float64]
    bounds: NDArray[np.float64]
    draws: np.random.Generator


def draw(score: Score, sound: Audio) -> Image:
    """Draw a song's cover from its own data.

    The mood chooses colours, contrast and haze; the seed chooses one of four scenes; in each the
    song's loudness from beginning to end is a shape of light, the notes of its melody are points,
    and its motif is a glowing line.

    Parameters
    ----------
    score : Score
    sound : Audio
        The song's master, or any of its signals: its loudness curve is drawn.

    Returns
    -------
    PIL.Image.Image
        RGB, 1400 × 1400; the same for the same song.
    """
    from PIL import Image

    subject = _subject(score, sound)
    palette = _palette(subject.mood)
    scene = SCENES[int(subject.draws.integers(len(SCENES)))]
    haze = (subject.mood.haze + 1.0) / 2.0
    light = scene(subject, palette)
    soft = blur(light, 1.0 + 4.0 * haze)
    light = soft + bloom(soft, palette.tint, strength=0.5 + 0.6 * haze, reach=0.10 + 0.10 * haze)
    light += _sky(palette, subject)
    stroke = _stroke(subject)
    light += _halo(stroke, palette)
    light *= _vignette()[..., None]
    exposure = 1.25 + 0.25 * subject.mood.energy
    draft = np.rint(255.0 * develop(light, exposure)).astype(np.uint8)
    full = Image.fromarray(draft).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    pixels = np.array(full)
    _expose(pixels, np.asarray(stroke), palette.core * np.float32(exposure * (2.2 - 0.9 * haze)))
    _add_grain(pixels, np.asarray(full.convert("L")), subject)
    return Image.fromarray(pixels)


def envelope(sound: Audio, steps: int) -> Field:
    """Return the loudness of a signal in ``steps`` equal stretches, 0..1 (1 the loudest, by RMS).

    Examples
    --------
    >>> fading = Audio(np.linspace(1, 0, 1000, dtype=np.float32)[None])
    >>> [round(float(level), 2) for level in envelope(fading, 3)]
    [1.0, 0.61, 0.23]
    """
    edges = np.linspace(0, sound.n_samples, steps + 1).astype(np.int64)
    pieces = [sound.samples[:, start:stop] for start, stop in pairwise(edges)]
    # The power of the channels' sum, without making the sum.
    power = np.array([(p @ p.T).sum() / max(1, p.shape[1]) for p in pieces], dtype=np.float32)
    rms = np.sqrt(np.maximum(power, 0.0))
    return np.asarray(rms / max(float(rms.max(initial=0.0)), 1e-9), dtype=np.float32)


def _subject(score: Score, sound: Audio) -> _Subject:
    mood = score.form.mood
    draws = rng(mood.brief.entropy, "pictures", "cover")
    end = score.form.duration_beats
    melodic = [p for p in score.written if p.stem in ("keys", "lead", "vocals")]
    notes = [note for part in melodic for note in part.notes] or list(score.motif)
    if len(notes) > 90:
        chosen = draws.choice(len(notes), 90, replace=False)
        notes = [notes[i] for i in sorted(chosen)]
    return _Subject(
        mood=mood,
        loudness=_smooth(envelope(sound, STEPS)),
        line=_contour(score.motif),
        beads=_beads(score.motif),
        lights=_lights(notes, end),
        bounds=np.array([s.start_beats / end for s in score.form.sections] + [1.0]),
        draws=draws,
    )


def _smooth(curve: Field) -> Field:
    kernel = np.hanning(15)
    padded = np.pad(curve, 7, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid").astype(np.float32)


def _lights(notes: list[Note], end_beats: float) -> NDArray[np.float64]:
    """Return notes as rows of time 0..1, pitch 0..1, duration in beats and velocity 0..1."""
    if not notes:
        return np.zeros((0, 4))
    rows = np.array(
        [(n.onset_beats / end_beats, n.pitch, n.duration_beats, n.velocity / 127) for n in notes]
    )
    low, high = rows[:, 1].min(), rows[:, 1].max()
    rows[:, 1] = (rows[:, 1] - low) / max(1.0, high - low)
    return rows


def _span_beats(motif: tuple[Note, ...]) -> float:
    return motif[-1].onset_beats + max(motif[-1].duration_beats, 0.5) - motif[0].onset_beats


def _contour(motif: tuple[Note, ...]) -> NDArray[np.float64]:
    """Return the motif as a smooth line: rows of x from 0 to 1 and y around 0, upwards."""
    if not motif:
        return np.zeros((0, 2))
    pitches = np.array([float(note.pitch) for note in motif])
    x = np.array([note.onset_beats - motif[0].onset_beats for note in motif]) / _span_beats(motif)
    y = (pitches - pitches.mean()) / max(6.0, float(np.ptp(pitches)))
    fine = np.linspace(0.0, 1.0, LINE)
    bent = np.interp(fine, np.append(x, 1.0), np.append(y, y[-1]))
    kernel = np.hanning(LINE // 5 | 1)
    padded = np.pad(bent, len(kernel) // 2, mode="reflect", reflect_type="odd")
    return np.stack([fine, np.convolve(padded, kernel / kernel.sum(), mode="valid")], axis=1)


def _beads(motif: tuple[Note, ...]) -> NDArray[np.int64]:
    """Return at which points of the line the motif's notes start."""
    places = [(n.onset_beats - motif[0].onset_beats) / _span_beats(motif) for n in motif]
    return np.array([round(place * (LINE - 1)) for place in places], dtype=np.int64)


def colours(mood: Mood) -> tuple[str, str, str, str]:
    """Return the colours of a song's cover as ``#rrggbb``: night, dusk, accent, glow."""
    palette = _palette(mood)
    shades = (palette.night, palette.dusk, palette.accent, palette.glow)
    night, dusk, accent, glow = (
        "#"
        + np.rint(255.0 * np.minimum(shade, 1.0) ** (1.0 / GAMMA)).astype(np.uint8).tobytes().hex()
        for shade in shades
    )
    return night, dusk, accent, glow


def _palette(mood: Mood) -> _Palette:
    """Icy blue to rose and amber by warmth, lighter by valence, paler by haze, shifted by seed."""
    draws = rng(mood.brief.entropy, "pictures", "palette")
    hue = 315.0 + 84.0 * mood.warmth + 12.0 * mood.valence + draws.uniform(-20.0, 20.0)
    apart = float(draws.uniform(35.0, 105.0) * (1.0 if hue < 285.0 else -1.0))
    if 285.0 <= hue <= 340.0 and draws.random() < 0.5:
        apart = -apart
    chroma = 0.135 + 0.03 * mood.energy - 0.03 * mood.haze + 0.02 * abs(mood.valence)
    lift = 0.5 * (mood.valence + 1.0)
    return _Palette(
        night=colour(0.11 + 0.04 * lift, 0.045, hue - 0.3 * apart),
        dusk=colour(0.24 + 0.12 * lift + 0.05 * mood.haze, 0.08, hue + 0.45 * apart),
        glow=colour(0.72 + 0.08 * lift, chroma, hue),
        accent=colour(0.68, chroma * 1.05, hue + apart),
        core=colour(0.97, 0.025, hue),
        tint=colour(0.62, 0.19, 28.0 + 12.0 * mood.warmth),
    )


def _grid() -> tuple[Field, Field]:
    """Return x and y from 0 to 1 of the draft's pixels, y downwards."""
    line = (np.arange(DRAFT, dtype=np.float32) + np.float32(0.5)) / np.float32(DRAFT)
    return line[None, :], line[:, None]


def _edge(x: Field) -> Field:
    """Return 0 far below 0, 1 far above, and a soft step between."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * x), dtype=np.float32)


def _sky(palette: _Palette, subject: _Subject) -> Field:
    """Return the darkness behind: night above, dusk below, and clouds of haze in it."""
    _, y = _grid()
    draws, haze = subject.draws, np.float32(0.5 + 0.5 * subject.mood.haze)
    fall = np.float32(draws.uniform(1.2, 2.6))
    down = (y if draws.random() < 0.7 else 1.0 - y) ** fall
    sky = palette.night + down[..., None] * (palette.dusk - palette.night) * np.float32(0.7)
    clouds: Field = np.zeros((DRAFT, DRAFT), np.float32)
    for weight, n in ((0.6, 5), (0.4, 9), (0.2, 17)):
        noise = draws.standard_normal((n, n), dtype=np.float32)
        clouds = clouds + np.float32(weight) * resized(noise, DRAFT)
    fog = np.clip(clouds + np.float32(0.2), 0.0, 1.5)[..., None] * palette.dusk
    return np.asarray(sky + fog * (np.float32(0.12) + np.float32(0.36) * haze), dtype=np.float32)


def _eclipse(subject: _Subject, palette: _Palette) -> Field:
    """Draw a dark disc in a corona: the song's loudness runs once around it."""
    x, y = _grid()
    draws = subject.draws
    cx, cy = draws.uniform(0.42, 0.58), draws.uniform(0.36, 0.5)
    radius = np.float32(draws.uniform(0.2, 0.27))
    dx, dy = x - np.float32(cx), y - np.float32(cy)
    away = np.hypot(dx, dy)
    turn = (np.arctan2(dx, -dy) / (2.0 * np.pi) + draws.random()) % 1.0
    loud = np.interp(turn, np.linspace(0.0, 1.0, STEPS), subject.loudness).astype(np.float32)
    outside = np.maximum(away - radius, 0.0)
    corona = np.exp(-outside / (0.012 + 0.10 * loud**1.5)) * (0.15 + 1.5 * loud**1.3)
    corona *= _edge((away - radius) / 0.0035)
    rim = np.exp(-(((away - radius) / 0.006) ** 2)) * (0.4 + 2.0 * loud)
    flare = np.exp(-((dy / 0.006) ** 2)) * np.exp(-np.abs(dx) / 0.25) * 0.25
    side = np.clip(0.5 + dx / (2.0 * radius), 0.0, 1.0)[..., None]
    body = palette.glow * (1.0 - side) + palette.accent * side
    light = corona[..., None] * body + (rim + flare)[..., None] * palette.core
    return np.asarray(light + _stars(subject, palette), dtype=np.float32)


def _horizon(subject: _Subject, palette: _Palette) -> Field:
    """Draw a low light over water: hills are the loudness, so is the reflection."""
    x, y = _grid()
    draws = subject.draws
    level = np.float32(draws.uniform(0.58, 0.68))
    cx, radius = np.float32(draws.uniform(0.34, 0.66)), np.float32(draws.uniform(0.1, 0.17))
    away = np.hypot(x - cx, y - (level - np.float32(0.35) * radius))
    sun = _edge((radius - away) / 0.006) + 0.55 * np.exp(-away / 0.17)
    loud = np.interp(x[0], np.linspace(0.0, 1.0, STEPS), subject.loudness).astype(np.float32)
    hills = level - 0.015 - 0.13 * loud[None, :]
    above = _edge((hills - y) / 0.0025)
    veil = np.exp(-((y - hills) ** 2) / 0.0004) * 0.3 * loud[None, :]
    depth = np.clip((y - level) / (1.0 - level), 0.0, 1.0)
    pulse = np.interp(depth[:, 0] ** 0.7, np.linspace(0.0, 1.0, STEPS), subject.loudness)
    width = (0.03 + 0.22 * pulse.astype(np.float32) * (0.4 + depth[:, 0]))[:, None]
    ripple = 0.5 + 0.5 * np.sin(2.0 * np.pi * (3.0 / (depth + 0.06) + 3.0 * (x - cx) ** 2))
    water = np.exp(-(((x - cx) / width) ** 2)) * ripple**2 * (depth > 0) * np.exp(-1.4 * depth)
    warm = (sun * above + 0.9 * water)[..., None] * (0.65 * palette.glow + 0.35 * palette.core)
    light = warm + veil[..., None] * palette.accent
    stars = _stars(subject, palette) * above[..., None] * (y < level - 0.05)[..., None]
    return np.asarray(light + stars, dtype=np.float32)


def _aurora(subject: _Subject, palette: _Palette) -> Field:
    """Draw curtains of light: as tall as the song is loud, their colour by section."""
    x, y = _grid()
    draws = subject.draws
    light = np.zeros((DRAFT, DRAFT, 3), np.float32)
    times = np.linspace(0.0, 1.0, STEPS)
    fold = np.interp(x[0], times, subject.loudness).astype(np.float32)
    section = np.searchsorted(subject.bounds, x[0], side="right") % 2
    shade = np.convolve(np.pad(section, 12, mode="edge"), np.hanning(25) / 12.0, "valid")
    for layer in range(3):
        phase, pace = draws.uniform(0.0, 6.3), draws.uniform(0.7, 1.9)
        base = 0.56 + 0.11 * layer + 0.07 * np.sin(6.3 * pace * x + phase)
        tall = (0.10 + 0.34 * fold**1.4) * (1.0 - 0.22 * layer)
        up = (base - y) / tall
        rays = resized(draws.random((1, 45 + 40 * layer), dtype=np.float32).repeat(2, 0), DRAFT)
        rays = np.clip(rays[:1], 0.0, 1.2) ** 1.5
        curtain = np.exp(-np.maximum(up, 0.0) * 1.7) * _edge(up * tall / 0.005)
        curtain = curtain * (0.25 + 0.95 * rays) * (0.25 + fold)
        mixed = shade[None, :, None] * palette.accent + (1.0 - shade)[None, :, None] * palette.glow
        light += (curtain[..., None] * mixed).astype(np.float32) * np.float32(0.95 - 0.2 * layer)
    return light + _stars(subject, palette)


def _window(subject: _Subject, palette: _Palette) -> Field:
    """Draw lights through a wet pane: every note a disc, by time, pitch, length and loudness."""
    draws = subject.draws
    light = np.zeros((DRAFT, DRAFT, 3), np.float32)
    wide = 0.016 + 0.022 * (subject.mood.haze + 1.0) / 2.0
    for time, pitch, beats, velocity in subject.lights:
        cx = 0.06 + 0.88 * time + draws.normal(0.0, 0.02)
        cy = 0.82 - 0.62 * pitch + draws.normal(0.0, 0.04)
        radius = wide * (0.7 + 0.9 * np.log1p(beats)) * draws.uniform(0.7, 1.35)
        mixed = palette.glow if draws.random() < 0.6 else palette.accent
        if draws.random() < 0.12:
            mixed = palette.core
        _add_disc(light, cx, cy, radius, mixed * np.float32(0.16 + 0.5 * velocity**2))
    x, y = _grid()
    loud = np.interp(x[0], np.linspace(0.0, 1.0, STEPS), subject.loudness).astype(np.float32)
    street = np.exp(-(((y - 0.86) / (0.015 + 0.06 * loud[None, :])) ** 2)) * loud[None, :]
    return np.asarray(light + street[..., None] * palette.glow * 0.55, dtype=np.float32)


def _add_disc(light: Field, cx: float, cy: float, radius: float, shade: Field) -> None:
    """Add a disc of a lens out of focus: flat, a little brighter at the rim."""
    reach = radius * 1.2 + 0.01
    left, right = (int(np.clip((cx + s * reach) * DRAFT, 0, DRAFT)) for s in (-1.0, 1.0))
    top, bottom = (int(np.clip((cy + s * reach) * DRAFT, 0, DRAFT)) for s in (-1.0, 1.0))
    x, y = _grid()
    away = np.hypot(x[:, left:right] - np.float32(cx), y[top:bottom] - np.float32(cy))
    flat = _edge((radius - away) / 0.002)
    rim = np.exp(-(((away - 0.93 * radius) / (0.12 * radius)) ** 2))
    light[top:bottom, left:right] += ((0.55 + 0.6 * rim) * flat)[..., None] * shade


def _stars(subject: _Subject, palette: _Palette) -> Field:
    """Return the melody's notes as small far lights, higher where they are higher."""
    light = np.zeros((DRAFT, DRAFT, 3), np.float32)
    share = 0.35 + 0.3 * (subject.mood.density + 1.0)
    for time, pitch, _, velocity in subject.lights:
        if subject.draws.random() > share:
            continue
        cx = 0.04 + 0.92 * time + subject.draws.normal(0.0, 0.015)
        cy = 0.5 - 0.44 * pitch + subject.draws.normal(0.0, 0.05)
        size = 0.0022 + 0.003 * subject.draws.random() ** 3
        _add_disc(light, cx, cy, size, palette.core * np.float32(0.5 + 2.0 * velocity**2))
    return light


SCENES: Final[tuple[Callable[[_Subject, _Palette], Field], ...]] = (
    _eclipse,
    _horizon,
    _aurora,
    _window,
)


def _stroke(subject: _Subject) -> Image:
    """Return the motif at full size, 0..255: a line brightest in its middle, a point a note."""
    from PIL import Image, ImageDraw, ImageFilter

    canvas = Image.new("L", (SIZE, SIZE))
    pen = ImageDraw.Draw(canvas)
    height, stretch = subject.draws.uniform(0.38, 0.54), subject.draws.uniform(0.2, 0.3)
    across = (0.14 + 0.72 * subject.line[:, 0]) * SIZE
    down = (height - stretch * subject.line[:, 1]) * SIZE
    shades = 255.0 * np.sin(np.pi * subject.line[:, 0]) ** 0.7
    for i in range(len(across) - 1):
        ends = [(across[i], down[i]), (across[i + 1], down[i + 1])]
        pen.line(ends, fill=round(shades[i]), width=4)
    for i in subject.beads:
        r = 8.0
        pen.ellipse([across[i] - r, down[i] - r, across[i] + r, down[i] + r], fill=255)
    left, top, right, bottom = canvas.getbbox() or (0, 0, 1, 1)
    around = (left - SOFT, top - SOFT, right + SOFT, bottom + SOFT)
    canvas.paste(canvas.crop(around).filter(ImageFilter.GaussianBlur(1.6)), around)
    return canvas


def _halo(stroke: Image, palette: _Palette) -> Field:
    """Return the glow around the line, at the draft's size."""
    small = np.asarray(stroke.reduce(SIZE // DRAFT), dtype=np.float32) / np.float32(255.0)
    near, far = blur(small, 3.0)[..., None], blur(small, 13.0)[..., None]
    glow = near * palette.core * np.float32(1.3) + far * palette.glow * np.float32(2.6)
    return np.asarray(glow + far * palette.tint * np.float32(0.8), dtype=np.float32)


def _vignette() -> Field:
    """Return what of the light reaches each place of the film, at the draft's size."""
    x, y = _grid()
    return np.asarray(1.0 - 0.2 * ((2 * x - 1) ** 2 + (2 * y - 1) ** 2) ** 1.3, dtype=np.float32)


def _expose(pixels: NDArray[np.uint8], stroke: NDArray[np.uint8], core: Field) -> None:
    """Expose a developed picture to the motif's line as well, in place."""
    lit = np.nonzero(stroke)
    light = stroke[lit][:, None] * (core / np.float32(255.0))
    left = 1.0 - (pixels[lit] / np.float32(255.0)) ** np.float32(GAMMA)
    pixels[lit] = np.rint(255.0 * (1.0 - left * np.exp(-light)) ** np.float32(1.0 / GAMMA))


def _add_grain(pixels: NDArray[np.uint8], tone: NDArray[np.uint8], subject: _Subject) -> None:
    """Add film's grain in place, the same to all colours: strongest in the middle tones."""
    grains = subject.draws.standard_normal(256, dtype=np.float32)
    amount = np.float32(3.8 + 1.4 * subject.mood.haze)
    t = np.linspace(0.0, 1.0, 256, dtype=np.float32)[:, None]
    # One row for each tone: what each of the grains adds to it.
    table = amount * (0.45 + 2.2 * t * (1.0 - t)) * (grains - grains.mean()) / grains.std()
    steps = np.rint(table).astype(np.int8).ravel()
    for top in range(0, SIZE, BAND):  # few enough at a time to stay in the cache
        band = np.left_shift(tone[top : top + BAND], 8, dtype=np.uint16)
        band |= subject.draws.integers(256, size=band.shape, dtype=np.uint8)
        grain = steps.take(band)
        for layer in np.moveaxis(pixels[top : top + BAND], 2, 0):
            np.clip(layer + grain, 0, 255, out=layer, casting="unsafe")
    pixels &= np.uint8(0xFE)  # nobody sees the last bit under the grain; the PNG is a third smaller
