"""Whose words a recording gets: the user's, CLAP's, or those nearest to its measures."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from halation.corpus.captions import caption
from halation.corpus.describe import Described, describe
from halation.corpus.tags import find_clap, own_tags, read_own, tagged, unknown_words
from halation.mood.vocabulary import VOCABULARY
from halation.pipeline import produce
from halation.types import BackendError, Brief, FileError, Song
from tests import tiny_clap

Signal = NDArray[np.float32]

WORDS = {word.name for word in VOCABULARY}


@cache
def rendered(text: str) -> Signal:
    *_, song = produce(Brief(31, text=text, length_s=30.0), workers=1)
    assert isinstance(song, Song)
    return song.master.samples


def noise(seed: int, seconds: float = 2.0, rate: int = 44_100) -> Signal:
    x = np.random.default_rng(seed).standard_normal((1, int(seconds * rate)))
    return (0.1 * x).astype(np.float32)


def tone(hz: float, seconds: float = 2.0, rate: int = 44_100) -> Signal:
    times = np.arange(int(seconds * rate)) / rate
    return (0.1 * np.sin(2.0 * np.pi * hz * times)).astype(np.float32)[None]


def described(**changes: object) -> Described:
    values: dict[str, object] = dict.fromkeys(Described.__slots__, 0.0)
    return Described(**(values | {"tempo_bpm": None, "key": None, "mode": None} | changes))  # type: ignore[arg-type]


def test_by_its_measures_a_raging_song_drives_more_and_is_less_hazy_than_a_dream() -> None:
    calm, wild = (
        tagged(x, 44_100, describe(x, 44_100))
        for x in (rendered("half asleep in a dream"), rendered("rage, burn it all down"))
    )
    assert calm.by == wild.by == "descriptors"
    assert wild.axes[1] > calm.axes[1] + 0.3
    assert wild.axes[4] < calm.axes[4] - 0.2
    for tags in (calm, wild):
        assert len(set(tags.words)) == 3
        assert set(tags.words) <= WORDS
        assert all(-1.0 <= value <= 1.0 for value in tags.axes)
    assert not set(calm.words) & set(wild.words)


def test_silence_has_tags_too() -> None:
    x = np.zeros((2, 44_100), np.float32)
    assert set(tagged(x, 44_100, describe(x, 44_100)).words) <= WORDS


def test_the_users_tags_win_and_unknown_ones_are_kept() -> None:
    x = noise(1)
    tags = tagged(x, 44_100, describe(x, 44_100), own=("icy", "drain gang", "foggy"))
    assert (tags.words, tags.by) == (("icy", "drain gang", "foggy"), "csv")
    icy, foggy = (next(w.place for w in VOCABULARY if w.name == name) for name in ("icy", "foggy"))
    assert tags.axes == pytest.approx(np.mean((icy, foggy), axis=0), abs=1e-3)


def test_tags_of_which_none_is_known_leave_the_place_to_the_measures() -> None:
    x = noise(2)
    found = describe(x, 44_100)
    assert tagged(x, 44_100, found, own=("mine",)).axes == tagged(x, 44_100, found).axes


@pytest.mark.parametrize(
    "text",
    [
        "Cold Night.wav,foggy; My Tag\nother,icy\n",
        "\ufefffile_name,tags\nCold Night.wav,foggy,My Tag\n",
        "Title;Tags\nCold Night;foggy;my tag;foggy\n",
        '"Cold Night.mp3","Foggy,my tag"\n'.replace(",my", ";my"),
    ],
)
def test_a_table_of_tags_is_read_however_it_was_saved(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text(text, encoding="utf-8")
    table = read_own(path)
    for names in (("cold night.FLAC",), ("0123.flac", "Cold Night")):
        assert own_tags(table, *names) == ("foggy", "my tag")
    assert own_tags(table, "warm night.wav") == ()
    assert unknown_words(table) == ("my tag",)


def test_a_title_with_a_dot_is_found(tmp_path: Path) -> None:
    (tmp_path / "tags.csv").write_text("feat. someone,icy\n")
    assert own_tags(read_own(tmp_path / "tags.csv"), "feat. someone") == ("icy",)


def test_a_table_that_is_no_text_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_bytes(b"\xff\xfe\x00a,\xd8\x00")
    with pytest.raises(FileError, match="save it as CSV in UTF-8"):
        read_own(path)
    with pytest.raises(FileError, match="cannot read"):
        read_own(tmp_path)


def test_clap_gives_a_sound_the_word_that_it_was_taught_for_it(tmp_path: Path) -> None:
    folder = tiny_clap.clap(tmp_path / "clap")
    rate = tiny_clap.SAMPLE_RATE
    lessons = {"foggy": noise(3, rate=rate)[0], "icy": tone(900.0, rate=rate)[0]}
    tiny_clap.teach(folder, lessons)
    for sound, word in ((noise(9, 5.0), "foggy"), (tone(900.0, 3.0), "icy")):
        tags = tagged(sound, 44_100, described(), clap=folder)
        assert tags.by == "clap"
        assert len(tags.words) == 3
        assert tags.words[0] == word
        assert all(-1.0 <= value <= 1.0 for value in tags.axes)


def test_what_is_no_clap_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no config\.json"):
        find_clap(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    assert find_clap(tmp_path) == tmp_path
    with pytest.raises(BackendError, match="is no CLAP but of type 't5'"):
        tagged(noise(1), 44_100, described(), clap=tmp_path)
    folder = tiny_clap.clap(tmp_path / "clap")
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(BackendError, match="does not load"):
        tagged(noise(1), 44_100, described(), clap=broken)


def test_clap_is_used_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path))
    assert find_clap() is None
    (tmp_path / "clap").mkdir()
    assert find_clap() == tmp_path / "clap"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({"tempo_bpm": 144.0, "key": "F# minor"}, "icy, my tag, slow, 72 BPM, F# minor"),
        ({"tempo_bpm": 90.2, "key": "C major"}, "icy, my tag, 90 BPM, C major"),
        ({"tempo_bpm": 104.0}, "icy, my tag, fast, 104 BPM"),
        ({}, "icy, my tag"),
    ],
)
def test_a_caption_says_what_is_known(found: dict[str, object], text: str) -> None:
    x = noise(1)
    tags = tagged(x, 44_100, describe(x, 44_100), own=("icy", "my tag"))
    assert caption(tags, described(**found)) == text
    assert caption(tags, described(**found), instrumental=True) == f"{text}, instrumental"
