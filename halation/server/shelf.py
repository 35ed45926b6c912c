"""One song's folder in the library: what it holds, and whether it is as it was written."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from halation.server.models import Song, SongDetail
from halation.types import STEM_NAMES, FileError

__all__ = ["DAMAGED", "UNREADABLE", "Entry", "detail", "file", "read_entry", "row", "write_entry"]

log = logging.getLogger("halation")

UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError)
"""What reading a file that somebody has changed by hand may raise."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What entry.json holds.

    Parameters
    ----------
    files : dict of public name → (path inside the song's folder, bytes)
    """

    id: str
    created_at: str
    title: str
    liked: bool = False
    radio: bool = False
    stems_gain_db: float = 0.0
    parent: str = ""
    files: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def stems(self) -> list[str]:
        """Names of the stems that are kept."""
        return [name for name in STEM_NAMES if f"stems/{name}.flac" in self.files]

    @property
    def bytes(self) -> int:
        """What the files weigh."""
        return sum(size for _, size in self.files.values())


def read_entry(folder: Path) -> Entry:
    """Return a song's entry; raise one of :data:`UNREADABLE` where it is damaged."""
    data = _read(folder / "entry.json")
    data["files"] = {name: (str(p), int(size)) for name, (p, size) in data["files"].items()}
    entry = Entry(**data)
    if entry.id != folder.name:
        raise ValueError(f"entry.json is of another song, {entry.id!r}")
    return entry


def write_entry(folder: Path, entry: Entry) -> None:
    """Write a song's entry in one step."""
    draft = folder / ".entry.json"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(entry), file, ensure_ascii=False, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / "entry.json")


def row(folder: Path) -> Song:
    """Return a song as the list shows it; one that cannot be read says so."""
    try:
        entry, view = read_entry(folder), _read(folder / "view.json")
        return Song(
            **{name: view[name] for name in _FROM_VIEW},
            **{name: view[name] for name in _SINCE_MODELS if name in view},
            **{k: v for k, v in asdict(entry).items() if k in _FROM_ENTRY},
            words=view["mood"]["words"],
            colours=view["mood"]["colours"],
            bytes=entry.bytes,
            stems=entry.stems,
            damaged=_damage(folder, entry),
        )
    except UNREADABLE as error:
        log.warning("the song in %s cannot be read: %s", folder, error)
        return _unreadable(folder)


def detail(folder: Path, song: Song) -> SongDetail:
    """Return all that the page draws of a song.

    Raises
    ------
    FileError
        If its files are damaged.
    """
    try:
        view, entry = _read(folder / "view.json"), read_entry(folder)
        files = sorted(entry.files)
        if entry.stems:
            files.append("stems.zip")
        return SongDetail(
            **song.model_dump(),
            **{name: view[name] for name in _DRAWN},
            rights=view.get("rights", ""),
            change=view.get("change", []),
            stems_gain_db=entry.stems_gain_db,
            files=files,
        )
    except UNREADABLE as error:
        raise FileError(song.damaged or DAMAGED) from error


def file(folder: Path, name: str) -> Path | None:
    """Return where one of a song's files is; None where the song has no such file.

    Raises
    ------
    FileError
        If it should be there and is not, or is not as it was written.
    """
    try:
        place = read_entry(folder).files.get(name)
    except UNREADABLE as error:
        raise FileError(DAMAGED) from error
    if place is None:
        return None
    path = (folder / place[0]).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    if not path.is_file() or path.stat().st_size != place[1]:
        raise FileError(_bad_file(name))
    return path


_FROM_VIEW: Final = ("text", "seed", "duration_s", "tempo_bpm", "key")
_SINCE_MODELS: Final = ("instrument", "commercial")
"""Songs of before models played have neither."""
_FROM_ENTRY: Final = ("id", "created_at", "title", "liked", "radio", "parent")
DAMAGED: Final = "Its files were damaged or changed by hand and cannot be read. Delete it."
_DRAWN: Final = ("mood", "sections", "parts", "peaks", "loudness_lufs")


def _unreadable(folder: Path) -> Song:
    try:
        entry = read_entry(folder)
    except UNREADABLE:
        entry = Entry(folder.name, _changed_at(folder), "a damaged song")
    return Song(
        id=folder.name, title=entry.title, text="", seed=0, created_at=entry.created_at,
        duration_s=0.0, tempo_bpm=0.0, key="", words=[],
        colours=["#0a0a12", "#22222c", "#55555f", "#9a9aa5"], liked=entry.liked,
        radio=entry.radio, bytes=entry.bytes, stems=[], damaged=DAMAGED,
    )  # fmt: skip


def _changed_at(folder: Path) -> str:
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="seconds")
    except OSError:
        return ""


def _damage(folder: Path, entry: Entry) -> str:
    for name, (path, size) in entry.files.items():
        place = folder / path
        if not place.is_file() or place.stat().st_size != size:
            return _bad_file(name)
    return ""


def _bad_file(name: str) -> str:
    return (
        f"{name} is missing or not as it was written. "
        "Make the song again from its text and seed (its link), or delete it."
    )


def _read(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_bytes())
    if not isinstance(data, dict):
        raise ValueError(f"{path.name} holds no object")
    return data
