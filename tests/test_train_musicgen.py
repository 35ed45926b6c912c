"""A MusicGen is tuned on a small corpus that halation plays, on a tiny checkpoint."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from halation import backends
from halation.backends import Stopped, Watch
from halation.cli import cli
from halation.corpus.layout import Corpus
from halation.stems.neural import devices, musicgen
from halation.stems.neural.musicgen import Checkpoint
from halation.testing import small_score
from halation.training.musicgen import data, loop, network, run
from halation.training.musicgen.loop import Settings, Tuned, tune
from halation.types import BackendError, FileError, Note, Part, Stems
from halation.weights import catalogue
from tests import small_corpus, tiny

P = 32
"""Where there is no code."""
QUICK = Settings(steps=6, batch=2, rate=1e-2, rank=4, every=2, samples=False)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_corpus.write(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.set_num_threads(1)  # what is tiny only waits for its threads
    folder = tiny.musicgen(tmp_path_factory.mktemp("weights") / "musicgen-small")
    sounds = [small_corpus.sound(kind, 1) for kind in small_corpus.CAPTIONS]
    return tiny.hearing(folder, [resampled(x) for x in sounds])


def resampled(x: NDArray[np.float32]) -> NDArray[np.float32]:
    from pedalboard.io import StreamResampler

    resampler = StreamResampler(44_100.0, 3_328.0, 1)
    mono = x.mean(axis=0, keepdims=True)
    return np.concatenate([resampler.process(mono), resampler.process(None)], axis=1)


@pytest.fixture(scope="module")
def tuned(corpus: Path, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """An adapter of two dozen songs' chunks; the base is known by its folder."""
    settings = Settings(steps=120, batch=8, rate=2e-2, rank=16, every=40)
    return tune(corpus, str(base), tmp_path_factory.mktemp("tuned"), settings)


def checkpoint(folder: Path) -> Checkpoint:
    import torch

    with devices.quiet("transformers"):
        return Checkpoint(folder.name, *musicgen.read(folder, torch.float32))


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def example(rows: list[list[int]], caption: str = "beat") -> data.Example:
    return data.Example(caption, np.array(rows, np.int16))


THREE = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
"""Codes of four codebooks and three frames."""


def test_codebooks_come_one_after_another_as_in_this_table() -> None:
    batch = data.stacked([example(THREE)], 1, P)
    assert batch.inputs[0].tolist() == [
        [P, 1, 2, 3, P, P],
        [P, P, 4, 5, 6, P],
        [P, P, P, 7, 8, 9],
        [P, P, P, P, 10, 11],
    ]
    assert batch.labels[0].tolist() == [
        [1, -100, -100, -100],
        [2, 4, -100, -100],
        [3, 5, 7, -100],
        [-100, 6, 8, 10],
        [-100, -100, 9, 11],
        [-100, -100, -100, 12],
    ]


def test_both_sides_of_a_stereo_codebook_come_together() -> None:
    assert data.columns(np.array(THREE), 2, P).tolist() == [
        [P, 1, 2, 3, P],
        [P, 4, 5, 6, P],
        [P, P, 7, 8, 9],
        [P, P, 10, 11, 12],
    ]


def test_the_pattern_is_that_of_generation(base: Path) -> None:
    import torch

    codes = torch.tensor(THREE)
    start = torch.full((4, 1), P)
    _, pattern = checkpoint(base).model.decoder.build_delay_pattern_mask(
        torch.cat([start, codes], 1), P, max_length=7
    )
    assert data.columns(codes.numpy(), 1, P).tolist() == pattern.tolist()


def test_what_costs_nothing_and_what_costs_all() -> None:
    """A decoder that knows every code pays nothing; one that guesses pays five bits for 32."""
    import torch

    batch = data.stacked([example(THREE), example([row[:2] for row in THREE])], 1, P)
    answers = torch.nn.functional.one_hot(
        batch.labels.clamp(min=0).transpose(1, 2).flatten(0, 1), 32
    )

    def knowing(**_words: Any) -> Any:
        return SimpleNamespace(logits=100.0 * answers)

    def guessing(**_words: Any) -> Any:
        return SimpleNamespace(logits=0.0 * answers)

    known = network.costs(knowing, {}, batch, "cpu")
    assert known.counts.tolist() == [5, 5, 5, 5], "three codes and two of each codebook"
    assert known.bits == pytest.approx([0.0] * 4, abs=1e-6)
    guessed = network.costs(guessing, {}, batch, "cpu")
    assert guessed.bits == pytest.approx([5.0] * 4)
    assert float(guessed.loss) == pytest.approx(5.0 * math.log(2.0))


def test_company_does_not_change_what_a_chunk_costs(base: Path) -> None:
    import torch

    model = checkpoint(base)
    draws = np.random.default_rng(1)
    long, short = (example(draws.integers(32, size=(4, n)).tolist()) for n in (20, 9))

    def cost(*examples: data.Example) -> NDArray[np.float32]:
        batch = data.stacked(examples, 1, P)
        with torch.no_grad():
            given = network.told(model, batch.captions)
            return network.costs(model.model.decoder, given, batch, "cpu").sums.numpy()

    assert np.allclose(cost(long, short), cost(long) + cost(short), rtol=1e-4)


@pytest.mark.parametrize("melody", [False, True])
def test_words_reach_the_decoder_as_when_it_plays(melody: bool, tmp_path: Path) -> None:
    import torch

    model = checkpoint(tiny.musicgen(tmp_path / "x", melody=melody, stereo=melody))
    n_books = 8 if melody else 4
    codes = np.random.default_rng(2).integers(32, size=(n_books, 10)).astype(np.int16)
    tune_of = np.arange(20, dtype=np.int8) % 12 if melody else None
    captions = ("slow dreamy", "beat")
    batch = data.stacked([data.Example(text, codes, tune_of) for text in captions], 1 + melody, P)
    words = model.tokenizer(list(captions), return_tensors="pt", padding=True)
    more = {"input_features": torch.from_numpy(batch.tunes)} if batch.tunes is not None else {}
    with torch.no_grad():
        wanted = model.model(
            input_ids=words["input_ids"], attention_mask=words["attention_mask"],
            decoder_input_ids=batch.inputs.flatten(0, 1), **more,
        ).logits  # fmt: skip
        given = network.told(model, batch.captions, batch.tunes)
        found = model.model.decoder(input_ids=batch.inputs.flatten(0, 1), **given).logits
        assert torch.allclose(found, wanted, atol=1e-5)
        without = [
            network.costs(model.model.decoder, network.told(model, texts, batch.tunes, [True] * 2),
                          batch, "cpu").bits
            for texts in (captions, ("heavy trap", "hook"))
        ]  # fmt: skip
    assert without[0] == without[1], "of words that are left out, nothing is known"
    assert all(map(math.isfinite, without[0]))


def test_every_chunk_comes_once_before_any_comes_again() -> None:
    steps = [data.drawn(step, 3, 7, seed=5) for step in range(1, 15)]
    order = [index for step in steps for index in step]
    for epoch in range(6):
        assert sorted(order[7 * epoch : 7 * epoch + 7]) == list(range(7))
    assert order[:7] != order[7:14]


def test_one_caption_in_ten_is_left_out() -> None:
    drops = [drop for step in range(500) for drop in data.dropped(step, 4, seed=1)]
    assert 0.08 < np.mean(drops) < 0.12


def test_different_sounds_have_different_codes(corpus: Path, base: Path, tmp_path: Path) -> None:
    model = checkpoint(base)
    chunks = [c for c in Corpus.open(corpus).chunks("train")]
    found = list(data.coded(chunks, model, tmp_path, skipped=lambda *_: None))
    assert all(one.codes.shape == (4, 52) for one in found), "4 s at 13 frames a second"

    def spread(caption: str) -> NDArray[np.float64]:
        first = np.concatenate([one.codes[0] for one in found if one.caption == caption])
        return np.bincount(first, minlength=32) / len(first)

    drums, pads = map(spread, small_corpus.CAPTIONS.values())
    assert np.abs(drums - pads).sum() > 0.6
    # What was made once is read again, whatever lies there half-written.
    files = sorted(tmp_path.iterdir())
    first = np.load(files[0])["codes"]
    files[0].write_bytes(b"PK\3\4 half of it")
    again = list(data.coded(chunks, model, tmp_path, skipped=lambda *_: None))
    assert all(np.array_equal(a.codes, b.codes) for a, b in zip(found, again, strict=True))
    assert np.array_equal(np.load(files[0])["codes"], first)


def test_held_out_songs_cost_less_than_untuned(tuned: Tuned) -> None:
    told = lines(tuned.out)
    assert [line["step"] for line in told] == [0, 40, 80, 120]
    assert tuned.before == told[0]["held_out_bits"]
    assert tuned.after == min(line["held_out_bits"] for line in told)
    assert tuned.after < tuned.before - 0.4
    first, last = told[0]["by_codebook"], told[-1]["by_codebook"]
    assert all(b < a for a, b in zip(first, last, strict=True)), "every codebook is known better"


def test_a_wrong_caption_costs_bits(tuned: Tuned, corpus: Path, tmp_path: Path) -> None:
    import torch

    model = checkpoint(tuned.out)
    chunks = Corpus.open(corpus).chunks("validation")
    held_out = list(data.coded(chunks, model, tmp_path, skipped=lambda *_: None))
    batch = data.stacked(held_out, 1, P)
    one, other = small_corpus.CAPTIONS.values()
    swapped = [other if caption == one else one for caption in batch.captions]
    with torch.no_grad():
        right, wrong = (
            np.mean(network.costs(model.model.decoder, network.told(model, captions), batch,
                                  "cpu").bits)
            for captions in (batch.captions, swapped)
        )  # fmt: skip
    assert right == pytest.approx(tuned.after, abs=1e-3), "merged, it is what was measured"
    assert wrong > right + 0.08


def test_the_adapter_says_what_it_is(tuned: Tuned, base: Path) -> None:
    told = json.loads((tuned.out / "provenance.json").read_text())
    assert told["base"]["name"] == "a folder of yours"
    assert told["corpus"]["n_chunks"] == {"train": 18, "validation": 6}
    assert told["corpus"]["captions"] == sorted(small_corpus.CAPTIONS.values())
    assert told["corpus"]["rights_confirmed"] == "2026-01-01"
    assert told["held_out_bits"] == {"untuned": tuned.before, "tuned": tuned.after}
    assert told["corpus"]["prepared"] == {"chunk_s": 4.0}
    assert told["settings"]["rank"] == 16 and told["step"] == tuned.best_step
    card = (tuned.out / "README.md").read_text()
    assert f"{tuned.before:.3f} untuned, {tuned.after:.3f} tuned" in card
    assert "library_name: peft" in card and "slow dreamy ambient reverb" in card
    assert str(base.parent) not in card + json.dumps(told)
    config = json.loads((tuned.out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(base)
    only = {name.split(".")[0] for name in _adapted(tuned.out)}
    assert only == {"decoder"}, "text and audio encoder are as they were"


def _adapted(out: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(out / "adapter_model.safetensors", "np") as file:
        return [name.removeprefix("base_model.model.") for name in file.keys()]  # noqa: SIM118 it is no dict


def test_the_run_can_be_seen_and_heard(tuned: Tuned) -> None:
    names = sorted(path.name for path in (tuned.out / "samples").iterdir())
    assert names == ["000000-1.flac", "000000-2.flac", "000120-1.flac", "000120-2.flac",
                     "captions.txt"]  # fmt: skip
    before, after = (
        soundfile.read(tuned.out / "samples" / name)[0] for name in (names[0], names[2])
    )
    assert len(before) == len(after) >= 8 * 3_328
    assert np.abs(before - after).max() > 0.01
    assert (tuned.out / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_a_few_chunks_are_learned_by_heart_and_then_it_stops(
    corpus: Path, base: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    shutil.copytree(corpus, few)
    rows = few / "dataset" / "train" / "metadata.jsonl"
    rows.write_text("\n".join(rows.read_text().splitlines()[:2]) + "\n")
    settings = Settings(
        steps=400, batch=2, rate=1e-2, full=True, every=20, samples=False, patience=3
    )
    tune(few, str(base), tmp_path / "out", settings)
    told = lines(tmp_path / "out")
    assert told[-1]["step"] < 400, "it was stopped"
    assert told[-1]["train_bits"] < 0.6 * told[1]["train_bits"]
    assert told[-1]["train_bits"] < told[-1]["held_out_bits"] - 0.5
    best = min(told, key=lambda line: float(line["held_out_bits"]))
    assert best["step"] == told[-1]["step"] - 3 * 20
    whole = checkpoint(tmp_path / "out")  # not an adapter: it plays by itself
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    assert whole.sample_rate == 3_328


def stopping(at: int) -> Watch:
    """Return a watch that stops a run after so many steps."""
    done: list[str] = []
    return Watch(
        stopped=lambda: len(done) >= at,
        show=lambda text: done.append(text) if text.startswith("step ") else None,
    )


def test_an_interrupted_run_gives_the_same_losses_as_an_unbroken_one(
    corpus: Path, base: Path, tmp_path: Path
) -> None:
    tune(corpus, str(base), tmp_path / "unbroken", QUICK)
    for at in (1, 2):  # in the middle of a stretch, and at a look
        with pytest.raises(Stopped):
            tune(corpus, str(base), tmp_path / "broken", QUICK, stopping(at))

    def dies(text: str) -> None:
        if text.startswith("step 5"):
            raise KeyboardInterrupt  # without a word, as a killed run

    with pytest.raises(KeyboardInterrupt):
        tune(corpus, str(base), tmp_path / "broken", QUICK, Watch(show=dies))
    tune(corpus, str(base), tmp_path / "broken", QUICK)
    assert lines(tmp_path / "broken") == lines(tmp_path / "unbroken")
    weights = [
        (tmp_path / name / "adapter_model.safetensors").read_bytes()
        for name in ("broken", "unbroken")
    ]
    assert weights[0] == weights[1]
    assert not list((tmp_path / "broken").glob(".*")), "nothing half-written is left"


def test_a_run_that_is_done_goes_on_only_for_more_steps(
    corpus: Path, base: Path, tmp_path: Path
) -> None:
    first = tune(corpus, str(base), tmp_path, QUICK)
    assert tune(corpus, str(base), tmp_path, QUICK) == first
    tune(corpus, str(base), tmp_path, replace(QUICK, steps=8))
    assert [line["step"] for line in lines(tmp_path)] == [0, 2, 4, 6, 8]
    with pytest.raises(FileError, match="a run with another rank, seed: give the same again"):
        tune(corpus, str(base), tmp_path, replace(QUICK, rank=2, seed=3))
    (tmp_path / "state.pt").write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"state\.pt cannot be read; remove it to begin anew"):
        tune(corpus, str(base), tmp_path, QUICK)


@pytest.mark.parametrize("melody", [False, True])
def test_stereo_and_melody_checkpoints_are_tuned_and_play(
    melody: bool, corpus: Path, tmp_path: Path
) -> None:
    base = tiny.musicgen(tmp_path / "base", melody=melody, stereo=True)
    tune(corpus, str(base), tmp_path / "out", QUICK)
    sound = played(f"musicgen:{tmp_path / 'out'}")
    assert np.abs(sound[0] - sound[1]).max() > 1e-3


def played(player: str) -> NDArray[np.float32]:
    notes = tuple(Note(float(b), 2.0, 57 + b % 12, 80) for b in range(0, 20, 2))
    score = small_score(Part("keys", "keys", "musicgen", "", notes))
    devices.release()
    blocks = list(backends.player(player)(score.parts[0], score, Stems(score, ()), 1))
    sound = np.concatenate([block.samples for block in blocks], axis=1)
    assert sound.shape == (2, score.n_samples)
    return sound


def test_an_adapter_plays_in_a_song_wherever_a_musicgen_does(tuned: Tuned, base: Path) -> None:
    first, again, untuned = (played(f"musicgen:{place}") for place in (tuned.out,) * 2 + (base,))
    assert np.array_equal(first, again)
    assert np.abs(first - untuned).max() > 0.01


@pytest.fixture
def shelf(tuned: Tuned, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where weights are: the base under its name, and an adapter of it named "mine"."""
    shutil.copytree(base, tmp_path / "musicgen-small")
    shutil.copytree(tuned.out, tmp_path / "mine")
    config = tmp_path / "mine" / "adapter_config.json"
    said = json.loads(config.read_text())
    said["base_model_name_or_path"] = "facebook/musicgen-small"
    config.write_text(json.dumps(said))
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path))
    return tmp_path


def test_a_model_of_one_s_own_is_offered_and_found_by_its_name(shelf: Path, tuned: Tuned) -> None:
    from halation.server import instruments

    (shelf / "notes").mkdir()
    assert [row.name for row in catalogue.installed()] == ["musicgen-small", "mine"]
    mine = catalogue.installed()[-1]
    assert (mine.licence, mine.commercial, mine.user) == ("CC-BY-NC-4.0", False, "musicgen")
    assert "mine" in [row.name for row in instruments.choices(lambda _name: 0.0)]
    assert instruments.players_of("mine") == (("all", "musicgen:mine"),)
    assert np.array_equal(played("musicgen:mine"), played(f"musicgen:{tuned.out}"))
    shutil.rmtree(shelf / "musicgen-small")
    assert catalogue.installed() == (), "without its base it cannot play"
    with pytest.raises(BackendError, match="halation backends install musicgen-small"):
        played("musicgen:mine")


def test_a_song_remembers_the_adapter_without_its_path(shelf: Path) -> None:
    part = Part("all", "song", "musicgen:mine", "", (Note(0.0, 1.0, 60, 80),))
    cast = musicgen.MusicGen("mine").cast(part)
    assert cast.patch.startswith("musicgen+mine #") and str(shelf) not in cast.patch
    again = musicgen.MusicGen().cast(replace(cast, player="musicgen"))
    assert again == cast, "made again, it finds the same one"
    weights = shelf / "mine" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(BackendError, match="was played by the model 'mine #"):
        musicgen.MusicGen().cast(replace(cast, player="musicgen"))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda out: _rebased(out, "/no/such/folder"), "tuned on '/no/such/folder', which is not"),
        (lambda out: (out / "adapter_config.json").write_text("{"), "it names no base"),
        (lambda out: (out / "adapter_model.safetensors").unlink(), "holds no model"),
        (lambda out: (out / "adapter_model.safetensors").write_bytes(b"0"), "does not load"),
    ],
)
def test_a_broken_adapter_is_one_line(
    harm: Callable[[Path], Any], said: str, tuned: Tuned, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(tuned.out, out)
    harm(out)
    with pytest.raises(BackendError, match=said) as caught:
        played(f"musicgen:{out}")
    assert "\n" not in str(caught.value)


def _rebased(out: Path, base: str) -> None:
    config = json.loads((out / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = base
    (out / "adapter_config.json").write_text(json.dumps(config))


def test_a_corpus_that_teaches_nothing_is_one_line(
    corpus: Path, base: Path, tmp_path: Path
) -> None:
    def tuning(folder: Path, watch: Watch | None = None) -> None:
        tune(folder, str(base), tmp_path / "out", QUICK, watch)

    with pytest.raises(FileError, match="there is no corpus in"):
        tuning(tmp_path / "none")
    copy = tmp_path / "copy"
    shutil.copytree(corpus, copy)
    (copy / "dataset" / "validation" / "metadata.jsonl").write_text("")
    with pytest.raises(FileError, match="it needs two songs at least"):
        tuning(copy)
    shutil.copytree(corpus, copy, dirs_exist_ok=True)
    said: list[str] = []
    for number, path in enumerate(sorted((copy / "dataset" / "train").glob("*.flac"))):
        if number:
            soundfile.write(path, np.zeros((22_050, 2)), 44_100)
        else:
            path.write_bytes(b"no sound")
    with pytest.raises(FileError, match="has no chunk to train on"):
        tuning(copy, Watch(say=said.append))
    assert said[0] == "0000-drums0.flac is no sound that can be read: left out"
    assert said[1] == "0001-drums0.flac is shorter than 1 s: left out" and len(said) == 18


def test_a_base_that_is_none_is_one_line(corpus: Path, tuned: Tuned, tmp_path: Path) -> None:
    for base, said in (
        ("musicgen-huge", "no folder .*musicgen-huge"),
        ("musicgen-large", "halation backends install musicgen-large"),
        (str(corpus), "there is no config.json"),
    ):
        with pytest.raises(BackendError, match=said):
            tune(corpus, base, tmp_path / "out", QUICK)
    try:
        before = tune(corpus, str(tuned.out), tmp_path / "more", QUICK).before
    except BackendError as no_better:  # so few steps may not help it, but it says where it began
        before = float(str(no_better).partition("(")[2].split()[0])
    assert before == pytest.approx(tuned.after, abs=0.05), "it goes on from it"


def test_a_full_disk_loses_nothing(
    corpus: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    tune(corpus, str(base), tmp_path / "unbroken", QUICK)
    save, room = network.save, resource.getrlimit(resource.RLIMIT_FSIZE)

    def cramped(*words: Any, **more: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, room[1]))
        try:
            save(*words, **more)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, room)

    monkeypatch.setattr(network, "save", cramped)
    with pytest.raises(FileError, match=r"the disk is full at .*; free some space"):
        tune(corpus, str(base), tmp_path / "broken", QUICK)
    assert not list((tmp_path / "broken").glob(".*")), "nothing half-written takes room"
    monkeypatch.undo()
    write, writes = run.write_state, 0

    def full(*words: Any) -> None:
        nonlocal writes
        writes += 1
        if writes == 2:
            monkeypatch.setattr(Path, "replace", refusing)
        write(*words)

    def refusing(_self: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(loop, "write_state", full)
    with pytest.raises(FileError, match=r"the disk is full at .*; free some space"):
        tune(corpus, str(base), tmp_path / "broken", QUICK)
    monkeypatch.undo()
    tune(corpus, str(base), tmp_path / "broken", QUICK)
    assert lines(tmp_path / "broken") == lines(tmp_path / "unbroken")


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, ["train", "musicgen", *words])


def test_the_command_tunes_and_says_how_it_is_used(
    corpus: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    shutil.copytree(base, tmp_path / "musicgen-small")
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path))
    words = ["--corpus", str(corpus), "--name", "mine", "--steps", "4", "--batch", "2",
             "--every", "2", "--no-samples", "--rate", "0.01"]  # fmt: skip
    step = loop._Run._step

    def interrupted(self: Any) -> float:
        if self._state.step == 3:
            signal.raise_signal(signal.SIGINT)
        return step(self)

    monkeypatch.setattr(loop._Run, "_step", interrupted)
    broken = call(*words)
    assert broken.exit_code == 130
    assert "the same command goes on from here" in broken.output
    monkeypatch.setattr(loop._Run, "_step", step)
    done = call(*words)
    assert done.exit_code == 0, done.output
    assert "untuned" not in done.output, "it went on"
    assert "step 4 of 4: " in done.output and "bits a held-out code" in done.output
    assert f"{tmp_path / 'mine'}\nhalation make --player all=musicgen:mine\n" in done.output
    config = json.loads((tmp_path / "mine" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "facebook/musicgen-small"
    assert "license: cc-by-nc-4.0" in (tmp_path / "mine" / "README.md").read_text()
    assert catalogue.installed()[-1].name == "mine"


def test_two_processes_share_the_work(corpus: Path, base: Path, tmp_path: Path) -> None:
    settings = replace(QUICK, rate=0.1)
    tune(corpus, str(base), tmp_path / "alone", settings)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
        "-m", "halation", "train", "musicgen", "--corpus", str(corpus), "--base", str(base),
        "--out", str(tmp_path / "shared"), "--steps", "6", "--batch", "2", "--every", "2",
        "--rate", "0.1", "--rank", "4", "--no-samples",
    ]  # fmt: skip
    wanted = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=wanted, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("untuned: ") == done.stdout.count("kept step") == 1, "one talks"
    alone, shared = lines(tmp_path / "alone"), lines(tmp_path / "shared")
    assert [line["step"] for line in shared] == [0, 2, 4, 6]
    assert shared[0]["by_codebook"] == pytest.approx(alone[0]["by_codebook"], rel=1e-5)
    # They learn from the same chunks; only what dropout leaves out differs.
    fell, fell_shared = (
        told[0]["held_out_bits"] - told[-1]["held_out_bits"] for told in (alone, shared)
    )
    assert fell > 0.05
    assert fell_shared == pytest.approx(fell, rel=0.25)
    assert np.isfinite(played(f"musicgen:{tmp_path / 'shared'}")).all()


def test_the_command_wants_one_place() -> None:
    assert "--out FOLDER or --name NAME" in call().output
    for name in ("../x", "musicgen-small", ""):
        assert call("--name", name).exit_code == 2
