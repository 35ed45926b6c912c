"""From a listener's text to the words of it that carry meaning, whatever the script.

Emoji become their names, accents fall away where nothing is lost by it, six languages' mood words
become English ones, and words that the table does not know are tried as compounds. No text raises.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from halation.mood.table import Table, table

__all__ = ["Reading", "clean", "read_words"]

NEGATED_WEIGHT: Final = -0.4
"""Weight of a word that is negated: "not sad" leans to the other side, but only mildly."""

KNOWN_SHARE: Final = 0.5
KNOWN_SHARE_WITH_LEXICON: Final = 0.2
"""Least share of content words that must be known for a text to count as understood."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


EMOTICONS: Final = {
    "</3": " broken heart ", "<3": " love ", ":'(": " crying ", ":(": " sad ", ":-(": " sad ",
    ":)": " happy ", ":-)": " happy ",
}  # fmt: skip

NEGATIONS: Final = _words("""
    not no never without nor neither inte aldrig ingen nicht kein keine pas jamais sin nunca
    cannot
""")
AUXILIARIES: Final = _words("do does did is was are were have has had ca wo could would should ai")
"""Words that negate with an ending, as in *don't*."""
STOP_WORDS: Final = _words("""
    a an the of and or but in on at to from by for with as into onto over about is are was
    were be been being am it its this that these those there here i im ive id ill me my mine
    you your yours u ur he him his she her hers we us our they them their who whom which
    what when where how so too very just then than if because while will would can could
    should shall may might must do does did has have had having some any all each s t d m ll
    re ve up out off really quite like
""")
EMOJI_NOISE: Final = _words("""
    face with symbol sign for heavy black white medium small large mark selector emoji
    modifier fitzpatrick type variation joiner zero width of and
""")
"""Words in the names of pictures that say nothing of the picture."""

HIDDEN_CATEGORIES: Final = ("Cs", "Cc", "Cf", "Co", "Cn")
"""Lone surrogates, control and format characters (zero width, direction), private, unassigned."""

SUFFIXES: Final = (
    "s", "es", "ed", "d", "ing", "er", "ers", "est", "ly", "y", "ness", "less", "ful", "ish",
    "core", "wave", "like", "scape", "scapes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """The words of a text that carry meaning.

    Parameters
    ----------
    words : tuple of str
        Known words in the order of the text, in English.
    weights : tuple of float
        1 for each, or :data:`NEGATED_WEIGHT`.
    understood : bool
        Whether enough of the text is known (see docs/mood.md).
    """

    words: tuple[str, ...]
    weights: tuple[float, ...]
    understood: bool


@cache
def _lexicon() -> tuple[dict[str, str], frozenset[str]]:
    """Return foreign words with their English ones, and foreign words without meaning."""
    meanings: dict[str, str] = {}
    empty: set[str] = set()
    lines = (
        files("halation").joinpath("data", "lexicon.txt").read_text(encoding="utf-8").splitlines()
    )
    for line in lines:
        if not line or line.startswith("#"):
            continue
        english, *languages = [cell.strip() for cell in line.split("|")]
        for word in (word for cell in languages for word in cell.split()[1:]):
            if english == "-":
                empty.add(word)
            else:
                meanings.setdefault(word, english)
    bare = {bare: english for word, english in meanings.items() if (bare := _bare(word)) != word}
    return {**bare, **meanings}, frozenset(empty)


def _bare(text: str) -> str:
    """Return a text without accents."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def clean(text: str) -> str:
    r"""Return a text without what cannot be shown or written to a file.

    Lone surrogates, control and format characters go, white space becomes single spaces.

    Examples
    --------
    >>> clean("  silver\x00 \ud83d\n rain\u200b ")
    'silver rain'
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    shown = (
        " " if c.isspace() else c
        for c in text
        if c.isspace() or unicodedata.category(c) not in HIDDEN_CATEGORIES
    )
    return " ".join("".join(shown).split())


def _spell_out(text: str) -> str:
    """Return lower-case text with emoji and emoticons replaced by their names."""
    spelt = text if text.isascii() else "".join(map(_named, text))
    spelt = unicodedata.normalize("NFKC", spelt).casefold().replace("’", "'")
    for sign, name in EMOTICONS.items():
        spelt = spelt.replace(sign, name)
    return spelt


def _named(sign: str) -> str:
    """Return the name of a picture, and any other sign as it is."""
    if ord(sign) < 0x2190 or unicodedata.category(sign) not in ("So", "Sk"):
        return sign
    name = unicodedata.name(sign, "").lower().replace("-", " ")
    return f" {' '.join(word for word in name.split() if word not in EMOJI_NOISE)} "


def _tokens(text: str) -> list[str]:
    """Split spelt-out text into words; scripts without spaces are left in runs."""
    return [
        word.replace("'", "")
        for word in re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", unicodedata.normalize("NFC", text))
    ]


def _foreign_run(run: str, meanings: dict[str, str]) -> list[str]:
    """Return what is known in a run of Chinese characters or kana, longest entries first."""
    found: list[str] = []
    at = 0
    while at < len(run):
        for size in (4, 3, 2, 1):
            if run[at : at + size] in meanings:
                found.append(meanings[run[at : at + size]])
                at += size
                break
        else:
            at += 1
    return found


def _stem(word: str, meanings: dict[str, str]) -> str | None:
    """Return the English word for a foreign one with an ending of up to three letters."""
    for cut in range(1, 4):
        if len(word) - cut >= 4 - (ord(word[0]) > 0x3FF) and word[:-cut] in meanings:
            return meanings[word[:-cut]]
    return None


def _one(word: str, meanings: dict[str, str], known: Table) -> str | None:
    """Return the English table's word for one word, or None."""
    if word in meanings:
        return meanings[word]
    bare = _bare(word)
    if len(bare) >= 3 and bare in known.index:
        return bare
    return meanings.get(bare) or _stem(word, meanings) or _stem(bare, meanings)


def _look_up(word: str, meanings: dict[str, str], known: Table) -> tuple[str, ...]:
    """Return the English words that a word stands for; none if it is unknown."""
    if ord(word[0]) >= 0x3040 and not word[0].isascii():
        return tuple(_foreign_run(word, meanings))
    whole = _one(word, meanings, known)
    if whole:
        return (whole,)
    bare = _bare(word)
    for suffix in SUFFIXES:
        stem = bare.removesuffix(suffix)
        if len(stem) >= 4 and stem != bare and stem in known.index:
            return (stem,)
    # Compounds: the cut nearest the middle first, each half at least four letters.
    for cut in sorted(range(4, len(word) - 3), key=lambda at: (abs(2 * at - len(word)), at)):
        left, right = _one(word[:cut], meanings, known), _one(word[cut:], meanings, known)
        if left and right:
            return (left, right)
    return ()


def read_words(text: str) -> Reading:
    """Find the words of a text that carry meaning.

    Parameters
    ----------
    text : str
        Any text at all.

    Returns
    -------
    Reading
        ``understood`` is False where fewer than half of the content words are known (a fifth,
        where one of them is in the lexicon of other languages).

    Examples
    --------
    >>> read_words("Not sad 🌧 ångest").words
    ('sad', 'cloud', 'rain', 'anxiety')
    >>> read_words("asdkjh qwe zzx").understood
    False
    """
    meanings, empty = _lexicon()
    known = table()
    words: list[str] = []
    weights: list[float] = []
    unknown = foreign = weak = negated = 0
    for token in _tokens(_spell_out(clean(text))):
        if token in NEGATIONS or (token.endswith("nt") and token[:-2] in AUXILIARIES):
            negated = 2  # reaches over two words: "not deeply sad"
            continue
        if token in STOP_WORDS or token in empty:
            weak += token in STOP_WORDS and len(token) > 1
            continue
        found = _look_up(token, meanings, known)
        unknown += not found
        foreign += bool(found) and found != (token,)
        words.extend(found)
        weights.extend([NEGATED_WEIGHT if negated else 1.0] * len(found))
        negated -= negated > 0
    total = len(words) + unknown
    least = KNOWN_SHARE_WITH_LEXICON if foreign else KNOWN_SHARE
    return Reading(tuple(words), tuple(weights), bool(words) and len(words) >= least * total)
