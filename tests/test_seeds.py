"""Named streams: stable, apart from one another, independent of order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from halation.seeds import draw_seed, rng
from halation.types import MAX_SEED

SEEDS = st.integers(0, MAX_SEED)


@given(SEEDS, st.text(), st.text())
@settings(deadline=None, derandomize=True, max_examples=50)
def test_a_stream_depends_on_its_seed_and_path_alone(seed: int, a: str, b: str) -> None:
    first = rng(seed, a, b).integers(2**40, size=3).tolist()
    rng(seed, "another place").random(100)
    assert rng(seed, a, b).integers(2**40, size=3).tolist() == first
    assert rng(seed, a, b, "deeper").integers(2**40, size=3).tolist() != first


def test_the_streams_are_the_same_on_every_machine() -> None:
    assert rng(7, "score", "bass").integers(1000, size=4).tolist() == PINNED


PINNED = [48, 870, 283, 514]


def test_drawn_seeds_can_be_held_by_a_browser() -> None:
    drawn = {draw_seed() for _ in range(100)}
    assert len(drawn) == 100
    assert all(0 <= seed <= 2**53 - 1 for seed in drawn)
