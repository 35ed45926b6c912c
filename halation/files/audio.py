"""Sound to files: WAV and FLAC with 24 bits, MP3."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation.files.frames import FRAME_SAMPLES, info_frame, joined
from halation.types import SAMPLE_RATE, Audio, AudioError

__all__ = ["Mp3", "load", "mp3", "write_flac", "write_wav"]

Mp3 = Literal["320", "V2"]
"""Constant 320 kbit/s, or LAME's variable bit rate of about 190 kbit/s."""

BLOCK: Final = 65_536
MP3_QUALITY: Final = 7
"""LAME's speed setting. 2 takes five times as long; at 320 kbit/s bits are not what is scarce."""

MP3_BLOCK: Final = 4 * BLOCK
"""Samples that LAME is given at a time: for each it must wait for the interpreter again."""

MP3_JOINT: Final = range(20, 80)
"""Frames after the beginning of a song's second half where its encoder may take over."""


def write_wav(path: Path, audio: Audio, strings: tuple[tuple[str, str], ...] = ()) -> None:
    """Write 24-bit PCM.

    Parameters
    ----------
    path : Path
    audio : Audio
        Samples beyond full scale are clipped.
    strings : tuple of (name, text)
        Fields of the RIFF INFO list: ``title``, ``artist``, ``software``, ``comment``.

    Raises
    ------
    OSError
        If the disk is full or the file cannot be written.
    """
    _write(path, audio, "WAV", strings)


def write_flac(path: Path, audio: Audio) -> None:
    """Write 24-bit FLAC; errors as in :func:`write_wav`."""
    _write(path, audio, "FLAC", ())


def _write(path: Path, audio: Audio, kind: str, strings: tuple[tuple[str, str], ...]) -> None:
    import soundfile

    samples = audio.samples
    try:
        with soundfile.SoundFile(
            path, "w", audio.sample_rate, audio.channels, "PCM_24", format=kind
        ) as file:
            for name, text in strings:
                setattr(file, name, text)
            for start in range(0, audio.n_samples, BLOCK):
                file.write(samples[:, start : start + BLOCK].T)
    except (soundfile.SoundFileError, AssertionError) as error:
        # soundfile reports a short write by a bare assertion, libsndfile without an errno.
        raise _reason(path, error) from error
    if kind == "WAV" and path.stat().st_size < audio.n_samples * audio.channels * 3:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


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

    Lets other threads run meanwhile. With a constant bit rate the halves of a song are encoded side
    by side, whatever the number of cores; the second encoder begins half a second early, so that it
    has settled when it is heard.

    Parameters
    ----------
    audio : Audio
        Mono or stereo at 44.1 kHz.
    kind : ``"320"`` or ``"V2"``
    cancelled : callable returning bool
        Asked between blocks; once it says yes, nothing is returned.

    References
    ----------
    The LAME project, http://lame.sourceforge.net; "MP3 Info Tag revision 1", 2003.
    """
    n = audio.n_samples
    ahead = n // FRAME_SAMPLES // 2
    stream: bytearray | None = None
    if kind == "320" and audio.channels == 2 and ahead > 2 * MP3_JOINT[-1]:
        middle = ahead * FRAME_SAMPLES
        meet = middle + (MP3_JOINT[-1] + 8) * FRAME_SAMPLES  # LAME keeps the last frames to itself
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(_encoded, audio, kind, 0, meet, cancelled)
            second = pool.submit(_encoded, audio, kind, middle, n, cancelled)
        stream = joined(first.result(), second.result(), ahead, MP3_JOINT)
    if stream is None and not cancelled():
        stream = _encoded(audio, kind, 0, n, cancelled)
    if not stream or cancelled():
        return b""
    return info_frame(stream, n, kind) + bytes(stream)


def _encoded(
    audio: Audio, kind: Mp3, start: int, stop: int, cancelled: Callable[[], bool]
) -> bytearray:
    """Return the frames of a stretch."""
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
    for at in range(start, stop, MP3_BLOCK):
        if cancelled():
            return stream
        stream += encoder.encode(_int16(audio.samples[:, at : min(at + MP3_BLOCK, stop)]))
    stream += encoder.flush()
    return stream


def _int16(block: NDArray[np.float32]) -> bytes:
    scaled = np.multiply(block.T, np.float32(32_767.0), order="C")
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32_768.0, 32_767.0, out=scaled)
    return scaled.astype("<i2").tobytes()
