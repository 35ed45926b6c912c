"""Models of the diffusers library as players: ACE-Step, Stable Audio, and whatever else it loads.

One adapter serves them all (:mod:`pipelines`). A new model costs a row in :data:`KINDS`; none at
all if its pipeline is called in the library's most common words.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.stems.neural import prompts, sketch
from halation.stems.neural.performance import Model, Request
from halation.stems.neural.pipelines import (
    LENGTHS,
    MARKER,
    SPARE_S,
    Checkpoint,
    Kind,
    Words,
    pipeline,
    pipeline_name,
)
from halation.stems.neural.player import ModelPlayer
from halation.types import WHOLE_SONG, BackendError, Part, Score

__all__ = ["KINDS", "AceStep", "Diffusion", "StableAudio"]

Signal = NDArray[np.float32]

ACE_STEP_SHORTEST_S: Final = 10.0
"""What is shorter it has not learned."""
ACE_STEP_TURBO: Final = (8, 1.0)
"""Steps and guidance of the distilled checkpoints."""
ACE_STEP_BASE: Final = (32, 7.0)
TRACKS: Final = {
    "drums": "drums",
    "bass": "bass",
    "pads": "synth",
    "keys": "keyboard",
    "lead": "synth",
    "vocals": "vocals",
    "textures": "fx",
}
"""What ACE-Step calls our stems."""
STABLE_AUDIO_OPEN: Final = (100, 7.0)


def _ace_step(request: Request, model: Checkpoint, task: str = "") -> Words:
    """Ask for text2music, a continuation by repainting silence, a cover, or one more track."""
    turbo = bool(model.plays.is_turbo)
    if turbo and task == "lego":
        raise BackendError(
            f"{model.name} is a turbo checkpoint, and lego needs a base one: ace-step-1.5-base"
        )
    steps, guidance = ACE_STEP_TURBO if turbo else ACE_STEP_BASE
    length_s = _whole_frames_s(
        max(ACE_STEP_SHORTEST_S, model.length_s(request)), model.plays.latents_per_second
    )
    sung = not request.instrumental and request.stem in (WHOLE_SONG, "vocals")
    words: Words = {
        "prompt": request.prompt,
        "lyrics": "" if sung else "[Instrumental]",
        "audio_duration": length_s,
        "bpm": round(request.tempo_bpm / 2.0),  # as it is felt, and as the prompt says
        "keyscale": f"{request.key.spell(request.key.tonic)} "
        + ("minor" if request.key.minor else "major"),
        "timesignature": "4",
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "task_type": task or "text2music",
    }
    before = request.before.shape[1]
    if task:
        words["src_audio"] = model.padded(model.source(request), length_s)
        if before:  # one timbre from section to section
            words["reference_audio"] = model.padded(request.before, before / model.sample_rate)
    elif before:
        words["task_type"] = "repaint"
        words["src_audio"] = model.padded(request.before, length_s)
        words["repainting_start"] = before / model.sample_rate
    if task == "lego":
        words["track_name"] = TRACKS[request.stem]
    return words


def _whole_frames_s(length_s: float, frames_per_s: float) -> float:
    """Return the next length that the pipeline, which rounds up twice, counts as so many frames."""
    count = math.ceil(length_s * frames_per_s)
    while math.ceil(count / frames_per_s * frames_per_s) != count:  # 110 / 25 * 25 is above 110
        count += 1
    return count / frames_per_s


def _stable_audio_3(request: Request, model: Checkpoint) -> Words:
    """Ask for a sound, or for one whose beginning is given."""
    words: Words = {"prompt": request.prompt, "duration": model.length_s(request)}
    if request.before.shape[1]:
        words["audio"] = model.padded(request.before, words["duration"])[None]
        words["mask_start_seconds"] = request.before.shape[1] / model.sample_rate
        words["mask_end_seconds"] = words["duration"] + 1.0
    return words


def _stable_audio_open(request: Request, model: Checkpoint) -> Words:
    steps, guidance = STABLE_AUDIO_OPEN
    return {
        "prompt": request.prompt,
        "negative_prompt": prompts.NEGATIVE,
        "audio_end_in_s": model.length_s(request),
        "num_inference_steps": steps,
        "guidance_scale": guidance,
    }


def _stable_audio_open_longest_s(plays: Any) -> float:
    frames = int(plays.transformer.config.sample_size)
    return frames * int(plays.vae.hop_length) / int(plays.vae.config.sampling_rate) - SPARE_S


def _common(request: Request, model: Checkpoint) -> Words:
    """Say the length in the pipeline's own word for it, and what is not wanted where it listens."""
    known = inspect.signature(model.plays.__call__).parameters
    words: Words = {"prompt": request.prompt}
    words |= {word: model.length_s(request) for word in LENGTHS if word in known}
    if "negative_prompt" in known:
        words["negative_prompt"] = prompts.NEGATIVE
    return words


_ACE_STEP: Final = Kind(
    "AceStepPipeline",
    _ace_step,
    longest_s=lambda _plays: 240.0,
    memory_s=10.0,
    repeats=True,
    half="bfloat16",
)

KINDS: Final = (
    _ACE_STEP,
    *(
        replace(
            _ACE_STEP,
            task=task,
            words=partial(_ace_step, task=task),
            repeats=False,
            follows="song",
        )
        for task in ("cover", "lego")
    ),
    Kind(
        "StableAudio3Pipeline",
        _stable_audio_3,
        longest_s=lambda plays: float(plays.duration_embedder.config.max_val) - SPARE_S,
        memory_s=10.0,
        repeats=True,
        goes_on_by="StableAudio3InpaintPipeline",
    ),
    Kind("StableAudioPipeline", _stable_audio_open, _stable_audio_open_longest_s),
)
"""The models that are called in words of their own."""

OTHERS: Final = Kind("", _common, longest_s=lambda _plays: 10.0)
"""Any other; most of the library's small ones have learned ten seconds."""


class Diffusion(ModelPlayer):
    """Plays a stem or a whole song with any text-to-audio pipeline of diffusers, by its folder."""

    description = Description(
        "any text-to-audio pipeline of diffusers plays a stem or the whole song: "
        "--player all=diffusion:FOLDER",
        licence="that of the checkpoint",
        commercial=None,
        requires=("torch", "transformers", "diffusers"),
        extra="diffusion",
        weights="a folder of yours",
        reads="words",
    )
    family = "diffusion"
    default = ""
    marker = MARKER
    pipelines: tuple[str, ...] = ()
    """The library's classes that it plays; empty for any."""

    def __init__(self, argument: str = "") -> None:
        task, _, rest = argument.partition(":")
        tasks = {kind.task for kind in KINDS if kind.task and kind.pipeline in self.pipelines}
        self._task, argument = (task, rest) if task in tasks else ("", argument)
        if self._task == "lego":
            self.default = "ace-step-1.5-base"
        super().__init__(argument)

    def _folder(self) -> Path:
        if not self._argument and not self.default:
            raise BackendError(
                f"{self.family} plays what you have: --player all={self.family}:FOLDER"
            )
        folder = super()._folder()
        found = pipeline_name(folder)
        if self.pipelines and found not in self.pipelines:
            raise BackendError(
                f"{str(folder)!r} holds {found or 'no pipeline'}, and {self.family} plays "
                f"{' or '.join(self.pipelines)}"
            )
        return folder

    @property
    def _label(self) -> str:
        label = super()._label
        return f"{self._task}:{label}" if self._task else label

    def cast(self, part: Part) -> Part:
        """Write into a part which checkpoint plays it and how, without a path."""
        if self._task == "lego" and part.stem == WHOLE_SONG:
            raise BackendError(
                "lego adds one stem to the others: --player pads=ace-step:lego, for example"
            )
        if "+" in part.patch and not (self._task or self._argument):
            task, given, _ = part.patch.partition(":")
            how = f"{self.family}:{task if given else ''}{given}FOLDER"
            place = "all" if part.stem == WHOLE_SONG else part.name
            raise BackendError(
                f"{part.name} was played by the model {part.patch.partition('+')[2]!r}; give its "
                f"folder: --player {place}={how}"
            )
        # Who is asked for by name plays, whatever played before.
        done = super().cast(replace(part, patch="") if self._task else part)
        task, given, _ = done.patch.partition(":")
        if given:
            plain, _, argument = done.player.partition(":")
            done = replace(done, player=f"{plain}:{task}:{argument}")
        return done

    def load(self, folder: Path, name: str) -> Model:
        """Return the checkpoint of a folder; the last one is kept in memory."""
        kind = next(
            (
                kind
                for kind in KINDS
                if kind.pipeline == pipeline_name(folder) and kind.task == self._task
            ),
            OTHERS,
        )
        return Checkpoint(pipeline(folder, name, kind.half), name, kind)

    def source(self, part: Part, score: Score, model: Model) -> Signal:
        """Render the part for a cover; for lego the others, which it is added to."""
        others = tuple(row for row in score.written if row.stem != part.stem)
        if self._task == "lego" and others:
            part = replace(part, instead=others)
        return sketch.render(part, score, model.follows)


class AceStep(Diffusion):
    """Plays with ACE-Step 1.5: from words, or over our own render."""

    description = replace(
        Diffusion.description,
        summary="ACE-Step plays a stem or the whole song: --player all=ace-step; "
        "all=ace-step:cover keeps our form, key and tunes, pads=ace-step:lego adds a stem to "
        "our others",
        licence="MIT",
        commercial=True,
        weights="ace-step-1.5",
    )
    family = "ace-step"
    default = "ace-step-1.5"
    pipelines = ("AceStepPipeline",)


class StableAudio(Diffusion):
    """Plays with Stable Audio 3 or Stable Audio Open."""

    description = replace(
        Diffusion.description,
        summary="Stable Audio plays a stem or the whole song: --player all=stable-audio "
        "(3-medium, open, or a folder after a colon)",
        licence="Stability AI Community License",
        commercial=True,
        weights="stable-audio-3-medium",
    )
    family = "stable-audio"
    default = "stable-audio-3-medium"
    pipelines = ("StableAudio3Pipeline", "StableAudioPipeline")
