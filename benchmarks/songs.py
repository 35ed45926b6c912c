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

SONGS = """
import json, sys, time
from pathlib import Path
from halation import files
from halation.pipeline import produce
from halation.types import Brief, Song, Stem
out, text, workers = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) or None
for seed in (11, 12):
    rows = []
    start, last, last_cpu = time.perf_counter(), time.perf_counter(), time.process_time()
    def note(name):
        global last, last_cpu
        now, cpu = time.perf_counter(), time.process_time()
        rows.append((name, now - last, cpu - last_cpu))
        last, last_cpu = now, cpu
    for artefact in produce(Brief(seed=seed, text=text, length_s=150.0), workers=workers):
        name = type(artefact).__name__.lower()
        note(f"{name} {artefact.name}" if isinstance(artefact, Stem) else name)
    assert isinstance(artefact, Song)
    written = files.write(artefact, out)
    note("files")
    print(json.dumps({"seconds": last - start, "duration_s": artefact.score.duration_s,
                      "rows": rows, "midi": str(next(written.folder.glob("*.mid")))}))
    del artefact
"""
"""Two songs in one process; prints what each took: name, seconds, seconds of its own processors."""


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


def two_songs(out: Path, workers: int) -> tuple[list[dict[str, Any]], float]:
    """Make two songs in one fresh process; return what it printed and its peak memory in MB."""
    command = [sys.executable, "-c", SONGS, str(out / f"two-{workers}"), TEXT, str(workers)]
    _, memory, printed = run(command)
    return [json.loads(line) for line in printed.splitlines()], memory


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        for length in (30, 150, 180, 600):
            command = [sys.executable, "-m", "halation", "make", TEXT, "--seed", "11", "--json"]
            command += ["--length", str(length), "--out", str(out / str(length))]
            seconds, memory, printed = run(command)
            summary = json.loads(printed)
            row(f"a song of {length} s as a command", summary["duration_s"], seconds, memory)
        (first, second), memory = two_songs(out, 0)
        row("150 s, first song of a process", first["duration_s"], first["seconds"])
        row("150 s, second song of a process", second["duration_s"], second["seconds"], memory)
        _fluidsynth(second, out)
        print("\nwhere the second song's time goes: seconds by the clock, all cores at work;")
        print("then seconds of processor, with everything in one process")
        (_, alone), _ = two_songs(out, 1)
        waited = {name: seconds for name, seconds, _ in second["rows"]}
        for name, _, processor in alone["rows"]:
            print(f"    {name:<40}{waited[name]:8.2f} s{processor:9.2f} s")
        total = sum(processor for _, _, processor in alone["rows"])
        print(f"    {'together':<40}{second['seconds']:8.2f} s{total:9.2f} s", flush=True)


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
