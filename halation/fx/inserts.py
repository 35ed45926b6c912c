"""What a part goes through before it is mixed; everything is read from the plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.dsp import loops
from halation.dsp.automation import HOP, apply_gain, blocks, decibels, silent
from halation.dsp.filters import filtered, lowpass
from halation.dsp.granular import octave_up
from halation.dsp.modulation import tape_delay, warp
from halation.dsp.sweeps import OPEN_HZ, swept
from halation.fx.events import happen, happening
from halation.fx.reading import combined, control, targets
from halation.seeds import rng
from halation.types import SAMPLE_RATE, Audio, AudioError, Effect, Part, Plan

__all__ = ["insert", "tape", "treat"]

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
    """Send a part through its effects, in place: filters, octave, saturation, bits, telephone.

    Parameters
    ----------
    x : np.ndarray [shape=(1 or 2, score.n_samples)], float32
        What the player made; changed in place.
    part : Part
    plan : Plan
        As :func:`halation.fx.plan` draws it, or read back from a song.json.
    low_cut_hz, side_cut_hz : float >= 0 [Hz]
        What the mix cuts besides: from the whole (12 dB/octave) and from the difference of the
        channels (24 dB/octave).

    Raises
    ------
    AudioError
        If the signal is not as long as the score.
    """
    if x.shape[1] != plan.score.n_samples:
        raise AudioError(
            f"the part {part.name!r} has {x.shape[1]} samples, the score {plan.score.n_samples}"
        )
    _filter(x, part, plan, low_cut_hz, side_cut_hz)
    _octave(x, SAMPLE_RATE, part, plan)
    saturation, crush, phone = (
        plan.effect(kind, part.name) for kind in ("saturation", "crush", "phone")
    )
    if saturation:
        drawn = plan.curve(part.name, "drive_db")
        drive_db = control(plan, drawn, x.shape[1]) if drawn else saturation["drive_db"]
        _saturate(x, drive_db)
    if crush:
        _crush(x, round(crush["bits"]), round(crush["hold"]), crush["gain_db"])
    if phone:
        _phone(x, SAMPLE_RATE, phone, plan)
    for event in happening(part, plan):
        happen(x, SAMPLE_RATE, event, plan.score)


def _filter(x: Signal, part: Part, plan: Plan, low_cut_hz: float, side_cut_hz: float) -> None:
    """Apply all high-passes and the lowest of the low-passes that mean the part, in one pass."""
    fixed = plan.effect("highpass", part.name)
    cutoff = combined(plan, targets(part), "cutoff_hz", np.minimum, x.shape[1])
    if cutoff is None:
        cutoff = np.full(-(-x.shape[1] // HOP) + 1, 2 * OPEN_HZ, np.float32)
    side_cut_hz = side_cut_hz if len(x) == 2 else 0.0
    cuts_hz = [hz for hz in (fixed["cutoff_hz"] if fixed else 0.0, low_cut_hz) if hz > 0.0]
    if cuts_hz or side_cut_hz > 0.0 or float(cutoff.min()) < OPEN_HZ:
        swept(x, SAMPLE_RATE, cutoff, highpass_hz=cuts_hz, side_highpass_hz=side_cut_hz, out=x)


def _octave(x: Signal, sample_rate: int, part: Part, plan: Plan) -> None:
    """Add a granular octave where the plan opens it, in place."""
    effect, curve = plan.effect("octave", part.name), plan.curve(part.name, "octave_db")
    if effect is None or curve is None:
        return
    gain = decibels(control(plan, curve, x.shape[1], sample_rate))
    heard = np.flatnonzero(gain)
    if not len(heard):
        return
    grain = 4 * round(effect["grain_s"] * sample_rate / 4)
    for run in np.split(heard, np.flatnonzero(np.diff(heard) > 1) + 1):
        first, last = max(int(run[0]) - 1, 0), int(run[-1]) + 1
        start, stop = first * HOP, min(last * HOP, x.shape[1])
        source = lowpass(x[:, start:stop], sample_rate, OCTAVE_TOP_HZ, 4)
        draws = rng(round(effect["stream"]), "grains", first)
        layer = octave_up(source, draws, grain=grain, jitter=grain // 8)
        apply_gain(layer, gain[first : last + 1])
        x[:, start:stop] += layer


def tape(x: Signal, stem: str, plan: Plan, sample_rate: int = SAMPLE_RATE) -> None:
    """Let a stem's pitch waver as its tape does, and slow down where the plan stops it, in place.

    Parameters
    ----------
    x : np.ndarray [shape=(channels, n)], float32
        The sum of the stem's parts; changed in place.
    stem : str
        Drums and bass never waver.
    plan : Plan
        Effects ``tape`` of the stem and ``tape_stop`` of ``"music"``, curve ``wobble`` of
        ``"music"``.
    sample_rate : int [Hz]
    """
    machine, stop = plan.effect("tape", stem), plan.effect("tape_stop", "music")
    if stem == "space":
        stop = None  # a room rings on
    if stem in ("drums", "bass") or (machine is None and stop is None):
        return
    n = x.shape[1]
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
        start, end = (
            plan.score.seconds_at(stop[edge]) * sample_rate / HOP
            for edge in ("start_beats", "end_beats")
        )
        at = np.arange(len(delay))
        since = np.where((at >= start) & (at < end), at - start, 0.0)
        # Speed falls on a straight line, so the lag grows with the square of time.
        delay += (HOP * (1.0 - stop["final_speed"]) * since**2 / (2.0 * (end - start))).astype(
            np.float32
        )
    warp(x, delay, out=x)
    if stop is not None:
        # What still lags behind would jump back: it is faded out, and the tape is in time again.
        left = (end - 1.0 - at) * HOP / (TAPE_END_S * sample_rate)
        gain = np.where(at <= end + 1.0, np.clip(left, 0.0, 1.0), 1.0)
        gain[at < start] = 1.0
        apply_gain(x, gain.astype(np.float32))


def _saturate(x: Signal, drive_db: float | Signal) -> None:
    """Bend the peaks softly, in place; quiet passages keep their level."""
    peak = loops.peak(x)
    if peak <= 0.0:
        return
    # The curve x (27 + x²) / (27 + 9 x²) follows tanh within 3 % up to 3.
    drive = np.empty(-(-x.shape[1] // HOP) + 1, np.float32)
    drive[:] = 10.0 ** (np.asarray(drive_db) / 20.0) * 0.5 / peak
    for start, stop in blocks(x.shape[1]):
        if not silent(x[:, start:stop]):
            loops.bend(x, drive, HOP, start, stop)


def _crush(x: Signal, bits: int, hold: int, gain_db: float) -> None:
    """Add a copy at fewer bits and a lower rate, in place."""
    peak = loops.peak(x)
    if peak <= 0.0:
        return
    step = np.float32(peak / 2 ** (bits - 1))
    gain = np.float32(10.0 ** (gain_db / 20.0))
    for start, stop in blocks(x.shape[1]):
        block = x[:, start:stop]
        if silent(block):
            continue
        held = np.repeat(block[:, ::hold], hold, axis=1)[:, : stop - start]
        held /= step
        np.rint(held, out=held)
        held *= step * gain
        block += held


def _phone(x: Signal, sample_rate: int, effect: Effect, plan: Plan) -> None:
    """Put a stretch through a telephone, in place."""
    start, stop = (
        min(int(plan.score.seconds_at(effect[edge]) * sample_rate), x.shape[1])
        for edge in ("start_beats", "end_beats")
    )
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
