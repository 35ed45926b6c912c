"""Who is let in: known hosts, our own origin, small bodies, and not too often; and what may load.

Plain ASGI, so that streams pass through untouched.
"""

from __future__ import annotations

import json
import re
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CONTENT_POLICY", "MAX_BODY_BYTES", "Guard"]

MAX_BODY_BYTES: Final = 256 << 10
"""A text of 10,000 characters, each escaped as JSON may."""
MAX_MIDI_BYTES: Final = 2 << 20
"""The longest song's own MIDI file has some hundred kilobytes."""

CONTENT_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing from elsewhere, nothing inline."""

_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

_SAFE: Final = ("GET", "HEAD", "OPTIONS")

CALLS: Final = (1_500.0, 300.0)
WISHES: Final = (80.0, 2.0)
"""A client's calls at once, and again a second: of any kind, and for songs."""

CLIENTS_KEPT: Final = 1_000


class _Bucket:
    """A client's allowance: full at first, and filled again at a steady rate."""

    __slots__ = ("_at", "_left", "_rate", "_size")

    def __init__(self, size: float, rate: float) -> None:
        self._size, self._rate, self._left = size, rate, size
        self._at = time.monotonic()

    def take(self) -> float:
        """Take one call, and return 0; or the seconds until there will be one."""
        now = time.monotonic()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1.0:
            return (1.0 - self._left) / self._rate
        self._left -= 1.0
        return 0.0


class Guard:
    """The outermost layer of the server.

    Parameters
    ----------
    app : ASGI application
    hosts : tuple of str
        Names by which the server may be called, without a port; ``*`` admits every one.
    """

    def __init__(self, app: ASGIApp, *, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = frozenset(host.casefold() for host in hosts)
        self._buckets: OrderedDict[tuple[str, bool], _Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say in one line why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        body = _Body(receive, _most(scope["path"]))

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                body.answered = True
            await send(message)

        async def send_unless_large(message: Message) -> None:
            if not body.too_large:  # what is answered to a body cut short is of no interest
                await send_guarded(message)

        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal is None:
            with suppress(_TooLarge):
                await self._app(scope, body.receive, send_unless_large)
            if body.too_large and not body.answered:
                refusal = 413, _too_large(scope["path"]), 0.0
        if refusal is not None:
            await _refuse(send_guarded, *refusal)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, float] | None:
        host = headers.get("host", "")
        if "*" not in self._hosts and _name(host) not in self._hosts:
            return 400, f"this server is not called {host[:80]!r}; see --allow-host", 0.0
        method = scope["method"]
        if method not in _SAFE and not _own_origin(headers, host):
            return 403, "a page from elsewhere may not change anything here", 0.0
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _most(scope["path"]):
            return 413, _too_large(scope["path"]), 0.0
        client = (scope.get("client") or ("",))[0]
        wait_s = self._bucket(client, songs=False).take()
        if not wait_s and method == "POST" and _ASKING.fullmatch(scope["path"]):
            wait_s = self._bucket(client, songs=True).take()
        if wait_s:
            return 429, "too many requests; wait a moment", wait_s
        return None

    def _bucket(self, client: str, *, songs: bool) -> _Bucket:
        found = self._buckets.pop((client, songs), None) or _Bucket(*(WISHES if songs else CALLS))
        self._buckets[client, songs] = found
        while len(self._buckets) > CLIENTS_KEPT:
            self._buckets.popitem(last=False)
        return found


_ASKING: Final = re.compile(r"/api/songs(/[^/]*/(again|shape|midi))?")
"""Where songs are asked for."""


def _most(path: str) -> int:
    return MAX_MIDI_BYTES if path.endswith("/midi") else MAX_BODY_BYTES


def _too_large(path: str) -> str:
    return f"the request is larger than {_most(path) >> 10} KiB"


class _TooLarge(Exception):
    pass


class _Body:
    """Counts what comes in, since a sender may not say its length."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._count = receive, most, 0
        self.answered = False

    @property
    def too_large(self) -> bool:
        return self._count > self._most

    async def receive(self) -> Message:
        message = await self._receive()
        self._count += len(message.get("body", b""))
        if self.too_large:
            raise _TooLarge
        return message


def _name(host: str) -> str:
    """Return a Host header's name without its port.

    Examples
    --------
    >>> _name("localhost:80"), _name("[::1]:80"), _name("::1"), _name("a b")
    ('localhost', '::1', '', '')
    """
    try:
        return (
            (urlsplit(f"//{host}").hostname or "") if host.isprintable() and " " not in host else ""
        )
    except ValueError:
        return ""


def _own_origin(headers: Headers, host: str) -> bool:
    """Whether a change comes from our page, or from a program, which sends no Origin."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    return origin.casefold() in (f"http://{host}".casefold(), f"https://{host}".casefold())


async def _refuse(send: Send, status: int, detail: str, wait_s: float = 0.0) -> None:
    body = json.dumps({"detail": detail, "where": []}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if wait_s:
        headers.append((b"retry-after", b"%d" % max(1, round(wait_s + 0.5))))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
