"""Pictures as PNG files, for pictures with grain."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["encode"]

_SUB = 1
"""The filter of every line: each value is written as its difference from the pixel before."""


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Return a picture as a PNG file.

    Grain does not repeat: there is nothing to search for, and trying every filter on every line
    finds the same one. Without both it is done in a third of the time, for a file a tenth larger.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width, 3)], uint8
        Red, green and blue.

    References
    ----------
    "Portable Network Graphics (PNG) Specification", third edition, W3C, 2025.
    """
    height, width, _ = pixels.shape
    lines = np.empty((height, 1 + 3 * width), np.uint8)
    lines[:, 0] = _SUB
    differences = lines[:, 1:].reshape(pixels.shape)
    differences[:, 0] = pixels[:, 0]
    np.subtract(pixels[:, 1:], pixels[:, :-1], out=differences[:, 1:])
    packer = zlib.compressobj(1, strategy=zlib.Z_HUFFMAN_ONLY)
    packed = packer.compress(lines.data) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
