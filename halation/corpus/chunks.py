"""A song cut into stretches of even loudness that begin and end on bars, or at least on onsets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus import beats
from halation.corpus.decode import blocks, flac
from halation.dsp.loudness import Meter, meter
from halation.stems.neural import beat as grid
from halation.types import BEATS_PER_BAR, SAMPLE_RATE

__all__ = ["Cut", "Piece", "Survey", "cut", "survey", "write"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

TARGET_LUFS: Final = -16.0
CEILING: Final = 0.89
"""Levelling lifts no sample above −1 dBFS."""

STEP: Final = SAMPLE_RATE // 10
SILENT_DB: Final = -50.0
"""Under the loudest moments; what is quieter is trimmed."""

STRETCH_S: Final = 300.0
"""The tempo is measured anew after so long: a mix has more than one."""

LISTEN_S: Final = 60.0
SLACK: Final = 0.01
"""By so much a chunk may be longer than was asked for, if it ends on a bar then."""

ONSETS_FROM: Final = 0.8
KICK_HZ: Final = 150.0
KICK_S: Final = 0.12


@dataclass(frozen=True, slots=True)
class Survey:
    """What must be known of a whole song before it is cut.

    Parameters
    ----------
    start, end : int
        Samples where the sound begins and ends.
    gain : float
        Brings the song to −16 LUFS, or as near as its peaks allow.
    sounding : np.ndarray [shape=(steps,)], bool
        For each 0.1 s, whether something sounds.
    """

    start: int
    end: int
    gain: float
    sounding: NDArray[np.bool_]

    def share(self, start: int, end: int) -> float:
        """Return how much of a stretch sounds, 0 to 1."""
        part = self.sounding[start // STEP : max(start // STEP + 1, end // STEP)]
        return float(part.mean()) if len(part) else 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch [samples], and whether it was cut on bars."""

    start: int
    end: int
    on_bars: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a song is cut, at which level, and its tempo where it has one."""

    pieces: tuple[Piece, ...]
    gain: float
    tempo_bpm: float | None


def survey(path: Path) -> Survey:
    """Measure a song block by block."""
    energies: list[Values] = []
    levels: list[Values] = []
    peak, n = 0.0, 0
    for block in blocks(path, 64 * STEP):
        n += block.shape[1]
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
        # What is mono is heard from both sides.
        energies.append(meter(np.repeat(block, 2, axis=0) if len(block) == 1 else block).energies)
        whole = np.pad(block, ((0, 0), (0, -block.shape[1] % STEP)))
        levels.append(np.square(whole, dtype=np.float64).reshape(len(whole), -1, STEP).mean((0, 2)))
    power = np.concatenate(levels)
    loud = float(np.percentile(power, 95.0))
    sounding = power > max(loud * 10.0 ** (SILENT_DB / 10.0), 1e-10)
    where = np.flatnonzero(sounding)
    if not len(where):
        return Survey(0, 0, 1.0, sounding)
    loudness = Meter(np.concatenate(energies)).integrated
    gain = min(10.0 ** ((TARGET_LUFS - loudness) / 20.0), CEILING / max(peak, 1e-6))
    return Survey(int(where[0]) * STEP, min(n, int(where[-1] + 1) * STEP), gain, sounding)


def cut(path: Path, *, chunk_s: float, overlap_s: float = 0.0) -> Cut:
    """Decide where a song is cut.

    Parameters
    ----------
    path : Path
        FLAC at 44.1 kHz.
    chunk_s : float > 0 [s]
        A chunk is the most whole bars that fit into it; without a beat it ends on the strongest
        onset of its last fifth, without onsets it is as long as this.
    overlap_s : float in 0..chunk_s / 2 [s]
        So much of a chunk's end is the next one's beginning.

    Returns
    -------
    Cut
        The rest at the end is kept if it is longer than half a chunk.
    """
    found = survey(path)
    pieces: list[Piece] = []
    tempi: dict[int, float | None] = {}
    chunk, at, on_grid = round(chunk_s * SAMPLE_RATE), found.start, False
    while found.end - at > chunk // 2:
        stretch = int(at / SAMPLE_RATE / STRETCH_S)
        if stretch not in tempi:
            tempi[stretch] = _tempo(_read(path, at, round(LISTEN_S * SAMPLE_RATE)))
        window = _read(path, at, min(round(1.1 * chunk), found.end - at))
        beat = _beat(window, tempi[stretch])
        if beat is not None and not on_grid:
            shift = _downbeat(window, beat)
            at, window = at + shift, window[:, shift:]
            beat = _Beat(0, beat.length)
        on_grid = beat is not None
        length = min(_length(window, chunk, beat), found.end - at)
        if length > chunk // 2 and found.share(at, at + length) > 0.5:
            pieces.append(Piece(at, at + length, on_grid))
        at += max(length - _overlap(overlap_s, beat), chunk // 4)
    known = [tempo for tempo in tempi.values() if tempo]
    return Cut(tuple(pieces), found.gain, known[len(known) // 2] if known else None)


@dataclass(frozen=True, slots=True)
class _Beat:
    """Samples to the first beat, about, and from one to the next."""

    offset: int
    length: float


def _tempo(x: Signal) -> float | None:
    return beats.tempo(*beats.onset_strength(x.mean(axis=0), SAMPLE_RATE)).tempo_bpm


def _beat(x: Signal, tempo_bpm: float | None) -> _Beat | None:
    if tempo_bpm is None:
        return None
    beat_s = 60.0 / tempo_bpm
    found = grid.measure(x, SAMPLE_RATE, beat_s)
    if found is None:
        return None
    return _Beat(round(found.offset_s * SAMPLE_RATE), beat_s * found.ratio * SAMPLE_RATE)


def _downbeat(x: Signal, beat: _Beat) -> int:
    """Return the samples to the first beat of a bar: the one of four that has the most bass."""
    from scipy.signal import butter, sosfilt

    low = sosfilt(butter(4, KICK_HZ, fs=SAMPLE_RATE, output="sos"), x.mean(axis=0)) ** 2
    first = beat.offset % beat.length
    lines = np.arange(first, x.shape[1] - KICK_S * SAMPLE_RATE, beat.length).astype(int)
    if len(lines) < BEATS_PER_BAR:
        return round(first)
    kicks = np.array([low[line : line + round(KICK_S * SAMPLE_RATE)].sum() for line in lines])
    best = max(range(BEATS_PER_BAR), key=lambda phase: float(kicks[phase::BEATS_PER_BAR].mean()))
    return int(lines[best])


def _length(x: Signal, chunk: int, beat: _Beat | None) -> int:
    """Return where a chunk that begins with ``x`` ends."""
    if beat is not None:
        bar = beat.length * BEATS_PER_BAR
        # The grid may have drifted from where the last chunk ended: end on its lines.
        early = _nearest(beat.offset, beat.length)
        bars = int((chunk * (1.0 + SLACK) - early) / bar)
        if bars >= 1:
            return round(early + bars * bar)
    if x.shape[1] < chunk:
        return chunk
    strength, hop_s = beats.onset_strength(x.mean(axis=0), SAMPLE_RATE)
    frame = hop_s * SAMPLE_RATE
    # The end of what was read is no onset, though it looks like one.
    last = min(chunk, x.shape[1] - STEP)
    late = [f for f in beats.onsets(strength, hop_s) if ONSETS_FROM * chunk <= f * frame <= last]
    if not late:
        return chunk
    return round(float(max(late, key=lambda f: float(strength[f]))) * frame)


def _nearest(offset: float, period: float) -> float:
    return (offset + period / 2.0) % period - period / 2.0


def _overlap(overlap_s: float, beat: _Beat | None) -> int:
    """Return the overlap [samples], in whole bars where there are bars."""
    overlap = overlap_s * SAMPLE_RATE
    if beat is None or not overlap:
        return round(overlap)
    bar = beat.length * BEATS_PER_BAR
    return round(max(1, round(overlap / bar)) * bar)


def write(path: Path, piece: Piece, gain: float, out: Path) -> None:
    """Write a chunk at its level.

    Raises
    ------
    OSError
        If the disk is full.
    """
    x = _read(path, piece.start, piece.end - piece.start)
    with flac(out, len(x)) as add:
        for part in _parts(x):
            add(part * np.float32(gain))


def _parts(x: Signal) -> Iterator[Signal]:
    for start in range(0, x.shape[1], 1 << 18):
        yield x[:, start : start + (1 << 18)]


def _read(path: Path, start: int, length: int) -> Signal:
    return next(blocks(path, length, start))
