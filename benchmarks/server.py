"""How fast the server answers while it makes songs: ``python -m benchmarks.server``.

Small requests, one after another, while a song of 150 s is being made by the same two cores; the
seconds from a wish to its first sound and to the finished song; how far what is made stays ahead of
who listens, with one song in work and with two; and of a page to be read.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import numpy as np

REQUESTS = 200
LENGTH_S = 150.0
SECOND_BYTES = 40_000


@contextmanager
def serving(*options: str) -> Iterator[httpx.Client]:
    """Run a server of its own, warm."""
    with tempfile.TemporaryDirectory() as library:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "halation", "serve", "--no-browser", "--port", "0"),
                *("--library", library, *options),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        try:
            with httpx.Client(base_url=found[0], timeout=60.0) as client:
                made(client, seed=1)
                yield client
        finally:
            process.terminate()
            process.wait()


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener has waited for, in seconds after the wish."""

    events: dict[str, float]
    sound: float
    margin_s: float
    """The least that was there and not yet heard, from the first sound on."""


def made(client: httpx.Client, seed: int) -> Heard:
    """Ask for a song and hear it as it comes."""
    started = time.perf_counter()
    wish = {"seed": seed, "length_s": LENGTH_S}
    job = client.post("/api/songs", json=wish).json()["id"]
    events: dict[str, float] = {}
    ready: list[tuple[float, float]] = []
    with ThreadPoolExecutor(1) as listening:
        sound = listening.submit(first_sound, client, job)
        with client.stream("GET", f"/api/jobs/{job}/events") as stream:
            for line in stream.iter_lines():
                now = time.perf_counter() - started
                if line.startswith("event: "):
                    events.setdefault(line[7:], now)
                elif line.startswith("data: ") and '"ready_s"' in line:
                    ready.append((now, json.loads(line[6:])["ready_s"]))
        first = sound.result() - started
    # Before the next news comes, no more is there than the last one said.
    known = zip(ready, [*ready[1:], ready[-1]], strict=True)
    margin_s = min(there - (until - first) for (_, there), (until, _) in known)
    return Heard(events, first, margin_s)


def first_sound(client: httpx.Client, job: str) -> float:
    """Return when the first second of a song has arrived."""
    got = 0
    with client.stream("GET", f"/api/jobs/{job}/sound.mp3") as stream:
        for piece in stream.iter_raw():
            got += len(piece)
            if got > SECOND_BYTES:
                break
    return time.perf_counter()


def main() -> None:
    """Measure, and print one JSON object."""
    with serving() as client:
        songs = [made(client, seed) for seed in (2, 3, 4)]
        with ThreadPoolExecutor(2) as both:
            pair = list(both.map(lambda seed: made(client, seed), (5, 6)))
        latencies: list[float] = []
        while len(latencies) < REQUESTS:  # a song is in work all the time
            job = client.post("/api/songs", json={"length_s": LENGTH_S}).json()["id"]
            while client.get(f"/api/jobs/{job}").json()["state"] in ("waiting", "running"):
                for path in ("/api/about", "/api/songs", f"/api/jobs/{job}", "/healthz"):
                    started = time.perf_counter()
                    client.get(path)
                    latencies.append(time.perf_counter() - started)
                time.sleep(0.05)
        page = time.perf_counter()
        client.get("/")
        page = time.perf_counter() - page
    print(
        json.dumps(
            {
                "wish_to_mood_s": [round(song.events["mood"], 2) for song in songs],
                "wish_to_first_sound_s": [round(song.sound, 2) for song in songs],
                "wish_to_done_s": [round(song.events["done"], 2) for song in songs],
                "margin_s": [round(song.margin_s, 1) for song in songs],
                "two_at_once_first_sound_s": [round(song.sound, 2) for song in pair],
                "two_at_once_margin_s": [round(song.margin_s, 1) for song in pair],
                "requests": len(latencies),
                "api_ms_median": round(1e3 * float(np.median(latencies)), 1),
                "api_ms_p99": round(1e3 * float(np.percentile(latencies, 99)), 1),
                "page_ms": round(1e3 * page, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
