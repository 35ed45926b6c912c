"""What runs in the processes that make songs: a brief in, a folder of files out."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halation.backends import Watch
from halation.machine import cores
from halation.server import view
from halation.server.changes import Remake, change_of
from halation.server.feed import Feed
from halation.server.models import Event
from halation.server.recorder import Recorder, StemFiles
from halation.server.wire import Line, Socket, Stopped
from halation.types import SAMPLE_RATE, BackendError, Block, Brief, Form, Mood, Plan, Score, Song

if TYPE_CHECKING:
    from halation.files import SongFile
    from halation.pipeline import Artefact, Rendered

__all__ = ["Made", "Order", "contents_of", "make_song", "make_stems", "record", "warm_up"]

SHOWN_A_SECOND: Final = 3
"""How often at most the page is told how far a model is."""


@dataclass(frozen=True, slots=True)
class Order:
    """One song, or the stems of one, to be made by another process.

    Parameters
    ----------
    brief : Brief, optional
        The song; None for stems.
    takes : int in 1..16
        Songs that are composed of the brief; the best is played.
    song_json : bytes
        The song whose stems are made, or of which another one is.
    remake : Remake, optional
        What is changed of it.
    share : int > 0
        Songs made at a time on the same machine.
    folder : str, optional
        An empty folder to write into; None where the worker may be another machine: the files
        then come back in :attr:`Made.contents`.
    socket : Socket, optional
        Whom to tell what exists.
    sound : str
        Where it can be heard while it is made.
    """

    brief: Brief | None = None
    takes: int = 1
    song_json: bytes = b""
    remake: Remake | None = None
    share: int = 1
    folder: str | None = None
    socket: Socket | None = None
    sound: str = ""


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

    song = Brief(0, length_s=30.0)
    for _ in pipeline.produce(song, workers=_processes(share), keep=False):
        pass


def make_song(order: Order) -> Made:
    """Make a song, letting it be heard as it comes.

    Raises
    ------
    Stopped
        If the server has hung up or said so; nothing is left then.
    HalationError
        If the song cannot be made or written.
    """
    from halation import files

    started = time.perf_counter()
    with _line(order.socket) as line, _place(order.folder) as folder:
        brief, making = _making(order, folder, line)
        files.check_out(folder, needed_bytes=_needed_bytes(brief))
        made = record(making, folder, line, order.sound, stems=_by_a_model(brief))
        contents = {} if order.folder else contents_of(folder)
        seconds = time.perf_counter() - started
        return replace(made, seconds=seconds, contents=contents, said=line.said)


def _making(
    order: Order, folder: Path, line: Line
) -> tuple[Brief, Generator[Artefact, None, None]]:
    """Return who makes what was ordered, and its brief."""
    from halation import pipeline
    from halation.reshape import changed

    workers, watch = _processes(order.share), _watch(line)
    if order.remake is not None:
        recipe = _recipe(order, folder)
        plan = changed(recipe.plan, recipe.id, change_of(order.remake))
        brief = plan.score.form.mood.brief
        stems = _by_a_model(brief)
        playing = pipeline.replay(plan, workers=workers, watch=watch, keep=False, stems=stems)
        return brief, _played(plan, playing)
    assert order.brief is not None
    brief, stems = order.brief, _by_a_model(order.brief)
    if order.takes > 1:
        from halation.takes import takes

        plan = takes(brief, order.takes)[0].plan
        playing = pipeline.render(plan, workers=workers, watch=watch, keep=False, stems=stems)
        return brief, _played(plan, playing)
    making = pipeline.produce(brief, workers=workers, watch=watch, keep=False, stems=stems)
    return brief, making


def _played(
    plan: Plan, playing: Generator[Rendered, None, None]
) -> Generator[Artefact, None, None]:
    """Yield what is written down already, then what is played."""
    with closing(playing), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        form = plan.score.form
        yield from (form.mood, form, plan.score, plan)
        yield from playing


def _recipe(order: Order, folder: Path) -> SongFile:
    from halation import files

    source = folder / "song.json"
    source.write_bytes(order.song_json)
    recipe = files.read(source)
    source.unlink()
    return recipe


def record(
    making: Generator[Artefact, None, None], folder: Path, line: Line, url: str, *, stems: bool
) -> Made:
    """Write a song down as it comes, and let it be heard meanwhile.

    Parameters
    ----------
    making : generator of Artefact
        Closed at the end. With a Score before the first Block, and a Song at the end.
    folder : Path
        Empty.
    line : Line
        Who stops it, and is told of it.
    url : str
        Where it can be heard.
    stems : bool
        Whether the blocks bring stems which are to be kept: where a model played, making them later
        would take as long again.
    """
    started = time.perf_counter()
    with closing(making), ExitStack() as stack:
        for artefact in making:
            if line.stopped:
                raise Stopped
            match artefact:
                case Mood() | Form() | Score() | Plan():
                    line.tell(view.event_of(artefact))
                    if isinstance(artefact, Score):
                        feed = Feed(line, url, artefact.n_samples)
                        recorder = stack.enter_context(
                            Recorder(artefact, folder, feed, stems=stems)
                        )
                case Block():
                    recorder.take(artefact)
                case Song():
                    files, gain_db = recorder.finish(artefact)
                    line.tell(feed.whole(artefact.measures))
                    seconds = time.perf_counter() - started
                    duration_s = artefact.score.duration_s
                    return Made(artefact.title, seconds, duration_s, files, gain_db)
            del artefact  # so that its sound can be freed
    raise BackendError("the song has no end; this is a fault of halation")


def make_stems(order: Order) -> Made:
    """Play a song again from its song.json and write its stems as FLAC; errors as above."""
    from halation import files, pipeline

    started = time.perf_counter()
    with _line(order.socket) as line, _place(order.folder) as folder:
        recipe = _recipe(order, folder)
        duration_s = recipe.plan.score.duration_s
        files.check_out(
            folder, needed_bytes=files.needed_bytes(duration_s, ["flac"] * 9, stems=False)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            workers, watch = _processes(order.share), _watch(line)
            playing = pipeline.replay(
                recipe.plan, workers=workers, watch=watch, keep=False, stems=True
            )
        stems = StemFiles(folder)
        with closing(playing), closing(stems):
            for artefact in playing:
                if line.stopped:
                    raise Stopped
                if isinstance(artefact, Block):
                    stems.take(artefact)
                    line.tell(_how_far(artefact, duration_s))
                del artefact
        for name in stems.names:
            line.tell(Event(kind="stem", stem=name, stems=len(stems.names)))
        return Made(
            title=recipe.plan.score.form.mood.title,
            seconds=time.perf_counter() - started,
            duration_s=duration_s,
            files={},
            stems_gain_db=stems.gain_db(recipe.measures),
            contents={} if order.folder else contents_of(folder),
            said=line.said,
        )


def _how_far(block: Block, duration_s: float) -> Event:
    there_s = (block.start + block.master.n_samples) / SAMPLE_RATE
    return Event(kind="progress", message=f"{min(100.0, 100.0 * there_s / duration_s):.0f}%")


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


def _watch(line: Line) -> Watch:
    """Let a player that takes minutes be seen and stopped; it calls from a thread of its own."""
    shown: deque[float] = deque(maxlen=SHOWN_A_SECOND)

    def show(text: str) -> None:
        if line.stopped:
            raise Stopped
        now = time.monotonic()
        if len(shown) < SHOWN_A_SECOND or now - shown[0] > 1.0:
            shown.append(now)
            line.tell(Event(kind="progress", message=text))

    def say(text: str) -> None:
        line.tell(Event(kind="note", message=text))

    return Watch(say=say, show=show)


def _by_a_model(brief: Brief) -> bool:
    return bool(brief.players)


def _needed_bytes(brief: Brief) -> int:
    from halation import files

    stems = ["flac"] * 2 if _by_a_model(brief) else []  # a model's song, and the space
    return files.needed_bytes(brief.length_s or 180.0, ("wav", "mp3", *stems), stems=False)


def contents_of(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder by their paths inside it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
