"""Where everything of a corpus lies: the one place that knows its file names.

A corpus is a folder that can be looked into at every step. What is written appears whole or not at
all, so that a killed run leaves nothing that the next one could mistake.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

from halation.corpus.disk import (
    DRAFT,
    draft,
    file_error,
    file_errors,
    lines_of,
    read_json,
    remove,
    row_text,
    write_json,
    write_text,
)
from halation.types import FileError

__all__ = [
    "DRAFT",
    "SCHEMA",
    "SPLITS",
    "Chunk",
    "Corpus",
    "Facts",
    "Source",
    "draft",
    "file_error",
    "file_errors",
    "read_facts",
    "read_json",
    "remove",
    "write_facts",
    "write_json",
]

SCHEMA: Final = 1
SPLITS: Final = ("train", "validation")

State = Literal["added", "prepared", "failed", "duplicate"]


@dataclass(frozen=True, slots=True)
class Source:
    """A song of the corpus, as it was added; a line of sources.jsonl.

    Parameters
    ----------
    id : str
        The first 16 hexadecimal digits of the SHA-256 of the file's bytes.
    kind : ``"audio"`` or ``"midi"``
    name : str
        Its title, as far as known: the file's name without suffix, or the page's title.
    path : str
        Of the file.
    url : str
        Where it was downloaded from; empty if it was not.
    state : str
        ``"added"``, ``"prepared"``, ``"failed"`` or ``"duplicate"``.
    message : str
        What was wrong with it, or what it is a duplicate of.
    """

    id: str
    kind: Literal["audio", "midi"]
    name: str
    path: str
    url: str = ""
    state: State = "added"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about a source; facts.json in its folder.

    Parameters
    ----------
    steps : dict
        By the name of each step that is done, the digest of the settings it was done with.
    duration_s : float [s]
        Of the whole source.
    channels, sample_rate : int
        Of the source, before it was decoded.
    fingerprint : str
        See :mod:`halation.corpus.fingerprint`.
    separated_by : str
        ``"demucs"``, ``"hpss"`` (vocals stay) or ``"nothing"``.
    tempo_bpm : float, optional
    n_chunks : int
    """

    steps: dict[str, str] = field(default_factory=dict)
    duration_s: float = 0.0
    channels: int = 0
    sample_rate: int = 0
    fingerprint: str = ""
    separated_by: str = ""
    tempo_bpm: float | None = None
    n_chunks: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a song with its caption; a line of a split's metadata.jsonl.

    Parameters
    ----------
    path : Path
        Of the sound.
    source : str
        Id of the song.
    start_s, duration_s : float [s]
        Where in the song, counted from the song's beginning.
    text : str
        The caption.
    tags : tuple of str
    tempo_bpm : float, optional
    key : str, optional
        Such as ``"F# minor"``.
    title : str
        Of the song.
    split : ``"train"`` or ``"validation"``
        A song's chunks are all in the same.
    axes : dict
        Valence, energy, warmth, density and haze, each −1…1.
    measures : dict
        Numbers that were measured, with their units in their names.
    """

    path: Path
    source: str
    start_s: float
    duration_s: float
    text: str
    tags: tuple[str, ...]
    tempo_bpm: float | None
    key: str | None
    title: str
    split: str
    axes: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Return the chunk as a line of metadata.jsonl holds it."""
        row = asdict(self) | {"tags": list(self.tags), "file_name": self.path.name}
        del row["path"], row["split"]
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any], folder: Path, split: str) -> Chunk:
        """Read a line of the metadata.jsonl in ``folder``."""
        known = {column.name for column in fields(cls)} - {"path", "split", "tags"}
        values = {name: row[name] for name in known & row.keys()}
        # The name only: a foreign file must not point elsewhere.
        path = folder / Path(str(row["file_name"])).name
        return cls(path=path, split=split, tags=tuple(row["tags"]), **values)


@dataclass(frozen=True, slots=True)
class Corpus:
    """A folder of music to tune on.

    Parameters
    ----------
    folder : Path
    settings : dict
        Of the last prepare.
    rights_confirmed : str
        When the user said that the music may be used, empty if never.
    """

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    rights_confirmed: str = ""

    @classmethod
    def open(cls, folder: Path | str) -> Corpus:
        """Open a corpus that is there.

        Raises
        ------
        FileError
            If there is none, or it is damaged or of a later version.
        """
        folder = Path(folder)
        path = folder / "corpus.json"
        if not path.is_file():
            raise FileError(
                f"there is no corpus in {folder}; begin one with: halation corpus add FOLDER"
            )
        found = read_json(path)
        if not isinstance(found.get("settings"), dict) or found.get("schema") != SCHEMA:
            raise FileError(f"{path} is damaged, or of another version of halation")
        return cls(folder, found["settings"], str(found.get("rights_confirmed") or ""))

    @classmethod
    def begin(cls, folder: Path | str) -> Corpus:
        """Open a corpus, or begin an empty one.

        Raises
        ------
        FileError
            If the folder cannot be used.
        """
        folder = Path(folder)
        if (folder / "corpus.json").exists():
            return cls.open(folder)
        with file_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        corpus = cls(folder)
        corpus.save()
        return corpus

    def save(self, **changes: Any) -> Corpus:
        """Write corpus.json with changes (``settings``, ``rights_confirmed``); return the new."""
        corpus = replace(self, **changes)
        content = {
            "schema": SCHEMA,
            "rights_confirmed": corpus.rights_confirmed,
            "settings": corpus.settings,
        }
        write_json(self.folder / "corpus.json", content)
        return corpus

    @property
    def dataset(self) -> Path:
        """The folder of the finished dataset, with a folder a split in it."""
        return self.folder / "dataset"

    @property
    def downloads(self) -> Path:
        """The folder of what was downloaded."""
        return self.folder / "downloads"

    @property
    def own_tags(self) -> Path:
        """The table of the user's own tags, which need not be there."""
        return self.folder / "tags.csv"

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.folder / "report"

    def work(self, source_id: str) -> Path:
        """Return the folder of what is known and made of one source."""
        return self.folder / "work" / source_id

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of this corpus, and clear away what killed ones left half-done.

        Raises
        ------
        FileError
            If another run is at work in it.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / ".lock")
        with file_errors(self.folder):
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise FileError(
                    f"another run is at work on {self.folder}; wait until it is done"
                ) from error
        try:
            for pattern in (f"{DRAFT}*", f"work/*/{DRAFT}*"):
                for rest in self.folder.glob(pattern):
                    remove(rest)
            yield
        finally:
            lock.release()

    def sources(self) -> tuple[Source, ...]:
        """Return the sources in the order in which they were added.

        Raises
        ------
        FileError
            If sources.jsonl cannot be read.
        """
        found: dict[str, Source] = {}
        for row in lines_of(self._sources):
            with suppress(TypeError, KeyError):
                found[row["id"]] = Source(**row)  # a later line of a source holds
        return tuple(found.values())

    def note(self, *sources: Source) -> None:
        """Add sources, or what has become of them, at the end of sources.jsonl."""
        with file_errors(self._sources):
            whole = self._sources.read_bytes()[-1:] if self._sources.exists() else b"\n"
            with self._sources.open("ab") as file:
                # A line that a killed run left half-written must not swallow ours.
                text = "" if whole in (b"", b"\n") else "\n"
                text += "".join(f"{row_text(asdict(source))}\n" for source in sources)
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())

    def tidy(self) -> None:
        """Rewrite sources.jsonl with one line a source."""
        sources = self.sources()
        with file_errors(self._sources):
            write_text(
                self._sources, "".join(f"{row_text(asdict(source))}\n" for source in sources)
            )

    @property
    def _sources(self) -> Path:
        return self.folder / "sources.jsonl"

    def facts(self, source_id: str) -> Facts:
        """Return what is known of a source; nothing, if nothing is."""
        return read_facts(self.work(source_id))

    def chunks(self, split: str | None = None) -> Iterator[Chunk]:
        """Yield the chunks of the dataset, of both splits or of one.

        Raises
        ------
        FileError
            If a metadata.jsonl cannot be read; where there is no dataset there are no chunks.
        """
        for name in SPLITS if split is None else (split,):
            folder = self.dataset / name
            for row in lines_of(folder / "metadata.jsonl"):
                try:
                    yield Chunk.from_row(row, folder, name)
                except (KeyError, TypeError) as error:
                    raise FileError(
                        f"{folder / 'metadata.jsonl'} is damaged; prepare the corpus again"
                    ) from error


def read_facts(folder: Path) -> Facts:
    """Return the facts in a source's folder; none where they are missing or damaged."""
    with suppress(FileError, TypeError):
        return Facts(**read_json(folder / "facts.json"))
    return Facts()


def write_facts(folder: Path, facts: Facts) -> None:
    """Write facts.json into a source's folder."""
    write_json(folder / "facts.json", asdict(facts))
