"""Stems → the pre-master mix: measure, set the faders, sum."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import automation
from halation.dsp.filters import highpass
from halation.mix.faders import controls, solve
from halation.mix.placement import SIDE_CUT_HZ
from halation.mix.survey import GROUPS, survey
from halation.types import SAMPLE_RATE, Audio, AudioError, Mix, Plan, Stem, Stems

__all__ = ["PEAK_DBFS", "down"]

Signal = NDArray[np.float32]

PEAK_DBFS: Final = -3.0
"""Largest sample of the mix and of every stem."""

_BLOCK = 128 * automation.HOP


def down(stems: Stems, plan: Plan) -> Mix:
    """Balance the stems, ride the sections, and sum.

    Parameters
    ----------
    stems : Stems
        What :func:`halation.mix.place` made, summed by stem, and ``space``; in the order in which
        they are summed. To save memory, each is let go as soon as its treated copy exists: that
        helps where the caller keeps no reference of its own.
    plan : Plan

    Returns
    -------
    Mix
        Stems whose float sum is ``audio``; the largest peak of all of them is −3 dBFS.
        ``rides_db`` holds each section's fader, what drums and bass have on top
        (``"verse/drums"``, ``"verse/bass"``) and the gain of the side signal (``"side"``).

    Raises
    ------
    AudioError
        If there is no stem, or one is not stereo or not as long as the score.
    """
    score = plan.score
    if not stems.tracks:
        raise AudioError("there is no stem to mix")
    for track in stems.tracks:
        if track.audio.samples.shape != (2, score.n_samples):
            raise AudioError(
                f"the stem {track.name!r} must be stereo and {score.n_samples} samples long, "
                f"not {track.audio.samples.shape}"
            )
    faders = solve(survey(stems), score)
    gains = dict(zip(GROUPS, controls(faders, score), strict=True))
    waiting = list(stems.tracks)[::-1]
    del stems, track
    treated: list[tuple[str, Signal]] = []
    total = np.zeros((2, score.n_samples), np.float32)
    peak = 0.0
    with ThreadPoolExecutor(2) as pool:
        while waiting:
            track = waiting.pop()
            source = _mono_lows(track.audio) if faders.mono_lows else track.audio.samples
            name = track.name
            del track
            if sys.getrefcount(source) <= _HELD_ONCE:  # nobody else can ever see it
                source.flags.writeable = True
                out = source
            else:
                out = np.zeros(source.shape, np.float32)
            control = gains.get(name, gains["music"])
            spans = _spans(score.n_samples)
            jobs = [
                pool.submit(_treat, source, control, faders.side, out, total, *span)
                for span in spans
            ]
            peak = max(peak, *(job.result() for job in jobs))
            treated.append((name, out))
            del source
        peak = max(peak, float(total.max()), -float(total.min()))
        common = np.float32(10.0 ** (PEAK_DBFS / 20.0) / peak if peak > 0.0 else 1.0)
        arrays = [*(samples for _, samples in treated), total]
        list(pool.map(lambda samples: _scale(samples, common), arrays))
    tracks = tuple(Stem(name, Audio.take(samples)) for name, samples in treated)
    return Mix(
        plan,
        Stems(score, tracks),
        Audio.take(total),
        20.0 * float(np.log10(common)),
        faders.named(score.form.sections),
    )


def _held_once() -> int:
    array = np.zeros(0, np.float32)
    return sys.getrefcount(array)


_HELD_ONCE = _held_once()
"""What Python counts for an array that only one variable holds."""


def _spans(n_samples: int) -> list[tuple[int, int]]:
    """Halve a song at a block's edge."""
    half = n_samples // 2 // _BLOCK * _BLOCK
    return [(0, half), (half, n_samples)]


def _treat(
    x: Signal, control: Signal, side: float, out: Signal, total: Signal, start: int, stop: int
) -> float:
    """Write a stretch of a stem through its fader, add it to the sum, and return its peak."""
    peak = 0.0
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        source, block = x[:, first:last], out[:, first:last]
        if automation.silent(source):
            continue
        np.multiply(source, automation.ramp(control, automation.HOP, first, last), out=block)
        if side != 1.0:
            swap = np.float32((1.0 - side) / 2.0) * (block[1] - block[0])
            block[0] += swap
            block[1] -= swap
        total[:, first:last] += block
        peak = max(peak, float(block.max()), -float(block.min()))
    return peak


def _scale(samples: Signal, gain: np.float32) -> None:
    """Multiply in place; stretches of silence are not touched, so they still take no memory."""
    for start in range(0, samples.shape[1], _BLOCK):
        block = samples[:, start : start + _BLOCK]
        if not automation.silent(block):
            block *= gain


def _mono_lows(audio: Audio) -> Signal:
    """Return a copy of a stem without low side signal."""
    samples = audio.samples.copy()
    side = (samples[0] - samples[1]) * np.float32(0.5)
    side -= highpass(side, SAMPLE_RATE, SIDE_CUT_HZ, order=4)
    samples[0] -= side
    samples[1] += side
    return samples
