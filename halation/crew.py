"""Other processes of this program that render stems.

Two threads of one process share one interpreter, and rendering is made of so many small steps
that they spend a third of their time waiting for each other. So the second core gets a process of
its own: a plain child that runs :func:`serve`, is told what to do over a pipe, sends back arrays
(large ones in memory that both share, where the system has it), and is kept for the next song. It
is not a :mod:`multiprocessing` child, because those run the user's own script again.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib
import io
import logging
import mmap
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, Any

import numpy as np

__all__ = ["Loan", "Lost", "Member", "give_back", "hired", "keep_memory", "serve", "summon"]

log = logging.getLogger("halation")

_PIPE_BYTES = 1 << 20
_SHARED_BYTES = 1 << 20  # arrays from here on are not copied through the pipe
_SIZE = struct.Struct("<Q")
_START = """import sys
preload, lender, *sys.path[:] = sys.argv[1:]
from halation.crew import serve
serve(preload.split(), int(lender))
"""

_ENVIRONMENT = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS"), "1"
)
"""One thread for matrix products, as in the parent: more could sum in another order."""

_idle: list[Member] = []
_lock = threading.Lock()


_KEPT_BYTES = 64 << 20
_TOP_BYTES = 8 << 20
_ARENAS = 2
_HOLES_BYTES = 32 << 20  # of what is free, the heap keeps as much
_MAPPED_BYTES = 12 << 20
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8  # from malloc.h


def keep_memory() -> None:
    """Have the allocator keep what blocks of a few megabytes free, where it can be told so.

    Otherwise glibc gives it back and takes it anew thousands of times a song, and the kernel clears
    every page again. Arrays as long as a song are given back as before, and come in small pages: a
    huge one holds far more than the stretch in work, and cannot be given back in part.
    """
    with suppress(ImportError, AttributeError):  # another NumPy
        importlib.import_module("numpy._core.multiarray")._set_madvise_hugepage(False)
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):  # other C libraries have no such switch
        adjust = ctypes.CDLL(None).mallopt
        adjust(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        adjust(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        adjust(_M_TOP_PAD, _TOP_BYTES)
        adjust(_M_ARENA_MAX, _ARENAS)  # each thread would keep one of its own


def give_back() -> None:
    """Give the system what blocks of a few megabytes no longer need, where that can be asked for.

    A song in stretches leaves holes between what stays, and they would be kept for ever. Where
    they are small the next stretch fills them, which is faster than to get memory anew.
    """
    libc = _libc()
    if libc is not None and libc.mallinfo2().fordblks > _HOLES_BYTES:
        libc.malloc_trim(0)


_MALLINFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _Mallinfo(ctypes.Structure):
    """What glibc tells of its heap; see mallinfo2(3)."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in _MALLINFO)


@cache
def _libc() -> Any:
    with suppress(OSError, AttributeError):  # other C libraries have no such calls
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        if libc is not None:
            libc.mallinfo2.restype = _Mallinfo
        return libc
    return None


class Lost(Exception):
    """A process has gone (killed, or out of memory); its work must be done elsewhere."""


class Loan:
    """An array that this process and another fill and read together.

    Parameters
    ----------
    shape : tuple of int
        Of float32, silent at first; takes memory where it is written to.

    Attributes
    ----------
    array : np.ndarray [shape=shape], float32

    Raises
    ------
    OSError
        Where the system shares no memory so.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        if not hasattr(os, "memfd_create"):
            raise OSError("memory cannot be shared here")
        self.shape = shape
        self.file = os.memfd_create("halation")
        os.ftruncate(self.file, 4 * int(np.prod(shape)))
        self.array = _mapped(self.file, shape)

    def close(self) -> None:
        """Let it be sent to nobody else; the array stays."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1


def _mapped(file: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(mmap.mmap(file, 0), np.float32).reshape(shape)


class _Pickler(pickle.Pickler):
    """Pickle everything but arrays, which are shared, or kept aside for the pipe."""

    def __init__(self, head: IO[bytes], lender: socket.socket | None, lends: bool) -> None:
        super().__init__(head, protocol=pickle.HIGHEST_PROTOCOL)
        self.arrays: list[np.ndarray] = []
        self._lender, self._lends = lender, lends

    def persistent_id(self, thing: object) -> tuple[Any, ...] | None:
        """Describe an array; anything else is pickled."""
        if isinstance(thing, Loan):
            assert self._lender is not None
            socket.send_fds(self._lender, [b"-"], [thing.file])
            return (thing.shape,)
        if type(thing) is not np.ndarray or thing.dtype.hasobject or not thing.flags.c_contiguous:
            return None
        lent = self._lends and thing.nbytes >= _SHARED_BYTES
        shared = lent and _lend(thing, self._lender)
        if not shared:
            self.arrays.append(thing)
        return thing.shape, thing.dtype, thing.flags.writeable, shared


class _Unpickler(pickle.Unpickler):
    """Take arrays when their turn comes: as shared, or from the pipe into memory of their own."""

    def __init__(self, head: IO[bytes], pipe: IO[bytes], lender: socket.socket | None) -> None:
        super().__init__(head)
        self._pipe, self._lender = pipe, lender

    def persistent_load(self, described: tuple[Any, ...]) -> np.ndarray:
        """Receive an array."""
        if len(described) == 1:
            assert self._lender is not None
            _, (file,), _, _ = socket.recv_fds(self._lender, 1, 1)
            try:
                return _mapped(file, described[0])
            finally:
                os.close(file)
        shape, dtype, writeable, shared = described
        if shared:
            assert self._lender is not None
            array = _borrowed(self._lender, dtype).reshape(shape)
        else:
            array = np.empty(shape, dtype)
            _fill(self._pipe, memoryview(_bytes_of(array)))
        array.flags.writeable = writeable
        return array


def _bytes_of(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _lend(array: np.ndarray, lender: socket.socket | None) -> bool:
    """Share an array with the process at the other end; return False where that cannot be."""
    if lender is None:
        return False
    try:
        file = os.memfd_create("halation")
    except OSError:
        return False
    try:
        left = _bytes_of(array)
        while left:
            left = left[os.write(file, left) :]
        socket.send_fds(lender, [b"-"], [file])
    except OSError:  # no memory
        return False
    finally:
        os.close(file)
    return True


def _borrowed(lender: socket.socket, dtype: np.dtype) -> np.ndarray:
    """Return the oldest array that was lent; its memory is free again when nobody holds it."""
    _, files, _, _ = socket.recv_fds(lender, 1, 1)
    if not files:
        raise EOFError
    try:
        memory = mmap.mmap(files[0], 0)
        return np.frombuffer(memory, dtype)
    finally:
        os.close(files[0])


def _send(
    pipe: IO[bytes], message: object, lender: socket.socket | None = None, *, lends: bool = True
) -> None:
    """Write a message; arrays that are not shared follow the pickle, uncopied.

    ``lends``: whether large ones are shared; a :class:`Loan` always is.
    """
    head = io.BytesIO()
    pickler = _Pickler(head, lender, lends and lender is not None)
    pickler.dump(message)
    pieces: list[bytes | memoryview] = [_SIZE.pack(head.tell()), head.getbuffer()]
    pieces += map(_bytes_of, pickler.arrays)
    for piece in pieces:
        left = memoryview(piece)
        while left:  # a pipe takes what it has room for
            left = left[pipe.write(left) :]


def _receive(pipe: IO[bytes], lender: socket.socket | None = None) -> Any:
    """Read a message; raise EOFError where there is none."""
    (size,) = _SIZE.unpack(_fill(pipe, memoryview(bytearray(_SIZE.size))))
    head = _fill(pipe, memoryview(bytearray(size)))
    return _Unpickler(io.BytesIO(head), pipe, lender).load()


def _fill(pipe: IO[bytes], buffer: memoryview) -> memoryview:
    place = 0
    while place < len(buffer):
        got = pipe.readinto(buffer[place:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError
        place += got
    return buffer


class Member:
    """One child process; it imports the modules named in ``preload`` before the first call."""

    def __init__(self, preload: str = "") -> None:
        theirs: socket.socket | None
        self._lender: socket.socket | None
        self._lender, theirs = _socketpair()
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _START),
                    *(preload, str(theirs.fileno() if theirs else -1)),
                    *sys.path,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for the parent, which then dismisses the child
                env={**os.environ, **_ENVIRONMENT},
                pipesize=_PIPE_BYTES if sys.platform == "linux" else -1,
                pass_fds=(theirs.fileno(),) if theirs else (),
            )
        except OSError:
            if self._lender is not None:
                self._lender.close()
            raise
        finally:
            if theirs is not None:
                theirs.close()

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
            _send(self._process.stdin, (function, arguments), self._lender, lends=False)
            result, error = _receive(self._process.stdout, self._lender)
        except Exception as gone:  # what fails over there comes back as a value
            self.dismiss()
            raise Lost from gone
        if error is not None:
            raise error
        return result

    @property
    def present(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def halt(self) -> None:
        """Kill the process; a thread that waits for it is told by :class:`Lost`."""
        self._process.kill()

    def dismiss(self) -> None:
        """End the process, whatever it is doing."""
        self.halt()
        self._process.wait()
        for end in (self._process.stdin, self._process.stdout, self._lender):
            if end is not None:
                end.close()


def _socketpair() -> tuple[socket.socket, socket.socket] | tuple[None, None]:
    """Return two ends over which memory can be shared; nothing where the system has no such."""
    return socket.socketpair() if hasattr(os, "memfd_create") else (None, None)


def summon(count: int, preload: str = "") -> None:
    """Start processes that will be wanted soon, so that they import while others compose."""
    with _lock:
        for member in [member for member in _idle if not member.present]:
            _idle.remove(member)
            member.dismiss()  # closes its pipes
        _idle.extend(_started(count - len(_idle), preload))


def _started(count: int, preload: str) -> list[Member]:
    members: list[Member] = []
    try:
        # Frozen into one file, a program is its own sys.executable and would start itself.
        while len(members) < count and sys.executable and not getattr(sys, "frozen", False):
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
            else:
                member.dismiss()  # closes its pipes
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


def serve(preload: list[str], lender: int = -1) -> None:
    """Do what the parent asks over standard input, until it has gone.

    Parameters
    ----------
    preload : list of str
        Modules to import first.
    lender : int
        The socket over which large arrays are shared with the parent; -1 for none.
    """
    keep_memory()
    post = socket.socket(fileno=lender) if lender >= 0 else None
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # nothing else may write between two replies
    for module in preload:
        importlib.import_module(module)
    while True:
        try:
            function, arguments = _receive(requests, post)
        except EOFError:
            return
        reply: tuple[Any, Exception | None]
        try:
            reply = (function(*arguments), None)
        except Exception as error:
            reply = (None, error)
        del arguments
        try:
            _send(replies, reply, post)
        except OSError:  # the parent has gone
            return
        del reply
