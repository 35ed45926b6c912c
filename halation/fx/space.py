"""The shared spaces of a song: sends are gathered part by part, the returns are one stem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import HOP, apply_gain, blocks, decibels
from halation.dsp.delays import ping_pong, reversed_delay
from halation.dsp.filters import lowpass
from halation.dsp.granular import octave_up
from halation.dsp.modulation import tape_delay, warp
from halation.dsp.reverbs import convolved, impulse_response, reverse_swell
from halation.dsp.sweeps import swept
from halation.fx.inserts import tape
from halation.fx.reading import combined, control, duck
from halation.seeds import rng
from halation.types import SAMPLE_RATE, Audio, AudioError, Effect, Part, Plan, Score

__all__ = ["Buses"]

RATE = SAMPLE_RATE // 2
"""The spaces work at half the rate: their returns end at 8 kHz."""

CHANNELS = {"near": 1, "hall": 2, "shimmer": 1, "delay": 1}
GENERATIONS = 2
"""How often the shimmer climbs by an octave."""
SHIMMER_RISE_DB = -3.0
"""Level of the first octave against what was sent."""
DELAY_DB = -3.0

Signal = NDArray[np.float32]


class Buses:
    """Gathers the sends of a song's parts and renders what the spaces return.

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

    def add(self, part: Part, audio: Audio, plan: Plan) -> None:
        """Add a part's sends to the buses; see :meth:`gather`."""
        for _ in self.gather(part, audio.samples, plan, blocks(audio.n_samples)):
            pass

    def gather(
        self, part: Part, x: Signal, plan: Plan, spans: Iterable[tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        """Add a part's sends to the buses, stretch by stretch, while it is being made.

        Parameters
        ----------
        part : Part
        x : np.ndarray [shape=(1 or 2, score.n_samples)], float32
            The part as it stands in the mix.
        plan : Plan
            Its curves ``<bus>_send_db`` are the sends; a bus without one gets nothing.
        spans : iterable of (start, stop) [samples]
            Stretches of ``x``, in order, each taken from ``x`` when the next one is ready; they
            start at multiples of ``2 * HOP``. Between them ``x`` is silent.

        Yields
        ------
        tuple of (start, stop)
            The spans.

        Raises
        ------
        AudioError
            If the part is not as long as the score.
        """
        if x.shape[1] != self.score.n_samples:
            raise AudioError(
                f"the part {part.name!r} has {x.shape[1]} samples, the score {self.score.n_samples}"
            )
        gains = {}
        for bus in CHANNELS:
            curve = plan.curve(part.name, f"{bus}_send_db")
            if curve is not None:
                gains[bus] = decibels(control(plan, curve, self._size, RATE))
        waiting: tuple[int, int] | None = None
        for span in spans:
            if waiting and gains:
                self._send(x, gains, *waiting)
            waiting = span
            yield span
        if waiting and gains:
            self._send(x, gains, *waiting)

    def _send(self, x: Signal, gains: dict[str, Signal], start: int, stop: int) -> None:
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
            loops.send(self._sums[bus], sent, gains[bus], HOP, first)

    def merge(self, other: Buses) -> None:
        """Take what another vessel has gathered, which is empty afterwards."""
        for bus, sums in other._sums.items():
            if bus in self._sums:
                self._sums[bus] += sums
            else:
                self._sums[bus] = sums
        other._sums.clear()

    def _signal(self, bus: str) -> Signal:
        """Return what a bus has been sent; its sums become these samples, in the same memory."""
        sums = self._sums.pop(bus, None)
        if sums is None:
            return np.zeros((CHANNELS[bus], self._size), np.float32)
        signal, step = sums.view(np.float32), np.float32(1.0 / loops.STEPS)
        for start, stop in blocks(self._size):
            signal[:, start:stop] = np.multiply(sums[:, start:stop], step, dtype=np.float32)
        return signal

    def render(self, plan: Plan) -> Audio:
        """Return the stem ``space``: all returns, filtered, ducked and faded as the plan says.

        It is made in the memory of what was sent: the buses are empty afterwards.

        Returns
        -------
        Audio [shape=(2, score.n_samples)]
        """
        rooms = ("near", "hall", "shimmer")
        with ThreadPoolExecutor(2) as pool:  # long transforms let go of the interpreter
            rising, echoing = pool.submit(self._shimmer, plan), pool.submit(self._echoes, plan)
            responses = dict(zip(rooms, pool.map(partial(_response, plan), rooms), strict=True))
            shimmer, echoes = rising.result(), echoing.result()
        hall = self._signal("hall")
        if echoes is not None:
            loops.place(hall, echoes, 0, 10.0 ** (_delay_to_hall_db(plan) / 20.0))
        sent = [(hall, responses["hall"]), (self._signal("near"), responses["near"])]
        sent.append((shimmer, responses["shimmer"]))
        wet = convolved([(x, h) for x, h in sent if h is not None], self._size)
        if echoes is not None:
            loops.place(wet, echoes, 0, 10.0 ** (DELAY_DB / 20.0))
            del echoes
        return self._finished(wet, self._swells(wet, hall, responses["hall"], plan), plan)

    def _echoes(self, plan: Plan) -> Signal | None:
        """Return the delays: ping-pong, and backwards where the plan has it."""
        effect = plan.effect("delay", "delay")
        if effect is None or "delay" not in self._sums:
            return None
        sent = _wavering(self._signal("delay"), effect)[0]
        echoes = ping_pong(
            sent,
            RATE,
            left_s=effect["left_s"],
            right_s=effect["right_s"],
            feedback=effect["feedback"],
            low_hz=effect["low_hz"],
            high_hz=effect["high_hz"],
        )
        backwards = plan.effect("reversed_delay", "delay")
        if backwards is not None:
            chunk = 2 * int(backwards["chunk_s"] * RATE / 2)
            gain = 10.0 ** (backwards["gain_db"] / 20.0)
            loops.place(echoes, reversed_delay(sent, chunk)[None], 0, gain)
        return echoes

    def _shimmer(self, plan: Plan) -> Signal:
        """Return what feeds the shimmer's tail: the send and its octaves, ever later and darker."""
        sent = self._signal("shimmer")
        effect = plan.effect("shimmer", "shimmer")
        if effect is None:
            return sent
        total = np.float32(0.5) * sent
        layer = sent
        gain = 10.0 ** (SHIMMER_RISE_DB / 20.0)
        loop = int(effect["loop_s"] * RATE)
        grain = 4 * round(effect["grain_s"] * RATE / 4)
        for generation in range(GENERATIONS):
            # The next octave keeps clear of a quarter of the rate, where grains would fold back.
            dark = lowpass(layer, RATE, min(effect["cutoff_hz"], 0.2 * RATE), 2)
            draws = rng(round(effect["stream"]), "grains", generation)
            layer = octave_up(dark, draws, grain=grain, delay=loop, jitter=loop // 3)
            loops.place(total, layer, 0, gain)
            gain *= effect["feedback"]
        return total

    def _swells(
        self, wet: Signal, hall: Signal, response: Signal | None, plan: Plan
    ) -> list[tuple[int, Signal]]:
        """Return the reversed reverbs that end at seams, each with its first sample.

        At its end a swell is as loud as what the spaces return after the seam, plus ``gain_db``.
        """
        seconds_at = self.score.seconds_at

        def swell(effect: Effect) -> tuple[int, Signal] | None:
            seam = int(seconds_at(effect["seam_beats"]) * RATE)
            taken = hall[:, seam : seam + int(effect["take_s"] * RATE)]
            end = min(int(seconds_at(effect["end_beats"]) * RATE), self._size)
            length = min(int(seconds_at(effect["length_beats"]) * RATE), end)
            if response is None or length <= 0 or not taken.any():
                return None
            rising = reverse_swell(taken, response, length)
            after = float(np.sqrt(np.mean(np.square(wet[:, seam : seam + 2 * RATE]))))
            last = float(np.sqrt(np.mean(np.square(rising[:, -RATE // 2 :]))))
            if last > 0.0:
                rising *= np.float32(10 ** (effect["gain_db"] / 20) * after / last)
            fade = min(int(0.004 * RATE), length)
            rising[:, -fade:] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
            return end - length, rising

        drawn = [effect for effect in plan.effects if effect.kind == "reverse_reverb"]
        with ThreadPoolExecutor(2) as pool:
            return [found for found in pool.map(swell, drawn) if found is not None]

    def _finished(self, wet: Signal, swells: list[tuple[int, Signal]], plan: Plan) -> Audio:
        """Filter, ride, waver and duck the returns, in place; swells come after the filter."""
        cutoff = combined(plan, ("space",), "cutoff_hz", np.minimum, self._size, RATE)
        level_db = combined(plan, ("space", "all"), "gain_db", np.add, self._size, RATE)
        ducked = plan.effect("duck", "space")
        gain = None if ducked is None else duck(plan, ducked, self._size, RATE)
        out = np.zeros((2, self.score.n_samples), np.float32)

        if cutoff is not None:
            swept(wet, RATE, cutoff, out=wet)

        def finish(channel: int) -> None:
            row = wet[channel : channel + 1]
            for start, swell in swells:  # over the closing filter, into the seam
                row[:, start : start + swell.shape[1]] += swell[channel]
            if level_db is not None:
                apply_gain(row, decibels(level_db))
            tape(row, "space", plan, RATE)
            if gain is not None:
                apply_gain(row, gain)
            loops.add_twice(out[channel : channel + 1], row)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(finish, range(2)))
        return Audio.take(out)


def _wavering(sent: Signal, effect: Effect) -> Signal:
    """Return what is echoed, as a tape echo plays it: its pitch wavers."""
    given = dict(effect.parameters)
    if not given.get("wow_cents"):
        return sent
    delay = tape_delay(
        rng(round(given["stream"]), "echo"),
        np.ones(-(-sent.shape[1] // HOP) + 1, np.float32),
        wow_hz=given["wow_hz"],
        wow_cents=given["wow_cents"],
        flutter_hz=7.0,
        flutter_cents=0.15 * given["wow_cents"],
        sample_rate=RATE,
    )
    return warp(sent, delay)


def _delay_to_hall_db(plan: Plan) -> float:
    effect = plan.effect("delay", "delay")
    return effect["hall_db"] if effect else 0.0


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
