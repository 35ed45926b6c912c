"""Whose a song is: who took part in it, and under which licences."""

from __future__ import annotations

from typing import Final, Literal

from halation.backends import describe
from halation.files.schema import PlayedBy, RightsData
from halation.types import BackendError, Score

__all__ = ["rights_of"]

YOURS: Final = (
    "The song is yours: everything in it was composed and synthesised by halation, without "
    "samples or recordings of others. Use it, publish it, sell it."
)
FREE: Final = "The song may be sold, under the licences of the back ends that made it."
BOUND: Final = "The song must not be sold: these back ends do not allow it: {names}."

UNSURE: Final = (
    "Whether the song may be sold is for the licence of what played it to say, which halation "
    "cannot know: {names}."
)
SAMPLED: Final = (
    "The song is yours, but for the drums: they are the listener's own samples. Who may sell it "
    "depends on whose those samples are."
)

OURS: Final = frozenset({"learned", "rules", "drums", "grains", "synth", "vocals", "weather"})
"""Back ends whose work carries no licence of others: they compute, or learned from free data and
refuse to copy it."""


def rights_of(score: Score) -> RightsData:
    """Return who took part in a song and what may be done with it.

    A back end that is not installed, and so cannot say, counts as not free to sell.
    """
    composer, _, weights = score.form.mood.brief.composer.partition(":")
    rows = [_row("composer", composer)]
    players = {part.player.partition(":")[0] for part in score.parts}
    rows += [_row("player", name) for name in sorted(players)]
    unsure = [row.name for row in rows if _unsure(row)]
    bound = [row.name for row in rows if not row.commercial and row.name not in unsure]
    if unsure and not bound:
        statement = UNSURE.format(names=", ".join(unsure))
    elif bound:
        statement = BOUND.format(names=", ".join(bound))
    elif any(row.name == "kit" for row in rows):
        statement = SAMPLED
    elif all(row.name in OURS for row in rows) and not weights:
        statement = YOURS
    else:
        statement = FREE
    return RightsData(commercial=not bound and not unsure, statement=statement, made_with=rows)


def _row(kind: Literal["composer", "player"], name: str) -> PlayedBy:
    try:
        found = describe("composers" if kind == "composer" else "players", name)
    except BackendError:
        return PlayedBy(kind, name, "unknown", False)
    return PlayedBy(kind, name, found.licence, bool(found.commercial))


def _unsure(row: PlayedBy) -> bool:
    """Whether a back end cannot say, because others bring what it plays with."""
    try:
        return describe(f"{row.kind}s", row.name).commercial is None  # type: ignore[arg-type]
    except BackendError:
        return False
