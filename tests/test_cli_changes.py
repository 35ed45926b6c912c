"""The command line of songs that are made of songs, and of takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from halation import files

HALATION = [sys.executable, "-m", "halation"]


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HALATION_LOG": str(folder / "log"), "NO_COLOR": "1"}
    command = [*HALATION, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("songs")


@pytest.fixture(scope="module")
def parent(folder: Path) -> Path:
    """Make the best of two takes."""
    done = run("make", "rain", "--seed", "4", "--length", "30", "--composer", "rules",
               "--takes", "2", "--format", "mp3", "--out", folder, "--json",
               folder=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("halation: take")]
    assert len(told) == 2
    summary = json.loads(done.stdout)
    assert f"seed {summary['seed']}" in told[0], "the best was not the one that was made"
    return Path(summary["files"]["folder"]) if "files" in summary else next(folder.glob("*-*"))


def test_a_thrown_song_is_a_new_one_that_names_its_parent(parent: Path, folder: Path) -> None:
    before = (parent / "song.json").read_bytes()
    done = run("remake", parent, "--again", "hook", "--again", "drums", "--seed", "5", "--tempo",
               "130", "--mood", "warm=+0.4", "--out", folder / "new", "--format", "mp3", "--json",
               folder=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (parent / "song.json").read_bytes() == before
    child = next((folder / "new").iterdir())
    recipe = files.read(child)
    assert recipe.plan.origin
    assert recipe.plan.origin.parent == files.read(parent).id
    assert recipe.plan.origin.change == (
        "again hook (seed 5)", "again drums (seed 5)", "tempo 130", "mood warm=+0.4",
    )  # fmt: skip
    assert recipe.plan.score.form.tempo_bpm == 130.0
    shown = run("inspect", child, "--out", folder / "sheet.png", folder=folder)
    assert f"({recipe.plan.origin.parent}): again hook (seed 5); again drums" in shown.stdout


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--again", "hook7"], 2, "nothing is called 'hook7' in this song; it has: intro"),
        (["--seed", "3"], 2, "--seed is for --again"),
        (["--tempo", "20"], 2, "between 60 and 200"),
        (["--key", "H"], 2, "no such key"),
        (["--length", "5"], 2, "between 30 and 600"),
        (["--mood", "warm"], 2, "AXIS=VALUE"),
        (["--mood", "mad=1"], 2, "no such axis"),
        (["--midi", "nowhere.mid"], 1, "nowhere.mid cannot be read"),
        (["--midi", "."], 1, "is not a file"),
        (["--midi", __file__], 1, "no MIDI file"),
    ],
)
def test_a_wrong_change_gets_one_line(
    parent: Path, folder: Path, options: list[str], status: int, message: str
) -> None:
    done = run("remake", parent, *options, "--out", folder / "none", folder=folder)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "none").exists()


@pytest.mark.parametrize("options", [["--takes", "0"], ["--takes", "17"], ["--all"]])
def test_takes_are_one_to_sixteen(folder: Path, options: list[str]) -> None:
    done = run("make", *options, "--out", folder / "none", folder=folder)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
