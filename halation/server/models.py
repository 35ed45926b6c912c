"""What the server and its clients say to each other; the OpenAPI document is drawn from it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from halation.types import (
    LENGTH_RANGE_S,
    MAX_SEED,
    MAX_TEXT_LENGTH,
    MODE_STEPS,
    TEMPO_RANGE_BPM,
)

__all__ = [
    "About",
    "Change",
    "Event",
    "EventKind",
    "Instrument",
    "Job",
    "JobState",
    "MoodView",
    "NoteRow",
    "Page",
    "PartView",
    "Problem",
    "RadioWish",
    "SectionView",
    "Settings",
    "Song",
    "SongDetail",
    "Wish",
]

MAX_TITLE: Final = 120

JobState = Literal["waiting", "running", "done", "failed", "cancelled"]

EventKind = Literal[
    "queued", "started", "mood", "form", "score", "effects", "sounding", "master",
    "stem", "progress", "note", "retry", "done", "failed", "cancelled",
]  # fmt: skip

MOST_TAKES: Final = 16

Strict = ConfigDict(extra="forbid", strict=True)


def _whole(value: object) -> object:
    """Take 7.0 for 7, as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_TITLE)]


class RadioWish(BaseModel):
    """A song of a station: the server lets the mood wander from one number to the next."""

    model_config = Strict

    station: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""
    """The mood that the station wanders from; empty: anywhere."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED), Whole]
    """Drawn once a station; with the number it decides the song."""
    number: Annotated[int, Field(ge=0, le=1_000_000), Whole]
    """Counts the station's songs from 0."""


def _key_pattern() -> str:
    """Describe what :meth:`halation.types.Key.parse` reads, which says better what is wrong."""
    modes = ("min", "minor", "maj", "major", *MODE_STEPS)
    words = "|".join("".join(f"[{c}{c.upper()}]" for c in mode) for mode in modes)
    return rf"^\s*[A-Ga-g][#b♯♭]?\s*(m|M|{words})?\s*$"


KeyText = Annotated[str, Field(max_length=40, json_schema_extra={"pattern": _key_pattern()})]


class Wish(BaseModel):
    """What a listener asks for; everything may be left out."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{}, {"text": "Bladee floating in dreamscape"}, {"text": "fog", "seed": 7}]
        },
    )

    text: Annotated[str, Field(max_length=MAX_TEXT_LENGTH)] = ""
    """A mood in free words; empty lets halation choose."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED), Whole] | None = None
    """The same text and seed make the same song; none draws one."""
    length_s: Annotated[float, Field(ge=LENGTH_RANGE_S[0], le=LENGTH_RANGE_S[1])] | None = None
    tempo_bpm: Annotated[float, Field(ge=TEMPO_RANGE_BPM[0], le=TEMPO_RANGE_BPM[1])] | None = None
    key: KeyText | None = None
    """Such as ``F# minor``."""
    instrumental: bool = False
    take: Annotated[int, Field(ge=1, le=MOST_TAKES), Whole] = 1
    """Another song of the same seed; 1 is the one that the seed makes by itself."""
    takes: Annotated[int, Field(ge=1, le=MOST_TAKES), Whole] = 1
    """So many are composed, and the best of them is played."""
    instrument: Annotated[str, Field(max_length=100)] = ""
    """A model that plays the whole song, one of :attr:`About.instruments`; empty: halation."""
    radio: RadioWish | None = None
    """Where given, text and seed are the station's; the song counts as one of the radio's."""


class Job(BaseModel):
    """One song that was asked for. A job and the song that comes of it share their id."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "k3v9w2ax7q",
                    "state": "waiting",
                    "position": 2,
                    "text": "fog",
                    "seed": 7,
                    "radio": False,
                    "created_at": "2026-01-31T12:00:00Z",
                    "message": "",
                }
            ]
        }
    )

    id: str
    state: JobState
    position: int
    """Songs to be made before it; 0 for one that runs or has ended."""
    text: str
    seed: int
    radio: bool
    created_at: str
    """UTC, ISO 8601."""
    message: str = ""
    """Why it failed, and what to do."""


class MoodView(BaseModel):
    """The mood as words, axes and colours."""

    words: list[str]
    phrase: str
    understood: bool
    valence: float
    energy: float
    warmth: float
    density: float
    haze: float
    colours: list[str]
    """Four ``#rrggbb`` of the song's cover, dark to bright."""


class SectionView(BaseModel):
    """One block of the form."""

    name: str
    role: Literal["intro", "verse", "hook", "bridge", "outro"]
    start_s: float
    end_s: float


NoteRow = tuple[float, float, int, int]
"""Onset [s], duration [s], pitch, velocity."""


class PartView(BaseModel):
    """Notes of one part, for the piano roll."""

    name: str
    stem: str
    notes: list[NoteRow]


class Event(BaseModel):
    """One server-sent event of a job; which fields are there depends on ``kind``.

    ======== =======================================================
    queued   position (again whenever it changes)
    started
    mood     title, mood
    form     duration_s, tempo_bpm, key, sections
    score    parts
    effects  effects: how many were drawn
    sounding sound: where it can be heard from now on, ready_s: how much of it is there, in place of
             the last one; peaks (0…255, of the 800 those that are there)
    master   peaks (0…255, 800 of them), loudness_lufs
    stem     stem: one of those that were asked for is there; stems: how many there are
    progress message: how far a model is that plays, in place of the last one
    note     message: what a model has to say that stays, such as how long it will take
    retry    message: the process that made it was lost; it is tried again
    done     song
    failed   message
    cancelled
    ======== =======================================================
    """

    kind: EventKind
    position: int | None = None
    title: str | None = None
    mood: MoodView | None = None
    duration_s: float | None = None
    tempo_bpm: float | None = None
    key: str | None = None
    sections: list[SectionView] | None = None
    parts: list[PartView] | None = None
    effects: int | None = None
    stem: str | None = None
    stems: int | None = None
    peaks: list[int] | None = None
    sound: str | None = None
    ready_s: float | None = None
    loudness_lufs: float | None = None
    message: str | None = None
    song: Song | None = None


class Song(BaseModel):
    """A song of the library, as its list shows it. Files: ``/api/songs/{id}/files/{name}``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "k3v9w2ax7q",
                    "title": "Drowning at the Harbour",
                    "text": "fog",
                    "seed": 7,
                    "created_at": "2026-01-31T12:00:00Z",
                    "duration_s": 152.3,
                    "tempo_bpm": 138.0,
                    "key": "F# minor",
                    "words": ["foggy", "floating"],
                    "colours": ["#05060d", "#1b2350", "#6d5bd0", "#f3d9ff"],
                    "liked": False,
                    "radio": False,
                    "bytes": 46_000_000,
                    "stems": [],
                    "instrument": "",
                    "commercial": True,
                    "damaged": "",
                    "parent": "",
                }
            ]
        }
    )

    id: str
    title: str
    text: str
    seed: int
    created_at: str
    duration_s: float
    tempo_bpm: float
    key: str
    words: list[str]
    colours: list[str]
    liked: bool
    radio: bool
    bytes: int
    """What it takes on disk, kept stems included."""
    stems: list[str]
    """Stems that are kept now; empty: ``POST /api/songs/{id}/stems`` makes them."""
    instrument: str = ""
    """The model that played it; empty: halation's own players."""
    commercial: bool = True
    """Whether it may be sold."""
    damaged: str = ""
    """What is wrong with its files, empty if nothing."""
    parent: str = ""
    """The song of the library that it was made of; empty for one of its own."""


class SongDetail(Song):
    """A song with all that the page draws of it."""

    mood: MoodView
    sections: list[SectionView]
    parts: list[PartView]
    peaks: list[int]
    """800 peaks of the master, 0…255."""
    loudness_lufs: float
    stems_gain_db: float
    """Brings the sum of the stems, which is the unmastered mix, to the master's loudness."""
    change: list[str] = []
    """What was done to the parent, such as ``again hook2``."""
    rights: str = ""
    """Whose licences bind the song, in one line; empty where it is simply the listener's."""
    files: list[str]
    """Names that ``/api/songs/{id}/files/{name}`` knows now."""


class Page(BaseModel):
    """A stretch of the library, newest first."""

    songs: list[Song]
    total: int
    """Songs that fit the search."""
    next: str | None
    """Hand it back as ``after`` for the next stretch; null at the end."""


class Change(BaseModel):
    """What a listener may change of a song; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"liked": True}, {"title": "Glass"}]},
    )

    title: Title | None = None
    liked: bool | None = None


class Settings(BaseModel):
    """What a listener may set of the library."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"quota_mb": 5000}]}
    )

    quota_mb: Annotated[int, Field(ge=200, le=10_000_000), Whole]
    """Room for songs; the oldest that are not liked make way for new ones."""


class Instrument(BaseModel):
    """A model that is installed and can play a whole song."""

    name: str
    licence: str
    commercial: bool
    """Whether songs made with it may be sold."""
    note: str
    """What a listener should know before choosing it, in one sentence."""
    usual_s: float
    """Seconds that its last songs took to make, about; 0 before the first."""


class About(BaseModel):
    """How the server stands."""

    version: str
    running: int
    waiting: int
    queue_limit: int
    songs: int
    used_mb: int
    liked_mb: int
    quota_mb: int
    free_mb: int
    """Left on the disk."""
    usual_s: float
    """Seconds that halation's own last songs took to make, about; 0 before the first."""
    instruments: list[Instrument]
    """What a song can be asked for with here and now, beside halation's own players."""
    notice: str = ""
    """What a listener should know: liked songs fill the quota, the disk is nearly full."""


class Problem(BaseModel):
    """Why a request was not fulfilled, in one line that says what to do."""

    detail: str
    where: list[Any] = []
    """For a field that is not as it must be: its place in the request."""


Event.model_rebuild()
