"""Asking a model that runs elsewhere, on an inference endpoint.

Whoever waits can stop it at any time. The token goes into one header and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable, Coroutine
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlsplit

from halation import backends
from halation.types import BackendError

__all__ = ["Endpoint", "Missing", "Rejected", "parsed", "split"]

T = TypeVar("T")

POLL_S: Final = 0.1
CONNECT_S: Final = 10.0
ANSWER_S: Final = 300.0
"""How long one answer may take."""
WAKE_S: Final = 600.0
"""How long an endpoint may take to wake up."""
WAKE_PAUSE_S: Final = 5.0
TURNS: Final = 5
"""How often an answer is asked for that is refused because too many ask."""
TURN_S: Final = 10.0
LONGEST_PAUSE_S: Final = 120.0
MOST_BYTES: Final = 300_000_000
FRAMES_PER_S: Final = 50
"""Of MusicGen, whose length is asked for in frames."""

_OURS: Final = ("localhost", "127.0.0.1", "::1")
_TRUSTED: Final = ("huggingface.co", "huggingface.cloud", "hf.space", "hf.co")
"""Whose hosts are sent the token."""
_ACCEPT: Final = "audio/wav, audio/*, application/json"


class Rejected(BackendError):
    """The endpoint could not work with what it was asked."""


class Missing(BackendError):
    """There is nothing at an address."""


class Endpoint:
    """An inference endpoint: words and parameters in, a sound or a list of numbers out.

    Parameters
    ----------
    url : str
        ``https://…``, or ``http://`` on this machine.

    Raises
    ------
    BackendError
        If the URL is none, or words and token would travel openly.
    """

    def __init__(self, url: str) -> None:
        parts = split(url)
        self.host = parts.hostname or ""
        if parts.scheme == "http" and self.host not in _OURS:
            raise BackendError(
                f"{self.host} is asked by plain http, which everybody on the way can read: "
                "use https"
            )
        self._url = url
        self._token = ""
        self._shape = 0
        self._answered = False

    @property
    def seeded(self) -> bool:
        """Whether it takes a seed, so far as is known."""
        return self._shape == 0

    def ask(self, prompt: str, duration_s: float, seed: int) -> tuple[str, bytes]:
        """Ask for a sound.

        Returns
        -------
        (str, bytes)
            What the answer says it is, and itself.

        Raises
        ------
        BackendError
            If there is no answer to work with; the message says what to do.
        """
        self._token = _token(self.host)
        answer = _run(self._ask(prompt, duration_s, seed))
        self._answered = True
        return answer

    async def _ask(self, prompt: str, duration_s: float, seed: int) -> tuple[str, bytes]:
        while True:
            parameters = _SHAPES[self._shape](duration_s, seed)
            try:
                return await self.send(
                    "POST", self._url, {"inputs": prompt, "parameters": parameters}
                )
            except Rejected:  # handlers differ in what they can be told, some stumble over a seed
                if self._answered or self._shape + 1 == len(_SHAPES):
                    raise
                self._shape += 1

    async def send(self, method: str, url: str, content: Any = None) -> tuple[str, bytes]:
        """Send a request until it is answered, waiting as the endpoint asks for."""
        from huggingface_hub import get_async_session

        waits = _Waits(self.host)
        async with get_async_session() as session:
            while True:
                status, headers, body = await self._try(session, method, url, content)
                if status == 200:
                    return str(headers.get("content-type", "")), body
                if status not in (429, 503):
                    raise self._error(status, body)
                await waits.wait(status, headers, body)

    async def _try(
        self, session: Any, method: str, url: str, content: Any
    ) -> tuple[int, Any, bytes]:
        import httpx2
        from huggingface_hub.errors import OfflineModeIsEnabled

        headers = {"Accept": _ACCEPT}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = bytearray()
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                session.stream(
                    *(method, url),
                    json=content,
                    headers=headers,
                    follow_redirects=False,  # who knows whom the words would go to
                    timeout=httpx2.Timeout(None, connect=CONNECT_S),
                ) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise BackendError(f"{self.host} answers without end")
        except TimeoutError as error:
            raise BackendError(
                f"{self.host} gave no answer within {ANSWER_S:g} s: see on its page whether it "
                "works, or choose a smaller model"
            ) from error
        except OfflineModeIsEnabled as error:
            raise BackendError(
                f"HF_HUB_OFFLINE is set, so {self.host} is not asked: unset it"
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = " ".join(str(error).split())[:80] or type(error).__name__
            raise BackendError(
                f"{self.host} cannot be reached ({reason}): are you online, and is the URL right?"
            ) from error
        return answer.status_code, answer.headers, bytes(body)

    def _error(self, status: int, body: bytes) -> BackendError:
        """Return what an answer that is none means, in one line."""
        reason = self.reason(body)
        if status in (401, 403):
            if self._token:
                cure = "your token may not use it"
            elif _trusts(self.host):
                cure = "set HF_TOKEN, or log in with: hf auth login"
            else:
                cure = "it wants a token, and yours is sent to Hugging Face's hosts alone"
            return BackendError(f"{self.host} refuses ({status}): {cure}")
        if status == 402:
            return BackendError(f"{self.host} wants to be paid (402){reason}")
        if status in (404, 405):
            return Missing(
                f"{self.host} has no model at that address ({status}): give the endpoint's own URL"
            )
        if 300 <= status < 400:
            return BackendError(f"{self.host} sends elsewhere ({status}): give the final URL")
        if status in (400, 422, 500):
            return Rejected(f"{self.host} could not play what it was asked ({status}){reason}")
        return BackendError(f"{self.host} failed ({status}){reason}: try again later")

    def reason(self, body: bytes) -> str:
        """Return what an endpoint says of its error, cleaned."""
        found = parsed(body)
        if isinstance(found, dict):
            found = found.get("error", found.get("detail", ""))
        text = found if isinstance(found, str) else json.dumps(found) if found else ""
        if self._token:
            text = text.replace(self._token, "…")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return f": {text[:120]}" if text else ""


class _Waits:
    """The pauses that an endpoint asks for, and when it is enough."""

    def __init__(self, host: str) -> None:
        self._host, self._watch = host, backends.watch()
        self._began = time.monotonic()
        self._turns = 0

    async def wait(self, status: int, headers: Any, body: bytes) -> None:
        """Wait until it may be asked again, or raise BackendError."""
        asked_s = _retry_after(headers, body)
        if status == 429:
            self._turns += 1
            pause_s = TURN_S if asked_s is None else asked_s
            if self._turns >= TURNS or pause_s > LONGEST_PAUSE_S:
                raise BackendError(
                    f"{self._host} is asked too often (429): try again in {pause_s:.0f} s"
                )
            await self._rest(pause_s, "is asked too often and wants a pause")
            return
        spent_s = time.monotonic() - self._began
        if spent_s >= WAKE_S:
            raise BackendError(
                f"{self._host} did not wake up within {WAKE_S:g} s (503): see its page, and try "
                "again"
            )
        pause_s = WAKE_PAUSE_S if asked_s is None else asked_s
        pause_s = min(pause_s, LONGEST_PAUSE_S, WAKE_S - spent_s)
        await self._rest(pause_s, f"is waking up, since {spent_s:.0f} s")

    async def _rest(self, seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0.0:
            self._watch.show(f"{self._host} {what}; asking again in {left_s:.0f} s")
            await asyncio.sleep(min(left_s, 1.0))


def split(url: str) -> SplitResult:
    """Return the parts of a URL; BackendError if it is none that can be asked."""
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in ("http", "https") and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise BackendError("an endpoint is given by its URL, such as --endpoint https://…")


def _full(duration_s: float, seed: int) -> dict[str, Any]:
    return {"duration": math.ceil(duration_s), "seed": seed, **_plain(duration_s, seed)}


def _plain(duration_s: float, _seed: int) -> dict[str, Any]:
    """Return what MusicGen's handler hands on to ``generate``."""
    return {"max_new_tokens": math.ceil(duration_s * FRAMES_PER_S) + 4, "do_sample": True}


def _nested(duration_s: float, seed: int) -> dict[str, Any]:
    """Return what a bare pipeline of transformers takes."""
    return {"generate_kwargs": _plain(duration_s, seed)}


_SHAPES: Final[tuple[Callable[[float, int], dict[str, Any]], ...]] = (_full, _plain, _nested)
"""How parameters are written, the most telling first."""


def _trusts(host: str) -> bool:
    return host in _OURS or any(host == t or host.endswith(f".{t}") for t in _TRUSTED)


def _token(host: str) -> str:
    """Return the token of HF_TOKEN or the hub's own login, empty where it is none of the host's."""
    from huggingface_hub import get_token

    return (get_token() or "") if _trusts(host) else ""


def parsed(body: bytes) -> Any:
    """Read JSON, None where it is none."""
    try:
        return json.loads(body)
    except ValueError:  # of wrong bytes, too
        return None


def _retry_after(headers: Any, body: bytes) -> float | None:
    """Return how long to wait, as the header says, or the cold start's estimate."""
    text = headers.get("retry-after", "").strip()
    try:
        if text.isdigit():
            return float(text)
        if text:
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        pass
    found = parsed(body)
    estimate = found.get("estimated_time") if isinstance(found, dict) else None
    return max(0.0, float(estimate)) if isinstance(estimate, int | float) else None


def _run(making: Coroutine[Any, Any, T]) -> T:
    """Wait for an answer; stop within a tenth of a second when nobody waits any more."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(_watched(making))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()  # a name server that is still being asked is not waited for


async def _watched(making: Coroutine[Any, Any, T]) -> T:
    watch = backends.watch()
    task = asyncio.ensure_future(making)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=POLL_S)
            watch.go_on()
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
