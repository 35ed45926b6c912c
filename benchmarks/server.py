"""How fast the server answers while it makes songs: ``python -m benchmarks.server``.

Small requests, one after another, while a song of 150 s is being made by the same two cores; and
the seconds from a wish to the song, to its first byte of sound, and of a page to be read.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import numpy as np

REQUESTS = 200
LENGTH_S = 150.0


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


def made(client: httpx.Client, seed: int) -> dict[str, float]:
    """Ask for a song; return seconds to its first event, its notes, its end, its first sound."""
    started = time.perf_counter()
    wish = {"seed": seed, "length_s": LENGTH_S}
    job = client.post("/api/songs", json=wish).json()["id"]
    times: dict[str, float] = {}
    with client.stream("GET", f"/api/jobs/{job}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                times.setdefault(line[7:], time.perf_counter() - started)
    first = {"Range": "bytes=0-65535"}
    assert client.get(f"/api/songs/{job}/files/song.mp3", headers=first).status_code == 206
    return times | {"sound": time.perf_counter() - started}


def main() -> None:
    """Measure, and print one JSON object."""
    with serving() as client:
        songs = [made(client, seed) for seed in (2, 3, 4)]
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
                "wish_to_mood_s": [round(song["mood"], 2) for song in songs],
                "wish_to_done_s": [round(song["done"], 2) for song in songs],
                "wish_to_first_sound_s": [round(song["sound"], 2) for song in songs],
                "requests": len(latencies),
                "api_ms_median": round(1e3 * float(np.median(latencies)), 1),
                "api_ms_p99": round(1e3 * float(np.percentile(latencies, 99)), 1),
                "page_ms": round(1e3 * page, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
