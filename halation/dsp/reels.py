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

__all__ = ["claim", "reel", "release"]

_DONTNEED, _REMOVE, _POPULATE_WRITE = 4, 9, 23  # from mman.h
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


def claim(x: NDArray[Any], start: int, stop: int) -> None:
    """Take the memory of samples to which something will be added, all at once.

    What is read before it is first written to gets its memory twice, and every core waits for that.
    Where the system has no such call nothing happens.

    Examples
    --------
    >>> x = reel(1, 200_000)
    >>> claim(x, 0, 100_000)
    >>> bool(x.any())
    False
    """
    _advise(x, start, stop, _POPULATE_WRITE, inside=False)


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
    _advise(x, start, stop, _REMOVE if shared else _DONTNEED, inside=True)


def _advise(x: NDArray[Any], start: int, stop: int, how: int, *, inside: bool) -> None:
    """Advise on the pages that lie inside a stretch, or on all that it touches."""
    advise = _madvise()
    if advise is None:
        return
    for row in x:
        at = row.__array_interface__["data"][0]
        low, high = at + start * row.itemsize, at + stop * row.itemsize
        first, last = (
            (-(-low // _PAGE), high // _PAGE) if inside else (low // _PAGE, -(-high // _PAGE))
        )
        if (last - first) * _PAGE >= _LEAST_BYTES:
            advise(ctypes.c_void_p(first * _PAGE), ctypes.c_size_t((last - first) * _PAGE), how)


@cache
def _madvise() -> Any:
    if sys.platform != "linux":
        return None
    with suppress(OSError, AttributeError):  # another C library
        return ctypes.CDLL(None).madvise
    return None
