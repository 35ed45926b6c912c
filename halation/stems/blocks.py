"""How players hand out a stem while they are still filling it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.envelopes import fade_edges
from halation.types import SAMPLE_RATE, Audio

__all__ = ["BLOCK_S", "handed_out"]

BLOCK_S: Final = 2.0
"""What comes later is not rendered before this much has been handed out."""


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
