"""The songs that were made here: a folder each, and an SQLite index that can be made anew.

::

    LIBRARY/library.db           the index, and the jobs that are not done (WAL)
    LIBRARY/ballast              what is let go when the disk is full
    LIBRARY/making/<job>/        songs in work, cleared at each start
    LIBRARY/songs/<id>/          a finished song, put in place by one rename
        entry.json               what the listener may change, and what the files should weigh
        view.json                what the page draws
        song.json cover.png …    as ``halation make`` writes them
        stems/*.flac             made on request

Everything in the index stands in the folders, too: a lost or damaged database costs nothing.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from halation.server import shelf
from halation.server.models import About, Page, Song, SongDetail
from halation.server.shelf import UNREADABLE, Entry
from halation.types import FileError

__all__ = ["Library"]

log = logging.getLogger("halation")

RADIO_KEPT: Final = 20
"""Songs of the radio that are kept, newest first, besides the liked ones."""

UNDO_S: Final = 600.0
"""A deleted song can be brought back for so long."""

LOW_DISK_MB: Final = 500

BALLAST_BYTES: Final = 1 << 20
"""Kept free for the day when the disk is full: without it nothing could be deleted then."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS songs (
    id TEXT PRIMARY KEY, created_at TEXT NOT NULL, title TEXT NOT NULL, find TEXT NOT NULL,
    liked INTEGER NOT NULL, radio INTEGER NOT NULL, bytes INTEGER NOT NULL, row TEXT NOT NULL,
    deleted_at REAL
);
CREATE INDEX IF NOT EXISTS newest ON songs (created_at DESC, id DESC);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, created_at TEXT NOT NULL, attempts INTEGER NOT NULL, wish TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Library:
    """A folder of songs; every method may be called from any thread.

    Parameters
    ----------
    folder : Path
        Made if missing; locked, so that two servers never share one.
    quota_mb : int, optional
        Room for songs, where the listener has not set another.

    Raises
    ------
    FileError
        If the folder cannot be used, or another server has it.
    """

    def __init__(self, folder: Path, *, quota_mb: int = 5_000) -> None:
        self.folder = folder.absolute()
        self._default_quota_mb = quota_mb
        self._lock = threading.RLock()
        try:
            for place in (self.folder, self._songs, self._making):
                place.mkdir(parents=True, exist_ok=True)
            self._guard = FileLock(self.folder / "library.lock", timeout=0)
            self._guard.acquire()
        except Timeout as error:
            raise FileError(
                f"another halation serve has the library {self.folder} open; "
                "use its page, or choose another folder with --library"
            ) from error
        except OSError as error:
            raise FileError(
                f"cannot use {self.folder} as library ({error.strerror or error}); "
                "choose another folder with --library"
            ) from error
        try:
            for rest in self._making.iterdir():
                shutil.rmtree(rest, ignore_errors=True)
            self._db = self._open()
            self._index_folders()
            self.tidy(everything=True)
        except BaseException:
            self._guard.release()
            raise

    @property
    def _songs(self) -> Path:
        return self.folder / "songs"

    @property
    def _making(self) -> Path:
        return self.folder / "making"

    # -- the index ------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        path = self.folder / "library.db"
        try:
            return self._connect(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
                raise FileError(f"the disk of {self.folder} is full; free some space") from error
            aside = path.with_name(f"library-damaged-{time.strftime('%Y%m%d-%H%M%S')}.db")
            log.warning("%s is damaged (%s); it is kept as %s and made anew", path, error, aside)
            path.replace(aside)
            for rest in ("-wal", "-shm"):
                path.with_name(path.name + rest).unlink(missing_ok=True)
            return self._connect(path)

    @staticmethod
    def _connect(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("quick_check failed")
            db.executescript(_SCHEMA)
        except BaseException:
            db.close()
            raise
        return db

    def _index_folders(self) -> None:
        """Make the index agree with the folders: a kill may have come between the two."""
        known = {row[0] for row in self._db.execute("SELECT id FROM songs")}
        there = {place.name for place in self._songs.iterdir() if place.is_dir()}
        with self._change() as db:
            for lost in known - there:
                db.execute("DELETE FROM songs WHERE id = ?", (lost,))
            for name in there:
                self._index(db, name)

    def _index(self, db: sqlite3.Connection, song_id: str) -> Song:
        """Write one song's row from its folder."""
        song = shelf.row(self._folder(song_id))
        find = " ".join((song.title, song.text, *song.words, song.key)).casefold()
        db.execute(
            "INSERT INTO songs (id, created_at, title, find, liked, radio, bytes, row) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
            "title = excluded.title, find = excluded.find, row = excluded.row, "
            # one that cannot be read weighs nothing, and keeps what was known of it
            "liked = CASE WHEN excluded.bytes THEN excluded.liked ELSE liked END, "
            "bytes = CASE WHEN excluded.bytes THEN excluded.bytes ELSE bytes END",
            (
                *(song.id, song.created_at, song.title, find, song.liked, song.radio),
                *(song.bytes, song.model_dump_json()),
            ),
        )
        return song

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    # -- songs ------------------------------------------------------------

    def making(self, job_id: str) -> Path:
        """Return an empty folder in which a job may write; deleted songs make way for it."""
        self.tidy(everything=self._free_mb() < LOW_DISK_MB)
        room = self._making / job_id
        shutil.rmtree(room, ignore_errors=True)
        room.mkdir()
        return room

    def clear(self, job_id: str) -> None:
        """Remove what a job has left in its folder."""
        shutil.rmtree(self._making / job_id, ignore_errors=True)

    def add(self, entry: Entry, made: Path) -> Song:
        """Put a finished song, in a folder under :meth:`making`, in its place.

        Other songs may make way for it: those of the radio beyond its newest 20, and the oldest
        beyond the quota, never a liked one.
        """
        shelf.write_entry(made, entry)
        with self._lock:
            made.rename(self._songs / entry.id)
            with self._change() as db:
                song = self._index(db, entry.id)
            if entry.radio:
                self._prune_radio()
            self._make_room(keep=entry.id)
        return song

    def add_stems(self, song_id: str, made: Path, gain_db: float) -> Song:
        """Keep the stems of a song, FLAC files in a folder under :meth:`making`."""
        with self._lock:
            entry = self._entry(song_id)
            place = self._folder(song_id) / "stems"
            shutil.rmtree(place, ignore_errors=True)
            made.rename(place)
            stems = {
                f"stems/{p.name}": (f"stems/{p.name}", p.stat().st_size) for p in place.iterdir()
            }
            song = self._update(replace(entry, stems_gain_db=gain_db, files=entry.files | stems))
            self._make_room(keep=song_id)
        return song

    def songs(
        self, search: str = "", *, liked: bool = False, after: str | None = None, limit: int = 24
    ) -> Page:
        """List songs, newest first.

        Parameters
        ----------
        search : str
            Words that must all occur in title, text, mood or key.
        liked : bool
            Only those.
        after : str, optional
            :attr:`Page.next` of the stretch before.
        """
        where, values = "deleted_at IS NULL", []
        for word in search.casefold().split():
            where += " AND instr(find, ?) > 0"
            values.append(word)
        if liked:
            where += " AND liked"
        total = self._all(f"SELECT count(*) FROM songs WHERE {where}", *values)[0][0]
        if after:
            where += " AND (created_at, id) < (?, ?)"
            values += [*(after.rsplit("_", 1) if "_" in after else (after, ""))]
        rows = self._all(
            f"SELECT row FROM songs WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?",
            *values,
            limit + 1,
        )
        found = [Song.model_validate_json(row) for (row,) in rows]
        last = found[limit - 1] if len(found) > limit else None
        return Page(
            songs=found[:limit], total=total, next=f"{last.created_at}_{last.id}" if last else None
        )

    def song(self, song_id: str) -> Song | None:
        """Return a song, or None where there is none of that id, or it was deleted."""
        rows = self._all("SELECT row FROM songs WHERE id = ? AND deleted_at IS NULL", song_id)
        return Song.model_validate_json(rows[0][0]) if rows else None

    def detail(self, song: Song) -> SongDetail:
        """Return all that the page draws of a song; see :func:`shelf.detail`."""
        return shelf.detail(self._folder(song.id), song)

    def file(self, song: Song, name: str) -> Path | None:
        """Return where one of a song's files is; see :func:`shelf.file`."""
        return shelf.file(self._folder(song.id), name)

    def change(self, song_id: str, *, title: str | None, liked: bool | None) -> Song:
        """Rename or like a song.

        Raises
        ------
        FileError
            If its files are damaged.
        """
        with self._lock:
            entry = self._entry(song_id)
            if title is not None:
                entry = replace(entry, title=title)
            if liked is not None:
                entry = replace(entry, liked=liked)
            return self._update(entry)

    def delete(self, song_id: str) -> None:
        """Take a song out of the list; its files stay for a while so that it can come back."""
        try:
            self._mark(song_id)
        except sqlite3.Error:  # the disk is full: there is something to let go
            self._ballast.unlink(missing_ok=True)
            self._mark(song_id)
        self.tidy()

    def _mark(self, song_id: str) -> None:
        with self._change() as db:
            db.execute("UPDATE songs SET deleted_at = ? WHERE id = ?", (time.time(), song_id))

    def restore(self, song_id: str) -> Song | None:
        """Bring back a song that was deleted a moment ago; None where it is gone."""
        with self._change() as db:
            db.execute("UPDATE songs SET deleted_at = NULL WHERE id = ?", (song_id,))
        return self.song(song_id)

    def tidy(self, *, everything: bool = False) -> None:
        """Remove songs that were deleted a while ago, or all that were deleted."""
        before = time.time() - (0.0 if everything else UNDO_S)
        for (song_id,) in self._all("SELECT id FROM songs WHERE deleted_at <= ?", before):
            self._remove(song_id)
        with suppress(OSError):
            if not self._ballast.exists() and self._free_mb() * 1_000_000 > 4 * BALLAST_BYTES:
                self._ballast.write_bytes(bytes(BALLAST_BYTES))

    def _remove(self, song_id: str) -> None:
        with self._change() as db:
            db.execute("DELETE FROM songs WHERE id = ?", (song_id,))
        # Out of sight in one step, so that no half song is found after a kill.
        aside = self._making / f"gone-{song_id}"
        try:
            (self._songs / song_id).rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside, ignore_errors=True)

    def _update(self, entry: Entry) -> Song:
        shelf.write_entry(self._folder(entry.id), entry)
        with self._change() as db:
            return self._index(db, entry.id)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def _entry(self, song_id: str) -> Entry:
        try:
            return shelf.read_entry(self._folder(song_id))
        except UNREADABLE as error:
            raise FileError(shelf.DAMAGED) from error

    def _folder(self, song_id: str) -> Path:
        return self._songs / song_id

    # -- room ------------------------------------------------------------

    @property
    def quota_mb(self) -> int:
        """Room for songs."""
        rows = self._all("SELECT value FROM settings WHERE name = 'quota_mb'")
        return int(rows[0][0]) if rows else self._default_quota_mb

    @quota_mb.setter
    def quota_mb(self, value: int) -> None:
        with self._lock:  # nobody likes a song while it goes
            with self._change() as db:
                db.execute("INSERT OR REPLACE INTO settings VALUES ('quota_mb', ?)", (str(value),))
            self._make_room()

    def _used(self) -> int:
        return int(self._all("SELECT coalesce(sum(bytes), 0) FROM songs")[0][0])

    def _prune_radio(self) -> None:
        for (song_id,) in self._all(
            "SELECT id FROM songs WHERE radio AND NOT liked "
            "ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?",
            RADIO_KEPT,
        ):
            self._remove(song_id)

    def _make_room(self, keep: str = "") -> None:
        """Remove what is worth least until the quota is kept: deleted songs, stems, old songs."""
        limit = self.quota_mb * 1_000_000
        if self._used() <= limit:
            return
        self.tidy(everything=True)
        oldest = [
            song_id
            for (song_id,) in self._all("SELECT id FROM songs WHERE NOT liked ORDER BY created_at")
            if song_id != keep
        ]
        for song_id in oldest:
            if self._used() > limit:
                self._drop_stems(song_id)
        for song_id in oldest:
            if self._used() > limit:
                self._remove(song_id)

    def _drop_stems(self, song_id: str) -> None:
        try:
            entry = shelf.read_entry(self._folder(song_id))
        except UNREADABLE:
            return
        if entry.stems:
            kept = {k: v for k, v in entry.files.items() if not k.startswith("stems/")}
            shutil.rmtree(self._folder(song_id) / "stems", ignore_errors=True)
            self._update(replace(entry, files=kept))

    def _free_mb(self) -> int:
        return shutil.disk_usage(self.folder).free // 1_000_000

    def about(self) -> dict[str, Any]:
        """Return the library's part of :class:`About`."""
        songs, used, liked = self._all(
            "SELECT count(*), coalesce(sum(bytes), 0), coalesce(sum(bytes * liked), 0) "
            "FROM songs WHERE deleted_at IS NULL"
        )[0]
        quota, free = self.quota_mb, self._free_mb()
        notice = ""
        if free < LOW_DISK_MB:
            notice = f"The disk has only {free} MB left. Delete songs or free some space."
        elif liked > 0.9 * quota * 1_000_000:
            notice = "Liked songs fill the library; they are never removed. Give it more room."
        found = {
            "songs": songs, "used_mb": used // 1_000_000, "liked_mb": liked // 1_000_000,
            "quota_mb": quota, "free_mb": free, "notice": notice,
        }  # fmt: skip
        assert found.keys() <= About.model_fields.keys()
        return found

    # -- jobs that are not done ------------------------------------------------------------

    def note_job(self, job_id: str, created_at: str, attempts: int, wish: str) -> None:
        """Remember a job, so that a killed server can take it up again."""
        with self._change() as db:
            db.execute(
                "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)",
                (job_id, created_at, attempts, wish),
            )

    def forget_job(self, job_id: str) -> None:
        """Forget a job that has ended."""
        with self._change() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def unfinished(self) -> list[tuple[str, str, int, str]]:
        """Return id, creation time, attempts and wish of jobs that have not ended, oldest first."""
        rows = self._all("SELECT id, created_at, attempts, wish FROM jobs ORDER BY created_at, id")
        return [(str(a), str(b), int(c), str(d)) for a, b, c, d in rows]

    def close(self) -> None:
        """Let go of the folder."""
        with self._lock, closing(self._db):
            self._guard.release()
