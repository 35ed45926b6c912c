"""Every figure of sound over dozens of songs: ``make soak``.

Makes songs through the command line, one after another, measures the files and prints a table;
exits with 1 if any song misses any bar.
"""

from __future__ import annotations

import argparse
import collections
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Report
from benchmarks.measures import measure_all

TEXTS = (
    "Bladee floating in dreamscape",
    "",
    "rain on a neon window",
    "she left and took the summer with her",
    "euphoric sunrise over a frozen lake",
    "lost in the fog at 4am",
    "angels ice skating",
    "rage in a burning club",
    "a warm letter from my grandmother",
    "cold empty parking lot",
    "🌧💔",
    "ångest i novembernatten",
    "the last train home, half asleep",
    "glittering dust in a dead mall",
    "x",
)


def make(text: str, seed: int, out: Path, *options: str) -> dict[str, Any]:
    """Make one song by the command line and return its summary."""
    command = [sys.executable, "-m", "halation", "make", text, "--seed", str(seed)]
    command += ["--out", str(out), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{text!r} seed {seed}: {done.stderr.strip()}")
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def main() -> None:
    """Run from the command line; see ``--help``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, default=30)
    parser.add_argument("--first-seed", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="keep the songs in this folder")
    parser.add_argument("--lengths", action="store_true", help="also 30, 60, 300 and 600 s")
    arguments = parser.parse_args()
    bad = 0
    reports: list[Report] = []
    with tempfile.TemporaryDirectory() as scratch:
        out = arguments.keep or Path(scratch)
        for i in range(arguments.songs):
            reports.append(_one(TEXTS[i % len(TEXTS)], arguments.first_seed + i, out, arguments))
        if arguments.lengths:
            for seed, length in enumerate((30.0, 60.0, 90.0, 300.0, 600.0)):
                reports.append(_one(TEXTS[seed], seed, out, arguments, length))
        bad = sum(bool(report.misses) for report in reports)
        bad += _variety(out, arguments.songs)
    _print_table(reports)
    print(f"{len(reports)} songs, {bad} with a miss")
    sys.exit(bool(bad))


def _one(
    text: str, seed: int, out: Path, arguments: argparse.Namespace, length_s: float | None = None
) -> Report:
    length = () if length_s is None else ("--length", str(length_s))
    summary = make(text, seed, out, "--stems", *length)
    report = measure_all(summary, length_s)
    report.values["x_real_time"] = summary["real_time_factor"]
    verdict = "; ".join(report.misses) or "ok"
    print(f"{seed:>6} {text[:28]!r:<32} {summary['title'][:24]:<25} {verdict}", flush=True)
    if not arguments.keep:
        shutil.rmtree(summary["paths"]["folder"])
    return report


def _variety(out: Path, songs: int) -> int:
    """Seeds of one text must differ in melody, harmony and key; composing alone shows it."""
    from halation.pipeline import compose
    from halation.types import Brief, Score

    scores = [
        artefact
        for seed in range(songs)
        for artefact in compose(Brief(seed=seed + 5000, text=TEXTS[0]))
        if isinstance(artefact, Score)
    ]
    melodies = {tuple((n.onset_beats, n.pitch - s.motif[0].pitch) for n in s.motif) for s in scores}
    loops = {
        tuple((c.root - s.form.key.tonic) % 12 for c in s.chords if _in_hook(s, c.onset_beats))[:4]
        for s in scores
    }
    keys = {s.form.key.name for s in scores}
    print(
        f"{songs} seeds of one text: {len(melodies)} melodies, {len(loops)} loops, {len(keys)} keys"
    )
    return int(len(melodies) < songs or len(loops) < 8 or len(keys) < 5) if songs >= 30 else 0


def _in_hook(score: Any, beats: float) -> bool:
    return bool(score.form.section_at(beats).name == "hook")


def _print_table(reports: list[Report]) -> None:
    columns: dict[str, list[float]] = collections.defaultdict(list)
    for report in reports:
        for name, value in report.values.items():
            columns[name].append(value)
    print(f"{'measure':<26}{'least':>9}{'median':>9}{'most':>9}")
    for name, values in columns.items():
        row = (min(values), statistics.median(values), max(values))
        print(f"{name:<26}" + "".join(f"{value:>9.2f}" for value in row))


if __name__ == "__main__":
    main()
