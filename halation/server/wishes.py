"""From what a listener asks for to what is made."""

from __future__ import annotations

from dataclasses import replace

from halation.seeds import draw_seed
from halation.server import instruments
from halation.server.models import Wish
from halation.types import Brief, Key

__all__ = ["settle"]


def settle(wish: Wish, length_s: float | None) -> tuple[Wish, Brief]:
    """Settle what is open in a wish, so that it makes the same song when it is read again.

    Parameters
    ----------
    wish : Wish
    length_s : float, optional [s]
        Where the wish names no length.

    Raises
    ------
    BriefError
        If it cannot be fulfilled.
    BackendError
        If its instrument is not installed here.
    """
    players = instruments.players_of(wish.instrument)
    if wish.radio is not None:
        from halation.radio import brief_of

        station = wish.radio
        brief = brief_of(
            station.station,
            station.seed,
            station.number,
            length_s=wish.length_s or length_s,
            instrumental=wish.instrumental,
        )
        return wish, replace(brief, players=players)
    seed = draw_seed() if wish.seed is None else wish.seed
    if wish.take > 1:
        from halation.takes import seed_of

        seed = seed_of(Brief(seed), wish.take)
    wish = wish.model_copy(update={"seed": seed, "take": 1, "length_s": wish.length_s or length_s})
    key = None if wish.key is None else Key.parse(wish.key)
    return wish, Brief(
        seed=seed, text=wish.text, length_s=wish.length_s, tempo_bpm=wish.tempo_bpm, key=key,
        instrumental=wish.instrumental, players=players,
    )  # fmt: skip
