"""A real server on a real port for tests, whose songs are made at once by a fake."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from halation import files
from halation.pipeline import Artefact
from halation.server import app, maker, run, view
from halation.server.feed import Feed
from halation.server.jobs import Jobs
from halation.server.library import Library
from halation.server.maker import Made, Order
from halation.server.metrics import Metrics
from halation.server.models import Event
from halation.server.wire import Exchange, Line, Stopped
from halation.types import SAMPLE_RATE, Audio, Block, Brief, Song, Stem
from halation.workers import Makers
from tests.fakes import fake_song

LONG_S = 60.0
"""What takes longer will not come."""


def until(what: Callable[[], Any]) -> Any:
    """Wait for something to be true, and return it."""
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        threading.Event().wait(0.02)
    raise AssertionError("it did not come true")


class Kitchen(Executor):
    """Makes the fake song for every order, in a thread; a test may hold it back or spoil it.

    ``gate`` must be set for a song to go on after its form, ``more`` for the second half of its
    sound; ``spoil`` is raised instead of songs, and ``spoil_late`` instead of their second halves,
    one after another.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.more = threading.Event()
        self.more.set()
        self.spoil: list[BaseException] = []
        self.spoil_late: list[BaseException] = []
        self.orders: list[Order] = []
        self._pool = ThreadPoolExecutor(2)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Answer an order."""
        assert not kwargs
        (order,) = args
        self.orders.append(order)
        return self._pool.submit(self._stems if fn is maker.make_stems else self._make, order)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let everything go on and end."""
        self.gate.set()
        self.more.set()
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)

    def _make(self, order: Order) -> Made:
        assert order.folder is not None
        brief = order.brief or Brief(0, "made of another one")
        line = Line(order.socket)
        try:
            song = _song()
            line.tell(view.event_of(song.score.form.mood))
            line.tell(view.event_of(song.score.form))
            _wait(line, self.gate)
            if self.spoil:
                raise self.spoil.pop(0)
            line.tell(view.event_of(song.score))
            line.tell(view.event_of(song.mix.plan))
            feed = Feed(line, order.sound, song.score.n_samples)
            for block, sound in _blocks():
                feed.see(block.start, block.master)
                feed.hear(sound, (block.start + block.master.n_samples) / SAMPLE_RATE)
                _wait(line, self.more)
                if self.spoil_late:
                    raise self.spoil_late.pop(0)
            line.tell(feed.whole(song.measures))
            return replace(_written(brief, Path(order.folder)), said=line.said)
        finally:
            line.close()

    def _stems(self, order: Order) -> Made:
        assert order.folder is not None
        line = Line(order.socket)
        song = _song()
        for stem in song.mix.stems.tracks:
            files.audio.write_flac(Path(order.folder, f"{stem.name}.flac"), stem.audio)
            line.tell(Event(kind="stem", stem=stem.name))
        line.close()
        return Made("Neon Rain", 0.5, song.master.duration_s, {}, 1.5, said=line.said)


@cache
def _song() -> Song:
    return fake_song()


@cache
def _files() -> tuple[Made, Path]:
    """Write the fake song once; every order gets a copy."""
    place = Path(tempfile.mkdtemp(prefix="halation-test-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)

    made = maker.record(making_of(_song()), place, Line(None), "", stems=False)
    return replace(made, seconds=0.5), place


def making_of(song: Song, *, stems: bool = False) -> Generator[Artefact, None, None]:
    """Yield a song that is there already as if it were made now, in two blocks."""
    yield song.score
    yield from halves_of(song, stems=stems)
    yield song


def halves_of(song: Song, *, stems: bool = False) -> Iterator[Block]:
    """Yield a song's two blocks."""
    n, middle = song.master.n_samples, song.master.n_samples // 2
    for start, end in ((0, middle), (middle, n)):

        def cut(sound: Audio, start: int = start, end: int = end) -> Audio:
            return Audio(sound.samples[:, start:end].copy())

        tracks = song.mix.stems.tracks if stems else ()
        cuts = tuple(Stem(stem.name, cut(stem.audio)) for stem in tracks)
        mix = cut(song.mix.audio) if stems else None
        yield Block(start, cut(song.master), start, mix, cuts)


@cache
def _blocks() -> list[tuple[Block, bytes]]:
    """Return the fake song's halves with their frames of the MP3."""
    made, place = _files()
    frames = frames_of((place / made.files["song.mp3"][0]).read_bytes())
    cut = len(frames) // 2
    return list(zip(halves_of(_song()), (frames[:cut], frames[cut:]), strict=True))


def frames_of(mp3: bytes) -> bytes:
    """Return what comes after the tag and the silent frame that an MP3 begins with."""
    size = 0
    for byte in mp3[6:10]:
        size = size << 7 | byte
    return mp3[10 + size + 417 :]


def _wait(line: Line, gate: threading.Event) -> None:
    while not gate.wait(0.01):
        if line.stopped:
            raise Stopped


def _written(brief: Brief, folder: Path) -> Made:
    made, place = _files()
    shutil.copytree(place, folder, dirs_exist_ok=True)
    drawn = json.loads((folder / "view.json").read_text())
    drawn |= {"seed": brief.seed, "text": brief.text}
    (folder / "view.json").write_text(json.dumps(drawn))
    return replace(made, title=f"Neon Rain {brief.seed}", seconds=0.5)


@contextmanager
def served(
    folder: Path,
    kitchen: Executor,
    *,
    slots: int = 1,
    limit: int = 32,
    quota_mb: int = 5_000,
    remote: bool = False,
) -> Iterator[httpx.Client]:
    """Serve a library; the client asks as a program would, without an Origin."""
    library = Library(folder, quota_mb=quota_mb)
    metrics, exchange = Metrics(), Exchange()
    jobs: Jobs | None = None

    @asynccontextmanager
    async def start(_app: FastAPI) -> AsyncIterator[Jobs]:
        nonlocal jobs
        makers = Makers(kitchen, slots, remote=remote)
        jobs = Jobs(library, makers, exchange=exchange, metrics=metrics, limit=limit)
        jobs.resume()
        yield jobs
        await jobs.close()

    page = folder / "page"
    page.mkdir(exist_ok=True)
    (page / "index.html").write_text("<!doctype html><title>halation</title>")
    listener = run.listen("127.0.0.1", 0)
    server = uvicorn.Server(
        uvicorn.Config(
            app.create(library, start, metrics, hosts=("127.0.0.1",), page_folder=page),
            log_config=None,
            timeout_graceful_shutdown=5,
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30.0
        ) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
        kitchen.shutdown()
        exchange.close()
        listener.close()
        library.close()


def follow(client: httpx.Client, job_id: str, after: str | None = None) -> list[dict[str, Any]]:
    """Return a job's events until it ends; ``event_id`` is added to each."""
    headers = {} if after is None else {"Last-Event-ID": after}
    events: list[dict[str, Any]] = []
    with client.stream("GET", f"/api/jobs/{job_id}/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "data":
                events.append(json.loads(value))
            elif name == "id":
                events[-1]["event_id"] = value
    return events


def make(client: httpx.Client, **wish: Any) -> dict[str, Any]:
    """Have a song made and return it as the library lists it."""
    answer = client.post("/api/songs", json=wish)
    assert answer.status_code == 202, answer.text
    done = follow(client, answer.json()["id"])[-1]
    assert done["kind"] == "done", done
    song: dict[str, Any] = done["song"]
    return song
