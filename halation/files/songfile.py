"""song.json: everything that makes the very same song again, written and read."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from halation.files import schema as form_of
from halation.files.convert import to_data, to_measures, to_plan
from halation.files.limits import check
from halation.files.rights import rights_of
from halation.types import FileError, HalationError, Measures, Plan, Song

__all__ = ["ENGINE", "SongFile", "encode", "read"]

ENGINE: Final = 5
"""Rises when the same notes and effects come to sound different (when an audio golden changes)."""

MAX_BYTES: Final = 16 << 20
"""A song of ten minutes takes about 3 MB; what is larger is not read into memory at all."""

ID_LENGTH: Final = 16
"""Hexadecimal digits of a song's id."""

LINE_LENGTH: Final = 120
"""Longest line of song.json that holds a nested value."""


@dataclass(frozen=True, slots=True)
class SongFile:
    """What song.json holds.

    Parameters
    ----------
    plan : Plan
        Brief, mood, form, score and every drawn effect.
    engine : int
        Compare with :data:`ENGINE`: where it differs, the song may sound different.
    versions : tuple of (name, version)
        What rendered it.
    measures : Measures
        What a meter said of its master then.
    id : str
        A digest of the file, by which a song that is made of this one names its parent.
    """

    plan: Plan
    engine: int
    versions: tuple[tuple[str, str], ...]
    measures: Measures
    id: str = ""


def encode(song: Song) -> bytes:
    """Return a song's song.json; the same song gives the same bytes.

    :func:`read` gives back a plan that equals ``song.mix.plan``, every float included.

    Raises
    ------
    FileError
        If a number in the song is not finite.
    """
    data = to_data(song, ENGINE, song.versions, rights_of(song.score))
    try:
        return (_laid_out(msgspec.to_builtins(data), "") + "\n").encode()
    except ValueError as error:  # a number that JSON does not have
        raise FileError(f"the song cannot be written as song.json: {error}") from error


def read(path: Path) -> SongFile:
    """Read a song.json, which may come from anybody.

    Parameters
    ----------
    path : Path
        The file, or the song's folder.

    Raises
    ------
    FileError
        If it cannot be read, is no song.json, or holds what no song can hold.
    """
    data, number = _decoded(path / "song.json" if path.is_dir() else path)
    try:
        check(data)
        versions = tuple(data.versions.items())
        return SongFile(to_plan(data), data.engine, versions, to_measures(data), number)
    except (ValueError, HalationError) as error:
        raise FileError(f"{path} cannot be played: {error}") from error


def _decoded(path: Path) -> tuple[form_of.SongData, str]:
    """Return what a file holds, and its digest."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FileError(f"{path} is not a file; give a song.json or a song's folder")
        if status.st_size > MAX_BYTES:
            raise FileError(
                f"{path} is no song.json: it has {status.st_size / 1e6:.0f} MB, "
                f"a song's has at most {MAX_BYTES / 1e6:.0f} MB"
            )
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES)
        number = msgspec.json.decode(raw, type=_Head).schema
        if number != form_of.SCHEMA:
            raise FileError(
                f"{path} has schema {number}, this halation reads schema {form_of.SCHEMA}; "
                "update halation"
            )
        data = msgspec.json.decode(raw, type=form_of.SongData)
        return data, hashlib.sha256(raw).hexdigest()[:ID_LENGTH]
    except FileNotFoundError as error:
        raise FileError(f"{path} does not exist; give a song.json or a song's folder") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"{path} cannot be read as a song.json: {_one_line(reason)}") from error
    except RecursionError as error:
        raise FileError(f"{path} is no song.json: it is nested too deeply") from error


class _Head(msgspec.Struct):
    schema: int


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def _laid_out(value: Any, indent: str) -> str:
    """Return JSON in which short objects and rows of plain values are one line each."""
    items: Iterable[Any] = ()
    if isinstance(value, dict):
        items = value.values()
    elif isinstance(value, list):
        items = value
    if not any(isinstance(item, dict | list) for item in items):
        return _ENCODER.encode(value)
    inner = indent + " "
    rows = [_laid_out(item, inner) for item in items]
    if isinstance(value, dict):
        rows = [f"{_ENCODER.encode(k)}: {row}" for k, row in zip(value, rows, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    length = len(indent) + sum(map(len, rows)) + 2 * len(rows)
    if length <= LINE_LENGTH and not any("\n" in row for row in rows):
        return opening + ", ".join(rows) + closing
    between = ",\n" + inner
    return f"{opening}\n{inner}{between.join(rows)}\n{indent}{closing}"


def engine_note(engine: int) -> str:
    """Say what to expect of a song that another engine made."""
    return (
        f"this song was made by engine {engine}, this is {ENGINE}: the notes are the same, "
        "the sound of instruments and effects may differ"
    )
