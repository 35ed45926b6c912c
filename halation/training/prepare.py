"""One corpus from POP909, the Groove set and any folder of MIDI: tokens, controls, a fixed split.

``python -m halation.training.prepare --pop909 DIR --groove DIR --midi DIR --out corpus.npz``
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click
import numpy as np

from halation.score.learned.critic import BYTES, hashes
from halation.score.learned.tokens import CONTROLS, PARTS, STEPS, Bar, decode, encode_part
from halation.training.bars import Piece
from halation.training.corpus import Corpus, bucket, measure
from halation.training.sources import groove, midi_folder, pop909

__all__ = ["build", "families", "gather", "known_runs", "runs_of", "split_of"]

VALID, TEST = 0.06, 0.06
"""Shares of the families that are kept for choosing, and for the figures."""
SHARED_RUNS: Final = 0.1
"""Songs that share more of their runs than this are one family."""
SHARED_BARS: Final = 0.5
"""Performances that share more of their bars than this are one family."""


def runs_of(bars: Iterable[Bar]) -> set[int]:
    """Hash every run of melody notes; see :func:`halation.score.learned.critic.hashes`."""
    notes = [(STEPS * i + t.step, t.pitch) for i, bar in enumerate(bars) for t in bar.melody]
    return set(hashes(notes))


def known_runs(corpus: Corpus) -> np.ndarray:
    """Return the runs of all melodies of a corpus as the critic reads them.

    Returns
    -------
    np.ndarray [shape=(n, 5)], uint8
        Sorted.
    """
    runs: set[int] = set()
    for piece in range(len(corpus.names)):
        n_bars = int(corpus.first[piece + 1] - corpus.first[piece])
        runs |= runs_of(decode(np.concatenate(corpus.bars(piece, 0, n_bars, ("melody",)))))
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

    marks: dict[str, set[int]] = {}
    for piece in pieces:
        mark = runs_of(piece.bars) if piece.minor is not None else _patterns(piece.bars)
        marks.setdefault(piece.family, set()).update(mark)
    holders: dict[int, list[str]] = {}
    for name, mark in marks.items():
        for one in mark:
            holders.setdefault(one, []).append(name)
    shared: Counter[tuple[str, str]] = Counter()
    for names in holders.values():
        if len(names) <= 20:  # what many have is a commonplace
            for i, a in enumerate(names):
                for b in names[i + 1 :]:
                    shared[a, b] += 1
    for (a, b), n in shared.items():
        limit = SHARED_RUNS if a.startswith(("pop909", "midi")) else SHARED_BARS
        if n > 2 and n > limit * min(len(marks[a]), len(marks[b])):
            first, second = sorted((root(a), root(b)))
            parent[second] = first
    return [root(p.family) for p in pieces]


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
    """Read all pieces of what is given."""
    pieces: list[Piece] = []
    for folder, read in ((pop909_dir, pop909), (groove_dir, groove), (midi_dir, midi_folder)):
        if folder is not None:
            pieces += read(folder)
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
    if not pieces:
        raise click.UsageError("give at least one of --pop909, --groove and --midi")
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
    main()
