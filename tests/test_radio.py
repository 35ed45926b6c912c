"""A station wanders, and stays itself."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from halation import form, mood
from halation.radio import brief_of
from halation.types import MAX_SEED, MAX_TEXT_LENGTH, Brief

STATIONS = ("rain at night", "euphoric summer rave", "heartbroken ghost in the snow", "zxqj", "雨")


def places(station: str, seed: int = 7, songs: int = 30) -> np.ndarray:
    read = [mood.read(brief_of(station, seed, number)) for number in range(songs)]
    return np.array([[getattr(m, axis) for axis in mood.AXES] for m in read])


@pytest.mark.parametrize("station", STATIONS[:3])
def test_the_mood_wanders_but_not_away(station: str) -> None:
    way = places(station)
    from_home = np.linalg.norm(way - way[0], axis=1)
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    stranger = places("", songs=60)
    between_strangers = np.linalg.norm(stranger[::2] - stranger[1::2], axis=1).mean()
    assert 0.15 < np.median(steps) < 0.8
    assert from_home.mean() < 0.6 * between_strangers
    assert from_home[-10:].mean() < 1.5 * from_home[1:11].mean() + 0.2  # it does not drift away


@pytest.mark.parametrize("station", STATIONS)
def test_neighbours_are_never_the_same_song(station: str) -> None:
    briefs = [brief_of(station, 7, number) for number in range(30)]
    assert briefs[0].text == station
    assert len({brief.seed for brief in briefs}) == 30
    words = [set(brief.text.removeprefix(station).split()) - {",", "and"} for brief in briefs]
    assert all(not a & b for a, b in pairwise(words))
    assert all(brief.text.startswith(station) for brief in briefs)
    forms = [form.plan(mood.read(brief)) for brief in briefs]
    assert len({f.key.name for f in forms}) >= 8
    assert len({f.template for f in forms}) >= 3
    assert len({f.mood.title for f in forms}) >= 28


def test_without_a_text_every_mood_may_come() -> None:
    briefs = [brief_of("  ", 7, number) for number in range(20)]
    assert {brief.text for brief in briefs} == {"  "}
    assert len({mood.read(brief).words for brief in briefs}) >= 15


def test_a_station_is_the_same_again_and_another_seed_another() -> None:
    def texts(seed: int) -> list[str]:
        return [brief_of("fog", seed, number).text for number in range(6)]

    assert texts(3) == texts(3)
    assert texts(3) != texts(4)
    assert brief_of("fog", 3, 999_999, length_s=60.0).length_s == 60.0


def test_the_longest_text_and_the_highest_seed_have_room() -> None:
    brief = brief_of("fog " * (MAX_TEXT_LENGTH // 4), MAX_SEED, 5)
    assert isinstance(brief, Brief)
    assert len(brief.text) == MAX_TEXT_LENGTH
