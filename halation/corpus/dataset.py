"""The finished dataset: a Hugging Face audiofolder, split by song."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from halation.corpus.disk import draft, file_errors, read_json, remove, row_text
from halation.corpus.layout import SPLITS, Chunk, Corpus

__all__ = ["assemble", "split_of"]

HELD_OUT: Final = 0.1
"""Of the songs, about, are for validation; of two songs one is."""


def split_of(source_id: str, first: str) -> str:
    """Return the split of a song.

    Parameters
    ----------
    source_id : str
        Its digest, which is as good as a draw, and stays the same whatever else is added.
    first : str
        The least of all ids: that song is held out in any case, so that some song is.

    Examples
    --------
    >>> split_of("0a00000000000000", "03"), split_of("f000000000000000", "03")
    ('validation', 'train')
    """
    held_out = int(source_id[:8], 16) < HELD_OUT * 2**32 or source_id == first
    return "validation" if held_out else "train"


def assemble(corpus: Corpus, ids: Iterable[str]) -> dict[str, int]:
    """Put the chunks of prepared songs together; the folder changes all at once.

    Parameters
    ----------
    corpus : Corpus
    ids : iterable of str
        Of the songs, in the order in which they are to appear.

    Returns
    -------
    dict
        The number of chunks by split.

    Raises
    ------
    FileError
        If the disk is full.
    """
    order = list(ids)
    first = min(order) if len(order) > 1 else ""
    counts = dict.fromkeys(SPLITS, 0)
    room = draft(corpus.dataset)
    with file_errors(corpus.dataset), ExitStack() as stack:
        stack.callback(remove, room)
        lines: dict[str, IO[str]] = {}
        for split in SPLITS:
            (room / split).mkdir(parents=True)
            path = room / split / "metadata.jsonl"
            lines[split] = stack.enter_context(path.open("w", encoding="utf-8"))
        for source in order:
            split = split_of(source, first)
            for chunk in _chunks(corpus, source, room / split, counts[split], split):
                lines[split].write(row_text(chunk.row()) + "\n")
                counts[split] += 1
        for file in lines.values():
            file.close()  # a full disk may say so only here
        _swap(room, corpus.dataset)
    return counts


def _chunks(corpus: Corpus, source: str, folder: Path, number: int, split: str) -> Iterator[Chunk]:
    for path in sorted((corpus.work(source) / "chunks").glob("*.flac")):
        row = read_json(path.with_suffix(".json"))
        place = folder / f"{number:04d}-{source}.flac"
        try:
            os.link(path, place)
        except OSError:  # a file system without links
            shutil.copyfile(path, place)
        yield Chunk.from_row(row | {"file_name": place.name}, folder, split)
        number += 1


def _swap(room: Path, place: Path) -> None:
    old = draft(place)
    if place.exists():
        place.rename(old)
    room.rename(place)
    remove(old)
