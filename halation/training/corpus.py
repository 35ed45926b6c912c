"""The corpus: pieces as tokens, what their controls are, which tokens a measure counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from halation.score.learned.grid import TEMPI
from halation.score.learned.tokens import (
    CONTROLS,
    IDS,
    PARTS,
    STEPS,
    VOCABULARY,
    Bar,
    decode,
    header,
)
from halation.training.bars import Piece
from halation.types import FileError

__all__ = ["PART_SETS", "Corpus", "bucket", "measure", "targets"]

PART_SETS: Final = (
    ("chords",), ("chords", "melody"), ("chords", "melody", "counter"), ("chords", "bass"),
    ("chords", "pads"), ("drums",),
)  # fmt: skip
"""What a sequence may consist of; its last part is the one that it teaches most."""

PENTATONIC: Final = {True: (0, 3, 5, 7, 10), False: (0, 2, 4, 7, 9)}
MAJOR_LIKE: Final = ("maj", "maj7", "7", "sus2")

EDGES: Final[dict[str, tuple[float, float]]] = {
    "tempo": TEMPI["song"],
    "drums tempo": TEMPI["drums"],
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

    @property
    def digest(self) -> str:
        """What tells this corpus from others: a hash of all its tokens and its split."""
        found = hashlib.sha256(self.splits.tobytes())
        for flat, _ in self.tokens.values():
            found.update(flat.tobytes())
        return found.hexdigest()[:16]

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
            told["scale"] = CONTROLS["scale"][2 - bucket("scale", mean("penta", "n_melody"))]
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

    def decoded(self, parts: Sequence[str]) -> Iterator[tuple[Bar, ...]]:
        """Give each piece's bars with some of its parts."""
        for piece in range(len(self.names)):
            n_bars = int(self.first[piece + 1] - self.first[piece])
            yield decode(np.concatenate(self.bars(piece, 0, n_bars, parts)))

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


def bucket(name: str, value: float) -> int:
    """Return 0, 1 or 2: under, between or over the measure's :data:`EDGES`."""
    low, high = EDGES[name]
    return int(value >= low) + int(value >= high)


def _third(control: str, value: float, edges: str = "") -> str:
    return CONTROLS[control][bucket(edges or control, value)]


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


def measure(piece: Piece) -> dict[str, list[float]]:
    """Return, bar by bar, what the controls are computed from."""
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
