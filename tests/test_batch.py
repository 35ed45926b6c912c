"""Albums: made by several, resumed after every kind of end."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from halation import files
from halation.batch import Album, Made, Row, Task, read_texts
from halation.types import BriefError, FileError, HalationError
from halation.workers import Makers, dask
from tests.fakes import fake_score, fake_song

TEXTS = ("fog", "neon rain")


class Hands(Executor):
    """Makes a fake song for each task, or raises what lies ready for its number."""

    def __init__(self, spoil: dict[int, list[BaseException]] | None = None) -> None:
        self.spoil = spoil or {}
        self.made: list[int] = []
        self.most = self.now = 0
        self._pool = ThreadPoolExecutor(1)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Take a task; count how many are in hand."""
        assert not kwargs
        self.now += 1
        self.most = max(self.most, self.now)
        return self._pool.submit(self._make, *args)

    def _make(self, task: Task) -> Made:
        self.now -= 1
        number = task.row.number
        if self.spoil.get(number):
            raise self.spoil[number].pop(0)
        self.made.append(number)
        score = fake_score(task.row.seed, title=f"Song {number}", text=task.row.text)
        assert task.folder is not None
        written = files.write(fake_song(score), Path(task.folder), formats=("flac",))
        row = replace(task.row, state="done", folder=written.folder.name, title=f"Song {number}")
        return Made(replace(row, duration_s=28.0))


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_an_album_has_a_folder_a_song_and_a_table(tmp_path: Path) -> None:
    album = Album(tmp_path / "a", TEXTS, count=2, seed=5)
    hands = Hands()
    rows = list(album.make(Makers(hands, 1)))
    assert [row.number for row in rows] == [0, 1, 2, 3]
    assert hands.most == 1
    listed = table(tmp_path / "a")
    assert [row["text"] for row in listed] == ["fog", "fog", "neon rain", "neon rain"]
    assert {row["state"] for row in listed} == {"done"}
    assert len({row["seed"] for row in listed}) == 4
    for row in listed:
        recipe = files.read(tmp_path / "a" / row["folder"])
        assert recipe.plan.score.form.mood.brief.seed == int(row["seed"])
    assert not [path for path in (tmp_path / "a").iterdir() if path.name.startswith(".")]


def test_only_what_is_missing_is_made(tmp_path: Path) -> None:
    first = Album(tmp_path, TEXTS, count=2)
    making = first.make(Makers(Hands(), 1))
    next(making)
    next(making)
    making.close()  # Ctrl-C
    hands = Hands()
    again = Album(tmp_path, TEXTS, count=2)
    assert again.seed == first.seed
    assert [row.number for row in again.missing] == [2, 3]
    list(again.make(Makers(hands, 1)))
    assert hands.made == [2, 3]
    # A kill may come between a song and its line; somebody may delete a song.
    (tmp_path / "results.csv").unlink()
    shutil.rmtree(tmp_path / again.rows[1].folder)
    third = Album(tmp_path, TEXTS, count=2)
    assert [row.number for row in third.missing] == [1]
    list(third.make(Makers(Hands(), 1)))
    titles = [row["title"] for row in table(tmp_path)]
    assert titles == ["Song 0", "Song 1", "Song 2", "Song 3"]
    assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 4


def test_a_lost_worker_costs_nothing_and_a_hopeless_song_only_itself(tmp_path: Path) -> None:
    lost = BrokenProcessPool("killed")
    hands = Hands({0: [lost], 1: [lost, lost], 2: [HalationError("no such player")]})
    rows = list(Album(tmp_path, TEXTS, count=2).make(Makers(hands, 1)))
    states = {row.number: (row.state, row.message) for row in rows}
    assert states[0] == ("done", "")
    assert states[1][0] == "failed"
    assert "killed" in states[1][1]
    assert states[2] == ("failed", "no such player")
    assert states[3][0] == "done"
    # The same call tries the failed ones again.
    rows = list(Album(tmp_path, TEXTS, count=2).make(Makers(Hands(), 1)))
    assert [row.state for row in rows] == ["done", "done"]
    assert {row["state"] for row in table(tmp_path)} == {"done"}


def test_a_full_disk_ends_it_and_loses_nothing(tmp_path: Path) -> None:
    hands = Hands({1: [FileError("the disk is full; free some space")]})
    with pytest.raises(FileError, match="disk is full"):
        list(Album(tmp_path, TEXTS, count=2).make(Makers(hands, 1)))
    assert table(tmp_path)[0]["state"] == "done"
    assert len(Album(tmp_path, TEXTS, count=2).missing) == 3


def test_another_album_does_not_go_into_the_same_folder(tmp_path: Path) -> None:
    Album(tmp_path, TEXTS, count=2, seed=5)
    Album(tmp_path, TEXTS, count=2, seed=5)
    with pytest.raises(FileError, match="an album of other count"):
        Album(tmp_path, TEXTS, count=3)
    with pytest.raises(FileError, match="an album of other seed"):
        Album(tmp_path, TEXTS, count=2, seed=6)
    (tmp_path / "batch.json").write_text("{")
    with pytest.raises(FileError, match=r"batch\.json is damaged"):
        Album(tmp_path, TEXTS, count=2)


def test_a_table_changed_by_hand_does_not_stop_it(tmp_path: Path) -> None:
    list(Album(tmp_path, TEXTS, count=1).make(Makers(Hands(), 1)))
    text = (tmp_path / "results.csv").read_text()
    (tmp_path / "results.csv").write_text(text.replace("28.0", "long").replace("1,", "x,"))
    assert not Album(tmp_path, TEXTS, count=1).missing


def test_no_worker_writes_outside_the_album(tmp_path: Path) -> None:
    class Liar(Hands):
        def _make(self, task: Task) -> Made:
            row = replace(task.row, state="done", folder="../../up")
            return Made(row, {"../../../evil": b"x"})

    album = Album(tmp_path / "a", ("fog",), count=1)
    with pytest.raises(FileError, match="belongs nowhere"):
        list(album.make(Makers(Liar(), 1)))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_bad_texts_are_named_before_anything_is_made() -> None:
    assert read_texts(["\ufefffog\n", "# no\n", "\n"]) == ("fog",)
    with pytest.raises(BriefError, match="no text in the file"):
        read_texts(["", "# only this"])
    with pytest.raises(BriefError, match="too long: line 2, 3"):
        read_texts(["fog", "x" * 10_001, "y" * 10_001])


def run(*arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "halation", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **how,
    )


def test_the_command_makes_real_songs_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("batch", "-", "--count", "2", "--out", str(out), "--length", "30", "--seed", "3")
    with subprocess.Popen(
        [sys.executable, "-m", "halation", *command, "--format", "mp3"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write("fog\n")
        process.stdin.close()
        assert any("1/2" in line for line in process.stderr)
        process.send_signal(signal.SIGKILL)
    done = run(*command, "--format", "mp3", input="fog\n")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 songs to make" in done.stderr
    listed = table(out)
    assert [row["state"] for row in listed] == ["done", "done"]
    made = run("make", "fog", "--seed", listed[1]["seed"], "--length", "30", "--out",
               str(tmp_path / "alone"), "--format", "mp3", "--json")  # fmt: skip
    theirs = next((out / listed[1]["folder"]).glob("*.mp3"))
    assert theirs.read_bytes() == Path(json.loads(made.stdout)["paths"]["mp3"]).read_bytes()
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_cluster_makes_the_same_songs(tmp_path: Path, cluster: str) -> None:
    def album(name: str) -> Album:
        return Album(tmp_path / name, ("fog",), count=1, seed=4, length_s=30.0, formats=("mp3",))

    with dask(cluster) as makers:
        (theirs,) = album("theirs").make(makers)
    from halation.batch import make_one
    from halation.types import Brief

    brief, place = Brief(theirs.seed, "fog", length_s=30.0), str(tmp_path / "ours")
    ours = make_one(Task(Row(0, "fog", theirs.seed), brief, ("mp3",), False, 1, place)).row
    there, here = tmp_path / "theirs" / theirs.folder, tmp_path / "ours" / ours.folder
    assert {p.name for p in there.iterdir()} == {p.name for p in here.iterdir()}
    for path in here.iterdir():
        assert path.read_bytes() == (there / path.name).read_bytes()


def test_the_radio_keeps_its_newest_and_leaves_others_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine-1"
    mine.mkdir()
    (mine / "song.json").write_text("{}")
    command = ("radio", "fog", "--every", "1", "--out", str(tmp_path), "--length", "30", "--keep",
               "2", "--seed", "3", "--format", "mp3")  # fmt: skip
    done = run(*command, "--count", "3", "--json")
    assert done.returncode == 0, done.stderr
    songs = [json.loads(line) for line in done.stdout.splitlines()]
    assert songs[0]["text"] == "fog"
    assert len({song["text"] for song in songs}) == 3
    kept = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert kept == {"mine-1", *(Path(song["paths"]["folder"]).name for song in songs[1:])}
    again = run(*command, "--count", "1")
    assert again.returncode == 0, again.stderr
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 3
    assert mine.exists()
