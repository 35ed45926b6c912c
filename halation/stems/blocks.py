"""What players draw a part on, and how they hand it out while they are still filling it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.envelopes import fade_edges
from halation.dsp.reels import reel
from halation.types import SAMPLE_RATE, Audio

__all__ = ["BLOCK_S", "canvas", "handed_out", "lent"]

BLOCK_S: Final = 2.0
"""What comes later is not rendered before this much has been handed out."""

_LENT: Final[ContextVar[NDArray[np.float32] | None]] = ContextVar("lent", default=None)


@contextmanager
def lent(x: NDArray[np.float32] | None) -> Iterator[None]:
    """Let a player that begins in this block draw on ``x``, where its sound is wanted.

    Parameters
    ----------
    x : np.ndarray [shape=(2, n)], float32, or None
        Silent; of another length it is not taken.
    """
    token = _LENT.set(x)
    try:
        yield
    finally:
        _LENT.reset(token)


def canvas(n: int) -> NDArray[np.float32]:
    """Return silence to draw a part on: what was lent, or else memory of its own.

    Examples
    --------
    >>> place = np.zeros((2, 3), np.float32)
    >>> with lent(place):
    ...     canvas(3) is place, canvas(4).shape
    (True, (2, 4))
    """
    x = _LENT.get()
    return x if x is not None and x.shape == (2, n) else reel(2, n)


def handed_out(
    out: NDArray[np.float32],
    starts: Iterable[int],
    *,
    end_fade_s: float = 0.0,
    block_s: float = BLOCK_S,
) -> Iterator[Audio]:
    """Yield an array in consecutive blocks, each as soon as it is final.

    Parameters
    ----------
    out : np.ndarray [shape=(2, n)], float32
        Filled while ``starts`` is walked through; its blocks share this memory.
    starts : iterable of int [samples]
        Ascending. Before each, nothing will be added to ``out`` any more; what sounds from there
        on is added when the next is asked for.
    end_fade_s : float [s]
        What still rings at the end of ``out`` is faded over this long.
    block_s : float > 0 [s]

    Yields
    ------
    Audio
        The same samples whatever ``block_s``.

    Examples
    --------
    >>> out = np.zeros((2, 44_100), np.float32)
    >>> [block.n_samples for block in handed_out(out, [0, 30_000], block_s=0.25)]
    [11025, 11025, 22050]
    """
    n = out.shape[1]
    size = max(1, round(block_s * SAMPLE_RATE))
    fade = min(n, round(end_fade_s * SAMPLE_RATE))
    ready = 0
    for start in starts:
        while ready + size <= min(start, n - fade - 1):
            yield Audio.window(out, ready, ready + size)
            ready += size
    if fade:
        fade_edges(out[:, n - fade :], 0, fade)
    yield Audio.window(out, ready, n)
