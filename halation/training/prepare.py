"""One corpus from POP909, the Groove set and any folder of MIDI: tokens, controls, a fixed split.

``python -m halation.training.prepare --pop909 DIR --groove DIR --midi DIR --out corpus.npz``
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import click
import numpy as np

from halation.score.learned.critic import BYTES, hashes
from halation.score.learned.tokens import CONTROLS, PARTS, STEPS, Bar, encode_part
from halation.training import run
from halation.training.bars import Piece
from halation.training.corpus import Corpus, bucket, measure
from halation.training.sources import groove, midi_folder, pop909
from halation.types import FileError

__all__ = ["build", "families", "gather", "known_runs", "near", "runs_of", "split_of"]

VALID, TEST = 0.06, 0.06
"""Shares of the families that are kept for choosing, and for the figures."""
SHARED_RUNS: Final = 0.1
"""Songs that share more of their runs than this are one family."""
SHARED_BARS: Final = 0.5
"""Performances that share more of their bars than this are one family."""
COMMONPLACE: Final = 20
"""What more than so many families have says nothing."""


def runs_of(bars: Iterable[Bar], part: str = "melody") -> set[int]:
    """Hash every run of a part's notes; see :func:`halation.score.learned.critic.hashes`."""
    tones = ((i, tone) for i, bar in enumerate(bars) for tone in getattr(bar, part))
    return set(hashes([(STEPS * i + tone.step, tone.pitch) for i, tone in tones]))


def known_runs(corpus: Corpus) -> np.ndarray:
    """Return the runs of all lines of a corpus as the critic reads them.

    Returns
    -------
    np.ndarray [shape=(n, 5)], uint8
        Sorted.
    """
    runs: set[int] = set()
    for bars in corpus.decoded(("melody", "counter")):
        for part in ("melody", "counter"):
            runs |= runs_of(bars, part)
    rows = [one.to_bytes(BYTES) for one in sorted(runs)]
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), BYTES)


def families(pieces: Sequence[Piece]) -> list[str]:
    """Name each piece's family: its song, joined with the songs that are nearly the same.

    Returns
    -------
    list of str
        The first name of each family, piece by piece.
    """
    parent = {p.family: p.family for p in pieces}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for a, b in _alike(_marks((p.family, p.bars, p.minor is None) for p in pieces)):
        first, second = sorted((root(a), root(b)))
        parent[second] = first
    return [root(p.family) for p in pieces]


def near(pieces: Sequence[Piece], corpus: Corpus) -> list[bool]:
    """Tell which pieces are nearly the same as one of a corpus that is not of its test split."""
    read = zip(corpus.families, corpus.splits, corpus.traits["mode"],
               corpus.decoded(("melody", "drums")), strict=True)  # fmt: skip
    old = _marks((f"old {name}", bars, mode < 0) for name, split, mode, bars in read if split != 2)
    new = _marks((f"new {p.family}", p.bars, p.minor is None) for p in pieces)
    kin = {name for pair in _alike(old | new) if pair[0][:3] != pair[1][:3] for name in pair}
    return [f"new {p.family}" in kin for p in pieces]


def _marks(rows: Iterable[tuple[str, Iterable[Bar], bool]]) -> dict[str, set[int]]:
    """Return what tells each family from others: a song's runs, a drummer's patterns."""
    marks: dict[str, set[int]] = {}
    for name, bars, drums in rows:
        marks.setdefault(name, set()).update(_patterns(bars) if drums else runs_of(bars))
    return marks


def _alike(marks: dict[str, set[int]]) -> Iterator[tuple[str, str]]:
    """Give the pairs of families that share more than is chance."""
    holders: dict[int, list[str]] = {}
    for name, mark in marks.items():
        for one in mark:
            holders.setdefault(one, []).append(name)
    shared: Counter[tuple[str, str]] = Counter()
    for names in holders.values():
        if len(names) <= COMMONPLACE:
            for i, a in enumerate(names):
                for b in names[i + 1 :]:
                    shared[a, b] += 1
    for (a, b), n in shared.items():
        limit = SHARED_BARS if "groove/" in a else SHARED_RUNS
        if n > 2 and n > limit * min(len(marks[a]), len(marks[b])):
            yield a, b


def _patterns(bars: Iterable[Bar]) -> set[int]:
    """Hash which voices play where in each bar of drums."""
    rows = (tuple((h.step, h.voice) for h in bar.drums) for bar in bars if len(bar.drums) > 3)
    return {
        int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=8).digest()) for row in rows
    }


def split_of(family: str) -> int:
    """Return 0 (train), 1 (valid) or 2 (test), by the family's name alone.

    Examples
    --------
    >>> split_of("pop909/001") == split_of("pop909/001")
    True
    """
    digest = hashlib.sha256(family.encode()).digest()
    place = int.from_bytes(digest[:4]) / 2**32
    return 1 if place < VALID else 2 if place < VALID + TEST else 0


def build(pieces: Sequence[Piece]) -> Corpus:
    """Make a corpus of pieces.

    Parameters
    ----------
    pieces : sequence of Piece
        At least one.
    """
    names = [p.name for p in pieces]
    kin = families(pieces)
    first = np.cumsum([0, *(len(p.bars) for p in pieces)])
    tokens = {}
    for part in PARTS:
        rows = [encode_part(bar, part) for p in pieces for bar in p.bars]
        offsets = np.cumsum([0, *(len(r) for r in rows)])
        tokens[part] = (np.array([t for r in rows for t in r], np.int16), offsets)
    each = [measure(p) for p in pieces]
    measures = {
        k: np.concatenate([np.array(m[k]) for m in each]).astype(int if k == "role" else np.float32)
        for k in each[0]
    }
    traits = {
        "mode": np.array([-1 if p.minor is None else int(not p.minor) for p in pieces]),
        "tempo": np.array(
            [bucket("drums tempo" if p.minor is None else "tempo", p.tempo_bpm) for p in pieces]
        ),
        "style": np.array([CONTROLS["style"].index(p.style) if p.style else -1 for p in pieces]),
        "kind": np.array([CONTROLS["kind"].index(p.kind) if p.kind else -1 for p in pieces]),
    }
    splits = np.array([split_of(k) for k in kin], np.int8)
    return Corpus(names, kin, splits, first, tokens, measures, traits)


def gather(pop909_dir: Path | None, groove_dir: Path | None, midi_dir: Path | None) -> list[Piece]:
    """Read all pieces of what is given.

    Raises
    ------
    FileError
        If there is nothing in four among it.
    """
    pieces: list[Piece] = []
    for folder, read in ((pop909_dir, pop909), (groove_dir, groove), (midi_dir, midi_folder)):
        if folder is not None:
            pieces += read(folder)
    if not pieces:
        given = [str(f) for f in (pop909_dir, groove_dir, midi_dir) if f]
        raise FileError(f"there is no music in four in {', '.join(given) or 'no folder'}")
    return pieces


_DIR: Final = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--pop909", "pop909_dir", type=_DIR, help="Folder with NNN/NNN.mid and its beats.")
@click.option("--groove", "groove_dir", type=_DIR, help="Folder with info.csv.")
@click.option("--midi", "midi_dir", type=_DIR, help="Any folder of MIDI files.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@click.option("--known", type=click.Path(dir_okay=False, path_type=Path), help="For the critic.")
def main(
    pop909_dir: Path | None, groove_dir: Path | None, midi_dir: Path | None, out: Path,
    known: Path | None,
) -> None:  # fmt: skip
    """Make one corpus of them, and the table of runs that nothing written may share."""
    pieces = gather(pop909_dir, groove_dir, midi_dir)
    corpus = build(pieces)
    corpus.save(out)
    if known is not None:
        np.save(known, known_runs(corpus))
    for split, label in enumerate(("train", "valid", "test")):
        chosen = np.flatnonzero(corpus.splits == split)
        n_bars = sum(int(corpus.first[i + 1] - corpus.first[i]) for i in chosen)
        songs = len({corpus.families[i] for i in chosen})
        click.echo(f"{label}: {songs} families, {len(chosen)} pieces, {n_bars} bars")


if __name__ == "__main__":
    run(main)
