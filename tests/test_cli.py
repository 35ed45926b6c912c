"""What a user types, and what a wrong call is answered with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HALATION = [sys.executable, "-m", "halation"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "HALATION_LOG": str(tmp_path / "log"), "NO_COLOR": "1"}


def run(
    *arguments: str | Path, env: dict[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*HALATION, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=cwd, check=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--length", "5"], "between 30 and 600"),
        (["--length", "100000"], "between 30 and 600"),
        (["--length", "-3"], "between 30 and 600"),
        (["--length", "soon"], "valid float"),
        (["--seed", "1.5"], "valid integer"),
        (["--seed", "-1"], "seed must lie between"),
        (["--seed", str(2**53)], "seed must lie between"),
        (["--tempo", "1000"], "between 60 and 200"),
        (["--key", "H minor"], "no such key"),
        (["--format", "ogg"], "no such format"),
        (["--loudness", "3"], "between -30 and -8"),
        (["--composer", "mozart"], "no composer named 'mozart'"),
        (["--player", "pads=theremin"], "no player named 'theremin'"),
        (["--player", "pads"], "PART=PLAYER"),
        (["--colour", "blue"], "No such option"),
    ],
)
def test_a_wrong_option_gets_one_line_and_status_2(
    options: list[str], message: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    done = run("make", *options, "--out", tmp_path / "songs", env=environment)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    assert not (tmp_path / "songs").exists()


def test_a_folder_that_cannot_be_written_fails_before_the_work(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run("make", "--out", tmp_path / "file" / "songs", env=environment)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_song_from_the_command_line(tmp_path: Path, environment: dict[str, str]) -> None:
    options = ("--seed", "3", "--length", "30", "--json", "--stems")
    done = run("make", "foggy glass", *options, "--out", tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    folder = Path(summary["paths"]["folder"])
    assert folder.parent == tmp_path
    assert summary["seed"] == 3
    assert summary["text"] == "foggy glass"
    assert next(s["role"] for s in summary["form"]["sections"]) == "intro"
    assert summary["rights"]["commercial"] is True

    again = run("remake", folder / "song.json", "--out", tmp_path / "b", "--json", env=environment)
    assert again.returncode == 0, again.stderr
    other = Path(json.loads(again.stdout)["paths"]["wav"])
    assert other.read_bytes() == Path(summary["paths"]["wav"]).read_bytes()

    seen = run("inspect", folder / "song.json", env=environment)
    assert seen.returncode == 0, seen.stderr
    assert Path(seen.stdout.strip()).read_bytes().startswith(b"\x89PNG")


def test_progress_goes_to_stderr_and_the_place_to_stdout(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    done = run("make", "--seed", "4", "--length", "30", "--out", tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip().splitlines()[-1]).is_dir()
    for stage in ("mood", "form", "score", "fx", "sound", "master"):
        assert stage in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("content", ["", "{}", "[1, 2", "\x00\x01", '{"schema": 99}'])
def test_a_damaged_song_file_gets_one_line(
    content: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    file = tmp_path / "song.json"
    file.write_text(content)
    done = run("remake", file, "--out", tmp_path / "songs", env=environment)
    assert done.returncode == 1
    assert "song.json" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list((tmp_path / "songs").glob("*")) if (tmp_path / "songs").exists() else True


@pytest.mark.parametrize(("sign", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_no_half_song(
    sign: signal.Signals, status: int, tmp_path: Path, environment: dict[str, str]
) -> None:
    command = [*HALATION, "make", "--seed", "5", "--length", "120", "--out", str(tmp_path / "s")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:  # wait until it can be heard
            if line.startswith("sound"):
                break
        process.send_signal(sign)
        rest = process.stderr.read()
    assert process.returncode == status
    assert "Traceback" not in rest
    assert not list((tmp_path / "s").rglob("*"))


def test_backends_are_listed(environment: dict[str, str]) -> None:
    done = run("backends", "--json", env=environment)
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["rules"]["kind"] == "composer"
    assert rows["synth"]["usable"] is True
    shown = run("backends", env=environment).stdout
    assert "synth" in shown
    assert all(row["usable"] or "halation[" in shown for row in json.loads(done.stdout))
