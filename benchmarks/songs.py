"""× real time of a song and its stages, memory, and FluidSynth beside it: ``make bench``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

TEXT = "Bladee floating in dreamscape"
LENGTHS = (30, 120, 150, 300, 600)

SONGS = """
import json, sys, time
from pathlib import Path
from halation import files
from halation.pipeline import produce
from halation.types import Block, Brief
out, text, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) or None
for seed, length_s in enumerate(map(float, sys.argv[4:]), 11):
    rows, heard = [], []
    start, last, last_cpu = time.perf_counter(), time.perf_counter(), time.process_time()
    def note(name):
        global last, last_cpu
        now, cpu = time.perf_counter(), time.process_time()
        rows.append((name, now - last, cpu - last_cpu))
        last, last_cpu = now, cpu
    def seen(artefact):
        name = type(artefact).__name__.lower()
        note("sound" if isinstance(artefact, Block) else name)
    def sink(frames, ready_s):
        heard.append((time.perf_counter() - start, ready_s))
    making = produce(Brief(seed=seed, text=text, length_s=length_s), workers=workers, keep=False)
    written, song = files.record(making, out, seen=seen, sink=sink)
    note("files")
    ahead = [ready - (at - heard[0][0]) for (_, ready), (at, _) in zip(heard, heard[1:])]
    print(json.dumps({"seconds": last - start, "duration_s": song.score.duration_s,
                      "first_s": heard[0][0], "margin_s": min(ahead), "rows": rows,
                      "lufs": song.measures.loudness_lufs,
                      "midi": str(next(written.folder.glob("*-grid.mid")))}))
"""
"""Songs in one process, one after the other; prints of each its seconds, when its first sound was
there, how far the sound was ahead of who listens to it at least, and what its stages took: name,
seconds, seconds of its own processors."""


def run(command: list[str]) -> tuple[float, float, str]:
    """Run a command; return its seconds, its peak memory in MB (children included), its output."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = psutil.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True)
        peak = 0
        while process.poll() is None:
            try:
                family = [process, *process.children(recursive=True)]
                peak = max(peak, sum(p.memory_info().rss for p in family))
            except psutil.NoSuchProcess:
                pass
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(process.stderr.read())
        output.seek(0)
        return seconds, peak / 1e6, output.read()


def row(what: str, duration_s: float, seconds: float, memory: float | None = None) -> None:
    """Print one line of the table."""
    megabytes = "" if memory is None else f"{memory:8.0f} MB"
    print(f"{what:<44}{seconds:8.2f} s{duration_s / seconds:9.1f} x{megabytes}", flush=True)


def songs(out: Path, workers: int, lengths: tuple[int, ...]) -> tuple[list[Any], float]:
    """Make songs in one fresh process; return what it printed and its peak memory in MB."""
    command = [sys.executable, "-c", SONGS, str(out), TEXT, str(workers), *map(str, lengths)]
    _, memory, printed = run(command)
    return [json.loads(line) for line in printed.splitlines()], memory


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        print("as a command, WAV and MP3                        whole      x real time   memory")
        for length in LENGTHS:
            command = [sys.executable, "-m", "halation", "make", TEXT, "--seed", "11", "--json"]
            command += ["--length", str(length), "--out", str(out / str(length))]
            seconds, memory, printed = run(command)
            summary = json.loads(printed)
            row(f"a song of {length} s as a command", summary["duration_s"], seconds, memory)
        print(
            "\nin a process that has made a song before: first sound, least lead over who listens"
        )
        for length in LENGTHS:
            (_, made), memory = songs(out / f"warm-{length}", 0, (30, length))
            row(f"a song of {length} s", made["duration_s"], made["seconds"], memory)
            _heard(made)
        (first, second), memory = songs(out / "two", 0, (150, 150))
        row("150 s, first song of a process", first["duration_s"], first["seconds"])
        row("150 s, second song of a process", second["duration_s"], second["seconds"], memory)
        _heard(second)
        _fluidsynth(second, out)
        print("\nwhere the second song's time goes: seconds by the clock, all cores at work;")
        print("then seconds of processor, with everything in one process")
        (_, alone), _ = songs(out / "alone", 1, (150, 150))
        waited, spent = _by_stage(second["rows"], 1), _by_stage(alone["rows"], 2)
        for name in waited:
            print(f"    {name:<40}{waited[name]:8.2f} s{spent[name]:9.2f} s")
        total = sum(spent.values())
        print(f"    {'together':<40}{second['seconds']:8.2f} s{total:9.2f} s", flush=True)


def _heard(made: dict[str, Any]) -> None:
    print(f"    first sound {made['first_s']:.2f} s, margin {made['margin_s']:.1f} s")


def _by_stage(rows: list[tuple[str, float, float]], column: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for entry in rows:
        found[entry[0]] = found.get(entry[0], 0.0) + entry[column]  # type: ignore[operator]
    return found


def _fluidsynth(song: dict[str, Any], out: Path) -> None:
    fonts = sorted(Path("/usr/share/sounds/sf2").glob("*.sf2"))
    program = shutil.which("fluidsynth")
    if not program or not fonts:
        print("FluidSynth: skipped, the program or a GM soundfont is missing")
        return
    wave = str(out / "fluid.wav")
    command = [program, "-ni", "-q", "-F", wave, "-r", "44100", str(fonts[0]), song["midi"]]
    seconds, memory, _ = run(command)
    row("FluidSynth plays the same MIDI", song["duration_s"], seconds, memory)


if __name__ == "__main__":
    main()
