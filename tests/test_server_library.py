"""What the library keeps, what makes way, and what it does with damage."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from halation.server.library import RADIO_KEPT, Library
from halation.server.shelf import Entry
from halation.types import FileError

MB = 1_000_000


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = Library(tmp_path)
    yield library
    library.close()


def add(library: Library, number: int, *, radio: bool = False, mb: int = 1) -> str:
    """Put a song of ``mb`` megabytes on the shelf, the higher the number the newer."""
    song_id = f"song{number:03}"
    room = library.making(song_id)
    with (room / "song.mp3").open("wb") as file:
        file.truncate(mb * MB)  # takes no room on most disks
    (room / "view.json").write_text(json.dumps(VIEW | {"seed": number}))
    files = {"song.mp3": ("song.mp3", mb * MB)}
    library.add(
        Entry(song_id, f"2026-01-01T00:{number:04}", "Glass", radio=radio, files=files), room
    )
    return song_id


VIEW = {
    "text": "fog", "duration_s": 28.0, "tempo_bpm": 120.0, "key": "F# minor",
    "mood": {
        "words": ["foggy"], "colours": ["#000000"] * 4, "phrase": "fog", "understood": True,
        "valence": 0, "energy": 0, "warmth": 0, "density": 0, "haze": 0,
    },
    "sections": [], "parts": [], "peaks": [], "loudness_lufs": -14.0,
}  # fmt: skip


def ids(library: Library) -> list[str]:
    return [song.id for song in library.songs(limit=100).songs]


def test_the_oldest_make_way_but_never_a_liked_one(library: Library) -> None:
    library.quota_mb = 500
    first = add(library, 0, mb=150)
    library.change(first, title=None, liked=True)
    for number in (1, 2, 3):
        add(library, number, mb=150)
    assert ids(library) == ["song003", "song002", first]
    assert not (library.folder / "songs" / "song001").exists()
    library.quota_mb = 200
    assert ids(library) == [first]
    assert "Liked songs fill" not in library.about()["notice"]
    library.quota_mb = 160
    assert "Liked songs fill" in library.about()["notice"]


def test_the_song_just_made_stays_even_where_there_is_no_room(library: Library) -> None:
    library.quota_mb = 200
    liked = add(library, 0, mb=190)
    library.change(liked, title=None, liked=True)
    assert ids(library) == [liked]
    new = add(library, 1, mb=50)
    assert ids(library) == [new, liked]


def test_stems_make_way_before_songs(library: Library) -> None:
    library.quota_mb = 300
    for number in (0, 1):
        song_id = add(library, number, mb=80)
        room = library.making(f"stems{number}")
        with (room / "drums.flac").open("wb") as file:
            file.truncate(60 * MB)
        song = library.add_stems(song_id, room, 1.0)
        assert song.stems == ["drums"]
    assert add(library, 2, mb=80)
    assert ids(library) == ["song002", "song001", "song000"]
    songs = library.songs().songs
    assert [song.stems for song in songs] == [[], ["drums"], []]
    assert songs[2].bytes == 80 * MB
    assert not (library.folder / "songs/song000/stems").exists()


def test_the_radio_keeps_its_newest_and_the_liked(library: Library) -> None:
    mine = add(library, 0)
    loved = add(library, 1, radio=True)
    library.change(loved, title=None, liked=True)
    for number in range(2, RADIO_KEPT + 7):
        add(library, number, radio=True)
    kept = ids(library)
    assert kept[:RADIO_KEPT] == [f"song{n:03}" for n in range(RADIO_KEPT + 6, 6, -1)]
    assert kept[RADIO_KEPT:] == [loved, mine]


def test_a_lost_or_damaged_database_costs_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for number in range(3):
        add(library, number)
    library.change("song001", title="Mine", liked=True)
    before = library.songs().songs
    library.close()
    (tmp_path / "library.db").write_bytes(b"this is no database" * 1_000)
    library = Library(tmp_path)
    assert library.songs().songs == before
    library.close()
    assert list(tmp_path.glob("library-damaged-*.db"))
    for path in tmp_path.glob("library.db*"):
        path.unlink()
    library = Library(tmp_path)
    assert library.songs().songs == before
    library.close()


def test_a_kill_between_folder_and_index_is_mended(tmp_path: Path) -> None:
    library = Library(tmp_path)
    add(library, 0)
    add(library, 1)
    library.close()
    with sqlite3.connect(tmp_path / "library.db") as db:
        db.execute("DELETE FROM songs WHERE id = 'song000'")
    db.close()
    shutil.rmtree(tmp_path / "songs/song001")
    (tmp_path / "making/half").mkdir()
    library = Library(tmp_path)
    assert ids(library) == ["song000"]
    assert not list((tmp_path / "making").iterdir())
    library.close()


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"id": 3}', b"\xff\xfe", b'{"files": 7}'])
def test_a_damaged_entry_is_shown_as_damaged(tmp_path: Path, content: bytes) -> None:
    library = Library(tmp_path)
    add(library, 0)
    add(library, 1)
    library.close()
    (tmp_path / "songs/song000/entry.json").write_bytes(content)
    library = Library(tmp_path)
    good, bad = (library.song(name) for name in ("song001", "song000"))
    assert good is not None
    assert not good.damaged
    assert bad is not None
    assert "Delete it" in bad.damaged
    with pytest.raises(FileError, match="damaged"):
        library.detail(bad)
    with pytest.raises(FileError, match="damaged"):
        library.file(bad, "song.mp3")
    library.delete(bad.id)
    assert ids(library) == ["song001"]
    library.close()


def test_a_short_or_missing_file_is_told(library: Library) -> None:
    song_id = add(library, 0)
    song = library.song(song_id)
    assert song is not None
    path = library.file(song, "song.mp3")
    assert path is not None
    path.write_bytes(b"short")
    with pytest.raises(FileError, match=r"song\.mp3 is missing or not as it was written"):
        library.file(song, "song.mp3")
    assert library.file(song, "song.wav") is None


def test_no_path_leaves_the_song_s_folder(library: Library) -> None:
    song_id = add(library, 0)
    secret = library.folder / "secret"
    secret.write_text("x")
    folder = library.folder / "songs" / song_id
    entry = json.loads((folder / "entry.json").read_text())
    entry["files"]["song.wav"] = ["../../secret", 1]
    (folder / "entry.json").write_text(json.dumps(entry))
    song = library.song(song_id)
    assert song is not None
    for name in ("song.wav", "../secret", "../../secret", "/etc/passwd", "entry.json", ""):
        assert library.file(song, name) is None


def test_two_servers_never_share_a_library(library: Library) -> None:
    with pytest.raises(FileError, match="another halation serve"):
        Library(library.folder)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FileError, match="choose another folder with --library"):
        Library(tmp_path / "file")


def test_a_full_disk_is_told(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(library.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage._replace(free=3 * MB))
    assert "only 3 MB left" in library.about()["notice"]


def test_entries_are_written_in_one_step(library: Library) -> None:
    song_id = add(library, 0)
    song = library.change(song_id, title="New", liked=None)
    assert song.title == "New"
    folder = library.folder / "songs" / song_id
    assert not list(folder.glob(".*"))


def test_a_full_disk_does_not_keep_a_song_from_being_deleted(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    song_id = add(library, 0)
    ballast = library.folder / "ballast"
    assert ballast.stat().st_size > 100_000
    mark = library._mark

    def full(song_id: str) -> None:
        if ballast.exists():
            raise sqlite3.OperationalError("database or disk is full")
        mark(song_id)

    monkeypatch.setattr(library, "_mark", full)
    library.delete(song_id)
    assert ids(library) == []
    usage = shutil.disk_usage(library.folder)
    with monkeypatch.context() as low:
        low.setattr(shutil, "disk_usage", lambda _place: usage._replace(free=3 * MB))
        library.making("next")  # what was deleted makes way, whether it could come back or not
    assert not (library.folder / "songs" / song_id).exists()
    library.tidy()
    assert ballast.exists()  # for the next time


def test_what_was_deleted_goes_by_itself(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    song_id = add(library, 0)
    library.delete(song_id)
    library.tidy()
    assert (library.folder / "songs" / song_id).exists()
    monkeypatch.setattr("halation.server.library.UNDO_S", -1.0)
    library.tidy()
    assert not (library.folder / "songs" / song_id).exists()


@pytest.mark.parametrize("name", ["view.json", "entry.json"])
def test_a_liked_song_that_is_damaged_never_makes_way(tmp_path: Path, name: str) -> None:
    library = Library(tmp_path)
    song_id = add(library, 0, mb=150)
    library.change(song_id, title=None, liked=True)
    library.close()
    (tmp_path / "songs" / song_id / name).write_text("{")
    library = Library(tmp_path)
    song = library.song(song_id)
    assert song is not None and song.damaged
    library.quota_mb = 200
    add(library, 1, mb=150)
    assert song_id in ids(library) and library.about()["liked_mb"] == 150
    library.close()


def test_a_damaged_entry_is_told(library: Library) -> None:
    song_id = add(library, 0)
    (library.folder / "songs" / song_id / "entry.json").write_text("{")
    with pytest.raises(FileError, match="damaged"):
        library.change(song_id, title="New", liked=None)
