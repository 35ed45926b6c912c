"""Frames of an MP3, and what goes before them."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["head", "info_frame", "mp3_bytes"]

FRAME_SAMPLES: Final = 1_152
"""Samples in a frame of MPEG-1 layer III."""

DELAY: Final = 576
"""Samples of silence that LAME puts before the first one; the tag tells players to skip them."""

_ID3: Final = b"ID3\x04\0\0\0\0\0\x13" + b"TSSE\0\0\0\x09\0\0" + b"\x03halation"
"""A tag at the beginning: without one, readers look for another at the end, which is not there."""

_INFO_BYTES: Final = 417
"""Of a frame at 128 kbit/s and 44.1 kHz that is not padded: room for the tags."""


def head(n_samples: int) -> bytes:
    """Return what goes before the frames of a song that is not there yet: how many there will be.

    References
    ----------
    ID3v2.4, 3.1; "MP3 Info Tag revision 1", 2003.
    """
    frames = _frames(n_samples)
    body = b"Info" + struct.pack(">III", 0x03, frames, _INFO_BYTES + mp3_bytes(n_samples))
    return _ID3 + (b"\xff\xfb\x90\x64" + bytes(32) + body).ljust(_INFO_BYTES, b"\0")


def _frames(n_samples: int) -> int:
    return 1 - -n_samples // FRAME_SAMPLES


def mp3_bytes(n_samples: int) -> int:
    """Return how many bytes LAME makes of so many samples at 44.1 kHz and 320 kbit/s.

    A frame has 1,044 bytes, and one more whenever 0.898 of a byte have gathered; one frame more
    than the samples fill carries what the encoder has kept to itself.

    Examples
    --------
    >>> mp3_bytes(30 * 44_100)
    1201632
    """
    frames = _frames(n_samples)
    return frames * 1_044 - -(frames - 1) * 39_600 // 44_100


def info_frame(stream: bytearray, n_samples: int, kind: str) -> bytes:
    """Return the silent frame with the Xing and LAME tags that goes before a stream."""
    starts = _frame_starts(stream)
    if not starts:
        return b""
    header = bytearray(stream[:4])
    header[1] |= 0x01  # no checksum
    header[2] = 0x90  # 128 kbit/s, 44.1 kHz, unpadded
    size, mono = _INFO_BYTES, stream[3] >> 6 == 3
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
