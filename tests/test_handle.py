"""What ``import halation`` gives: one call, and a song that shows itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import halation


@pytest.fixture(scope="module")
def take() -> halation.Take:
    return halation.make("rain on a neon window", seed=7, length_s=30, key="F# minor")


def test_a_song_says_what_it_is(take: halation.Take) -> None:
    assert take.title in repr(take)
    assert "F# minor" in repr(take)
    assert take.score.motif
    assert take.stems.get("pads") is not None


def test_a_notebook_shows_a_cover_and_a_player(take: halation.Take) -> None:
    shown = take._repr_html_()
    assert "<audio" in shown
    assert "<img" in shown


def test_a_written_song_can_be_made_again(take: halation.Take, tmp_path: Path) -> None:
    folder = take.write(tmp_path, formats=("flac",))
    assert {p.suffix for p in folder.iterdir()} == {".flac", ".mid", ".json", ".png"}
    again = halation.remake(folder)
    assert np.array_equal(again.song.master.samples, take.song.master.samples)
    for a, b in zip(again.stems.tracks, take.stems.tracks, strict=True):
        assert np.array_equal(a.audio.samples, b.audio.samples)


def test_a_song_of_another_engine_is_announced(take: halation.Take, tmp_path: Path) -> None:
    path = take.write(tmp_path, formats=("flac",)) / "song.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "engine": 999}))
    with pytest.warns(UserWarning, match="engine 999"):
        halation.remake(path)


def test_wishes_out_of_range_are_refused() -> None:
    with pytest.raises(halation.BriefError, match="between 30 and 600"):
        halation.make(length_s=5)
    with pytest.raises(halation.BackendError, match="no composer named"):
        halation.make(composer="mozart")
    with pytest.raises(halation.FileError):
        halation.remake("no-such-song.json")


def test_every_public_name_exists() -> None:
    for name in halation.__all__:
        assert hasattr(halation, name), name
