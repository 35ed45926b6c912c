"""Many short files through ``halation corpus prepare``: ``python -m benchmarks.corpus [FILES]``.

How fast, by one worker and by two, on this machine and as a Dask cluster; how much memory the run
itself takes as the files become more, and what the largest worker takes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from halation.corpus.layout import Corpus
from halation.corpus.prepare import prepare
from halation.corpus.separate import Separator
from halation.corpus.sources import add
from halation.corpus.steps import Wish
from halation.seeds import rng
from halation.types import SAMPLE_RATE
from halation.workers import Makers, dask, local

FILES = 1_000
LENGTH_S = 5.0
FEW = 60
"""Files for the comparison of workers."""

WISH = Wish(Separator("no_vocals", "nothing"), chunk_s=5.0)


def write_music(folder: Path, files: int) -> None:
    """Write short files that are all different: a beat, a bass and a chord."""
    folder.mkdir(parents=True)
    n = round(LENGTH_S * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    for number in range(files):
        draws = rng(number, "benchmark")
        beat_s = 60.0 / draws.uniform(80.0, 160.0)
        hits = np.exp(-(t % beat_s) / 0.05) * draws.standard_normal(n) * 0.2
        steps = (t // (2.0 * beat_s)).astype(int)
        bass = 0.2 * np.sin(2 * np.pi * 55.0 * 2.0 ** (draws.integers(0, 12, 99)[steps] / 12) * t)
        chord = sum(
            0.1 * np.sin(2 * np.pi * 220.0 * 2.0 ** (draws.integers(0, 24, 99)[steps] / 12) * t)
            for _ in range(3)
        )
        x = np.stack([hits + bass + chord, hits + bass + 0.8 * chord], axis=1)
        soundfile.write(folder / f"{number:04d}.flac", 0.5 * x, SAMPLE_RATE)


class Memory:
    """The largest resident size [MB] of this process and of any child, watched from a thread."""

    def __init__(self) -> None:
        self.here = self.child = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._stop.wait(0.25):
            self.here = max(self.here, me.memory_info().rss / 1e6)
            for child in me.children(recursive=True):
                try:
                    self.child = max(self.child, child.memory_info().rss / 1e6)
                except psutil.NoSuchProcess:
                    continue


def run(music: Path, lend: AbstractContextManager[Makers]) -> dict[str, Any]:
    """Prepare a new corpus of a folder; return how fast that was and what it took."""
    with tempfile.TemporaryDirectory() as place:
        corpus = Corpus.begin(Path(place) / "corpus")
        n_files = sum(found.state == "added" for found in add(corpus, (str(music),)))
        sizes: list[float] = []
        states: list[str] = []
        with Memory() as memory, lend as makers:
            started = time.perf_counter()
            for ended in prepare(corpus, WISH, makers):
                sizes.append(psutil.Process().memory_info().rss / 1e6)
                if ended.source.state != "added":
                    states.append(ended.source.state)
            took_s = time.perf_counter() - started
        assert states.count("prepared") == n_files, states
    return {
        "files_a_minute": round(60.0 * n_files / took_s, 1),
        "minutes_of_music_a_minute": round(n_files * LENGTH_S / took_s, 1),
        "memory_mb_at_a_tenth_and_the_end": [round(sizes[len(sizes) // 10]), round(sizes[-1])],
        "largest_worker_mb": round(memory.child),
    }


def main() -> None:
    """Measure, and print one JSON object."""
    from distributed import LocalCluster

    files = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    found: dict[str, Any] = {"files_of_s": LENGTH_S}
    with tempfile.TemporaryDirectory() as place:
        few, many = Path(place) / "few", Path(place) / "many"
        write_music(few, min(FEW, files))
        write_music(many, files)
        for count in (1, 2):
            found[f"{min(FEW, files)} files, workers {count}"] = run(few, local(count))
        for count in (1, 2):
            with LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=count, threads_per_worker=1, dashboard_address=None
            ) as cluster:
                address = cluster.scheduler_address
                found[f"{min(FEW, files)} files, dask {count}"] = run(few, dask(address))
        found[f"{files} files, workers 2"] = run(many, local(2))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
