"""The trained network itself, in NumPy: reads tokens row by row and remembers what it has read.

The layers are those of :mod:`halation.training.model`. Features stand in lines and tokens in
columns, ``[D, N]``, so that all the rows' new tokens go through one product of matrices; what a row
has read before is remembered as keys and values, one of each a token for all heads.

Shapes: N tokens that are new, R rows, V words, D width, H heads, K = D/H a head, P tokens of the
longest row.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.score.learned.onnxfile import read_weights

__all__ = ["Memory", "Transformer", "in_one_thread"]

Array = NDArray[np.float32]

HIGH: Final = 32
"""Lines of a block of a matrix: products of small blocks take few tokens without packing."""
BROAD: Final = 32
"""Tokens that are multiplied at once, for the same reason."""
WIDE: Final = 16
"""More tokens than half of this are filled up to a multiple of it: that is faster than fewer."""
TURNED, HALF = ".turned", ".half"
"""End the names of weights that stand in the file as their transposes, and in 16 bits."""
NEVER: Final = np.float32(-1e9)
LEAST: Final = np.float32(-60.0)
"""What fits worse counts as nothing; its exponential would be a denormal number, which is slow."""


class _Matrix:
    """A matrix [out, in] in blocks of :data:`HIGH` lines."""

    def __init__(self, values: Array) -> None:
        self.n_out, n_in = values.shape
        self.blocks = np.zeros((-(-self.n_out // HIGH), HIGH, n_in), np.float32)
        self.blocks.reshape(-1, n_in)[: self.n_out] = values

    def __matmul__(self, x: Array) -> Array:
        """Multiply: [in, N] → [out, N]."""
        n_blocks, n = len(self.blocks), x.shape[1]
        y = np.empty((n_blocks, HIGH, n), np.float32)
        for at in range(0, n, BROAD):
            np.matmul(self.blocks, x[:, at : at + BROAD], out=y[..., at : at + BROAD])
        return y.reshape(n_blocks * HIGH, n)[: self.n_out]


@dataclass(frozen=True, slots=True)
class _Layer:
    """Matrices of a layer; the norms' gains are in those that come next."""

    ask: _Matrix  # query, key and value: [(H + 2) · K, D]
    out: _Matrix  # [D, D]
    gate_up: _Matrix  # [2 · hidden, D]
    down: _Matrix  # [D, hidden]


@dataclass(frozen=True, slots=True)
class _Look:
    """Which tokens look at what some rows remember, and what they must not see."""

    tokens: slice
    rows: slice
    blind: Array  # [rows, tokens · H / rows or 1, P]


class Transformer:
    """The weights of a file.

    Parameters
    ----------
    path : Path
        Written by :mod:`halation.training.export`.

    Raises
    ------
    OSError, KeyError, ValueError
        If it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._stored = stored = read_weights(path)
        self.words = self._weight("words.weight")  # [V, D]
        self.n_words, self.width = self.words.shape
        self.layers: list[_Layer] = []
        while f"layers.{len(self.layers)}.before_hidden.gain" in stored:
            self.layers.append(self._layer(f"layers.{len(self.layers)}."))
        if not self.layers:
            raise ValueError("it has no layers")
        self.n_heads = self.width // self.head
        self._last = _Matrix(self.words * stored["last.gain"])
        del self._stored

    def _layer(self, at: str) -> _Layer:
        query, key_value = self._weight(f"{at}query.weight"), self._weight(f"{at}key_value.weight")
        self.head = len(key_value) // 2
        query *= np.float32(self.head**-0.5)
        before = self._stored[f"{at}before_attention.gain"]
        return _Layer(
            _Matrix(np.concatenate((query, key_value)) * before),
            _Matrix(self._weight(f"{at}out.weight")),
            _Matrix(self._weight(f"{at}gate_up.weight") * self._stored[f"{at}before_hidden.gain"]),
            _Matrix(self._weight(f"{at}down.weight")),
        )

    def _weight(self, name: str) -> Array:
        """Return a weight as [out, in]."""
        ends = (end + half for end in ("", TURNED) for half in ("", HALF))
        end = next((end for end in ends if name + end in self._stored), "")
        values: Array = self._stored[name + end].astype(np.float32)
        return values.T if TURNED in end else values

    def logits(self, x: Array) -> Array:
        """Return what may follow each token: [D, N] → [V, N]."""
        return self._last @ _normed(x)

    def turns(self, n: int) -> Array:
        """Return what turns keys and queries at places: cosines and sines, [2, 2, K/2, n]."""
        pace = 10_000.0 ** (-np.arange(0, self.head, 2) / self.head)  # [K/2]
        angle = pace[:, None] * np.arange(n)
        cos, sin = np.cos(angle), np.sin(angle)
        return np.array(((cos, cos), (-sin, sin)), np.float32)


class Memory:
    """What some rows of tokens have read so far.

    Parameters
    ----------
    network : Transformer
    """

    def __init__(self, network: Transformer) -> None:
        self.network = network
        self._lengths: list[int] = []
        # [L, R, P, 2 · K]: each token's key, then its value
        self._kept = np.zeros((len(network.layers), 0, 0, 2 * network.head), np.float32)
        self._turns = network.turns(0)

    def keep(self, origins: Sequence[int]) -> list[int]:
        """Go on with some rows; one that is named twice goes two ways, −1 is a new one.

        Parameters
        ----------
        origins : sequence of int
            A row for each that is to be there from now on.

        Returns
        -------
        list of int
            Where each of them is now: a permutation of ``range(len(origins))``.
        """
        n, old = len(origins), self._lengths
        self._lengths = [*old[:n], *[0] * (n - len(old))]
        self._grow(n, 0)
        stays = {row: i for i, row in reversed(list(enumerate(origins))) if 0 <= row < n}
        free = iter(sorted(set(range(n)) - stays.keys()))
        found = []
        for i, row in enumerate(origins):
            place = row if stays.get(row) == i else next(free)
            length = self._lengths[place] = 0 if row < 0 else old[row]
            if place != row and row >= 0:
                self._kept[:, place, :length] = self._kept[:, row, :length]
            found.append(place)
        return found

    def read(self, told: Sequence[Sequence[int]], *, whole: bool = False) -> Array:
        """Read on in every row.

        Parameters
        ----------
        told : sequence of sequences of int
            New tokens of each row, at least one.
        whole : bool
            Return what follows each token, not only each row's last.

        Returns
        -------
        np.ndarray [shape=(D, R) or (D, N)], float32
            What :meth:`Transformer.logits` takes. Of the whole, the rows' last tokens come last.
        """
        net = self.network
        order = [(r, i) for r, row in enumerate(told) for i in range(len(row) - 1)]
        order += [(r, len(row) - 1) for r, row in enumerate(told)]
        n = len(order)
        places = np.array([self._lengths[r] + i for r, i in order], np.intp)
        where = np.array([r for r, _ in order], np.intp), places
        self._lengths = [n + len(row) for n, row in zip(self._lengths, told, strict=True)]
        self._grow(len(told), max(self._lengths))
        x = _filled(net.words[[told[r][i] for r, i in order]].T)
        turns, looks = self._turns[..., places], self._looks(told)
        for i, layer in enumerate(net.layers):
            asked = layer.ask @ _normed(x)
            if i == len(net.layers) - 1 and not whole:  # nobody looks at the others any more
                looks, x = looks[-1:], _filled(x[:, n - len(told) : n])
            heard = self._heard(self._kept[i], asked, turns, where, looks)
            x += layer.out @ heard
            x += layer.down @ _gated(layer.gate_up @ _normed(x))
        return x[:, : n if whole else len(told)]

    def _heard(
        self, kept: Array, asked: Array, turns: Array,
        where: tuple[NDArray[np.intp], NDArray[np.intp]], looks: Sequence[_Look],
    ) -> Array:  # fmt: skip
        """Remember a layer's keys and values; return what the tokens of the looks hear: [D, N]."""
        head, n_heads, n = self.network.head, self.network.n_heads, len(where[0])
        pairs = asked[:-head, :n].reshape(n_heads + 1, 2, head // 2, n)
        turned = pairs * turns[0]
        turned += pairs[:, ::-1] * turns[1]
        kept[(*where, slice(head))] = turned[-1].reshape(head, n).T
        kept[(*where, slice(head, None))] = asked[-head:, :n].T
        queries = turned[:-1].reshape(n_heads, head, n).transpose(2, 0, 1)  # [N, H, K]
        heard = []
        for look in looks:
            n_rows, _, p = look.blind.shape
            seen = kept[look.rows, :p]
            fit = queries[look.tokens].reshape(n_rows, -1, head) @ seen[..., :head].transpose(
                0, 2, 1
            )
            fit += look.blind  # [rows, ·, P]
            fit -= fit.max(axis=-1, keepdims=True)
            np.maximum(fit, LEAST, out=fit)
            np.exp(fit, out=fit)
            fit /= fit.sum(axis=-1, keepdims=True)
            heard.append((fit @ seen[..., head:]).reshape(-1, n_heads * head))
        return _filled(np.concatenate(heard).T)

    def _looks(self, told: Sequence[Sequence[int]]) -> list[_Look]:
        """Return what each token may look at: itself and what its row read before."""
        lengths = np.array(self._lengths)
        looks, n, r = [], 0, 0
        for size, alike in groupby(len(row) - 1 for row in told):
            end = r + len(list(alike))
            if size:
                own = lengths[r:end, None] - 1 + np.arange(-size, 0)  # [rows, T]
                own = np.repeat(own, self.network.n_heads, axis=1)
                looks.append(_look(slice(n, n + (end - r) * size), slice(r, end), own))
            n, r = n + (end - r) * size, end
        return [*looks, _look(slice(n, n + r), slice(r), lengths[:, None] - 1)]

    def _grow(self, rows: int, tokens: int) -> None:
        """Make room for what is remembered."""
        n_layers, most, room, wide = self._kept.shape
        if rows > most or tokens > room:
            most = most if rows <= most else max(rows, 2 * most)
            room = room if tokens <= room else max(64, tokens, 2 * room)
            kept = np.zeros((n_layers, most, room, wide), np.float32)
            kept[:, : self._kept.shape[1], : self._kept.shape[2]] = self._kept
            self._kept, self._turns = kept, self.network.turns(room)


def in_one_thread() -> AbstractContextManager[Any]:
    """Let products of matrices have one thread: more would wait on one another at each of them."""
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _look(tokens: slice, rows: slice, own: NDArray[np.intp]) -> _Look:
    """Look from some places, ``own`` [rows, ·], at these and at what was before."""
    later = np.arange(own.max() + 1) > own[:, :, None]
    return _Look(tokens, rows, np.where(later, NEVER, np.float32(0.0)))


def _filled(x: Array) -> Array:
    """Put empty tokens behind some, where that many go faster: [D, N] → [D, ≥ N]."""
    n = x.shape[1]
    if n <= WIDE // 2:
        return np.ascontiguousarray(x)
    y = np.zeros((len(x), -(-n // WIDE) * WIDE), np.float32)
    y[:, :n] = x
    return y


def _normed(x: Array) -> Array:
    """Scale each token to a root mean square of one: [D, N] → the same."""
    power = np.einsum("dn,dn->n", x, x) / np.float32(len(x))
    normed: Array = x / np.sqrt(power + np.float32(1e-6))
    return normed


def _gated(gate_up: Array) -> Array:
    """Return ``gate · sigmoid(gate) · up``: [2 · hidden, N] → [hidden, N]."""
    n = len(gate_up) // 2
    half: Array = gate_up[:n] * np.float32(0.5)
    y: Array = np.tanh(half)
    y += np.float32(1.0)
    half *= gate_up[n:]
    y *= half
    return y
