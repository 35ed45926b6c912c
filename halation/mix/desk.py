"""Stems → the pre-master mix: measure each section, set its faders, sum."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.arc import COMMON_DB
from halation.dsp import automation, loops
from halation.dsp.dynamics import hop_levels_db
from halation.mix.faders import RISE_BEATS, WIDE, Faders
from halation.mix.survey import GROUPS, group, survey
from halation.types import SAMPLE_RATE, Audio, AudioError, Mix, Plan, Stem, Stems

__all__ = ["AHEAD", "Desk", "down"]

Signal = NDArray[np.float32]

COMMON: Final = np.float32(10.0 ** (COMMON_DB / 20.0))

AHEAD: Final = 16_384
"""How many samples after a section must be known before it is mixed: 0.37 s."""

VOICES: Final = ("vocals", "lead")
YIELD_DB: Final = 2.0
"""How far keys, beds and space step back while a voice sounds."""

YIELD_S: Final = 0.3
"""Time of the step; half of it lies before the onset."""

YIELD_LOUD_DB: Final = -20.0
"""Level of a voice's loud tone, as the seats of vocals and lead make it."""
YIELD_FROM_DB: Final = 18.0
YIELD_OVER_DB: Final = 10.0
"""A voice so far under its own loud tone counts as nothing, and so much above that in full."""

_BLOCK = 128 * automation.HOP


class Desk:
    """Mixes a song section by section.

    Parameters
    ----------
    plan : Plan
        Faders in its ``desk`` are taken over.

    Attributes
    ----------
    faders : Faders
    done : int [samples]
        Up to where the song is mixed.
    """

    def __init__(self, plan: Plan) -> None:
        self._score = plan.score
        self.faders = Faders(plan.score, dict(plan.desk))
        hops = -(-plan.score.n_samples // automation.HOP)
        self._yielding = np.ones(hops + 1, np.float32)
        self.done = 0

    def solve(self, tracks: Mapping[str, Signal]) -> None:
        """Set the faders of the next piece of the song.

        Parameters
        ----------
        tracks : mapping of stem to np.ndarray [shape=(2, score.n_samples)], float32
            What :class:`halation.mix.Placing` made, summed by stem, and ``space``; final up to
            :data:`AHEAD` samples beyond the section.
        """
        piece = self.faders.pieces[self.faders.solved]
        self._yield(tracks, piece.start, piece.stop)
        start = 0 if self._goes_back() else piece.start
        found = survey(tracks, start, piece.stop).scaled(WIDE, self._yielding)
        self.faders.solve(found)

    @property
    def behind(self) -> int:
        """From where on the tracks are read again, but for what is just behind it [samples]."""
        return 0 if self._goes_back() else self.done

    def _goes_back(self) -> bool:
        """Whether the next piece is the rest of an intro, which is set with its opening."""
        return self.faders.solved == 1 and self.faders.pieces[0].opening

    def ready(self) -> int:
        """Return up to where the pieces that are solved can be mixed [samples].

        The next section's faders may rise before it begins.
        """
        solved = self.faders.solved
        if solved == len(self.faders.pieces):
            return self._score.n_samples
        before = self.faders.pieces[solved - 1]
        if before.opening:
            return before.stop
        rise = round(self._score.seconds_at(RISE_BEATS) * SAMPLE_RATE) + automation.HOP
        ready = (before.stop - rise) // automation.HOP * automation.HOP
        return max(self.done, ready)

    def mix(
        self, tracks: Mapping[str, Signal], out: Signal, stems: Collection[str] = ()
    ) -> dict[str, Signal]:
        """Add the next stretch of the mix to ``out``; return some of its stems as they are in it.

        Parameters
        ----------
        tracks
            As in :meth:`solve`; summed in this order.
        out : np.ndarray [shape=(2, up to ready() - done)], float32
            Silent.
        stems : collection of str

        Returns
        -------
        dict of str to np.ndarray of the same shape
            Their float sum is ``out``.
        """
        start, stop = self.done, self.done + out.shape[1]
        self.done = stop
        first, last = start // automation.HOP, -(-stop // automation.HOP)
        *drawn, width = self.faders.controls(first, last)
        gains = {name: gain * COMMON for name, gain in zip(GROUPS, drawn, strict=True)}
        for name in WIDE:
            gains[name] *= self._yielding[first : last + 1]
        still = np.ones_like(width)
        ways = [
            (name, x[:, start:stop], gains[group(name)], width if group(name) in WIDE else still)
            for name, x in tracks.items()
        ]
        for begin in range(0, stop - start, _BLOCK):
            end = min(begin + _BLOCK, stop - start)
            for _, x, gain, side in ways:
                if not automation.silent(x[:, begin:end]):
                    loops.pour(out, x, gain, side, automation.HOP, begin, end)
        faded = {}
        for name, x, gain, side in ways:
            if name in stems:
                faded[name] = x.copy()
                loops.fade(faded[name], gain, side, automation.HOP)
        return faded

    def _yield(self, tracks: Mapping[str, Signal], start: int, stop: int) -> None:
        """Draw the gain of what makes room while somebody sings or leads.

        What comes is known beforehand, so the music steps back before a phrase, not after its
        onset.
        """
        from scipy.ndimage import uniform_filter1d

        size = round(YIELD_S * SAMPLE_RATE / automation.HOP)
        first, last = start // automation.HOP, -(-stop // automation.HOP)
        low, high = max(0, first - size), min(last + size, len(self._yielding) - 1)
        energy = np.zeros(high - low, np.float32)
        for name in VOICES:
            if name in tracks:
                heard = tracks[name][:, low * automation.HOP : high * automation.HOP]
                level_db = hop_levels_db(heard, automation.HOP)
                energy[: len(level_db)] += np.float32(10.0) ** (level_db / np.float32(10.0))
        level_db = np.float32(10.0) * np.log10(np.maximum(energy, np.float32(1e-12)))
        presence = np.clip((level_db - YIELD_LOUD_DB + YIELD_FROM_DB) / YIELD_OVER_DB, 0.0, 1.0)
        presence = uniform_filter1d(presence, size, mode="nearest")
        gain = automation.decibels(-YIELD_DB * presence)
        stop_at = min(last + size // 2, high)
        self._yielding[first:stop_at] = gain[first - low : stop_at - low]


def down(stems: Stems, plan: Plan) -> Mix:
    """Balance whole stems, ride the sections, and sum.

    Parameters
    ----------
    stems : Stems
        In the order in which they are summed.
    plan : Plan

    Returns
    -------
    Mix
        Stems whose float sum is ``audio``.

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
    tracks = {track.name: track.audio.samples for track in stems.tracks}
    desk = Desk(plan)
    for _ in desk.faders.pieces:
        desk.solve(tracks)
    total = np.zeros((2, score.n_samples), np.float32)
    faded = desk.mix(tracks, total, tracks)
    mixed = tuple(Stem(name, Audio.take(x)) for name, x in faded.items())
    rows = tuple(desk.faders.record.items())
    return Mix(replace(plan, desk=rows), Stems(score, mixed), Audio.take(total), COMMON_DB, rows)
