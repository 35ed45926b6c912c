"""What runs in the processes that make songs: a brief in, a folder of files out."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from halation.machine import cores
from halation.server import view
from halation.server.models import Event
from halation.server.wire import Line, Socket
from halation.types import Brief, FileError, Mix, Song

__all__ = ["Made", "Order", "Stopped", "make_song", "make_stems", "warm_up", "write"]

SMALL_COVER: Final = 480
"""Width and height of the cover in lists, in pixels."""


class Stopped(Exception):
    """The server wants no more of this song."""


@dataclass(frozen=True, slots=True)
class Order:
    """One song, or the stems of one, to be made by another process.

    Parameters
    ----------
    brief : Brief, optional
        The song; None for stems.
    song_json : bytes
        The song whose stems are made.
    share : int > 0
        Songs made at a time on the same machine.
    folder : str, optional
        An empty folder to write into; None where the worker may be another machine: the files
        then come back in :attr:`Made.contents`.
    socket : Socket, optional
        Whom to tell what exists.
    """

    brief: Brief | None = None
    song_json: bytes = b""
    share: int = 1
    folder: str | None = None
    socket: Socket | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of an order.

    Parameters
    ----------
    files : dict of public name → (path inside the folder, bytes)
    contents : dict of path → bytes
        Empty where the files were written in place.
    said : int
        Events that were told on the way.
    """

    title: str
    seconds: float
    duration_s: float
    files: dict[str, tuple[str, int]]
    stems_gain_db: float = 0.0
    contents: dict[str, bytes] = field(default_factory=dict)
    said: int = 0


def warm_up(share: int) -> None:
    """Make a short song and throw it away: what the first one would have to load is here then."""
    from halation import pipeline

    for _ in pipeline.produce(Brief(0, length_s=30.0), workers=_processes(share)):
        pass


def make_song(order: Order) -> Made:
    """Make a song, saying what exists as it comes.

    Raises
    ------
    Stopped
        If the server has hung up or said so; nothing is left then.
    HalationError
        If the song cannot be made or written.
    """
    from halation import files, pipeline

    assert order.brief is not None
    started = time.perf_counter()
    with _line(order.socket) as line, _place(order.folder) as folder:
        files.check_out(folder, needed_bytes=_needed_bytes(order.brief))
        song: Song | None = None
        making = pipeline.produce(order.brief, workers=_processes(order.share))
        try:
            for artefact in making:
                _tell(line, view.event_of(artefact))
                song = artefact if isinstance(artefact, Song) else None
                del artefact  # so that the mix can free each stem
        finally:
            making.close()
        assert song is not None
        seconds = time.perf_counter() - started
        made = write(song, folder, in_place=order.folder is not None, seconds=seconds)
        return replace(made, said=line.said)


def make_stems(order: Order) -> Made:
    """Play a song again from its song.json and write its stems as FLAC; errors as above."""
    from halation import files, pipeline
    from halation.dsp import loudness
    from halation.files import audio

    started = time.perf_counter()
    with _line(order.socket) as line, _place(order.folder) as folder:
        source = folder / "song.json"
        source.write_bytes(order.song_json)
        recipe = files.read(source)
        source.unlink()
        duration_s = recipe.plan.score.duration_s
        files.check_out(
            folder, needed_bytes=files.needed_bytes(duration_s, ["flac"] * 9, stems=False)
        )
        mix: Mix | None = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            playing = pipeline.replay(recipe.plan)
        try:
            for artefact in playing:
                if line.stopped:
                    raise Stopped
                if isinstance(artefact, Mix):
                    mix = artefact
                    break  # the master is here already
                del artefact
        finally:
            playing.close()
        assert mix is not None
        try:
            for stem in mix.stems.tracks:
                audio.write_flac(folder / f"{stem.name}.flac", stem.audio)
                _tell(line, Event(kind="stem", stem=stem.name, stems=len(mix.stems.tracks)))
        except OSError as error:
            raise FileError(f"cannot write the stems: {error.strerror or error}") from error
        return Made(
            title=recipe.plan.score.form.mood.title,
            seconds=time.perf_counter() - started,
            duration_s=duration_s,
            files={},
            stems_gain_db=recipe.measures.loudness_lufs - loudness.integrated(mix.audio),
            contents={} if order.folder else _contents(folder),
            said=line.said,
        )


def write(song: Song, folder: Path, *, in_place: bool, seconds: float) -> Made:
    """Write all files of a song that the library keeps into an empty folder.

    Parameters
    ----------
    song : Song
    folder : Path
    in_place : bool
        Whether they stay there; their contents are returned where not.
    seconds : float
        How long the song took so far.
    """
    from halation import files

    started = time.perf_counter()
    written = files.write(song, folder)
    room = _emptied(written.folder, folder)
    _small_cover(room)
    _write_view(room, song)
    assert written.wav is not None
    assert written.mp3 is not None
    names = {
        "song.wav": written.wav.name,
        "song.mp3": written.mp3.name,
        "song.mid": written.midi.name,
        "song-grid.mid": written.midi_grid.name,
        **{name: name for name in ("song.json", "cover.png", "cover-small.jpg")},
    }
    return Made(
        title=song.title,
        seconds=seconds + time.perf_counter() - started,
        duration_s=song.master.duration_s,
        files={name: (path, (room / path).stat().st_size) for name, path in names.items()},
        contents={} if in_place else _contents(room),
    )


def _processes(share: int) -> int:
    return min(4, cores(share))


@contextmanager
def _line(socket: Socket | None) -> Iterator[Line]:
    line = Line(socket)
    try:
        yield line
    finally:
        line.close()


@contextmanager
def _place(folder: str | None) -> Iterator[Path]:
    if folder is not None:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="halation-") as place:
        yield Path(place)


def _tell(line: Line, event: Event) -> None:
    if line.stopped:
        raise Stopped
    line.say(event.kind, event.model_dump_json(exclude_none=True))


def _needed_bytes(brief: Brief) -> int:
    from halation import files

    return files.needed_bytes(brief.length_s or 180.0, ("wav", "mp3"), stems=False)


def _emptied(inner: Path, folder: Path) -> Path:
    """Move what lies in ``inner`` up into ``folder``, which holds nothing else."""
    for path in list(inner.iterdir()):
        path.rename(folder / path.name)
    inner.rmdir()
    return folder


def _small_cover(room: Path) -> None:
    from PIL import Image

    with Image.open(room / "cover.png") as picture:
        picture.thumbnail((SMALL_COVER, SMALL_COVER))
        picture.save(room / "cover-small.jpg", quality=85)


def _write_view(room: Path, song: Song) -> None:
    """Write what the page draws of a song."""
    form = song.score.form
    data: dict[str, Any] = {
        "text": song.brief.text,
        "seed": song.brief.seed,
        "duration_s": round(song.master.duration_s, 3),
        "tempo_bpm": form.tempo_bpm,
        "key": form.key.name,
        "mood": view.mood_view(form.mood).model_dump(),
        "sections": [row.model_dump() for row in view.section_views(form)],
        "parts": [row.model_dump() for row in view.part_views(song.score)],
        "peaks": view.peaks(song.master, view.MASTER_PEAKS),
        "loudness_lufs": round(song.measures.loudness_lufs, 2),
    }
    (room / "view.json").write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
