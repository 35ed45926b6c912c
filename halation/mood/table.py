"""The static table of meanings: a vector for each English word, distilled once, read offline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

__all__ = ["Table", "table"]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Words and their vectors.

    Parameters
    ----------
    index : dict of str to int
        The row of each word.
    vectors : np.ndarray [shape=(words, dims)], int8
    scales : np.ndarray [shape=(words,)], float32
        A row times its scale is the word's vector; its length is the word's weight in a text
        (rare words weigh more).
    """

    index: dict[str, int]
    vectors: NDArray[np.int8]
    scales: NDArray[np.float32]

    def rows(self, words: tuple[str, ...]) -> NDArray[np.float32]:
        """Return the vectors of known words, shape (words, dims).

        Raises
        ------
        KeyError
            If a word is not in the table.
        """
        at = [self.index[word] for word in words]
        return self.vectors[at].astype(np.float32) * self.scales[at, None]


@cache
def table() -> Table:
    """Return the table that ships with halation, loaded once."""
    with (
        files("halation").joinpath("data", "mood-table.npz").open("rb") as file,
        np.load(file) as data,
    ):
        words = bytes(data["words"]).decode("ascii").split("\n")
        vectors, scales = data["vectors"], data["scales"].astype(np.float32)
    vectors.flags.writeable = scales.flags.writeable = False
    return Table({word: row for row, word in enumerate(words)}, vectors, scales)
