"""Pipelines of the diffusers library: loading them, calling them, watching them work.

A :class:`Kind` describes a model of the library: how its pipeline is called, how long it can play,
and what it goes on from or follows; a :class:`Checkpoint` plays any of them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation.stems.neural import devices
from halation.stems.neural.performance import Request
from halation.types import SAMPLE_RATE, BackendError

__all__ = [
    "LENGTHS",
    "MARKER",
    "SPARE_S",
    "Checkpoint",
    "Kind",
    "Words",
    "line",
    "pipeline",
    "pipeline_name",
    "watching",
]

Signal = NDArray[np.float32]
Words = dict[str, Any]
"""The arguments of a pipeline's call."""

MARKER: Final = "model_index.json"
"""The file by which a folder is known to hold a pipeline."""
LENGTHS: Final = (
    *("audio_length_in_s", "audio_end_in_s", "audio_duration_s"),
    *("audio_duration", "duration"),
)
"""What the pipelines of the library call the length of the sound that they are asked for."""
SPARE_S: Final = 0.1
"""Pipelines round the length down to whole frames."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a model of the library is played.

    Parameters
    ----------
    pipeline : str
        The library's class, by which a folder is known.
    words : function
        Says a request in the words of the pipeline's call.
    longest_s : function
        Of the pipeline: what it can do in one go [s].
    task : str
        What must be asked for after the player's colon; empty for what it does otherwise.
    memory_s : float >= 0 [s]
        How much of what has sounded the words use.
    repeats : bool
        Whether an answer begins with all that was given of what has sounded.
    goes_on_by : str
        The library's class that plays, with the same weights, where something has sounded.
    follows : str
        What it wants of our own synthesis.
    half : str
        Number type on a graphics card.
    """

    pipeline: str
    words: Callable[[Request, Checkpoint], Words]
    longest_s: Callable[[Any], float]
    task: str = ""
    memory_s: float = 0.0
    repeats: bool = False
    goes_on_by: str = ""
    follows: Literal["", "song"] = ""
    half: str = "float16"


class Checkpoint:
    """A pipeline in memory that plays in one way.

    Parameters
    ----------
    plays : diffusers.DiffusionPipeline
    name : str
        What it is called in messages.
    kind : Kind

    Raises
    ------
    BackendError
        If it is a pipeline for something other than sound.
    """

    def __init__(self, plays: Any, name: str, kind: Kind) -> None:
        self.name, self.plays, self._kind = name, plays, kind
        self.sample_rate = _rate(plays, name)
        self.longest_s = kind.longest_s(plays)
        self.memory_s = kind.memory_s
        self.follows = kind.follows
        self._goes_on = _sibling(plays, kind.goes_on_by) if kind.goes_on_by else plays

    def play(self, request: Request) -> Signal:
        """Answer from the overlap's beginning.

        Returns
        -------
        np.ndarray [shape=(1 or 2, n)], float32

        Raises
        ------
        BackendError
            If the pipeline refuses, or memory runs out.
        """
        import torch

        request.step(0.0)
        request = replace(request, before=self._sounding(request))
        plays = self._goes_on if request.before.shape[1] else self.plays
        words = self._kind.words(request, self) | watching(plays, request.step)
        # Drawn on the processor, so that a seed means the same on every device.
        words["generator"] = torch.Generator().manual_seed(request.seed)
        with (
            devices.fitting(self.name),
            devices.seeded(request.seed),
            devices.quiet("diffusers", "transformers"),
        ):
            try:
                x = _sound(plays(**words).audios)
            except (ValueError, TypeError, RuntimeError) as error:
                if "memory" in str(error):
                    raise
                raise BackendError(f"{self.name} cannot play this: {line(error)}") from error
        return x[:, self.begins(request) :]

    def _sounding(self, request: Request) -> Signal:
        """Return what has sounded without the silence before it."""
        loud = np.flatnonzero(np.abs(request.before).max(axis=0, initial=0.0) > 1e-4)
        if not len(loud):
            return request.before[:, :0]
        spare = request.before.shape[1] - round(request.overlap_s * self.sample_rate)
        return request.before[:, max(0, min(spare, int(loud[0]))) :]

    def begins(self, request: Request) -> int:
        """Return the sample of the pipeline's sound at which the overlap begins."""
        if not self._kind.repeats:
            return 0
        return max(0, int(request.before.shape[1]) - round(request.overlap_s * self.sample_rate))

    def length_s(self, request: Request) -> float:
        """Return how long a sound the pipeline is asked for, what it repeats included [s]."""
        count = self.begins(request) + request.n_samples(self.sample_rate)
        return count / self.sample_rate + SPARE_S

    def padded(self, x: Signal, length_s: float) -> Any:
        """Return a sound as a tensor, shape (2, n), cut or with silence up to a length."""
        import torch

        count = round(length_s * self.sample_rate)
        y = np.zeros((2, count), np.float32)
        y[:, : x.shape[1]] = x[:, :count]
        return torch.from_numpy(y)

    def source(self, request: Request) -> Signal:
        """Return what our own synthesis plays, at the model's rate, shape (2, n)."""
        from pedalboard.io import StreamResampler

        assert request.source is not None  # perform() renders it for who follows something
        if self.sample_rate == SAMPLE_RATE:
            return request.source
        resampler = StreamResampler(float(SAMPLE_RATE), float(self.sample_rate), 2)
        x = np.ascontiguousarray(request.source)
        return np.concatenate([resampler.process(x), resampler.process(None)], axis=1)


def pipeline_name(folder: Path) -> str:
    """Return the library's class that a folder was saved by, empty where that is not said."""
    try:
        index = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return str(index["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


@devices.held
def pipeline(folder: Path, name: str, half: str, without: tuple[str, ...] = ()) -> Any:
    """Load a pipeline from its folder alone; the last one is kept in memory.

    Parameters
    ----------
    folder : Path
        As ``save_pretrained`` writes it, with weights as safetensors.
    name : str
        What it is called in messages.
    half : str
        Number type on a graphics card.
    without : tuple of str
        Components that are left out.

    Returns
    -------
    diffusers.DiffusionPipeline
        On the device where models run.

    Raises
    ------
    BackendError
        If the folder holds something else or is damaged, the installed library does not know the
        pipeline, or memory runs out.
    """
    import torch
    from safetensors import SafetensorError

    dtype = getattr(torch, half) if devices.device() == "cuda" else torch.float32
    with devices.fitting(name), devices.quiet("diffusers", "transformers"):
        from diffusers import DiffusionPipeline

        try:
            found = DiffusionPipeline.from_pretrained(
                folder,
                local_files_only=True,
                torch_dtype=dtype,
                **dict.fromkeys(without),
            )
        except (
            *(OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError),
            *(ImportError, SafetensorError),
        ) as error:
            if "memory" in str(error):
                raise
            raise BackendError(
                f"{str(folder)!r} holds no pipeline that loads: {line(error)}"
            ) from error
        found.set_progress_bar_config(disable=True)
        return found.to(devices.device())


def watching(plays: Any, step: Callable[[float], None]) -> Words:
    """Return the words by which a pipeline tells, with every step, how far it is.

    Parameters
    ----------
    plays : diffusers.DiffusionPipeline
    step : function of float
        Told the share that is done; what it raises comes out of the pipeline's call.
    """

    def done(number: int) -> None:
        step(min(1.0, (number + 1) / max(1, len(plays.scheduler.timesteps))))

    def at_step_end(_plays: Any, number: int, _timestep: Any, tensors: Words) -> Words:
        done(number)
        return tensors

    known = inspect.signature(plays.__call__).parameters
    if "callback_on_step_end" in known:
        return {"callback_on_step_end": at_step_end}
    if "callback" in known:  # the library's older way
        return {"callback": lambda number, _timestep, _latents: done(number)}
    return {}


def _sibling(plays: Any, name: str) -> Any:
    """Return another pipeline of the library around the same components."""
    import diffusers

    found = getattr(diffusers, name)(**plays.components)
    found.set_progress_bar_config(disable=True)
    return found


def _rate(plays: Any, name: str) -> int:
    """Return the sample rate of a pipeline that makes sound when told how long [Hz]."""
    known = inspect.signature(plays.__call__).parameters
    parts = (getattr(plays, part, None) for part in ("vocoder", "vae"))
    places = (plays, *(getattr(part, "config", None) for part in parts))
    words = ("sample_rate", "sampling_rate")
    rates = [getattr(place, word, None) for place in places for word in words]
    for rate in rates:
        if isinstance(rate, int) and any(word in known for word in LENGTHS):
            return rate
    raise BackendError(f"{name} is a {type(plays).__name__}: that makes no sound from words")


def _sound(audios: Any) -> Signal:
    """Return the first of a pipeline's sounds, shape (1 or 2, n)."""
    first = audios[0]
    x = np.asarray(first.float().cpu().numpy() if hasattr(first, "cpu") else first, np.float32)
    return x[None] if x.ndim == 1 else x[:2]


def line(error: Exception) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(error).split())[:160]
