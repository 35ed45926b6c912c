"""Lines that are drawn: points over beats, added up and thinned out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from halation.types import Curve, Effect

__all__ = ["EDGE_BEATS", "Line", "effect", "merged", "s_curve"]

EDGE_BEATS = 0.02
"""Time of a step (about 8 ms), so that nothing clicks."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """Points ``(beats, value)`` in ascending order; held before the first and after the last."""

    points: tuple[Point, ...]

    @classmethod
    def flat(cls, value: float) -> Line:
        """Return a line that stays at one value."""
        return cls(((0.0, value),))

    @classmethod
    def through(cls, points: Iterable[Point]) -> Line:
        """Return a line through points in any order of time; of equal times the last one stays."""
        return cls(tuple(sorted({round(t, 4): v for t, v in points}.items())))

    @classmethod
    def steps(cls, levels: Sequence[Point], glide_beats: float) -> Line:
        """Return a line that holds each value from its time on, glided into beforehand.

        Examples
        --------
        >>> Line.steps([(0.0, 1.0), (8.0, 2.0)], 2.0).points
        ((0.0, 1.0), (6.0, 1.0), (8.0, 2.0))
        """
        points = [levels[0]]
        for (begin, before), (at, value) in itertools.pairwise(levels):
            points += [(max(at - glide_beats, begin), before), (at, value)]
        return cls.through(points)

    def at(self, beats: float) -> float:
        """Read the line."""
        times, values = zip(*self.points, strict=True)
        return float(np.interp(beats, times, values))

    def plus(self, other: Line) -> Line:
        """Return the sum of two lines, exact at the points of both."""
        return self._with(other, np.add)

    def least(self, other: Line) -> Line:
        """Return the lower of two lines at the points of both."""
        return self._with(other, np.minimum)

    def _with(self, other: Line, operation: np.ufunc) -> Line:
        times = sorted({t for t, _ in self.points} | {t for t, _ in other.points})
        values = operation(self._read(times), other._read(times))
        return Line(tuple(zip(times, map(float, values), strict=True)))

    def _read(self, times: Sequence[float]) -> NDArray[np.float64]:
        own_times, own_values = zip(*self.points, strict=True)
        return np.asarray(np.interp(times, own_times, own_values))

    def curve(self, target: str, parameter: str, octaves: bool = False) -> Curve:
        """Return the line as an artefact; with ``octaves`` its values are powers of two of it."""
        times, values = zip(*self._thinned(), strict=True)
        shown = tuple(round(2.0**v if octaves else v, 4) for v in values)
        return Curve(target, parameter, tuple(round(t, 4) for t in times), shown)

    def _thinned(self) -> list[Point]:
        """Leave out the inner points of level stretches."""
        kept = []
        for i, (time, value) in enumerate(self.points):
            around = self.points[max(i - 1, 0) : i + 2]
            inner = 0 < i < len(self.points) - 1
            if not (inner and all(abs(v - value) < 1e-9 for _, v in around)):
                kept.append((time, value))
        return kept


def effect(kind: str, target: str, **parameters: float) -> Effect:
    """Return an effect with its parameters rounded, as they are recorded.

    Examples
    --------
    >>> effect("duck", "pads", depth_db=5.1234567)["depth_db"]
    5.12346
    """
    rounded = tuple((name, round(float(value), 5)) for name, value in parameters.items())
    return Effect(kind, target, rounded)


def s_curve(start: Point, stop: Point, points: int = 7) -> list[Point]:
    """Return points of a move that begins and ends slowly.

    Examples
    --------
    >>> s_curve((0.0, 0.0), (4.0, 1.0), 3)
    [(0.0, 0.0), (2.0, 0.5), (4.0, 1.0)]
    """
    (t0, v0), (t1, v1) = start, stop
    path = []
    for i in range(points):
        x = i / (points - 1)
        rise = 0.5 - 0.5 * math.cos(math.pi * x)
        path.append((t0 + x * (t1 - t0), round(v0 + rise * (v1 - v0), 9)))
    return path


def merged(curves: Iterable[Curve]) -> tuple[Curve, ...]:
    """Make one curve of those that mean the same place, as the engines combine targets.

    Examples
    --------
    >>> a = Curve("lead", "gain_db", (0.0, 4.0), (0.0, 2.0))
    >>> merged((a, Curve("lead", "gain_db", (2.0,), (-1.0,))))[0].values
    (-1.0, 0.0, 1.0)
    """
    found: dict[tuple[str, str], Curve] = {}
    for curve in curves:
        place = (curve.target, curve.parameter)
        if place in found:
            octaves = curve.parameter.endswith("_hz")
            one, other = (_line(c, octaves) for c in (found[place], curve))
            both = one.least(other) if octaves else one.plus(other)
            curve = both.curve(*place, octaves=octaves)
        found[place] = curve
    return tuple(found.values())


def _line(curve: Curve, octaves: bool) -> Line:
    levels = (math.log2(v) if octaves else v for v in curve.values)
    return Line(tuple(zip(curve.times_beats, levels, strict=True)))
