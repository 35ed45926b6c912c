"""The two seams: who composes and who plays, found by entry point.

Ours are registered exactly as a stranger's would be, in ``pyproject.toml``::

    [project.entry-points."halation.players"]
    synth = "halation.stems.synth:Synth"

An entry point names a factory ``(**options) -> Player`` (or ``Composer``) that has a
:class:`Description` as its attribute ``description``. A back end may be named with an argument,
``kit:FOLDER``: what follows the first colon is the factory's first one. A player whose argument
must not end up in a song's file may have a method ``cast(part) -> Part``, which writes into the
part what the argument was, in words and without a path, a method ``warn()``, and a method
``ready()``, which says what is missing before a song is begun.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Literal, Protocol, cast

from halation.types import Audio, BackendError, Brief, Form, Part, Score, Stems

__all__ = [
    "WORD_SINGER",
    "Backend",
    "Composer",
    "Description",
    "Player",
    "Stopped",
    "Watch",
    "WordSinger",
    "backends",
    "composer",
    "describe",
    "performer",
    "player",
    "singable",
    "stand_in_notes",
    "watch",
    "watched",
]

Kind = Literal["composers", "players"]


class Composer(Protocol):
    """Writes a score for a form."""

    def __call__(self, form: Form, seed: int) -> Score:
        """Return a score whose notes lie inside the form; the same for the same arguments."""
        ...


class Player(Protocol):
    """Turns one part of a score into sound."""

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Yield consecutive stereo blocks at 44.1 kHz that together last ``score.n_samples``."""
        ...


class WordSinger(Player, Protocol):
    """A player that also sings words of the listener's own text."""

    def words(self, text: str) -> tuple[str, ...]:
        """Return those words of a text that it can sing, in order; none is no error."""
        ...


WORD_SINGER: Final = "voice"
"""The player that sings the listener's words where it is installed."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a user must know of a back end before its sound ends up in a song.

    Parameters
    ----------
    summary : str
        One line.
    licence : str
        SPDX name of the licence of what it plays with (code, weights, samples).
    commercial : bool or None
        Whether songs made with it may be sold; None where that is for the user's own weights,
        samples or endpoint to say.
    requires : tuple of str
        Modules that must be importable.
    extra : str
        The extra of halation that installs them, empty for the default install.
    weights : str
        What must be fetched once, empty for nothing.
    stand_in : str
        A player that can play the same parts, more plainly, where this one is not installed.
    reads : str
        ``"notes"``, or ``"words"``: a model that is told in words what to play. It plays a whole
        stem or song in place of its parts (:attr:`halation.types.Part.instead`), and in the
        program's own process, where its weights are.
    """

    summary: str
    licence: str
    commercial: bool | None
    requires: tuple[str, ...] = ()
    extra: str = ""
    weights: str = ""
    stand_in: str = ""
    reads: Literal["notes", "words"] = "notes"


class Stopped(Exception):
    """The listener has gone; nobody sees this."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What a player that takes minutes owes to those who wait.

    Parameters
    ----------
    stopped : function
        Whether they have gone; :meth:`go_on` asks it.
    say : function of str
        Tells what stays to be read: an estimate, a deviation.
    show : function of str
        Tells how far it is, in place of what was shown before.
    """

    stopped: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = lambda _text: None
    show: Callable[[str], None] = lambda _text: None

    def go_on(self) -> None:
        """Raise :class:`Stopped` if nobody waits any more."""
        if self.stopped():
            raise Stopped


_WATCH: Final[ContextVar[Watch]] = ContextVar("watch", default=Watch())  # noqa: B039 it is frozen


@contextmanager
def watched(by: Watch) -> Iterator[None]:
    """Let the players that work in this block find out who waits for them."""
    token = _WATCH.set(by)
    try:
        yield
    finally:
        _WATCH.reset(token)


def watch() -> Watch:
    """Return who waits for the player that calls this."""
    return _WATCH.get()


@dataclass(frozen=True, slots=True)
class Backend:
    """One row of ``halation backends``."""

    kind: Kind
    name: str
    description: Description | None
    problem: str

    @property
    def usable(self) -> bool:
        """Whether a song can use it now."""
        return not self.problem


@cache
def _registered(kind: Kind) -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=f"halation.{kind}"))}


def _load(kind: Kind, name: str) -> Any:
    name = name.partition(":")[0]
    points = _registered(kind)
    if name not in points:
        near = difflib.get_close_matches(name, points, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise BackendError(
            f"no {kind[:-1]} named {name!r}; {hint}installed: {', '.join(points) or 'none'}"
        )
    try:
        return points[name].load()
    except Exception as error:
        raise BackendError(f"the {kind[:-1]} {name!r} cannot be loaded: {error}") from error


def describe(kind: Kind, name: str) -> Description:
    """Return the description of an installed back end.

    Raises
    ------
    BackendError
        If there is none of that name, or it has no description.
    """
    found = getattr(_load(kind, name), "description", None)
    if not isinstance(found, Description):
        raise BackendError(f"the {kind[:-1]} {name!r} has no description")
    return found


def _problem(description: Description) -> str:
    missing = [name for name in description.requires if not _importable(name)]
    if not missing:
        return ""
    if description.extra:
        cure = f'pip install "halation[{description.extra}]"'
    else:
        cure = f"pip install {' '.join(missing)}"
    return f"needs {', '.join(missing)}: {cure}"


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # the package around it is missing or broken
        return False


def _make(kind: Kind, name: str, options: dict[str, Any]) -> Any:
    problem = _problem(describe(kind, name))
    if problem:
        raise BackendError(f"the {kind[:-1]} {name!r} {problem}")
    plain, given, argument = name.partition(":")
    factory = _load(kind, plain)
    if not given:
        return factory(**options)
    try:
        inspect.signature(factory).bind(argument, **options)
    except TypeError:
        raise BackendError(f"the {kind[:-1]} {plain!r} takes nothing after a colon") from None
    return factory(argument, **options)


def composer(name: str, **options: Any) -> Composer:
    """Return an installed composer by name, or name and argument (``name:argument``).

    Raises
    ------
    BackendError
        If it is unknown or something that it needs is missing; the message has the cure.
    """
    return cast(Composer, _make("composers", name, options))


def player(name: str, **options: Any) -> Player:
    """Return an installed player by name; errors as in :func:`composer`."""
    return cast(Player, _make("players", name, options))


def performer(name: str) -> Player:
    """Return an installed player, or who stands in for it; errors as in :func:`composer`."""
    return player(_substitute(name) or name)


def stand_in_notes(score: Score) -> tuple[str, ...]:
    """Say which parts of a score another player has to play here, and how to cure that."""
    return tuple(
        f"{part.name}: {_substitute(part.player)!r} stands in for {part.player!r}, which "
        + _problem(describe("players", part.player))
        for part in score.parts
        if _substitute(part.player)
    )


def _substitute(name: str) -> str:
    """Return who must stand in for a player, empty if nobody need."""
    if name not in _registered("players"):
        return ""
    description = describe("players", name)
    return description.stand_in if _problem(description) else ""


def singable(brief: Brief) -> tuple[str, ...]:
    """Return the words of the listener's text that the hook can sing in this installation.

    Nothing where no player that sings words is installed, the song is instrumental, or the brief
    gives the voices to another player.
    """
    wishes = dict(brief.players)
    wished = wishes.get("vocals", wishes.get("all", WORD_SINGER))
    if brief.instrumental or not brief.text.strip() or wished != WORD_SINGER:
        return ()
    if WORD_SINGER not in _registered("players") or _problem(describe("players", WORD_SINGER)):
        return ()
    return cast(WordSinger, player(WORD_SINGER)).words(brief.text)


def backends() -> tuple[Backend, ...]:
    """Return every registered composer and player, with what keeps it from being used."""
    rows = []
    kinds: tuple[Kind, ...] = ("composers", "players")
    for kind in kinds:
        for name in _registered(kind):
            try:
                description = describe(kind, name)
                rows.append(Backend(kind, name, description, _problem(description)))
            except BackendError as error:
                rows.append(Backend(kind, name, None, str(error)))
    return tuple(rows)
