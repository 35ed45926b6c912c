"""Training runs, is interrupted and goes on; tuning knows the user's music better than before."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from halation.score.learned.network import Network
from halation.score.learned.tokens import IDS, VOCABULARY
from halation.training import composer, export, model, prepare, tune
from halation.training.corpus import Corpus
from halation.types import FileError
from tests.music import song, write_groove, write_midi, write_pop909

SIZE = model.Size(len(VOCABULARY), n_layers=2, width=48, n_heads=2, hidden=96, context=192)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("music")
    write_pop909(root / "pop909", range(1, 31))
    write_groove(root / "groove", 12)
    return root


@pytest.fixture(scope="module")
def corpus(music: Path) -> Corpus:
    built = prepare.build(prepare.gather(music / "pop909", music / "groove", None))
    built.splits[:] = 0
    built.splits[[0, 1, 2, 30, 31]] = 1
    return built


@pytest.fixture(scope="module")
def run(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two dozen steps."""
    out = tmp_path_factory.mktemp("run")
    torch.manual_seed(1)
    composer.fit(model.Composer(SIZE), corpus, out, steps=24, rate=6e-3, batch=4, seed=1, every=8)
    return out


def lines(run: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_it_learns_and_says_so(run: Path) -> None:
    told = lines(run)
    assert [line["step"] for line in told] == [8, 16, 24]
    assert float(str(told[-1]["loss"])) < 0.8 * float(str(told[0]["loss"]))
    assert set(told[0]["bits"]) == {"chords", "melody", "counter", "bass", "pads", "drums"}  # type: ignore[call-overload]
    assert (run / "curves.png").stat().st_size > 1_000


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(
    run: Path, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn, steps = composer.learn, iter(range(100))

    def until_13(*given: object) -> float:
        if next(steps) == 13:
            raise KeyboardInterrupt
        return learn(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(composer, "learn", until_13)
    torch.manual_seed(1)
    with pytest.raises(KeyboardInterrupt):
        composer.fit(model.Composer(SIZE), corpus, tmp_path, steps=24, rate=6e-3, batch=4, seed=1,
                     every=8)  # fmt: skip
    kept, state = composer.load(tmp_path / "checkpoint.pt")
    assert state["step"] == 8 and not list(tmp_path.glob("*.part"))
    monkeypatch.setattr(composer, "learn", learn)
    composer.fit(kept, corpus, tmp_path, steps=24, rate=6e-3, batch=4, seed=1, every=8,
                 state=state)  # fmt: skip
    assert [line["step"] for line in lines(tmp_path)] == [8, 16, 24]
    whole, _ = composer.load(run / "checkpoint.pt")
    for name, values in whole.state_dict().items():
        assert torch.allclose(values, kept.state_dict()[name], atol=1e-5), name


def test_a_run_does_not_go_on_with_another_corpus(run: Path, corpus: Corpus) -> None:
    kept, state = composer.load(run / "checkpoint.pt")
    other = replace(corpus, splits=corpus.splits[::-1].copy())
    with pytest.raises(FileError, match="another corpus"):
        composer.fit(kept, other, run, steps=32, rate=6e-3, batch=4, seed=1, state=state)


def test_a_run_is_put_on_top_of_the_log(run: Path, tmp_path: Path) -> None:
    log = tmp_path / "LOG.md"
    log.write_text("# Training runs\n\nNewest first.\n\n## before\n\nold\n")
    composer.journal(run / "log.jsonl", log)
    told = log.read_text()
    assert told.startswith("# Training runs") and told.index("| 24 |") < told.index("## before")


def test_batches_are_the_same_for_the_same_step(corpus: Corpus) -> None:
    batches = composer.Batches(corpus, 0, 128)
    x, y = batches.batch(5, 4, 1)
    again, _ = composer.Batches(corpus, 0, 128).batch(5, 4, 1)
    assert torch.equal(x, again) and not torch.equal(x, batches.batch(6, 4, 1)[0])
    assert torch.equal(x[:, 1:][y[:, :-1] >= 0], y[:, :-1][y[:, :-1] >= 0])


def test_held_out_pieces_are_never_drawn(corpus: Corpus) -> None:
    batches = composer.Batches(corpus, 0, 128)
    drawn = {i for pool in batches.pools for i in pool}
    assert drawn and not drawn & set(np.flatnonzero(corpus.splits != 0).tolist())


def test_a_command_trains_and_exports(corpus: Corpus, tmp_path: Path) -> None:
    corpus.save(tmp_path / "corpus.npz")
    command = [sys.executable, "-m", "halation.training.composer", "--corpus",
               str(tmp_path / "corpus.npz"), "--out", str(tmp_path / "run"), "--steps", "2",
               "--batch", "2", "--layers", "1"]  # fmt: skip
    for _ in range(2):  # the second time there is nothing left to do
        subprocess.run(command, check=True, capture_output=True)
    export.main.callback(tmp_path / "run" / "checkpoint.pt", tmp_path / "c.onnx")  # type: ignore[misc]
    assert Network(tmp_path / "c.onnx").n_words == len(VOCABULARY)


@pytest.fixture(scope="module")
def weights(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.onnx"
    export.export(composer.load(run / "checkpoint.pt")[0], path)
    return path


def own_music(folder: Path, n: int) -> Path:
    for k in range(n):
        tracks, _ = song(100 + 3 * k)
        write_midi(folder / f"{k}.mid", {"Melody": tracks["MELODY"], "Keys": tracks["PIANO"]}, 76.0)
    return folder


def test_a_tuned_composer_knows_held_out_pieces_better(weights: Path, tmp_path: Path) -> None:
    told: list[int] = []
    done = tune.tune(
        own_music(tmp_path / "midi", 10), tmp_path / "tuned.onnx", weights=weights, most_steps=240,
        tell=lambda step, _bits: told.append(step),
    )  # fmt: skip
    assert done.n_held_out == 2 and told[0] == 0 and done.steps in told
    assert done.after["melody"] < 0.95 * done.before["melody"]
    assert done.after["chords"] < done.before["chords"]
    tokens = [IDS["part:melody"], IDS["bar"], IDS["0:maj"]]
    assert not np.allclose(
        Network(tmp_path / "tuned.onnx").costs(tokens), Network(weights).costs(tokens)
    )


def test_a_folder_with_one_piece_is_too_little(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="needs two at least"):
        tune.tune(own_music(tmp_path, 1), tmp_path / "t.onnx", weights=weights)
    assert not (tmp_path / "t.onnx").exists()


def test_the_command_tunes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "halation", "train", "composer"]
    folder = own_music(tmp_path / "midi", 3)
    done = subprocess.run(
        [*command, "--midi", str(folder), "--out", str(tmp_path / "mine.onnx"), "--steps", "2"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "bits a held-out note" in done.stdout and (tmp_path / "mine.onnx").stat().st_size > 1e6
    none = tmp_path / "none"
    none.mkdir()
    done = subprocess.run(
        [*command, "--midi", str(none)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "no MIDI file" in done.stderr and "Traceback" not in done.stderr
