"""``--play``: a song sounds while it is made, through miniaudio (the extra ``play``)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from typing import Any

import numpy as np

from halation.types import SAMPLE_RATE, BackendError, Block

__all__ = ["Speaker"]

_BYTES_A_SAMPLE = 8  # two channels of float32


class Speaker:
    """Plays the blocks of a song one after the other on the system's sound device.

    Use it in a ``with`` statement; its end silences it.

    Parameters
    ----------
    backends : list of miniaudio.Backend
        By default the system's own.

    Attributes
    ----------
    gaps : int
        How often there was nothing to play before the end.

    Raises
    ------
    BackendError
        If miniaudio is not installed, or there is no sound device.
    """

    def __init__(self, backends: list[Any] | None = None) -> None:
        try:
            import miniaudio
        except ImportError as error:
            raise BackendError(
                'to hear a song while it is made: pip install "halation[play]"'
            ) from error
        self.gaps = 0
        self._waiting: deque[memoryview] = deque()
        self._ended = threading.Event()
        self._silent = threading.Event()
        self._begun = False
        try:
            self._device = miniaudio.PlaybackDevice(
                output_format=miniaudio.SampleFormat.FLOAT32,
                nchannels=2,
                sample_rate=SAMPLE_RATE,
                backends=backends,
                app_name="halation",
            )
        except miniaudio.MiniaudioError as error:
            raise BackendError("there is no sound device to play on; leave --play out") from error
        sound = self._sound()
        next(sound)
        self._device.start(sound)

    def __enter__(self) -> Speaker:
        return self

    def __exit__(self, *_error: object) -> None:
        self._device.close()

    def take(self, block: Block) -> None:
        """Play a block after those that wait."""
        samples = np.ascontiguousarray(block.master.samples.T)
        if samples.size:
            self._waiting.append(samples.reshape(-1).data.cast("B"))
            self._begun = True

    def wait(self) -> None:
        """Wait until all has been heard."""
        self._ended.set()
        while not self._silent.wait(0.1):
            pass

    def _sound(self) -> Generator[bytes, int, None]:
        """Give the device what it asks for: the next frames, or silence while there are none."""
        frames = yield b""
        while True:
            wanted = frames * _BYTES_A_SAMPLE
            found = bytearray()
            while self._waiting and len(found) < wanted:
                first = self._waiting.popleft()
                taken = first[: wanted - len(found)]
                found += taken
                if len(taken) < len(first):
                    self._waiting.appendleft(first[len(taken) :])
            if len(found) < wanted:
                if self._ended.is_set():
                    self._silent.set()
                elif self._begun:
                    self.gaps += 1
                found += bytes(wanted - len(found))
            frames = yield bytes(found)
