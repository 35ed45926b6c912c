"""Mix → the master: tilt, glue, tape, limiter, loudness, and what a meter says of the result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import automation, dynamics, loops, spectrum
from halation.dsp.loudness import (
    SILENCE_LUFS,
    Meter,
    block_peaks,
    glimpsed,
    glimpses,
    meter,
    true_peak,
)
from halation.types import SAMPLE_RATE, Audio, Measures, Mix, Mood, Score

__all__ = ["CEILING_DBTP", "finish", "measure"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

CEILING_DBTP: Final = -1.5
"""True peak of the master; the MP3's coder may add half a decibel."""

SLOPE_DB_PER_OCTAVE: Final = -4.7
"""Aim of the tilt for an even mood; what comes after it, above all on kick and 808, gives 0.2 or
more back."""
SLOPES_DB_PER_OCTAVE: Final = (-5.4, -3.9)
"""The darkest and the brightest aim of any mood."""
SLOPE_BY: Final = {"valence": 0.1, "energy": 0.3, "warmth": -0.6, "haze": -0.5}
"""How far each axis of the mood moves the aim."""

COLOURS: Final = (
    ("warmth", 220.0, 2.2),
    ("haze", 800.0, 2.2),
    ("energy", 2_600.0, 2.4),
)
"""What the axes add to the aim: a broad bell's centre [Hz] and its height [dB] where the axis is 1.
Warmth has body, haze a veil, energy presence; their opposites
lack it."""
_COLOUR_OCTAVES = 0.8

_MOST_TILT_DB = 3.0
_TONE_SHARE = 0.85
_MOST_TONE_DB = 4.0
_UNTOUCHED_HZ = 60.0
"""Down here kick and 808 stand as they were mixed, whatever the rest lacks."""

_BUMP_WINDOW = np.hanning(5)[1:-1] / np.hanning(5).sum()

_LOW_CUT_HZ = 20.0
_HIGH_CUT_HZ = (12_500.0, 16_000.0)
_TAPS = 8_192
_GRID = 32_768

_NOTHING_LUFS = SILENCE_LUFS + 1.0
_HEARD_DB = -60.0
_GLUE_DB = 1.5
_GLUE_MEMORY_S = 6.0
_USUAL_LUFS = -14.0
_TAPE_DB = 1.5
_TAPE_BY_ENERGY_DB = 1.0
_MOST_TAPE_DB = 9.0
_TAPE_RESERVE_DB = 1.5
_TAPE_ROUNDS = 2
_LIMITER_DB = 3.0

_FADE_S = 1.5
_START_S = 0.005
_TOLERANCE_LU = 0.05
_TOLERANCE_DB = 0.03
_ROUNDS = 5
_SILENT = np.float32(1e-6)
_PEAK_MARGIN_DB = 4.0


def finish(mix: Mix) -> tuple[Audio, Measures]:
    """Master a mix.

    Parameters
    ----------
    mix : Mix
        Its brief says how loud the master shall be.

    Returns
    -------
    audio : Audio
        As long as the mix, true peak at most −1.4 dBTP, faded to nothing at its end.
    measures : Measures
        Measured on ``audio``. The loudness is the brief's to 0.2 LU, and the limiter works 3 dB at
        most; for a loudness that the mix cannot reach so, first the tape and then the limiter do
        more. A silent mix stays silent.
    """
    score = mix.plan.score
    target_lufs = score.form.mood.brief.loudness_lufs
    x = _equalised(mix.audio.samples, score.form.mood)
    _fade(x)
    _glue(x)
    limiter_db, peak_dbtp = 0.0, None
    frames = glimpses(x)
    found = glimpsed(frames)
    if found.integrated <= _NOTHING_LUFS:  # a lone click may lie between the frames
        found = meter(x)
    if found.integrated > _NOTHING_LUFS:
        found = _tape(x, frames, target_lufs, found, score.form.mood.energy)
        limiter_db, found, peak_dbtp = _limit(x, target_lufs, found)
    audio = Audio.take(x)
    return audio, measure(audio, score, limiter_db=limiter_db, found=found, peak_dbtp=peak_dbtp)


def measure(
    audio: Audio,
    score: Score,
    *,
    limiter_db: float = 0.0,
    found: Meter | None = None,
    peak_dbtp: float | None = None,
) -> Measures:
    """Read every meter.

    Parameters
    ----------
    audio : Audio, stereo
    score : Score
        Tells where the sections are.
    limiter_db : float >= 0 [dB]
        What the limiter did, for the record.
    found : Meter, optional
        The audio's meter, if it is at hand.
    peak_dbtp : float, optional [dBTP]
        Its true peak, if that is.

    Returns
    -------
    Measures
    """
    x = audio.samples
    if peak_dbtp is None:
        peak_dbtp = true_peak(x, margin_db=_PEAK_MARGIN_DB)
    found = found or meter(audio)
    sections = tuple(
        (
            section.name,
            found.between(
                score.seconds_at(section.start_beats), score.seconds_at(section.end_beats)
            ).integrated,
        )
        for section in score.form.sections
    )
    left, right, both = (float(np.dot(x[a], x[b])) for a, b in ((0, 0), (1, 1), (0, 1)))
    return Measures(
        loudness_lufs=found.integrated,
        true_peak_dbtp=peak_dbtp,
        loudness_range_lu=found.loudness_range,
        sections_lufs=sections,
        spectrum_slope_db_per_octave=spectrum.slope_db_per_octave(
            *spectrum.power_spectrum(x, audio.sample_rate)
        ),
        correlation=both / max(float(np.sqrt(left * right)), 1e-12),
        limiter_db=limiter_db,
    )


def _equalised(x: Signal, mood: Mood) -> Signal:
    """Return a copy with the wanted balance, without rumble and without glare."""
    out = np.empty_like(x)
    frequencies = np.linspace(0.0, SAMPLE_RATE / 2, _GRID + 1)
    frequencies[0] = 0.1
    gain_db = _tone_db(x, frequencies, mood)
    gain_db -= 10.0 * np.log10(1.0 + (_LOW_CUT_HZ / frequencies) ** 4)
    clean, hazy = _HIGH_CUT_HZ[1], _HIGH_CUT_HZ[0]
    high_cut_hz = clean * (hazy / clean) ** ((mood.haze + 1.0) / 2.0)
    gain_db -= 10.0 * np.log10(1.0 + (frequencies / high_cut_hz) ** 12)
    spectrum.convolve_into(x, spectrum.minimum_phase(gain_db, _TAPS), out)
    return out


def _aim(mood: Mood, octaves: Values) -> tuple[float, Values]:
    """Return the slope [dB/octave] that a mood wants and its colour [dB] around it."""
    slope = SLOPE_DB_PER_OCTAVE + sum(by * getattr(mood, axis) for axis, by in SLOPE_BY.items())
    colour = np.zeros_like(octaves)
    for axis, centre_hz, height_db in COLOURS:
        away = (octaves - np.log2(centre_hz / 1_000.0)) / _COLOUR_OCTAVES
        colour += height_db * getattr(mood, axis) * np.exp(-(away**2) / 2.0)
    # The slope is the tilt's alone.
    colour -= np.polyval(np.polyfit(octaves, colour, 1), octaves)
    return float(np.clip(slope, *SLOPES_DB_PER_OCTAVE)), colour


def _tone_db(x: Signal, frequencies: Values, mood: Mood) -> Values:
    """Draw the correction toward the wanted spectrum: most of the bumps, the tilt in full."""
    centres, levels = spectrum.band_levels(*spectrum.power_spectrum(x, SAMPLE_RATE))
    octaves = np.log2(centres / 1_000.0)
    line = np.polyval(np.polyfit(octaves, levels, 1), octaves)
    bumps = np.convolve(np.pad(levels - line, 1, mode="edge"), _BUMP_WINDOW, mode="valid")
    slope, colour = _aim(mood, octaves)
    tone = np.clip(_TONE_SHARE * (colour - bumps), -_MOST_TONE_DB, _MOST_TONE_DB)
    lacks = slope - float(np.polyfit(octaves, levels + tone, 1)[0])
    reach = float(np.abs(octaves).max())
    tilt = float(np.clip(lacks, -_MOST_TILT_DB / reach, _MOST_TILT_DB / reach))
    octaves = np.insert(octaves, 0, np.log2(_UNTOUCHED_HZ / 1_000.0))
    wanted = np.insert(tone + tilt * octaves[1:], 0, 0.0)
    return np.interp(np.log2(frequencies / 1_000.0), octaves, wanted)


def _fade(x: Signal) -> None:
    """Start from nothing within 5 ms, and fall to nothing within the last 1.5 s."""
    start = min(round(_START_S * SAMPLE_RATE), x.shape[1])
    x[:, :start] *= np.linspace(0.0, 1.0, start, dtype=np.float32)
    length = min(round(_FADE_S * SAMPLE_RATE), x.shape[1])
    fall = np.cos(np.linspace(0.0, np.pi / 2, length)) ** 4
    x[:, x.shape[1] - length :] *= fall.astype(np.float32)


def _glue(x: Signal) -> None:
    """Compress 2:1 with 30 ms of attack, by about 1.5 dB where the song is loud.

    What the gain does over several seconds is given back: glue holds a bar together, and must not
    take the hook's lift.
    """
    from scipy.ndimage import uniform_filter1d

    levels = dynamics.hop_levels_db(x, automation.HOP)
    heard = levels[levels > _HEARD_DB]
    if not len(heard):
        return
    gain_db = dynamics.compressor_gain_db(
        levels,
        automation.HOP / SAMPLE_RATE,
        threshold_db=float(np.percentile(heard, 90.0)) - 2.0 * _GLUE_DB,
    )
    slow = round(_GLUE_MEMORY_S * SAMPLE_RATE / automation.HOP)
    gain_db -= uniform_filter1d(gain_db, slow, mode="nearest")
    _ride(x, automation.decibels(gain_db), automation.HOP)


def _ride(x: Signal, control: Signal, hop: int) -> None:
    """Multiply a signal by a control in place, its two halves side by side."""
    middle = x.shape[1] // 2 // hop
    halves = (x[:, : middle * hop], x[:, middle * hop :])
    controls = (control[: middle + 1], control[middle:])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(automation.apply_gain, halves, controls, (hop, hop)))


def _tape(x: Signal, frames: Signal, target_lufs: float, found: Meter, energy: float) -> Meter:
    """Round off the peaks: by more than usual where the limiter would have to do too much.

    What is rounded off is softer too, and must come up again: so it is tried out on ``frames``, the
    song's glimpses, and what is still too much is rounded off once more. Two curves of
    :func:`halation.dsp.dynamics.saturate` in a row make one of the same kind, so the song itself
    goes through it once. ``found`` is the meter of what comes in; returns that of the result.
    """
    left_db = _MOST_TAPE_DB + max(0.0, target_lufs - _USUAL_LUFS)
    least_db = _TAPE_DB + _TAPE_BY_ENERGY_DB * energy
    peak = loops.peak(x)
    bend = 0.0
    for _ in range(_TAPE_ROUNDS):
        work_db = 20.0 * float(np.log10(peak)) + target_lufs - found.integrated - CEILING_DBTP
        tape_db = float(np.clip(work_db - _LIMITER_DB + _TAPE_RESERVE_DB, least_db, left_db))
        if tape_db <= 0.0:
            break
        knee = dynamics.knee_for(peak, tape_db)
        dynamics.saturate(frames, knee)
        found = glimpsed(frames)
        bend += knee**-2.0
        peak *= 10.0 ** (-tape_db / 20.0)
        left_db, least_db = left_db - tape_db, 0.0
    if bend > 0.0:
        dynamics.saturate(x, bend**-0.5)
    return meter(x)


def _limit(x: Signal, target_lufs: float, found: Meter) -> tuple[float, Meter, float | None]:
    """Bring the song to its loudness under the ceiling.

    ``found`` is the meter of what comes in. Returns the limiter's work, a meter, and the true peak
    if it was looked for at the end.
    """
    work_db = np.zeros(1, np.float32)
    for _ in range(_ROUNDS):
        lacks_db = target_lufs - found.integrated
        above = 10.0 ** ((CEILING_DBTP - lacks_db - _PEAK_MARGIN_DB) / 20.0)
        peaks_db = np.float32(20.0) * np.log10(np.maximum(block_peaks(x, above), _SILENT))
        # A gain that moves fast moves the peaks between samples too, so the result is looked at.
        peak_dbtp = float(peaks_db.max())
        if abs(lacks_db) <= _TOLERANCE_LU and peak_dbtp <= CEILING_DBTP + _TOLERANCE_DB:
            return abs(float(work_db.min())), found, peak_dbtp
        gain_db, limiter_db = _solve(peaks_db, found, target_lufs)
        work_db = work_db + limiter_db
        control = automation.decibels(limiter_db + np.float32(gain_db))
        _ride(x, control, dynamics.LIMITER_HOP)
        found = meter(x)
    return abs(float(work_db.min())), found, None


def _solve(peaks_db: Signal, found: Meter, target_lufs: float) -> tuple[float, Signal]:
    """Find the gain that meets the loudness after the limiter has taken its share."""
    gain_db = target_lufs - found.integrated
    edges = np.arange(len(found.energies) + 1) * (found.hop_s * SAMPLE_RATE)
    for _ in range(_ROUNDS):
        limiter_db = dynamics.limiter_gain_db(
            peaks_db + np.float32(gain_db - CEILING_DBTP), SAMPLE_RATE
        )
        power = np.cumsum(10.0 ** (limiter_db / 10.0), dtype=np.float64)
        places = np.arange(len(power)) * dynamics.LIMITER_HOP
        mean = np.diff(np.interp(edges, places, power)) * (dynamics.LIMITER_HOP / np.diff(edges))
        reached = Meter(found.energies * mean, found.hop_s).integrated + gain_db
        if abs(target_lufs - reached) < _TOLERANCE_LU / 5:
            break
        gain_db += target_lufs - reached
    return gain_db, limiter_db
