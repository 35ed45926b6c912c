"""The server as a client sees it: songs asked for, followed, kept, fetched, cancelled."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from halation.server.app import describe
from halation.server.library import Library
from halation.server.models import Song
from halation.server.shelf import Entry
from halation.types import FileError, HalationError
from tests.served import Kitchen, follow, make, served


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
def client(tmp_path: Path, kitchen: Kitchen) -> Iterator[httpx.Client]:
    with served(tmp_path, kitchen) as client:
        yield client


def wait_for(client: httpx.Client, job_id: str, *states: str) -> dict[str, object]:
    end = time.monotonic() + 30.0
    while time.monotonic() < end:
        job: dict[str, object] = client.get(f"/api/jobs/{job_id}").json()
        if job["state"] in states:
            return job
        threading.Event().wait(0.01)
    raise AssertionError(f"{job_id} is not {states}: {job}")


def test_a_song_is_asked_for_followed_and_kept(client: httpx.Client) -> None:
    answer = client.post("/api/songs", json={"text": "rain", "seed": 11})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/api/jobs/{job['id']}"
    assert (job["text"], job["seed"], job["position"]) == ("rain", 11, 0)
    events = follow(client, job["id"])
    kinds = [event["kind"] for event in events if event["kind"] != "sounding"]
    assert kinds[:6] == ["queued", "started", "mood", "form", "score", "effects"]
    assert kinds[6:] == ["master", "done"]
    mood = events[2]["mood"]
    assert mood["words"] == ["foggy"]
    assert all(len(colour) == 7 and colour[0] == "#" for colour in mood["colours"])
    assert next(s["role"] for s in events[3]["sections"]) == "intro"
    assert len(next(e for e in events if e["kind"] == "master")["peaks"]) == 800
    song = events[-1]["song"]
    assert song["id"] == job["id"]
    assert client.get("/api/songs").json()["songs"] == [song]
    detail = client.get(f"/api/songs/{song['id']}").json()
    assert detail["text"] == "rain"
    assert sum(len(part["notes"]) for part in detail["parts"]) > 50
    assert client.get(f"/api/jobs/{job['id']}").json()["state"] == "done"


def test_events_resume_after_the_last_one_seen(client: httpx.Client) -> None:
    job_id = client.post("/api/songs", json={}).json()["id"]
    follow(client, job_id)
    events = follow(client, job_id)  # how much sounds is told now as it was in the end
    seen = events[4]["event_id"]
    assert follow(client, job_id, after=seen) == events[5:]
    assert follow(client, job_id, after="of-another-life.4") == events
    assert follow(client, job_id, after="nonsense") == events


def test_a_text_without_a_seed_draws_one(client: httpx.Client) -> None:
    seeds = {client.post("/api/songs", json={"text": "fog"}).json()["seed"] for _ in range(3)}
    assert len(seeds) == 3


def test_what_waits_knows_its_place(client: httpx.Client, kitchen: Kitchen) -> None:
    kitchen.gate.clear()
    jobs = [client.post("/api/songs", json={"seed": i}).json() for i in range(4)]
    assert [job["position"] for job in jobs] == [0, 1, 2, 3]
    assert [job["id"] for job in client.get("/api/jobs").json()] == [job["id"] for job in jobs]
    about = client.get("/api/about").json()
    assert (about["running"], about["waiting"]) == (1, 3)
    assert "halation_queue_waiting 3.0" in client.get("/metrics").text
    assert client.delete(f"/api/jobs/{jobs[1]['id']}").json()["state"] == "cancelled"
    assert [job["position"] for job in client.get("/api/jobs").json()] == [0, 1, 2]
    kitchen.gate.set()
    for job in (jobs[0], jobs[2], jobs[3]):
        assert follow(client, job["id"])[-1]["kind"] == "done"
    # Newest first means by the time of the wish.
    listed = [song["seed"] for song in client.get("/api/songs").json()["songs"]]
    assert listed == [3, 2, 0]


def test_a_full_queue_says_when_to_come_back(tmp_path: Path, kitchen: Kitchen) -> None:
    kitchen.gate.clear()
    with served(tmp_path, kitchen, limit=2) as client:
        for _ in range(3):  # one runs, two wait
            assert client.post("/api/songs", json={}).status_code == 202
        refused = client.post("/api/songs", json={})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert "queue is full" in refused.json()["detail"]
        kitchen.gate.set()


def test_twenty_clients_at_once_are_all_served(client: httpx.Client) -> None:
    with ThreadPoolExecutor(20) as crowd:
        jobs = list(crowd.map(lambda i: client.post("/api/songs", json={"seed": i}), range(20)))
        assert [job.status_code for job in jobs] == [202] * 20
        ends = list(crowd.map(lambda job: follow(client, job.json()["id"])[-1], jobs))
    assert [end["kind"] for end in ends] == ["done"] * 20
    listed = client.get("/api/songs", params={"limit": 100}).json()["songs"]
    assert {song["seed"] for song in listed} == set(range(20))


def test_a_running_song_is_cancelled(client: httpx.Client, kitchen: Kitchen) -> None:
    kitchen.gate.clear()
    job_id = client.post("/api/songs", json={}).json()["id"]
    wait_for(client, job_id, "running")
    assert client.delete(f"/api/jobs/{job_id}").json()["state"] == "cancelled"
    assert follow(client, job_id)[-1]["kind"] == "cancelled"
    assert client.delete(f"/api/jobs/{job_id}").status_code == 409
    # Its process stops without the gate ever opening, and the next song comes.
    next_id = client.post("/api/songs", json={}).json()["id"]
    wait_for(client, next_id, "running")
    kitchen.gate.set()
    assert follow(client, next_id)[-1]["kind"] == "done"
    assert client.get("/api/songs").json()["total"] == 1


def test_a_song_whose_process_died_is_made_again_once(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    kitchen.spoil = [BrokenProcessPool("killed")]
    events = follow(client, client.post("/api/songs", json={}).json()["id"])
    kinds = [e["kind"] for e in events]
    retry = kinds.index("retry")
    assert kinds[retry : retry + 4] == ["retry", "started", "mood", "form"]
    assert kinds[-1] == "done"
    kitchen.spoil = [BrokenProcessPool("killed"), BrokenProcessPool("killed")]
    job_id = client.post("/api/songs", json={}).json()["id"]
    assert follow(client, job_id)[-1]["kind"] == "failed"
    assert "died twice" in client.get(f"/api/jobs/{job_id}").json()["message"]
    assert make(client)["title"].startswith("Neon Rain")


def test_a_song_that_the_executor_let_go_is_made_again(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    kitchen.spoil = [CancelledError()]  # as a cluster whose scheduler is lost
    events = follow(client, client.post("/api/songs", json={}).json()["id"])
    assert [e["kind"] for e in events if e["kind"] in ("retry", "done")] == ["retry", "done"]


def test_what_is_as_good_as_kept_cannot_be_cancelled(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived, go = threading.Event(), threading.Event()
    add = Library.add

    def slow(self: Library, entry: Entry, made: Path) -> Song:
        arrived.set()
        go.wait(30.0)
        return add(self, entry, made)

    monkeypatch.setattr(Library, "add", slow)
    job_id = client.post("/api/songs", json={}).json()["id"]
    assert arrived.wait(30.0)
    assert client.delete(f"/api/jobs/{job_id}").status_code == 409
    go.set()
    assert follow(client, job_id)[-1]["kind"] == "done"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileError("the disk has 3 MB left"), "3 MB left"),
        (HalationError("no such player"), "no such player"),
        (OSError(28, "No space left on device"), "No space left"),
        (ValueError("a fault"), "ValueError: a fault"),
    ],
)
def test_a_song_that_cannot_be_made_says_why(
    client: httpx.Client, kitchen: Kitchen, error: Exception, said: str
) -> None:
    kitchen.spoil = [error]
    job_id = client.post("/api/songs", json={}).json()["id"]
    last = follow(client, job_id)[-1]
    assert last["kind"] == "failed"
    assert said in last["message"]
    assert len(kitchen.orders) == 1  # no second try of what would fail again
    assert client.get("/api/songs").json()["total"] == 0


def test_unfinished_songs_are_taken_up_by_the_next_server(tmp_path: Path, kitchen: Kitchen) -> None:
    kitchen.gate.clear()
    with served(tmp_path, kitchen) as client:
        jobs = [client.post("/api/songs", json={"text": "fog", "seed": i}) for i in range(2)]
        ids = [job.json()["id"] for job in jobs]
        wait_for(client, ids[0], "running")
    with served(tmp_path, Kitchen()) as client:
        for job_id, seed in zip(ids, range(2), strict=True):
            assert follow(client, job_id)[-1]["song"]["seed"] == seed
    with served(tmp_path, Kitchen()) as client:
        assert client.get("/api/songs").json()["total"] == 2
        assert client.get("/api/jobs").json() == []


def test_files_come_whole_in_part_and_not_twice(client: httpx.Client) -> None:
    song = make(client, seed=3)
    base = f"/api/songs/{song['id']}/files"
    mp3 = client.get(f"{base}/song.mp3")
    assert mp3.headers["content-type"] == "audio/mpeg"
    assert len(mp3.content) > 100_000
    part = client.get(f"{base}/song.mp3", headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.content == mp3.content[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(mp3.content)}"
    beyond = client.get(f"{base}/song.mp3", headers={"Range": f"bytes={len(mp3.content)}-"})
    assert beyond.status_code == 416
    again = client.get(f"{base}/song.mp3", headers={"If-None-Match": mp3.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    saved = client.get(f"{base}/song.wav", params={"download": "true"})
    assert "Neon Rain 3.wav" in saved.headers["content-disposition"]
    with soundfile.SoundFile(io.BytesIO(saved.content)) as wav:
        assert (wav.samplerate, wav.subtype) == (44_100, "PCM_24")
    for name in ("song.mid", "song-grid.mid", "song.json", "cover.png", "cover-small.jpg"):
        assert client.get(f"{base}/{name}").status_code == 200
    assert client.get(f"{base}/view.json").status_code == 404
    assert client.get(f"{base}/stems.zip").status_code == 404


def test_stems_are_made_on_request_and_come_in_pieces(client: httpx.Client) -> None:
    song = make(client)
    base = f"/api/songs/{song['id']}"
    assert client.get(f"{base}/stems/drums/piece").status_code == 404
    job = client.post(f"{base}/stems")
    assert job.status_code == 202
    events = follow(client, job.json()["id"])
    named = [e["stem"] for e in events if e["kind"] == "stem"]
    assert named == ["drums", "bass", "pads", "keys", "space"]
    detail = client.get(base).json()
    assert detail["stems"] == named
    assert detail["stems_gain_db"] == 1.5
    # The second time they are there at once.
    assert client.post(f"{base}/stems").json()["state"] == "done"
    whole, _ = soundfile.read(
        io.BytesIO(client.get(f"{base}/files/stems/drums.flac").content), dtype="int32"
    )
    pieces = []
    for start_s in np.arange(0.0, detail["duration_s"], 7.0):
        answer = client.get(
            f"{base}/stems/drums/piece", params={"start_s": start_s, "duration_s": 7.0}
        )
        pieces.append(soundfile.read(io.BytesIO(answer.content), dtype="int32")[0])
    assert np.array_equal(np.concatenate(pieces), whole)
    archive = client.get(f"{base}/files/stems.zip", params={"download": "1"})
    assert int(archive.headers["content-length"]) == len(archive.content)
    with zipfile.ZipFile(io.BytesIO(archive.content)) as stems:
        assert stems.testzip() is None
        assert sorted(Path(n).stem for n in stems.namelist()) == sorted(named)


def test_the_library_is_searched_and_turned_page_by_page(client: httpx.Client) -> None:
    for seed, text in enumerate(["rain", "snow", "rain at night", "100% rain_"]):
        make(client, seed=seed, text=text)
    first = client.get("/api/songs", params={"limit": 3}).json()
    rest = client.get("/api/songs", params={"limit": 3, "after": first["next"]}).json()
    assert [s["seed"] for s in first["songs"] + rest["songs"]] == [3, 2, 1, 0]
    assert (first["total"], rest["total"], rest["next"]) == (4, 4, None)

    def found(search: str) -> list[int]:
        page = client.get("/api/songs", params={"search": search}).json()
        return [song["seed"] for song in page["songs"]]

    assert found("RAIN night") == [2]
    assert found("%") == [3]
    assert found("rain_") == [3]
    assert found("no such words") == []


def test_a_song_is_liked_renamed_deleted_and_brought_back(tmp_path: Path, kitchen: Kitchen) -> None:
    with served(tmp_path, kitchen) as client:
        song = make(client, seed=5)
        path = f"/api/songs/{song['id']}"
        assert client.patch(path, json={"liked": True}).json()["liked"]
        assert client.patch(path, json={"title": "  Glass  "}).json()["title"] == "Glass"
        saved = client.get(f"{path}/files/song.mp3", params={"download": "1"})
        assert "Glass.mp3" in saved.headers["content-disposition"]
        assert client.patch(path, json={"title": " "}).status_code == 422
        assert client.patch(path, json={"id": "x"}).status_code == 422
        assert client.delete(path).status_code == 204
        assert client.get(path).status_code == 404
        assert client.get("/api/songs").json()["total"] == 0
        assert client.post(f"{path}/restore").json()["title"] == "Glass"
        assert client.get("/api/songs", params={"liked": True}).json()["total"] == 1
    with served(tmp_path, Kitchen()) as client:  # it survives a restart
        kept = client.get(path).json()
        assert (kept["title"], kept["liked"]) == ("Glass", True)
        client.delete(path)
    with served(tmp_path, Kitchen()) as client:  # and so does the delete
        assert client.post(f"{path}/restore").status_code == 404
        assert client.get("/api/songs").json()["total"] == 0
    assert not list((tmp_path / "songs").iterdir())


def test_the_quota_is_set_and_kept(tmp_path: Path, kitchen: Kitchen) -> None:
    with served(tmp_path, kitchen) as client:
        assert client.get("/api/settings").json() == {"quota_mb": 5000}
        assert client.put("/api/settings", json={"quota_mb": 5}).status_code == 422
        assert client.put("/api/settings", json={"quota_mb": 700}).status_code == 200
    with served(tmp_path, Kitchen()) as client:
        assert client.get("/api/about").json()["quota_mb"] == 700


def test_figures_for_prometheus(client: httpx.Client) -> None:
    make(client)
    text = client.get("/metrics").text
    assert 'halation_songs_total{state="done"} 1.0' in text
    assert "halation_queue_waiting 0.0" in text
    assert "halation_song_real_time_factor_sum 56.0" in text  # 28 s in half a second


def test_the_page_s_client_is_made_from_this_very_interface() -> None:
    kept = json.loads(Path(__file__).parents[1].joinpath("frontend/openapi.json").read_text())
    assert kept == json.loads(json.dumps(describe())), "call `make client`"
