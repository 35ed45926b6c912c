"""A song on its way into the library: written, heard and measured block by block as it comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.server import view
from halation.server.feed import Feed
from halation.types import SAMPLE_RATE, Block, FileError, Measures, Score, Song

if TYPE_CHECKING:
    from halation.files.audio import Writer

__all__ = ["Recorder", "StemFiles"]

SMALL_COVER: Final = 480
"""Width and height of the cover in lists, in pixels."""

Names = dict[str, tuple[str, int]]


class Recorder:
    """Takes the blocks of a song, and leaves in a folder all that the library keeps of it.

    Use it in a ``with`` statement.

    Parameters
    ----------
    score : Score
    folder : Path
        Empty.
    feed : Feed
        To whom it is sent meanwhile.
    stems : bool
        Whether the blocks bring stems which are to be kept.

    Raises
    ------
    FileError
        In every method, if the folder cannot be written.
    Stopped
        If the server wants no more of it.
    """

    def __init__(self, score: Score, folder: Path, feed: Feed, *, stems: bool) -> None:
        from halation.files import Recording

        self._folder, self._feed = folder, feed
        self._recording = Recording(score, folder, sink=feed.hear)
        self._stems = StemFiles(folder / "stems") if stems else None

    def __enter__(self) -> Recorder:
        self._recording.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stems is not None:
            self._stems.close()
        self._recording.__exit__(kind, error, trace)

    def take(self, block: Block) -> None:
        """Write a block down and pass it on."""
        self._feed.see(block.start, block.master)
        self._recording.take(block)
        if self._stems is not None:
            self._stems.take(block)

    def finish(self, song: Song) -> tuple[Names, float]:
        """Write what is left.

        Returns
        -------
        files : dict of public name → (path inside the folder, bytes)
        stems_gain_db : float
            Brings the kept stems to the master's loudness.
        """
        written = self._recording.finish(song)
        room = _emptied(written.folder, self._folder)
        _small_cover(room)
        _write_view(room, song, self._feed.peaks)
        assert written.wav is not None
        assert written.mp3 is not None
        names = {
            "song.wav": written.wav.name,
            "song.mp3": written.mp3.name,
            "song.mid": written.midi.name,
            "song-grid.mid": written.midi_grid.name,
            **{name: name for name in ("song.json", "cover.png", "cover-small.jpg")},
        }
        gain_db = 0.0
        if self._stems is not None:
            self._stems.close()
            gain_db = self._stems.gain_db(song.measures)
            names |= {path: path for path in (f"stems/{n}.flac" for n in self._stems.names)}
        return {name: (path, (room / path).stat().st_size) for name, path in names.items()}, gain_db


class StemFiles:
    """The stems of a song as FLAC in a folder, written as they come.

    Raises
    ------
    FileError
        If they cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, Writer] = {}
        self._energies: list[NDArray[np.float64]] = []
        self._rest = np.zeros((2, 0), np.float32)

    @property
    def names(self) -> list[str]:
        """Stems that are written, in their order."""
        return list(self._writers)

    def take(self, block: Block) -> None:
        """Append a block's stretch of every stem, and measure its mix."""
        from halation.files.audio import Writer

        with _as_file_error():
            for stem in block.stems:
                if stem.name not in self._writers:
                    self._folder.mkdir(exist_ok=True)
                    self._writers[stem.name] = Writer(self._folder / f"{stem.name}.flac")
                self._writers[stem.name].write(stem.audio.samples)
        if block.mix is not None:
            self._measure(block.mix.samples)

    def gain_db(self, measures: Measures) -> float:
        """Return what brings the mix to its master's loudness."""
        from halation.dsp.loudness import Meter

        return measures.loudness_lufs - Meter(np.concatenate(self._energies)).integrated

    def close(self) -> None:
        """Finish the files."""
        with _as_file_error():
            for writer in self._writers.values():
                writer.close()

    def _measure(self, mix: NDArray[np.float32]) -> None:
        from halation.dsp.loudness import meter

        mix = np.concatenate((self._rest, mix), axis=1)
        whole = mix.shape[1] // _STEP * _STEP
        if whole:
            self._energies.append(meter(mix[:, :whole]).energies)
        self._rest = mix[:, whole:].copy()


_STEP: Final = SAMPLE_RATE // 10
"""Samples of a meter's step."""


@contextmanager
def _as_file_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(f"cannot write the stems: {error.strerror or error}") from error


def _emptied(inner: Path, folder: Path) -> Path:
    """Move what lies in ``inner`` up into ``folder``."""
    for path in list(inner.iterdir()):
        path.rename(folder / path.name)
    inner.rmdir()
    return folder


def _small_cover(room: Path) -> None:
    from PIL import Image

    with Image.open(room / "cover.png") as picture:
        picture.thumbnail((SMALL_COVER, SMALL_COVER))
        picture.save(room / "cover-small.jpg", quality=85)


def _write_view(room: Path, song: Song, peaks: list[int]) -> None:
    """Write what the page draws of a song."""
    from halation.files.rights import rights_of

    form = song.score.form
    rights = rights_of(song.score)
    data: dict[str, Any] = {
        "text": song.brief.text,
        "seed": song.brief.seed,
        "duration_s": round(song.score.duration_s, 3),
        "tempo_bpm": form.tempo_bpm,
        "key": form.key.name,
        "mood": view.mood_view(form.mood).model_dump(),
        "sections": [row.model_dump() for row in view.section_views(form)],
        "parts": [row.model_dump() for row in view.part_views(song.score)],
        "peaks": peaks,
        "loudness_lufs": round(song.measures.loudness_lufs, 2),
        "instrument": view.instrument_of(song.score),
        "commercial": rights.commercial,
        "rights": view.rights_line(song.score, rights),
        "change": list(origin.change) if (origin := song.mix.plan.origin) else [],
    }
    (room / "view.json").write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")
