"""The routes: what the server answers. The page is one of its clients."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import (
    APIRouter,
    Body,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
)
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field
from starlette.types import Lifespan

import halation
from halation.server import instruments, page, streams
from halation.server.changes import Again, Remake, Shape
from halation.server.guard import MAX_MIDI_BYTES, Guard
from halation.server.jobs import Jobs
from halation.server.library import Library
from halation.server.metrics import Metrics
from halation.server.models import (
    About,
    Change,
    Event,
    Job,
    Page,
    Problem,
    Settings,
    Song,
    SongDetail,
    Wish,
)
from halation.server.problems import answer_errors
from halation.server.sound import Growing
from halation.types import STEM_NAMES

__all__ = ["create", "describe"]

_Answers = dict[int | str, dict[str, Any]]


def _problems(**codes: str) -> _Answers:
    return {int(code[1:]): {"model": Problem, "description": why} for code, why in codes.items()}


_COMMON: Final = _problems(
    _400="The request cannot be read, or calls the server by a name that is not its own.",
    _422="The request is not as it must be.",
    _429="Too many requests; Retry-After says when.",
    _507="The disk is full.",
)
_CHANGE: Final = _problems(_403="A page from elsewhere asked.", _413="The request is too large.")
_ASKED: Final = _problems(_503="The server is about to end.")
_HERE: Final = _problems(_409="The instrument is not installed here.")
_LOST: Final = _problems(_404="There is no such song, job or file.")

Id = Annotated[str, Field(min_length=1, max_length=40)]
Stem = Literal["drums", "bass", "pads", "keys", "lead", "vocals", "textures", "song", "space"]
assert set(STEM_NAMES) == set(Stem.__args__)  # type: ignore[attr-defined]


def _jobs(request: Request) -> Jobs:
    return request.app.state.jobs  # type: ignore[no-any-return]


def _library(request: Request) -> Library:
    return request.app.state.library  # type: ignore[no-any-return]


TheJobs = Annotated[Jobs, Depends(_jobs)]
TheLibrary = Annotated[Library, Depends(_library)]


def _known_job(job_id: Id, jobs: TheJobs) -> Job:
    job = jobs.find(job_id)
    if job is None:
        raise HTTPException(404, "there is no such job, or it ended long ago")
    return job


def _known_song(song_id: Id, library: TheLibrary) -> Song:
    song = library.song(song_id)
    if song is None:
        raise HTTPException(404, "there is no such song in the library")
    return song


KnownJob = Annotated[Job, Depends(_known_job)]
KnownSong = Annotated[Song, Depends(_known_song)]

api = APIRouter(prefix="/api", responses=_COMMON)


@api.get("/about")
def about(jobs: TheJobs, library: TheLibrary) -> About:
    """Say how the server stands."""
    running, waiting = jobs.counts
    return About(
        version=halation.__version__, running=running, waiting=waiting, queue_limit=jobs.limit,
        usual_s=jobs.usual_s(), instruments=instruments.choices(jobs.usual_s), **library.about(),
    )  # fmt: skip


@api.post("/songs", status_code=202, responses=_CHANGE | _ASKED | _HERE)
async def create_song(wish: Wish, jobs: TheJobs, response: Response) -> Job:
    """Ask for a song. It is made by and by: follow the job's events."""
    return _asked(jobs.ask(wish), response)


@api.get("/jobs")
async def list_jobs(jobs: TheJobs) -> list[Job]:
    """List the songs in work and those that wait, in order."""
    return jobs.active()


@api.get("/jobs/{job_id}", responses=_LOST)
async def get_job(job: KnownJob) -> Job:
    """Say how a song that was asked for stands."""
    return job


@api.delete(
    "/jobs/{job_id}", responses=_LOST | _CHANGE | _problems(_409="The job has already ended.")
)
async def cancel_job(job: KnownJob, jobs: TheJobs) -> Job:
    """Make it no more."""
    cancelled = jobs.cancel(job.id)
    if cancelled is None:
        raise HTTPException(409, f"the job has already ended: {job.state}")
    return cancelled


@api.get(
    "/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    responses=_LOST | {200: {"model": Event, "description": "Server-sent events: Event each."}},
)
async def job_events(
    job: KnownJob, jobs: TheJobs, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """Follow a song as it comes into being; Last-Event-ID resumes. Ends when the job does."""
    async for number, kind, body in jobs.follow(job.id, last_event_id):
        yield ServerSentEvent(raw_data=body, event=kind, id=number, retry=1_000)


@api.head("/jobs/{job_id}/sound.mp3", include_in_schema=False)
@api.get(
    "/jobs/{job_id}/sound.mp3",
    response_class=Response,
    responses=_LOST
    | _problems(_410="It was cancelled, or failed: there will be no more of it.")
    | {
        200: {"content": {"audio/mpeg": {}}, "description": "The song, as it comes."},
        206: {"description": "The part of it that Range asked for."},
        307: {"description": "It was done long ago: the library's file."},
        416: {"description": "Range lies outside the song."},
    },
)
async def job_sound(
    job_id: Id,
    jobs: TheJobs,
    library: TheLibrary,
    wanted: Annotated[str, Header(alias="range", include_in_schema=False)] = "",
) -> Response:
    """Hear a song while it is made, from its beginning; what is not there yet is waited for."""
    sound = jobs.sound(job_id)
    if sound is not None and not await sound.sized():
        sound = jobs.sound(job_id)  # none, if the song came without being heard
    if sound is None:
        _known_song(job_id, library)
        return RedirectResponse(f"/api/songs/{quote(job_id)}/files/song.mp3")
    if sound.is_lost:
        raise HTTPException(410, "this song was not made to its end")
    return Growing(sound, wanted)


@api.get("/songs")
def list_songs(
    library: TheLibrary,
    search: Annotated[str, Query(max_length=200)] = "",
    liked: bool = False,
    after: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
) -> Page:
    """List the library, newest first."""
    return library.songs(search, liked=liked, after=after, limit=limit)


@api.get("/songs/{song_id}", responses=_LOST)
def get_song(song: KnownSong, library: TheLibrary) -> SongDetail:
    """Return all that the page draws of a song."""
    return library.detail(song)


@api.patch("/songs/{song_id}", responses=_LOST | _CHANGE)
def change_song(song: KnownSong, change: Change, library: TheLibrary) -> Song:
    """Rename or like a song."""
    if song.damaged:
        library.detail(song)  # says so where even that cannot be kept
    return library.change(song.id, title=change.title, liked=change.liked)


@api.delete("/songs/{song_id}", status_code=204, responses=_LOST | _CHANGE)
def delete_song(song: KnownSong, library: TheLibrary) -> None:
    """Delete a song; for ten minutes, while the server runs, it can be restored."""
    library.delete(song.id)


@api.post("/songs/{song_id}/restore", responses=_LOST | _CHANGE)
def restore_song(song_id: Id, library: TheLibrary) -> Song:
    """Undo a delete."""
    song = library.restore(song_id)
    if song is None:
        raise HTTPException(404, "the song is gone for good")
    return song


@api.post("/songs/{song_id}/again", status_code=202, responses=_LOST | _CHANGE | _ASKED)
async def throw_again(song: KnownSong, again: Again, jobs: TheJobs, response: Response) -> Job:
    """Throw some of a song again: a new song comes of it, and everything else of it stays."""
    return _asked(jobs.ask_change(song, Remake(parent=song.id, again=again)), response)


@api.post("/songs/{song_id}/shape", status_code=202, responses=_LOST | _CHANGE | _ASKED)
async def shape_song(song: KnownSong, shape: Shape, jobs: TheJobs, response: Response) -> Job:
    """Change a song as a whole: its tempo, key, length, mood or voices. It is a new song."""
    return _asked(jobs.ask_change(song, Remake(parent=song.id, shape=shape)), response)


@api.post("/songs/{song_id}/midi", status_code=202, responses=_LOST | _CHANGE | _ASKED)
async def edit_song(
    song: KnownSong,
    midi: Annotated[bytes, Body(media_type="application/octet-stream", max_length=MAX_MIDI_BYTES)],
    jobs: TheJobs,
    response: Response,
) -> Job:
    """Take notes that were changed in the song's MIDI file, track by track. It is a new song."""
    remake = Remake(parent=song.id, midi=base64.b64encode(midi))
    return _asked(jobs.ask_change(song, remake), response)


def _asked(job: Job, response: Response) -> Job:
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return job


@api.post("/songs/{song_id}/stems", status_code=202, responses=_LOST | _CHANGE | _ASKED)
async def make_stems(song: KnownSong, jobs: TheJobs, response: Response) -> Job:
    """Have the stems of a song made, where they are not kept; it is played again from its notes."""
    return _asked(jobs.ask_stems(song), response)


@api.get(
    "/songs/{song_id}/stems/{stem}/piece",
    response_class=Response,
    responses=_LOST | {200: {"content": {"audio/flac": {}}, "description": "FLAC, 24 bits."}},
)
def get_piece(
    song: KnownSong,
    library: TheLibrary,
    stem: Stem,
    start_s: Annotated[float, Query(ge=0.0, le=3_600.0)] = 0.0,
    duration_s: Annotated[float, Query(gt=0.0, le=30.0)] = 6.0,
) -> Response:
    """Return a stretch of a stem, exact to the sample; the last one may be shorter."""
    path = library.file(song, f"stems/{stem}.flac")
    if path is None:
        raise HTTPException(404, "this stem is not kept; ask for the stems first")
    content = streams.piece(path, start_s, duration_s)
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(content, media_type="audio/flac", headers=headers)


@api.get(
    "/songs/{song_id}/files/{name:path}",
    response_class=Response,
    responses=_LOST
    | {
        200: {"content": {"application/octet-stream": {}}, "description": "The file."},
        206: {"description": "The part of it that Range asked for."},
        304: {"description": "It has not changed."},
        416: {"description": "Range lies outside the file."},
    },
)
def get_file(
    request: Request,
    song: KnownSong,
    library: TheLibrary,
    name: Annotated[str, Field(max_length=80)],
    download: bool = False,
) -> Response:
    """Return one of a song's files, such as ``song.mp3``, ``stems.zip``, ``stems/drums.flac``."""
    saved_as = streams.saved_as(song, name) if download else None
    if name == "stems.zip":
        stems = [(s, library.file(song, f"stems/{s}.flac")) for s in song.stems]
        if not stems:
            raise HTTPException(404, "the stems are not kept; ask for them first")
        return streams.zipped(song, [(s, p) for s, p in stems if p], saved_as)
    path = library.file(song, name)
    if path is None:
        raise HTTPException(404, f"the song has no file {name!r}")
    return streams.file(request, path, name, saved_as)


@api.get("/settings")
def get_settings(library: TheLibrary) -> Settings:
    """Return what a listener may set."""
    return Settings(quota_mb=library.quota_mb)


@api.put("/settings", responses=_CHANGE)
def put_settings(settings: Settings, library: TheLibrary) -> Settings:
    """Set the room for songs; where there is less now, the oldest that are not liked make way."""
    library.quota_mb = settings.quota_mb
    return settings


operation = APIRouter(tags=["operation"], responses=_problems(_400=_COMMON[400]["description"]))


@operation.get("/healthz")
async def healthz() -> dict[str, Literal["ok"]]:
    """Say that the server is there."""
    return {"status": "ok"}


@operation.get("/metrics", response_class=PlainTextResponse)
def metrics_text(request: Request) -> PlainTextResponse:
    """Return figures for Prometheus."""
    metrics: Metrics = request.app.state.metrics
    return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")


def create(
    library: Library,
    start: Callable[[FastAPI], AbstractAsyncContextManager[Jobs]],
    metrics: Metrics,
    *,
    hosts: tuple[str, ...],
    page_folder: Path | None = None,
) -> FastAPI:
    """Put the server together.

    Parameters
    ----------
    library : Library
    start : callable
        Gives the queue for as long as the server runs.
    metrics : Metrics
    hosts : tuple of str
        Names by which it may be called.
    page_folder : Path, optional
        Where the built page lies, if not in the package.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with start(app) as jobs:
            app.state.jobs = jobs
            yield

    app = _bare(lifespan)
    app.state.library = library
    app.state.metrics = metrics
    app.add_middleware(Guard, hosts=hosts)
    answer_errors(app, (*api.routes, *operation.routes))
    page.mount(app, page_folder)
    return app


def describe() -> dict[str, Any]:
    """Return the OpenAPI document, from which the page's client is generated."""
    return _bare().openapi()


def _bare(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    app = FastAPI(
        title="halation",
        version=halation.__version__,
        summary="Whole songs by themselves.",
        license_info={"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        lifespan=lifespan,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.include_router(api)
    app.include_router(operation)
    drawn = app.openapi

    def openapi() -> dict[str, Any]:
        document = drawn()
        # A stream's problems are JSON as everywhere; FastAPI writes them down as events.
        for status, answer in document["paths"][_EVENTS]["get"]["responses"].items():
            if status != "200" and "text/event-stream" in answer.get("content", {}):
                answer["content"] = {"application/json": answer["content"]["text/event-stream"]}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    return app


_EVENTS: Final = "/api/jobs/{job_id}/events"
