"""Tunes the composer on one's own MIDI: ``halation train composer --midi DIR``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from halation.score.learned.composer import WEIGHTS
from halation.training.composer import Batches, bits, fixed, learn, optimizers
from halation.training.corpus import PART_SETS, Corpus
from halation.training.export import export, read
from halation.training.prepare import build
from halation.training.sources import midi_folder
from halation.types import FileError

__all__ = ["Tuned", "tune"]

HELD_OUT: Final = 0.2
"""Share of the families that the tuning does not read, and by which it knows when to stop."""
RATE: Final = 3e-4
BATCH: Final = 4
EVERY: Final = 10
"""Steps from one look at the held-out pieces to the next."""
PATIENCE: Final = 4
"""Looks without a better one after which it stops."""
MOST_WINDOWS: Final = 24


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a tuning did.

    Parameters
    ----------
    out : Path
    n_pieces, n_held_out : int
    before, after : dict of part to float
        Bits a note of the held-out pieces costs.
    steps : int
        Of those that were kept.
    """

    out: Path
    n_pieces: int
    n_held_out: int
    before: dict[str, float]
    after: dict[str, float]
    steps: int


def tune(
    midi: Path,
    out: Path,
    *,
    weights: Path = WEIGHTS,
    most_steps: int = 300,
    seed: int = 1,
    tell: Callable[[int, dict[str, float]], None] = lambda _step, _bits: None,
) -> Tuned:
    """Continue from weights on a folder of MIDI, keep what held-out pieces like best, export it.

    Parameters
    ----------
    midi : Path
        Folder with at least two pieces of four bars or more.
    out : Path
        The ``.onnx`` that is written.
    weights : Path
        Where it starts.
    most_steps : int > 0
    seed : int
    tell : function of (step, bits of each part)
        Called at every look.

    Raises
    ------
    FileError
        If the folder has too little music, or a file cannot be read or written.
    """
    corpus = build(list(midi_folder(midi)))
    _split(corpus, midi)
    model = read(weights)
    torch.manual_seed(seed)
    length = min(model.size.context, 384)
    held = {p: list(fixed(corpus, 1, length, MOST_WINDOWS, p)) for p in PART_SETS}
    held = {p: rows for p, rows in held.items() if rows}

    def look() -> dict[str, float]:
        return {p[-1]: bits(model, rows, p) for p, rows in held.items()}

    before = best = look()
    tell(0, before)
    kept = {k: v.clone() for k, v in model.state_dict().items()}
    kept_step = waited = 0
    batches = Batches(corpus, 0, length)
    opts = optimizers(model, RATE)
    model.train()
    for step in range(1, most_steps + 1):
        learn(model, opts, *batches.batch(step, BATCH, seed))
        if step % EVERY == 0 or step == most_steps:
            now = look()
            tell(step, now)
            if sum(now.values()) < sum(best.values()):
                best, kept_step, waited = now, step, 0
                kept = {k: v.clone() for k, v in model.state_dict().items()}
            else:
                waited += 1
                if waited >= PATIENCE:
                    break
    model.load_state_dict(kept)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        export(model, out)
    except OSError as error:
        raise FileError(f"cannot write {out} ({error.strerror or error})") from error
    n_held = int((corpus.splits == 1).sum())
    return Tuned(out, len(corpus.names), n_held, before, best, kept_step)


def _split(corpus: Corpus, midi: Path) -> None:
    """Hold some families out, by the hash of their names: the same ones at every call."""
    import hashlib

    names = sorted(set(corpus.families), key=lambda f: hashlib.sha256(f.encode()).digest())
    if len(names) < 2:
        raise FileError(
            f"{midi} has one piece that can be read, or pieces that are nearly the same; a tuning "
            "needs two at least, one of them to judge by"
        )
    held = set(names[: max(1, round(HELD_OUT * len(names)))])
    corpus.splits = np.array([int(f in held) for f in corpus.families], np.int8)
