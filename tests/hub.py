"""Servers on this machine that stand in for a Hugging Face hub and for an inference endpoint."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Asked", "Hub", "Reply", "serving"]


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What is answered; with ``break_after`` the line breaks after so many bytes."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    break_after: int | None = None

    @classmethod
    def json(cls, content: Any, status: int = 200, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(
            status, json.dumps(content).encode(), {"Content-Type": "application/json"} | named
        )


@contextmanager
def serving(answer: Callable[[Asked], Reply]) -> Iterator[str]:
    """Answer requests from other threads; gives the server's address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer(Asked(self.command, self.path, headers, body))
            try:
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(reply.body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body[: reply.break_after])
            except OSError:  # nobody waits for it any more
                self.close_connection = True
            if reply.break_after is not None:
                self.close_connection = True

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.socket.close()


@dataclass
class Hub:
    """A hub with one repository; what is large lies on another host, as it does in truth.

    Parameters
    ----------
    repo : str
    files : dict of name to content
    breaks : dict of name to int
        Files in whose midst the line breaks, once, after so many bytes.
    damaged : set of str
        Files that arrive changed.
    refuses : int
        The status with which files are refused, 0 for none.
    """

    repo: str
    files: dict[str, bytes]
    licence: str = "cc-by-nc-4.0"
    breaks: dict[str, int] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    refuses: int = 0
    ranges: bool = True
    asked: list[Asked] = field(default_factory=list)

    def loaded(self) -> list[str]:
        """Return the names of the files that were fetched, in order."""
        return [a.path.rpartition("/main1/")[2] for a in self.asked if "/cdn/" in a.path] + [
            a.path.rpartition("/main1/")[2]
            for a in self.asked
            if "/resolve/" in a.path and not self._large(a.path.rpartition("/main1/")[2])
        ]

    @staticmethod
    def _large(name: str) -> bool:
        return not name.endswith((".json", ".txt", ".md", ".py"))

    def answer(self, asked: Asked) -> Reply:
        """Answer as a hub does."""
        self.asked.append(asked)
        path, _, query = asked.path.partition("?")
        if path == f"/api/models/{self.repo}":
            return Reply.json(self._info("blobs=" in query))
        name = path.rpartition("/main1/")[2]
        if not path.startswith((f"/{self.repo}/resolve/main1/", "/cdn/")) or name not in self.files:
            return Reply(404)
        if self.refuses:
            return Reply(self.refuses, headers={"X-Error-Code": "GatedRepo"})
        if self._large(name) and not path.startswith("/cdn/"):
            port = asked.headers["host"].rpartition(":")[2]
            return Reply(302, headers={"Location": f"http://localhost:{port}/cdn/main1/{name}"})
        return self._file(name, asked)

    def _info(self, blobs: bool) -> dict[str, Any]:
        rows = []
        for name, content in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            row: dict[str, Any] = {"rfilename": name}
            if blobs:
                row |= {"size": len(content), "blobId": blob}
            if blobs and self._large(name):
                sha256 = hashlib.sha256(content).hexdigest()
                row["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
            rows.append(row)
        return {
            "id": self.repo,
            "sha": "main1",
            "siblings": rows,
            "cardData": {"license": self.licence},
        }

    def _file(self, name: str, asked: Asked) -> Reply:
        content = self.files[name]
        if name in self.damaged:
            content = b"?" + content[1:]
        status, headers = 200, {}
        wish = asked.headers.get("range", "")
        if wish and self.ranges:
            start = int(wish.removeprefix("bytes=").partition("-")[0])
            headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            status, content = 206, content[start:]
        return Reply(status, content, headers, break_after=self.breaks.pop(name, None))
