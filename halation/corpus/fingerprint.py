"""Whether two files hold the same recording, however they were encoded.

The sign of how the energy of neighbouring bands changes from one moment to the next survives
encoding, resampling and a change of level; a song is told by where many such signs agree.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.types import SAMPLE_RATE

__all__ = ["duplicates", "fingerprint", "packed", "unpacked"]

Signal = NDArray[np.float32]
Words = NDArray[np.uint32]

HEARD_S: Final = 120.0
"""So much of a song is compared, from where it begins to sound."""

_STEP: Final = 8  # samples at 44.1 kHz for one of ours
_RATE_HZ: Final = SAMPLE_RATE / _STEP
_WINDOW: Final = 4_096  # 0.74 s
_HOP: Final = 512  # 93 ms
_BANDS: Final = 33
_LOW_HZ, _HIGH_HZ = 200.0, 2_000.0
_SILENT: Final = 3e-3
_COMMON: Final = 64  # a word that so many songs share tells nothing
_LEAST_FRAMES: Final = 40
_HITS: Final = 3
_DIFFERENT_BITS: Final = 0.3  # of different songs half the bits differ
_SHARED: Final = 0.6  # of the shorter one


def fingerprint(blocks: Iterable[Signal]) -> Words:
    """Return the fingerprint of a recording.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(channels, n)], float32
        Consecutive, at 44.1 kHz; no more is read than is needed.

    Returns
    -------
    np.ndarray [shape=(frames,)], uint32
        32 signs for every 93 ms; empty where hardly anything sounds.

    References
    ----------
    Haitsma & Kalker, "A Highly Robust Audio Fingerprinting System", ISMIR 2002.
    """
    x = _beginning(blocks)
    if x.size < _WINDOW + _HOP:
        return np.zeros(0, np.uint32)
    frames = np.lib.stride_tricks.sliding_window_view(x, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW).astype(np.float32), axis=1)) ** 2
    edges_hz = np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 1)
    edges = np.round(edges_hz / _RATE_HZ * _WINDOW).astype(int)
    bands = np.log(np.add.reduceat(power, edges, axis=1)[:, :_BANDS] + 1e-9)
    signs = np.diff(np.diff(bands, axis=1), axis=0) > 0.0
    words: Words = (signs.astype(np.uint32) << np.arange(_BANDS - 1, dtype=np.uint32)).sum(
        axis=1, dtype=np.uint32
    )
    return words


def _beginning(blocks: Iterable[Signal]) -> Signal:
    """Return the first two minutes that sound, mono at an eighth of the rate."""
    from scipy.signal import resample_poly

    wanted = int(HEARD_S * SAMPLE_RATE)
    kept: list[Signal] = []
    length, peak = 0, 0.0
    for block in blocks:
        mono = block.mean(axis=0)
        peak = max(peak, float(np.abs(mono).max(initial=0.0)))
        if not kept:
            loud = np.flatnonzero(np.abs(mono) > _SILENT)
            mono = mono[loud[0] :] if len(loud) else mono[:0]
        if mono.size:
            kept.append(mono)
            length += mono.size
        if length >= wanted:
            break
    if not kept:
        return np.zeros(0, np.float32)
    whole: Signal = np.concatenate(kept)[:wanted] / np.float32(peak)
    low: Signal = np.asarray(resample_poly(whole, 1, _STEP), np.float32)
    return low


def packed(words: Words) -> str:
    """Return a fingerprint as text."""
    return base64.b64encode(words.astype("<u4").tobytes()).decode("ascii")


def unpacked(text: str) -> Words:
    """Return a fingerprint from its text; an empty one from what is none."""
    try:
        return np.frombuffer(base64.b64decode(text), "<u4").astype(np.uint32)
    except ValueError:
        return np.zeros(0, np.uint32)


def duplicates(prints: Mapping[str, Words]) -> dict[str, str]:
    """Find the songs that are another one again.

    Parameters
    ----------
    prints : mapping of id to fingerprint
        In the order in which the songs were added.

    Returns
    -------
    dict
        By the id of each duplicate, the id of the first song with its sound.
    """
    names = list(prints)
    same: dict[str, str] = {}
    for first, second, shift in _candidates([prints[name] for name in names]):
        early, late = names[first], names[second]
        if late not in same and _agree(prints[early], prints[late], shift):
            same[late] = same.get(early, early)
    return same


def _candidates(prints: list[Words]) -> list[tuple[int, int, int]]:
    """Return pairs that share words at one distance in time: (earlier, later, shift)."""
    if not prints:
        return []
    words = np.concatenate(prints)
    songs = np.repeat(np.arange(len(prints)), [len(p) for p in prints])
    times = np.concatenate([np.arange(len(p)) for p in prints])
    order = np.argsort(words, kind="stable")
    words, songs, times = words[order], songs[order], times[order]
    hits: dict[tuple[int, int, int], int] = {}
    reach = 1
    while reach < _COMMON:  # neighbours in the sorted list, then the next but one, …
        equal = np.flatnonzero(words[reach:] == words[:-reach])
        if not len(equal):
            break
        pairs = equal[songs[equal] != songs[equal + reach]]
        _count(hits, songs, times, pairs, pairs + reach)
        reach += 1
    found = [pair for pair, count in hits.items() if count >= _HITS]
    return sorted(found, key=lambda pair: (pair[1], -hits[pair], pair))


def _count(
    hits: dict[tuple[int, int, int], int],
    songs: NDArray[Any],
    times: NDArray[Any],
    a: NDArray[Any],
    b: NDArray[Any],
) -> None:
    swap = songs[a] > songs[b]
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    rows = np.stack([songs[a], songs[b], times[b] - times[a]], axis=1)
    if len(rows):
        kinds, counts = np.unique(rows, axis=0, return_counts=True)
        for row, count in zip(kinds.tolist(), counts.tolist(), strict=True):
            key = (row[0], row[1], row[2])
            hits[key] = hits.get(key, 0) + count


def _agree(early: Words, late: Words, shift: int) -> bool:
    """Whether two fingerprints are of one recording, the later starting ``shift`` frames later."""
    start, end = max(0, -shift), min(len(early), len(late) - shift)
    frames = end - start
    shorter = min(len(early), len(late))
    if frames < _LEAST_FRAMES or frames < _SHARED * shorter:
        return False
    if max(len(early), len(late)) > 2 * shorter:  # a piece of a mix is no duplicate of it
        return False
    different = np.bitwise_count(early[start:end] ^ late[start + shift : end + shift])
    return float(different.mean()) / 32.0 < _DIFFERENT_BITS
