"""Sound to notes: from curves to notes, to a tune, to MIDI that the composer can learn from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import onnx
import pytest
import soundfile
from numpy.typing import NDArray
from onnx import TensorProto, helper

from halation.corpus import transcribe
from halation.corpus.layout import Corpus, Source
from halation.corpus.notes import Heard, melody, notes_of
from halation.corpus.transcribe import midi_folder, midi_of, write_midi
from halation.training.sources import read_midi
from halation.types import BackendError, FileError, Note
from tests.synth_scores import part_of, played

Signal = NDArray[np.float32]

FRAME_S = 0.01
TUNE = (69, 72, 71, 76, 74, 72, 69, 67)

real = pytest.mark.skipif(
    transcribe._in_wheel() is None, reason="pip install --no-deps basic-pitch"
)


def network(path: Path) -> Path:
    """Write a network of basic-pitch's shape that hears a pitch by how loud the sound is.

    Of its 88 pitches the 48th sounds wherever the sound is not silent, and begins where it rises.
    """
    shapes = {"contours": 264, "notes": 88, "onsets": 88}
    row = np.zeros((1, 88), np.float32)
    row[0, 48] = 1.0
    nodes = [
        helper.make_node("Slice", ["x", "zero", "end", "one"], ["cut"]),  # 171 whole frames
        helper.make_node("Reshape", ["cut", "framed"], ["frames"]),
        helper.make_node("ReduceMax", ["frames"], ["peak"], axes=[2], keepdims=1),
        helper.make_node("Pad", ["peak", "last"], ["level"]),
        helper.make_node("Greater", ["level", "loud"], ["is"]),
        helper.make_node("Cast", ["is"], ["sounds"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["sounds", "row"], ["notes"]),
        helper.make_node("Slice", ["sounds", "zero", "most", "one"], ["early"]),
        helper.make_node("Pad", ["early", "first"], ["before"]),
        helper.make_node("Sub", ["sounds", "before"], ["rises"]),
        helper.make_node("MatMul", ["rises", "row"], ["steps"]),
        helper.make_node("Relu", ["steps"], ["onsets"]),
        helper.make_node("MatMul", ["sounds", "wide"], ["contours"]),
    ]
    values = {
        "zero": np.array([0]), "end": np.array([171 * 256]), "one": np.array([1]),
        "most": np.array([171]), "framed": np.array([-1, 171, 256]),
        "last": np.array([0, 0, 0, 0, 1, 0]), "first": np.array([0, 1, 0, 0, 0, 0]),
    }  # fmt: skip
    fixed = [helper.make_tensor(k, TensorProto.INT64, v.shape, v) for k, v in values.items()]
    for name, value in (("row", row), ("wide", np.zeros((1, 264), np.float32)),
                        ("loud", np.array([0.01], np.float32))):  # fmt: skip
        fixed.append(helper.make_tensor(name, TensorProto.FLOAT, value.shape, value.ravel()))
    graph = helper.make_graph(
        nodes, "heard",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", transcribe.WINDOW, 1])],
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, ["n", 172, v])
         for k, v in shapes.items()],
        fixed,
    )  # fmt: skip
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    graph.initializer.append(axes)
    for node in graph.node:
        if node.op_type == "Slice":
            node.input.insert(3, "axes")
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def bursts(starts_s: list[float], lasts_s: float, seconds: float, rate: int = 44_100) -> Signal:
    x = np.zeros((1, int(seconds * rate)), np.float32)
    for start_s in starts_s:
        start = int(start_s * rate)
        x[:, start : start + int(lasts_s * rate)] = 0.3
    return x


def curves(*rows: tuple[int, int, int, float], frames: int = 300) -> tuple[Signal, Signal]:
    """Return curves in which notes of (start, end, pitch, strength) sound."""
    onsets, sounding = (np.zeros((frames, 88), np.float32) for _ in range(2))
    for start, end, pitch, strength in rows:
        onsets[start, pitch - 21] = 0.9
        sounding[start:end, pitch - 21] = strength
    return onsets, sounding


def found(onsets: Signal, sounding: Signal) -> tuple[Heard, ...]:
    return notes_of(onsets, sounding, FRAME_S, onset=0.5, frame=0.3, shortest_s=0.1)


def test_notes_are_where_the_curves_say() -> None:
    notes = found(*curves((10, 60, 60, 0.8), (30, 90, 64, 0.5)))
    assert [n.pitch for n in notes] == [60, 64]
    assert [n.onset_s for n in notes] == pytest.approx([0.1, 0.3])
    assert [n.duration_s for n in notes] == pytest.approx([0.5, 0.6])
    assert notes[0].velocity > notes[1].velocity


def test_a_repeated_note_is_two_and_a_flicker_none() -> None:
    notes = found(*curves((10, 60, 60, 0.8), (60, 110, 60, 0.8), (150, 155, 64, 0.9)))
    assert [(n.pitch, round(n.end_s, 2)) for n in notes] == [(60, 0.6), (60, 1.1)]


def test_a_short_dip_does_not_end_a_note() -> None:
    onsets, sounding = curves((10, 100, 60, 0.8))
    sounding[50:55] = 0.0
    assert [round(n.duration_s, 2) for n in found(onsets, sounding)] == [0.9]


def test_a_note_that_swells_in_is_found_without_an_onset() -> None:
    onsets, sounding = curves((10, 100, 60, 0.8))
    onsets[:] = 0.0
    (note,) = found(onsets, sounding)
    assert (round(note.onset_s, 2), note.pitch) == (0.1, 60)


def test_the_tune_is_the_line_above_and_one_note_at_a_time() -> None:
    upper = [Heard(0.5 * i, 0.45, p, 90) for i, p in enumerate(TUNE)]
    under = [Heard(2.0 * i, 2.0, p, 70) for i in range(2) for p in (48, 52, 55)]
    bass = [Heard(2.0 * i, 1.9, 36, 120) for i in range(2)]
    assert melody([*under, *upper, *bass]) == tuple(upper)
    assert melody([]) == ()


def test_sound_becomes_notes_across_the_seams_of_windows(tmp_path: Path) -> None:
    starts = [0.3, 1.7, 3.2, 5.0]  # a window is two seconds long
    path = network(tmp_path / "net.onnx")
    notes = transcribe.transcribe(bursts(starts, 0.5, 6.0), 44_100, path=path)
    assert [n.pitch for n in notes] == [69] * 4
    assert [n.onset_s for n in notes] == pytest.approx(starts, abs=0.02)
    assert [n.duration_s for n in notes] == pytest.approx([0.5] * 4, abs=0.03)


def test_silence_and_hardly_anything_have_no_notes(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx")
    for n_samples in (1, 100, 44_100):
        assert transcribe.transcribe(np.zeros((2, n_samples), np.float32), 44_100, path=path) == ()


@real
def test_a_melody_that_halation_plays_is_heard_note_by_note() -> None:
    notes = tuple(Note(float(i), 0.9, p, 100) for i, p in enumerate(TUNE))
    x = played(part_of("flute", *notes), bars=2)
    heard = melody(transcribe.transcribe(x, 44_100))
    hits = sum(
        any(h.pitch == p and abs(h.onset_s - 0.5 * i) < 0.06 for h in heard)
        for i, p in enumerate(TUNE)
    )
    f1 = 2 * hits / (len(heard) + len(TUNE))
    assert f1 > 0.8


def test_where_the_network_is_missing_it_is_said_how_to_bring_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(transcribe, "_in_wheel", lambda: None)
    with pytest.raises(BackendError, match="pip install --no-deps basic-pitch"):
        transcribe.model()
    (tmp_path / "basic-pitch").mkdir()
    own = tmp_path / "basic-pitch" / "nmp.onnx"
    own.write_bytes(b"no network")
    assert transcribe.model() == own
    with pytest.raises(BackendError, match="no network that can be read"):
        transcribe.transcribe(np.zeros((1, 100), np.float32), 44_100)
    with pytest.raises(BackendError, match="no such file"):
        transcribe.model(tmp_path / "other.onnx")


def test_midi_has_the_tune_on_its_own_track_and_bars_where_they_are(tmp_path: Path) -> None:
    # A bar of 2 s begins at 0.3 s; the tune begins with the bar after it.
    tune = [Heard(2.3 + 0.5 * i, 0.4, p, 90) for i, p in enumerate(TUNE)]
    under = [Heard(2.3, 4.0, p, 60) for p in (48, 52)]
    path = tmp_path / "deep" / "a.mid"
    write_midi(path, [*tune, *under], 120.0, first_beat_s=0.3)
    tracks, tempi, in_four = read_midi(path)
    assert in_four
    assert tempi[-1][1] == pytest.approx(0.5)
    assert {name for name, _, _ in tracks} == {"Melody", "Keys"}
    rows = next(notes for name, _, notes in tracks if name == "Melody")
    assert [(round(a, 2), p) for a, _, p, _ in rows] == [(8.0 + i, p) for i, p in enumerate(TUNE)]
    assert not [p for p in path.parent.iterdir() if p != path]


def a_corpus(folder: Path) -> tuple[Corpus, Source]:
    corpus = Corpus.begin(folder)
    source = Source("0123456789abcdef", "audio", "A Song", str(folder / "gone.wav"))
    corpus.note(source)
    return corpus, source


def test_a_prepared_source_is_transcribed_once(tmp_path: Path) -> None:
    corpus, source = a_corpus(tmp_path / "corpus")
    path = network(tmp_path / "net.onnx")
    with pytest.raises(FileError, match="A Song is not decoded yet"):
        midi_of(corpus, source, path=path)
    work = corpus.work(source.id)
    work.mkdir(parents=True)
    starts = [0.5 * i for i in range(1, 31)]  # 120 BPM
    soundfile.write(work / "decoded.flac", bursts(starts, 0.3, 16.0).T, 44_100)
    midi = midi_of(corpus, source, path=path)
    assert midi == corpus.folder / "midi" / f"{source.id}.mid"
    notes = [m for m in mido.MidiFile(midi) if m.type == "note_on" and m.velocity]
    assert len(notes) == 30
    places = [round(4 * a, 1) % 1.0 for _, _, rows in read_midi(midi)[0] for a, _, _, _ in rows]
    assert max(min(p, 1.0 - p) for p in places) <= 0.2  # on the grid of sixteenths
    before = midi.stat().st_mtime_ns
    assert midi_of(corpus, source, path=tmp_path / "gone.onnx") == midi
    assert midi.stat().st_mtime_ns == before


def test_the_composer_learns_from_a_corpus_own_midi_and_its_transcriptions(tmp_path: Path) -> None:
    corpus, source = a_corpus(tmp_path / "corpus")
    with pytest.raises(FileError, match="there is no MIDI in"):
        midi_folder(corpus)
    own = tmp_path / "mine.mid"
    write_midi(own, [Heard(0.0, 1.0, 60, 80)], 100.0)
    corpus.note(Source("fedcba9876543210", "midi", "mine", str(own)))
    write_midi(corpus.folder / "midi" / f"{source.id}.mid", [Heard(0.0, 1.0, 62, 80)], 100.0)
    assert sorted(p.stem for p in midi_folder(corpus).iterdir()) == [source.id, "fedcba9876543210"]
    own.unlink()
    assert len(list(midi_folder(corpus).iterdir())) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "give either --midi FOLDER or --corpus DIR"),
        (["--corpus", "{}"], "there is no corpus in"),
    ],
)
def test_train_composer_asks_for_midi_or_a_corpus(
    given: list[str], said: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "halation", "train", "composer"]
    command += [word.format(tmp_path) for word in given]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode != 0
    assert said in done.stderr
