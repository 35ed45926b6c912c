"""A model elsewhere plays as one here does, and every way in which that fails is one line."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import halation
from halation import backends, pipeline
from halation.backends import Stopped, Watch
from halation.stems.neural import endpoint
from halation.stems.neural.endpoint import Endpoint
from halation.stems.neural.remote import Remote, decoded
from halation.stems.neural.space import connect
from halation.testing import small_score
from halation.types import SAMPLE_RATE, WHOLE_SONG, BackendError, Brief, Note, Part, Score, Stems
from tests.hub import Asked, Reply, serving

pytestmark = pytest.mark.backend("hf")

TOKEN = "hf_verysecret"
Answer = Callable[[Asked], Reply]


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.delenv("HALATION_ENDPOINT", raising=False)
    monkeypatch.setattr(endpoint, "WAKE_PAUSE_S", 0.01)
    monkeypatch.setattr(endpoint, "TURN_S", 0.01)


def song_of(player: str, bars: int = 1) -> tuple[Part, Score]:
    """Return a part for a whole song of five sections of so many bars."""
    notes = tuple(Note(float(beat), 1.0, 60, 80) for beat in range(0, 20 * bars, 2))
    part = Part(WHOLE_SONG, WHOLE_SONG, player, "", notes)
    return part, small_score(part, bars=bars)


def noise(seconds: float, seed: int, rate: int) -> np.ndarray:
    draws = np.random.default_rng(seed)
    return (0.1 * draws.standard_normal(round(seconds * rate))).astype(np.float32)


def sound(seconds: float, seed: int = 0, *, rate: int = 32_000, kind: str = "WAV") -> Reply:
    file = io.BytesIO()
    soundfile.write(file, noise(seconds, seed, rate), rate, format=kind)
    return Reply(200, file.getvalue(), {"Content-Type": f"audio/{kind.lower()}"})


def obedient(asked: Asked) -> Reply:
    """Answer with as much as was asked for, the same for the same seed."""
    wishes = asked.json["parameters"]
    return sound(wishes["duration"], wishes["seed"])


def played(url: str, watch: Watch | None = None, bars: int = 1) -> np.ndarray:
    part, score = song_of(f"hf:{url}", bars)
    player = backends.player(f"hf:{url}")
    with backends.watched(watch or Watch()):
        blocks = list(player(part, score, Stems(score, ()), 7))
    return np.concatenate([block.samples for block in blocks], axis=1)


def recorded(answer: Answer) -> tuple[list[Asked], Answer]:
    asked: list[Asked] = []

    def answering(request: Asked) -> Reply:
        asked.append(request)
        return answer(request)

    return asked, answering


def test_an_endpoint_plays_a_part_to_the_sample() -> None:
    asked, answer = recorded(obedient)
    with serving(answer) as address:
        x = played(f"{address}/", bars=2)
        again = played(f"{address}/", bars=2)
    _, score = song_of("hf", 2)
    assert x.shape == (2, score.n_samples)
    quarters = np.array_split(x[:, : -9 * SAMPLE_RATE], 4, axis=1)
    assert all(np.sqrt(np.mean(quarter**2)) > 0.02 for quarter in quarters)
    assert np.array_equal(x, again), "the same seeds were asked for"
    first = asked[0]
    assert first.method == "POST" and "audio/" in first.headers["accept"]
    assert "BPM" in first.json["inputs"] and "A minor" in first.json["inputs"]
    seeds = [one.json["parameters"]["seed"] for one in asked]
    assert len(set(seeds)) > 2 and seeds[: len(seeds) // 2] == seeds[len(seeds) // 2 :]


def test_the_token_goes_into_the_header_and_nowhere_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    asked, answer = recorded(obedient)
    said: list[str] = []
    watch = Watch(say=said.append, show=said.append)
    with serving(answer) as address, caplog.at_level(logging.DEBUG, "halation"):
        url = f"{address}/models/mine?key=private"
        with pytest.warns(UserWarning, match="leave this machine") as warned:
            song = halation.make("fog", seed=3, length_s=30, players={"all": f"hf:{url}"})
        folder = song.write(tmp_path)
        played(url, watch)
    assert {one.headers["authorization"] for one in asked} == {f"Bearer {TOKEN}"}
    assert TOKEN not in str([(one.path, one.body) for one in asked])
    out, err = capfd.readouterr()
    assert TOKEN not in "\n".join([*said, out, err, caplog.text, str(warned[0].message)])
    for file in folder.rglob("*"):
        if file.is_file():
            assert TOKEN.encode() not in file.read_bytes()
            assert b"private" not in file.read_bytes() and address.encode() not in file.read_bytes()
    assert '"endpoint"' in (folder / "song.json").read_text()
    with pytest.raises(BackendError, match="--endpoint URL"):
        halation.remake(folder / "song.json")


def test_a_song_that_is_made_again_wants_its_endpoint_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(BackendError, match="--endpoint URL"):
        backends.player("hf")
    monkeypatch.setenv("HALATION_ENDPOINT", "http://127.0.0.1:1/")
    part, _ = song_of("hf")
    again = Remote().cast(part)
    assert (again.player, again.patch) == ("hf:http://127.0.0.1:1/", "endpoint")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "given by its URL"),
        ("ftp://127.0.0.1/x", "given by its URL"),
        ("https://[broken", "given by its URL"),
        ("http://example.org/model", "plain http.*use https"),
        ("http://127.0.0.1.example.org/", "plain http"),
    ],
)
def test_an_address_to_which_nothing_may_go_is_refused(url: str, message: str) -> None:
    with pytest.raises(BackendError, match=message):
        backends.player(f"hf:{url}")


def test_only_hugging_face_and_this_machine_are_sent_the_token() -> None:
    hosts = ("a.endpoints.huggingface.cloud", "me-x.hf.space", "127.0.0.1")
    assert all(endpoint._token(host) == TOKEN for host in hosts)
    assert not any(endpoint._token(h) for h in ("example.org", "evilhuggingface.co", "hf.co.uk"))


def test_it_is_said_once_to_whom_the_words_go_before_they_go() -> None:
    asked, answer = recorded(obedient)
    with serving(answer) as address:
        players = (("all", f"hf:{address}"),)
        with pytest.warns(UserWarning, match="leave this machine for 127.0.0.1") as warned:
            list(pipeline.compose(Brief(seed=1, length_s=30.0, players=players)))
    assert len(warned) == 1
    assert not asked


def test_an_endpoint_that_plays_shorter_is_asked_for_what_it_can() -> None:
    asked, answer = recorded(
        lambda one: sound(
            min(8.0, one.json["parameters"]["duration"]), one.json["parameters"]["seed"]
        )
    )
    with serving(answer) as address:
        x = played(address, bars=4)
    _, score = song_of("hf", 4)
    assert x.shape[1] == score.n_samples
    wishes = [one.json["parameters"]["duration"] for one in asked]
    assert wishes[0] == 30 and max(wishes[1:]) <= 8


def test_an_endpoint_that_gives_a_moment_says_how_long() -> None:
    with (
        serving(lambda _: sound(1.0)) as address,
        pytest.raises(BackendError, match=r"127\.0\.0\.1 answered with 1.0 s .* were asked for"),
    ):
        played(address)


@pytest.mark.parametrize("shape", [1, 2])
def test_a_handler_that_stumbles_over_parameters_is_asked_more_plainly(shape: int) -> None:
    said: list[str] = []

    def picky(one: Asked) -> Reply:
        wishes = one.json["parameters"]
        if shape == 2:
            wishes = wishes.get("generate_kwargs", {"seed": 0})
        if wishes.keys() - {"max_new_tokens", "do_sample"}:
            return Reply.json({"error": "unexpected keyword argument 'seed'"}, 500)
        frames = noise(wishes["max_new_tokens"] / 50, 1, 32_000)
        return Reply.json([{"generated_audio": [frames.tolist()], "sampling_rate": 32_000}])

    asked, answer = recorded(picky)
    with serving(answer) as address:
        x = Endpoint(address)
        assert decoded(*x.ask("fog", 2.0, 1), host="x").shape[1] >= 2 * SAMPLE_RATE
        x.ask("fog", 2.0, 2)
        assert len(asked) == shape + 2, "it remembers"
        assert not x.seeded
        if shape == 1:
            played(address, Watch(say=said.append))
    assert shape == 2 or any("takes no seed" in text for text in said)


def two_answers(first: Reply) -> Answer:
    replies: Iterator[Reply] = iter([first, first])
    return lambda one: next(replies, None) or sound(one.json["parameters"]["duration"])


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (Reply.json({"error": "loading", "estimated_time": 0.02}, 503), "is waking up"),
        (Reply(503, b"<html>starting</html>"), "is waking up"),
        (Reply(503, headers={"Retry-After": "0"}), ""),
        (Reply(429), "wants a pause"),
        (Reply(429, headers={"Retry-After": "Fri, 01 Jan 2021 00:00:00 GMT"}), ""),
    ],
)
def test_it_waits_for_an_endpoint_that_will_answer(reply: Reply, shown: str) -> None:
    showed: list[str] = []
    asked, answer = recorded(two_answers(reply))
    with serving(answer) as address, backends.watched(Watch(show=showed.append)):
        kind, body = Endpoint(address).ask("fog", 2.0, 1)
    assert decoded(kind, body, host="x").shape[1] == 2 * SAMPLE_RATE
    assert len(asked) == 3
    assert not shown or any(shown in text for text in showed)


def test_an_endpoint_that_does_not_wake_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "WAKE_S", 0.1)
    with (
        serving(lambda _: Reply(503)) as address,
        pytest.raises(BackendError, match="did not wake up within"),
    ):
        Endpoint(address).ask("fog", 2.0, 1)


def test_who_is_asked_too_often_is_not_asked_for_ever() -> None:
    asked, answer = recorded(lambda _: Reply(429))
    with (
        serving(answer) as address,
        pytest.raises(BackendError, match=r"too often \(429\): try again"),
    ):
        Endpoint(address).ask("fog", 2.0, 1)
    assert len(asked) == endpoint.TURNS
    with (
        serving(lambda _: Reply(429, headers={"Retry-After": "3600"})) as address,
        pytest.raises(BackendError, match="try again in 3600 s"),
    ):
        Endpoint(address).ask("fog", 2.0, 1)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(401), r"refuses \(401\): your token may not use it"),
        (Reply(403), r"refuses \(403\)"),
        (Reply(402), "wants to be paid"),
        (Reply(404), "no model at that address"),
        (Reply(307, headers={"Location": "https://example.org/"}), "sends elsewhere"),
        (Reply.json({"error": f"no\n\x1b[31m {TOKEN}"}, 400), r"\(400\): no \[31m …"),
        (Reply(502), r"failed \(502\): try again later"),
        (Reply(200), "what is no sound"),
        (Reply(200, b"<html>hello</html>", {"Content-Type": "text/html"}), "calls it text/html"),
        (Reply(200, b"[1, 2", {"Content-Type": "application/json"}), "no sound"),
        (Reply.json({"text": "hello"}), "no sound"),
        (Reply.json([{"generated_audio": "hello", "sampling_rate": 32_000}]), "no sound"),
        (Reply.json([{"generated_audio": [0.1] * 9, "sampling_rate": 0}]), "no sound"),
        (Reply.json([{"generated_audio": [], "sampling_rate": 32_000}]), "an empty"),
        (Reply.json([{"generated_audio": [0.0] * 99, "sampling_rate": 32_000}]), "silence"),
        (Reply.json([{"generated_audio": [float("nan")], "sampling_rate": 32_000}]), "broken"),
        (sound(0.0), "an empty"),
    ],
)
def test_an_answer_that_is_none_gets_one_line(reply: Reply, message: str) -> None:
    with serving(lambda _: reply) as address, pytest.raises(BackendError, match=message) as caught:
        played(address)
    text = str(caught.value)
    assert "\n" not in text and "\x1b" not in text and TOKEN not in text
    assert "127.0.0.1" in text


def test_without_a_token_a_refusal_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    asked, answer = recorded(lambda _: Reply(401))
    with serving(answer) as address, pytest.raises(BackendError, match="set HF_TOKEN, or log in"):
        Endpoint(address).ask("fog", 2.0, 1)
    assert "authorization" not in asked[0].headers


def test_an_endpoint_that_is_away_gets_one_line() -> None:
    with serving(obedient) as address:
        pass  # and is gone
    with pytest.raises(BackendError, match=r"cannot be reached .* are you online"):
        Endpoint(address).ask("fog", 2.0, 1)


def test_an_answer_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ANSWER_S", 0.1)
    given_up = threading.Event()

    def answer(_: Asked) -> Reply:
        given_up.wait(30.0)
        return Reply()

    with serving(answer) as address:
        with pytest.raises(BackendError, match=r"no answer within 0.1 s"):
            Endpoint(address).ask("fog", 2.0, 1)
        given_up.set()


@pytest.mark.parametrize("status", [200, 503])
def test_who_stops_does_not_wait_for_the_answer(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "WAKE_PAUSE_S", 60.0)
    asked, stopped = threading.Event(), threading.Event()

    def answer(_: Asked) -> Reply:
        asked.set()
        if status == 200:
            assert stopped.wait(30.0), "the answer comes only when nobody waits any more"
        return Reply(status)

    with serving(answer) as address:
        with pytest.raises(Stopped):
            played(address, Watch(stopped=asked.is_set))
        stopped.set()


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3"])
def test_sound_files_of_any_kind_are_read(kind: str) -> None:
    reply = sound(2.0, rate=44_100, kind=kind)
    x = decoded(reply.headers["Content-Type"], reply.body, host="x")
    assert abs(x.shape[1] - 2 * SAMPLE_RATE) < 4000 and np.sqrt(np.mean(x**2)) > 0.05


def test_numbers_of_any_shape_are_read_at_their_own_rate() -> None:
    mono = noise(1.0, 0, 22_050).tolist()
    shapes = (mono, [mono], [[mono, mono]], [list(pair) for pair in zip(mono, mono, strict=True)])
    for audio in shapes:
        body = json.dumps({"audio": audio, "sampling_rate": 22_050}).encode()
        x = decoded("application/json", body, host="x")
        assert x.shape[1] == SAMPLE_RATE and x.shape[0] in (1, 2)
    packed = base64.b64encode(sound(1.0, rate=44_100).body).decode()
    x = decoded("", json.dumps([{"generated_audio": packed}]).encode(), host="x")
    assert x.shape == (1, SAMPLE_RATE)
    loud = json.dumps([{"generated_audio": [32767, -32768] * 999, "sampling_rate": 44_100}])
    assert np.abs(decoded("", loud.encode(), host="x")).max() <= 1.0


def gradio(asked: Asked, *, prefix: str = "/gradio_api", event: str = "complete") -> Reply:
    """Answer as a Space with two functions does."""

    def field(name: str, kind: str, component: str, default: Any = None) -> dict[str, Any]:
        return {
            "parameter_name": name,
            "label": name.title(),
            "type": {"type": kind},
            "component": component,
            "parameter_default": default,
        }

    play = [
        field("negative_prompt", "string", "Textbox", "noise"),
        field("description", "string", "Textbox"),
        field("melody", "", "Audio"),
        field("duration", "number", "Slider", 10),
        field("seed", "number", "Number", 0),
        field("randomize_seed", "boolean", "Checkbox", True),
        field("guidance", "number", "Slider", 3.5),
    ]
    path = asked.path.removeprefix(prefix) if asked.path.startswith(prefix) else "nowhere"
    if path == "/info":
        functions = {
            "/lambda": {"parameters": [], "returns": []},
            "/play": {"parameters": play, "returns": [{"component": "Audio"}]},
        }
        return Reply.json({"named_endpoints": functions})
    if path == "/call/play":
        return Reply.json({"event_id": "e-1"})
    if path == "/call/play/e-1":
        data = json.dumps([None, {"path": "/tmp/gradio/a b.wav", "url": "https://example.org/"}])
        data = data if event == "complete" else '"GPU quota exceeded"'
        stream = f"event: heartbeat\ndata: null\n\nevent: {event}\ndata: {data}\n\n"
        return Reply(200, stream.encode(), {"Content-Type": "text/event-stream"})
    if path == "/file=/tmp/gradio/a%20b.wav":
        return sound(30.0)
    return Reply(404)


def as_space(address: str) -> Endpoint:
    space = connect("https://me-music.hf.space")
    vars(space)["_root"] = address
    return space


@pytest.mark.parametrize("prefix", ["/gradio_api", ""])
def test_a_space_is_told_what_its_function_asks_for(prefix: str) -> None:
    asked, answer = recorded(lambda one: gradio(one, prefix=prefix))
    with serving(answer) as address:
        kind, body = as_space(address).ask("fog", 12.3, 5)
    assert decoded(kind, body, host="x").shape == (1, 30 * SAMPLE_RATE)
    (call,) = [one for one in asked if one.method == "POST"]
    assert call.json == {"data": ["noise", "fog", None, 13, 5, False, 3.5]}
    assert {one.headers["authorization"] for one in asked} == {f"Bearer {TOKEN}"}


def test_a_space_plays_a_part_to_the_sample() -> None:
    with serving(gradio) as address:
        x = played(f"{address}/gradio_api/call/play")
    assert x.shape[1] == song_of("hf")[1].n_samples


@pytest.mark.parametrize(
    ("place", "answer", "message"),
    [
        ("play", lambda one: gradio(one, event="error"), "failed: GPU quota exceeded"),
        ("play", lambda one: gradio(one, event="generating"), "ended without an answer"),
        ("sing", gradio, "has no /sing; it has: /lambda, /play"),
        ("play", lambda _: Reply(404), "no model at that address"),
        ("play", lambda _: Reply(200, b"<html>"), "no Space that speaks"),
    ],
)
def test_a_space_that_does_not_play_gets_one_line(place: str, answer: Answer, message: str) -> None:
    with serving(answer) as address, pytest.raises(BackendError, match=message) as caught:
        played(f"{address}/gradio_api/call/{place}")
    assert "\n" not in str(caught.value)


def test_the_page_of_a_space_means_the_space() -> None:
    assert connect("https://huggingface.co/spaces/Me/My_Music.2").host == "me-my-music-2.hf.space"
