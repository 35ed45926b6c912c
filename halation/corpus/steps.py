"""What is done to one source, step by step; a step whose outcome is there is not done again.

This is what runs in another process, or on another machine.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from halation.corpus import chunks
from halation.corpus.decode import blocks, decode
from halation.corpus.disk import draft, file_errors, read_json, remove, write_json
from halation.corpus.fingerprint import fingerprint, packed
from halation.corpus.layout import Facts, Source, read_facts, write_facts
from halation.corpus.separate import Separator, separate
from halation.types import SAMPLE_RATE, AudioError

__all__ = ["STEPS", "Task", "Wish", "Worked", "done", "work"]

STEPS: Final = ("decoded", "separated", "cut", "described")

VERSION: Final = 1
"""Rises when a step gives something else than it did."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a corpus is to be prepared.

    Parameters
    ----------
    separator : Separator
    chunk_s : float > 0 [s]
    overlap_s : float in 0..chunk_s / 2 [s]
    clap : str
        Folder of CLAP's weights, empty without.
    """

    separator: Separator
    chunk_s: float = 30.0
    overlap_s: float = 0.0
    clap: str = ""

    def settings(self) -> dict[str, Any]:
        """Return what corpus.json says of it; places on this machine are left out."""
        return {
            "version": VERSION,
            "stems": self.separator.kept,
            "separated_by": self.separator.method,
            "weights": self.separator.digest,
            "chunk_s": self.chunk_s,
            "overlap_s": self.overlap_s,
            "clap": bool(self.clap),
        }

    def digests(self, own: tuple[str, ...]) -> dict[str, str]:
        """Return for each step a digest of all that its outcome depends on."""
        all_of = self.settings()
        needs = {
            "decoded": ("version",),
            "separated": ("stems", "separated_by", "weights"),
            "cut": ("chunk_s", "overlap_s"),
            "described": ("clap",),
        }
        found: dict[str, str] = {}
        row: list[Any] = []
        for step in STEPS:
            row += [all_of[name] for name in needs[step]]
            row += [list(own)] if step == "described" else []
            found[step] = hashlib.sha256(json.dumps(row).encode()).hexdigest()[:16]
        return found


@dataclass(frozen=True, slots=True)
class Task:
    """One source for a worker.

    Parameters
    ----------
    source : Source
    wish : Wish
    own : tuple of str
        The user's own tags for it.
    until : str
        The last step to do.
    folder : str, optional
        Where to work; None where the worker may be another machine.
    content : bytes
        Of the file, where it may be.
    share : int > 0
        Sources worked on at a time on the same machine.
    """

    source: Source
    wish: Wish
    own: tuple[str, ...]
    until: str
    folder: str | None
    content: bytes = b""
    share: int = 1


@dataclass(frozen=True, slots=True)
class Worked:
    """What was done; ``contents`` by path where it could not be written in place."""

    source: Source
    facts: Facts
    did: tuple[str, ...]
    contents: dict[str, bytes] = field(default_factory=dict)


def done(folder: Path, wish: Wish, own: tuple[str, ...], step: str) -> bool:
    """Whether a step's outcome is there, made with the same settings."""
    facts = read_facts(folder)
    return _done(folder, facts, wish.digests(own), step)


def _done(folder: Path, facts: Facts, digests: dict[str, str], step: str) -> bool:
    if facts.steps.get(step) != digests[step]:
        return False
    if step == "decoded":
        return bool(facts.duration_s)
    if step == "separated":
        return (folder / "stems.flac").is_file()
    return facts.n_chunks == len(list((folder / "chunks").glob("*.flac"))) > 0


def work(task: Task) -> Worked:
    """Do what is left to do of a source.

    Raises
    ------
    AudioError
        If the source cannot be used; the message says why.
    BackendError
        If weights or extras are missing; every other source would fail as well.
    FileError
        If the disk is full, or cannot be written to.
    """
    from threadpoolctl import threadpool_limits

    # Every process has its own source; threads of its matrix products would only wait, and more
    # of them could sum in another order.
    with threadpool_limits(1, user_api="blas"):
        return _work(task)


def _work(task: Task) -> Worked:
    if task.folder is not None:
        facts, did = _Bench(Path(task.source.path), Path(task.folder), task).advance()
        return Worked(task.source, facts, did)
    with tempfile.TemporaryDirectory(prefix="halation-") as place:
        path, room = Path(place, "source"), Path(place, "work")
        with file_errors(path):
            path.write_bytes(task.content)
        facts, did = _Bench(path, room, task).advance()
        sent = [room / "facts.json", *room.glob("chunks/*")]
        contents = {file.relative_to(room).as_posix(): file.read_bytes() for file in sent}
        return Worked(task.source, facts, did, contents)


class _Bench:
    """One source and the folder in which it is worked on."""

    def __init__(self, path: Path, room: Path, task: Task) -> None:
        self._path, self._room, self._task = path, room, task
        self._digests = task.wish.digests(task.own)
        self._decoded, self._stems = room / "decoded.flac", room / "stems.flac"
        self._chunks = room / "chunks"
        self._facts = Facts()

    def advance(self) -> tuple[Facts, tuple[str, ...]]:
        """Do the steps that are not done; return what is known then, and which were done."""
        did: list[str] = []
        with file_errors(self._room):
            self._room.mkdir(parents=True, exist_ok=True)
            self._facts = read_facts(self._room)
            for step in STEPS[: STEPS.index(self._task.until) + 1]:
                if self._is_done(step) or self._is_over(step):
                    continue
                changes = getattr(self, f"_{step}_now")()
                did.append(step)
                steps = self._facts.steps | {step: self._digests[step]}
                self._facts = replace(self._facts, steps=steps, **changes)
                write_facts(self._room, self._facts)
        return self._facts, tuple(did)

    def _is_done(self, step: str) -> bool:
        return _done(self._room, self._facts, self._digests, step)

    def _is_over(self, step: str) -> bool:
        """Whether a step's outcome is not needed any more, since a later one is done."""
        return step == "separated" and self._is_done("cut")

    def _decoded_now(self) -> dict[str, Any]:
        found = decode(self._path, self._decoded)
        return {
            "duration_s": round(found.duration_s, 3),
            "channels": found.channels,
            "sample_rate": found.sample_rate,
            "fingerprint": packed(fingerprint(blocks(self._decoded))),
        }

    def _separated_now(self) -> dict[str, Any]:
        if not self._decoded.is_file():  # somebody needed the space
            decode(self._path, self._decoded)
        separator = self._task.wish.separator
        separate(self._decoded, self._stems, separator, share=self._task.share)
        return {"separated_by": separator.method}

    def _cut_now(self) -> dict[str, Any]:
        wish = self._task.wish
        found = chunks.cut(self._stems, chunk_s=wish.chunk_s, overlap_s=wish.overlap_s)
        if not found.pieces:
            raise AudioError(
                f"it is shorter than half a chunk of {wish.chunk_s:g} s; prepare with a smaller "
                "--chunk-s"
            )
        room = draft(self._chunks)
        room.mkdir()
        for number, piece in enumerate(found.pieces):
            chunks.write(self._stems, piece, found.gain, room / f"{number:03d}.flac")
            place = {
                "start_s": round(piece.start / SAMPLE_RATE, 4),
                "duration_s": round((piece.end - piece.start) / SAMPLE_RATE, 4),
                "on_bars": piece.on_bars,
            }
            write_json(room / f"{number:03d}.json", place)
        remove(self._chunks)
        room.replace(self._chunks)
        return {"n_chunks": len(found.pieces), "tempo_bpm": found.tempo_bpm}

    def _described_now(self) -> dict[str, Any]:
        for path in sorted(self._chunks.glob("*.flac")):
            facts = path.with_suffix(".json")
            write_json(facts, read_json(facts) | self._described_chunk(path))
        return {}

    def _described_chunk(self, path: Path) -> dict[str, Any]:
        from halation.corpus.captions import caption
        from halation.corpus.describe import describe
        from halation.corpus.tags import tagged
        from halation.mood.vocabulary import AXES

        x = next(blocks(path, 1 << 30))
        found = describe(x, SAMPLE_RATE)
        wish = self._task.wish
        clap = Path(wish.clap) if wish.clap else None
        tags = tagged(x, SAMPLE_RATE, found, clap=clap, own=self._task.own)
        return {
            "text": caption(tags, found, instrumental=wish.separator.voiceless),
            "tags": list(tags.words),
            "tagged_by": tags.by,
            "tempo_bpm": found.tempo_bpm,
            "key": found.key,
            "title": self._task.source.name,
            "source": self._task.source.id,
            "axes": dict(zip(AXES, (round(float(a), 4) for a in tags.axes), strict=True)),
            "measures": found.measures(),
        }
