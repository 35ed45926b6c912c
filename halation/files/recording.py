"""A song on its way to disk: its sound is written while it is made, everything else at the end."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp.loudness import outline
from halation.files import midi, tags
from halation.files.audio import Mp3, Mp3Stream, Writer
from halation.files.folder import (
    file_error,
    file_stem,
    folder_name,
    put_in_place,
    workshop,
)
from halation.files.frames import info_frame
from halation.files.songfile import encode
from halation.types import SAMPLE_RATE, Audio, Block, BriefError, Plan, Score, Song

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FORMATS", "Recording", "Sink", "Written", "cover_of", "jpeg", "record"]

FORMATS: Final = ("wav", "mp3", "flac")
"""Sound files that can be asked for."""

PIECE: Final = 2 * SAMPLE_RATE
"""Samples that are encoded at a time, so that a listener need not wait for a whole section."""

WAITING: Final = 2
"""Blocks that may wait to be written; who makes more of them waits, too."""

Sink = Callable[[bytes, float], None]
"""Takes the next frames of the MP3, and how many seconds are encoded by then."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where a song's files are; None or empty for what was not asked for."""

    folder: Path
    song_json: Path
    cover: Path
    midi: Path
    midi_grid: Path
    wav: Path | None = None
    mp3: Path | None = None
    flac: Path | None = None
    stems: tuple[Path, ...] = ()

    def as_strings(self) -> dict[str, str | list[str]]:
        """Return the absolute paths by name, what was not written left out."""
        found: dict[str, str | list[str]] = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if isinstance(value, Path):
                found[name] = str(value.absolute())
            elif value:
                found[name] = [str(path.absolute()) for path in value]
        return found


class Recording:
    """Writes a song into a folder of its own, ``<title-slug>-<seed>``, under ``out``.

    If that folder exists it stays as it is, and this song's gets the suffix ``-2``, ``-3`` … Use it
    in a ``with`` statement: what was not finished there is removed at its end.

    Parameters
    ----------
    score : Score
    out : Path
        Made if missing.
    formats : iterable of ``"wav"``, ``"mp3"``, ``"flac"``
    stems : bool
        Write every stem and the pre-master mix as well: the blocks must bring them.
    mp3 : ``"320"`` or ``"V2"``
    sink : callable, optional
        Takes the MP3's frames as they come, in another thread. They are the very frames of the
        file, in which only tags stand before them.

    Raises
    ------
    BriefError
        If a format is unknown.
    FileError
        In every method, if the folder cannot be written or the disk is full; nothing is left
        behind.
    """

    def __init__(
        self,
        score: Score,
        out: Path,
        *,
        formats: Iterable[str] = ("wav", "mp3"),
        stems: bool = False,
        mp3: Mp3 = "320",
        sink: Sink | None = None,
    ) -> None:
        self._formats = tuple(formats)
        _check_formats(self._formats)
        self._score, self._out, self._stems, self._sink = score, Path(out), stems, sink
        self._kind: Mp3 = mp3
        self._name = file_stem(score.form.mood.title)
        self._queue: queue.Queue[Block | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Recording:
        self._room = self._stack.enter_context(workshop(self._out))
        try:
            self._open()
        except OSError as error:
            self._stack.close()
            raise file_error(self._out, error) from error
        return self

    def _open(self) -> None:
        strings = tags.of_score(self._score).strings
        self._writers: dict[str, Writer] = {}
        for kind in ("wav", "flac"):
            if kind in self._formats:
                path = self._room / f"{self._name}.{kind}"
                self._writers[kind] = Writer(path, strings=strings if kind == "wav" else ())
        self._mp3 = Mp3Stream(self._kind) if "mp3" in self._formats or self._sink else None
        self._frames = bytearray()
        self._n = 0
        self._written_down = False
        self._stem_writers: dict[str, Writer] = {}
        if self._stems:
            (self._room / "stems").mkdir()
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._error = self._error or error or _Left()
        self._end()
        for writer in (*self._writers.values(), *self._stem_writers.values()):
            with suppress(OSError):
                writer.close()
        self._stack.close()

    def take(self, block: Block) -> None:
        """Write the next block, in another thread.

        Raises
        ------
        FileError
            If an earlier one could not be written.
        """
        self._queue.put(block)
        self._complain()

    def finish(self, song: Song) -> Written:
        """Write the rest and put the folder in its place.

        Parameters
        ----------
        song : Song
            Its sound is not read.
        """
        try:
            return self._finish(song)
        except OSError as error:
            raise file_error(self._out, error) from error

    def _finish(self, song: Song) -> Written:
        room = self._room
        with ThreadPoolExecutor(1) as pool:  # the last seconds are encoded meanwhile
            drawing = pool.submit(cover_of, song)
            saving = pool.submit(
                lambda: drawing.result().save(room / "cover.png", compress_level=1)
            )
            (room / "song.json").write_bytes(encode(song))
            self._end()
            self._complain()
            for writer in (*self._writers.values(), *self._stem_writers.values()):
                writer.close()
            self._tag(tags.of_score(song.score, jpeg(drawing.result())))
            saving.result()
        folder = put_in_place(room, folder_name(song.title, song.brief.seed))
        return self._written(folder)

    def _tag(self, tag: tags.Tags) -> None:
        """Write what stands in the sound files beside the sound."""
        room, name = self._room, self._name
        if "wav" in self._formats:
            tags.tag_wav(room / f"{name}.wav", tag)
        if "flac" in self._formats:
            tags.tag_flac(room / f"{name}.flac", tag)
        if "mp3" in self._formats:
            frames = info_frame(self._frames, self._n, self._kind) + bytes(self._frames)
            (room / f"{name}.mp3").write_bytes(tags.with_id3(frames, tag))

    def _written(self, folder: Path) -> Written:
        sounds = {kind: folder / f"{self._name}.{kind}" for kind in self._formats}
        return Written(
            folder=folder,
            song_json=folder / "song.json",
            cover=folder / "cover.png",
            midi=folder / f"{self._name}.mid",
            midi_grid=folder / f"{self._name}-grid.mid",
            stems=tuple(folder / "stems" / f"{name}.wav" for name in self._stem_writers),
            **sounds,
        )

    def _end(self) -> None:
        """Wait until all that was taken is written."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _complain(self) -> None:
        if isinstance(self._error, OSError):
            raise file_error(self._out, self._error) from self._error
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while True:
            block = self._queue.get()
            try:
                if block is None:
                    if self._error is None and self._mp3 is not None:
                        self._hand_out(self._mp3.flush())
                    return
                if self._error is None:
                    self._write(block)
            except BaseException as error:
                self._error = error
                if block is None:
                    return

    def _write(self, block: Block) -> None:
        samples = block.master.samples
        for start in range(0, samples.shape[1], PIECE):
            piece = samples[:, start : start + PIECE]
            if self._mp3 is not None:
                self._n += piece.shape[1]
                self._hand_out(self._mp3.encode(piece))
            if self._error is not None:
                return
        if not self._written_down:  # known from the beginning, but the first sound goes first
            midi.write(self._room / f"{self._name}.mid", self._score)
            midi.write(self._room / f"{self._name}-grid.mid", self._score, quantised=True)
            self._written_down = True
        for writer in self._writers.values():
            writer.write(samples)
        if self._stems and block.mix is not None:
            for stem in block.stems:
                self._write_stem(stem.name, stem.audio.samples)
            self._write_stem("mix", block.mix.samples)

    def _write_stem(self, name: str, samples: NDArray[np.float32]) -> None:
        if name not in self._stem_writers:
            self._stem_writers[name] = Writer(self._room / "stems" / f"{name}.wav")
        self._stem_writers[name].write(samples)

    def _hand_out(self, frames: bytes) -> None:
        self._frames += frames
        if self._sink is not None and frames:
            self._sink(frames, self._n / SAMPLE_RATE)


def record(
    making: Iterable[object],
    out: Path,
    *,
    score: Score | None = None,
    seen: Callable[[object], None] = lambda _: None,
    formats: Iterable[str] = ("wav", "mp3"),
    stems: bool = False,
    mp3: Mp3 = "320",
    sink: Sink | None = None,
) -> tuple[Written, Song]:
    """Write a song while it is made.

    Parameters
    ----------
    making : iterable of artefacts
        What :func:`halation.pipeline.produce` or ``replay`` yields with ``keep=False``.
    out : Path
    score : Score, optional
        For artefacts among which there is no plan.
    seen : callable
        Is given every artefact.
    formats, stems, mp3, sink
        As in :class:`Recording`.

    Raises
    ------
    FileError
        As in :class:`Recording`; and whatever making the song raises. Nothing is left behind.
    """
    with ExitStack() as stack:
        recording: Recording | None = None
        song: Song | None = None
        for artefact in making:
            if isinstance(artefact, Plan):
                score = artefact.score
            elif isinstance(artefact, Block):
                if recording is None:
                    assert score is not None
                    recording = stack.enter_context(
                        Recording(score, out, formats=formats, stems=stems, mp3=mp3, sink=sink)
                    )
                recording.take(artefact)
            elif isinstance(artefact, Song):
                song = artefact
            seen(artefact)
        assert recording is not None
        assert song is not None
        return recording.finish(song), song


class _Left(Exception):
    """The block was left; what waits is not written."""


def _check_formats(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        what = f"no such format: {unknown[0][:40]!r}" if unknown else "no format was named"
        raise BriefError(f"{what}; choose from {', '.join(FORMATS)}")


def cover_of(song: Song) -> Image:
    """Draw a song's cover."""
    from halation.pictures import cover

    seen = song.outline or outline(song.master.samples)
    return cover.draw(song.score, Audio(seen.levels[None]))


def jpeg(picture: Image) -> bytes:
    """Return a cover as it is put into sound files."""
    buffer = io.BytesIO()
    small = picture.convert("RGB").resize((tags.COVER_SIZE, tags.COVER_SIZE), reducing_gap=2.0)
    small.save(buffer, "JPEG", quality=tags.COVER_QUALITY)
    return buffer.getvalue()
