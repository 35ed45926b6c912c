"""What a listener would notice of the mood: opposite texts, languages, titles, no surprises."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halation import mood
from halation.mood.phrases import PHRASES
from halation.mood.table import table
from halation.mood.text import read_words
from halation.mood.titles import MAX_TITLE_LENGTH, STOCK
from halation.types import Brief, Mood

SAFE_TITLE = re.compile(r"[A-Za-z]+(?:[ _.][A-Za-z]+)*")


def read(text: str = "", seed: int = 5) -> Mood:
    return mood.read(Brief(seed, text))


def axes(text: str, seed: int = 5) -> np.ndarray:
    found = read(text, seed)
    return np.array([getattr(found, axis) for axis in mood.AXES])


@pytest.mark.parametrize(
    ("axis", "low", "high", "apart"),
    [
        ("valence", "my heart shattered in the frozen dark", "euphoric sunrise, we won", 1.2),
        ("valence", "she left and took the summer with her", "the happiest day of my life", 0.6),
        ("energy", "sleeping under the stars", "rage in the burning club", 1.0),
        ("energy", "lullaby for a baby", "driving fast through the city at night", 0.8),
        ("warmth", "angels ice skating", "warm hugs by the fireplace", 1.2),
        ("warmth", "snow falling on a silent graveyard", "hot sun over the desert", 1.2),
        ("density", "one piano note in silence", "chaos noise and screaming metal", 1.2),
        ("density", "alone in an empty parking lot", "crowded subway at rush hour", 1.0),
        ("haze", "diamonds and ice on my wrist", "lost in the mist of a forest", 1.0),
        ("haze", "sparkling clean white kitchen", "underwater cathedral", 0.8),
    ],
)
def test_opposite_texts_lie_far_apart(axis: str, low: str, high: str, apart: float) -> None:
    for seed in range(5):
        assert getattr(read(high, seed), axis) - getattr(read(low, seed), axis) > apart


def test_ordinary_texts_use_the_whole_range() -> None:
    places = np.array([axes(phrase) for phrase in PHRASES])
    assert (places.std(axis=0) > 0.3).all()
    assert (np.abs(places.mean(axis=0)) < 0.3).all()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Bladee floating in dreamscape", "floating"),
        ("angels ice skating", "icy"),
        ("my heart shattered into pieces", "heartbroken"),
        ("lost in the mist of a forest", "foggy"),
        ("rain on a neon window", "neon"),
        ("tears in the rain", "tearful"),
        ("driving fast through the city at night", "nocturnal"),
    ],
)
def test_texts_are_named_as_a_listener_would(text: str, word: str) -> None:
    assert word in read(text).words


def test_every_mood_word_finds_itself_and_lies_on_its_side() -> None:
    wrong = [word.name for word in mood.VOCABULARY if word.name not in read(word.name).words]
    assert len(wrong) <= 3, wrong
    wanted = np.array([word.place for word in mood.VOCABULARY])
    found = np.array([axes(word.name) for word in mood.VOCABULARY])
    strong = np.abs(wanted) >= 0.7
    assert (np.sign(found) == np.sign(wanted))[strong].mean() > 0.95


def test_the_vocabulary_is_large_and_well_formed() -> None:
    names = [word.name for word in mood.VOCABULARY]
    assert len(names) == len(set(names)) >= 40
    asked = "foggy floating heartbroken icy euphoric neon dreamy nostalgic lonely angelic nocturnal"
    assert {*asked.split(), "underwater", "rainy"} <= set(names)
    for word in mood.VOCABULARY:
        assert re.fullmatch("[a-z]+", word.name)
        assert len(word.place) == len(mood.AXES) and max(map(abs, word.place)) <= 1.0
        assert len(word.phrases) >= 4


def test_negation_does_not_turn_a_text_into_its_opposite_extreme() -> None:
    assert read("not sad").valence > read("sad").valence + 0.5
    assert abs(read("not sad").valence) < abs(read("sad").valence)


def test_without_a_text_one_of_many_phrases_is_drawn() -> None:
    assert len(set(PHRASES)) == len(PHRASES) >= 80
    moods = [read("", seed) for seed in range(200)]
    assert {found.phrase for found in moods} <= set(PHRASES)
    assert len({found.phrase for found in moods}) > 60
    assert read(" \n\t").phrase == read("").phrase


def test_one_phrase_differs_a_little_from_seed_to_seed() -> None:
    by_phrase: dict[str, list[Mood]] = {}
    for seed in range(300):
        found = read("", seed)
        by_phrase.setdefault(found.phrase, []).append(found)
    pairs = [pair for moods in by_phrase.values() for pair in pairwise(moods)]
    assert all(a.valence != b.valence for a, b in pairs)


def test_the_same_brief_gives_the_same_mood_in_threads_too() -> None:
    texts = ["rain on a neon window", "", "🌧💔", "asdkjh qwe zzx"] * 8
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, texts)) == [read(text) for text in texts]


def test_seeds_of_one_text_vary_but_stay_near() -> None:
    places = np.array([axes("rain on a neon window", seed) for seed in range(30)])
    assert (places.std(axis=0) > 0.02).all()
    assert (places.std(axis=0) < 0.12).all()


@pytest.mark.parametrize(
    ("text", "axis", "sign"),
    [
        ("ångest i novembernatten", "valence", -1),
        ("jag saknar dig", "valence", -1),
        ("Sommarregn över stan", "haze", 1),
        ("mein gebrochenes Herz", "valence", -1),
        ("Schnee und Eis", "warmth", -1),
        ("joie et soleil", "valence", 1),
        ("la pluie triste", "valence", -1),
        ("corazón roto", "valence", -1),
        ("el sol de verano", "warmth", 1),
        ("夢の中で泣いている", "valence", -1),
        ("холодный снег", "warmth", -1),
        ("🌧💔", "valence", -1),
        ("❄️🧊", "warmth", -1),
        (":(", "valence", -1),
        ("𝖋𝖗𝖔𝖟𝖊𝖓", "warmth", -1),
    ],
)
def test_other_languages_and_signs_are_read(text: str, axis: str, sign: int) -> None:
    found = read(text)
    assert found.understood
    assert getattr(found, axis) * sign > 0.1


@pytest.mark.parametrize(
    "text", ["asdkjh qwe zzx", "!!!", "1999", "مطر في الليل", "\ud83d", "\u200b"]
)
def test_what_is_not_understood_still_gives_a_mood_of_its_own(text: str) -> None:
    found = read(text)
    assert not found.understood
    assert found.phrase in PHRASES
    assert len({read(text + "x" * n, 5).phrase for n in range(8)}) > 3


def test_long_texts_are_read_whole_and_shown_short() -> None:
    found = read(("warm sunny summer days of love and joy " * 300)[:10_000])
    assert found.understood and found.valence > 0.3 and found.warmth > 0.3
    assert len(found.phrase) <= 200


def check(found: Mood) -> None:
    places = [found.valence, found.energy, found.warmth, found.density, found.haze]
    assert all(np.isfinite(places)) and max(map(abs, places)) <= 1.0
    assert len(set(found.words)) == 3
    assert SAFE_TITLE.fullmatch(found.title) and len(found.title) <= MAX_TITLE_LENGTH
    assert 1 <= len(re.split("[ _.]", found.title)) <= 4
    assert found.phrase and found.phrase.isprintable()
    found.phrase.encode()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.characters(), max_size=300), st.integers(0, 2**53 - 1))
def test_any_text_gives_a_sane_mood(text: str, seed: int) -> None:
    check(mood.read(Brief(seed, text)))


@pytest.mark.parametrize(
    "text",
    ["\ud800\udfff\ud800", "\u202eabc", "e\u0301" * 3000, "\x00\x1b[31mred", "🏳️\u200d🌈" * 900,
     "a" * 10_000, "' ' -", "ß" * 99, "ﬁre ﬂame", "n't", "\u0130\u0130", "夢" * 5000],
)  # fmt: skip
def test_strange_texts_give_a_sane_mood(text: str) -> None:
    check(read(text))


def test_titles_are_many_and_take_up_the_text() -> None:
    text = "rain on a neon window"
    titles = [read(text, seed).title for seed in range(300)]
    assert len(set(titles[:30])) >= 27
    assert len(set(titles)) >= 240
    echoing = [title for title in titles if re.search("rain|neon|window", title.lower())]
    assert 0.2 < len(echoing) / len(titles) < 0.8


def test_titles_fit_their_mood() -> None:
    def count(text: str, pattern: str) -> int:
        return sum(bool(re.search(pattern, read(text, seed).title.lower())) for seed in range(100))

    cold = "ice|snow|frost|frozen|blizzard|winter|icicle|cold|icy"
    assert count("snow and ice in december", cold) > 3 * count("a hot tropical summer", cold)


def test_every_word_of_ours_has_a_row_in_the_table() -> None:
    known = table().index
    texts = [*PHRASES, *(text for word in mood.VOCABULARY for text in (word.name, *word.phrases))]
    assert [t for t in texts if not read_words(t).understood] == []
    endings = set(STOCK["ending"])
    stock = {word.lower() for words in STOCK.values() for word in words} - endings
    assert sorted(word for word in stock if word not in known) == []


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = "import sys, halation.mood; print({'tokenizers', 'scipy', 'torch'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"
