"""The critic: what it refuses, and how it ranks what the network drafts.

It knows every run of twelve notes of the training songs' melodies and second voices by a hash, so
that nothing is a copy, and needs no data for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.score.learned.grid import STEP_BEATS
from halation.types import BackendError, Note

__all__ = ["BYTES", "KNOWN", "RUN", "hashes", "is_known"]

RUN: Final = 12
"""Notes of a run (intervals and rhythm) that would make a melody a copy."""
KNOWN: Final = Path(__file__).parents[2] / "data" / "known-runs.npy"
"""Five bytes a run of what the network read, sorted."""
BYTES: Final = 5
"""Of a hash."""


def hashes(notes: Sequence[tuple[int, int]]) -> list[int]:
    """Hash every run of :data:`RUN` notes by its intervals and the steps between its onsets.

    Parameters
    ----------
    notes : sequence of (onset in steps, pitch)
        In order of onset.

    Returns
    -------
    list of int
        40 bits each; the same in any key and at any place of the bar.
    """
    moves = [(b[1] - a[1], b[0] - a[0]) for a, b in pairwise(notes)]
    return [
        int.from_bytes(
            hashlib.blake2b(repr(moves[i : i + RUN - 1]).encode(), digest_size=BYTES).digest()
        )
        for i in range(len(moves) - RUN + 2)
    ]


@cache
def _known() -> NDArray[np.uint64]:
    try:
        packed = np.load(KNOWN)  # [n, 5] of bytes
    except (OSError, ValueError) as error:
        raise BackendError(
            f"{KNOWN.name}, by which the composer knows what it has read, is missing or damaged; "
            "install halation again"
        ) from error
    wide = np.zeros((len(packed), 8), np.uint8)
    wide[:, 8 - BYTES :] = packed
    return wide.view(">u8")[:, 0].astype(np.uint64)


def is_known(notes: Sequence[Note]) -> bool:
    """Whether a melody shares a run with one that the network has read."""
    table = _known()
    placed = [(round(n.onset_beats / STEP_BEATS), n.pitch) for n in notes]
    for one in hashes(placed):
        i = int(np.searchsorted(table, np.uint64(one)))
        if i < len(table) and int(table[i]) == one:
            return True
    return False
