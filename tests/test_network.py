"""The network where it runs: drafts, what is forced and what is masked, any number of threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from halation.score.learned import network as network_module
from halation.score.learned.composer import WEIGHTS
from halation.score.learned.network import Draft, Network
from halation.score.learned.tokens import IDS, VOCABULARY
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


def test_neither_threads_nor_company_change_a_draft(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(network_module, "cores", lambda n=cores: n)
        rows = drafts(21)
        network.write(rows)
        told.append([d.tokens for d in rows])
    assert told[0] == told[1] == told[2]
    alone = drafts(21)[8:9]
    network.write(alone)
    assert alone[0].tokens == told[0][8]


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


def test_a_file_that_is_no_network_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(BackendError, match="no composer that can be read"):
        Network(tmp_path / "bad.onnx")
    with pytest.raises(FileError, match="no composer that can be trained"):
        read(tmp_path / "bad.onnx")
