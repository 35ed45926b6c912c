"""The whole program on one page: a brief goes in, every artefact comes out as it exists.

``produce`` and ``render`` are generators. Closing one cancels it: no stem is begun after that.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from halation import backends, form, fx, master, mix, mood
from halation.types import (
    SAMPLE_RATE,
    STEM_NAMES,
    Audio,
    BackendError,
    Brief,
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

__all__ = ["Artefact", "compose", "produce", "render"]

Artefact = Mood | Form | Score | Plan | Stem | Mix | Song


def produce(brief: Brief, *, workers: int | None = None) -> Iterator[Artefact]:
    """Make a song, yielding every artefact as soon as it exists.

    Parameters
    ----------
    brief : Brief
        What is asked for.
    workers : int > 0, optional
        Threads that render stems; the result does not depend on it. Default: one a core, up to 4.

    Yields
    ------
    Artefact
        Mood, Form, Score, Plan, each Stem in the order in which they finish, Mix, Song.

    Raises
    ------
    HalationError
        If the brief names a back end that cannot be used, or one breaks its contract.
    """
    plan: Plan | None = None
    for artefact in compose(brief):
        yield artefact
        plan = artefact if isinstance(artefact, Plan) else plan
    assert plan is not None
    yield from render(plan, workers=workers)


def compose(brief: Brief) -> Iterator[Mood | Form | Score | Plan]:
    """Yield what can be written down: mood, form, score and the drawn effects."""
    composer = backends.composer(brief.composer)
    feeling = mood.read(brief)
    yield feeling
    structure = form.plan(feeling)
    yield structure
    score = _cast(composer(structure, brief.seed), dict(brief.players))
    yield score
    yield fx.plan(score)


def render(plan: Plan, *, workers: int | None = None) -> Iterator[Stem | Mix | Song]:
    """Play, mix and master what is written down; see :func:`produce`."""
    rendered: dict[str, Stem] = {}
    buses = fx.Buses(plan.score)
    waiting: dict[str, fx.Buses] = {}
    order = [name for name in STEM_NAMES if any(p.stem == name for p in plan.score.parts)]
    for stem, sends in _perform(plan, order, workers or min(4, os.cpu_count() or 1)):
        rendered[stem.name] = stem
        waiting[stem.name] = sends
        while order and order[0] in waiting:  # sums of floats depend on their order
            buses.merge(waiting.pop(order.pop(0)))
        yield stem
    rendered["space"] = Stem("space", buses.render(plan))
    yield rendered["space"]
    del buses
    # Nobody else holds the stems, so that mix.down can free each when its copy exists.
    del stem, sends
    order = [name for name in STEM_NAMES if name in rendered]
    mixed = mix.down(Stems(plan.score, tuple(map(rendered.pop, order))), plan)
    yield mixed
    audio, measures = master.finish(mixed)
    yield Song(mixed, audio, measures, _versions())


def _cast(score: Score, wishes: dict[str, str]) -> Score:
    """Give parts to the players that the brief names for them, their stem or ``all``."""
    known = {"all", *(p.name for p in score.parts), *(p.stem for p in score.parts)}
    for place in wishes:
        if place not in known:
            raise BackendError(
                f"no part or stem named {place!r} in this song; it has: {', '.join(sorted(known))}"
            )

    def recast(part: Part) -> Part:
        default = wishes.get("all", part.player)
        return replace(part, player=wishes.get(part.name, wishes.get(part.stem, default)))

    return replace(score, parts=tuple(recast(part) for part in score.parts))


@dataclass(slots=True)
class _Stage:
    """What the tasks of one rendering share."""

    plan: Plan
    players: dict[str, backends.Player]
    stop: threading.Event


def _perform(plan: Plan, names: list[str], workers: int) -> Iterator[tuple[Stem, fx.Buses]]:
    """Render stems in parallel, each after those that its parts hear."""
    parts = {name: [p for p in plan.score.parts if p.stem == name] for name in names}
    hears = {name: {h for p in parts[name] for h in p.hears} & set(names) for name in names}
    players = {part.player: backends.player(part.player) for part in plan.score.parts}
    stage = _Stage(plan, players, threading.Event())
    left = sorted(names, key=lambda name: -len(parts[name]))  # the longest tasks first
    done: dict[str, Stem] = {}
    running: dict[Future[tuple[Stem, fx.Buses]], str] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="stem") as pool:
        try:
            while left or running:
                for name in [n for n in left if hears[n] <= done.keys()]:
                    left.remove(name)
                    heard = tuple(done[n] for n in STEM_NAMES if n in hears[name])
                    job = pool.submit(
                        _play_stem, stage, name, parts[name], Stems(plan.score, heard)
                    )
                    running[job] = name
                if not running:
                    raise BackendError(f"parts hear one another in a circle: {', '.join(left)}")
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for job in sorted(finished, key=running.__getitem__):
                    del running[job]
                    stem, sends = job.result()
                    if any(stem.name in wanted for wanted in hears.values()):
                        done[stem.name] = stem
                    else:
                        done[stem.name] = Stem(stem.name, _NOTHING)
                    yield stem, sends
        finally:
            stage.stop.set()
            pool.shutdown(cancel_futures=True)


_NOTHING = Audio(np.zeros((2, 0), np.float32))


class _Stopped(Exception):
    """The listener has gone; nobody sees this."""


def _play_stem(stage: _Stage, name: str, parts: list[Part], heard: Stems) -> tuple[Stem, fx.Buses]:
    """Play, treat and place the parts of one stem, and collect what they send."""
    buses = fx.Buses(stage.plan.score)
    total: np.ndarray | None = None
    placed: Audio | None = None
    for part in parts:
        treated = fx.insert(_play(stage, part, heard), part, stage.plan)
        placed = mix.place(treated, part, stage.plan)
        del treated
        buses.add(part, placed, stage.plan)
        if len(parts) > 1:
            if total is None:
                total = np.zeros(placed.samples.shape, np.float32)
            total += placed.samples
    if total is not None:
        placed = Audio.take(total)
    assert placed is not None
    return Stem(name, placed), buses


def _play(stage: _Stage, part: Part, heard: Stems) -> Audio:
    """Let a player play its part, and hold it to its contract."""
    score = stage.plan.score
    n_samples = score.n_samples
    blocks: list[Audio] = []
    length = 0
    player = stage.players[part.player]
    for block in player(part, score, heard, score.form.mood.brief.seed):
        if stage.stop.is_set():
            raise _Stopped
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
    whole = np.empty((2, n_samples), np.float32)
    np.concatenate([block.samples for block in blocks], axis=1, out=whole)
    return Audio.take(whole)


def _versions() -> tuple[tuple[str, str], ...]:
    """Versions of what decides the samples, for song.json."""
    rows = [("python", platform.python_version())]
    for package in ("halation", "numpy", "scipy", "pedalboard"):
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:  # running from a source tree that was never installed
            rows.append((package, "unknown"))
    return tuple(rows)
