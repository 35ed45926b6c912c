"""One integer seed, named streams: a new stage never shifts an old one's draws."""

from __future__ import annotations

import hashlib
import secrets

import numpy as np

from halation.types import MAX_SEED

__all__ = ["draw_seed", "rng"]


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


def draw_seed() -> int:
    """Return a seed from the system's own randomness, for a user who gave none."""
    return secrets.randbelow(MAX_SEED + 1)
