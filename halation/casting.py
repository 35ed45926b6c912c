"""Who plays what: the parts of a score are given to players, together or apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from halation import backends
from halation.types import WHOLE_SONG, BackendError, Part, Score

__all__ = ["cast"]


def cast(score: Score, wishes: dict[str, str]) -> Score:
    """Give parts to the players that are wished for them, their stem or ``all``.

    A model that reads words plays the parts of a stem, or all of them, as one.

    Parameters
    ----------
    score : Score
    wishes : dict of part, stem or ``"all"`` to player

    Raises
    ------
    BackendError
        If there is no such part, stem or player.
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
