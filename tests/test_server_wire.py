"""The line between a maker and the server holds whoever else calls."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

import pytest

from halation.server.models import Event
from halation.server.wire import Exchange, Line, Stopped
from tests.served import LONG_S, until


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    exchange = Exchange("127.0.0.1")
    yield exchange
    exchange.close()


def tell(exchange: Exchange) -> None:
    """Check that a maker is heard, and hears that it should stop."""
    heard: list[tuple[str, bytes]] = []
    place = exchange.expect(lambda kind, body: heard.append((kind, body)))
    line = Line(place)
    line.tell(Event(kind="started"))
    line.send("frames", bytes(range(256)))
    until(lambda: heard == [("started", b'{"kind":"started"}'), ("frames", bytes(range(256)))])
    exchange.stop(place)
    until(lambda: line.stopped)
    with pytest.raises(Stopped):
        line.tell(Event(kind="started"))
    line.close()


def test_a_maker_is_heard(exchange: Exchange) -> None:
    tell(exchange)


def test_callers_that_hang_up_or_say_nothing_keep_nobody_out(exchange: Exchange) -> None:
    address = exchange.expect(lambda *_: None).address
    assert isinstance(address, tuple)
    silent = [socket.create_connection(address) for _ in range(5)]
    for _ in range(5):
        hasty = socket.create_connection(address)
        hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        hasty.close()  # by a reset
    tell(exchange)
    for caller in silent:
        caller.close()
    tell(exchange)


def test_a_caller_without_the_key_hears_nothing(exchange: Exchange) -> None:
    place = exchange.expect(lambda *_: pytest.fail("a stranger was heard"))
    with pytest.raises(AuthenticationError):
        Client(place.address, authkey=b"guess").send_bytes(place.call)
    tell(exchange)


def test_close_ends_the_listening() -> None:
    before = {t for t in threading.enumerate() if t.name == "exchange"}
    exchange = Exchange()
    (thread,) = {t for t in threading.enumerate() if t.name == "exchange"} - before
    exchange.close()
    thread.join(LONG_S)
    assert not thread.is_alive()
