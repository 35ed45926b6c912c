"""Sound to files: WAV and FLAC with 24 bits, MP3."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation.files.frames import info_frame
from halation.types import SAMPLE_RATE, Audio, AudioError

__all__ = ["Mp3", "Mp3Stream", "Writer", "load", "mp3", "write_flac", "write_wav"]

Mp3 = Literal["320", "V2"]
"""Constant 320 kbit/s, or LAME's variable bit rate of about 190 kbit/s."""

BLOCK: Final = 65_536
MP3_QUALITY: Final = 7
"""LAME's speed setting. 2 takes five times as long; at 320 kbit/s bits are not what is scarce."""

MP3_BLOCK: Final = 4 * BLOCK
"""Samples that LAME is given at a time: for each it must wait for the interpreter again."""


class Writer:
    """A WAV or FLAC file with 24 bits that is written block by block.

    Parameters
    ----------
    path : Path
    channels : 1 or 2
    strings : tuple of (name, text)
        Fields of a WAV's RIFF INFO list: ``title``, ``artist``, ``software``, ``comment``.

    Raises
    ------
    OSError
        Here and in every method, if the disk is full or the file cannot be written.
    """

    def __init__(
        self, path: Path, channels: int = 2, strings: tuple[tuple[str, str], ...] = ()
    ) -> None:
        import soundfile

        self._path, self._channels, self._n = path, channels, 0
        kind = path.suffix[1:].upper() if path.suffix in (".wav", ".flac") else "WAV"
        self._kind = kind
        try:
            self._file = soundfile.SoundFile(
                path, "w", SAMPLE_RATE, channels, "PCM_24", format=kind
            )
            for name, text in strings:
                setattr(self._file, name, text)
        except soundfile.SoundFileError as error:
            raise _reason(path, error) from error

    def write(self, samples: NDArray[np.float32]) -> None:
        """Write the next block [shape=(channels, n)]; samples beyond full scale are clipped."""
        import soundfile

        try:
            for start in range(0, samples.shape[1], BLOCK):
                self._file.write(samples[:, start : start + BLOCK].T)
        except (soundfile.SoundFileError, AssertionError) as error:
            # soundfile reports a short write by a bare assertion, libsndfile without an errno.
            raise _reason(self._path, error) from error
        self._n += samples.shape[1]

    def close(self) -> None:
        """Write what is left."""
        import soundfile

        try:
            self._file.close()
        except soundfile.SoundFileError as error:
            raise _reason(self._path, error) from error
        size = self._n * self._channels * 3
        if self._kind == "WAV" and self._path.stat().st_size < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))


def write_wav(path: Path, audio: Audio, strings: tuple[tuple[str, str], ...] = ()) -> None:
    """Write 24-bit PCM at once; see :class:`Writer`."""
    _write(path, audio, strings)


def write_flac(path: Path, audio: Audio) -> None:
    """Write 24-bit FLAC at once; errors as in :class:`Writer`."""
    _write(path, audio, ())


def _write(path: Path, audio: Audio, strings: tuple[tuple[str, str], ...]) -> None:
    writer = Writer(path, audio.channels, strings)
    writer.write(audio.samples)
    writer.close()


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


class Mp3Stream:
    """An MP3 that is encoded block by block; every block's frames can be played at once.

    Lets other threads run meanwhile.

    Parameters
    ----------
    kind : ``"320"`` or ``"V2"``
    channels : 1 or 2

    References
    ----------
    The LAME project, http://lame.sourceforge.net.
    """

    def __init__(self, kind: Mp3 = "320", channels: int = 2) -> None:
        import lameenc

        self._kind = kind
        self._encoder = lameenc.Encoder()
        self._encoder.silence()
        self._encoder.set_in_sample_rate(SAMPLE_RATE)
        self._encoder.set_out_sample_rate(SAMPLE_RATE)
        self._encoder.set_channels(channels)
        self._encoder.set_quality(MP3_QUALITY)
        if kind == "320":
            self._encoder.set_bit_rate(320)
        else:
            self._encoder.set_vbr(4)  # LAME's vbr_mtrh
            self._encoder.set_vbr_quality(2)

    def encode(self, samples: NDArray[np.float32]) -> bytes:
        """Return the frames that are ready after a block [shape=(channels, n)]."""
        return bytes(self._encoder.encode(_int16(samples))) if samples.shape[1] else b""

    def flush(self) -> bytes:
        """Return the last frames."""
        return bytes(self._encoder.flush())


def mp3(audio: Audio, kind: Mp3 = "320") -> bytes:
    """Encode an MP3, with a LAME tag so that players cut the encoder's delay and show the length.

    Parameters
    ----------
    audio : Audio
        Mono or stereo at 44.1 kHz.
    kind : ``"320"`` or ``"V2"``

    References
    ----------
    "MP3 Info Tag revision 1", 2003.
    """
    encoder = Mp3Stream(kind, audio.channels)
    stream = bytearray()
    for at in range(0, audio.n_samples, MP3_BLOCK):
        stream += encoder.encode(audio.samples[:, at : at + MP3_BLOCK])
    stream += encoder.flush()
    return info_frame(stream, audio.n_samples, kind) + bytes(stream)


def _int16(block: NDArray[np.float32]) -> bytes:
    scaled = np.multiply(block.T, np.float32(32_767.0), order="C")
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32_768.0, 32_767.0, out=scaled)
    return scaled.astype("<i2").tobytes()
