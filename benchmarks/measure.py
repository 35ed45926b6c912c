"""Measure a finished song from its files, with meters that are not halation's own.

The song tests and ``make soak`` share this. Loudness and range are pyloudnorm's, true peaks
scipy's polyphase resampler; everything is read back from the WAV, MP3, stems and summary.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, resample_poly, sosfilt, welch

Signal = NDArray[np.floating[Any]]


@dataclass(slots=True)
class Report:
    """The measures of one song and which of them miss their bar."""

    values: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    misses: list[str] = field(default_factory=list)

    def note(self, name: str, value: float, low: float, high: float) -> None:
        """Record a value; it must lie within the bounds, ends included."""
        self.values[name] = round(float(value), 3)
        self.bounds[name] = (low, high)
        if not low <= value <= high:
            self.misses.append(f"{name} {value:.2f} not in {low:g}..{high:g}")


def read(path: Path) -> tuple[Signal, int]:
    """Return a file's samples (n, channels) and its rate."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples, rate


def read_all(summary: dict[str, Any]) -> tuple[dict[str, Signal], int]:
    """Return a song's stems, ``mix`` and ``master``, and their rate."""
    audio = {Path(path).stem: read(Path(path))[0] for path in summary["paths"].get("stems", ())}
    audio["master"], rate = read(Path(summary["paths"]["wav"]))
    return audio, rate


def true_peak_dbtp(x: Signal) -> float:
    """Return the peak of a four times oversampled signal in dBTP."""
    peak = max(float(np.abs(resample_poly(x[:, c], 4, 1)).max()) for c in range(x.shape[1]))
    return 20 * float(np.log10(max(peak, 1e-9)))


def correlation(x: Signal) -> float:
    """Return the correlation of left and right."""
    left, right = x[:, 0], x[:, 1]
    return float(np.sum(left * right) / np.sqrt(np.sum(left**2) * np.sum(right**2) + 1e-20))


def slope_db_per_octave(x: Signal, rate: int) -> float:
    """Return the slope of the long-term power spectral density from 100 Hz to 10 kHz.

    The density is averaged in sixths of an octave, so that every octave counts the same.
    """
    frequency, density = welch(x.mean(axis=1), rate, nperseg=16384)
    edges = 100.0 * 2.0 ** (np.arange(0, 41) / 6)
    edges = edges[edges <= 10_000]
    middle, level = [], []
    for low, high in itertools.pairwise(edges):
        inside = (frequency >= low) & (frequency < high)
        if inside.any():
            middle.append(np.log2((low * high) ** 0.5))
            level.append(10 * np.log10(density[inside].mean() + 1e-20))
    return float(np.polyfit(middle, level, 1)[0])


def centroid_hz(x: Signal, rate: int) -> float:
    """Return the magnitude-weighted spectral centroid, median of frames."""
    mono = x.mean(axis=1)
    frames = np.lib.stride_tricks.sliding_window_view(mono, 2048)[::1024] * np.hanning(2048)
    magnitude = np.abs(np.fft.rfft(frames))
    frequency = np.fft.rfftfreq(2048, 1 / rate)
    total = magnitude.sum(axis=1)
    loud = total > 1e-4
    return float(np.median((magnitude @ frequency)[loud] / total[loud]))


def level_dbfs(x: Signal, rate: int, window_s: float = 0.1) -> Signal:
    """Return the RMS of consecutive windows in dBFS."""
    size = int(window_s * rate)
    power = (x[: len(x) // size * size] ** 2).mean(axis=1).reshape(-1, size).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-12))


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of true values."""
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


def measure(summary: dict[str, Any], length_s: float | None = None) -> Report:
    """Measure the files of a song at the default loudness.

    Parameters
    ----------
    summary : dict
        What ``halation make --json`` printed, better with ``--stems``.
    length_s : float [s], optional
        What was asked for with ``--length``.
    """
    report = Report()
    measure_files(report, summary, read_all(summary), length_s)
    return report


def measure_files(
    report: Report,
    summary: dict[str, Any],
    sound: tuple[dict[str, Signal], int],
    length_s: float | None,
) -> None:
    """Add the measures of the files of a song; ``sound`` is what :func:`read_all` returned."""
    audio, rate = sound
    sections = summary["form"]["sections"]
    _measure_master(report, audio["master"], rate, summary["tempo_bpm"], length_s)
    _measure_sections(report, audio["master"], rate, sections)
    if "mp3" in summary["paths"]:
        mp3 = read(Path(summary["paths"]["mp3"]))[0]
        report.note("mp3_peak_dbtp", true_peak_dbtp(mp3), -60, -0.5)
    if "mix" in audio:
        stems = {name: x for name, x in audio.items() if name not in ("mix", "master")}
        _measure_stems(report, audio["mix"], stems, rate, sections)


def _measure_master(
    report: Report, x: Signal, rate: int, tempo_bpm: float, wished_s: float | None
) -> None:
    meter = pyloudnorm.Meter(rate)
    duration = len(x) / rate
    bar_s = 240.0 / tempo_bpm
    low, high = (120.0, 180.0) if wished_s is None else (wished_s - bar_s, wished_s + bar_s)
    report.note("duration_s", duration, low, high)
    loudness = meter.integrated_loudness(x)
    report.note("loudness_lufs", loudness, -14.5, -13.5)
    peak = true_peak_dbtp(x)
    report.note("peak_dbtp", peak, -6, -1.0)
    report.note("plr_db", peak - loudness, 9, 30)
    report.note("range_lu", meter.loudness_range(x), 4, 12)
    level = level_dbfs(x, rate)
    sounding = np.flatnonzero(level > -50)
    report.note("first_sound_s", sounding[0] * 0.1, 0, 0.4)
    inside = level[sounding[0] : sounding[-1] + 1] <= -50
    report.note("silence_s", longest_run(inside) * 0.1, 0, 1.9)
    report.note("end_dbfs", level_dbfs(x[-int(0.1 * rate) :], rate, 0.099)[-1], -200, -60)
    report.note(
        "dc_dbfs", 20 * np.log10(np.abs(x.mean(axis=0, dtype=np.float64)).max() + 1e-12), -200, -60
    )
    report.note("slope_db_oct", slope_db_per_octave(x, rate), -6, -3.5)
    report.note("correlation", correlation(x), 0.2, 0.9)
    low_end = sosfilt(butter(4, 120, fs=rate, output="sos"), x, axis=0)
    report.note("correlation_low", correlation(low_end), 0.95, 1)


def _measure_sections(report: Report, x: Signal, rate: int, sections: list[dict[str, Any]]) -> None:
    meter = pyloudnorm.Meter(rate)

    def cut(section: dict[str, Any]) -> Signal:
        return x[int(section["start_s"] * rate) : int(section["end_s"] * rate)]

    def loudness(role: str) -> list[float]:
        found = [s for s in sections if s["role"] == role]
        return [float(meter.integrated_loudness(cut(s))) for s in found]

    verses, hooks = loudness("verse"), loudness("hook")
    report.note("lift_lu", float(np.mean(hooks) - np.mean(verses)), 2, 5)
    report.note("lift_least_lu", min(hooks) - max(verses), 1, 6)
    for role in ("intro", "bridge", "outro"):
        under = float(np.mean(hooks) - np.mean(loudness(role)))
        report.values[f"{role}_under_hook_lu"] = round(under, 2)
    bridge = np.mean([centroid_hz(cut(s), rate) for s in sections if s["role"] == "bridge"])
    hook = np.mean([centroid_hz(cut(s), rate) for s in sections if s["role"] == "hook"])
    report.values["hook_centroid_hz"] = round(float(hook))
    report.note("bridge_centroid_ratio", float(bridge / hook), 0, 0.75)


def _measure_stems(
    report: Report,
    mix: Signal,
    stems: dict[str, Signal],
    rate: int,
    sections: list[dict[str, Any]],
) -> None:
    assert all(len(stem) == len(mix) for stem in stems.values()), "stems differ in length"
    rest = mix - sum(stems.values())
    rms = np.sqrt(np.mean(rest**2)) / np.sqrt(np.mean(mix**2))
    report.note("stems_residual_db", 20 * np.log10(rms + 1e-12), -300, -90)
    drums = stems["drums"]
    first = min(s["start_s"] for s in sections if s["role"] == "verse")
    before = np.abs(drums[: int((first - 0.05) * rate)]).max(initial=0)
    report.note("drums_before_verse_dbfs", 20 * np.log10(before + 1e-12), -300, -60)
    loud = [
        10
        * np.log10((drums[int(s["start_s"] * rate) : int(s["end_s"] * rate)] ** 2).mean() + 1e-12)
        for s in sections
        if s["role"] in ("verse", "hook")
    ]
    report.note("drums_least_dbfs", min(loud), -50, 0)
    for name, stem in stems.items():
        level = 10 * float(np.log10((stem**2).mean() + 1e-12))
        report.values[f"{name}_dbfs"] = round(level, 1)
