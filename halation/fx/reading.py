"""From a plan's curves, in beats, to controls at a rate."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from halation.dsp.automation import HOP, duck_curve, values
from halation.types import SAMPLE_RATE, WHOLE_SONG, Curve, Effect, Part, Plan

__all__ = ["combined", "control", "duck", "targets"]

Signal = NDArray[np.float32]


def targets(part: Part) -> tuple[str, ...]:
    """Return the names under which a plan may mean a part, each once.

    Examples
    --------
    >>> targets(Part("bells", "keys", "synth", "celesta", ()))
    ('bells', 'keys', 'music', 'all')
    >>> targets(Part("bass", "bass", "synth", "808", ()))
    ('bass', 'all')
    """
    music = () if part.stem in ("drums", "bass", WHOLE_SONG) else ("music",)
    return tuple(dict.fromkeys((part.name, part.stem, *music, "all")))


def control(
    plan: Plan, curve: Curve, n_samples: int, sample_rate: int = SAMPLE_RATE, hop: int = HOP
) -> Signal:
    """Read one curve at control rate; frequencies move in octaves.

    Returns
    -------
    np.ndarray [shape=(ceil(n_samples / hop) + 1,)], float32
    """
    times_s = [plan.score.seconds_at(beats) for beats in curve.times_beats]
    log = curve.parameter.endswith("_hz")
    return values(times_s, curve.values, n_samples, hop, log=log, sample_rate=sample_rate)


def combined(
    plan: Plan,
    names: Iterable[str],
    parameter: str,
    operation: np.ufunc,
    n_samples: int,
    sample_rate: int = SAMPLE_RATE,
) -> Signal | None:
    """Read one parameter of several targets and combine them (``np.minimum``, ``np.add`` …).

    Returns
    -------
    np.ndarray or None
        None where no target has such a curve.
    """
    total: Signal | None = None
    for name in names:
        curve = plan.curve(name, parameter)
        if curve is None:
            continue
        read = control(plan, curve, n_samples, sample_rate)
        total = read if total is None else operation(total, read)
    return total


def duck(plan: Plan, effect: Effect, n_samples: int, sample_rate: int = SAMPLE_RATE) -> Signal:
    """Return the gain of a ``duck`` effect under the song's kicks and 808s."""
    gain = duck_curve(
        plan.score.hits_s,
        n_samples,
        depth_db=effect["depth_db"],
        attack_s=effect["attack_s"],
        release_s=effect["release_s"],
        sample_rate=sample_rate,
    )
    curve = plan.curve(effect.target, "duck_db")
    if curve is not None and effect["depth_db"] > 0.0:
        gain **= control(plan, curve, n_samples, sample_rate) / np.float32(effect["depth_db"])
    return gain
