"""Arrays as long as a song of which only the stretch in work takes memory.

What is filled from one end and read soon after needs no more than a window; but a window that moves
makes every place in it relative. A reel is an ordinary array whose places are those of the song:
the system gives it memory where it is first written to, and takes it back where it was let go.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["reel", "release"]

_DONTNEED, _REMOVE = 4, 9  # from mman.h
_PAGE = 4_096
_LEAST_BYTES = 16 * _PAGE


def reel(channels: int, n: int) -> NDArray[np.float32]:
    """Return silence of ``n`` samples that takes no memory yet.

    Examples
    --------
    >>> reel(2, 3).tolist()
    [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return np.zeros((channels, n), np.float32)


def release(x: NDArray[Any], start: int, stop: int, *, shared: bool = False) -> None:
    """Give back the memory of samples that nobody reads again; they may read as zeros from now on.

    Where the system has no such call nothing happens.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)]
        Owns its memory.
    start, stop : int in 0..n
    shared : bool
        Whether other processes hold the same memory: it is given back for all of them.

    Examples
    --------
    >>> x = np.ones((1, 200_000), np.float32)
    >>> release(x, 0, 100_000)
    >>> bool((x[0, 110_000:] == 1.0).all())
    True
    """
    advise = _madvise()
    if advise is None:
        return
    for row in x:
        at = row.__array_interface__["data"][0]
        first = -(-(at + start * row.itemsize) // _PAGE) * _PAGE
        last = (at + stop * row.itemsize) // _PAGE * _PAGE
        if last - first >= _LEAST_BYTES:
            how = _REMOVE if shared else _DONTNEED
            advise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), how)


@cache
def _madvise() -> Any:
    if sys.platform != "linux":
        return None
    with suppress(OSError, AttributeError):  # another C library
        return ctypes.CDLL(None).madvise
    return None
