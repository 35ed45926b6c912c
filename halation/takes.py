"""Several songs of one brief, ranked by the critic, so that the best can be played."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from halation.pipeline import compose
from halation.score.learned.judge import critic_score
from halation.seeds import rng
from halation.types import MAX_SEED, Brief, BriefError, Plan

__all__ = ["MOST", "Take", "seed_of", "takes"]

MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Take:
    """One of several songs of a brief, composed and not yet played.

    Parameters
    ----------
    number : int
        1 for the one that the brief makes by itself.
    plan : Plan
        Its brief has the seed that makes this very song without any takes.
    worth : float
        What the critic says; the higher the better.
    """

    number: int
    plan: Plan
    worth: float

    def __str__(self) -> str:
        mood = self.plan.score.form.mood
        return f"take {self.number}: {self.worth:.2f}, {mood.title}, seed {mood.brief.seed}"


def seed_of(brief: Brief, number: int) -> int:
    """Return the seed of a take: the brief's own for the first.

    Examples
    --------
    >>> seed_of(Brief(seed=7), 1), seed_of(Brief(seed=7), 2) == seed_of(Brief(seed=7), 2)
    (7, True)
    """
    if number == 1:
        return brief.seed
    return int(rng(brief.seed, "takes", number).integers(MAX_SEED))


def takes(brief: Brief, n: int) -> list[Take]:
    """Compose several songs of one brief.

    Parameters
    ----------
    brief : Brief
    n : int in 1..16

    Returns
    -------
    list of Take
        The best first; of equals the earlier.

    Raises
    ------
    BriefError
        If ``n`` is out of range.
    BackendError
        If the composer or a player cannot be used.
    """
    if not 1 <= n <= MOST:
        raise BriefError(f"there can be 1 to {MOST} takes, not {n}")
    found = []
    for number in range(1, n + 1):
        *_, plan = compose(replace(brief, seed=seed_of(brief, number)))
        assert isinstance(plan, Plan)
        found.append(Take(number, plan, critic_score(plan.score)))
    return sorted(found, key=lambda take: -take.worth)
