"""What of a model's repository is fetched: what it is loaded from, in the safest form it has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from halation.types import BackendError

__all__ = ["INDEX", "File", "is_weights", "needed"]

SAFE: Final = ".safetensors"
PICKLED: Final = (".bin", ".pt", ".pth", ".th")
"""What PyTorch's weights-only loader reads: taken where a model offers nothing else."""
PLAIN: Final = (
    *(".json", ".txt", ".md", ".yaml", ".yml", ".model", ".jinja", ".spm", ".bpe", ".tiktoken"),
)
_LICENCE: Final = re.compile(r"(licen[cs]e|notice|copying)[^/]*", re.IGNORECASE)
_VARIANT: Final = re.compile(r"\.(fp16|bf16|fp32|ema|non_ema)[.-]")
_USUAL: Final = ("pytorch_model", "diffusion_pytorch_model", "model")
_OF_TRAINING: Final = ("training_args", "optimizer", "scheduler", "rng_state", "random_states")
INDEX: Final = "model_index.json"
"""By this file a diffusers pipeline says which folders are its parts."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a repository, and how it is known to have arrived unharmed.

    Parameters
    ----------
    name : str
        Its path in the repository.
    size_bytes : int >= 0
    digest : str
        SHA-256 of a large file, as the hub stores those apart; of others git's SHA-1 of the blob.
    """

    name: str
    size_bytes: int
    digest: str

    @classmethod
    def of(cls, sibling: Any) -> File:
        """Read what a hub says of a file.

        Raises
        ------
        BackendError
            If its path would lead out of the folder that it is put into.
        """
        name = str(sibling.rfilename)
        path = PurePosixPath(name)
        strange = path.is_absolute() or ".." in path.parts or not path.parts
        if strange or "\\" in name or ":" in name:
            raise BackendError(
                f"the hub offers a file outside its folder, {name!r}: nothing is loaded"
            )
        large = sibling.lfs
        digest = large.sha256 if large else sibling.blob_id
        size = large.size if large else sibling.size
        return cls(name, int(size or 0), str(digest or ""))


def needed(files: Iterable[File], parts: Collection[str] | None = None) -> list[File]:
    """Choose what a model is loaded from: weights in one form, configuration, words, licence.

    Weights are taken as safetensors; as what PyTorch's weights-only loader reads only where there
    are none; in other forms never, nor any code.

    Parameters
    ----------
    files : iterable of File
    parts : collection of str, optional
        The folders of a diffusers pipeline. Each may offer its weights in another form, and weights
        outside of them are the same once more.

    Examples
    --------
    >>> names = "model.safetensors pytorch_model.bin state_dict.bin config.json run.py".split()
    >>> [file.name for file in needed(File(name, 1, "") for name in names)]
    ['model.safetensors', 'config.json']
    """
    rows = list(files)
    if parts is not None:
        rows = [row for row in rows if _place(row) in parts or not is_weights(row)]
        rows = [row for row in rows if not _place(row) or _place(row) in parts]
    units: dict[str, list[File]] = {}
    for row in rows:
        units.setdefault(_place(row) if parts is not None else "", []).append(row)
    chosen = {weights for unit in units.values() for weights in _weights(unit)}
    return [row for row in rows if row in chosen or _is_plain(row)]


def _place(file: File) -> str:
    """Return the outermost folder that a file is in, empty for none."""
    first, slash, _ = file.name.partition("/")
    return first if slash else ""


def is_weights(file: File) -> bool:
    """Whether a file holds weights in a form that may be loaded."""
    return file.name.endswith((SAFE, *PICKLED))


def _is_plain(file: File) -> bool:
    name = PurePosixPath(file.name).name
    if name.startswith("."):
        return False
    return name.endswith(PLAIN) or _LICENCE.fullmatch(name) is not None


def _weights(unit: list[File]) -> list[File]:
    """Choose the weights of what belongs together."""
    safe = [row for row in unit if row.name.endswith(SAFE)]
    pickled = [row for row in unit if row.name.endswith(PICKLED)]
    pickled = [row for row in pickled if not _called(row, _OF_TRAINING)]
    usual = [row for row in pickled if _called(row, _USUAL)]
    rows = safe or usual or pickled
    return [row for row in rows if not _VARIANT.search(row.name)] or rows


def _called(file: File, beginnings: tuple[str, ...]) -> bool:
    return PurePosixPath(file.name).name.startswith(beginnings)
