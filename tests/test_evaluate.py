"""The evidence can be made again, on music that was not read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from halation.form import plan
from halation.score.learned.composer import WEIGHTS
from halation.score.learned.network import Network
from halation.score.learned.tokens import Bar, Tone
from halation.score.rules import Rules
from halation.training import evaluate, prepare, steering
from halation.training.features import FEATURES, features, overlap, structureness
from halation.training.ngram import Ngram
from halation.types import Brief
from tests.composed import make_mood
from tests.music import write_groove, write_pop909


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus as if it were the one of the training: the baselines count in it."""
    root = tmp_path_factory.mktemp("read")
    write_pop909(root / "pop909", range(1, 25))
    write_groove(root / "groove", 8)
    built = prepare.build(prepare.gather(root / "pop909", root / "groove", None))
    built.splits[:] = 0
    built.save(root / "corpus.npz")
    return root / "corpus.npz"


@pytest.fixture(scope="module")
def found(
    corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, dict[str, float]]]:
    root = tmp_path_factory.mktemp("music")
    options = [
        *("--corpus", str(corpus)),
        *("--pop909", str(write_pop909(root / "pop909", range(950, 956)))),
        *("--groove", str(write_groove(root / "groove", 4, 12, first=40))),
        *("--songs", "3", "--plot", str(root / "plot.png"), "--json"),
    ]
    done = CliRunner().invoke(evaluate.main, options, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert (root / "plot.png").stat().st_size > 10_000
    return json.loads(done.output)  # type: ignore[no-any-return]


def test_bits_are_compared_for_every_part(found: dict[str, dict[str, dict[str, float]]]) -> None:
    assert set(found["bits"]) == {"chords", "melody", "counter", "bass", "pads", "drums"}
    for row in found["bits"].values():
        assert row["notes"] > 0
        assert 0 < row["unigram"] < row["uniform"] + 1.0 and row["learned"] > 0
        assert row["better by"] == pytest.approx(1 - row["learned"] / row["n-gram"], rel=1e-2)


def test_features_are_compared_for_every_part(
    found: dict[str, dict[str, dict[str, float]]],
) -> None:
    assert {"melody", "chords", "bass", "drums"} <= set(found["features"])
    for part, rows in found["features"].items():
        assert set(rows) == set(FEATURES[part])
        for row in rows.values():
            assert 0.0 <= row["rules"] <= 1.01 and 0.0 <= row["learned"] <= 1.01  # type: ignore[index]


def test_what_was_read_is_left_out(corpus: Path, tmp_path: Path) -> None:
    read = str(write_pop909(tmp_path, range(1, 4)))
    done = CliRunner().invoke(
        evaluate.main, ["--pop909", read, "--songs", "0", "--corpus", str(corpus)]
    )
    assert done.exit_code == 2 and "trained on all of these" in done.output


def test_an_ngram_gives_chances_that_add_up() -> None:
    dice = np.random.default_rng(1)
    rows = [dice.integers(0, 6, 200).tolist() for _ in range(3)]
    model = Ngram(3, 6).fit(rows)
    for context in ([1, 2], [5, 5], [0, 3]):
        chances = [2.0 ** -model.cost([*context, word])[-1] for word in range(6)]
        assert sum(chances) == pytest.approx(1.0, abs=0.02)
    assert Ngram(1, 6).fit(rows).cost(rows[0]).mean() == pytest.approx(np.log2(6), abs=0.1)


def test_sets_that_are_alike_overlap() -> None:
    dice = np.random.default_rng(2)
    near = [dice.normal(0, 1, 4) for _ in range(60)]
    also = [dice.normal(0, 1, 4) for _ in range(60)]
    far = [dice.normal(3, 1, 4) for _ in range(60)]
    same, divergence = overlap(near, also)
    other, further = overlap(near, far)
    assert same > 0.85 > 0.5 > other and divergence < 0.1 < further


def test_what_repeats_has_structure() -> None:
    dice = np.random.default_rng(3)
    phrase = [Bar(melody=tuple(Tone(s, 2, int(60 + dice.integers(12))) for s in range(0, 16, 2)))
              for _ in range(4)]  # fmt: skip
    never = [Bar(melody=tuple(Tone(s, 2, int(60 + dice.integers(12))) for s in range(0, 16, 2)))
             for _ in range(32)]  # fmt: skip
    again, once = structureness(phrase * 8, 72.0), structureness(never, 72.0)
    for name in again:
        assert again[name] > once[name] + 0.2


def test_a_song_is_read_as_it_was_written() -> None:
    score = Rules()(plan(make_mood(Brief(3))), 3)
    bars = evaluate.score_bars(score)
    hook = next(s for s in score.form.sections if s.role == "hook")
    first = bars[int(sum(max(1, s.duration_beats // 8) for s in score.form.sections
                         if s.start_beats < hook.start_beats))]  # fmt: skip
    assert len(first.melody) >= 3 and first.chords and first.bass
    assert {h.voice for h in first.drums} >= {"kick", "closed"}
    assert features(bars, "melody", 70.0)["range"][0] > 4


def test_the_controls_move_the_harmony_and_the_line_toward_the_style() -> None:
    network = Network(WEIGHTS)
    for parts, name in ((("chords",), "chords a bar"), (("drums",), "strokes a bar")):
        free, asked = (
            np.mean([steering.measured(bars)[name] for bars in
                     steering.written(network, parts, told, 24)])
            for told in ({}, steering.ASKED[parts])
        )  # fmt: skip
        assert asked < 0.95 * free
