"""From the command line to a server that listens: what ``halation serve`` does."""

from __future__ import annotations

import asyncio
import logging
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit
from urllib.request import urlopen

import uvicorn
from fastapi import FastAPI

from halation import workers
from halation.server import app, maker
from halation.server.jobs import Jobs
from halation.server.library import Library
from halation.server.metrics import Metrics
from halation.server.wire import Exchange, own_address
from halation.types import HalationError
from halation.workers import Makers

__all__ = ["Service", "answers", "is_loopback", "listen", "names_of", "serve", "url_of"]

log = logging.getLogger("halation")

TIDY_EVERY_S = 60.0

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Service:
    """How to serve.

    Parameters
    ----------
    workers : int > 0, optional
        Songs made at a time. Default: one for every two cores.
    dask : str, optional
        Address of a cluster's scheduler that makes them instead.
    queue : int > 0
        Songs that may wait.
    quota_mb : int
        Room for songs until the listener sets another.
    length_s : float, optional
        Length of songs where a wish names none.
    hosts : tuple of str
        Names by which the server may be called, besides this machine's own.
    """

    library: Path
    workers: int | None = None
    dask: str | None = None
    queue: int = 32
    quota_mb: int = 5_000
    length_s: float | None = None
    hosts: tuple[str, ...] = ()


def listen(host: str, port: int) -> socket.socket:
    """Take a port before anything else is started.

    Raises
    ------
    HalationError
        If it is taken, or is not ours to take.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HalationError(
            f"cannot listen at {host}:{port} ({reason}); choose another --port or --host"
        ) from error
    # Connections inherit it; an answer in two pieces would wait 40 ms for the first one's receipt.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(host: str, port: int) -> str:
    """Return the page's address as a browser on this machine writes it.

    Examples
    --------
    >>> url_of("127.0.0.1", 80), url_of("0.0.0.0", 80), url_of("::1", 80)
    ('http://127.0.0.1:80/', 'http://127.0.0.1:80/', 'http://[::1]:80/')
    """
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine can call."""
    return host in LOOPBACK or host.startswith("127.")


def names_of(host: str) -> tuple[str, ...]:
    """Return the names by which others may call a server that listens at ``host``."""
    if is_loopback(host) or host not in ("0.0.0.0", "::", ""):
        return (host,)
    name = socket.gethostname()
    found = {name, f"{name}.local"}
    with suppress(OSError):
        found |= {str(row[4][0]) for row in socket.getaddrinfo(name, None)}
    with suppress(OSError):
        found.add(own_address("192.0.2.1"))  # an address of nobody: the usual way out
    return tuple(sorted(found))


def answers(host: str, port: int) -> bool:
    """Whether a halation serves there already."""
    try:
        with urlopen(f"{url_of(host, port)}healthz", timeout=2.0) as answer:
            return bool(answer.read(100) == b'{"status":"ok"}')
    except (OSError, ValueError, HTTPException):
        return False


def serve(
    service: Service, listener: socket.socket, ready: Callable[[], None] | None = None
) -> None:
    """Serve until a signal says to stop.

    Parameters
    ----------
    service : Service
    listener : socket
        From :func:`listen`.
    ready : callable, optional
        Called, in a thread, when the page can be opened.

    Raises
    ------
    HalationError
        If the library or the cluster cannot be used.
    """
    with ExitStack() as stack:
        library = Library(service.library, quota_mb=service.quota_mb)
        stack.callback(library.close)
        metrics = Metrics()
        makers, exchange = _makers(service, stack)

        @asynccontextmanager
        async def start(_app: FastAPI) -> AsyncIterator[Jobs]:
            jobs = Jobs(
                library,
                makers,
                exchange=exchange,
                metrics=metrics,
                limit=service.queue,
                length_s=service.length_s,
            )
            server.jobs = jobs
            jobs.resume()
            tidying = asyncio.create_task(_tidy(library))
            if ready is not None:
                threading.Thread(target=ready, daemon=True).start()
            yield jobs
            tidying.cancel()
            await jobs.close()

        hosts = (*LOOPBACK, *service.hosts)
        server = _Server(
            uvicorn.Config(
                app.create(library, start, metrics, hosts=hosts),
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # a caller is who it is, not who it says
                timeout_graceful_shutdown=5,
                timeout_keep_alive=30,
                limit_concurrency=500,
                h11_max_incomplete_event_size=32 << 10,
            )
        )
        server.run(sockets=[listener])


async def _tidy(library: Library) -> None:
    """Remove, now and then, what was deleted a while ago."""
    while True:
        await asyncio.sleep(TIDY_EVERY_S)
        with suppress(sqlite3.Error, OSError):
            await asyncio.to_thread(library.tidy)


def _makers(service: Service, stack: ExitStack) -> tuple[Makers, Exchange]:
    """Start those who make songs, and the line on which they say what exists."""
    if service.dask is not None:
        makers = stack.enter_context(workers.dask(service.dask))
        exchange = Exchange(urlsplit(service.dask).hostname)
    else:
        # A second listener should not wait for the first one's song to be complete.
        makers = stack.enter_context(workers.local(service.workers, least=2))
        exchange = Exchange()
        for _ in range(makers.slots):
            makers.executor.submit(maker.warm_up, makers.share)
    stack.callback(exchange.close)
    return makers, exchange


class _Server(uvicorn.Server):
    """Ends streams of events at a signal: it would wait for them otherwise."""

    jobs: Jobs | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.jobs is not None:
            self.jobs.hang_up()
        super().handle_exit(sig, frame)
