"""Songs that a model plays, as a client of the server sees them; the model is a fake."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from halation import backends, pipeline
from halation.dsp import loudness
from halation.server import maker
from halation.server.eventlog import EventLog
from halation.server.maker import Made, Order
from halation.server.wire import Exchange, Line
from halation.types import WHOLE_SONG, Audio, Block, Brief, Part, Song, Stem, Stems
from tests.fakes import fake_song
from tests.served import Kitchen, halves_of, make, making_of, served, until


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a checkpoint where weights are, and all that its player needs."""
    (tmp_path / "weights" / "musicgen-small").mkdir(parents=True)
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(backends, "_importable", lambda _module: True)


@cache
def whole_song() -> Song:
    """Return the fake song, played by one model in place of all its parts."""
    song = fake_song()
    score = song.score
    notes = sorted((n for part in score.parts for n in part.notes), key=lambda n: n.onset_beats)
    name = WHOLE_SONG
    part = Part(name, name, "musicgen", "musicgen-small", tuple(notes), instead=score.parts)
    score = replace(score, parts=(part,))
    tracks = {stem.name: stem.audio.samples for stem in song.mix.stems.tracks}
    played = sum(x for name, x in tracks.items() if name != "space")
    stems = Stems(
        score,
        (Stem(WHOLE_SONG, Audio(np.asarray(played))), Stem("space", Audio(tracks["space"]))),
    )
    return replace(
        song, mix=replace(song.mix, stems=stems, plan=replace(song.mix.plan, score=score))
    )


class Studio(Kitchen):
    """Makes the song of a model."""

    def _make(self, order: Order) -> Made:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(order.folder or place)
            made = recorded(folder)
            contents = {} if order.folder else maker.contents_of(folder)
            return replace(made, seconds=90.0, contents=contents)


def recorded(folder: Path) -> Made:
    """Write the model's song into a folder."""
    return maker.record(making_of(whole_song(), stems=True), folder, Line(None), "", stems=True)


@pytest.mark.usefixtures("installed")
def test_an_instrument_is_offered_where_weights_and_player_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(tmp_path / "library", Kitchen()) as client:
        (row,) = client.get("/api/about").json()["instruments"]
        assert (row["name"], row["licence"]) == ("musicgen-small", "CC-BY-NC-4.0")
        assert not row["commercial"]
        assert "may not be sold" in row["note"]
        monkeypatch.setattr(backends, "_importable", lambda module: module != "torch")
        assert client.get("/api/about").json()["instruments"] == []
        monkeypatch.undo()
        monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path / "none"))
        assert client.get("/api/about").json()["instruments"] == []


@pytest.mark.usefixtures("installed")
def test_a_wish_says_who_plays(tmp_path: Path) -> None:
    kitchen = Kitchen()
    station = {"station": "rain", "seed": 3, "number": 1}
    with served(tmp_path / "library", kitchen) as client:
        make(client, text="fog")
        make(client, text="fog", instrument="musicgen-small")
        make(client, radio=station, instrument="musicgen-small")
        briefs = [order.brief.players for order in kitchen.orders if order.brief]
        assert briefs == [(), *[(("all", "musicgen:musicgen-small"),)] * 2]
        for name in ("musicgen-large", "no such thing"):
            refused = client.post("/api/songs", json={"instrument": name})
            assert refused.status_code == 409
            assert f"{name!r} is installed here; there are: musicgen-small" in refused.text
        assert len(kitchen.orders) == 3


@pytest.mark.usefixtures("installed")
def test_the_stems_and_the_rights_of_a_model_s_song_are_there_at_once(tmp_path: Path) -> None:
    studio = Studio()
    with served(tmp_path / "library", studio) as client:
        song = make(client, instrument="musicgen-small")
        assert (song["instrument"], song["commercial"]) == ("musicgen-small", False)
        assert song["stems"] == ["song", "space"]
        path = f"/api/songs/{song['id']}"
        assert client.post(f"{path}/stems").json()["state"] == "done"
        assert len(studio.orders) == 1, "the model was not asked again"
        detail = client.get(path).json()
        assert detail["rights"] == "Played by musicgen-small (CC-BY-NC-4.0): not for sale."
        assert {part["stem"] for part in detail["parts"]} > {"drums", "bass"}, "as written"
        # Together, brought to the master's loudness, they are the song.
        sounds = [
            soundfile.read(io.BytesIO(client.get(f"{path}/files/stems/{name}.flac").content))[0]
            for name in song["stems"]
        ]
        together = Audio(np.asarray(sum(sounds), np.float32).T)
        found = loudness.integrated(together) + detail["stems_gain_db"]
        assert found == pytest.approx(detail["loudness_lufs"], abs=0.1)
        about = client.get("/api/about").json()
        assert about["usual_s"] == 0.0, "halation's own songs do not take so long"
        assert about["instruments"][0]["usual_s"] >= 90.0


def test_a_song_of_halation_s_own_is_the_listener_s(tmp_path: Path) -> None:
    with served(tmp_path, Kitchen()) as client:
        song = make(client)
        assert (song["instrument"], song["commercial"]) == ("", True)
        detail = client.get(f"/api/songs/{song['id']}").json()
        assert detail["rights"] == ""
        # One of before models played says nothing of it, and is read all the same.
        drawn = tmp_path / "songs" / song["id"] / "view.json"
        old = json.loads(drawn.read_text())
        for name in ("instrument", "commercial", "rights"):
            del old[name]
        drawn.write_text(json.dumps(old))
        renamed = client.patch(f"/api/songs/{song['id']}", json={"title": "Old"}).json()
        assert (renamed["title"], renamed["commercial"], renamed["damaged"]) == ("Old", True, "")
        assert client.get(f"/api/songs/{song['id']}").json()["rights"] == ""


def test_a_model_s_song_comes_home_with_its_stems_from_another_machine(tmp_path: Path) -> None:
    with served(tmp_path, Studio(), remote=True) as client:
        song = make(client)
        stem = client.get(f"/api/songs/{song['id']}/files/stems/song.flac")
        assert stem.content[:4] == b"fLaC"
        assert client.get(f"/api/songs/{song['id']}/files/song.mp3").status_code == 200


# -- the way from the player's thread to the page --------------------------------


@pytest.fixture
def heard() -> list[dict[str, str]]:
    return []


@pytest.fixture
def order(tmp_path: Path, heard: list[dict[str, str]]) -> Iterator[Order]:
    exchange = Exchange()

    def hear(kind: str, body: bytes) -> None:
        heard.append({"kind": kind} if kind in ("length", "frames") else json.loads(body))

    socket = exchange.expect(hear)
    yield Order(brief=Brief(1, length_s=30.0), folder=str(tmp_path), socket=socket)
    exchange.close()


Plays = Callable[[backends.Watch], None]


def pretend(monkeypatch: pytest.MonkeyPatch, plays: Plays) -> None:
    """Let a model play in a thread, as the pipeline has it do."""

    def produce(
        _brief: Brief, *, workers: int | None, watch: backends.Watch, keep: bool, stems: bool
    ) -> Generator[pipeline.Artefact, None, None]:
        song = whole_song()
        yield song.score
        failed: list[BaseException] = []

        def run() -> None:
            try:
                plays(watch)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        yield from halves_of(song, stems=stems)
        yield song

    monkeypatch.setattr(pipeline, "produce", produce)


def test_how_far_a_model_is_is_told_now_and_then_and_what_it_says_always(
    monkeypatch: pytest.MonkeyPatch, order: Order, heard: list[dict[str, str]]
) -> None:
    def plays(watch: backends.Watch) -> None:
        watch.say("about 12 min")
        for percent in range(100):
            watch.show(f"hook, {percent}%")
        watch.say("tempo off by 1%")

    pretend(monkeypatch, plays)
    made = maker.make_song(order)
    until(lambda: len(heard) == made.said)
    told = [(e["kind"], e["message"]) for e in heard if e["kind"] in ("note", "progress")]
    assert told[0] == ("note", "about 12 min")
    assert told[-1] == ("note", "tempo off by 1%")
    shown = [text for kind, text in told if kind == "progress"]
    assert shown[:1] == ["hook, 0%"]
    assert len(shown) < 50, "a hundred in a moment are not worth a hundred events"


def test_a_model_stops_in_the_middle_of_a_stem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = threading.Event()

    def plays(watch: backends.Watch) -> None:
        try:
            until(lambda: watch.show("hook, 1%"))  # plays on for as long as it is let
        finally:
            ended.set()

    class Real(Kitchen):
        def _make(self, order: Order) -> Made:
            return maker.make_song(order)

    pretend(monkeypatch, plays)
    with served(tmp_path, Real()) as client:
        job_id = client.post("/api/songs", json={}).json()["id"]
        events: list[str] = []
        with client.stream("GET", f"/api/jobs/{job_id}/events") as stream:
            for line in stream.iter_lines():
                name, _, kind = line.partition(": ")
                if name == "event":
                    events.append(kind)
                if kind == "progress":
                    break
        assert client.delete(f"/api/jobs/{job_id}").json()["state"] == "cancelled"
        assert ended.wait(30.0)
        assert client.get("/api/songs").json()["total"] == 0


def test_two_threads_on_a_line_do_not_speak_into_each_other_s_words() -> None:
    exchange = Exchange()
    heard: list[str] = []
    place = exchange.expect(lambda _kind, body: heard.append(body.decode()))
    line = Line(place)

    def say(letter: str) -> None:
        for _ in range(60):
            line.send("note", letter.encode() * 100_000)

    threads = [threading.Thread(target=say, args=(letter,)) for letter in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(heard) == line.said == 120)
    assert {len(set(text)) for text in heard} == {1}
    exchange.stop(place)
    until(lambda: line.stopped)
    assert line.stopped, "whoever asks second is told, too"
    line.close()
    exchange.close()


def test_who_comes_late_hears_how_far_it_is_now_and_all_that_was_said() -> None:
    async def story() -> list[tuple[str, str]]:
        log = EventLog()
        for number in range(3):
            log.add("progress", f"{number}")
            log.add("note", f"said {number}")
        log.add("done", "")
        return [(kind, body) async for _, kind, body in log.follow(None)]

    notes = [("note", "said 0"), ("note", "said 1")]
    told = [*notes, ("progress", "2"), ("note", "said 2"), ("done", "")]
    assert asyncio.run(story()) == told


def test_the_stems_of_a_model_s_song_are_played_again_where_they_had_to_make_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: list[dict[str, str]], order: Order
) -> None:
    song = whole_song()
    (tmp_path / "first").mkdir()
    recorded(tmp_path / "first")
    recipe = (tmp_path / "first" / "song.json").read_bytes()

    def replay(
        _plan: object, *, workers: int, watch: backends.Watch, keep: bool, stems: bool
    ) -> Iterator[Block]:
        assert stems and workers
        assert not keep
        watch.show("song by musicgen-small: hook, 40%")
        yield from halves_of(song, stems=True)

    monkeypatch.setattr(pipeline, "replay", replay)
    (tmp_path / "again").mkdir()
    again = replace(order, brief=None, song_json=recipe, folder=str(tmp_path / "again"))
    made = maker.make_stems(again)
    until(lambda: len(heard) == made.said)
    told = [event.get("message") or event["stem"] for event in heard]
    assert told == ["song by musicgen-small: hook, 40%", "50%", "100%", "song", "space"]
    assert {p.name for p in (tmp_path / "again").iterdir()} == {"song.flac", "space.flac"}
