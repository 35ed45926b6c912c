"""Speed of the building blocks, each on a minute of stereo; part of ``make bench``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from halation.dsp import (
    automation,
    dynamics,
    filters,
    granular,
    loudness,
    modulation,
    reverbs,
    sweeps,
)
from halation.files import audio
from halation.types import SAMPLE_RATE, Audio

SECONDS = 60
SIZE = SECONDS * SAMPLE_RATE
NOISE = (0.1 * np.random.default_rng(0).standard_normal((2, SIZE))).astype(np.float32)
HOPS = -(-SIZE // automation.HOP) + 1
GAIN = np.linspace(0.5, 0.9, HOPS, dtype=np.float32)
CUTOFF = np.geomspace(400.0, 8_000.0, HOPS).astype(np.float32)
LAG = (20 * np.sin(np.arange(HOPS) / 40)).astype(np.float32)
RESPONSE = reverbs.impulse_response(
    np.random.default_rng(1), t60_s=4.0, predelay_s=0.03, sample_rate=SAMPLE_RATE // 2
)

BLOCKS: dict[str, Callable[[], Any]] = {
    "gain": lambda: automation.apply_gain(NOISE.copy(), GAIN),
    "highpass": lambda: filters.highpass(NOISE, SAMPLE_RATE, 150.0),
    "halved": lambda: filters.halved(NOISE),
    "moving low-pass": lambda: sweeps.swept(NOISE, SAMPLE_RATE, CUTOFF),
    "octave up": lambda: granular.octave_up(NOISE, np.random.default_rng(0)),
    "tape": lambda: modulation.warp(NOISE, LAG),
    "hall": lambda: reverbs.convolved([(filters.halved(NOISE), RESPONSE)], SIZE // 2),
    "saturation": lambda: dynamics.saturate(NOISE.copy(), 0.2),
    "loudness": lambda: loudness.integrated(NOISE),
    "true peak": lambda: loudness.true_peak(NOISE),
    "MP3": lambda: audio.mp3(Audio(NOISE)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_block(benchmark: Any, name: str) -> None:
    benchmark.extra_info["audio_s"] = SECONDS
    benchmark.pedantic(BLOCKS[name], rounds=5, warmup_rounds=1)
