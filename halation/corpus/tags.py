"""Which moods a recording has, in halation's own words: the user's, CLAP's, or by its measures."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation.corpus.describe import Described
from halation.corpus.disk import file_errors
from halation.corpus.hearing import features, hearing
from halation.mood.vocabulary import VOCABULARY
from halation.types import FileError

__all__ = ["Tags", "find_clap", "own_tags", "read_own", "tagged", "unknown_words"]

Signal = NDArray[np.float32]
Values = NDArray[np.float64]

NAMED: Final = 3
"""So many words are given to a recording."""
MOST_OWN: Final = 12
MOST_LETTERS: Final = 60

_PLACES: Final = {word.name: word.place for word in VOCABULARY}
_HEADS: Final = ("file", "file_name", "filename", "name", "title", "song")


@dataclass(frozen=True, slots=True)
class Tags:
    """The mood of a recording.

    Parameters
    ----------
    words : tuple of str
        Those that fit best first.
    axes : tuple of 5 floats in −1..1
        Valence, energy, warmth, density, haze.
    by : ``"csv"``, ``"clap"`` or ``"descriptors"``
        Who found the words.
    """

    words: tuple[str, ...]
    axes: tuple[float, float, float, float, float]
    by: Literal["csv", "clap", "descriptors"]


def tagged(
    x: Signal,
    sample_rate: int,
    described: Described,
    *,
    clap: Path | None = None,
    own: tuple[str, ...] = (),
) -> Tags:
    """Find the mood of a recording.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
    sample_rate : int [Hz]
    described : Described
        Its measures.
    clap : Path, optional
        Folder of a CLAP checkpoint that scores the words; without one the measures are placed on
        the axes of mood and the nearest words taken.
    own : tuple of str
        The user's own tags for it, which win; words that are not halation's are kept.

    Raises
    ------
    BackendError
        If the checkpoint cannot be used.
    """
    if own:
        places = [_PLACES[word] for word in own if word in _PLACES]
        place = np.mean(places, axis=0) if places else hearing().place(features(described))
        return Tags(own, _five(place), "csv")
    if clap is not None:
        from halation.corpus.clap import likeness

        weights = likeness(clap, x, sample_rate)
        order = np.argsort(-weights, kind="stable")[:NAMED]
        place = weights @ np.array([word.place for word in VOCABULARY])
        return Tags(tuple(VOCABULARY[int(i)].name for i in order), _five(place), "clap")
    place = hearing().place(features(described))
    return Tags(_nearest(place), _five(place), "descriptors")


def _nearest(place: Values) -> tuple[str, ...]:
    """Return the words nearest a place."""
    from halation.mood.reader import fitted, nearest

    return nearest(np.zeros_like(fitted().centre), place)[:NAMED]


def _five(place: Iterable[float]) -> tuple[float, float, float, float, float]:
    valence, energy, warmth, density, haze = (round(float(value), 4) for value in place)
    return valence, energy, warmth, density, haze


def find_clap(chosen: Path | None = None) -> Path | None:
    """Return the folder of CLAP's weights: the chosen one, the installed one, or None.

    Raises
    ------
    BackendError
        If a folder was chosen that holds no checkpoint.
    """
    from halation.types import BackendError
    from halation.weights import catalogue

    if chosen is None:
        installed = catalogue.place("clap")
        return installed if installed.is_dir() else None
    if not (chosen / "config.json").is_file():
        raise BackendError(f"there is no CLAP checkpoint in {chosen}: it has no config.json")
    return chosen


def read_own(path: Path) -> dict[str, tuple[str, ...]]:
    """Read the user's own tags: a line a song, its file name or title, then its tags.

    Tags are separated by ``;`` or ``,``, with or without a line of headings above.

    Parameters
    ----------
    path : Path
        ``tags.csv`` of a corpus; that it is not there means no tags.

    Returns
    -------
    dict of name to tags
        Names in small letters and without the file's ending, as :func:`own_tags` looks them up.

    Raises
    ------
    FileError
        If it is there and cannot be read as text.

    Examples
    --------
    >>> read_own(Path("nowhere.csv"))
    {}
    """
    if not path.exists():
        return {}
    with file_errors(path, "read"):
        content = path.read_bytes()
    try:
        lines = content.decode("utf-8-sig").splitlines()
        rows = [
            row if len(row) > 1 else row[0].split(";")
            for row in csv.reader(lines, skipinitialspace=True)
            if any(row)
        ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(
            f"{path} cannot be read as a table; save it as CSV in UTF-8, a line a song: "
            "name,tag;tag"
        ) from error
    if rows and rows[0][0].strip().lower() in _HEADS:
        del rows[0]
    found: dict[str, tuple[str, ...]] = {}
    for name, *cells in rows:
        tags = _tags(";".join(cells))
        if name.strip() and tags:
            found[_plain(name)] = tags
    return found


def _tags(text: str) -> tuple[str, ...]:
    words = (" ".join(word.split()).lower()[:MOST_LETTERS] for word in text.split(";"))
    return tuple(dict.fromkeys(word for word in words if word))[:MOST_OWN]


def _plain(name: str) -> str:
    """Return a name as it is looked up: no folder, no ending of a sound file, small letters."""
    last = name.strip().replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = last.rpartition(".")
    return (stem if dot and 2 <= len(ending) <= 4 and ending.isalnum() else last).strip().casefold()


def own_tags(table: Mapping[str, tuple[str, ...]], *names: str) -> tuple[str, ...]:
    """Return the user's tags of a song that has any of some names: its file's, its title.

    Examples
    --------
    >>> own_tags({"cold night": ("icy", "my tag")}, "x9.mp3", "Cold Night.WAV")
    ('icy', 'my tag')
    """
    return next((table[_plain(name)] for name in names if _plain(name) in table), ())


def unknown_words(table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the user's tags that are not among halation's mood words, in order of the alphabet."""
    return tuple(sorted({word for tags in table.values() for word in tags} - _PLACES.keys()))
