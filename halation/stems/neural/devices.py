"""Where a model runs: on the graphics card where there is one; and what to do without room."""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from halation.types import BackendError
from halation.weights import catalogue

__all__ = ["device", "fitting", "held", "precision", "quiet", "release", "seeded"]

Loaded = TypeVar("Loaded")


_HELD: Final[dict[tuple[Any, ...], Any]] = {}
"""The one model in memory: two rarely fit."""


def held(load: Callable[..., Loaded]) -> Callable[..., Loaded]:
    """Keep what a loader has returned for the next song, and let it go before another is loaded.

    Parameters
    ----------
    load : function of Path and more
        Loads what lies in a folder; is called again when a file there has changed.
    """

    @functools.wraps(load)
    def kept(folder: Path, *more: Any) -> Loaded:
        files = folder.iterdir() if folder.is_dir() else ()
        changed = max((path.stat().st_mtime_ns for path in files), default=0)
        key = (load.__qualname__, folder, changed, *more)
        if key not in _HELD:
            release()
            _HELD[key] = load(folder, *more)
        found: Loaded = _HELD[key]
        return found

    return kept


def release() -> None:
    """Let go of the model that is kept."""
    _HELD.clear()


def device() -> str:
    """Return the device of PyTorch that models run on."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision() -> Any:
    """Return PyTorch's number type for a model: half where that is fast, otherwise float32."""
    import torch

    return torch.float16 if device() == "cuda" else torch.float32


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let PyTorch draw from a seed in this block, and leave its own generator as it was."""
    import torch

    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        yield


@contextmanager
def quiet(*libraries: str) -> Iterator[None]:
    """Let transformers or diffusers work without bars and remarks; what is wrong they raise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in libraries:
            remarks = importlib.import_module(f"{name}.utils.logging")
            remarks.set_verbosity_error()
            remarks.disable_progress_bar()
        yield


@contextmanager
def fitting(name: str) -> Iterator[None]:
    """Answer a lack of memory in this block with which smaller model fits.

    Raises
    ------
    BackendError
        If memory ran out.
    """
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise BackendError(_advice(name)) from error
    except RuntimeError as error:  # what PyTorch raises on a processor
        if "memory" not in str(error):
            raise
        raise BackendError(_advice(name)) from error


def _advice(name: str) -> str:
    where = "graphics card's memory" if device() == "cuda" else "machine's memory"
    row = catalogue.KNOWN.get(name)
    room_gb = _room_gb()
    smaller = [
        other
        for other in catalogue.KNOWN.values()
        if row is not None
        and other.user == row.user
        and other.memory_gb < min(row.memory_gb, room_gb)
    ]
    text = f"{name} does not fit into this {where} ({room_gb:.0f} GB)"
    if smaller:
        best = max(smaller, key=lambda other: other.memory_gb)
        return f"{text}; {best.name} does"
    if row is None:
        return f"{text}: try a smaller one of its kind"
    return f"{text}, nor does a smaller one of its kind: use the built-in players"


def _room_gb() -> float:
    """Return how much memory there is in all where models run [GB]."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[1]) / 1e9
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):  # Windows has no such figure
        return 0.0
