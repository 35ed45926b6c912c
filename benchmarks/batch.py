"""Songs a minute, one worker against several and a cluster: ``python -m benchmarks.batch``."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from distributed import LocalCluster

from halation.batch import Album
from halation.workers import Makers, dask, local

SONGS = 8
LENGTH_S = 60.0


def songs_a_minute(makers: Makers) -> float:
    """Make an album with workers that have made a song each, and return its pace."""
    for seed, songs in ((1, 2 * makers.slots), (2, SONGS)):
        with tempfile.TemporaryDirectory() as out:
            started = time.perf_counter()
            album = Album(Path(out), ("fog",), count=songs, seed=seed, length_s=LENGTH_S)
            rows = list(album.make(makers))
            assert all(row.state == "done" for row in rows), rows
            pace = 60.0 * songs / (time.perf_counter() - started)
    return round(pace, 1)


def main() -> None:
    """Measure, and print one JSON object."""
    paces: dict[str, float] = {}
    for count in (1, 2):
        with local(count) as makers:
            paces[f"workers_{count}"] = songs_a_minute(makers)
    for count in (1, 2):
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,  # type: ignore[no-untyped-call]
            dask(cluster.scheduler_address) as makers,
        ):
            paces[f"dask_{count}"] = songs_a_minute(makers)
    print(json.dumps({"songs_of_s": LENGTH_S, "songs_a_minute": paces}))


if __name__ == "__main__":
    main()
