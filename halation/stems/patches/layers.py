"""Two patches as one: what the mood lies between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import merge

import numpy as np

from halation.stems.patches.pads import Held, PadBlend
from halation.stems.patches.struck import Struck, StruckBlend
from halation.stems.patches.voice import Event, Patch, Signal
from halation.types import Part

__all__ = ["Layers", "blend"]


@dataclass(frozen=True, slots=True)
class Layers:
    """Two patches that play every note together: ``share`` of the second, equal power."""

    name: str
    one: Patch
    other: Patch
    share: float

    def play(self, part: Part, events: Sequence[Event], out: Signal) -> Iterator[int]:
        """Add the events to ``out``; see :class:`halation.stems.patches.voice.Patch`."""
        angle = self.share * np.pi / 2
        quieter = (
            (patch, [replace(event, share=event.share * gain) for event in events])
            for patch, gain in (
                (self.one, float(np.cos(angle))),
                (self.other, float(np.sin(angle))),
            )
        )
        # Each yields where its next phrase starts and renders it when it is asked again.
        yield from merge(*(patch.play(part, louder, out) for patch, louder in quieter))


def blend(one: Patch, other: Patch, share: float) -> Patch:
    """Return two patches as one; pads share a table and struck sounds a shot, so that costs little.

    Parameters
    ----------
    one, other : Patch
    share : float in 0..1
        Of the second.
    """
    name = f"{one.name}+{other.name}"
    if isinstance(one, Held) and isinstance(other, Held):
        return PadBlend.of(one, other, share)
    if isinstance(one, Struck) and isinstance(other, Struck):
        nearer = other if share > 0.5 else one
        return StruckBlend(
            name, nearer.strike, nearer.softness_s, one, other, share, tremolo=nearer.tremolo
        )
    return Layers(name, one, other, share)
