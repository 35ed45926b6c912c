"""From the chunks of a corpus to what a MusicGen learns from: codes, delayed, in batches.

A chunk's sound becomes EnCodec codes once, which are kept beside the corpus. Which chunks make up a
step's batch follows from the seed and the step alone, so that a run can go on at any step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus.layout import Chunk, draft, file_errors
from halation.seeds import rng
from halation.stems.neural.musicgen import Checkpoint, chroma
from halation.types import FileError

if TYPE_CHECKING:
    import torch

__all__ = ["DROPPED", "LEAST_S", "UNHEARD", "Batch", "Example", "Unusable", "coded", "columns",
           "drawn", "dropped", "encoder_digest", "enough", "stacked"]  # fmt: skip

Signal = NDArray[np.float32]
Codes = NDArray[np.int16]

LEAST_S: Final = 1.0
"""Shorter chunks teach nothing."""
DROPPED: Final = 0.1
"""Share of the captions that are left out: guidance needs to know how music is without words."""
UNHEARD: Final = -100
"""Label of a place without a code, which costs nothing."""


class Unusable(Exception):
    """A chunk cannot be learned from; says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """A chunk as a MusicGen hears it.

    Parameters
    ----------
    caption : str
    codes : np.ndarray [shape=(codebooks, frames)], int16
        Of a stereo model, left and right of each codebook one after another.
    tune : np.ndarray [shape=(frames of chroma,)], int8, optional
        The loudest pitch classes, for models that follow a tune.
    """

    caption: str
    codes: Codes
    tune: NDArray[np.int8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Examples side by side.

    Parameters
    ----------
    captions : tuple of str
    tunes : np.ndarray [shape=(batch, frames of chroma, 12)], float32, optional
    inputs : torch.Tensor [shape=(batch, codebooks, columns)], int64
        What the decoder is given, as at generation: one empty column, then the delayed codes.
    labels : torch.Tensor [shape=(batch, columns, codebooks)], int64
        What it is to say next, :data:`UNHEARD` where there is no code.
    """

    captions: tuple[str, ...]
    tunes: Signal | None
    inputs: torch.Tensor
    labels: torch.Tensor


def coded(
    chunks: Iterable[Chunk],
    checkpoint: Checkpoint,
    cache: Path,
    *,
    skipped: Callable[[Chunk, str], None],
) -> Iterator[Example]:
    """Turn chunks into examples; those that cannot be used are told and passed over.

    Parameters
    ----------
    chunks : iterable of Chunk
    checkpoint : Checkpoint
        Whose audio encoder makes the codes.
    cache : Path
        Folder of the codes that are known already.
    skipped : function of (Chunk, str)
        Is told which chunk cannot be used, and why.

    Raises
    ------
    FileError
        If the codes cannot be written.
    """
    with file_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
    for chunk in chunks:
        try:
            yield _example(chunk, checkpoint, cache)
        except Unusable as why:
            skipped(chunk, str(why))


def _example(chunk: Chunk, checkpoint: Checkpoint, cache: Path) -> Example:
    try:
        stat = chunk.path.stat()
    except OSError as error:
        raise Unusable(error.strerror or "cannot be read") from error
    kept = cache / f"{chunk.split}-{chunk.path.stem}-{stat.st_size:x}-{stat.st_mtime_ns:x}.npz"
    found = _kept(kept)
    if found is None:
        x = _read(chunk.path, checkpoint.sample_rate)
        found = {"codes": checkpoint.codes(x).cpu().numpy().astype(np.int16)}
        if checkpoint.follows:
            pitches = chroma(x.mean(axis=0), checkpoint.sample_rate).argmax(axis=1)
            found["tune"] = pitches.astype(np.int8)
        _keep(kept, found)
    return Example(chunk.text, found["codes"], found.get("tune"))


def _kept(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, KeyError, EOFError):
        return None  # not there, or half of it
    except Exception as error:  # what zipfile raises is no subclass of those
        if type(error).__name__ != "BadZipFile":
            raise
        return None


def _keep(path: Path, arrays: dict[str, Any]) -> None:
    hidden = draft(path)
    with file_errors(path):
        try:
            with hidden.open("wb") as file:
                np.savez(file, **arrays)
            hidden.replace(path)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise


def _read(path: Path, rate: int) -> Signal:
    """Read a sound at a model's rate, shape (1 or 2, n), as much as it was trained on at most."""
    import soundfile
    from pedalboard.io import StreamResampler

    from halation.stems.neural.musicgen import LONGEST_S

    try:
        with soundfile.SoundFile(path) as file:
            x = file.read(round(LONGEST_S * file.samplerate), np.float32, always_2d=True).T[:2]
            found = int(file.samplerate)
    except (OSError, RuntimeError) as error:
        raise Unusable("is no sound that can be read") from error
    if x.shape[1] < LEAST_S * found:
        raise Unusable(f"is shorter than {LEAST_S:g} s")
    if not np.isfinite(x).all():
        raise Unusable("holds numbers that are no sound")
    if found != rate:
        resampler = StreamResampler(float(found), float(rate), x.shape[0])
        x = np.concatenate([resampler.process(x), resampler.process(None)], axis=1)
    return np.ascontiguousarray(x)


def encoder_digest(checkpoint: Checkpoint) -> str:
    """Name what makes the codes: models with the same audio encoder share them."""
    digest = hashlib.sha256(f"{checkpoint.channels} {checkpoint.follows}".encode())
    for name, tensor in sorted(checkpoint.model.audio_encoder.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.float().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def columns(codes: NDArray[Any], channels: int, empty: int) -> NDArray[np.int64]:
    """Delay the codebooks, each by a column more than the one before it.

    Parameters
    ----------
    codes : np.ndarray [shape=(codebooks, frames)], int
    channels : int in 1..2
        Of a stereo model both sides of a codebook have the same delay.
    empty : int
        Stands where there is no code.

    Returns
    -------
    np.ndarray [shape=(codebooks, frames + codebooks / channels)], int64
        The first column is empty: with it the decoder starts.

    References
    ----------
    Copet et al., "Simple and Controllable Music Generation", NeurIPS 2023, figure 1 ("delay").

    Examples
    --------
    >>> columns(np.array([[1, 2], [3, 4]]), 1, 0)
    array([[0, 1, 2, 0],
           [0, 0, 3, 4]])
    """
    n_books, n_frames = codes.shape
    placed = np.full((n_books, n_frames + n_books // channels), empty, np.int64)
    for book, row in enumerate(codes):
        start = 1 + book // channels
        placed[book, start : start + n_frames] = row
    return placed


def stacked(examples: Sequence[Example], channels: int, empty: int) -> Batch:
    """Put examples into one batch; shorter ones end in places without a code."""
    import torch

    rows = [columns(example.codes, channels, empty) for example in examples]
    length = max(row.shape[1] for row in rows)
    table = np.stack([np.pad(row, ((0, 0), (0, length - row.shape[1])), constant_values=empty)
                      for row in rows])  # fmt: skip
    after = table[:, :, 1:].transpose(0, 2, 1)
    return Batch(
        tuple(example.caption for example in examples),
        _tunes(examples),
        torch.from_numpy(np.ascontiguousarray(table[:, :, :-1])),
        torch.from_numpy(np.where(after == empty, UNHEARD, after)),
    )


def _tunes(examples: Sequence[Example]) -> Signal | None:
    tunes = [example.tune for example in examples if example.tune is not None]
    if not tunes:
        return None
    length = max(map(len, tunes))
    # A shorter tune begins again, as it does for the model.
    table = np.stack([np.resize(tune, length) for tune in tunes])
    return np.eye(12, dtype=np.float32)[table]


def drawn(step: int, size: int, count: int, seed: int) -> list[int]:
    """Return which of ``count`` examples make up a step's batch: all once, then all again.

    Examples
    --------
    >>> sorted(drawn(1, 2, 4, seed=7) + drawn(2, 2, 4, seed=7))
    [0, 1, 2, 3]
    """
    first = (step - 1) * size
    return [int(_order(p // count, count, seed)[p % count]) for p in range(first, first + size)]


@lru_cache(maxsize=4)
def _order(epoch: int, count: int, seed: int) -> NDArray[np.int64]:
    return rng(seed, "train", "musicgen", "order", str(epoch)).permutation(count)


def dropped(step: int, size: int, seed: int) -> list[bool]:
    """Return which captions of a step's batch are left out."""
    draws = rng(seed, "train", "musicgen", "words", str(step)).random(size)
    return [bool(draw < DROPPED) for draw in draws]


def enough(found: Sequence[object], split: str, corpus: Path) -> None:
    """Make sure that there is something to learn from, and to judge by.

    Raises
    ------
    FileError
        If there is none.
    """
    if found:
        return
    if split == "train":
        raise FileError(
            f"{corpus} has no chunk to train on: halation corpus add, then halation corpus prepare"
        )
    raise FileError(
        f"{corpus} has no held-out chunk, by which a tuning knows when to stop: it needs two songs "
        "at least (halation corpus add)"
    )
