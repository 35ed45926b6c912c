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

TWO_SONGS = """
import json, sys, time
from pathlib import Path
from halation import files
from halation.pipeline import produce
from halation.types import Brief, Song
out = Path(sys.argv[1])
for seed in (11, 12):
    stages, last = {}, time.perf_counter()
    start = last
    for artefact in produce(Brief(seed=seed, text=sys.argv[2], length_s=150.0)):
        now = time.perf_counter()
        name = type(artefact).__name__.lower()
        stages[name] = stages.get(name, 0.0) + now - last
        last = now
    assert isinstance(artefact, Song)
    written = files.write(artefact, out)
    end = time.perf_counter()
    stages["files"] = end - last
    duration_s = artefact.score.duration_s
    print(json.dumps({"seconds": end - start, "duration_s": duration_s, "stages": stages,
                      "midi": str(next(written.folder.glob("*.mid")))}))
"""


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


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        for length in (30, 150, 600):
            command = [sys.executable, "-m", "halation", "make", TEXT, "--seed", "11", "--json"]
            command += ["--length", str(length), "--out", str(out / str(length))]
            seconds, memory, printed = run(command)
            summary = json.loads(printed)
            row(f"a song of {length} s as a command", summary["duration_s"], seconds, memory)
        command = [sys.executable, "-c", TWO_SONGS, str(out / "two"), TEXT]
        _, memory, printed = run(command)
        first, second = (json.loads(line) for line in printed.splitlines())
        row("150 s, first song of a process", first["duration_s"], first["seconds"])
        row("150 s, second song of a process", second["duration_s"], second["seconds"], memory)
        for name, seconds in second["stages"].items():
            row(f"    {name}", second["duration_s"], max(seconds, 1e-4))
        _fluidsynth(second, out)


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
