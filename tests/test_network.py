"""The network where it runs: drafts, what is forced and what is masked, any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from halation.score.learned.composer import WEIGHTS
from halation.score.learned.network import Draft, Network, Scribe
from halation.score.learned.onnxfile import read_weights
from halation.score.learned.tokens import IDS, VOCABULARY
from halation.score.learned.transformer import Memory
from halation.training.export import export, read
from halation.training.model import Composer, Size
from halation.types import BackendError, FileError

TINY = Size(len(VOCABULARY), n_layers=2, width=32, n_heads=2, hidden=48, context=128)
BAR = IDS["bar"]


@pytest.fixture(scope="module")
def model() -> Composer:
    torch.manual_seed(7)
    model = Composer(TINY)
    for name, weight in model.named_parameters():
        if name.endswith("gain"):
            torch.nn.init.uniform_(weight, 0.5, 1.5)
    return model.eval()


@pytest.fixture(scope="module")
def path(model: Composer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.onnx"
    export(model, path)
    return path


@pytest.fixture(scope="module")
def network(path: Path) -> Network:
    return Network(path)


def drafts(n: int, **more: Any) -> list[Draft]:
    def long(most: int) -> Callable[[list[int]], bool]:
        return lambda written: len(written) >= most

    return [
        Draft([BAR] * (1 + i % 5), np.random.default_rng(i), long(20 + i % 3), **more)
        for i in range(n)
    ]


def test_a_step_says_what_the_whole_says(model: Composer) -> None:
    x = torch.randint(0, TINY.n_words, (3, 24))
    whole = model(x)
    past = [torch.zeros(3, 0, 16)] * (2 * TINY.n_layers)
    for start in range(0, 24, 6):
        logits, past = model.step(x[:, start : start + 6], torch.zeros(3, start + 6), past)
        assert torch.allclose(logits, whole[:, start : start + 6], atol=1e-4)


def test_what_comes_later_changes_nothing_before(model: Composer) -> None:
    x = torch.randint(0, TINY.n_words, (1, 16))
    y = x.clone()
    y[0, 10:] = (y[0, 10:] + 1) % TINY.n_words
    assert torch.allclose(model(x)[:, :10], model(y)[:, :10], atol=1e-5)
    assert not torch.allclose(model(x)[:, 10:], model(y)[:, 10:], atol=1e-3)


def test_the_file_says_what_the_model_says(model: Composer, network: Network) -> None:
    x = torch.randint(0, TINY.n_words, (1, 30))
    logp = torch.log_softmax(model(x)[0, :-1], -1).gather(-1, x[0, 1:, None])[:, 0]
    expected = -logp.detach().numpy() / np.log(2)
    assert np.allclose(network.costs(x[0].tolist()), expected, atol=0.02)  # halves on the disk


def test_the_file_tells_nothing_of_the_machine_that_wrote_it(path: Path) -> None:
    for file in (path, WEIGHTS):
        assert b".py" not in file.read_bytes()


def test_the_file_can_be_trained_further(model: Composer, path: Path) -> None:
    again = read(path)
    assert again.size == Size(TINY.n_words, 2, 32, 2, 48)
    for name, weight in model.state_dict().items():
        assert torch.allclose(weight, again.state_dict()[name], atol=1e-3), name


def test_company_changes_no_draft(network: Network) -> None:
    together = drafts(21)
    network.write(together)
    for i in (0, 8, 20):
        alone = drafts(21)[i : i + 1]
        network.write(alone)
        assert alone[0].tokens == together[i].tokens
        assert alone[0].cost == pytest.approx(together[i].cost, rel=1e-4)


def test_drafts_that_come_later_are_written_beside_the_others(network: Network) -> None:
    alone = drafts(9)
    network.write(alone)
    scribe, early, late = Scribe(network), drafts(9)[:5], drafts(9)[5:]
    scribe.begin(early)
    scribe.write(late)
    assert all(d.done for d in late) and any(d.tokens for d in early)
    scribe.finish()
    assert [d.tokens for d in (*early, *late)] == [d.tokens for d in alone]


def test_what_drafts_share_is_read_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    true = Memory.read

    def counted(self: Memory, told: Any, **more: Any) -> Any:
        read.append(sum(map(len, told)))
        return true(self, told, **more)

    monkeypatch.setattr(Memory, "read", counted)
    told = [IDS["0:maj"], IDS["part:melody"]]
    rows = [
        Draft([BAR] * 30, np.random.default_rng(i), lambda w: len(w) >= 4,
              forced=lambda w: told if not w else [])
        for i in range(8)
    ]  # fmt: skip
    network.write(rows)
    assert read[0] == 32 and len(read) == 2 and 2 <= read[1] <= 8
    assert all(row.tokens[:2] == told and len(row.tokens) == 4 for row in rows)


def test_a_row_that_goes_two_ways_remembers_what_both_read(network: Network) -> None:
    net = network.transformer
    words = np.random.default_rng(3).integers(3, len(VOCABULARY), (3, 40)).tolist()
    words[1][:10] = words[2][:10] = words[0][:10]
    memory = Memory(net)
    memory.keep([-1])
    memory.read([words[0][:10]])
    places = memory.keep([0, 0, 0])
    rows = sorted(zip(places, words, strict=True))
    memory.read([row[10:12] for _, row in rows])
    memory.read([row[12 : 20 + i] for i, (_, row) in enumerate(rows)])
    said = net.logits(memory.read([row[20 + i :] for i, (_, row) in enumerate(rows)]))
    assert memory.keep([2, -1]) in ([0, 1], [1, 0])
    for i, (_, row) in enumerate(rows):
        alone = Memory(net)
        alone.keep([-1])
        assert np.allclose(net.logits(alone.read([row]))[:, 0], said[:, i], atol=1e-3)


def test_what_is_forced_comes_and_costs_nothing(network: Network) -> None:
    told = [IDS["0:maj"], IDS["part:melody"], BAR]
    rows = drafts(3, forced=lambda w: told if len(w) in (0, 10) else [])
    network.write(rows)
    for row in rows:
        assert row.tokens[:3] == told and row.tokens[10:13] == told
        assert row.n_chosen == len(row.tokens) - 6 and row.cost > 0


def test_what_is_masked_never_comes(network: Network) -> None:
    allowed = np.zeros(len(VOCABULARY), bool)
    allowed[[IDS["p60"], IDS["p64"], IDS["p67"]]] = True
    rows = drafts(9, mask=lambda w: allowed)
    network.write(rows)
    assert {t for row in rows for t in row.tokens} == {IDS["p60"], IDS["p64"], IDS["p67"]}


def test_a_draft_ends_at_the_most(network: Network) -> None:
    rows = [Draft([BAR], np.random.default_rng(0), lambda w: False)]
    network.write(rows, most=12)
    assert len(rows[0].tokens) == 12


def test_a_file_is_read_as_its_makers_read_it(path: Path) -> None:
    for file in (path, WEIGHTS):
        own = read_weights(file)
        theirs = {w.name: numpy_helper.to_array(w) for w in onnx.load(str(file)).graph.initializer}
        floats = {name for name, w in theirs.items() if w.dtype in (np.float16, np.float32)}
        assert own.keys() == floats and "words.weight.half" in floats
        for name, values in own.items():
            assert np.array_equal(values, theirs[name]) and values.dtype == theirs[name].dtype


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.999])
def test_half_a_file_is_told(path: Path, tmp_path: Path, share: float) -> None:
    whole = path.read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BackendError, match="no composer that can be read"):
        Network(tmp_path / "half.onnx")


def test_a_file_that_is_no_network_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(BackendError, match="no composer that can be read"):
        Network(tmp_path / "bad.onnx")
    with pytest.raises(FileError, match="no composer that can be trained"):
        read(tmp_path / "bad.onnx")
