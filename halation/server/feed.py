"""From the process that makes a song to those who hear it meanwhile: sound, peaks, seconds."""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from halation.server.models import Event
from halation.server.wire import Line
from halation.types import SAMPLE_RATE, Audio, Measures

__all__ = ["Feed"]

PEAKS: Final = 800
"""Stretches of which the page is told how loud they are."""

SAID_A_SECOND: Final = 4
"""How often at most listeners are told how much there is."""

MOST_BYTES: Final = 1 << 20
"""Of sound in one message; a song of ten minutes at once would be too much for the line."""


class Feed:
    """Sends a song's sound over the line as it comes, and says how much of it there is.

    Parameters
    ----------
    line : Line
    url : str
        Where listeners hear it.
    n_samples : int > 0
        Of the whole song.
    """

    def __init__(self, line: Line, url: str, n_samples: int) -> None:
        self._line, self._url, self._n_samples = line, url, n_samples
        self._edges = np.linspace(0, n_samples, PEAKS, endpoint=False).astype(np.int64)
        self._heights = np.zeros(PEAKS, np.float32)
        self._said_at = -1.0
        line.send("length", str(n_samples).encode())

    def see(self, start: int, master: Audio) -> None:
        """Take the next block's loudest samples into the stretches that it touches.

        Parameters
        ----------
        start : int [samples]
            Where it begins in the song.
        master : Audio
        """
        if not master.n_samples:
            return
        height = np.abs(master.samples).max(axis=0)
        first, last = np.searchsorted(self._edges, [start, start + height.size])
        cuts = [0, *(self._edges[first:last] - start)]
        if len(cuts) > 1 and cuts[1] == 0:
            cuts = cuts[1:]
        else:
            first -= 1
        tops = self._heights[first:last]
        np.maximum(tops, np.maximum.reduceat(height, cuts), out=tops)

    def hear(self, frames: bytes, ready_s: float) -> None:
        """Pass on the next frames of the MP3; called from the thread that makes them.

        Parameters
        ----------
        frames : bytes
        ready_s : float [s]
            How much of the song is there by then.
        """
        for at in range(0, len(frames), MOST_BYTES):
            self._line.send("frames", frames[at : at + MOST_BYTES])
        now = time.monotonic()
        whole = round(ready_s * SAMPLE_RATE) >= self._n_samples
        if whole or now - self._said_at > 1.0 / SAID_A_SECOND:
            self._said_at = now
            self._say(ready_s, whole)

    @property
    def peaks(self) -> list[int]:
        """The loudest sample of each of 800 equal stretches, 0…255; 0 where there is none yet."""
        return [round(255.0 * min(float(height), 1.0)) for height in self._heights]

    def whole(self, measures: Measures) -> Event:
        """Say that all of it is there."""
        loudness_lufs = round(measures.loudness_lufs, 2)
        return Event(kind="master", peaks=self.peaks, loudness_lufs=loudness_lufs)

    def _say(self, ready_s: float, whole: bool) -> None:
        count = PEAKS if whole else int(PEAKS * ready_s * SAMPLE_RATE / self._n_samples)
        event = Event(
            kind="sounding",
            sound=self._url,
            ready_s=round(ready_s, 3),
            peaks=self.peaks[:count],
        )
        self._line.tell(event)
