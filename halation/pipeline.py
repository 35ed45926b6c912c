"""The whole program on one page: a brief goes in, every artefact comes out as it exists.

``produce`` and ``render`` are generators. Closing one cancels it: no stem is begun after that.
"""

from __future__ import annotations

import itertools
import platform
import sys
import threading
import warnings
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from halation import backends, crew, form, fx, machine, master, mix, mood
from halation.types import (
    SAMPLE_RATE,
    STEM_NAMES,
    WHOLE_SONG,
    Audio,
    BackendError,
    Brief,
    FileError,
    Form,
    Mix,
    Mood,
    Part,
    Plan,
    Score,
    Song,
    Stem,
    Stems,
)

__all__ = ["Artefact", "compose", "produce", "render", "replay"]

NOBODY = backends.Watch()
Artefact = Mood | Form | Score | Plan | Stem | Mix | Song
Made = TypeVar("Made")


def produce(
    brief: Brief, *, workers: int | None = None, watch: backends.Watch = NOBODY
) -> Generator[Artefact, None, None]:
    """Make a song, yielding every artefact as soon as it exists.

    Parameters
    ----------
    brief : Brief
        What is asked for.
    workers : int > 0, optional
        Stems rendered side by side, the second and further in processes of their own; the result
        does not depend on it. Default: one a core, up to 4.
    watch : Watch
        Who is told how far a player is that takes minutes; called from other threads.

    Yields
    ------
    Artefact
        Mood, Form, Score, Plan, each Stem in the order in which they finish, Mix, Song.

    Raises
    ------
    HalationError
        If the brief names a back end that cannot be used, or one breaks its contract.
    """
    crew.summon(_workers(workers) - 1, _PRELOAD)
    plan: Plan | None = None
    for artefact in compose(brief):
        yield artefact
        plan = artefact if isinstance(artefact, Plan) else plan
    assert plan is not None
    yield from render(plan, workers=workers, watch=watch)


def compose(brief: Brief) -> Iterator[Mood | Form | Score | Plan]:
    """Yield what can be written down: mood, form, score and the drawn effects."""
    yield from _in_one_thread(_compose(brief))


def _compose(brief: Brief) -> Generator[Mood | Form | Score | Plan, None, None]:
    composer = backends.composer(brief.composer)
    feeling = mood.read(brief)
    yield feeling
    structure = form.plan(feeling)
    yield structure
    score = _cast(composer(structure, brief.entropy), dict(brief.players))
    yield score
    yield fx.plan(score)


def render(
    plan: Plan, *, workers: int | None = None, watch: backends.Watch = NOBODY
) -> Generator[Stem | Mix | Song, None, None]:
    """Play, mix and master what is written down; see :func:`produce`."""
    crew.keep_memory()
    yield from _in_one_thread(_render(plan, _workers(workers), watch))


def _in_one_thread(making: Generator[Made, None, None]) -> Generator[Made, None, None]:
    """Yield what is made, while matrix products have one thread: the cores have work already.

    More threads would wait on one another, and sum in another order on other machines.
    """
    try:
        while True:
            with threadpool_limits(1, "blas"):
                artefact = next(making, None)
            if artefact is None:
                return
            yield artefact
    finally:
        making.close()


def replay(
    plan: Plan,
    players: tuple[tuple[str, str], ...] = (),
    *,
    watch: backends.Watch = NOBODY,
) -> Generator[Stem | Mix | Song, None, None]:
    """Render a plan that came from a file.

    Parameters
    ----------
    plan : Plan
    players : tuple of (part or stem name, player name)
        Overrides, as in :class:`halation.types.Brief`; a player of samples needs its folder again.
    watch : Watch
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
    score = _cast(plan.score, dict(players))
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
        yield from render(replace(plan, score=score) if same else fx.plan(score), watch=watch)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise FileError(
            f"this song.json was damaged or changed by hand and cannot be played ({reason})"
        ) from error


def _workers(wished: int | None) -> int:
    return wished or min(4, machine.cores())


def _render(
    plan: Plan, workers: int, watch: backends.Watch
) -> Generator[Stem | Mix | Song, None, None]:
    rendered: dict[str, Stem] = {}
    buses = fx.Buses(plan.score)
    order = [name for name in _LONGEST_FIRST if any(p.stem == name for p in plan.score.parts)]
    if not order:
        raise BackendError("the score has no parts: there is nothing to play")
    for stem in _perform(plan, order, workers, buses, watch):
        rendered[stem.name] = stem
        yield stem
    rendered["space"] = Stem("space", buses.render(plan))
    yield rendered["space"]
    del buses
    # Nobody else holds the stems, so that mix.down can free each when its copy exists.
    del stem
    order = [name for name in STEM_NAMES if name in rendered]
    mixed = mix.down(Stems(plan.score, tuple(map(rendered.pop, order))), plan)
    yield mixed
    audio, measures = master.finish(mixed)
    yield Song(mixed, audio, measures, _versions(plan.score))


def _cast(score: Score, wishes: dict[str, str]) -> Score:
    """Give parts to the players that the brief names for them, their stem or ``all``.

    A model that reads words plays the parts of a stem, or all of them, as one.
    """
    known = {"all", *(p.name for p in score.written), *(p.stem for p in score.written)}
    for place in wishes:
        if place not in known:
            raise BackendError(
                f"no part or stem named {place!r} in this song; it has: {', '.join(sorted(known))}"
            )

    warned: set[str] = set()

    def recast(part: Part) -> Part:
        wished = wishes.get(_place(part, wishes))
        name = wished or part.player
        # Who is asked for by name has no stand-in.
        player: Any = backends.player(name) if wished else backends.performer(name)
        if hasattr(player, "warn") and name not in warned:
            player.warn()
            warned.add(name)
        part = replace(part, player=name)
        return player.cast(part) if hasattr(player, "cast") else part

    return replace(score, parts=tuple(map(recast, _gathered_parts(score, wishes))))


def _place(part: Part, wishes: dict[str, str]) -> str:
    """Return which of the wishes is meant for a part, empty if none is."""
    if part.instead:
        return ""  # it was put together by the wish for it
    return next((place for place in (part.name, part.stem, "all") if place in wishes), "")


def _gathered_parts(score: Score, wishes: dict[str, str]) -> list[Part]:
    """Put together what one model plays; take apart what the listener now gives to others."""
    parts: list[Part] = []
    for part in score.parts:
        wanted = [row for row in part.instead if _place(row, wishes)]
        left = [row for row in part.instead if row not in wanted]
        parts += wanted
        if left and wanted:
            parts.append(_together(part, left))
        elif not wanted:
            parts.append(part)
    gathered: dict[str, list[Part]] = {}
    for part in parts:
        place = _place(part, wishes)
        reads = backends.describe("players", wishes[place]).reads if place else "notes"
        gathered.setdefault(f"={place}" if reads == "words" else part.name, []).append(part)
    found = [
        _taken_over(place[1:], wishes[place[1:]], rows) if place.startswith("=") else rows[0]
        for place, rows in gathered.items()
    ]
    stems = {part.stem for part in found}
    if WHOLE_SONG in stems:  # whoever listens to a stem that is not there listens to all
        found = [
            replace(part, hears=(WHOLE_SONG,))
            if part.hears and not stems & set(part.hears)
            else part
            for part in found
        ]
    return found


def _taken_over(place: str, player: str, rows: list[Part]) -> Part:
    """Return the part of a model that is to play in place of others."""
    stem = WHOLE_SONG if place == "all" else rows[0].stem
    name = stem if place == "all" else place
    return _together(Part(name, stem, player, patch="", notes=()), rows)


def _together(part: Part, rows: list[Part]) -> Part:
    """Let a part play in place of others."""
    notes = sorted((n for row in rows for n in row.notes), key=lambda n: (n.onset_beats, n.pitch))
    words = "; ".join(row.description for row in rows if row.description)
    return replace(part, notes=tuple(notes), description=words, instead=tuple(rows))


_PRELOAD = f"{__name__} scipy.fft halation.stems.drums halation.stems.synth halation.stems.vocals"
"""What a process that renders stems imports while the song is being composed."""

_LONGEST_FIRST = (WHOLE_SONG, "keys", "pads", "drums", "vocals", "textures", "lead", "bass")
"""Played stems by what they usually cost, so that no long task is left for the end."""

_NOTHING = Audio(np.zeros((2, 0), np.float32))


def _perform(
    plan: Plan, names: list[str], workers: int, buses: fx.Buses, watch: backends.Watch
) -> Iterator[Stem]:
    """Render stems side by side, each after those that its parts hear; gather what they send."""
    parts = {name: [p for p in plan.score.parts if p.stem == name] for name in names}
    hears = {name: {h for p in parts[name] for h in p.hears} & set(names) for name in names}
    wanted = set[str]().union(*hears.values())
    for part in plan.score.parts:
        backends.performer(part.player)  # fails now rather than halfway
    here_only = {
        part.stem
        for part in plan.score.parts
        if backends.describe("players", part.player).reads == "words"
    }
    left = list(names)
    done: dict[str, Stem] = {}
    running: dict[Future[Stem | None], tuple[str, crew.Member | None]] = {}
    with crew.hired(workers - 1, _PRELOAD) as members, _Desks(plan, members, watch) as desks:
        free: list[crew.Member | None] = [None, *members]
        while left or running or desks.owing:
            for member in list(free):
                ready = [
                    n
                    for n in left
                    if hears[n] <= done.keys() and (member is None or n not in here_only)
                ]
                name = _choice(ready, hears, wanted | here_only, here=member is None)
                if name is not None:
                    left.remove(name)
                    heard = (done[n] for n in STEM_NAMES if n in hears[name])
                    job = desks.play(member, name, Stems(plan.score, tuple(heard)))
                elif not left and member in desks.owing:
                    job = desks.collect(member)
                else:
                    continue
                free.remove(member)
                running[job] = name or "", member
            if not running and left:
                raise BackendError(f"parts hear one another in a circle: {', '.join(left)}")
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for job in sorted(finished, key=lambda job: running[job][0]):
                _, member = running.pop(job)
                free = sorted((*free, member), key=lambda m: m is not None)
                stem = job.result()
                if stem is not None:
                    done[stem.name] = stem if stem.name in wanted else Stem(stem.name, _NOTHING)
                    yield stem
        for gathered in desks.buses.values():
            buses.merge(gathered)


def _choice(
    ready: list[str], hears: dict[str, set[str]], wanted: set[str], *, here: bool
) -> str | None:
    """Choose what is rendered next, here or in another process, of stems in order of their cost.

    What hears others is played here, where they are, as soon as it can be; so these go first here,
    and last elsewhere.
    """
    if here:
        return min(ready, key=lambda n: (not hears[n], n not in wanted), default=None)
    return min((n for n in ready if not hears[n]), key=wanted.__contains__, default=None)


class _Desks:
    """Threads that render: one here, the others each have a process do it."""

    def __init__(self, plan: Plan, members: list[crew.Member], watch: backends.Watch) -> None:
        self.buses = {member: fx.Buses(plan.score) for member in (None, *members)}
        self._plan, self._song, self._members = plan, next(_SONGS), members
        self._played: dict[crew.Member | None, list[tuple[str, Stems]]] = {}
        self._pool = ThreadPoolExecutor(1 + len(members), thread_name_prefix="stem")
        self._stop = threading.Event()
        self._watch = replace(watch, stopped=lambda: self._stop.is_set() or watch.stopped())

    def __enter__(self) -> _Desks:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._stop.set()
        if kind is not None:  # nobody waits for what is half done
            for member in self._members:
                member.halt()
        self._pool.shutdown(cancel_futures=True)

    @property
    def owing(self) -> Collection[crew.Member | None]:
        """Processes that have gathered sends which are not here yet."""
        return self._played.keys()

    def play(self, member: crew.Member | None, name: str, heard: Stems) -> Future[Stem | None]:
        """Have a stem rendered over there, or here for None."""
        return self._pool.submit(self._play, member, name, heard)

    def _play(self, member: crew.Member | None, name: str, heard: Stems) -> Stem:
        if member is not None and member.present:
            try:
                stem: Stem = member.call(_play_there, self._song, self._plan, name, heard)
            except crew.Lost:
                self._go_on()
            else:
                self._played.setdefault(member, []).append((name, heard))
                return stem
        return _play_stem(self._plan, name, heard, self.buses[member], self._watch)

    def collect(self, member: crew.Member | None) -> Future[Stem | None]:
        """Have what a process gathered sent here; its stems are here already."""
        return self._pool.submit(self._collect, member, self._played.pop(member))

    def _collect(self, member: crew.Member | None, played: list[tuple[str, Stems]]) -> None:
        assert member is not None
        try:
            self.buses[member].merge(member.call(_sends_from_there, self._song))
        except crew.Lost:
            self._go_on()
            for name, heard in played:  # once more, for the sends alone
                _play_stem(self._plan, name, heard, self.buses[member], self._watch)

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise backends.Stopped from None


_SONGS = itertools.count()

_gathered: dict[int, fx.Buses] = {}
"""In a process that renders for another: what the song's stems have sent so far."""


def _play_there(song: int, plan: Plan, name: str, heard: Stems) -> Stem:
    if song not in _gathered:
        _gathered.clear()
        _gathered[song] = fx.Buses(plan.score)
    return _play_stem(plan, name, heard, _gathered[song])


def _sends_from_there(song: int) -> fx.Buses:
    return _gathered.pop(song)


def _play_stem(
    plan: Plan, name: str, heard: Stems, buses: fx.Buses, watch: backends.Watch = NOBODY
) -> Stem:
    """Play, treat and place the parts of one stem, and gather what they send."""
    total: np.ndarray | None = None
    for part in plan.score.parts:
        if part.stem != name:
            continue
        watch.go_on()
        x = _owned(_play(plan, part, heard, watch))
        place = mix.seat(part, plan.score.form.mood.brief.entropy)
        fx.treat(x, part, plan, low_cut_hz=place.low_cut_hz, side_cut_hz=mix.SIDE_CUT_HZ)
        # A block goes through level, sends and sum while it is in the cache.
        for start, end in buses.gather(part, x, plan, mix.placing(x, part, plan)):
            if total is not None:
                total[:, start:end] += x[:, start:end]
        if total is None:
            total = x
        del x  # a song's length of memory that the next part needs
    assert total is not None  # nobody asks for a stem without parts
    fx.tape(total, name, plan)
    return Stem(name, Audio.take(total))


def _owned(audio: Audio) -> np.ndarray:
    """Return samples that may be written to: the audio's own where nobody else holds them."""
    samples = audio.samples
    del audio
    if not samples.flags.owndata or sys.getrefcount(samples) > _HELD_ONCE:
        return samples.copy()
    samples.flags.writeable = True
    return samples


def _held_once() -> int:
    array = np.zeros(0, np.float32)
    return sys.getrefcount(array)


_HELD_ONCE = _held_once()
"""What Python counts for an array that only one variable holds."""


def _play(plan: Plan, part: Part, heard: Stems, watch: backends.Watch) -> Audio:
    """Let a player play its part, and hold it to its contract."""
    score = plan.score
    n_samples = score.n_samples
    blocks: list[Audio] = []
    length = 0
    player = backends.performer(part.player)
    with backends.watched(watch):
        for block in player(part, score, heard, score.form.mood.brief.entropy):
            watch.go_on()
            if block.sample_rate != SAMPLE_RATE or block.channels != 2:
                raise BackendError(
                    f"the player {part.player!r} must yield stereo at {SAMPLE_RATE} Hz, "
                    f"not {block.channels} channel(s) at {block.sample_rate} Hz"
                )
            blocks.append(block)
            length += block.n_samples
            if length > n_samples:
                break
    if length != n_samples:
        raise BackendError(
            f"the player {part.player!r} yielded {length} samples for {part.name!r}, "
            f"the song has {n_samples}"
        )
    if len(blocks) == 1:
        return blocks[0]
    return Audio.joined(blocks)


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
