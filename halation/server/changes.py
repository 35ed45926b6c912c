"""A song of a song: what a listener may change of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from halation.seeds import draw_seed
from halation.server.models import KeyText, Strict, Whole, Wish
from halation.types import LENGTH_RANGE_S, MAX_SEED, TEMPO_RANGE_BPM

if TYPE_CHECKING:
    from halation.reshape import Change

__all__ = ["Again", "Noted", "Remake", "Shape", "change_of", "settled"]

Axis = Literal["valence", "energy", "warmth", "density", "haze"]


class Again(BaseModel):
    """What is thrown again; the rest of the song stays as it is, to the sample."""

    model_config = ConfigDict(
        **Strict, json_schema_extra={"examples": [{"what": ["hook2"]}, {"what": ["drums"]}]}
    )

    what: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=80)]],
        Field(min_length=1, max_length=20),
    ]
    """Sections (``hook2``), stems or parts (``drums``), both (``verse/melody``), or ``motif``."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED), Whole] | None = None
    """What the new comes from; none draws one."""


class Shape(BaseModel):
    """How a song is changed as a whole; what is left out stays."""

    model_config = ConfigDict(
        **Strict, json_schema_extra={"examples": [{"tempo_bpm": 140.0, "mood": {"warmth": 0.4}}]}
    )

    tempo_bpm: Annotated[float, Field(ge=TEMPO_RANGE_BPM[0], le=TEMPO_RANGE_BPM[1])] | None = None
    key: KeyText | None = None
    """Such as ``F# minor``."""
    length_s: Annotated[float, Field(ge=LENGTH_RANGE_S[0], le=LENGTH_RANGE_S[1])] | None = None
    mood: dict[Axis, Annotated[float, Field(ge=-1.0, le=1.0)]] = {}
    """Places on the axes of the mood."""
    instrumental: bool | None = None


class Remake(BaseModel):
    """One change of a song, as the queue keeps it."""

    parent: str
    again: Again | None = None
    shape: Shape | None = None
    midi: Base64Bytes | None = None


class Noted(Wish):
    """A wish as it is remembered until it is fulfilled."""

    remake: Remake | None = None


def settled(remake: Remake) -> Remake:
    """Settle what is open in a change, so that it makes the same song when it is read again."""
    again = remake.again
    if again is None or again.seed is not None:
        return remake
    return remake.model_copy(update={"again": again.model_copy(update={"seed": draw_seed()})})


def change_of(remake: Remake) -> Change:
    """Return what a listener asks for; :func:`settled` has settled it."""
    from halation.reshape import Change

    again, shape = remake.again, remake.shape or Shape()
    assert again is None or again.seed is not None
    return Change(
        midi=remake.midi,
        again=tuple(again.what) if again else (),
        seed=again.seed or 0 if again else 0,
        tempo_bpm=shape.tempo_bpm,
        key=shape.key,
        length_s=shape.length_s,
        mood={str(axis): value for axis, value in shape.mood.items()},
        instrumental=shape.instrumental,
    )
