"""Riffusion as a player: a picture model whose pictures are spectrograms.

Each picture shows 5.12 s: time from left to right, pitch on the mel scale from bottom to top, the
louder the darker. The first is drawn from words; each further one begins with the end of the last,
which stays, and goes on with a sketch of what came whole beats before, which is drawn anew. All are
joined as pictures, and become sound together, so that there is no seam to hear.

Forsgren & Martiros, "Riffusion: Stable diffusion for real-time music generation", 2022.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation.seeds import rng
from halation.stems.neural import devices, prompts
from halation.stems.neural.diffusion import Diffusion
from halation.stems.neural.performance import Model, Request
from halation.stems.neural.pipelines import line, pipeline, watching
from halation.types import SAMPLE_RATE, BackendError

__all__ = ["Checkpoint", "Riffusion", "ink_of", "sound_of"]

Signal = NDArray[np.float32]

SIZE: Final = 512
"""Rows and columns of a picture."""
HOP: Final = 441
"""Samples of a column: 10 ms."""
WINDOW: Final = 4_410
PADDED: Final = 17_640
"""Length of the transform that the mel bands are sums of."""
TOP_HZ: Final = 10_000.0
POWER: Final = 0.25
"""A picture's ink is the amplitude to this power."""
LOUDEST: Final = 300.0
"""Amplitude of full ink where nothing has sounded yet."""
OVERLAP: Final = 128
"""Columns of the last picture that the next one begins with."""
LONGEST_S: Final = 40.0
"""Pictures go on from one another for ever; this is how often something can be heard."""
MEMORY_S: Final = 5.12
STEPS: Final = 50
GUIDANCE: Final = 7.0
REDRAWN: Final = 0.75
"""How far what a picture goes on with may lie from the sketch of it; 1 is all the way."""
ITERATIONS: Final = 32
MOMENTUM: Final = 0.99
SHARPENINGS: Final = 12
_FADED: Final = 2.0 / POWER
_DRAWING: Final = 0.9
"""Share of the time that is spent on drawing, about."""


class Riffusion(Diffusion):
    """Plays a stem or a whole song by drawing its spectrogram."""

    description = replace(
        Diffusion.description,
        summary="Riffusion plays a stem or the whole song by drawing its spectrogram: "
        "--player all=riffusion (or a folder after a colon)",
        licence="CreativeML OpenRAIL-M",
        commercial=True,
        weights="riffusion-v1",
    )
    family = "riffusion"
    default = "riffusion-v1"
    pipelines = ("StableDiffusionPipeline",)

    def load(self, folder: Path, name: str) -> Model:
        """Return the checkpoint of a folder; the last one is kept in memory."""
        # What finds nudity in photographs has no business here.
        without = ("safety_checker", "feature_extractor")
        return Checkpoint(pipeline(folder, name, "float16", without), name)


class Checkpoint:
    """A picture model in memory.

    Parameters
    ----------
    draws : diffusers.StableDiffusionPipeline
    name : str
        What it is called in messages.
    """

    sample_rate = SAMPLE_RATE
    longest_s = LONGEST_S
    memory_s = MEMORY_S
    follows: Literal[""] = ""

    def __init__(self, draws: Any, name: str) -> None:
        self.name, self._draws = name, draws
        with devices.quiet("diffusers", "transformers"):
            from diffusers import StableDiffusionInpaintPipeline

            self._goes_on = StableDiffusionInpaintPipeline(
                **draws.components, requires_safety_checker=False
            )
        self._goes_on.set_progress_bar_config(disable=True)

    def play(self, request: Request) -> Signal:
        """Draw as many pictures as the answer is long, and let them sound as one.

        Returns
        -------
        np.ndarray [shape=(1, n)], float32
        """
        import torch

        request.step(0.0)
        columns = request.before.shape[1] // HOP
        heard = request.before[:, request.before.shape[1] - columns * HOP :].mean(axis=0)
        ink, loudest = ink_of(heard) if columns else (np.zeros((SIZE, 0), np.float32), 0.0)
        if not loudest:
            ink, heard, loudest = ink[:, :0], heard[:0], LOUDEST
        begin = max(0, len(heard) - round(request.overlap_s * SAMPLE_RATE))
        need = begin + request.n_samples(SAMPLE_RATE)
        generator = torch.Generator().manual_seed(request.seed)
        n_columns = need // HOP + 2
        count = int(np.ceil((n_columns - max(ink.shape[1], OVERLAP)) / (SIZE - OVERLAP)))
        for number in range(count):
            step = partial(_share, request.step, number / count, 1.0 / count)
            ink = self._drawn_on(ink, request, generator, step, kept=len(heard) // HOP)
        draws = rng(request.seed, "phases")
        step = partial(_share, request.step, 1.0, 0.0)
        x = sound_of(ink[:, :n_columns], loudest, heard=heard, draws=draws, step=step)
        return x[None, begin:need]

    def _drawn_on(
        self,
        ink: Signal,
        request: Request,
        generator: Any,
        step: Callable[[float], None],
        kept: int,
    ) -> Signal:
        """Return a picture that is longer by another one; so many columns stay as they are."""
        from PIL import Image

        words: dict[str, Any] = {
            "prompt": request.prompt,
            "negative_prompt": prompts.NEGATIVE,
            "num_inference_steps": STEPS,
            "guidance_scale": GUIDANCE,
            "height": SIZE,
            "width": SIZE,
            "generator": generator,
            "output_type": "np",
        }
        draws = self._draws
        overlap = min(OVERLAP, ink.shape[1])
        if overlap:
            draws = self._goes_on
            beat = 60.0 / request.tempo_bpm * SAMPLE_RATE / HOP
            sketch = 255.0 * (1.0 - _sketched(ink, overlap, beat)[::-1])
            white = np.zeros((SIZE, SIZE), np.uint8)
            white[:, overlap:] = 255
            words["image"] = Image.fromarray(np.rint(sketch).astype(np.uint8)).convert("RGB")
            words["mask_image"] = Image.fromarray(white)
            words["strength"] = REDRAWN
        with (
            devices.fitting(self.name),
            devices.seeded(request.seed),
            devices.quiet("diffusers", "transformers"),
        ):
            try:
                picture = draws(**words, **watching(draws, step)).images[0]
            except (ValueError, TypeError, RuntimeError) as error:
                if "memory" in str(error):
                    raise
                raise BackendError(f"{self.name} cannot draw this: {line(error)}") from error
        new = 1.0 - np.asarray(picture, np.float64).mean(axis=2)[::-1]
        start = ink.shape[1] - overlap
        into = np.linspace(0.0, 1.0, overlap)
        into[: max(0, kept - start)] = 0.0
        # Faded by power, so that what differs leaves no hole.
        last = ink[:, start:] ** _FADED * (1.0 - into) + new[:, :overlap] ** _FADED * into
        parts = (ink[:, :start], last ** (1.0 / _FADED), new[:, overlap:])
        return np.concatenate(parts, axis=1).astype(np.float32)


def ink_of(x: Signal) -> tuple[Signal, float]:
    """Return the picture of a sound, without colours.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
        At 44.1 kHz.

    Returns
    -------
    ink : np.ndarray [shape=(512, n // 441)], float32
        0 … 1, the lowest band first.
    loudest : float
        Amplitude of full ink; 0 for silence.
    """
    from scipy.fft import rfft

    count = len(x) // HOP
    frames = _frames(x, count) * _window()
    bands = np.empty((SIZE, count), np.float32)
    filters = _filters()
    for start in range(0, count, SIZE):
        spectrum = np.abs(rfft(frames[start : start + SIZE], PADDED, axis=1))
        bands[:, start : start + SIZE] = filters @ spectrum[:, : filters.shape[1]].T
    loudest = float(bands.max(initial=0.0))
    if loudest < 1e-3:
        return np.zeros_like(bands), 0.0
    return (bands / loudest) ** np.float32(POWER), loudest


def sound_of(
    ink: Signal,
    loudest: float,
    *,
    heard: Signal,
    draws: np.random.Generator,
    step: Callable[[float], None] = lambda _share: None,
) -> Signal:
    """Return the sound of a picture, which goes on from what has sounded in phase.

    Parameters
    ----------
    ink : np.ndarray [shape=(512, columns)], float32
        0 … 1, the lowest band first.
    loudest : float > 0
        Amplitude of full ink.
    heard : np.ndarray [shape=(n,)], float32
        What the picture begins with, so that its waveform is known; n may be 0.
    draws : np.random.Generator
        Of the phases that the search begins with.
    step : function of float
        Told the share that is done.

    Returns
    -------
    np.ndarray [shape=(441 columns,)], float32

    References
    ----------
    Griffin & Lim, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP
    32(2), 1984; with momentum: Perraudin, Balazs & Søndergaard, "A fast Griffin-Lim algorithm",
    WASPAA 2013.
    """
    from scipy.fft import irfft, rfft

    amplitude = _amplitudes(np.clip(ink, 0.0, 1.0) ** np.float32(1.0 / POWER) * loudest)
    count = ink.shape[1]
    turns = draws.uniform(0.0, 2.0 * np.pi, amplitude.shape).astype(np.float32)
    guess = (amplitude * np.exp(1j * turns)).astype(np.complex64)
    last = np.zeros_like(guess)
    for number in range(ITERATIONS):
        x = _joined(irfft(guess, WINDOW, axis=1), count)
        x[: len(heard)] = heard[: len(x)]
        found = rfft(_frames(x, count) * _window(), axis=1)
        guess = found + np.float32(MOMENTUM) * (found - last)
        last = found
        guess *= amplitude / np.maximum(np.abs(guess), 1e-9)
        step((number + 1) / ITERATIONS)
    return _joined(irfft(guess, WINDOW, axis=1), count)


def _sketched(ink: Signal, overlap: int, beat: float) -> Signal:
    """Return the end of a picture, and after it what came whole beats before, to be drawn over."""
    end = ink.shape[1]
    column = end - overlap + np.arange(SIZE)
    back = np.ceil((SIZE - overlap) / beat) * beat
    after = np.maximum(0, column - end + 1)
    column = column - np.rint(np.ceil(after / back) * back).astype(int)
    return ink[:, column % end]


def _share(step: Callable[[float], None], at: float, of: float, share: float) -> None:
    """Tell how far the whole is: drawing first, and the phases last."""
    if of:
        step(_DRAWING * (at + of * share))
    else:
        step(_DRAWING + (1.0 - _DRAWING) * share)


@cache
def _window() -> Signal:
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@cache
def _filters() -> Signal:
    """Return the mel bands, shape (512, bins): triangles of height 1 on HTK's scale.

    References
    ----------
    Young et al., "The HTK Book", 2006, section 5.4.
    """
    hz = np.arange(int(TOP_HZ * PADDED / SAMPLE_RATE) + 1) * SAMPLE_RATE / PADDED
    top_mel = 2595.0 * np.log10(1.0 + TOP_HZ / 700.0)
    edges = 700.0 * (10.0 ** (np.linspace(0.0, top_mel, SIZE + 2) / 2595.0) - 1.0)
    up = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    return np.maximum(0.0, np.minimum(up, down)).astype(np.float32)


def _amplitudes(bands: Signal) -> Signal:
    """Return spectra whose mel bands are given, shape (columns, window // 2 + 1).

    References
    ----------
    Lee & Seung, "Algorithms for non-negative matrix factorization", NIPS 2000: their update for
    one factor, which stays positive.
    """
    filters = _filters()
    weight = np.maximum(filters.sum(axis=0), 1e-3)[:, None]
    fine = filters.T @ (bands / filters.sum(axis=1, keepdims=True)) / weight
    for _ in range(SHARPENINGS):
        fine *= (filters.T @ (bands / np.maximum(filters @ fine, 1e-9))) / weight
    # Every fourth bin of the long transform is one of the window's own.
    found = np.zeros((bands.shape[1], WINDOW // 2 + 1), np.float32)
    own = fine[:: PADDED // WINDOW].T
    found[:, : own.shape[1]] = own
    return found


def _frames(x: Signal, count: int) -> Signal:
    """Return windows of a sound whose middles lie a column apart, shape (count, WINDOW)."""
    half = WINDOW // 2
    padded = np.pad(x, (half, half + max(0, count * HOP - len(x))))
    windows: Signal = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)
    return windows[: count * HOP : HOP]


def _joined(frames: NDArray[Any], count: int) -> Signal:
    """Add windows up again to the sound that fits them best, shape (441 count,)."""
    parts = WINDOW // HOP
    window = _window()
    total = np.zeros((count + parts, HOP), np.float32)
    weight = np.zeros((count + parts, HOP), np.float32)
    for part in range(parts):
        piece = slice(part * HOP, (part + 1) * HOP)
        total[part : part + count] += frames[:, piece] * window[piece]
        weight[part : part + count] += window[piece] ** 2
    x = (total / np.maximum(weight, 1e-3)).reshape(-1)
    half = WINDOW // 2
    return x[half : half + count * HOP].astype(np.float32)
