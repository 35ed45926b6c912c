"""What Jukebox is told: an artist and a genre that it knows, and the words to sing."""

from __future__ import annotations

import difflib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from halation.types import REVERSED, BackendError, Mood, Part, Score

__all__ = ["Words", "check", "choose", "parse", "vocabulary"]

UNKNOWN: Final = "unknown"
_NEAREST: Final = (
    # genre, artist; valence, energy, warmth, haze
    ("ambient", "brian eno", (0.1, -0.9, 0.1, 0.4)),
    ("dark ambient", "aphex twin", (-0.9, -0.5, -0.7, 0.5)),
    ("ethereal wave", "cocteau twins", (-0.2, -0.2, -0.5, 0.6)),
    ("dream pop", "beach house", (0.3, 0.0, 0.4, 0.7)),
    ("chillwave", "boards of canada", (0.4, -0.3, 0.7, 0.2)),
    ("trap", "travis scott", (-0.1, 0.8, -0.2, 0.1)),
    ("alternative hip hop", "the weeknd", (-0.5, 0.2, 0.1, 0.1)),
)
"""Where the names that come nearest to this music lie among the moods; both vocabularies have
every artist."""


@dataclass(frozen=True, slots=True)
class Words:
    """What one song is asked for with.

    Parameters
    ----------
    artist, genre : str
        Names of the checkpoint's vocabulary.
    lyrics : str
        Empty for an instrumental.
    """

    artist: str
    genre: str
    lyrics: str

    def genre_for(self, *, newer: bool) -> str:
        """Return the genre for one level: the older vocabulary takes the words that it knows.

        The levels of one checkpoint may have different vocabularies.
        """
        if newer:
            return self.genre
        known = vocabulary(newer=False)[1]
        found = [word for word in _plain(self.genre).split("_") if word in known]
        return " ".join(found[:5]) or "ambient"


def parse(argument: str) -> tuple[str, dict[str, str]]:
    """Split what follows the player's colon into a checkpoint and the wishes after it.

    Examples
    --------
    >>> parse("5b-lyrics,artist=enya,genre=new age")
    ('5b-lyrics', {'artist': 'enya', 'genre': 'new age'})
    >>> parse("genre=trap"), parse("some/folder")
    (('', {'genre': 'trap'}), ('some/folder', {}))
    """
    found = re.fullmatch(r"(.*?)((?:(?:^|,)(?:artist|genre)=[^,]*)*)", argument, re.DOTALL)
    assert found is not None  # all of it may be a folder
    wishes = re.findall(r"(artist|genre)=([^,]*)", found[2])
    return found[1], {key: value.strip().lower() for key, value in wishes if value.strip()}


@cache
def vocabulary(*, newer: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Return the artists and genres that Jukebox knows, as the library lists them.

    Raises
    ------
    BackendError
        If the library is not installed.
    """
    spec = importlib.util.find_spec("jukebox_infer")
    if spec is None or not spec.submodule_search_locations:
        raise BackendError('Jukebox needs jukebox_infer: pip install "halation[jukebox]"')
    folder = Path(spec.submodule_search_locations[0]) / "data" / "ids"
    version = "v3" if newer else "v2"
    artists, genres = (
        frozenset(
            line.rpartition(";")[0].strip().lower()
            for line in (folder / f"{version}_{kind}_ids.txt").read_text("utf-8").splitlines()
            if line.strip()
        )
        for kind in ("artist", "genre")
    )
    return artists, genres


def check(wishes: dict[str, str], *, newer: bool) -> None:
    """Refuse an artist or a genre that a checkpoint does not know.

    Raises
    ------
    BackendError
        With the names that come nearest.
    """
    for key, known in zip(("artist", "genre"), vocabulary(newer=newer), strict=True):
        wished = wishes.get(key, UNKNOWN)
        name = wished if newer else _plain(wished)
        words = name.split("_") if key == "genre" and not newer else [name]
        if not known.intersection(words):
            near = difflib.get_close_matches(name, sorted(known), 3, 0.5)
            hint = f"; it knows {', '.join(map(repr, near))}" if near else ""
            raise BackendError(f"Jukebox knows no {key} {wished!r}{hint}")


def choose(part: Part, score: Score, wishes: dict[str, str], *, newer: bool) -> Words:
    """Choose what a song is asked for with: the wishes, names in the text, then the mood.

    Parameters
    ----------
    part : Part
        The model's part; what its voices sing is in ``instead``.
    score : Score
    wishes : dict
        ``artist`` and ``genre``, where the listener has named them.
    newer : bool
        Which vocabulary the checkpoint's top level has.

    Raises
    ------
    BackendError
        If Jukebox knows no such artist or genre.
    """
    check(wishes, newer=newer)
    mood = score.form.mood
    near_genre, near_artist = _near(mood)
    artists, genres = vocabulary(newer=newer)
    text = " ".join(mood.brief.text.lower().split())
    artist = wishes.get("artist") or _named(text, artists) or near_artist
    genre = wishes.get("genre") or _named(text, genres) or near_genre
    return Words(artist, genre, _lyrics(part, score))


def _near(mood: Mood) -> tuple[str, str]:
    """Return the genre and the artist that lie nearest to a mood."""
    here = (mood.valence, mood.energy, mood.warmth, mood.haze)
    genre, artist, _ = min(
        _NEAREST, key=lambda row: sum((a - b) ** 2 for a, b in zip(here, row[2], strict=True))
    )
    return genre, artist


def _named(text: str, names: frozenset[str]) -> str:
    """Return the longest name of several words in a text: single words are often no names."""
    words = re.findall(r"[^\s,.;:!?\"()]+", text)
    for count in range(min(6, len(words)), 1, -1):
        for start in range(len(words) - count + 1):
            name = " ".join(words[start : start + count])
            if len(name) >= 8 and {name, _plain(name)} & names:
                return name
    return ""


def _lyrics(part: Part, score: Score) -> str:
    """Return the listener's text; without one, what the song's voices sing."""
    brief = score.form.mood.brief
    if brief.instrumental:
        return ""
    if brief.text.strip():
        return brief.text.strip()
    notes = [n for row in part.instead or (part,) for n in row.notes if n.syllable]
    sung = sorted(notes, key=lambda note: note.onset_beats)
    return " ".join(note.syllable.removeprefix(REVERSED) for note in sung)


def _plain(name: str) -> str:
    """Return a name as the older vocabulary spells it."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
