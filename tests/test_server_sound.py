"""A song is heard while it is made: by anybody, from any place, to its end or its breaking off."""

from __future__ import annotations

import itertools
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from halation.files import audio
from halation.files.frames import head, mp3_bytes
from halation.server.feed import Feed
from halation.server.models import Event
from halation.server.wire import Line
from halation.types import SAMPLE_RATE, Audio, HalationError
from tests.served import Kitchen, follow, frames_of, make, served


@pytest.fixture
def kitchen() -> Kitchen:
    kitchen = Kitchen()
    kitchen.more.clear()
    return kitchen


@pytest.fixture
def client(tmp_path: Path, kitchen: Kitchen) -> Iterator[httpx.Client]:
    with served(tmp_path, kitchen) as client:
        yield client


def asked(client: httpx.Client, **wish: Any) -> tuple[str, str]:
    """Ask for a song, and return its id and where it can be heard."""
    job_id = client.post("/api/songs", json=wish).json()["id"]
    return job_id, f"/api/jobs/{job_id}/sound.mp3"


def sounds(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Wait for the news that a song sounds."""
    with client.stream("GET", f"/api/jobs/{job_id}/events") as stream:
        for line in stream.iter_lines():
            if line == "event: sounding":
                break
    job: dict[str, Any] = client.get(f"/api/jobs/{job_id}").json()
    return job


def file_of(client: httpx.Client, job_id: str) -> bytes:
    return client.get(f"/api/songs/{job_id}/files/song.mp3").content


def test_a_song_sounds_before_it_is_done_and_its_bytes_are_the_file_s(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    job_id, url = asked(client)
    with client.stream("GET", url) as stream:
        assert stream.headers["content-type"] == "audio/mpeg"
        length = int(stream.headers["content-length"])
        coming = stream.iter_bytes(8_192)
        heard = next(coming)
        while len(heard) < length // 3:
            heard += next(coming)
        assert client.get(f"/api/jobs/{job_id}").json()["state"] == "running"
        kitchen.more.set()
        heard += b"".join(coming)
    assert follow(client, job_id)[-1]["kind"] == "done"
    assert len(heard) == length
    assert frames_of(heard) == frames_of(file_of(client, job_id))


def test_the_page_is_told_where_and_how_much(client: httpx.Client, kitchen: Kitchen) -> None:
    job_id, url = asked(client)
    sounds(client, job_id)
    kitchen.more.set()
    events = follow(client, job_id)
    *_, last = (e for e in events if e["kind"] == "sounding")  # of these the newest counts
    master = next(e for e in events if e["kind"] == "master")
    duration_s = next(e for e in events if e["kind"] == "form")["duration_s"]
    assert last["sound"] == url
    assert last["ready_s"] == pytest.approx(duration_s, abs=0.01)
    assert np.allclose(last["peaks"], master["peaks"], atol=1)


def test_two_listeners_hear_the_same_and_one_may_come_when_it_is_done(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    job_id, url = asked(client)
    with ThreadPoolExecutor(2) as crowd:
        both = [crowd.submit(client.get, url) for _ in range(2)]
        sounds(client, job_id)
        kitchen.more.set()
        first, second = (answer.result().content for answer in both)
    assert first == second
    follow(client, job_id)
    assert client.get(url).content == first


def test_who_leaves_or_listens_slowly_holds_nobody_up(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    job_id, url = asked(client)
    with client.stream("GET", url) as leaving:
        next(leaving.iter_bytes(1_024))
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as slow:
        slow.sendall(f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert slow.recv(15) == b"HTTP/1.1 200 OK"  # and reads no more of it
        kitchen.more.set()
        assert follow(client, job_id)[-1]["kind"] == "done"
        assert len(client.get(url).content) > 100_000
        assert make(client)["title"].startswith("Neon Rain")


def test_a_part_is_waited_for_where_it_is_not_there_yet(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    job_id, url = asked(client)
    sounds(client, job_id)
    length = int(client.head(url).headers["content-length"])
    early = client.get(url, headers={"Range": "bytes=1000-1999"})
    assert (early.status_code, len(early.content)) == (206, 1_000)
    assert early.headers["content-range"] == f"bytes 1000-1999/{length}"
    with ThreadPoolExecutor(1) as crowd:
        late = crowd.submit(client.get, url, headers={"Range": f"bytes={length - 500}-"})
        beyond = client.get(url, headers={"Range": f"bytes={length}-"})
        assert beyond.status_code == 416
        assert beyond.headers["content-range"] == f"bytes */{length}"
        assert not late.done()
        kitchen.more.set()
        assert late.result().content == client.get(url).content[-500:]
    assert early.content == client.get(url).content[1_000:2_000]


def test_a_song_that_fails_half_way_breaks_off(client: httpx.Client, kitchen: Kitchen) -> None:
    kitchen.spoil_late = [HalationError("the disk is full")]
    job_id, url = asked(client)
    sounds(client, job_id)
    heard = bytearray()
    with client.stream("GET", url) as stream, pytest.raises(httpx.RemoteProtocolError):
        kitchen.more.set()
        for piece in stream.iter_raw():
            heard += piece
    assert len(heard) > 10_000  # what was there came
    assert follow(client, job_id)[-1]["message"] == "the disk is full"
    gone = client.get(url)
    assert (gone.status_code, gone.json()["detail"]) == (410, "this song was not made to its end")


def test_a_cancelled_song_falls_silent(client: httpx.Client, kitchen: Kitchen) -> None:
    job_id, url = asked(client)
    sounds(client, job_id)
    with client.stream("GET", url) as stream, pytest.raises(httpx.RemoteProtocolError):
        client.delete(f"/api/jobs/{job_id}")
        stream.read()
    assert client.get(url).status_code == 410
    kitchen.more.set()
    make(client)  # its process is free again


def test_a_song_cancelled_while_it_waits_says_so_to_who_waits_with_it(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    asked(client)
    job_id, url = asked(client)
    with ThreadPoolExecutor(1) as crowd:
        waiting = crowd.submit(client.get, url)
        client.delete(f"/api/jobs/{job_id}")
        assert waiting.result().status_code == 410
    kitchen.more.set()


def test_who_listens_does_not_notice_that_a_process_died(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    kitchen.spoil_late = [BrokenProcessPool("killed")]
    kitchen.more.set()
    job_id, url = asked(client)
    heard = client.get(url).content
    kinds = [e["kind"] for e in follow(client, job_id)]
    assert "retry" in kinds
    assert kinds[-1] == "done"
    assert frames_of(heard) == frames_of(file_of(client, job_id))


def test_what_has_no_sound_of_its_own_is_not_found_or_is_the_file(
    client: httpx.Client, kitchen: Kitchen
) -> None:
    kitchen.more.set()
    song = make(client)
    stems = client.post(f"/api/songs/{song['id']}/stems").json()["id"]
    for job_id in ("nobody", stems):
        answer = client.get(f"/api/jobs/{job_id}/sound.mp3")
        assert answer.status_code == 404
        assert answer.json()["detail"]


def test_a_song_of_an_earlier_server_is_its_file(tmp_path: Path, kitchen: Kitchen) -> None:
    kitchen.more.set()
    with served(tmp_path, kitchen) as client:
        song_id = make(client)["id"]
    with served(tmp_path, Kitchen()) as client:
        answer = client.get(f"/api/jobs/{song_id}/sound.mp3", follow_redirects=True)
        assert answer.content == file_of(client, song_id)


def test_a_song_that_is_gone_breaks_off_without_harm(
    tmp_path: Path, client: httpx.Client, kitchen: Kitchen
) -> None:
    kitchen.more.set()
    song = make(client)
    url = f"/api/jobs/{song['id']}/sound.mp3"
    assert client.get(url).status_code == 200
    shutil.rmtree(tmp_path / "songs" / song["id"])
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(url)
    assert client.get(url).status_code == 410


@pytest.mark.parametrize("n_samples", [44_100, 100_231, 100_232, 221_286, 223_513, 60 * 44_100])
def test_the_length_of_an_mp3_is_known_before_it_is_made(n_samples: int) -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.1, (2, n_samples)).astype(np.float32)
    encoder = audio.Mp3Stream()
    assert len(encoder.encode(noise) + encoder.flush()) == mp3_bytes(n_samples)


def test_a_decoder_takes_the_growing_file_for_what_it_is(tmp_path: Path) -> None:
    import soundfile

    n_samples = 5 * SAMPLE_RATE
    tone = np.sin(2.0 * np.pi * 441.0 * np.arange(n_samples) / SAMPLE_RATE).astype(np.float32)
    encoder = audio.Mp3Stream()
    frames = encoder.encode(np.stack([tone, tone])) + encoder.flush()
    (tmp_path / "song.mp3").write_bytes(head(n_samples) + frames)
    samples, _ = soundfile.read(tmp_path / "song.mp3", dtype="float32")
    assert 0 <= len(samples) - n_samples < 3 * 1_152
    assert np.abs(samples[20_000:200_000]).max() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("size", [1, 997, 44_100, 10**6])
def test_peaks_do_not_depend_on_the_size_of_blocks(size: int) -> None:
    said: list[list[int]] = []

    class Quiet(Line):
        def tell(self, event: Event) -> None:
            said.append(event.peaks or [])

    n_samples = 5_003 if size == 1 else 200_003
    noise = np.random.default_rng(2).normal(0.0, 0.3, (2, n_samples)).astype(np.float32)
    feed = Feed(Quiet(None), "/", n_samples)
    for start in range(0, n_samples, size):
        block = Audio(noise[:, start : start + size].copy())
        feed.see(start, block)
        feed.hear(b"x", (start + block.n_samples) / SAMPLE_RATE)
    edges = np.linspace(0, n_samples, 801).astype(int)
    stretches = itertools.pairwise(edges)
    whole = [round(255.0 * min(float(np.abs(noise[:, a:b]).max()), 1.0)) for a, b in stretches]
    assert said[-1] == feed.peaks == whole
    assert all(row == whole[: len(row)] for row in said)
