"""MusicGen as a player: ``--player all=musicgen``, ``--player pads=musicgen:stereo-small``.

A folder may also hold an adapter that was tuned on one's own music (``halation train musicgen``):
it is laid over its base when that is loaded, and plays as fast.

Copet et al., "Simple and Controllable Music Generation", NeurIPS 2023.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation.backends import Description
from halation.stems.neural import devices
from halation.stems.neural.performance import Request
from halation.stems.neural.player import ModelPlayer
from halation.types import SAMPLE_RATE, BackendError
from halation.weights import catalogue

__all__ = ["CHROMA_HOP", "LONGEST_S", "Checkpoint", "MusicGen", "chroma", "find", "read"]

Signal = NDArray[np.float32]

LONGEST_S: Final = 30.0
"""What it was trained on."""
MEMORY_S: Final = 8.0
"""How much of what has sounded it goes on from: the longer, the more it stays with it, and the
less each answer adds."""
GUIDANCE: Final = 3.0
CHROMA_SIZE: Final = 16_384
CHROMA_HOP: Final = 4_096
ADAPTER: Final = "adapter_config.json"
"""What an adapter says of itself, its base's name with it."""
ADAPTER_WEIGHTS: Final = "adapter_model.safetensors"


class MusicGen(ModelPlayer):
    """Plays a stem or a whole song with a MusicGen checkpoint; the melody ones keep our tune."""

    description = Description(
        "MusicGen plays a stem or the whole song: --player all=musicgen (small, medium, large, "
        "melody, stereo-…, or a folder after a colon)",
        licence="CC-BY-NC-4.0",
        commercial=False,
        requires=("torch", "transformers"),
        extra="musicgen",
        weights="musicgen-small",
        reads="words",
    )
    family = "musicgen"
    default = "musicgen-small"
    other_marker = ADAPTER_WEIGHTS

    def load(self, folder: Path, name: str) -> Checkpoint:
        """Return the checkpoint of a folder; the last one is kept in memory."""
        return _loaded(folder, name)


@devices.held
def _loaded(folder: Path, name: str) -> Checkpoint:
    with devices.fitting(name), devices.quiet("transformers"):
        return Checkpoint(name, *read(folder, devices.precision()))


def find(argument: str) -> tuple[Path, str]:
    """Return the folder of a MusicGen, and its name as far as halation knows one.

    Parameters
    ----------
    argument : str
        A name, or a folder.

    Raises
    ------
    BackendError
        If it is not here.
    """
    player = MusicGen(argument)
    return player._folder(), player._named(argument) or ""


def read(folder: Path, precision: Any) -> tuple[Any, Any]:
    """Return model and tokenizer of a folder, onto this machine's device.

    Parameters
    ----------
    folder : Path
        As ``save_pretrained`` wrote it: a checkpoint, or an adapter, which is merged into its base.
    precision : torch.dtype

    Raises
    ------
    BackendError
        If it holds no MusicGen, or an adapter whose base is not here.
    """
    if not (folder / ADAPTER).is_file():
        return _read(folder, precision)
    model, tokenizer = read(_base(folder), precision)
    try:
        import peft
    except ImportError as error:
        raise BackendError('a tuned MusicGen needs peft: pip install "halation[train]"') from error
    if not (folder / ADAPTER_WEIGHTS).is_file():  # or it would be looked for on the hub
        raise BackendError(f"{str(folder)!r} is no whole adapter: there is no {ADAPTER_WEIGHTS}")
    try:
        tuned: Any = peft.PeftModel.from_pretrained(model, str(folder))
        return tuned.merge_and_unload(), tokenizer
    except Exception as error:  # a damaged file fails in any way
        if "memory" in str(error):
            raise
        reason = " ".join(str(error).split())[:160]
        raise BackendError(f"the adapter in {str(folder)!r} does not load: {reason}") from error


def _base(folder: Path) -> Path:
    """Return where the base of an adapter lies."""
    try:
        name = str(json.loads((folder / ADAPTER).read_text("utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendError(f"{str(folder / ADAPTER)!r} is damaged: it names no base") from error
    row = catalogue.of(name)
    if row is not None:
        return catalogue.find(row.name)
    place = Path(name).expanduser()
    if place.is_dir():
        return place
    raise BackendError(
        f"{folder.name} was tuned on {name!r}, which is not here: bring it back, or write where it "
        f"is now into {ADAPTER}"
    )


def _read(folder: Path, precision: Any) -> tuple[Any, Any]:
    import torch
    import transformers

    kinds: dict[str, Any] = {
        "musicgen": transformers.MusicgenForConditionalGeneration,
        "musicgen_melody": transformers.MusicgenMelodyForConditionalGeneration,
    }
    try:
        kind = transformers.AutoConfig.from_pretrained(folder, local_files_only=True).model_type
        if kind not in kinds:
            raise BackendError(f"{str(folder)!r} is no MusicGen but a model of type {kind!r}")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        # By torch's own loader only where there are no safetensors, and then weights alone.
        model = kinds[kind].from_pretrained(
            folder, local_files_only=True, dtype=precision, weights_only=True
        )
        return model.to(devices.device()), tokenizer
    except (BackendError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a damaged file fails in any way
        if "memory" in str(error):
            raise
        reason = " ".join(str(error).split())[:160]
        raise BackendError(f"{str(folder)!r} holds no MusicGen that loads: {reason}") from error


class Checkpoint:
    """A MusicGen in memory.

    Parameters
    ----------
    name : str
        What it is called in messages.
    model
        A ``MusicgenForConditionalGeneration`` or ``MusicgenMelodyForConditionalGeneration``.
    tokenizer
        That of its text encoder.
    """

    longest_s = LONGEST_S
    memory_s = MEMORY_S

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        self.name = name
        self._model, self._tokenizer = model.eval(), tokenizer
        config = model.config
        self._melody = config.model_type == "musicgen_melody"
        self._channels = int(config.decoder.audio_channels)
        self._codebooks = int(config.decoder.num_codebooks)
        self.sample_rate = int(config.audio_encoder.sampling_rate)
        self._hop = int(config.audio_encoder.hop_length)  # samples a frame

    @property
    def model(self) -> Any:
        """The model of transformers."""
        return self._model

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of its text encoder."""
        return self._tokenizer

    @property
    def channels(self) -> int:
        """1, or 2 where left and right have codebooks of their own."""
        return self._channels

    @property
    def follows(self) -> Literal["", "tune", "song"]:
        """The melody checkpoints follow a tune."""
        return "tune" if self._melody else ""

    def play(self, request: Request) -> Signal:
        """Go on from what came before, and answer from the overlap's beginning.

        Returns
        -------
        np.ndarray [shape=(1 or 2, n)], float32
        """
        n_before = request.before.shape[1] // self._hop  # frames that it goes on from
        repeated = min(round(request.overlap_s * self.sample_rate), n_before * self._hop)
        n_new = -(-(request.n_samples(self.sample_rate) - repeated) // self._hop)
        n_tokens = n_new + self._codebooks // self._channels  # codebooks come one after another
        with (
            devices.fitting(self.name),
            devices.seeded(request.seed),
            devices.quiet("transformers"),
        ):
            words = self._tokenizer([request.prompt], return_tensors="pt", truncation=True)
            inputs: dict[str, Any] = {
                name: words[name].to(self._model.device) for name in ("input_ids", "attention_mask")
            }
            if n_before:
                before = request.before[:, request.before.shape[1] - n_before * self._hop :]
                inputs["decoder_input_ids"] = self.codes(before)
            if self._melody and request.source is not None:
                inputs["input_features"] = self._tune(request.source, n_before, request.overlap_s)
            answer = self._model.generate(
                **inputs,
                max_new_tokens=n_tokens,
                do_sample=True,
                guidance_scale=GUIDANCE,
                stopping_criteria=[_Watching(request, n_tokens)],
            )
        x: Signal = answer[0].float().cpu().numpy()
        return x[:, n_before * self._hop - repeated :]

    def codes(self, sound: Signal) -> Any:
        """Encode a sound at its rate, shape (1 or 2, n), to a tensor (codebooks, frames)."""
        import torch

        x = torch.from_numpy(sound).to(self._model.device, self._model.dtype)
        sides = (x.mean(0, keepdim=True),) if self._channels == 1 else (x[:1], x[-1:])
        codes = [self._model.audio_encoder.encode(side[None]).audio_codes[0, 0] for side in sides]
        return codes[0] if len(codes) == 1 else torch.stack(codes, 1).flatten(0, 1)

    def _tune(self, source: Signal, n_before: int, overlap_s: float) -> Any:
        """Return the tune's chroma, shape (1, frames, 12), with silence where it is past."""
        import torch
        from pedalboard.io import StreamResampler

        past_s = max(0.0, n_before * self._hop / self.sample_rate - overlap_s)
        mono = np.pad(
            source.mean(axis=0, keepdims=True), ((0, 0), (round(past_s * SAMPLE_RATE), 0))
        )
        if self.sample_rate != SAMPLE_RATE:
            resampler = StreamResampler(float(SAMPLE_RATE), float(self.sample_rate), 1)
            mono = np.concatenate([resampler.process(mono), resampler.process(None)], axis=1)
        tune = torch.from_numpy(chroma(mono[0], self.sample_rate))[None]
        return tune.to(self._model.device, self._model.dtype)


def chroma(x: Signal, sample_rate: int) -> NDArray[np.float32]:
    """Return the loudest pitch class of each frame, as the melody checkpoints are told it.

    Parameters
    ----------
    x : np.ndarray [shape=(n,)], float32
    sample_rate : int > 0 [Hz]

    Returns
    -------
    np.ndarray [shape=(frames, 12)], float32
        One 1 a frame, C first; a frame lasts :data:`CHROMA_HOP` samples.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 440.0 * np.arange(65_536) / 32_000).astype(np.float32)
    >>> int(chroma(tone, 32_000)[8].argmax())  # an A
    9
    """
    padded = np.pad(x, CHROMA_SIZE // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, CHROMA_SIZE)[::CHROMA_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(CHROMA_SIZE), axis=1)) ** 2
    bins = np.fft.rfftfreq(CHROMA_SIZE, 1.0 / sample_rate)
    semitones = 12.0 * np.log2(np.maximum(bins, 1.0) / 440.0) + 9.0
    away = (semitones[None] - np.arange(12)[:, None] + 6.0) % 12.0 - 6.0
    # A bell a semitone wide around each pitch class, and one over the octaves around 300 Hz.
    octave = np.log2(np.maximum(bins, 1.0) / 300.0)
    filters = np.exp(-0.5 * (2.0 * away) ** 2) * np.exp(-0.5 * (octave / 2.0) ** 2)
    filters[:, bins < 30.0] = 0.0
    filters /= np.linalg.norm(filters, axis=1, keepdims=True)
    found = (power @ filters.T).argmax(axis=1)
    loudest: Signal = np.eye(12, dtype=np.float32)[found]
    return loudest


class _Watching:
    """Called with every token: tells how far it is, and ends it when nobody waits."""

    def __init__(self, request: Request, n_tokens: int) -> None:
        self._request, self._n_tokens, self._done = request, n_tokens, 0

    def __call__(self, input_ids: Any, _scores: Any, **_more: Any) -> Any:
        import torch

        self._done += 1
        self._request.step(min(1.0, self._done / self._n_tokens))
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
