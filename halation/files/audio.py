"""Sound to files: WAV and FLAC with 24 bits, MP3."""

from __future__ import annotations

import errno
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import numpy as np

from halation.dsp import loops
from halation.types import SAMPLE_RATE, Audio, AudioError

__all__ = ["Mp3", "load", "mp3", "write_flac", "write_wav"]

Mp3 = Literal["320", "V2"]
"""Constant 320 kbit/s, or LAME's variable bit rate of about 190 kbit/s."""

BLOCK: Final = 65_536
MP3_QUALITY: Final = 7
"""LAME's speed setting. 2 takes five times as long; at 320 kbit/s bits are not what is scarce."""

MP3_BLOCK: Final = 4 * BLOCK
"""Samples that LAME is given at a time: for each it must wait for the interpreter again."""

MP3_FRAME: Final = 1_152
"""Samples in a frame of MPEG-1 layer III."""

MP3_DELAY: Final = 576
"""Samples of silence that LAME puts before the first one; the tag tells players to skip them."""


def write_wav(path: Path, audio: Audio, strings: tuple[tuple[str, str], ...] = ()) -> None:
    """Write 24-bit PCM.

    Parameters
    ----------
    path : Path
    audio : Audio
        Samples beyond full scale are clipped.
    strings : tuple of (name, text)
        Fields of the RIFF INFO list: ``title``, ``artist``, ``comment``, ``software``.

    Raises
    ------
    OSError
        If the disk is full or the file cannot be written.
    """
    notes = b"".join(_chunk(_INFO[name], text.encode() + b"\0") for name, text in strings)
    frame = 3 * audio.channels
    form = struct.pack(
        *("<HHIIHH", 1, audio.channels, audio.sample_rate),
        *(frame * audio.sample_rate, frame, 24),
    )
    head = b"WAVE" + _chunk(b"fmt ", form) + (_chunk(b"LIST", b"INFO" + notes) if notes else b"")
    size = frame * audio.n_samples
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(head) + 8 + size + size % 2) + head)
        file.write(b"data" + struct.pack("<I", size))
        for start in range(0, audio.n_samples, BLOCK):
            file.write(loops.pcm(audio.samples[:, start : start + BLOCK], 24).data)
        file.write(bytes(size % 2))


_INFO: Final = {"title": b"INAM", "artist": b"IART", "comment": b"ICMT", "software": b"ISFT"}


def _chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a RIFF file, filled up to an even length."""
    return name + struct.pack("<I", len(data) + len(data) % 2) + data + bytes(len(data) % 2)


def write_flac(path: Path, audio: Audio) -> None:
    """Write 24-bit FLAC; errors as in :func:`write_wav`."""
    import soundfile

    samples = audio.samples
    try:
        with soundfile.SoundFile(
            path, "w", audio.sample_rate, audio.channels, "PCM_24", format="FLAC"
        ) as file:
            for start in range(0, audio.n_samples, BLOCK):
                file.write(samples[:, start : start + BLOCK].T)
    except (soundfile.SoundFileError, AssertionError) as error:
        # soundfile reports a short write by a bare assertion, libsndfile without an errno.
        raise _reason(path, error) from error


def _reason(path: Path, error: Exception) -> OSError:
    full = shutil.disk_usage(path.parent).free < 1 << 20 or isinstance(error, AssertionError)
    code = errno.ENOSPC if full else errno.EIO
    return OSError(code, os.strerror(code) if full else str(error), str(path))


def load(path: Path, n_samples: int) -> Audio | None:
    """Return the sound of a file if it is there and has exactly this length, else None."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            if (file.frames, file.samplerate) != (n_samples, SAMPLE_RATE) or file.channels > 2:
                return None
            samples = file.read(dtype="float32", always_2d=True)
        return Audio(np.ascontiguousarray(samples.T))
    except (OSError, soundfile.SoundFileError, AudioError):
        return None


def mp3(audio: Audio, kind: Mp3 = "320", *, cancelled: Callable[[], bool] = bool) -> bytes:
    """Encode an MP3, with a LAME tag so that players cut the encoder's delay and show the length.

    Runs on one core and lets other threads run meanwhile.

    Parameters
    ----------
    audio : Audio
        Mono or stereo at 44.1 kHz.
    kind : ``"320"`` or ``"V2"``
    cancelled : callable returning bool
        Asked between blocks; once it says yes, what has been encoded is returned at once.

    References
    ----------
    The LAME project, http://lame.sourceforge.net; "MP3 Info Tag revision 1", 2003.
    """
    import lameenc

    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(audio.sample_rate)
    encoder.set_out_sample_rate(audio.sample_rate)
    encoder.set_channels(audio.channels)
    encoder.set_quality(MP3_QUALITY)
    if kind == "320":
        encoder.set_bit_rate(320)
    else:
        encoder.set_vbr(4)  # LAME's vbr_mtrh
        encoder.set_vbr_quality(2)
    stream = bytearray()
    for start in range(0, audio.n_samples, MP3_BLOCK):
        if cancelled():
            return bytes(stream)
        block = audio.samples[:, start : start + MP3_BLOCK]
        stream += encoder.encode(loops.pcm(block, 16).tobytes())
    stream += encoder.flush()
    return _info_frame(stream, audio.n_samples, kind) + bytes(stream)


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


def _info_frame(stream: bytearray, n_samples: int, kind: Mp3) -> bytes:
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
    padding = max(0, len(starts) * MP3_FRAME - MP3_DELAY - n_samples)
    body = bytearray(17 if mono else 32)
    body += b"Info" if kind == "320" else b"Xing"
    body += struct.pack(">III", 0x0F, len(starts), total)
    body += bytes(min(255, place * 256 // total) for place in seek)
    body += struct.pack(">I", 100)
    body += b"LAME3.100" + bytes([0x01 if kind == "320" else 0x04, 195])
    body += bytes(8) + bytes([0, 255 if kind == "320" else 190])
    body += (MP3_DELAY << 12 | min(padding, 4_095)).to_bytes(3, "big")
    body += bytes([0x4C, 0, 0, 0]) + struct.pack(">IH", total, 0)  # the music's CRC is optional
    tag = bytes(header + body)
    return (tag + struct.pack(">H", _crc16(tag))).ljust(size, b"\0")


def _crc16(data: bytes) -> int:
    """Return the CRC-16 with the reflected polynomial 0xA001 from 0, as LAME's tag has it."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc
