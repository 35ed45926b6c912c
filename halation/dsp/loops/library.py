"""The compiled library, and what its callers check."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Signal", "check_span", "control_of", "libraries", "loop", "rows_of"]

Signal = NDArray[np.float32]


def libraries() -> dict[str, ctypes.CDLL]:
    """Return what has been compiled and can run here, by name; the last is the fastest."""
    found: dict[str, ctypes.CDLL] = {}
    for name in ("libloops", "libloops-avx2"):
        for suffix in (".so", ".dylib", ".dll"):
            built = Path(__file__).with_name(f"{name}{suffix}")
            if built.is_file() and (not found or found["libloops"].has_avx2()):
                found[name] = ctypes.CDLL(str(built))
    if not found:
        raise ImportError(
            f"the loops in {Path(__file__).parent} have not been compiled; "
            "install halation with pip (in its own folder: pip install -e .)"
        )
    return found


_LOOPS = list(libraries().values())[-1]


def loop(name: str, *arguments: Any, result: Any = None) -> Any:
    """Return a loop by its name in C and the types of its arguments."""
    function = getattr(_LOOPS, name)
    function.argtypes, function.restype = arguments, result
    return function


def rows_of(x: Signal, *, written: bool = False) -> list[int]:
    """Return where each row of an array begins in memory.

    Raises
    ------
    ValueError
        If it is no row or rows of float32 without gaps, or read-only where it is written to.
    """
    told = x.__array_interface__  # all that is asked for here at once: this is called often
    (first, readonly), shape, strides = told["data"], told["shape"], told["strides"]
    if written and readonly:
        raise ValueError("an array that is written to must not be read-only")
    if told["typestr"] != _FLOAT32 or (strides and shape[-1] > 1 and strides[-1] != 4):
        raise ValueError(f"rows of float32 without gaps are needed, not {x.dtype} {x.strides}")
    if len(shape) == 1:
        return [first]
    if len(shape) != 2:
        raise ValueError(f"one row or several are needed, not {shape}")
    step = strides[0] if strides else 4 * shape[1]
    return [first + row * step for row in range(shape[0])]


_FLOAT32 = np.dtype(np.float32).str


def control_of(control: Signal, stop: int, hop: int) -> int:
    """Return where a control begins in memory that reaches beyond ``stop``.

    Raises
    ------
    ValueError
        If it does not reach as far.
    """
    if hop < 1 or control.ndim != 1 or len(control) < -(-stop // hop) + 1:
        raise ValueError(f"{stop} samples at a hop of {hop} need more than {control.shape} values")
    return rows_of(control)[0]


def check_span(start: int, stop: int, n: int) -> None:
    """Raise ValueError where a stretch does not lie within so many samples."""
    if not 0 <= start <= stop <= n:
        raise ValueError(f"{start} to {stop} does not lie within {n} samples")
