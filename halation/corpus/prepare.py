"""All sources of a corpus through all steps, by several processes or machines, resumable."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from halation.corpus import dataset
from halation.corpus.disk import draft, file_errors, remove
from halation.corpus.fingerprint import duplicates, unpacked
from halation.corpus.layout import Corpus, Source
from halation.corpus.steps import STEPS, Task, Wish, Worked, done, work
from halation.corpus.tags import own_tags, read_own
from halation.types import BackendError, FileError, HalationError
from halation.workers import Makers, died

__all__ = ["Ended", "prepare"]

ATTEMPTS: Final = 2
"""A source whose process died is tried once more."""

AHEAD: Final = 2
"""Tasks handed out for each process, so that none waits for the next."""

MOST_SENT: Final = 1 << 30
"""Bytes of a file that is sent to another machine."""

OwnTags = Callable[[Source], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a source in this run.

    Parameters
    ----------
    number, of : int
        Which one of how many: first of those to decode, then of duplicates, then of the rest.
    source : Source
        With its state and message; one that is decoded and no more is as it was.
    did : tuple of str
        The steps that were done now.
    n_chunks : int
    duration_s : float [s]
    """

    number: int
    of: int
    source: Source
    did: tuple[str, ...] = ()
    n_chunks: int = 0
    duration_s: float = 0.0


def prepare(corpus: Corpus, wish: Wish, makers: Makers) -> Generator[Ended, None, dict[str, int]]:
    """Prepare what is not prepared, then put the dataset together.

    First all sources are decoded and listened to, so that duplicates are known; then each is
    separated, cut and described. What is done stays done, however the run ends.

    Parameters
    ----------
    corpus : Corpus
    wish : Wish
    makers : Makers
        See :mod:`halation.workers`.

    Yields
    ------
    Ended
        As soon as a source is decoded, is ready, has failed or is known to be a duplicate.

    Returns
    -------
    dict
        The number of chunks in the dataset by split.

    Raises
    ------
    FileError
        If the disk is full, or another run is at work here.
    BackendError
        If weights or extras are missing.
    """
    with corpus.locked():
        corpus = corpus.save(settings=wish.settings())
        table = read_own(corpus.own_tags)

        def own(source: Source) -> tuple[str, ...]:
            return own_tags(table, Path(source.path).name, source.name)

        try:
            return (yield from _Run(corpus, wish, makers, own).run())
        finally:
            corpus.tidy()


class _Run:
    """One call of prepare."""

    def __init__(self, corpus: Corpus, wish: Wish, makers: Makers, own: OwnTags) -> None:
        self._corpus, self._wish, self._makers, self._own = corpus, wish, makers, own
        self._number = self._of = 0

    def run(self) -> Generator[Ended, None, dict[str, int]]:
        sources = [source for source in self._corpus.sources() if source.kind == "audio"]
        sources = yield from self._heard(sources)
        sources = yield from self._without_duplicates(sources)
        sources = yield from self._made(sources)
        return dataset.assemble(self._corpus, (source.id for source in sources))

    def _heard(self, sources: list[Source]) -> Generator[Ended, None, list[Source]]:
        """Decode what is new; return what can be used."""
        lost: set[str] = set()
        left = self._left(sources, "decoded")
        self._count(len(left))
        for source, worked in self._through(left, "decoded"):
            if isinstance(worked, Worked):
                yield self._ended(source, worked)
            else:
                lost.add(source.id)
                yield self._ended(replace(source, state="failed", message=worked))
        return [source for source in sources if source.id not in lost]

    def _without_duplicates(self, sources: list[Source]) -> Generator[Ended, None, list[Source]]:
        prints = {s.id: unpacked(self._corpus.facts(s.id).fingerprint) for s in sources}
        same = duplicates(prints)
        names = {source.id: source.name for source in sources}
        told = {late: f"the same recording as {names[early]}" for late, early in same.items()}
        fresh = [s for s in sources if s.id in told and s.message != told[s.id]]
        self._count(len(fresh))
        for source in fresh:
            yield self._ended(replace(source, state="duplicate", message=told[source.id]))
        return [source for source in sources if source.id not in told]

    def _made(self, sources: list[Source]) -> Generator[Ended, None, list[Source]]:
        """Do the other steps; return the songs of the dataset."""
        left = self._left(sources, STEPS[-1])
        ids = {source.id for source in left}
        ready = [s for s in sources if s.id not in ids and s.state != "prepared"]
        if ready:  # a run was killed after the work and before it was noted
            self._corpus.note(*(replace(s, state="prepared", message="") for s in ready))
        failed: set[str] = set()
        self._count(len(left))
        for source, worked in self._through(left, STEPS[-1]):
            if isinstance(worked, Worked):
                yield self._ended(replace(source, state="prepared", message=""), worked)
            else:
                failed.add(source.id)
                yield self._ended(replace(source, state="failed", message=worked))
        return [source for source in sources if source.id not in failed]

    def _count(self, of: int) -> None:
        self._number, self._of = 0, of

    def _left(self, sources: Iterable[Source], step: str) -> list[Source]:
        """Return the sources for which a step is left to do."""
        return [
            source
            for source in sources
            if not done(self._corpus.work(source.id), self._wish, self._own(source), step)
        ]

    def _ended(self, source: Source, worked: Worked | None = None) -> Ended:
        self._number += 1
        if source.state != "added":
            self._corpus.note(source)
        if worked is None:
            return Ended(self._number, self._of, source)
        facts = worked.facts
        return Ended(
            self._number, self._of, source, worked.did, facts.n_chunks, facts.duration_s
        )  # fmt: skip

    def _through(self, sources: list[Source], until: str) -> Iterator[tuple[Source, Worked | str]]:
        """Have sources worked on; yield each with what was done, or with what went wrong."""
        left = [(source, 1) for source in reversed(sources)]
        running: dict[Future[Worked], tuple[Source, int]] = {}
        try:
            while left or running:
                while left and len(running) < AHEAD * self._makers.slots:
                    source, attempt = left.pop()
                    task = self._task(source, until)
                    if isinstance(task, str):
                        yield source, task
                        continue
                    running[self._submit(task)] = source, attempt
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    source, attempt = running.pop(future)
                    worked = self._outcome(future)
                    if worked is None and attempt < ATTEMPTS:
                        left.append((source, attempt + 1))
                    else:
                        yield source, worked or "the process that worked on it died, twice"
        finally:
            for future in running:
                future.cancel()

    def _submit(self, task: Task) -> Future[Worked]:
        with warnings.catch_warnings():
            # Dask would rather have large tasks read their files where they run.
            warnings.filterwarnings("ignore", "(?s).*large (graph|object)", UserWarning)
            return self._makers.executor.submit(work, task)

    def _task(self, source: Source, until: str) -> Task | str:
        """Return a source's task, or what is wrong with the source."""
        own = self._own(source)
        share = self._makers.share
        if not self._makers.remote:
            folder = str(self._corpus.work(source.id))
            return Task(source, self._wish, own, until, folder, share=share)
        path = Path(source.path)
        try:
            if path.stat().st_size > MOST_SENT:
                return "it is too large to be sent to a cluster; prepare once without --dask"
            return Task(source, self._wish, own, until, None, path.read_bytes(), share)
        except OSError as error:
            return f"it cannot be read: {error.strerror or error}"

    def _outcome(self, future: Future[Worked]) -> Worked | str | None:
        """Return what was done, or what went wrong; None if the process was lost."""
        try:
            worked = future.result()
        except (FileError, BackendError):
            raise  # the rest would fail as well
        except HalationError as error:
            return str(error)
        except MemoryError:
            return "there is not enough memory for it; use fewer --workers"
        except Exception as error:
            return None if died(error) else f"{type(error).__name__}: {error}"
        if worked.contents:
            self._take_in(worked)
        return worked

    def _take_in(self, worked: Worked) -> None:
        """Put what another machine has made into the source's folder."""
        place = self._corpus.work(worked.source.id)
        room = draft(place)
        with file_errors(place):
            for name, content in worked.contents.items():
                path = (room / name).resolve()
                if not path.is_relative_to(room.resolve()):
                    raise FileError(f"a worker sent a file that belongs nowhere: {name[:80]!r}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            if place.exists():
                old = draft(place)
                place.rename(old)
                remove(old)
            room.rename(place)
