"""The baselines that the network must beat: unigram and n-grams with Kneser–Ney smoothing.

References
----------
Chen & Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", 1998.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

__all__ = ["Ngram"]

DISCOUNT: Final = 0.75


class Ngram:
    """An interpolated Kneser–Ney model of token sequences.

    Parameters
    ----------
    order : int ≥ 1
        Tokens that it looks at, the guessed one included; 1 is the unigram.
    n_words : int
        Size of the vocabulary of what is guessed; the uniform share of last resort.

    Examples
    --------
    >>> model = Ngram(2, 4).fit([[1, 2, 1, 2, 1, 2, 3]])
    >>> bool(model.cost([1, 2])[1] < model.cost([1, 3])[1])
    True
    """

    def __init__(self, order: int, n_words: int) -> None:
        self.order, self.n_words = order, n_words
        self.counts: list[dict[tuple[int, ...], Counter[int]]] = [
            defaultdict(Counter) for _ in range(order)
        ]

    def fit(self, rows: Iterable[Sequence[int]]) -> Ngram:
        """Count; lower orders count in how many contexts a token was seen."""
        top = self.order - 1
        for row in rows:
            padded = [-1] * top + list(row)
            for i in range(top, len(padded)):
                self.counts[top][tuple(padded[i - top : i])][padded[i]] += 1
        for k in range(top, 0, -1):
            for context, follows in self.counts[k].items():
                for word in follows:
                    self.counts[k - 1][context[1:]][word] += 1
        self.totals = [{c: sum(f.values()) for c, f in level.items()} for level in self.counts]
        return self

    def cost(self, row: Sequence[int]) -> np.ndarray:
        """Return the bits that each token of a sequence costs."""
        top = self.order - 1
        padded = [-1] * top + list(row)
        return np.array([
            -np.log2(self._chance(tuple(padded[i - top : i]), padded[i]))
            for i in range(top, len(padded))
        ])  # fmt: skip

    def _chance(self, context: tuple[int, ...], word: int) -> float:
        chance = 1.0 / self.n_words
        for k in range(self.order):
            here = context[len(context) - k :]
            total = self.totals[k].get(here)
            if total is None:
                break
            follows = self.counts[k][here]
            seen = max(follows.get(word, 0) - DISCOUNT, 0.0)
            chance = (seen + DISCOUNT * len(follows) * chance) / total
        return float(chance)
