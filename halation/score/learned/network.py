"""Runs the trained network by onnxruntime: many drafts at once, the same for any number of threads.

How many rows are computed at once follows from how many drafts there are, never from the cores that
work on them, one thread a group: another number of cores changes no rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.machine import cores
from halation.score.learned.tokens import VOCABULARY
from halation.types import BackendError

__all__ = ["GROUP", "Allowed", "Draft", "Mask", "Network"]

GROUP: Final = 24
"""The most rows of a group; there is an even number of groups, since most machines have that of
cores."""
NEVER: Final = -1e9

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
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            shapes = {i.name: i.shape for i in self.session.get_inputs()}
            self._past = [name for name in shapes if name.startswith("past_")]
            self._head = int(shapes["past_0"][-1])
            self._outputs = [o.name for o in self.session.get_outputs()]
        except Exception as error:  # onnxruntime's own kinds
            raise BackendError(f"{path} is no composer that can be read ({error})") from error
        self.n_words = int(self.session.get_outputs()[0].shape[-1])
        if self.n_words != len(VOCABULARY):
            raise BackendError(
                f"{path} has {self.n_words} words where this version of halation has "
                f"{len(VOCABULARY)}; tune it again"
            )

    def write(self, drafts: Sequence[Draft], *, most: int = 400) -> None:
        """Continue drafts until each is done, or ``most`` tokens are written.

        Parameters
        ----------
        drafts : sequence of Draft
            Changed in place.
        most : int
        """
        size = ceil(len(drafts) / (2 * ceil(len(drafts) / (2 * GROUP)))) if drafts else 1
        groups = [list(drafts[i : i + size]) for i in range(0, len(drafts), size)]
        n = min(cores(), len(groups))
        if n <= 1:
            for group in groups:
                self._write(group, most)
            return
        with ThreadPoolExecutor(n) as pool:
            list(pool.map(lambda group: self._write(group, most), groups))

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
        row = np.array(tokens, np.int64)
        logits, _ = self._run(
            row[None, :-1], np.zeros((1, len(row) - 1), np.float32), self._nothing(1)
        )
        wide = logits[0].astype(np.float64)
        chosen = wide[np.arange(len(row) - 1), row[1:]]
        bits: NDArray[np.float64] = (np.logaddexp.reduce(wide, axis=1) - chosen) / np.log(2.0)
        return bits

    def _nothing(self, rows: int) -> list[Any]:
        """Return what is remembered before anything was read."""
        from onnxruntime import OrtValue

        nothing = np.zeros((rows, 0, self._head), np.float32)
        return [OrtValue.ortvalue_from_numpy(nothing) for _ in self._past]

    def _run(self, tokens: Any, hidden: Any, past: list[Any]) -> tuple[Any, list[Any]]:
        """Read on; what is remembered stays onnxruntime's own and is not copied here."""
        from onnxruntime import OrtValue

        given = dict(zip(self._past, past, strict=True))
        given["tokens"] = OrtValue.ortvalue_from_numpy(tokens)
        given["hidden"] = OrtValue.ortvalue_from_numpy(hidden)
        logits, *present = self.session.run_with_ort_values(self._outputs, given)
        return logits.numpy(), present

    def _write(self, group: list[Draft], most: int) -> None:
        width = max(len(d.prompt) for d in group)
        rows = len(group)
        tokens = np.zeros((rows, width), np.int64)
        hidden = np.full((rows, width), NEVER, np.float32)
        for i, draft in enumerate(group):  # padding on the left
            tokens[i, width - len(draft.prompt) :] = draft.prompt
            hidden[i, width - len(draft.prompt) :] = 0.0
        past = self._nothing(rows)
        waiting: list[list[int]] = [[] for _ in group]
        done = [False] * len(group)
        for _ in range(most):
            logits, past = self._run(tokens, hidden, past)
            tokens = np.zeros((rows, 1), np.int64)
            wide = logits[:, -1].astype(np.float64)
            totals = np.logaddexp.reduce(wide, axis=1)
            for i, draft in enumerate(group):
                if done[i]:
                    continue
                if not waiting[i] and draft.forced is not None:
                    waiting[i] = list(draft.forced(draft.tokens))
                token = waiting[i].pop(0) if waiting[i] else self._choose(draft, wide[i], totals[i])
                if token is None:
                    done[i] = True
                    continue
                draft.tokens.append(token)
                tokens[i, 0] = token
                done[i] = not waiting[i] and draft.stop(draft.tokens)
            if all(done):
                return
            hidden = np.concatenate((hidden, np.zeros((rows, 1), np.float32)), axis=1)

    @staticmethod
    def _choose(draft: Draft, logits: NDArray[np.float64], total: float) -> int | None:
        """Draw a token: the largest of logits over temperature plus Gumbel noise.

        ``total`` is the logarithm of the sum of all words' exponentials. None where nothing may
        come next: the draft ends as it is.
        """
        allowed = draft.mask(draft.tokens) if draft.mask is not None else None
        words = _EVERY if allowed is None else np.flatnonzero(allowed)
        if not len(words):
            return None
        noise = -np.log(-np.log(draft.dice.random(len(words)) + 1e-300) + 1e-300)
        token = int(words[np.argmax(logits[words] / draft.temperature + noise)])
        draft.cost += float(total - logits[token]) / np.log(2.0)
        draft.n_chosen += 1
        return token


_EVERY: Final = np.arange(len(VOCABULARY))
