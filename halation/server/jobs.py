"""The queue: songs that were asked for, made one after another by other processes."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError as ExecutorCancelled
from contextlib import suppress
from pathlib import Path
from typing import Final

from halation.server.changes import Noted, Remake, settled
from halation.server.library import Library
from halation.server.maker import Made, Order, make_song, make_stems
from halation.server.metrics import Metrics
from halation.server.models import Event, EventKind, Job, JobState, Song, Wish
from halation.server.shelf import Entry
from halation.server.sound import Sound
from halation.server.wire import Exchange, Stopped
from halation.server.wishes import settle
from halation.server.work import Work, new_id, now
from halation.types import Brief, BriefError, FileError, HalationError
from halation.workers import Makers, died

__all__ = ["GoingDown", "Jobs", "QueueFull"]

log = logging.getLogger("halation")

ATTEMPTS: Final = 2
"""A song whose process died is tried once more."""

ENDED_KEPT: Final = 64
"""Ended jobs that can still be asked for."""

LAST_WORDS: Final = 200
"""How often, every hundredth of a second, a finished job's last events are waited for."""


class QueueFull(Exception):
    """No room for another song; ``wait_s`` is about when there will be."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"the queue is full; try again in about {wait_s} seconds")
        self.wait_s = wait_s


class GoingDown(Exception):
    """The server is about to end."""


class Jobs:
    """The queue. All but the songs themselves happens on the event loop's thread.

    Parameters
    ----------
    library : Library
    makers : Makers
        Who makes songs, and how many at a time.
    exchange : Exchange
        Whom the makers tell what exists.
    limit : int > 0
        Songs that may wait.
    length_s : float, optional
        Length of songs where a wish names none.
    """

    def __init__(
        self,
        library: Library,
        makers: Makers,
        *,
        exchange: Exchange,
        metrics: Metrics,
        limit: int = 32,
        length_s: float | None = None,
    ) -> None:
        self.limit = limit
        self._library, self._makers = library, makers
        self._exchange, self._metrics = exchange, metrics
        self._length_s = length_s
        self._waiting: list[Work] = []
        self._running: dict[str, Work] = {}
        self._ended: OrderedDict[str, Work] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._usual_s: dict[str, float] = {}

    # -- what clients ask ------------------------------------------------------------

    def ask(self, wish: Wish) -> Job:
        """Put a song into the queue.

        Raises
        ------
        QueueFull
        BriefError, BackendError
            If the wish cannot be fulfilled.
        """
        work = Work(new_id(), now(), *settle(wish, self._length_s))
        self._enter(work)
        return self._job(work)

    def ask_change(self, song: Song, remake: Remake) -> Job:
        """Have a song made of another one; errors as above."""
        brief = Brief(song.seed, song.text)
        work = Work(new_id(), now(), Wish(), brief, remake=settled(remake))
        self._enter(work)
        return self._job(work)

    def ask_stems(self, song: Song) -> Job:
        """Have the stems of a song made, unless they are kept or in work; errors as above."""
        for other in (*self._running.values(), *self._waiting):
            if other.stems_of == song.id and not other.cancelled:
                return self._job(other)
        brief = Brief(song.seed, song.text)
        work = Work(new_id(), now(), Wish(), brief, stems_of=song.id)
        if song.stems:
            work.state = "done"
            work.log.add("done", _body(Event(kind="done", song=song)))
            self._keep(work)
        else:
            self._enter(work)
        return self._job(work)

    def find(self, job_id: str) -> Job | None:
        """Return a job, one that has ended only for a while."""
        work = self._find(job_id)
        return self._job(work) if work else None

    def active(self) -> list[Job]:
        """Return the jobs that run or wait, in order."""
        running = (work for work in self._running.values() if work.state == "running")
        return [self._job(work) for work in (*running, *self._waiting)]

    def cancel(self, job_id: str) -> Job | None:
        """Cancel a job; None where it has ended already."""
        work = self._find(job_id)
        if work is None or work.state not in ("waiting", "running") or work.taken_in:
            return None
        work.cancelled = True
        if work.state == "waiting":
            self._waiting.remove(work)
            self._end(work, "cancelled")
            self._tell_places()
        else:
            if work.socket is not None:
                self._exchange.stop(work.socket)  # its process stops when it next looks up
            self._end(work, "cancelled")
        return self._job(work)

    def follow(self, job_id: str, after: str | None) -> AsyncIterator[tuple[str, EventKind, str]]:
        """Yield a job's events as (id, kind, JSON), from the start or after a known id."""
        work = self._find(job_id)
        assert work is not None
        return work.log.follow(after)

    def sound(self, job_id: str) -> Sound | None:
        """Return the sound of a song that is being made or was lately; None where it has none."""
        work = self._find(job_id)
        if work is None or work.stems_of or (work.state == "done" and not work.sound.size):
            return None
        return work.sound

    @property
    def counts(self) -> tuple[int, int]:
        """How many run and how many wait."""
        return len(self._running), len(self._waiting)

    def usual_s(self, instrument: str = "") -> float:
        """Seconds that a song with an instrument takes, about; 0 before the first."""
        return round(self._usual_s.get(instrument, 0.0), 1)

    # -- life ------------------------------------------------------------

    def resume(self) -> None:
        """Take up the jobs that a server before this one has left."""
        for job_id, created_at, attempts, text in self._library.unfinished():
            if self._library.song(job_id) is not None:
                self._library.forget_job(job_id)  # it was done; only the note was left
                continue
            try:
                noted = Noted.model_validate_json(text)
                work = Work(job_id, created_at, *settle(noted, self._length_s), remake=noted.remake)
            except (ValueError, HalationError):
                log.warning("the job %s cannot be read and is dropped", job_id)
                self._library.forget_job(job_id)
                continue
            work.attempts = attempts
            if attempts >= ATTEMPTS:
                self._fail(work, "The server was stopped twice while it made this song; try again.")
            else:
                self._waiting.append(work)
        self._start_free()

    def hang_up(self) -> None:
        """End every stream of events: the server is going down."""
        self._closing = True
        for work in (*self._running.values(), *self._waiting, *self._ended.values()):
            work.log.close()
            work.sound.lose()

    async def close(self) -> None:
        """Stop what runs; it is taken up when the server comes back."""
        self.hang_up()
        for work in self._running.values():
            if work.socket is not None:
                self._exchange.stop(work.socket)
            if not work.stems_of and not work.cancelled:  # this attempt does not count
                self._note(work, work.attempts - 1)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- inside ------------------------------------------------------------

    def _enter(self, work: Work) -> None:
        if self._closing:
            raise GoingDown("the server is going down; try again in a moment")
        if len(self._waiting) >= self.limit:
            usual_s = [self.usual_s(w.wish.instrument) or 10.0 for w in self._running.values()]
            raise QueueFull(max(1, round(max(usual_s, default=10.0) / self._makers.slots)))
        if not work.stems_of:
            self._note(work, 0)
        self._waiting.append(work)
        self._tell_place(work)
        self._start_free()
        self._count()

    def _start_free(self) -> None:
        if self._closing:
            return
        started = False
        while self._waiting and len(self._running) < self._makers.slots:
            work = self._waiting.pop(0)
            self._running[work.id] = work
            work.state = "running"
            work.attempts += 1
            task = asyncio.get_running_loop().create_task(self._run(work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            started = True
        if started:
            self._tell_places()

    def _tell_places(self) -> None:
        for work in self._waiting:
            self._tell_place(work)
        self._count()

    def _count(self) -> None:
        self._metrics.waiting.set(len(self._waiting))
        self._metrics.running.set(len(self._running))

    def _tell_place(self, work: Work) -> None:
        work.log.add("queued", _body(Event(kind="queued", position=self._place(work))))

    def _place(self, work: Work) -> int:
        """Count the songs to be made before this one."""
        if work.state != "waiting" or work not in self._waiting:
            return 0
        return self._waiting.index(work) + len(self._running)

    async def _run(self, work: Work) -> None:
        loop = asyncio.get_running_loop()
        work.log.add("started", _body(Event(kind="started")))
        attempt = work.attempts
        work.heard = 0
        work.socket = self._exchange.expect(
            lambda *event: loop.call_soon_threadsafe(self._heard, work, attempt, *event)
        )
        try:
            await self._attempt(work)
        except asyncio.CancelledError:
            if self._closing:
                raise
            self._lost(work, ExecutorCancelled())  # its future was cancelled, this task was not
        except BaseException as error:
            self._lost(work, error)
        finally:
            self._exchange.end(work.socket)
            work.socket = None
            self._running.pop(work.id, None)
            await asyncio.to_thread(self._library.clear, work.id)
            if not self._closing:
                self._start_free()
                self._tell_places()

    async def _attempt(self, work: Work) -> None:
        """Have a song made and take it in."""
        if work.cancelled:
            return
        if not work.stems_of:
            self._note(work, work.attempts)
        room = await asyncio.to_thread(self._library.making, work.id)
        recipe = b""
        if work.made_of:
            recipe = await asyncio.to_thread(self._recipe, work.made_of)
        order = Order(
            brief=None if work.made_of else work.brief,
            takes=work.wish.takes,
            song_json=recipe,
            remake=work.remake,
            share=self._makers.share,
            folder=None if self._makers.remote else str(room),
            socket=work.socket,
            sound=f"/api/jobs/{work.id}/sound.mp3",
        )
        make = make_stems if work.stems_of else make_song
        made = await asyncio.wrap_future(self._makers.executor.submit(make, order))
        for _ in range(LAST_WORDS):  # they come another way than the result
            if work.heard >= made.said:
                break
            await asyncio.sleep(0.01)
        if work.cancelled:
            return
        work.taken_in = True
        song = await asyncio.to_thread(self._take_in, work, made, room)
        if not work.stems_of:
            before_s = self._usual_s.get(work.wish.instrument, made.seconds)
            self._usual_s[work.wish.instrument] = 0.7 * before_s + 0.3 * made.seconds
            self._metrics.made(made.seconds, made.duration_s)
        self._end(work, "done", song=song)

    def _note(self, work: Work, attempts: int) -> None:
        self._library.note_job(work.id, work.created_at, attempts, work.note)

    def _recipe(self, song_id: str) -> bytes:
        song = self._library.song(song_id)
        path = self._library.file(song, "song.json") if song else None
        if path is None:
            raise FileError("the song is not in the library any more")
        return path.read_bytes()

    def _take_in(self, work: Work, made: Made, room: Path) -> Song:
        """Put what was made into the library."""
        for name, content in made.contents.items():
            place = room.joinpath(*Path(name).parts[-2:])
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(content)
        if work.stems_of:
            return self._library.add_stems(work.stems_of, room, made.stems_gain_db)
        parent = self._library.song(work.made_of) if work.remake else None
        entry = Entry(
            id=work.id, created_at=work.created_at, title=parent.title if parent else made.title,
            radio=work.wish.radio is not None, stems_gain_db=made.stems_gain_db,
            parent=work.made_of, files=made.files,
        )  # fmt: skip
        return self._library.add(entry, room)

    def _heard(self, work: Work, attempt: int, kind: str, body: bytes) -> None:
        if attempt != work.attempts:  # the last words of one that was lost
            return
        work.heard += 1
        if work.state != "running":
            return
        if kind == "length":
            work.sound.begin(int(body))
        elif kind == "frames":
            work.sound.add(body)
        else:
            work.log.add(kind, body.decode())  # type: ignore[arg-type]

    def _lost(self, work: Work, error: BaseException) -> None:
        """Decide what becomes of a job that did not come to its end."""
        if work.cancelled or self._closing:
            return
        if isinstance(error, BriefError | HalationError):
            self._fail(work, str(error))
        elif isinstance(error, sqlite3.Error):
            self._fail(work, f"The library cannot be written ({error}); is the disk full?")
        elif isinstance(error, OSError):
            self._fail(work, f"The song could not be kept: {error.strerror or error}.")
        elif not died(error) and not isinstance(error, Stopped | ExecutorCancelled):
            log.error("a song failed", exc_info=error)
            self._fail(work, f"Something is wrong in halation ({type(error).__name__}: {error}).")
        elif work.attempts >= ATTEMPTS:
            self._fail(work, "The process that made this song died twice; is there enough memory?")
        else:
            work.state = "waiting"
            work.taken_in = False
            work.log.restart()
            message = "The process that made this song died; it is made again."
            work.log.add("retry", _body(Event(kind="retry", message=message)))
            self._metrics.retries.inc()
            self._waiting.insert(0, work)

    def _fail(self, work: Work, message: str) -> None:
        log.warning("job %s failed: %s", work.id, message)
        work.message = message
        self._end(work, "failed", message=message)

    def _end(
        self, work: Work, state: JobState, *, song: Song | None = None, message: str | None = None
    ) -> None:
        work.state = state
        self._keep(work)
        if not work.stems_of:
            self._metrics.songs.labels(state).inc()
            try:
                self._library.forget_job(work.id)
            except sqlite3.Error as error:  # the next start sees that it has ended
                log.warning("the job %s has ended, but its note stays: %s", work.id, error)
        if song is None:
            work.sound.lose()
        else:
            file = None
            with suppress(FileError):  # it is damaged already: what was heard stays in memory
                file = self._library.file(song, "song.mp3")
            work.sound.settle(file)
        kind: EventKind = state  # type: ignore[assignment]
        work.log.add(kind, _body(Event(kind=kind, song=song, message=message)))

    def _keep(self, work: Work) -> None:
        self._ended[work.id] = work
        while len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)

    def _find(self, job_id: str) -> Work | None:
        for work in self._waiting:
            if work.id == job_id:
                return work
        return self._running.get(job_id) or self._ended.get(job_id)

    def _job(self, work: Work) -> Job:
        return work.as_job(self._place(work))


def _body(event: Event) -> str:
    return event.model_dump_json(exclude_none=True)
