"""Products of spectra."""

from __future__ import annotations

from ctypes import c_ssize_t, c_void_p

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loops.library import loop, rows_of

__all__ = ["add_product"]

_add_product = loop("add_product", *[c_void_p] * 3, c_ssize_t)


def add_product(total: NDArray[np.complex64], *factors: NDArray[np.complex64]) -> None:
    """Add the product of two spectra to a third.

    Parameters
    ----------
    total : np.ndarray [shape=(bins,)], complex64
        Changed in place.
    factors : two np.ndarray [shape=(bins,)], complex64

    Examples
    --------
    >>> total = np.ones(2, np.complex64)
    >>> add_product(total, np.array([1j, 2], np.complex64), np.array([1j, 3], np.complex64))
    >>> total.tolist()
    [0j, (7+0j)]
    """
    a, b = factors
    if not total.shape == a.shape == b.shape or total.ndim != 1:
        raise ValueError(f"{a.shape} and {b.shape} cannot be added to {total.shape}")
    (to,) = rows_of(total.view(np.float32), written=True)
    _add_product(to, *rows_of(a.view(np.float32)), *rows_of(b.view(np.float32)), len(total))
