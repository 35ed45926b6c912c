"""Lets the trained network continue drafts, many at once.

Drafts that have read the same are one row of the network until they part; what is forced, such as a
bar's chords, is read at one go; and what nothing follows is not read at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from halation.score.learned.tokens import VOCABULARY
from halation.score.learned.transformer import Memory, Transformer, in_one_thread
from halation.types import BackendError

__all__ = ["Allowed", "Draft", "Mask", "Network", "Pen", "Scribe"]

Allowed = NDArray[np.bool_]
"""One truth a word of the vocabulary."""
Mask = Callable[[list[int]], Allowed | None]
"""Reads what a draft has written so far; tells which tokens may come next (None: any)."""


@dataclass(slots=True)
class Draft:
    """One sequence that is to be continued.

    Parameters
    ----------
    prompt : list of int
        At least one token.
    dice : np.random.Generator
    stop : function of the tokens written so far
        Whether it is done.
    temperature : float > 0
    forced : function of the tokens written so far, optional
        What must come next, such as a bar's chords after its bar line; nothing lets it choose.
    mask : function of the tokens written so far, optional
        Which tokens may come next.
    """

    prompt: list[int]
    dice: np.random.Generator
    stop: Callable[[list[int]], bool]
    temperature: float = 1.0
    forced: Callable[[list[int]], Sequence[int]] | None = None
    mask: Mask | None = None
    tokens: list[int] = field(default_factory=list)
    """What was written, without the prompt."""
    cost: float = 0.0
    """Bits that the chosen tokens cost, the forced ones left out."""
    n_chosen: int = 0
    most: int = 400
    """Tokens after which it ends."""
    done: bool = False


class Pen(Protocol):
    """Continues drafts: a network by itself, or a scribe beside what it has begun."""

    def write(self, drafts: Sequence[Draft], *, most: int = 0) -> None:
        """Continue drafts until each is done."""
        ...


class Network:
    """The weights, and the drawing of drafts.

    Parameters
    ----------
    path : Path
        An ``.onnx`` file made by :mod:`halation.training.export`.

    Raises
    ------
    BackendError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.transformer = Transformer(path)
        except (OSError, KeyError, ValueError) as error:
            raise BackendError(f"{path} is no composer that can be read ({error})") from error
        self.n_words = self.transformer.n_words
        if self.n_words != len(VOCABULARY):
            raise BackendError(
                f"{path} has {self.n_words} words where this version of halation has "
                f"{len(VOCABULARY)}; tune it again"
            )

    def write(self, drafts: Sequence[Draft], *, most: int = 0) -> None:
        """Continue drafts until each is done; see :meth:`Scribe.write`."""
        Scribe(self).write(drafts, most=most)

    def costs(self, tokens: Sequence[int]) -> NDArray[np.float64]:
        """Return the bits that each token of a sequence costs after those before it.

        Parameters
        ----------
        tokens : sequence of int [n]

        Returns
        -------
        np.ndarray [shape=(n − 1,)]
            Of the second token, the third …
        """
        memory = Memory(self.transformer)
        memory.keep([-1])
        with in_one_thread():
            x = memory.read([tokens[:-1]], whole=True)
            wide = self.transformer.logits(x).astype(np.float64)  # [V, n − 1]
        chosen = wide[np.asarray(tokens[1:]), np.arange(len(tokens) - 1)]
        bits: NDArray[np.float64] = (np.logaddexp.reduce(wide, axis=0) - chosen) / np.log(2.0)
        return bits


class Scribe:
    """Has the network continue drafts: whatever is not done yet is read side by side.

    Parameters
    ----------
    network : Network
    """

    def __init__(self, network: Network) -> None:
        self._transformer = network.transformer
        self._memory = Memory(self._transformer)
        self._rows: list[_Row] = []

    def write(self, drafts: Sequence[Draft], *, most: int = 0) -> None:
        """Continue drafts until each is done.

        Parameters
        ----------
        drafts : sequence of Draft
            Changed in place.
        most : int
            Tokens that each may have, where that is not its own number of them.
        """
        for draft in drafts:
            draft.most = most or draft.most
        self.begin(drafts)
        with in_one_thread():
            while not all(draft.done for draft in drafts):
                self._step()

    def begin(self, drafts: Sequence[Draft]) -> None:
        """Begin drafts that are continued beside those of later calls."""
        for draft in drafts:
            _tell(draft)
        new = [_Row(-1, (*d.prompt, *d.tokens), [d]) for d in drafts if not d.done]
        self._go_on([*(_Row(i, row.tokens, row.drafts) for i, row in enumerate(self._rows)), *new])

    def finish(self) -> None:
        """Continue whatever has begun until it is done."""
        with in_one_thread():
            while self._rows:
                self._step()

    def _step(self) -> None:
        """Read on, and let every draft choose."""
        rows = self._rows
        x = self._memory.read([row.tokens for row in rows])
        wide = self._transformer.logits(x).T.astype(np.float64)  # [R, V]
        peaks = wide.max(axis=1)
        totals = peaks + np.log(np.exp(wide - peaks[:, None]).sum(axis=1))
        going = []
        for i, row in enumerate(rows):
            for draft in row.drafts:
                n = len(draft.tokens)
                _choose(draft, wide[i], totals[i])
                _tell(draft)
                if not draft.done:
                    going.append(_Row(i, tuple(draft.tokens[n:]), [draft]))
        self._go_on(going)

    def _go_on(self, going: Sequence[_Row]) -> None:
        """Go on with some rows; those that were one and read the same next are one again."""
        alike: dict[tuple[int, tuple[int, ...]], _Row] = {}
        for row in going:
            own = alike.setdefault((row.origin, row.tokens), _Row(row.origin, row.tokens, []))
            own.drafts.extend(row.drafts)
        rows = list(alike.values())
        places = self._memory.keep([row.origin for row in rows])
        self._rows = [rows[places.index(i)] for i in range(len(rows))]


@dataclass(frozen=True, slots=True)
class _Row:
    """Drafts that have read the same, and what they read next."""

    origin: int
    """The row of the memory that they were, −1 for a new one."""
    tokens: tuple[int, ...]
    drafts: list[Draft]


def _tell(draft: Draft) -> None:
    """Write what is forced, until the draft may choose or is done."""
    while not draft.done:
        told = draft.forced(draft.tokens) if draft.forced is not None else ()
        if not told:
            return
        draft.tokens += told[: draft.most - len(draft.tokens)]
        _end(draft)


def _choose(draft: Draft, logits: NDArray[np.float64], total: float) -> None:
    """Draw a token: the largest of logits over temperature plus Gumbel noise.

    ``total`` is the logarithm of the sum of all words' exponentials. Where nothing may come next
    the draft ends as it is.
    """
    allowed = draft.mask(draft.tokens) if draft.mask is not None else None
    words = _EVERY if allowed is None else allowed.nonzero()[0]
    if not len(words):
        draft.done = True
        return
    noise = -np.log(-np.log(draft.dice.random(len(words)) + 1e-300) + 1e-300)
    token = int(words[(logits[words] / draft.temperature + noise).argmax()])
    draft.cost += float(total - logits[token]) / LN_2
    draft.n_chosen += 1
    draft.tokens.append(token)
    _end(draft)


def _end(draft: Draft) -> None:
    draft.done = len(draft.tokens) >= draft.most or draft.stop(draft.tokens)


LN_2: Final = math.log(2.0)
_EVERY: Final = np.arange(len(VOCABULARY))
