"""How a model that answers in pieces plays a part; the models here are a few lines of numpy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from halation import backends
from halation.stems.neural import beat, clock, performance, prompts
from halation.stems.neural.performance import Request, perform
from halation.testing import small_score
from halation.types import (
    SAMPLE_RATE,
    WHOLE_SONG,
    Audio,
    BackendError,
    Brief,
    Note,
    Part,
    Plan,
    Score,
)

Signal = NDArray[np.float32]
RATE = 22_050


@dataclass
class Fake:
    """A model that answers with what a function makes of a request."""

    answer: Callable[[Request, Fake], Signal]
    name: str = "fake"
    sample_rate: int = RATE
    longest_s: float = 12.0
    memory_s: float = 2.0
    follows: Literal["", "tune", "song"] = ""
    asked: list[Request] = field(default_factory=list)

    def play(self, request: Request) -> Signal:
        self.asked.append(request)
        return self.answer(request, self)


def noise(request: Request, model: Fake) -> Signal:
    draws = np.random.default_rng(request.seed)
    loud = 10.0 ** draws.uniform(-2.5, 0.0)
    count = request.n_samples(model.sample_rate)
    return np.float32(loud) * draws.standard_normal((2, count), np.float32)


def clicks(late_s: float, slower: float) -> Callable[[Request, Fake], Signal]:
    """Answer with a beat, each stretch's first one late, all of them too slow."""

    def answer(request: Request, model: Fake) -> Signal:
        count = request.n_samples(model.sample_rate)
        x = np.zeros((1, count), np.float32)
        hit = np.random.default_rng(0).standard_normal(900) * np.exp(-np.arange(900) / 150.0)
        at = request.overlap_s + late_s
        while round(at * model.sample_rate) + 900 < count:
            start = max(0, round(at * model.sample_rate))
            x[0, start : start + 900] += hit.astype(np.float32)
            at += 60.0 / request.tempo_bpm * slower
        return x

    return answer


def song_part(score: Score | None = None, *, stem: str = WHOLE_SONG, from_beat: int = 0) -> Part:
    notes = tuple(Note(float(b), 1.0, 60, 80) for b in range(from_beat, 80, 2))
    return Part(stem, stem, "fake", "", notes)


def score_of(part: Part, bars: int = 4) -> Score:
    """Return five sections of so many bars at 140 BPM, with one part."""
    return small_score(part, bars=bars)


def played(model: Fake, score: Score, watch: backends.Watch | None = None) -> Signal:
    with backends.watched(watch or backends.Watch()):
        blocks = list(perform(model, score.parts[0], score, 1))
    assert all(isinstance(b, Audio) and b.channels == 2 for b in blocks)
    return np.concatenate([b.samples for b in blocks], axis=1)


@pytest.mark.parametrize("rate", [RATE, 32_000, SAMPLE_RATE])
@pytest.mark.parametrize("memory_s", [0.0, 2.0])
def test_a_model_plays_exactly_as_long_as_the_song(rate: int, memory_s: float) -> None:
    score = score_of(song_part())
    model = Fake(noise, sample_rate=rate, memory_s=memory_s)
    x = played(model, score)
    assert x.shape == (2, score.n_samples)
    assert all(r.duration_s + max(memory_s, r.overlap_s) <= 12.0 + 1e-6 for r in model.asked)
    assert len(model.asked) >= 5


def test_a_model_goes_on_from_the_very_end_of_what_has_sounded() -> None:
    score = score_of(song_part())
    model = Fake(noise)
    played(model, score)
    assert model.asked[0].before.shape[1] == 0
    assert all(r.before.shape == (2, 2 * RATE) for r in model.asked[1:])


def test_each_section_is_asked_for_in_its_own_words() -> None:
    score = score_of(song_part())
    model = Fake(noise)
    played(model, score)
    told = {r.section.name: r.prompt for r in model.asked}
    assert list(told) == [s.name for s in score.form.sections]
    assert len(set(told.values())) == len(told)


def test_neither_level_nor_loudness_of_an_answer_drifts() -> None:
    score = score_of(song_part())
    x = played(Fake(noise), score)
    size = 2 * SAMPLE_RATE
    whole = x[:, SAMPLE_RATE : -round(performance.ENDING_S * SAMPLE_RATE)]
    levels = [
        10 * np.log10(np.mean(whole[:, i : i + size] ** 2))
        for i in range(0, whole.shape[1] - size, size)
    ]
    assert max(levels) - min(levels) < 2.0


@pytest.mark.parametrize("memory_s", [0.0, 2.0])
def test_seams_have_no_click_and_no_hole(memory_s: float) -> None:
    """Every answer is a tone of its own; a step of the wave or of its level would be heard."""

    def tone(request: Request, model: Fake) -> Signal:
        pitch_hz = 200.0 + request.seed % 100
        t = np.arange(request.n_samples(model.sample_rate)) / model.sample_rate
        wave: Signal = np.sin(2 * np.pi * pitch_hz * t + request.seed)[None].astype(np.float32)
        return wave

    score = score_of(song_part())
    x = played(Fake(tone, memory_s=memory_s), score)[0]
    body = x[SAMPLE_RATE : -round(performance.ENDING_S * SAMPLE_RATE)]
    steepest = 2 * np.pi * 300.0 / SAMPLE_RATE * np.abs(body).max()
    assert np.abs(np.diff(body)).max() < 1.5 * steepest
    size = SAMPLE_RATE // 10
    power = [np.mean(body[i : i + size] ** 2) for i in range(0, len(body) - size, size)]
    assert 10 * np.log10(min(power) / max(power)) > -6.0


def test_a_part_is_silent_where_it_rests_and_a_song_has_an_end() -> None:
    score = score_of(song_part(stem="pads", from_beat=33))
    x = played(Fake(noise), score)
    start = round(score.seconds_at(33.0) * SAMPLE_RATE)
    assert np.abs(x[:, : start - 200]).max() < 1e-3
    assert np.abs(x[:, start : start + SAMPLE_RATE]).max() > 0.01
    whole = score_of(song_part())
    y = played(Fake(noise), whole)
    last = y[:, -SAMPLE_RATE // 5 :]
    assert np.sqrt(np.mean(last**2)) < 0.03 * np.sqrt(np.mean(y**2))


@pytest.mark.parametrize(("late_s", "slower"), [(0.07, 1.0), (-0.05, 1.03), (0.11, 0.96)])
def test_a_beat_that_is_off_is_set_on_the_grid_and_reported(late_s: float, slower: float) -> None:
    score = score_of(song_part())
    said: list[str] = []
    x = played(Fake(clicks(late_s, slower)), score, backends.Watch(say=said.append))
    found = beat.measure(x[:, : 20 * SAMPLE_RATE], SAMPLE_RATE, score.seconds_at(1.0))
    assert found is not None
    assert abs(found.offset_s) < 0.015
    assert abs(found.ratio - 1.0) < 0.003
    assert len(said) == 1
    assert "song by fake: tempo off by up to" in said[0]
    assert "of the grid" in said[0]


def test_another_tempo_is_asked_for_again_with_another_seed() -> None:
    score = score_of(song_part())
    tries: list[int] = []

    def answer(request: Request, model: Fake) -> Signal:
        tries.append(request.seed)
        return clicks(0.0, 1.1 if len(tries) % 2 else 1.0)(request, model)

    said: list[str] = []
    x = played(Fake(answer), score, backends.Watch(say=said.append))
    assert len(set(tries)) == len(tries)
    found = beat.measure(x[:, : 20 * SAMPLE_RATE], SAMPLE_RATE, score.seconds_at(1.0))
    assert found is not None
    assert abs(found.ratio - 1.0) < 0.003
    assert "asked again" in said[0]


def test_after_a_rest_a_model_goes_on_from_what_it_played_before() -> None:
    notes = tuple(Note(float(b), 1.0, 60, 80) for b in (*range(0, 16, 2), *range(32, 48, 2)))
    score = score_of(Part("pads", "pads", "fake", "", notes))
    model = Fake(noise)
    played(model, score)
    second = next(r for r in model.asked if r.section.name == "hook")
    assert second.overlap_s == 0.0
    assert second.before.shape == (2, 2 * RATE)
    assert np.sqrt(np.mean(second.before[:, -RATE // 4 :] ** 2)) > 0.05, "it is no silence"


def test_a_recording_is_not_asked_for_again() -> None:
    def recording(request: Request, model: Fake) -> Signal:
        return clicks(0.0, 1.1)(request, model)

    said: list[str] = []
    played(Fake(recording), score_of(song_part()), backends.Watch(say=said.append))
    assert "asked again" not in said[0]
    assert "could not be mended" in said[0]


def test_what_has_no_beat_is_left_as_it_is() -> None:
    score = score_of(song_part())
    said: list[str] = []
    model = Fake(noise)
    played(model, score, backends.Watch(say=said.append))
    assert said == ["song by fake: no beat found, left as it is"]
    assert len({r.seed for r in model.asked}) == len(model.asked)


def test_an_estimate_is_of_the_models_pace_and_not_of_what_came_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Our own render of the source takes long, and so does a first step."""
    now = 0.0

    def tick(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now)

    def pace(request: Request, model: Fake) -> Signal:
        tick(30.0)
        for share in np.linspace(0.01, 1.0, 100):
            request.step(float(share))
            tick(0.7)
        return noise(request, model)

    def source() -> Signal:
        tick(1000.0)
        return np.zeros((2, score.n_samples), np.float32)

    score = score_of(song_part())
    said: list[str] = []
    with backends.watched(backends.Watch(say=said.append)):
        list(perform(Fake(pace, follows="song"), score.parts[0], score, 1, source))
    estimate = next(line for line in said if "on this machine" in line)
    assert "0.098 × real time" in estimate  # a stretch of 6.9 s in 70 s


def test_a_long_render_is_estimated_while_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "ESTIMATE_AFTER_S", 0.0)
    monkeypatch.setattr(clock, "LONG_S", 0.0)

    def slow(request: Request, model: Fake) -> Signal:
        for share in (0.1, 0.5, 1.0):
            request.step(share)
        return noise(request, model)

    said: list[str] = []
    shown: list[str] = []
    played(Fake(slow), score_of(song_part()), backends.Watch(say=said.append, show=shown.append))
    assert "on this machine" in said[0]
    assert "× real time" in said[0]
    assert len([line for line in said if "on this machine" in line]) == 1
    assert any("song by fake: hook," in line and "left" in line for line in shown)


def test_whoever_leaves_stops_the_model_at_its_next_step() -> None:
    gone = False

    def slow(request: Request, model: Fake) -> Signal:
        nonlocal gone
        request.step(0.1)
        gone = True
        request.step(0.2)
        raise AssertionError("it went on")

    with pytest.raises(backends.Stopped):
        played(Fake(slow), score_of(song_part()), backends.Watch(stopped=lambda: gone))


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (lambda r, m: noise(r, m)[:, :-9], "where"),
        (lambda r, m: noise(r, m) * np.nan, "no sound"),
        (lambda r, m: np.zeros((3, 9), np.float32), "answered with shape"),
    ],
)
def test_a_broken_answer_is_named(answer: Any, match: str) -> None:
    with pytest.raises(BackendError, match=match):
        played(Fake(answer), score_of(song_part()))


def test_a_model_that_follows_hears_our_own_render_of_its_stretch() -> None:
    score = score_of(song_part())
    clock = np.arange(score.n_samples, dtype=np.float32)
    model = Fake(noise, follows="song")
    list(perform(model, score.parts[0], score, 1, lambda: np.stack([clock, clock])))
    for request in model.asked:
        assert request.source is not None
        start_s = score.seconds_at(request.section.start_beats) - request.overlap_s
        if request is next(r for r in model.asked if r.section == request.section):
            assert request.source[0, 0] == pytest.approx(start_s * SAMPLE_RATE, abs=2)


def written(text: str = "", **wishes: Any) -> Iterator[tuple[Score, Part]]:
    from halation.casting import _taken_over
    from halation.pipeline import compose

    *_, plan = compose(Brief(seed=5, text=text, **wishes))
    assert isinstance(plan, Plan)
    yield plan.score, _taken_over("all", "fake", list(plan.score.parts))


def test_without_a_text_a_song_begins_with_the_missions_words() -> None:
    ((score, part),) = written()
    for section in score.form.sections:
        told = prompts.prompt(part, score, section)
        assert told.startswith("dreamy ambient trap beat, slow BPM, heavy reverb, ")
        assert score.form.key.name in told
        assert f"{score.form.tempo_bpm / 2:.0f} BPM" in told


def test_with_a_text_a_song_begins_with_it_and_names_who_plays() -> None:
    ((score, part),) = written("angels ice skating", instrumental=True)
    hook = next(s for s in score.form.sections if s.role == "hook")
    told = prompts.prompt(part, score, hook)
    assert told.startswith("angels ice skating, ")
    assert "hi-hats" in told
    assert told.endswith("instrumental")


def test_a_stem_is_asked_for_alone() -> None:
    ((score, whole),) = written()
    pads = next(row for row in whole.instead if row.stem == "pads")
    part = Part("pads", "pads", "fake", "", pads.notes, instead=(pads,))
    told = prompts.prompt(part, score, score.form.sections[1])
    assert told.startswith("solo slow lush synth pad")


@pytest.mark.parametrize("ratio", [0.96, 1.0, 1.03])
def test_a_beat_is_measured_to_a_few_milliseconds(ratio: float) -> None:
    score = score_of(song_part())
    request = Request(
        "", 20.0, 0.0, np.zeros((1, 0), np.float32), None, score.form.sections[0], 140.0,
        score.form.key, 0, False, lambda _share: None,
    )  # fmt: skip
    x = clicks(0.1, ratio)(request, Fake(noise))
    found = beat.measure(x, RATE, 60.0 / 140.0)
    assert found is not None
    assert found.ratio == pytest.approx(ratio, abs=0.001)
    assert found.offset_s == pytest.approx(0.1, abs=0.006)


def test_noise_and_a_held_chord_have_no_beat() -> None:
    draws = np.random.default_rng(0)
    t = np.arange(20 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 261.6, 329.6))
    chord = chord * (1.0 + 0.3 * np.sin(2 * np.pi * 0.1 * t))
    for x in (draws.standard_normal(20 * RATE), chord):
        assert beat.measure(x[None].astype(np.float32), RATE, 60.0 / 140.0) is None
