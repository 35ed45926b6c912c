"""The way of a song: what is yielded, in which order, and what breaks a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from halation import backends, crew, fx, playing
from halation.backends import Description
from halation.pipeline import Artefact, compose, produce, render
from halation.types import (
    STEM_NAMES,
    Audio,
    BackendError,
    Block,
    Brief,
    Form,
    Mix,
    Mood,
    Part,
    Plan,
    Score,
    Song,
    Stem,
    Stems,
)

BRIEF = Brief(seed=5, text="a short walk in fog", length_s=30.0)


@pytest.fixture(scope="module")
def artefacts() -> list[Artefact]:
    return list(produce(BRIEF, workers=2))


def test_every_artefact_comes_out_in_the_order_of_making(artefacts: list[Artefact]) -> None:
    kinds = [type(artefact) for artefact in artefacts]
    assert kinds[:4] == [Mood, Form, Score, Plan]
    assert kinds[-2:] == [Mix, Song]
    names = [a.name for a in artefacts if isinstance(a, Stem)]
    assert set(names) <= set(STEM_NAMES)
    assert names[-1] == "space"


def test_the_number_of_workers_changes_no_sample(artefacts: list[Artefact]) -> None:
    *_, alone = produce(BRIEF, workers=1)
    *_, crowd = produce(BRIEF, workers=4)
    song = artefacts[-1]
    assert isinstance(song, Song)
    assert isinstance(alone, Song)
    assert isinstance(crowd, Song)
    for other in (alone, crowd):
        assert np.array_equal(song.master.samples, other.master.samples)
        for a, b in zip(song.mix.stems.tracks, other.mix.stems.tracks, strict=True):
            assert a.name == b.name
            assert np.array_equal(a.audio.samples, b.audio.samples)


def test_the_stems_sum_to_the_mix(artefacts: list[Artefact]) -> None:
    song = artefacts[-1]
    assert isinstance(song, Song)
    total = np.sum([t.audio.samples.astype(np.float64) for t in song.mix.stems.tracks], axis=0)
    rest = np.sqrt(np.mean((song.mix.audio.samples - total) ** 2))
    assert 20 * np.log10(rest / np.sqrt(np.mean(total**2)) + 1e-12) < -90


def test_another_seed_is_another_song() -> None:
    first, second = (
        next(a for a in compose(replace(BRIEF, seed=seed)) if isinstance(a, Score))
        for seed in (1, 2)
    )
    assert first.motif != second.motif


def test_closing_the_generator_renders_nothing_more() -> None:
    *_, plan = compose(BRIEF)
    assert isinstance(plan, Plan)
    making = render(plan, workers=1)
    assert isinstance(next(making), Block)
    making.close()
    with pytest.raises(StopIteration):
        next(making)


class Tone:
    """A stranger's player, as simple as can be."""

    description = Description("a test tone", "CC0-1.0", True)

    def __init__(self, *, missing: int = 0, rate: int = 44_100) -> None:
        self.missing = missing
        self.rate = rate
        self.heard: list[str] = []

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        self.heard = [track.name for track in heard.tracks]
        n = score.n_samples - self.missing
        for start in range(0, n, 50_000):
            t = np.arange(start, min(start + 50_000, n)) / self.rate
            yield Audio(np.tile(0.1 * np.sin(2.0 * np.pi * 440.0 * t), (2, 1)), self.rate)


def plan_with(player: Tone, monkeypatch: pytest.MonkeyPatch, hears: tuple[str, ...] = ()) -> Plan:
    """Give every part of one stem to a player that is not installed."""
    real, told = backends.player, backends.describe
    monkeypatch.setattr(backends, "player", lambda n: player if n == "tone" else real(n))
    monkeypatch.setattr(
        backends, "describe", lambda k, n: player.description if n == "tone" else told(k, n)
    )
    *_, plan = compose(BRIEF)
    assert isinstance(plan, Plan)
    parts = tuple(
        replace(p, player="tone", hears=hears) if p.stem == "pads" else p for p in plan.score.parts
    )
    return fx.plan(replace(plan.score, parts=parts))


def test_a_strangers_player_is_as_good_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    tone = Tone()
    *_, song = render(plan_with(tone, monkeypatch, hears=("keys",)), workers=1)
    assert isinstance(song, Song)
    assert tone.heard == ["keys"]


def test_a_model_that_hears_others_is_asked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process plays what it hears, and does not know it."""
    tone = Tone()
    monkeypatch.setattr(tone, "description", replace(tone.description, reads="words"))
    *_, song = render(plan_with(tone, monkeypatch, hears=("keys",)), workers=2)
    assert isinstance(song, Song)
    assert tone.heard == ["keys"]


def test_a_cloud_hears_all_of_a_stem_that_hears_another(monkeypatch: pytest.MonkeyPatch) -> None:
    clouds = []
    for hears in ((), ("keys",)):
        plan = plan_with(Tone(), monkeypatch, hears)
        assert any("pads" in p.hears for p in plan.score.parts if p.stem == "textures")
        *_, song = render(plan, workers=1)
        assert isinstance(song, Song)
        clouds += [t.audio.samples for t in song.mix.stems.tracks if t.name == "textures"]
    assert clouds[0].any()
    assert np.abs(clouds[0] - clouds[1]).max() < 1e-4  # faders hear all stems


def test_a_player_that_stops_early_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendError, match="'tone' yielded"):
        list(render(plan_with(Tone(missing=7), monkeypatch), workers=1))


def test_a_player_at_the_wrong_rate_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendError, match="must yield stereo at 44100 Hz"):
        list(render(plan_with(Tone(rate=32_000), monkeypatch), workers=1))


def test_parts_that_hear_one_another_in_a_circle_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    *_, plan = compose(BRIEF)
    assert isinstance(plan, Plan)
    circle = {"pads": ("keys",), "keys": ("pads",)}
    parts = tuple(replace(p, hears=circle.get(p.stem, ())) for p in plan.score.parts)
    with pytest.raises(BackendError, match="circle"):
        list(render(fx.plan(replace(plan.score, parts=parts))))


def test_an_unknown_composer_is_refused_with_a_hint() -> None:
    with pytest.raises(BackendError, match="did you mean 'rules'"):
        list(compose(replace(BRIEF, composer="rule")))


def test_a_player_for_a_part_that_is_not_there_is_refused() -> None:
    with pytest.raises(BackendError, match="no part or stem named 'tuba'"):
        list(compose(replace(BRIEF, players=(("tuba", "synth"),))))


@pytest.mark.parametrize("seed", [14, 33])
def test_a_cloud_and_an_opening_are_the_same_however_many_play(seed: int) -> None:
    # A cloud hears a stretch that is replaced as a whole (14); the intro is set with its opening,
    # of which nothing must be given back before (33).
    brief = Brief(seed=seed, text="Bladee floating in dreamscape", length_s=60.0)
    masters = [
        [a.master.samples for a in produce(brief, workers=n, keep=False) if isinstance(a, Block)]
        for n in (1, 2)
    ]
    alone, shared = (np.concatenate(blocks, axis=1) for blocks in masters)
    np.testing.assert_array_equal(alone, shared)


@pytest.mark.parametrize("when", ["before it plays", "when it has played"])
def test_what_dies_with_a_process_is_played_again(
    artefacts: list[Artefact], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    call = crew.Member.call
    calls: list[object] = []

    def dies_late(self: crew.Member, function: Callable[..., Any], *arguments: object) -> Any:
        calls.append(function)
        dies = calls.count(playing._advance_there) == 3
        if dies and when == "when it has played":
            call(self, function, *arguments)
        if dies:
            self.dismiss()
        return call(self, function, *arguments)

    monkeypatch.setattr(crew.Member, "call", dies_late)
    plan = next(a for a in artefacts if isinstance(a, Plan))
    *_, again = render(plan, workers=2)
    assert isinstance(again, Song)
    song = artefacts[-1]
    assert isinstance(song, Song)
    np.testing.assert_array_equal(again.master.samples, song.master.samples)
