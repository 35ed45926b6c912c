"""What those who wait for a model are told: how far it is, how long it takes, how its beat was."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from halation import backends
from halation.stems.neural import beat
from halation.types import Part

__all__ = ["Clock", "duration"]

ESTIMATE_AFTER_S: Final = 3.0
LONG_S: Final = 20.0
"""A render that will take longer is announced."""
_WARM: Final = 2


class Clock:
    """Tells those who wait how far a part is, how long it will take, and how its beat was."""

    def __init__(self, name: str, part: Part, total_s: float) -> None:
        self._watch = backends.watch()
        self._who, self._total_s = f"{part.name} by {name}", total_s
        self._began = self._from_s = self._done_s = 0.0
        self._steps = 0
        self._estimated = False
        self._beats: list[tuple[beat.Beat, beat.Beat | None]] = []
        self._unmeasured = self._repeats = 0

    def stepping(self, section: str, length_s: float) -> Callable[[float], None]:
        """Return what a model calls, with the share that is done, while it plays a stretch."""

        def step(share: float) -> None:
            self._watch.go_on()
            self._show(section, self._done_s + share * length_s)

        step(0.0)
        return step

    def done(self, length_s: float) -> None:
        """Count a finished stretch."""
        self._done_s += length_s
        self._watch.go_on()

    def again(self) -> None:
        """Count a stretch that is asked for once more."""
        self._repeats += 1

    def beat(self, found: beat.Beat | None, after: beat.Beat | None) -> None:
        """Keep what was measured, for :meth:`told`."""
        if found is None:
            self._unmeasured += 1
        else:
            self._beats.append((found, after))

    def _show(self, section: str, done_s: float) -> None:
        now = time.monotonic()
        if done_s > 0.0:
            self._steps += 1
        if self._steps <= _WARM:  # the first steps are slower
            self._began, self._from_s = now, done_s
        spent_s, played_s = now - self._began, done_s - self._from_s
        if spent_s <= 0.0 or played_s <= 0.0:
            self._watch.show(f"{self._who}: {section}")
            return
        left_s = spent_s / played_s * (self._total_s - done_s)
        share = done_s / self._total_s
        self._watch.show(f"{self._who}: {section}, {share:.0%}, {duration(left_s)} left")
        if not self._estimated and spent_s > ESTIMATE_AFTER_S:
            self._estimated = True
            if left_s > LONG_S:
                self._watch.say(
                    f"{self._who}: about {duration(spent_s + left_s)} for {self._total_s:.0f} s of "
                    f"sound on this machine ({played_s / spent_s:.2g} × real time)"
                )

    def told(self) -> None:
        """Report how far the beats were off, and are."""
        if not self._beats:
            if self._unmeasured:
                self._watch.say(f"{self._who}: no beat found, left as it is")
            return
        stretch = max((abs(b.ratio - 1.0) for b, _ in self._beats), default=0.0)
        moved = max(abs(b.offset_s) for b, _ in self._beats)
        mended = [after for _, after in self._beats if after is not None]
        text = f"tempo off by up to {stretch:.1%}, beat by {1000 * moved:.0f} ms"
        if mended:
            now_s = max(abs(after.offset_s) for after in mended)
            drift = max(abs(after.ratio - 1.0) for after in mended)
            text += f"; now within {1000 * now_s:.0f} ms of the grid and {drift:.1%} of its tempo"
        if len(mended) < len(self._beats):
            text += f"; {len(self._beats) - len(mended)} stretches could not be mended"
        if self._repeats:
            text += f"; asked again {self._repeats} times"
        self._watch.say(f"{self._who}: {text}")


def duration(seconds: float) -> str:
    """Say a time as people do.

    Examples
    --------
    >>> duration(42.0), duration(700.0), duration(40_000.0), duration(1e6)
    ('42 s', '12 min', '11 hours', '12 days')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"
