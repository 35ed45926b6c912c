"""Frames of an MP3, and what goes before them."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["info_frame"]

FRAME_SAMPLES: Final = 1_152
"""Samples in a frame of MPEG-1 layer III."""

DELAY: Final = 576
"""Samples of silence that LAME puts before the first one; the tag tells players to skip them."""


def info_frame(stream: bytearray, n_samples: int, kind: str) -> bytes:
    """Return the silent frame with the Xing and LAME tags that goes before a stream."""
    starts = _frame_starts(stream)
    if not starts:
        return b""
    header = bytearray(stream[:4])
    header[1] |= 0x01  # no checksum
    header[2] = 0x90  # 128 kbit/s, 44.1 kHz, unpadded: 417 bytes, room for both tags
    size, mono = 417, stream[3] >> 6 == 3
    total = size + len(stream)
    seek = [starts[len(starts) * i // 100] + size for i in range(100)]
    padding = max(0, len(starts) * FRAME_SAMPLES - DELAY - n_samples)
    body = bytearray(17 if mono else 32)
    body += b"Info" if kind == "320" else b"Xing"
    body += struct.pack(">III", 0x0F, len(starts), total)
    body += bytes(min(255, place * 256 // total) for place in seek)
    body += struct.pack(">I", 100)
    body += b"LAME3.100" + bytes([0x01 if kind == "320" else 0x04, 195])
    body += bytes(8) + bytes([0, 255 if kind == "320" else 190])
    body += (DELAY << 12 | min(padding, 4_095)).to_bytes(3, "big")
    body += bytes([0x4C, 0, 0, 0]) + struct.pack(">IH", total, 0)  # the music's CRC is optional
    tag = bytes(header + body)
    return (tag + struct.pack(">H", _crc16(tag))).ljust(size, b"\0")


def _frame_starts(stream: bytes | bytearray) -> list[int]:
    """Return where each frame of an MPEG-1 layer III stream at 44.1 kHz starts."""
    rates = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
    starts, at = [], 0
    while at + 4 <= len(stream) and stream[at] == 0xFF and stream[at + 1] & 0xE0 == 0xE0:
        starts.append(at)
        size = 144_000 * rates[stream[at + 2] >> 4] // 44_100 + (stream[at + 2] >> 1 & 1)
        if size < 4:
            break
        at += size
    return starts


def _crc16(data: bytes) -> int:
    """Return the CRC-16 with the reflected polynomial 0xA001 from 0, as LAME's tag has it."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
