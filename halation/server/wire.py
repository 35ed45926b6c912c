"""How a process that makes a song tells the server what exists, and learns that it should stop.

The song itself comes back as the executor's result, on a pool and on a cluster alike; this line
carries events and the sound as it comes, and a song is made without it, too, where it cannot be
had.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import AuthenticationError
from multiprocessing.connection import (
    Client,
    Connection,
    Listener,
    answer_challenge,
    deliver_challenge,
)
from typing import Final

from halation.server.models import Event

__all__ = ["Exchange", "Line", "Socket", "Stopped", "own_address"]

log = logging.getLogger("halation")

STOP: Final = b"stop"
MAX_BYTES: Final = 8 << 20
"""A ten-minute song's notes are 0.4 MB."""

Hear = Callable[[str, bytes], object]
"""Takes an event's kind and its JSON; called from a thread."""


@dataclass(frozen=True, slots=True)
class Socket:
    """Where a worker calls, and by which name: the call of one job, once."""

    address: str | tuple[str, int]
    key: bytes
    call: bytes


class Stopped(Exception):
    """The server wants no more of this song."""


class Exchange:
    """The server's end: it listens for calls from workers.

    Parameters
    ----------
    toward : str, optional
        Host name of a cluster's scheduler; the exchange then listens where that can reach it.
        None: on this machine alone.
    """

    def __init__(self, toward: str | None = None) -> None:
        self._key = secrets.token_bytes(32)
        address = None if toward is None else (own_address(toward), 0)
        self._listener = Listener(address, backlog=64)  # each caller is asked for the key apart
        self._closed = False
        self._calls: dict[bytes, Hear] = {}
        self._lines: dict[bytes, Connection] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="exchange", daemon=True).start()

    def expect(self, hear: Hear) -> Socket:
        """Prepare for one worker's call; ``hear`` gets what it says."""
        call = secrets.token_bytes(16)
        with self._lock:
            self._calls[call] = hear
        return Socket(self._listener.address, self._key, call)

    def stop(self, socket: Socket) -> None:
        """Tell the worker to stop; one that has not called yet finds nobody."""
        with self._lock:
            self._calls.pop(socket.call, None)
            line = self._lines.get(socket.call)
            if line is not None:
                with suppress(OSError):
                    line.send_bytes(STOP)

    def end(self, socket: Socket) -> None:
        """Hear no more of a call."""
        with self._lock:
            self._calls.pop(socket.call, None)

    def close(self) -> None:
        """Hang up on everybody; workers take that as a stop."""
        self._closed = True
        with suppress(OSError):
            Client(self._listener.address).close()  # wakes who listens
        self._listener.close()
        with self._lock:
            for line in self._lines.values():
                _hang_up(line)

    def _listen(self) -> None:
        while True:
            try:
                line = self._listener.accept()
            except Exception:  # a caller that hung up at once
                line = None
            if self._closed:
                return
            if line is None:
                time.sleep(0.01)
                continue
            threading.Thread(target=self._hear, args=(line,), daemon=True).start()

    def _hear(self, line: Connection) -> None:
        call = b""
        try:
            deliver_challenge(line, self._key)  # both sides have to know the key
            answer_challenge(line, self._key)
            call = line.recv_bytes(64)
            with self._lock:
                if call not in self._calls:
                    return
                self._lines[call] = line
            while True:
                kind, _, body = line.recv_bytes(MAX_BYTES).partition(b"\n")
                with self._lock:
                    hear = self._calls.get(call)
                if hear is None:
                    return
                hear(kind.decode(), body)
        except AuthenticationError:
            log.warning("a call to the exchange was refused")
        except (EOFError, OSError):
            pass
        finally:
            with self._lock:  # nobody else closes it: its number may be another's by then
                self._lines.pop(call, None)
                line.close()


def _hang_up(line: Connection) -> None:
    """Wake the thread that reads from a line, which then closes it."""
    with suppress(OSError), socket.socket(fileno=os.dup(line.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)


def own_address(host: str) -> str:
    """Return the address of this machine that a host would see."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing
        return str(probe.getsockname()[0])


class Line:
    """A worker's end, for all its threads; ``said`` counts the events that went out."""

    def __init__(self, socket: Socket | None) -> None:
        self._line: Connection | None = None
        self._lock = threading.Lock()  # two at once would speak into each other's words
        self._stopped = False
        self.said = 0
        if socket is None:
            return
        try:
            self._line = Client(socket.address, authkey=socket.key)
            self._line.send_bytes(socket.call)
        except Exception:  # behind a firewall, say: the song comes without its progress
            log.warning("no line to the server; the song is made without progress", exc_info=True)
            self._line = None

    def tell(self, event: Event) -> None:
        """Tell of an event; whether anybody hears it does not matter here.

        Raises
        ------
        Stopped
            If the server wants no more of it.
        """
        if self.stopped:
            raise Stopped
        self.send(event.kind, event.model_dump_json(exclude_none=True).encode())

    def send(self, kind: str, body: bytes) -> None:
        """Send an event that is not text, such as sound."""
        if self._line is None:
            return
        with self._lock, suppress(OSError):
            self._line.send_bytes(kind.encode() + b"\n" + body)
            self.said += 1

    @property
    def stopped(self) -> bool:
        """Whether the server wants no more of it, or is gone."""
        if self._line is None:
            return False
        with self._lock:
            if not self._stopped:
                try:
                    self._stopped = self._line.poll() and self._line.recv_bytes(64) == STOP
                except (EOFError, OSError):
                    self._stopped = True
            return self._stopped

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()
