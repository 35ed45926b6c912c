"""A corpus: music of all kinds is added and prepared, whatever is wrong with some of it."""

from __future__ import annotations

import errno
import json
import os
import signal
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from click.testing import CliRunner

from halation.cli import cli
from halation.corpus import (
    chunks,
    dataset,
    decode,
    fingerprint,
    separate,
    sources,
    steps,
    transcribe,
)
from halation.corpus.layout import Corpus, Source
from halation.corpus.prepare import prepare
from halation.dsp.loudness import integrated, true_peak
from halation.types import SAMPLE_RATE, AudioError, BackendError, FileError
from halation.workers import Makers, dask, local
from tests.corpora import WISH, Here, added, prepared, song, write
from tests.hub import Asked, Reply, serving
from tests.music import write_midi


def states(corpus: Corpus) -> dict[str, str]:
    return {source.name: source.state for source in corpus.sources()}


def contents(corpus: Corpus) -> dict[str, bytes]:
    """The dataset's files and what is in them."""
    files = (path for path in corpus.dataset.rglob("*") if path.is_file())
    return {path.relative_to(corpus.dataset).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three songs of 10 s."""
    folder = tmp_path_factory.mktemp("music")
    for seed in range(3):
        write(folder / f"song {seed}.wav", song(seed, 5))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, music: Path) -> Corpus:
    """The same three songs, prepared in one go."""
    corpus, _ = added(tmp_path_factory.mktemp("whole") / "corpus", music)
    prepared(corpus)
    return corpus


# ---- adding


def test_music_is_found_by_what_it_holds_and_not_by_its_name(tmp_path: Path) -> None:
    place = tmp_path / "music"
    x = song(1)[:, :SAMPLE_RATE]
    write(place / "a.wav", x)
    write(place / "deep" / "er" / "b.flac", 0.9 * x)
    write(place / "c.mp3", 0.8 * x)
    write(place / "d.ogg", 0.7 * x)
    write(place / "e.aiff", 0.6 * x)
    write(place / "f.txt", 0.5 * x, format="FLAC")
    write(place / "g.mp3", 0.4 * x, format="WAV")
    write_midi(place / "h.wav", {"melody": [(0.0, 1.0, 60, 80)]}, 120.0)
    (place / "cover.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(40))
    (place / "notes.txt").write_text("buy milk")
    (place / "._a.wav").write_bytes(b"\0\5\x16\7" + bytes(20))
    corpus, found = added(tmp_path / "corpus", place)
    kinds = {source.name: source.kind for source in corpus.sources()}
    assert kinds == dict.fromkeys("abcdefg", "audio") | {"h": "midi"}
    assert not [one for one in found if one.state == "skipped"]
    assert not (tmp_path / "corpus" / "downloads").exists()


def test_what_is_no_music_is_told_and_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "music"
    write(place / "good.wav", song(1)[:, :SAMPLE_RATE])
    (place / "empty.mp3").touch()
    (place / "text.wav").write_text("this is no sound at all")
    locked = place / "locked"
    locked.mkdir()
    scan = os.scandir

    def refuse(path: Any) -> Any:  # the superuser, who may run this, is refused nothing
        if Path(path) == locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    corpus, found = added(tmp_path / "corpus", place, tmp_path / "nowhere")
    told = {Path(one.name).name: one.message for one in found if one.state == "skipped"}
    assert told == {
        "empty.mp3": "the file is empty",
        "text.wav": "it holds neither sound nor MIDI",
        "locked": "it cannot be read: Permission denied",
        "nowhere": "there is no such file or folder",
    }
    assert states(corpus) == {"good": "added"}


def test_the_same_file_is_added_once_and_found_again_where_it_moved(tmp_path: Path) -> None:
    first = write(tmp_path / "music" / "a.wav", song(1)[:, :SAMPLE_RATE])
    copy = tmp_path / "music" / "copy of a.wav"
    copy.write_bytes(first.read_bytes())
    corpus, found = added(tmp_path / "corpus", tmp_path / "music")
    assert [one.state for one in found] == ["added", "known"]
    assert found[1].message == f"the same file as {first}"
    assert len(corpus.sources()) == 1
    first.unlink()
    _, found = added(tmp_path / "corpus", copy)
    assert found[0].message == "it has moved"
    assert [source.path for source in corpus.sources()] == [str(copy)]


def test_adding_goes_on_after_ctrl_c(tmp_path: Path) -> None:
    for seed in range(4):
        write(tmp_path / "music" / f"{seed}.wav", song(seed)[:, :SAMPLE_RATE])
    corpus = Corpus.begin(tmp_path / "corpus")
    adding: Iterator[Any] = sources.add(corpus, (str(tmp_path / "music"),))
    next(adding), next(adding)
    adding.close()  # type: ignore[attr-defined]
    assert set(states(corpus)) == {"0", "1"}
    _, found = added(tmp_path / "corpus", tmp_path / "music")
    assert [one.state for one in found] == ["known", "known", "added", "added"]


def test_a_half_written_line_loses_only_itself(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", song(1)[:, :SAMPLE_RATE])
    corpus, _ = added(tmp_path / "corpus", tmp_path / "a.wav")
    with (tmp_path / "corpus" / "sources.jsonl").open("a") as file:
        file.write('{"id": "12')
    corpus.note(Source("beef", "audio", "b", "/b.wav"))
    assert set(states(corpus)) == {"a", "b"}


def test_rights_are_asked_for_and_written_down(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", song(1)[:, :SAMPLE_RATE])
    call = ["corpus", "add", str(path), "--corpus", str(tmp_path / "corpus")]
    refused = CliRunner().invoke(cli, call)
    assert "confirm with --yes" in str(refused.exception)
    assert not (tmp_path / "corpus").exists()
    done = CliRunner().invoke(cli, [*call, "--yes"])
    assert done.exit_code == 0, done.output
    assert "1 added" in done.output
    assert Corpus.open(tmp_path / "corpus").rights_confirmed.startswith("20")


# ---- downloading


@cache
def mp3_file(seed: int) -> bytes:
    import io

    held = io.BytesIO()
    soundfile.write(held, song(seed)[:, : 4 * SAMPLE_RATE].T, SAMPLE_RATE, format="MP3")
    return held.getvalue()


class Site:
    """A feed of three songs of which one is gone; counts what is asked for."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.break_after: int | None = None

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if asked.path == "/feed.xml":
            host = asked.headers["host"]
            items = "".join(
                f"<item><title>Song {n}</title><link>http://{host}/{n}.mp3</link></item>"
                for n in (1, 2, 3)
            )
            text = f'<rss version="2.0"><channel><title>Songs</title>{items}</channel></rss>'
            return Reply(200, text.encode(), {"Content-Type": "application/rss+xml"})
        if asked.path not in ("/1.mp3", "/3.mp3"):
            return Reply(404, b"gone")
        content = mp3_file(int(asked.path[1]))
        headers = {"Content-Type": "audio/mpeg", "Accept-Ranges": "bytes"}
        first = asked.headers.get("range", "bytes=0-")[6:].split("-")[0]
        if int(first):
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            return Reply(206, content[int(first) :], headers)
        broken = self.break_after if asked.method == "GET" else None
        return Reply(200, content, headers, broken)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_proxy")
def test_a_playlist_is_downloaded_without_what_is_gone(tmp_path: Path) -> None:
    pytest.importorskip("yt_dlp")
    site = Site()
    with serving(site.answer) as address:
        corpus, found = added(tmp_path / "corpus", f"{address}/feed.xml")
        assert [one.state for one in found] == ["added", "skipped", "added"]
        assert "404" in found[1].message
        assert "\n" not in found[1].message
        known = corpus.sources()
        assert [(source.name, source.kind) for source in known] == [
            ("Song 1", "audio"),
            ("Song 3", "audio"),
        ]
        assert Path(known[0].path).read_bytes() == mp3_file(1)
        assert Path(known[0].path).is_relative_to(corpus.downloads)
        before = len([one for one in site.asked if one.path == "/1.mp3"])
        _, found = added(tmp_path / "corpus", f"{address}/feed.xml")
        assert [one.state for one in found] == ["known", "skipped", "known"]
        assert len([one for one in site.asked if one.path == "/1.mp3"]) == before


@pytest.mark.usefixtures("no_proxy")
def test_a_broken_download_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yt_dlp")
    options = sources._options
    monkeypatch.setattr(sources, "_options", lambda *given: options(*given) | {"retries": 0})
    site = Site()
    with serving(site.answer) as address:
        site.break_after = 20_000
        _, found = added(tmp_path / "corpus", f"{address}/1.mp3")
        assert [one.state for one in found] == ["skipped"]
        site.break_after = None
        corpus, found = added(tmp_path / "corpus", f"{address}/1.mp3")
        assert [one.state for one in found] == ["added"]
        assert any("range" in asked.headers for asked in site.asked)
    assert Path(corpus.sources()[0].path).read_bytes() == mp3_file(1)


# ---- decoding


@pytest.mark.parametrize(
    ("name", "sample_rate", "channels"),
    [("a.wav", 8_000, 1), ("a.flac", 48_000, 2), ("a.mp3", 22_050, 1), ("a.ogg", 44_100, 2)],
)
def test_any_format_and_rate_becomes_the_same_music(
    tmp_path: Path, name: str, sample_rate: int, channels: int
) -> None:
    t = np.arange(4 * sample_rate) / sample_rate
    tone = np.tile(0.5 * np.sin(2 * np.pi * 440 * t), (channels, 1)).astype(np.float32)
    path = write(tmp_path / name, tone, sample_rate)
    found = decode.decode(path, tmp_path / "out.flac")
    assert (found.sample_rate, found.channels) == (sample_rate, channels)
    x, rate = soundfile.read(tmp_path / "out.flac", always_2d=True)
    assert rate == SAMPLE_RATE
    assert len(x) / rate == pytest.approx(4.0, abs=0.06)
    middle = x[rate : 3 * rate, 0]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) / 2.0 == pytest.approx(440.0, abs=1.0)
    assert middle.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_m4a_is_read_where_pyav_is(tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    x = song(1)[:, : 3 * SAMPLE_RATE]
    path = tmp_path / "a.wav"  # and the name is wrong
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(x), format="fltp", layout="stereo")
        frame.sample_rate = SAMPLE_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    assert sources.kind_of(path.read_bytes()[:16]) == "audio"
    found = decode.decode(path, tmp_path / "out.flac")
    assert found.duration_s == pytest.approx(3.0, abs=0.1)
    y, _ = soundfile.read(tmp_path / "out.flac")
    assert y.std() == pytest.approx(float(x.std()), rel=0.1)


def damaged(path: Path) -> None:
    write(path, song(1))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 40_000] = bytes(40_000)
    path.write_bytes(content)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty.wav": (lambda path: path.touch(), "the file is empty"),
    "none.wav": (lambda path: write(path, np.zeros((1, 0), np.float32)), "length is zero"),
    "short.wav": (lambda path: write(path, song(1)[:, :4_000]), "it is too short: 0.09 s"),
    "silent.flac": (lambda path: write(path, np.zeros((2, 90_000), np.float32)), "it is silent"),
    "noise.mp3": (lambda path: path.write_bytes(b"\xff\xfb\x90\0" + bytes(range(256)) * 9), "it "),
    "broken.flac": (damaged, "it is damaged after"),
    "gone.wav": (lambda _path: None, "it cannot be read: No such file"),
    "nan.wav": (
        lambda path: write(path, np.full((1, 90_000), np.nan, np.float32), subtype="FLOAT"),
        "it is damaged: some samples are not numbers",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_says_why(tmp_path: Path, name: str) -> None:
    make, message = BAD[name]
    make(tmp_path / name)
    with pytest.raises(AudioError, match=message):
        decode.decode(tmp_path / name, tmp_path / "out.flac")
    assert [path.name for path in tmp_path.iterdir() if path.name != name] == []


def test_a_file_that_is_far_too_short_for_its_header_is_damaged() -> None:
    """Ten hours, says the header; every block is let go before the next."""
    held: list[int] = []

    class TenHours:
        samplerate, channels, frames = SAMPLE_RATE, 2, 10 * 3_600 * SAMPLE_RATE

        def read(self, size: int, **_more: Any) -> Any:
            held.append(size)
            return np.zeros((size if len(held) < 60 else 0, 2), np.float32)

    tracemalloc.start()
    with pytest.raises(AudioError, match="damaged after 3"):
        for _ in decode._read(TenHours()):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * decode.BLOCK * 2 * 4


def test_no_step_holds_a_whole_song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read at once depends on the settings, not on the length of the song."""
    for owner, name, value in (
        (decode, "BLOCK", 1 << 16),
        (separate, "BLOCK_S", 5.0),
        (chunks, "LISTEN_S", 6.0),
    ):
        monkeypatch.setattr(owner, name, value)
    monkeypatch.setattr(decode.blocks, "__defaults__", (1 << 16, 0))
    largest: dict[int, int] = {}
    true = soundfile.SoundFile.read

    def read(file: Any, *given: Any, **more: Any) -> Any:
        x = true(file, *given, **more)
        largest[file.frames] = max(largest.get(file.frames, 0), len(x))
        return x

    path = write(tmp_path / "a.wav", song(1, 12))
    corpus, _ = added(tmp_path / "corpus", path)
    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    prepared(corpus, steps.Wish(separate.Separator("no_drums", "hpss"), chunk_s=4.0))
    assert states(corpus) == {"a": "prepared"}
    assert largest[song(1, 12).shape[1]] < 7 * SAMPLE_RATE < song(1, 12).shape[1] / 3


# ---- duplicates


def test_a_recording_is_known_again_however_it_was_encoded(tmp_path: Path) -> None:
    import pedalboard
    from scipy.signal import resample_poly

    x = song(1, 16)
    late = np.concatenate([np.zeros((2, SAMPLE_RATE), np.float32), 0.3 * x], axis=1)
    paths = [write(tmp_path / "a.wav", x), write(tmp_path / "late and low.wav", late)]
    with pedalboard.io.AudioFile(str(tmp_path / "a.mp3"), "w", 44_100, 2, quality=128) as file:
        file.write(x)
    paths.append(tmp_path / "a.mp3")
    low = resample_poly(x.mean(axis=0), 1, 2)[None].astype(np.float32)
    paths.append(write(tmp_path / "low.wav", low, SAMPLE_RATE // 2))
    paths += [write(tmp_path / f"other {seed}.wav", song(seed, 16)) for seed in (2, 3, 4)]
    prints = {}
    for path in paths:
        decode.decode(path, tmp_path / "x.flac")
        words = fingerprint.fingerprint(decode.blocks(tmp_path / "x.flac"))
        assert np.array_equal(fingerprint.unpacked(fingerprint.packed(words)), words)
        prints[path.name] = words
    same = fingerprint.duplicates(prints)
    assert same == dict.fromkeys(("late and low.wav", "a.mp3", "low.wav"), "a.wav")


def test_a_duplicate_stays_out_of_the_dataset(tmp_path: Path) -> None:
    write(tmp_path / "music" / "a.wav", song(1, 5))
    write(tmp_path / "music" / "b.ogg", song(1, 5))
    write(tmp_path / "music" / "c.wav", song(2, 5))
    corpus, _ = added(tmp_path / "corpus", tmp_path / "music")
    prepared(corpus)
    assert states(corpus) == {"a": "prepared", "b": "duplicate", "c": "prepared"}
    assert corpus.sources()[1].message == "the same recording as a"
    assert {chunk.title for chunk in corpus.chunks()} == {"a", "c"}


# ---- taking apart


def tiny_demucs(folder: Path, kind: str) -> Path:
    """Save a small HDemucs with random weights, in one of the two ways they are published."""
    import torch
    from demucs.hdemucs import HDemucs
    from safetensors.torch import save_file

    torch.manual_seed(1)
    names = ["drums", "bass", "other", "vocals"]
    kwargs = {"sources": names, "channels": 4, "depth": 5, "dconv_mode": 0, "segment": 2}
    network = HDemucs(**kwargs)
    folder.mkdir()
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    if kind == "th":
        package = {"klass": HDemucs, "args": (), "kwargs": kwargs, "state": state}
        torch.save(package, folder / "955717e8.th")
    else:
        described = {"klass": "demucs.hdemucs.HDemucs", "args": "[]", "kwargs": json.dumps(kwargs)}
        save_file(state, folder / "955717e8.safetensors", described)
        (folder / "htdemucs.yaml").write_text("models: ['955717e8']\n")
    return folder


@pytest.mark.parametrize("kind", ["safetensors", "th"])
def test_demucs_takes_the_voices_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    pytest.importorskip("demucs")
    monkeypatch.setattr(separate, "BLOCK_S", 1.5)
    folder = tiny_demucs(tmp_path / "weights", kind)
    path = write(tmp_path / "in.flac", song(1)[:, : 2 * SAMPLE_RATE])
    got = {}
    for kept in ("no_vocals", "vocals"):
        separator = separate.choose(kept, folder)
        assert separator.method == "demucs" and not separator.note
        separate.separate(path, tmp_path / f"{kept}.flac", separator)
        got[kept], _ = soundfile.read(tmp_path / f"{kept}.flac")
        assert got[kept].shape == (2 * SAMPLE_RATE, 2)
    assert separate.choose("no_vocals", folder).voiceless
    network = separate._network(str(folder))
    assert type(network).__name__ == ("HDemucs" if kind == "th" else "BagOfModels")
    assert not np.allclose(got["no_vocals"], got["vocals"], atol=1e-3)


def test_weights_that_bring_code_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("demucs")
    from safetensors.torch import save_file

    (tmp_path / "a").mkdir()
    torch.save({"klass": os.system, "args": ("true",), "kwargs": {}}, tmp_path / "a" / "x.th")
    with pytest.raises(BackendError, match="cannot be read"):
        separate.choose("no_vocals", tmp_path / "a")
    (tmp_path / "b").mkdir()
    described = {"klass": "subprocess.Popen", "args": '["true"]', "kwargs": "{}"}
    save_file({"x": torch.zeros(1)}, tmp_path / "b" / "x.safetensors", described)
    with pytest.raises(BackendError, match="no Demucs network that is known"):
        separate.choose("no_vocals", tmp_path / "b")


def test_without_weights_voices_stay_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path / "none"))
    separator = separate.choose("no_vocals")
    assert "vocals stay" in separator.note and not separator.voiceless
    path = write(tmp_path / "in.flac", song(1)[:, :SAMPLE_RATE])
    separate.separate(path, tmp_path / "out.flac", separator)
    assert (tmp_path / "out.flac").read_bytes() == path.read_bytes()
    with pytest.raises(BackendError, match="vocals cannot be had without Demucs' weights"):
        separate.choose("vocals")
    with pytest.raises(BackendError, match="no Demucs weights"):
        separate.choose("vocals", tmp_path)


def test_drums_are_told_from_what_is_held_without_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("librosa")
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setattr(separate, "BLOCK_S", 1.0)
    n = 4 * SAMPLE_RATE
    held = (0.2 * np.sin(2 * np.pi * 330 * np.arange(n) / SAMPLE_RATE)).astype(np.float32)
    struck = np.zeros(n, np.float32)
    struck[SAMPLE_RATE // 2 :: SAMPLE_RATE // 2] = 0.9
    path = write(tmp_path / "in.flac", (held + struck)[None])
    kept = {}
    for name in ("drums", "no_drums"):
        separator = separate.choose(name)
        assert "harmonic–percussive" in separator.note
        separate.separate(path, tmp_path / f"{name}.flac", separator)
        kept[name], _ = soundfile.read(tmp_path / f"{name}.flac")
    # Seams of blocks do not sound: both together are the whole.
    assert np.abs(kept["drums"] + kept["no_drums"] - held - struck).max() < 2e-3
    assert np.abs(kept["no_drums"] - held)[5_000:-5_000].std() < 0.1 * held.std()
    assert np.abs(kept["drums"][SAMPLE_RATE // 2 :: SAMPLE_RATE // 2][:6]).min() > 0.6


# ---- cutting


def cut_of(path: Path, x: np.ndarray, **given: float) -> chunks.Cut:
    return chunks.cut(write(path, x.astype(np.float32)), **given)


@pytest.mark.parametrize("tempo_bpm", [92.0, 120.0, 141.0])
def test_chunks_are_whole_bars_that_begin_on_the_first_beat(
    tmp_path: Path, tempo_bpm: float
) -> None:
    lead_in = round(0.7 * SAMPLE_RATE)
    x = np.pad(song(5, 16, tempo_bpm), ((0, 0), (lead_in, 0)))
    found = cut_of(tmp_path / "a.flac", x, chunk_s=8.0)
    assert found.tempo_bpm is not None
    octave = np.log2(found.tempo_bpm / tempo_bpm)
    assert octave == pytest.approx(round(octave), abs=0.01)
    assert len(found.pieces) >= 3
    beat_s = 60.0 / tempo_bpm
    for piece in found.pieces[:-1]:
        assert piece.on_bars
        beats = (piece.end - piece.start) / SAMPLE_RATE / beat_s
        assert beats == pytest.approx(round(beats / 2) * 2, abs=0.1)
        assert 4.0 < (piece.end - piece.start) / SAMPLE_RATE < 8.1
        at = (piece.start - lead_in) / SAMPLE_RATE / beat_s
        assert at == pytest.approx(round(at), abs=0.12)
    for early, late in zip(found.pieces, found.pieces[1:], strict=False):
        assert early.end == late.start


def test_without_a_beat_a_chunk_ends_where_something_begins(tmp_path: Path) -> None:
    n = 24 * SAMPLE_RATE
    x = np.zeros(n)
    begins = (0.0, 5.3, 9.1, 9.6, 16.9, 18.2)
    for number, at in enumerate(begins):
        t = np.arange(n - round(at * SAMPLE_RATE)) / SAMPLE_RATE
        x[-len(t) :] += 0.1 * np.sin(2 * np.pi * (220 + 70 * number) * t)
    found = cut_of(tmp_path / "a.flac", x[None], chunk_s=10.0)
    assert not any(piece.on_bars for piece in found.pieces)
    assert found.pieces[0].end / SAMPLE_RATE == pytest.approx(9.1, abs=0.6)
    assert all(piece.end - piece.start <= 10 * SAMPLE_RATE for piece in found.pieces)


def test_silence_is_trimmed_and_loudness_levelled(tmp_path: Path) -> None:
    quiet = 0.02 * song(3)
    silence = np.zeros((2, 3 * SAMPLE_RATE), np.float32)
    found = cut_of(
        tmp_path / "a.flac", np.concatenate([silence, quiet, silence], axis=1), chunk_s=16
    )
    start, end = found.pieces[0].start, found.pieces[-1].end
    assert 2.8 < start / SAMPLE_RATE < 4.6
    assert end / SAMPLE_RATE < 19.5
    chunks.write(tmp_path / "a.flac", found.pieces[0], found.gain, tmp_path / "out.flac")
    y = np.ascontiguousarray(soundfile.read(tmp_path / "out.flac", dtype="float32")[0].T)
    assert integrated(y) == pytest.approx(-16.0, abs=1.5)
    spiky = 0.01 * song(3)
    spiky[:, 200_000] = 0.9
    found = cut_of(tmp_path / "b.flac", spiky, chunk_s=16.0)
    chunks.write(tmp_path / "b.flac", found.pieces[0], found.gain, tmp_path / "out.flac")
    y = np.ascontiguousarray(soundfile.read(tmp_path / "out.flac", dtype="float32")[0].T)
    assert true_peak(y) < 0.0


def test_a_short_rest_is_kept_if_it_is_over_half(tmp_path: Path) -> None:
    t = np.arange(14 * SAMPLE_RATE) / SAMPLE_RATE
    pad = 0.2 * np.sin(2 * np.pi * 220 * t)[None]
    lengths = [
        [round((p.end - p.start) / SAMPLE_RATE, 1) for p in found.pieces]
        for found in (
            cut_of(tmp_path / "a.flac", pad, chunk_s=9.0),
            cut_of(tmp_path / "b.flac", pad, chunk_s=10.0),
            cut_of(tmp_path / "c.flac", pad, chunk_s=6.0, overlap_s=2.0),
        )
    ]
    assert lengths == [[9.0, 5.0], [10.0], [6.0, 6.0, 6.0]]


# ---- preparing


def test_a_corpus_is_prepared_into_a_dataset_split_by_song(tmp_path: Path, music: Path) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    (tmp_path / "corpus" / "tags.csv").write_text("song 1.wav;mine;foggy\n")
    ended = prepared(corpus)
    assert [one.source.state for one in ended[-3:]] == ["prepared"] * 3
    assert states(corpus) == dict.fromkeys(("song 0", "song 1", "song 2"), "prepared")
    splits: dict[str, set[str]] = {}
    for chunk in corpus.chunks():
        splits.setdefault(chunk.title, set()).add(chunk.split)
        x, rate = soundfile.read(chunk.path)
        assert len(x) / rate == pytest.approx(chunk.duration_s, abs=0.001)
        assert 2.0 < chunk.duration_s < 4.1
        assert all(tag in chunk.text for tag in chunk.tags)
        assert set(chunk.axes) == {"valence", "energy", "warmth", "density", "haze"}
    assert all(len(names) == 1 for names in splits.values())
    assert {name for names in splits.values() for name in names} == {"train", "validation"}
    assert all(("mine" in chunk.tags) == (chunk.title == "song 1") for chunk in corpus.chunks())
    assert Corpus.open(corpus.folder).settings["chunk_s"] == 4.0
    texts = [path.read_text() for path in corpus.dataset.rglob("*.jsonl")]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    assert {row["file_name"] for row in rows} == {
        path.name for path in corpus.dataset.rglob("*.flac")
    }


def test_nothing_is_done_twice(tmp_path: Path, music: Path) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    first, again, other = Here(), Here(), Here()
    prepared(corpus, here=first)
    assert sorted(first.did) == sorted(3 * steps.STEPS)
    before = contents(corpus)
    assert prepared(corpus, here=again) == []
    assert again.tasks == []
    assert contents(corpus) == before
    # Other settings redo what depends on them, and no more.
    prepared(corpus, steps.Wish(WISH.separator, chunk_s=3.0), other)
    assert sorted(other.did) == sorted(3 * ("cut", "described"))
    (tmp_path / "corpus" / "tags.csv").write_text("song 1;mine\n")
    tagged = Here()
    prepared(corpus, steps.Wish(WISH.separator, chunk_s=3.0), tagged)
    assert tagged.did == ["described"]


@pytest.mark.parametrize("step", [*steps.STEPS, "dataset"])
def test_ctrl_c_at_any_step_loses_nothing(
    tmp_path: Path, music: Path, whole: Corpus, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    done: list[str] = []
    interrupted: list[str] = []

    def watched(owner: Any, name: str, what: str, times: int) -> None:
        true = getattr(owner, name)

        def call(*given: Any) -> Any:
            if what == step and done.count(step) == times and not interrupted:
                interrupted.append(step)
                raise KeyboardInterrupt
            outcome = true(*given)
            done.append(what)
            return outcome

        monkeypatch.setattr(owner, name, call)

    for name in steps.STEPS:
        watched(steps._Bench, f"_{name}_now", name, 1)
    watched(dataset, "_swap", "dataset", 0)
    with pytest.raises(KeyboardInterrupt):
        prepared(corpus)
    assert interrupted == [step]
    assert not list(corpus.folder.rglob("*unfinished*dataset*"))
    prepared(corpus)
    # Nothing that was done is done again.
    assert sorted(done) == sorted([*(3 * steps.STEPS), "dataset"])
    assert states(corpus) == dict.fromkeys(("song 0", "song 1", "song 2"), "prepared")
    assert contents(corpus) == contents(whole)
    assert not list(corpus.folder.rglob("*unfinished*"))


def test_a_broken_file_is_reported_and_the_rest_goes_on(tmp_path: Path, music: Path) -> None:
    damaged(tmp_path / "broken.flac")
    corpus, _ = added(tmp_path / "corpus", tmp_path / "broken.flac", music / "song 1.wav")
    prepared(corpus)
    assert states(corpus) == {"broken": "failed", "song 1": "prepared"}
    assert corpus.sources()[0].message.startswith("it is damaged after")
    assert len(list(corpus.chunks())) > 1


def test_a_song_shorter_than_half_a_chunk_says_so(tmp_path: Path, music: Path) -> None:
    corpus, _ = added(tmp_path / "corpus", music / "song 1.wav")
    prepared(corpus, steps.Wish(WISH.separator, chunk_s=60.0))
    assert "shorter than half a chunk of 60 s" in corpus.sources()[0].message


def test_a_full_disk_is_one_line_and_nothing_is_lost(
    tmp_path: Path, music: Path, whole: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    true = soundfile.SoundFile.write
    calls = []

    def full(file: Any, data: Any) -> None:
        calls.append(1)
        if len(calls) > 6:
            raise AssertionError  # what soundfile does when it could not write all
        true(file, data)

    first = Here()
    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(FileError, match=r"the disk is full .* what is done stays done"):
        prepared(corpus, here=first)
    monkeypatch.undo()
    second = Here()
    prepared(corpus, here=second)
    assert (first.did + second.did).count("decoded") == 3
    assert contents(corpus) == contents(whole)


def test_a_full_disk_is_known_as_such(tmp_path: Path, music: Path) -> None:
    resource = pytest.importorskip("resource")  # not on Windows
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            decode.decode(music / "song 1.wav", tmp_path / "out.flac")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert not list(tmp_path.iterdir())


def test_a_lost_process_costs_one_source_one_more_try(tmp_path: Path, music: Path) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    lost = {"song 1": 1, "song 2": 2}

    def spoil(task: steps.Task) -> None:
        if task.until == "described" and lost.get(task.source.name):
            lost[task.source.name] -= 1
            raise BrokenProcessPool("killed")

    prepared(corpus, here=Here(spoil))
    assert sorted(states(corpus).values()) == ["failed", "prepared", "prepared"]
    (failed,) = [source for source in corpus.sources() if source.state == "failed"]
    assert failed.message == "the process that worked on it died, twice"
    prepared(corpus)
    assert set(states(corpus).values()) == {"prepared"}


def test_a_worker_killed_in_mid_run_loses_nothing(
    tmp_path: Path, music: Path, whole: Corpus
) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    with local(1) as makers:
        running = prepare(corpus, WISH, makers)
        next(running)
        (child,) = [
            process
            for process in psutil.Process().children(recursive=True)
            if "multiprocessing.spawn" in " ".join(process.cmdline())
        ]
        os.kill(child.pid, signal.SIGKILL)
        ended = list(running)
    assert states(corpus) == dict.fromkeys(("song 0", "song 1", "song 2"), "prepared")
    assert contents(corpus) == contents(whole)
    assert sum(one.source.state == "prepared" for one in ended) == 3


def test_a_cluster_gives_the_same_dataset(
    tmp_path: Path, music: Path, whole: Corpus, cluster: str
) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    with dask(cluster) as makers:
        list(prepare(corpus, WISH, makers))
        assert list(prepare(corpus, WISH, makers)) == []
    assert contents(corpus) == contents(whole)
    assert states(corpus) == states(whole)


def test_a_worker_cannot_write_elsewhere(tmp_path: Path, music: Path) -> None:
    corpus, _ = added(tmp_path / "corpus", music / "song 1.wav")

    class Evil(Here):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            future = super().submit(fn, *args, **kwargs)
            future.result().contents["../../../evil"] = b"!"
            return future

    with pytest.raises(FileError, match="belongs nowhere"):
        prepared(corpus, here=Evil(), remote=True)
    assert not (tmp_path / "evil").exists()


def test_only_one_run_works_on_a_corpus(tmp_path: Path, music: Path) -> None:
    corpus, _ = added(tmp_path / "corpus", music)
    with corpus.locked(), pytest.raises(FileError, match="another run is at work"):
        prepared(corpus)


def test_memory_stays_flat_over_many_files(tmp_path: Path) -> None:
    """Results are streamed: the last files cost no more memory than those before."""
    for number in range(24):
        hum = np.sin(np.arange(1.2 * SAMPLE_RATE) * (0.01 + 0.001 * number))[None]
        write(tmp_path / "music" / f"{number}.wav", (0.3 * hum).astype(np.float32))
    corpus, _ = added(tmp_path / "corpus", tmp_path / "music")
    running = prepare(corpus, steps.Wish(WISH.separator, chunk_s=1.0), Makers(Here(), 1))
    tracemalloc.start()
    sizes = [tracemalloc.get_traced_memory()[0] for _ in running]
    tracemalloc.stop()
    assert len(sizes) == 48
    assert sizes[-1] - sizes[32] < 1 << 19


def test_the_commands_add_prepare_and_go_on(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path / "none"))
    place = ["--corpus", str(tmp_path / "corpus")]
    run = CliRunner()
    assert run.invoke(cli, ["corpus", "add", "--yes", str(music), *place]).exit_code == 0
    call = ["corpus", "prepare", *place, "--chunk-s", "4", "--workers", "1"]
    done = run.invoke(cli, call)
    assert done.exit_code == 0, done.output
    assert "vocals stay" in done.output
    assert "3 songs prepared, 0 duplicates, 0 failed" in done.output
    assert "minutes of music a minute" in done.output
    assert "everything was prepared already" in run.invoke(cli, call).output
    (tmp_path / "corpus" / "tags.csv").write_text("any; foggy; sparkly socks\n")
    monkeypatch.setattr(transcribe, "_in_wheel", lambda: None)
    without = run.invoke(cli, [*call, "--midi"])
    assert "basic-pitch" in str(without.exception), "the network is missed before any work"
    written: list[str] = []
    monkeypatch.setattr(transcribe, "model", lambda: Path("nmp.onnx"))
    monkeypatch.setattr(transcribe, "midi_of", lambda _corpus, source: written.append(source.id))
    noted = run.invoke(cli, [*call, "--midi"])
    assert "3 recordings written down" in noted.output
    assert len(set(written)) == 3
    assert "your own words, kept as they are: sparkly socks" in noted.output
    other = ["--corpus", str(tmp_path / "no")]
    wrong = run.invoke(cli, ["corpus", "prepare", *other])
    assert "there is no corpus in" in str(wrong.exception)
    nothing = run.invoke(cli, ["corpus", "add", "--yes", str(tmp_path / "nowhere"), *other])
    assert "there is no such file or folder" in nothing.output
    assert str(nothing.exception) == "no music was found there"
    assert "has no recordings" in str(run.invoke(cli, ["corpus", "prepare", *other]).exception)


def test_the_first_bytes_of_every_usual_format_are_known() -> None:
    mp4 = struct.pack(">I", 32) + b"ftypM4A \0\0\0\0"
    webm, wma = b"\x1aE\xdf\xa3" + bytes(12), b"0&\xb2u\x8ef\xcf\x11" + bytes(8)
    adts, mpeg = b"\xff\xf1\x50\x80" + bytes(12), b"\xff\xfb\x90\x64" + bytes(12)
    for head in (mp4, webm, wma, adts, mpeg, b"ID3\4" + bytes(12), b"RIFF\0\0\0\0WAVEfmt "):
        assert sources.kind_of(head) == "audio"
    for head in (
        b"\xff\xfe" + "a b c ".encode("utf-16-le"),
        b"RIFF\0\0\0\0AVI LIST",
        b"%PDF-1.7",
        b"",
    ):
        assert sources.kind_of(head) is None
