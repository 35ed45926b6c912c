"""What a part goes through before it is mixed; everything is read from the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import HOP, apply_gain, blocks, decibels, silent
from halation.dsp.filters import butterworth, cascade, filtered
from halation.dsp.granular import Octave
from halation.dsp.modulation import Warp, tape_delay
from halation.dsp.reels import reel, release
from halation.dsp.sweeps import OPEN_HZ, Sweep
from halation.fx.events import happen, happening
from halation.fx.reading import combined, control, targets
from halation.seeds import rng
from halation.types import SAMPLE_RATE, Audio, AudioError, Effect, Part, Plan

__all__ = ["Inserts", "Tape", "insert", "tape", "treat"]

PHONE_FADE_S = 0.02
OCTAVE_TOP_HZ = 5_000.0
"""What is shifted up is low-passed here first, so that nothing folds back."""
TAPE_END_S = 0.04
"""How long a tape that is stopped takes to fall silent."""

Signal = NDArray[np.float32]


def insert(audio: Audio, part: Part, plan: Plan) -> Audio:
    """Send a copy of a part through its effects; see :func:`treat`."""
    x = audio.samples.copy()
    treat(x, part, plan)
    return Audio.take(x, audio.sample_rate)


def treat(
    x: Signal, part: Part, plan: Plan, *, low_cut_hz: float = 0.0, side_cut_hz: float = 0.0
) -> None:
    """Send a whole part through its effects, in place; see :class:`Inserts`.

    Parameters
    ----------
    x : np.ndarray [shape=(1 or 2, score.n_samples)], float32
        What the player made; changed in place.
    part, plan, low_cut_hz, side_cut_hz
        As in :class:`Inserts`.

    Raises
    ------
    AudioError
        If the signal is not as long as the score.
    """
    if x.shape[1] != plan.score.n_samples:
        raise AudioError(
            f"the part {part.name!r} has {x.shape[1]} samples, the score {plan.score.n_samples}"
        )
    inserts = Inserts(part, plan, low_cut_hz=low_cut_hz, side_cut_hz=side_cut_hz, channels=len(x))
    stop = x.shape[1]
    inserts.filter(x, 0, stop)
    inserts.lift(x, 0, stop)
    inserts.colour(x, 0, stop, loops.peak(x))


class Inserts:
    """A part's effects: filters, octave, saturation, bits, telephone, events.

    A part comes stretch by stretch, and every stretch goes through :meth:`filter`, :meth:`lift` and
    :meth:`colour`, in this order and in place. Stretches begin at multiples of the control's hop.

    Parameters
    ----------
    part : Part
    plan : Plan
        As :func:`halation.fx.plan` draws it, or read back from a song.json.
    low_cut_hz, side_cut_hz : float >= 0 [Hz]
        What the mix cuts besides: from the whole (12 dB/octave) and from the difference of the
        channels (24 dB/octave).
    channels : 1 or 2

    Attributes
    ----------
    ahead : int [samples]
        How much further than a stretch :meth:`filter` must have come before :meth:`lift`.
    """

    def __init__(
        self,
        part: Part,
        plan: Plan,
        *,
        low_cut_hz: float = 0.0,
        side_cut_hz: float = 0.0,
        channels: int = 2,
    ) -> None:
        self._part, self._plan, self._channels = part, plan, channels
        self._n = plan.score.n_samples
        self._side_cut_hz = side_cut_hz if channels == 2 else 0.0
        fixed = plan.effect("highpass", part.name)
        cuts_hz = (fixed["cutoff_hz"] if fixed else 0.0, low_cut_hz)
        self._cuts_hz = [hz for hz in cuts_hz if hz > 0.0]
        drawn = combined(plan, targets(part), "cutoff_hz", np.minimum, self._n)
        self._open_hz = 2.0 * OPEN_HZ if drawn is None else float(drawn.max(initial=0.0))
        self._sweep = self._filters(drawn)
        self._octave = _Layer.of(part, plan, channels)
        self._saturation, self._crush, phone = (
            plan.effect(kind, part.name) for kind in ("saturation", "crush", "phone")
        )
        driven = plan.curve(part.name, "drive_db")
        self._drive_db = control(plan, driven, self._n) if self._saturation and driven else None
        self._spans: list[_Span] = []
        if phone:
            self._spans.append(_Span(*_places(phone, plan, self._n), phone, None))
        self._spans += [
            _Span(*_places(event, plan, self._n), None, event) for event in happening(part, plan)
        ]
        self.ahead = self._octave.ahead if self._octave else 0

    def end_of(self, stop: int) -> int:
        """Return how far a stretch must go to end at ``stop`` or later.

        What is replaced as a whole is needed as a whole.
        """
        while True:
            cut = [span.stop for span in self._spans if span.start < stop < span.stop]
            if not cut:
                return stop
            stop = min(-(-max(cut) // (2 * HOP)) * 2 * HOP, self._n)

    def filter(self, x: Signal, start: int, stop: int) -> None:
        """Apply all high-passes and the lowest of the low-passes that mean the part."""
        if self._sweep is None:
            return
        if self._channels == 1:  # the loop takes two
            both = np.zeros((2, self._n), np.float32)
            both[:, start:stop] = x[:, start:stop]
            self._sweep.pass_over(both, start, stop)
            x[:, start:stop] = both[:1, start:stop]
        else:
            self._sweep.pass_over(x, start, stop)

    def lift(self, x: Signal, start: int, stop: int) -> None:
        """Add a granular octave where the plan opens it."""
        if self._octave is not None:
            self._octave.add(x, start, stop)

    def colour(self, x: Signal, start: int, stop: int, peak: float) -> None:
        """Saturate, crush, and replace what is replaced.

        Parameters
        ----------
        x, start, stop
            The stretch; what lies up to :meth:`end_of` is replaced as a whole.
        peak : float >= 0
            Of the part: what is bent at all depends on it.
        """
        if self._saturation and peak > 0.0:
            drive_db = self._saturation["drive_db"] if self._drive_db is None else self._drive_db
            _saturate(x, drive_db, peak, start, stop)
        if self._crush and peak > 0.0:
            given = self._crush
            _crush(x, round(given["bits"]), round(given["hold"]), given["gain_db"], peak,
                   start, stop)  # fmt: skip
        for span in self._spans:
            if start <= span.start < stop:
                if span.event is not None:
                    happen(x, SAMPLE_RATE, span.event, self._plan.score)
                elif span.phone is not None:
                    _phone(x, SAMPLE_RATE, span.phone, span.start, span.stop)

    def opened(self, x: Signal) -> Signal:
        """Return some of the part as its filters let it through where they are widest open.

        Parameters
        ----------
        x : np.ndarray [shape=(2, n)], float32
            As it is played.
        """
        y, frames = x.copy(), -(-x.shape[1] // HOP) + 1
        sweep = self._filters(np.full(frames, self._open_hz, np.float32))
        if sweep is not None:
            sweep.pass_over(y, 0, y.shape[1])
        return y

    def _filters(self, cutoff: Signal | None) -> Sweep | None:
        if cutoff is None:
            cutoff = np.full(-(-self._n // HOP) + 1, 2 * OPEN_HZ, np.float32)
        if not (self._cuts_hz or self._side_cut_hz > 0.0 or float(cutoff.min()) < OPEN_HZ):
            return None
        return Sweep(
            SAMPLE_RATE, cutoff, highpass_hz=self._cuts_hz, side_highpass_hz=self._side_cut_hz
        )


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of a part that is replaced as a whole [samples]."""

    start: int
    stop: int
    phone: Effect | None
    event: Effect | None


def _places(effect: Effect, plan: Plan, n: int) -> tuple[int, int]:
    start, stop = (
        min(max(int(plan.score.seconds_at(effect[edge]) * SAMPLE_RATE), 0), n)
        for edge in ("start_beats", "end_beats")
    )
    return start, stop


class _Layer:
    """The granular octave of a part, where the plan opens it."""

    def __init__(self, octave: Octave, gain: Signal, channels: int, n: int) -> None:
        self._octave, self._gain = octave, gain
        self._sections = butterworth(4, OCTAVE_TOP_HZ, "lowpass", SAMPLE_RATE)
        self._state = np.zeros((len(self._sections), channels, 2), np.float32)
        self._dark = reel(channels, n)
        self._done = 0
        heard = np.flatnonzero(gain)
        self._from = max(int(heard[0]) * HOP - octave.behind - HOP, 0)
        self.ahead = octave.ahead + HOP

    @classmethod
    def of(cls, part: Part, plan: Plan, channels: int) -> _Layer | None:
        effect, curve = plan.effect("octave", part.name), plan.curve(part.name, "octave_db")
        if effect is None or curve is None:
            return None
        n = plan.score.n_samples
        gain = decibels(control(plan, curve, n))
        if not gain.any():
            return None
        grain = 4 * round(effect["grain_s"] * SAMPLE_RATE / 4)
        draws = rng(round(effect["stream"]), "grains", 0)
        return cls(Octave(n, draws, grain=grain, jitter=grain // 8), gain, channels, n)

    def add(self, x: Signal, start: int, stop: int) -> None:
        # What the octave is made of is kept apart before anything is added to it.
        first, last = max(self._done, self._from), min(stop + self.ahead, x.shape[1])
        if last > first:
            self._dark[:, first:last], self._state = cascade(
                self._sections, x[:, first:last], self._state
            )
            self._done = last
        gain = self._gain[start // HOP : -(-stop // HOP) + 1]
        for run in np.split(
            np.flatnonzero(gain), np.flatnonzero(np.diff(np.flatnonzero(gain)) > 1) + 1
        ):
            if not len(run):
                continue
            low = start + max(int(run[0]) - 1, 0) * HOP
            high = min(start + (int(run[-1]) + 1) * HOP, stop)
            if high > low:
                layer = self._octave.layer(self._dark, low, high)
                apply_gain(layer, gain[(low - start) // HOP :])
                x[:, low:high] += layer
        release(self._dark, 0, max(0, stop - self._octave.behind))


def tape(x: Signal, stem: str, plan: Plan, sample_rate: int = SAMPLE_RATE) -> None:
    """Let a whole stem's pitch waver, in place; see :class:`Tape`.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        The sum of the stem's parts; changed in place.
    stem, plan, sample_rate
        As in :class:`Tape`.
    """
    Tape(stem, plan, sample_rate, channels=len(x), n=x.shape[1]).play(x, 0, x.shape[1])


class Tape:
    """A stem's tape: its pitch wavers, and it slows down where the plan stops it.

    Parameters
    ----------
    stem : str
        Drums and bass never waver.
    plan : Plan
        Effects ``tape`` of the stem and ``tape_stop`` of ``"music"``, curve ``wobble`` of
        ``"music"``.
    sample_rate : int [Hz]
    channels : int > 0
    n : int >= 0, optional [samples]
        Length of the stem; by default the score's.

    Attributes
    ----------
    reach : int [samples]
        How far beyond a stretch it reads.
    """

    def __init__(
        self,
        stem: str,
        plan: Plan,
        sample_rate: int = SAMPLE_RATE,
        *,
        channels: int = 2,
        n: int | None = None,
    ) -> None:
        self._warp: Warp | None = None
        self._gain: Signal | None = None
        self.reach = 0
        machine, stop = plan.effect("tape", stem), plan.effect("tape_stop", "music")
        if stem == "space":
            stop = None  # a room rings on
        if stem in ("drums", "bass") or (machine is None and stop is None):
            return
        n = plan.score.n_samples if n is None else n
        delay = np.zeros(-(-n // HOP) + 1, np.float32)
        if machine is not None:
            wobble = plan.curve("music", "wobble")
            depth = np.ones_like(delay) if wobble is None else control(plan, wobble, n, sample_rate)
            delay += tape_delay(
                rng(round(machine["stream"]), "tape"),
                depth,
                wow_hz=machine["wow_hz"],
                wow_cents=machine["wow_cents"],
                flutter_hz=machine["flutter_hz"],
                flutter_cents=machine["flutter_cents"],
                sample_rate=sample_rate,
            )
        if stop is not None:
            delay += self._stopping(stop, plan, sample_rate, len(delay))
        self._warp = Warp(delay, channels=channels)
        self.reach = self._warp.reach

    def play(self, x: Signal, start: int, stop: int) -> None:
        """Play the next stretch of ``x`` [shape=(channels, n)], in place.

        It must be final up to ``stop + reach``; ``start`` is where the stretch before has ended, a
        multiple of the control's hop.
        """
        if self._warp is not None:
            self._warp.play(x, start, stop, x)
        if self._gain is not None:
            loops.ride(x[:, start:stop], self._gain[start // HOP :], HOP)

    def _stopping(self, stop: Effect, plan: Plan, sample_rate: int, frames: int) -> Signal:
        """Return how far a tape that is stopped lags behind, and have it fade out at the end."""
        start, end = (
            plan.score.seconds_at(stop[edge]) * sample_rate / HOP
            for edge in ("start_beats", "end_beats")
        )
        at = np.arange(frames)
        since = np.where((at >= start) & (at < end), at - start, 0.0)
        # What still lags behind would jump back: it is faded out, and the tape is in time again.
        left = (end - 1.0 - at) * HOP / (TAPE_END_S * sample_rate)
        gain = np.where(at <= end + 1.0, np.clip(left, 0.0, 1.0), 1.0)
        gain[at < start] = 1.0
        self._gain = gain.astype(np.float32)
        # Speed falls on a straight line, so the lag grows with the square of time.
        lag = HOP * (1.0 - stop["final_speed"]) * since**2 / (2.0 * (end - start))
        return np.asarray(lag, dtype=np.float32)


def _saturate(x: Signal, drive_db: float | Signal, peak: float, start: int, stop: int) -> None:
    """Bend the peaks softly, in place; quiet passages keep their level."""
    # The curve x (27 + x²) / (27 + 9 x²) follows tanh within 3 % up to 3.
    drive = np.empty(-(-x.shape[1] // HOP) + 1, np.float32)
    drive[:] = 10.0 ** (np.asarray(drive_db) / 20.0) * 0.5 / peak
    for first, last in _blocks(start, stop):
        if not silent(x[:, first:last]):
            loops.bend(x, drive, HOP, first, last)


def _crush(
    x: Signal, bits: int, hold: int, gain_db: float, peak: float, start: int, stop: int
) -> None:
    """Add a copy at fewer bits and a lower rate, in place."""
    step = np.float32(peak / 2 ** (bits - 1))
    gain = np.float32(10.0 ** (gain_db / 20.0))
    for first, last in _blocks(start, stop):
        block = x[:, first:last]
        if silent(block):
            continue
        held = np.repeat(block[:, ::hold], hold, axis=1)[:, : last - first]
        held /= step
        np.rint(held, out=held)
        held *= step * gain
        block += held


def _blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield stretches that fit the cache and start on a hop, as ``start`` does."""
    for first, last in blocks(stop - start):
        yield start + first, start + last


def _phone(x: Signal, sample_rate: int, effect: Effect, start: int, stop: int) -> None:
    """Put a stretch through a telephone, in place."""
    fade = min(int(PHONE_FADE_S * sample_rate), (stop - start) // 2)
    if fade <= 0 or silent(x[:, start:stop]):
        return
    dry = x[:, start:stop]
    band = (effect["low_hz"], effect["high_hz"])
    wet = filtered(dry, sample_rate, "bandpass", band, 2)
    amount = np.ones(stop - start, np.float32)
    amount[:fade] = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    amount[-fade:] = amount[:fade][::-1]
    wet -= dry
    wet *= amount
    dry += wet
