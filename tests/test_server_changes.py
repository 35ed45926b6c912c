"""Songs that are made of songs: thrown again, shaped, edited; and several takes of one wish."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from halation import reshape
from halation.server.changes import Again, Remake, Shape, change_of
from halation.server.guard import MAX_BODY_BYTES, MAX_MIDI_BYTES
from halation.takes import seed_of
from halation.types import Brief
from tests.served import Kitchen, follow, make, served


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
def client(tmp_path: Path, kitchen: Kitchen) -> Iterator[httpx.Client]:
    with served(tmp_path, kitchen) as client:
        yield client


def done(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/jobs/{answer.json()['id']}"
    last = follow(client, answer.json()["id"])[-1]
    assert last["kind"] == "done", last
    song: dict[str, Any] = last["song"]
    return song


def test_every_change_is_a_new_song_with_its_parent(client: httpx.Client, kitchen: Kitchen) -> None:
    parent = make(client, text="fog")
    client.patch(f"/api/songs/{parent['id']}", json={"title": "Glass"})
    path = f"/api/songs/{parent['id']}"
    midi = client.get(f"{path}/files/song.mid").content
    changes = [
        client.post(f"{path}/again", json={"what": ["hook2", "drums"]}),
        client.post(f"{path}/shape", json={"tempo_bpm": 140, "mood": {"warmth": 0.4}}),
        client.post(f"{path}/midi", content=midi, headers={"Content-Type": "audio/midi"}),
    ]
    songs = [done(client, answer) for answer in changes]
    assert [song["parent"] for song in songs] == [parent["id"]] * 3
    assert [song["title"] for song in songs] == ["Glass"] * 3
    assert len({song["id"] for song in songs}) == 3
    again, shape, edit = (order.remake for order in kitchen.orders[-3:])
    assert again is not None
    assert shape is not None
    assert edit is not None
    assert again.again is not None
    assert again.again.what == ["hook2", "drums"]
    assert again.again.seed is not None, "so that it is the same when it is made once more"
    assert shape.shape == Shape(tempo_bpm=140.0, mood={"warmth": 0.4})
    assert edit.midi == midi
    recipe = client.get(f"{path}/files/song.json").content
    assert {order.song_json for order in kitchen.orders[-3:]} == {recipe}
    assert client.get(path).json()["parent"] == ""


def test_a_change_that_waited_is_made_by_the_next_server(tmp_path: Path, kitchen: Kitchen) -> None:
    with served(tmp_path, kitchen) as client:
        parent = make(client)
        kitchen.gate.clear()
        url = f"/api/songs/{parent['id']}/again"
        job_id = client.post(url, json={"what": ["hook"]}).json()["id"]
    kitchen = Kitchen()
    with served(tmp_path, kitchen) as client:
        assert follow(client, job_id)[-1]["song"]["parent"] == parent["id"]
        (order,) = kitchen.orders
        assert order.remake is not None
        assert order.remake.again is not None
        assert order.remake.again.what == ["hook"]


@pytest.mark.parametrize(
    ("door", "wish", "where"),
    [
        ("again", {}, "what"),
        ("again", {"what": []}, "what"),
        ("again", {"what": ["x"] * 21}, "what"),
        ("shape", {"tempo_bpm": 10}, "tempo_bpm"),
        ("shape", {"mood": {"nonsense": 0.1}}, "mood.nonsense"),
        ("shape", {"mood": {"haze": 3}}, "mood.haze"),
        ("shape", {"length_s": 9_000}, "length_s"),
    ],
)
def test_what_no_song_can_be_is_refused(
    client: httpx.Client, door: str, wish: dict[str, Any], where: str
) -> None:
    song = make(client)
    refused = client.post(f"/api/songs/{song['id']}/{door}", json=wish)
    assert refused.status_code == 422
    assert where in refused.json()["detail"]
    assert client.post(f"/api/songs/nobody/{door}", json=wish).status_code == 404


def test_a_midi_file_may_be_larger_than_a_wish_and_yet_has_a_limit(client: httpx.Client) -> None:
    url = f"/api/songs/{make(client)['id']}/midi"
    assert client.post(url, content=bytes(MAX_BODY_BYTES + 1)).status_code == 202
    for size in (MAX_MIDI_BYTES + 1, 2 * MAX_MIDI_BYTES):
        assert client.post(url, content=bytes(size)).status_code == 413


def test_takes_of_one_wish_are_other_songs_that_can_be_made_again(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    assert make(client, seed=7)["seed"] == 7
    assert make(client, seed=7, take=2)["seed"] == seed_of(Brief(7), 2)
    make(client, seed=7, takes=4)
    assert kitchen.orders[-1].takes == 4
    for wish in ({"take": 0}, {"take": 17}, {"takes": 17}):
        assert client.post("/api/songs", json=wish).status_code == 422


def test_what_a_listener_asks_for_is_what_is_changed() -> None:
    shape = Shape(tempo_bpm=100.0, key="E minor", mood={"warmth": 0.4}, instrumental=True)
    assert change_of(Remake(parent="x", shape=shape)) == reshape.Change(
        tempo_bpm=100.0, key="E minor", mood={"warmth": 0.4}, instrumental=True
    )
    assert change_of(Remake(parent="x", again=Again(what=["hook"], seed=5))) == reshape.Change(
        again=("hook",), seed=5
    )
    assert change_of(Remake(parent="x", midi=b64encode(b"MThd"))) == reshape.Change(midi=b"MThd")


def test_songs_of_before_there_were_parents_are_read(tmp_path: Path, kitchen: Kitchen) -> None:
    with served(tmp_path, kitchen) as client:
        song = make(client)
    for name, gone in (("entry.json", "parent"), ("view.json", "change")):
        path = tmp_path / "songs" / song["id"] / name
        data = json.loads(path.read_text())
        del data[gone]
        path.write_text(json.dumps(data))
    (tmp_path / "library.db").unlink()
    with served(tmp_path, Kitchen()) as client:
        detail = client.get(f"/api/songs/{song['id']}").json()
        assert (detail["parent"], detail["change"], detail["damaged"]) == ("", [], "")
