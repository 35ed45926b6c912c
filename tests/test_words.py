"""Words of the listener's own text: chosen, spoken by a fake where the extra is missing, sung."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from halation import backends
from halation.score.rules import Rules
from halation.stems import words
from halation.stems.bank import Spoken, bank
from halation.stems.vocals import Vocals
from halation.stems.words import Voice
from halation.testing import small_form
from halation.types import Audio, Brief, Note, Part, Score, Stems

EXTRA = all(find_spec(module) for module in Voice.description.requires)
HAS_EXTRA = pytest.mark.skipif(not EXTRA, reason='needs the extra: pip install "halation[voice]"')
TEXTS = (
    "neon rain over tokyo",
    "снег идёт",
    "雪夜 ゆめ",
    "träume",
    "😀 !!! 12",
    "",
    "قلب حزين",
    "눈",
)


def _sound(player: Vocals, notes: tuple[Note, ...], name: str = "voice") -> np.ndarray:
    form = small_form()
    score = Score(form, (), notes, ())
    part = Part("vocals", "vocals", name, "chops", notes)
    blocks: list[Audio] = list(player(part, score, Stems(score, ()), 1))
    sound: np.ndarray = np.concatenate([block.samples for block in blocks], axis=1)
    return sound


def _hook_words(score: Score) -> set[str]:
    return {n.syllable for p in score.parts if p.name == "vocals" for n in p.notes}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fake of what the extra brings: every word but *xyzzy* can be said."""
    monkeypatch.setattr(backends, "_problem", lambda description: "")
    monkeypatch.setattr(words, "_phonemes", lambda word: "" if word == "xyzzy" else word)
    fake: dict[str, Spoken] = dict(zip(("neon", "rain"), bank()["low"].values(), strict=False))
    monkeypatch.setattr(words, "_said", lambda word, speaker: fake.get(word))


def test_the_composer_lays_the_listeners_words_on_the_hook(installed: None) -> None:
    form = small_form(bars=8)
    own = set(backends.singable(form.mood.brief))
    score = Rules()(form, 1)
    part = next(p for p in score.parts if p.name == "vocals")
    hook = next(s for s in form.sections if s.role == "hook")
    sung = {n.syllable for n in part.notes if hook.start_beats <= n.onset_beats < hook.end_beats}
    assert own == {"test", "everything"}
    assert part.player == "voice"
    assert {s for s in sung if not s.startswith("<")} <= own and sung & own


def test_without_the_extra_the_bank_sings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_importable", lambda module: module != "pyworld")
    score = Rules()(small_form(bars=8), 1)
    part = next(p for p in score.parts if p.name == "vocals")
    assert part.player == "vocals"
    assert {s.removeprefix("<") for s in _hook_words(score)} <= set(bank()["clear"])


def test_words_that_cannot_be_said_are_left_out(installed: None) -> None:
    assert Voice().words("xyzzy neon, xyzzy rain") == ("neon", "rain")
    assert len(Voice().words(" ".join("abcdefghijklmn"[i] * 4 for i in range(14)))) == 8


def test_a_said_word_sounds_as_it_was_said_and_another_on_its_vowel(installed: None) -> None:
    def sung(word: str) -> np.ndarray:
        return _sound(Voice(), (Note(2.0, 2.0, 62, 100, 0.0, word),))

    assert np.abs(sung("neon")).max() > 0.05
    assert not np.array_equal(sung("neon"), sung("rain"))
    assert np.abs(sung("мороз")).max() > 0.05  # nothing was heard of it: sung on a vowel


def test_a_song_with_words_can_be_made_again_without_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backends, "_importable", lambda module: module != "pyworld")
    notes = (Note(2.0, 2.0, 62, 100, 0.0, "neon"), Note(5.0, 1.0, 64, 100, 0.0, "<ah"))
    part = Part("vocals", "vocals", "voice", "chops", notes)
    score = Score(small_form(), (), notes, (part,))
    (note,) = backends.stand_in_notes(score)
    assert "'vocals' stands in for 'voice'" in note and 'pip install "halation[voice]"' in note
    player = backends.performer("voice")
    assert type(player) is Vocals
    assert np.abs(_sound(player, notes)).max() > 0.05


def test_voices_that_another_player_sings_get_no_words(installed: None) -> None:
    assert backends.singable(Brief(1, "neon rain"))
    assert not backends.singable(Brief(1, "neon rain", players=(("vocals", "vocals"),)))
    assert not backends.singable(Brief(1, "neon rain", instrumental=True))
    assert not backends.singable(Brief(1, "  "))


@HAS_EXTRA
@pytest.mark.parametrize("text", TEXTS)
def test_any_text_in_any_script_is_read(text: str) -> None:
    said = Voice().words(text)
    assert said == Voice().words(text)
    assert bool(said) == any(letter.isalpha() for letter in text)


@HAS_EXTRA
def test_a_word_is_really_said() -> None:
    one = words._said("neon", "clear")
    assert one is not None and 0.2 < one.length_s < 2
    assert one.breath[slice(*one.steady), 0].mean() < 0.3
