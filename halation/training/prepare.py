"""One corpus from POP909, the Groove set and any folder of MIDI: tokens, controls, a fixed split.

``python -m halation.training.prepare --pop909 DIR --groove DIR --midi DIR --out corpus.npz``
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from halation.score.learned.critic import BYTES, hashes
from halation.score.learned.tokens import (
    CONTROLS,
    IDS,
    PARTS,
    STEPS,
    VOCABULARY,
    Bar,
    decode,
    encode_part,
    header,
)
from halation.training.sources import Piece, groove, midi_folder, pop909
from halation.types import FileError

__all__ = ["PART_SETS", "Corpus", "build", "families", "known_runs", "runs_of", "split_of"]

PART_SETS: Final = (
    ("chords",), ("chords", "melody"), ("chords", "melody", "counter"), ("chords", "bass"),
    ("chords", "pads"), ("drums",),
)  # fmt: skip
"""What a sequence may consist of; its last part is the one that it teaches most."""

VALID, TEST = 0.06, 0.06
"""Shares of the families that are kept for choosing, and for the figures."""
SHARED_RUNS: Final = 0.1
"""Songs that share more of their runs than this are one family."""
SHARED_BARS: Final = 0.5
"""Performances that share more of their bars than this are one family."""

PENTATONIC: Final = {True: (0, 3, 5, 7, 10), False: (0, 2, 4, 7, 9)}
MAJOR_LIKE: Final = ("maj", "maj7", "7", "sus2")

EDGES: Final[dict[str, tuple[float, float]]] = {
    "tempo": (63.0, 72.0),
    "drums tempo": (88.0, 112.0),
    "valence": (0.45, 0.63),
    "energy": (20.0, 27.0),
    "melody": (4.0, 5.8),
    "counter": (2.2, 4.5),
    "bass": (1.9, 2.7),
    "drums": (12.0, 18.0),
    "register": (68.5, 72.5),
    "harmony": (1.6, 2.1),
    "scale": (0.8, 0.93),
    "level": (2.2, 3.2),
}
"""Where a measure turns from low to mid to high: about the corpus's thirds, beats felt a minute,
share of the time on major chords, notes a bar, pitch over a tonic of C, chords a bar, share of
pentatonic notes, mean level of a drummer's hits."""


@dataclass(slots=True)
class Corpus:
    """Pieces as tokens, bar by bar, and what their controls are computed from.

    Parameters
    ----------
    names, families : list of str
        Of each piece.
    splits : np.ndarray [shape=(pieces,)], int8
        0 to train on, 1 to choose by, 2 for the figures.
    first : np.ndarray [shape=(pieces + 1,)]
        Index of each piece's first bar.
    tokens : dict of part to (tokens, offsets)
        All tokens of a part, bar after bar; ``offsets`` has one entry more than there are bars.
    measures : dict of str to np.ndarray [shape=(bars,)]
        What :meth:`controls` reads.
    traits : dict of str to np.ndarray [shape=(pieces,)]
        Tempo, mode, style and kind, as indices of their controls (−1: none).
    """

    names: list[str]
    families: list[str]
    splits: np.ndarray
    first: np.ndarray
    tokens: dict[str, tuple[np.ndarray, np.ndarray]]
    measures: dict[str, np.ndarray]
    traits: dict[str, np.ndarray]

    def has(self, piece: int, parts: Sequence[str]) -> bool:
        """Whether a piece has notes of the last of some parts."""
        return bool(
            self.measures[f"n_{parts[-1]}"][self.first[piece] : self.first[piece + 1]].sum()
        )

    def controls(self, piece: int, start: int, end: int, parts: Sequence[str]) -> dict[str, str]:
        """Tell what the bars ``start`` to ``end`` of a piece are, in the words of the controls."""
        here = slice(self.first[piece] + start, self.first[piece] + end)
        told: dict[str, str] = {}
        for name in ("mode", "tempo", "style", "kind"):
            value = int(self.traits[name][piece])
            if value >= 0:
                told[name] = CONTROLS[name][value]

        def mean(name: str, by: str = "") -> float:
            weight = float(self.measures[by][here].sum()) if by else here.stop - here.start
            return float(self.measures[name][here].sum()) / max(weight, 1e-9)

        target = parts[-1]
        if target == "drums":
            told["energy"] = _third("energy", mean("levels", "n_drums"), "level")
            told["density"] = _third("density", mean("n_drums"), "drums")
            return told
        told["valence"] = _third("valence", mean("major"))
        told["energy"] = _third("energy", mean("busy"))
        told["harmony"] = _third("harmony", mean("n_chords"))
        roles = self.measures["role"][here]
        told["role"] = CONTROLS["role"][int(np.bincount(roles).argmax())]
        if "melody" in parts and self.measures["n_melody"][here].sum():
            told["register"] = _third("register", mean("pitches", "n_melody"))
            told["scale"] = CONTROLS["scale"][2 - _bucket("scale", mean("penta", "n_melody"))]
        if target in ("melody", "counter", "bass"):
            told["density"] = _third("density", mean(f"n_{target}"), target)
        return told

    def bars(self, piece: int, start: int, end: int, parts: Sequence[str]) -> list[np.ndarray]:
        """Return the tokens of each bar."""
        found = []
        for bar in range(self.first[piece] + start, self.first[piece] + end):
            row = [np.array([IDS["bar"]], np.int16)]
            for name in parts:
                flat, offsets = self.tokens[name]
                row.append(flat[offsets[bar] : offsets[bar + 1]])
            found.append(np.concatenate(row))
        return found

    def sequence(
        self, piece: int, start: int, parts: Sequence[str], length: int, *,
        controls: dict[str, str] | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Return a header and as many whole bars as fit into ``length`` tokens.

        ``controls`` replaces what the bars are; a piece that is over ends with ``end``.
        """
        n_bars = int(self.first[piece + 1] - self.first[piece])
        row, size = [], 20
        for bar in range(start, n_bars):
            tokens = self.bars(piece, bar, bar + 1, parts)[0]
            size += len(tokens)
            if size > length:
                break
            row.append(tokens)
        told = controls
        if told is None:
            told = self.controls(piece, start, start + max(1, len(row)), parts)
        head = np.array(header(told, parts), np.int16)
        tail = [np.array([IDS["end"]], np.int16)] if start + len(row) == n_bars else []
        return np.concatenate([head, *row, *tail])

    def save(self, path: Path) -> None:
        """Write the corpus into one ``.npz``."""
        data: dict[str, Any] = {
            "names": np.array(self.names), "families": np.array(self.families),
            "splits": self.splits, "first": self.first,
        }  # fmt: skip
        for name, (flat, offsets) in self.tokens.items():
            data[f"tokens_{name}"], data[f"offsets_{name}"] = flat, offsets
        data |= {f"measure_{k}": v for k, v in self.measures.items()}
        data |= {f"trait_{k}": v for k, v in self.traits.items()}
        np.savez_compressed(path, **data)

    @classmethod
    def load(cls, path: Path) -> Corpus:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FileError
            If the file is no corpus.
        """
        try:
            with np.load(path) as data:
                take = {k: data[k] for k in data.files}
            return cls(
                take["names"].tolist(), take["families"].tolist(), take["splits"], take["first"],
                {p: (take[f"tokens_{p}"], take[f"offsets_{p}"]) for p in PARTS},
                {k[8:]: v for k, v in take.items() if k.startswith("measure_")},
                {k[6:]: v for k, v in take.items() if k.startswith("trait_")},
            )  # fmt: skip
        except (OSError, KeyError, ValueError) as error:
            raise FileError(
                f"{path} is no corpus; make one with halation.training.prepare"
            ) from error


def _bucket(name: str, value: float) -> int:
    low, high = EDGES[name]
    return int(value >= low) + int(value >= high)


def _third(control: str, value: float, edges: str = "") -> str:
    return CONTROLS[control][_bucket(edges or control, value)]


def _target(parts: Sequence[str]) -> np.ndarray:
    """Return which words are of a sequence's last part: [V] of bool."""
    name = parts[-1]
    if name == "chords":
        own = [i for i, w in enumerate(VOCABULARY) if w == "N" or w.partition(":")[0].isdigit()]
    elif name == "drums":
        own = [i for i, w in enumerate(VOCABULARY) if "/" in w]
    else:
        own = [i for i, w in enumerate(VOCABULARY) if w[0] in "np" and w[1:2].isdigit()]
    mask = np.zeros(len(VOCABULARY), bool)
    mask[own] = True
    return mask


def targets(tokens: np.ndarray, parts: Sequence[str]) -> tuple[np.ndarray, int]:
    """Tell which tokens of a sequence belong to its last part, and how many notes those are.

    A bar line after the part counts: it says that nothing more comes. Time tokens count with
    chords, pads and drums.

    Returns
    -------
    tuple of (mask [shape=(n,)] of bool, notes)
    """
    name = parts[-1]
    bar, end, mark = IDS["bar"], IDS["end"], IDS.get(f"part:{name}", -1)
    times = [IDS[f"t{s}"] for s in range(16)]
    own = _target(parts)
    mask = np.zeros(len(tokens), bool)
    inside, begun = False, False
    for i, token in enumerate(tokens.tolist()):
        if token in (bar, end):
            mask[i] = inside
            begun = True
            inside = begun and name in ("chords", "drums")
        elif begun and token == mark:
            inside = True
        elif inside:
            mask[i] = own[token] or token in times
    if name in ("melody", "counter", "bass"):
        notes = int(sum(VOCABULARY[t][0] == "p" for t in tokens[mask].tolist()))
    else:
        notes = int(own[tokens[mask]].sum())
    return mask, notes


# ------------------------------------------------------------------ split


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


# ------------------------------------------------------------------ measures


def _roles(piece: Piece) -> np.ndarray:
    """Guess each bar's role: before and after the melody intro and outro, without it a bridge.

    Where there is melody, stretches of four bars that are higher and busier than the song's middle
    are hooks.
    """
    n = len(piece.bars)
    role = {name: i for i, name in enumerate(CONTROLS["role"])}
    sung = np.array([len(bar.melody) > 0 for bar in piece.bars])
    roles = np.full(n, role["bridge"])
    if not sung.any():
        return roles
    first, last = int(np.argmax(sung)), n - 1 - int(np.argmax(sung[::-1]))
    height = np.array(
        [np.mean([t.pitch for t in b.melody]) if b.melody else np.nan for b in piece.bars]
    )
    busy = np.array(piece.busy, float)
    pull = (height - np.nanmean(height)) / (np.nanstd(height) + 1e-9)
    pull = np.nan_to_num(pull) + 0.7 * (busy - busy.mean()) / (busy.std() + 1e-9)
    for start in range(0, n, 4):
        here = slice(start, start + 4)
        if sung[here].mean() >= 0.5:
            roles[here] = role["hook"] if pull[here].mean() > 0.25 else role["verse"]
    roles[:first] = role["intro"]
    roles[last + 1 :] = role["outro"]
    return roles


def _measures(piece: Piece) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {f"n_{part}": [] for part in PARTS}
    found |= {"pitches": [], "penta": [], "major": [], "levels": []}
    scale = PENTATONIC[bool(piece.minor)]
    for bar in piece.bars:
        for part in PARTS:
            found[f"n_{part}"].append(len(getattr(bar, part)))
        found["pitches"].append(sum(t.pitch for t in bar.melody))
        found["penta"].append(sum(t.pitch % 12 in scale for t in bar.melody))
        ends = [*(c.step for c in bar.chords[1:]), STEPS]
        found["major"].append(
            sum((end - c.step) / STEPS for c, end in zip(bar.chords, ends, strict=False)
                if c.quality in MAJOR_LIKE)
        )  # fmt: skip
        found["levels"].append(sum(h.level for h in bar.drums))
    found["busy"] = list(piece.busy)
    found["role"] = _roles(piece).tolist()
    return found


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
    each = [_measures(p) for p in pieces]
    measures = {
        k: np.concatenate([np.array(m[k]) for m in each]).astype(int if k == "role" else np.float32)
        for k in each[0]
    }
    traits = {
        "mode": np.array([-1 if p.minor is None else int(not p.minor) for p in pieces]),
        "tempo": np.array(
            [_bucket("drums tempo" if p.minor is None else "tempo", p.tempo_bpm) for p in pieces]
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
