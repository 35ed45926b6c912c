"""One integer seed, named streams: a new stage never shifts an old one's draws."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.types import MAX_SEED

__all__ = ["draw_seed", "drawn", "rng"]

Words = NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FACTORS: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11))


def rng(seed: int, *path: str | int) -> np.random.Generator:
    """Return the random stream of one named place.

    Parameters
    ----------
    seed : int in 0..2⁵³−1
        The song's seed.
    *path : str or int
        The place that draws, such as ``"score", "bass"``.

    Returns
    -------
    np.random.Generator
        The same for the same arguments, on every machine and in every order of calls.

    Examples
    --------
    >>> rng(7, "score", "bass").integers(100) == rng(7, "score", "bass").integers(100)
    np.True_
    >>> rng(7, "score", "bass").random() == rng(7, "score", "lead").random()
    False
    """
    digest = hashlib.sha256("\x1f".join(map(str, path)).encode()).digest()
    words = tuple(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=words))


def drawn(
    seed: int, *path: str | int, keys: Sequence[Sequence[float]], count: int = 1
) -> NDArray[np.float64]:
    """Draw numbers for many things at once, each from what it is and not from where it stands.

    What is added, taken away or changed beside a thing leaves its numbers as they were.

    Parameters
    ----------
    seed : int in 0..2⁵³−1
        The song's seed.
    *path : str or int
        The place that draws, as for :func:`rng`.
    keys : sequence of sequences of float [shape=(things, any)]
        What each is, such as a note's onset and pitch. Equal ones are told apart by how many of
        them came before.
    count : int > 0
        Numbers for each.

    Returns
    -------
    np.ndarray [shape=(things, count)], float64
        Even in 0..1, 1 excluded.

    References
    ----------
    Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

    Examples
    --------
    >>> two, one = drawn(7, "hats", keys=[(0.5, 42), (1.0, 42)]), drawn(7, "hats", keys=[(1.0, 42)])
    >>> bool(two[1] == one[0]), bool(two[0] == one[0])
    (True, False)
    """
    if not len(keys):
        return np.zeros((0, count))
    rows = np.asarray(keys, np.float64) + 0.0  # one zero, not two
    state = np.full(len(rows), rng(seed, *path).integers(2**64, dtype=np.uint64))
    for column in (*rows.T, _repeats(rows)):
        state = _mixed(state + _GOLDEN ^ np.ascontiguousarray(column).view(np.uint64))
    words = _mixed(state[:, None] + _GOLDEN * np.arange(1, count + 1, dtype=np.uint64))
    return np.asarray((words >> _SHIFTS[3]) * 2.0**-53)


def _repeats(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many equal rows come before each."""
    order = np.lexsort(rows.T)
    new = np.append(True, (rows[order[1:]] != rows[order[:-1]]).any(axis=1))
    places = np.arange(len(rows))
    found = np.empty(len(rows))
    found[order] = places - np.maximum.accumulate(np.where(new, places, 0))
    return found


def _mixed(words: Words) -> Words:
    """Scatter every bit over all of a word: the output of SplitMix64."""
    for factor, shift in zip(_FACTORS, _SHIFTS[:2], strict=True):
        words = (words ^ words >> shift) * factor
    return words ^ words >> _SHIFTS[2]


def draw_seed() -> int:
    """Return a seed from the system's own randomness, for a user who gave none."""
    return secrets.randbelow(MAX_SEED + 1)
