"""The shared spaces of a song: sends are gathered part by part, the returns are one stem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import HOP, blocks, decibels
from halation.dsp.delays import PingPong, Reversal
from halation.dsp.filters import butterworth, cascade
from halation.dsp.granular import Octave
from halation.dsp.modulation import Warp, tape_delay
from halation.dsp.reels import claim, reel, release
from halation.dsp.reverbs import BLOCK, Convolution, impulse_response, reverse_swell
from halation.dsp.sweeps import Sweep
from halation.fx.inserts import Tape
from halation.fx.reading import combined, control, duck
from halation.seeds import rng
from halation.types import SAMPLE_RATE, Audio, AudioError, Effect, Part, Plan, Score

__all__ = ["STEP", "Buses", "Space"]

RATE = SAMPLE_RATE // 2
"""The spaces work at half the rate: their returns end at 8 kHz."""

STEP: Final = 2 * BLOCK
"""Samples of a song that the rooms take at a time: 1.5 s."""
_AT_ONCE = 8
_CLAIMED = 1 << 17
"""Samples of a bus whose memory is taken at a time."""

CHANNELS = {"near": 1, "hall": 2, "shimmer": 1, "delay": 1}
GENERATIONS = 2
"""How often the shimmer climbs by an octave."""
SHIMMER_RISE_DB = -3.0
"""Level of the first octave against what was sent."""
DELAY_DB = -3.0

Signal = NDArray[np.float32]


class Buses:
    """Gathers the sends of a song's parts.

    Parameters
    ----------
    score : Score
        Gives the length.

    Notes
    -----
    Not an artefact but a vessel: processes that render stems in parallel fill one each, and
    :meth:`merge` pours them together. Sends are counted in whole steps 132 dB under full scale, so
    that the sum is the same in whatever order they come.
    """

    def __init__(self, score: Score) -> None:
        self.score = score
        self._size = -(-score.n_samples // 2)
        self._sums: dict[str, NDArray[np.int32]] = {}
        self._claimed: dict[str, int] = {}

    def add(self, part: Part, audio: Audio, plan: Plan) -> None:
        """Add a whole part's sends to the buses.

        Raises
        ------
        AudioError
            If the part is not as long as the score.
        """
        x = audio.samples
        if x.shape[1] != self.score.n_samples:
            raise AudioError(
                f"the part {part.name!r} has {x.shape[1]} samples, the score {self.score.n_samples}"
            )
        gains = self.gains(part, plan)
        for start, stop in blocks(x.shape[1]):
            self.send(x, gains, start, stop)

    def gains(self, part: Part, plan: Plan) -> dict[str, Signal]:
        """Read a part's sends at control rate, by bus: its curves ``<bus>_send_db``.

        A bus without one gets nothing.
        """
        found = {}
        for bus in CHANNELS:
            curve = plan.curve(part.name, f"{bus}_send_db")
            if curve is not None:
                found[bus] = decibels(control(plan, curve, self._size, RATE))
        return found

    def send(self, x: Signal, gains: dict[str, Signal], start: int, stop: int) -> None:
        """Add a stretch of a part's sends to the buses.

        Parameters
        ----------
        x : np.ndarray [shape=(1 or 2, score.n_samples)], float32
            The part as it stands in the mix; final up to five samples beyond the stretch.
        gains : dict of bus to control
            As :meth:`gains` returns them.
        start, stop : int [samples]
            ``start`` is a multiple of ``2 * HOP``.
        """
        first, last = start // 2, -(-stop // 2)
        frames = slice(first // HOP, -(-last // HOP) + 1)
        heard = [bus for bus, gain in gains.items() if gain[frames].any()]
        if not heard:
            return
        block = loops.halve(x, first, last)
        middle = block[:1] + block[-1:]
        middle *= np.float32(0.5)
        for bus in heard:
            sent = middle if CHANNELS[bus] == 1 else block
            if bus not in self._sums:
                self._sums[bus] = np.zeros((CHANNELS[bus], self._size), np.int32)
                self._claimed[bus] = 0
            if last > self._claimed[bus]:
                self._claimed[bus] = max(last, min(first + _CLAIMED, self._size))
                claim(self._sums[bus], first, self._claimed[bus])
            loops.send(self._sums[bus], sent, gains[bus], HOP, first)

    def merge(self, other: Buses) -> None:
        """Take what another vessel has gathered, which is empty afterwards."""
        for bus, sums in other._sums.items():
            if bus in self._sums:
                self._sums[bus] += sums
            else:
                self._sums[bus] = sums
        other._sums.clear()

    def taken(self, start: int, stop: int) -> dict[str, NDArray[np.int32]]:
        """Take a stretch out, in samples at half the rate; silent buses are left out."""
        found = {}
        for bus, sums in self._sums.items():
            if sums[:, start:stop].any():
                found[bus] = sums[:, start:stop].copy()
            release(sums, start, stop)
        return found

    def render(self, plan: Plan) -> Audio:
        """Return the stem ``space`` of a whole song; the buses are empty afterwards.

        Returns
        -------
        Audio [shape=(2, score.n_samples)]
        """
        space = Space(plan)
        space.take([self._sums], 0)
        self._sums = {}
        out = np.zeros((2, self.score.n_samples), np.float32)
        space.play(self._size, self.score.n_samples, out)
        return Audio.take(out)


class Space:
    """The shared rooms of a song: what they return is the stem ``space``.

    Sends come stretch by stretch, and so do the returns; tails carry over. It looks ahead: a
    reversed swell is made of what is sent after its seam.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._n = plan.score.n_samples
        self._size = size = -(-self._n // 2)
        self._sent = {bus: reel(count, size) for bus, count in CHANNELS.items()}
        self._echoes = _Echoes.of(plan, size, self._sent)
        self._shimmer = _Shimmer(plan, size, self._sent["shimmer"])
        self._wet, self._done, self._echoed = reel(2, size), 0, 0
        self._finish = _Finish(plan, size)
        self._swells = [effect for effect in plan.effects if effect.kind == "reverse_reverb"]
        self._rooms: tuple[Convolution | None, dict[str, Signal]] | None = None

    @property
    def ahead(self) -> int:
        """How far beyond what is returned the sends must have come [samples at full rate]."""
        echoes = self._echoes.ahead if self._echoes else 0
        reach = max(self._shimmer.ahead, echoes)
        return 2 * (reach + self._finish.ahead + 4 * HOP)

    def needed(self, stop: int) -> int:
        """Return up to where the sends must be known for returns up to ``stop`` [samples].

        A multiple of :data:`STEP` plus :attr:`ahead`, or the end.
        """
        wanted = stop
        for effect in self._swells:
            start, _ = self._place(effect)
            if 2 * start < stop + self.ahead:
                seam = int(self._plan.score.seconds_at(effect["seam_beats"]) * RATE)
                wanted = max(wanted, 2 * (seam + max(int(effect["take_s"] * RATE), 2 * RATE)))
        wanted = -(-(wanted + 2 * self._finish.ahead) // STEP) * STEP + self.ahead
        return min(wanted, self._n)

    def prepare(self) -> None:
        """Design the rooms; a second's work that can be done while the parts are played."""
        if self._rooms is not None:
            return
        names = ("near", "hall", "shimmer")
        found = {name: _response(self._plan, name) for name in names}
        responses = {name: response for name, response in found.items() if response is not None}
        feeds = {**self._sent, "shimmer": self._shimmer.out}
        ways = [(feeds[name], responses[name]) for name in ("hall", "near", "shimmer")
                if name in responses]  # fmt: skip
        from scipy.fft import next_fast_len

        block = BLOCK if self._size > BLOCK else next_fast_len(self._size, real=True)
        self._rooms = (Convolution(ways, block) if ways else None, responses)

    def take(self, sends: Sequence[Mapping[str, NDArray[np.int32]]], start: int) -> None:
        """Take a stretch of what several have sent, from ``start`` on [samples at half the rate].

        They are added up before they are turned into samples, so that their order does not matter.
        """
        step = np.float32(1.0 / loops.STEPS)
        for bus, sent in self._sent.items():
            rows = [sums[bus] for sums in sends if bus in sums]
            if rows:
                total = rows[0] if len(rows) == 1 else np.sum(rows, axis=0, dtype=np.int32)
                place = sent[:, start : start + total.shape[1]]
                np.multiply(total, step, out=place, dtype=np.float32)

    def play(self, sent: int, stop: int, out: Signal) -> None:
        """Add what is returned, up to ``stop``, to ``out`` at its place.

        Parameters
        ----------
        sent : int [samples at half the rate]
            Up to where the sends have been taken: what :meth:`needed` says for ``stop``.
        stop : int [samples]
        out : np.ndarray [shape=(2, score.n_samples)], float32
        """
        self.prepare()
        assert self._rooms is not None
        rooms, responses = self._rooms
        last = sent >= self._size
        end = self._size if last else (sent - self.ahead // 2) // BLOCK * BLOCK
        for first in range(self._done, end, _AT_ONCE * BLOCK):
            self._done = min(first + _AT_ONCE * BLOCK, end)
            self._shimmer.play(first, self._done)
            if self._echoes is not None:
                self._echoes.play(first, self._done)
            if rooms is not None:
                rooms.play(self._wet, first, self._done)
            if self._echoes is not None:
                part = self._echoes.out[:, first : self._done]
                loops.place(self._wet, part, first, 10.0 ** (DELAY_DB / 20.0))
        for effect in list(self._swells):
            place, length = self._place(effect)
            if place < self._done and (last or self._known(effect) <= self._done):
                self._swells.remove(effect)
                swell = self._swell(effect, responses.get("hall"), length)
                if swell is not None:
                    self._finish.swells.append((place, swell))
        self._finish.play(self._wet, min(self._size, -(-stop // 2) + HOP), self._done, out)
        self._forget()

    def _forget(self) -> None:
        seams = [int(self._plan.score.seconds_at(e["seam_beats"]) * RATE) for e in self._swells]
        wanted = min([self._done, *seams])
        behind = self._echoes.behind if self._echoes else 0
        for bus, x in self._sent.items():
            kept = {"hall": BLOCK, "shimmer": self._shimmer.behind, "near": BLOCK, "delay": behind}
            release(x, 0, max(0, wanted - kept[bus] - BLOCK))
        release(self._wet, 0, max(0, min(self._finish.done, wanted) - BLOCK))

    def _known(self, effect: Effect) -> int:
        """Return up to where the rooms must have been played for a swell [half-rate samples]."""
        seam = int(self._plan.score.seconds_at(effect["seam_beats"]) * RATE)
        return min(seam + max(int(effect["take_s"] * RATE), 2 * RATE), self._size)

    def _place(self, effect: Effect) -> tuple[int, int]:
        """Return a swell's first sample and its length, at half the rate."""
        seconds_at = self._plan.score.seconds_at
        end = min(int(seconds_at(effect["end_beats"]) * RATE), self._size)
        length = min(int(seconds_at(effect["length_beats"]) * RATE), end)
        return end - length, length

    def _swell(self, effect: Effect, response: Signal | None, length: int) -> Signal | None:
        """Return the reversed reverb that ends at a seam.

        At its end it is as loud as what the spaces return after the seam, plus ``gain_db``.
        """
        seam = int(self._plan.score.seconds_at(effect["seam_beats"]) * RATE)
        taken = self._sent["hall"][:, seam : seam + int(effect["take_s"] * RATE)]
        if response is None or length <= 0 or not taken.any():
            return None
        rising = reverse_swell(taken, response, length)
        after = float(np.sqrt(np.mean(np.square(self._wet[:, seam : seam + 2 * RATE]))))
        last = float(np.sqrt(np.mean(np.square(rising[:, -RATE // 2 :]))))
        if last > 0.0:
            rising *= np.float32(10 ** (effect["gain_db"] / 20) * after / last)
        fade = min(int(0.004 * RATE), length)
        rising[:, -fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        return rising


class _Echoes:
    """The delays: ping-pong, and backwards where the plan has it. A share goes on to the hall."""

    def __init__(self, plan: Plan, size: int, sent: dict[str, Signal], effect: Effect) -> None:
        self._sent, self._hall = sent["delay"], sent["hall"]
        self._wavering = _wavering(size, effect)
        self._even = reel(1, size)
        self._delays = PingPong(
            size,
            RATE,
            left_s=effect["left_s"],
            right_s=effect["right_s"],
            feedback=effect["feedback"],
            low_hz=effect["low_hz"],
            high_hz=effect["high_hz"],
        )
        self.out = self._delays.out
        self._to_hall = 10.0 ** (effect["hall_db"] / 20.0)
        backwards = plan.effect("reversed_delay", "delay")
        self._reversal, self._gain = None, 1.0
        if backwards is not None:
            self._reversal = Reversal(2 * int(backwards["chunk_s"] * RATE / 2))
            self._gain = 10.0 ** (backwards["gain_db"] / 20.0)
        self._back = reel(2, size)
        self.behind = self._reversal.behind if self._reversal else 0
        self.behind = max(self.behind, self._delays.behind)
        self.ahead = self._wavering.reach if self._wavering else 0

    @classmethod
    def of(cls, plan: Plan, size: int, sent: dict[str, Signal]) -> _Echoes | None:
        effect = plan.effect("delay", "delay")
        return None if effect is None else cls(plan, size, sent, effect)

    def play(self, start: int, stop: int) -> None:
        if self._wavering is None:
            self._even[:, start:stop] = self._sent[:, start:stop]
        else:
            self._wavering.play(self._sent, start, stop, self._even)
        self._delays.play(self._even[0], start, stop)
        self.out = self._back
        self.out[:, start:stop] = self._delays.out[:, start:stop]
        if self._reversal is not None:
            self._reversal.play(self._even[0], start, stop, self.out, self._gain)
        loops.place(self._hall, self.out[:, start:stop], start, self._to_hall)
        kept = max(0, start - self.behind)
        for x in (self._even, self._delays.out, self._back):
            release(x, 0, kept)


class _Shimmer:
    """What feeds the shimmer's tail: the send and its octaves, ever later and darker."""

    def __init__(self, plan: Plan, size: int, sent: Signal) -> None:
        self._sent, self.out = sent, sent
        effect = plan.effect("shimmer", "shimmer")
        self.ahead = self.behind = 0
        self._stages: list[tuple[Octave, Signal, Signal, float]] = []
        if effect is None:
            return
        self.out = reel(1, size)
        gain = 10.0 ** (SHIMMER_RISE_DB / 20.0)
        loop = int(effect["loop_s"] * RATE)
        grain = 4 * round(effect["grain_s"] * RATE / 4)
        # The next octave keeps clear of a quarter of the rate, where grains would fold back.
        self._sections = butterworth(2, min(effect["cutoff_hz"], 0.2 * RATE), "lowpass", RATE)
        self._states = np.zeros((GENERATIONS, len(self._sections), 1, 2), np.float32)
        self._places = [0] * GENERATIONS
        for generation in range(GENERATIONS):
            draws = rng(round(effect["stream"]), "grains", generation)
            octave = Octave(size, draws, grain=grain, delay=loop, jitter=loop // 3)
            self._stages.append((octave, reel(1, size), reel(1, size), gain))
            gain *= effect["feedback"]
            self.ahead += octave.ahead
            self.behind = max(self.behind, octave.behind)

    def play(self, start: int, stop: int) -> None:
        """Make the next stretch; the sends are known up to ``stop + ahead``."""
        if not self._stages:
            return
        size = self._sent.shape[1]
        self.out[:, start:stop] = np.float32(0.5) * self._sent[:, start:stop]
        layer, ahead = self._sent, self.ahead
        for generation, (octave, dark, raised, gain) in enumerate(self._stages):
            first, last = self._places[generation], min(stop + ahead, size)
            if last > first:
                dark[:, first:last], self._states[generation] = cascade(
                    self._sections, layer[:, first:last], self._states[generation]
                )
                self._places[generation] = last
            ahead -= octave.ahead
            begun = 0 if start == 0 else min(start + ahead, size)
            raised[:, begun : min(stop + ahead, size)] = octave.layer(
                dark, begun, min(stop + ahead, size)
            )
            loops.place(self.out, raised[:, start:stop], start, gain)
            layer = raised
            for x in (dark, raised):
                release(x, 0, max(0, start - self.behind))
        release(self.out, 0, max(0, start - 2 * BLOCK))


class _Finish:
    """Filters, rides, wavers and ducks the returns; swells come after the filter."""

    def __init__(self, plan: Plan, size: int) -> None:
        cutoff = combined(plan, ("space",), "cutoff_hz", np.minimum, size, RATE)
        level_db = combined(plan, ("space", "all"), "gain_db", np.add, size, RATE)
        ducked = plan.effect("duck", "space")
        self._sweep = None if cutoff is None else Sweep(RATE, cutoff)
        self._level = None if level_db is None else decibels(level_db)
        self._tape = Tape("space", plan, RATE, n=size)
        self._duck = None if ducked is None else duck(plan, ducked, size, RATE)
        self._size = size
        self.swells: list[tuple[int, Signal]] = []
        self.ahead = -(-self._tape.reach // HOP) * HOP + HOP
        self.done = 0
        self._filtered = self._taped = 0

    def play(self, wet: Signal, stop: int, known: int, out: Signal) -> None:
        """Finish the returns up to ``stop`` and double their rate into ``out``.

        ``known``: up to where ``wet`` is final.
        """
        taped = min(-(-stop // HOP) * HOP, self._size)
        filtered = min(taped + self.ahead, known)
        if taped <= self._taped:
            return
        first, self._filtered = self._filtered, filtered
        if self._sweep is not None:
            self._sweep.pass_over(wet, first, filtered)
        for start, swell in self.swells:  # over the closing filter, into the seam
            low, high = max(start, first), min(start + swell.shape[1], filtered)
            if high > low:
                wet[:, low:high] += swell[:, low - start : high - start]
        self.swells = [(at, x) for at, x in self.swells if at + x.shape[1] > filtered]
        if self._level is not None:
            loops.ride(wet[:, first:filtered], self._level[first // HOP :], HOP)
        first, self._taped = self._taped, taped
        self._tape.play(wet, first, taped)
        if self._duck is not None:
            loops.ride(wet[:, first:taped], self._duck[first // HOP :], HOP)
        done = self._size if taped == self._size else taped - 4  # the filter reads ahead
        claim(out, 2 * self.done, min(2 * done, out.shape[1]))
        loops.add_twice(out, wet, self.done, done)
        self.done = done


def _wavering(size: int, effect: Effect) -> Warp | None:
    """Return what is echoed as a tape echo plays it: its pitch wavers."""
    given = dict(effect.parameters)
    if not given.get("wow_cents"):
        return None
    delay = tape_delay(
        rng(round(given["stream"]), "echo"),
        np.ones(-(-size // HOP) + 1, np.float32),
        wow_hz=given["wow_hz"],
        wow_cents=given["wow_cents"],
        flutter_hz=7.0,
        flutter_cents=0.15 * given["wow_cents"],
        sample_rate=RATE,
    )
    return Warp(delay, channels=1)


def _response(plan: Plan, name: str) -> Signal | None:
    """Return the impulse response of a reverb that the plan has drawn."""
    effect = plan.effect("reverb", name)
    if effect is None:
        return None
    return impulse_response(
        rng(plan.score.form.mood.brief.entropy, "fx", "response", name),
        RATE,
        t60_s=effect["t60_s"],
        predelay_s=effect["predelay_s"],
        buildup_s=effect["buildup_s"],
        low_hz=effect["low_hz"],
        high_hz=effect["high_hz"],
        damping_hz=effect["damping_hz"],
    )
