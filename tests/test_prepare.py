"""Real music becomes a corpus: on the grid, in one key, split by song."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halation.score.learned.tokens import IDS, Bar, Tone, decode
from halation.training import prepare, sources
from halation.training.corpus import Corpus, targets
from halation.types import FileError
from tests.music import song, write_groove, write_midi, write_pop909


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("music")
    write_pop909(root / "pop909", range(1, 13))
    write_groove(root / "groove", 6)
    return root


@pytest.fixture(scope="module")
def corpus(folder: Path) -> Corpus:
    pieces = prepare.gather(folder / "pop909", folder / "groove", None)
    return prepare.build(pieces)


def test_a_song_is_read_as_it_is(folder: Path) -> None:
    piece = next(sources.pop909(folder / "pop909"))
    tracks, _ = song(1)
    assert piece.tempo_bpm == pytest.approx(72.0) and piece.minor is False
    assert len(piece.bars) == 16
    first = [(round(4 * t), p) for t, _, p, _ in tracks["MELODY"] if t < 4]
    assert [(t.step, t.pitch) for t in piece.bars[0].melody] == first
    assert [(c.root, c.quality) for c in piece.bars[0].chords] == [(9, "min")]
    assert piece.bars[0].bass[0].pitch % 12 == 9
    assert {p % 12 for p in piece.bars[0].pads[0].pitches} == {9, 0, 4}


def test_another_key_gives_the_same_bars(tmp_path: Path) -> None:
    write_pop909(tmp_path, range(1, 2))
    here = next(sources.pop909(tmp_path))
    tracks, _ = song(1)
    up = {k: [(t, d, p + 5, v) for t, d, p, v in notes] for k, notes in tracks.items()}
    write_midi(tmp_path / "001" / "001.mid", up, 72.0)
    (tmp_path / "001" / "key_audio.txt").write_text("0.0 60.0 F:maj\n")
    there = next(sources.pop909(tmp_path))
    assert [b.melody for b in there.bars] == [b.melody for b in here.bars]


def test_a_fast_song_is_felt_at_half(tmp_path: Path) -> None:
    write_pop909(tmp_path, range(1, 2), bpm=144.0)
    piece = next(sources.pop909(tmp_path))
    assert piece.tempo_bpm == pytest.approx(72.0) and len(piece.bars) == 8


def test_drums_keep_level_and_lateness(folder: Path) -> None:
    piece = next(sources.groove(folder / "groove"))
    assert (piece.style, piece.kind) == ("laid-back", "beat")
    snares = [h for h in piece.bars[0].drums if h.voice == "snare"]
    assert [h.step for h in snares] == [4, 12]
    assert {h.level for h in snares} == {5} and {h.late for h in snares} == {2}
    hats = [h for h in piece.bars[0].drums if h.voice == "closed"]
    assert len({h.level for h in hats}) > 1


def test_any_midi_is_read(tmp_path: Path) -> None:
    tracks, _ = song(2)
    write_midi(
        tmp_path / "a" / "one.mid", {"Lead": tracks["MELODY"], "Keys": tracks["PIANO"]}, 80.0
    )
    both = {"one": sorted(tracks["MELODY"] + tracks["PIANO"])}
    write_midi(tmp_path / "two.MID", both, 80.0)
    (tmp_path / "broken.mid").write_bytes(b"MThd nothing")
    pieces = list(sources.midi_folder(tmp_path))
    assert [p.name for p in pieces] == ["midi/a/one#0", "midi/two#0"]
    by_track, by_skyline = pieces
    assert sum(len(b.melody) for b in by_track.bars) == len(tracks["MELODY"])
    assert sum(len(b.melody) for b in by_skyline.bars) >= len(tracks["MELODY"])
    assert [c.root for b in by_track.bars for c in b.chords[:1]][:4] in (
        [5, 7, 4, 9], [8, 10, 7, 0]  # C major, or its relative minor
    )  # fmt: skip


@pytest.mark.parametrize("read", [sources.pop909, sources.groove, sources.midi_folder])
def test_an_empty_folder_is_told(read: object, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no "):
        list(read(tmp_path))  # type: ignore[operator]


def test_three_four_is_skipped_and_odd_tempi_do_not_stop_the_rest(tmp_path: Path) -> None:
    import mido

    tracks, _ = song(3)
    for name in ("waltz", "still", "plain", "untold"):
        write_midi(tmp_path / f"{name}.mid", {"Melody": tracks["MELODY"]}, 76.0)
    for name, message in (
        ("waltz", mido.MetaMessage("time_signature", numerator=3, denominator=4)),
        ("untold", mido.MetaMessage("time_signature", numerator=1, denominator=4)),
        ("still", mido.MetaMessage("set_tempo", tempo=0)),
    ):
        file = mido.MidiFile(tmp_path / f"{name}.mid")
        file.tracks[0].insert(0, message)
        file.save(tmp_path / f"{name}.mid")
    read = {piece.name.partition("#")[0] for piece in sources.midi_folder(tmp_path)}
    assert read == {"midi/still", "midi/plain", "midi/untold"}


def test_a_song_that_is_not_as_the_set_has_it_is_one_line(tmp_path: Path) -> None:
    root = write_pop909(tmp_path / "pop909", range(1, 3))
    next(root.glob("*/chord_midi.txt")).write_text("nonsense\n")
    with pytest.raises(FileError, match="not as its data set has it"):
        list(sources.pop909(root))


def test_what_is_nearly_the_same_is_not_unread(folder: Path) -> None:
    pieces = list(sources.pop909(folder / "pop909"))
    corpus = prepare.build(pieces)
    corpus.splits[:] = 0
    twins = [replace(p, name=f"pop909/9{i}#0", family=f"pop909/9{i}") for i, p in enumerate(pieces)]
    assert all(prepare.near(twins, corpus))
    other = list(sources.pop909(write_pop909(folder / "other", range(700, 703))))
    assert not any(prepare.near(other, corpus))


def test_a_corpus_comes_back(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "c.npz")
    again = Corpus.load(tmp_path / "c.npz")
    assert again.names == corpus.names
    first = corpus.sequence(0, 2, ("chords", "melody"), 200)
    assert np.array_equal(first, again.sequence(0, 2, ("chords", "melody"), 200))
    (tmp_path / "bad.npz").write_bytes(b"x")
    with pytest.raises(FileError, match="no corpus"):
        Corpus.load(tmp_path / "bad.npz")


def test_controls_tell_what_the_bars_are(corpus: Corpus) -> None:
    told = corpus.controls(0, 0, 8, ("chords", "melody"))
    assert told["mode"] == "major" and told["harmony"] == "slow" and told["tempo"] == "mid"
    assert told["role"] in ("verse", "hook", "outro")
    drums = next(i for i, n in enumerate(corpus.names) if n.startswith("groove"))
    told = corpus.controls(drums, 0, 4, ("drums",))
    assert told["style"] == "laid-back" and told["kind"] == "beat" and "valence" not in told


def test_near_duplicates_are_one_family(folder: Path) -> None:
    pieces = list(sources.pop909(folder / "pop909"))
    twin = replace(pieces[0], name="pop909/900#0", family="pop909/900")
    other = replace(
        pieces[1], name="pop909/901#0", family="pop909/901",
        bars=tuple(Bar(b.chords, tuple(Tone(t.step, t.steps, t.pitch + 12) for t in b.melody))
                   for b in pieces[1].bars),
    )  # fmt: skip
    kin = dict(
        zip([p.name for p in (*pieces, twin, other)], prepare.families([*pieces, twin, other]),
            strict=True)
    )  # fmt: skip
    assert kin["pop909/900#0"] == kin[pieces[0].name]
    assert kin["pop909/901#0"] == kin[pieces[1].name]
    assert kin[pieces[0].name] != kin[pieces[1].name]


def test_the_split_is_by_family_and_never_changes() -> None:
    names = [f"pop909/{i:03d}" for i in range(2_000)]
    shares = np.bincount([prepare.split_of(n) for n in names]) / len(names)
    assert shares == pytest.approx([0.88, 0.06, 0.06], abs=0.02)
    assert [prepare.split_of(f"pop909/{i:03d}") for i in (1, 2, 3)] == [0, 0, 0]


def test_the_notes_of_the_last_part_are_counted(corpus: Corpus) -> None:
    row = corpus.sequence(0, 0, ("chords", "melody"), 10_000)
    mask, notes = targets(row, ("chords", "melody"))
    bars = decode(row)
    assert notes == sum(len(b.melody) for b in bars)
    # two tokens a note, and the line or end after each bar
    assert mask.sum() == 2 * notes + len(bars)
    assert not mask[: list(row).index(IDS["bar"])].any()
