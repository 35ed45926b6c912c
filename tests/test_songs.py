"""Whole songs, measured from their files as a stranger would measure them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.measure import measure

SONGS = [
    ("Bladee floating in dreamscape", 101, None, ()),
    ("", 102, None, ()),
    ("rage in a burning club", 103, None, ("--instrumental",)),
    ("she left and took the summer with her", 104, 60.0, ("--length", "60")),
]


@pytest.mark.parametrize(("text", "seed", "length_s", "options"), SONGS)
def test_a_song_meets_every_bar(
    text: str, seed: int, length_s: float | None, options: tuple[str, ...], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "halation", "make", text, "--seed", str(seed), *options]
    command += ["--stems", "--json", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = measure(json.loads(done.stdout), length_s)
    assert not report.misses, report.values
