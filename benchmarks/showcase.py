"""Two dozen songs over the mood space on one page: ``make showcase``.

Makes the songs by the command line, draws their pictures, measures them and writes a page and a
table in which a weak song stands out. Songs that are there already are not made again, so a run
that was broken off goes on where it stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.page import Row, write_page
from benchmarks.soak import make
from halation.files import ENGINE

OUT = Path("docs/listening")
FIRST_SEED = 2400

MOODS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Bladee floating in dreamscape", ()),
    ("rain on a neon window", ()),
    ("euphoric sunrise over a frozen lake", ()),
    ("she left and took the summer with her", ()),
    ("rage in a burning club", ()),
    ("a warm letter from my grandmother", ()),
    ("cold empty parking lot", ()),
    ("angels ice skating", ()),
    ("glittering dust in a dead mall", ("--instrumental",)),
    ("lost in the fog at 4am", ()),
    ("", ()),
    ("driving fast through the city at night, victorious", ()),
    ("crying in the snow, nobody calls", ()),
    ("a garden after warm rain, birds", ()),
    ("underwater cathedral", ("--instrumental",)),
    ("sugar, glitter, pink sky, first kiss", ()),
    ("paranoid, wired, no sleep", ()),
    ("half asleep in a slow train", ()),
    ("crystal clear winter morning, still", ()),
    ("funeral of a robot", ()),
    ("golden hour on the balcony with friends", ()),
    ("smoke and static, broken television", ()),
    ("", ("--instrumental",)),
    ("ångest i novembernatten", ()),
)
"""Texts that span the axes of :mod:`halation.mood`: valence, energy, warmth, density, haze."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One song of the page: what is asked for and where it goes."""

    text: str
    options: tuple[str, ...]
    seed: int
    out: Path

    @property
    def folder(self) -> Path:
        """Where everything of this song lies."""
        return self.out / "songs" / str(self.seed)

    @property
    def asked(self) -> dict[str, Any]:
        """What the song was made of, to tell whether a finished one is this one."""
        return {
            "text": self.text,
            "options": list(self.options),
            "seed": self.seed,
            "engine": ENGINE,
        }


@dataclass(frozen=True, slots=True)
class Shown:
    """What is kept of a finished song."""

    asked: dict[str, Any]
    summary: dict[str, Any]
    values: dict[str, float]
    bounds: dict[str, tuple[float, float]]
    misses: list[str] = field(default_factory=list)


def main() -> None:
    """Run from the command line; see ``--help``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, default=len(MOODS))
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--fresh", action="store_true", help="make songs anew that are there")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args()
    entries = [
        Entry(*MOODS[i % len(MOODS)], arguments.first_seed + i, arguments.out)
        for i in range(arguments.songs)
    ]
    if arguments.fresh:
        for entry in entries:
            shutil.rmtree(entry.folder, ignore_errors=True)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        rows = []
        for row in pool.map(show, entries):
            rows.append(row)
            missed = "; ".join(row.misses) or "ok"
            print(f"{row.seed:>6} {row.text[:28]!r:<32} {row.title[:24]:<25} {missed}", flush=True)
    write_page(arguments.out, rows)
    print(f"{arguments.out / 'index.html'}, {arguments.out / 'table.md'}")


def show(entry: Entry) -> Row:
    """Make a song, its picture and its measures, unless they are there."""
    shown = _load(entry)
    if shown is None:
        shown = _make(entry)
    summary = shown.summary
    files = {name: Path(summary["paths"][name]) for name in ("mp3", "song_json", "folder")}
    picture = entry.folder / "inspect.png"
    if not picture.exists():
        command = [sys.executable, "-m", "halation", "inspect", str(files["song_json"])]
        subprocess.run([*command, "--out", str(picture)], check=True, capture_output=True)
    instrumental = "--instrumental" in entry.options
    return Row(
        seed=entry.seed,
        text=entry.text,
        title=summary["title"] + (" (instrumental)" if instrumental else ""),
        about=f"{summary['key']}, {summary['tempo_bpm']:g} BPM, {summary['duration_s']:.0f} s",
        words=", ".join(summary["mood"]["words"]),
        audio=files["mp3"].relative_to(entry.out.resolve()).as_posix(),
        picture=picture,
        values=shown.values,
        bounds=shown.bounds,
        misses=tuple(shown.misses),
    )


def _kept(entry: Entry) -> Path:
    return entry.folder / "shown.json"


def _load(entry: Entry) -> Shown | None:
    """Return what was kept of a finished song if it is the one that is asked for."""
    if not _kept(entry).exists():
        return None
    kept = json.loads(_kept(entry).read_text(encoding="utf-8"))
    kept["bounds"] = {name: (low, high) for name, (low, high) in kept["bounds"].items()}
    shown = Shown(**kept)
    there = Path(shown.summary["paths"]["mp3"]).exists()
    return shown if there and shown.asked == entry.asked else None


def _make(entry: Entry) -> Shown:
    from benchmarks.measures import measure_all

    entry.folder.mkdir(parents=True, exist_ok=True)
    (entry.folder / "inspect.png").unlink(missing_ok=True)
    out = entry.folder.resolve()
    summary = make(entry.text, entry.seed, out, "--stems", *entry.options)
    report = measure_all(summary)
    shown = Shown(entry.asked, summary, report.values, report.bounds, report.misses)
    for stem in summary["paths"]["stems"]:
        Path(stem).unlink()
    text = json.dumps(dataclasses.asdict(shown), ensure_ascii=False, indent=1)
    _kept(entry).write_text(text, encoding="utf-8")
    return shown


if __name__ == "__main__":
    main()
