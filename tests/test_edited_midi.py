"""What a producer changed in another program comes back into the song, and nothing else does."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halation import pipeline, reshape
from halation.files import midi, tracks
from halation.types import Brief, FileError, Note, Plan, Song


@cache
def song() -> Plan:
    *_, plan = pipeline.compose(Brief(5, length_s=30.0, composer="rules"))
    assert isinstance(plan, Plan)
    return plan


def notes(plan: Plan, part: str) -> tuple[Note, ...]:
    return next(p.notes for p in plan.score.written if p.name == part)


@pytest.fixture(params=[False, True], ids=["as played", "on the grid"])
def exported(request: pytest.FixtureRequest, tmp_path: Path) -> mido.MidiFile:
    path = tmp_path / "song.mid"
    midi.write(path, song().score, quantised=request.param)
    return mido.MidiFile(path)


@pytest.fixture
def plain(tmp_path: Path) -> mido.MidiFile:
    midi.write(tmp_path / "song.mid", song().score)
    return mido.MidiFile(tmp_path / "song.mid")


def as_bytes(file: mido.MidiFile) -> bytes:
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def track(file: mido.MidiFile, name: str) -> mido.MidiTrack:
    return next(t for t in file.tracks if t.name == name)


def changed(child: Plan) -> list[str]:
    pairs = zip(song().score.parts, child.score.parts, strict=True)
    return [old.name for old, new in pairs if old != new]


def test_an_untouched_file_changes_nothing(exported: mido.MidiFile) -> None:
    assert reshape.edited(song(), as_bytes(exported)) is song()


@pytest.mark.parametrize("ticks", [96, 960, 1000])
def test_nor_does_a_program_with_other_ticks(plain: mido.MidiFile, ticks: int) -> None:
    for each in plain.tracks:
        now = 0
        before = 0
        for message in each:
            now += message.time
            place = round(now * ticks / 480)
            message.time, before = place - before, place
    plain.ticks_per_beat = ticks
    child = reshape.edited(song(), as_bytes(plain))
    for part in song().score.parts:  # what falls on one coarse tick may be one note
        assert len(set(part.notes) - set(notes(child, part.name))) <= 0.02 * len(part.notes)


def test_only_the_track_with_a_moved_note_is_another(exported: mido.MidiFile) -> None:
    bells = track(exported, "bells")
    first = next(m for m in bells if m.type == "note_on")
    was = first.note
    last = next(m for m in bells if m.type == "note_off" and m.note == was)
    first.note = last.note = was + 2
    child = reshape.edited(song(), as_bytes(exported))
    assert changed(child) == ["bells"]
    old, new = notes(song(), "bells"), notes(child, "bells")
    assert len(set(old) - set(new)) == len(set(new) - set(old)) == 1
    (moved,) = set(new) - set(old)
    assert (moved.pitch, moved.offset_s) == (was + 2, 0.0)
    assert (child.effects, child.curves) == (song().effects, song().curves)


def test_a_new_sung_note_takes_the_syllable_beside_it(plain: mido.MidiFile) -> None:
    vocals = track(plain, "vocals")
    sung = [n for n in notes(song(), "vocals") if n.syllable[:1] != "<"]
    for message in vocals:
        if message.type in ("note_on", "note_off"):
            message.note -= 12
    child = reshape.edited(song(), as_bytes(plain))
    assert changed(child) == ["vocals"]
    assert {n.syllable for n in notes(child, "vocals")} <= {n.syllable for n in sung}
    assert all(n.syllable for n in notes(child, "vocals"))


def test_a_missing_track_is_left_alone_and_an_empty_one_is_silent(plain: mido.MidiFile) -> None:
    plain.tracks.remove(track(plain, "hats"))
    bells = track(plain, "bells")
    bells[:] = [m for m in bells if m.type not in ("note_on", "note_off")]
    child = reshape.edited(song(), as_bytes(plain))
    assert changed(child) == ["bells"]
    assert notes(child, "bells") == ()


def test_a_song_with_a_silenced_part_can_be_played(plain: mido.MidiFile) -> None:
    for name in ("bells", "kick", "vocals"):
        each = track(plain, name)
        each[:] = [m for m in each if m.type not in ("note_on", "note_off")]
    *_, made = pipeline.render(reshape.edited(song(), as_bytes(plain)), workers=1)
    assert isinstance(made, Song)
    assert made.measures.loudness_lufs == pytest.approx(-14.0, abs=0.6)


def test_settings_of_the_desk_for_a_changed_part_are_forgotten(plain: mido.MidiFile) -> None:
    desk = (("hook/keys", 1.0), ("bells.level", 1.0), ("kick.level", 1.0), ("hook/drums", 1.0))
    track(plain, "bells")[:] = [m for m in track(plain, "bells") if m.type != "note_on"]
    child = reshape.edited(replace(song(), desk=desk), as_bytes(plain))
    assert child.desk == (("kick.level", 1.0), ("hook/drums", 1.0))


def renamed(file: mido.MidiFile) -> None:
    next(m for m in track(file, "bells") if m.type == "track_name").name = "Grand Piano"


def doubled(file: mido.MidiFile) -> None:
    file.tracks.append(track(file, "bells"))


def hurried(file: mido.MidiFile) -> None:
    next(m for m in file.tracks[0] if m.type == "set_tempo").tempo = 500_000


def beyond(file: mido.MidiFile) -> None:
    last = [mido.Message("note_on", note=60, time=9_600), mido.Message("note_off", note=60, time=9)]
    track(file, "bells").extend(last)
    track(file, "bells")[:] = [m for m in track(file, "bells") if m.type != "end_of_track"]


def of_another_song(file: mido.MidiFile) -> None:
    file.tracks[1:] = []


def a_strange_drum(file: mido.MidiFile) -> None:
    for message in track(file, "kick"):
        if message.type in ("note_on", "note_off"):
            message.note = 7


def endless(file: mido.MidiFile) -> None:
    bells = track(file, "bells")
    bells[:] = [bells[0], *[mido.Message("note_on", note=60, velocity=9)] * 200_000]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "has a track called 'Grand Piano'; this song's are: kick, snare"),
        (doubled, "two tracks called 'bells'"),
        (hurried, r"tempo is 120 BPM, this song's is 148; set your project to 148 BPM"),
        (beyond, r"track 'bells' has a note at beat [\d.]+, after the song's end at beat \d+"),
        (of_another_song, "none of this song's tracks: kick"),
        (a_strange_drum, "'kick' has a note of pitch 7, a kit has .*36"),
        (endless, "more than 100,000 notes"),
    ],
)
def test_what_does_not_fit_the_song_gets_one_line(
    plain: mido.MidiFile, change: Callable[[mido.MidiFile], None], message: str
) -> None:
    change(plain)
    with pytest.raises(FileError, match=message) as error:
        reshape.edited(song(), as_bytes(plain))
    assert "\n" not in str(error.value)


def head(kind: int = 1, n_tracks: int = 1, division: int = 480) -> bytes:
    parts = (kind, n_tracks, division)
    return b"MThd\0\0\0\6" + b"".join(value.to_bytes(2) for value in parts)


def chunk(body: bytes) -> bytes:
    return b"MTrk" + len(body).to_bytes(4) + body


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "no MIDI file"),
        (b"RIFF" + bytes(100), "no MIDI file"),
        (head(2) + chunk(b"\0\xff\x2f\0"), "format 2"),
        (head(0) + chunk(b"\0\x90\x3c\x40\x10\x80\x3c\x40"), "format 0"),
        (head(division=0xE728) + chunk(b""), "SMPTE"),
        (head(division=0) + chunk(b""), "a beat has no ticks"),
        (head(n_tracks=2) + chunk(b"\0\xff\x2f\0"), "tracks are missing"),
        (head(n_tracks=60_000) + chunk(b""), "60000 tracks; at most 128"),
        (head() + b"MTrk\xff\xff\xff\xff\0\0", "cut off"),
        (head() + chunk(b"\0\x90\x3c"), "ends before its end"),
        (head() + chunk(b"\0\xff\x03\x7fname"), "ends before its end"),
        (head() + chunk(b"\0\x3c\x40"), "has no kind"),
        (head() + chunk(b"\0\x90\xfc\x40"), "above 127"),
        (head() + chunk(b"\xff\xff\xff\xff\x7f"), "a time is too long"),
        (head() + chunk(b"\xff\xff\xff\x7f\xff\x01\0" * 2), "lasts for days"),
        (head() + bytes(3 << 20), "at most 2.1 MB"),
        (head() + chunk(b"\0\xff\x2f\0"), "none of this song's tracks"),
    ],
)
def test_a_file_that_is_none_or_damaged_gets_one_line(raw: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message) as error:
        reshape.edited(song(), raw)
    assert "\n" not in str(error.value)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.binary(max_size=200), st.integers(0, 1))
def test_no_track_whatever_brings_the_reader_down(body: bytes, kind: int) -> None:
    try:
        found = tracks.read_tracks(head(kind) + chunk(body))
    except FileError as error:
        assert "\n" not in str(error)
    else:
        assert all(0 <= n.pitch <= 127 for t in found.tracks for n in t.notes)


@pytest.mark.parametrize("body", [
    b"\0\x90\x3c\x40" + b"\0\x3c\x40" * 600_000,  # notes by running status
    b"\0\xb0\x01\x40" + b"\0\x01\x40" * 600_000,
    b"\0\xf6" * 900_000,
    b"\0\xff\x01\0" * 400_000,
])  # fmt: skip
def test_a_bomb_is_refused_or_read_as_nothing(body: bytes) -> None:
    with pytest.raises(FileError, match=r"100,000 notes|none of this song's tracks"):
        reshape.edited(song(), head() + chunk(body))
