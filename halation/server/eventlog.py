"""What a job has told so far, and those who wait for more of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Final

from halation.server.models import EventKind

__all__ = ["EventLog"]

ENDS: Final[tuple[EventKind, ...]] = ("done", "failed", "cancelled")

PASSING: Final[tuple[EventKind, ...]] = ("queued", "progress", "sounding")
"""Of these only the newest counts."""


class EventLog:
    """A job's events as they are sent, and those who wait for the next one."""

    def __init__(self) -> None:
        self._epoch = secrets.token_hex(3)
        self._rows: list[tuple[int, EventKind, str]] = []
        self._count = 0
        self._changed = asyncio.Event()
        self.closed = False

    def add(self, kind: EventKind, body: str) -> None:
        """Tell of an event; the job's end closes the log."""
        if self.closed:
            return
        if kind in PASSING:
            self._rows = [row for row in self._rows if row[1] != kind]
        self._count += 1
        self._rows.append((self._count, kind, body))
        self.closed = kind in ENDS
        self._wake()

    def restart(self) -> None:
        """Forget what a lost attempt has shown."""
        self._rows.clear()

    def close(self) -> None:
        """Let those go who wait."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def follow(self, after: str | None) -> AsyncIterator[tuple[str, EventKind, str]]:
        """Yield events as (id, kind, JSON), from the start or after a known id."""
        epoch, _, number = (after or "").partition(".")
        seen = int(number) if epoch == self._epoch and number.isdecimal() else 0
        while True:
            changed = self._changed
            for count, kind, body in [row for row in self._rows if row[0] > seen]:
                seen = count
                yield f"{self._epoch}.{count}", kind, body
            if not any(count > seen for count, _, _ in self._rows):  # none came meanwhile
                if self.closed:
                    return
                await changed.wait()
