"""Another sample rate, for models that were taught at one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["resampled"]

Signal = NDArray[np.float32]


def resampled(mono: Signal, sample_rate: int, wanted: int) -> Signal:
    """Return a mono signal at another sample rate.

    Examples
    --------
    >>> len(resampled(np.zeros(44_100, np.float32), 44_100, 22_050))
    22050
    """
    if sample_rate == wanted:
        return mono
    from pedalboard.io import StreamResampler

    resampler = StreamResampler(float(sample_rate), float(wanted), 1)
    x = np.ascontiguousarray(mono[None], np.float32)
    y: Signal = np.concatenate([resampler.process(x), resampler.process(None)], axis=1)[0]
    return y
