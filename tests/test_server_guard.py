"""Hostile callers: wrong hosts, foreign origins, huge bodies, floods, traversal, nonsense."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from starlette.types import Message, Receive, Scope, Send

from halation.server.app import describe
from halation.server.guard import MAX_BODY_BYTES, Guard
from halation.server.models import Wish
from halation.types import BriefError, Key
from tests.served import Kitchen, make, served


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(tmp_path_factory.mktemp("library"), Kitchen()) as client:
        yield client


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil", "", "a b", "[::"]
)
def test_other_hosts_are_refused(client: httpx.Client, host: str) -> None:
    for path in ("/", "/api/about", "/healthz"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 400
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://"])
def test_foreign_pages_change_nothing(client: httpx.Client, origin: str) -> None:
    song = make(client)
    path = f"/api/songs/{song['id']}"
    for method, where in [
        ("POST", "/api/songs"), ("PATCH", path), ("DELETE", path), ("POST", f"{path}/stems"),
        ("PUT", "/api/settings"), ("POST", f"{path}/restore"),
    ]:  # fmt: skip
        answer = client.request(method, where, headers={"Origin": origin})
        assert answer.status_code == 403, (method, where)
    assert client.get(path).json()["title"] == song["title"]
    fetch_site = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/api/songs", json={}, headers=fetch_site).status_code == 403


def test_our_own_page_may(client: httpx.Client) -> None:
    origin = str(client.base_url).rstrip("/")
    assert client.post("/api/songs", json={}, headers={"Origin": origin}).status_code == 202


def test_huge_bodies_are_refused(client: httpx.Client) -> None:
    big = b'{"text": "' + b"x" * MAX_BODY_BYTES + b'"}'
    json_type = {"Content-Type": "application/json"}
    assert client.post("/api/songs", content=big, headers=json_type).status_code == 413

    def drip() -> Iterator[bytes]:
        for start in range(0, len(big), 10_000):
            yield big[start : start + 10_000]

    with suppress(httpx.WriteError):  # the server may hang up before all is sent
        assert client.post("/api/songs", content=drip(), headers=json_type).status_code == 413
    assert client.post("/api/songs", json={"text": "x" * 10_001}).status_code == 422
    assert client.post("/api/songs", json={"text": "\u96e8" * 10_000}).status_code == 202


def test_floods_are_told_to_wait() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    guard = Guard(app, hosts=("*",))

    async def call(path: str, method: str, client: str) -> dict[str, Any]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "client": (client, 1),
            "headers": [(b"host", b"x")],
        }  # fmt: skip
        await guard(scope, receive, send)
        return dict(sent[0])

    async def flood() -> AsyncIterator[dict[str, Any]]:
        for _ in range(120):
            yield await call("/api/songs", "POST", "10.0.0.1")

    async def run() -> None:
        answers = [answer async for answer in flood()]
        codes = [answer["status"] for answer in answers]
        assert codes[:80] == [200] * 80
        assert codes[-1] == 429
        headers = dict(answers[-1]["headers"])
        assert int(headers[b"retry-after"]) >= 1
        # Others, and other calls of the same client, are not held up.
        assert (await call("/api/songs", "POST", "10.0.0.2"))["status"] == 200
        assert (await call("/api/about", "GET", "10.0.0.1"))["status"] == 200

    asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/assets/../../app.py",
        "/..%2f..%2fapp.py",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/songs/{id}/files/../../../library.db",
        "/api/songs/{id}/files/..%2f..%2f..%2flibrary.db",
        "/api/songs/{id}/files/%2fetc%2fpasswd",
        "/api/songs/{id}/files/entry.json",
        "/api/songs/{id}/files/song.mp3%00.png",
        "/api/songs/..%2f..%2f/files/song.mp3",
        "/api/songs/%00",
    ],
)
def test_no_path_leaves_the_library(client: httpx.Client, path: str) -> None:
    song = make(client)
    raw = path.replace("{id}", song["id"]).encode()
    url = client.base_url.copy_with(raw_path=raw)
    answer = client.get(url)
    assert answer.status_code in (400, 404, 405), answer.text
    assert b"root:" not in answer.content
    assert b"SQLite" not in answer.content


def test_every_answer_says_what_may_load(client: httpx.Client) -> None:
    for path in ("/", "/api/about", "/api/songs/none", "/nothing"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"seed": -1}', 422),
        (b'{"seed": 9007199254740992}', 422),
        (b'{"seed": 1e400}', 422),
        (b'{"seed": NaN}', 422),
        (b'{"length_s": 1e999}', 422),
        (b'{"length_s": 5}', 422),
        (b'{"key": "H sharp"}', 422),
        (b'{"text": "\\ud800"}', 422),
        (b'{"text": "\xff"}', 400),
        (b'{"text": "a\\u0000b"}', 202),
        (b'{"surprise": 1}', 422),
        (b"[" * 100_000, 400),
        (b'{"text": "' + "𓂀".encode() * 500 + b'"}', 202),
    ],
)
def test_odd_wishes_get_a_clear_answer(client: httpx.Client, content: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/songs", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    if status != 202:
        problem = answer.json()
        assert problem["detail"]
        assert isinstance(problem["where"], list)


schema = schemathesis.openapi.from_dict(describe())
schema.config.generation.update(modes=list(GenerationMode))


@schema.parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_interface_holds_against_its_own_description(
    case: schemathesis.Case[Any], client: httpx.Client
) -> None:
    response = case.call(base_url=str(client.base_url), timeout=20)
    assert response.status_code < 500, response.text
    case.validate_response(response)


@pytest.mark.parametrize("key", ["F# minor", " bb ", "Am", "e♭ LYDIAN", "CM", "d Dorian"])
def test_a_key_that_is_read_is_one_that_the_interface_describes(key: str) -> None:
    Key.parse(key)
    assert re.search(pattern_of_key(), key)


@pytest.mark.parametrize("key", ["H", "F# mixolydian", "", "C##"])
def test_a_key_that_is_not_read_is_not_described(key: str) -> None:
    with pytest.raises(BriefError):
        Key.parse(key)
    assert not re.search(pattern_of_key(), key)


def pattern_of_key() -> str:
    described = Wish.model_json_schema()["properties"]["key"]["anyOf"][0]
    return str(described["pattern"])
