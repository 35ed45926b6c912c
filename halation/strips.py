"""The channel strips of a song: a part comes from its player, goes through its effects to its seat.

Everything here moves forward through the song, stretch by stretch, and no further than it is asked
for: what a part's level depends on is measured where the part begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation import backends, fx, mix
from halation.dsp import automation, loops
from halation.dsp.loudness import SILENCE_LUFS, active_loudness
from halation.dsp.reels import claim, reel, release
from halation.stems.blocks import lent
from halation.stems.drums import LEVELS_DB, LONG
from halation.types import (
    SAMPLE_RATE,
    Audio,
    AudioError,
    BackendError,
    Note,
    Part,
    Plan,
    Score,
    Stems,
    all_finite,
)

__all__ = ["MEASURED_S", "StemStrip", "Strip"]

Signal = NDArray[np.float32]

MEASURED_S: Final = 6.0
"""So much of a part, from its first sound on, tells its level; its velocities tell the rest."""

_ALIGNED: Final = 2 * automation.HOP
"""Stretches begin at multiples of it: a control's hop at half the rate."""
_BEHIND: Final = 2 * _ALIGNED
"""What filters still read behind a stretch that is done."""
_CLAIMED: Final = 1 << 18
"""Samples whose memory is taken at a time."""
_POWER_OF_VELOCITY: Final = 2.8
_GATE: Final = 0.1
_USUAL_HIT_DB: Final = -15.0
_SHORT_HIT: Final = 0.3
"""Share of a meter's frame that a short hit fills."""


class Strip:
    """One part.

    Parameters
    ----------
    part : Part
    plan : Plan
        Its ``desk`` may hold the part's level and peak, which are not measured then.
    heard : Stems
        What the player hears; filled further while the part is played.
    watch : Watch
    x : np.ndarray [shape=(2, score.n_samples)], float32, optional
        Silent; takes the part.

    Attributes
    ----------
    x : np.ndarray [shape=(2, score.n_samples)], float32
        The part as it stands in the mix, as far as :meth:`advance` has come; of a stem's first
        part the stem, as far as that is summed.
    record : dict of str to float
        What was measured: ``"<part>.level"`` [LUFS] and ``"<part>.peak"`` [dBFS].
    """

    def __init__(
        self,
        part: Part,
        plan: Plan,
        heard: Stems,
        watch: backends.Watch,
        x: Signal | None = None,
    ) -> None:
        self.part, self._plan = part, plan
        self._n = plan.score.n_samples
        score, entropy = plan.score, plan.score.form.mood.brief.entropy
        self._watch = watch
        self._blocks = iter(backends.performer(part.player)(part, score, heard, entropy))
        place = mix.seat(part, entropy)
        self._inserts = fx.Inserts(
            part, plan, low_cut_hz=place.low_cut_hz, side_cut_hz=mix.SIDE_CUT_HZ
        )
        self.x: Signal = reel(2, 0) if x is None else x
        self.record: dict[str, float] = {}
        self._given = dict(plan.desk)
        self._placing: mix.Placing | None = None
        self._peak = 0.0
        self._looked = 0
        self._raw = self._filtered = self._lifted = self._treated = self._sent = 0
        self._gains: dict[str, Signal] | None = None
        self._claimed = 0
        self._sounding = _sounding(part, plan.score)

    def advance(self, stop: int, buses: fx.Buses) -> None:
        """Bring the part to its seat up to ``stop`` or later, and send it to the rooms.

        What is sent stays :data:`_ALIGNED` samples behind, until the end.
        """
        if self._treated >= min(stop, self._n):
            return
        if self._gains is None:
            self._gains = buses.gains(self.part, self._plan)
        start, stop = self._treated, self._treat(stop)
        if self._placing is not None:
            self._inserts.colour(self.x, start, stop, self._peak)
            for _ in self._placing.place(self.x, start, stop):
                self._watch.go_on()
        self._treated = stop
        sent = stop if stop == self._n else stop - _ALIGNED
        for first, last in _stretches(self._sent, sent):
            if not automation.silent(self.x[:, first:last]):
                buses.send(self.x, self._gains, first, last)
        self._sent = max(self._sent, sent)

    def forget(self, stop: int) -> None:
        """Give back the memory of what lies before ``stop``; nobody reads it again."""
        release(self.x, 0, max(0, min(stop, self._sent) - _BEHIND))

    def _treat(self, stop: int) -> int:
        """Play, filter and lift up to ``stop`` or later; return up to where."""
        stop = self._inserts.end_of(min(-(-stop // _ALIGNED) * _ALIGNED, self._n))
        if stop <= self._lifted:
            return self._lifted
        ahead = min(-(-(stop + self._inserts.ahead) // _ALIGNED) * _ALIGNED, self._n)
        self._play(ahead)
        if self._placing is None:
            self._measure(ahead)
        if ahead > self._filtered:
            self._inserts.filter(self.x, self._filtered, ahead)
            self._filtered = ahead
        self._inserts.lift(self.x, self._lifted, stop)
        self._lifted = stop
        return stop

    def _measure(self, stop: int) -> None:
        """Measure the part where it begins, and seat it.

        With open filters, not as it is heard there: one that is still closed tells nothing of the
        hook.
        """
        first = _first_sound(self.x, self._looked, stop)
        self._looked = stop
        if first is None:
            return
        stop = min(first + round(MEASURED_S * SAMPLE_RATE), self._n)
        self._play(stop)
        heard = self._inserts.opened(self.x[:, first:stop])
        peak = loops.peak(heard) * 10.0 ** (self._expected_db(stop, max) / 20.0)
        self._peak = 10.0 ** (self._kept("peak", 20.0 * float(np.log10(max(peak, 1e-9)))) / 20.0)
        measured = active_loudness(heard)
        if measured > SILENCE_LUFS + 1.0:
            # Where one drum is much louder than the others, it alone is what a meter reads.
            over = max if self.part.player == "drums" else _mean
            measured += self._expected_db(stop, over)
        self._placing = mix.Placing(self.part, self._plan, self._kept("level", measured))

    def _kept(self, what: str, measured: float) -> float:
        name = f"{self.part.name}.{what}"
        self.record[name] = self._given.get(name, round(measured, 3))
        return self.record[name]

    def _play(self, stop: int) -> None:
        """Have the player play up to ``stop`` or later, and hold it to its contract."""
        score = self._plan.score
        with backends.watched(self._watch), lent(self.x):
            while self._raw < stop:
                self._claim()
                block = next(self._blocks, None)
                self._watch.go_on()
                if block is None:
                    break
                if block.sample_rate != SAMPLE_RATE or block.channels != 2:
                    raise BackendError(
                        f"the player {self.part.player!r} must yield stereo at {SAMPLE_RATE} Hz, "
                        f"not {block.channels} channel(s) at {block.sample_rate} Hz"
                    )
                self._take(block)
            if self._raw == self._n and next(self._blocks, None) is not None:
                self._raw += 1
        if self._raw < stop or self._raw > self._n:
            raise BackendError(
                f"the player {self.part.player!r} yielded {self._raw} samples for "
                f"{self.part.name!r}, the song has {score.n_samples}"
            )

    def _claim(self) -> None:
        """Take memory for what is about to be played, where notes tell that something is."""
        if self._raw < self._claimed:
            return
        self._claimed = min(self._raw + _CLAIMED, self._n)
        pieces = range(self._raw // _CLAIMED, self._claimed // _CLAIMED + 1)
        if self.x.shape[1] and not self._sounding.isdisjoint(pieces):
            claim(self.x, self._raw, self._claimed)

    def _take(self, block: Audio) -> None:
        """Take what a player has handed out: it belongs to the strip from now on."""
        whole = block.samples.base
        if not self.x.shape[1]:
            shared = whole if whole is not None and whole.shape == (2, self._n) else None
            writeable = shared is not None and shared.flags.writeable
            self.x = shared if shared is not None and writeable else reel(2, self._n)
        stop = self._raw + block.n_samples
        if whole is not self.x:
            kept = min(stop, self._n)
            self.x[:, self._raw : kept] = block.samples[:, : kept - self._raw]
        self._raw = stop

    def _expected_db(self, stop: int, over: Callable[[list[float]], float]) -> float:
        """Return how much louder the part's notes are than those before ``stop``."""
        score, part = self._plan.score, self.part
        powers = [_power(note, drum=part.player == "drums") for note in part.notes]
        begun = [
            power
            for note, power in zip(part.notes, powers, strict=True)
            if score.onset_s(note) * SAMPLE_RATE < stop
        ]
        if not begun or part.instead:
            return 0.0
        return 10.0 * float(np.log10(over(powers) / over(begun)))


def _sounding(part: Part, score: Score) -> set[int]:
    """Return in which pieces of :data:`_CLAIMED` samples a part's notes are held."""
    found: set[int] = set()
    for note in part.notes:
        start_s = score.onset_s(note)
        end_s = start_s + score.seconds_at(note.duration_beats)
        first, last = (int(s * SAMPLE_RATE) // _CLAIMED for s in (start_s, end_s))
        found.update(range(first, last + 1))
    return found


def _power(note: Note, *, drum: bool) -> float:
    """Return about how much power a note has while it sounds, against others of its part."""
    power = float((note.velocity / 100.0) ** _POWER_OF_VELOCITY)
    if drum:
        power *= 10.0 ** (LEVELS_DB.get(note.pitch, _USUAL_HIT_DB) / 10.0)
        power *= 1.0 if note.pitch in LONG else _SHORT_HIT
    return power


def _mean(powers: list[float]) -> float:
    """Return the mean power of notes, those left out that hardly count."""
    gate = _GATE * sum(powers) / len(powers)
    loud = [power for power in powers if power >= gate]
    return sum(loud) / len(loud)


def _stretches(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for first, last in automation.blocks(max(0, stop - start)):
        yield start + first, start + last


def _first_sound(x: Signal, start: int, stop: int) -> int | None:
    """Return the first sample that sounds."""
    for first, last in _stretches(start, stop):
        block = x[:, first:last]
        if not automation.silent(block):
            return first + int(np.abs(block).max(axis=0).nonzero()[0][0])
    return None


class StemStrip:
    """The parts of one stem, summed and taped.

    Parameters
    ----------
    name : str
    plan : Plan
    heard : Stems
        What its parts hear.
    watch : Watch
    out : np.ndarray [shape=(2, score.n_samples)], float32
        Silent; takes the stem. What lies beyond where it is done is its first part.
    """

    def __init__(
        self, name: str, plan: Plan, heard: Stems, watch: backends.Watch, out: Signal
    ) -> None:
        parts = [part for part in plan.score.parts if part.stem == name]
        self.name, self.out = name, out
        self._strips = [
            Strip(part, plan, heard, watch, None if i else out) for i, part in enumerate(parts)
        ]
        self._tape = fx.Tape(name, plan)
        self._n = plan.score.n_samples
        self._summed = self.done = 0
        self._ahead = -(-(self._tape.reach + _ALIGNED) // _ALIGNED) * _ALIGNED + _ALIGNED

    @property
    def record(self) -> dict[str, float]:
        """What was measured of its parts."""
        return {name: value for strip in self._strips for name, value in strip.record.items()}

    def begin(self, stop: int, buses: fx.Buses) -> None:
        """Play what can be played of the next stretch before others have been heard."""
        for strip in self._strips:
            if not strip.part.hears:
                strip.advance(min(stop + self._ahead, self._n), buses)

    def advance(self, stop: int, buses: fx.Buses) -> None:
        """Play the stem on, up to ``stop``, into :attr:`out`.

        Parameters
        ----------
        stop : int [samples]
            A multiple of 512, or the end of the song.
        buses : Buses
            Gets what the parts send, up to ``stop`` and a little further.

        Raises
        ------
        AudioError
            If a sample is not a number.
        """
        start = self.done
        if stop <= start:
            return
        summed = min(stop + self._ahead, self._n)
        for strip in self._strips:
            strip.advance(summed, buses)
        # What has not been sent yet must not be summed: the tape does not reach as far.
        self._sum(summed if summed == self._n else summed - 2 * _ALIGNED)
        self._tape.play(self.out, start, stop)
        self.done = stop
        if not all(all_finite(side) for side in self.out[:, start:stop]):
            raise AudioError(f"the stem {self.name!r} has a sample that is not a number")
        for strip in self._strips[1:]:
            strip.forget(stop)

    def _sum(self, stop: int) -> None:
        """Add the other parts to the first one, which nobody needs by itself any more."""
        total, *others = (strip.x for strip in self._strips)
        for first, last in _stretches(self._summed, stop):
            place = total[:, first:last]
            for x in others:
                heard = x[:, first:last]
                if automation.silent(heard):
                    continue
                if automation.silent(place):
                    place[:] = heard
                else:
                    place += heard
        self._summed = stop
