"""The real thing: ``halation serve`` as a process with real songs, killed in every way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.served import LONG_S, follow, frames_of, make, until


@contextmanager
def serving(library: Path, *options: str) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """Run ``halation serve`` until the block ends."""
    log = library.parent / "serve.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "halation", "serve", "--no-browser", "--port", "0"),
                *("--library", str(library), "--length", "30", *options),
            ],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "HALATION_LOG": str(library.parent)},
        )
    assert process.stdout is not None
    with process.stdout:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, log.read_text()
        children: list[psutil.Process] = []
        try:
            with httpx.Client(base_url=found[0], timeout=LONG_S) as client:
                server = psutil.Process(process.pid)
                yield client, server
                if process.poll() is None:
                    children = server.children(recursive=True)
        finally:
            process.terminate()
            process.wait(LONG_S)
            _, alive = psutil.wait_procs(children, LONG_S)
            assert not alive


def maker_of(server: psutil.Process) -> psutil.Process | None:
    """Return the process that makes songs, once it does."""
    found = [p for p in server.children() if "spawn_main" in " ".join(p.cmdline())]
    return found[0] if found else None


def events_of(client: httpx.Client, job_id: str, seen: list[str]) -> threading.Thread:
    """Follow a job in a thread, noting the kinds of its events."""

    def read() -> None:
        with client.stream("GET", f"/api/jobs/{job_id}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:])["kind"])

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def listen(client: httpx.Client, job_id: str) -> None:
    """Listen to a song that is being made, until it is done or the server has gone."""
    with suppress(httpx.TransportError):
        client.get(f"/api/jobs/{job_id}/sound.mp3")


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


def test_a_killed_worker_costs_no_song(library: Path) -> None:
    with serving(library) as (client, server):
        seen: list[str] = []
        job_id = client.post("/api/songs", json={"seed": 7}).json()["id"]
        other_id = client.post("/api/songs", json={"seed": 8}).json()["id"]
        thread = events_of(client, job_id, seen)
        until(lambda: "score" in seen)
        maker = maker_of(server)
        assert maker is not None
        maker.kill()
        thread.join(LONG_S)
        assert "retry" in seen
        assert seen[-1] == "done"
        assert follow(client, other_id)[-1]["kind"] == "done"
        assert client.get("/api/songs").json()["total"] == 2


def test_a_killed_server_comes_back_with_everything(library: Path) -> None:
    with serving(library) as (client, server):
        song = make(client, seed=9, text="rain")
        client.patch(f"/api/songs/{song['id']}", json={"liked": True})
        seen: list[str] = []
        running = client.post("/api/songs", json={"seed": 10}).json()["id"]
        waiting = client.post("/api/songs", json={"seed": 11}).json()["id"]
        with client.stream("GET", f"/api/jobs/{running}/events") as stream:
            for line in stream.iter_lines():
                seen.append(line)
                if line == "event: score":
                    break
        children = server.children(recursive=True)
        assert children
        server.kill()
        _, alive = psutil.wait_procs(children, LONG_S)
        assert not alive, "nobody is left behind"
    with serving(library) as (client, _):
        assert follow(client, running)[-1]["song"]["seed"] == 10
        assert follow(client, waiting)[-1]["song"]["seed"] == 11
        listed = client.get("/api/songs").json()["songs"]
        assert [s["seed"] for s in listed] == [11, 10, 9]
        assert listed[-1]["liked"]
        sound = client.get(f"/api/songs/{song['id']}/files/song.mp3")
        assert sound.status_code == 200
    assert not list((library / "making").iterdir())


def test_a_signal_ends_it_at_once_though_somebody_listens(library: Path) -> None:
    with serving(library) as (client, server):
        seen: list[str] = []
        job_id = client.post("/api/songs", json={}).json()["id"]
        thread = events_of(client, job_id, seen)
        until(lambda: "mood" in seen)
        listener = threading.Thread(target=listen, args=(client, job_id))
        listener.start()
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        thread.join(LONG_S)
        listener.join(LONG_S)
        until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
        assert time.monotonic() - started < LONG_S / 2
    assert "Traceback" not in (library.parent / "serve.log").read_text()


def test_a_cancelled_song_frees_the_processor(library: Path) -> None:
    with serving(library) as (client, _):
        make(client)
        seen: list[str] = []
        job_id = client.post("/api/songs", json={"length_s": 600.0}).json()["id"]
        thread = events_of(client, job_id, seen)
        until(lambda: "score" in seen)
        client.delete(f"/api/jobs/{job_id}")
        thread.join(LONG_S)
        assert seen[-1] == "cancelled"
        assert make(client)["duration_s"] < 40.0


def test_the_same_wish_makes_the_same_song_as_the_command_line(
    library: Path, tmp_path: Path
) -> None:
    with serving(library) as (client, _):
        song = make(client, seed=12, text="fog")
        theirs = client.get(f"/api/songs/{song['id']}/files/song.wav").content
    out = subprocess.run(
        [
            *(sys.executable, "-m", "halation", "make", "fog", "--seed", "12", "--length", "30"),
            *("--out", str(tmp_path / "out"), "--format", "wav", "--json"),
        ],
        check=True,
        capture_output=True,
    )
    assert Path(json.loads(out.stdout)["paths"]["wav"]).read_bytes() == theirs


def test_a_real_song_is_heard_while_it_is_made_and_thrown_again(library: Path) -> None:
    with serving(library) as (client, _):
        job_id = client.post("/api/songs", json={"seed": 12, "text": "fog"}).json()["id"]
        heard = client.get(f"/api/jobs/{job_id}/sound.mp3").content
        assert follow(client, job_id)[-1]["kind"] == "done"
        path = f"/api/songs/{job_id}"
        assert frames_of(heard) == frames_of(client.get(f"{path}/files/song.mp3").content)
        parent = client.get(path).json()
        again = client.post(f"{path}/again", json={"what": ["drums"], "seed": 5}).json()["id"]
        child = follow(client, again)[-1]["song"]
        assert child["parent"] == job_id
        detail = client.get(f"/api/songs/{again}").json()
        assert detail["change"] == ["again drums (seed 5)"]

        def notes(song: dict[str, Any], drums: bool) -> list[Any]:
            return [p["notes"] for p in song["parts"] if (p["stem"] == "drums") == drums]

        assert notes(detail, drums=False) == notes(parent, drums=False)
        assert notes(detail, drums=True) != notes(parent, drums=True)
        failed = follow(client, client.post(f"{path}/again", json={"what": ["tuba"]}).json()["id"])
        assert failed[-1]["kind"] == "failed"
        assert "tuba" in failed[-1]["message"]
        made = make(client, takes=2, seed=3)
        assert made["duration_s"] > 20.0


def test_what_cannot_be_is_told_in_one_line(library: Path, tmp_path: Path) -> None:
    def attempt(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "halation", "serve", "--no-browser", *options],
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )

    with serving(library) as (client, _):
        port = str(client.base_url.port)
        taken = attempt("--port", port, "--library", str(tmp_path / "other"))
        assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
        assert "choose another --port" in taken.stderr
        shared = attempt("--port", "0", "--library", str(library))
        assert (shared.returncode, shared.stderr.count("\n")) == (1, 1)
        assert "another halation serve" in shared.stderr
    nobody = attempt("--port", "0", "--library", str(library), "--dask", "tcp://127.0.0.1:9")
    assert (nobody.returncode, nobody.stderr.count("\n")) == (1, 1)
    assert "no Dask scheduler answers" in nobody.stderr
