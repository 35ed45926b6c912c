"""Albums: many songs of many texts, by several processes or machines, resumable.

The folder of an album holds a folder a song, ``batch.json`` (what was asked for) and
``results.csv`` (what became of it). The same call on the same folder makes what is missing.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

from halation.machine import cores
from halation.seeds import draw_seed, rng
from halation.types import (
    MAX_SEED,
    MAX_TEXT_LENGTH,
    SAMPLE_RATE,
    Brief,
    BriefError,
    FileError,
    HalationError,
)
from halation.workers import Makers, died

__all__ = ["Album", "Row", "Task", "make_one", "read_texts"]

ATTEMPTS: Final = 2
"""A song whose process died is tried once more."""

MAKING: Final = ".making"
"""Folder inside the album's where songs are written before they are moved to their place."""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one song; a line of results.csv."""

    number: int
    text: str
    seed: int
    state: Literal["missing", "done", "failed"] = "missing"
    folder: str = ""
    title: str = ""
    key: str = ""
    tempo_bpm: float = 0.0
    duration_s: float = 0.0
    loudness_lufs: float = 0.0
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One song for a worker.

    Parameters
    ----------
    share : int > 0
        Songs made at a time on the same machine.
    folder : str, optional
        Where to write; None where the worker may be another machine.
    """

    row: Row
    brief: Brief
    formats: tuple[str, ...]
    stems: bool
    share: int
    folder: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """A song that a worker has made; ``contents`` by path where it could not write it in place."""

    row: Row
    contents: dict[str, bytes] = field(default_factory=dict)


def read_texts(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the texts of a file: one a line, without blank lines and those that begin with ``#``.

    Raises
    ------
    BriefError
        If there is none, or one is too long; all bad lines are named.

    Examples
    --------
    >>> read_texts(["# an album", "fog", "", "  neon rain "])
    ('fog', 'neon rain')
    """
    texts, bad = [], []
    for number, line in enumerate(lines, 1):
        text = line.strip().removeprefix("\ufeff")
        if not text or text.startswith("#"):
            continue
        if len(text) > MAX_TEXT_LENGTH:
            bad.append(number)
        texts.append(text)
    if bad:
        where = ", ".join(map(str, bad[:10]))
        raise BriefError(f"at most {MAX_TEXT_LENGTH:,} characters are read; too long: line {where}")
    if not texts:
        raise BriefError("there is no text in the file; write one mood a line")
    return tuple(texts)


def make_one(task: Task) -> Made:
    """Make one song; this is what runs in another process.

    Raises
    ------
    HalationError
        As in :func:`halation.pipeline.produce` and :func:`halation.files.write`.
    """
    if task.folder is not None:
        return Made(_make(task, Path(task.folder)))
    with tempfile.TemporaryDirectory(prefix="halation-") as place:
        row = _make(task, Path(place))
        room = Path(place, row.folder)
        paths = [path for path in room.rglob("*") if path.is_file()]
        return Made(row, {path.relative_to(room).as_posix(): path.read_bytes() for path in paths})


def _make(task: Task, folder: Path) -> Row:
    from halation import files, pipeline

    started = time.perf_counter()
    making = pipeline.produce(
        task.brief, workers=min(4, cores(task.share)), keep=False, stems=task.stems
    )
    written, song = files.record(making, folder, formats=task.formats, stems=task.stems)
    form = song.score.form
    return replace(
        task.row,
        state="done",
        folder=written.folder.name,
        title=song.title,
        key=form.key.name,
        tempo_bpm=form.tempo_bpm,
        duration_s=round(song.score.n_samples / SAMPLE_RATE, 2),
        loudness_lufs=round(song.measures.loudness_lufs, 2),
        seconds=round(time.perf_counter() - started, 2),
    )


class Album:
    """A folder of songs to be made, some of which may be there already.

    Parameters
    ----------
    folder : Path
    texts : tuple of str
    count : int > 0
        Songs a text.
    seed : int, optional
        Every song's seed is drawn from it; none draws one, and keeps that of an earlier call.
    length_s : float, optional
    instrumental : bool
    formats : tuple of str
    stems : bool

    Raises
    ------
    FileError
        If the folder cannot be used, or holds an album of other texts or options.
    """

    def __init__(
        self,
        folder: Path,
        texts: tuple[str, ...],
        *,
        count: int,
        seed: int | None = None,
        length_s: float | None = None,
        instrumental: bool = False,
        formats: tuple[str, ...] = ("wav", "mp3"),
        stems: bool = False,
    ) -> None:
        from halation.files import check_out

        self.folder = folder
        self._formats, self._stems = formats, stems
        self._wishes = {"length_s": length_s, "instrumental": instrumental}
        asked = {
            "schema": 1, "texts": list(texts), "count": count, "seed": seed,
            "formats": list(formats), "stems": stems, **self._wishes,
        }  # fmt: skip
        check_out(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.seed = self._agree(asked)
            self.rows = self._known(self._drawn(texts, count))
        except OSError as error:
            reason = error.strerror or error
            raise FileError(f"cannot use {folder} ({reason}); choose another --out") from error

    def _agree(self, wish: Mapping[str, object]) -> int:
        """Hold what is asked for against what an earlier call asked for; return the seed."""
        path, asked = self.folder / "batch.json", dict(wish)
        if path.exists():
            try:
                before = json.loads(path.read_bytes())
                seed = int(before["seed"])
            except (ValueError, KeyError, TypeError) as error:
                raise FileError(f"{path} is damaged; choose another --out") from error
            if asked["seed"] is None:
                asked["seed"] = seed
            if before != asked:
                changed = [k for k in asked if before.get(k) != asked[k]]
                raise FileError(
                    f"{self.folder} holds an album of other {', '.join(changed)}; "
                    "ask for the same again, or choose another --out"
                )
            return seed
        seed = draw_seed() if asked["seed"] is None else int(str(asked["seed"]))
        _write(path, json.dumps(asked | {"seed": seed}, indent=1, ensure_ascii=False))
        return seed

    def _drawn(self, texts: tuple[str, ...], count: int) -> list[Row]:
        songs = [(text, take) for text in texts for take in range(count)]
        return [
            Row(number, text, int(rng(self.seed, "batch", number).integers(MAX_SEED + 1)))
            for number, (text, _) in enumerate(songs)
        ]

    def _known(self, rows: list[Row]) -> list[Row]:
        """Find the songs that are there: by the table, or by their folder after a kill."""
        path = self.folder / "results.csv"
        listed: dict[int, dict[str, str]] = {}
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for line in csv.DictReader(file):
                    if (line.get("number") or "").isdecimal():
                        listed[int(line["number"])] = line
        return [self._found(row, listed.get(row.number, {})) for row in rows]

    def _found(self, row: Row, line: dict[str, str]) -> Row:
        if line.get("state") == "done" and line.get("seed") == str(row.seed):
            folder = Path(line.get("folder") or "-").name
            with suppress(ValueError):
                known: dict[str, Any] = {k: float(line.get(k) or 0.0) for k in _NUMBERS}
                known |= {k: line.get(k) or "" for k in ("title", "key")}
                if (self.folder / folder / "song.json").is_file():
                    return replace(row, state="done", folder=folder, **known)
        for place in self.folder.glob(f"*-{row.seed}"):
            if (place / "song.json").is_file():
                return self._from_file(row, place)
        return row

    @staticmethod
    def _from_file(row: Row, place: Path) -> Row:
        from halation import files

        try:
            recipe = files.read(place)
        except FileError:
            return row
        form, measures = recipe.plan.score.form, recipe.measures
        return replace(
            row, state="done", folder=place.name, title=form.mood.title, key=form.key.name,
            tempo_bpm=form.tempo_bpm, duration_s=round(form.duration_s, 2),
            loudness_lufs=round(measures.loudness_lufs, 2),
        )  # fmt: skip

    @property
    def missing(self) -> list[Row]:
        """Songs that are not there."""
        return [row for row in self.rows if row.state != "done"]

    def make(self, makers: Makers) -> Generator[Row, None, None]:
        """Make what is missing, yielding each song as it is there or has failed.

        No more songs are handed out than the makers make at a time.

        Raises
        ------
        FileError
            If the disk is full: the rest would fail as well.
        """
        making = self.folder / MAKING
        left = [(row, 1) for row in self.missing]
        running: dict[Future[Made], tuple[Row, int]] = {}
        try:
            while left or running:
                while left and len(running) < makers.slots:
                    row, attempt = left.pop(0)
                    future = makers.executor.submit(make_one, self._task(row, making, makers))
                    running[future] = row, attempt
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    row, attempt = running.pop(future)
                    try:
                        ended = self._taken_in(future.result(), making)
                    except FileError:
                        raise
                    except HalationError as error:
                        ended = replace(row, state="failed", message=str(error))
                    except Exception as error:
                        if died(error) and attempt < ATTEMPTS:
                            left.insert(0, (row, attempt + 1))
                            continue
                        told = f"{type(error).__name__}: {error}"
                        ended = replace(row, state="failed", message=told)
                    self.rows[row.number] = ended
                    self._write_table()
                    yield ended
        finally:
            for future in running:
                future.cancel()
            shutil.rmtree(making, ignore_errors=True)

    def _task(self, row: Row, making: Path, makers: Makers) -> Task:
        place = making / str(row.number)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        brief = Brief(row.seed, row.text, **self._wishes)  # type: ignore[arg-type]
        folder = None if makers.remote else str(place)
        return Task(row, brief, self._formats, self._stems, makers.share, folder)

    def _taken_in(self, made: Made, making: Path) -> Row:
        """Move a finished song to its place."""
        from halation.files.folder import PREFIX, file_error, put_in_place

        place = making / str(made.row.number)
        room = place / Path(made.row.folder).name
        try:
            for name, content in made.contents.items():
                path = (room / name).resolve()
                if not path.is_relative_to(room.resolve()):
                    raise FileError(f"a worker sent a file that belongs nowhere: {name[:80]!r}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            hidden = self.folder / f"{PREFIX}{made.row.number}"
            shutil.rmtree(hidden, ignore_errors=True)
            folder = put_in_place(room.rename(hidden), room.name)
        except OSError as error:
            raise file_error(self.folder, error) from error
        shutil.rmtree(place, ignore_errors=True)
        return replace(made.row, folder=folder.name)

    def _write_table(self) -> None:
        draft = self.folder / ".results.csv"
        with draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, [column.name for column in fields(Row)])
            table.writeheader()
            table.writerows(asdict(row) for row in self.rows)
        draft.replace(self.folder / "results.csv")


_NUMBERS: Final = ("tempo_bpm", "duration_s", "loudness_lufs", "seconds")


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        os.fsync(file.fileno())
    draft.replace(path)
