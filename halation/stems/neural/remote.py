"""A model that runs elsewhere as a player: ``--player all=hf --endpoint URL``.

The URL is that of the user's own Hugging Face inference endpoint, of anything that speaks as one
does, or of a Space with Gradio's API. What the prompts say leaves this machine, and this is told.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from halation import backends
from halation.backends import Description
from halation.stems.neural.endpoint import Endpoint
from halation.stems.neural.performance import Request, perform
from halation.stems.neural.space import connect
from halation.types import SAMPLE_RATE, Audio, BackendError, Part, Score, Stems

__all__ = ["Remote", "decoded"]

Signal = NDArray[np.float32]

LONGEST_S: Final = 30.0
"""What is asked for at most at once; what the endpoint gives at most is found out."""
USUAL_RATE_HZ: Final = 32_000
"""Of MusicGen, whose own handler does not say it."""
RATES_HZ: Final = (4_000, 192_000)
SILENT: Final = 1e-5


class Remote:
    """Plays a stem or a whole song with a model on an endpoint or Space of the user's own.

    Parameters
    ----------
    argument : str
        Its URL; empty for what ``HALATION_ENDPOINT`` holds.

    Raises
    ------
    BackendError
        If there is no URL, or it cannot be used.
    """

    description = Description(
        "a model on your own Hugging Face endpoint or Space plays a stem or the whole song, your "
        "words leave this machine: --player all=hf --endpoint URL",
        licence="the endpoint's model's",
        commercial=None,
        requires=("huggingface_hub", "httpx2"),
        extra="hub",
        reads="words",
    )

    def __init__(self, argument: str = "") -> None:
        self._url = argument or os.environ.get("HALATION_ENDPOINT", "")
        if not self._url:
            raise BackendError(
                "the player 'hf' needs the URL of your endpoint, which no song's file holds: "
                "--player all=hf --endpoint URL"
            )
        self._endpoint = connect(self._url)

    def warn(self) -> None:
        """Tell that words leave the machine, and to whom."""
        warnings.warn(
            f"the words of the prompts, your text among them, leave this machine for "
            f"{self._endpoint.host}",
            stacklevel=2,
        )

    def cast(self, part: Part) -> Part:
        """Write into a part that an endpoint plays it, and not which."""
        plain = part.player.partition(":")[0]
        return replace(part, player=f"{plain}:{self._url}", patch="endpoint")

    def __call__(self, part: Part, score: Score, heard: Stems, seed: int) -> Iterator[Audio]:
        """Play a part; see :func:`halation.stems.neural.performance.perform`."""
        model = _Far(self._endpoint)
        try:
            yield from perform(model, part, score, seed)
        except _Shorter:  # it comes before any sound does
            yield from perform(model, part, score, seed)
        if not self._endpoint.seeded:
            backends.watch().say(
                f"{self._endpoint.host} takes no seed: it will not play the same again"
            )


class _Shorter(Exception):
    """The endpoint's first answer shows that it plays less at once; nobody sees this."""


class _Far:
    """A model that :func:`perform` can play with, on an endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._kept: tuple[str, int, Signal] | None = None
        self._known = False
        self.name = endpoint.host
        self.sample_rate = SAMPLE_RATE  # answers are resampled: their own rate is known too late
        self.longest_s = LONGEST_S
        self.memory_s = 0.0

    @property
    def follows(self) -> Literal["", "tune", "song"]:
        """Nothing: an endpoint takes words alone."""
        return ""

    def play(self, request: Request) -> Signal:
        """Answer; the first time with as much as the endpoint can give.

        Returns
        -------
        np.ndarray [shape=(1 or 2, n)], float32
            At 44.1 kHz.
        """
        need = request.n_samples(SAMPLE_RATE)
        if self._kept is not None and self._kept[:2] == (request.prompt, request.seed):
            x = self._kept[2]
        else:
            request.step(0.0)
            wish_s = need / SAMPLE_RATE if self._known else LONGEST_S
            answer = self._endpoint.ask(request.prompt, wish_s, request.seed)
            x = decoded(*answer, host=self.name)
            request.step(1.0)
        gives_s = x.shape[1] / SAMPLE_RATE
        if not self._known:
            self._known = True
            if gives_s < LONGEST_S:
                self.longest_s = gives_s
                self._kept = request.prompt, request.seed, x
                raise _Shorter
        if x.shape[1] < need:
            raise BackendError(
                f"{self.name} answered with {gives_s:.1f} s of sound where "
                f"{need / SAMPLE_RATE:.1f} s were asked for: choose a model that plays longer"
            )
        return x


def decoded(kind: str, body: bytes, *, host: str) -> Signal:
    """Read an endpoint's answer: a sound file, or MusicGen's list of numbers.

    Parameters
    ----------
    kind : str
        Its media type.
    body : bytes
    host : str
        Who answered, for messages.

    Returns
    -------
    np.ndarray [shape=(1 or 2, n)], float32
        At 44.1 kHz, |x| <= 1.

    Raises
    ------
    BackendError
        If it is no sound, or a silent one.
    """
    try:
        x, rate = _numbers(body) if _is_json(kind, body) else _file(body)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        said = kind.partition(";")[0].strip()[:40] or "nothing"
        raise BackendError(
            f"{host} answered with what is no sound (it calls it {said}): is it a text-to-audio "
            "model?"
        ) from error
    if not x.size or not np.isfinite(x).all() or float(np.abs(x).max()) < SILENT:
        what = "silence" if x.size and np.isfinite(x).all() else "an empty or broken sound"
        raise BackendError(f"{host} answered with {what}: try again, or another model")
    x = x[:2] / np.float32(max(1.0, float(np.abs(x).max())))
    if rate != SAMPLE_RATE:
        from scipy.signal import resample_poly

        common = int(np.gcd(rate, SAMPLE_RATE))
        x = resample_poly(x, SAMPLE_RATE // common, rate // common, axis=1)
    return np.ascontiguousarray(x, np.float32)


def _is_json(kind: str, body: bytes) -> bool:
    return "json" in kind or body[:64].lstrip()[:1] in (b"[", b"{")


def _file(body: bytes) -> tuple[Signal, int]:
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(body)) as file:
            return file.read(dtype="float32", always_2d=True).T, _rate(file.samplerate)
    except soundfile.LibsndfileError as error:
        raise ValueError(str(error)) from error


def _numbers(body: bytes) -> tuple[Signal, int]:
    found: Any = json.loads(body)
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise ValueError("neither sound nor numbers")
    sound = found["generated_audio"] if "generated_audio" in found else found["audio"]
    if isinstance(sound, str):
        try:
            return _file(base64.b64decode(sound, validate=True))
        except binascii.Error as error:
            raise ValueError("no base64") from error
    x = np.asarray(sound, np.float32)
    while x.ndim > 2 and x.shape[0] == 1:
        x = x[0]
    if x.ndim not in (1, 2):
        raise ValueError(f"of shape {x.shape}")
    x = np.atleast_2d(x)
    if x.shape[0] > x.shape[1]:
        x = x.T
    return x, _rate(found.get("sampling_rate", found.get("sample_rate", USUAL_RATE_HZ)))


def _rate(value: Any) -> int:
    rate = int(value)
    if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
        raise ValueError(f"a sample rate of {rate}")
    return rate
