"""What a part goes through before it is mixed; everything is read from the plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from halation.dsp.automation import HOP, apply_gain, blocks, decibels, ramp, silent
from halation.dsp.filters import filtered, lowpass
from halation.dsp.modulation import tape_delay, warp
from halation.dsp.spectral import OPEN_HZ, octave_up, swept
from halation.fx.events import happen, happening
from halation.fx.reading import combined, control, targets
from halation.seeds import rng
from halation.types import Audio, AudioError, Effect, Part, Plan

__all__ = ["insert"]

PHONE_FADE_S = 0.02
OCTAVE_TOP_HZ = 5_000.0
"""What is shifted up is low-passed here first, so that nothing folds back."""

Signal = NDArray[np.float32]


def insert(audio: Audio, part: Part, plan: Plan) -> Audio:
    """Send a part through its effects: filters, octave, tape, saturation, bits, telephone.

    Parameters
    ----------
    audio : Audio [shape=(1 or 2, score.n_samples)]
        What the player made.
    part : Part
    plan : Plan
        As :func:`halation.fx.plan` draws it, or read back from a song.json.

    Returns
    -------
    Audio of the same shape; the very same object where the plan has nothing for the part.

    Raises
    ------
    AudioError
        If the audio is not as long as the score.
    """
    if audio.n_samples != plan.score.n_samples:
        raise AudioError(
            f"the part {part.name!r} has {audio.n_samples} samples, "
            f"the score {plan.score.n_samples}"
        )
    x = _filter(audio.samples, audio.sample_rate, part, plan)
    x = _octave(x, audio.sample_rate, part, plan)
    x = _tape(x, audio.sample_rate, part, plan)
    shaped = [plan.effect(kind, part.name) for kind in ("saturation", "crush", "phone")]
    events = happening(part, plan)
    if (any(shaped) or events) and x is audio.samples:
        x = _copied(x)
    saturation, crush, phone = shaped
    if saturation:
        drawn = plan.curve(part.name, "drive_db")
        drive_db = control(plan, drawn, x.shape[1]) if drawn else saturation["drive_db"]
        _saturate(x, drive_db)
    if crush:
        _crush(x, round(crush["bits"]), round(crush["hold"]), crush["gain_db"])
    if phone:
        _phone(x, audio.sample_rate, phone, plan)
    for event in events:
        happen(x, audio.sample_rate, event, plan.score)
    return audio if x is audio.samples else Audio.take(x, audio.sample_rate)


def _copied(x: Signal) -> Signal:
    """Return a copy whose silent stretches take no memory."""
    out = np.zeros(x.shape, np.float32)
    for start, stop in blocks(x.shape[1]):
        if not silent(x[:, start:stop]):
            out[:, start:stop] = x[:, start:stop]
    return out


def _filter(x: Signal, sample_rate: int, part: Part, plan: Plan) -> Signal:
    """Apply the part's high-pass and the lowest of the low-passes that mean it."""
    fixed = plan.effect("highpass", part.name)
    cutoff = combined(plan, targets(part), "cutoff_hz", np.minimum, x.shape[1], sample_rate)
    if cutoff is None:
        cutoff = np.full(-(-x.shape[1] // HOP) + 1, 2 * OPEN_HZ, np.float32)
    if fixed is None and float(cutoff.min()) >= OPEN_HZ:
        return x
    return swept(x, sample_rate, cutoff, highpass_hz=fixed["cutoff_hz"] if fixed else 0.0)


def _octave(x: Signal, sample_rate: int, part: Part, plan: Plan) -> Signal:
    """Add a granular octave where the plan opens it."""
    effect, curve = plan.effect("octave", part.name), plan.curve(part.name, "octave_db")
    if effect is None or curve is None:
        return x
    gain = decibels(control(plan, curve, x.shape[1], sample_rate))
    heard = np.flatnonzero(gain)
    if not len(heard):
        return x
    out = _copied(x)
    grain = 4 * round(effect["grain_s"] * sample_rate / 4)
    for run in np.split(heard, np.flatnonzero(np.diff(heard) > 1) + 1):
        first, last = max(int(run[0]) - 1, 0), int(run[-1]) + 1
        start, stop = first * HOP, min(last * HOP, x.shape[1])
        source = lowpass(x[:, start:stop], sample_rate, OCTAVE_TOP_HZ, 4)
        draws = rng(round(effect["stream"]), "grains", first)
        layer = octave_up(source, draws, grain=grain, jitter=grain // 8)
        apply_gain(layer, gain[first : last + 1])
        out[:, start:stop] += layer
    return out


def _tape(x: Signal, sample_rate: int, part: Part, plan: Plan) -> Signal:
    """Let pitch waver as the stem's tape does, and slow down where the plan stops it."""
    tape, stop = plan.effect("tape", part.stem), plan.effect("tape_stop", "music")
    if part.stem in ("drums", "bass") or (tape is None and stop is None):
        return x
    n = x.shape[1]
    delay = np.zeros(-(-n // HOP) + 1, np.float32)
    if tape is not None:
        wobble = plan.curve("music", "wobble")
        depth = np.ones_like(delay) if wobble is None else control(plan, wobble, n, sample_rate)
        delay += tape_delay(
            rng(round(tape["stream"]), "tape"),
            depth,
            wow_hz=tape["wow_hz"],
            wow_cents=tape["wow_cents"],
            flutter_hz=tape["flutter_hz"],
            flutter_cents=tape["flutter_cents"],
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
    return warp(x, delay, out=x if x.flags.writeable else None)


def _saturate(x: Signal, drive_db: float | Signal) -> None:
    """Bend the peaks softly, in place; quiet passages keep their level."""
    peak = max(float(x.max(initial=0.0)), -float(x.min(initial=0.0)))
    if peak <= 0.0:
        return
    # The curve x (27 + x²) / (27 + 9 x²) follows tanh within 3 % up to 3.
    bend = np.asarray(10.0 ** (np.asarray(drive_db) / 20.0) * 0.5 / peak, dtype=np.float32)
    for start, stop in blocks(x.shape[1]):
        block = x[:, start:stop]
        if silent(block):
            continue
        scale = ramp(bend, HOP, start, stop) if bend.ndim else bend
        square = (block * scale) ** 2
        block *= (27.0 + square) / (27.0 + 9.0 * square)


def _crush(x: Signal, bits: int, hold: int, gain_db: float) -> None:
    """Add a copy at fewer bits and a lower rate, in place."""
    peak = max(float(x.max(initial=0.0)), -float(x.min(initial=0.0)))
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
