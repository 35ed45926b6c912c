"""Other processes that make whole songs: a pool on this machine, or a Dask cluster.

Whoever has songs made in numbers (the server, a batch) asks for an executor as
:mod:`concurrent.futures` knows it, and for nothing more.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Final, ParamSpec, TypeVar

from halation.machine import cores
from halation.types import BackendError

__all__ = ["Makers", "Processes", "dask", "died", "local"]

log = logging.getLogger("halation")

Given = ParamSpec("Given")
Made = TypeVar("Made")

CORES_A_SONG: Final = 2
"""A song keeps about two cores busy, so more songs at a time than half the cores gain nothing."""


@dataclass(frozen=True, slots=True)
class Makers:
    """Those who make songs.

    Parameters
    ----------
    executor : Executor
    slots : int > 0
        Songs that they make at a time.
    share : int > 0
        Songs made at a time on the same machine, for :func:`halation.machine.cores`.
    remote : bool
        Whether they may be other machines, which cannot write where this one reads.
    """

    executor: Executor
    slots: int
    share: int = 1
    remote: bool = False


@contextmanager
def local(count: int | None = None, *, least: int = 1) -> Iterator[Makers]:
    """Lend processes of this machine; they are killed at the end, whatever they do.

    Parameters
    ----------
    count : int > 0, optional
        Songs at a time. Default: one for every two cores.
    least : int > 0
        Songs at a time where ``count`` is not given, though they get in each other's way then.
    """
    share = count or cores(CORES_A_SONG)
    slots = max(share, least) if count is None else count
    pool = Processes(slots)
    try:
        yield Makers(pool, slots, share=share)
    finally:
        pool.kill()


class Processes(Executor):
    """A pool in which a process that dies takes only its own task with it.

    :class:`~concurrent.futures.ProcessPoolExecutor` gives up all its tasks when one process is
    killed. This is a row of such pools with one process each; one that breaks is replaced.

    Parameters
    ----------
    workers : int > 0
        Processes; each runs one task at a time.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"at least one worker is needed, not {workers}")
        self._lock = threading.Lock()
        self._pools = [_pool() for _ in range(workers)]
        self._load = [0] * workers
        self._closed = False

    def submit(
        self, fn: Callable[Given, Made], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Made]:
        """Have a module's function run in the process that has the least to do."""
        with self._lock:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            place = self._load.index(min(self._load))
            try:
                future = self._pools[place].submit(fn, *args, **kwargs)
            except BrokenProcessPool:  # it died while it had nothing to do
                self._replace(place)
                future = self._pools[place].submit(fn, *args, **kwargs)
            self._load[place] += 1
            pool = self._pools[place]
        future.add_done_callback(lambda done: self._ended(place, pool, done))
        return future

    def _ended(self, place: int, pool: ProcessPoolExecutor, done: Future[Any]) -> None:
        with self._lock:
            self._load[place] -= 1
            broken = not done.cancelled() and isinstance(done.exception(), BrokenProcessPool)
            if broken and pool is self._pools[place] and not self._closed:
                self._replace(place)

    def _replace(self, place: int) -> None:
        log.warning("a process that made songs has died; another takes its place")
        self._pools[place].shutdown(wait=False)
        self._pools[place] = _pool()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes, after the tasks that run now unless they have been killed."""
        with self._lock:
            self._closed = True
        for pool in self._pools:
            pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def kill(self) -> None:
        """End the processes now, whatever they do."""
        with self._lock:
            self._closed = True
        for pool in self._pools:
            for process in list((getattr(pool, "_processes", None) or {}).values()):
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)


def _pool() -> ProcessPoolExecutor:
    # A fork of a program with threads may hang; a new interpreter cannot.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Set up a process that makes songs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which tells us
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(parent: int) -> None:
    """End with the parent, even when it was killed and could not say so."""
    wait([parent])
    os._exit(1)


@contextmanager
def dask(address: str) -> Iterator[Makers]:
    """Lend a Dask cluster; every worker makes one song at a time.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    BackendError
        If the extra is not installed, nobody answers there, or the cluster has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise BackendError('a cluster needs an extra: pip install "halation[cluster]"') from error
    try:
        client = Client(address, timeout="5s", set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BackendError(
            f"no Dask scheduler answers at {address!r} ({reason[:200]}); "
            "start one with `dask scheduler` and workers with `dask worker ADDRESS`"
        ) from error
    with client:
        hosts = [
            worker["host"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()
        ]
        if not hosts:
            raise BackendError(
                f"the cluster at {address} has no workers; start one with `dask worker {address}`"
            )
        # Whoever asks for the same song twice wants it made twice.
        executor = client.get_executor(pure=False, retries=1)  # type: ignore[no-untyped-call]
        share = max(map(hosts.count, hosts))
        yield Makers(executor, len(hosts), share, remote=True)


def died(error: BaseException) -> bool:
    """Whether a task failed because its process was lost, so that another may try it."""
    return isinstance(error, BrokenProcessPool) or type(error).__name__ in (
        "KilledWorker",
        "CommClosedError",
        "WorkerDiedError",
    )
