from __future__ import annotations

import errno
import io
import itertools
import json
import math
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import mutagen
import numpy as np
import pytest
import soundfile
from PIL import Image

from halation import files
from halation.files import audio, folder, limits, midi, rights, schema
from halation.types import (
    SAMPLE_RATE,
    Audio,
    Block,
    BriefError,
    FileError,
    Key,
    Note,
    Part,
    Song,
)
from tests.fakes import fake_plan, fake_score, fake_song


@pytest.fixture(scope="module")
def song() -> Song:
    return fake_song()


@pytest.fixture(scope="module")
def written(song: Song, tmp_path_factory: pytest.TempPathFactory) -> files.Written:
    out = tmp_path_factory.mktemp("songs") / "not" / "there"
    return files.write(song, out, formats=("wav", "mp3", "flac"), stems=True)


def test_a_song_is_a_folder_with_everything_in_it(written: files.Written) -> None:
    assert written.folder.name == "neon-rain-7"
    found = sorted(p.relative_to(written.folder).as_posix() for p in written.folder.rglob("*"))
    stems = [f"stems/{n}.wav" for n in ("bass", "drums", "keys", "mix", "pads", "space")]
    names = ["Neon Rain-grid.mid", "Neon Rain.flac", "Neon Rain.mid", "Neon Rain.mp3"]
    assert found == [*names, "Neon Rain.wav", "cover.png", "song.json", "stems", *stems]
    assert list(written.folder.parent.iterdir()) == [written.folder]
    listed = written.as_strings()
    assert listed["wav"] == str(written.wav)
    assert len(listed["stems"]) == 6


def test_wav_and_flac_hold_the_master_in_24_bits(song: Song, written: files.Written) -> None:
    for path in (written.wav, written.flac):
        assert path
        assert soundfile.info(path).subtype == "PCM_24"
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == SAMPLE_RATE
        np.testing.assert_allclose(samples.T, song.master.samples, atol=2**-22)


def test_samples_beyond_full_scale_are_clipped_not_wrapped(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "a.wav", Audio(np.array([[2.0, -2.0, 0.5]], np.float32)))
    samples, _ = soundfile.read(tmp_path / "a.wav")
    np.testing.assert_allclose(samples, [1.0, -1.0, 0.5], atol=1e-6)


def test_the_mp3_lines_up_with_the_wav(song: Song, written: files.Written) -> None:
    assert written.mp3
    decoded, rate = soundfile.read(written.mp3, dtype="float32")
    assert (rate, decoded.shape) == (SAMPLE_RATE, song.master.samples.T.shape)
    info = mutagen.File(written.mp3).info
    assert (info.bitrate, info.channels) == (320_000, 2)
    error = decoded.T - song.master.samples
    assert np.mean(error**2) < 0.05 * np.mean(song.master.samples**2)


def test_a_variable_bit_rate_is_smaller_and_as_long(song: Song) -> None:
    constant, variable = audio.mp3(song.master), audio.mp3(song.master, "V2")
    assert len(variable) < 0.9 * len(constant)
    info = soundfile.info(io.BytesIO(variable))
    assert info.frames == song.master.n_samples


def test_what_is_handed_out_while_a_song_is_written_are_the_frames_of_its_file(
    song: Song, tmp_path: Path
) -> None:
    heard: list[tuple[bytes, float]] = []
    sound, edges = song.master.samples, (0, 70_000, 70_000, 200_000, song.master.n_samples)
    with files.Recording(song.score, tmp_path, sink=lambda *data: heard.append(data)) as recording:
        for start, stop in itertools.pairwise(edges):
            recording.take(Block(start, Audio(sound[:, start:stop])))
        written = recording.finish(song)
    frames = b"".join(data for data, _ in heard)
    assert written.mp3 and written.mp3.read_bytes().endswith(frames)
    assert len(frames) > 0.95 * written.mp3.stat().st_size - 300_000
    assert [ready_s for _, ready_s in heard] == sorted(ready_s for _, ready_s in heard)
    assert heard[0][1] < 3.0 < heard[-1][1]
    whole = files.write(song, tmp_path)
    assert written.wav and whole.wav
    assert written.wav.read_bytes() == whole.wav.read_bytes()


def test_a_recording_that_is_left_leaves_nothing(song: Song, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), files.Recording(song.score, tmp_path / "new") as recording:
        recording.take(Block(0, song.master))
        raise RuntimeError
    assert not (tmp_path / "new").exists()


def test_a_listener_that_fails_ends_the_recording(song: Song, tmp_path: Path) -> None:
    def gone(_frames: bytes, _ready_s: float) -> None:
        raise ConnectionError("nobody listens")

    with (
        pytest.raises((ConnectionError, FileError)),
        files.Recording(song.score, tmp_path / "new", sink=gone) as recording,
    ):
        for _ in range(4):
            recording.take(Block(0, song.master))
        recording.finish(song)
    assert not (tmp_path / "new").exists()


def test_a_mono_mp3_lines_up_too() -> None:
    tone = np.sin(np.arange(30_000, dtype=np.float32) * np.float32(0.05))[None] * np.float32(0.5)
    decoded, _ = soundfile.read(io.BytesIO(audio.mp3(Audio(tone))), dtype="float32")
    assert decoded.shape == (30_000,)
    np.testing.assert_allclose(decoded[2_000:28_000], tone[0, 2_000:28_000], atol=0.02)


def test_tags_name_the_song(written: files.Written) -> None:
    for path in (written.wav, written.mp3):
        assert path
        tags = mutagen.File(path).tags
        assert str(tags["TIT2"]) == "Neon Rain"
        assert str(tags["TPE1"]) == "halation"
        assert (str(tags["TBPM"]), str(tags["TKEY"])) == ("120", "F#m")
        assert str(tags["COMM::eng"]) == "seed 7: rain on a neon window"
        assert Image.open(io.BytesIO(tags["APIC:cover"].data)).size == (800, 800)
    flac = mutagen.File(written.flac)
    assert (flac["title"], flac["bpm"], flac["initialkey"]) == (["Neon Rain"], ["120"], ["F#m"])
    assert len(flac.pictures) == 1


def test_stems_are_equally_long_and_sum_to_the_mix(written: files.Written) -> None:
    sounds = {path.stem: soundfile.read(path)[0] for path in written.stems}
    mix = sounds.pop("mix")
    residual = mix - sum(sounds.values())
    assert np.sqrt(np.mean(residual**2)) < 10 ** (-90 / 20)


def _ticks(track: Any) -> list[tuple[int, Any]]:
    now, found = 0, []
    for message in track:
        now += message.time
        found.append((now, message))
    return found


def test_both_midi_files_are_as_long_as_the_song(song: Song, written: files.Written) -> None:
    for path in (written.midi, written.midi_grid):
        file = mido.MidiFile(path, charset="utf-8")
        assert file.type == 1
        assert file.length == pytest.approx(song.master.duration_s, abs=1e-3)
        lengths = {_ticks(track)[-1][0] for track in file.tracks}
        assert lengths == {round(song.score.form.duration_beats * 480)}
        assert [track.name for track in file.tracks] == [
            "Neon Rain", "snare", "bass", "pad", "bells", "vocals",
        ]  # fmt: skip


def test_midi_knows_tempo_key_sections_and_words(song: Song, written: files.Written) -> None:
    file = mido.MidiFile(written.midi, charset="utf-8")
    head = _ticks(file.tracks[0])
    assert [m.tempo for _, m in head if m.type == "set_tempo"] == [500_000]
    assert [m.key for _, m in head if m.type == "key_signature"] == ["F#m"]
    markers = [(tick / 480, m.text) for tick, m in head if m.type == "marker"]
    assert markers == [(s.start_beats, s.name) for s in song.score.form.sections]
    sung = [m.text for m in file.tracks[5] if m.type == "lyrics"]
    assert sung == ["ooh"] * 6
    channels = [{m.channel for m in t if not m.is_meta} for t in file.tracks[1:]]
    assert channels == [{9}, {0}, {1}, {2}, {3}]


def test_midi_is_late_as_played_and_straight_on_the_grid(written: files.Written) -> None:
    played, grid = (mido.MidiFile(p) for p in (written.midi, written.midi_grid))
    starts = [[t for t, m in _ticks(f.tracks[1]) if m.type == "note_on"] for f in (played, grid)]
    assert all(tick % 120 == 0 for tick in starts[1])
    assert {a - b for a, b in zip(*starts, strict=True)} == {round(0.0137 * 2 * 480)}


def test_no_note_sticks_where_notes_of_one_pitch_overlap(tmp_path: Path) -> None:
    notes = (
        Note(0.0, 8.0, 60, 80, -0.5),
        Note(1.0, 1.0, 60, 90),
        Note(1.0, 0.5, 60, 70),
        Note(55.5, 4.0, 60, 90, 0.1),
        Note(55.9, 1.0, 61, 90, 0.2),
    )
    score = replace(fake_score(), parts=(Part("pad", "pads", "synth", "glass", notes),))
    for quantised in (False, True):
        midi.write(tmp_path / "a.mid", score, quantised=quantised)
        sounding: set[int] = set()
        for tick, message in _ticks(mido.MidiFile(tmp_path / "a.mid").tracks[1]):
            assert 0 <= tick <= 56 * 480
            if message.type == "note_on":
                assert message.note not in sounding
                sounding.add(message.note)
            elif message.type == "note_off":
                sounding.remove(message.note)
        assert not sounding


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["aeolian", "dorian", "ionian", "lydian"])
def test_every_key_has_a_signature_that_midi_knows(tonic: int, mode: Any) -> None:
    mido.MetaMessage("key_signature", key=midi.key_signature(Key(tonic, mode)))


def test_a_song_file_gives_back_the_very_same_plan(song: Song, written: files.Written) -> None:
    for path in (written.song_json, written.folder):
        found = files.read(path)
        assert found.plan == song.mix.plan
        assert found.engine == files.ENGINE
        assert found.versions == song.versions
        assert found.measures == song.measures


def test_a_song_file_is_the_same_for_the_same_song_and_knows_no_place(song: Song) -> None:
    raw = files.encode(song)
    assert raw == files.encode(fake_song())
    assert str(Path.cwd()) not in raw.decode()


def test_numbers_of_numpy_are_written_as_plain_ones(song: Song) -> None:
    score = fake_score()
    odd = Note(
        np.float64(0.1), np.float64(0.3), int(np.int64(60)), 90, np.float32(0.1).item(), "ah"
    )
    part = Part("p", "keys", "synth", "ice", (odd,), (("brightness", np.float64(0.3)),))
    plan = fake_plan(replace(score, parts=(part,)))
    again = replace(song, mix=replace(song.mix, plan=plan))
    assert json.loads(files.encode(again))["parts"][0]["notes"][0][0] == 0.1


def test_what_was_too_quiet_to_measure_comes_back(song: Song, tmp_path: Path) -> None:
    quiet = replace(song.measures, sections_lufs=(("intro", -math.inf),))
    (tmp_path / "song.json").write_bytes(files.encode(replace(song, measures=quiet)))
    assert files.read(tmp_path).measures == quiet


def test_a_song_with_a_number_that_json_lacks_is_not_written(song: Song, tmp_path: Path) -> None:
    curve = replace(song.mix.plan.curves[1], values=(math.nan, 0.0, 0.0))
    plan = replace(song.mix.plan, curves=(curve,))
    with pytest.raises(FileError, match="cannot be written as song"):
        files.write(replace(song, mix=replace(song.mix, plan=plan)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def data(song: Song) -> Any:
    return json.loads(files.encode(song))


def _set(data: Any, place: str, value: Any) -> None:
    *path, last = [int(p) if p.isdigit() else p for p in place.split("/")]
    for step in path:
        data = data[step]
    data[last] = value


HOSTILE: list[tuple[str, Any, str]] = [
    ("schema", 2, "has schema 2, this halation reads schema 1; update"),
    ("schema", "x", "Expected `int`"),
    ("engine", -1, "engine"),
    ("title", 7, "title"),
    ("brief/seed", 2**60, "seed"),
    ("brief/seed", 1.5, "seed"),
    ("brief/text", "x" * 10_001, "length <= 10000"),
    ("form/tempo_bpm", 0.0, "tempo_bpm"),
    ("form/tempo_bpm", 1e300, "tempo_bpm"),
    ("form/key/mode", "loud", "Invalid enum value 'loud'"),
    ("form/sections", [], "length >= 1"),
    ("form/sections/4/duration_beats", 1e300, "duration_beats"),
    ("form/sections/4/duration_beats", 1_500.0, "lasts 774 s; a song lasts at most 600 s"),
    ("form/sections/1/start_beats", 4.0, "'verse' starts at beat 4, the one before ends at beat 8"),
    ("form/sections/1/name", "intro", "two sections have the name 'intro'"),
    ("chords", [], "chords"),
    ("chords/3/onset_beats", 2.0, "out of order"),
    ("chords/13/onset_beats", 500.0, "after the end"),
    ("parts/0/notes/0/2", 999, "<= 127"),
    ("parts/0/notes/0/3", 0, ">= 1"),
    ("parts/0/notes/0/1", 2_000.0, "'snare' has a note at beat 10 that ends after the song"),
    ("parts/0/notes/0/0", 55.0, "out of order"),
    ("parts/0/notes/0", [1.0], "length 6"),
    ("parts/0/stem", "../../etc", "stem"),
    ("parts/1/name", "snare", "two parts have the same name"),
    ("parts/1/settings/glide_s", 1e9, "'bass' has glide_s = 1e.09; it must lie in -620"),
    ("effects/0/parameters/t60_s", -1e5, "t60_s"),
    ("effects/0/parameters/wide", 1e9, "wide"),
    ("curves/0/values", [1.0], "has 200 times and 1 values"),
    ("curves/1/times_beats", [0.0, 9.0, 3.0], "runs backwards"),
    ("curves/1/times_beats", [0.0, 9.0, 900.0], "after the end"),
    ("curves/1/values", [0.0, 1e6, 0.0], "leaves -240 … 24"),
    ("measures/loudness_lufs", "loud", "loudness_lufs"),
    ("motif", None, "motif"),
]


@pytest.mark.parametrize(("place", "value", "message"), HOSTILE)
def test_a_hostile_song_file_gets_one_clear_line(
    data: Any, tmp_path: Path, place: str, value: Any, message: str
) -> None:
    _set(data, place, value)
    path = tmp_path / "evil.json"
    path.write_text(json.dumps(data))
    with pytest.raises(FileError, match=message) as caught:
        files.read(path)
    assert "evil.json" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "cannot be read as a song.json"),
        (b"hello", "cannot be read as a song.json"),
        (b"\x00\xff\xfe" * 50, "cannot be read as a song.json"),
        (b"[" * 100_000, "nested too deeply|cannot be read"),
        (b'{"schema": 1, "x": ' + b'{"a":' * 100_000, "nested too deeply|cannot be read"),
        (b'{"schema": 1}', "missing required field"),
        (b'{"schema": 1, "engine": NaN}', "malformed"),
        (b'{"schema": 1, "engine": 1e999}', "cannot be read"),
        (b"null", "cannot be read"),
        (b'{"schema": 1, "title": "\xff"}', "cannot be read"),
        (b'"\\ud800"', "cannot be read"),
    ],
)
def test_what_is_no_song_file_is_refused(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(raw)
    with pytest.raises(FileError, match=message) as caught:
        files.read(tmp_path / "x.json")
    assert "\n" not in str(caught.value)


def test_too_many_notes_and_too_large_a_file_are_refused(data: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    note = data["parts"][0]["notes"][0]
    for part in data["parts"][:2]:
        part["notes"] = [note] * (limits.MAX_NOTES * 2 // 3)
    path.write_text(json.dumps(data, separators=(",", ":")))
    with pytest.raises(FileError, match="a song has at most 100,000"):
        files.read(path)
    with path.open("wb") as file:
        file.truncate(70_000_000)
    with pytest.raises(FileError, match="it has 70 MB"):
        files.read(path)


def test_what_is_not_a_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        files.read(tmp_path / "x.json")
    with pytest.raises(FileError, match=r"song\.json does not exist"):
        files.read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="is not a file"):
        files.read(tmp_path / "pipe")
    with pytest.raises(FileError, match="is not a file"):
        files.read(Path("/dev/zero"))


def test_a_wicked_title_stays_inside_the_folder(data: Any, tmp_path: Path) -> None:
    data["title"] = "../../etc/passwd\u0000"
    (tmp_path / "song.json").write_text(json.dumps(data))
    plan = files.read(tmp_path).plan
    assert files.find_audio(tmp_path, files.read(tmp_path)) is None
    out = tmp_path / "out"
    made = files.write(fake_song(plan.score), out, formats=("wav",))
    assert made.folder.parent == out
    assert made.wav and made.wav.name == "etc passwd.wav"


@pytest.mark.parametrize(
    ("title", "stem", "slug"),
    [
        ("a/b\\c:d", "a b c d", "a-b-c-d"),
        ("con", "con_", "con"),
        ("COM1.x", "COM1.x_", "com1-x"),
        ("...", "song", "song"),
        ("", "song", "song"),
        ("雨の夜", "雨の夜", "song"),
        ("雨" * 300, "雨" * 40, "song"),
        ("Long " * 60, ("Long " * 24).strip(), "-".join(["long"] * 12)),
    ],
)
def test_titles_become_safe_names(title: str, stem: str, slug: str) -> None:
    assert folder.file_stem(title) == stem
    assert folder.slug(title) == slug


def test_half_a_character_in_the_text_does_no_harm(song: Song, tmp_path: Path) -> None:
    score = fake_score(text="rain \udcff", title="Rain \udcff")
    made = files.write(fake_song(score), tmp_path, formats=("mp3",))
    assert files.read(made.folder).plan.score.form.mood.brief.text == "rain ?"


def test_an_existing_folder_stays_as_it_is(song: Song, tmp_path: Path) -> None:
    kept = tmp_path / "neon-rain-7"
    kept.mkdir()
    names = [files.write(song, tmp_path, formats=("wav",)).folder.name for _ in range(2)]
    assert names == ["neon-rain-7-2", "neon-rain-7-3"]
    assert not list(kept.iterdir())


def test_only_what_was_asked_for_is_written(song: Song, tmp_path: Path) -> None:
    made = files.write(song, tmp_path, formats=("wav",))
    assert made.mp3 is None and made.flac is None and made.stems == ()
    assert "mp3" not in made.as_strings()
    with pytest.raises(BriefError, match="no such format: 'ogg'; choose from wav, mp3, flac"):
        files.write(song, tmp_path, formats=("ogg",))
    with pytest.raises(BriefError, match="no format was named"):
        files.write(song, tmp_path, formats=())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_broken_run_leaves_nothing(
    song: Song, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(midi, "write", fail)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else FileError
    before = threading.active_count()
    with pytest.raises(expected, match=r"^$|disk is full"):
        files.write(song, tmp_path / "out" / "deep")
    assert not list(tmp_path.iterdir())
    assert threading.active_count() <= before


def test_a_full_disk_is_noticed_by_the_wav_writer(tmp_path: Path, song: Song) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError):
        audio.write_wav(Path("/dev/full"), song.master)


def test_rests_of_killed_runs_are_cleared_when_old(song: Song, tmp_path: Path) -> None:
    old, young, other = (tmp_path / n for n in (f"{folder.PREFIX}a", f"{folder.PREFIX}b", ".x"))
    for place in (old, young, other):
        place.mkdir()
        (place / "half.wav").write_bytes(b"x")
    past = time.time() - 2 * folder.STALE_AFTER_S
    os.utime(old, (past, past))
    os.utime(other, (past, past))
    files.write(song, tmp_path, formats=("wav",))
    assert not old.exists() and young.exists() and other.exists()


def test_a_place_that_cannot_be_written_fails_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "songs"):
        with pytest.raises(FileError, match="choose another folder with --out"):
            files.check_out(place)
    with pytest.raises(FileError, match="null"):
        files.check_out(Path("a\0b"))
    with pytest.raises(FileError, match="MB left and a song needs about"):
        files.check_out(tmp_path, needed_bytes=1 << 60)

    def refuse(*_args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FileError, match="may not be written to"):
        files.check_out(tmp_path)


def test_checking_a_place_leaves_nothing(tmp_path: Path) -> None:
    files.check_out(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


def test_the_sound_beside_a_song_file_is_found(song: Song, written: files.Written) -> None:
    found = files.find_audio(written.folder, files.read(written.folder))
    assert found
    np.testing.assert_allclose(found.samples, song.master.samples, atol=2**-22)


def test_a_sound_of_another_length_is_not_the_songs(song: Song, tmp_path: Path) -> None:
    made = files.write(song, tmp_path, formats=("wav",))
    assert made.wav
    audio.write_wav(made.wav, Audio(song.master.samples[:, :-1]))
    assert files.find_audio(made.folder, files.read(made.folder)) is None


def test_the_summary_is_json_and_says_it_all(song: Song, written: files.Written) -> None:
    found = json.loads(json.dumps(files.summary(song, written, {"score": 0.5, "files": 1.5})))
    assert (found["title"], found["seed"], found["key"]) == ("Neon Rain", 7, "F# minor")
    assert [s["name"] for s in found["form"]["sections"]][:2] == ["intro", "verse"]
    assert found["form"]["sections"][1]["start_s"] == pytest.approx(4.0)
    assert found["form"]["sections"][-1]["end_s"] == pytest.approx(found["duration_s"])
    assert found["chords"]["verse"] == ["c3", "c10", "c0", "c8"]
    assert found["motif"][0] == {
        "onset_beats": 0.0, "duration_beats": 1.0, "pitch": 78, "name": "F#5", "velocity": 90,
    }  # fmt: skip
    assert found["real_time_factor"] == 14.0
    assert found["paths"]["folder"] == str(written.folder)
    assert found["stage_seconds"] == {"score": 0.5, "files": 1.5}


def test_rights_follow_those_who_took_part(monkeypatch: pytest.MonkeyPatch) -> None:
    from halation.backends import Description
    from halation.types import BackendError

    def describe(_kind: str, name: str) -> Description:
        if name == "vocals":
            raise BackendError("not installed")
        return Description(name, "CC-BY-NC-4.0" if name == "drums" else "GPL-3.0", name != "drums")

    monkeypatch.setattr(rights, "describe", describe)
    score = fake_score()
    found = rights.rights_of(score)
    assert not found.commercial
    assert "drums, vocals" in found.statement
    free = replace(score, parts=tuple(p for p in score.parts if p.player == "synth"))
    assert rights.rights_of(free).statement.startswith("The song is yours")
    assert [row.name for row in rights.rights_of(free).made_with] == ["learned", "synth"]
    brief = replace(free.form.mood.brief, composer="learned:/home/me/mine.onnx")
    tuned = replace(free, form=replace(free.form, mood=replace(free.form.mood, brief=brief)))
    assert "yours" not in rights.rights_of(tuned).statement  # nobody knows on whose music
    assert "/home" not in str(rights.rights_of(tuned))


def test_a_notebook_shows_cover_and_player(song: Song) -> None:
    score = fake_score(title="<script>")
    shown = files.html(fake_song(score))
    assert "<script>" not in shown
    assert "data:image/jpeg;base64," in shown and "<audio controls" in shown


def test_the_schema_in_the_docs_is_the_one_of_the_code() -> None:
    path = Path(__file__).parents[1] / "docs" / "song.schema.json"
    assert json.loads(path.read_text()) == schema.json_schema(), (
        "write it anew: python -m halation.files.schema > docs/song.schema.json"
    )


def test_a_written_song_fits_the_schema(written: files.Written) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(json.loads(written.song_json.read_text()), schema.json_schema())


def test_every_key_of_a_song_file_and_of_the_summary_is_documented(
    song: Song, written: files.Written
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "song.md").read_text()

    def keys(value: Any) -> set[str]:
        free = {"settings", "parameters", "versions", "players", "sections_lufs", "rides_db"}
        if isinstance(value, list):
            return set().union(*map(keys, value))
        if not isinstance(value, dict):
            return set()
        inner = [keys(v) for k, v in value.items() if k not in free]
        return set(value).union(*inner)

    summary = files.summary(song, written, {})
    summary.pop("chords")
    told = keys(json.loads(files.encode(song))) | keys(summary)
    missing = sorted(key for key in told if f"`{key}`" not in page)
    assert not missing
