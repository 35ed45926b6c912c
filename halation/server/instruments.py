"""Models that can play a whole song here: what the page offers beside halation's own players."""

from __future__ import annotations

from collections.abc import Callable

from halation import backends
from halation.server.models import Instrument
from halation.types import BackendError
from halation.weights import catalogue
from halation.weights.catalogue import Weights

__all__ = ["choices", "players_of"]


def choices(usual_s: Callable[[str], float]) -> list[Instrument]:
    """Return the instruments that a song can be asked for with here and now.

    Parameters
    ----------
    usual_s : function of str
        Seconds that the last songs with an instrument took, 0 before the first.
    """
    return [
        Instrument(
            name=row.name,
            licence=row.licence,
            commercial=row.commercial,
            note=_note(row),
            usual_s=usual_s(row.name),
        )
        for row in _playable()
    ]


def players_of(name: str) -> tuple[tuple[str, str], ...]:
    """Return the players of a brief for an instrument; none for halation's own.

    Raises
    ------
    BackendError
        If there is no such instrument here.
    """
    if not name:
        return ()
    rows = {row.name: row for row in _playable()}
    if name not in rows:
        here = ", ".join(rows) or "none beside halation's own, whose name is empty"
        raise BackendError(f"no instrument named {name!r} is installed here; there are: {here}")
    return (("all", f"{rows[name].user}:{name}"),)


def _playable() -> list[Weights]:
    """Return the installed checkpoints whose player is there, too."""
    rows = catalogue.installed()
    if not rows:
        return []
    readers = {
        row.name
        for row in backends.backends()
        if row.kind == "players"
        and row.usable
        and row.description is not None
        and row.description.reads == "words"
    }
    return [row for row in rows if row.user in readers]


def _note(row: Weights) -> str:
    may = f"may be sold, under the {row.licence}" if row.commercial else "may not be sold"
    takes = "hours, without a graphics card weeks" if row.user == "jukebox" else "minutes"
    return f"A model plays the whole song, which takes {takes}; songs {may}."
