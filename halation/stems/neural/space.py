"""Asking a model that runs on a Hugging Face Space, by Gradio's API.

Three steps: a function and what it wants are found in the Space's description, it is called, and
its stream of events is followed to the path of a sound file.
"""

from __future__ import annotations

import math
import re
from typing import Any
from urllib.parse import quote

from halation.stems.neural.endpoint import Endpoint, Missing, parsed, split
from halation.types import BackendError

__all__ = ["Space", "connect"]


def connect(url: str) -> Endpoint:
    """Return what speaks the protocol of a URL; errors as for :class:`Endpoint`."""
    host, path = (split(url).hostname or ""), split(url).path
    page = re.fullmatch(r"/spaces/([^/]+)/([^/]+)/?", path)
    if host == "huggingface.co" and page:
        place = re.sub(r"[^a-z0-9]+", "-", f"{page[1]}-{page[2]}".lower())
        return Space(f"https://{place}.hf.space")
    if host.endswith(".hf.space") or "/call/" in path:
        return Space(url)
    return Endpoint(url)


class Space(Endpoint):
    """A Space, spoken to by Gradio's API: its first function that turns words into a sound.

    A URL that ends in ``/gradio_api/call/NAME`` names the function.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        parts = split(url)
        before, named, name = parts.path.partition("/call/")
        self._name = f"/{name.strip('/')}" if named else ""
        before = before.removesuffix("/gradio_api").rstrip("/") if named else ""
        self._root = f"{parts.scheme}://{parts.netloc}{before}"

    async def _ask(self, prompt: str, duration_s: float, seed: int) -> tuple[str, bytes]:
        api, info = await self._info()
        name, values = self._wish(info, prompt, duration_s, seed)
        _, body = await self.send("POST", f"{api}/call{name}", {"data": values})
        ticket = parsed(body)
        event = ticket.get("event_id") if isinstance(ticket, dict) else None
        if not isinstance(event, str) or not re.fullmatch(r"[\w-]+", event):
            raise BackendError(f"{self.host} does not answer as a Gradio Space does")
        _, body = await self.send("GET", f"{api}/call{name}/{event}")
        path = _first_path(self._outcome(body))
        if path is None:
            raise BackendError(f"{self.host}: {name} gave no sound")
        return await self.send("GET", f"{api}/file={quote(path)}")

    async def _info(self) -> tuple[str, Any]:
        """Return where the API is, which differs between versions, and what it offers."""
        for prefix in ("/gradio_api", ""):
            try:
                _, body = await self.send("GET", f"{self._root}{prefix}/info")
            except Missing:
                if not prefix:
                    raise
                continue
            found = parsed(body)
            if isinstance(found, dict) and isinstance(found.get("named_endpoints"), dict):
                return f"{self._root}{prefix}", found["named_endpoints"]
        raise BackendError(f"{self.host} is no Space that speaks Gradio's API")

    def _wish(
        self, info: dict[str, Any], prompt: str, duration_s: float, seed: int
    ) -> tuple[str, list[Any]]:
        """Choose a function, and fill in what it asks for: words, length, seed, defaults."""
        for name, function in info.items():
            try:
                if self._name not in ("", name) or not re.fullmatch(r"(/[\w.-]+)+", name):
                    continue
                rows = [_Field(row) for row in function["parameters"]]
                sounds = any(row.get("component") == "Audio" for row in function["returns"])
            except (KeyError, TypeError, AttributeError):
                continue
            words = [row for row in rows if row.is_text and "negative" not in row.name]
            words.sort(key=lambda row: not row.means("prompt", "text", "description", "caption"))
            if words and (sounds or self._name):
                return name, [
                    prompt if row is words[0] else row.value(duration_s, seed) for row in rows
                ]
        wanted = self._name or "function that turns words into a sound"
        raise BackendError(f"{self.host} has no {wanted}; it has: {', '.join(info) or 'none'}")

    def _outcome(self, body: bytes) -> Any:
        """Return the data of an event stream's last word."""
        event = ""
        for line in body.decode(errors="replace").splitlines():
            kind, _, value = line.partition(":")
            if kind == "event":
                event = value.strip()
            elif kind == "data" and event == "complete":
                return parsed(value.encode())
            elif kind == "data" and event == "error":
                raise BackendError(f"{self.host} failed{self.reason(value.encode())}")
        raise BackendError(f"{self.host} ended without an answer: try again later")


class _Field:
    """What a Gradio function asks for."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.name = f"{row.get('parameter_name', '')} {row.get('label', '')}".lower()
        self._kind = str(row.get("type", {}).get("type", ""))
        self._default = row.get("parameter_default")
        self.is_text = self._kind == "string" and row.get("component") == "Textbox"

    def means(self, *words: str) -> bool:
        return any(word in self.name for word in words)

    def value(self, duration_s: float, seed: int) -> Any:
        """Return what is filled in that is not the prompt."""
        if self._kind in ("number", "integer"):
            if self.means("duration", "length", "seconds"):
                return math.ceil(duration_s)
            if self.means("seed"):
                return seed
        if self._kind == "boolean" and self.means("random"):
            return False
        return "" if self._default is None and self._kind == "string" else self._default


def _first_path(data: Any) -> str | None:
    """Return the path of the first file in what a Gradio function gave."""
    if isinstance(data, dict) and isinstance(data.get("path"), str):
        return str(data["path"])
    rows = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return next((path for path in map(_first_path, rows) if path is not None), None)
