"""Measure what is heard in the stems and the master: balance, lift, motion, holes, key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyloudnorm
from numpy.typing import NDArray

from benchmarks.measure import Report, Signal, level_dbfs
from benchmarks.measure_score import Written

Grid = NDArray[np.float64]

KRUMHANSL = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)
"""Probe-tone profiles of major and minor (Krumhansl and Kessler, 1982)."""
FRAME = 8192
HOP = 4096


@dataclass(frozen=True, slots=True)
class Heard:
    """The sound of a song, with its sections in samples."""

    written: Written
    master: Signal
    stems: dict[str, Signal]
    rate: int

    def cuts(self, role: str) -> list[slice]:
        """Return where the sections of a role lie."""
        beat = self.written.beat_s * self.rate
        return [
            slice(
                round(s["start_beats"] * beat),
                round((s["start_beats"] + s["duration_beats"]) * beat),
            )
            for s in self.written.of(role)
        ]

    def power_db(self, x: Signal, role: str) -> float:
        """Return the mean power of a signal in the sections of a role."""
        return 10 * float(np.log10(np.mean([np.mean(x[c] ** 2) for c in self.cuts(role)]) + 1e-14))

    def loudness(self, x: Signal, role: str) -> float:
        """Return the mean loudness of a signal in the sections of a role."""
        meter = pyloudnorm.Meter(self.rate)
        heard = [float(meter.integrated_loudness(x[c])) for c in self.cuts(role)]
        return max(float(np.mean(heard)), -80.0)


def measure_stems(
    report: Report, song: dict[str, Any], audio: dict[str, Signal], rate: int
) -> None:
    """Add the measures of the sound; ``audio`` holds the stems, ``mix`` and ``master``."""
    stems = {name: x for name, x in audio.items() if name != "master"}
    heard = Heard(Written(song), audio["master"], stems, rate)
    _balance(report, heard)
    _lift(report, heard)
    _motion(report, heard)
    _ducking(report, heard)
    power = _spectra(heard.master)
    _spectrum(report, heard, power)
    _blocks(report, heard, power)
    report.note("key_clarity", _key_clarity(power, rate), 0.55, 1)


def _balance(report: Report, heard: Heard) -> None:
    mix, drums = heard.stems["mix"], heard.stems["drums"]
    music = mix - drums
    for role, low, high in (("verse", 6, 9), ("hook", 4, 6)):
        under = heard.loudness(music, role) - heard.loudness(drums, role)
        report.note(f"drums_under_{role}_lu", under, low, high)
    bass = heard.stems["bass"]
    over = heard.power_db(bass, "hook") - heard.power_db(mix - bass, "hook")
    report.note("bass_over_rest_db", over, -12, 4)
    whole = heard.loudness(mix, "hook")
    for name, most in (("vocals", 8), ("lead", 16), ("keys", 16), ("pads", 16)):
        if name in heard.stems and np.any(heard.stems[name]):
            under = whole - heard.loudness(heard.stems[name], "hook")
            if under < 40:
                report.note(f"{name}_under_hook_lu", under, 1, most)


def _lift(report: Report, heard: Heard) -> None:
    space = heard.stems["space"]
    dry = heard.stems["mix"] - space
    wet = {r: heard.power_db(space, r) - heard.power_db(dry, r) for r in ("verse", "hook")}
    report.note("wetter_hook_db", wet["hook"] - wet["verse"], 2, 9)
    width = {r: _width_db(heard, r) for r in ("verse", "hook")}
    report.note("wider_hook_db", width["hook"] - width["verse"], 0, 12)
    gaps = []
    for cut in heard.cuts("hook"):
        before = heard.master[max(0, cut.start - heard.rate // 2) : cut.start + heard.rate // 50]
        after = heard.master[cut.start : cut.start + heard.rate]
        gaps.append(
            level_dbfs(after, heard.rate, 0.9)[0] - level_dbfs(before, heard.rate, 0.05).min()
        )
    report.note("breath_before_hook_db", min(gaps), 20, 120)


def _width_db(heard: Heard, role: str) -> float:
    left, right = heard.master.T
    side, middle = left - right, left + right
    return heard.power_db(side, role) - heard.power_db(middle, role)


def _motion(report: Report, heard: Heard) -> None:
    """Measure how far the level of three seconds wanders inside a hook; a flat block stays put."""
    moves = []
    for cut in heard.cuts("hook"):
        level = level_dbfs(heard.master[cut], heard.rate, 0.5)
        power = np.convolve(10 ** (level / 10), np.ones(6) / 6, "valid")[2:-2]
        moves.append(float(np.ptp(10 * np.log10(power))) if len(power) else 0.0)
    report.note("hook_moves_db", float(np.mean(moves)), 1.2, 9)


def _ducking(report: Report, heard: Heard) -> None:
    size = heard.rate // 100
    kicks = [n for n in heard.written.notes("kick") if n[3] > 60]
    beat = heard.written.beat_s
    for name in ("pads", "space"):
        level = level_dbfs(heard.stems[name], heard.rate, 0.01)
        drops = []
        for note in kicks:
            at = round((note[0] * beat + note[4]) * heard.rate / size)
            if 12 < at < len(level) - 12 and level[at - 8 : at - 1].mean() > -55:
                drops.append(level[at - 8 : at - 1].mean() - level[at + 2 : at + 8].mean())
        if drops:
            report.note(f"{name}_ducked_db", float(np.median(drops)), 1, 7)


def _spectra(master: Signal) -> Grid:
    """Return power spectra (frames, bins) of the mono signal."""
    mono = master.mean(axis=1).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(mono, FRAME)[::HOP]
    window = np.hanning(FRAME).astype(np.float32)
    return np.concatenate(
        [np.abs(np.fft.rfft(frames[i : i + 256] * window)) ** 2 for i in range(0, len(frames), 256)]
    )


def _frames(heard: Heard, cut: slice) -> slice:
    return slice(cut.start // HOP, max(cut.start // HOP + 1, (cut.stop - FRAME) // HOP))


def _bands(power: Grid, rate: int, parts: int, low_hz: float, high_hz: float) -> tuple[Grid, Grid]:
    """Return the density in fractions of an octave in dB (frames, bands) and their middles."""
    frequency = np.fft.rfftfreq(FRAME, 1 / rate)
    edges = low_hz * 2.0 ** (np.arange(int(np.log2(high_hz / low_hz) * parts) + 1) / parts)
    low, high = np.searchsorted(frequency, edges[:-1]), np.searchsorted(frequency, edges[1:])
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    width = np.maximum(high - low, 1)
    density = (sums[:, low + width] - sums[:, low]) / width
    return 10 * np.log10(density + 1e-10), np.sqrt(edges[1:] * edges[:-1])


def _spectrum(report: Report, heard: Heard, power: Grid) -> None:
    """Find banks, which stand out of the song's own slope in thirds of an octave, and holes."""
    whole = power.mean(axis=0, keepdims=True)
    level, middle = _bands(whole, heard.rate, 3, 100, 10_000)
    octave = np.log2(middle)
    rest = level[0] - np.polyval(np.polyfit(octave, level[0], 1), octave)
    body = rest[(middle > 200) & (middle < 500)]
    report.note("hole_200_500_db", float(body.min()), -5, 9)
    report.note("mud_200_500_db", float(body.max()), -5, 6)
    report.note("glare_2k_5k_db", float(rest[(middle > 2000) & (middle < 5000)].max()), -9, 3)
    frequency = np.fft.rfftfreq(FRAME, 1 / heard.rate)
    bright = (frequency > 1000) & (frequency < 6000)
    bloom = {
        role: 10
        * np.log10(np.mean([power[_frames(heard, c)][:, bright].mean() for c in heard.cuts(role)]))
        for role in ("verse", "hook")
    }
    report.note("hook_bloom_db", float(bloom["hook"] - bloom["verse"]), 3, 14)


def _blocks(report: Report, heard: Heard, power: Grid) -> None:
    """Find the greatest likeness of two blocks of four bars of one section; a copy has 1."""
    level, _ = _bands(power, heard.rate, 6, 50, 12_000)
    level = np.maximum(level, level.max() - 70)
    level -= level.min()
    size = 16 * heard.written.beat_s * heard.rate / HOP
    whole = int(size) * level.shape[1]
    nearest = 0.0
    for role in ("verse", "hook", "bridge"):
        for cut in heard.cuts(role):
            start, n = cut.start / HOP, int((cut.stop - cut.start) / HOP / size + 0.05)
            picks = [level[round(start + i * size) :][: int(size)].ravel() for i in range(n)]
            blocks = np.array([p for p in picks if len(p) == whole], dtype=np.float64)
            if len(blocks) < 2:
                continue
            blocks = blocks / np.linalg.norm(blocks, axis=1, keepdims=True)
            likeness = blocks @ blocks.T - np.eye(len(blocks))
            nearest = max(nearest, float(likeness.max()))
    report.note("blocks_alike", nearest, 0, 0.995)


def _key_clarity(power: Grid, rate: int) -> float:
    """Return the correlation of the mean chroma with the best Krumhansl profile."""
    frequency = np.fft.rfftfreq(FRAME, 1 / rate)
    used = (frequency > 120) & (frequency < 3500)
    pitch = np.round(69 + 12 * np.log2(frequency[used] / 440)).astype(int) % 12
    sums = np.bincount(pitch, np.sqrt(power[:, used]).mean(axis=0), 12)
    chroma = sums / np.bincount(pitch, minlength=12)
    fits = [
        np.corrcoef(chroma, np.roll(profile, tonic))[0, 1]
        for profile in KRUMHANSL
        for tonic in range(12)
    ]
    return float(max(fits))
