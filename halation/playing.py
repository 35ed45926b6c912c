"""The stems of a song, played window by window, here and in other processes.

A window is what must be known before a section can be mixed. While one is mixed the next is played.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation import backends, crew, fx
from halation.arc import STEP
from halation.dsp.automation import silent
from halation.dsp.reels import reel, release
from halation.strips import MEASURED_S, StemStrip
from halation.types import SAMPLE_RATE, STEM_NAMES, Audio, BackendError, Part, Plan, Stem, Stems

__all__ = ["PRELOAD", "Players"]

Signal = NDArray[np.float32]
Sends = dict[str, NDArray[np.int32]]

_NOBODY: Final = backends.Watch()

PRELOAD: Final = (
    f"{__name__} scipy.fft scipy.ndimage halation.stems.drums halation.stems.synth "
    "halation.stems.vocals"
)
"""What a process that plays stems imports while the song is being composed."""

COSTS: Final = {
    "keys": 0.65, "pads": 0.4, "drums": 0.45, "vocals": 0.5, "textures": 0.5, "lead": 0.25,
    "bass": 0.15,
}  # fmt: skip
"""What a stem usually costs to play, in seconds."""
OPENING: Final = ("keys", "pads")
"""What the first sound waits for longest: played side by side."""
DESK_COST: Final = 2.0
"""What mixing, mastering and writing cost the process in which they are done."""

LOOKED_BACK_S: Final = 4.0
"""How long after it has sounded a stem may still be heard by another."""
_BEHIND: Final = 1 << 14
"""Samples behind what is done that may still be read."""
STRETCH: Final = 1 << 18
"""Samples that stems are played on at a time: 6 s."""
PATIENCE_S: Final = 1.0
_REACH: Final = SAMPLE_RATE // 2
"""More samples than a tape reads ahead."""
HEARD_S: Final = 6.0
"""How far beyond what it has played a cloud listens."""


@dataclass(slots=True)
class Played:
    """What came of a window: what was sent to the rooms, what was measured, and what sounds.

    ``windows`` holds the stems where their tracks are not shared; silence is left out.
    """

    sends: Sends
    record: dict[str, float]
    windows: dict[str, tuple[int, Signal]]


class Bench:
    """Stems that are played in one process.

    Parameters
    ----------
    plan : Plan
    tracks : mapping of stem to np.ndarray [shape=(2, score.n_samples)], float32
        Where each is written to.
    watch : Watch
    others : mapping of stem to np.ndarray, optional
        Stems that are played elsewhere, for those here who hear them.
    lent : bool
        Whether the tracks are another process's, too: what is done need not stay in sight here.
    """

    def __init__(
        self,
        plan: Plan,
        tracks: Mapping[str, Signal],
        watch: backends.Watch,
        others: Mapping[str, Signal] = MappingProxyType({}),
        *,
        lent: bool = False,
    ) -> None:
        hears, known = _hears(plan), {**others, **tracks}
        self._passing = set(tracks) - set().union(*hears.values()) if lent else set()
        self._strips = [
            StemStrip(name, plan, _heard(plan, known, hears[name]), watch, out)
            for name, out in tracks.items()
            if not hears[name] & set(tracks)
        ]
        self._after = [
            StemStrip(name, plan, _heard(plan, known, hears[name]), watch, tracks[name])
            for name in _in_order(hears)
            if name in tracks and hears[name] & set(tracks)
        ]
        self._buses = fx.Buses(plan.score)
        self._sent = self._place = 0

    def begin(self, stops: Mapping[str, int]) -> None:
        """Play what of the next stretch hears nobody."""
        for strip in self._strips:
            strip.begin(min(self._place + STRETCH, stops[strip.name]), self._buses)

    def advance(self, stops: Mapping[str, int], sent: int) -> Played:
        """Play on, each stem up to its stop [samples]; take the sends up to ``sent`` [samples]."""
        # A little at a time, so that what is behind gives its memory back.
        for strips in (self._strips, *([strip] for strip in self._after)):
            for place in range(self._place + STRETCH, max(stops.values()) + STRETCH, STRETCH):
                for strip in strips:
                    strip.advance(min(place, stops[strip.name]), self._buses)
                    if strip.name in self._passing:
                        release(strip.out, 0, max(0, strip.done - _BEHIND))
        self._place = max(self._place, min(stops.values()) // STRETCH * STRETCH)
        every = (*self._strips, *self._after)
        record = {name: value for strip in every for name, value in strip.record.items()}
        stop = -(-sent // 2)
        sends = self._buses.taken(self._sent, stop)
        self._sent = stop
        crew.give_back()
        return Played(sends, record, {})


class _Far:
    """A bench in this process that plays for another one, or in the place of one that is lost."""

    def __init__(
        self,
        plan: Plan,
        names: tuple[str, ...],
        lent: Mapping[str, Signal],
        watch: backends.Watch = _NOBODY,
    ) -> None:
        self._lent = bool(lent)
        self._tracks = dict(lent) or {name: reel(2, plan.score.n_samples) for name in names}
        self._bench = Bench(plan, self._tracks, watch, lent=self._lent)
        self._done = dict.fromkeys(names, 0)

    def advance(self, stops: Mapping[str, int], sent: int) -> Played:
        played = self._bench.advance(stops, sent)
        for name, x in self._tracks.items():
            start, stop = self._done[name], stops[name]
            if not self._lent and not silent(x[:, start:stop]):
                played.windows[name] = start, x[:, start:stop].copy()
            self._done[name] = stop
        heard_from = min(self._done.values()) - round(LOOKED_BACK_S * SAMPLE_RATE)
        for x in self._tracks.values():  # what is lent stays with the other process
            release(x, 0, max(0, heard_from))
        return played


_benches: dict[int, _Far] = {}
"""In a process that plays for another: the song in work."""


def _open_there(song: int, plan: Plan, names: tuple[str, ...], lent: Mapping[str, Signal]) -> None:
    _benches.clear()
    _benches[song] = _Far(plan, names, lent)


def _advance_there(song: int, stops: dict[str, int], sent: int) -> Played:
    return _benches[song].advance(stops, sent)


_SONGS = itertools.count()


class _Seat:
    """A bench in another process; here, from where it was, if that process is lost."""

    def __init__(
        self,
        member: crew.Member,
        plan: Plan,
        tracks: Mapping[str, Signal],
        loans: Mapping[str, crew.Loan],
        watch: backends.Watch,
    ) -> None:
        self._member: crew.Member | None = member
        self._song, self._plan, self._watch = next(_SONGS), plan, watch
        self._tracks, self._loans = tracks, loans
        self._asked: list[tuple[dict[str, int], int]] = []
        self._instead: _Far | None = None

    def advance(self, stops: dict[str, int], sent: int) -> Played:
        if self._member is not None:
            try:
                if not self._asked:
                    names = tuple(self._tracks)
                    self._member.call(_open_there, self._song, self._plan, names, self._loans)
                played: Played = self._member.call(_advance_there, self._song, stops, sent)
            except crew.Lost:
                self._watch.go_on()
                self._member = None
            else:
                self._asked.append((stops, sent))
                return played
        if self._instead is None:
            # On memory of its own: what is there already is being mixed.
            self._instead = _Far(self._plan, tuple(self._tracks), {}, self._watch)
            for before in self._asked:
                self._instead.advance(*before)
        done = self._asked[-1][0] if self._asked else {}
        self._asked.append((stops, sent))
        for name, x in self._tracks.items():  # what the other has begun, and nobody has heard
            x[:, done.get(name, 0) : stops[name]] = 0.0
        return self._instead.advance(stops, sent)


@dataclass(slots=True)
class Players:
    """All who play a song.

    Parameters
    ----------
    plan : Plan
    members : list of Member
        Other processes that help.
    watch : Watch

    Attributes
    ----------
    tracks : dict of str to np.ndarray [shape=(2, score.n_samples)], float32
        The stems as far as they are played, in the order in which they are summed.
    record : dict of str to float
        What was measured of the parts.

    Raises
    ------
    BackendError
        If there is nothing to play, parts hear one another in a circle, or a player is missing.
    """

    plan: Plan
    members: list[crew.Member]
    watch: backends.Watch
    tracks: dict[str, Signal] = field(init=False)
    record: dict[str, float] = field(init=False, default_factory=dict)
    _hears: dict[str, set[str]] = field(init=False)
    _order: list[str] = field(init=False)
    _here: Bench | None = field(init=False)
    _hearing: Bench | None = field(init=False)
    _seats: list[_Seat] = field(init=False)
    _pool: ThreadPoolExecutor = field(init=False)
    _running: list[Future[Played]] = field(init=False, default_factory=list)
    _stopped: threading.Event = field(init=False, default_factory=threading.Event)
    _done: dict[str, int] = field(init=False)
    _inserts: dict[str, fx.Inserts] = field(init=False, default_factory=dict)
    _loans: dict[str, crew.Loan] = field(init=False)

    def __post_init__(self) -> None:
        plan = self.plan
        for part in plan.score.parts:
            backends.performer(part.player)  # fails now rather than halfway
        names = [n for n in STEM_NAMES if any(part.stem == n for part in plan.score.parts)]
        if not names:
            raise BackendError("the score has no parts: there is nothing to play")
        parts = {n: [part for part in plan.score.parts if part.stem == n] for n in names}
        self._hears = _hears(plan)
        self._order = _in_order(self._hears)
        self._done = dict.fromkeys(names, 0)
        stopped = self._stopped.is_set
        asked = self.watch
        watch = replace(asked, stopped=lambda: stopped() or asked.stopped())
        here, there = self._shared_out(parts)
        self._loans = self._lent({name for chosen in there for name in chosen})
        shape = 2, plan.score.n_samples
        self.tracks = {
            name: self._loans[name].array if name in self._loans else reel(*shape) for name in names
        }
        placed = {name for chosen in (here, *there) for name in chosen}
        hearing = tuple(name for name in self._order if name not in placed)
        self._here = Bench(plan, self._some(here), watch) if here else None
        self._hearing = Bench(plan, self._some(hearing), watch, self.tracks) if hearing else None
        self._seats = [
            _Seat(member, plan, self._some(chosen), self._some_lent(chosen), watch)
            for member, chosen in zip(self.members, there, strict=True)
            if chosen
        ]
        self._pool = ThreadPoolExecutor(max(1, len(self.members)), thread_name_prefix="stem")

    def start(self, stop: int) -> None:
        """Begin to play a window in other processes.

        Parameters
        ----------
        stop : int [samples]
            Up to where every stem is wanted, and what it sends: a multiple of 512, or the end.
        """
        stops = self._stops(stop)
        self._running = [self._pool.submit(seat.advance, stops, stop) for seat in self._seats]

    def finish(self, stop: int) -> list[Sends]:
        """Play this process's stems up to a window's end, wait for the others; return the sends."""
        stops = self._stops(stop)
        if self._hearing is not None:
            self._hearing.begin(stops)
        # In this thread: one more would wait for the interpreter as often as it works.
        found = [self._here.advance(stops, stop)] if self._here is not None else []
        found += [job.result() for job in self._running]
        self._running = []
        for played in found:
            self._take(played, stops)
        return [played.sends for played in found]

    def listen(self, stop: int) -> list[Sends]:
        """Play a window of the stems that hear others, after :meth:`finish`."""
        if self._hearing is None:
            return []
        stops = self._stops(stop)
        played = self._hearing.advance(stops, stop)
        self._take(played, stops)
        return [played.sends]

    def forget(self, stop: int) -> None:
        """Give back the memory of what lies before ``stop`` and is mixed."""
        hearing = [self._done[name] for name, hears in self._hears.items() if hears]
        kept = min([stop, *hearing]) - round(LOOKED_BACK_S * SAMPLE_RATE)
        for name, x in self.tracks.items():
            release(x, 0, max(0, kept), shared=name in self._loans)

    def close(self) -> None:
        """Stop: what is in work comes to the end of its stretch, or is killed if it takes long."""
        self._stopped.set()
        for job in self._running:
            try:
                job.exception(timeout=PATIENCE_S)
            except TooLate:
                for member in self.members:
                    member.halt()
        self._pool.shutdown(cancel_futures=True)
        for loan in self._loans.values():
            loan.close()

    def _take(self, played: Played, stops: Mapping[str, int]) -> None:
        for name, (start, window) in played.windows.items():
            self.tracks[name][:, start : start + window.shape[1]] = window
        self._done |= stops
        self.record |= played.record

    def _lent(self, names: set[str]) -> dict[str, crew.Loan]:
        """Return memory that other processes can write to, where the system has such."""
        try:
            return {name: crew.Loan((2, self.plan.score.n_samples)) for name in names}
        except OSError:
            return {}

    def _some(self, names: Iterable[str]) -> dict[str, Signal]:
        return {name: self.tracks[name] for name in names}

    def _some_lent(self, names: Iterable[str]) -> dict[str, crew.Loan]:
        return {name: self._loans[name] for name in names if name in self._loans}

    def _stops(self, stop: int) -> dict[str, int]:
        """Return how far each stem must be played: further where somebody hears it."""
        n = self.plan.score.n_samples
        stops = dict.fromkeys(self._hears, stop)
        for name in reversed(self._order):
            needed = self._heard_until(name, stops[name])
            for other in self._hears[name]:
                stops[other] = max(stops[other], min(n, -(-needed // STEP) * STEP))
        return stops

    def _heard_until(self, name: str, stop: int) -> int:
        """Return up to where those whom a stem hears must be known."""
        score = self.plan.score
        hearing = [part for part in score.parts if part.stem == name and part.hears]
        if any(part.player != "grains" for part in hearing):
            return score.n_samples  # a stranger may listen to anything
        # What is replaced as a whole is played, and so heard, as a whole.
        stop = max((self._ends(part, stop) for part in hearing), default=stop)
        ahead_s = HEARD_S
        starts_s = [score.onset_s(part.notes[0]) for part in hearing if part.notes]
        if any(-1.0 <= stop / SAMPLE_RATE - start_s < MEASURED_S for start_s in starts_s):
            ahead_s += MEASURED_S  # where it begins it is measured
        return stop + round(ahead_s * SAMPLE_RATE) if starts_s else 0

    def _ends(self, part: Part, stop: int) -> int:
        """Return up to where a part is played when it is wanted up to ``stop`` [samples]."""
        if part.name not in self._inserts:
            self._inserts[part.name] = fx.Inserts(part, self.plan)
        return self._inserts[part.name].end_of(min(stop + _REACH, self.plan.score.n_samples))

    def _shared_out(
        self, parts: Mapping[str, list[Part]]
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Share the stems out: those played here, and those of each member.

        One that hears others goes where they are; where they are apart, it is left for this
        process, which has them all.
        """
        words = {
            part.stem
            for part in self.plan.score.parts
            if backends.describe("players", part.player).reads == "words"
        }
        loads = [DESK_COST, *[0.0] * len(self.members)]
        places: dict[str, int] = {}
        several = len(self.members) > 1  # then this process has the desk alone to look after
        opening = {name: (i + several) % len(loads) for i, name in enumerate(OPENING)}
        alone = sorted(
            (name for name in parts if not self._hears[name]),
            key=lambda name: (name not in OPENING, -COSTS.get(name, 1.0)),
        )
        for name in [*alone, *(name for name in self._order if self._hears[name])]:
            least = min(range(len(loads)), key=loads.__getitem__)
            free = 0 if name in words else opening.get(name, least)
            possible = {places.get(other) for other in self._hears[name]} or {free}
            place = possible.pop()
            if possible or place is None or (name in words and place):
                continue
            loads[place] += COSTS.get(name, 0.4)
            places[name] = place
        here, *there = (
            tuple(name for name, at in places.items() if at == place) for place in range(len(loads))
        )
        return here, there


def _hears(plan: Plan) -> dict[str, set[str]]:
    """Return which stems each one hears."""
    names = {part.stem for part in plan.score.parts}
    hears: dict[str, set[str]] = {name: set() for name in STEM_NAMES if name in names}
    for part in plan.score.parts:
        hears[part.stem] |= set(part.hears) & names
    return hears


def _heard(plan: Plan, tracks: Mapping[str, Signal], names: set[str]) -> Stems:
    """Return stems that are filled while somebody hears them."""
    found = [
        Stem(name, Audio.window(tracks[name], 0, plan.score.n_samples))
        for name in STEM_NAMES
        if name in names
    ]
    return Stems(plan.score, tuple(found))


def _in_order(hears: Mapping[str, set[str]]) -> list[str]:
    """Return stems so that each comes after those it hears."""
    order: list[str] = []
    left = list(hears)
    while left:
        ready = [name for name in left if hears[name] <= set(order)]
        if not ready:
            raise BackendError(f"parts hear one another in a circle: {', '.join(left)}")
        order += ready
        left = [name for name in left if name not in ready]
    return order
