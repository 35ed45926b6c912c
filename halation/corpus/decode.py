"""Any sound file to 44.1 kHz FLAC, block by block, so that ten hours need no more memory than one.

What a file is, its content says, not its name. libsndfile reads WAV, FLAC, MP3, Ogg, Opus and AIFF;
PyAV, where it is installed, reads the rest (M4A, WebM, the sound of a film).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.corpus.disk import draft
from halation.types import SAMPLE_RATE, AudioError

__all__ = ["BLOCK", "Decoded", "Recording", "blocks", "decode", "flac", "recording"]

Signal = NDArray[np.float32]

BLOCK: Final = 1 << 18
"""Samples a channel that are held at a time: 6 s at 44.1 kHz."""

RATES_HZ: Final = (4_000, 768_000)
SILENT: Final = 1e-4
"""A recording that never rises above −80 dBFS is silent."""

SHORTEST_S: Final = 1.0
_SURROUND: Final = 6
_CENTRE: Final = 0.7071


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a file turned out to hold.

    Parameters
    ----------
    duration_s : float [s]
    channels : int
    sample_rate : int [Hz]
        Of the file, not of what was written.
    """

    duration_s: float
    channels: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Recording:
    """An open sound file; ``blocks`` yields arrays (channels, n) of float32."""

    sample_rate: int
    channels: int
    blocks: Iterator[Signal]


def decode(path: Path, out: Path) -> Decoded:
    """Write a sound file's music as FLAC with 16 bits at 44.1 kHz, mono or stereo.

    Parameters
    ----------
    path : Path
        Any format; surround is mixed down.
    out : Path
        Appears when it is whole.

    Returns
    -------
    Decoded

    Raises
    ------
    AudioError
        If the file is empty, damaged, silent, too short or of no known format.
    OSError
        If ``out`` cannot be written.
    """
    from pedalboard.io import StreamResampler

    n_read, peak = 0, 0.0
    with recording(path) as found:
        channels = min(found.channels, 2)
        resample: Any = None
        if found.sample_rate != SAMPLE_RATE:
            resample = StreamResampler(float(found.sample_rate), float(SAMPLE_RATE), channels)
        with flac(out, channels) as write:
            for block in found.blocks:
                x = _folded(block)
                n_read += x.shape[1]
                peak = max(peak, float(np.abs(x).max(initial=0.0)))
                write(x if resample is None else resample.process(x))
            if resample is not None and n_read:
                write(resample.process(None))
            duration_s = n_read / found.sample_rate
            _check(duration_s, peak)
        return Decoded(duration_s, found.channels, found.sample_rate)


def _check(duration_s: float, peak: float) -> None:
    if not duration_s:
        raise AudioError("it holds no sound: its length is zero")
    if duration_s < SHORTEST_S:
        raise AudioError(f"it is too short: {duration_s:.2f} s; a second is the least")
    if not peak > SILENT:
        raise AudioError("it is silent from beginning to end")


def _folded(x: Signal) -> Signal:
    """Return mono or stereo without what is not a number; surround is mixed down."""
    if not np.isfinite(x).all():
        raise AudioError("it is damaged: some samples are not numbers")
    if len(x) == _SURROUND:  # left, right, centre, bass effects, left and right behind
        return np.asarray(
            (x[:2] + np.float32(_CENTRE) * (x[2] + x[4:])) / np.float32(1.0 + 2.0 * _CENTRE)
        )
    return x[:2]


@contextmanager
def recording(path: Path) -> Iterator[Recording]:
    """Open a sound file, whatever it is called.

    Raises
    ------
    AudioError
        Here or while it is read: if it is gone, empty, damaged, or of no known format.
    """
    import soundfile

    try:
        if not path.stat().st_size:
            raise AudioError("the file is empty")
        file = soundfile.SoundFile(path)
    except OSError as error:
        raise AudioError(f"it cannot be read: {error.strerror or error}") from error
    except soundfile.SoundFileError as error:
        with _by_av(path, str(error)) as found:
            yield found
        return
    with file:
        _check_rate(file.samplerate)
        yield Recording(file.samplerate, file.channels, _read(file))


def _read(file: Any) -> Iterator[Signal]:
    import soundfile

    size = max(1, BLOCK // max(1, file.channels // 2))
    at_s = 0.0
    while True:
        try:
            block = file.read(size, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(f"it is damaged after {at_s:.0f} s") from error
        if not len(block):
            break
        at_s += len(block) / file.samplerate
        yield np.ascontiguousarray(block.T)
    if file.frames < 1 << 60 and at_s < 0.99 * file.frames / file.samplerate - 1.0:
        raise AudioError(f"it is damaged after {at_s:.0f} s")


def _check_rate(sample_rate: int) -> None:
    if not RATES_HZ[0] <= sample_rate <= RATES_HZ[1]:
        raise AudioError(f"it is damaged: a sample rate of {sample_rate} Hz cannot be")


@contextmanager
def _by_av(path: Path, why: str) -> Iterator[Recording]:
    """Open by PyAV what libsndfile cannot read."""
    try:
        import av
    except ImportError as error:
        raise AudioError(
            f'it is damaged, or needs an extra to be read: pip install "halation[corpus]" ({why})'
        ) from error
    try:
        with av.open(str(path), mode="r") as container:
            if not container.streams.audio:
                raise AudioError("there is no sound in it")
            stream = container.streams.audio[0]
            rate, channels = int(stream.rate), int(stream.channels)
            _check_rate(rate)
            yield Recording(rate, channels, _decoded(container, stream, rate, channels))
    except (av.FFmpegError, ValueError, TypeError) as error:
        raise AudioError("it is damaged, or not a sound file that can be read here") from error


def _decoded(container: Any, stream: Any, rate: int, channels: int) -> Iterator[Signal]:
    import av

    layout = {1: "mono", 2: "stereo"}.get(channels, "5.1" if channels == _SURROUND else "stereo")
    into = av.AudioResampler(format="fltp", layout=layout, rate=rate)
    held: list[Any] = []
    for frame in container.decode(stream):
        held += (part.to_ndarray() for part in into.resample(frame))
        if sum(part.shape[1] for part in held) >= BLOCK:
            yield np.concatenate(held, axis=1)
            held = []
    held += (part.to_ndarray() for part in into.resample(None))
    if held:
        yield np.concatenate(held, axis=1)


@contextmanager
def flac(out: Path, channels: int) -> Iterator[Any]:
    """Give a function that writes blocks (channels, n) to a FLAC; it appears when it is whole.

    Raises
    ------
    OSError
        If the disk is full or the folder cannot be written to.
    """
    import soundfile

    hidden = draft(out)
    try:
        with soundfile.SoundFile(
            hidden, "w", SAMPLE_RATE, channels, "PCM_16", format="FLAC"
        ) as file:
            yield lambda x: file.write(np.clip(x, -1.0, 1.0).T)
        hidden.replace(out)
    except (soundfile.SoundFileError, AssertionError) as error:
        raise _reason(hidden, out, error) from error
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)


def _reason(hidden: Path, out: Path, error: Exception) -> OSError:
    """Find out why a file could not be written: soundfile does not tell, a plain write does."""
    try:
        with hidden.open("ab", buffering=0) as file:
            left = memoryview(bytes(1 << 16))
            while left:
                left = left[file.write(left) :]
    except OSError as found:
        return OSError(found.errno, found.strerror, str(out))
    code = errno.ENOSPC if isinstance(error, AssertionError) else errno.EIO
    return OSError(code, str(error) or os.strerror(code), str(out))


def blocks(path: Path, size: int = BLOCK, start: int = 0) -> Iterator[Signal]:
    """Yield a FLAC of ours in consecutive blocks (channels, at most ``size``)."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        file.seek(start)
        while len(block := file.read(size, dtype="float32", always_2d=True)):
            yield np.ascontiguousarray(block.T)
