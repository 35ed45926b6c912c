"""The whole program on one page: a brief goes in, every artefact comes out as it exists.

``produce`` and ``render`` are generators. A song is played section by section, and each section's
master goes out while the next is being played. Closing a generator cancels it: nothing is begun
after that.
"""

from __future__ import annotations

import platform
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from halation import arc, backends, crew, form, fx, machine, master, mix, mood, playing
from halation.casting import cast
from halation.dsp.automation import silent
from halation.dsp.reels import reel, release
from halation.types import (
    SAMPLE_RATE,
    STEM_NAMES,
    Audio,
    Block,
    Brief,
    FileError,
    Form,
    Mix,
    Mood,
    Plan,
    Score,
    Song,
    Stem,
    Stems,
)

__all__ = ["Artefact", "Rendered", "compose", "produce", "render", "replay"]

NOBODY = backends.Watch()
Rendered = Block | Stem | Mix | Song
Artefact = Mood | Form | Score | Plan | Rendered
Made = TypeVar("Made")


def produce(
    brief: Brief,
    *,
    workers: int | None = None,
    watch: backends.Watch = NOBODY,
    keep: bool = True,
    stems: bool = False,
) -> Generator[Artefact, None, None]:
    """Make a song, yielding every artefact as soon as it exists.

    Parameters
    ----------
    brief : Brief
        What is asked for.
    workers : int > 0, optional
        Processes that play stems side by side; the result does not depend on it. Default: one a
        core, up to 4.
    watch : Watch
        Who is told how far a player is that takes minutes; called from other threads.
    keep : bool
        Keep the whole sound, which takes memory that grows with the song. Without it there is no
        Stem and no whole Mix, and the Song holds no sound: it has gone out in the blocks.
    stems : bool
        Have every Block bring its stretch of the mix and the stems, too.

    Yields
    ------
    Artefact
        Mood, Form, Score, Plan, a Block for each section as soon as it is finished, then each Stem,
        Mix, Song.

    Raises
    ------
    HalationError
        If the brief names a back end that cannot be used, or one breaks its contract.
    """
    crew.summon(_workers(workers) - 1, playing.PRELOAD)
    plan: Plan | None = None
    for artefact in compose(brief):
        yield artefact
        plan = artefact if isinstance(artefact, Plan) else plan
    assert plan is not None
    yield from render(plan, workers=workers, watch=watch, keep=keep, stems=stems)


def compose(brief: Brief) -> Iterator[Mood | Form | Score | Plan]:
    """Yield what can be written down: mood, form, score and the drawn effects."""
    yield from _in_one_thread(_compose(brief))


def _compose(brief: Brief) -> Generator[Mood | Form | Score | Plan, None, None]:
    composer = backends.composer(brief.composer)
    feeling = mood.read(brief)
    yield feeling
    structure = form.plan(feeling)
    yield structure
    score = cast(composer(structure, brief.entropy), dict(brief.players))
    yield score
    yield fx.plan(score)


def render(
    plan: Plan,
    *,
    workers: int | None = None,
    watch: backends.Watch = NOBODY,
    keep: bool = True,
    stems: bool = False,
) -> Generator[Rendered, None, None]:
    """Play, mix and master what is written down; see :func:`produce`.

    What the plan's ``desk`` holds is not measured again.
    """
    crew.keep_memory()
    yield from _in_one_thread(_render(plan, _workers(workers), watch, keep, stems))


def _in_one_thread(making: Generator[Made, None, None]) -> Generator[Made, None, None]:
    """Yield what is made, while matrix products have one thread: the cores have work already.

    More threads would wait on one another, and sum in another order on other machines.
    """
    with threadpool_limits(1, "blas"), closing(making):
        yield from making


def replay(
    plan: Plan,
    players: tuple[tuple[str, str], ...] = (),
    *,
    workers: int | None = None,
    watch: backends.Watch = NOBODY,
    keep: bool = True,
    stems: bool = False,
) -> Generator[Rendered, None, None]:
    """Render a plan that came from a file.

    Parameters
    ----------
    plan : Plan
    players : tuple of (part or stem name, player name)
        Overrides, as in :class:`halation.types.Brief`; a player of samples needs its folder again.
    workers, watch, keep, stems
        As in :func:`produce`.

    Warns
    -----
    UserWarning
        If a folder of samples is not the one with which the song was made.

    Raises
    ------
    BackendError
        If a player needs an argument that was not given.
    FileError
        If it asks for what no player or effect can do, however well-formed it is.
    """
    score = cast(plan.score, dict(players))
    before = {part.name: part for part in plan.score.parts}
    for part in score.parts:
        was = before.get(part.name, part)
        if (
            "+" in was.patch
            and part.player.startswith(f"{was.player}:")
            and part.patch != was.patch
        ):
            now = part.patch.partition("+")[2] or part.patch
            warnings.warn(
                f"{part.name} was made with {was.patch.partition('+')[2]!r}, this is {now!r}: it "
                "will sound different",
                stacklevel=2,
            )
            break
    try:
        # What is played by others together, or no longer, has effects of its own.
        same = [part.name for part in score.parts] == [part.name for part in plan.score.parts]
        drawn = replace(plan, score=score) if same else fx.plan(score)
        drawn = replace(drawn, desk=()) if players else drawn
        yield from render(drawn, workers=workers, watch=watch, keep=keep, stems=stems)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FileError(
            f"this song.json was damaged or changed by hand and cannot be played ({reason})"
        ) from error


def _workers(wished: int | None) -> int:
    return wished or min(4, machine.cores())


def _render(
    plan: Plan, workers: int, watch: backends.Watch, keep: bool, stems: bool
) -> Generator[Rendered, None, None]:
    with crew.hired(workers - 1, playing.PRELOAD) as members:
        players = playing.Players(plan, members, watch)
        performing = _perform(plan, players, keep, stems)
        try:
            yield from performing
        except GeneratorExit:  # cancelled: the other processes are kept for the next song
            return
        finally:
            players.close()
            performing.close()


def _perform(
    plan: Plan, players: playing.Players, keep: bool, stems: bool
) -> Generator[Rendered, None, None]:
    """Play, mix and master piece by piece; the next is gathered while one is mixed."""
    score, n = plan.score, plan.score.n_samples
    desk, mastering = mix.Desk(plan), master.Master(plan)
    tracks = {**players.tracks, "space": reel(2, n)}
    gathering = _Gathering(plan, players, tracks["space"])
    kept = _Kept(plan, tracks) if keep else None
    with ThreadPoolExecutor(1, thread_name_prefix="gather") as pool:
        ahead = pool.submit(gathering.gather, 0)
        for index in range(len(gathering.known)):
            ahead.result()
            following = range(index + 1, len(gathering.known))
            if following and index:  # the first sound has the processor to itself
                ahead = pool.submit(gathering.gather, index + 1)
            desk.solve(tracks)
            first, ready = desk.done, desk.ready()
            mixed = mastering.room(ready)
            faded = desk.mix(tracks, mixed, tracks if keep or stems else ())
            if kept is not None:
                kept.mixed(first, mixed, faded)
            given = tuple(Stem(name, Audio.take(x)) for name, x in faded.items()) if stems else ()
            summed = Audio(mixed) if stems else None
            mastering.solve(desk.faders.under_hook_lu(index))
            start, block = mastering.finished()
            if following and not index:
                ahead = pool.submit(gathering.gather, index + 1)
            players.forget(desk.behind)
            release(tracks["space"], 0, max(0, desk.behind - SAMPLE_RATE))
            crew.give_back()
            if kept is not None:
                kept.master[:, start : start + block.shape[1]] = block
            yield Block(start, Audio.take(block), first, summed, given)
            del block, mixed, faded, given, summed
    recorded = {**players.record, **desk.faders.record, **mastering.record}
    plan = replace(plan, desk=tuple(recorded.items()))
    rides = tuple(desk.faders.record.items())
    measures, versions = mastering.measures(), _versions(score)
    if kept is None:
        nothing = Mix(plan, Stems(score, ()), _NOTHING, arc.COMMON_DB, rides)
        yield Song(nothing, _NOTHING, measures, versions, mastering.outline)
        return
    tracks_done = tuple(kept.stems())
    yield from tracks_done
    whole = Mix(plan, Stems(score, tracks_done), Audio.take(kept.mix), arc.COMMON_DB, rides)
    yield whole
    yield Song(whole, Audio.take(kept.master), measures, versions, mastering.outline)


_NOTHING = Audio(np.zeros((2, 0), np.float32))


class _Gathering:
    """Brings stems and space to where a piece of the song can be mixed."""

    def __init__(self, plan: Plan, players: playing.Players, out: NDArray[np.float32]) -> None:
        n = plan.score.n_samples
        self._players, self._out, self._sent = players, out, 0
        self._space = fx.Space(plan)
        self.known = [min(n, piece.stop + mix.AHEAD) for piece in arc.pieces(plan.score)]
        self._stops = [self._space.needed(stop) for stop in self.known]

    def gather(self, index: int) -> None:
        """Gather a piece; the players go on with the next one meanwhile."""
        stop = self._stops[index]
        if index == 0:
            self._players.start(stop)
            self._space.prepare()
        sends = self._players.finish(stop)
        if index + 1 < len(self._stops):
            self._players.start(self._stops[index + 1])
        self._space.take([*sends, *self._players.listen(stop)], self._sent)
        self._sent = -(-stop // 2)
        self._space.play(self._sent, self.known[index], self._out)


class _Kept:
    """The whole sound of a song, for those who ask for it."""

    def __init__(self, plan: Plan, names: Iterable[str]) -> None:
        shape = (2, plan.score.n_samples)
        self._stems = {name: np.zeros(shape, np.float32) for name in names}
        self.mix, self.master = np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def mixed(
        self, first: int, mixed: NDArray[np.float32], faded: Mapping[str, NDArray[np.float32]]
    ) -> None:
        self.mix[:, first : first + mixed.shape[1]] = mixed
        for name, x in faded.items():
            if not silent(x):
                self._stems[name][:, first : first + x.shape[1]] = x

    def stems(self) -> Iterator[Stem]:
        for name in STEM_NAMES:
            if name in self._stems:
                yield Stem(name, Audio.take(self._stems.pop(name)))


def _versions(score: Score) -> tuple[tuple[str, str], ...]:
    """Versions of what decides the samples, for song.json."""
    rows = [("python", platform.python_version())]
    players = {part.player for part in score.parts if part.instead}
    theirs = {name for p in players for name in backends.describe("players", p).requires}
    for package in ("halation", "numpy", "scipy", "pedalboard", *sorted(theirs)):
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:  # running from a source tree that was never installed
            rows.append((package, "unknown"))
    return tuple(rows)
