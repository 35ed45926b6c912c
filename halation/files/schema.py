"""The form of song.json as types: what may stand in it, and within which bounds.

These mirror :mod:`halation.types` on purpose: the file outlives the program, so its form must not
change when a class does. A bound is there for every number, since the file may come from a stranger
and a player makes arrays as long as it is told to.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from halation.types import (
    LENGTH_RANGE_S,
    LOUDNESS_RANGE_LUFS,
    MAX_SEED,
    MAX_TEXT_LENGTH,
    TEMPO_RANGE_BPM,
    Mode,
    Role,
)

__all__ = ["SCHEMA", "SongData", "json_schema"]

SCHEMA: Final = 1
"""The form's number; it rises when a reader of the old form would fail."""

MAX_BEATS: Final = 2_100.0
"""More than ten minutes at 200 BPM."""

Name = Annotated[str, Meta(max_length=100)]
Words = Annotated[str, Meta(max_length=2_000)]
Text = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
Beats = Annotated[float, Meta(ge=0.0, le=MAX_BEATS)]
AnyBeats = Annotated[float, Meta(ge=-16.0, le=MAX_BEATS)]
Axis = Annotated[float, Meta(ge=-1.0, le=1.0)]
Value = Annotated[float, Meta(ge=-float(2**53), le=float(2**53))]
Level = Annotated[float, Meta(ge=-1_000.0, le=1_000.0)] | None
PitchClass = Annotated[int, Meta(ge=0, le=11)]
Tempo = Annotated[float, Meta(ge=TEMPO_RANGE_BPM[0], le=TEMPO_RANGE_BPM[1])]
Values = Annotated[dict[Name, Value], Meta(max_length=200)]
Setting = Annotated[float, Meta(ge=-1_000.0, le=1_000.0)]
Points = Annotated[list[Value], Meta(max_length=20_000)]


class KeyData(msgspec.Struct):
    """A tonic (0 = C) and a mode."""

    tonic: PitchClass
    mode: Mode


class BriefData(msgspec.Struct):
    """What was asked for; null where halation chose."""

    seed: Annotated[int, Meta(ge=0, le=MAX_SEED)]
    text: Text
    length_s: Annotated[float, Meta(ge=LENGTH_RANGE_S[0], le=LENGTH_RANGE_S[1])] | None
    tempo_bpm: Tempo | None
    key: KeyData | None
    instrumental: bool
    loudness_lufs: Annotated[float, Meta(ge=LOUDNESS_RANGE_LUFS[0], le=LOUDNESS_RANGE_LUFS[1])]
    composer: Name
    players: Annotated[dict[Name, Name], Meta(max_length=64)]


class MoodData(msgspec.Struct):
    """The place in the space of moods; axes from -1 to 1."""

    valence: Axis
    energy: Axis
    warmth: Axis
    density: Axis
    haze: Axis
    words: Annotated[list[Name], Meta(max_length=64)]
    phrase: Text
    understood: bool


class SectionData(msgspec.Struct):
    """A stretch of whole bars with one job."""

    name: Name
    role: Role
    start_beats: Beats
    duration_beats: Annotated[float, Meta(gt=0.0, le=MAX_BEATS)]


class FormData(msgspec.Struct):
    """Sections end to end from beat 0."""

    template: Name
    tempo_bpm: Tempo
    key: KeyData
    sections: Annotated[list[SectionData], Meta(min_length=1, max_length=200)]


class ChordData(msgspec.Struct):
    """A harmony: pitch classes from the root up, and the bass note's pitch class."""

    onset_beats: Beats
    duration_beats: Beats
    symbol: Name
    root: PitchClass
    pitches: Annotated[list[PitchClass], Meta(min_length=1, max_length=12)]
    bass: PitchClass


class NoteData(msgspec.Struct, array_like=True):
    """A note as an array: onset, duration, pitch, velocity, offset in seconds, syllable."""

    onset_beats: Beats
    duration_beats: Beats
    pitch: Annotated[int, Meta(ge=0, le=127)]
    velocity: Annotated[int, Meta(ge=1, le=127)]
    offset_s: Annotated[float, Meta(ge=-10.0, le=10.0)]
    syllable: Annotated[str, Meta(max_length=40)]


class EventData(msgspec.Struct):
    """A rare moment of the song that is already in its notes."""

    name: Name
    onset_beats: Beats
    duration_beats: Beats
    amount: Value = 0.0


class WrittenPartData(msgspec.Struct):
    """What one player plays; settings are the drawn parameters of the patch."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    stem: Literal["drums", "bass", "pads", "keys", "lead", "vocals", "textures", "song"]
    player: Name
    patch: Name
    settings: Values
    hears: Annotated[list[Name], Meta(max_length=64)]
    description: Words
    notes: Annotated[list[NoteData], Meta(max_length=100_000)]


class PartData(WrittenPartData):
    """A part, and the written parts in whose place it plays."""

    instead: Annotated[list[WrittenPartData], Meta(max_length=128)] = []


class EffectData(msgspec.Struct):
    """One drawn effect: what it is, whom it treats, and its parameters."""

    kind: Name
    target: Name
    parameters: Values


class CurveData(msgspec.Struct):
    """A drawn automation, linear between points (in octaves for _hz)."""

    target: Name
    parameter: Name
    times_beats: Annotated[list[AnyBeats], Meta(max_length=20_000)]
    values: Points


class MixData(msgspec.Struct):
    """The common gain of the stems and the section faders, as they were set."""

    gain_db: Level
    rides_db: Annotated[dict[Name, Level], Meta(max_length=200)]


class MeasuresData(msgspec.Struct):
    """What a meter said of the master; null where there was too little to measure."""

    loudness_lufs: Level
    true_peak_dbtp: Level
    loudness_range_lu: Level
    sections_lufs: Annotated[dict[Name, Level], Meta(max_length=200)]
    spectrum_slope_db_per_octave: Level
    correlation: Level
    limiter_db: Level


class ParentData(msgspec.Struct):
    """The song that this one was made of: the digest of its song.json, and its title."""

    id: Annotated[str, Meta(pattern="^[0-9a-f]{0,64}$")]
    title: Annotated[str, Meta(max_length=500)]


class PlayedBy(msgspec.Struct):
    """A composer or player that took part, with the licence of what it plays with."""

    kind: Literal["composer", "player"]
    name: Name
    licence: Name
    commercial: bool


class RightsData(msgspec.Struct):
    """Whose the song is, and whether it may be sold."""

    commercial: bool
    statement: Words
    made_with: Annotated[list[PlayedBy], Meta(max_length=128)]


class SongData(msgspec.Struct):
    """A whole song.json."""

    schema: Annotated[Literal[1], Meta(description="the form of this file")]
    engine: Annotated[
        int, Meta(ge=1, le=1_000_000, description="rises when the same notes sound different")
    ]
    title: Annotated[str, Meta(max_length=500)]
    brief: BriefData
    mood: MoodData
    form: FormData
    chords: Annotated[list[ChordData], Meta(min_length=1, max_length=5_000)]
    motif: Annotated[list[NoteData], Meta(max_length=1_000)]
    parts: Annotated[list[PartData], Meta(max_length=128)]
    effects: Annotated[list[EffectData], Meta(max_length=2_000)]
    curves: Annotated[list[CurveData], Meta(max_length=2_000)]
    mix: MixData
    measures: MeasuresData
    rights: RightsData
    versions: Annotated[dict[Name, Name], Meta(max_length=100)]
    events: Annotated[list[EventData], Meta(max_length=100)] = []
    desk: Annotated[
        dict[Name, Setting],
        Meta(max_length=5_000, description="what mix and master measured and set"),
    ] = {}
    parent: ParentData | None = None
    change: Annotated[
        list[Annotated[str, Meta(max_length=200)]],
        Meta(max_length=100, description="what was done to the parent"),
    ] = []


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of song.json, as ``docs/song.schema.json`` has it."""
    found = msgspec.json.schema(SongData)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "halation song.json, schema 1",
        **found,
    }


if __name__ == "__main__":
    import json

    print(json.dumps(json_schema(), indent=2))
