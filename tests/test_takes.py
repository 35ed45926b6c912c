"""Several songs of one brief: ranked, and each can be made by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from halation import pipeline
from halation.takes import seed_of, takes
from halation.types import Brief, BriefError

BRIEF = Brief(7, text="rain on a tin roof", length_s=30.0)


def test_takes_are_ranked_and_the_first_is_the_usual_song() -> None:
    found = takes(BRIEF, 3)
    assert [take.worth for take in found] == sorted((t.worth for t in found), reverse=True)
    assert sorted(take.number for take in found) == [1, 2, 3]
    usual = next(take for take in found if take.number == 1)
    *_, plan = pipeline.compose(BRIEF)
    assert usual.plan == plan
    assert len({take.plan.score.motif for take in found}) == 3


def test_a_take_is_the_song_of_its_own_seed() -> None:
    second = next(take for take in takes(BRIEF, 2) if take.number == 2)
    seed = second.plan.score.form.mood.brief.seed
    assert seed == seed_of(BRIEF, 2) != BRIEF.seed
    *_, plan = pipeline.compose(replace(BRIEF, seed=seed))
    assert second.plan == plan
    assert str(seed) in str(second)


@pytest.mark.parametrize("n", [0, 17, -1])
def test_there_are_one_to_sixteen_takes(n: int) -> None:
    with pytest.raises(BriefError, match=f"1 to 16 takes, not {n}"):
        takes(BRIEF, n)
