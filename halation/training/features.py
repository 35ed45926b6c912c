"""What music is like, in numbers: the usual features, and how near two sets of pieces lie.

References
----------
Yang & Lerch, "On the evaluation of generative models in music", Neural Computing and Applications
32, 2020 (overlapping area of intra-set and inter-set distances); Wu & Yang, "The Jazz Transformer
on the Front Line", ISMIR 2020 (pitch-class entropy, groove consistency, structureness); Müller,
Jiang & Grosche, "A robust fitness measure for capturing repetitions in music recordings", 2013.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde

from halation.score.learned.tokens import QUALITIES, STEPS, VOICES, Bar, Harmony

__all__ = ["FEATURES", "features", "overlap", "structureness"]

Vector = NDArray[np.float64]

FEATURES: Final = {
    "melody": (
        "pitch-class entropy", "range", "intervals", "durations", "density", "groove consistency",
        "pitch classes", "structureness 3 s", "structureness 8 s", "structureness 15 s",
    ),
    "chords": ("chords a bar", "roots", "qualities", "root moves"),
    "bass": ("density", "durations", "range", "intervals", "onsets"),
    "counter": ("density", "durations", "range", "intervals"),
    "drums": (
        "density", "groove consistency", "kick places", "snare places", "hat places", "levels",
        "voices",
    ),
}  # fmt: skip
"""By part, in the order of the tables."""
LARGEST: Final = 12
SCALES_S: Final = {
    "structureness 3 s": (3, 8),
    "structureness 8 s": (8, 15),
    "structureness 15 s": (15, 60),
}


def _histogram(values: Sequence[int], low: int, high: int) -> Vector:
    """Return shares of whole numbers ``low`` to ``high``; the outer ones have what is beyond."""
    counts = np.bincount(np.clip(np.array(values, int), low, high) - low, minlength=high - low + 1)
    shares: Vector = counts / max(counts.sum(), 1)
    return shares


def _entropy(shares: Vector) -> float:
    kept = shares[shares > 0]
    return float(-(kept * np.log2(kept)).sum())


def _groove(rows: NDArray[np.bool_]) -> float:
    """Return how alike successive bars' onsets are: 1 − the mean Hamming distance."""
    if len(rows) < 2:
        return 1.0
    return float(1.0 - (rows[1:] != rows[:-1]).mean())


def features(bars: Sequence[Bar], part: str, tempo_bpm: float) -> dict[str, Vector]:
    """Return the features of one part of a piece; none where it has fewer than eight notes.

    Parameters
    ----------
    bars : sequence of Bar
    part : str
        A key of :data:`FEATURES`.
    tempo_bpm : float
        As felt: four beats a bar.

    Returns
    -------
    dict of feature to vector
    """
    rows = [getattr(bar, part) for bar in bars]
    notes = [n for row in rows for n in row]
    if len(notes) < 8:
        return {}
    if part == "chords":
        return _chords(bars)
    onsets = np.zeros((len(bars), STEPS), bool)
    for i, row in enumerate(rows):
        onsets[i, [n.step for n in row]] = True
    used = onsets[onsets.any(axis=1)]
    found: dict[str, Vector] = {
        "density": np.array([len(notes) / max(1, int(onsets.any(axis=1).sum()))]),
        "groove consistency": np.array([_groove(used)]),
    }
    if part == "drums":
        for name, voices in (("kick", ("kick",)), ("snare", ("snare", "rim")),
                             ("hat", ("closed", "open", "ride"))):  # fmt: skip
            places = [h.step for h in notes if h.voice in voices]
            found[f"{name} places"] = _histogram(places, 0, STEPS - 1)
        found["levels"] = _histogram([h.level for h in notes], 0, 5)
        found["voices"] = _histogram([VOICES.index(h.voice) for h in notes], 0, len(VOICES) - 1)
        return found
    pitches = [n.pitch for n in notes]
    classes = _histogram([p % 12 for p in pitches], 0, 11)
    found |= {
        "pitch-class entropy": np.array([_entropy(classes)]),
        "pitch classes": classes,
        "range": np.array([float(np.percentile(pitches, 97.5) - np.percentile(pitches, 2.5))]),
        "intervals": _histogram(np.diff(pitches).tolist(), -LARGEST, LARGEST),
        "durations": _histogram([n.steps for n in notes], 1, STEPS),
        "onsets": _histogram([n.step for n in notes], 0, STEPS - 1),
    }
    if part == "melody":
        for name, value in structureness(bars, tempo_bpm).items():
            found[name] = np.array([value])
    return found


def _chords(bars: Sequence[Bar]) -> dict[str, Vector]:
    sounding = [c for bar in bars for c in bar.chords if c.root >= 0]
    changes: list[Harmony] = []
    for c in sounding:
        if not changes or (c.root, c.quality) != (changes[-1].root, changes[-1].quality):
            changes.append(c)
    moves = [(b.root - a.root) % 12 for a, b in pairwise(changes)]
    return {
        "chords a bar": np.array([len(changes) / len(bars)]),
        "roots": _histogram([c.root for c in changes], 0, 11),
        "qualities": _histogram(
            [QUALITIES.index(c.quality) for c in changes], 0, len(QUALITIES) - 1
        ),
        "root moves": _histogram(moves, 0, 11),
    }


def structureness(bars: Sequence[Bar], tempo_bpm: float) -> dict[str, float]:
    """Return how strongly a melody repeats itself over short, middle and long stretches.

    The fitness of every segment is read off a self-similarity matrix of one frame a second: the
    share of the piece that repetitions of the segment cover, and how well they fit, as a harmonic
    mean (after Müller et al.; repetitions lie on plain diagonals here).
    """
    frames = _chroma(bars, tempo_bpm)
    n = len(frames)
    if n < 8:
        return dict.fromkeys(SCALES_S, 0.0)
    norm = np.linalg.norm(frames, axis=1, keepdims=True)
    unit = frames / np.maximum(norm, 1e-9)
    alike = np.maximum(unit @ unit.T, 0.0)
    best = dict.fromkeys(SCALES_S, 0.0)
    for name, (low, high) in SCALES_S.items():
        for length in range(low, min(high, n // 2) + 1):
            # sums[i, j]: how well the segment at i repeats at j
            sums = alike[: n - length + 1, : n - length + 1].copy()
            for k in range(1, length):
                sums += alike[k : n - length + 1 + k, k : n - length + 1 + k]
            sums /= length
            for i in range(0, n - length + 1, max(1, length // 4)):
                best[name] = max(best[name], _fitness(sums[i], i, length, n))
    return best


def _fitness(row: Vector, start: int, length: int, n: int) -> float:
    """Take repetitions that do not overlap, the best first."""
    order = np.argsort(-row)
    taken: list[int] = [start]
    score = 0.0
    for j in order:
        if row[j] < 0.7:
            break
        if all(abs(int(j) - t) >= length for t in taken):
            taken.append(int(j))
            score += float(row[j])
    if len(taken) < 2:
        return 0.0
    coverage = (len(taken) - 1) * length / max(1, n - length)
    fit = score / (len(taken) - 1)
    return float(2 * coverage * fit / (coverage + fit))


def _chroma(bars: Sequence[Bar], tempo_bpm: float) -> Vector:
    """Return pitch-class frames of one second each: [n, 12]."""
    step_s = 60.0 / tempo_bpm / 4
    n = max(1, int(len(bars) * STEPS * step_s))
    frames = np.zeros((n, 12))
    for i, bar in enumerate(bars):
        for tone in bar.melody:
            start = (STEPS * i + tone.step) * step_s
            end = start + tone.steps * step_s
            for k in range(int(start), min(n - 1, int(end)) + 1):
                lasts = min(end, k + 1) - max(start, k)
                if lasts > 0 and k < n:
                    frames[k, tone.pitch % 12] += lasts
    return frames


def overlap(real: Sequence[Vector], other: Sequence[Vector]) -> tuple[float, float]:
    """Tell how near a set lies to real music in one feature.

    Parameters
    ----------
    real, other : sequence of vectors
        One a piece.

    Returns
    -------
    tuple of (overlapping area, Kullback–Leibler divergence)
        Of the densities of distances within the real set, and from the other set to it; 1 and 0
        where they are the same.
    """
    a, b = np.stack(real), np.stack(other)
    within = np.sqrt(((a[:, None] - a[None]) ** 2).sum(-1))[np.triu_indices(len(a), 1)]
    across = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1)).ravel()
    top = max(within.max(), across.max(), 1e-9)
    grid = np.linspace(-0.1 * top, 1.1 * top, 500)
    first, second = _density(within, grid), _density(across, grid)
    step = grid[1] - grid[0]
    area = float(np.minimum(first, second).sum() * step)
    p, q = first + 1e-9, second + 1e-9
    return area, float((p * np.log(p / q)).sum() * step)


def _density(values: Vector, grid: Vector) -> Vector:
    spread = values.std()
    if spread < 1e-9:
        values = values + np.linspace(-1e-3, 1e-3, len(values))
    density: Vector = gaussian_kde(values)(grid)
    density /= max(density.sum() * (grid[1] - grid[0]), 1e-12)
    return density
