"""What runs in the processes that make songs: a brief in, a folder of files out."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from halation.backends import Watch
from halation.machine import cores
from halation.server import view
from halation.server.models import Event
from halation.server.wire import Line, Socket
from halation.types import Brief, FileError, Measures, Mix, Song

__all__ = ["Made", "Order", "Stopped", "make_song", "make_stems", "warm_up", "write"]

SMALL_COVER: Final = 480
"""Width and height of the cover in lists, in pixels."""

SHOWN_A_SECOND: Final = 3
"""How often at most the page is told how far a model is."""


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
        watch = _watch(line)
        making = pipeline.produce(order.brief, workers=_processes(order.share), watch=watch)
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
            playing = pipeline.replay(recipe.plan, watch=_watch(line))
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
        for name in _write_stems(mix, folder):
            _tell(line, Event(kind="stem", stem=name, stems=len(mix.stems.tracks)))
        return Made(
            title=recipe.plan.score.form.mood.title,
            seconds=time.perf_counter() - started,
            duration_s=duration_s,
            files={},
            stems_gain_db=_stems_gain_db(mix, recipe.measures),
            contents={} if order.folder else _contents(folder),
            said=line.said,
        )


def write(song: Song, folder: Path, *, in_place: bool, seconds: float) -> Made:
    """Write all files of a song that the library keeps into an empty folder.

    Its stems are among them where a model played: making them later would take as long again.

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
    played = view.instrument_of(song.score) != ""
    if played:
        (room / "stems").mkdir()
        stems = (f"stems/{name}.flac" for name in _write_stems(song.mix, room / "stems"))
        names |= {path: path for path in stems}
    return Made(
        title=song.title,
        seconds=seconds + time.perf_counter() - started,
        duration_s=song.master.duration_s,
        files={name: (path, (room / path).stat().st_size) for name, path in names.items()},
        stems_gain_db=_stems_gain_db(song.mix, song.measures) if played else 0.0,
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


def _watch(line: Line) -> Watch:
    """Let a player that takes minutes be seen and stopped; it calls from a thread of its own."""
    shown: deque[float] = deque(maxlen=SHOWN_A_SECOND)

    def show(text: str) -> None:
        if line.stopped:
            raise Stopped
        now = time.monotonic()
        if len(shown) < SHOWN_A_SECOND or now - shown[0] > 1.0:
            shown.append(now)
            _tell(line, Event(kind="progress", message=text))

    def say(text: str) -> None:
        _tell(line, Event(kind="note", message=text))

    return Watch(say=say, show=show)


def _write_stems(mix: Mix, folder: Path) -> Iterator[str]:
    """Write the stems of a mix as FLAC, yielding the name of each as it is there."""
    from halation.files import audio

    try:
        for stem in mix.stems.tracks:
            audio.write_flac(folder / f"{stem.name}.flac", stem.audio)
            yield stem.name
    except OSError as error:
        raise FileError(f"cannot write the stems: {error.strerror or error}") from error


def _stems_gain_db(mix: Mix, measures: Measures) -> float:
    """Return what brings the mix to its master's loudness."""
    from halation.dsp import loudness

    return measures.loudness_lufs - loudness.integrated(mix.audio)


def _needed_bytes(brief: Brief) -> int:
    from halation import files

    stems = ["flac"] * 2 if brief.players else []  # a model's song, and the space
    return files.needed_bytes(brief.length_s or 180.0, ("wav", "mp3", *stems), stems=False)


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
    from halation.files.rights import rights_of

    form = song.score.form
    rights = rights_of(song.score)
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
        "instrument": view.instrument_of(song.score),
        "commercial": rights.commercial,
        "rights": view.rights_line(song.score, rights),
    }
    (room / "view.json").write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
