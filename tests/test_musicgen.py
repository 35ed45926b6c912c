"""MusicGen on tiny random checkpoints of its true architecture."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import backends, pipeline
from halation.backends import Watch, watched
from halation.stems.neural import devices, musicgen
from halation.stems.neural.performance import Request
from halation.testing import check_player, small_score
from halation.types import (
    SAMPLE_RATE,
    WHOLE_SONG,
    BackendError,
    Brief,
    Note,
    Part,
    Plan,
    Score,
    Song,
    Stem,
    Stems,
)
from halation.weights import catalogue
from tests import tiny

Signal = NDArray[np.float32]
pytestmark = pytest.mark.backend("musicgen")

KINDS = ("small", "stereo-small", "melody", "stereo-melody")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)  # what is tiny only waits for its threads
    folder = tmp_path_factory.mktemp("weights")
    for kind in KINDS:
        tiny.musicgen(folder / f"musicgen-{kind}", melody="melody" in kind, stereo="stereo" in kind)
    return folder


@pytest.fixture
def installed(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The tiny checkpoints under the names of the true ones."""
    monkeypatch.setenv("HALATION_WEIGHTS", str(checkpoints))
    devices.release()
    yield checkpoints
    devices.release()


def part_of(stem: str = "keys") -> Part:
    notes = tuple(Note(float(b), 2.0, 57 + b % 12, 80) for b in range(0, 60, 2))
    return Part(stem, stem, "musicgen", "", notes)


def played(name: str, score: Score, seed: int = 1, watch: Watch | None = None) -> Signal:
    player = backends.player(name)
    with watched(watch or Watch()):
        blocks = list(player(score.parts[0], score, Stems(score, ()), seed))
    return np.concatenate([block.samples for block in blocks], axis=1)


def spied(installed: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the list that everything goes into with which the model is asked to generate."""
    model = musicgen._loaded(installed / f"musicgen-{kind}", f"musicgen-{kind}")
    asked: list[dict[str, Any]] = []
    generate = model._model.generate

    def spy(**words: Any) -> Any:
        asked.append(words)
        return generate(**words)

    monkeypatch.setattr(model._model, "generate", spy)
    return asked


@pytest.mark.parametrize("kind", ["small", "stereo-melody"])
def test_a_checkpoint_keeps_the_contract_of_a_player(kind: str, installed: Path) -> None:
    # At 3.2 kHz a resampler rings for milliseconds; at the true rates for one.
    sound = check_player(f"musicgen:{kind}", patch="", lead_s=0.05)
    left, right = sound.samples
    assert ("stereo" in kind) == bool(np.abs(left - right).max() > 1e-3)


def test_a_part_lasts_to_the_sample_and_another_seed_is_another_take(installed: Path) -> None:
    score = small_score(part_of(), bars=3)
    takes = [played("musicgen:small", score, seed) for seed in (1, 2)]
    assert all(take.shape == (2, score.n_samples) for take in takes)
    assert np.abs(takes[0] - takes[1]).max() > 0.01


def test_each_answer_goes_on_from_the_codes_of_the_last_one(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = spied(installed, "small", monkeypatch)
    score = small_score(part_of(), bars=6)
    played("musicgen:small", score)
    assert "decoder_input_ids" not in asked[0]
    assert all(words["decoder_input_ids"].shape == (4, 104) for words in asked[1:])
    frames = [104 * (i > 0) + words["max_new_tokens"] for i, words in enumerate(asked)]
    assert max(frames) <= 30.0 * 13 + 4, "never more than it was trained on"


def test_an_answer_repeats_what_it_goes_on_from(installed: Path) -> None:
    """The last quarter of a second before the seam is heard again, so that it can be faded over."""
    model = musicgen._loaded(installed / "musicgen-small", "musicgen-small")
    score = small_score(part_of())

    def request(before: Signal, overlap_s: float) -> Any:
        return Request(
            "slow trap beat", 2.0, overlap_s, before, None, score.form.sections[0], 140.0,
            score.form.key, 7, False, lambda _share: None,
        )  # fmt: skip

    first = model.play(request(np.zeros((2, 0), np.float32), 0.0))
    assert first.shape[1] >= 2 * model.sample_rate
    before = np.repeat(first[:, : 2 * model.sample_rate], 2, axis=0)
    second = model.play(request(before, 0.25))
    assert second.shape[1] >= round(2.25 * model.sample_rate)


def test_a_melody_checkpoint_is_told_our_tune(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = spied(installed, "melody", monkeypatch)
    notes = tuple(Note(8.0 * k, 8.0, pitch, 100) for k, pitch in enumerate((60, 64, 67, 69)))
    score = small_score(Part("lead", "lead", "musicgen", "", notes), bars=2)
    played("musicgen:melody", score)
    told = [words["input_features"][0].numpy() for words in asked]
    first = told[0]
    hop_s = musicgen.CHROMA_HOP / 3328
    middle = first[int(score.seconds_at(4.0) / hop_s)]
    assert middle.argmax() == 0, "the first note is a C"
    heard = np.unique(np.concatenate([features.argmax(axis=1) for features in told]))
    assert {0, 4, 7, 9} <= set(heard.tolist())


def test_a_melody_checkpoint_hears_another_tune_differently(installed: Path) -> None:
    low, high = (
        small_score(Part("lead", "lead", "musicgen", "", (Note(0.0, 16.0, pitch, 100),)), bars=2)
        for pitch in (60, 66)
    )
    assert not np.array_equal(played("musicgen:melody", low), played("musicgen:melody", high))


def test_a_stem_by_musicgen_is_in_the_mix_and_in_the_files(installed: Path, tmp_path: Path) -> None:
    from halation import files

    said: list[str] = []
    wish = Brief(seed=4, length_s=32.0, players=(("pads", "musicgen"), ("drums", "synth")))
    artefacts = list(pipeline.produce(wish, watch=Watch(say=said.append)))
    song = artefacts[-1]
    assert isinstance(song, Song)
    pads = song.mix.stems.get("pads")
    assert pads is not None
    assert pads.n_samples == song.score.n_samples
    assert np.sqrt(np.mean(pads.samples**2)) > 1e-3
    total = sum(stem.audio.samples for stem in song.mix.stems.tracks)
    assert np.abs(total - song.mix.audio.samples).max() < 10 ** (-90 / 20) * 4
    assert any(line.startswith("pads by musicgen-small:") for line in said)
    written = files.write(song, tmp_path)
    data = json.loads(written.song_json.read_text())
    assert str(installed) not in written.song_json.read_text()
    assert data["rights"]["commercial"] is False
    assert "musicgen" in data["rights"]["statement"]
    pads_row = next(row for row in data["parts"] if row["name"] == "pads")
    assert (pads_row["player"], pads_row["patch"]) == ("musicgen", "musicgen-small")
    names = {part.name for part in song.score.written}
    assert {"kick", "pad"} <= names, "what was written is kept for MIDI and pictures"
    again = list(pipeline.replay(files.read(written.song_json).plan))[-1]
    assert isinstance(again, Song)
    assert np.array_equal(again.master.samples, song.master.samples)


def test_a_whole_song_has_one_stem_besides_the_room(installed: Path) -> None:
    artefacts = list(pipeline.produce(Brief(seed=9, length_s=30.0, players=(("all", "musicgen"),))))
    song = artefacts[-1]
    assert isinstance(song, Song)
    stems = [a.name for a in artefacts if isinstance(a, Stem)]
    assert stems == [WHOLE_SONG, "space"]
    assert song.master.n_samples == song.score.n_samples
    assert song.measures.loudness_lufs == pytest.approx(-14.0, abs=0.4)
    end = song.master.samples[:, -SAMPLE_RATE // 4 :]
    assert np.abs(end).max() < 0.02, "even a model of thirty seconds gives a song with an end"


def test_whoever_leaves_ends_it_within_a_token(installed: Path) -> None:
    score = small_score(part_of(), bars=6)
    steps = 0

    def gone() -> bool:
        nonlocal steps
        steps += 1
        return steps > 20

    with pytest.raises(backends.Stopped):
        played("musicgen:small", score, watch=Watch(stopped=gone))
    assert steps == 21


def test_ctrl_c_ends_a_long_render_at_once_and_leaves_nothing(
    installed: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "halation", "make", "--length", "600", "--seed", "1"]
    command += ["--player", "all=musicgen", "--out", str(tmp_path / "songs")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        estimate = next(line for line in lines if "on this machine" in line)
        assert re.search(r"song by musicgen-small: about \d+ (s|min) for \d+ s of sound", estimate)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert "nothing half-written is left" in process.stderr.read()
    assert not (tmp_path / "songs").exists() or not list((tmp_path / "songs").iterdir())


@pytest.mark.parametrize(
    ("prepare", "match"),
    [
        (lambda folder: None, "there is no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "no MusicGen that loads"),
        (
            lambda folder: (folder / "config.json").write_text('{"model_type": "t5"}'),
            "no MusicGen but a model of type 't5'",
        ),
    ],
)
def test_a_wrong_folder_is_named_in_one_line(prepare: Any, match: str, tmp_path: Path) -> None:
    prepare(tmp_path)
    score = small_score(part_of())
    with pytest.raises(BackendError, match=match) as error:
        played(f"musicgen:{tmp_path}", score)
    assert "\n" not in str(error.value)


def test_damaged_weights_are_named_in_one_line(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(installed / "musicgen-small", folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:4000])
    with pytest.raises(BackendError, match="no MusicGen that loads"):
        played(f"musicgen:{folder}", small_score(part_of()))


def test_a_pickle_in_place_of_weights_is_never_run(installed: Path, tmp_path: Path) -> None:
    folder, trap = tmp_path / "pickled", tmp_path / "trap"
    shutil.copytree(installed / "musicgen-small", folder)
    (folder / "model.safetensors").unlink()

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (trap,))

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(BackendError, match="no MusicGen that loads"):
        played(f"musicgen:{folder}", small_score(part_of()))
    assert not trap.exists()


def test_weights_that_are_not_here_are_told_with_their_licence_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path))
    with pytest.raises(BackendError, match=r"CC-BY-NC.*halation backends install musicgen-large"):
        backends.player("musicgen:large")
    with pytest.raises(BackendError, match="there are: musicgen-small, "):
        backends.player("musicgen:tiny")


def test_without_the_extra_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_importable", lambda module: module != "transformers")
    with pytest.raises(BackendError, match=r'pip install "halation\[musicgen\]"'):
        backends.player("musicgen")


def test_without_memory_the_smaller_model_that_fits_is_named(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def full(*_a: Any, **_k: Any) -> Any:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(devices, "_room_gb", lambda: 8.0)
    smaller = r"musicgen-large does not fit.*musicgen-.*small does"
    with pytest.raises(BackendError, match=smaller), devices.fitting("musicgen-large"):
        full()
    with pytest.raises(BackendError, match="try a smaller one"), devices.fitting("other"):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
    with pytest.raises(RuntimeError, match="something else"), devices.fitting("musicgen-large"):
        raise RuntimeError("something else")


def test_what_a_library_raises_is_told_in_one_line(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = musicgen._loaded(installed / "musicgen-small", "musicgen-small")

    def broken(**_words: Any) -> Any:
        raise IndexError("index out of range\nin self")

    monkeypatch.setattr(model._model, "generate", broken)
    with pytest.raises(BackendError, match="musicgen-small cannot play keys: IndexError: index"):
        played("musicgen:small", small_score(part_of()))


def test_the_seams_of_a_checkpoint_are_as_smooth_as_the_rest(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from halation.stems.neural import joining

    seams: list[float] = []
    add = joining.Joiner.add

    def spy(self: Any, x: Signal, *, start: int, overlap: int, **more: Any) -> None:
        if overlap:
            seams.extend((start / self._rate, (start + overlap) / self._rate))
        add(self, x, start=start, overlap=overlap, **more)

    monkeypatch.setattr(joining.Joiner, "add", spy)
    x = played("musicgen:small", small_score(part_of(), bars=6))[0]
    bends = np.abs(np.diff(x, 2))
    near = 0.002 * SAMPLE_RATE
    at_seams = [bends[int(s * SAMPLE_RATE - near) : int(s * SAMPLE_RATE + near)] for s in seams]
    assert len(seams) >= 4
    usual = np.percentile(bends, 99.9)
    assert max(bend.max() for bend in at_seams) < 2.0 * usual


def test_a_song_of_a_users_own_model_asks_for_its_folder_again(
    installed: Path, tmp_path: Path
) -> None:
    folder = installed / "musicgen-small"
    wish = Brief(seed=4, length_s=30.0, players=(("all", f"musicgen:{folder}"),))
    *_, plan = pipeline.compose(wish)
    assert isinstance(plan, Plan)
    part = plan.score.parts[0]
    assert part.patch.startswith("musicgen+musicgen-small #")
    own = tmp_path / "my own"
    own.symlink_to(folder)
    wish = Brief(seed=4, length_s=30.0, players=(("all", f"musicgen:{own}"),))
    *_, plan = pipeline.compose(wish)
    assert isinstance(plan, Plan)
    part = plan.score.parts[0]
    assert part.patch.startswith("musicgen+my own #")
    remade = replace(plan.score, parts=(replace(part, player="musicgen"),))
    with pytest.raises(BackendError, match="--player all=musicgen --model FOLDER"):
        list(pipeline.replay(replace(plan, score=remade)))


def test_every_checkpoint_of_the_catalogue_has_a_licence_and_a_size() -> None:
    rows = [row for row in catalogue.KNOWN.values() if row.user == "musicgen"]
    assert len(rows) == 8
    assert all(row.licence == "CC-BY-NC-4.0" and not row.commercial for row in rows)
    assert all(0.5 < row.size_gb < 20.0 < row.memory_gb + 20.0 for row in rows)


def test_one_model_is_in_memory_and_a_changed_one_is_read_again(installed: Path) -> None:
    small = musicgen._loaded(installed / "musicgen-small", "musicgen-small")
    assert musicgen._loaded(installed / "musicgen-small", "musicgen-small") is small
    musicgen._loaded(installed / "musicgen-melody", "musicgen-melody")
    again = musicgen._loaded(installed / "musicgen-small", "musicgen-small")
    assert again is not small
    os.utime(installed / "musicgen-small" / "config.json", (1, 10**10))
    assert musicgen._loaded(installed / "musicgen-small", "musicgen-small") is not again
