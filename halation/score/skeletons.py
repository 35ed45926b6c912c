"""Skeletons of drum patterns, written by hand, and how a section varies one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

__all__ = ["SHAKERS", "SKELETONS", "Skeleton", "kick_beats", "varied"]

SIXTEENTH: Final = 0.25
BACKBEAT: Final = 8
"""Place of beat 3, which the kick leaves to the snare when a pattern is varied."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Two bars on sixteen places each: ``X`` loud, ``x`` plain, ``o`` soft, ``.`` nothing.

    The backbeat (beat 3) is the same in all and not written; ``ghost`` are soft strokes round it.
    ``energy`` is the mood that it suits. Hat, ghost and click are written once and meant for both
    bars.
    """

    name: str
    energy: float
    kick: tuple[str, str]
    hat: str
    ghost: str
    click: str


SKELETONS: Final = (
    Skeleton("still water", -0.9, ("X...............", "X.........o....."),
             "x...x...x...x...", "................", "................"),
    Skeleton("lone", -0.7, ("X.....x.........", "X..............."),
             "x.x.x.x.x.x.x.x.", "................", "......o........."),
    Skeleton("snowfall", -0.6, ("X.........x.....", "X.....o........."),
             "x.x.x.x.x.x.x.x.", "................", "...o......o....."),
    Skeleton("halo", -0.5, ("X......o..x.....", "X...........x..."),
             "x.o.x.o.x.o.x.o.", "..............o.", "....o.......o..."),
    Skeleton("tide", -0.4, ("X.....x...x.....", "X.....x........."),
             "x.x.x.x.x.x.x.x.", "................", "o.......o......."),
    Skeleton("glasshouse", -0.3, ("X..x............", "X..x......x....."),
             "x.x.x.x.x.x.x.x.", "...........o....", "......o...o....."),
    Skeleton("sleepwalk", -0.3, ("X.........x..x..", "X..............."),
             "x.x.x.x.x.x.xxx.", "................", "..o............."),
    Skeleton("pale", -0.2, ("X......x........", "X......x..x....."),
             "x.x.x.x.x.x.x.x.", ".......o........", "..........o.o..."),
    Skeleton("lantern", -0.1, ("X.....x.....x...", "X.........x....."),
             "x.x.x.x.x.x.x.x.", "..............o.", "....o..........."),
    Skeleton("satellite", 0.0, ("X..x......x.....", "X.....x...x....."),
             "x.x.x.x.x.x.x.x.", "...............o", "...o..o........."),
    Skeleton("drain", 0.0, ("X.....x...x.....", "X..x......x..x.."),
             "x.x.x.x.x.x.x.x.", "................", "......o.......o."),
    Skeleton("velvet", 0.1, ("X.x.......x.....", "X.....x....x...."),
             "x.x.x.xxx.x.x.x.", "...........o....", "........o......."),
    Skeleton("mirror", 0.1, ("X......x..x.....", "X......x..x.x..."),
             "x.x.x.x.x.x.x.x.", "..............o.", "..o......o......"),
    Skeleton("kite", 0.2, ("X..x..x.........", "X..x..x...x....."),
             "x.xxx.x.x.xxx.x.", "................", "............o..."),
    Skeleton("undertow", 0.3, ("X.....x..x......", "X.....x..x..x..."),
             "x.x.x.x.x.x.x.x.", ".......o........", "....o.....o....."),
    Skeleton("arcade", 0.3, ("X...x.....x.....", "X...x.....xx...."),
             "x.x.x.x.x.x.x.x.", "...............o", "o..o..o........."),
    Skeleton("comet", 0.4, ("X..x......x..x..", "X.....x...x.x..."),
             "x.x.x.x.xxx.x.x.", "......o.........", "..........o....."),
    Skeleton("neon", 0.5, ("X.x...x...x.....", "X.x...x...x..x.."),
             "x.x.x.x.x.x.x.xx", "...........o..o.", "...o............"),
    Skeleton("racer", 0.6, ("X..x..x...x.....", "X..x..x...x.x..."),
             "x.xxx.xxx.xxx.x.", "..............o.", "......o.....o..."),
    Skeleton("chrome", 0.7, ("X.....xx..x..x..", "X..x..x...x.x.x."),
             "x.x.xxx.x.x.xxx.", "..o............o", "o.....o........."),
    Skeleton("updraft", 0.7, ("X..x..x..x..x...", "X..x..x..x..x.x."),
             "x.x.x.x.x.x.x.x.", "...............o", "..o...o...o....."),
    Skeleton("firework", 0.9, ("X.x..x....x..x..", "X.x..x.o..x.xx.."),
             "xxx.x.xxx.x.xxx.", "...o..o........o", "........o.....o."),
)  # fmt: skip
SHAKERS: Final = ("..o...o...o...o.", "o..oo..o.o..o..o", "..o.x.o...o.x.o.", "x..o..o.x..o..o.",
                  "..oo..o...oo..o.", "x.o...o.x.o...o.")  # fmt: skip


def kick_beats(skeleton: Skeleton) -> tuple[float, ...]:
    """Return where the kick falls within two bars, in beats."""
    row = "".join(skeleton.kick)
    return tuple(i * SIXTEENTH for i, sign in enumerate(row) if sign != ".")


def varied(skeleton: Skeleton, stream: np.random.Generator) -> Skeleton:
    """Return a skeleton for a section that comes again: its second bar's kick is another.

    A stroke comes and mostly another goes, and at times the ghosts move. The first bar, by which
    the groove is known, stays.

    Examples
    --------
    >>> again = varied(SKELETONS[1], np.random.default_rng(1))
    >>> again.kick[0] == SKELETONS[1].kick[0], again.kick[1] == SKELETONS[1].kick[1]
    (True, False)
    """
    first, second = skeleton.kick
    row = list(second)
    strokes = [i for i, sign in enumerate(row) if sign != "." and i]
    taken = (4, BACKBEAT, 12)
    free = [i for i in range(3, 15) if "".join(row[i - 1 : i + 2]) == "..." and i not in taken]
    free = free or [i for i in range(3, 15) if row[i] == "." and i not in taken]
    if strokes and stream.random() < 0.6:
        row[strokes[int(stream.integers(len(strokes)))]] = "."
    row[free[int(stream.integers(len(free)))]] = "x"
    if stream.random() < 0.5:
        ghosts = skeleton.ghost[-1:] + skeleton.ghost[:-1]
        if all(ghosts[place] == "." for place in (0, 4, BACKBEAT, 12)):  # the beats
            return replace(skeleton, kick=(first, "".join(row)), ghost=ghosts)
    return replace(skeleton, kick=(first, "".join(row)))
