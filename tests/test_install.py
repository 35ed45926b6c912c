"""Weights come from a hub only when asked for, whole, verified and agreed to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from halation.stems.neural.musicgen import MusicGen
from halation.types import BackendError
from halation.weights import catalogue, install
from halation.weights.contents import File, needed
from tests import tiny
from tests.hub import Hub, Reply, serving

MUSICGEN = "facebook/musicgen-small"
NOISE = np.random.default_rng(0).bytes(300_000)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own weights and token out of it."""
    monkeypatch.setenv("HALATION_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(install, "PAUSE_S", 0.0)


def yes(_offer: install.Offer) -> bool:
    return True


def small(**more: Any) -> Hub:
    files = {"config.json": b"{}", "model.safetensors": NOISE, "README.md": b"# words"}
    return Hub(MUSICGEN, files, **more)


@contextmanager
def online(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving(hub.answer) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield


def test_a_model_that_was_installed_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny.musicgen(tmp_path / "made")
    files = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    hub = Hub(MUSICGEN, files | {"pytorch_model.bin": b"pickle", "handler.py": b"code"})
    told: list[tuple[int, int]] = []
    with online(hub, monkeypatch):
        place = install.install(
            "musicgen-small", agree=yes, tell=lambda _name, here, total: told.append((here, total))
        )
    assert MusicGen().load(catalogue.find("musicgen-small"), "musicgen-small").sample_rate > 0
    assert not {"pytorch_model.bin", "handler.py"} & set(hub.loaded())
    assert [here for here, _ in told] == sorted(here for here, _ in told)
    assert told[-1][0] == told[-1][1] == sum(p.stat().st_size for p in place.rglob("*"))
    assert not list(place.parent.glob(".*.unfinished"))
    assert [row.name for row in catalogue.installed()] == ["musicgen-small"]


def test_what_is_here_is_not_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = small()
    with online(hub, monkeypatch):
        place = install.install("musicgen-small", agree=yes)
        n_asked = len(hub.asked)
        assert install.install("musicgen-small", agree=yes) == place
    assert len(hub.asked) == n_asked


def test_the_token_goes_to_the_hub_and_not_to_where_its_files_lie(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = small()
    with online(hub, monkeypatch):
        install.install("musicgen-small", agree=yes)
    for asked in hub.asked:
        sent = asked.headers.get("authorization")
        assert sent == (None if asked.path.startswith("/cdn/") else "Bearer hf_secret"), asked.path


def test_a_broken_line_is_gone_on_with_in_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = small(breaks={"model.safetensors": 100_000})
    with online(hub, monkeypatch):
        place = install.install("musicgen-small", agree=yes)
    assert (place / "model.safetensors").read_bytes() == NOISE
    ranges = [a.headers.get("range") for a in hub.asked if a.path.startswith("/cdn/")]
    assert ranges[0] is None and ranges[1] is not None
    assert 0 < int(ranges[1].removeprefix("bytes=").rstrip("-")) <= 100_000


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_fetch_goes_on_in_the_next_run(
    ranges: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = small(ranges=ranges)

    def interrupt(name: str, here: int, _total: int) -> None:
        if name == "model.safetensors" and here > 100_000:
            raise KeyboardInterrupt

    with online(hub, monkeypatch):
        with pytest.raises(KeyboardInterrupt):
            install.install("musicgen-small", agree=yes, tell=interrupt)
        assert not catalogue.installed()
        hub.asked.clear()
        place = install.install("musicgen-small", agree=yes)
    assert (place / "model.safetensors").read_bytes() == NOISE
    assert "config.json" not in hub.loaded(), "what was whole is not fetched again"
    (again,) = [a for a in hub.asked if a.path.startswith("/cdn/")]
    assert again.headers["range"] != "bytes=0-"


def test_a_line_that_brings_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = small()

    def answer(asked: Any) -> Reply:
        if asked.path.startswith("/cdn/"):
            hub.breaks["model.safetensors"] = 0
        return hub.answer(asked)

    with serving(answer) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(BackendError, match=r"cannot be reached.*install musicgen-small again"):
            install.install("musicgen-small", agree=yes)
    assert hub.loaded().count("model.safetensors") == install.TRIES


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_file_is_deleted_and_the_next_run_fetches_it_anew(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = small(damaged={name})
    with online(hub, monkeypatch):
        with pytest.raises(BackendError, match="wrong checksum") as caught:
            install.install("musicgen-small", agree=yes)
        assert name in str(caught.value) and "\n" not in str(caught.value)
        assert not list(catalogue.weights_dir().rglob(name))
        hub.damaged.clear()
        place = install.install("musicgen-small", agree=yes)
    assert (place / name).read_bytes() == hub.files[name]


def test_nothing_is_fetched_before_the_licence_is_agreed_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub, shown = small(), []

    def no(offer: install.Offer) -> bool:
        shown.append((offer.row.licence, offer.licence, offer.size_bytes, offer.page))
        return False

    with online(hub, monkeypatch), pytest.raises(BackendError, match="not agreed to"):
        install.install("musicgen-small", agree=no)
    assert hub.loaded() == [] and not catalogue.weights_dir().exists()
    ((ours, theirs, size_bytes, page),) = shown
    assert (ours, theirs) == ("CC-BY-NC-4.0", "cc-by-nc-4.0")
    assert size_bytes == sum(map(len, hub.files.values())) and page.endswith(MUSICGEN)


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model_says_where_to_accept_its_licence(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        online(small(refuses=status), monkeypatch),
        pytest.raises(BackendError, match=rf"accept the licence.*{MUSICGEN}.*hf auth login"),
    ):
        install.install("musicgen-small", agree=yes)


def test_a_full_disk_is_told_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 9, 1))
    hub = small()
    with online(hub, monkeypatch), pytest.raises(BackendError, match=r"0\.0 GB.*HALATION_WEIGHTS"):
        install.install("musicgen-small", agree=yes)
    assert hub.loaded() == []


def test_two_do_not_fetch_the_same_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def second(_name: str, here: int, _total: int) -> None:
        if here:
            with pytest.raises(BackendError, match="being installed by another halation"):
                install.install("musicgen-small", agree=yes)

    with online(small(), monkeypatch):
        assert install.install("musicgen-small", agree=yes, tell=second).is_dir()


def test_a_folder_that_cannot_be_written_gets_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").write_text("in the way")
    with online(small(), monkeypatch), pytest.raises(BackendError, match="cannot be written"):
        install.install("musicgen-small", agree=yes)


def test_a_hub_that_is_away_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: Reply()) as address:
        pass  # and is gone
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(BackendError, match=r"cannot be reached.*--model FOLDER") as caught:
        install.install("clap", agree=yes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(404), "has no facebook/musicgen-small"),
        (Reply(500), "error 500; try again later"),
        (Reply(429), "asked too often"),
        (Reply(body=b"<html>Welcome to this hotel's network</html>"), "not answer as a Hugging"),
        (Reply.json([1, 2]), "not answer as a Hugging Face hub does"),
        (Reply.json({"id": MUSICGEN, "siblings": []}), "holds no weights"),
    ],
)
def test_a_strange_answer_gets_one_line(
    reply: Reply, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _: reply) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(BackendError, match=message) as caught:
            install.install("musicgen-small", agree=yes)
    assert "\n" not in str(caught.value)


def test_a_hub_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "CONNECT_S", 0.05)
    from threading import Event

    gone = Event()

    def answer(_asked: Any) -> Reply:
        gone.wait(30.0)
        return Reply()

    with serving(answer) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(BackendError, match="cannot be reached"):
            install.install("musicgen-small", agree=yes)
        gone.set()


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "C:\\x"])
def test_a_file_stays_in_its_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = small()
    hub.files[name] = b"{}"
    with online(hub, monkeypatch), pytest.raises(BackendError, match="outside its folder"):
        install.install("musicgen-small", agree=yes)
    assert hub.loaded() == []


def names(*offered: str, parts: tuple[str, ...] | None = None) -> list[str]:
    return [file.name for file in needed([File(name, 1, "") for name in offered], parts)]


def test_only_what_a_model_is_loaded_from_is_chosen() -> None:
    junk = (".gitattributes", "tf_model.h5", "flax_model.msgpack", "run.py", "onnx/model.onnx")
    kept = ("config.json", "model-1-of-2.safetensors", "model-2-of-2.safetensors", "LICENSE")
    assert names(*junk, *kept, "pytorch_model.bin", "model.fp16.safetensors") == list(kept)


def test_pickles_are_taken_only_where_there_is_nothing_else() -> None:
    assert names("config.json", "pytorch_model.bin", "training_args.bin", "other.bin") == [
        "config.json",
        "pytorch_model.bin",
    ]
    assert names("x.pt", "optimizer.pt") == ["x.pt"]
    assert names("x.ckpt", "x.pkl", "config.json") == ["config.json"]


def test_of_a_pipeline_each_part_is_chosen_for_itself() -> None:
    chosen = names(
        *("model_index.json", "model.safetensors", "all.ckpt", "unet/config.json"),
        *("unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.bin"),
        *("vocoder/pytorch_model.bin", "traced/unet.pt", "traced/config.json"),
        parts=("unet", "vocoder"),
    )
    assert chosen == [
        *("model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"),
        "vocoder/pytorch_model.bin",
    ]


def test_a_pipelines_index_says_what_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    index = json.dumps({"_class_name": "X", "unet": ["diffusers", "UNet"]}).encode()
    files = {
        "model_index.json": index,
        "unet/model.safetensors": NOISE,
        "model.safetensors": NOISE,
    }
    hub = Hub(MUSICGEN, files)
    with online(hub, monkeypatch):
        place = install.install("musicgen-small", agree=yes)
    assert (place / "unet" / "model.safetensors").is_file()
    assert not (place / "model.safetensors").exists()


def halation(*arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HALATION_LOG": os.environ["HALATION_WEIGHTS"], "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "halation", "backends", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        stdin=stdin,
        check=False,
    )


@pytest.mark.parametrize(
    ("name", "repo"),
    [("clap", "laion/clap-htsat-unfused"), ("demucs-htdemucs", "adefossez/HTDemucs")],
)
def test_the_command_shows_the_licence_and_how_far_it_is(
    name: str, repo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(repo, {"a.safetensors": NOISE, "htdemucs.yaml": b"models: [a]"}, licence="mit")
    with online(hub, monkeypatch):
        refused = halation("install", name)
        assert refused.returncode == 1 and "--yes" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1 and hub.asked == []
        done = halation("install", name, "--yes")
    assert done.returncode == 0, done.stderr
    place = Path(done.stdout.strip())
    assert (place / "a.safetensors").read_bytes() == NOISE
    assert catalogue.known(name).licence in done.stderr and f"/{repo}" in done.stderr
    assert "100 %" in done.stderr and "\x1b" not in done.stderr
    assert "hf_secret" not in done.stdout + done.stderr
    assert "here already" in halation("install", name).stdout


@pytest.mark.parametrize("word", ["n", "y"])
def test_on_a_terminal_it_asks(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub("laion/clap-htsat-unfused", {"a.safetensors": NOISE})
    keyboard, terminal = os.openpty()
    os.write(keyboard, f"{word}\n".encode())
    with online(hub, monkeypatch):
        done = halation("install", "clap", stdin=terminal)
    os.close(keyboard)
    os.close(terminal)
    assert "Do you agree" in done.stderr and "Apache-2.0" in done.stderr
    assert (hub.loaded() == ["a.safetensors"]) is (word == "y") is (done.returncode == 0)
    assert word == "y" or "not agreed to" in done.stderr.splitlines()[-1]


def test_the_list_has_every_checkpoint_with_licence_size_and_origin() -> None:
    rows = {r["name"]: r for r in json.loads(halation("--json").stdout) if r["kind"] == "weights"}
    assert rows.keys() == catalogue.KNOWN.keys()
    assert rows["musicgen-small"]["origin"] == MUSICGEN
    assert rows["musicgen-small"]["usable"] is False
    shown = halation().stdout
    for row in catalogue.KNOWN.values():
        (line,) = [text for text in shown.splitlines() if text.split()[:1] == [row.name]]
        assert row.licence in line and f"{row.size_gb:g} GB" in line and row.repo in line


def test_an_unknown_name_gets_one_line() -> None:
    done = halation("install", "mozart")
    assert done.returncode == 1 and "musicgen-small" in done.stderr
    assert len(done.stderr.splitlines()) == 1
