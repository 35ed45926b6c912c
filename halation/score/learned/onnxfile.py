"""Reads the matrices of an ``.onnx`` file, which is a protocol buffer, without any other library.

Only what the composer's own files hold is read: the names, shapes and raw bytes of their weights.

References
----------
Protocol Buffers, "Encoding"; ONNX, ``onnx.proto3``, whose numbers of fields are below.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_weights"]

GRAPH: Final = 7
"""In a model."""
WEIGHT: Final = 5
"""In a graph."""
SHAPE, KIND, NAME, BYTES = 1, 2, 8, 9
"""In a weight."""
KINDS: Final = {1: "<f4", 10: "<f2"}
"""Numbers of types: float32 and float16."""


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """Return the weights of a file by their names, each in the shape that it has there.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to np.ndarray, float16 or float32
        Read-only; what is of another type is left out.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is no such file.
    """
    found: dict[str, NDArray[Any]] = {}
    for part, graph in _fields(memoryview(path.read_bytes())):
        if part != GRAPH or isinstance(graph, int):
            continue
        for kind, weight in _fields(graph):
            if kind == WEIGHT and not isinstance(weight, int):
                name, values = _weight(weight)
                if values is not None:
                    found[name] = values
    return found


def _weight(row: memoryview) -> tuple[str, NDArray[Any] | None]:
    name, shape, kind = "", [], 0
    raw = memoryview(b"")
    for field, value in _fields(row):
        if isinstance(value, int):
            if field == SHAPE:
                shape.append(value)
            elif field == KIND:
                kind = value
        elif field == SHAPE:  # packed
            place = 0
            while place < len(value):
                length, place = _number(value, place)
                shape.append(length)
        elif field == NAME:
            name = bytes(value).decode()
        elif field == BYTES:
            raw = value
    if kind not in KINDS:
        return name, None
    return name, np.frombuffer(raw, KINDS[kind]).reshape(shape)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Give a message's fields: their numbers, and what they hold."""
    place = 0
    while place < len(message):
        tag, place = _number(message, place)
        kind = tag & 7
        if kind == 0:
            value, place = _number(message, place)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, place = _number(message, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("no protocol buffer")
        if place + size > len(message):
            raise ValueError("the file ends too early")
        yield tag >> 3, message[place : place + size]
        place += size


def _number(message: memoryview, place: int) -> tuple[int, int]:
    """Return the number that stands at a place, seven bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("the file ends too early")
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("no protocol buffer")
