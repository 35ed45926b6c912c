"""A song's MP3 while it is made: a file of known length whose end has not come yet.

Its bit rate is constant, so its length is known with the score. It is served as any file is, in
whole or in part; who asks for what is not there yet waits for it. Browsers then play, show the
length and seek as they do in a finished file, and nothing has to be stitched in the page.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import anyio
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from halation.files.frames import head, mp3_bytes

__all__ = ["Growing", "Sound"]

PIECE: Final = 64 << 10
"""Bytes that a listener is given at a time."""


class Sound:
    """What is there of a song's MP3, for any number of listeners. Lives on the event loop's thread.

    ``size`` counts all bytes, the head included; it is 0 until it is known.
    """

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._frames = bytearray()
        self._taken = 0
        self._file: Path | None = None
        self._offset = 0
        self._whole = False
        self._lost = False
        self._changed = asyncio.Event()

    def begin(self, n_samples: int) -> None:
        """Learn how long the song will be; one that is made once more has the same frames."""
        self._head = head(n_samples)
        self.size = len(self._head) + mp3_bytes(n_samples)
        self._taken = 0
        self._wake()

    def add(self, data: bytes) -> None:
        """Take the next frames; those that are here from a lost attempt stay."""
        known = len(self._frames) - self._taken
        self._frames += data[max(0, known) :]
        self._taken += len(data)
        self._wake()

    def settle(self, file: Path | None) -> None:
        """Read the frames from the end of the finished file from now on; None: keep them."""
        self._whole = True
        if file is not None and self._frames:
            self._offset = file.stat().st_size - len(self._frames)
            self._file = file
            self._taken = len(self._frames)
            self._frames = bytearray()
        self._wake()

    def lose(self) -> None:
        """No more will come; who listens gets what is there."""
        self._lost = True
        self._wake()

    @property
    def is_lost(self) -> bool:
        """Whether it will never be whole."""
        return self._lost

    async def sized(self) -> int:
        """Wait until the length is known, or that there will be no sound: 0."""
        while not (self.size or self._lost or self._whole):
            await self._changed.wait()
        return self.size

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to ``stop`` as they come; fewer if the song is lost."""
        while start < stop:
            changed = self._changed
            piece = self._piece(start, min(stop, start + PIECE))
            if piece:
                start += len(piece)
                yield piece
            elif self._lost:
                return
            else:
                await changed.wait()

    def _piece(self, start: int, stop: int) -> bytes:
        before = len(self._head)
        if start < before:
            return self._head[start:stop]
        at, end = start - before, stop - before
        if self._file is not None and at < self._taken:
            try:
                with self._file.open("rb") as file:
                    file.seek(self._offset + at)
                    return file.read(min(end, self._taken) - at)
            except OSError:  # the song was deleted
                self._lost = True
                return b""
        found = bytes(memoryview(self._frames)[at:end])
        return found or bytes(end - at if self._whole else 0)  # it was foretold a little longer

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Growing(Response):
    """An answer that goes on as the sound comes; a listener who leaves costs nothing.

    Parameters
    ----------
    sound : Sound
        Its length must be known.
    wanted : str
        The request's Range header, may be empty.

    Raises
    ------
    HTTPException
        If what is wanted lies outside.
    """

    media_type = "audio/mpeg"

    def __init__(self, sound: Sound, wanted: str) -> None:
        self._sound = sound
        asked = part_of(wanted, sound.size)
        self._start, self._stop = asked or (0, sound.size)
        if self._start >= self._stop:
            outside = {"Content-Range": f"bytes */{sound.size}"}
            raise HTTPException(416, "the song is not so long", outside)
        headers = {
            "Accept-Ranges": "bytes",
            "Cache-Control": "no-store",
            "Content-Length": str(self._stop - self._start),
        }
        if asked:
            headers["Content-Range"] = f"bytes {self._start}-{self._stop - 1}/{sound.size}"
        super().__init__(status_code=206 if asked else 200, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is there and what comes, until it is all or the listener has gone."""
        start = {
            "type": "http.response.start", "status": self.status_code, "headers": self.raw_headers,
        }  # fmt: skip
        await send(start)
        async with anyio.create_task_group() as listening:

            async def until_gone() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                listening.cancel_scope.cancel()

            listening.start_soon(until_gone)
            left = 0 if scope["method"] == "HEAD" else self._stop - self._start
            if left:
                async for piece in self._sound.read(self._start, self._stop):
                    left -= len(piece)
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            if not left:  # otherwise the line is cut, and the listener knows that more was to come
                await send({"type": "http.response.body", "body": b""})
            listening.cancel_scope.cancel()


def part_of(wanted: str, size: int) -> tuple[int, int] | None:
    """Return the part that a Range header asks for, empty where it lies outside; None for all.

    Examples
    --------
    >>> part_of("bytes=10-19", 100), part_of("bytes=90-", 100), part_of("bytes=-5", 100)
    ((10, 20), (90, 100), (95, 100))
    >>> part_of("bytes=100-", 100), part_of("bytes=0-1,5-6", 100), part_of("", 100)
    ((100, 100), None, None)
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", wanted.strip())
    if not found or found[0].endswith("=-"):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    start, stop = int(first), min(size, int(last) + 1) if last else size
    if last and int(last) < start:
        return None  # not a range at all
    return min(start, size), max(stop, min(start, size))
