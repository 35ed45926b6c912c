"""What every patch shares: events, level, chains of legato notes, and a memory for tables."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from halation.types import Part

__all__ = ["DRAWS", "MEMORY", "Event", "Memory", "Patch", "chains", "loudness"]

Signal = NDArray[np.float32]

DRAWS: Final = 8
"""Uniform draws that every note brings along: values first, applied by its patch."""

VELOCITY_EXPONENT: Final = 1.4
"""Level over velocity: 100 is 0 dB, 50 is −8.4 dB."""

LEGATO_AFTER_S: Final = 0.04
"""Notes nearer together than this are a chord, never a legato."""

MEMORY_BYTES: Final = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Event:
    """A note in samples, with its own draws.

    Parameters
    ----------
    index : int
        Place in its section.
    start, length : int [samples]
    pitch, velocity : int
        As in the note.
    draws : tuple of float in 0..1
        :data:`DRAWS` of them.
    section : int
        Number of its section; no breath lasts over the border of two.
    share : float > 0
        Linear gain of this patch where several play the note together.
    """

    index: int
    start: int
    length: int
    pitch: int
    velocity: int
    draws: tuple[float, ...]
    section: int = 0
    share: float = 1.0

    @property
    def level(self) -> float:
        """The note's linear gain: of its velocity and its patch's share."""
        return self.share * loudness(self.velocity)

    @property
    def end(self) -> int:
        """The first sample after the note."""
        return self.start + self.length


class Patch(Protocol):
    """A sound that can play notes. One instance in a family's tuple registers it."""

    @property
    def name(self) -> str:
        """What a part calls it."""
        ...

    def play(self, part: Part, events: Sequence[Event], out: Signal) -> Iterator[int]:
        """Add the events, in order of onset, to ``out`` [shape=(2, n)], phrase by phrase.

        Before each phrase (a note, or a chain of notes in one breath) is rendered, yield the
        sample at which it starts: what lies before it in ``out`` is final.
        """
        ...


class Memory:
    """Keeps the arrays used last, up to a number of bytes; safe under threads.

    It may hold only what is a pure function of its key: what it remembers or forgets changes the
    time a song takes, never its sound.

    Examples
    --------
    >>> memory = Memory(1000)
    >>> memory.get("key", lambda: np.ones(3)).sum(), memory.get("key", lambda: 1 / 0).sum()
    (np.float64(3.0), np.float64(3.0))
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._kept: OrderedDict[Hashable, Signal] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Signal]) -> Signal:
        """Return the array of ``key``, made now if it is not kept; read-only."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        made = make()
        made.flags.writeable = False
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._used += made.nbytes
            while self._used > self._limit and self._kept:
                self._used -= self._kept.popitem(last=False)[1].nbytes
        return made


MEMORY: Final = Memory(MEMORY_BYTES)
"""Tables and struck notes of all patches, shared by all songs of a process."""


def loudness(velocity: int) -> float:
    """Return the linear gain of a velocity; 100 is 1.

    Examples
    --------
    >>> loudness(100), round(20 * np.log10(loudness(50)), 1)
    (1.0, np.float64(-8.4))
    """
    return float((velocity / 100.0) ** VELOCITY_EXPONENT)


def chains(events: Sequence[Event], sample_rate: int) -> list[tuple[Event, ...]]:
    """Gather notes that are played in one breath: each starts before the one before it ends.

    Notes that start together are a chord: one goes on with the line, the others stand alone. A
    section begins with a new breath, so that another can be sung in its place.

    Examples
    --------
    >>> line = [Event(i, i * 9000, 10_000, 60 + i, 100, ()) for i in range(3)]
    >>> chord = Event(3, 18_000, 9000, 70, 100, ())
    >>> [len(chain) for chain in chains([*line, chord], 44_100)]
    [3, 1]
    """
    lines: list[list[Event]] = []
    apart = round(LEGATO_AFTER_S * sample_rate)
    for event in events:
        for line in reversed(lines):
            last = line[-1]
            if last.start + apart < event.start < last.end and last.section == event.section:
                line.append(event)
                break
        else:
            lines.append([event])
    return [tuple(line) for line in lines]
