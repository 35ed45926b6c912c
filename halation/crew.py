"""Other processes of this program that render stems.

Two threads of one process share one interpreter, and rendering is made of so many small steps
that they spend a third of their time waiting for each other. So the second core gets a process of
its own: a plain child that runs :func:`serve`, is told what to do over a pipe, sends back arrays,
and is kept for the next song. It is not a :mod:`multiprocessing` child, because those run the
user's own script again.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

__all__ = ["Lost", "Member", "hired", "serve", "summon"]

log = logging.getLogger("halation")

_PIPE_BYTES = 1 << 20
_HEAD = struct.Struct("<QQ")
_START = """import sys
preload, *sys.path[:] = sys.argv[1:]
from halation.crew import serve
serve(preload.split())
"""

_idle: list[Member] = []
_lock = threading.Lock()


class Lost(Exception):
    """A process has gone (killed, or out of memory); its work must be done elsewhere."""


def _send(pipe: IO[bytes], message: object) -> None:
    """Write a message; large arrays go beside the pickle, uncopied."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    raws = [buffer.raw() for buffer in buffers]
    sizes = struct.pack(f"<{len(raws)}Q", *(raw.nbytes for raw in raws))
    for piece in (_HEAD.pack(len(head), len(raws)), sizes, head, *raws):
        left = memoryview(piece)  # type: ignore[arg-type]
        while left:  # a pipe takes what it has room for
            left = left[pipe.write(left) :]


def _receive(pipe: IO[bytes]) -> Any:
    """Read a message; raise EOFError where there is none."""
    head_size, count = _HEAD.unpack(_exactly(pipe, _HEAD.size))
    sizes = struct.unpack(f"<{count}Q", _exactly(pipe, 8 * count))
    head = _exactly(pipe, head_size)
    return pickle.loads(head, buffers=[_exactly(pipe, size) for size in sizes])


def _exactly(pipe: IO[bytes], size: int) -> memoryview:
    buffer = memoryview(np.empty(size, np.uint8).data)
    place = 0
    while place < size:
        got = pipe.readinto(buffer[place:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError
        place += got
    return buffer


class Member:
    """One child process; it imports the modules named in ``preload`` before the first call."""

    def __init__(self, preload: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, preload, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for the parent, which then dismisses the child
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            pipesize=_PIPE_BYTES if sys.platform == "linux" else -1,
        )

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Run a module's function over there and return its result, or raise what it raised.

        Raises
        ------
        Lost
            If the process has gone.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _send(self._process.stdin, (function, arguments))
            result, error = _receive(self._process.stdout)
        except (OSError, EOFError, ValueError) as gone:
            self.dismiss()
            raise Lost from gone
        if error is not None:
            raise error
        return result

    @property
    def present(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def dismiss(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def summon(count: int, preload: str = "") -> None:
    """Start processes that will be wanted soon, so that they import while others compose."""
    with _lock:
        _idle[:] = [member for member in _idle if member.present]
        _idle.extend(_started(count - len(_idle), preload))


def _started(count: int, preload: str) -> list[Member]:
    members: list[Member] = []
    try:
        while len(members) < count and sys.executable:
            members.append(Member(preload))
    except OSError:  # no more processes here: the caller does the work itself
        log.warning("no further process could be started; rendering takes longer", exc_info=True)
    return members


@contextmanager
def hired(count: int, preload: str = "") -> Iterator[list[Member]]:
    """Lend up to ``count`` processes; those that were here before come first.

    They are kept for the next caller if the block ends well, and ended if it does not, because
    then they may be in the middle of something.
    """
    members: list[Member] = []
    with _lock:
        while _idle and len(members) < count:
            member = _idle.pop()
            if member.present:
                members.append(member)
    members += _started(count - len(members), preload)
    try:
        yield members
    except BaseException:
        for member in members:
            member.dismiss()
        raise
    with _lock:
        _idle.extend(member for member in members if member.present)


@atexit.register
def _dismiss_all() -> None:
    with _lock:
        while _idle:
            _idle.pop().dismiss()


def serve(preload: list[str]) -> None:
    """Do what the parent asks over standard input, until it has gone."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nothing else may write between two replies
    for module in preload:
        importlib.import_module(module)
    while True:
        try:
            function, arguments = _receive(requests)
        except EOFError:
            return
        reply: tuple[Any, Exception | None]
        try:
            reply = (function(*arguments), None)
        except Exception as error:
            reply = (None, error)
        del arguments
        try:
            _send(replies, reply)
        except OSError:  # the parent has gone
            return
        del reply
