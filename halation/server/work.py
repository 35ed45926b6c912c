"""One job, and what the queue knows of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from halation.server.changes import Noted, Remake
from halation.server.eventlog import EventLog
from halation.server.models import Job, JobState, Wish
from halation.server.sound import Sound
from halation.server.wire import Socket
from halation.types import Brief

__all__ = ["Work", "new_id", "now"]


@dataclass(slots=True, eq=False)
class Work:
    """A job and what the queue knows of it."""

    id: str
    created_at: str
    wish: Wish
    brief: Brief
    stems_of: str = ""
    remake: Remake | None = None
    attempts: int = 0
    state: JobState = "waiting"
    message: str = ""
    log: EventLog = field(default_factory=EventLog)
    sound: Sound = field(default_factory=Sound)
    socket: Socket | None = None
    heard: int = 0
    cancelled: bool = False
    taken_in: bool = False
    """Whether it is as good as in the library."""

    @property
    def note(self) -> str:
        """What a server needs that takes it up again."""
        fields = {name: getattr(self.wish, name) for name in type(self.wish).model_fields}
        return Noted(**fields | {"remake": self.remake}).model_dump_json()

    @property
    def made_of(self) -> str:
        """The song that it is made of, empty if none."""
        return self.stems_of or (self.remake.parent if self.remake else "")

    def as_job(self, position: int) -> Job:
        """Return what clients see of it, at its place in the queue."""
        return Job(
            id=self.id, state=self.state, position=position, text=self.brief.text,
            seed=self.brief.seed, radio=self.wish.radio is not None, created_at=self.created_at,
            message=self.message,
        )  # fmt: skip


def now() -> str:
    """Return the time in UTC; as text, later is greater."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Draw a name that no file system and no address bar minds, 50 bits."""
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(10))
