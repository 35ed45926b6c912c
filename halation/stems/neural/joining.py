"""Putting a model's answers one after another: levels, seams, sample rate, the exact length."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.automation import decibels
from halation.types import SAMPLE_RATE, Audio

__all__ = ["Joiner", "levelled"]

Signal = NDArray[np.float32]

LOW_CUT_HZ: Final = 20.0
"""What a model hums below hearing takes room from what is heard."""
LEVEL_DB: Final = -21.0
"""Where every stretch is levelled to; the fader of the part is the mix's."""
_WINDOW_S: Final = 3.0
_MOST_GAIN_DB: Final = 24.0
_QUIET_DB: Final = -20.0
"""Windows that much below the loudest one are rests, and are not pulled up."""


def levelled(x: Signal, rate: int) -> Signal:
    """Ride a stretch so that its level neither drifts nor differs from the last one's.

    A gain a window of 3 s, smoothed over three, linear in dB between their centres.
    """
    size = round(_WINDOW_S * rate)
    count = max(1, round(x.shape[1] / size))
    edges = np.linspace(0, x.shape[1], count + 1).astype(int)
    power = np.array([np.var(x[:, a:b]) for a, b in pairwise(edges)])
    if power.max() <= 1e-12:
        return x
    levels_db = 10.0 * np.log10(power + 1e-12)
    levels_db = np.maximum(levels_db, levels_db.max() + _QUIET_DB)
    smooth = np.convolve(np.pad(levels_db, 1, mode="edge"), np.ones(3) / 3.0, mode="valid")
    gains_db = np.clip(LEVEL_DB - smooth, -_MOST_GAIN_DB, _MOST_GAIN_DB)
    centres = (edges[:-1] + edges[1:]) / 2.0
    curve_db = np.interp(np.arange(x.shape[1]), centres, gains_db)
    levelled: Signal = (x * decibels(curve_db.astype(np.float32))).astype(np.float32)
    return levelled


class Joiner:
    """Puts stretches one after another, and hands them out as stereo at 44.1 kHz."""

    def __init__(self, rate: int, n_samples: int, memory_s: float) -> None:
        from pedalboard.io import StreamResampler
        from scipy.signal import butter

        self._rate, self._n_samples = rate, n_samples
        self._memory = round(memory_s * rate)
        self._x = np.zeros((2, 0), np.float32)
        self.memory = self._x
        """The end of the last stretch, before it faded; shape (2, n)."""
        self._start = 0  # of what is held, in samples at the model's rate
        self._handed = 0  # samples at 44.1 kHz
        self._low_cut = butter(2, LOW_CUT_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
        self._low_state = np.zeros((len(self._low_cut), 2, 2))
        self._resampler = (
            None if rate == SAMPLE_RATE else StreamResampler(float(rate), float(SAMPLE_RATE), 2)
        )

    def add(self, x: Signal, *, start: int, overlap: int, fade_in: int, fade_out: int) -> None:
        """Add a stretch that begins at a sample, fading from what is there already."""
        x = np.broadcast_to(x, (2, x.shape[1])).copy()
        self.memory = np.concatenate([self.memory, x[:, overlap:]], axis=1)
        self.memory = self.memory[:, max(0, self.memory.shape[1] - self._memory) :].copy()
        if fade_in:
            x[:, :fade_in] *= np.linspace(0.0, 1.0, fade_in, dtype=np.float32)
        if fade_out:
            x[:, -fade_out:] *= np.cos(np.linspace(0.0, np.pi / 2.0, fade_out)) ** 2
        held = self._start + self._x.shape[1]
        silence = max(0, start - held)
        self._x = np.pad(self._x, ((0, 0), (0, silence)))
        at = start - self._start
        overlap = min(overlap, self._x.shape[1] - at)
        if overlap > 0:
            x[:, :overlap] = _crossfaded(self._x[:, at : at + overlap], x[:, :overlap])
        self._x = np.concatenate([self._x[:, :at], x], axis=1)

    def ready(self, keep_s: float) -> Iterator[Audio]:
        """Hand out all but the last seconds, which the next stretch may still change."""
        count = self._x.shape[1] - round(keep_s * self._rate)
        if count > 0:
            yield from self._handed_out(self._x[:, :count])
            self._x = self._x[:, count:].copy()
            self._start += count

    def rest(self) -> Iterator[Audio]:
        """Hand out what is left, and silence to the song's end."""
        yield from self._handed_out(self._x)
        if self._resampler is not None:
            yield from self._at_most(self._resampler.process(None))
        if self._handed < self._n_samples:
            yield from self._at_most(np.zeros((2, self._n_samples - self._handed), np.float32))

    def _handed_out(self, x: Signal) -> Iterator[Audio]:
        y = x if self._resampler is None else self._resampler.process(np.ascontiguousarray(x))
        yield from self._at_most(y)

    def _at_most(self, y: Signal) -> Iterator[Audio]:
        from scipy.signal import sosfilt

        y = y[:, : self._n_samples - self._handed]
        if y.shape[1]:
            y, self._low_state = sosfilt(self._low_cut, y, axis=1, zi=self._low_state)
            self._handed += y.shape[1]
            yield Audio(y.astype(np.float32))


def _crossfaded(old: Signal, new: Signal) -> Signal:
    """Fade from one sound to another with the power held, alike as they may be.

    References
    ----------
    Fink, Holters & Zölzer, "Signal-Matched Power-Complementary Cross-Fading", DAFx 2016.
    """
    likeness = float(np.vdot(old, new) / (np.linalg.norm(old) * np.linalg.norm(new) + 1e-12))
    angle = np.linspace(0.0, np.pi / 2.0, old.shape[1])
    out, into = np.cos(angle), np.sin(angle)
    power = 1.0 + 2.0 * np.clip(likeness, -0.5, 1.0) * out * into
    faded: Signal = ((old * out + new * into) / np.sqrt(power)).astype(np.float32)
    return faded
