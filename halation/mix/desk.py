"""Stems → the pre-master mix: measure, set the faders, sum."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from halation.dsp import automation, loops
from halation.dsp.dynamics import hop_levels_db
from halation.dsp.filters import highpass
from halation.mix.faders import WIDE, controls, solve
from halation.mix.placement import SIDE_CUT_HZ
from halation.mix.survey import GROUPS, group, survey
from halation.types import SAMPLE_RATE, Audio, AudioError, Mix, Plan, Stem, Stems

__all__ = ["PEAK_DBFS", "down"]

Signal = NDArray[np.float32]

PEAK_DBFS: Final = -3.0
"""Largest sample of the mix and of every stem."""

VOICES: Final = ("vocals", "lead")
YIELD_DB: Final = 2.0
"""How far keys, beds and space step back while a voice sounds."""

YIELD_S: Final = 0.3
"""Time of the step; half of it lies before the onset."""

YIELD_FROM_DB: Final = 18.0
YIELD_OVER_DB: Final = 10.0
"""A voice so far under its own loud tone counts as nothing, and so much above that in full."""

_HEARD_DB = -60.0
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
        ``rides_db`` holds each section's fader, what each group of stems has on top
        (``"verse/drums"``, ``"verse/vocals"`` …) and the gain of its side signal
        (``"verse/side"``).

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
    yielding = _yielding(stems)
    faders = solve(survey(stems).scaled(WIDE, yielding), score)
    *drawn, width = controls(faders, score)
    gains = dict(zip(GROUPS, drawn, strict=True))
    for name in WIDE:
        gains[name] = gains[name] * yielding
    waiting = list(stems.tracks)[::-1]
    del stems, track
    ways: list[_Way] = []
    while waiting:
        track = waiting.pop()
        samples = _mono_lows(track.audio) if faders.mono_lows else track.audio.samples
        name = track.name
        del track
        if sys.getrefcount(samples) <= _HELD_ONCE:  # nobody else can ever see it
            samples.flags.writeable = True
        side = width if group(name) in WIDE else np.ones_like(width)
        ways.append(_Way(name, samples, gains[group(name)], side))
        del samples
    total = np.zeros((2, score.n_samples), np.float32)
    with ThreadPoolExecutor(2) as pool:
        peak = max(pool.map(lambda span: _summed(ways, total, *span), _spans(score.n_samples)))
        common = np.float32(10.0 ** (PEAK_DBFS / 20.0) / peak if peak > 0.0 else 1.0)
        # The last stem takes longest, as the caller often holds it still and it must be copied.
        tracks = tuple(pool.map(lambda way: _faded(way, common), ways[::-1]))[::-1]
    total *= common
    return Mix(
        plan,
        Stems(score, tracks),
        Audio.take(total),
        20.0 * float(np.log10(common)),
        faders.named(score.form.sections),
    )


def _yielding(stems: Stems) -> Signal:
    """Draw the gain of what makes room while somebody sings or leads.

    Everything is known beforehand, so the music steps back before a phrase, not after its onset.

    Returns
    -------
    np.ndarray [shape=(ceil(n_samples / HOP) + 1,)], float32
        Linear gain, 1 where no voice sounds.
    """
    from scipy.ndimage import uniform_filter1d

    hops = -(-stems.score.n_samples // automation.HOP)
    energy = np.zeros(hops + 1, np.float32)
    for track in stems.tracks:
        if track.name in VOICES:
            level_db = hop_levels_db(track.audio.samples, automation.HOP)
            energy[:-1] += np.float32(10.0) ** (level_db / np.float32(10.0))
    level_db = np.float32(10.0) * np.log10(np.maximum(energy, np.float32(1e-12)))
    heard = level_db[level_db > _HEARD_DB]
    if not len(heard):
        return np.ones(hops + 1, np.float32)
    loud_db = float(np.percentile(heard, 90.0))
    presence = np.clip((level_db - loud_db + YIELD_FROM_DB) / YIELD_OVER_DB, 0.0, 1.0)
    presence = uniform_filter1d(presence, round(YIELD_S * SAMPLE_RATE / automation.HOP))
    return automation.decibels(-YIELD_DB * presence)


def _held_once() -> int:
    array = np.zeros(0, np.float32)
    return sys.getrefcount(array)


_HELD_ONCE = _held_once()
"""What Python counts for an array that only one variable holds."""


def _spans(n_samples: int) -> list[tuple[int, int]]:
    """Cut a song into stretches that two threads share; new memory costs them unlike times."""
    length = -(-n_samples // (16 * _BLOCK)) * _BLOCK
    return [(start, min(start + length, n_samples)) for start in range(0, n_samples, length)]


class _Way(NamedTuple):
    """A stem's way through the desk; samples that nobody else holds are writeable."""

    name: str
    samples: Signal
    gain: Signal
    side: Signal


def _summed(ways: list[_Way], total: Signal, start: int, stop: int) -> float:
    """Sum a stretch of all stems behind their faders, and return the largest peak.

    Block by block, so that the sum stays in the cache while one stem after the other is added.
    """
    peak = 0.0
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        for way in ways:
            added = loops.pour(total, way.samples, way.gain, way.side, automation.HOP, first, last)
            peak = max(peak, added)
        peak = max(peak, loops.peak(total[:, first:last]))
    return peak


def _faded(way: _Way, common: np.float32) -> Stem:
    """Return a stem behind its fader; stretches of silence still take no memory."""
    out = way.samples
    if not out.flags.writeable:
        out = np.zeros(out.shape, np.float32)
        for start in range(0, way.samples.shape[1], _BLOCK):
            block = way.samples[:, start : start + _BLOCK]
            if not automation.silent(block):
                out[:, start : start + _BLOCK] = block
    loops.fade(out, way.gain * common, way.side, automation.HOP)
    return Stem(way.name, Audio.window(out, 0, out.shape[1]))  # of shared memory, too


def _mono_lows(audio: Audio) -> Signal:
    """Return a copy of a stem without low side signal."""
    samples = audio.samples.copy()
    side = (samples[0] - samples[1]) * np.float32(0.5)
    side -= highpass(side, SAMPLE_RATE, SIDE_CUT_HZ, order=4)
    samples[0] -= side
    samples[1] += side
    return samples
