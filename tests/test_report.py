"""What `halation corpus show` tells and draws of a corpus."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from halation.corpus import report
from halation.corpus.disk import row_text, write_text
from halation.corpus.layout import Corpus, Facts, Source, write_facts
from halation.mood import AXES
from halation.types import FileError

TITLE = "Fog & <b>Ice</b> \N{SNOWFLAKE} 氷"
BROKEN = "tune\udce9.mp3"
"""A file's name that is not UTF-8, as Python reads it."""


def a_corpus(folder: Path, n_songs: int = 6) -> Corpus:
    """Six songs of three chunks each, the last of them held out, and three that were left out."""
    corpus = Corpus.begin(folder)
    rows: dict[str, list[dict[str, object]]] = {"train": [], "validation": []}
    for number in range(n_songs):
        name = TITLE if number == 0 else f"song {number}"
        corpus.note(Source(f"id{number}", "audio", name, "x.wav", state="prepared"))
        corpus.work(f"id{number}").mkdir(parents=True)
        write_facts(corpus.work(f"id{number}"), Facts(separated_by="hpss"))
        split = "validation" if number == n_songs - 1 else "train"
        for chunk in range(3):
            rows[split].append({
                "file_name": f"{len(rows[split]):04d}-id{number}.flac", "source": f"id{number}",
                "start_s": 20.0 * chunk, "duration_s": 20.0, "text": "foggy, 70 BPM, F# minor",
                "tags": ["foggy", "mine" if number else "icy"],
                "tempo_bpm": 140.0 if chunk else None, "key": "F# minor" if number else None,
                "title": name, "measures": {},
                "axes": dict(zip(AXES, np.linspace(-1, 1, 5) * (number - 2) / 3, strict=True)),
            })  # fmt: skip
    for split, some in rows.items():
        (corpus.dataset / split).mkdir(parents=True)
        lines = "".join(f"{row_text(row)}\n" for row in some)
        write_text(corpus.dataset / split / "metadata.jsonl", lines)
    corpus.note(
        Source("bad", "audio", BROKEN, "b", state="failed", message="no sound in it"),
        Source("twin", "audio", "twin.wav", "t", state="duplicate", message="the same as song 1"),
        Source("midi", "midi", "tune", "t.mid"),
    )
    return corpus


def test_the_summary_counts_what_is_there(tmp_path: Path) -> None:
    told = report.summary(a_corpus(tmp_path / "corpus"))
    for said in (
        "8 recordings: 1 duplicate, 1 failed, 6 prepared",
        "1 MIDI files",
        "6 songs in 18 chunks, 6.0 min: 15 to train on (5.0 min), 3 to validate with (1.0 min)",
        "foggy 18, mine 15, icy 3",
        "F# minor 15, none 3",
        "140–140 BPM, most about 140, 6 without a beat",
        "6 × harmonic parts kept without Demucs: vocals stay",
        "failed: tune?.mp3 (no sound in it)",
        "duplicate: twin.wav (the same as song 1)",
    ):
        assert said in told


def test_the_same_is_there_as_json(tmp_path: Path) -> None:
    found = json.loads(json.dumps(report.as_json(a_corpus(tmp_path / "corpus"))))
    assert found["songs"] == 6
    assert found["chunks"] == {"train": 15, "validation": 3}
    assert found["hours"]["train"] == pytest.approx(300 / 3600, abs=1e-4)
    assert found["tags"] == {"foggy": 18, "mine": 15, "icy": 3}
    assert found["tempi_bpm"] == {"140": 12}
    assert [row["message"] for row in found["skipped"]] == ["no sound in it", "the same as song 1"]


class _Page(HTMLParser):
    """What a browser finds: words, sources, tags."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.sources: list[str] = []
        self.tags: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]


def read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_the_page_shows_pictures_songs_and_what_was_left_out(tmp_path: Path) -> None:
    corpus = a_corpus(tmp_path / "corpus")
    path = report.write(corpus)
    assert path == corpus.folder / "report" / "index.html"
    page = read(path)
    assert TITLE in page.words  # and not as markup
    assert "b" not in page.tags
    for said in ("no sound in it", "the same as song 1", "foggy, 70 BPM, F# minor"):
        assert said in page.words
    assert not [s for s in page.sources if "://" in s or s.startswith("/")]
    pictures = [s for s in page.sources if s.endswith(".png")]
    assert len(pictures) == 3
    for name in pictures:
        with Image.open(path.parent / name) as image:
            assert image.width > 800
            assert np.asarray(image.convert("L")).std() > 5.0
    assert "../dataset/validation/0001-id5.flac" in page.sources
    assert sorted(p.name for p in path.parent.iterdir()) == sorted(["index.html", *pictures])
    assert report.write(corpus) == path  # again, over the old one


def test_an_empty_corpus_says_what_to_do_next(tmp_path: Path) -> None:
    corpus = Corpus.begin(tmp_path / "corpus")
    assert "halation corpus prepare" in report.summary(corpus)
    page = read(report.write(corpus))
    assert "img" not in page.tags
    assert report.as_json(corpus)["songs"] == 0


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    corpus = a_corpus(tmp_path / "corpus")
    corpus.report.write_text("in the way")
    with pytest.raises(FileError, match="cannot write"):
        report.write(corpus)
