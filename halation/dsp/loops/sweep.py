"""Filters that move."""

from __future__ import annotations

from ctypes import c_ssize_t, c_void_p

import numpy as np

from halation.dsp.loops.library import Signal, control_of, loop, rows_of

__all__ = ["MOST_HIGHPASSES", "sweep"]

MOST_HIGHPASSES = 4
"""Of both channels, and as many again of their difference."""

_BLOCK = 64

_sweep = loop(
    "sweep",
    *(*[c_void_p] * 4, c_ssize_t, c_void_p, c_ssize_t, c_void_p, c_ssize_t),
    *(c_void_p, c_void_p, c_ssize_t, c_ssize_t),
)


def sweep(
    x: Signal,
    out: Signal,
    highpasses: Signal,
    side_highpasses: Signal,
    cutoff: Signal,
    opening: Signal,
    hop: int,
    early: int,
) -> None:
    """Send two channels through high-passes that stand and a low-pass that moves.

    Parameters
    ----------
    x, out : np.ndarray [shape=(2, n)], float32
        ``out`` may be ``x`` itself.
    highpasses, side_highpasses : np.ndarray [shape=(up to 4, 2)], float32
        ``tan(pi * hz / sample_rate)`` and 1/Q of filters in a row: of both channels, and of
        their difference besides.
    cutoff : np.ndarray [shape=(ceil(n / hop) + 1,)], float32
        Control of the low-pass (18 dB/octave): ``tan(pi * hz / sample_rate)``.
    opening : np.ndarray [shape=(ceil(n / hop) + 1,)], float32
        Control of what passes by it: 0 for nothing, 1 for all.
    hop : int, a multiple of 64 [samples]
    early : int, a multiple of 64 [samples]
        Eight stretches of the signal are filtered side by side; those in the middle begin so much
        earlier than they are heard. A filter that rings longer is not followed.

    Examples
    --------
    >>> import numpy as np
    >>> x, none = np.ones((2, 1000), np.float32), np.zeros((0, 2), np.float32)
    >>> g = np.full(9, np.tan(np.pi / 8), np.float32)
    >>> sweep(x, x, none, none, g, np.zeros(9, np.float32), 128, 128)
    >>> bool(abs(x[0, -1] - 1.0) < 1e-3)
    True
    """
    n = x.shape[-1]
    if x.shape != out.shape or len(x) != 2:
        raise ValueError(f"two channels are needed, not {x.shape} and {out.shape}")
    if hop % _BLOCK or early % _BLOCK or early < 0:
        raise ValueError(f"{hop} and {early} are no multiples of {_BLOCK}")
    for filters in (highpasses, side_highpasses):
        if len(filters) > MOST_HIGHPASSES or filters.shape[1:] != (2,):
            raise ValueError(f"{filters.shape} are not up to {MOST_HIGHPASSES} filters")
    if not n:
        return
    high, side = (
        rows_of(np.ascontiguousarray(f.reshape(-1)))[0] for f in (highpasses, side_highpasses)
    )
    controls = control_of(cutoff, n, hop), control_of(opening, n, hop)
    _sweep(
        *(*rows_of(x), *rows_of(out, written=True), n),
        *(high, len(highpasses), side, len(side_highpasses), *controls, hop, early),
    )
